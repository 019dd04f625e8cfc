//! Choosing the task a runner gets.

use std::ops::Range;
use std::sync::Arc;

use crate::id::{ClassKey, JobKey, TaskId, TaskKey};
use crate::identifier::{Identifier, advertised};
use crate::job::Job;
use crate::lease::Lease;
use crate::ready::{Place, ReadyEntry};
use crate::step::Stop;
use crate::task::{Children, Taken, Task, TaskEvent, TaskState};
use crate::time::Timestamp;
use crate::working_set::WorkingSet;

/// How many ancestors are asked for ready children before the whole job is.
const ANCESTORS_MAX: usize = 64;

/// Every place of a job.
const ANYWHERE: Range<Place> = (0, 0)..(u32::MAX, u64::MAX);

/// What a runner can take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// The slug of its cluster.
    pub cluster: Arc<str>,
    /// Everything it can execute.
    pub identifiers: Arc<[Identifier]>,
}

/// A task handed out. Its input is for the store to add.
#[derive(Clone, Debug)]
pub struct HandOut {
    /// Which task, and the how-many-eth hand-out of it.
    pub taken: Taken,
    /// Its id.
    pub id: TaskId,
    /// The identifier under which the runner knows it (T-61).
    pub identifier: Identifier,
    /// Its display.
    pub display: Arc<str>,
    /// Earlier executions that failed or lost their lease (S-30).
    pub retry_count: u32,
    /// Its lease.
    pub lease: Lease,
    /// Its job.
    pub job: Arc<Job>,
}

/// Hands out the best task for a runner: depth first from `computed` if it has just computed one, else by work stealing.
pub(crate) fn best(
    set: &mut WorkingSet,
    ask: &Ask,
    computed: Option<TaskKey>,
    now: Timestamp,
) -> Result<Option<HandOut>, Stop> {
    let classes = set.classes().compatible(&ask.cluster, &ask.identifiers);
    if classes.is_empty() {
        return Ok(None);
    }
    let found = match computed {
        Some(task) => match near(set, &classes, task)? {
            Some(found) => Some(found),
            None => steal(set, &classes)?,
        },
        None => steal(set, &classes)?,
    };
    let Some(Found { job, class, place, entry }) = found else {
        return Ok(None);
    };
    set.take_ready(job, class, place);
    let key = TaskKey(place.1);
    if !entry.returned {
        set.insert_task(Task::new(key, entry.group));
    }
    start(set, ask, key, now).map(Some)
}

/// Hands out again what was handed out before, if that hand-out still runs and its lease does.
pub(crate) fn again(set: &mut WorkingSet, ask: &Ask, taken: Taken, now: Timestamp) -> Result<Option<HandOut>, Stop> {
    let Some(task) = set.find_task(taken.task)? else {
        return Ok(None);
    };
    if task.state != TaskState::Running || task.hand_outs != taken.hand_out || task.lease_until <= now {
        return Ok(None);
    }
    let group = set.group(task.group)?;
    if !set.classes().compatible(&ask.cluster, &ask.identifiers).contains(&group.slice_of(taken.task).class) {
        return Ok(None);
    }
    let lease = Lease::first(&set.settings);
    let task = set.task_mut(taken.task)?;
    task.lease_until = now.plus(lease.length);
    task.given_again = true;
    hand_out(set, ask, taken.task, lease).map(Some)
}

struct Found {
    job: JobKey,
    class: ClassKey,
    place: Place,
    entry: ReadyEntry,
}

/// Depth first: children of the computed task, then of its parent, of its grandparent and so on, then anything of the
/// job; among those the one submitted first.
fn near(set: &WorkingSet, classes: &[ClassKey], computed: TaskKey) -> Result<Option<Found>, Stop> {
    let group = match set.find_task(computed)? {
        Some(task) => set.group(task.group)?,
        None => set.group_of(computed)?,
    };
    let job = group.job;
    if set.status(job)?.is_halted() {
        return Ok(None);
    }
    let classes = in_both(classes, set.job_classes(job)?);
    if classes.is_empty() {
        return Ok(None);
    }
    if let Some(children) = set.find_task(computed)?.and_then(|task| task.children)
        && let Some(found) = first_of(set, job, &classes, children_places(children, group.depth + 1))?
    {
        return Ok(Some(found));
    }
    let mut depth = group.depth;
    let mut parent = group.parent;
    for _ in 0..ANCESTORS_MAX {
        let Some(key) = parent else { break };
        let ancestor = set.task(key)?;
        // Complete ancestors have nothing ready below them.
        if ancestor.open_groups > 0
            && let Some(children) = ancestor.children
            && let Some(found) = first_of(set, job, &classes, children_places(children, depth))?
        {
            return Ok(Some(found));
        }
        depth -= 1;
        parent = set.group(ancestor.group)?.parent;
    }
    first_of(set, job, &classes, ANYWHERE)
}

fn children_places(children: Children, depth: u32) -> Range<Place> {
    (depth, children.first.0)..(depth, children.end())
}

/// Work stealing: the oldest job first, in it the task nearest to the root, but right after a failure what is nearest to
/// the failed task. Jobs that turn out to have nothing to hand out leave the queue.
fn steal(set: &mut WorkingSet, classes: &[ClassKey]) -> Result<Option<Found>, Stop> {
    loop {
        let mut oldest: Option<JobKey> = None;
        for class in classes {
            let first = set.first_queued(*class)?;
            oldest = [oldest, first].into_iter().flatten().min();
        }
        let Some(job) = oldest else { return Ok(None) };
        let status = set.status(job)?;
        let (halted, resume_at) = (status.is_halted(), status.resume_at);
        if !halted
            && let Some(failed) = resume_at
            && let Some(found) = near(set, classes, failed)?
        {
            set.status_mut(job)?.resume_at = None;
            return Ok(Some(found));
        }
        let classes_of_job = in_both(classes, set.job_classes(job)?);
        if !halted && let Some(found) = first_of(set, job, &classes_of_job, ANYWHERE)? {
            return Ok(Some(found));
        }
        for class in classes {
            set.dequeue(*class, job);
        }
    }
}

fn in_both(sorted: &[ClassKey], others: &[ClassKey]) -> Vec<ClassKey> {
    let (few, many) = if sorted.len() <= others.len() { (sorted, others) } else { (others, sorted) };
    few.iter().copied().filter(|class| many.binary_search(class).is_ok()).collect()
}

fn first_of(set: &WorkingSet, job: JobKey, classes: &[ClassKey], within: Range<Place>) -> Result<Option<Found>, Stop> {
    let mut best: Option<Found> = None;
    for class in classes {
        if let Some((place, entry)) = set.first_ready(job, *class, within.clone())?
            && best.as_ref().is_none_or(|found| place < found.place)
        {
            best = Some(Found { job, class: *class, place, entry });
        }
    }
    Ok(best)
}

/// Starts an execution: the only way a task becomes RUNNING (S-4).
fn start(set: &mut WorkingSet, ask: &Ask, key: TaskKey, now: Timestamp) -> Result<HandOut, Stop> {
    let lease = Lease::first(&set.settings);
    let task = set.task_mut(key)?;
    let earlier = (task.started_at, task.stopped_at);
    task.turn(TaskEvent::Claimed);
    task.hand_outs += 1;
    task.given_again = false;
    task.started_at = Some(now);
    task.stopped_at = None;
    task.lease_until = now.plus(lease.length);
    let job = set.group(set.task(key)?.group)?.job;
    let status = set.status_mut(job)?;
    status.counts.shift(TaskState::Queued, TaskState::Running, 1);
    if let (Some(started), Some(stopped)) = earlier {
        // Only the latest execution of a task counts (J-32).
        status.compute_time = status.compute_time.saturating_sub(stopped.since(started));
        status.times_stale |= status.first_started_at == Some(started) || status.last_stopped_at == Some(stopped);
    }
    // A clock that was set back makes a later start the earlier one (J-30).
    status.first_started_at = Some(status.first_started_at.map_or(now, |first| first.min(now)));
    hand_out(set, ask, key, lease)
}

fn hand_out(set: &WorkingSet, ask: &Ask, key: TaskKey, lease: Lease) -> Result<HandOut, Stop> {
    let task = set.task(key)?;
    let group = set.group(task.group)?;
    let slice = group.slice_of(key);
    let class = set.classes().get(slice.class).expect("a stored class is always loaded");
    let identifier = advertised(&class.identifier, &ask.identifiers).expect("only compatible classes are searched");
    Ok(HandOut {
        taken: Taken { task: key, hand_out: task.hand_outs },
        id: group.task_id(key),
        identifier: identifier.clone(),
        display: if task.display_set { set.display(key)? } else { slice.display.clone() },
        retry_count: task.retry_count,
        lease,
        job: set.job(group.job)?,
    })
}
