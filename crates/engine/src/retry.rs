//! Retrying a job (J-60 to J-68).

use crate::command::Reply;
use crate::fail;
use crate::id::{JobId, TaskKey};
use crate::step::Stop;
use crate::task::{TaskEvent, TaskState};
use crate::working_set::{Need, WorkingSet};

/// Sets the FAILED tasks of a job back to QUEUED with a fresh allowance of retries, and lets its tasks be handed out
/// again (J-61, J-65). Answers how many tasks were set back (J-64).
pub(crate) fn job(set: &mut WorkingSet, id: JobId) -> Result<Reply, Stop> {
    let key = set.job_by_id(id)?;
    let status = set.status(key)?;
    if !status.is_halted() {
        return Ok(Reply::Retried(0));
    }
    let failed: Vec<TaskKey> = match status.counts.of(TaskState::Failed) {
        0 => Vec::new(),
        _ => set.scan(Need::FailedTasks(key))?.iter().copied().map(TaskKey).collect(),
    };
    let status = set.status_mut(key)?;
    status.canceled = false;
    let count = failed.len() as u64;
    status.counts.shift(TaskState::Failed, TaskState::Queued, count);
    for task_key in failed {
        let group = set.group_of(task_key)?;
        let task = set.task_mut(task_key)?;
        task.turn(TaskEvent::JobRetried);
        task.failures = 0;
        task.crashes = 0;
        task.hand_backs = 0;
        fail::make_returned_ready(set, &group, task_key)?;
    }
    // Ready tasks of a halted job may have left the queues; they are all put back.
    let classes = set.job_classes(key)?.to_vec();
    for class in &classes {
        set.enqueue(*class, key)?;
    }
    set.wake(&classes);
    Ok(Reply::Retried(count))
}
