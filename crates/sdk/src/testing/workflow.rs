//! What is under test: tasks, runners, faults, and the job.

use std::any::{Any, type_name};
use std::fmt;

use super::fault::{Fault, Faults, Planned};
use super::run::Run;
use super::runner::VirtualRunner;
use super::server::Server;
use super::{convert, run};
use crate::cache::{Backend, Cache};
use crate::runner::Registered;
use crate::state::{self, State};
use crate::submission::Entry;
use crate::task::{Submission, Submit, Task};
use crate::{Error, Execute, InMemoryCache};

/// How many executions a run may have unless told otherwise.
const EXECUTIONS_MAX: usize = 10_000;

/// A workflow under test: its tasks, and the world in which they are executed.
///
/// It can be run any number of times; runs share nothing but what task code itself shares, and a cache that was set
/// with [`cache`](Workflow::cache).
#[derive(Clone)]
#[must_use = "nothing is executed until `run`"]
pub struct Workflow {
    seed: u64,
    tasks: Vec<Registered>,
    runners: Vec<VirtualRunner>,
    clusters: Vec<String>,
    cache: Option<Backend>,
    state: State,
    /// A type of which two values were given.
    state_twice: Option<&'static str>,
    faults: Vec<Planned>,
    executions_max: usize,
}

impl Workflow {
    /// A workflow without tasks, in a world with one runner, one cluster, and a cache in memory.
    pub fn new() -> Self {
        Self {
            seed: 0,
            tasks: Vec::new(),
            runners: Vec::new(),
            clusters: Vec::new(),
            cache: None,
            state: State::default(),
            state_twice: None,
            faults: Vec::new(),
            executions_max: EXECUTIONS_MAX,
        }
    }

    /// Decides what chance decides otherwise: which runner does the next thing, how long things take, all ids; 0 unless
    /// set. Task code that does the same each time is executed in the same order for the same seed, as long as the
    /// version of this crate is the same.
    ///
    /// With one runner the order of executions is that of the rules for every seed.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Adds a kind of task that the runners execute.
    pub fn task<T: Execute>(mut self) -> Self {
        self.tasks.push(Registered::new::<T>());
        self
    }

    /// Adds so many runners on the default cluster that execute all tasks. Without any runner there is one like this.
    pub fn runners(mut self, count: usize) -> Self {
        self.runners.extend(vec![VirtualRunner::new(); count]);
        self
    }

    /// Adds a runner.
    pub fn runner(mut self, runner: VirtualRunner) -> Self {
        self.runners.push(runner);
        self
    }

    /// Adds a cluster that sub-tasks can be sent to (T-79). The default one, and those of runners, exist anyway.
    pub fn cluster(mut self, slug: impl Into<String>) -> Self {
        self.clusters.push(slug.into());
        self
    }

    /// The cache that all runners share, and all runs: [`InMemoryCache`] clones are the same cache, so that a test can
    /// look into it or fill it before. Without one, each run has a cache in memory of its own.
    pub fn cache(mut self, cache: impl Cache) -> Self {
        self.cache = Some(Backend::new(cache));
        self
    }

    /// A value that the tasks of all runners share, and those of all runs, found by its type; see
    /// [`RunnerBuilder::state`](crate::RunnerBuilder::state).
    pub fn state<T: Any + Send + Sync>(mut self, value: T) -> Self {
        if !self.state.add(value) {
            self.state_twice.get_or_insert(type_name::<T>());
        }
        self
    }

    /// Adds something that goes wrong.
    pub fn fault<T: Task>(mut self, fault: Fault<T>) -> Self {
        self.faults.push(fault.planned());
        self
    }

    /// How many executions a run may have before it is stopped with [`Error::Endless`]; 10,000 unless set.
    pub fn executions_max(mut self, executions: usize) -> Self {
        self.executions_max = executions;
        self
    }

    /// Submits a job of this root task and runs it to its end: until it is complete, failed, or waits for something
    /// that does not come, such as a runner that knows the task. Like a runner it needs a runtime of tokio around it.
    ///
    /// # Errors
    /// As [`start`](Workflow::start), and [`Error::Endless`] if there is no end. Tasks that fail are no errors; look at
    /// [`Run::state`].
    pub async fn run(&self, task: impl Submit) -> Result<Run, Error> {
        self.job(task).run().await
    }

    /// Submits a job of this root task; nothing is executed yet.
    ///
    /// # Errors
    /// [`Error::Input`] if the input cannot be written or is too long; [`Error::Setting`] for what
    /// [`RunnerBuilder::build`](crate::RunnerBuilder::build) refuses, and for a malformed cluster.
    pub fn start(&self, task: impl Submit) -> Result<Run, Error> {
        self.job(task).start()
    }

    /// A job of this root task, to which more can be added.
    pub fn job(&self, task: impl Submit) -> NewJob {
        let job = NewJob {
            workflow: self.clone(),
            name: "test".to_owned(),
            tasks: Vec::new(),
            cluster: String::new(),
            max_retries: 0,
            optional: false,
            problem: None,
        };
        job.task(task)
    }
}

impl Default for Workflow {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Workflow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tasks: Vec<String> = self.tasks.iter().map(|task| task.identifier.to_string()).collect();
        f.debug_struct("Workflow")
            .field("seed", &self.seed)
            .field("tasks", &tasks)
            .field("runners", &self.runners)
            .field("clusters", &self.clusters)
            .field("faults", &self.faults)
            .field("executions_max", &self.executions_max)
            .finish_non_exhaustive()
    }
}

/// A job about to be submitted in a test; made by [`Workflow::job`]. The options are those of
/// [`SubmitJob`](crate::SubmitJob).
#[must_use = "the job is submitted by `run` or `start`"]
#[derive(Debug)]
pub struct NewJob {
    workflow: Workflow,
    name: String,
    tasks: Vec<Submission>,
    cluster: String,
    max_retries: u32,
    optional: bool,
    problem: Option<Error>,
}

impl NewJob {
    /// Its name; `test` unless set.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Adds a root task; root tasks do not depend on each other (J-3).
    pub fn task(mut self, task: impl Submit) -> Self {
        match task.into_submission() {
            Ok(task) => self.tasks.push(task),
            Err(problem) => self.problem = self.problem.or(Some(problem)),
        }
        self
    }

    /// The cluster of all root tasks; the default cluster unless set (J-4).
    pub fn cluster(mut self, slug: impl Into<String>) -> Self {
        self.cluster = slug.into();
        self
    }

    /// How often each root task may be executed again after a failure; 0 unless set (T-110).
    pub fn max_retries(mut self, retries: u32) -> Self {
        self.max_retries = retries;
        self
    }

    /// Lets the job go on if a root task fails (T-136).
    pub fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    /// Submits the job and runs it to its end.
    ///
    /// # Errors
    /// As [`Workflow::run`], and [`Code::NotFound`](crate::Code::NotFound) if its cluster does not exist (J-5).
    pub async fn run(self) -> Result<Run, Error> {
        let mut run = self.start()?;
        run.finish().await?;
        Ok(run)
    }

    /// Submits the job; nothing is executed yet.
    ///
    /// # Errors
    /// As [`Workflow::start`], and [`Code::NotFound`](crate::Code::NotFound) if its cluster does not exist (J-5).
    pub fn start(self) -> Result<Run, Error> {
        if let Some(problem) = self.problem {
            return Err(problem);
        }
        if self.name.is_empty() {
            return Err(Error::setting("job name", "is empty; give it one"));
        }
        let entry = |task| Entry {
            max_retries: self.max_retries,
            optional: self.optional,
            ..Entry::new(task, self.cluster.clone())
        };
        let entries: Vec<Entry> = self.tasks.into_iter().map(entry).collect();
        let Workflow { seed, tasks, mut runners, clusters, cache, state, state_twice, faults, executions_max } =
            self.workflow;
        if let Some(name) = state_twice {
            return Err(state::twice(name));
        }
        if runners.is_empty() {
            runners.push(VirtualRunner::new());
        }
        let mut server = Server::new(seed);
        for slug in clusters.iter().chain(runners.iter().map(|runner| &runner.cluster)) {
            server.add_cluster(slug)?;
        }
        let slots = runners.iter().map(|runner| runner.start(&tasks, &state)).collect::<Result<_, _>>()?;
        let (job, _) = server.submit(&self.name, convert::submission(&entries)?)?;
        let cache = cache.unwrap_or_else(|| Backend::new(InMemoryCache::new()));
        let faults = Faults::new(faults);
        Ok(Run::new(run::Parts { seed, server, job, tasks, slots, faults, cache, state, executions_max }))
    }
}
