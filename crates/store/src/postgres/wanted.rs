//! What a batch looks for, and the keys that its ids stand for.

use std::collections::BTreeSet;

use boxwood_engine::{ClassKey, JobId, JobKey, Need, TaskId, TaskKey, WorkingSet};
use futures::try_join;

use super::flight::{Ahead, ask, some, statement};
use super::ready::Place;
use super::rows::{self, GROUP_COLUMNS, Id, JOB_COLUMNS, column};
use super::session::Talk;
use crate::error::Error;

/// What a batch looks for, sorted by how it is found.
#[derive(Default)]
pub(super) struct Wanted {
    pub(super) jobs: BTreeSet<JobKey>,
    job_ids: BTreeSet<JobId>,
    /// Tasks whose rows, and those of their groups, are wanted.
    pub(super) tasks: BTreeSet<TaskKey>,
    task_ids: BTreeSet<TaskId>,
    /// Tasks whose groups are wanted.
    pub(super) groups: BTreeSet<TaskKey>,
    /// Of each job and class the first ready tasks.
    pub(super) ready: BTreeSet<(JobKey, ClassKey)>,
    pub(super) ready_parts: BTreeSet<(JobKey, ClassKey, Place, Place)>,
    /// The same, if the job has tasks of the class.
    pub(super) ready_beside: BTreeSet<(JobKey, ClassKey)>,
    /// Classes of which ready tasks are wanted in the job of a task.
    beside: Vec<(TaskId, Vec<ClassKey>)>,
    pub(super) queues: BTreeSet<ClassKey>,
    pub(super) displays: BTreeSet<TaskKey>,
    pub(super) task_progress: BTreeSet<TaskKey>,
    pub(super) job_progress: BTreeSet<JobKey>,
    pub(super) scans: BTreeSet<Scan>,
    /// Submissions that nobody else may decide meanwhile.
    pub(super) submissions: BTreeSet<i64>,
    pub(super) job_keys: u64,
    pub(super) task_keys: u64,
    pub(super) catalog: bool,
}

/// How far a transaction has looked along queues and up from tasks to their ancestors. It looks at one first, and each time
/// at four times as many: who needs more than one often needs many.
pub(super) struct Looked {
    along: i64,
    up: i64,
}

impl Default for Looked {
    fn default() -> Self {
        Self { along: 1, up: 1 }
    }
}

impl Looked {
    /// How many jobs of each queue to look at next.
    pub(super) fn along(&mut self) -> i64 {
        let next = (self.along * 4).min(64);
        std::mem::replace(&mut self.along, next)
    }

    /// How many ancestors of each task to look at next.
    fn up(&mut self) -> i64 {
        let next = (self.up * 4).min(256);
        std::mem::replace(&mut self.up, next)
    }
}

/// Rows that only a search finds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Scan {
    OpenParents(TaskKey),
    FailedTasks(JobKey),
    Fingerprint(u128),
}

impl Wanted {
    pub(super) fn add(&mut self, need: Need) {
        match need {
            Need::Job(job) => drop(self.jobs.insert(job)),
            Need::JobById(id) => drop(self.job_ids.insert(id)),
            Need::GroupOf(task) => drop(self.groups.insert(task)),
            Need::Task(task) => drop(self.tasks.insert(task)),
            Need::TaskById(id) => drop(self.task_ids.insert(id)),
            Need::Ready(job, class) => drop(self.ready.insert((job, class))),
            Need::ReadyWithin(job, class, from, to) => drop(self.ready_parts.insert((job, class, from, to))),
            Need::Queue(class) => drop(self.queues.insert(class)),
            Need::JobKey => self.job_keys += 1,
            Need::TaskKeys(count) => self.task_keys += count,
            Need::Catalog => self.catalog = true,
            Need::Display(task) => drop(self.displays.insert(task)),
            Need::TaskProgress(task) => drop(self.task_progress.insert(task)),
            Need::JobProgress(job) => drop(self.job_progress.insert(job)),
            Need::OpenParents(task) => drop(self.scans.insert(Scan::OpenParents(task))),
            Need::FailedTasks(job) => drop(self.scans.insert(Scan::FailedTasks(job))),
            Need::Fingerprint(fingerprint) => drop(self.scans.insert(Scan::Fingerprint(fingerprint))),
        }
    }

    /// Ready tasks of these classes beside the task with this id.
    pub(super) fn add_beside(&mut self, task: TaskId, classes: Vec<ClassKey>) {
        self.beside.push((task, classes));
    }

    /// Locks submissions: a repetition is decided when what became of the one before is known, at whichever server (J-11).
    /// These locks come before those of jobs in every transaction, and in the same order.
    pub(super) async fn lock_submissions(
        &self,
        talk: &Talk,
        set: &mut WorkingSet,
        ahead: &mut Ahead,
    ) -> Result<(), Error> {
        let locks: Vec<i64> = self.submissions.iter().copied().collect();
        let lock = some(talk, LOCK_SUBMISSIONS, locks.len()).await?;
        if lock.is_some() {
            ahead.of(talk, set, ask(talk, &lock, [&locks])).await?;
        }
        Ok(())
    }

    /// Finds the tasks and jobs that ids name, the groups of all tasks, and the jobs that all of it is about. What groups and
    /// jobs are never changes, so no lock is needed, and what is known is not asked for. With tasks come their ancestors.
    pub(super) async fn resolve(
        &mut self,
        talk: &Talk,
        set: &mut WorkingSet,
        looked: &mut Looked,
        ahead: &mut Ahead,
    ) -> Result<(), Error> {
        let up = if self.tasks.is_empty() && self.task_ids.is_empty() { 0 } else { looked.up() };
        let mut asked = BTreeSet::new();
        loop {
            let found = self.ids_to_keys(set);
            let groups: Vec<i64> = self
                .unknown(set, up)
                .into_iter()
                .filter(|task| asked.insert(*task))
                .map(|task| column(task.0))
                .collect();
            if found && groups.is_empty() {
                break;
            }
            let tasks: Vec<Id> = self.task_ids.iter().map(|id| Id(id.to_bytes())).collect();
            let jobs: Vec<Id> = self.job_ids.iter().map(|id| Id(id.to_bytes())).collect();
            let by_id = some(talk, sql::groups_by_id(), tasks.len()).await?;
            let by_key = some(talk, sql::groups_by_key(), groups.len()).await?;
            let by_job_id = some(talk, sql::jobs_by_id(), jobs.len()).await?;
            let flight = async {
                try_join!(
                    ask(talk, &by_id, [&tasks, &up]),
                    ask(talk, &by_key, [&groups, &up]),
                    ask(talk, &by_job_id, [&jobs]),
                )
            };
            let (by_id, by_key, by_job_id) = ahead.of(talk, set, flight).await?;
            for row in by_id.iter().chain(&by_key) {
                set.load_group_row(rows::group(row)?);
            }
            for row in &by_job_id {
                set.load_job_row(rows::job(row)?.0);
            }
            self.ids_to_keys(set);
            for id in std::mem::take(&mut self.task_ids) {
                set.not_found(Need::TaskById(id));
            }
            for id in std::mem::take(&mut self.job_ids) {
                set.not_found(Need::JobById(id));
            }
        }
        self.name_jobs(set, up);
        Ok(())
    }

    /// Puts keys in the place of ids that are known; answers whether no id is left.
    fn ids_to_keys(&mut self, set: &WorkingSet) -> bool {
        self.task_ids.retain(|id| match set.task_with_id(*id) {
            Some(task) => {
                self.tasks.insert(task);
                false
            }
            None => true,
        });
        self.job_ids.retain(|id| match set.job_with_id(*id) {
            Some(job) => {
                self.jobs.insert(job);
                false
            }
            None => true,
        });
        self.task_ids.is_empty() && self.job_ids.is_empty()
    }

    /// Tasks of which the groups must be known, and are not.
    fn unknown(&self, set: &WorkingSet, up: i64) -> BTreeSet<TaskKey> {
        let asked = [&self.tasks, &self.groups, &self.displays, &self.task_progress];
        let mut tasks = self.ancestors(set, up);
        tasks.extend(asked.into_iter().flatten());
        tasks.retain(|task| set.group_with_task(*task).is_none());
        tasks
    }

    /// The ancestors of the tasks as far as they are known, and the first of each line that is not. They are asked for soon:
    /// completing a task counts in its parent, and its siblings come next.
    fn ancestors(&self, set: &WorkingSet, up: i64) -> BTreeSet<TaskKey> {
        let mut ancestors = BTreeSet::new();
        let mut level: Vec<TaskKey> = self.tasks.iter().copied().collect();
        for _ in 0..up {
            let parents = level.iter().filter_map(|task| set.group_with_task(*task)?.parent);
            level = parents.filter(|parent| ancestors.insert(*parent)).collect();
        }
        ancestors
    }

    /// Adds the ancestors, and the jobs of everything.
    fn name_jobs(&mut self, set: &WorkingSet, up: i64) {
        for (id, classes) in std::mem::take(&mut self.beside) {
            let task = set.task_with_id(id);
            if let Some(group) = task.and_then(|task| set.group_with_task(task)) {
                self.ready_beside.extend(classes.iter().map(|class| (group.job, *class)));
            }
        }
        self.tasks.append(&mut self.ancestors(set, up));
        for task in [&self.tasks, &self.groups, &self.displays, &self.task_progress].into_iter().flatten() {
            self.jobs.extend(set.group_with_task(*task).map(|group| group.job));
        }
        self.jobs.extend(self.ready.iter().map(|(job, _)| *job));
        self.jobs.extend(self.ready_parts.iter().map(|(job, ..)| *job));
        self.jobs.extend(&self.job_progress);
    }
}

const LOCK_SUBMISSIONS: &str = "SELECT pg_advisory_xact_lock(lock) FROM unnest($1::bigint[]) AS lock";

pub(super) mod sql {
    use super::{GROUP_COLUMNS, JOB_COLUMNS, statement};

    /// With groups go those that hold their ancestors, $2 of them.
    const AND_ABOVE: &str = "UNION
             SELECT f.*, b.up + 1 FROM g AS b CROSS JOIN LATERAL (
                 SELECT * FROM task_group e WHERE e.key <= b.parent ORDER BY e.key DESC LIMIT 1
             ) AS f WHERE b.up < $2
         )";

    // The groups that hold tasks.
    statement!(
        groups_by_id,
        "WITH RECURSIVE g AS (
             SELECT f.*, 0::bigint AS up FROM unnest($1::uuid[]) AS wanted (id) CROSS JOIN LATERAL (
                 SELECT * FROM task_group e WHERE e.id <= wanted.id ORDER BY e.id DESC LIMIT 1
             ) AS f
             {AND_ABOVE} SELECT {GROUP_COLUMNS} FROM g"
    );
    statement!(
        groups_by_key,
        "WITH RECURSIVE g AS (
             SELECT f.*, 0::bigint AS up FROM unnest($1::bigint[]) AS wanted (key) CROSS JOIN LATERAL (
                 SELECT * FROM task_group e WHERE e.key <= wanted.key ORDER BY e.key DESC LIMIT 1
             ) AS f
             {AND_ABOVE} SELECT {GROUP_COLUMNS} FROM g"
    );
    statement!(
        jobs_by_id,
        "SELECT {JOB_COLUMNS} FROM job j JOIN job_status s ON s.job = j.key WHERE j.id = ANY($1::uuid[])"
    );
}
