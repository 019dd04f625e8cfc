//! The rows a command may touch, as the store loaded them and as the steps since have changed them.
//!
//! Asking for a row that is not loaded is not "absent": it stops the step with a [`Need`], the store loads what is needed
//! and the step runs again. What the store looked for and did not find it reports with [`WorkingSet::not_found`].
//!
//! A store with one writer may keep the set from one save to the next; rows that are settled leave it by themselves.

mod rows;
mod save;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use foldhash::{HashMap, HashSet};

use crate::cluster::{Cluster, Clusters};
use crate::group::{Group, GroupState};
use crate::id::{ClassKey, GroupKey, JobId, JobKey, TaskId, TaskKey};
use crate::identifier::{Class, Classes};
use crate::job::{Job, JobStatus};
use crate::progress::{Indicator, Indicators};
use crate::ready::{Ready, ReadyKey, ReadyRow};
use crate::settings::Settings;
use crate::submission::Inputs;
use crate::table::Table;
use crate::task::Task;

pub use save::Changes;

/// Rows a step lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Need {
    /// A job with its status and classes.
    Job(JobKey),
    /// The same, by id; may not exist.
    JobById(JobId),
    /// The group that holds a task, with its state.
    GroupOf(TaskKey),
    /// The row of a task, if it has one.
    Task(TaskKey),
    /// The group that holds the task with this id, and the task's row if it has one; may not exist.
    TaskById(TaskId),
    /// All ready entries of a job and class.
    Ready(JobKey, ClassKey),
    /// The ready entries of a job and class from one place (depth, task) up to another. Only of sets that others share,
    /// which load them in parts.
    ReadyWithin(JobKey, ClassKey, (u32, u64), (u32, u64)),
    /// The jobs that may have ready tasks of a class; in sets that others share, the oldest that are not loaded.
    Queue(ClassKey),
    /// The key of a new job. Only of sets that others share; the same holds for the next two.
    JobKey,
    /// So many keys of new tasks, which follow each other.
    TaskKeys(u64),
    /// The right to change clusters and to add classes, with all of them as they are now.
    Catalog,
    /// The replaced display of a task.
    Display(TaskKey),
    /// What a task has reported as progress.
    TaskProgress(TaskKey),
    /// The indicators of a job.
    JobProgress(JobKey),
    /// The tasks below this one that have open groups of children, at any depth. Found by a walk over saved rows; the
    /// store should load those tasks and their children's groups with it.
    OpenParents(TaskKey),
    /// The FAILED tasks of a job. Found by a scan of saved rows.
    FailedTasks(JobKey),
    /// The newest job with this fingerprint; may not exist. Found by a scan of saved rows.
    Fingerprint(u128),
}

impl Need {
    /// Whether the store must save what changed before it looks, because it finds rows it was not told the keys of.
    #[must_use]
    pub fn is_scan(self) -> bool {
        matches!(self, Self::OpenParents(_) | Self::FailedTasks(_) | Self::Fingerprint(_))
    }
}

/// How many tasks of a class became ready, for those who wait for work.
pub type Wakes = Vec<(ClassKey, u64)>;

/// The loaded rows. See the module page.
#[derive(Debug)]
pub struct WorkingSet {
    /// Numbers of the rules.
    pub settings: Settings,
    keys: NextKeys,
    shared: bool,
    catalog_held: bool,
    catalog_version: Option<u64>,
    clusters: Arc<Clusters>,
    classes: Classes,
    jobs: HashMap<JobKey, Arc<Job>>,
    job_ids: HashMap<JobId, JobKey>,
    job_classes: HashMap<JobKey, Vec<ClassKey>>,
    statuses: Table<JobKey, JobStatus>,
    groups: BTreeMap<GroupKey, Arc<Group>>,
    group_ids: BTreeMap<TaskId, GroupKey>,
    group_states: Table<GroupKey, GroupState>,
    tasks: Table<TaskKey, Task>,
    displays: Table<TaskKey, Arc<str>>,
    task_progress: Table<TaskKey, Indicators<(u64, u64)>>,
    job_progress: Table<JobKey, Indicators<Indicator>>,
    ready: Ready,
    queue: HashMap<ClassKey, Queue>,
    missing: HashSet<Need>,
    scans: HashMap<Need, Vec<u64>>,
    /// Jobs whose status was saved since the last [`WorkingSet::take_changed_jobs`].
    changed_jobs: Vec<JobId>,
    new: New,
    before: Before,
}

#[derive(Clone, Copy, Debug)]
struct NextKeys {
    job: u64,
    job_end: u64,
    task: u64,
    task_end: u64,
}

/// Jobs that may have ready tasks of a class, as far as they are loaded.
#[derive(Debug, Default)]
struct Queue {
    jobs: BTreeSet<JobKey>,
    /// All jobs with smaller keys are loaded.
    known_until: u64,
}

impl Queue {
    fn known(jobs: impl IntoIterator<Item = JobKey>) -> Self {
        Self { jobs: jobs.into_iter().collect(), known_until: u64::MAX }
    }

    /// The oldest job, if there is one; nothing if it may not be loaded.
    fn first(&self) -> Option<Option<JobKey>> {
        let first = self.jobs.first().copied();
        (self.known_until == u64::MAX || first.is_some_and(|job| job.0 < self.known_until)).then_some(first)
    }
}

/// A new group and the inputs of its tasks.
#[derive(Clone, Debug)]
pub struct NewGroupRow {
    /// The group.
    pub group: Arc<Group>,
    /// One input per task, in order.
    pub inputs: Inputs,
}

/// What was added since the last save.
#[derive(Debug, Default)]
struct New {
    jobs: Vec<Arc<Job>>,
    groups: Vec<NewGroupRow>,
    classes: Vec<Arc<Class>>,
    job_classes: Vec<(JobKey, ClassKey)>,
    queue: Vec<(ClassKey, JobKey, bool)>,
    clusters: Vec<Arc<str>>,
    wakes: Wakes,
}

/// Where the current command began, to come back to.
#[derive(Debug, Default)]
struct Before {
    keys: Option<NextKeys>,
    clusters: Option<Arc<Clusters>>,
    jobs: usize,
    groups: usize,
    classes: usize,
    job_classes: usize,
    queue: usize,
    cluster_changes: usize,
    wakes: usize,
}

impl WorkingSet {
    /// An empty set. `next_job` and `next_task` are the first keys not in use, at least 1; clusters and classes are
    /// always loaded whole.
    #[must_use]
    pub fn new(
        settings: Settings,
        next_job: u64,
        next_task: u64,
        clusters: impl IntoIterator<Item = Cluster>,
        classes: impl IntoIterator<Item = Class>,
    ) -> Self {
        let mut known = Classes::default();
        for class in classes {
            known.insert(Arc::new(class));
        }
        Self {
            settings,
            keys: NextKeys { job: next_job.max(1), job_end: u64::MAX, task: next_task.max(1), task_end: u64::MAX },
            shared: false,
            catalog_held: true,
            catalog_version: None,
            clusters: Arc::new(Clusters::from_rows(clusters)),
            classes: known,
            jobs: HashMap::default(),
            job_ids: HashMap::default(),
            job_classes: HashMap::default(),
            statuses: Table::default(),
            groups: BTreeMap::new(),
            group_ids: BTreeMap::new(),
            group_states: Table::default(),
            tasks: Table::default(),
            displays: Table::default(),
            task_progress: Table::default(),
            job_progress: Table::default(),
            ready: Ready::default(),
            queue: HashMap::default(),
            missing: HashSet::default(),
            scans: HashMap::default(),
            changed_jobs: Vec::new(),
            new: New::default(),
            before: Before::default(),
        }
    }

    /// An empty set on a database that others write to as well. Keys of new jobs and tasks, and the right to change clusters
    /// and classes, are needs like rows; queues and ready tasks are loaded in parts.
    #[must_use]
    pub fn shared(
        settings: Settings,
        clusters: impl IntoIterator<Item = Cluster>,
        classes: impl IntoIterator<Item = Class>,
    ) -> Self {
        let mut set = Self::new(settings, 1, 1, clusters, classes);
        set.shared = true;
        set.keys = NextKeys { job: 1, job_end: 1, task: 1, task_end: 1 };
        set.catalog_held = false;
        set
    }
}

/// Taking in what the store has.
impl WorkingSet {
    /// A job as stored. A job already here is newer and stays; the same holds for all rows below.
    pub fn load_job(&mut self, job: Job, status: JobStatus, mut classes: Vec<ClassKey>) {
        classes.sort_unstable();
        self.job_ids.insert(job.id, job.key);
        self.statuses.load(job.key, status);
        self.job_classes.entry(job.key).or_insert(classes);
        self.jobs.entry(job.key).or_insert_with(|| Arc::new(job));
    }

    /// A group as stored.
    pub fn load_group(&mut self, group: Group, state: GroupState) {
        self.group_ids.insert(group.id, group.key);
        self.group_states.load(group.key, state);
        self.groups.entry(group.key).or_insert_with(|| Arc::new(group));
    }

    /// A task as stored.
    pub fn load_task(&mut self, task: Task) {
        self.tasks.load(task.key, task);
    }

    /// All ready entries of a job and class.
    pub fn load_ready(&mut self, job: JobKey, class: ClassKey, rows: impl Iterator<Item = (ReadyKey, ReadyRow)>) {
        self.ready.load(job, class, rows);
    }

    /// All jobs that may have ready tasks of a class.
    pub fn load_queue(&mut self, class: ClassKey, jobs: impl Iterator<Item = JobKey>) {
        self.queue.entry(class).or_insert_with(|| Queue::known(jobs));
    }

    /// Some more ready entries of a job and class, and the range of places of which all are loaded now.
    pub fn load_ready_part(
        &mut self,
        job: JobKey,
        class: ClassKey,
        rows: impl Iterator<Item = (ReadyKey, ReadyRow)>,
        known: Range<(u32, u64)>,
    ) {
        self.ready.load_part(job, class, rows, known);
    }

    /// More jobs that may have ready tasks of a class; all with keys below `known_until` are loaded now.
    pub fn load_queue_part(&mut self, class: ClassKey, jobs: impl Iterator<Item = JobKey>, known_until: u64) {
        let queue = self.queue.entry(class).or_default();
        queue.jobs.extend(jobs);
        queue.known_until = queue.known_until.max(known_until);
    }

    /// Up to which key the jobs of a queue are loaded.
    #[must_use]
    pub fn queue_known_until(&self, class: ClassKey) -> u64 {
        self.queue.get(&class).map_or(0, |queue| queue.known_until)
    }

    /// Keys that nobody else has, for new jobs.
    pub fn load_job_keys(&mut self, keys: Range<u64>) {
        (self.keys.job, self.keys.job_end) = (keys.start, keys.end);
    }

    /// Keys that nobody else has, for new tasks.
    pub fn load_task_keys(&mut self, keys: Range<u64>) {
        (self.keys.task, self.keys.task_end) = (keys.start, keys.end);
        self.ready.own(keys);
    }

    /// Clusters and classes as they are at a `version` of theirs; `held` if nobody else may change them until the batch
    /// ends.
    pub fn load_catalog(
        &mut self,
        version: u64,
        clusters: impl IntoIterator<Item = Cluster>,
        classes: impl IntoIterator<Item = Class>,
        held: bool,
    ) {
        self.clusters = Arc::new(Clusters::from_rows(clusters));
        for class in classes {
            self.classes.insert(Arc::new(class));
        }
        self.catalog_version = Some(version);
        self.catalog_held |= held;
    }

    /// What a job is, which never changes; its status is not loaded with it.
    pub fn load_job_row(&mut self, job: Job) {
        self.job_ids.insert(job.id, job.key);
        self.jobs.entry(job.key).or_insert_with(|| Arc::new(job));
    }

    /// What a group is, which never changes; its state is not loaded with it.
    pub fn load_group_row(&mut self, group: Group) {
        self.group_ids.insert(group.id, group.key);
        self.groups.entry(group.key).or_insert_with(|| Arc::new(group));
    }

    /// The counters of a group, whose row is loaded.
    pub fn load_group_state(&mut self, state: GroupState) {
        self.group_states.load(state.key, state);
    }

    /// The replaced display of a task.
    pub fn load_display(&mut self, task: TaskKey, display: &str) {
        self.displays.load(task, display.into());
    }

    /// What a task has reported as progress: label, total, done.
    pub fn load_task_progress(&mut self, task: TaskKey, rows: impl Iterator<Item = (String, u64, u64)>) {
        self.task_progress.load(task, rows.map(|(label, total, done)| (label, (total, done))).collect());
    }

    /// The indicators of a job.
    pub fn load_job_progress(&mut self, job: JobKey, rows: impl Iterator<Item = (String, Indicator)>) {
        self.job_progress.load(job, rows.collect());
    }

    /// The answer to a [`Need::is_scan`] need: task keys, or the job's key for a fingerprint. Forgotten after the command.
    pub fn load_scan(&mut self, need: Need, keys: Vec<u64>) {
        self.scans.insert(need, keys);
    }

    /// What the store looked for and does not have.
    pub fn not_found(&mut self, need: Need) {
        self.missing.insert(need);
    }

    /// Whether a need is answered by what is loaded, so that a store may skip it.
    #[must_use]
    pub fn has(&self, need: Need) -> bool {
        if self.missing.contains(&need) {
            return true;
        }
        match need {
            Need::Job(key) => self.jobs.contains_key(&key) && self.statuses.contains(key),
            Need::JobById(id) => self.job_ids.contains_key(&id),
            Need::GroupOf(task) => self.find_group_of(task).is_some_and(|group| self.group_states.contains(group.key)),
            Need::Task(task) => self.tasks.contains(task),
            Need::TaskById(id) => self.find_task_by_id(id).is_some(),
            Need::Ready(job, class) => self.ready.is_known(job, class),
            Need::ReadyWithin(job, class, from, _) => self.ready.is_known_from(job, class, from),
            Need::Queue(class) => self.queue.get(&class).is_some_and(|queue| queue.first().is_some()),
            Need::JobKey => self.keys.job < self.keys.job_end,
            Need::TaskKeys(count) => self.keys.task_end - self.keys.task >= count,
            Need::Catalog => self.catalog_held,
            Need::Display(task) => self.displays.contains(task),
            Need::TaskProgress(task) => self.task_progress.contains(task),
            Need::JobProgress(job) => self.job_progress.contains(job),
            Need::OpenParents(_) | Need::FailedTasks(_) | Need::Fingerprint(_) => self.scans.contains_key(&need),
        }
    }
}

/// One command: begin, then keep or take back.
impl WorkingSet {
    pub(crate) fn begin(&mut self) {
        self.statuses.begin();
        self.group_states.begin();
        self.tasks.begin();
        self.displays.begin();
        self.task_progress.begin();
        self.job_progress.begin();
        self.ready.begin();
        self.before = Before {
            keys: Some(self.keys),
            clusters: Some(self.clusters.clone()),
            jobs: self.new.jobs.len(),
            groups: self.new.groups.len(),
            classes: self.new.classes.len(),
            job_classes: self.new.job_classes.len(),
            queue: self.new.queue.len(),
            cluster_changes: self.new.clusters.len(),
            wakes: self.new.wakes.len(),
        };
    }

    pub(crate) fn rollback(&mut self) {
        self.statuses.rollback();
        self.group_states.rollback();
        self.tasks.rollback();
        self.displays.rollback();
        self.task_progress.rollback();
        self.job_progress.rollback();
        self.ready.rollback();
        let before = std::mem::take(&mut self.before);
        self.keys = before.keys.expect("a rollback follows a begin");
        self.clusters = before.clusters.expect("a rollback follows a begin");
        for job in self.new.jobs.drain(before.jobs..) {
            self.job_ids.remove(&job.id);
            self.jobs.remove(&job.key);
            self.job_classes.remove(&job.key);
        }
        for NewGroupRow { group, .. } in self.new.groups.drain(before.groups..) {
            self.group_ids.remove(&group.id);
            self.groups.remove(&group.key);
        }
        for class in self.new.classes.drain(before.classes..).rev() {
            self.classes.remove_last();
            self.queue.remove(&class.key);
        }
        for (job, class) in self.new.job_classes.drain(before.job_classes..) {
            if let Some(classes) = self.job_classes.get_mut(&job) {
                classes.retain(|known| *known != class);
            }
        }
        for (class, job, added) in self.new.queue.drain(before.queue..).rev() {
            let Some(queue) = self.queue.get_mut(&class) else {
                continue;
            };
            if added {
                queue.jobs.remove(&job)
            } else {
                queue.jobs.insert(job)
            };
        }
        self.new.clusters.truncate(before.cluster_changes);
        self.new.wakes.truncate(before.wakes);
    }

    /// Ends a command: answers to scans are not good for the next one.
    pub(crate) fn end(&mut self) {
        if !self.scans.is_empty() {
            self.scans.clear();
        }
    }
}

/// Looking at loaded rows from outside the rules.
impl WorkingSet {
    /// The clusters, the default one first, then by slug.
    pub fn all_clusters(&self) -> impl Iterator<Item = &Cluster> {
        self.clusters.iter()
    }

    /// Keys of jobs and of tasks that were loaded and not used.
    #[must_use]
    pub fn unused_keys(&self) -> (Range<u64>, Range<u64>) {
        (self.keys.job..self.keys.job_end, self.keys.task..self.keys.task_end)
    }

    /// The version of the clusters and classes that are loaded.
    #[must_use]
    pub fn catalog_version(&self) -> Option<u64> {
        self.catalog_version
    }

    /// Whether others write to the database too.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.shared
    }

    /// The key of a job, if the job is loaded.
    #[must_use]
    pub fn job_with_id(&self, id: JobId) -> Option<JobKey> {
        self.job_ids.get(&id).copied()
    }

    /// The group that holds a task, if it is loaded.
    #[must_use]
    pub fn group_with_task(&self, task: TaskKey) -> Option<&Arc<Group>> {
        self.find_group_of(task)
    }

    /// The task with this id, if its group is loaded.
    #[must_use]
    pub fn task_with_id(&self, id: TaskId) -> Option<TaskKey> {
        self.find_task_by_id(id)
    }

    /// The classes of a job's tasks, if the job is loaded, in key order.
    #[must_use]
    pub fn classes_of(&self, job: JobKey) -> &[ClassKey] {
        self.job_classes.get(&job).map_or(&[], Vec::as_slice)
    }

    /// The newest class that is loaded; later ones were added by others.
    #[must_use]
    pub fn newest_class(&self) -> ClassKey {
        ClassKey(self.classes.next_key().0 - 1)
    }

    /// The class with this key.
    #[must_use]
    pub fn class(&self, key: ClassKey) -> Option<&Arc<Class>> {
        self.classes.get(key)
    }
}
