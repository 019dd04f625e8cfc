//! Storing a submission: the root tasks of a job, or the sub-tasks of a computed task.

use std::sync::Arc;

use crate::cluster;
use crate::command::{NewJob, Reply};
use crate::complete;
use crate::group::{Group, GroupState, Slice};
use crate::id::{GroupKey, JobKey, TaskId, TaskKey};
use crate::job::Job;
use crate::step::Stop;
use crate::submission::{NewGroup, Submission, stored_display};
use crate::task::{Children, TaskState};
use crate::time::Timestamp;
use crate::working_set::{Need, WorkingSet};

/// Submits a job (J-1 to J-10). A repetition of a submission of the last minute returns the job of the first one.
pub(crate) fn job(set: &mut WorkingSet, new: &NewJob) -> Result<Reply, Stop> {
    if new.repeated
        && let Some(key) = set.scan(Need::Fingerprint(new.fingerprint))?.first().copied().map(JobKey)
    {
        let known = set.job(key)?;
        if new.now.since(known.submitted_at) <= set.settings.repeat_window {
            return Ok(Reply::Job(known, set.status(key)?.clone()));
        }
    }
    let key = set.take_job_key()?;
    let origin = Origin { job: key, parent: None, depth: 0, boundary: None, cluster: None, skipped: false };
    let first = set.take_task_keys(new.tasks.tasks())?;
    set.insert_job(Job {
        key,
        id: new.id,
        name: new.name.clone(),
        trace_parent: new.trace_parent.clone(),
        submitted_at: new.now,
        automation: new.automation,
        fingerprint: new.fingerprint,
        roots: Children { first, count: new.tasks.tasks() },
    });
    tasks(set, &origin, &new.tasks, first, new.first_task, new.now)?;
    Ok(Reply::Job(set.job(key)?, set.status(key)?.clone()))
}

/// Where submitted tasks belong.
pub(crate) struct Origin<'a> {
    pub(crate) job: JobKey,
    pub(crate) parent: Option<TaskKey>,
    pub(crate) depth: u32,
    pub(crate) boundary: Option<TaskKey>,
    /// The parent's cluster, for tasks that name none (T-78); none for root tasks.
    pub(crate) cluster: Option<&'a Arc<str>>,
    /// The branch has failed: the tasks are stored as SKIPPED (T-133).
    pub(crate) skipped: bool,
}

/// Stores the tasks of a submission and makes ready those that wait for nothing (T-73, T-82). The job's counters and
/// the parent's open groups are the caller's, except that the new tasks are counted here.
pub(crate) fn tasks(
    set: &mut WorkingSet,
    origin: &Origin<'_>,
    submission: &Submission,
    first: TaskKey,
    first_id: TaskId,
    now: Timestamp,
) -> Result<(), Stop> {
    let mut starts = Vec::with_capacity(submission.groups.len());
    let mut place = 0;
    for group in &submission.groups {
        starts.push(place);
        place += group.inputs.len() as u64;
    }
    let key_of = |index: usize| GroupKey(first.0 + starts[index]);
    let mut dependents = vec![Vec::new(); submission.groups.len()];
    let mut dependencies = Vec::with_capacity(submission.groups.len());
    for (index, group) in submission.groups.iter().enumerate() {
        let mut distinct = group.dependencies.clone();
        distinct.sort_unstable();
        distinct.dedup();
        for dependency in &distinct {
            dependents[*dependency].push(key_of(index));
        }
        dependencies.push(u32::try_from(distinct.len()).expect("a submission has few groups"));
    }
    let state = if origin.skipped { TaskState::Skipped } else { TaskState::Queued };
    set.status_mut(origin.job)?.counts.add(state, place);
    for (index, group) in submission.groups.iter().enumerate() {
        let key = key_of(index);
        let row = Group {
            key,
            id: first_id.offset(starts[index]),
            job: origin.job,
            parent: origin.parent,
            depth: origin.depth,
            boundary: origin.boundary,
            count: group.inputs.len() as u64,
            dependents: std::mem::take(&mut dependents[index]),
            dependencies: dependencies[index],
            slices: slices(set, origin, group)?,
            submitted_at: now,
        };
        let state = GroupState {
            key,
            open: if origin.skipped { 0 } else { row.count },
            blocked: row.dependencies,
            skipped: origin.skipped,
        };
        let ready = !origin.skipped && state.blocked == 0;
        set.insert_group(row, state, group.inputs.clone());
        if ready {
            complete::make_ready(set, key)?;
        }
    }
    Ok(())
}

/// The tasks of one group in runs of equals, with clusters looked up (T-78, J-4, J-5).
fn slices(set: &mut WorkingSet, origin: &Origin<'_>, group: &NewGroup) -> Result<Vec<Slice>, Stop> {
    let mut slices = Vec::with_capacity(group.tasks.len());
    let mut start = 0;
    for tasks in &group.tasks {
        let cluster = match origin.cluster {
            // Also if the parent's cluster was deleted meanwhile: the tasks wait for it to come back (C-12).
            Some(inherited) if tasks.cluster.is_empty() || tasks.cluster == *inherited => inherited.clone(),
            _ => cluster::named(set, &tasks.cluster)?.slug,
        };
        let class = set.class_for(&cluster, &tasks.identifier)?;
        set.add_job_class(origin.job, class)?;
        let display: Arc<str> = match stored_display(&tasks.display) {
            whole if whole.len() == tasks.display.len() => tasks.display.clone(),
            cut => cut.into(),
        };
        slices.push(Slice {
            start,
            count: tasks.count,
            class,
            max_retries: tasks.max_retries,
            optional: tasks.optional,
            display,
        });
        start += tasks.count;
    }
    Ok(slices)
}
