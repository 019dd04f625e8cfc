//! Locking jobs, and loading the rows that steps lack: a few statements for a whole batch.

use std::collections::{BTreeMap, BTreeSet};

use boxwood_engine::{ClassKey, GroupKey, Indicator, JobKey, Need, TaskKey, WorkingSet};
use futures::try_join;
use tokio_postgres::Row;

use super::catalog;
use super::flight::{Ahead, ask, some, statement};
use super::ready::{self, Ranges};
use super::rows::{self, GROUP_STATE_COLUMNS, JOB_COLUMNS, RUNNING_COLUMNS, TASK_COLUMNS, column, number, text};
use super::session::Talk;
use super::wanted::Wanted;
use crate::error::Error;

fn held(set: &WorkingSet, job: JobKey) -> bool {
    set.has(Need::Job(job))
}

fn is_held(set: &WorkingSet, task: TaskKey) -> bool {
    set.group_with_task(task).is_some_and(|group| held(set, group.job))
}

/// Locks the jobs that are not held yet, in the order of their keys, and loads them and the wanted rows of all that are held
/// then; with `wait` all jobs that exist, else those that nobody else holds. Answers which were locked.
///
/// Rows are read by statements behind the one that locks, which therefore see all that was committed before it had the locks.
pub(super) async fn jobs_and_rows(
    talk: &Talk,
    set: &mut WorkingSet,
    wanted: &Wanted,
    wait: bool,
    ahead: &mut Ahead,
) -> Result<Vec<JobKey>, Error> {
    for task in &wanted.tasks {
        if set.group_with_task(*task).is_none() {
            set.not_found(Need::Task(*task));
        }
    }
    let jobs: Vec<i64> = wanted.jobs.iter().filter(|job| !held(set, **job)).map(|job| column(job.0)).collect();
    let tasks: Vec<TaskKey> = wanted.tasks.iter().copied().filter(|task| !set.has(Need::Task(*task))).collect();
    let ready_pairs = wanted.ready.iter().chain(&wanted.ready_beside);
    let unknown = |pair: &&(JobKey, ClassKey)| !set.has(Need::Ready(pair.0, pair.1));
    let unknown_pairs: BTreeSet<(JobKey, ClassKey)> = ready_pairs.filter(unknown).copied().collect();
    let (asked_jobs, asked_classes) = ready::columns(wanted.ready.intersection(&unknown_pairs));
    let (beside_jobs, beside_classes) =
        ready::columns(wanted.ready_beside.difference(&wanted.ready).filter(|pair| unknown_pairs.contains(pair)));
    let ranges = Ranges::of(wanted.ready_parts.iter());
    let keys: Vec<i64> = tasks.iter().map(|task| column(task.0)).collect();
    let groups = groups_of(set, wanted);
    let displays: Vec<i64> = wanted.displays.iter().map(|task| column(task.0)).collect();
    let progress: Vec<i64> = wanted.task_progress.iter().map(|task| column(task.0)).collect();
    let sums: Vec<i64> = wanted.job_progress.iter().map(|job| column(job.0)).collect();

    let lock = some(talk, if wait { sql::lock_wait() } else { sql::lock_free() }, jobs.len()).await?;
    let classes = some(talk, JOB_CLASSES, jobs.len()).await?;
    let running = some(talk, sql::running(), keys.len()).await?;
    let stopped = some(talk, sql::tasks(), keys.len()).await?;
    let states = some(talk, sql::states(), groups.len()).await?;
    let first = some(talk, ready::FIRST, unknown_pairs.len()).await?;
    let within = some(talk, ready::WITHIN, ranges.job.len()).await?;
    let shown = some(talk, DISPLAYS, displays.len()).await?;
    let done = some(talk, TASK_PROGRESS, progress.len()).await?;
    let summed = some(talk, JOB_PROGRESS, sums.len()).await?;
    let rows_max = ready::ROWS + 1;
    let flight = async {
        try_join!(
            ask(talk, &lock, [&jobs]),
            ask(talk, &classes, [&jobs]),
            ask(talk, &running, [&keys]),
            ask(talk, &stopped, [&keys]),
            ask(talk, &states, [&groups]),
            ask(talk, &first, [&asked_jobs, &asked_classes, &rows_max, &beside_jobs, &beside_classes]),
            ask(
                talk,
                &within,
                [&ranges.job, &ranges.class, &ranges.from.0, &ranges.from.1, &ranges.to.0, &ranges.to.1, &ranges.limit,],
            ),
            ask(talk, &shown, [&displays]),
            ask(talk, &done, [&progress]),
            ask(talk, &summed, [&sums]),
        )
    };
    let asked = [&lock, &running, &states, &first, &within, &shown, &done, &summed].iter().any(|one| one.is_some());
    if !asked {
        return Ok(Vec::new());
    }
    let (found, classes, running, stopped, states, first, within, shown, done, summed) =
        ahead.of(talk, set, flight).await?;

    // What belongs to jobs that were not locked is left: others are changing it.
    let locked = load_jobs(talk, set, &found, &classes).await?;
    for row in &states {
        let state = rows::group_state(row, 0)?;
        if is_held(set, state.key.first_task()) {
            set.load_group_state(state);
        }
    }
    let running = running.iter().map(rows::running);
    // A task that is running is in the other table as it was before: the row loaded first stays.
    for task in running.chain(stopped.iter().map(rows::task)) {
        let task = task?;
        if is_held(set, task.key) {
            set.load_task(task);
        }
    }
    for task in tasks {
        if is_held(set, task) && !set.has(Need::Task(task)) {
            set.not_found(Need::Task(task));
        }
    }
    let pairs: Vec<(JobKey, ClassKey)> = unknown_pairs
        .into_iter()
        .filter(|(job, class)| {
            let of_job = wanted.ready.contains(&(*job, *class)) || set.classes_of(*job).binary_search(class).is_ok();
            of_job && held(set, *job)
        })
        .collect();
    ready::load_first(set, pairs.into_iter(), &first)?;
    ranges.load(set, &within, held)?;
    load_displays(set, &wanted.displays, &shown)?;
    load_progress(set, wanted, &done, &summed)?;
    Ok(locked)
}

/// The groups of which the counters are wanted: those of tasks, and those that wait for them.
fn groups_of(set: &WorkingSet, wanted: &Wanted) -> Vec<i64> {
    let mut groups: BTreeSet<GroupKey> = BTreeSet::new();
    for task in wanted.tasks.iter().chain(&wanted.groups) {
        if let Some(group) = set.group_with_task(*task) {
            groups.insert(group.key);
            groups.extend(&group.dependents);
        }
    }
    let unknown = groups.into_iter().filter(|group| !set.has(Need::GroupOf(group.first_task())));
    unknown.map(|group| column(group.0)).collect()
}

/// Classes are read after the locks are held, in a statement of their own: the statement that waits for a lock sees other
/// tables as they were before.
pub(super) const JOB_CLASSES: &str =
    "SELECT job, class FROM job_class WHERE job = ANY($1::bigint[]) ORDER BY job, class";

/// Takes in jobs that are locked.
pub(super) async fn load_jobs(
    talk: &Talk,
    set: &mut WorkingSet,
    found: &[Row],
    classes: &[Row],
) -> Result<Vec<JobKey>, Error> {
    let mut of_job: BTreeMap<JobKey, Vec<ClassKey>> = BTreeMap::new();
    let mut newest = ClassKey(0);
    for row in classes {
        let class = ClassKey(number(row, 1)?);
        newest = newest.max(class);
        of_job.entry(JobKey(number(row, 0)?)).or_default().push(class);
    }
    if newest > set.newest_class() {
        catalog::look(talk, set).await?;
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

fn load_displays(set: &mut WorkingSet, asked: &BTreeSet<TaskKey>, found: &[Row]) -> Result<(), Error> {
    let mut of_task: BTreeMap<u64, String> = BTreeMap::new();
    for row in found {
        of_task.insert(number(row, 0)?, text(row, 1)?);
    }
    for task in asked {
        if is_held(set, *task) {
            match of_task.get(&task.0) {
                Some(display) => set.load_display(*task, display),
                None => set.not_found(Need::Display(*task)),
            }
        }
    }
    Ok(())
}

fn load_progress(set: &mut WorkingSet, wanted: &Wanted, progress: &[Row], sums: &[Row]) -> Result<(), Error> {
    let mut of_task: BTreeMap<u64, Vec<(String, u64, u64)>> = BTreeMap::new();
    for row in progress {
        of_task.entry(number(row, 0)?).or_default().push((text(row, 1)?, number(row, 2)?, number(row, 3)?));
    }
    for task in &wanted.task_progress {
        if is_held(set, *task) {
            set.load_task_progress(*task, of_task.remove(&task.0).unwrap_or_default().into_iter());
        }
    }
    let mut of_job: BTreeMap<u64, Vec<(String, Indicator)>> = BTreeMap::new();
    for row in sums {
        let sum = Indicator { total: number(row, 2)?, done: number(row, 3)?, tasks: number(row, 4)? };
        of_job.entry(number(row, 0)?).or_default().push((text(row, 1)?, sum));
    }
    for job in &wanted.job_progress {
        if held(set, *job) {
            set.load_job_progress(*job, of_job.remove(&job.0).unwrap_or_default().into_iter());
        }
    }
    Ok(())
}

const DISPLAYS: &str = "SELECT task, display FROM display WHERE task = ANY($1::bigint[])";
const TASK_PROGRESS: &str = "SELECT task, label, total, done FROM task_progress WHERE task = ANY($1::bigint[])";
const JOB_PROGRESS: &str = "SELECT job, label, total, done, tasks FROM job_progress WHERE job = ANY($1::bigint[])";

pub(super) mod sql {
    use super::{GROUP_STATE_COLUMNS, JOB_COLUMNS, RUNNING_COLUMNS, TASK_COLUMNS, statement};

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
}
