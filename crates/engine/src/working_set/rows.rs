//! Reading and changing rows inside a step. What is not loaded stops the step.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::{Need, NewGroupRow, Queue, WorkingSet};
use crate::cluster::Clusters;
use crate::group::{Group, GroupState};
use crate::id::{ClassKey, GroupKey, JobId, JobKey, TaskId, TaskKey};
use crate::identifier::{Class, Classes, Identifier};
use crate::job::{Job, JobStatus};
use crate::progress::{Indicator, Indicators};
use crate::ready::{ENTRY_TASKS_MAX, Place, ReadyEntry, ReadyKey, ReadyRow};
use crate::step::Stop;
use crate::submission::Inputs;
use crate::task::Task;

impl WorkingSet {
    pub(crate) fn clusters(&self) -> &Clusters {
        &self.clusters
    }

    pub(crate) fn change_cluster(&mut self, slug: &str, change: impl FnOnce(&mut Clusters)) -> Result<(), Stop> {
        if !self.catalog_held {
            return Err(Need::Catalog.into());
        }
        change(Arc::make_mut(&mut self.clusters));
        self.new.clusters.push(slug.into());
        Ok(())
    }

    pub(crate) fn classes(&self) -> &Classes {
        &self.classes
    }

    /// The class of tasks of this cluster and identifier, made if it is new.
    pub(crate) fn class_for(&mut self, cluster: &Arc<str>, identifier: &Identifier) -> Result<ClassKey, Stop> {
        if let Some(key) = self.classes.find(cluster, identifier) {
            return Ok(key);
        }
        if !self.catalog_held {
            return Err(Need::Catalog.into());
        }
        let key = self.classes.next_key();
        let class = Arc::new(Class { key, cluster: cluster.clone(), identifier: identifier.clone() });
        self.classes.insert(class.clone());
        self.queue.insert(key, Queue::known([]));
        self.new.classes.push(class);
        Ok(key)
    }

    pub(crate) fn take_job_key(&mut self) -> Result<JobKey, Stop> {
        if self.keys.job >= self.keys.job_end {
            return Err(Need::JobKey.into());
        }
        self.keys.job += 1;
        Ok(JobKey(self.keys.job - 1))
    }

    pub(crate) fn take_task_keys(&mut self, count: u64) -> Result<TaskKey, Stop> {
        if self.keys.task_end - self.keys.task < count {
            return Err(Need::TaskKeys(count).into());
        }
        self.keys.task += count;
        Ok(TaskKey(self.keys.task - count))
    }

    pub(crate) fn job_by_id(&self, id: JobId) -> Result<JobKey, Stop> {
        match self.job_ids.get(&id) {
            Some(key) => Ok(*key),
            None if self.missing.contains(&Need::JobById(id)) => Err(Stop::not_found(format!("there is no job {id}"))),
            None => Err(Need::JobById(id).into()),
        }
    }

    pub(crate) fn job(&self, key: JobKey) -> Result<Arc<Job>, Stop> {
        self.jobs.get(&key).cloned().ok_or(Need::Job(key).into())
    }

    pub(crate) fn status(&self, key: JobKey) -> Result<&JobStatus, Stop> {
        self.statuses.get(key).ok_or(Need::Job(key).into())
    }

    pub(crate) fn status_mut(&mut self, key: JobKey) -> Result<&mut JobStatus, Stop> {
        self.statuses.get_mut(key).ok_or(Need::Job(key).into())
    }

    /// The classes of the job's tasks, in key order.
    pub(crate) fn job_classes(&self, key: JobKey) -> Result<&[ClassKey], Stop> {
        self.job_classes.get(&key).map(Vec::as_slice).ok_or(Need::Job(key).into())
    }

    pub(crate) fn insert_job(&mut self, job: Job) {
        let job = Arc::new(job);
        self.job_ids.insert(job.id, job.key);
        self.statuses.insert(job.key, JobStatus::new(job.key, 0));
        self.job_classes.insert(job.key, Vec::new());
        self.job_progress.load(job.key, BTreeMap::new());
        self.jobs.insert(job.key, job.clone());
        self.new.jobs.push(job);
    }

    /// Notes that the job has tasks of `class`; `new_job` if it has none in the store yet.
    pub(crate) fn add_job_class(&mut self, job: JobKey, class: ClassKey) -> Result<(), Stop> {
        let classes = self.job_classes.get_mut(&job).ok_or(Stop::from(Need::Job(job)))?;
        if let Err(place) = classes.binary_search(&class) {
            classes.insert(place, class);
            self.new.job_classes.push((job, class));
            self.ready.create(job, class);
        }
        Ok(())
    }

    pub(super) fn find_group_of(&self, task: TaskKey) -> Option<&Arc<Group>> {
        let (_, group) = self.groups.range(..=GroupKey(task.0)).next_back()?;
        group.holds(task).then_some(group)
    }

    pub(crate) fn group_of(&self, task: TaskKey) -> Result<Arc<Group>, Stop> {
        self.find_group_of(task).cloned().ok_or(Need::GroupOf(task).into())
    }

    pub(crate) fn group(&self, key: GroupKey) -> Result<Arc<Group>, Stop> {
        self.groups.get(&key).cloned().ok_or(Need::GroupOf(key.first_task()).into())
    }

    pub(crate) fn group_state(&self, key: GroupKey) -> Result<&GroupState, Stop> {
        self.group_states.get(key).ok_or(Need::GroupOf(key.first_task()).into())
    }

    pub(crate) fn group_state_mut(&mut self, key: GroupKey) -> Result<&mut GroupState, Stop> {
        self.group_states.get_mut(key).ok_or(Need::GroupOf(key.first_task()).into())
    }

    pub(crate) fn insert_group(&mut self, group: Group, state: GroupState, inputs: Inputs) {
        let group = Arc::new(group);
        self.group_ids.insert(group.id, group.key);
        self.group_states.insert(group.key, state);
        self.groups.insert(group.key, group.clone());
        self.new.groups.push(NewGroupRow { group, inputs });
    }

    pub(super) fn find_task_by_id(&self, id: TaskId) -> Option<TaskKey> {
        let (_, key) = self.group_ids.range(..=id).next_back()?;
        self.groups.get(key)?.task_with_id(id)
    }

    /// The key of the task with this id.
    pub(crate) fn task_by_id(&self, id: TaskId) -> Result<TaskKey, Stop> {
        match self.find_task_by_id(id) {
            Some(key) => Ok(key),
            None if self.missing.contains(&Need::TaskById(id)) => {
                Err(Stop::not_found(format!("there is no task {id}")))
            }
            None => Err(Need::TaskById(id).into()),
        }
    }

    /// The row of a task; none if it was never handed out.
    pub(crate) fn find_task(&self, key: TaskKey) -> Result<Option<&Task>, Stop> {
        match self.tasks.get(key) {
            Some(task) => Ok(Some(task)),
            None if self.missing.contains(&Need::Task(key)) => Ok(None),
            None => Err(Need::Task(key).into()),
        }
    }

    /// The row of a task that was handed out before.
    pub(crate) fn task(&self, key: TaskKey) -> Result<&Task, Stop> {
        self.tasks.get(key).ok_or(Need::Task(key).into())
    }

    pub(crate) fn task_mut(&mut self, key: TaskKey) -> Result<&mut Task, Stop> {
        self.tasks.get_mut(key).ok_or(Need::Task(key).into())
    }

    pub(crate) fn insert_task(&mut self, task: Task) {
        self.tasks.insert(task.key, task);
    }

    pub(crate) fn display(&self, task: TaskKey) -> Result<Arc<str>, Stop> {
        self.displays.get(task).cloned().ok_or(Need::Display(task).into())
    }

    pub(crate) fn put_display(&mut self, task: TaskKey, display: &str) {
        self.displays.insert(task, display.into());
    }

    pub(crate) fn task_progress(&self, task: TaskKey) -> Result<&Indicators<(u64, u64)>, Stop> {
        self.task_progress.get(task).ok_or(Need::TaskProgress(task).into())
    }

    pub(crate) fn put_task_progress(&mut self, task: TaskKey, rows: Indicators<(u64, u64)>) {
        self.task_progress.insert(task, rows);
    }

    pub(crate) fn job_progress(&self, job: JobKey) -> Result<&Indicators<Indicator>, Stop> {
        self.job_progress.get(job).ok_or(Need::JobProgress(job).into())
    }

    pub(crate) fn put_job_progress(&mut self, job: JobKey, rows: Indicators<Indicator>) {
        self.job_progress.insert(job, rows);
    }

    pub(crate) fn scan(&self, need: Need) -> Result<&[u64], Stop> {
        self.scans.get(&need).map(Vec::as_slice).ok_or(need.into())
    }

    /// The oldest job that may have ready tasks of a class.
    pub(crate) fn first_queued(&self, class: ClassKey) -> Result<Option<JobKey>, Stop> {
        self.queue.get(&class).and_then(Queue::first).ok_or(Need::Queue(class).into())
    }

    pub(crate) fn enqueue(&mut self, class: ClassKey, job: JobKey) -> Result<(), Stop> {
        if self.shared {
            self.queue.entry(class).or_default();
        }
        let queue = self.queue.get_mut(&class).ok_or(Stop::from(Need::Queue(class)))?;
        if queue.jobs.insert(job) {
            self.new.queue.push((class, job, true));
        }
        Ok(())
    }

    pub(crate) fn dequeue(&mut self, class: ClassKey, job: JobKey) {
        if self.queue.get_mut(&class).is_some_and(|queue| queue.jobs.remove(&job)) {
            self.new.queue.push((class, job, false));
        }
    }

    /// What must be loaded to say something about a range of ready tasks.
    fn ready_need(&self, job: JobKey, class: ClassKey, unknown: Range<Place>) -> Stop {
        if self.ready.is_known(job, class) {
            Need::ReadyWithin(job, class, unknown.start, unknown.end).into()
        } else {
            Need::Ready(job, class).into()
        }
    }

    pub(crate) fn first_ready(
        &self,
        job: JobKey,
        class: ClassKey,
        within: Range<Place>,
    ) -> Result<Option<(Place, ReadyEntry)>, Stop> {
        self.ready.first(job, class, within).map_err(|unknown| self.ready_need(job, class, unknown))
    }

    pub(crate) fn all_ready(
        &self,
        job: JobKey,
        class: ClassKey,
        within: Range<Place>,
    ) -> Result<Vec<(Place, ReadyEntry)>, Stop> {
        self.ready.all(job, class, within).map_err(|unknown| self.ready_need(job, class, unknown))
    }

    /// Adds the tasks from `first` to `end` of one class as ready, in rows of bounded size.
    pub(crate) fn add_ready(
        &mut self,
        job: JobKey,
        class: ClassKey,
        depth: u32,
        tasks: Range<u64>,
        group: GroupKey,
        returned: bool,
    ) -> Result<(), Stop> {
        if self.shared {
            self.ready.open(job, class);
        } else if !self.ready.is_known(job, class) {
            return Err(Need::Ready(job, class).into());
        }
        let mut first = tasks.start;
        while first < tasks.end {
            let end = tasks.end.min(first + ENTRY_TASKS_MAX);
            let key = ReadyKey { job, class, depth, first, returned };
            self.ready.insert(key, ReadyRow { next: first, end, group });
            first = end;
        }
        self.new.wakes.push((class, tasks.end - tasks.start));
        Ok(())
    }

    /// Wakes those who wait for work of these classes.
    pub(crate) fn wake(&mut self, classes: &[ClassKey]) {
        self.new.wakes.extend(classes.iter().map(|class| (*class, u64::MAX)));
    }

    pub(crate) fn take_ready(&mut self, job: JobKey, class: ClassKey, place: Place) {
        self.ready.take_first(job, class, place);
    }

    pub(crate) fn remove_ready(&mut self, job: JobKey, class: ClassKey, place: Place) {
        self.ready.remove(job, class, place);
    }
}
