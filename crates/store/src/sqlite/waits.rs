//! What tasks wait for, from committed rows.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use boxwood_engine::{Class, ClassKey, Group, GroupState, Job, JobId, JobKey, JobState, TaskId, TaskKey};
use rusqlite::{Connection, OptionalExtension};

use super::query::{Listing, children, group_with};
use super::rows::{self, GROUP_COLUMNS, JOB_COLUMNS, column, number};
use super::{found, load};
use crate::error::Error;
use crate::read::{BlockedGroup, JobWaits, ReadyTasks, TaskWaits, blocked_groups_max};

/// The groups of one submission that are not complete.
type Open = Vec<(Group, GroupState)>;

pub(super) fn of_job(connection: &Connection, id: JobId, limit: usize) -> Result<Option<JobWaits>, Error> {
    let sql = format!("SELECT {JOB_COLUMNS} FROM job j JOIN job_status s ON s.job = j.key WHERE j.id = ?1");
    let mut statement = connection.prepare_cached(&sql)?;
    let Some((job, status)) = statement.query_row([id.to_bytes()], rows::job).optional()? else { return Ok(None) };
    let ready = ready(connection, job.key)?;
    let sql = format!(
        "SELECT {GROUP_COLUMNS} FROM group_state s INDEXED BY group_state_waiting CROSS JOIN task_group g ON g.key = s.key
         WHERE s.key >= ?1 AND s.blocked > 0 AND s.skipped = 0 AND s.open > 0 AND g.job = ?2 ORDER BY s.key LIMIT ?3"
    );
    let limit = i64::try_from(blocked_groups_max(&status, &ready, limit)).unwrap_or(i64::MAX);
    let mut statement = connection.prepare_cached(&sql)?;
    let within = [column(job.roots.first.0), column(job.key.0), limit];
    let found = statement.query_map(within, rows::group)?.collect::<Result<Vec<_>, _>>()?;
    let mut submissions: HashMap<Option<TaskKey>, Open> = HashMap::new();
    let mut blocked = Vec::with_capacity(found.len());
    for (group, state) in found {
        let open = match submissions.entry(group.parent) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(open_beside(connection, &job, &group)?),
        };
        blocked.push(BlockedGroup::among(group, state, open));
    }
    Ok(Some(JobWaits { status, ready, blocked }))
}

/// How many tasks of each class could be handed out.
fn ready(connection: &Connection, job: JobKey) -> Result<Vec<(Class, u64)>, Error> {
    let sql = "SELECT class, sum(end - next) FROM ready WHERE job = ?1 GROUP BY class ORDER BY class";
    let mut statement = connection.prepare_cached(sql)?;
    let counts = statement.query_map([column(job.0)], |row| Ok((ClassKey(number(row, 0)?), number(row, 1)?)))?;
    named(connection, counts)
}

/// Counts by class, for the keys of classes.
fn named(
    connection: &Connection,
    counts: impl Iterator<Item = rusqlite::Result<(ClassKey, u64)>>,
) -> Result<Vec<(Class, u64)>, Error> {
    let mut classes: HashMap<ClassKey, Class> =
        load::classes(connection)?.into_iter().map(|class| (class.key, class)).collect();
    let mut ready = Vec::new();
    for count in counts {
        let (key, count) = count?;
        let class = classes.remove(&key).ok_or_else(|| Error::Corrupt(format!("class {} is missing", key.0)))?;
        ready.push((class, count));
    }
    Ok(ready)
}

/// How many tasks of each class could be handed out, of all jobs.
pub(super) fn ready_tasks(connection: &Connection, entries_max: usize) -> Result<ReadyTasks, Error> {
    let entries_max = i64::try_from(entries_max).unwrap_or(i64::MAX);
    let sql = "SELECT count(*) FROM (SELECT 1 FROM ready LIMIT ?1)";
    let entries: i64 = connection.prepare_cached(sql)?.query_row([entries_max.saturating_add(1)], |row| row.get(0))?;
    let [failed, canceled] = [JobState::Failed, JobState::Canceled].map(|state| state as u8);
    // The inner sums follow the order of the table; what is looked up and sorted is one row for each job and class.
    let sql = format!(
        "SELECT r.class, sum(r.tasks) FROM
           (SELECT job, class, sum(end - next) AS tasks FROM
             (SELECT job, class, next, end FROM ready ORDER BY job, class, depth, first, returned LIMIT ?1)
            GROUP BY job, class) r
         JOIN job_status s ON s.job = r.job WHERE s.state NOT IN ({failed}, {canceled})
         GROUP BY r.class ORDER BY r.class"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let counts = statement.query_map([entries_max], |row| Ok((ClassKey(number(row, 0)?), number(row, 1)?)))?;
    Ok(ReadyTasks { classes: named(connection, counts)?, truncated: entries > entries_max })
}

pub(super) fn of_task(connection: &Connection, id: TaskId) -> Result<Option<TaskWaits>, Error> {
    let Some((_, key)) = group_with(connection, id)? else { return Ok(None) };
    let (group, state, task) = found::task(connection, &mut Listing::new(connection), key)?;
    let (job, status) = found::job(connection, group.job)?;
    let executions = found::executions(connection, key)?;
    let open = open_beside(connection, &job, &group)?;
    Ok(Some(TaskWaits { job, status, task, executions, group: BlockedGroup::among(group, state, &open) }))
}

/// The groups of the submission of a group that are not complete; there are 64 at most (LM-1).
fn open_beside(connection: &Connection, job: &Job, group: &Group) -> Result<Open, Error> {
    let range = match group.parent {
        None => Some(job.roots.first.0..job.roots.end()),
        Some(parent) => children(connection, parent)?,
    };
    let range = range.ok_or_else(|| Error::Corrupt(format!("group {}: its parent has no children", group.key.0)))?;
    let sql = format!(
        "SELECT {GROUP_COLUMNS} FROM task_group g JOIN group_state s ON s.key = g.key
         WHERE g.key >= ?1 AND g.key < ?2 AND s.open > 0 ORDER BY g.key"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let found = statement.query_map([column(range.start), column(range.end)], rows::group)?;
    Ok(found.collect::<Result<_, _>>()?)
}
