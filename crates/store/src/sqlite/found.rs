//! Single tasks wherever they are, and the failed ones of a job, from committed rows.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};

use boxwood_engine::{Group, GroupState, Job, JobId, JobKey, JobStatus, TaskId, TaskKey, TaskState};
use rusqlite::{Connection, OptionalExtension, params};

use super::query::{Listing, group_with};
use super::rows::{self, GROUP_COLUMNS, JOB_COLUMNS, RUNNING_COLUMNS, TASK_COLUMNS, column, number};
use crate::error::Error;
use crate::read::{Executions, FailedTasks, FoundTask, TaskView, optional_look_max};

pub(super) fn tasks(connection: &Connection, ids: &[TaskId]) -> Result<Vec<FoundTask>, Error> {
    let mut keys = BTreeSet::new();
    for id in ids {
        keys.extend(group_with(connection, *id)?.map(|(_, key)| key));
    }
    let mut listing = Listing::new(connection);
    let mut jobs: HashMap<JobKey, Job> = HashMap::new();
    let mut found = Vec::with_capacity(keys.len());
    for key in keys {
        let (group, _, task) = task(connection, &mut listing, key)?;
        let job = match jobs.entry(group.job) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => place.insert(job(connection, group.job)?.0),
        };
        found.push(FoundTask { job: job.id, job_name: job.name.clone(), task });
    }
    Ok(found)
}

pub(super) fn failed(connection: &Connection, id: JobId, limit: usize) -> Result<Option<FailedTasks>, Error> {
    let sql = format!("SELECT {JOB_COLUMNS} FROM job j JOIN job_status s ON s.job = j.key WHERE j.id = ?1");
    let found = connection.prepare_cached(&sql)?.query_row([id.to_bytes()], rows::job).optional()?;
    let Some((job, status)) = found else { return Ok(None) };
    let most = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    let mut listing = Listing::new(connection);
    let mut views = |keys: Vec<u64>| {
        let view = |key| task(connection, &mut listing, TaskKey(key)).map(|(_, _, task)| task);
        keys.into_iter().map(view).collect::<Result<Vec<_>, _>>()
    };
    let mut answer = FailedTasks::default();
    let mut statement = connection.prepare_cached("SELECT task FROM failed WHERE job = ?1 ORDER BY task LIMIT ?2")?;
    let keys = statement.query_map([column(job.key.0), most(limit)], |row| number(row, 0))?;
    answer.failed = views(keys.collect::<Result<_, _>>()?)?;
    if status.counts.of(TaskState::FailedOptional) > 0 {
        let sql = "SELECT key FROM (
                 SELECT t.key AS key, t.state AS state FROM task_group g
                 JOIN task t ON t.key >= g.key AND t.key < g.key + g.count
                 WHERE g.job = ?1 ORDER BY g.key, t.key LIMIT ?2
             ) WHERE state = ?3 LIMIT ?4";
        let mut statement = connection.prepare_cached(sql)?;
        let values =
            params![column(job.key.0), most(optional_look_max()), TaskState::FailedOptional as u8, most(limit)];
        let keys = statement.query_map(values, |row| number(row, 0))?;
        answer.optional = views(keys.collect::<Result<_, _>>()?)?;
    }
    Ok(Some(answer))
}

/// A task with its parent, and its group.
pub(super) fn task(
    connection: &Connection,
    listing: &mut Listing<'_>,
    key: TaskKey,
) -> Result<(Group, GroupState, TaskView), Error> {
    let (group, state) = group_of(connection, key)?;
    let parent = match group.parent {
        Some(parent) => Some(group_of(connection, parent)?.0.task_id(parent)),
        None => None,
    };
    let mut tasks = Vec::with_capacity(1);
    listing.append(&group, &state, parent, key.0..key.0 + 1, 1, &mut tasks)?;
    let task = tasks.pop().ok_or_else(|| Error::Corrupt(format!("task {}: its input is missing", key.0)))?;
    Ok((group, state, task))
}

/// The executions of a task.
pub(super) fn executions(connection: &Connection, key: TaskKey) -> Result<Executions, Error> {
    let sql = format!("SELECT {RUNNING_COLUMNS} FROM running WHERE key = ?1");
    let running = connection.prepare_cached(&sql)?.query_row([column(key.0)], rows::running).optional()?;
    if running.is_some() {
        return Ok(Executions::of(running.as_ref()));
    }
    let sql = format!("SELECT {TASK_COLUMNS} FROM task WHERE key = ?1");
    let task = connection.prepare_cached(&sql)?.query_row([column(key.0)], rows::task).optional()?;
    Ok(Executions::of(task.as_ref()))
}

pub(super) fn job(connection: &Connection, key: JobKey) -> Result<(Job, JobStatus), Error> {
    let sql = format!("SELECT {JOB_COLUMNS} FROM job j JOIN job_status s ON s.job = j.key WHERE j.key = ?1");
    Ok(connection.prepare_cached(&sql)?.query_row([column(key.0)], rows::job)?)
}

/// The group that holds a task.
fn group_of(connection: &Connection, key: TaskKey) -> Result<(Group, GroupState), Error> {
    let sql = format!(
        "SELECT {GROUP_COLUMNS} FROM task_group g JOIN group_state s ON s.key = g.key
         WHERE g.key <= ?1 ORDER BY g.key DESC LIMIT 1"
    );
    Ok(connection.prepare_cached(&sql)?.query_row([column(key.0)], rows::group)?)
}
