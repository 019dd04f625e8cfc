//! What a QUEUED task waits for (IN-10 to IN-13).

use crate::group::{Group, GroupState};
use crate::id::GroupKey;
use crate::job::{JobState, JobStatus};

/// What has to happen before a QUEUED task is handed out. The first of these that holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitsFor {
    /// Its job has a FAILED task: somebody retries it (S-22).
    RetryOfFailed,
    /// Its job is canceled: somebody retries it (J-71).
    RetryOfCanceled,
    /// Tasks it depends on are not complete (T-92).
    Dependencies,
    /// A runner that can take it asks.
    Runner,
}

impl JobStatus {
    /// What every QUEUED task of the job waits for, if the job is halted.
    #[must_use]
    pub fn halted_until(&self) -> Option<WaitsFor> {
        match self.state() {
            _ if !self.is_halted() => None,
            JobState::Failed => Some(WaitsFor::RetryOfFailed),
            _ => Some(WaitsFor::RetryOfCanceled),
        }
    }
}

impl GroupState {
    /// What a QUEUED task of the group waits for.
    #[must_use]
    pub fn waits_for(&self, job: &JobStatus) -> WaitsFor {
        match job.halted_until() {
            Some(halted) => halted,
            None if self.blocked > 0 => WaitsFor::Dependencies,
            None => WaitsFor::Runner,
        }
    }

    /// Whether the group has tasks that wait for other groups.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.blocked > 0 && self.open > 0 && !self.skipped
    }
}

impl Group {
    /// Whether this group, in this state, is one that `waiting` still waits for.
    #[must_use]
    pub fn holds_up(&self, state: &GroupState, waiting: GroupKey) -> bool {
        state.open > 0 && self.dependents.contains(&waiting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{JobKey, TaskId};
    use crate::job::Counts;
    use crate::task::TaskState;
    use crate::time::Timestamp;

    fn status(failed: u64, canceled: bool) -> JobStatus {
        let mut status = JobStatus::new(JobKey(1), 2);
        let mut counts = Counts::default();
        counts.add(TaskState::Queued, 2);
        counts.add(TaskState::Failed, failed);
        status.counts = counts;
        status.canceled = canceled;
        status
    }

    fn state(open: u64, blocked: u32) -> GroupState {
        GroupState { key: GroupKey(1), open, blocked, skipped: false }
    }

    #[test]
    fn in_10_the_first_reason_that_holds_is_given() {
        let table = [
            (1, true, 1, WaitsFor::RetryOfFailed),
            (1, false, 0, WaitsFor::RetryOfFailed),
            (0, true, 1, WaitsFor::RetryOfCanceled),
            (0, false, 1, WaitsFor::Dependencies),
            (0, false, 0, WaitsFor::Runner),
        ];
        for (failed, canceled, blocked, expected) in table {
            assert_eq!(state(2, blocked).waits_for(&status(failed, canceled)), expected);
        }
    }

    #[test]
    fn in_12_only_groups_that_are_not_complete_hold_up_others() {
        let group = Group {
            key: GroupKey(1),
            id: TaskId::from_u128(1).expect("not zero"),
            job: JobKey(1),
            parent: None,
            depth: 0,
            boundary: None,
            count: 2,
            dependents: vec![GroupKey(3)],
            dependencies: 0,
            slices: Vec::new(),
            submitted_at: Timestamp(0),
        };
        assert!(group.holds_up(&state(1, 0), GroupKey(3)));
        assert!(!group.holds_up(&state(0, 0), GroupKey(3)), "it is complete");
        assert!(!group.holds_up(&state(1, 0), GroupKey(5)), "nobody waits for it");
        assert!(state(1, 1).is_waiting() && !state(1, 0).is_waiting());
        assert!(!state(0, 1).is_waiting(), "no task is left that could wait");
        assert!(!GroupState { skipped: true, ..state(1, 1) }.is_waiting(), "its tasks are SKIPPED");
    }
}
