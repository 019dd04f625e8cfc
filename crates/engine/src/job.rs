//! One job: what it is, its counters, and the state computed from them.

use std::time::Duration;

use crate::id::{AutomationId, JobId, JobKey, TaskKey};
use crate::task::{Children, TaskState};
use crate::time::Timestamp;

/// What a job is, fixed when it is submitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Its key.
    pub key: JobKey,
    /// Its id.
    pub id: JobId,
    /// Its name, one character or more (LM-13).
    pub name: String,
    /// The W3C trace parent, returned byte for byte (J-10).
    pub trace_parent: String,
    /// When it was submitted, in whole milliseconds, as in its id (N-9).
    pub submitted_at: Timestamp,
    /// The automation that submitted it (J-7).
    pub automation: Option<AutomationId>,
    /// A digest of the submission, by which a repetition of it is recognised.
    pub fingerprint: u128,
    /// Its root tasks.
    pub roots: Children,
}

/// The state of a job (J-20). The numbers are those of the wire and the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum JobState {
    /// No task was started yet.
    Submitted = 1,
    /// A task runs.
    Running = 2,
    /// Tasks are settled, none runs.
    Started = 3,
    /// Every task is settled.
    Completed = 4,
    /// A task failed.
    Failed = 5,
    /// Canceled by a user.
    Canceled = 6,
}

impl JobState {
    /// Every state, in ascending number.
    pub const ALL: [Self; 6] =
        [Self::Submitted, Self::Running, Self::Started, Self::Completed, Self::Failed, Self::Canceled];

    /// Reads a state from its number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|state| *state as u8 == number)
    }
}

/// The deprecated state of a job (J-24), numbered as on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum LegacyJobState {
    /// Before the first start.
    Queued = 1,
    /// After it.
    Started = 2,
    /// COMPLETED.
    Completed = 3,
}

/// How many tasks are in each state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts([u64; 6]);

impl Counts {
    /// Counts read from a store, in the order of [`TaskState::ALL`].
    #[must_use]
    pub fn from_array(counts: [u64; 6]) -> Self {
        Self(counts)
    }

    /// The counts in the order of [`TaskState::ALL`].
    #[must_use]
    pub fn to_array(self) -> [u64; 6] {
        self.0
    }

    /// How many tasks are in `state`.
    #[must_use]
    pub fn of(&self, state: TaskState) -> u64 {
        self.0[state as usize - 1]
    }

    /// How many tasks there are (J-35, J-37).
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    pub(crate) fn add(&mut self, state: TaskState, count: u64) {
        self.0[state as usize - 1] += count;
    }

    pub(crate) fn shift(&mut self, from: TaskState, to: TaskState, count: u64) {
        let left = self.of(from).checked_sub(count).expect("a task is counted in the state it is in");
        self.0[from as usize - 1] = left;
        self.add(to, count);
    }
}

/// What changes about a job while it lives: counters, so that no answer needs its tasks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobStatus {
    /// The job.
    pub key: JobKey,
    /// Whether a user canceled it and nobody retried it since.
    pub canceled: bool,
    /// Its tasks by state.
    pub counts: Counts,
    /// The earliest start (J-30).
    pub first_started_at: Option<Timestamp>,
    /// The latest stop (J-31).
    pub last_stopped_at: Option<Timestamp>,
    /// Sum over the tasks of the length of their latest execution (J-32).
    pub compute_time: Duration,
    /// A retry replaced the execution that set the first start or the last stop: both must be looked up in the tasks.
    pub times_stale: bool,
    /// A task that has just failed: the next runner that asks goes on from there, as if it had computed it. Runners ask
    /// without a report after a failure, and this keeps the order of one runner depth first.
    pub resume_at: Option<TaskKey>,
}

impl JobStatus {
    /// A job whose `tasks` tasks are all queued.
    pub(crate) fn new(key: JobKey, tasks: u64) -> Self {
        let mut counts = Counts::default();
        counts.add(TaskState::Queued, tasks);
        Self {
            key,
            canceled: false,
            counts,
            first_started_at: None,
            last_stopped_at: None,
            compute_time: Duration::ZERO,
            times_stale: false,
            resume_at: None,
        }
    }

    /// The state of the job: the first line of the table of J-21 that holds.
    #[must_use]
    pub fn state(&self) -> JobState {
        let of = |state| self.counts.of(state);
        let settled = of(TaskState::Computed) + of(TaskState::Skipped) + of(TaskState::FailedOptional);
        if of(TaskState::Failed) > 0 {
            JobState::Failed
        } else if settled == self.counts.total() {
            JobState::Completed
        } else if self.canceled {
            JobState::Canceled
        } else if of(TaskState::Running) > 0 {
            JobState::Running
        } else if self.first_started_at.is_none() {
            JobState::Submitted
        } else if settled > 0 {
            JobState::Started
        } else {
            JobState::Running
        }
    }

    /// Whether queued tasks of the job are not handed out (S-22, J-71).
    #[must_use]
    pub fn is_halted(&self) -> bool {
        self.canceled || self.counts.of(TaskState::Failed) > 0
    }

    /// The deprecated state (J-24).
    #[must_use]
    pub fn legacy_state(&self) -> LegacyJobState {
        match self.state() {
            JobState::Completed => LegacyJobState::Completed,
            _ if self.first_started_at.is_none() => LegacyJobState::Queued,
            _ => LegacyJobState::Started,
        }
    }

    /// The deprecated mark: true for FAILED and CANCELED jobs (J-24).
    #[must_use]
    pub fn legacy_canceled(&self) -> bool {
        matches!(self.state(), JobState::Failed | JobState::Canceled)
    }

    /// Last stop minus first start, zero while either is missing (J-33).
    #[must_use]
    pub fn elapsed_time(&self) -> Duration {
        match (self.first_started_at, self.last_stopped_at) {
            (Some(first), Some(last)) => last.since(first),
            _ => Duration::ZERO,
        }
    }

    /// Compute time over elapsed time, at least 1 once a task has stopped, 0 before (J-34).
    #[must_use]
    pub fn parallelism(&self) -> f64 {
        if self.last_stopped_at.is_none() {
            return 0.0;
        }
        let elapsed = self.elapsed_time().as_secs_f64();
        if elapsed > 0.0 { (self.compute_time.as_secs_f64() / elapsed).max(1.0) } else { 1.0 }
    }

    /// Whether nothing of the job can run any more without a user's doing.
    pub(crate) fn is_over(&self) -> bool {
        self.counts.of(TaskState::Queued) == 0 && self.counts.of(TaskState::Running) == 0
    }
}

/// A job's name in the form the name filter compares: lower case, with `-`, `_`, `.`, `/` as blanks (J-46).
#[must_use]
pub fn name_key(name: &str) -> String {
    name.to_lowercase().replace(['-', '_', '.', '/'], " ")
}

/// The words of a name filter; a job matches when each occurs in its [`name_key`] (J-46).
#[must_use]
pub fn name_words(filter: &str) -> Vec<String> {
    name_key(filter).split_whitespace().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(counts: [u64; 6], started: bool, canceled: bool) -> JobStatus {
        let mut status = JobStatus::new(JobKey(1), 0);
        status.counts = Counts::from_array(counts);
        status.first_started_at = started.then_some(Timestamp(1));
        status.canceled = canceled;
        status
    }

    #[test]
    fn j_21_the_first_matching_line_gives_the_state() {
        // queued, running, computed, failed, skipped, failed optional
        let table = [
            ([1, 1, 1, 1, 0, 0], true, true, JobState::Failed),
            ([0, 0, 1, 0, 1, 1], true, true, JobState::Completed),
            ([1, 1, 0, 0, 0, 0], true, true, JobState::Canceled),
            ([1, 1, 1, 0, 0, 0], true, false, JobState::Running),
            ([3, 0, 0, 0, 0, 0], false, false, JobState::Submitted),
            ([1, 0, 1, 0, 0, 0], true, false, JobState::Started),
            ([1, 0, 0, 0, 0, 0], true, false, JobState::Running),
        ];
        for (counts, started, canceled, state) in table {
            assert_eq!(status(counts, started, canceled).state(), state, "{counts:?}");
        }
    }

    #[test]
    fn j_24_the_deprecated_fields_are_kept_in_step() {
        let failed = status([0, 0, 0, 1, 0, 0], true, false);
        assert_eq!((failed.legacy_state(), failed.legacy_canceled()), (LegacyJobState::Started, true));
        let completed = status([0, 0, 1, 0, 0, 0], true, false);
        assert_eq!((completed.legacy_state(), completed.legacy_canceled()), (LegacyJobState::Completed, false));
        assert_eq!(status([1, 0, 0, 0, 0, 0], false, false).legacy_state(), LegacyJobState::Queued);
    }

    #[test]
    fn j_33_j_34_parallelism_has_a_floor_of_one() {
        let mut status = status([0, 0, 2, 0, 0, 0], false, false);
        assert_eq!((status.elapsed_time(), status.parallelism()), (Duration::ZERO, 0.0));
        status.first_started_at = Some(Timestamp(0));
        status.last_stopped_at = Some(Timestamp(1_000_000));
        status.compute_time = Duration::from_millis(790);
        assert_eq!(status.parallelism(), 1.0);
        status.compute_time = Duration::from_millis(3450);
        assert_eq!(status.parallelism(), 3.45);
        status.first_started_at = status.last_stopped_at;
        assert_eq!(status.parallelism(), 1.0, "no time has passed, by a clock that was set back");
    }

    #[test]
    fn j_46_names_compare_by_words_without_case_and_punctuation() {
        assert_eq!(name_key("Sum-of_SQUARES.v2/a"), "sum of squares v2 a");
        assert_eq!(name_words("  Squares sum/A "), ["squares", "sum", "a"]);
        assert!(name_words(" - ").is_empty());
    }
}
