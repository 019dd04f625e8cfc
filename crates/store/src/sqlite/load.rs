//! Loading the rows a step lacks.

use std::sync::Arc;

use boxwood_engine::{
    Class, ClassKey, Cluster, GroupKey, Identifier, Indicator, JobKey, Need, ReadyKey, ReadyRow, Settings, TaskId,
    TaskKey, Timestamp, Version, WorkingSet,
};
use rusqlite::{Connection, OptionalExtension, Params};

use super::rows::{self, GROUP_COLUMNS, JOB_COLUMNS, RUNNING_COLUMNS, TASK_COLUMNS, column, number, small};
use crate::error::Error;

/// The set a lane begins with.
pub(super) fn open_set(connection: &Connection, settings: Settings) -> Result<WorkingSet, Error> {
    let next_job: i64 = connection.query_row("SELECT coalesce(max(key), 0) + 1 FROM job", [], |row| row.get(0))?;
    let last_group = "SELECT coalesce((SELECT key + count FROM task_group ORDER BY key DESC LIMIT 1), 1)";
    let next_task: i64 = connection.query_row(last_group, [], |row| row.get(0))?;
    let (next_job, next_task) = (next_job.cast_unsigned(), next_task.cast_unsigned());
    Ok(WorkingSet::new(settings, next_job, next_task, clusters(connection)?, classes(connection)?))
}

/// Every cluster, by slug.
pub(super) fn clusters(connection: &Connection) -> Result<Vec<Cluster>, Error> {
    let mut statement = connection
        .prepare_cached("SELECT slug, display_name, description, deletable, created_at FROM cluster ORDER BY slug")?;
    let rows = statement.query_map([], |row| {
        Ok(Cluster {
            slug: row.get::<_, Arc<str>>(0)?,
            display_name: row.get(1)?,
            description: row.get(2)?,
            deletable: row.get(3)?,
            created_at: Timestamp(row.get(4)?),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Every class, by key.
pub(super) fn classes(connection: &Connection) -> Result<Vec<Class>, Error> {
    let mut statement = connection.prepare_cached("SELECT key, cluster, name, version FROM class ORDER BY key")?;
    let mut rows = statement.query([])?;
    let mut classes = Vec::new();
    while let Some(row) = rows.next()? {
        let version: String = row.get(3)?;
        let version = Version::parse(&version).map_err(|error| Error::Corrupt(format!("class: {error}")))?;
        classes.push(Class {
            key: ClassKey(number(row, 0)?),
            cluster: row.get(1)?,
            identifier: Identifier { name: row.get(2)?, version },
        });
    }
    Ok(classes)
}

/// Answers one need.
pub(super) fn need(connection: &Connection, set: &mut WorkingSet, need: Need) -> Result<(), Error> {
    match need {
        Need::Job(key) => job(connection, set, need, "j.key = ?1", [column(key.0)]),
        Need::JobById(id) => job(connection, set, need, "j.id = ?1", [id.to_bytes()]),
        Need::GroupOf(key) => group_of(connection, set, key),
        Need::Task(key) => task(connection, set, key),
        Need::TaskById(id) => task_by_id(connection, set, id),
        Need::Ready(job, class) => ready(connection, set, job, class),
        Need::Queue(class) => {
            let mut statement = connection.prepare_cached("SELECT job FROM queue WHERE class = ?1")?;
            let jobs = keys(&mut statement, [column(class.0)])?;
            set.load_queue(class, jobs.into_iter().map(JobKey));
            Ok(())
        }
        Need::Display(task) => {
            let mut statement = connection.prepare_cached("SELECT display FROM display WHERE task = ?1")?;
            let display: Option<String> = statement.query_row([column(task.0)], |row| row.get(0)).optional()?;
            match display {
                Some(display) => set.load_display(task, &display),
                None => set.not_found(need),
            }
            Ok(())
        }
        Need::TaskProgress(task) => {
            let mut statement =
                connection.prepare_cached("SELECT label, total, done FROM task_progress WHERE task = ?1")?;
            let rows = statement
                .query_map([column(task.0)], |row| Ok((row.get(0)?, number(row, 1)?, number(row, 2)?)))?
                .collect::<Result<Vec<_>, _>>()?;
            set.load_task_progress(task, rows.into_iter());
            Ok(())
        }
        Need::JobProgress(job) => {
            set.load_job_progress(job, job_progress(connection, job)?.into_iter());
            Ok(())
        }
        Need::OpenParents(boundary) => open_parents(connection, set, boundary),
        // Only sets that others share ask for these.
        Need::ReadyWithin(..) | Need::JobKey | Need::TaskKeys(_) | Need::Catalog => Ok(()),
        Need::FailedTasks(job) => {
            let mut statement = connection.prepare_cached("SELECT task FROM failed WHERE job = ?1 ORDER BY task")?;
            let tasks = keys(&mut statement, [column(job.0)])?;
            set.load_scan(need, tasks);
            Ok(())
        }
        Need::Fingerprint(fingerprint) => {
            let mut statement =
                connection.prepare_cached("SELECT key FROM job WHERE fingerprint = ?1 ORDER BY key DESC LIMIT 1")?;
            let jobs = keys(&mut statement, [fingerprint.to_be_bytes()])?;
            set.load_scan(need, jobs);
            Ok(())
        }
    }
}

fn keys(statement: &mut rusqlite::CachedStatement<'_>, params: impl Params) -> Result<Vec<u64>, Error> {
    Ok(statement.query_map(params, |row| number(row, 0))?.collect::<Result<_, _>>()?)
}

fn job(
    connection: &Connection,
    set: &mut WorkingSet,
    need: Need,
    condition: &str,
    params: impl Params,
) -> Result<(), Error> {
    let sql = format!("SELECT {JOB_COLUMNS} FROM job j JOIN job_status s ON s.job = j.key WHERE {condition}");
    let found = connection.prepare_cached(&sql)?.query_row(params, rows::job).optional()?;
    let Some((job, status)) = found else {
        set.not_found(need);
        return Ok(());
    };
    let mut statement = connection.prepare_cached("SELECT class FROM job_class WHERE job = ?1 ORDER BY class")?;
    let classes = keys(&mut statement, [column(job.key.0)])?;
    set.load_job(job, status, classes.into_iter().map(ClassKey).collect());
    Ok(())
}

/// The indicators of a job, by label.
pub(super) fn job_progress(connection: &Connection, job: JobKey) -> Result<Vec<(String, Indicator)>, Error> {
    let mut statement = connection
        .prepare_cached("SELECT label, total, done, tasks FROM job_progress WHERE job = ?1 ORDER BY label")?;
    let rows = statement.query_map([column(job.0)], |row| {
        Ok((row.get(0)?, Indicator { total: number(row, 1)?, done: number(row, 2)?, tasks: number(row, 3)? }))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn group_of(connection: &Connection, set: &mut WorkingSet, task: TaskKey) -> Result<(), Error> {
    let sql = format!(
        "SELECT {GROUP_COLUMNS} FROM task_group g JOIN group_state s ON s.key = g.key
         WHERE g.key <= ?1 ORDER BY g.key DESC LIMIT 1"
    );
    let found = connection.prepare_cached(&sql)?.query_row([column(task.0)], rows::group).optional()?;
    match found {
        Some((group, state)) if group.holds(task) => set.load_group(group, state),
        _ => set.not_found(Need::GroupOf(task)),
    }
    Ok(())
}

fn task(connection: &Connection, set: &mut WorkingSet, key: TaskKey) -> Result<(), Error> {
    let sql = format!("SELECT {RUNNING_COLUMNS} FROM running WHERE key = ?1");
    let running = connection.prepare_cached(&sql)?.query_row([column(key.0)], rows::running).optional()?;
    let found = match running {
        Some(task) => Some(task),
        None => {
            let sql = format!("SELECT {TASK_COLUMNS} FROM task WHERE key = ?1");
            connection.prepare_cached(&sql)?.query_row([column(key.0)], rows::task).optional()?
        }
    };
    match found {
        Some(task) => {
            let group = task.group.first_task();
            set.load_task(task);
            if set.has(Need::GroupOf(group)) { Ok(()) } else { group_of(connection, set, group) }
        }
        None => {
            set.not_found(Need::Task(key));
            Ok(())
        }
    }
}

fn task_by_id(connection: &Connection, set: &mut WorkingSet, id: TaskId) -> Result<(), Error> {
    let sql = format!(
        "SELECT {GROUP_COLUMNS} FROM task_group g JOIN group_state s ON s.key = g.key
         WHERE g.id <= ?1 ORDER BY g.id DESC LIMIT 1"
    );
    let found = connection.prepare_cached(&sql)?.query_row([id.to_bytes()], rows::group).optional()?;
    let Some((group, state)) = found else {
        set.not_found(Need::TaskById(id));
        return Ok(());
    };
    let Some(key) = group.task_with_id(id) else {
        set.not_found(Need::TaskById(id));
        return Ok(());
    };
    set.load_group(group, state);
    task(connection, set, key)
}

fn ready(connection: &Connection, set: &mut WorkingSet, job: JobKey, class: ClassKey) -> Result<(), Error> {
    let mut statement = connection
        .prepare_cached("SELECT depth, first, returned, next, end, grp FROM ready WHERE job = ?1 AND class = ?2")?;
    let rows = statement
        .query_map([column(job.0), column(class.0)], |row| {
            let key = ReadyKey { job, class, depth: small(row, 0)?, first: number(row, 1)?, returned: row.get(2)? };
            Ok((key, ReadyRow { next: number(row, 3)?, end: number(row, 4)?, group: GroupKey(number(row, 5)?) }))
        })?
        .collect::<Result<Vec<_>, _>>()?;
    set.load_ready(job, class, rows.into_iter());
    Ok(())
}

/// The tasks below `boundary` with open groups of children; they and those groups are loaded too.
fn open_parents(connection: &Connection, set: &mut WorkingSet, boundary: TaskKey) -> Result<(), Error> {
    let mut statement = connection.prepare_cached(
        "WITH RECURSIVE below (task, first, end) AS (
             SELECT key, first_child, first_child + children FROM task WHERE key = ?1 AND open_groups > 0
             UNION ALL
             SELECT t.key, t.first_child, t.first_child + t.children
             FROM below b JOIN task t ON t.key >= b.first AND t.key < b.end WHERE t.open_groups > 0
         )
         SELECT task, first, end FROM below",
    )?;
    let below = statement
        .query_map([column(boundary.0)], |row| Ok((number(row, 0)?, number(row, 1)?, number(row, 2)?)))?
        .collect::<Result<Vec<_>, _>>()?;
    let sql = format!(
        "SELECT {GROUP_COLUMNS} FROM task_group g JOIN group_state s ON s.key = g.key WHERE g.key >= ?1 AND g.key < ?2"
    );
    let mut groups = connection.prepare_cached(&sql)?;
    for (parent, first, end) in &below {
        task(connection, set, TaskKey(*parent))?;
        for row in groups.query_map([column(*first), column(*end)], rows::group)? {
            let (group, state) = row?;
            set.load_group(group, state);
        }
    }
    let parents = below.into_iter().map(|(task, ..)| task).filter(|task| *task != boundary.0).collect();
    set.load_scan(Need::OpenParents(boundary), parents);
    Ok(())
}

/// The inputs of tasks, in the order asked for.
pub(super) fn inputs(connection: &Connection, tasks: &[TaskKey]) -> Result<Vec<Vec<u8>>, Error> {
    let mut statement = connection.prepare_cached("SELECT input FROM task_input WHERE key = ?1")?;
    let input = |task: &TaskKey| statement.query_row([column(task.0)], |row| row.get(0));
    Ok(tasks.iter().map(input).collect::<Result<_, _>>()?)
}

/// Running tasks whose lease has ended.
pub(super) fn expired(connection: &Connection, now: Timestamp, limit: usize) -> Result<Vec<TaskKey>, Error> {
    let mut statement = connection.prepare_cached("SELECT key FROM running WHERE lease_until <= ?1 LIMIT ?2")?;
    let tasks = keys(&mut statement, (now.0, i64::try_from(limit).unwrap_or(i64::MAX)))?;
    Ok(tasks.into_iter().map(TaskKey).collect())
}
