//! Engine rows as PostgreSQL columns.

use std::time::Duration;

use boxwood_engine::{
    AutomationId, Children, Counts, Group, GroupKey, GroupState, Job, JobId, JobKey, JobStatus, Taken, Task, TaskId,
    TaskKey, TaskState, Timestamp,
};
use bytes::BytesMut;
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

use crate::encode::{decode_groups, decode_slices};
use crate::error::Error;

/// Columns of [`job`] and [`job_status`], joined.
pub(super) const JOB_COLUMNS: &str = "j.key, j.id, j.name, j.trace_parent, j.submitted_at, j.automation, j.fingerprint, \
     j.first_root, j.roots, s.canceled, s.queued, s.running, s.computed, s.failed, s.skipped, s.failed_optional, \
     s.first_started_at, s.last_stopped_at, s.compute_time, s.times_stale, s.resume_at";

/// How many they are.
pub(super) const JOB_COLUMNS_COUNT: usize = 21;

/// The 16 bytes of an id as a column of type uuid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Id(pub(super) [u8; 16]);

impl Id {
    pub(super) fn of(number: u128) -> Self {
        Self(number.to_be_bytes())
    }

    pub(super) fn number(self) -> u128 {
        u128::from_be_bytes(self.0)
    }
}

impl ToSql for Id {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        out.extend_from_slice(&self.0);
        Ok(IsNull::No)
    }

    fn accepts(of: &Type) -> bool {
        *of == Type::UUID
    }

    to_sql_checked!();
}

impl<'a> FromSql<'a> for Id {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(raw.try_into()?))
    }

    fn accepts(of: &Type) -> bool {
        *of == Type::UUID
    }
}

/// A key or count as a column. They stay far below 2^63.
pub(super) fn column(value: u64) -> i64 {
    value.cast_signed()
}

/// A user's number as a column: columns hold numbers up to 2^63 - 1.
pub(super) fn whole(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// What a column holds.
pub(super) fn get<'a, T: FromSql<'a>>(row: &'a Row, index: usize) -> Result<T, Error> {
    row.try_get(index).map_err(|error| Error::Corrupt(format!("database: column {index}: {error}")))
}

/// A key or count from a column.
pub(super) fn number(row: &Row, index: usize) -> Result<u64, Error> {
    get::<i64>(row, index).map(i64::cast_unsigned)
}

/// A key or count from a column that may be empty.
pub(super) fn optional(row: &Row, index: usize) -> Result<Option<u64>, Error> {
    Ok(get::<Option<i64>>(row, index)?.map(i64::cast_unsigned))
}

/// A small number from a column.
pub(super) fn small(row: &Row, index: usize) -> Result<u32, Error> {
    let value: i64 = get(row, index)?;
    u32::try_from(value).map_err(|_| wrong(index, &format!("{value} is too large")))
}

/// Text from a column of its bytes.
pub(super) fn text(row: &Row, index: usize) -> Result<String, Error> {
    utf8(get(row, index)?, index)
}

/// Text from a column of its bytes that may be empty.
pub(super) fn optional_text(row: &Row, index: usize) -> Result<Option<String>, Error> {
    get::<Option<&[u8]>>(row, index)?.map(|bytes| utf8(bytes, index)).transpose()
}

fn utf8(bytes: &[u8], index: usize) -> Result<String, Error> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.to_owned()),
        Err(error) => Err(wrong(index, &error.to_string())),
    }
}

pub(super) fn time(row: &Row, index: usize) -> Result<Option<Timestamp>, Error> {
    Ok(get::<Option<i64>>(row, index)?.map(Timestamp))
}

fn wrong(index: usize, what: &str) -> Error {
    Error::Corrupt(format!("database: column {index}: {what}"))
}

/// A job id in column `index`.
pub(super) fn job_id(row: &Row, index: usize) -> Result<JobId, Error> {
    JobId::from_u128(get::<Id>(row, index)?.number()).ok_or_else(|| wrong(index, "not a job id"))
}

/// Reads [`JOB_COLUMNS`].
pub(super) fn job(row: &Row) -> Result<(Job, JobStatus), Error> {
    let key = JobKey(number(row, 0)?);
    let automation: Option<Id> = get(row, 5)?;
    let job = Job {
        key,
        id: job_id(row, 1)?,
        name: text(row, 2)?,
        trace_parent: text(row, 3)?,
        submitted_at: Timestamp(get(row, 4)?),
        automation: automation.and_then(|id| AutomationId::from_u128(id.number())),
        fingerprint: get::<Id>(row, 6)?.number(),
        roots: Children { first: TaskKey(number(row, 7)?), count: number(row, 8)? },
    };
    let mut counts = [0; 6];
    for (place, count) in counts.iter_mut().enumerate() {
        *count = number(row, 10 + place)?;
    }
    let status = JobStatus {
        key,
        canceled: get(row, 9)?,
        counts: Counts::from_array(counts),
        first_started_at: time(row, 16)?,
        last_stopped_at: time(row, 17)?,
        compute_time: Duration::from_micros(number(row, 18)?),
        times_stale: get(row, 19)?,
        resume_at: optional(row, 20)?.map(TaskKey),
    };
    Ok((job, status))
}

/// Columns of [`group`].
pub(super) const GROUP_COLUMNS: &str = "g.key, g.id, g.job, g.parent, g.depth, g.boundary, g.count, g.dependencies, \
     g.dependents, g.slices, g.submitted_at";

/// Columns of [`group_state`], to be read after those of [`group`] or alone.
pub(super) const GROUP_STATE_COLUMNS: &str = "s.key, s.open, s.blocked, s.skipped";

/// How many columns [`group`] reads.
pub(super) const GROUP_COLUMNS_COUNT: usize = 11;

/// Reads [`GROUP_COLUMNS`].
pub(super) fn group(row: &Row) -> Result<Group, Error> {
    let id = TaskId::from_u128(get::<Id>(row, 1)?.number()).ok_or_else(|| wrong(1, "not a task id"))?;
    Ok(Group {
        key: GroupKey(number(row, 0)?),
        id,
        job: JobKey(number(row, 2)?),
        parent: optional(row, 3)?.map(TaskKey),
        depth: small(row, 4)?,
        boundary: optional(row, 5)?.map(TaskKey),
        count: number(row, 6)?,
        dependencies: small(row, 7)?,
        dependents: decode_groups(get(row, 8)?),
        slices: decode_slices(get(row, 9)?).ok_or_else(|| wrong(9, "not slices of a group"))?,
        submitted_at: Timestamp(get(row, 10)?),
    })
}

/// Reads [`GROUP_STATE_COLUMNS`], the first of them at `start`.
pub(super) fn group_state(row: &Row, start: usize) -> Result<GroupState, Error> {
    Ok(GroupState {
        key: GroupKey(number(row, start)?),
        open: number(row, start + 1)?,
        blocked: small(row, start + 2)?,
        skipped: get(row, start + 3)?,
    })
}

/// Columns of [`task`].
pub(super) const TASK_COLUMNS: &str = "key, grp, state, retry_count, failures, crashes, hand_backs, hand_outs, flags, \
     started_at, stopped_at, first_child, children, open_groups, answered_task, answered_hand_out";

/// Reads [`TASK_COLUMNS`].
pub(super) fn task(row: &Row) -> Result<Task, Error> {
    let count = number(row, 12)?;
    let hand_out = small(row, 15)?;
    let mut task = Task::new(TaskKey(number(row, 0)?), GroupKey(number(row, 1)?));
    task.state = task_state(row, 2)?;
    task.retry_count = small(row, 3)?;
    task.failures = small(row, 4)?;
    task.crashes = small(row, 5)?;
    task.hand_backs = small(row, 6)?;
    task.hand_outs = small(row, 7)?;
    set_flags(&mut task, get(row, 8)?);
    task.started_at = time(row, 9)?;
    task.stopped_at = time(row, 10)?;
    task.children = optional(row, 11)?.map(|first| Children { first: TaskKey(first), count });
    task.open_groups = small(row, 13)?;
    task.answered_with = optional(row, 14)?.map(|task| Taken { task: TaskKey(task), hand_out });
    Ok(task)
}

/// A task state in column `index`.
pub(super) fn task_state(row: &Row, index: usize) -> Result<TaskState, Error> {
    let state: i16 = get(row, index)?;
    let known = u8::try_from(state).ok().and_then(TaskState::from_number);
    known.ok_or_else(|| wrong(index, &format!("{state} is not a task state")))
}

/// Columns of [`running`].
pub(super) const RUNNING_COLUMNS: &str =
    "key, grp, retry_count, failures, crashes, hand_backs, hand_outs, flags, started_at, lease_until";

/// Reads [`RUNNING_COLUMNS`].
pub(super) fn running(row: &Row) -> Result<Task, Error> {
    let mut task = Task::new(TaskKey(number(row, 0)?), GroupKey(number(row, 1)?));
    task.state = TaskState::Running;
    task.retry_count = small(row, 2)?;
    task.failures = small(row, 3)?;
    task.crashes = small(row, 4)?;
    task.hand_backs = small(row, 5)?;
    task.hand_outs = small(row, 6)?;
    set_flags(&mut task, get(row, 7)?);
    task.started_at = time(row, 8)?;
    task.lease_until = Timestamp(get(row, 9)?);
    Ok(task)
}

/// The marks of a task in one column.
pub(super) fn flags(task: &Task) -> i16 {
    i16::from(task.lease_lost)
        | i16::from(task.branch_failed) << 1
        | i16::from(task.display_set) << 2
        | i16::from(task.progress_set) << 3
        | i16::from(task.given_again) << 4
}

fn set_flags(task: &mut Task, flags: i16) {
    task.lease_lost = flags & 1 != 0;
    task.branch_failed = flags & 2 != 0;
    task.display_set = flags & 4 != 0;
    task.progress_set = flags & 8 != 0;
    task.given_again = flags & 16 != 0;
}
