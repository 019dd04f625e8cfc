//! Failures: retries, hand-backs, halting, optional branches (S-6 to S-9, S-22 to S-33, T-110 to T-135).

use crate::command::{FailedTask, Reply};
use crate::complete;
use crate::group::Group;
use crate::id::TaskKey;
use crate::progress;
use crate::step::Stop;
use crate::submission::stored_display;
use crate::task::{TaskEvent, TaskState};
use crate::time::Timestamp;
use crate::working_set::{Need, WorkingSet};

/// Stores a reported failure and answers the state afterwards. A report for a task not RUNNING changes nothing
///
pub(crate) fn reported(set: &mut WorkingSet, failed: &FailedTask) -> Result<Reply, Stop> {
    let key = set.task_by_id(failed.task)?;
    let Some(task) = set.find_task(key)? else {
        let skipped = set.group_state(set.group_of(key)?.key)?.skipped;
        return Ok(Reply::TaskState(if skipped { TaskState::Skipped } else { TaskState::Queued }));
    };
    if task.state != TaskState::Running {
        return Ok(Reply::TaskState(task.state));
    }
    let job = set.group(task.group)?.job;
    progress::replace(set, job, key, failed.progress.clone())?;
    replace_display(set, key, &failed.display)?;
    if failed.workflow_error {
        workflow_error(set, key, failed.now)?;
    } else {
        hand_back(set, key, failed.now)?;
    }
    set.status_mut(job)?.resume_at = Some(key);
    Ok(Reply::TaskState(set.task(key)?.state))
}

/// Ends an execution that failed by the task's own doing: retried if retries are left (T-110, T-113), else for good.
pub(crate) fn workflow_error(set: &mut WorkingSet, key: TaskKey, now: Timestamp) -> Result<(), Stop> {
    let group = set.group(set.task(key)?.group)?;
    let task = set.task_mut(key)?;
    task.retry_count += 1;
    task.failures += 1;
    task.hand_backs = 0;
    let retried = task.failures <= group.slice_of(key).max_retries;
    stop(set, key, now)?;
    if retried && !in_failed_branch(set, key)? { put_back(set, key) } else { for_good(set, key) }
}

/// Ends an execution its runner could not finish: available to others at once (S-31 to S-33, R-65).
fn hand_back(set: &mut WorkingSet, key: TaskKey, now: Timestamp) -> Result<(), Stop> {
    let hand_backs_max = set.settings.hand_backs_max;
    let task = set.task_mut(key)?;
    task.hand_backs += 1;
    let give_up = task.hand_backs > hand_backs_max;
    stop(set, key, now)?;
    if give_up && !in_failed_branch(set, key)? {
        let line = format!("handed back {} times in a row without being executed", hand_backs_max + 1);
        add_display_line(set, key, "", &line)?;
        for_good(set, key)
    } else {
        put_back(set, key)
    }
}

/// Notes the end of an execution in the task and in the job's times (J-31, J-32).
pub(crate) fn stop(set: &mut WorkingSet, key: TaskKey, now: Timestamp) -> Result<(), Stop> {
    let task = set.task_mut(key)?;
    task.stopped_at = Some(now);
    let ran = task.started_at.map(|started| now.since(started)).unwrap_or_default();
    let group = task.group;
    let job = set.group(group)?.job;
    let status = set.status_mut(job)?;
    status.compute_time += ran;
    status.last_stopped_at = status.last_stopped_at.max(Some(now));
    Ok(())
}

/// Makes a running task available again (S-6); in a failed branch it is SKIPPED instead (T-134).
pub(crate) fn put_back(set: &mut WorkingSet, key: TaskKey) -> Result<(), Stop> {
    let group = set.group(set.task(key)?.group)?;
    if in_failed_branch(set, key)? {
        set.task_mut(key)?.turn(TaskEvent::Skipped);
        set.status_mut(group.job)?.counts.shift(TaskState::Running, TaskState::Skipped, 1);
        return complete::tasks(set, group.key, 1);
    }
    set.task_mut(key)?.turn(TaskEvent::Returned);
    set.status_mut(group.job)?.counts.shift(TaskState::Running, TaskState::Queued, 1);
    make_returned_ready(set, &group, key)
}

/// Puts one task that was handed out before among the ready ones.
pub(crate) fn make_returned_ready(set: &mut WorkingSet, group: &Group, key: TaskKey) -> Result<(), Stop> {
    let class = group.slice_of(key).class;
    set.add_ready(group.job, class, group.depth, key.0..key.0 + 1, group.key, true)?;
    if set.status(group.job)?.is_halted() { Ok(()) } else { set.enqueue(class, group.job) }
}

/// Fails a running task for good: its branch if it is in an optional one, else its job (S-7, S-8).
pub(crate) fn for_good(set: &mut WorkingSet, key: TaskKey) -> Result<(), Stop> {
    let group = set.group(set.task(key)?.group)?;
    let boundary = if group.slice_of(key).optional { Some(key) } else { group.boundary };
    let Some(boundary) = boundary else {
        set.task_mut(key)?.turn(TaskEvent::Failed);
        set.status_mut(group.job)?.counts.shift(TaskState::Running, TaskState::Failed, 1);
        return Ok(());
    };
    set.task_mut(key)?.turn(TaskEvent::FailedOptional);
    set.status_mut(group.job)?.counts.shift(TaskState::Running, TaskState::FailedOptional, 1);
    if boundary != key && !set.task(boundary)?.branch_failed {
        skip_below(set, boundary)?;
    }
    complete::tasks(set, group.key, 1)
}

/// Whether the optional branch a task is in has failed. The task's own optionality does not count: it is about the
/// tasks below it.
pub(crate) fn in_failed_branch(set: &WorkingSet, key: TaskKey) -> Result<bool, Stop> {
    let group = set.group(set.task(key)?.group)?;
    match group.boundary {
        Some(boundary) => Ok(set.task(boundary)?.branch_failed),
        None => Ok(false),
    }
}

/// Marks every QUEUED task strictly below `boundary` SKIPPED (T-127, T-130, T-131), and the optional tasks in between as
/// boundaries of a failed branch, so that what running tasks report later is skipped too (T-133).
fn skip_below(set: &mut WorkingSet, boundary: TaskKey) -> Result<(), Stop> {
    let mut parents = vec![boundary];
    parents.extend(set.scan(Need::OpenParents(boundary))?.iter().copied().map(TaskKey));
    set.task_mut(boundary)?.branch_failed = true;
    let mut skipped = Vec::new();
    for parent in parents {
        let task = set.task(parent)?;
        let Some(children) = task.children.filter(|_| task.open_groups > 0) else {
            continue;
        };
        if set.group(task.group)?.slice_of(parent).optional {
            set.task_mut(parent)?.branch_failed = true;
        }
        let mut next = children.first;
        while next.0 < children.end() {
            let group = set.group_of(next)?;
            next = TaskKey(group.end());
            if set.group_state(group.key)?.open > 0 {
                let count = skip_queued(set, &group)?;
                skipped.push((group.key, count));
            }
        }
    }
    // Closing comes last: every group knows by now that it is skipped, so none becomes ready on the way.
    for (group, count) in skipped {
        complete::tasks(set, group, count)?;
    }
    Ok(())
}

/// Marks the QUEUED tasks of one group SKIPPED; answers how many. Closing the group is the caller's.
fn skip_queued(set: &mut WorkingSet, group: &Group) -> Result<u64, Stop> {
    let state = set.group_state_mut(group.key)?;
    state.skipped = true;
    let mut count = 0;
    if state.blocked > 0 {
        count = group.count;
    } else {
        let mut classes: Vec<_> = group.slices.iter().map(|slice| slice.class).collect();
        classes.sort_unstable();
        classes.dedup();
        let within = (group.depth, group.key.0)..(group.depth, group.end());
        for class in classes {
            for (place, entry) in set.all_ready(group.job, class, within.clone())? {
                set.remove_ready(group.job, class, place);
                if entry.returned {
                    set.task_mut(TaskKey(place.1))?.turn(TaskEvent::Skipped);
                }
                count += entry.end - place.1;
            }
        }
    }
    set.status_mut(group.job)?.counts.shift(TaskState::Queued, TaskState::Skipped, count);
    Ok(count)
}

/// Replaces the display of a task by what a report says; an empty one changes nothing (T-41, T-42).
pub(crate) fn replace_display(set: &mut WorkingSet, key: TaskKey, display: &str) -> Result<(), Stop> {
    let display = stored_display(display);
    let task = set.task(key)?;
    if display.is_empty() || (!task.display_set && *set.group(task.group)?.slice_of(key).display == *display) {
        return Ok(());
    }
    set.task_mut(key)?.display_set = true;
    set.put_display(key, display);
    Ok(())
}

/// Extends the display of a task, as reported or else as stored, by a line that says why it failed.
pub(crate) fn add_display_line(set: &mut WorkingSet, key: TaskKey, reported: &str, line: &str) -> Result<(), Stop> {
    let task = set.task(key)?;
    let before = match reported {
        "" if task.display_set => set.display(key)?.to_string(),
        "" => set.group(task.group)?.slice_of(key).display.to_string(),
        reported => reported.to_owned(),
    };
    // The line is what the user needs to see, so it is the display that gives way to the limit (T-43).
    let room = crate::submission::limits::DISPLAY_CHARS_MAX.saturating_sub(line.chars().count() + 1);
    let before: String = before.chars().take(room).collect();
    replace_display(set, key, &format!("{before}\n{line}"))
}
