//! Which task a runner must get, found by looking at every task (R-10 to R-15, T-55 to T-62, R-40).

use boxwood_engine::{Ask, HandOut, Identifier, JobKey, Report, TaskKey, TaskState};

use crate::invariants::Facts;
use crate::mirror::{GroupRow, Mirror};

/// Checks the answer to a call that asked for work: the right task, under the right identifier, to one runner only.
pub(crate) fn check(before: &Mirror, after: &Facts<'_>, report: &Report, ask: &Ask, answer: Option<&HandOut>) {
    let handed = answer.map(|hand_out| hand_out.taken.task);
    let computed = report.computed.as_ref().and_then(|computed| key_of(after.rows, computed.task.to_u128()));
    let ran = computed.is_some_and(|task| before.state(task) == TaskState::Running);
    if let (Some(task), false) = (computed, ran)
        && let Some(again) = repeated(before, ask, task, report)
    {
        assert_eq!(handed, Some(again), "R-40: the repeated report of task {} gets the same task again", task.0);
        return;
    }
    let near = computed.filter(|task| after.state(*task) == TaskState::Computed || !ran);
    let known = after.rows.clusters.contains_key(ask.cluster.as_ref());
    let expected = if known { best(before, after, ask, near, handed) } else { None };
    assert_eq!(handed, expected, "R-10 to R-15: the task handed out after {near:?}");
    let Some(hand_out) = answer else { return };
    let row = &after.rows.group_of(hand_out.taken.task).group;
    let class = &after.rows.classes[&row.slice_of(hand_out.taken.task).class];
    assert!(ask.identifiers.contains(&hand_out.identifier), "T-61: the runner did not offer {:?}", hand_out.identifier);
    assert!(runs(&hand_out.identifier, &class.identifier), "T-55: {:?} for {class:?}", hand_out.identifier);
    if let Some(task) = before.tasks.get(&hand_out.taken.task) {
        let same = ran && computed == Some(hand_out.taken.task);
        assert!(task.state != TaskState::Running || same, "R-9: task {} runs already", hand_out.taken.task.0);
    }
    let task = &after.rows.tasks[&hand_out.taken.task];
    assert_eq!(task.lease_until, report.now.plus(hand_out.lease.length), "R-30: the lease starts with the hand-out");
    assert_eq!((task.retry_count, task.hand_outs), (hand_out.retry_count, hand_out.taken.hand_out), "S-30, S-4");
}

/// The task with an id.
pub(crate) fn key_of(rows: &Mirror, id: u128) -> Option<TaskKey> {
    rows.groups.values().find_map(|GroupRow { group, .. }| {
        let place = id.checked_sub(group.id.to_u128())?;
        (place < u128::from(group.count)).then(|| TaskKey(group.key.0 + place as u64))
    })
}

/// What the first arrival of a report was answered with, if that hand-out still runs.
fn repeated(before: &Mirror, ask: &Ask, task: TaskKey, report: &Report) -> Option<TaskKey> {
    let task = before.tasks.get(&task).filter(|task| task.state == TaskState::Computed && !task.lease_lost)?;
    let taken = task.answered_with?;
    let answered = &before.tasks[&taken.task];
    let runs = answered.state == TaskState::Running
        && answered.hand_outs == taken.hand_out
        && answered.lease_until > report.now
        && before.clusters.contains_key(ask.cluster.as_ref())
        && may_take(before, ask, taken.task);
    runs.then_some(taken.task)
}

fn best(
    before: &Mirror,
    after: &Facts<'_>,
    ask: &Ask,
    near: Option<TaskKey>,
    handed: Option<TaskKey>,
) -> Option<TaskKey> {
    let rows = after.rows;
    let mut candidates: Vec<(JobKey, u32, TaskKey, Option<TaskKey>)> = Vec::new();
    for group in after.groups() {
        if after.is_halted(group.job) || !after.is_open_for_work(group) {
            continue;
        }
        for task in (group.key.0..group.end()).map(TaskKey) {
            // What was handed out was ready before and is running by now.
            let ready = after.state(task) == TaskState::Queued || Some(task) == handed;
            if ready && may_take(rows, ask, task) {
                candidates.push((group.job, group.depth, task, group.parent));
            }
        }
    }
    let first_below =
        |parent: TaskKey| candidates.iter().filter(|found| found.3 == Some(parent)).map(|found| found.2).min();
    let depth_first = |start: TaskKey| {
        let group = &rows.group_of(start).group;
        let mut next = Some(start);
        for _ in 0..=64 {
            let Some(ancestor) = next else { break };
            if let Some(found) = first_below(ancestor) {
                return Some(found);
            }
            next = after.group_of(ancestor).parent;
        }
        candidates.iter().filter(|found| found.0 == group.job).min().map(|found| found.2)
    };
    near.and_then(depth_first).or_else(|| {
        // Stealing: the oldest job, from its last failed task if that was the last thing that happened.
        let stolen = candidates.iter().min()?;
        before.statuses.get(&stolen.0).and_then(|status| status.resume_at).and_then(depth_first).or(Some(stolen.2))
    })
}

fn may_take(rows: &Mirror, ask: &Ask, task: TaskKey) -> bool {
    let class = &rows.classes[&rows.group_of(task).group.slice_of(task).class];
    class.cluster == ask.cluster && ask.identifiers.iter().any(|has| runs(has, &class.identifier))
}

/// T-55, read from the texts.
fn runs(has: &Identifier, wanted: &Identifier) -> bool {
    let numbers = |identifier: &Identifier| {
        let (major, minor) = identifier.version.as_str()[1..].split_once('.').expect("a version");
        (major.parse::<u64>().expect("a number"), minor.parse::<u64>().expect("a number"))
    };
    let ((major, minor), (wanted_major, wanted_minor)) = (numbers(has), numbers(wanted));
    has.name == wanted.name && major == wanted_major && minor >= wanted_minor
}
