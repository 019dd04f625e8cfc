//! What clients and runners were told, to be held against the server later: an answer that left is a promise.

use std::collections::{BTreeMap, BTreeSet};

use boxwood_engine::{JobId, TaskId, TaskState, Timestamp};
use boxwood_store::Reader;

/// Promises made so far.
#[derive(Default)]
pub(super) struct Receipts {
    jobs: BTreeSet<JobId>,
    /// Tasks of which an execution was reported, and when that execution had started. It must not go on.
    reported: BTreeMap<TaskId, BTreeSet<Timestamp>>,
    /// Tasks that somebody was told are settled. They stay so (S-11).
    settled: BTreeMap<TaskId, TaskState>,
}

impl Receipts {
    /// Somebody was told that a job was accepted.
    pub(super) fn accepted(&mut self, job: JobId) {
        self.jobs.insert(job);
    }

    /// Somebody was told that a report was stored.
    pub(super) fn stored(&mut self, task: TaskId, started: Timestamp, state: Option<TaskState>) {
        self.reported.entry(task).or_default().insert(started);
        if let Some(state) = state.filter(|state| state.is_settled()) {
            self.settled.insert(task, state);
        }
    }

    /// Checks that the server remembers all of it.
    ///
    /// # Panics
    /// If it does not.
    pub(super) fn check(&self, reader: &dyn Reader) {
        let mut states = BTreeMap::new();
        for job in &self.jobs {
            let graph = reader.graph(*job, usize::MAX).expect("the store works");
            let graph = graph.unwrap_or_else(|| panic!("N-21: job {job} was accepted and is gone"));
            states.extend(graph.tasks.into_iter().map(|task| (task.id, (task.state, task.started_at))));
        }
        for (task, executions) in &self.reported {
            // Of a job whose acceptance nobody was told of.
            let Some((state, started)) = states.get(task) else { continue };
            let goes_on = *state == TaskState::Running && started.is_some_and(|started| executions.contains(&started));
            assert!(!goes_on, "N-21: the report of task {task} was stored and is gone");
        }
        for (task, settled) in &self.settled {
            let Some((state, _)) = states.get(task) else { continue };
            assert_eq!(state, settled, "N-21, S-11: what somebody was told of task {task}");
        }
    }
}
