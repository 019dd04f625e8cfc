//! Runners that exist in a test only.

use std::collections::BTreeMap;

use boxwood_engine::{Ask, HandOut, Submission, Timestamp};

use super::convert;
use super::fault::Mishap;
use super::server::CLUSTER_DEFAULT;
use crate::runner::execute::Outcome;
use crate::runner::{Registered, Tasks, registered};
use crate::state::State;
use crate::{Error, Execute, Task, TaskIdentifier};

/// A runner of a [`Workflow`](super::Workflow) under test. It executes one task at a time; which runner does the next
/// thing is decided by the seed.
///
/// Without tasks of its own it executes all that the workflow has.
///
/// ```
/// use boxwood::testing::{VirtualRunner, Workflow};
/// # use boxwood::{Execute, ExecutionContext, Task};
/// # #[derive(Task)]
/// # struct Plan;
/// # impl Execute for Plan {
/// #     async fn execute(self, _: &ExecutionContext) -> boxwood::Result { Ok(()) }
/// # }
/// # #[derive(Task)]
/// # struct Train;
/// # impl Execute for Train {
/// #     async fn execute(self, _: &ExecutionContext) -> boxwood::Result { Ok(()) }
/// # }
///
/// let workflow = Workflow::new()
///     .task::<Plan>()
///     .task::<Train>()
///     .runner(VirtualRunner::new().without::<Train>())
///     .runner(VirtualRunner::new().cluster("gpu").task::<Train>());
/// ```
#[derive(Clone)]
#[must_use = "it is added with `Workflow::runner`"]
pub struct VirtualRunner {
    pub(super) cluster: String,
    tasks: Vec<Registered>,
    without: Vec<TaskIdentifier>,
}

impl VirtualRunner {
    /// A runner on the default cluster.
    pub fn new() -> Self {
        Self { cluster: CLUSTER_DEFAULT.to_owned(), tasks: Vec::new(), without: Vec::new() }
    }

    /// Executes tasks of this cluster (R-14), which then exists.
    pub fn cluster(mut self, slug: impl Into<String>) -> Self {
        self.cluster = slug.into();
        self
    }

    /// Executes this kind of task, and only those that were added like this.
    pub fn task<T: Execute>(mut self) -> Self {
        self.tasks.push(Registered::new::<T>());
        self
    }

    /// Does not execute this kind of task, though it executes the others of the workflow.
    pub fn without<T: Task>(mut self) -> Self {
        self.without.push(T::identifier());
        self
    }

    /// The runner at work, where `all` are the tasks of the workflow, and `state` is what they share.
    ///
    /// # Errors
    /// [`Error::Setting`] without tasks, with two tasks of the same identifier (T-53), or without a state that one
    /// requires (R-74).
    pub(super) fn start(&self, all: &[Registered], state: &State) -> Result<Slot, Error> {
        let tasks = if self.tasks.is_empty() { all } else { &self.tasks };
        let tasks: Vec<_> = tasks.iter().filter(|task| !self.without.contains(&task.identifier)).cloned().collect();
        let identifiers = tasks.iter().map(|task| convert::identifier(&task.identifier)).collect();
        Ok(Slot {
            ask: Ask { cluster: self.cluster.as_str().into(), identifiers },
            tasks: registered(tasks, state)?,
            hand: Hand::default(),
        })
    }
}

impl Default for VirtualRunner {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for VirtualRunner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let tasks: Vec<String> = self.tasks.iter().map(|task| task.identifier.to_string()).collect();
        let without: Vec<String> = self.without.iter().map(ToString::to_string).collect();
        f.debug_struct("VirtualRunner")
            .field("cluster", &self.cluster)
            .field("tasks", &tasks)
            .field("without", &without)
            .finish()
    }
}

/// A virtual runner at work.
pub(super) struct Slot {
    pub(super) ask: Ask,
    pub(super) tasks: Tasks,
    pub(super) hand: Hand,
}

/// What a runner has in its hands.
pub(super) enum Hand {
    /// Nothing. Told so when there had been that many changes, if it has asked.
    Empty { asked_at: Option<u64> },
    /// A task.
    Full(Box<Held>),
}

impl Default for Hand {
    fn default() -> Self {
        Self::Empty { asked_at: None }
    }
}

/// A task in the hands of a runner.
pub(super) struct Held {
    pub(super) hand_out: HandOut,
    pub(super) input: Vec<u8>,
    /// Which of all executions this is.
    pub(super) execution: usize,
    /// What will go wrong.
    pub(super) mishap: Option<Mishap>,
    /// What to say of it, once the code has run.
    pub(super) ended: Option<Ended>,
    pub(super) lease_until: Timestamp,
    /// When the lease is renewed; never, if the runner has lost the connection.
    pub(super) renew_at: Option<Timestamp>,
    /// Whether the server has refused to extend the lease.
    pub(super) lease_lost: bool,
    /// The runner does nothing before.
    pub(super) not_before: Timestamp,
}

/// How an execution ended, before it is reported.
pub(super) type Ended = Outcome<Computed, Failed>;

pub(super) struct Computed {
    pub(super) display: String,
    pub(super) progress: Progress,
    pub(super) sub_tasks: Option<Submission>,
}

pub(super) struct Failed {
    pub(super) display: String,
    pub(super) progress: Progress,
    pub(super) problem: String,
}

/// Total and done of each label.
pub(super) type Progress = BTreeMap<String, (u64, u64)>;

impl Slot {
    /// Whether there is something for it to do now, after so many changes.
    pub(super) fn is_able(&self, changes: u64, now: Timestamp) -> bool {
        match &self.hand {
            Hand::Empty { asked_at } => *asked_at != Some(changes),
            Hand::Full(held) => held.not_before <= now,
        }
    }
}
