//! Answers to questions about jobs and tasks, from committed rows.
//!
//! Each question is a few statements over sets of rows, sent one after another in one snapshot: never one for each job or
//! task that is listed.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, LazyLock};

use boxwood_engine::{
    Cluster, Group, GroupKey, Indicator, Job, JobId, JobKey, JobState, JobStatus, TaskId, TaskKey, Timestamp,
};
use tokio_postgres::Row;

use super::catalog;
use super::filter::{Filter, bigint};
use super::found;
use super::listing;
use super::outline;
use super::pool::Pool;
use super::rows::{
    self, GROUP_COLUMNS, GROUP_COLUMNS_COUNT, GROUP_STATE_COLUMNS, Id, JOB_COLUMNS, column, get, number, optional,
    text, time,
};
use super::session::Talk;
use super::waits;
use crate::error::Error;
use crate::outline::JobOutline;
use crate::read::{
    Bounds, FailedTasks, FoundTask, GraphGroup, JobGraph, JobPage, JobQuery, JobView, JobWaits, QueueStats, Reader,
    ReadyTasks, SortDirection, TaskPage, TaskQuery, TaskWaits, counter, exact_times_max,
};

impl Reader for Pool {
    fn job(&self, id: JobId) -> Result<Option<JobView>, Error> {
        self.read(async |talk| {
            let Some(found) = job(talk, id).await? else { return Ok(None) };
            Ok(views(talk, vec![found]).await?.pop())
        })
    }

    fn jobs(&self, query: &JobQuery) -> Result<JobPage, Error> {
        self.read(async |talk| jobs(talk, query).await)
    }

    fn tasks(&self, query: &TaskQuery) -> Result<Option<TaskPage>, Error> {
        self.read(async |talk| tasks(talk, query).await)
    }

    fn graph(&self, id: JobId, limit: usize) -> Result<Option<JobGraph>, Error> {
        self.read(async |talk| graph(talk, id, limit).await)
    }

    fn outline(&self, id: JobId, tasks_max: u64) -> Result<Option<JobOutline>, Error> {
        self.read(async |talk| outline::of_job(talk, id, tasks_max).await)
    }

    fn job_state_counts(&self, submitted: Bounds<Timestamp>) -> Result<Vec<(JobState, u64)>, Error> {
        self.read(async |talk| {
            let mut filter = Filter::default();
            filter.between("j.submitted_at", submitted, |time| bigint(time.0));
            let sql = format!(
                "SELECT s.state, count(*) FROM job j JOIN job_status s ON s.job = j.key {} GROUP BY s.state ORDER BY s.state",
                filter.clause()
            );
            let mut counts = Vec::new();
            for row in talk.query_once(&sql, &filter.values()).await? {
                let state = u8::try_from(get::<i16>(&row, 0)?).ok().and_then(JobState::from_number);
                counts.extend(state.map(|state| Ok::<_, Error>((state, number(&row, 1)?))).transpose()?);
            }
            Ok(counts)
        })
    }

    fn queue_stats(&self, submitted: Bounds<Timestamp>) -> Result<QueueStats, Error> {
        self.read(async |talk| queue_stats(talk, submitted).await)
    }

    fn job_of_task(&self, id: TaskId) -> Result<Option<JobId>, Error> {
        self.read(async |talk| {
            let Some((group, _)) = group_with(talk, id).await? else { return Ok(None) };
            let found = talk.query_opt("SELECT id FROM job WHERE key = $1", &[&column(group.job.0)]).await?;
            found.map(|row| rows::job_id(&row, 0)).transpose()
        })
    }

    fn job_waits(&self, id: JobId, limit: usize) -> Result<Option<JobWaits>, Error> {
        self.read(async |talk| waits::of_job(talk, id, limit).await)
    }

    fn ready_tasks(&self, entries_max: usize) -> Result<ReadyTasks, Error> {
        self.read(async |talk| waits::ready_tasks(talk, entries_max).await)
    }

    fn task_waits(&self, id: TaskId) -> Result<Option<TaskWaits>, Error> {
        self.read(async |talk| waits::of_task(talk, id).await)
    }

    fn find_tasks(&self, ids: &[TaskId]) -> Result<Vec<FoundTask>, Error> {
        self.read(async |talk| found::tasks(talk, ids).await)
    }

    fn failed_tasks(&self, id: JobId, limit: usize) -> Result<Option<FailedTasks>, Error> {
        self.read(async |talk| found::failed(talk, id, limit).await)
    }

    fn clusters(&self) -> Result<Vec<Cluster>, Error> {
        self.read(async |talk| {
            let mut clusters = catalog::clusters(talk).await?;
            clusters.sort_by_key(|cluster| cluster.deletable);
            Ok(clusters)
        })
    }
}

pub(super) async fn job(talk: &Talk, id: JobId) -> Result<Option<(Job, JobStatus)>, Error> {
    static SQL: LazyLock<String> =
        LazyLock::new(|| format!("SELECT {JOB_COLUMNS} FROM job j JOIN job_status s ON s.job = j.key WHERE j.id = $1"));
    let found = talk.query_opt(&SQL, &[&Id(id.to_bytes())]).await?;
    found.map(|row| rows::job(&row)).transpose()
}

/// Jobs with their indicators, in the order given.
pub(super) async fn views(talk: &Talk, found: Vec<(Job, JobStatus)>) -> Result<Vec<JobView>, Error> {
    let keys: Vec<i64> = found.iter().map(|(job, _)| column(job.key.0)).collect();
    let mut progress = progress(talk, &keys).await?;
    let stale = |status: &JobStatus| status.times_stale && status.counts.total() <= exact_times_max();
    let stale_keys: Vec<i64> =
        found.iter().filter(|(_, status)| stale(status)).map(|(job, _)| column(job.key.0)).collect();
    let times = if stale_keys.is_empty() { HashMap::new() } else { task_times(talk, &stale_keys).await? };
    let view = |(job, mut status): (Job, JobStatus)| {
        if stale(&status) {
            let (first, last) = times.get(&job.key).copied().unwrap_or_default();
            status.first_started_at = first.or(status.first_started_at);
            status.last_stopped_at = last;
        }
        JobView { progress: progress.remove(&job.key).unwrap_or_default(), job: Arc::new(job), status }
    };
    Ok(found.into_iter().map(view).collect())
}

/// The indicators of jobs, by label.
async fn progress(talk: &Talk, jobs: &[i64]) -> Result<HashMap<JobKey, Vec<(String, Indicator)>>, Error> {
    let sql = "SELECT job, label, total, done, tasks FROM job_progress WHERE job = ANY($1) ORDER BY job, label";
    let mut progress: HashMap<JobKey, Vec<_>> = HashMap::new();
    for row in talk.query(sql, &[&jobs]).await? {
        let sum = Indicator { total: number(&row, 2)?, done: number(&row, 3)?, tasks: number(&row, 4)? };
        progress.entry(JobKey(number(&row, 0)?)).or_default().push((text(&row, 1)?, sum));
    }
    Ok(progress)
}

/// First start and last stop among the latest executions of the tasks of each job.
async fn task_times(
    talk: &Talk,
    jobs: &[i64],
) -> Result<HashMap<JobKey, (Option<Timestamp>, Option<Timestamp>)>, Error> {
    // Group by group, each along the keys of its tasks: the database believes a range of keys to be a large part of a table,
    // and would read the tables whole, in parallel, if it could choose.
    let sql = "SELECT g.job, min(least(stopped.first, started.first)), max(stopped.last) FROM task_group g
         CROSS JOIN LATERAL (
             SELECT min(t.started_at) AS first, max(t.stopped_at) AS last FROM task t
             WHERE t.key >= g.key AND t.key < g.key + g.count AND NOT EXISTS (
                 SELECT 1 FROM running r WHERE r.key >= g.key AND r.key < g.key + g.count AND r.key = t.key
             )
         ) AS stopped
         CROSS JOIN LATERAL (
             SELECT min(r.started_at) AS first FROM running r WHERE r.key >= g.key AND r.key < g.key + g.count
         ) AS started
         WHERE g.job = ANY($1) GROUP BY g.job";
    talk.batch("SET LOCAL max_parallel_workers_per_gather = 0").await?;
    let times = |row: Row| Ok((JobKey(number(&row, 0)?), (time(&row, 1)?, time(&row, 2)?)));
    talk.query(sql, &[&jobs]).await?.into_iter().map(times).collect()
}

async fn jobs(talk: &Talk, query: &JobQuery) -> Result<JobPage, Error> {
    let mut filter = Filter::default();
    filter.between("j.submitted_at", query.submitted, |time| bigint(time.0));
    filter.between("j.id", query.ids, |id| Box::new(Id(id.to_bytes())));
    filter.any_of("s.state", query.states.iter().map(|state| *state as i16).collect::<Vec<_>>());
    for word in &query.name_words {
        filter.add("position(", Box::new(word.clone().into_bytes()), "::bytea IN j.name_key) > 0");
    }
    if !query.task_states.is_empty() {
        let columns: Vec<_> = query.task_states.iter().map(|state| format!("s.{} > 0", counter(*state))).collect();
        filter.fixed(format!("({})", columns.join(" OR ")));
    }
    filter.any_of("j.automation", query.automations.iter().map(|id| Id(id.to_bytes())).collect::<Vec<_>>());
    if !query.clusters.is_empty() {
        let slugs: Vec<Vec<u8>> = query.clusters.iter().map(|slug| slug.clone().into_bytes()).collect();
        filter.add(
            "EXISTS (SELECT 1 FROM job_class jc JOIN class c ON c.key = jc.class WHERE jc.job = j.key AND c.cluster = ANY(",
            Box::new(slugs),
            "))",
        );
    }
    let (order, beyond) = match query.sort {
        SortDirection::Ascending => ("ASC", "j.id > "),
        SortDirection::Descending => ("DESC", "j.id < "),
    };
    if let Some(after) = query.after {
        filter.add(beyond, Box::new(Id(after.to_bytes())), "");
    }
    let sql = format!(
        "SELECT {JOB_COLUMNS} FROM job j JOIN job_status s ON s.job = j.key {} ORDER BY j.id {order} LIMIT {}",
        filter.clause(),
        rows_max(query.limit.saturating_add(1))
    );
    let listed = talk.query_once(&sql, &filter.values()).await?;
    let more = listed.len() > query.limit;
    let found = listed.iter().take(query.limit).map(rows::job).collect::<Result<_, _>>()?;
    Ok(JobPage { jobs: views(talk, found).await?, more })
}

async fn queue_stats(talk: &Talk, submitted: Bounds<Timestamp>) -> Result<QueueStats, Error> {
    let mut filter = Filter::default();
    filter.between("j.submitted_at", submitted, |time| bigint(time.0));
    let [waiting, started, running] =
        [JobState::Submitted, JobState::Started, JobState::Running].map(|state| state as i16);
    filter.any_of("s.state", vec![waiting, started, running]);
    let sql = format!(
        "SELECT count(*) FILTER (WHERE s.state <> {running}), count(*) FILTER (WHERE s.state = {running}),
             coalesce(sum(s.queued), 0)::bigint
         FROM job j JOIN job_status s ON s.job = j.key {}",
        filter.clause()
    );
    let counted = talk.query_once(&sql, &filter.values()).await?;
    let counts = counted.first().ok_or_else(|| Error::Corrupt("database: a sum without a row".into()))?;
    let oldest_waiting = jobs(talk, &JobQuery::longest_waiting(submitted)).await?.jobs.pop();
    Ok(QueueStats {
        waiting_jobs: number(counts, 0)?,
        running_jobs: number(counts, 1)?,
        queued_tasks: number(counts, 2)?,
        oldest_waiting,
    })
}

/// The group that holds the task with this id, and the task's key.
pub(super) async fn group_with(talk: &Talk, id: TaskId) -> Result<Option<(Group, TaskKey)>, Error> {
    static SQL: LazyLock<String> = LazyLock::new(|| {
        format!("SELECT {GROUP_COLUMNS} FROM task_group g WHERE g.id <= $1 ORDER BY g.id DESC LIMIT 1")
    });
    let Some(row) = talk.query_opt(&SQL, &[&Id(id.to_bytes())]).await? else { return Ok(None) };
    let group = rows::group(&row)?;
    Ok(group.task_with_id(id).map(|task| (group, task)))
}

async fn tasks(talk: &Talk, query: &TaskQuery) -> Result<Option<TaskPage>, Error> {
    let Some((job, _)) = job(talk, query.job).await? else { return Ok(None) };
    let children = match query.parent {
        None => Some(job.roots.first.0..job.roots.end()),
        Some(parent) => match group_with(talk, parent).await? {
            Some((group, task)) if group.job == job.key => children(talk, task).await?,
            _ => return Ok(None),
        },
    };
    let Some(children) = children else { return Ok(Some(TaskPage::default())) };
    let after = match query.after {
        Some(after) => group_with(talk, after).await?,
        None => None,
    };
    let (page, more) = query.page(children, after.map(|(_, task)| task));
    if page.is_empty() {
        return Ok(Some(TaskPage { tasks: Vec::new(), more }));
    }
    static SQL: LazyLock<String> = LazyLock::new(|| {
        format!(
            "SELECT {GROUP_COLUMNS}, {GROUP_STATE_COLUMNS} FROM task_group g JOIN group_state s ON s.key = g.key
             WHERE g.key >= (SELECT max(key) FROM task_group WHERE key <= $1) AND g.key < $2 ORDER BY g.key"
        )
    });
    let found = talk.query(&SQL, &[&column(page.start), &column(page.end)]).await?;
    let groups = found.iter().map(group_and_state).collect::<Result<Vec<_>, _>>()?;
    let mut tasks = listing::tasks(talk, &groups, page.collect()).await?;
    for task in &mut tasks {
        task.parent = query.parent;
    }
    Ok(Some(TaskPage { tasks, more }))
}

pub(super) fn group_and_state(row: &Row) -> Result<listing::Entry, Error> {
    Ok((rows::group(row)?, rows::group_state(row, GROUP_COLUMNS_COUNT)?))
}

/// The keys of a task's children, if it has any.
pub(super) async fn children(talk: &Talk, task: TaskKey) -> Result<Option<Range<u64>>, Error> {
    let found = talk.query_opt("SELECT first_child, children FROM task WHERE key = $1", &[&column(task.0)]).await?;
    let Some(row) = found else { return Ok(None) };
    let count = number(&row, 1)?;
    Ok(optional(&row, 0)?.map(|first| first..first + count))
}

async fn graph(talk: &Talk, id: JobId, limit: usize) -> Result<Option<JobGraph>, Error> {
    let Some(found) = job(talk, id).await? else { return Ok(None) };
    let key = found.0.key;
    let Some(job) = views(talk, vec![found]).await?.pop() else { return Ok(None) };
    static SQL: LazyLock<String> = LazyLock::new(|| {
        format!(
            "SELECT {GROUP_COLUMNS}, {GROUP_STATE_COLUMNS} FROM task_group g JOIN group_state s ON s.key = g.key
             WHERE g.job = $1 ORDER BY g.key LIMIT $2"
        )
    });
    // Every group has a task.
    let found = talk.query(&SQL, &[&column(key.0), &rows_max(limit)]).await?;
    let mut groups = Vec::new();
    let mut keys: Vec<u64> = Vec::new();
    for row in &found {
        let room = (limit - keys.len()) as u64;
        if room == 0 {
            break;
        }
        let (group, state) = group_and_state(row)?;
        keys.extend(group.key.0..group.end().min(group.key.0.saturating_add(room)));
        groups.push((group, state));
    }
    let mut tasks = listing::tasks(talk, &groups, keys).await?;
    // Parents were submitted before their children, so they are listed already.
    let ids: HashMap<TaskKey, TaskId> = tasks.iter().map(|task| (task.key, task.id)).collect();
    let parents: HashMap<GroupKey, TaskKey> =
        groups.iter().filter_map(|(group, _)| Some((group.key, group.parent?))).collect();
    for task in &mut tasks {
        task.parent = parents.get(&task.group).and_then(|parent| ids.get(parent)).copied();
    }
    let groups =
        groups.into_iter().map(|(group, _)| GraphGroup { key: group.key, dependents: group.dependents }).collect();
    Ok(Some(JobGraph { job, tasks, groups }))
}

/// A number of rows as the database takes it.
pub(super) fn rows_max(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
