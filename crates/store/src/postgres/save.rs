//! Saving changed rows: one statement a table, all of them sent at once.

use boxwood_engine::{Changes, TaskKey};
use futures::future::try_join_all;
use futures::try_join;
use tokio_postgres::Row;

use super::columns::{Columns, GroupStates, Groups, NewJobs, Progress, Ready, Statuses, Tasks, pair};
use super::flight::{ask, some};
use super::rows::{column, get, number};
use super::session::Talk;
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
    let job_classes: (Vec<i64>, Vec<i64>) =
        c.job_classes.iter().map(|(job, class)| (column(job.0), column(class.0))).unzip();
    let displays: (Vec<i64>, Vec<&[u8]>) =
        c.displays.iter().map(|(task, display)| (column(task.0), display.as_bytes())).unzip();
    let states = GroupStates::of(c);
    catalog(talk, c).await?;
    let wanted: Vec<i64> = match then {
        Then::GoOn => Vec::new(),
        Then::Commit(tasks) => tasks.iter().map(|task| column(task.0)).collect(),
    };
    // In this order: rows go before others take their place.
    let tables: [(&'static str, Columns<'_>); 20] = [
        (NEW_JOBS, new_jobs.values()),
        (NEW_JOB_CLASSES, pair(&job_classes)),
        (STATUSES, statuses.values()),
        (NEW_GROUPS, groups.values()),
        (NEW_INPUTS, groups.inputs()),
        (GROUP_STATES, states.values()),
        (NOT_FAILED, pair(&tasks.not_failed)),
        (NOT_RUNNING, tasks.stopped.keys()),
        (RUNNING, tasks.running.running()),
        (TASKS, tasks.stopped.stopped()),
        (FAILED, pair(&tasks.failed)),
        (DISPLAYS, pair(&displays)),
        (NO_TASK_PROGRESS, progress.tasks()),
        (TASK_PROGRESS, progress.of_tasks()),
        (NO_JOB_PROGRESS, progress.jobs()),
        (JOB_PROGRESS, progress.of_jobs()),
        (READY, ready.put.values()),
        (NOT_READY, ready.gone.keys()),
        (QUEUE, pair(&queued)),
        (NOT_QUEUED, pair(&dequeued)),
    ];
    let mut statements = Vec::with_capacity(tables.len());
    for (sql, (rows, values)) in &tables {
        if *rows > 0 {
            statements.push((talk.statement(sql).await?, values));
        }
    }
    let read = some(talk, INPUTS, wanted.len()).await?;
    let commit = matches!(then, Then::Commit(_));
    // Few enough to be polled, and so sent, in their order: beyond 30 the order is not kept.
    let saved = async {
        let each = statements.iter().map(|(statement, values)| talk.client().execute(statement, values));
        Ok(try_join_all(each).await?)
    };
    let end = async { if commit { talk.batch("COMMIT").await } else { Ok(()) } };
    let (_, rows, ()) = try_join!(saved, ask(talk, &read, [&wanted]), end)?;
    by_task(&rows)
}

/// The inputs of tasks, by task.
pub(super) async fn inputs(talk: &Talk, tasks: &[TaskKey]) -> Result<Vec<(TaskKey, Vec<u8>)>, Error> {
    let keys: Vec<i64> = tasks.iter().map(|task| column(task.0)).collect();
    by_task(&talk.query(INPUTS, &[&keys]).await?)
}

fn by_task(rows: &[Row]) -> Result<Vec<(TaskKey, Vec<u8>)>, Error> {
    rows.iter().map(|row| Ok((TaskKey(number(row, 0)?), get(row, 1)?))).collect()
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
