//! One task (section 1, section 2).

use std::cmp::Ordering;

use super::{Display, Place, Progress, Time};

/// S-1, with the numbers of the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Queued = 1,
    Running = 2,
    Computed = 3,
    Failed = 4,
    Skipped = 5,
    FailedOptional = 6,
}

impl State {
    /// The glossary: a task in state COMPUTED, FAILED_OPTIONAL or SKIPPED.
    pub(crate) fn is_settled(self) -> bool {
        matches!(self, Self::Computed | Self::FailedOptional | Self::Skipped)
    }
}

/// T-50: a name and a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identifier {
    pub(crate) name: String,
    pub(crate) version: String,
}

impl Identifier {
    /// Major and minor as numbers (T-60).
    fn numbers(&self) -> (u64, u64) {
        let (major, minor) = self.version.trim_start_matches('v').split_once('.').expect("v<major>.<minor>");
        let number = |digits: &str| digits.parse().unwrap_or(u64::MAX);
        (number(major), number(minor))
    }

    /// T-55 to T-60: whether a runner that advertises `self` may run a task submitted as `wanted`.
    pub(crate) fn runs(&self, wanted: &Self) -> bool {
        let ((major, minor), (wanted_major, wanted_minor)) = (self.numbers(), wanted.numbers());
        self.name == wanted.name && major == wanted_major && minor >= wanted_minor
    }

    /// T-62: which of two compatible identifiers a task submitted as `self` is handed out under.
    pub(crate) fn prefers(&self, one: &Self, other: &Self) -> Ordering {
        match (one == self, other == self) {
            (true, false) => Ordering::Greater,
            (false, true) => Ordering::Less,
            _ => one.numbers().1.cmp(&other.numbers().1),
        }
    }
}

/// One task.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Task {
    pub(crate) id: u128,
    /// The task of the same job that submitted it; none for a root task.
    pub(crate) parent: Option<usize>,
    /// The tasks of the same job it depends on (T-81, T-97).
    pub(crate) dependencies: Vec<usize>,
    pub(crate) cluster: String,
    pub(crate) identifier: Identifier,
    pub(crate) input: Vec<u8>,
    pub(crate) max_retries: u32,
    pub(crate) optional: bool,
    pub(crate) submitted_at: Time,
    pub(crate) display: Display,
    pub(crate) state: State,
    /// Of the latest execution (S-4 to S-6).
    pub(crate) started_at: Option<Time>,
    pub(crate) stopped_at: Option<Time>,
    /// Only means something while RUNNING.
    pub(crate) lease_until: Time,
    /// The glossary's hand-out number.
    pub(crate) hand_outs: u32,
    /// Workflow failures and lost leases (S-30).
    pub(crate) retry_count: u32,
    /// Workflow failures of the present allowance (T-110, J-65).
    pub(crate) failures: u32,
    /// Lost leases of the present allowance (S-40, J-65).
    pub(crate) lost_leases: u32,
    /// Hand-backs in a row (S-33).
    pub(crate) hand_backs: u32,
    /// Whether its present hand-out was given again.
    pub(crate) given_again: bool,
    /// The last words of R-40.
    pub(crate) ever_lost_a_lease: bool,
    /// What its latest report with a progress list said (P-3 to P-5).
    pub(crate) progress: Vec<Progress>,
    /// The hand-out made in answer to the report that computed it: a task and its hand-out number.
    pub(crate) answered_with: Option<(Place, u32)>,
}

impl Task {
    /// The end of an execution (S-5, S-6).
    pub(crate) fn stop(&mut self, state: State, at: Time) {
        self.state = state;
        self.stopped_at = Some(at);
    }
}
