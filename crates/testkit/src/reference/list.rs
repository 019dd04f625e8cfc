//! Finding jobs (J-42 to J-59).

use std::ops::{Bound, RangeBounds as _};

use super::{Job, JobState, Model, State, Time};

/// An interval.
pub(crate) type Interval<T> = (Bound<T>, Bound<T>);

/// J-42: all must hold; an empty list holds always.
#[derive(Clone, Debug)]
pub(crate) struct Filter {
    pub(crate) submitted: Interval<Time>,
    pub(crate) ids: Interval<u128>,
    pub(crate) states: Vec<u8>,
    /// J-46, in lower case.
    pub(crate) words: Vec<String>,
    pub(crate) task_states: Vec<u8>,
    pub(crate) automations: Vec<u128>,
    pub(crate) clusters: Vec<String>,
    pub(crate) ascending: bool,
    pub(crate) after: Option<u128>,
    pub(crate) limit: usize,
}

impl Filter {
    /// J-43 to J-50.
    fn matches(&self, job: &Job) -> bool {
        let any = |wanted: bool, holds: bool| !wanted || holds;
        // J-46: these and blanks are alike.
        let name = job.name.to_lowercase().replace(['-', '_', '.', '/'], " ");
        self.submitted.contains(&job.submitted_at)
            && self.ids.contains(&job.id)
            && any(!self.states.is_empty(), self.states.contains(&(job.state() as u8)))
            && self.words.iter().all(|word| name.contains(word.as_str()))
            && any(
                !self.task_states.is_empty(),
                job.tasks.iter().any(|task| self.task_states.contains(&(task.state as u8))),
            )
            && any(!self.automations.is_empty(), job.automation.is_some_and(|id| self.automations.contains(&id)))
            && any(!self.clusters.is_empty(), job.tasks.iter().any(|task| self.clusters.contains(&task.cluster)))
    }
}

/// J-59.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Queue {
    pub(crate) waiting: u64,
    pub(crate) running: u64,
    pub(crate) queued_tasks: u64,
    pub(crate) oldest_waiting: Option<u128>,
}

impl Model {
    /// J-51 to J-54: the ids of a page of jobs, and whether more follow.
    pub(crate) fn list_jobs(&self, filter: &Filter) -> (Vec<u128>, bool) {
        let mut found: Vec<u128> = self.jobs.iter().filter(|job| filter.matches(job)).map(|job| job.id).collect();
        found.sort_unstable();
        if !filter.ascending {
            found.reverse();
        }
        if let Some(after) = filter.after {
            found.retain(|id| if filter.ascending { *id > after } else { *id < after });
        }
        let more = found.len() > filter.limit;
        found.truncate(filter.limit);
        (found, more)
    }

    fn submitted_in(&self, interval: Interval<Time>) -> impl Iterator<Item = &Job> {
        self.jobs.iter().filter(move |job| interval.contains(&job.submitted_at))
    }

    /// J-58: how many jobs are in each state, by number of the state.
    pub(crate) fn count_states(&self, interval: Interval<Time>) -> Vec<(u8, u64)> {
        let count = |number: u8| {
            let jobs = self.submitted_in(interval).filter(|job| job.state() as u8 == number);
            (number, jobs.count() as u64)
        };
        (1..=6).map(count).filter(|(_, jobs)| *jobs > 0).collect()
    }

    /// J-59.
    pub(crate) fn queue(&self, interval: Interval<Time>) -> Queue {
        let waits = |job: &&Job| matches!(job.state(), JobState::Submitted | JobState::Started);
        let runs = |job: &&Job| job.state() == JobState::Running;
        let queued = self.submitted_in(interval).filter(|job| waits(job) || runs(job));
        Queue {
            waiting: self.submitted_in(interval).filter(waits).count() as u64,
            running: self.submitted_in(interval).filter(runs).count() as u64,
            queued_tasks: queued.map(|job| job.count(State::Queued)).sum(),
            oldest_waiting: self.submitted_in(interval).filter(waits).map(|job| job.id).min(),
        }
    }
}
