//! What tasks wait for, from committed rows.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::LazyLock;

use boxwood_engine::{Class, ClassKey, Group, Job, JobId, JobKey, JobState, JobStatus, TaskId, TaskKey};

use tokio_postgres::Row;

use super::catalog;
use super::found;
use super::listing;
use super::query::{children, group_and_state, group_with, job, rows_max};
use super::rows::{self, GROUP_COLUMNS, GROUP_STATE_COLUMNS, JOB_COLUMNS, column, number};
use super::session::Talk;
use crate::error::Error;
use crate::read::{BlockedGroup, JobWaits, ReadyTasks, TaskWaits, blocked_groups_max};

pub(super) async fn of_job(talk: &Talk, id: JobId, limit: usize) -> Result<Option<JobWaits>, Error> {
    let Some((job, status)) = job(talk, id).await? else { return Ok(None) };
    let ready = ready(talk, job.key).await?;
    // The group is looked up for each that waits, whatever the database believes about how many there are.
    static SQL: LazyLock<String> = LazyLock::new(|| {
        format!(
            "SELECT {GROUP_COLUMNS}, {GROUP_STATE_COLUMNS} FROM group_state s
             CROSS JOIN LATERAL (SELECT * FROM task_group WHERE task_group.key = s.key OFFSET 0) g
             WHERE s.key >= $1 AND s.blocked > 0 AND NOT s.skipped AND s.open > 0 AND g.job = $2 ORDER BY s.key LIMIT $3"
        )
    });
    let limit = rows_max(blocked_groups_max(&status, &ready, limit));
    let found = talk.query(&SQL, &[&column(job.roots.first.0), &column(job.key.0), &limit]).await?;
    let mut submissions: HashMap<Option<TaskKey>, Vec<listing::Entry>> = HashMap::new();
    let mut blocked = Vec::with_capacity(found.len());
    for row in &found {
        let (group, state) = group_and_state(row)?;
        let open = match submissions.entry(group.parent) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(open_beside(talk, &job, &group).await?),
        };
        blocked.push(BlockedGroup::among(group, state, open));
    }
    Ok(Some(JobWaits { status, ready, blocked }))
}

/// How many tasks of each class could be handed out.
async fn ready(talk: &Talk, job: JobKey) -> Result<Vec<(Class, u64)>, Error> {
    let sql = "SELECT class, sum(until - next)::bigint FROM ready WHERE job = $1 GROUP BY class ORDER BY class";
    named(talk, &talk.query(sql, &[&column(job.0)]).await?).await
}

/// Counts by class, for rows with the keys of classes.
async fn named(talk: &Talk, rows: &[Row]) -> Result<Vec<(Class, u64)>, Error> {
    let mut classes: HashMap<ClassKey, Class> =
        catalog::classes(talk).await?.into_iter().map(|class| (class.key, class)).collect();
    let mut ready = Vec::new();
    for row in rows {
        let key = ClassKey(number(row, 0)?);
        let class = classes.remove(&key).ok_or_else(|| Error::Corrupt(format!("class {} is missing", key.0)))?;
        ready.push((class, number(row, 1)?));
    }
    Ok(ready)
}

/// How many tasks of each class could be handed out, of all jobs.
pub(super) async fn ready_tasks(talk: &Talk, entries_max: usize) -> Result<ReadyTasks, Error> {
    let entries_max = rows_max(entries_max);
    let sql = "SELECT count(*) FROM (SELECT 1 FROM ready LIMIT $1) r";
    let found = talk.query_opt(sql, &[&entries_max.saturating_add(1)]).await?;
    let entries: u64 = found.map(|row| number(&row, 0)).transpose()?.unwrap_or(0);
    static SQL: LazyLock<String> = LazyLock::new(|| {
        let [failed, canceled] = [JobState::Failed, JobState::Canceled].map(|state| state as u8);
        format!(
            "SELECT r.class, sum(r.tasks)::bigint FROM
               (SELECT job, class, sum(until - next) AS tasks FROM
                 (SELECT job, class, next, until FROM ready ORDER BY job, class, depth, first, returned LIMIT $1) e
                GROUP BY job, class) r
             JOIN job_status s ON s.job = r.job WHERE s.state NOT IN ({failed}, {canceled})
             GROUP BY r.class ORDER BY r.class"
        )
    });
    let found = talk.query(&SQL, &[&entries_max]).await?;
    let truncated = i64::try_from(entries).unwrap_or(i64::MAX) > entries_max;
    Ok(ReadyTasks { classes: named(talk, &found).await?, truncated })
}

pub(super) async fn of_task(talk: &Talk, id: TaskId) -> Result<Option<TaskWaits>, Error> {
    let Some((group, key)) = group_with(talk, id).await? else { return Ok(None) };
    let (job, status) = job_with_key(talk, group.job).await?;
    static SQL: LazyLock<String> = LazyLock::new(|| {
        format!(
            "SELECT {GROUP_COLUMNS}, {GROUP_STATE_COLUMNS} FROM task_group g JOIN group_state s ON s.key = g.key
             WHERE g.key = $1"
        )
    });
    let found = talk.query_opt(&SQL, &[&column(group.key.0)]).await?;
    let missing = || Error::Corrupt(format!("group {}: its state is missing", group.key.0));
    let entry = [group_and_state(&found.ok_or_else(missing)?)?];
    let task = found::views(talk, &entry, vec![key.0]).await?.pop();
    let task = task.ok_or_else(|| Error::Corrupt(format!("task {}: its input is missing", key.0)))?;
    let executions = found::executions(talk, key).await?;
    let open = open_beside(talk, &job, &group).await?;
    let [(group, state)] = entry;
    Ok(Some(TaskWaits { job, status, task, executions, group: BlockedGroup::among(group, state, &open) }))
}

async fn job_with_key(talk: &Talk, key: JobKey) -> Result<(Job, JobStatus), Error> {
    static SQL: LazyLock<String> = LazyLock::new(|| {
        format!("SELECT {JOB_COLUMNS} FROM job j JOIN job_status s ON s.job = j.key WHERE j.key = $1")
    });
    let found = talk.query_opt(&SQL, &[&column(key.0)]).await?;
    rows::job(&found.ok_or_else(|| Error::Corrupt(format!("job {} is missing", key.0)))?)
}

/// The groups of the submission of a group that are not complete; there are 64 at most (LM-1).
async fn open_beside(talk: &Talk, job: &Job, group: &Group) -> Result<Vec<listing::Entry>, Error> {
    let range = match group.parent {
        None => Some(job.roots.first.0..job.roots.end()),
        Some(parent) => children(talk, parent).await?,
    };
    let range = range.ok_or_else(|| Error::Corrupt(format!("group {}: its parent has no children", group.key.0)))?;
    static SQL: LazyLock<String> = LazyLock::new(|| {
        format!(
            "SELECT {GROUP_COLUMNS}, {GROUP_STATE_COLUMNS} FROM task_group g JOIN group_state s ON s.key = g.key
             WHERE g.key >= $1 AND g.key < $2 AND s.open > 0 ORDER BY g.key"
        )
    });
    let found = talk.query(&SQL, &[&column(range.start), &column(range.end)]).await?;
    found.iter().map(group_and_state).collect()
}
