//! Looking at the world.

use std::sync::Arc;

use boxwood_engine::{JobId, JobState, JobStatus, Settings, TaskKey, TaskState};
use boxwood_store::{JobView, Reader, TaskView};

use super::{Event, World};

impl World {
    /// The state of a task, by name.
    ///
    /// # Panics
    /// If no task that exists, or more than one, has that name.
    #[must_use]
    pub fn state(&self, name: &str) -> TaskState {
        self.rows().state(self.key(name))
    }

    /// The key of a task, by name.
    ///
    /// # Panics
    /// If no task that exists, or more than one, has that name.
    #[must_use]
    pub fn key(&self, name: &str) -> TaskKey {
        let rows = self.rows();
        let named = rows.all_tasks().filter(|(_, _, input)| self.catalog.task(input).plan.name == name);
        let keys: Vec<TaskKey> = named.map(|(key, ..)| key).collect();
        assert!(keys.len() == 1, "{} tasks are called {name:?}", keys.len());
        keys[0]
    }

    /// Every task with its state, in the order of submission: `a Computed, b Queued`.
    #[must_use]
    pub fn states(&self) -> String {
        let rows = self.rows();
        let tasks = rows.all_tasks();
        let states =
            tasks.map(|(key, _, input)| format!("{} {:?}", self.catalog.task(input).plan.name, rows.state(key)));
        states.collect::<Vec<_>>().join(", ")
    }

    /// The names of the tasks handed out so far, in that order.
    #[must_use]
    pub fn order(&self) -> String {
        self.order.join(" ")
    }

    /// Whether a task with that name exists.
    #[must_use]
    pub fn exists(&self, name: &str) -> bool {
        self.rows().all_tasks().any(|(_, _, input)| self.catalog.task(input).plan.name == name)
    }

    /// A task as clients see it.
    #[must_use]
    pub fn task(&self, name: &str) -> TaskView {
        let key = self.key(name);
        let rows = self.rows();
        let job = rows.jobs[&rows.group_of(key).group.job].id;
        let graph = self.reader.graph(job, usize::MAX).expect("the store works").expect("a stored job");
        graph.tasks.into_iter().find(|task| task.key == key).expect("a task of its job")
    }

    /// A job as clients see it.
    #[must_use]
    pub fn job_view(&self, job: usize) -> JobView {
        self.reader.job(self.jobs[job]).expect("the store works").expect("a stored job")
    }

    /// The counters of a job.
    #[must_use]
    pub fn status(&self, job: usize) -> JobStatus {
        self.job_view(job).status
    }

    /// The state of a job.
    #[must_use]
    pub fn job_state(&self, job: usize) -> JobState {
        self.status(job).state()
    }

    /// The indicators of a job: label, total, done.
    #[must_use]
    pub fn progress(&self, job: usize) -> Vec<(String, u64, u64)> {
        self.job_view(job).progress.into_iter().map(|(label, sum)| (label, sum.total, sum.done)).collect()
    }

    /// The id of a job.
    #[must_use]
    pub fn job_id(&self, job: usize) -> JobId {
        self.jobs[job]
    }

    /// Queries on committed rows.
    #[must_use]
    pub fn reader(&self) -> Arc<dyn Reader> {
        self.reader.clone()
    }

    /// The numbers of the rules.
    #[must_use]
    pub fn rules(&self) -> Settings {
        self.set.settings.clone()
    }

    /// Everything that happened so far.
    #[must_use]
    pub fn history(&self) -> &[Event] {
        &self.history
    }
}
