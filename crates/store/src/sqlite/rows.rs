//! Engine rows as SQLite columns.

use std::time::Duration;

use boxwood_engine::{
    AutomationId, Children, Counts, Group, GroupKey, GroupState, Job, JobId, JobKey, JobStatus, Taken, Task, TaskId,
    TaskKey, TaskState, Timestamp,
};
use rusqlite::Row;
use rusqlite::types::Type;

use crate::encode::{decode_groups, decode_slices};

/// Columns of [`job`] and [`job_status`], joined.
pub(super) const JOB_COLUMNS: &str = "j.key, j.id, j.name, j.trace_parent, j.submitted_at, j.automation, j.fingerprint, \
     j.first_root, j.roots, s.canceled, s.queued, s.running, s.computed, s.failed, s.skipped, s.failed_optional, \
     s.first_started_at, s.last_stopped_at, s.compute_time, s.times_stale, s.resume_at";

/// Columns of [`group`] and [`group_state`], joined.
pub(super) const GROUP_COLUMNS: &str = "g.key, g.id, g.job, g.parent, g.depth, g.boundary, g.count, g.dependencies, \
     g.dependents, g.slices, g.submitted_at, s.open, s.blocked, s.skipped";

/// Columns of [`task`].
pub(super) const TASK_COLUMNS: &str = "key, grp, state, retry_count, failures, crashes, hand_backs, hand_outs, flags, \
     started_at, stopped_at, first_child, children, open_groups, answered_task, answered_hand_out";

/// Columns of [`running`].
pub(super) const RUNNING_COLUMNS: &str =
    "key, grp, retry_count, failures, crashes, hand_backs, hand_outs, flags, started_at, lease_until";

/// A key or count as a column. They stay far below 2^63.
pub(super) fn column(value: u64) -> i64 {
    value.cast_signed()
}

/// A key or count from a column.
pub(super) fn number(row: &Row<'_>, index: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(index).map(i64::cast_unsigned)
}

pub(super) fn small(row: &Row<'_>, index: usize) -> rusqlite::Result<u32> {
    let value: i64 = row.get(index)?;
    u32::try_from(value).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(index, value))
}

fn optional(row: &Row<'_>, index: usize) -> rusqlite::Result<Option<u64>> {
    Ok(row.get::<_, Option<i64>>(index)?.map(i64::cast_unsigned))
}

fn time(row: &Row<'_>, index: usize) -> rusqlite::Result<Option<Timestamp>> {
    Ok(row.get::<_, Option<i64>>(index)?.map(Timestamp))
}

fn wrong(index: usize, what: &str) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(index, Type::Blob, format!("not {what}").into())
}

fn sixteen(row: &Row<'_>, index: usize) -> rusqlite::Result<u128> {
    let bytes: [u8; 16] = row.get(index)?;
    Ok(u128::from_be_bytes(bytes))
}

/// A job id in column `index`.
pub(super) fn job_id(row: &Row<'_>, index: usize) -> rusqlite::Result<JobId> {
    JobId::from_u128(sixteen(row, index)?).ok_or_else(|| wrong(index, "a job id"))
}

/// Reads [`JOB_COLUMNS`].
pub(super) fn job(row: &Row<'_>) -> rusqlite::Result<(Job, JobStatus)> {
    let key = JobKey(number(row, 0)?);
    let automation: Option<[u8; 16]> = row.get(5)?;
    let job = Job {
        key,
        id: job_id(row, 1)?,
        name: row.get(2)?,
        trace_parent: row.get(3)?,
        submitted_at: Timestamp(row.get(4)?),
        automation: automation.and_then(|bytes| AutomationId::from_bytes(&bytes)),
        fingerprint: sixteen(row, 6)?,
        roots: Children { first: TaskKey(number(row, 7)?), count: number(row, 8)? },
    };
    let mut counts = [0; 6];
    for (place, count) in counts.iter_mut().enumerate() {
        *count = number(row, 10 + place)?;
    }
    let status = JobStatus {
        key,
        canceled: row.get(9)?,
        counts: Counts::from_array(counts),
        first_started_at: time(row, 16)?,
        last_stopped_at: time(row, 17)?,
        compute_time: Duration::from_micros(number(row, 18)?),
        times_stale: row.get(19)?,
        resume_at: optional(row, 20)?.map(TaskKey),
    };
    Ok((job, status))
}

/// Reads [`GROUP_COLUMNS`].
pub(super) fn group(row: &Row<'_>) -> rusqlite::Result<(Group, GroupState)> {
    let key = GroupKey(number(row, 0)?);
    let dependents = row.get_ref(8)?.as_blob()?;
    let slices = row.get_ref(9)?.as_blob()?;
    let group = Group {
        key,
        id: TaskId::from_u128(sixteen(row, 1)?).ok_or_else(|| wrong(1, "a task id"))?,
        job: JobKey(number(row, 2)?),
        parent: optional(row, 3)?.map(TaskKey),
        depth: small(row, 4)?,
        boundary: optional(row, 5)?.map(TaskKey),
        count: number(row, 6)?,
        dependencies: small(row, 7)?,
        dependents: decode_groups(dependents),
        slices: decode_slices(slices).ok_or_else(|| wrong(9, "slices of a group"))?,
        submitted_at: Timestamp(row.get(10)?),
    };
    let state = GroupState { key, open: number(row, 11)?, blocked: small(row, 12)?, skipped: row.get(13)? };
    Ok((group, state))
}

/// Reads [`TASK_COLUMNS`].
pub(super) fn task(row: &Row<'_>) -> rusqlite::Result<Task> {
    let state: u8 = row.get(2)?;
    let flags: u8 = row.get(8)?;
    let count = number(row, 12)?;
    let hand_out = small(row, 15)?;
    Ok(Task {
        key: TaskKey(number(row, 0)?),
        group: GroupKey(number(row, 1)?),
        state: TaskState::from_number(state).ok_or_else(|| wrong(2, "a task state"))?,
        retry_count: small(row, 3)?,
        failures: small(row, 4)?,
        crashes: small(row, 5)?,
        hand_backs: small(row, 6)?,
        hand_outs: small(row, 7)?,
        lease_lost: flags & 1 != 0,
        branch_failed: flags & 2 != 0,
        display_set: flags & 4 != 0,
        progress_set: flags & 8 != 0,
        given_again: flags & 16 != 0,
        started_at: time(row, 9)?,
        stopped_at: time(row, 10)?,
        lease_until: Timestamp::default(),
        children: optional(row, 11)?.map(|first| Children { first: TaskKey(first), count }),
        open_groups: small(row, 13)?,
        answered_with: optional(row, 14)?.map(|task| Taken { task: TaskKey(task), hand_out }),
    })
}

/// Reads [`RUNNING_COLUMNS`].
pub(super) fn running(row: &Row<'_>) -> rusqlite::Result<Task> {
    let flags: u8 = row.get(7)?;
    Ok(Task {
        key: TaskKey(number(row, 0)?),
        group: GroupKey(number(row, 1)?),
        state: TaskState::Running,
        retry_count: small(row, 2)?,
        failures: small(row, 3)?,
        crashes: small(row, 4)?,
        hand_backs: small(row, 5)?,
        hand_outs: small(row, 6)?,
        lease_lost: flags & 1 != 0,
        branch_failed: flags & 2 != 0,
        display_set: flags & 4 != 0,
        progress_set: flags & 8 != 0,
        given_again: flags & 16 != 0,
        started_at: time(row, 8)?,
        stopped_at: None,
        lease_until: Timestamp(row.get(9)?),
        children: None,
        open_groups: 0,
        answered_with: None,
    })
}

/// The marks of a task in one column.
pub(super) fn flags(task: &Task) -> u8 {
    u8::from(task.lease_lost)
        | u8::from(task.branch_failed) << 1
        | u8::from(task.display_set) << 2
        | u8::from(task.progress_set) << 3
        | u8::from(task.given_again) << 4
}
