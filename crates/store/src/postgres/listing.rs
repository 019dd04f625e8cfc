//! Tasks as clients see them, by their keys.

use std::collections::HashMap;

use boxwood_engine::{Class, ClassKey, Group, GroupState, TaskKey, TaskState};
use tokio_postgres::Row;

use super::catalog;
use super::rows::{column, get, number, optional, optional_text, small, task_state, time};
use super::session::Talk;
use crate::error::Error;
use crate::read::TaskView;

/// A group with its state.
pub(super) type Entry = (Group, GroupState);

/// The tasks with these keys, in their order, which ascends. `groups` are those that hold them, in order of their keys. The
/// parents are left to the caller.
pub(super) async fn tasks(talk: &Talk, groups: &[Entry], keys: Vec<u64>) -> Result<Vec<TaskView>, Error> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    // By single keys, so that the database looks each up whatever it believes about the sizes of tables.
    let keys: Vec<i64> = keys.into_iter().map(column).collect();
    let sql = "SELECT i.key, i.input, d.display, r.started_at, r.retry_count, t.state, t.retry_count, t.started_at,
             t.stopped_at, t.first_child
         FROM task_input i
         LEFT JOIN running r ON r.key = i.key
         LEFT JOIN task t ON t.key = i.key
         LEFT JOIN display d ON d.task = i.key
         WHERE i.key = ANY($1) ORDER BY i.key";
    let found = talk.query(sql, &[&keys]).await?;
    let classes: HashMap<ClassKey, Class> =
        catalog::classes(talk).await?.into_iter().map(|class| (class.key, class)).collect();
    found.iter().map(|row| task(row, groups, &classes)).collect()
}

fn task(row: &Row, groups: &[Entry], classes: &HashMap<ClassKey, Class>) -> Result<TaskView, Error> {
    let key = TaskKey(number(row, 0)?);
    let behind = groups.partition_point(|(group, _)| group.key.0 <= key.0);
    let (group, state) = groups[..behind]
        .last()
        .filter(|(group, _)| group.holds(key))
        .ok_or_else(|| Error::Corrupt(format!("task {}: its group is missing", key.0)))?;
    let slice = group.slice_of(key);
    let class =
        classes.get(&slice.class).ok_or_else(|| Error::Corrupt(format!("class {} is missing", slice.class.0)))?;
    let mut task = TaskView {
        key,
        id: group.task_id(key),
        parent: None,
        group: group.key,
        state: if state.skipped { TaskState::Skipped } else { TaskState::Queued },
        display: optional_text(row, 2)?.unwrap_or_else(|| slice.display.to_string()),
        cluster: class.cluster.clone(),
        identifier: class.identifier.clone(),
        input: get(row, 1)?,
        optional: slice.optional,
        max_retries: slice.max_retries,
        retry_count: 0,
        has_children: optional(row, 9)?.is_some(),
        submitted_at: group.submitted_at,
        started_at: None,
        stopped_at: None,
    };
    if let Some(started_at) = time(row, 3)? {
        task.state = TaskState::Running;
        task.started_at = Some(started_at);
        task.retry_count = small(row, 4)?;
    } else if get::<Option<i16>>(row, 5)?.is_some() {
        task.state = task_state(row, 5)?;
        task.retry_count = small(row, 6)?;
        task.started_at = time(row, 7)?;
        task.stopped_at = time(row, 8)?;
    }
    Ok(task)
}
