//! The rows a command may touch, as the store loaded them and as the steps since have changed them.
//!
//! Asking for a row that is not loaded is not "absent": it stops the step with a [`Need`], the store loads what is needed
//! and the step runs again. What the store looked for and did not find it reports with [`WorkingSet::not_found`].
//!
//! A store with one writer may keep the set from one save to the next; rows that are settled leave it by themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use foldhash::{HashMap, HashSet};

use crate::cluster::{Cluster, Clusters};
use crate::group::{Group, GroupState};
use crate::id::{ClassKey, GroupKey, JobId, JobKey, TaskId, TaskKey};
use crate::identifier::{Class, Classes, Identifier};
use crate::job::{Job, JobStatus};
use crate::progress::{Indicator, Indicators};
use crate::ready::{ENTRY_TASKS_MAX, Place, Ready, ReadyEntry, ReadyKey, ReadyRow};
use crate::settings::Settings;
use crate::step::Stop;
use crate::submission::Inputs;
use crate::table::Table;
use crate::task::Task;

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
    /// All jobs that may have ready tasks of a class.
    Queue(ClassKey),
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
    queue: HashMap<ClassKey, BTreeSet<JobKey>>,
    missing: HashSet<Need>,
    scans: HashMap<Need, Vec<u64>>,
    new: New,
    before: Before,
}

#[derive(Clone, Copy, Debug)]
struct NextKeys {
    job: u64,
    task: u64,
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
            keys: NextKeys { job: next_job.max(1), task: next_task.max(1) },
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
            new: New::default(),
            before: Before::default(),
        }
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
        self.queue.entry(class).or_insert_with(|| jobs.collect());
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
            Need::Job(key) => self.jobs.contains_key(&key),
            Need::JobById(id) => self.job_ids.contains_key(&id),
            Need::GroupOf(task) => self.find_group_of(task).is_some(),
            Need::Task(task) => self.tasks.contains(task),
            Need::TaskById(id) => self.find_task_by_id(id).is_some(),
            Need::Ready(job, class) => self.ready.is_known(job, class),
            Need::Queue(class) => self.queue.contains_key(&class),
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
            let Some(jobs) = self.queue.get_mut(&class) else {
                continue;
            };
            if added {
                jobs.remove(&job)
            } else {
                jobs.insert(job)
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

/// Reading and changing rows inside a step.
impl WorkingSet {
    pub(crate) fn clusters(&self) -> &Clusters {
        &self.clusters
    }

    pub(crate) fn change_cluster(&mut self, slug: &str, change: impl FnOnce(&mut Clusters)) {
        change(Arc::make_mut(&mut self.clusters));
        self.new.clusters.push(slug.into());
    }

    pub(crate) fn classes(&self) -> &Classes {
        &self.classes
    }

    /// The class of tasks of this cluster and identifier, made if it is new.
    pub(crate) fn class_for(&mut self, cluster: &Arc<str>, identifier: &Identifier) -> ClassKey {
        if let Some(key) = self.classes.find(cluster, identifier) {
            return key;
        }
        let key = self.classes.next_key();
        let class = Arc::new(Class { key, cluster: cluster.clone(), identifier: identifier.clone() });
        self.classes.insert(class.clone());
        self.queue.insert(key, BTreeSet::new());
        self.new.classes.push(class);
        key
    }

    pub(crate) fn take_job_key(&mut self) -> JobKey {
        self.keys.job += 1;
        JobKey(self.keys.job - 1)
    }

    pub(crate) fn take_task_keys(&mut self, count: u64) -> TaskKey {
        self.keys.task += count;
        TaskKey(self.keys.task - count)
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

    fn find_group_of(&self, task: TaskKey) -> Option<&Arc<Group>> {
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

    fn find_task_by_id(&self, id: TaskId) -> Option<TaskKey> {
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

    /// The jobs that may have ready tasks of a class, oldest first.
    pub(crate) fn queue(&self, class: ClassKey) -> Result<&BTreeSet<JobKey>, Stop> {
        self.queue.get(&class).ok_or(Need::Queue(class).into())
    }

    pub(crate) fn enqueue(&mut self, class: ClassKey, job: JobKey) -> Result<(), Stop> {
        let jobs = self.queue.get_mut(&class).ok_or(Stop::from(Need::Queue(class)))?;
        if jobs.insert(job) {
            self.new.queue.push((class, job, true));
        }
        Ok(())
    }

    pub(crate) fn dequeue(&mut self, class: ClassKey, job: JobKey) {
        if self.queue.get_mut(&class).is_some_and(|jobs| jobs.remove(&job)) {
            self.new.queue.push((class, job, false));
        }
    }

    fn known_ready(&self, job: JobKey, class: ClassKey) -> Result<&Ready, Stop> {
        if self.ready.is_known(job, class) { Ok(&self.ready) } else { Err(Need::Ready(job, class).into()) }
    }

    pub(crate) fn first_ready(
        &self,
        job: JobKey,
        class: ClassKey,
        within: Range<Place>,
    ) -> Result<Option<(Place, ReadyEntry)>, Stop> {
        Ok(self.known_ready(job, class)?.first(job, class, within))
    }

    pub(crate) fn all_ready(
        &self,
        job: JobKey,
        class: ClassKey,
        within: Range<Place>,
    ) -> Result<Vec<(Place, ReadyEntry)>, Stop> {
        Ok(self.known_ready(job, class)?.all(job, class, within))
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
        self.known_ready(job, class)?;
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

/// Saving.
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

    /// How many rows are in memory, roughly.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.tasks.len() + 4 * self.groups.len() + 4 * self.jobs.len() + self.ready.len()
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

/// Looking at loaded rows from outside the rules.
impl WorkingSet {
    /// The clusters, the default one first, then by slug.
    pub fn all_clusters(&self) -> impl Iterator<Item = &Cluster> {
        self.clusters.iter()
    }

    /// The class with this key.
    #[must_use]
    pub fn class(&self, key: ClassKey) -> Option<&Arc<Class>> {
        self.classes.get(key)
    }
}
