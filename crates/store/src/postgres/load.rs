//! Locking jobs, and loading the rows that steps lack: a few statements for a whole batch.

use std::collections::{BTreeMap, BTreeSet};

use boxwood_engine::{
    ClassKey, GroupKey, Indicator, JobId, JobKey, Need, ReadyKey, ReadyRow, TaskId, TaskKey, WorkingSet,
};
use futures::try_join;
use tokio_postgres::Row;

use super::rows::{
    self, GROUP_COLUMNS, GROUP_COLUMNS_COUNT, GROUP_STATE_COLUMNS, Id, JOB_COLUMNS, RUNNING_COLUMNS, TASK_COLUMNS,
    column, get, number, small, text, whole,
};
use super::session::Talk;
use crate::error::Error;

/// Ready entries of a job and class loaded at once at most.
const READY_ROWS: i64 = 256;

/// Where a ready task is in its job: depth and key.
type Place = (u32, u64);

/// What a batch looks for, sorted by how it is found.
#[derive(Default)]
pub(super) struct Wanted {
    pub(super) jobs: BTreeSet<JobKey>,
    job_ids: BTreeSet<JobId>,
    /// Tasks whose rows, and those of their groups, are wanted.
    tasks: BTreeSet<TaskKey>,
    task_ids: BTreeSet<TaskId>,
    /// Tasks whose groups are wanted.
    groups: BTreeSet<TaskKey>,
    ready: BTreeSet<(JobKey, ClassKey)>,
    ready_parts: Vec<(JobKey, ClassKey, Place, Place)>,
    queues: BTreeSet<ClassKey>,
    displays: BTreeSet<TaskKey>,
    task_progress: BTreeSet<TaskKey>,
    job_progress: BTreeSet<JobKey>,
    scans: BTreeSet<Scan>,
    pub(super) job_keys: u64,
    pub(super) task_keys: u64,
    pub(super) catalog: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Scan {
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
            Need::ReadyWithin(job, class, from, to) => self.ready_parts.push((job, class, from, to)),
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

    /// The queues, to be looked through one after another.
    pub(super) fn take_queues(&mut self) -> BTreeSet<ClassKey> {
        std::mem::take(&mut self.queues)
    }
}

/// Finds the groups and jobs that ids and keys name. They never change, so no lock is needed.
pub(super) async fn resolve(talk: &Talk, set: &mut WorkingSet, wanted: &mut Wanted) -> Result<(), Error> {
    let ids: Vec<Id> =
        wanted.task_ids.iter().filter(|id| set.task_with_id(**id).is_none()).map(|id| Id(id.to_bytes())).collect();
    if !ids.is_empty() {
        let sql = sql::by_id();
        for row in talk.query(sql, &[&ids]).await? {
            set.load_group_row(rows::group(&row)?);
        }
    }
    for id in std::mem::take(&mut wanted.task_ids) {
        match set.task_with_id(id) {
            Some(task) => drop(wanted.tasks.insert(task)),
            None => set.not_found(Need::TaskById(id)),
        }
    }
    let shown = wanted.displays.iter().chain(&wanted.task_progress);
    load_groups(talk, set, wanted.tasks.iter().chain(&wanted.groups).chain(shown)).await?;
    let ids: Vec<Id> =
        wanted.job_ids.iter().filter(|id| set.job_with_id(**id).is_none()).map(|id| Id(id.to_bytes())).collect();
    if !ids.is_empty() {
        let sql = sql::jobs_by_id();
        for row in talk.query(sql, &[&ids]).await? {
            set.load_job_row(rows::job(&row)?.0);
        }
    }
    for id in std::mem::take(&mut wanted.job_ids) {
        match set.job_with_id(id) {
            Some(job) => drop(wanted.jobs.insert(job)),
            None => set.not_found(Need::JobById(id)),
        }
    }
    // The parents of tasks are asked for soon: completing a task counts there, and its siblings come next.
    let parents: Vec<TaskKey> =
        wanted.tasks.iter().filter_map(|task| set.group_with_task(*task)).filter_map(|group| group.parent).collect();
    load_groups(talk, set, &parents).await?;
    wanted.tasks.extend(parents);
    for task in wanted.tasks.iter().chain(&wanted.groups).chain(&wanted.displays).chain(&wanted.task_progress) {
        wanted.jobs.extend(set.group_with_task(*task).map(|group| group.job));
    }
    wanted.jobs.extend(wanted.ready.iter().map(|(job, _)| *job));
    wanted.jobs.extend(wanted.ready_parts.iter().map(|(job, ..)| *job));
    wanted.jobs.extend(&wanted.job_progress);
    Ok(())
}

async fn load_groups(
    talk: &Talk,
    set: &mut WorkingSet,
    tasks: impl IntoIterator<Item = &TaskKey>,
) -> Result<(), Error> {
    let unknown = tasks.into_iter().filter(|task| set.group_with_task(**task).is_none());
    let keys: Vec<i64> = unknown.map(|task| column(task.0)).collect();
    if !keys.is_empty() {
        for row in talk.query(sql::by_key(), &[&keys]).await? {
            set.load_group_row(rows::group(&row)?);
        }
    }
    Ok(())
}

/// Locks jobs in the order of their keys and loads them; with `wait` all that exist, else those that nobody else holds.
/// Answers which were locked.
pub(super) async fn lock(
    talk: &Talk,
    set: &mut WorkingSet,
    jobs: &BTreeSet<JobKey>,
    wait: bool,
) -> Result<Vec<JobKey>, Error> {
    let keys: Vec<i64> = jobs.iter().map(|job| column(job.0)).collect();
    let (lock, classes) = (sql::lock(wait), JOB_CLASSES);
    let (lock, classes) = (talk.statement(lock).await?, talk.statement(classes).await?);
    let values: [&(dyn tokio_postgres::types::ToSql + Sync); 1] = [&keys];
    let (found, classes) = try_join!(talk.client().query(&lock, &values), talk.client().query(&classes, &values))?;
    load_jobs(talk, set, &found, &classes).await
}

/// Classes are read after the locks are held, in a statement of their own: the statement that waits for a lock sees other
/// tables as they were before.
const JOB_CLASSES: &str = "SELECT job, class FROM job_class WHERE job = ANY($1::bigint[]) ORDER BY job, class";

async fn load_jobs(talk: &Talk, set: &mut WorkingSet, found: &[Row], classes: &[Row]) -> Result<Vec<JobKey>, Error> {
    let mut of_job: BTreeMap<JobKey, Vec<ClassKey>> = BTreeMap::new();
    let mut newest = ClassKey(0);
    for row in classes {
        let class = ClassKey(number(row, 1)?);
        newest = newest.max(class);
        of_job.entry(JobKey(number(row, 0)?)).or_default().push(class);
    }
    if newest > set.newest_class() {
        super::catalog::load(talk, set, false).await?;
    }
    let mut locked = Vec::with_capacity(found.len());
    for row in found {
        let (job, status) = rows::job(row)?;
        locked.push(job.key);
        let classes = of_job.remove(&job.key).unwrap_or_default();
        set.load_job(job, status, classes);
    }
    Ok(locked)
}

/// Loads the rows of jobs whose status is loaded: those are locked, or new.
pub(super) async fn rows_of(talk: &Talk, set: &mut WorkingSet, wanted: &Wanted) -> Result<(), Error> {
    let held = |set: &WorkingSet, job: JobKey| set.has(Need::Job(job));
    let is_held =
        |set: &WorkingSet, task: &TaskKey| set.group_with_task(*task).is_some_and(|group| held(set, group.job));
    for task in &wanted.tasks {
        if set.group_with_task(*task).is_none() {
            set.not_found(Need::Task(*task));
        }
    }
    let tasks: Vec<TaskKey> =
        wanted.tasks.iter().copied().filter(|task| !set.has(Need::Task(*task)) && is_held(set, task)).collect();
    let mut states: BTreeSet<GroupKey> = BTreeSet::new();
    for task in wanted.tasks.iter().chain(&wanted.groups) {
        let Some(group) = set.group_with_task(*task).filter(|group| held(set, group.job)) else { continue };
        states.insert(group.key);
        states.extend(&group.dependents);
    }
    states.retain(|group| !set.has(Need::GroupOf(group.first_task())));
    let ready: Vec<(JobKey, ClassKey)> = wanted
        .ready
        .iter()
        .copied()
        .filter(|(job, class)| held(set, *job) && !set.has(Need::Ready(*job, *class)))
        .collect();
    let displays: Vec<i64> =
        wanted.displays.iter().filter(|task| is_held(set, task)).map(|task| column(task.0)).collect();
    let progress: Vec<i64> =
        wanted.task_progress.iter().filter(|task| is_held(set, task)).map(|task| column(task.0)).collect();
    let sums: Vec<i64> = wanted.job_progress.iter().filter(|job| held(set, **job)).map(|job| column(job.0)).collect();

    let keys: Vec<i64> = tasks.iter().map(|task| column(task.0)).collect();
    let groups: Vec<i64> = states.iter().map(|group| column(group.0)).collect();
    let (ready_jobs, ready_classes): (Vec<i64>, Vec<i64>) =
        ready.iter().map(|(job, class)| (column(job.0), column(class.0))).unzip();
    let some = async |sql: &'static str, rows: usize| match rows {
        0 => Ok::<_, Error>(None),
        _ => talk.statement(sql).await.map(Some),
    };
    let statements = (
        some(sql::running(), keys.len()).await?,
        some(sql::tasks(), keys.len()).await?,
        some(sql::states(), groups.len()).await?,
        some(READY, ready.len()).await?,
        some(DISPLAYS, displays.len()).await?,
        some(TASK_PROGRESS, progress.len()).await?,
        some(JOB_PROGRESS, sums.len()).await?,
    );
    let ask = async |statement: &Option<tokio_postgres::Statement>,
                     values: &[&(dyn tokio_postgres::types::ToSql + Sync)]| {
        match statement {
            Some(statement) => Ok(talk.client().query(statement, values).await?),
            None => Ok::<_, Error>(Vec::new()),
        }
    };
    let (running, stopped, group_states, ready_rows, display_rows, progress_rows, sum_rows) = try_join!(
        async { ask(&statements.0, &[&keys]).await },
        async { ask(&statements.1, &[&keys]).await },
        async { ask(&statements.2, &[&groups]).await },
        async { ask(&statements.3, &[&ready_jobs, &ready_classes, &(READY_ROWS + 1)]).await },
        async { ask(&statements.4, &[&displays]).await },
        async { ask(&statements.5, &[&progress]).await },
        async { ask(&statements.6, &[&sums]).await },
    )?;
    for row in &group_states {
        set.load_group_state(rows::group_state(row, 0)?);
    }
    for row in &running {
        set.load_task(rows::running(row)?);
    }
    for row in &stopped {
        // A task that is running is here as it was before: the row loaded first stays.
        set.load_task(rows::task(row)?);
    }
    for task in tasks {
        if !set.has(Need::Task(task)) {
            set.not_found(Need::Task(task));
        }
    }
    load_ready(set, &ready, &ready_rows)?;
    let mut shown: BTreeMap<u64, String> = BTreeMap::new();
    for row in &display_rows {
        shown.insert(number(row, 0)?, text(row, 1)?);
    }
    for task in displays {
        let task = TaskKey(task.cast_unsigned());
        match shown.get(&task.0) {
            Some(display) => set.load_display(task, display),
            None => set.not_found(Need::Display(task)),
        }
    }
    load_progress(set, &progress, &progress_rows, &sums, &sum_rows)?;
    for (job, class, from, to) in &wanted.ready_parts {
        if held(set, *job) {
            ready_part(talk, set, *job, *class, *from, *to).await?;
        }
    }
    scans(talk, set, wanted).await
}

const DISPLAYS: &str = "SELECT task, display FROM display WHERE task = ANY($1::bigint[])";
const TASK_PROGRESS: &str = "SELECT task, label, total, done FROM task_progress WHERE task = ANY($1::bigint[])";
const JOB_PROGRESS: &str = "SELECT job, label, total, done, tasks FROM job_progress WHERE job = ANY($1::bigint[])";
const READY: &str = "SELECT r.job, r.class, r.depth, r.first, r.returned, r.next, r.until, r.grp
     FROM unnest($1::bigint[], $2::bigint[]) AS p (job, class)
     CROSS JOIN LATERAL (
         SELECT * FROM ready e WHERE e.job = p.job AND e.class = p.class ORDER BY e.depth, e.first, e.returned LIMIT $3
     ) AS r";

fn ready_row(row: &Row) -> Result<(ReadyKey, ReadyRow), Error> {
    let key = ReadyKey {
        job: JobKey(number(row, 0)?),
        class: ClassKey(number(row, 1)?),
        depth: small(row, 2)?,
        first: number(row, 3)?,
        returned: get(row, 4)?,
    };
    Ok((key, ReadyRow { next: number(row, 5)?, end: number(row, 6)?, group: GroupKey(number(row, 7)?) }))
}

/// The end of every range of places.
const END: Place = (u32::MAX, u64::MAX);

/// Cuts rows that are as many as were asked for before the first place that may not be loaded whole; answers that place.
/// Entries not loaded begin there or later, and so does what is left of them.
fn cut(rows: &mut Vec<(ReadyKey, ReadyRow)>, end: Place) -> Place {
    rows.sort_unstable_by_key(|(key, _)| *key);
    if rows.len() as i64 <= READY_ROWS {
        return end;
    }
    let place = rows.last().map_or(end, |(key, _)| (key.depth, key.first));
    rows.retain(|(key, _)| (key.depth, key.first) < place);
    place
}

fn load_ready(set: &mut WorkingSet, asked: &[(JobKey, ClassKey)], found: &[Row]) -> Result<(), Error> {
    let mut of: BTreeMap<(JobKey, ClassKey), Vec<(ReadyKey, ReadyRow)>> =
        asked.iter().map(|pair| (*pair, Vec::new())).collect();
    for row in found {
        let (key, row) = ready_row(row)?;
        of.entry((key.job, key.class)).or_default().push((key, row));
    }
    for ((job, class), mut rows) in of {
        let end = cut(&mut rows, END);
        set.load_ready_part(job, class, rows.into_iter(), (0, 0)..end);
    }
    Ok(())
}

async fn ready_part(
    talk: &Talk,
    set: &mut WorkingSet,
    job: JobKey,
    class: ClassKey,
    from: Place,
    to: Place,
) -> Result<(), Error> {
    let sql = "SELECT job, class, depth, first, returned, next, until, grp FROM ready
         WHERE job = $1 AND class = $2 AND (depth, first) >= ($3, $4) AND (depth, first) < ($5, $6)
         ORDER BY depth, first, returned LIMIT $7";
    let place = |place: Place| (i64::from(place.0), whole(place.1));
    let ((depth, first), (to_depth, to_first)) = (place(from), place(to));
    let found = talk
        .query(sql, &[&column(job.0), &column(class.0), &depth, &first, &to_depth, &to_first, &(READY_ROWS + 1)])
        .await?;
    let mut rows = found.iter().map(ready_row).collect::<Result<Vec<_>, _>>()?;
    let end = cut(&mut rows, to);
    set.load_ready_part(job, class, rows.into_iter(), from..end);
    Ok(())
}

fn load_progress(
    set: &mut WorkingSet,
    tasks: &[i64],
    progress: &[Row],
    jobs: &[i64],
    sums: &[Row],
) -> Result<(), Error> {
    let mut of_task: BTreeMap<u64, Vec<(String, u64, u64)>> = BTreeMap::new();
    for row in progress {
        of_task.entry(number(row, 0)?).or_default().push((text(row, 1)?, number(row, 2)?, number(row, 3)?));
    }
    for task in tasks {
        let task = task.cast_unsigned();
        set.load_task_progress(TaskKey(task), of_task.remove(&task).unwrap_or_default().into_iter());
    }
    let mut of_job: BTreeMap<u64, Vec<(String, Indicator)>> = BTreeMap::new();
    for row in sums {
        let sum = Indicator { total: number(row, 2)?, done: number(row, 3)?, tasks: number(row, 4)? };
        of_job.entry(number(row, 0)?).or_default().push((text(row, 1)?, sum));
    }
    for job in jobs {
        let job = job.cast_unsigned();
        set.load_job_progress(JobKey(job), of_job.remove(&job).unwrap_or_default().into_iter());
    }
    Ok(())
}

async fn scans(talk: &Talk, set: &mut WorkingSet, wanted: &Wanted) -> Result<(), Error> {
    for scan in &wanted.scans {
        match *scan {
            Scan::OpenParents(boundary) => open_parents(talk, set, boundary).await?,
            Scan::FailedTasks(job) => {
                let found =
                    talk.query("SELECT task FROM failed WHERE job = $1 ORDER BY task", &[&column(job.0)]).await?;
                let tasks = found.iter().map(|row| number(row, 0)).collect::<Result<Vec<_>, _>>()?;
                set.load_scan(Need::FailedTasks(job), tasks);
            }
            Scan::Fingerprint(fingerprint) => {
                let sql = "SELECT key FROM job WHERE fingerprint = $1 ORDER BY key DESC LIMIT 1";
                let found = talk.query_opt(sql, &[&Id::of(fingerprint)]).await?;
                let job = found.iter().map(|row| number(row, 0)).collect::<Result<Vec<_>, _>>()?;
                set.load_scan(Need::Fingerprint(fingerprint), job);
            }
        }
    }
    Ok(())
}

/// The tasks below `boundary` with open groups of children; they and those groups are loaded too.
async fn open_parents(talk: &Talk, set: &mut WorkingSet, boundary: TaskKey) -> Result<(), Error> {
    let sql = "WITH RECURSIVE below (task, first, until) AS (
             SELECT key, first_child, first_child + children FROM task WHERE key = $1 AND open_groups > 0
             UNION ALL
             SELECT t.key, t.first_child, t.first_child + t.children
             FROM below b JOIN task t ON t.key >= b.first AND t.key < b.until WHERE t.open_groups > 0
         )
         SELECT task, first, until FROM below";
    let found = talk.query(sql, &[&column(boundary.0)]).await?;
    let (mut parents, mut firsts, mut ends) = (Vec::new(), Vec::new(), Vec::new());
    for row in &found {
        parents.push(get::<i64>(row, 0)?);
        firsts.push(get::<i64>(row, 1)?);
        ends.push(get::<i64>(row, 2)?);
    }
    for row in talk.query(sql::tasks(), &[&parents]).await? {
        set.load_task(rows::task(&row)?);
    }
    let own: Vec<TaskKey> = parents.iter().map(|key| TaskKey(key.cast_unsigned())).collect();
    load_groups(talk, set, &own).await?;
    for row in talk.query(sql::groups_between(), &[&firsts, &ends]).await? {
        let group = rows::group(&row)?;
        let state = rows::group_state(&row, GROUP_COLUMNS_COUNT)?;
        set.load_group(group, state);
    }
    let below = own.into_iter().map(|task| task.0).filter(|task| *task != boundary.0).collect();
    set.load_scan(Need::OpenParents(boundary), below);
    Ok(())
}

/// The oldest jobs of a queue from `from` on that nobody else holds, locked and loaded, `limit` at most.
pub(super) async fn queued(
    talk: &Talk,
    set: &mut WorkingSet,
    class: ClassKey,
    from: u64,
    limit: i64,
) -> Result<Vec<JobKey>, Error> {
    let found = talk.query(sql::queued(), &[&column(class.0), &whole(from), &limit]).await?;
    let keys: Vec<i64> = found.iter().map(|row| get(row, 0)).collect::<Result<_, _>>()?;
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let classes = talk.query(JOB_CLASSES, &[&keys]).await?;
    load_jobs(talk, set, &found, &classes).await
}

/// A job of a queue that is not among `held`, the oldest one.
pub(super) async fn queued_elsewhere(talk: &Talk, class: ClassKey, held: &[i64]) -> Result<Option<JobKey>, Error> {
    let sql = "SELECT job FROM queue WHERE class = $1 AND NOT (job = ANY($2::bigint[])) ORDER BY job LIMIT 1";
    let found = talk.query_opt(sql, &[&column(class.0), &held]).await?;
    found.map(|row| Ok(JobKey(number(&row, 0)?))).transpose()
}

/// Statements that share lists of columns, put together once.
mod sql {
    use std::sync::LazyLock;

    use super::{GROUP_COLUMNS, GROUP_STATE_COLUMNS, JOB_COLUMNS, RUNNING_COLUMNS, TASK_COLUMNS};

    macro_rules! statement {
        ($name:ident, $($format:tt)*) => {
            pub(super) fn $name() -> &'static str {
                static SQL: LazyLock<String> = LazyLock::new(|| format!($($format)*));
                &SQL
            }
        };
    }

    statement!(
        by_id,
        "SELECT {GROUP_COLUMNS} FROM unnest($1::uuid[]) AS wanted (id) CROSS JOIN LATERAL (
             SELECT * FROM task_group e WHERE e.id <= wanted.id ORDER BY e.id DESC LIMIT 1
         ) AS g"
    );
    statement!(
        by_key,
        "SELECT {GROUP_COLUMNS} FROM unnest($1::bigint[]) AS wanted (key) CROSS JOIN LATERAL (
             SELECT * FROM task_group e WHERE e.key <= wanted.key ORDER BY e.key DESC LIMIT 1
         ) AS g"
    );
    statement!(
        jobs_by_id,
        "SELECT {JOB_COLUMNS} FROM job j JOIN job_status s ON s.job = j.key WHERE j.id = ANY($1::uuid[])"
    );
    statement!(
        lock_wait,
        "SELECT {JOB_COLUMNS} FROM job_status s JOIN job j ON j.key = s.job
         WHERE s.job = ANY($1::bigint[]) ORDER BY s.job FOR UPDATE OF s"
    );
    statement!(
        lock_free,
        "SELECT {JOB_COLUMNS} FROM job_status s JOIN job j ON j.key = s.job
         WHERE s.job = ANY($1::bigint[]) ORDER BY s.job FOR UPDATE OF s SKIP LOCKED"
    );
    statement!(running, "SELECT {RUNNING_COLUMNS} FROM running WHERE key = ANY($1::bigint[])");
    statement!(tasks, "SELECT {TASK_COLUMNS} FROM task WHERE key = ANY($1::bigint[])");
    statement!(states, "SELECT {GROUP_STATE_COLUMNS} FROM group_state s WHERE s.key = ANY($1::bigint[])");
    statement!(
        groups_between,
        "SELECT {GROUP_COLUMNS}, {GROUP_STATE_COLUMNS}
         FROM unnest($1::bigint[], $2::bigint[]) AS p (first, until)
         CROSS JOIN LATERAL (SELECT * FROM task_group e WHERE e.key >= p.first AND e.key < p.until OFFSET 0) AS g
         JOIN group_state s ON s.key = g.key"
    );
    statement!(
        queued,
        "SELECT {JOB_COLUMNS} FROM queue q JOIN job_status s ON s.job = q.job JOIN job j ON j.key = q.job
         WHERE q.class = $1 AND q.job >= $2 ORDER BY q.job LIMIT $3 FOR UPDATE OF s SKIP LOCKED"
    );

    pub(super) fn lock(wait: bool) -> &'static str {
        if wait { lock_wait() } else { lock_free() }
    }
}
