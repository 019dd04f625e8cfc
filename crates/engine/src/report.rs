//! A call of NextTask: store what a runner has computed, then hand out the next task.

use std::sync::Arc;

use crate::claim;
use crate::cluster;
use crate::command::{ComputedTask, Reply, Report, ReportReply};
use crate::complete;
use crate::fail;
use crate::id::TaskKey;
use crate::progress;
use crate::step::Stop;
use crate::submission::Submission;
use crate::submit::{self, Origin};
use crate::task::{Children, TaskEvent, TaskState};
use crate::time::Timestamp;
use crate::working_set::WorkingSet;

/// Stores the computed task, if any, and hands out a task, if asked for one; both or neither happen.
pub(crate) fn next_task(set: &mut WorkingSet, report: &Report) -> Result<Reply, Stop> {
    let computed = match &report.computed {
        Some(computed) => Some(store(set, computed, report.now)?),
        None => None,
    };
    let Some(ask) = &report.ask else {
        return Ok(Reply::Report(ReportReply::Stored));
    };
    if set.clusters().find(&ask.cluster).is_none() {
        // A runner of a deleted cluster still gets its last result stored; its next question is refused.
        return match computed {
            Some(_) => Ok(Reply::Report(ReportReply::Idle)),
            None => cluster::named(set, &ask.cluster).map(|_| Reply::Report(ReportReply::Idle)),
        };
    }
    let next = match &computed {
        Some(Stored::Before(key)) => match repeated(set, report, *key)? {
            Some(again) => Some(again),
            None => claim::best(set, ask, Some(*key), report.now)?,
        },
        Some(Stored::Now(key)) => {
            let next = claim::best(set, ask, Some(*key), report.now)?;
            set.task_mut(*key)?.answered_with = next.as_ref().map(|next| next.taken);
            next
        }
        Some(Stored::Failed(key)) => claim::best(set, ask, Some(*key), report.now)?,
        None => claim::best(set, ask, None, report.now)?,
    };
    Ok(Reply::Report(next.map_or(ReportReply::Idle, |next| ReportReply::Task(Box::new(next)))))
}

/// What became of a computed report.
enum Stored {
    /// The task is COMPUTED by this report.
    Now(TaskKey),
    /// The task was not RUNNING: the report is ignored.
    Before(TaskKey),
    /// The report broke a limit: the task failed.
    Failed(TaskKey),
}

/// The task handed out in answer to the first arrival of this report, if it still runs. A task that lost a lease
/// may be reported by two runners, and only one of them got that answer, so then there is none.
fn repeated(set: &mut WorkingSet, report: &Report, key: TaskKey) -> Result<Option<claim::HandOut>, Stop> {
    let Some(ask) = &report.ask else {
        return Ok(None);
    };
    let Some(task) = set.find_task(key)?.filter(|task| task.state == TaskState::Computed && !task.lease_lost) else {
        return Ok(None);
    };
    match task.answered_with {
        Some(taken) => claim::again(set, ask, taken, report.now),
        None => Ok(None),
    }
}

fn store(set: &mut WorkingSet, computed: &ComputedTask, now: Timestamp) -> Result<Stored, Stop> {
    let key = set.task_by_id(computed.task)?;
    if set.find_task(key)?.is_none_or(|task| task.state != TaskState::Running) {
        return Ok(Stored::Before(key));
    }
    let error = match (&computed.content_error, &computed.sub_tasks) {
        (Some(error), _) => Some(error.clone()),
        (None, Some(tasks)) => unknown_cluster(set, &cluster_of(set, key)?, tasks),
        (None, None) => None,
    };
    if let Some(error) = error {
        if set.settings.refuse_content_errors {
            return Err(Stop::invalid(error));
        }
        fail::add_display_line(set, key, &computed.display, &error)?;
        fail::workflow_error(set, key, now)?;
        return Ok(Stored::Failed(key));
    }
    let group = set.group(set.task(key)?.group)?;
    fail::replace_display(set, key, &computed.display)?;
    progress::replace(set, group.job, key, computed.progress.clone())?;
    fail::stop(set, key, now)?;
    set.task_mut(key)?.turn(TaskEvent::Computed);
    set.status_mut(group.job)?.counts.shift(TaskState::Running, TaskState::Computed, 1);
    match &computed.sub_tasks {
        Some(sub_tasks) => store_sub_tasks(set, key, computed, sub_tasks, now)?,
        None => complete::tasks(set, group.key, 1)?,
    }
    Ok(Stored::Now(key))
}

/// Stores the children of a task that has just become COMPUTED (T-71, T-73).
fn store_sub_tasks(
    set: &mut WorkingSet,
    key: TaskKey,
    computed: &ComputedTask,
    sub_tasks: &Submission,
    now: Timestamp,
) -> Result<(), Stop> {
    let group = set.group(set.task(key)?.group)?;
    let slice = group.slice_of(key);
    let cluster = cluster_of(set, key)?;
    let skipped = fail::in_failed_branch(set, key)?;
    let first = set.take_task_keys(sub_tasks.tasks())?;
    let open_groups = u32::try_from(sub_tasks.groups.len()).expect("a submission has few groups");
    let task = set.task_mut(key)?;
    task.children = Some(Children { first, count: sub_tasks.tasks() });
    task.open_groups = if skipped { 0 } else { open_groups };
    let origin = Origin {
        job: group.job,
        parent: Some(key),
        depth: group.depth + 1,
        boundary: if slice.optional { Some(key) } else { group.boundary },
        cluster: Some(&cluster),
        skipped,
    };
    submit::tasks(set, &origin, sub_tasks, first, computed.first_sub_task, now)?;
    if skipped { complete::tasks(set, group.key, 1) } else { Ok(()) }
}

/// The slug of the cluster a task waits on.
fn cluster_of(set: &WorkingSet, key: TaskKey) -> Result<Arc<str>, Stop> {
    let group = set.group(set.task(key)?.group)?;
    let class = set.classes().get(group.slice_of(key).class).expect("a stored class is always loaded");
    Ok(class.cluster.clone())
}

/// What to say about sub-tasks of a cluster that does not exist. The parent's own counts as existing (T-78).
fn unknown_cluster(set: &WorkingSet, inherited: &str, tasks: &Submission) -> Option<String> {
    let named = tasks.groups.iter().flat_map(|group| &group.tasks).map(|tasks| &tasks.cluster);
    let mut others = named.filter(|slug| !slug.is_empty() && ***slug != *inherited);
    let unknown = others.find(|slug| set.clusters().find(slug).is_none())?;
    Some(format!(
        "cluster_slug_lookup: there is no cluster {unknown:?}; create it or submit the sub-task to another one"
    ))
}
