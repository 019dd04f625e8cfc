//! What a run knows of its tasks and their executions.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::SystemTime;

use boxwood_engine::Timestamp;

use super::{convert, text};
use crate::client::{TaskState, TaskSummary};
use crate::{Task, TaskId, TaskIdentifier};

/// How an execution ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The task was computed.
    Computed,
    /// It failed with this error, or panicked with this message.
    Failed(String),
    /// The runner handed it back (S-31).
    HandedBack,
    /// Nothing was reported: the runner was lost, or the execution failed after it had lost its lease.
    Lost,
    /// The runner reported too late: somebody else had the task by then, or had computed it.
    Ignored,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Computed => f.write_str("computed"),
            Self::Failed(problem) => write!(f, "failed: {}", text::one_line(problem)),
            Self::HandedBack => f.write_str("handed back"),
            Self::Lost => f.write_str("lost"),
            Self::Ignored => f.write_str("too late, ignored"),
        }
    }
}

/// One execution, whatever its kind of task.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) task: TaskId,
    pub(super) code: TaskIdentifier,
    pub(super) input: Vec<u8>,
    /// The display of the task as it was submitted.
    pub(super) name: String,
    pub(super) runner: usize,
    pub(super) retry_count: u64,
    pub(super) started: Timestamp,
    pub(super) ended: Option<Timestamp>,
    pub(super) outcome: Option<Outcome>,
}

/// One execution of a task by code of the kind `T`; from [`Run::executions`](super::Run::executions), or of any kind,
/// from [`Run::all_executions`](super::Run::all_executions).
#[derive(Clone)]
pub struct ExecutionRecord<T = ()> {
    record: Arc<Record>,
    of: PhantomData<fn() -> T>,
}

impl<T> ExecutionRecord<T> {
    pub(super) fn new(record: Arc<Record>) -> Self {
        Self { record, of: PhantomData }
    }

    /// The task that was executed.
    pub fn task_id(&self) -> TaskId {
        self.record.task
    }

    /// The identifier of the code that executed it, which may be newer than the one submitted (T-61).
    pub fn task_identifier(&self) -> &TaskIdentifier {
        &self.record.code
    }

    /// The text shown for the task when it was submitted.
    pub fn name(&self) -> &str {
        &self.record.name
    }

    /// Which runner executed it, counted from 0 in the order they were added.
    pub fn runner(&self) -> usize {
        self.record.runner
    }

    /// How many earlier executions of the task failed or lost their runner (S-30).
    pub fn retry_count(&self) -> u64 {
        self.record.retry_count
    }

    /// When the runner got the task, in virtual time. Of two executions the one that starts first is always earlier.
    pub fn started_at(&self) -> SystemTime {
        convert::time(self.record.started)
    }

    /// When it was reported or lost, in virtual time; none while it goes on.
    pub fn ended_at(&self) -> Option<SystemTime> {
        self.record.ended.map(convert::time)
    }

    /// How it ended; none while it goes on.
    pub fn outcome(&self) -> Option<&Outcome> {
        self.record.outcome.as_ref()
    }

    /// The error it failed with, if it did.
    pub fn error(&self) -> Option<&str> {
        match &self.record.outcome {
            Some(Outcome::Failed(problem)) => Some(problem),
            _ => None,
        }
    }

    /// Whether this had ended when the other started.
    pub fn is_before<U>(&self, other: &ExecutionRecord<U>) -> bool {
        self.record.ended.is_some_and(|ended| ended <= other.record.started)
    }

    /// Whether both went on at the same time.
    pub fn overlaps<U>(&self, other: &ExecutionRecord<U>) -> bool {
        !self.is_before(other) && !other.is_before(self)
    }
}

impl<T: Task> ExecutionRecord<T> {
    /// The task as it was made from its input.
    ///
    /// # Panics
    /// If the input does not fit, which fails the execution too.
    #[track_caller]
    pub fn input(&self) -> T {
        from_input(&self.record.input)
    }
}

impl<T> fmt::Debug for ExecutionRecord<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.record.fmt(f)
    }
}

/// A task of the kind `T` as it is now; from [`Run::tasks`](super::Run::tasks), or of any kind, from
/// [`Run::all_tasks`](super::Run::all_tasks).
#[derive(Clone)]
pub struct TaskRecord<T = ()> {
    summary: TaskSummary,
    identifier: TaskIdentifier,
    executions: Vec<Arc<Record>>,
    of: PhantomData<fn() -> T>,
}

impl<T> TaskRecord<T> {
    pub(super) fn new(summary: TaskSummary, identifier: TaskIdentifier, executions: Vec<Arc<Record>>) -> Self {
        Self { summary, identifier, executions, of: PhantomData }
    }

    /// Its id.
    pub fn id(&self) -> TaskId {
        self.summary.id
    }

    /// The identifier it was submitted with (T-54).
    pub fn task_identifier(&self) -> &TaskIdentifier {
        &self.identifier
    }

    /// Its state.
    pub fn state(&self) -> TaskState {
        self.summary.state
    }

    /// The text shown for it; below it the error, if its last execution failed (T-45).
    pub fn display(&self) -> &str {
        &self.summary.display
    }

    /// How many of its executions failed or lost their runner (S-30).
    pub fn retry_count(&self) -> u64 {
        self.summary.retry_count
    }

    /// The task that submitted it; none for root tasks.
    pub fn parent(&self) -> Option<TaskId> {
        self.summary.parent
    }

    /// The slug of its cluster.
    pub fn cluster(&self) -> &str {
        &self.summary.cluster
    }

    /// The task as a client would read it, with all the rest.
    pub fn summary(&self) -> &TaskSummary {
        &self.summary
    }

    /// Its executions, in the order they started.
    pub fn executions(&self) -> impl ExactSizeIterator<Item = ExecutionRecord<T>> + DoubleEndedIterator + use<'_, T> {
        self.executions.iter().cloned().map(ExecutionRecord::new)
    }

    /// The error of its last execution, if that failed.
    pub fn error(&self) -> Option<&str> {
        match self.executions.last().and_then(|record| record.outcome.as_ref()) {
            Some(Outcome::Failed(problem)) => Some(problem),
            _ => None,
        }
    }
}

impl<T: Task> TaskRecord<T> {
    /// The task as it would be made from its input.
    ///
    /// # Panics
    /// If the input does not fit.
    #[track_caller]
    pub fn input(&self) -> T {
        from_input(&self.summary.input)
    }
}

impl<T> fmt::Debug for TaskRecord<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskRecord")
            .field("identifier", &self.identifier.to_string())
            .field("summary", &self.summary)
            .field("executions", &self.executions)
            .finish()
    }
}

#[track_caller]
fn from_input<T: Task>(input: &[u8]) -> T {
    match T::from_input(input) {
        Ok(task) => task,
        Err(error) => panic!("{error}: {}", String::from_utf8_lossy(input)),
    }
}
