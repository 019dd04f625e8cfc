//! The rows as the engine told the store, kept apart from the store so that they can be examined.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use boxwood_engine::{
    Changes, Class, ClassKey, Cluster, Command, Group, GroupKey, GroupState, Indicator, Indicators, Inputs, Job,
    JobKey, JobStatus, Need, ReadyKey, ReadyRow, Settings, Task, TaskKey, TaskState, Timestamp, WorkingSet,
};
use boxwood_store::{Backend, Error};

/// A group and the inputs of its tasks.
#[derive(Clone, PartialEq, Eq)]
pub struct GroupRow {
    /// The group.
    pub group: Arc<Group>,
    /// One input per task, in order.
    pub inputs: Inputs,
}

/// Every row there is.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Mirror {
    /// Clusters by slug.
    pub clusters: BTreeMap<String, Cluster>,
    /// Classes.
    pub classes: BTreeMap<ClassKey, Arc<Class>>,
    /// Jobs.
    pub jobs: BTreeMap<JobKey, Arc<Job>>,
    /// Which classes a job has tasks of.
    pub job_classes: BTreeSet<(JobKey, ClassKey)>,
    /// Counters of jobs.
    pub statuses: BTreeMap<JobKey, JobStatus>,
    /// Groups and the inputs of their tasks.
    pub groups: BTreeMap<GroupKey, GroupRow>,
    /// Counters of groups.
    pub group_states: BTreeMap<GroupKey, GroupState>,
    /// Tasks that were handed out.
    pub tasks: BTreeMap<TaskKey, Task>,
    /// Replaced displays.
    pub displays: BTreeMap<TaskKey, String>,
    /// Progress by task.
    pub task_progress: BTreeMap<TaskKey, Indicators<(u64, u64)>>,
    /// Progress by job.
    pub job_progress: BTreeMap<JobKey, Indicators<Indicator>>,
    /// Ready tasks.
    pub ready: BTreeMap<ReadyKey, ReadyRow>,
    /// Jobs that may have ready tasks of a class.
    pub queue: BTreeSet<(ClassKey, JobKey)>,
}

impl Mirror {
    /// Takes in what a save writes.
    pub fn apply(&mut self, changes: &Changes<'_>) {
        for (slug, cluster) in &changes.clusters {
            match cluster {
                Some(cluster) => self.clusters.insert((*slug).to_owned(), (*cluster).clone()),
                None => self.clusters.remove(*slug),
            };
        }
        self.classes.extend(changes.classes.iter().map(|class| (class.key, class.clone())));
        self.jobs.extend(changes.jobs.iter().map(|job| (job.key, job.clone())));
        self.job_classes.extend(changes.job_classes.iter().copied());
        self.statuses.extend(changes.statuses.iter().map(|status| (status.key, (*status).clone())));
        let groups = changes.groups.iter();
        let row = |row: &boxwood_engine::NewGroupRow| GroupRow { group: row.group.clone(), inputs: row.inputs.clone() };
        self.groups.extend(groups.map(|new| (new.group.key, row(new))));
        self.group_states.extend(changes.group_states.iter().map(|state| (state.key, (*state).clone())));
        self.tasks.extend(changes.tasks.iter().map(|task| (task.key, (*task).clone())));
        self.displays.extend(changes.displays.iter().map(|(task, display)| (*task, (*display).to_owned())));
        self.task_progress.extend(changes.task_progress.iter().map(|(task, rows)| (*task, (*rows).clone())));
        self.job_progress.extend(changes.job_progress.iter().map(|(job, rows)| (*job, (*rows).clone())));
        for (key, row) in &changes.ready {
            match row {
                Some(row) => self.ready.insert(*key, *row),
                None => self.ready.remove(key),
            };
        }
        for (class, job, added) in &changes.queue {
            if *added {
                self.queue.insert((*class, *job));
            } else {
                self.queue.remove(&(*class, *job));
            }
        }
    }

    /// The state of a task; one without a row is QUEUED, or SKIPPED if its group says so.
    #[must_use]
    pub fn state(&self, task: TaskKey) -> TaskState {
        match self.tasks.get(&task) {
            Some(row) => row.state,
            None if self.group_states[&self.group_of(task).group.key].skipped => TaskState::Skipped,
            None => TaskState::Queued,
        }
    }

    /// The group that holds a task.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn group_of(&self, task: TaskKey) -> &GroupRow {
        let found = self.groups.range(..=GroupKey(task.0)).next_back().map(|(_, row)| row);
        found.filter(|row| row.group.holds(task)).unwrap_or_else(|| panic!("no group holds task {}", task.0))
    }

    /// Every task, by key, with its input.
    pub fn all_tasks(&self) -> impl Iterator<Item = (TaskKey, &GroupRow, &[u8])> {
        self.groups.values().flat_map(|row| {
            let inputs = row.inputs.iter().enumerate();
            inputs.map(move |(place, input)| (TaskKey(row.group.key.0 + place as u64), row, input.as_slice()))
        })
    }
}

/// A backend whose rows are mirrored.
pub(crate) struct Mirrored {
    /// None while the server is down.
    pub(crate) inner: Option<Box<dyn Backend>>,
    /// The rows with everything saved.
    pub(crate) rows: Mirror,
    /// The rows as last committed; kept only if something may be lost.
    pub(crate) committed: Option<Mirror>,
}

impl Mirrored {
    fn inner(&mut self) -> &mut dyn Backend {
        self.inner.as_mut().expect("the server is up").as_mut()
    }
}

impl Backend for Mirrored {
    fn open_set(&mut self, settings: Settings) -> Result<WorkingSet, Error> {
        self.inner().open_set(settings)
    }

    fn load(&mut self, set: &mut WorkingSet, need: Need) -> Result<(), Error> {
        self.inner().load(set, need)
    }

    fn is_shared(&self) -> bool {
        self.inner.as_ref().is_some_and(|inner| inner.is_shared())
    }

    fn begin(&mut self, set: &mut WorkingSet, commands: &[&Command]) -> Result<(), Error> {
        self.inner().begin(set, commands)
    }

    fn save(&mut self, changes: &Changes<'_>) -> Result<(), Error> {
        self.rows.apply(changes);
        self.inner().save(changes)
    }

    fn inputs(&mut self, tasks: &[TaskKey]) -> Result<Vec<Vec<u8>>, Error> {
        self.inner().inputs(tasks)
    }

    fn expired(&mut self, now: Timestamp, limit: usize) -> Result<Vec<TaskKey>, Error> {
        self.inner().expired(now, limit)
    }

    fn commit(&mut self) -> Result<(), Error> {
        if let Some(committed) = &mut self.committed {
            committed.clone_from(&self.rows);
        }
        self.inner().commit()
    }
}
