//! The rows, and what can be written to them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;
use std::sync::Arc;

use boxwood_engine::{
    Changes, Class, ClassKey, Cluster, Group, GroupKey, GroupState, Indicator, Indicators, Inputs, Job, JobId, JobKey,
    JobStatus, ReadyKey, ReadyRow, Task, TaskId, TaskKey, TaskState,
};

/// Every row of a database, with the indexes that searches need.
#[derive(Clone, Default)]
pub(super) struct Rows {
    pub(super) clusters: BTreeMap<Arc<str>, Cluster>,
    pub(super) classes: BTreeMap<ClassKey, Arc<Class>>,
    pub(super) jobs: BTreeMap<JobKey, Arc<Job>>,
    pub(super) job_ids: BTreeMap<JobId, JobKey>,
    pub(super) fingerprints: HashMap<u128, JobKey>,
    pub(super) job_classes: HashMap<JobKey, BTreeSet<ClassKey>>,
    pub(super) statuses: HashMap<JobKey, JobStatus>,
    pub(super) job_progress: HashMap<JobKey, Indicators<Indicator>>,
    pub(super) groups: BTreeMap<GroupKey, (Arc<Group>, Inputs)>,
    pub(super) group_ids: BTreeMap<TaskId, GroupKey>,
    pub(super) group_states: HashMap<GroupKey, GroupState>,
    pub(super) job_groups: BTreeSet<(JobKey, GroupKey)>,
    pub(super) tasks: BTreeMap<TaskKey, Task>,
    pub(super) failed: BTreeSet<(JobKey, TaskKey)>,
    pub(super) displays: HashMap<TaskKey, Arc<str>>,
    pub(super) task_progress: HashMap<TaskKey, Indicators<(u64, u64)>>,
    pub(super) ready: BTreeMap<ReadyKey, ReadyRow>,
    pub(super) queue: BTreeSet<(ClassKey, JobKey)>,
    running: BTreeSet<TaskKey>,
}

/// One row to be written, or to be removed where that can happen.
#[derive(Clone)]
pub(super) enum Write {
    Cluster(Arc<str>, Option<Cluster>),
    Class(Arc<Class>),
    Job(Arc<Job>),
    JobClass(JobKey, ClassKey),
    Status(JobStatus),
    Group(Arc<Group>, Inputs),
    GroupState(GroupState),
    Task(Task),
    Display(TaskKey, Arc<str>),
    TaskProgress(TaskKey, Indicators<(u64, u64)>),
    JobProgress(JobKey, Indicators<Indicator>),
    Ready(ReadyKey, Option<ReadyRow>),
    Queue(ClassKey, JobKey, bool),
}

/// Changes as rows to be written, in an order in which each finds the rows it refers to.
pub(super) fn writes(changes: &Changes<'_>) -> Vec<Write> {
    let mut writes = Vec::new();
    let clusters = changes.clusters.iter();
    writes.extend(clusters.map(|(slug, cluster)| Write::Cluster((*slug).into(), (*cluster).cloned())));
    writes.extend(changes.classes.iter().cloned().map(Write::Class));
    writes.extend(changes.jobs.iter().cloned().map(Write::Job));
    writes.extend(changes.job_classes.iter().map(|(job, class)| Write::JobClass(*job, *class)));
    writes.extend(changes.statuses.iter().map(|status| Write::Status((*status).clone())));
    writes.extend(changes.groups.iter().map(|row| Write::Group(row.group.clone(), row.inputs.clone())));
    writes.extend(changes.group_states.iter().map(|state| Write::GroupState((*state).clone())));
    writes.extend(changes.tasks.iter().map(|task| Write::Task((*task).clone())));
    writes.extend(changes.displays.iter().map(|(task, display)| Write::Display(*task, (*display).into())));
    writes.extend(changes.task_progress.iter().map(|(task, rows)| Write::TaskProgress(*task, (*rows).clone())));
    writes.extend(changes.job_progress.iter().map(|(job, rows)| Write::JobProgress(*job, (*rows).clone())));
    writes.extend(changes.ready.iter().map(|(key, row)| Write::Ready(*key, *row)));
    writes.extend(changes.queue.iter().map(|(class, job, added)| Write::Queue(*class, *job, *added)));
    writes
}

impl Rows {
    /// Writes one row.
    pub(super) fn put(&mut self, write: Write) {
        match write {
            Write::Cluster(slug, Some(cluster)) => {
                self.clusters.insert(slug, cluster);
            }
            Write::Cluster(slug, None) => {
                self.clusters.remove(&slug);
            }
            Write::Class(class) => {
                self.classes.insert(class.key, class);
            }
            Write::Job(job) => {
                self.job_ids.insert(job.id, job.key);
                self.fingerprints.insert(job.fingerprint, job.key);
                self.jobs.insert(job.key, job);
            }
            Write::JobClass(job, class) => {
                self.job_classes.entry(job).or_default().insert(class);
            }
            Write::Status(status) => {
                self.statuses.insert(status.key, status);
            }
            Write::Group(group, inputs) => {
                self.group_ids.insert(group.id, group.key);
                self.job_groups.insert((group.job, group.key));
                self.groups.insert(group.key, (group, inputs));
            }
            Write::GroupState(state) => {
                self.group_states.insert(state.key, state);
            }
            Write::Task(task) => self.put_task(task),
            Write::Display(task, display) => {
                self.displays.insert(task, display);
            }
            Write::TaskProgress(task, rows) => {
                self.task_progress.insert(task, rows);
            }
            Write::JobProgress(job, rows) => {
                self.job_progress.insert(job, rows);
            }
            Write::Ready(key, Some(row)) => {
                self.ready.insert(key, row);
            }
            Write::Ready(key, None) => {
                self.ready.remove(&key);
            }
            Write::Queue(class, job, true) => {
                self.queue.insert((class, job));
            }
            Write::Queue(class, job, false) => {
                self.queue.remove(&(class, job));
            }
        }
    }

    fn put_task(&mut self, task: Task) {
        let job = self.groups.get(&task.group).map(|(group, _)| group.job);
        let job = job.expect("a group is written before its tasks");
        match task.state {
            TaskState::Running => self.running.insert(task.key),
            _ => self.running.remove(&task.key),
        };
        match task.state {
            TaskState::Failed => self.failed.insert((job, task.key)),
            _ => self.failed.remove(&(job, task.key)),
        };
        self.tasks.insert(task.key, task);
    }

    /// The RUNNING tasks, by key.
    pub(super) fn running(&self) -> impl Iterator<Item = &Task> {
        self.running.iter().filter_map(|key| self.tasks.get(key))
    }

    /// The group that holds a task.
    pub(super) fn group_of(&self, task: TaskKey) -> Option<&Arc<Group>> {
        let (_, (group, _)) = self.groups.range(..=GroupKey(task.0)).next_back()?;
        group.holds(task).then_some(group)
    }

    /// The group that holds the task with this id, and the task's key.
    pub(super) fn task_with_id(&self, id: TaskId) -> Option<(&Arc<Group>, TaskKey)> {
        let (_, key) = self.group_ids.range(..=id).next_back()?;
        let (group, _) = self.groups.get(key)?;
        group.task_with_id(id).map(|task| (group, task))
    }

    /// The groups whose first task is one of these, in order.
    pub(super) fn groups_within(&self, tasks: Range<u64>) -> impl Iterator<Item = &Arc<Group>> {
        self.groups.range(GroupKey(tasks.start)..GroupKey(tasks.end)).map(|(_, (group, _))| group)
    }

    /// The input of a task.
    pub(super) fn input(&self, task: TaskKey) -> Option<&[u8]> {
        let (_, (group, inputs)) = self.groups.range(..=GroupKey(task.0)).next_back()?;
        let place = usize::try_from(task.0 - group.key.0).ok()?;
        inputs.get(place).map(Vec::as_slice)
    }
}
