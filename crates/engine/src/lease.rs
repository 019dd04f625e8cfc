//! Leases: given with every hand-out, extended while the task runs, ended by time (R-30 to R-35, S-40 to S-42).

use std::time::Duration;

use crate::command::Reply;
use crate::fail;
use crate::id::{TaskId, TaskKey};
use crate::settings::Settings;
use crate::step::Stop;
use crate::task::{Taken, TaskState};
use crate::time::Timestamp;
use crate::working_set::WorkingSet;

/// An answer that comes within this time is as good as one that comes at once: it says a lease in whole seconds.
const GOOD_TIME: Duration = Duration::from_secs(1);

/// A lease as granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// How long it runs from now, at least a second.
    pub length: Duration,
    /// How long the runner should wait before it extends the lease.
    pub wait: Duration,
}

impl Lease {
    /// The shortest that runners understand.
    pub const SHORTEST: Self = Self { length: Duration::from_secs(1), wait: Duration::from_secs(1) };

    /// The lease given with a hand-out.
    pub(crate) fn first(settings: &Settings) -> Self {
        Self::of_length(settings, settings.lease_first)
    }

    /// The lease granted for a request: the time asked for within the bounds of R-31.
    pub(crate) fn extended(settings: &Settings, requested: Duration) -> Self {
        Self::of_length(settings, requested.min(settings.lease_max).max(settings.lease_first))
    }

    /// What to say of a lease that was granted some time ago: what is left of it, as it counts from the hand-out, or
    /// nothing if that is less than runners understand. An answer in good time says the whole.
    #[must_use]
    pub fn left_after(self, passed: Duration) -> Option<Self> {
        if passed < GOOD_TIME {
            return Some(self);
        }
        let length = self.length.checked_sub(passed).filter(|left| *left >= Self::SHORTEST.length)?;
        let wait = self.wait.saturating_sub(passed).max(Self::SHORTEST.wait).min(length);
        Some(Self { length, wait })
    }

    fn of_length(settings: &Settings, length: Duration) -> Self {
        let margin = (length / 3).max(settings.lease_margin).min(length / 2);
        Self { length, wait: length - margin }
    }
}

/// Extends the lease of a running task; refuses with an empty lease, never an error.
pub(crate) fn extend(set: &mut WorkingSet, id: TaskId, requested: Duration, now: Timestamp) -> Result<Reply, Stop> {
    let key = match set.task_by_id(id) {
        Ok(key) => key,
        Err(Stop::Refused(_)) => return Ok(Reply::Lease(None)),
        Err(need) => return Err(need),
    };
    if set.find_task(key)?.is_none_or(|task| task.state != TaskState::Running) {
        return Ok(Reply::Lease(None));
    }
    let lease = Lease::extended(&set.settings, requested);
    let task = set.task_mut(key)?;
    task.lease_until = now.plus(lease.length);
    Ok(Reply::Lease(Some(lease)))
}

/// Ends an execution whose lease has run out (S-40). Does nothing if the lease was extended or the task reported.
pub(crate) fn expire(set: &mut WorkingSet, key: TaskKey, now: Timestamp) -> Result<Reply, Stop> {
    let Some(task) = set.find_task(key)? else {
        return Ok(Reply::Done);
    };
    if task.state != TaskState::Running || task.lease_until > now {
        return Ok(Reply::Done);
    }
    let ended = task.lease_until;
    let task = set.task_mut(key)?;
    task.lease_lost = true;
    task.retry_count += 1;
    task.crashes += 1;
    task.hand_backs = 0;
    let give_up = task.crashes > set.settings.crash_retries_max;
    fail::stop(set, key, ended)?;
    if give_up && !fail::in_failed_branch(set, key)? {
        let line = format!(
            "lost its lease {} times; its runners crashed or lost their connection",
            set.settings.crash_retries_max + 1
        );
        fail::add_display_line(set, key, "", &line)?;
        fail::for_good(set, key)?;
    } else {
        fail::put_back(set, key)?;
    }
    Ok(Reply::TaskState(set.task(key)?.state))
}

/// Takes back a hand-out that no runner has received. Costs the task nothing. One that was given again stays: its answers
/// may reach the servers' ends in any order, and a runner may have got the other one.
pub(crate) fn give_back(set: &mut WorkingSet, taken: Taken, now: Timestamp) -> Result<Reply, Stop> {
    let Some(task) = set.find_task(taken.task)? else {
        return Ok(Reply::Done);
    };
    if task.state != TaskState::Running || task.hand_outs != taken.hand_out || task.given_again {
        return Ok(Reply::Done);
    }
    fail::stop(set, taken.task, now)?;
    fail::put_back(set, taken.task)?;
    Ok(Reply::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r_30_the_first_lease_is_15_seconds_with_a_wait_of_10() {
        let lease = Lease::first(&Settings::default());
        assert_eq!((lease.length.as_secs(), lease.wait.as_secs()), (15, 10));
    }

    #[test]
    fn r_30_r_32_a_late_answer_says_what_is_left_of_a_lease() {
        let said = |passed| Lease::first(&Settings::default()).left_after(Duration::from_millis(passed));
        let millis = |lease: Lease| (lease.length.as_millis(), lease.wait.as_millis());
        for (passed, left) in [
            (0, Some((15_000, 10_000))),
            (999, Some((15_000, 10_000))),
            (1_000, Some((14_000, 9_000))),
            (9_500, Some((5_500, 1_000))),
            (14_000, Some((1_000, 1_000))),
            (14_001, None),
            (60_000, None),
        ] {
            assert_eq!(said(passed).map(millis), left, "after {passed} ms");
        }
    }

    #[test]
    fn r_31_extensions_grant_what_is_asked_between_15_and_60_seconds() {
        let settings = Settings::default();
        for (asked, granted, wait) in [(0, 15, 10), (28, 28, 18), (30, 30, 20), (60, 60, 40), (1000, 60, 40)] {
            let lease = Lease::extended(&settings, Duration::from_secs(asked));
            assert_eq!((lease.length.as_secs(), lease.wait.as_secs()), (granted, wait), "asked for {asked}");
        }
    }
}
