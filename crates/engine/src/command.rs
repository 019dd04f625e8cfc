//! What the engine is asked to do, and what it answers.

use std::sync::Arc;

use crate::claim::{Ask, HandOut};
use crate::cluster::Cluster;
use crate::id::{AutomationId, JobId, TaskId, TaskKey};
use crate::job::{Job, JobStatus};
use crate::lease::Lease;
use crate::progress::ProgressUpdate;
use crate::submission::Submission;
use crate::task::{Taken, TaskState};
use crate::time::Timestamp;

/// One thing to decide. Times and ids were chosen by the caller, so the same command against the same rows always gives
/// the same reply.
#[derive(Clone, Debug)]
pub enum Command {
    /// Submits a job (section 3.1).
    SubmitJob(NewJob),
    /// Stores a computed task and hands out another, either of them optional.
    Report(Box<Report>),
    /// Stores a failure.
    FailTask(FailedTask),
    /// Extends the lease of a running task.
    ExtendLease {
        /// The task.
        task: TaskId,
        /// How long the runner asks for.
        requested: std::time::Duration,
        /// The present.
        now: Timestamp,
    },
    /// Puts a task back whose lease has ended (S-40).
    ExpireLease {
        /// The task.
        task: TaskKey,
        /// The present.
        now: Timestamp,
    },
    /// Takes back a hand-out whose answer was never written.
    ReturnHandOut {
        /// The hand-out.
        taken: Taken,
        /// The present.
        now: Timestamp,
    },
    /// Retries a halted job (section 3.5).
    RetryJob {
        /// The job.
        job: JobId,
    },
    /// Cancels a job (section 3.6).
    CancelJob {
        /// The job.
        job: JobId,
    },
    /// Creates a cluster (C-4).
    CreateCluster(NewCluster),
    /// Changes the given fields of a cluster (C-8).
    UpdateCluster {
        /// The cluster; empty for the default one.
        slug: String,
        /// The new name, if it changes.
        display_name: Option<String>,
        /// The new description, if it changes.
        description: Option<String>,
    },
    /// Deletes a cluster (C-11, C-12).
    DeleteCluster {
        /// The cluster.
        slug: String,
    },
}

/// A job to be submitted.
#[derive(Clone, Debug)]
pub struct NewJob {
    /// Its id; carries the time of submission (N-9).
    pub id: JobId,
    /// The id of its first root task; the others count up from it.
    pub first_task: TaskId,
    /// Its name.
    pub name: String,
    /// The W3C trace parent.
    pub trace_parent: String,
    /// The automation that submits it.
    pub automation: Option<AutomationId>,
    /// Its root tasks.
    pub tasks: Submission,
    /// A digest of name, trace parent and tasks.
    pub fingerprint: u128,
    /// The client says it sent this before: a job of the last minute with the same fingerprint is returned instead.
    pub repeated: bool,
    /// The present, in whole milliseconds.
    pub now: Timestamp,
}

/// A call of NextTask.
#[derive(Clone, Debug)]
pub struct Report {
    /// The task the runner has computed.
    pub computed: Option<ComputedTask>,
    /// What the runner can take, if it asks for work.
    pub ask: Option<Ask>,
    /// The present.
    pub now: Timestamp,
}

/// A task reported computed.
#[derive(Clone, Debug)]
pub struct ComputedTask {
    /// The task.
    pub task: TaskId,
    /// Its display now; empty for no change (T-42).
    pub display: String,
    /// Its progress.
    pub progress: Vec<ProgressUpdate>,
    /// What it submitted.
    pub sub_tasks: Option<Submission>,
    /// The id of the first sub-task; the others count up from it.
    pub first_sub_task: TaskId,
    /// A violated limit found in the report: the task fails instead.
    pub content_error: Option<String>,
}

/// A task reported failed.
#[derive(Clone, Debug)]
pub struct FailedTask {
    /// The task.
    pub task: TaskId,
    /// Its display now, with the error; empty for no change (T-45).
    pub display: String,
    /// Its progress.
    pub progress: Vec<ProgressUpdate>,
    /// Whether the task's own code failed; if not, the task is handed back (S-31).
    pub workflow_error: bool,
    /// The present.
    pub now: Timestamp,
}

/// A cluster to be created.
#[derive(Clone, Debug)]
pub struct NewCluster {
    /// Its slug, chosen by the user or made by [`crate::slug_from_name`].
    pub slug: String,
    /// Its name.
    pub display_name: String,
    /// Its description.
    pub description: String,
    /// False for the default cluster.
    pub deletable: bool,
    /// The present.
    pub now: Timestamp,
}

/// The answer to a command.
#[derive(Clone, Debug)]
pub enum Reply {
    /// A job as it is now.
    Job(Arc<Job>, JobStatus),
    /// The answer to a report.
    Report(ReportReply),
    /// The state of a task after the command.
    TaskState(TaskState),
    /// The lease granted; none if it is refused.
    Lease(Option<Lease>),
    /// How many tasks were set back to QUEUED (J-64).
    Retried(u64),
    /// A cluster as it is now.
    Cluster(Cluster),
    /// Done, nothing to say.
    Done,
}

/// The answer to a call of NextTask.
#[derive(Clone, Debug)]
pub enum ReportReply {
    /// No work was asked for.
    Stored,
    /// A task to execute.
    Task(Box<HandOut>),
    /// Nothing to execute now.
    Idle,
}

/// Why a command was refused. A refused command has changed nothing (E-3).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// What kind of refusal.
    pub kind: RefusalKind,
    /// One line for the user: what, where, what to do.
    pub message: String,
}

/// The kinds of refusal, each with a status code of its own (section 12.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalKind {
    /// The thing named does not exist.
    NotFound,
    /// The request breaks a rule.
    Invalid,
    /// The thing to be created exists.
    AlreadyExists,
}
