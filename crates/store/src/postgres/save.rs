//! Saving changed rows: one statement a table, all of them sent at once.

use boxwood_engine::{AutomationId, Changes, TaskKey, TaskState, name_key};
use futures::try_join;
use tokio_postgres::Statement;
use tokio_postgres::types::ToSql;

use super::flight::some;
use super::rows::{Id, column, flags, whole};
use super::session::{Talk, Values};
use crate::encode::{encode_groups, encode_slices, may_leave_failed};
use crate::error::Error;

const NEW_CLASSES: &str = "INSERT INTO class (key, cluster, name, version)
     SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::bytea[], $4::bytea[])";
const NEW_JOBS: &str = "INSERT INTO job (key, id, name, name_key, trace_parent, submitted_at, automation, fingerprint,
         first_root, roots)
     SELECT * FROM unnest($1::bigint[], $2::uuid[], $3::bytea[], $4::bytea[], $5::bytea[], $6::bigint[], $7::uuid[],
         $8::uuid[], $9::bigint[], $10::bigint[])";
const NEW_JOB_CLASSES: &str =
    "INSERT INTO job_class (job, class) SELECT * FROM unnest($1::bigint[], $2::bigint[]) ON CONFLICT DO NOTHING";
const STATUSES: &str = "INSERT INTO job_status (job, state, canceled, queued, running, computed, failed, skipped,
         failed_optional, first_started_at, last_stopped_at, compute_time, times_stale, resume_at)
     SELECT * FROM unnest($1::bigint[], $2::smallint[], $3::boolean[], $4::bigint[], $5::bigint[], $6::bigint[],
         $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::boolean[],
         $14::bigint[])
     ON CONFLICT (job) DO UPDATE SET state = excluded.state, canceled = excluded.canceled, queued = excluded.queued,
         running = excluded.running, computed = excluded.computed, failed = excluded.failed, skipped = excluded.skipped,
         failed_optional = excluded.failed_optional, first_started_at = excluded.first_started_at,
         last_stopped_at = excluded.last_stopped_at, compute_time = excluded.compute_time,
         times_stale = excluded.times_stale, resume_at = excluded.resume_at";
const NEW_GROUPS: &str = "INSERT INTO task_group (key, id, job, parent, depth, boundary, count, dependencies, dependents,
         slices, submitted_at)
     SELECT * FROM unnest($1::bigint[], $2::uuid[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[],
         $8::bigint[], $9::bytea[], $10::bytea[], $11::bigint[])";
const NEW_INPUTS: &str = "INSERT INTO task_input (key, input) SELECT * FROM unnest($1::bigint[], $2::bytea[])";
const GROUP_STATES: &str = "INSERT INTO group_state (key, open, blocked, skipped)
     SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::boolean[])
     ON CONFLICT (key) DO UPDATE SET open = excluded.open, blocked = excluded.blocked, skipped = excluded.skipped";
const RUNNING: &str = "INSERT INTO running (key, grp, retry_count, failures, crashes, hand_backs, hand_outs, flags,
         started_at, lease_until)
     SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[],
         $7::bigint[], $8::smallint[], $9::bigint[], $10::bigint[])
     ON CONFLICT (key) DO UPDATE SET retry_count = excluded.retry_count, failures = excluded.failures,
         crashes = excluded.crashes, hand_backs = excluded.hand_backs, hand_outs = excluded.hand_outs,
         flags = excluded.flags, started_at = excluded.started_at, lease_until = excluded.lease_until";
const NOT_RUNNING: &str = "DELETE FROM running WHERE key = ANY($1::bigint[])";
const TASKS: &str = "INSERT INTO task (key, grp, state, retry_count, failures, crashes, hand_backs, hand_outs, flags,
         started_at, stopped_at, first_child, children, open_groups, answered_task, answered_hand_out)
     SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::smallint[], $4::bigint[], $5::bigint[], $6::bigint[],
         $7::bigint[], $8::bigint[], $9::smallint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[],
         $14::bigint[], $15::bigint[], $16::bigint[])
     ON CONFLICT (key) DO UPDATE SET state = excluded.state, retry_count = excluded.retry_count,
         failures = excluded.failures, crashes = excluded.crashes, hand_backs = excluded.hand_backs,
         hand_outs = excluded.hand_outs, flags = excluded.flags, started_at = excluded.started_at,
         stopped_at = excluded.stopped_at, first_child = excluded.first_child, children = excluded.children,
         open_groups = excluded.open_groups, answered_task = excluded.answered_task,
         answered_hand_out = excluded.answered_hand_out";
const NOT_FAILED: &str =
    "DELETE FROM failed f USING (SELECT * FROM unnest($1::bigint[], $2::bigint[])) AS t (task, grp),
         task_group g
     WHERE g.key = t.grp AND f.job = g.job AND f.task = t.task";
const FAILED: &str = "INSERT INTO failed (job, task)
     SELECT g.job, t.task FROM unnest($1::bigint[], $2::bigint[]) AS t (task, grp) JOIN task_group g ON g.key = t.grp
     ON CONFLICT DO NOTHING";
const DISPLAYS: &str = "INSERT INTO display (task, display) SELECT * FROM unnest($1::bigint[], $2::bytea[])
     ON CONFLICT (task) DO UPDATE SET display = excluded.display";
const NO_TASK_PROGRESS: &str = "DELETE FROM task_progress WHERE task = ANY($1::bigint[])";
const TASK_PROGRESS: &str = "INSERT INTO task_progress (task, label, total, done)
     SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::bigint[], $4::bigint[])";
const NO_JOB_PROGRESS: &str = "DELETE FROM job_progress WHERE job = ANY($1::bigint[])";
const JOB_PROGRESS: &str = "INSERT INTO job_progress (job, label, total, done, tasks)
     SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::bigint[], $4::bigint[], $5::bigint[])";
const READY: &str = "INSERT INTO ready (job, class, depth, first, returned, next, until, grp)
     SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::boolean[], $6::bigint[],
         $7::bigint[], $8::bigint[])
     ON CONFLICT (job, class, depth, first, returned) DO UPDATE SET next = excluded.next, until = excluded.until,
         grp = excluded.grp";
const NOT_READY: &str = "DELETE FROM ready r
     USING unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::boolean[])
         AS gone (job, class, depth, first, returned)
     WHERE r.job = gone.job AND r.class = gone.class AND r.depth = gone.depth AND r.first = gone.first
         AND r.returned = gone.returned";
const QUEUE: &str =
    "INSERT INTO queue (class, job) SELECT * FROM unnest($1::bigint[], $2::bigint[]) ON CONFLICT DO NOTHING";
const NOT_QUEUED: &str = "DELETE FROM queue q USING unnest($1::bigint[], $2::bigint[]) AS gone (class, job)
     WHERE q.class = gone.class AND q.job = gone.job";
const CLUSTERS: &str = "INSERT INTO cluster (slug, display_name, description, deletable, created_at)
     SELECT * FROM unnest($1::bytea[], $2::bytea[], $3::bytea[], $4::boolean[], $5::bigint[])
     ON CONFLICT (slug) DO UPDATE SET display_name = excluded.display_name, description = excluded.description,
         deletable = excluded.deletable, created_at = excluded.created_at";
const NO_CLUSTERS: &str = "DELETE FROM cluster WHERE slug = ANY($1::bytea[])";
const CATALOG: &str = "UPDATE catalog SET version = version + 1";
const INPUTS: &str = "SELECT key, input FROM task_input WHERE key = ANY($1::bigint[])";

/// What is done after the rows are written.
#[derive(Clone, Copy)]
pub(super) enum Then<'a> {
    /// Nothing: the transaction goes on.
    GoOn,
    /// The inputs of these tasks are read, then everything is made durable.
    Commit(&'a [TaskKey]),
}

/// Writes changed rows into the open transaction; answers inputs by task.
pub(super) async fn changes(
    talk: &Talk,
    changes: &Changes<'_>,
    then: Then<'_>,
) -> Result<Vec<(TaskKey, Vec<u8>)>, Error> {
    let c = changes;
    let new_jobs = NewJobs::of(c);
    let statuses = Statuses::of(c);
    let groups = Groups::of(c);
    let tasks = Tasks::of(c);
    let progress = Progress::of(c);
    let ready = Ready::of(c);
    let (queued, dequeued): (Vec<_>, Vec<_>) = c.queue.iter().partition(|(.., added)| *added);
    let pairs = |rows: Vec<&(boxwood_engine::ClassKey, boxwood_engine::JobKey, bool)>| -> (Vec<i64>, Vec<i64>) {
        rows.iter().map(|(class, job, _)| (column(class.0), column(job.0))).unzip()
    };
    let (queued, dequeued) = (pairs(queued), pairs(dequeued));
    let (job_of, class_of): (Vec<i64>, Vec<i64>) =
        c.job_classes.iter().map(|(job, class)| (column(job.0), column(class.0))).unzip();
    let displays: (Vec<i64>, Vec<&[u8]>) =
        c.displays.iter().map(|(task, display)| (column(task.0), display.as_bytes())).unzip();
    let states = GroupStates::of(c);
    catalog(talk, c).await?;
    let wanted: Vec<i64> = match then {
        Then::GoOn => Vec::new(),
        Then::Commit(tasks) => tasks.iter().map(|task| column(task.0)).collect(),
    };
    let commit = matches!(then, Then::Commit(_));
    let s = Statements {
        jobs: some(talk, NEW_JOBS, new_jobs.key.len()).await?,
        job_classes: some(talk, NEW_JOB_CLASSES, job_of.len()).await?,
        statuses: some(talk, STATUSES, statuses.job.len()).await?,
        groups: some(talk, NEW_GROUPS, groups.key.len()).await?,
        inputs: some(talk, NEW_INPUTS, groups.task.len()).await?,
        states: some(talk, GROUP_STATES, states.key.len()).await?,
        not_failed: some(talk, NOT_FAILED, tasks.not_failed.0.len()).await?,
        not_running: some(talk, NOT_RUNNING, tasks.stopped.key.len()).await?,
        running: some(talk, RUNNING, tasks.running.key.len()).await?,
        tasks: some(talk, TASKS, tasks.stopped.key.len()).await?,
        failed: some(talk, FAILED, tasks.failed.0.len()).await?,
        displays: some(talk, DISPLAYS, displays.0.len()).await?,
        no_task_progress: some(talk, NO_TASK_PROGRESS, progress.tasks.len()).await?,
        task_progress: some(talk, TASK_PROGRESS, progress.task.len()).await?,
        no_job_progress: some(talk, NO_JOB_PROGRESS, progress.jobs.len()).await?,
        job_progress: some(talk, JOB_PROGRESS, progress.job.len()).await?,
        ready: some(talk, READY, ready.put.job.len()).await?,
        not_ready: some(talk, NOT_READY, ready.gone.job.len()).await?,
        queue: some(talk, QUEUE, queued.0.len()).await?,
        not_queued: some(talk, NOT_QUEUED, dequeued.0.len()).await?,
        wanted: some(talk, INPUTS, wanted.len()).await?,
    };
    let saved = async {
        try_join!(
            async {
                run(
                    talk,
                    &s.jobs,
                    &[
                        &new_jobs.key,
                        &new_jobs.id,
                        &new_jobs.name,
                        &new_jobs.name_key,
                        &new_jobs.trace_parent,
                        &new_jobs.submitted_at,
                        &new_jobs.automation,
                        &new_jobs.fingerprint,
                        &new_jobs.first_root,
                        &new_jobs.roots,
                    ],
                )
                .await
            },
            async { run(talk, &s.job_classes, &[&job_of, &class_of]).await },
            async {
                run(
                    talk,
                    &s.statuses,
                    &[
                        &statuses.job,
                        &statuses.state,
                        &statuses.canceled,
                        &statuses.counts[0],
                        &statuses.counts[1],
                        &statuses.counts[2],
                        &statuses.counts[3],
                        &statuses.counts[4],
                        &statuses.counts[5],
                        &statuses.first_started_at,
                        &statuses.last_stopped_at,
                        &statuses.compute_time,
                        &statuses.times_stale,
                        &statuses.resume_at,
                    ],
                )
                .await
            },
            async {
                run(
                    talk,
                    &s.groups,
                    &[
                        &groups.key,
                        &groups.id,
                        &groups.job,
                        &groups.parent,
                        &groups.depth,
                        &groups.boundary,
                        &groups.count,
                        &groups.dependencies,
                        &groups.dependents,
                        &groups.slices,
                        &groups.submitted_at,
                    ],
                )
                .await
            },
            async { run(talk, &s.inputs, &[&groups.task, &groups.input]).await },
            async { run(talk, &s.states, &[&states.key, &states.open, &states.blocked, &states.skipped]).await },
            async { run(talk, &s.not_failed, &[&tasks.not_failed.0, &tasks.not_failed.1]).await },
            async { run(talk, &s.not_running, &[&tasks.stopped.key]).await },
            async { tasks.running.insert_running(talk, &s.running).await },
            async { tasks.stopped.insert_stopped(talk, &s.tasks).await },
            async { run(talk, &s.failed, &[&tasks.failed.0, &tasks.failed.1]).await },
            async { run(talk, &s.displays, &[&displays.0, &displays.1]).await },
            async { run(talk, &s.no_task_progress, &[&progress.tasks]).await },
            async {
                run(
                    talk,
                    &s.task_progress,
                    &[&progress.task, &progress.task_label, &progress.task_total, &progress.task_done],
                )
                .await
            },
            async { run(talk, &s.no_job_progress, &[&progress.jobs]).await },
            async {
                run(
                    talk,
                    &s.job_progress,
                    &[&progress.job, &progress.job_label, &progress.job_total, &progress.job_done, &progress.job_tasks],
                )
                .await
            },
            async { ready.put.insert(talk, &s.ready).await },
            async { ready.gone.delete(talk, &s.not_ready).await },
            async { run(talk, &s.queue, &[&queued.0, &queued.1]).await },
            async { run(talk, &s.not_queued, &[&dequeued.0, &dequeued.1]).await },
        )
    };
    let read = async {
        match &s.wanted {
            Some(statement) => Ok(talk.client().query(statement, &[&wanted]).await?),
            None => Ok(Vec::new()),
        }
    };
    let end = async { if commit { talk.batch("COMMIT").await } else { Ok(()) } };
    let (_, rows, ()) = try_join!(saved, read, end)?;
    rows.iter().map(|row| Ok((TaskKey(super::rows::number(row, 0)?), super::rows::get(row, 1)?))).collect()
}

/// The inputs of tasks, by task.
pub(super) async fn inputs(talk: &Talk, tasks: &[TaskKey]) -> Result<Vec<(TaskKey, Vec<u8>)>, Error> {
    let keys: Vec<i64> = tasks.iter().map(|task| column(task.0)).collect();
    let rows = talk.query(INPUTS, &[&keys]).await?;
    rows.iter().map(|row| Ok((TaskKey(super::rows::number(row, 0)?), super::rows::get(row, 1)?))).collect()
}

/// Statements that have something to do.
struct Statements {
    jobs: Option<Statement>,
    job_classes: Option<Statement>,
    statuses: Option<Statement>,
    groups: Option<Statement>,
    inputs: Option<Statement>,
    states: Option<Statement>,
    not_failed: Option<Statement>,
    not_running: Option<Statement>,
    running: Option<Statement>,
    tasks: Option<Statement>,
    failed: Option<Statement>,
    displays: Option<Statement>,
    no_task_progress: Option<Statement>,
    task_progress: Option<Statement>,
    no_job_progress: Option<Statement>,
    job_progress: Option<Statement>,
    ready: Option<Statement>,
    not_ready: Option<Statement>,
    queue: Option<Statement>,
    not_queued: Option<Statement>,
    wanted: Option<Statement>,
}

async fn run(talk: &Talk, statement: &Option<Statement>, values: &Values<'_>) -> Result<(), Error> {
    if let Some(statement) = statement {
        talk.client().execute(statement, values).await?;
    }
    Ok(())
}

/// Clusters and classes, which rarely change.
async fn catalog(talk: &Talk, changes: &Changes<'_>) -> Result<(), Error> {
    if changes.clusters.is_empty() && changes.classes.is_empty() {
        return Ok(());
    }
    talk.execute(CATALOG, &[]).await?;
    let gone: Vec<&[u8]> =
        changes.clusters.iter().filter(|(_, cluster)| cluster.is_none()).map(|(slug, _)| slug.as_bytes()).collect();
    talk.execute(NO_CLUSTERS, &[&gone]).await?;
    let kept: Vec<_> = changes.clusters.iter().filter_map(|(_, cluster)| *cluster).collect();
    let slugs: Vec<&[u8]> = kept.iter().map(|cluster| cluster.slug.as_bytes()).collect();
    let names: Vec<&[u8]> = kept.iter().map(|cluster| cluster.display_name.as_bytes()).collect();
    let descriptions: Vec<&[u8]> = kept.iter().map(|cluster| cluster.description.as_bytes()).collect();
    let deletable: Vec<bool> = kept.iter().map(|cluster| cluster.deletable).collect();
    let created: Vec<i64> = kept.iter().map(|cluster| cluster.created_at.0).collect();
    talk.execute(CLUSTERS, &[&slugs, &names, &descriptions, &deletable, &created]).await?;
    let keys: Vec<i64> = changes.classes.iter().map(|class| column(class.key.0)).collect();
    let clusters: Vec<&[u8]> = changes.classes.iter().map(|class| class.cluster.as_bytes()).collect();
    let names: Vec<&[u8]> = changes.classes.iter().map(|class| class.identifier.name.as_bytes()).collect();
    let versions: Vec<&[u8]> =
        changes.classes.iter().map(|class| class.identifier.version.as_str().as_bytes()).collect();
    talk.execute(NEW_CLASSES, &[&keys, &clusters, &names, &versions]).await?;
    Ok(())
}

#[derive(Default)]
struct NewJobs<'a> {
    key: Vec<i64>,
    id: Vec<Id>,
    name: Vec<&'a [u8]>,
    name_key: Vec<Vec<u8>>,
    trace_parent: Vec<&'a [u8]>,
    submitted_at: Vec<i64>,
    automation: Vec<Option<Id>>,
    fingerprint: Vec<Id>,
    first_root: Vec<i64>,
    roots: Vec<i64>,
}

impl<'a> NewJobs<'a> {
    fn of(changes: &Changes<'a>) -> Self {
        let mut rows = Self::default();
        for job in changes.jobs {
            rows.key.push(column(job.key.0));
            rows.id.push(Id(job.id.to_bytes()));
            rows.name.push(job.name.as_bytes());
            rows.name_key.push(name_key(&job.name).into_bytes());
            rows.trace_parent.push(job.trace_parent.as_bytes());
            rows.submitted_at.push(job.submitted_at.0);
            rows.automation.push(job.automation.map(AutomationId::to_bytes).map(Id));
            rows.fingerprint.push(Id::of(job.fingerprint));
            rows.first_root.push(column(job.roots.first.0));
            rows.roots.push(column(job.roots.count));
        }
        rows
    }
}

#[derive(Default)]
struct Statuses {
    job: Vec<i64>,
    state: Vec<i16>,
    canceled: Vec<bool>,
    counts: [Vec<i64>; 6],
    first_started_at: Vec<Option<i64>>,
    last_stopped_at: Vec<Option<i64>>,
    compute_time: Vec<i64>,
    times_stale: Vec<bool>,
    resume_at: Vec<Option<i64>>,
}

impl Statuses {
    fn of(changes: &Changes<'_>) -> Self {
        let mut rows = Self::default();
        for status in &changes.statuses {
            rows.job.push(column(status.key.0));
            rows.state.push(status.state() as i16);
            rows.canceled.push(status.canceled);
            for (count, of_state) in rows.counts.iter_mut().zip(status.counts.to_array()) {
                count.push(column(of_state));
            }
            rows.first_started_at.push(status.first_started_at.map(|time| time.0));
            rows.last_stopped_at.push(status.last_stopped_at.map(|time| time.0));
            rows.compute_time.push(i64::try_from(status.compute_time.as_micros()).unwrap_or(i64::MAX));
            rows.times_stale.push(status.times_stale);
            rows.resume_at.push(status.resume_at.map(|task| column(task.0)));
        }
        rows
    }
}

#[derive(Default)]
struct Groups<'a> {
    key: Vec<i64>,
    id: Vec<Id>,
    job: Vec<i64>,
    parent: Vec<Option<i64>>,
    depth: Vec<i64>,
    boundary: Vec<Option<i64>>,
    count: Vec<i64>,
    dependencies: Vec<i64>,
    dependents: Vec<Vec<u8>>,
    slices: Vec<Vec<u8>>,
    submitted_at: Vec<i64>,
    task: Vec<i64>,
    input: Vec<&'a [u8]>,
}

impl<'a> Groups<'a> {
    fn of(changes: &Changes<'a>) -> Self {
        let mut rows = Self::default();
        for new in changes.groups {
            let group = &new.group;
            rows.key.push(column(group.key.0));
            rows.id.push(Id(group.id.to_bytes()));
            rows.job.push(column(group.job.0));
            rows.parent.push(group.parent.map(|task| column(task.0)));
            rows.depth.push(group.depth.into());
            rows.boundary.push(group.boundary.map(|task| column(task.0)));
            rows.count.push(column(group.count));
            rows.dependencies.push(group.dependencies.into());
            rows.dependents.push(encode_groups(&group.dependents));
            rows.slices.push(encode_slices(&group.slices));
            rows.submitted_at.push(group.submitted_at.0);
            for (key, input) in (group.key.0..).zip(new.inputs.iter()) {
                rows.task.push(column(key));
                rows.input.push(input);
            }
        }
        rows
    }
}

#[derive(Default)]
struct GroupStates {
    key: Vec<i64>,
    open: Vec<i64>,
    blocked: Vec<i64>,
    skipped: Vec<bool>,
}

impl GroupStates {
    fn of(changes: &Changes<'_>) -> Self {
        let mut rows = Self::default();
        for state in &changes.group_states {
            rows.key.push(column(state.key.0));
            rows.open.push(column(state.open));
            rows.blocked.push(state.blocked.into());
            rows.skipped.push(state.skipped);
        }
        rows
    }
}

/// Columns of tasks, running or not.
#[derive(Default)]
struct TaskRows {
    key: Vec<i64>,
    grp: Vec<i64>,
    state: Vec<i16>,
    retry_count: Vec<i64>,
    failures: Vec<i64>,
    crashes: Vec<i64>,
    hand_backs: Vec<i64>,
    hand_outs: Vec<i64>,
    flags: Vec<i16>,
    started_at: Vec<Option<i64>>,
    stopped_at: Vec<Option<i64>>,
    lease_until: Vec<i64>,
    first_child: Vec<Option<i64>>,
    children: Vec<i64>,
    open_groups: Vec<i64>,
    answered_task: Vec<Option<i64>>,
    answered_hand_out: Vec<i64>,
}

impl TaskRows {
    fn push(&mut self, task: &boxwood_engine::Task) {
        self.key.push(column(task.key.0));
        self.grp.push(column(task.group.0));
        self.state.push(task.state as i16);
        self.retry_count.push(task.retry_count.into());
        self.failures.push(task.failures.into());
        self.crashes.push(task.crashes.into());
        self.hand_backs.push(task.hand_backs.into());
        self.hand_outs.push(task.hand_outs.into());
        self.flags.push(flags(task));
        self.started_at.push(task.started_at.map(|time| time.0));
        self.stopped_at.push(task.stopped_at.map(|time| time.0));
        self.lease_until.push(task.lease_until.0);
        self.first_child.push(task.children.map(|children| column(children.first.0)));
        self.children.push(task.children.map_or(0, |children| column(children.count)));
        self.open_groups.push(task.open_groups.into());
        self.answered_task.push(task.answered_with.map(|taken| column(taken.task.0)));
        self.answered_hand_out.push(task.answered_with.map_or(0, |taken| taken.hand_out.into()));
    }

    async fn insert_running(&self, talk: &Talk, statement: &Option<Statement>) -> Result<(), Error> {
        let values: [&(dyn ToSql + Sync); 10] = [
            &self.key,
            &self.grp,
            &self.retry_count,
            &self.failures,
            &self.crashes,
            &self.hand_backs,
            &self.hand_outs,
            &self.flags,
            &self.started_at,
            &self.lease_until,
        ];
        run(talk, statement, &values).await
    }

    async fn insert_stopped(&self, talk: &Talk, statement: &Option<Statement>) -> Result<(), Error> {
        let values: [&(dyn ToSql + Sync); 16] = [
            &self.key,
            &self.grp,
            &self.state,
            &self.retry_count,
            &self.failures,
            &self.crashes,
            &self.hand_backs,
            &self.hand_outs,
            &self.flags,
            &self.started_at,
            &self.stopped_at,
            &self.first_child,
            &self.children,
            &self.open_groups,
            &self.answered_task,
            &self.answered_hand_out,
        ];
        run(talk, statement, &values).await
    }
}

/// A running task lives in the small table of running ones, any other in the large one.
#[derive(Default)]
struct Tasks {
    running: TaskRows,
    stopped: TaskRows,
    failed: (Vec<i64>, Vec<i64>),
    not_failed: (Vec<i64>, Vec<i64>),
}

impl Tasks {
    fn of(changes: &Changes<'_>) -> Self {
        let mut rows = Self::default();
        for task in &changes.tasks {
            let pair = (column(task.key.0), column(task.group.0));
            match task.state {
                TaskState::Running => rows.running.push(task),
                _ => rows.stopped.push(task),
            }
            let list = match task.state {
                TaskState::Failed => &mut rows.failed,
                _ if may_leave_failed(task) => &mut rows.not_failed,
                _ => continue,
            };
            list.0.push(pair.0);
            list.1.push(pair.1);
        }
        rows
    }
}

#[derive(Default)]
struct Progress<'a> {
    tasks: Vec<i64>,
    task: Vec<i64>,
    task_label: Vec<&'a [u8]>,
    task_total: Vec<i64>,
    task_done: Vec<i64>,
    jobs: Vec<i64>,
    job: Vec<i64>,
    job_label: Vec<&'a [u8]>,
    job_total: Vec<i64>,
    job_done: Vec<i64>,
    job_tasks: Vec<i64>,
}

impl<'a> Progress<'a> {
    fn of(changes: &Changes<'a>) -> Self {
        let mut rows = Self::default();
        for (task, indicators) in &changes.task_progress {
            rows.tasks.push(column(task.0));
            for (label, (total, done)) in *indicators {
                rows.task.push(column(task.0));
                rows.task_label.push(label.as_bytes());
                rows.task_total.push(whole(*total));
                rows.task_done.push(whole(*done));
            }
        }
        for (job, indicators) in &changes.job_progress {
            rows.jobs.push(column(job.0));
            for (label, sum) in *indicators {
                rows.job.push(column(job.0));
                rows.job_label.push(label.as_bytes());
                rows.job_total.push(whole(sum.total));
                rows.job_done.push(whole(sum.done));
                rows.job_tasks.push(whole(sum.tasks));
            }
        }
        rows
    }
}

#[derive(Default)]
struct ReadyRows {
    job: Vec<i64>,
    class: Vec<i64>,
    depth: Vec<i64>,
    first: Vec<i64>,
    returned: Vec<bool>,
    next: Vec<i64>,
    until: Vec<i64>,
    grp: Vec<i64>,
}

#[derive(Default)]
struct Ready {
    put: ReadyRows,
    gone: ReadyRows,
}

impl Ready {
    fn of(changes: &Changes<'_>) -> Self {
        let mut rows = Self::default();
        for (key, row) in &changes.ready {
            let list = if row.is_some() { &mut rows.put } else { &mut rows.gone };
            list.job.push(column(key.job.0));
            list.class.push(column(key.class.0));
            list.depth.push(key.depth.into());
            list.first.push(column(key.first));
            list.returned.push(key.returned);
            if let Some(row) = row {
                list.next.push(column(row.next));
                list.until.push(column(row.end));
                list.grp.push(column(row.group.0));
            }
        }
        rows
    }
}

impl ReadyRows {
    async fn insert(&self, talk: &Talk, statement: &Option<Statement>) -> Result<(), Error> {
        let keys: [&(dyn ToSql + Sync); 8] =
            [&self.job, &self.class, &self.depth, &self.first, &self.returned, &self.next, &self.until, &self.grp];
        run(talk, statement, &keys).await
    }

    async fn delete(&self, talk: &Talk, statement: &Option<Statement>) -> Result<(), Error> {
        run(talk, statement, &[&self.job, &self.class, &self.depth, &self.first, &self.returned]).await
    }
}
