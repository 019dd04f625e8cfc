//! Single tasks wherever they are, and the failed ones of a job, from committed rows.

use std::collections::HashMap;

use boxwood_engine::{Job, JobId, JobKey, TaskId, TaskKey, TaskState};

use super::listing::{self, Entry};
use super::query::{group_and_state, job, rows_max};
use super::rows::{
    self, GROUP_COLUMNS, GROUP_STATE_COLUMNS, Id, JOB_COLUMNS, RUNNING_COLUMNS, TASK_COLUMNS, column, number,
};
use super::session::Talk;
use crate::error::Error;
use crate::read::{Executions, FailedTasks, FoundTask, TaskView, optional_look_max};

pub(super) async fn tasks(talk: &Talk, ids: &[TaskId]) -> Result<Vec<FoundTask>, Error> {
    let wanted: Vec<Id> = ids.iter().map(|id| Id(id.to_bytes())).collect();
    let found = talk.query(sql::groups_by_id(), &[&wanted]).await?;
    let groups = found.iter().map(group_and_state).collect::<Result<Vec<_>, _>>()?;
    let of = |id: &TaskId| groups.iter().find_map(|(group, _)| group.task_with_id(*id));
    let mut keys: Vec<u64> = ids.iter().filter_map(of).map(|key| key.0).collect();
    keys.sort_unstable();
    keys.dedup();
    let mut jobs: Vec<i64> = groups.iter().map(|(group, _)| column(group.job.0)).collect();
    jobs.dedup();
    let rows = talk.query(sql::jobs(), &[&jobs]).await?;
    let jobs = rows.iter().map(|row| rows::job(row).map(|(job, _)| (job.key, job)));
    let jobs: HashMap<JobKey, Job> = jobs.collect::<Result<_, _>>()?;
    let whole = views(talk, &groups, keys).await?.into_iter().map(|task| {
        let job = groups.iter().find(|(group, _)| group.key == task.group).and_then(|(group, _)| jobs.get(&group.job));
        let job = job.ok_or_else(|| Error::Corrupt(format!("task {}: its job is missing", task.key.0)))?;
        Ok(FoundTask { job: job.id, job_name: job.name.clone(), task })
    });
    whole.collect()
}

pub(super) async fn failed(talk: &Talk, id: JobId, limit: usize) -> Result<Option<FailedTasks>, Error> {
    let Some((job, status)) = job(talk, id).await? else { return Ok(None) };
    let sql = "SELECT task FROM failed WHERE job = $1 ORDER BY task LIMIT $2";
    let failed = talk.query(sql, &[&column(job.key.0), &rows_max(limit)]).await?;
    let optional = if status.counts.of(TaskState::FailedOptional) == 0 {
        Vec::new()
    } else {
        let state = i16::from(TaskState::FailedOptional as u8);
        let look = rows_max(optional_look_max());
        talk.query(OPTIONAL, &[&column(job.key.0), &look, &state, &rows_max(limit)]).await?
    };
    let mut sorts = Vec::with_capacity(2);
    for found in [failed, optional] {
        let keys = found.iter().map(|row| number(row, 0)).collect::<Result<Vec<_>, _>>()?;
        sorts.push(views(talk, &holding(talk, &keys).await?, keys).await?);
    }
    let (optional, failed) = (sorts.pop().unwrap_or_default(), sorts.pop().unwrap_or_default());
    Ok(Some(FailedTasks { failed, optional }))
}

/// The groups that hold these tasks, in order of their keys.
async fn holding(talk: &Talk, keys: &[u64]) -> Result<Vec<Entry>, Error> {
    let keys: Vec<i64> = keys.iter().copied().map(column).collect();
    talk.query(sql::groups_holding(), &[&keys]).await?.iter().map(group_and_state).collect()
}

/// The tasks with these keys, which ascend, with their parents. `groups` are those that hold them, in order of their keys.
pub(super) async fn views(talk: &Talk, groups: &[Entry], keys: Vec<u64>) -> Result<Vec<TaskView>, Error> {
    let mut tasks = listing::tasks(talk, groups, keys).await?;
    let mut parents: Vec<u64> = groups.iter().filter_map(|(group, _)| Some(group.parent?.0)).collect();
    parents.sort_unstable();
    let above = holding(talk, &parents).await?;
    let id_of = |key: TaskKey| above.iter().find(|(group, _)| group.holds(key)).map(|(group, _)| group.task_id(key));
    for task in &mut tasks {
        let group = groups.iter().find(|(group, _)| group.key == task.group);
        task.parent = group.and_then(|(group, _)| group.parent).and_then(id_of);
    }
    Ok(tasks)
}

/// The executions of a task.
pub(super) async fn executions(talk: &Talk, key: TaskKey) -> Result<Executions, Error> {
    let running = talk.query_opt(sql::running(), &[&column(key.0)]).await?;
    if let Some(row) = running {
        return Ok(Executions::of(Some(&rows::running(&row)?)));
    }
    let task = talk.query_opt(sql::task(), &[&column(key.0)]).await?;
    Ok(Executions::of(task.map(|row| rows::task(&row)).transpose()?.as_ref()))
}

const OPTIONAL: &str = "SELECT key FROM (
         SELECT t.key, t.state FROM task_group g JOIN task t ON t.key >= g.key AND t.key < g.key + g.count
         WHERE g.job = $1 ORDER BY t.key LIMIT $2
     ) AS looked WHERE state = $3 ORDER BY key LIMIT $4";

mod sql {
    use super::super::flight::statement;
    use super::{GROUP_COLUMNS, GROUP_STATE_COLUMNS, JOB_COLUMNS, RUNNING_COLUMNS, TASK_COLUMNS};

    statement!(running, "SELECT {RUNNING_COLUMNS} FROM running WHERE key = $1");
    statement!(task, "SELECT {TASK_COLUMNS} FROM task WHERE key = $1");
    statement!(
        jobs,
        "SELECT {JOB_COLUMNS} FROM job j JOIN job_status s ON s.job = j.key WHERE j.key = ANY($1::bigint[])"
    );
    statement!(
        groups_by_id,
        "SELECT DISTINCT ON (g.key) {GROUP_COLUMNS}, {GROUP_STATE_COLUMNS} FROM unnest($1::uuid[]) AS w (id)
         CROSS JOIN LATERAL (SELECT * FROM task_group e WHERE e.id <= w.id ORDER BY e.id DESC LIMIT 1) AS g
         JOIN group_state s ON s.key = g.key ORDER BY g.key"
    );
    statement!(
        groups_holding,
        "SELECT DISTINCT ON (g.key) {GROUP_COLUMNS}, {GROUP_STATE_COLUMNS} FROM unnest($1::bigint[]) AS w (key)
         CROSS JOIN LATERAL (SELECT * FROM task_group e WHERE e.key <= w.key ORDER BY e.key DESC LIMIT 1) AS g
         JOIN group_state s ON s.key = g.key ORDER BY g.key"
    );
}
