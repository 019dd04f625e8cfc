//! What the server says of a job.

use std::fmt;
use std::time::{Duration, SystemTime};

use boxwood_proto::buffa::EnumValue;
use boxwood_proto::buffa_types::google::protobuf::{Duration as WireDuration, Timestamp};
use boxwood_proto::workflows::v1 as wire;

use crate::Error;
use crate::id::{AutomationId, JobId};

/// The state of a job, worked out from its tasks and from whether it was canceled (J-20, J-21).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum JobState {
    /// None of its tasks was started yet.
    Submitted,
    /// A task is being executed.
    Running,
    /// Some tasks are done, others wait, none is being executed.
    Started,
    /// All tasks are done.
    Completed,
    /// A task failed for good; nothing further is started until the job is retried.
    Failed,
    /// A user canceled it; nothing further is started until the job is retried.
    Canceled,
}

impl JobState {
    /// Every state, in the order of their numbers.
    pub const ALL: &'static [Self] =
        &[Self::Submitted, Self::Running, Self::Started, Self::Completed, Self::Failed, Self::Canceled];

    /// The name in capitals, such as `COMPLETED`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Submitted => "SUBMITTED",
            Self::Running => "RUNNING",
            Self::Started => "STARTED",
            Self::Completed => "COMPLETED",
            Self::Failed => "FAILED",
            Self::Canceled => "CANCELED",
        }
    }

    /// Whether nothing happens any more unless somebody retries the job: COMPLETED, FAILED or CANCELED.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Canceled)
    }

    pub(crate) fn to_wire(self) -> wire::JobState {
        match self {
            Self::Submitted => wire::JobState::JOB_STATE_SUBMITTED,
            Self::Running => wire::JobState::JOB_STATE_RUNNING,
            Self::Started => wire::JobState::JOB_STATE_STARTED,
            Self::Completed => wire::JobState::JOB_STATE_COMPLETED,
            Self::Failed => wire::JobState::JOB_STATE_FAILED,
            Self::Canceled => wire::JobState::JOB_STATE_CANCELED,
        }
    }

    pub(super) fn from_wire(call: &'static str, state: EnumValue<wire::JobState>) -> Result<Self, Error> {
        let known = Self::ALL.iter().copied().find(|known| known.to_wire() as i32 == state.to_i32());
        known.ok_or_else(|| Error::answer(call, format!("job state {} is unknown", state.to_i32())))
    }
}

impl fmt::Display for JobState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What a task is doing (S-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TaskState {
    /// It waits for its turn, its dependencies or a runner.
    Queued,
    /// A runner executes it.
    Running,
    /// It was executed; its sub-tasks may still wait.
    Computed,
    /// It failed for good.
    Failed,
    /// It is part of an optional branch in which another task failed, and is not executed.
    Skipped,
    /// It failed for good, but is optional or part of an optional branch.
    FailedOptional,
}

impl TaskState {
    /// Every state, in the order of their numbers.
    pub const ALL: &'static [Self] =
        &[Self::Queued, Self::Running, Self::Computed, Self::Failed, Self::Skipped, Self::FailedOptional];

    /// The name in capitals, such as `FAILED_OPTIONAL`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "QUEUED",
            Self::Running => "RUNNING",
            Self::Computed => "COMPUTED",
            Self::Failed => "FAILED",
            Self::Skipped => "SKIPPED",
            Self::FailedOptional => "FAILED_OPTIONAL",
        }
    }

    pub(crate) fn to_wire(self) -> wire::TaskState {
        match self {
            Self::Queued => wire::TaskState::TASK_STATE_QUEUED,
            Self::Running => wire::TaskState::TASK_STATE_RUNNING,
            Self::Computed => wire::TaskState::TASK_STATE_COMPUTED,
            Self::Failed => wire::TaskState::TASK_STATE_FAILED,
            Self::Skipped => wire::TaskState::TASK_STATE_SKIPPED,
            Self::FailedOptional => wire::TaskState::TASK_STATE_FAILED_OPTIONAL,
        }
    }

    pub(crate) fn from_wire(call: &'static str, state: EnumValue<wire::TaskState>) -> Result<Self, Error> {
        let known = Self::ALL.iter().copied().find(|known| known.to_wire() as i32 == state.to_i32());
        known.ok_or_else(|| Error::answer(call, format!("task state {} is unknown", state.to_i32())))
    }
}

impl fmt::Display for TaskState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One progress indicator of a job: the sums over its tasks (P-3).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Progress {
    /// Its name; empty for the unnamed indicator (P-1).
    pub label: String,
    /// How much there is to do.
    pub total: u64,
    /// How much is done; may exceed `total` (P-7).
    pub done: u64,
}

/// What a job has consumed so far (J-30 to J-37).
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct ExecutionStats {
    /// When its first task was started, if one was.
    pub first_task_started_at: Option<SystemTime>,
    /// When its last task ended, if one did.
    pub last_task_stopped_at: Option<SystemTime>,
    /// The time its tasks were executed, added up.
    pub compute_time: Duration,
    /// From the first start to the last end.
    pub elapsed_time: Duration,
    /// Compute time divided by elapsed time; 0 before the first task ended.
    pub parallelism: f64,
    /// How many tasks there are.
    pub total_tasks: u64,
    /// How many tasks are in each state; states without tasks are left out.
    pub tasks_by_state: Vec<(TaskState, u64)>,
}

impl ExecutionStats {
    /// How many tasks are in `state`.
    pub fn tasks(&self, state: TaskState) -> u64 {
        self.tasks_by_state.iter().filter(|(known, _)| *known == state).map(|(_, count)| count).sum()
    }
}

/// A job as it was when the server answered; [`JobClient::find`](crate::JobClient::find) reads it anew.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Job {
    /// Its identifier.
    pub id: JobId,
    /// Its name; several jobs may have the same (J-8).
    pub name: String,
    /// Its state.
    pub state: JobState,
    /// When it was submitted.
    pub submitted_at: SystemTime,
    /// The W3C trace context that its telemetry belongs to (J-10).
    pub trace_parent: String,
    /// The automation that submitted it, if one did (J-7).
    pub automation_id: Option<AutomationId>,
    /// Its progress indicators, the unnamed one first (P-6).
    pub progress: Vec<Progress>,
    /// What it has consumed.
    pub stats: ExecutionStats,
}

impl Job {
    pub(crate) fn from_wire(call: &'static str, job: wire::Job) -> Result<Self, Error> {
        Ok(Self {
            id: JobId::from_wire(call, &job.id)?,
            name: job.name,
            state: JobState::from_wire(call, job.state)?,
            submitted_at: time(job.submitted_at.as_option()).unwrap_or(SystemTime::UNIX_EPOCH),
            trace_parent: job.trace_parent,
            automation_id: AutomationId::from_wire_optional(&job.automation_id),
            progress: job
                .progress
                .into_iter()
                .map(|progress| Progress { label: progress.label, total: progress.total, done: progress.done })
                .collect(),
            stats: stats(call, job.execution_stats.into_option().unwrap_or_default())?,
        })
    }
}

impl From<&Job> for JobId {
    fn from(job: &Job) -> Self {
        job.id
    }
}

fn stats(call: &'static str, stats: wire::ExecutionStats) -> Result<ExecutionStats, Error> {
    Ok(ExecutionStats {
        first_task_started_at: time(stats.first_task_started_at.as_option()),
        last_task_stopped_at: time(stats.last_task_stopped_at.as_option()),
        compute_time: duration(stats.compute_time.as_option()),
        elapsed_time: duration(stats.elapsed_time.as_option()),
        parallelism: stats.parallelism,
        total_tasks: stats.total_tasks,
        tasks_by_state: stats
            .tasks_by_state
            .into_iter()
            .map(|entry| Ok((TaskState::from_wire(call, entry.state)?, entry.count)))
            .collect::<Result<_, Error>>()?,
    })
}

/// A point in time, where one was sent that the platform can express.
pub(crate) fn time(timestamp: Option<&Timestamp>) -> Option<SystemTime> {
    timestamp.and_then(|timestamp| SystemTime::try_from(timestamp.clone()).ok())
}

/// A length of time; absent and negative ones are zero.
pub(crate) fn duration(duration: Option<&WireDuration>) -> Duration {
    duration.and_then(|duration| Duration::try_from(duration.clone()).ok()).unwrap_or_default()
}
