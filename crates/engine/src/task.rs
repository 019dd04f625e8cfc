//! One task: its state, the only way the state changes, and what the server remembers about its executions.

use crate::id::{GroupKey, TaskKey};
use crate::time::Timestamp;

/// The state of a task (S-1). The numbers are those of the wire and the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum TaskState {
    /// Waits to be handed out.
    Queued = 1,
    /// Handed out, under a lease.
    Running = 2,
    /// Executed. Complete once its descendants are (T-92).
    Computed = 3,
    /// Failed for good; halts its job (S-22).
    Failed = 4,
    /// Never to be executed, because its optional branch failed (T-127).
    Skipped = 5,
    /// Failed for good inside an optional branch (T-126).
    FailedOptional = 6,
}

/// What can happen to a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskEvent {
    /// Handed out to a runner (S-4).
    Claimed,
    /// Reported computed (S-5).
    Computed,
    /// Put back to be handed out again: a retry, a hand-back, a lost lease (S-6).
    Returned,
    /// Failed for good, outside any optional branch (S-7).
    Failed,
    /// Failed for good, inside an optional branch (S-8).
    FailedOptional,
    /// Its optional branch failed (S-9).
    Skipped,
    /// Its job is retried (S-10).
    JobRetried,
}

/// A change of state no rule knows: a fault of the server, never of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a {state:?} task cannot be {event:?}")]
pub struct IllegalTransition {
    /// The state the task is in.
    pub state: TaskState,
    /// What was to happen to it.
    pub event: TaskEvent,
}

impl TaskState {
    /// Every state, in ascending number.
    pub const ALL: [Self; 6] =
        [Self::Queued, Self::Running, Self::Computed, Self::Failed, Self::Skipped, Self::FailedOptional];

    /// Reads a state from its number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|state| *state as u8 == number)
    }

    /// The only way a task changes state (S-4 to S-12). Anything not listed is refused.
    pub fn after(self, event: TaskEvent) -> Result<Self, IllegalTransition> {
        use TaskState::{Failed, FailedOptional, Queued, Running, Skipped};
        match (self, event) {
            (Queued, TaskEvent::Claimed) => Ok(Running),
            (Running, TaskEvent::Computed) => Ok(Self::Computed),
            (Running, TaskEvent::Returned) | (Failed, TaskEvent::JobRetried) => Ok(Queued),
            (Running, TaskEvent::Failed) => Ok(Failed),
            (Running, TaskEvent::FailedOptional) => Ok(FailedOptional),
            // A running task is skipped when it comes back to a branch that has failed (T-134).
            (Queued | Running, TaskEvent::Skipped) => Ok(Skipped),
            (state, event) => Err(IllegalTransition { state, event }),
        }
    }

    /// Whether the task will never run again (the settled states of the glossary).
    #[must_use]
    pub fn is_settled(self) -> bool {
        matches!(self, Self::Computed | Self::FailedOptional | Self::Skipped)
    }
}

/// The children of a task or the roots of a job: the tasks of one submission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Children {
    /// The first of them; the others follow.
    pub first: TaskKey,
    /// How many there are, at least one.
    pub count: u64,
}

impl Children {
    /// The key after the last of them.
    #[must_use]
    pub fn end(self) -> u64 {
        self.first.0 + self.count
    }
}

/// A task handed out at a certain time: the n-th hand-out of that task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The task.
    pub task: TaskKey,
    /// Which hand-out of the task, counted from one.
    pub hand_out: u32,
}

/// What changes about a task while it lives. A task that was never handed out has no such row: it is QUEUED, or SKIPPED
/// if its group says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// The task.
    pub key: TaskKey,
    /// The group it belongs to.
    pub group: GroupKey,
    /// Its state. Changed by `Task::turn` only.
    pub state: TaskState,
    /// Earlier executions that ended in a workflow failure or a lost lease, over the task's whole life (S-30).
    pub retry_count: u32,
    /// Workflow failures since the job was submitted or last retried; compared with max retries (T-110, J-65).
    pub failures: u32,
    /// Leases lost since the job was submitted or last retried (S-40).
    pub crashes: u32,
    /// Hand-backs in a row (S-33).
    pub hand_backs: u32,
    /// How often it was handed out.
    pub hand_outs: u32,
    /// Whether it ever lost a lease: then a late report may come from a runner that is not the last one.
    pub lease_lost: bool,
    /// Whether its present hand-out was given in answer to more than one call: then no single call gives it back.
    pub given_again: bool,
    /// Whether its optional branch has failed. Set on the boundary task of the branch only (T-127).
    pub branch_failed: bool,
    /// Whether a report replaced its display (T-41).
    pub display_set: bool,
    /// Whether it has reported progress.
    pub progress_set: bool,
    /// Start of the latest execution.
    pub started_at: Option<Timestamp>,
    /// End of the latest execution; none while it runs.
    pub stopped_at: Option<Timestamp>,
    /// When the lease ends; meaningful while RUNNING.
    pub lease_until: Timestamp,
    /// The tasks it submitted.
    pub children: Option<Children>,
    /// Groups among its children with tasks that are not complete.
    pub open_groups: u32,
    /// What was handed out in answer to the report that computed this task.
    pub answered_with: Option<Taken>,
}

impl Task {
    /// A task at its first hand-out.
    #[must_use]
    pub fn new(key: TaskKey, group: GroupKey) -> Self {
        Self {
            key,
            group,
            state: TaskState::Queued,
            retry_count: 0,
            failures: 0,
            crashes: 0,
            hand_backs: 0,
            hand_outs: 0,
            lease_lost: false,
            given_again: false,
            branch_failed: false,
            display_set: false,
            progress_set: false,
            started_at: None,
            stopped_at: None,
            lease_until: Timestamp::default(),
            children: None,
            open_groups: 0,
            answered_with: None,
        }
    }

    /// Changes the state by the one table of transitions.
    ///
    /// # Panics
    /// On a transition no rule knows; the command that asked for it must not be committed.
    pub(crate) fn turn(&mut self, event: TaskEvent) {
        match self.state.after(event) {
            Ok(state) => self.state = state,
            Err(illegal) => unreachable!("{illegal}: every caller checks the state first (task {:?})", self.key),
        }
    }

    /// Whether nothing that is still to come will read this row again in the usual run of things.
    pub(crate) fn is_cold(&self) -> bool {
        self.state.is_settled() && self.open_groups == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use TaskState::{Computed, Failed, FailedOptional, Queued, Running, Skipped};

    #[test]
    fn s_4_to_s_12_only_the_listed_transitions_exist() {
        let events = [
            TaskEvent::Claimed,
            TaskEvent::Computed,
            TaskEvent::Returned,
            TaskEvent::Failed,
            TaskEvent::FailedOptional,
            TaskEvent::Skipped,
            TaskEvent::JobRetried,
        ];
        let allowed: Vec<_> = TaskState::ALL
            .into_iter()
            .flat_map(|state| events.into_iter().filter_map(move |event| state.after(event).ok().map(|to| (state, to))))
            .collect();
        let expected = [
            (Queued, Running),
            (Queued, Skipped),
            (Running, Computed),
            (Running, Queued),
            (Running, Failed),
            (Running, FailedOptional),
            (Running, Skipped),
            (Failed, Queued),
        ];
        assert_eq!(allowed, expected);
    }

    #[test]
    fn s_11_settled_states_never_change_again() {
        assert_eq!([Queued, Running, Failed].map(TaskState::is_settled), [false; 3]);
        for state in [Computed, FailedOptional, Skipped] {
            assert!(state.is_settled());
            assert!(state.after(TaskEvent::JobRetried).is_err() && state.after(TaskEvent::Claimed).is_err());
        }
    }

    #[test]
    fn s_1_states_keep_their_wire_numbers() {
        assert_eq!(TaskState::ALL.map(|state| state as u8), [1, 2, 3, 4, 5, 6]);
        assert_eq!(TaskState::ALL.map(|state| TaskState::from_number(state as u8)), TaskState::ALL.map(Some));
        assert_eq!([0, 7].map(TaskState::from_number), [None; 2]);
    }
}
