//! Leases (section 4.3, S-40), and hand-outs that reached nobody.

use std::time::Duration;

use super::{Model, Numbers, Place, State, Time};

/// A lease as it is granted: how long it runs, and how long to wait before extending it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lease {
    pub(crate) length: Duration,
    pub(crate) wait: Duration,
}

impl Lease {
    ///
    pub(crate) fn first(numbers: &Numbers) -> Self {
        Self::of(numbers, numbers.first_lease)
    }

    /// wait until one third of it is left, at least five seconds; but half of it, if it is shorter than ten.
    fn of(numbers: &Numbers, length: Duration) -> Self {
        let left = (length / 3).max(numbers.lease_left);
        Self { length, wait: if length < left * 2 { length - length / 2 } else { length - left } }
    }

    /// When it ends, if it is granted now.
    pub(crate) fn end(self, now: Time) -> Time {
        now + i64::try_from(self.length.as_micros()).expect("a short time")
    }
}

impl Model {
    /// the lease granted; none for a task that is not RUNNING or does not exist.
    pub(crate) fn extend(&mut self, id: u128, asked: Duration, now: Time) -> Option<Lease> {
        let place = self.find_task(id).ok()?;
        if self.task(place).state != State::Running {
            return None;
        }
        let length = asked.clamp(self.numbers.first_lease, self.numbers.longest_lease);
        let lease = Lease::of(&self.numbers, length);
        self.task_mut(place).lease_until = lease.end(now);
        Some(lease)
    }

    /// S-40: a lease that has ended ends the execution, at the time the lease ended. Answers the state of the task then;
    /// nothing if its lease has not ended.
    pub(crate) fn expire(&mut self, place: Place, now: Time) -> Option<State> {
        if self.task(place).state != State::Running || self.task(place).lease_until > now {
            return None;
        }
        let lost_leases_max = self.numbers.lost_leases_max;
        let (job, at) = (&mut self.jobs[place.0], place.1);
        let branch_failed = job.is_in_failed_branch(at);
        let task = &mut job.tasks[at];
        task.retry_count += 1;
        task.lost_leases += 1;
        task.hand_backs = 0;
        task.ever_lost_a_lease = true;
        let (ended, lost) = (task.lease_until, task.lost_leases);
        job.come_back(at, ended);
        if lost > lost_leases_max && !branch_failed {
            job.tasks[at].display.add_line(&lost.to_string());
            job.fail_for_good(at);
        }
        Some(job.tasks[at].state)
    }

    /// The tasks whose lease has ended.
    pub(crate) fn ended_leases(&self, now: Time) -> Vec<u128> {
        let tasks = self.jobs.iter().flat_map(|job| &job.tasks);
        let ended = tasks.filter(|task| task.state == State::Running && task.lease_until <= now);
        ended.map(|task| task.id).collect()
    }

    /// the n-th hand-out of a task is given back, if it was given once. It costs the task nothing.
    pub(crate) fn give_back(&mut self, place: Place, hand_out: u32, now: Time) {
        let task = self.task(place);
        if task.state == State::Running && task.hand_outs == hand_out && !task.given_again {
            self.jobs[place.0].come_back(place.1, now);
        }
    }
}
