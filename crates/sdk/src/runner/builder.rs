//! The settings of a runner.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use boxwood_proto::workflows::v1::TaskServiceClient;
use tokio::sync::watch;

use super::execute::{self, Run};
use super::lease::LeaseKeeper;
use super::{Runner, Shop};
use crate::cache::{Backend, Cache};
use crate::{Client, Error, Execute, TaskIdentifier};

/// How long tasks may go on after a shutdown unless told otherwise.
const GRACE_DEFAULT: Duration = Duration::from_secs(2);

/// Settings of a [`Runner`]; made by [`Runner::builder`].
#[must_use = "the runner is made by `build`"]
pub struct RunnerBuilder {
    client: Client,
    tasks: Vec<(TaskIdentifier, Run)>,
    cluster: String,
    concurrency: usize,
    cache: Backend,
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
            grace: GRACE_DEFAULT,
            signals: true,
        }
    }

    /// Adds a kind of task that is executed.
    pub fn task<T: Execute>(mut self) -> Self {
        self.tasks.push((T::identifier(), execute::run::<T>));
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
    /// renewed all the same.
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

    /// How long tasks that are being executed may go on after a shutdown; 2 seconds unless set.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Whether SIGINT and SIGTERM (Ctrl-C on Windows) shut the runner down while it runs, and a second one ends the process;
    /// true unless set. Once a runner has listened, these signals no longer end the process by themselves, also after it
    /// has returned.
    pub fn signals(mut self, listen: bool) -> Self {
        self.signals = listen;
        self
    }

    /// Makes the runner: checks its settings and resolves its cluster. It executes nothing yet.
    ///
    /// # Errors
    /// [`Error::Setting`] without tasks, with two tasks of the same identifier (T-53), or with a concurrency of 0;
    /// [`Code::NotFound`](crate::Code::NotFound) if the cluster is unknown.
    pub async fn build(self) -> Result<Runner, Error> {
        if self.concurrency == 0 {
            return Err(Error::setting("concurrency", "is 0; at least one task must be executed at a time"));
        }
        if self.tasks.is_empty() {
            return Err(Error::setting("tasks", "there are none; add what is to be executed with `.task::<T>()`"));
        }
        let mut tasks: HashMap<TaskIdentifier, Run> = HashMap::new();
        let mut identifiers = Vec::new();
        for (identifier, run) in self.tasks {
            identifiers.push(identifier.to_wire());
            if tasks.insert(identifier.clone(), run).is_some() {
                let problem = format!("two have the identifier {identifier}; give one of them another name or version");
                return Err(Error::setting("tasks", problem));
            }
        }
        let cluster = self.client.clusters().find(self.cluster).await?.slug;
        let endpoint = self.client.endpoint();
        let (transport, config) = endpoint.connect();
        Ok(Runner {
            shop: Arc::new(Shop {
                service: TaskServiceClient::new(transport, config),
                url: endpoint.url().to_owned(),
                cluster,
                tasks,
                identifiers,
                cache: self.cache,
                leases: LeaseKeeper::start(endpoint)?,
                grace: self.grace,
                retry_for: endpoint.retry_for(),
            }),
            concurrency: self.concurrency,
            signals: self.signals,
            shutdown: watch::Sender::new(false),
        })
    }
}

impl std::fmt::Debug for RunnerBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let tasks: Vec<String> = self.tasks.iter().map(|(identifier, _)| identifier.to_string()).collect();
        f.debug_struct("RunnerBuilder")
            .field("tasks", &tasks)
            .field("cluster", &self.cluster)
            .field("concurrency", &self.concurrency)
            .finish_non_exhaustive()
    }
}
