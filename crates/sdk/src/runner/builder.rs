//! The settings of a runner.

use std::any::{Any, type_name};
use std::sync::Arc;
use std::time::Duration;

use boxwood_proto::workflows::v1::TaskServiceClient;
use tokio_util::sync::CancellationToken;

use super::execute::{self, Run};
use super::lease::LeaseKeeper;
use super::{Runner, Shop, Tasks};
use crate::cache::{Backend, Cache};
use crate::state::{self, State};
use crate::{Client, Error, Execute, StateType, TaskIdentifier};

/// How long tasks may go on after a shutdown unless told otherwise.
const GRACE_DEFAULT: Duration = Duration::from_secs(2);

/// How many slots share a connection. A connection is a lock for all its calls; beyond about eight in flight, another one
/// is worth more than it costs.
const SLOTS_PER_CONNECTION: usize = 8;

/// Settings of a [`Runner`]; made by [`Runner::builder`].
///
/// | option | meaning | unless set |
/// | --- | --- | --- |
/// | [`task::<T>()`](Self::task) | a kind of task that is executed (R-3) | none, which [`build`](Self::build) refuses |
/// | [`cluster(slug)`](Self::cluster) | whose tasks are executed (R-2) | the default cluster |
/// | [`concurrency(n)`](Self::concurrency) | how many tasks are executed at once | 1 |
/// | [`cache(cache)`](Self::cache) | what [`job_cache`](crate::ExecutionContext::job_cache) stores in (K-1) | none; using it is an error |
/// | [`state(value)`](Self::state) | a value that all tasks see (R-74) | none |
/// | [`grace(duration)`](Self::grace) | how long tasks may go on after a shutdown (R-68) | 2 seconds |
/// | [`signals(listen)`](Self::signals) | whether SIGINT and SIGTERM shut the runner down (R-68) | they do |
#[must_use = "the runner is made by `build`"]
pub struct RunnerBuilder {
    client: Client,
    tasks: Vec<Registered>,
    cluster: String,
    concurrency: usize,
    cache: Backend,
    state: State,
    /// A type of which two values were given.
    state_twice: Option<&'static str>,
    grace: Duration,
    signals: bool,
}

impl RunnerBuilder {
    pub(super) fn new(client: &Client) -> Self {
        Self {
            client: client.clone(),
            tasks: Vec::new(),
            cluster: String::new(),
            concurrency: 1,
            cache: Backend::default(),
            state: State::default(),
            state_twice: None,
            grace: GRACE_DEFAULT,
            signals: true,
        }
    }

    /// Adds a kind of task that is executed.
    pub fn task<T: Execute>(mut self) -> Self {
        self.tasks.push(Registered::new::<T>());
        self
    }

    /// Executes tasks of this cluster; of the default cluster unless set.
    pub fn cluster(mut self, slug: impl Into<String>) -> Self {
        self.cluster = slug.into();
        self
    }

    /// How many tasks are executed at once; 1 unless set.
    ///
    /// Tasks run on the tokio runtime that the runner runs on. Code that computes for long between two awaits keeps a thread
    /// of it busy: give the runtime that many threads, or move such code to `tokio::task::spawn_blocking`. Leases are
    /// extended all the same. Each eight tasks share a connection to the server.
    pub fn concurrency(mut self, tasks: usize) -> Self {
        self.concurrency = tasks;
        self
    }

    /// The cache that tasks share; without one, using it is an error (K-1). Runners that share a job must be given one
    /// that all of them can reach (K-17).
    pub fn cache(mut self, cache: impl Cache) -> Self {
        self.cache = Backend::new(cache);
        self
    }

    /// A value that the tasks of this runner share, found by its type with
    /// [`ExecutionContext::state`](crate::ExecutionContext::state): a pool of connections, a model, settings. Can be
    /// called for any number of types, once for each; give two values of one type names by wrapping them in types of your
    /// own. It is dropped with the runner and the last task that uses it.
    pub fn state<T: Any + Send + Sync>(mut self, value: T) -> Self {
        if !self.state.add(value) {
            self.state_twice.get_or_insert(type_name::<T>());
        }
        self
    }

    /// How long tasks that are being executed may go on after a shutdown; 2 seconds unless set. Reports may then be
    /// tried for 3 seconds more, if the server cannot be reached.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Whether SIGINT and SIGTERM (Ctrl-C on Windows) shut the runner down while it runs; true unless set.
    ///
    /// The first signal ends all runs of the process that listen, gracefully. A signal while none runs, or while those that
    /// run are ending already, ends the process at once with status 128 plus the number of the signal. That stays so once a
    /// runner has listened: a program with plans of its own for these signals says `false` here and uses a
    /// [`ShutdownHandle`](crate::ShutdownHandle).
    pub fn signals(mut self, listen: bool) -> Self {
        self.signals = listen;
        self
    }

    /// Makes the runner: checks its settings and resolves its cluster. It executes nothing yet, and makes the
    /// connections for its tasks when they are needed.
    ///
    /// # Errors
    /// [`Error::Setting`] without tasks, with two tasks of the same identifier (T-53), with a concurrency of 0, with two
    /// values of state of one type, or without one that a task [requires](Execute::required_state);
    /// [`Code::NotFound`](crate::Code::NotFound) if the cluster is unknown.
    pub async fn build(self) -> Result<Runner, Error> {
        if self.concurrency == 0 {
            return Err(Error::setting("concurrency", "is 0; at least one task must be executed at a time"));
        }
        if let Some(name) = self.state_twice {
            return Err(state::twice(name));
        }
        let identifiers = self.tasks.iter().map(|task| task.identifier.to_wire()).collect();
        let tasks = registered(self.tasks, &self.state)?;
        let cluster = self.client.clusters().find(self.cluster).await?.slug;
        let endpoint = self.client.endpoint();
        let services = (0..self.concurrency.div_ceil(SLOTS_PER_CONNECTION)).map(|_| {
            let (transport, config) = endpoint.connect();
            TaskServiceClient::new(transport, config)
        });
        Ok(Runner {
            shop: Arc::new(Shop {
                services: services.collect(),
                url: endpoint.url().to_owned(),
                cluster: cluster.into(),
                tasks,
                identifiers,
                cache: self.cache,
                state: Arc::new(self.state),
                leases: LeaseKeeper::start(endpoint)?,
                grace: self.grace,
                retry_for: endpoint.retry_for(),
            }),
            concurrency: self.concurrency,
            signals: self.signals,
            shutdown: CancellationToken::new(),
        })
    }
}

/// A kind of task that a runner executes.
#[derive(Clone)]
pub(crate) struct Registered {
    pub(crate) identifier: TaskIdentifier,
    run: Run,
    required_state: Vec<StateType>,
}

impl Registered {
    pub(crate) fn new<T: Execute>() -> Self {
        Self { identifier: T::identifier(), run: execute::run::<T>, required_state: T::required_state() }
    }
}

/// What a runner with this state executes, by identifier.
///
/// # Errors
/// [`Error::Setting`] without tasks, with two tasks of the same identifier (T-53), or without a state that one requires
///
pub(crate) fn registered(all: Vec<Registered>, state: &State) -> Result<Tasks, Error> {
    if all.is_empty() {
        return Err(Error::setting("tasks", "there are none; add what is to be executed with `.task::<T>()`"));
    }
    let mut tasks = Tasks::new();
    for Registered { identifier, run, required_state } in all {
        if let Some(lacks) = required_state.into_iter().find(|wanted| !state.has(*wanted)) {
            return Err(state::missing(lacks, &format!("task {identifier} requires one")));
        }
        let identifier = Arc::new(identifier);
        if tasks.insert(Arc::clone(&identifier), run).is_some() {
            let problem = format!("two have the identifier {identifier}; give one of them another name or version");
            return Err(Error::setting("tasks", problem));
        }
    }
    Ok(tasks)
}

impl std::fmt::Debug for RunnerBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let tasks: Vec<String> = self.tasks.iter().map(|task| task.identifier.to_string()).collect();
        f.debug_struct("RunnerBuilder")
            .field("tasks", &tasks)
            .field("cluster", &self.cluster)
            .field("concurrency", &self.concurrency)
            .finish_non_exhaustive()
    }
}
