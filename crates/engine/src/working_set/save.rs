//! What has changed, for the store to write.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{New, NewGroupRow, Wakes, WorkingSet};
use crate::cluster::Cluster;
use crate::group::GroupState;
use crate::id::{ClassKey, GroupKey, JobId, JobKey, TaskKey};
use crate::identifier::{Class, Classes};
use crate::job::{Job, JobStatus};
use crate::progress::{Indicator, Indicators};
use crate::ready::{Ready, ReadyKey, ReadyRow};
use crate::table::Table;
use crate::task::Task;

/// What a store has to write.
#[derive(Debug)]
pub struct Changes<'a> {
    /// Clusters that changed: the new row, or none for a deleted one.
    pub clusters: Vec<(&'a str, Option<&'a Cluster>)>,
    /// New classes.
    pub classes: &'a [Arc<Class>],
    /// New jobs.
    pub jobs: &'a [Arc<Job>],
    /// Classes of a job's tasks, new for that job.
    pub job_classes: &'a [(JobKey, ClassKey)],
    /// Changed job counters, those of new jobs included.
    pub statuses: Vec<&'a JobStatus>,
    /// New groups and the inputs of their tasks.
    pub groups: &'a [NewGroupRow],
    /// Changed group counters, those of new groups included.
    pub group_states: Vec<&'a GroupState>,
    /// Changed tasks.
    pub tasks: Vec<&'a Task>,
    /// Replaced displays.
    pub displays: Vec<(TaskKey, &'a str)>,
    /// What tasks now report as progress, replacing all earlier rows of that task.
    pub task_progress: Vec<(TaskKey, &'a Indicators<(u64, u64)>)>,
    /// The indicators of jobs, replacing all earlier rows of that job.
    pub job_progress: Vec<(JobKey, &'a Indicators<Indicator>)>,
    /// Ready entries: the new row, or none for one that is gone.
    pub ready: Vec<(ReadyKey, Option<ReadyRow>)>,
    /// Jobs that entered (true) or left the queue of a class, each pair once.
    pub queue: Vec<(ClassKey, JobKey, bool)>,
}

impl Changes<'_> {
    /// Whether there is nothing to write. What is not looked at here changes only together with something that is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.statuses.is_empty()
            && self.tasks.is_empty()
            && self.ready.is_empty()
            && self.queue.is_empty()
            && self.clusters.is_empty()
            && self.group_states.is_empty()
            && self.classes.is_empty()
    }
}

impl WorkingSet {
    /// Everything that changed since the last [`WorkingSet::saved`].
    #[must_use]
    pub fn changes(&self) -> Changes<'_> {
        let mut clusters: Vec<&str> = self.new.clusters.iter().map(AsRef::as_ref).collect();
        clusters.sort_unstable();
        clusters.dedup();
        let queue: BTreeMap<_, _> = self.new.queue.iter().map(|(class, job, added)| ((*class, *job), *added)).collect();
        Changes {
            clusters: clusters.into_iter().map(|slug| (slug, self.clusters.find(slug))).collect(),
            classes: &self.new.classes,
            jobs: &self.new.jobs,
            job_classes: &self.new.job_classes,
            statuses: self.statuses.changed().map(|(_, status)| status).collect(),
            groups: &self.new.groups,
            group_states: self.group_states.changed().map(|(_, state)| state).collect(),
            tasks: self.tasks.changed().map(|(_, task)| task).collect(),
            displays: self.displays.changed().map(|(task, display)| (task, display.as_ref())).collect(),
            task_progress: self.task_progress.changed().collect(),
            job_progress: self.job_progress.changed().collect(),
            ready: self.ready.changes(),
            queue: queue.into_iter().map(|((class, job), added)| (class, job, added)).collect(),
        }
    }

    /// Notes that all changes are in the store, and forgets rows nothing that is still open will ask for.
    pub fn saved(&mut self) {
        let closed: Vec<GroupKey> =
            self.group_states.changed().filter(|(_, state)| state.open == 0).map(|(key, _)| key).collect();
        for key in closed {
            if let Some(group) = self.groups.remove(&key) {
                self.group_ids.remove(&group.id);
            }
        }
        let changed = self.statuses.changed().filter_map(|(key, _)| self.jobs.get(&key));
        self.changed_jobs.extend(changed.map(|job| job.id));
        let over: Vec<JobKey> =
            self.statuses.changed().filter(|(_, status)| status.is_over()).map(|(key, _)| key).collect();
        self.job_progress.saved(|_| false);
        self.statuses.saved(JobStatus::is_over);
        for key in over {
            if let Some(job) = self.jobs.remove(&key) {
                self.job_ids.remove(&job.id);
            }
            for class in self.job_classes.remove(&key).unwrap_or_default() {
                self.ready.forget(key, class);
            }
            self.job_progress.forget(key);
        }
        self.group_states.saved(|state| state.open == 0);
        self.tasks.saved(Task::is_cold);
        self.displays.saved(|_| true);
        self.task_progress.saved(|_| true);
        self.ready.saved();
        self.missing.clear();
        self.new = New { wakes: std::mem::take(&mut self.new.wakes), ..New::default() };
    }

    /// The tasks that became ready since the last call, by class; those taken in the same batch are counted too.
    pub fn take_wakes(&mut self) -> Wakes {
        let mut wakes = std::mem::take(&mut self.new.wakes);
        wakes.sort_unstable();
        wakes.dedup_by(|later, earlier| {
            let same = later.0 == earlier.0;
            if same {
                earlier.1 = earlier.1.saturating_add(later.1);
            }
            same
        });
        wakes
    }

    /// The jobs that changed and were saved since the last call: whatever happens to a task changes the counters or the
    /// times of its job, but for the extension of a lease. A job saved twice may be named twice.
    pub fn take_changed_jobs(&mut self) -> Vec<JobId> {
        std::mem::take(&mut self.changed_jobs)
    }

    /// How many rows are in memory, of all kinds that come and go with jobs.
    #[must_use]
    pub fn rows(&self) -> usize {
        let jobs = [self.jobs.len(), self.job_classes.len(), self.statuses.len(), self.job_progress.len()];
        let groups = [self.groups.len(), self.group_states.len()];
        let tasks = [self.tasks.len(), self.displays.len(), self.task_progress.len()];
        jobs.into_iter().chain(groups).chain(tasks).chain([self.ready.len()]).sum()
    }

    /// Ends a batch. On a database that others share, forgets every row that others may change from now on, and all
    /// changes that are not saved; what never changes stays, up to `kept_rows_max` jobs and groups. Elsewhere all stays.
    pub fn end_batch(&mut self, kept_rows_max: usize) {
        if !self.shared {
            return;
        }
        self.new = New::default();
        self.changed_jobs.clear();
        self.statuses = Table::default();
        self.job_classes.clear();
        self.group_states = Table::default();
        self.tasks = Table::default();
        self.displays = Table::default();
        self.task_progress = Table::default();
        self.job_progress = Table::default();
        self.ready = Ready::default();
        self.ready.own(self.keys.task..self.keys.task_end);
        self.queue.clear();
        self.missing.clear();
        self.scans.clear();
        self.catalog_held = false;
        if self.jobs.len() + self.groups.len() > kept_rows_max {
            self.jobs.clear();
            self.job_ids.clear();
            self.groups.clear();
            self.group_ids.clear();
        }
    }

    /// Forgets clusters, classes and what a failed batch added to them: they are to be loaded anew.
    pub fn forget_catalog(&mut self) {
        self.clusters = Arc::default();
        self.classes = Classes::default();
        self.catalog_version = None;
    }

    /// Forgets every loaded row. Only right when all changes are saved.
    pub fn clear(&mut self) {
        self.jobs.clear();
        self.job_ids.clear();
        self.job_classes.clear();
        self.statuses.clear();
        self.groups.clear();
        self.group_ids.clear();
        self.group_states.clear();
        self.tasks.clear();
        self.displays.clear();
        self.task_progress.clear();
        self.job_progress.clear();
        self.ready.clear();
        self.queue.clear();
        self.missing.clear();
    }
}
