//! Saving changed rows.

use boxwood_engine::{Changes, Class, Cluster, Indicators, Job, JobStatus, NewGroupRow, Task, TaskState, name_key};
use rusqlite::{Connection, params};

use super::rows::{column, flags};
use crate::encode::{encode_groups, encode_slices, may_leave_failed};
use crate::error::Error;

/// Writes changed rows into the open transaction, opening one if there is none. Nothing changed: nothing is opened.
pub(super) fn changes(connection: &Connection, changes: &Changes<'_>) -> Result<(), Error> {
    if changes.is_empty() {
        return Ok(());
    }
    begin(connection)?;
    clusters(connection, &changes.clusters)?;
    for class in changes.classes {
        new_class(connection, class)?;
    }
    for job in changes.jobs {
        new_job(connection, job)?;
    }
    let mut statement = connection.prepare_cached("INSERT INTO job_class (job, class) VALUES (?1, ?2)")?;
    for (job, class) in changes.job_classes {
        statement.execute([column(job.0), column(class.0)])?;
    }
    for status in &changes.statuses {
        job_status(connection, status)?;
    }
    new_groups(connection, changes.groups)?;
    // Updated, not replaced: that would look for the row in the index of waiting groups, where it seldom is.
    let mut statement = connection.prepare_cached(
        "INSERT INTO group_state (key, open, blocked, skipped) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (key) DO UPDATE SET open = ?2, blocked = ?3, skipped = ?4",
    )?;
    for state in &changes.group_states {
        statement.execute(params![column(state.key.0), column(state.open), state.blocked, state.skipped])?;
    }
    tasks(connection, &changes.tasks)?;
    let mut statement = connection.prepare_cached("INSERT OR REPLACE INTO display (task, display) VALUES (?1, ?2)")?;
    for (task, display) in &changes.displays {
        statement.execute(params![column(task.0), display])?;
    }
    for (task, rows) in &changes.task_progress {
        task_progress(connection, column(task.0), rows)?;
    }
    for (job, rows) in &changes.job_progress {
        connection.prepare_cached("DELETE FROM job_progress WHERE job = ?1")?.execute([column(job.0)])?;
        let mut statement = connection
            .prepare_cached("INSERT INTO job_progress (job, label, total, done, tasks) VALUES (?1, ?2, ?3, ?4, ?5)")?;
        for (label, sum) in *rows {
            statement.execute(params![column(job.0), label, whole(sum.total), whole(sum.done), whole(sum.tasks)])?;
        }
    }
    ready(connection, changes)?;
    for (class, job, added) in &changes.queue {
        let sql = if *added {
            "INSERT OR REPLACE INTO queue (class, job) VALUES (?1, ?2)"
        } else {
            "DELETE FROM queue WHERE class = ?1 AND job = ?2"
        };
        connection.prepare_cached(sql)?.execute([column(class.0), column(job.0)])?;
    }
    Ok(())
}

/// Opens a transaction, if none is open. Rows loaded in it cost no locks of their own.
pub(super) fn begin(connection: &Connection) -> Result<(), Error> {
    if connection.is_autocommit() {
        connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
    }
    Ok(())
}

/// Makes the open transaction durable.
pub(super) fn commit(connection: &Connection) -> Result<(), Error> {
    if !connection.is_autocommit() {
        connection.prepare_cached("COMMIT")?.execute([])?;
    }
    Ok(())
}

/// A user's number as a column: SQLite holds numbers up to 2^63 - 1.
fn whole(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn clusters(connection: &Connection, changed: &[(&str, Option<&Cluster>)]) -> Result<(), Error> {
    for (slug, cluster) in changed {
        match cluster {
            Some(cluster) => connection
                .prepare_cached(
                    "INSERT OR REPLACE INTO cluster (slug, display_name, description, deletable, created_at)
                     VALUES (?1, ?2, ?3, ?4, ?5)",
                )?
                .execute(params![
                    slug,
                    cluster.display_name,
                    cluster.description,
                    cluster.deletable,
                    cluster.created_at.0
                ])?,
            None => connection.prepare_cached("DELETE FROM cluster WHERE slug = ?1")?.execute([slug])?,
        };
    }
    Ok(())
}

fn new_class(connection: &Connection, class: &Class) -> Result<(), Error> {
    connection.prepare_cached("INSERT INTO class (key, cluster, name, version) VALUES (?1, ?2, ?3, ?4)")?.execute(
        params![column(class.key.0), class.cluster, class.identifier.name, class.identifier.version.as_str()],
    )?;
    Ok(())
}

fn new_job(connection: &Connection, job: &Job) -> Result<(), Error> {
    connection
        .prepare_cached(
            "INSERT INTO job (key, id, name, name_key, trace_parent, submitted_at, automation, fingerprint, first_root, roots)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?
        .execute(params![
            column(job.key.0),
            job.id.to_bytes(),
            job.name,
            name_key(&job.name),
            job.trace_parent,
            job.submitted_at.0,
            job.automation.map(boxwood_engine::AutomationId::to_bytes),
            job.fingerprint.to_be_bytes(),
            column(job.roots.first.0),
            column(job.roots.count),
        ])?;
    Ok(())
}

fn job_status(connection: &Connection, status: &JobStatus) -> Result<(), Error> {
    let [queued, running, computed, failed, skipped, failed_optional] = status.counts.to_array().map(column);
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO job_status (job, state, canceled, queued, running, computed, failed, skipped,
                 failed_optional, first_started_at, last_stopped_at, compute_time, times_stale, resume_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
        )?
        .execute(params![
            column(status.key.0),
            status.state() as u8,
            status.canceled,
            queued,
            running,
            computed,
            failed,
            skipped,
            failed_optional,
            status.first_started_at.map(|time| time.0),
            status.last_stopped_at.map(|time| time.0),
            i64::try_from(status.compute_time.as_micros()).unwrap_or(i64::MAX),
            status.times_stale,
            status.resume_at.map(|task| column(task.0)),
        ])?;
    Ok(())
}

fn new_groups(connection: &Connection, rows: &[NewGroupRow]) -> Result<(), Error> {
    let mut new_group = connection.prepare_cached(
        "INSERT INTO task_group (key, id, job, parent, depth, boundary, count, dependencies, dependents, slices,
             submitted_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?;
    let mut new_input = connection.prepare_cached("INSERT INTO task_input (key, input) VALUES (?1, ?2)")?;
    for NewGroupRow { group, inputs } in rows {
        new_group.execute(params![
            column(group.key.0),
            group.id.to_bytes(),
            column(group.job.0),
            group.parent.map(|task| column(task.0)),
            group.depth,
            group.boundary.map(|task| column(task.0)),
            column(group.count),
            group.dependencies,
            encode_groups(&group.dependents),
            encode_slices(&group.slices),
            group.submitted_at.0,
        ])?;
        for (key, input) in (group.key.0..).zip(inputs.iter()) {
            new_input.execute(params![column(key), input])?;
        }
    }
    Ok(())
}

/// A running task lives in the small table of running ones, any other in the large one.
fn tasks(connection: &Connection, changed: &[&Task]) -> Result<(), Error> {
    let mut running = connection.prepare_cached(
        "INSERT OR REPLACE INTO running (key, grp, retry_count, failures, crashes, hand_backs, hand_outs, flags,
             started_at, lease_until)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?;
    let mut not_running = connection.prepare_cached("DELETE FROM running WHERE key = ?1")?;
    let mut other = connection.prepare_cached(
        "INSERT OR REPLACE INTO task (key, grp, state, retry_count, failures, crashes, hand_backs, hand_outs, flags,
             started_at, stopped_at, first_child, children, open_groups, answered_task, answered_hand_out)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
    )?;
    for task in changed {
        let key = column(task.key.0);
        if may_leave_failed(task) {
            let sql = "DELETE FROM failed WHERE task = ?1 AND job = (SELECT job FROM task_group WHERE key = ?2)";
            connection.prepare_cached(sql)?.execute([key, column(task.group.0)])?;
        }
        if task.state == TaskState::Running {
            running.execute(params![
                key,
                column(task.group.0),
                task.retry_count,
                task.failures,
                task.crashes,
                task.hand_backs,
                task.hand_outs,
                flags(task),
                task.started_at.map_or(0, |time| time.0),
                task.lease_until.0,
            ])?;
            continue;
        }
        not_running.execute([key])?;
        other.execute(params![
            key,
            column(task.group.0),
            task.state as u8,
            task.retry_count,
            task.failures,
            task.crashes,
            task.hand_backs,
            task.hand_outs,
            flags(task),
            task.started_at.map(|time| time.0),
            task.stopped_at.map(|time| time.0),
            task.children.map(|children| column(children.first.0)),
            task.children.map_or(0, |children| column(children.count)),
            task.open_groups,
            task.answered_with.map(|taken| column(taken.task.0)),
            task.answered_with.map_or(0, |taken| taken.hand_out),
        ])?;
        if task.state == TaskState::Failed {
            let sql = "INSERT OR REPLACE INTO failed (job, task) SELECT job, ?1 FROM task_group WHERE key = ?2";
            connection.prepare_cached(sql)?.execute([key, column(task.group.0)])?;
        }
    }
    Ok(())
}

fn task_progress(connection: &Connection, task: i64, rows: &Indicators<(u64, u64)>) -> Result<(), Error> {
    connection.prepare_cached("DELETE FROM task_progress WHERE task = ?1")?.execute([task])?;
    let mut statement =
        connection.prepare_cached("INSERT INTO task_progress (task, label, total, done) VALUES (?1, ?2, ?3, ?4)")?;
    for (label, (total, done)) in rows {
        statement.execute(params![task, label, whole(*total), whole(*done)])?;
    }
    Ok(())
}

fn ready(connection: &Connection, changes: &Changes<'_>) -> Result<(), Error> {
    let mut put = connection.prepare_cached(
        "INSERT OR REPLACE INTO ready (job, class, depth, first, returned, next, end, grp)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?;
    let mut gone = connection.prepare_cached(
        "DELETE FROM ready WHERE job = ?1 AND class = ?2 AND depth = ?3 AND first = ?4 AND returned = ?5",
    )?;
    for (key, row) in &changes.ready {
        let (job, class, first) = (column(key.job.0), column(key.class.0), column(key.first));
        match row {
            Some(row) => put.execute(params![
                job,
                class,
                key.depth,
                first,
                key.returned,
                column(row.next),
                column(row.end),
                column(row.group.0)
            ])?,
            None => gone.execute(params![job, class, key.depth, first, key.returned])?,
        };
    }
    Ok(())
}
