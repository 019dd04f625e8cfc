//! Answers to questions about jobs and tasks, from committed rows.

use std::collections::HashMap;
use std::ops::{Bound, Range};
use std::sync::Arc;

use boxwood_engine::{
    Class, ClassKey, Cluster, Group, GroupKey, GroupState, JobId, JobKey, JobState, TaskId, TaskKey, TaskState,
    Timestamp,
};
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params_from_iter};

use super::rows::{self, GROUP_COLUMNS, JOB_COLUMNS, column, number, small};
use super::{Pool, found, load, outline, waits};
use crate::error::Error;
use crate::outline::JobOutline;
use crate::read::{
    Bounds, FailedTasks, FoundTask, GraphGroup, JobGraph, JobPage, JobQuery, JobView, JobWaits, QueueStats, Reader,
    ReadyTasks, SortDirection, TaskPage, TaskQuery, TaskView, TaskWaits, counter, exact_times_max,
};

impl Reader for Pool {
    fn job(&self, id: JobId) -> Result<Option<JobView>, Error> {
        self.read(|connection| job(connection, id))
    }

    fn jobs(&self, query: &JobQuery) -> Result<JobPage, Error> {
        self.read(|connection| jobs(connection, query))
    }

    fn tasks(&self, query: &TaskQuery) -> Result<Option<TaskPage>, Error> {
        self.read(|connection| tasks(connection, query))
    }

    fn graph(&self, id: JobId, limit: usize) -> Result<Option<JobGraph>, Error> {
        self.read(|connection| graph(connection, id, limit))
    }

    fn outline(&self, id: JobId, tasks_max: u64) -> Result<Option<JobOutline>, Error> {
        self.read(|connection| outline::of_job(connection, id, tasks_max))
    }

    fn job_state_counts(&self, submitted: Bounds<Timestamp>) -> Result<Vec<(JobState, u64)>, Error> {
        self.read(|connection| {
            let mut filter = Filter::default();
            filter.between("j.submitted_at", submitted, |time| Value::Integer(time.0));
            let sql = format!(
                "SELECT s.state, count(*) FROM job j JOIN job_status s ON s.job = j.key {} GROUP BY s.state ORDER BY s.state",
                filter.clause()
            );
            let mut statement = connection.prepare_cached(&sql)?;
            let counts = statement
                .query_map(params_from_iter(filter.values), |row| Ok((row.get::<_, u8>(0)?, number(row, 1)?)))?
                .collect::<Result<Vec<_>, _>>()?;
            let known = |(state, count)| JobState::from_number(state).map(|state| (state, count));
            Ok(counts.into_iter().filter_map(known).collect())
        })
    }

    fn queue_stats(&self, submitted: Bounds<Timestamp>) -> Result<QueueStats, Error> {
        self.read(|connection| queue_stats(connection, submitted))
    }

    fn job_of_task(&self, id: TaskId) -> Result<Option<JobId>, Error> {
        self.read(|connection| {
            let Some((group, _)) = group_with(connection, id)? else { return Ok(None) };
            let sql = "SELECT id FROM job WHERE key = ?1";
            let mut statement = connection.prepare_cached(sql)?;
            Ok(statement.query_row([column(group.job.0)], |row| rows::job_id(row, 0)).optional()?)
        })
    }

    fn job_waits(&self, id: JobId, limit: usize) -> Result<Option<JobWaits>, Error> {
        self.read(|connection| waits::of_job(connection, id, limit))
    }

    fn ready_tasks(&self, entries_max: usize) -> Result<ReadyTasks, Error> {
        self.read(|connection| waits::ready_tasks(connection, entries_max))
    }

    fn task_waits(&self, id: TaskId) -> Result<Option<TaskWaits>, Error> {
        self.read(|connection| waits::of_task(connection, id))
    }

    fn find_tasks(&self, ids: &[TaskId]) -> Result<Vec<FoundTask>, Error> {
        self.read(|connection| found::tasks(connection, ids))
    }

    fn failed_tasks(&self, id: JobId, limit: usize) -> Result<Option<FailedTasks>, Error> {
        self.read(|connection| found::failed(connection, id, limit))
    }

    fn clusters(&self) -> Result<Vec<Cluster>, Error> {
        self.read(|connection| {
            let mut clusters = load::clusters(connection)?;
            clusters.sort_by_key(|cluster| cluster.deletable);
            Ok(clusters)
        })
    }
}

/// Conditions that all must hold, with their values in order.
#[derive(Default)]
struct Filter {
    conditions: Vec<String>,
    values: Vec<Value>,
}

impl Filter {
    fn add(&mut self, condition: impl Into<String>, value: Value) {
        self.conditions.push(condition.into());
        self.values.push(value);
    }

    fn between<T>(&mut self, name: &str, bounds: Bounds<T>, value: impl Fn(T) -> Value) {
        match bounds.0 {
            Bound::Included(start) => self.add(format!("{name} >= ?"), value(start)),
            Bound::Excluded(start) => self.add(format!("{name} > ?"), value(start)),
            Bound::Unbounded => {}
        }
        match bounds.1 {
            Bound::Included(end) => self.add(format!("{name} <= ?"), value(end)),
            Bound::Excluded(end) => self.add(format!("{name} < ?"), value(end)),
            Bound::Unbounded => {}
        }
    }

    /// The value is any of the given ones; no condition for none.
    fn any_of(&mut self, name: &str, values: impl IntoIterator<Item = Value>) {
        let before = self.values.len();
        self.values.extend(values);
        let marks = vec!["?"; self.values.len() - before].join(", ");
        if !marks.is_empty() {
            self.conditions.push(format!("{name} IN ({marks})"));
        }
    }

    fn clause(&self) -> String {
        if self.conditions.is_empty() { String::new() } else { format!("WHERE {}", self.conditions.join(" AND ")) }
    }
}

fn id_value(id: JobId) -> Value {
    Value::Blob(id.to_bytes().to_vec())
}

fn view(connection: &Connection, row: &Row<'_>) -> Result<JobView, Error> {
    let (job, mut status) = rows::job(row)?;
    if status.times_stale && status.counts.total() <= exact_times_max() {
        let (first, last) = task_times(connection, job.key)?;
        status.first_started_at = first.or(status.first_started_at);
        status.last_stopped_at = last;
    }
    Ok(JobView { progress: load::job_progress(connection, job.key)?, job: Arc::new(job), status })
}

/// First start and last stop among the latest executions of a job's tasks.
fn task_times(connection: &Connection, job: JobKey) -> Result<(Option<Timestamp>, Option<Timestamp>), Error> {
    let stopped = "SELECT min(t.started_at), max(t.stopped_at) FROM task_group g
         JOIN task t ON t.key >= g.key AND t.key < g.key + g.count
         WHERE g.job = ?1 AND NOT EXISTS (SELECT 1 FROM running r WHERE r.key = t.key)";
    let running = "SELECT min(r.started_at) FROM task_group g
         JOIN running r ON r.key >= g.key AND r.key < g.key + g.count WHERE g.job = ?1";
    let (first, last): (Option<i64>, Option<i64>) =
        connection.prepare_cached(stopped)?.query_row([column(job.0)], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let first_running: Option<i64> =
        connection.prepare_cached(running)?.query_row([column(job.0)], |row| row.get(0))?;
    let first = [first, first_running].into_iter().flatten().min();
    Ok((first.map(Timestamp), last.map(Timestamp)))
}

pub(super) fn job(connection: &Connection, id: JobId) -> Result<Option<JobView>, Error> {
    let sql = format!("SELECT {JOB_COLUMNS} FROM job j JOIN job_status s ON s.job = j.key WHERE j.id = ?1");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut found = statement.query([id.to_bytes()])?;
    match found.next()? {
        Some(row) => view(connection, row).map(Some),
        None => Ok(None),
    }
}

fn jobs(connection: &Connection, query: &JobQuery) -> Result<JobPage, Error> {
    let mut filter = Filter::default();
    filter.between("j.submitted_at", query.submitted, |time| Value::Integer(time.0));
    filter.between("j.id", query.ids, id_value);
    filter.any_of("s.state", query.states.iter().map(|state| Value::Integer(*state as i64)));
    for word in &query.name_words {
        filter.add("instr(j.name_key, ?) > 0", Value::Text(word.clone()));
    }
    if !query.task_states.is_empty() {
        let columns: Vec<_> = query.task_states.iter().map(|state| format!("s.{} > 0", counter(*state))).collect();
        filter.conditions.push(format!("({})", columns.join(" OR ")));
    }
    filter.any_of("j.automation", query.automations.iter().map(|id| Value::Blob(id.to_bytes().to_vec())));
    if !query.clusters.is_empty() {
        let marks = vec!["?"; query.clusters.len()].join(", ");
        filter.conditions.push(format!(
            "EXISTS (SELECT 1 FROM job_class jc JOIN class c ON c.key = jc.class WHERE jc.job = j.key AND c.cluster IN ({marks}))"
        ));
        filter.values.extend(query.clusters.iter().cloned().map(Value::Text));
    }
    let (order, beyond) = match query.sort {
        SortDirection::Ascending => ("ASC", "j.id > ?"),
        SortDirection::Descending => ("DESC", "j.id < ?"),
    };
    if let Some(after) = query.after {
        filter.add(beyond, id_value(after));
    }
    let sql = format!(
        "SELECT {JOB_COLUMNS} FROM job j JOIN job_status s ON s.job = j.key {} ORDER BY j.id {order} LIMIT {}",
        filter.clause(),
        query.limit.saturating_add(1)
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut found = statement.query(params_from_iter(filter.values))?;
    let mut jobs = Vec::new();
    while let Some(row) = found.next()? {
        if jobs.len() == query.limit {
            return Ok(JobPage { jobs, more: true });
        }
        jobs.push(view(connection, row)?);
    }
    Ok(JobPage { jobs, more: false })
}

fn queue_stats(connection: &Connection, submitted: Bounds<Timestamp>) -> Result<QueueStats, Error> {
    let mut filter = Filter::default();
    filter.between("j.submitted_at", submitted, |time| Value::Integer(time.0));
    let [waiting, started, running] =
        [JobState::Submitted, JobState::Started, JobState::Running].map(|state| state as u8);
    filter.any_of("s.state", [waiting, started, running].map(|state| Value::Integer(state.into())));
    let sql = format!(
        "SELECT coalesce(sum(s.state <> {running}), 0), coalesce(sum(s.state = {running}), 0), coalesce(sum(s.queued), 0)
         FROM job j JOIN job_status s ON s.job = j.key {}",
        filter.clause()
    );
    let (waiting_jobs, running_jobs, queued_tasks) = connection
        .prepare_cached(&sql)?
        .query_row(params_from_iter(filter.values), |row| Ok((number(row, 0)?, number(row, 1)?, number(row, 2)?)))?;
    let oldest_waiting = jobs(connection, &JobQuery::longest_waiting(submitted))?.jobs.pop();
    Ok(QueueStats { waiting_jobs, running_jobs, queued_tasks, oldest_waiting })
}

/// The group that holds the task with this id.
pub(super) fn group_with(connection: &Connection, id: TaskId) -> Result<Option<(Group, TaskKey)>, Error> {
    let sql = format!(
        "SELECT {GROUP_COLUMNS} FROM task_group g JOIN group_state s ON s.key = g.key
         WHERE g.id <= ?1 ORDER BY g.id DESC LIMIT 1"
    );
    let found = connection.prepare_cached(&sql)?.query_row([id.to_bytes()], rows::group).optional()?;
    Ok(found.and_then(|(group, _)| group.task_with_id(id).map(|task| (group, task))))
}

fn tasks(connection: &Connection, query: &TaskQuery) -> Result<Option<TaskPage>, Error> {
    let Some(job) = job(connection, query.job)? else { return Ok(None) };
    let children = match query.parent {
        None => Some(job.job.roots.first.0..job.job.roots.end()),
        Some(parent) => match group_with(connection, parent)? {
            Some((group, task)) if group.job == job.job.key => children(connection, task)?,
            _ => return Ok(None),
        },
    };
    let Some(children) = children else { return Ok(Some(TaskPage::default())) };
    let after = query.after.map(|after| group_with(connection, after)).transpose()?.flatten();
    let (page, more) = query.page(children, after.map(|(_, task)| task));
    if page.is_empty() {
        return Ok(Some(TaskPage { tasks: Vec::new(), more }));
    }
    let sql = format!(
        "SELECT {GROUP_COLUMNS} FROM task_group g JOIN group_state s ON s.key = g.key
         WHERE g.key >= (SELECT max(key) FROM task_group WHERE key <= ?1) AND g.key < ?2 ORDER BY g.key"
    );
    let mut listing = Listing::new(connection);
    let mut tasks = Vec::new();
    let mut statement = connection.prepare_cached(&sql)?;
    for row in statement.query_map([column(page.start), column(page.end)], rows::group)? {
        let (group, state) = row?;
        let within = page.start.max(group.key.0)..page.end.min(group.end());
        listing.append(&group, &state, query.parent, within, query.limit, &mut tasks)?;
    }
    Ok(Some(TaskPage { tasks, more }))
}

/// The keys of a task's children, if it has any.
pub(super) fn children(connection: &Connection, task: TaskKey) -> Result<Option<Range<u64>>, Error> {
    let mut statement = connection.prepare_cached("SELECT first_child, children FROM task WHERE key = ?1")?;
    let found: Option<(Option<i64>, i64)> =
        statement.query_row([column(task.0)], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let Some((Some(first), count)) = found else { return Ok(None) };
    Ok(Some(first.cast_unsigned()..(first + count).cast_unsigned()))
}

fn graph(connection: &Connection, id: JobId, limit: usize) -> Result<Option<JobGraph>, Error> {
    let Some(job) = job(connection, id)? else { return Ok(None) };
    let sql = format!(
        "SELECT {GROUP_COLUMNS} FROM task_group g JOIN group_state s ON s.key = g.key WHERE g.job = ?1 ORDER BY g.key"
    );
    let mut listing = Listing::new(connection);
    let mut tasks: Vec<TaskView> = Vec::new();
    let mut groups = Vec::new();
    let mut statement = connection.prepare_cached(&sql)?;
    for row in statement.query_map([column(job.job.key.0)], rows::group)? {
        if tasks.len() >= limit {
            break;
        }
        let (group, state) = row?;
        // Parents were submitted before their children, so they are listed already.
        let parent = group
            .parent
            .and_then(|parent| tasks.binary_search_by_key(&parent, |task| task.key).ok())
            .map(|place| tasks[place].id);
        let within = group.key.0..group.end();
        let room = limit - tasks.len();
        listing.append(&group, &state, parent, within, room, &mut tasks)?;
        groups.push(GraphGroup { key: group.key, dependents: group.dependents });
    }
    Ok(Some(JobGraph { job, tasks, groups }))
}

/// Reads tasks group by group, remembering classes.
pub(super) struct Listing<'a> {
    connection: &'a Connection,
    classes: HashMap<ClassKey, Class>,
}

impl<'a> Listing<'a> {
    pub(super) fn new(connection: &'a Connection) -> Self {
        Self { connection, classes: HashMap::new() }
    }

    /// Appends at most `room` of the tasks of a group whose keys are `within`.
    pub(super) fn append(
        &mut self,
        group: &Group,
        state: &GroupState,
        parent: Option<TaskId>,
        within: Range<u64>,
        room: usize,
        tasks: &mut Vec<TaskView>,
    ) -> Result<(), Error> {
        let mut statement = self.connection.prepare_cached(
            "SELECT i.key, i.input, d.display, r.started_at, r.retry_count, t.state, t.retry_count, t.started_at,
                 t.stopped_at, t.first_child
             FROM task_input i
             LEFT JOIN running r ON r.key = i.key
             LEFT JOIN task t ON t.key = i.key
             LEFT JOIN display d ON d.task = i.key
             WHERE i.key >= ?1 AND i.key < ?2 ORDER BY i.key LIMIT ?3",
        )?;
        let room = i64::try_from(room).unwrap_or(i64::MAX);
        let mut found = statement.query([column(within.start), column(within.end), room])?;
        while let Some(row) = found.next()? {
            let key = TaskKey(number(row, 0)?);
            let slice = group.slice_of(key);
            let class = self.class(slice.class)?;
            let mut task = TaskView {
                key,
                id: group.task_id(key),
                parent,
                group: GroupKey(group.key.0),
                state: if state.skipped { TaskState::Skipped } else { TaskState::Queued },
                display: row.get::<_, Option<String>>(2)?.unwrap_or_else(|| slice.display.to_string()),
                cluster: class.cluster.clone(),
                identifier: class.identifier.clone(),
                input: row.get(1)?,
                optional: slice.optional,
                max_retries: slice.max_retries,
                retry_count: 0,
                has_children: row.get::<_, Option<i64>>(9)?.is_some(),
                submitted_at: group.submitted_at,
                started_at: None,
                stopped_at: None,
            };
            if let Some(started_at) = row.get::<_, Option<i64>>(3)? {
                task.state = TaskState::Running;
                task.started_at = Some(Timestamp(started_at));
                task.retry_count = small(row, 4)?;
            } else if let Some(state) = row.get::<_, Option<u8>>(5)? {
                task.state = TaskState::from_number(state)
                    .ok_or_else(|| Error::Corrupt(format!("task {}: {state} is not a task state", key.0)))?;
                task.retry_count = small(row, 6)?;
                task.started_at = row.get::<_, Option<i64>>(7)?.map(Timestamp);
                task.stopped_at = row.get::<_, Option<i64>>(8)?.map(Timestamp);
            }
            tasks.push(task);
        }
        Ok(())
    }

    fn class(&mut self, key: ClassKey) -> Result<&Class, Error> {
        if self.classes.is_empty() {
            self.classes = load::classes(self.connection)?.into_iter().map(|class| (class.key, class)).collect();
        }
        self.classes.get(&key).ok_or_else(|| Error::Corrupt(format!("class {} is missing", key.0)))
    }
}
