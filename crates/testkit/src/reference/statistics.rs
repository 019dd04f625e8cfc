//! Execution statistics and progress of a job (section 3.3, section 7.1).

use std::collections::BTreeMap;

use super::{Job, JobState, Time};

impl Job {
    /// J-30.
    pub(crate) fn first_task_started_at(&self) -> Option<Time> {
        self.tasks.iter().filter_map(|task| task.started_at).min()
    }

    /// J-31.
    pub(crate) fn last_task_stopped_at(&self) -> Option<Time> {
        self.tasks.iter().filter_map(|task| task.stopped_at).max()
    }

    /// J-32, in microseconds.
    pub(crate) fn compute_time(&self) -> i64 {
        let span = |task: &super::Task| Some((task.stopped_at? - task.started_at?).max(0));
        self.tasks.iter().filter_map(span).sum()
    }

    /// J-33, in microseconds.
    pub(crate) fn elapsed_time(&self) -> i64 {
        match (self.first_task_started_at(), self.last_task_stopped_at()) {
            (Some(first), Some(last)) => (last - first).max(0),
            _ => 0,
        }
    }

    /// J-34.
    pub(crate) fn parallelism(&self) -> f64 {
        if self.last_task_stopped_at().is_none() {
            return 0.0;
        }
        if self.elapsed_time() == 0 {
            return 1.0;
        }
        (self.compute_time() as f64 / self.elapsed_time() as f64).max(1.0)
    }

    /// J-24: the deprecated mark.
    pub(crate) fn legacy_canceled(&self) -> bool {
        matches!(self.state(), JobState::Failed | JobState::Canceled)
    }

    /// J-24: the deprecated state: QUEUED 1, STARTED 2, COMPLETED 3.
    pub(crate) fn legacy_state(&self) -> u8 {
        if self.state() == JobState::Completed {
            3
        } else if self.first_task_started_at().is_none() {
            1
        } else {
            2
        }
    }

    /// P-3, P-6: total and done by label, the unnamed indicator first.
    pub(crate) fn progress(&self) -> BTreeMap<String, (u64, u64)> {
        let mut sums: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        for reported in self.tasks.iter().flat_map(|task| &task.progress) {
            let sum = sums.entry(reported.label.clone()).or_default();
            *sum = (sum.0.saturating_add(reported.total), sum.1.saturating_add(reported.done));
        }
        sums
    }
}
