//! Questions about stored jobs and tasks. Answers show committed rows only.

use std::ops::{Bound, Range};
use std::sync::Arc;

use boxwood_engine::{
    AutomationId, Class, Cluster, Group, GroupKey, GroupState, Identifier, Indicator, Job, JobId, JobState, JobStatus,
    Task, TaskId, TaskKey, TaskState, Timestamp,
};

use crate::error::Error;
use crate::outline::JobOutline;

/// Jobs with at most this many tasks get their first start and last stop looked up exactly after a retry (J-30, J-31).
#[must_use]
pub const fn exact_times_max() -> u64 {
    10_000
}

/// A job as clients see it.
#[derive(Clone, Debug)]
pub struct JobView {
    /// What it is.
    pub job: Arc<Job>,
    /// Its counters.
    pub status: JobStatus,
    /// Its indicators by label, the unnamed one first (P-6).
    pub progress: Vec<(String, Indicator)>,
}

/// A task as clients see it.
#[derive(Clone, Debug)]
pub struct TaskView {
    /// Its key.
    pub key: TaskKey,
    /// Its id.
    pub id: TaskId,
    /// The task that submitted it.
    pub parent: Option<TaskId>,
    /// Its group.
    pub group: GroupKey,
    /// Its state.
    pub state: TaskState,
    /// Its display.
    pub display: String,
    /// The slug of its cluster.
    pub cluster: Arc<str>,
    /// Its identifier as submitted (T-54).
    pub identifier: Identifier,
    /// Its input.
    pub input: Vec<u8>,
    /// Whether it was submitted as optional.
    pub optional: bool,
    /// Further executions allowed after a failure.
    pub max_retries: u32,
    /// Executions that failed or lost their lease.
    pub retry_count: u32,
    /// Whether it has submitted tasks.
    pub has_children: bool,
    /// When it was submitted.
    pub submitted_at: Timestamp,
    /// Start of its latest execution.
    pub started_at: Option<Timestamp>,
    /// End of its latest execution.
    pub stopped_at: Option<Timestamp>,
}

/// An interval of times or ids (J-43, J-44).
pub type Bounds<T> = (Bound<T>, Bound<T>);

/// In which order jobs are listed (J-51).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortDirection {
    /// Oldest first.
    Ascending,
    /// Newest first.
    Descending,
}

/// Filters on jobs: all must hold; within a list any may; an empty list holds always (J-42).
#[derive(Clone, Debug)]
pub struct JobQuery {
    /// Time of submission.
    pub submitted: Bounds<Timestamp>,
    /// Id.
    pub ids: Bounds<JobId>,
    /// Computed state (J-47).
    pub states: Vec<JobState>,
    /// Words that all occur in [`boxwood_engine::name_key`] of the name (J-46).
    pub name_words: Vec<String>,
    /// States of which at least one task is (J-48).
    pub task_states: Vec<TaskState>,
    /// Automations (J-49).
    pub automations: Vec<AutomationId>,
    /// Slugs of clusters on which at least one task is (J-50).
    pub clusters: Vec<String>,
    /// Order.
    pub sort: SortDirection,
    /// The last job of the page before this one.
    pub after: Option<JobId>,
    /// How many jobs at most.
    pub limit: usize,
}

impl Default for JobQuery {
    fn default() -> Self {
        Self {
            submitted: (Bound::Unbounded, Bound::Unbounded),
            ids: (Bound::Unbounded, Bound::Unbounded),
            states: Vec::new(),
            name_words: Vec::new(),
            task_states: Vec::new(),
            automations: Vec::new(),
            clusters: Vec::new(),
            sort: SortDirection::Descending,
            after: None,
            limit: 100,
        }
    }
}

impl JobQuery {
    /// The job that waits longest, of those submitted within these bounds (J-59).
    pub(crate) fn longest_waiting(submitted: Bounds<Timestamp>) -> Self {
        Self {
            submitted,
            states: vec![JobState::Submitted, JobState::Started],
            sort: SortDirection::Ascending,
            limit: 1,
            ..Self::default()
        }
    }
}

/// The column of the job's counters that counts tasks of this state, in both databases.
pub(crate) fn counter(state: TaskState) -> &'static str {
    match state {
        TaskState::Queued => "queued",
        TaskState::Running => "running",
        TaskState::Computed => "computed",
        TaskState::Failed => "failed",
        TaskState::Skipped => "skipped",
        TaskState::FailedOptional => "failed_optional",
    }
}

/// One page of jobs.
#[derive(Clone, Debug)]
pub struct JobPage {
    /// The jobs.
    pub jobs: Vec<JobView>,
    /// Whether more follow (J-52).
    pub more: bool,
}

/// Which tasks of a job to list, in submission order (J-56).
#[derive(Clone, Debug)]
pub struct TaskQuery {
    /// The job.
    pub job: JobId,
    /// Whose children; none for the root tasks.
    pub parent: Option<TaskId>,
    /// The last task of the page before this one.
    pub after: Option<TaskId>,
    /// How many tasks at most.
    pub limit: usize,
}

impl TaskQuery {
    /// Of the keys of one parent's children, which are neighbours, those of the page; whether more follow.
    /// `after`: the key of the last task of the page before.
    pub(crate) fn page(&self, children: Range<u64>, after: Option<TaskKey>) -> (Range<u64>, bool) {
        let start = after.map_or(children.start, |task| children.start.max(task.0 + 1));
        let end = children.end.min(start.saturating_add(self.limit as u64));
        (start..end, end < children.end)
    }
}

/// One page of tasks.
#[derive(Clone, Debug, Default)]
pub struct TaskPage {
    /// The tasks.
    pub tasks: Vec<TaskView>,
    /// Whether more follow.
    pub more: bool,
}

/// All tasks of a small job with their dependencies.
#[derive(Clone, Debug)]
pub struct JobGraph {
    /// The job.
    pub job: JobView,
    /// The tasks in submission order, cut after the number asked for.
    pub tasks: Vec<TaskView>,
    /// The groups of these tasks.
    pub groups: Vec<GraphGroup>,
}

/// A group of tasks of a [`JobGraph`].
#[derive(Clone, Debug)]
pub struct GraphGroup {
    /// Its key.
    pub key: GroupKey,
    /// The groups that depend on it.
    pub dependents: Vec<GroupKey>,
}

/// What waits to be executed (J-59).
#[derive(Clone, Debug, Default)]
pub struct QueueStats {
    /// Jobs SUBMITTED or STARTED.
    pub waiting_jobs: u64,
    /// Jobs RUNNING.
    pub running_jobs: u64,
    /// QUEUED tasks of these jobs.
    pub queued_tasks: u64,
    /// The oldest waiting job.
    pub oldest_waiting: Option<JobView>,
}

/// What the QUEUED tasks of a job wait for, as far as rows tell (IN-11).
#[derive(Clone, Debug)]
pub struct JobWaits {
    /// The counters of the job.
    pub status: JobStatus,
    /// The tasks that could be handed out if the job is not halted: how many of each class.
    pub ready: Vec<(Class, u64)>,
    /// The first groups with tasks that wait for others.
    pub blocked: Vec<BlockedGroup>,
}

/// How many groups of a job can have tasks that wait for others, and `limit` at most: what is QUEUED and could not be
/// handed out waits, and every group has a task. Where it is 0 there is nothing to look for.
pub(crate) fn blocked_groups_max(status: &JobStatus, ready: &[(Class, u64)], limit: usize) -> usize {
    let ready: u64 = ready.iter().map(|(_, tasks)| tasks).sum();
    let blocked = status.counts.of(TaskState::Queued).saturating_sub(ready);
    usize::try_from(blocked).unwrap_or(usize::MAX).min(limit)
}

/// A group and what it still waits for.
#[derive(Clone, Debug)]
pub struct BlockedGroup {
    /// The group.
    pub group: Group,
    /// Its counters.
    pub state: GroupState,
    /// The groups it waits for that are not complete; none if it waits for none.
    pub held_up_by: Vec<(Group, GroupState)>,
}

impl BlockedGroup {
    /// A group of a submission, of which `open` are the groups that are not complete.
    pub(crate) fn among(group: Group, state: GroupState, open: &[(Group, GroupState)]) -> Self {
        let holds_up = |(other, its): &&(Group, GroupState)| other.holds_up(its, group.key);
        let held_up_by = open.iter().filter(holds_up).cloned().collect();
        Self { group, state, held_up_by }
    }
}

/// How it stands with one task, and what it waits for, as far as rows tell (IN-10, IN-16).
#[derive(Clone, Debug)]
pub struct TaskWaits {
    /// Its job.
    pub job: Job,
    /// The counters of its job.
    pub status: JobStatus,
    /// The task.
    pub task: TaskView,
    /// Its executions.
    pub executions: Executions,
    /// Its group.
    pub group: BlockedGroup,
}

/// The executions of a task so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Executions {
    /// How often it was handed out.
    pub hand_outs: u32,
    /// Failures since the job was submitted or last retried (T-110, J-65).
    pub failures: u32,
    /// Leases lost since then (S-40).
    pub crashes: u32,
    /// When the lease ends of the execution that is going on.
    pub lease_until: Option<Timestamp>,
}

impl Executions {
    /// Those of a task; none if it was never handed out.
    pub(crate) fn of(task: Option<&Task>) -> Self {
        task.map_or_else(Self::default, |task| Self {
            hand_outs: task.hand_outs,
            failures: task.failures,
            crashes: task.crashes,
            lease_until: (task.state == TaskState::Running).then_some(task.lease_until),
        })
    }
}

/// A task, and the job it belongs to (IN-18).
#[derive(Clone, Debug)]
pub struct FoundTask {
    /// The id of its job.
    pub job: JobId,
    /// The name of its job.
    pub job_name: String,
    /// The task.
    pub task: TaskView,
}

/// The tasks of a job that failed, in order of submission (IN-17).
#[derive(Clone, Debug, Default)]
pub struct FailedTasks {
    /// The first that are FAILED.
    pub failed: Vec<TaskView>,
    /// The first that are FAILED_OPTIONAL among the first tasks that were ever handed out, see [`optional_look_max`].
    pub optional: Vec<TaskView>,
}

/// Tasks that are looked at to find those that are FAILED_OPTIONAL; no index names them, and most jobs have none.
#[must_use]
pub const fn optional_look_max() -> usize {
    100_000
}

/// What could be handed out, of all jobs (IN-30).
#[derive(Clone, Debug, Default)]
pub struct ReadyTasks {
    /// How many tasks of each class; without classes of which there are none.
    pub classes: Vec<(Class, u64)>,
    /// Whether there are entries that were not looked at (IN-31).
    pub truncated: bool,
}

/// Queries on committed rows. Calls block; call them where blocking is allowed.
pub trait Reader: Send + Sync {
    /// A job, if it exists (J-40, J-41).
    ///
    /// # Errors
    /// If the database cannot be read; the same holds for every call below.
    fn job(&self, id: JobId) -> Result<Option<JobView>, Error>;

    /// A page of jobs (J-42 to J-55).
    fn jobs(&self, query: &JobQuery) -> Result<JobPage, Error>;

    /// A page of a job's tasks; none if the job, or the parent in it, does not exist (J-56).
    fn tasks(&self, query: &TaskQuery) -> Result<Option<TaskPage>, Error>;

    /// The first `limit` tasks of a job by submission, with dependencies; none if the job does not exist.
    fn graph(&self, id: JobId, limit: usize) -> Result<Option<JobGraph>, Error>;

    /// All tasks of a job without their inputs and times, neighbours that look alike together; without its tasks if they are
    /// more than `tasks_max`. None if the job does not exist.
    fn outline(&self, id: JobId, tasks_max: u64) -> Result<Option<JobOutline>, Error>;

    /// How many jobs submitted in an interval are in each state (J-58).
    fn job_state_counts(&self, submitted: Bounds<Timestamp>) -> Result<Vec<(JobState, u64)>, Error>;

    /// What waits among the jobs submitted in an interval (J-59).
    fn queue_stats(&self, submitted: Bounds<Timestamp>) -> Result<QueueStats, Error>;

    /// The job a task belongs to, if the task exists.
    fn job_of_task(&self, id: TaskId) -> Result<Option<JobId>, Error>;

    /// What the queued tasks of a job wait for, with at most `limit` groups that wait for others; none if the job does not
    /// exist.
    fn job_waits(&self, id: JobId, limit: usize) -> Result<Option<JobWaits>, Error>;

    /// How many tasks of each class could be handed out, without those of halted jobs. At most `entries_max` entries are
    /// looked at, those of the oldest jobs first; an entry is a range of neighbouring tasks.
    fn ready_tasks(&self, entries_max: usize) -> Result<ReadyTasks, Error>;

    /// How it stands with a task, and what it waits for; none if it does not exist.
    fn task_waits(&self, id: TaskId) -> Result<Option<TaskWaits>, Error>;

    /// The tasks with these ids that exist, each once, in order of submission.
    fn find_tasks(&self, ids: &[TaskId]) -> Result<Vec<FoundTask>, Error>;

    /// The tasks of a job that failed, at most `limit` of each sort; none if the job does not exist.
    fn failed_tasks(&self, id: JobId, limit: usize) -> Result<Option<FailedTasks>, Error>;

    /// The clusters, the default one first, then by slug (C-9).
    fn clusters(&self) -> Result<Vec<Cluster>, Error>;
}
