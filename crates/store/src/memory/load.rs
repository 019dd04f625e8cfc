//! Loading the rows a step lacks.
//!
//! A row that must exist and does not is left out, never reported as not found: the caller takes that for corruption.

use std::collections::VecDeque;
use std::sync::Arc;

use boxwood_engine::{ClassKey, Group, JobKey, Need, ReadyKey, Settings, TaskKey, WorkingSet};

use super::rows::Rows;

/// The set a lane begins with.
pub(super) fn open_set(rows: &Rows, settings: Settings) -> WorkingSet {
    let next_job = rows.jobs.last_key_value().map_or(1, |(key, _)| key.0 + 1);
    let next_task = rows.groups.last_key_value().map_or(1, |(_, (group, _))| group.end());
    let classes = rows.classes.values().map(|class| class.as_ref().clone());
    WorkingSet::new(settings, next_job, next_task, rows.clusters.values().cloned(), classes)
}

/// Answers one need.
pub(super) fn need(rows: &Rows, set: &mut WorkingSet, need: Need) {
    match need {
        Need::Job(key) => job(rows, set, key),
        Need::JobById(id) => match rows.job_ids.get(&id) {
            Some(key) => job(rows, set, *key),
            None => set.not_found(need),
        },
        Need::GroupOf(key) => {
            if let Some(found) = rows.group_of(key) {
                group(rows, set, found);
            }
        }
        Need::Task(key) => task(rows, set, key),
        Need::TaskById(id) => match rows.task_with_id(id) {
            Some((found, key)) => {
                group(rows, set, found);
                task(rows, set, key);
            }
            None => set.not_found(need),
        },
        Need::Ready(job, class) => ready(rows, set, job, class),
        Need::Queue(class) => {
            let jobs = rows.queue.range((class, JobKey(0))..=(class, JobKey(u64::MAX)));
            set.load_queue(class, jobs.map(|(_, job)| *job));
        }
        Need::Display(task) => {
            if let Some(display) = rows.displays.get(&task) {
                set.load_display(task, display);
            }
        }
        Need::TaskProgress(task) => {
            let reported = rows.task_progress.get(&task).into_iter().flatten();
            set.load_task_progress(task, reported.map(|(label, (total, done))| (label.clone(), *total, *done)));
        }
        Need::JobProgress(job) => {
            let sums = rows.job_progress.get(&job).into_iter().flatten();
            set.load_job_progress(job, sums.map(|(label, sum)| (label.clone(), *sum)));
        }
        Need::OpenParents(boundary) => open_parents(rows, set, boundary),
        // Only sets that others share ask for these.
        Need::ReadyWithin(..) | Need::JobKey | Need::TaskKeys(_) | Need::Catalog => {}
        Need::FailedTasks(job) => {
            let failed = rows.failed.range((job, TaskKey(0))..=(job, TaskKey(u64::MAX)));
            set.load_scan(need, failed.map(|(_, task)| task.0).collect());
        }
        Need::Fingerprint(fingerprint) => {
            set.load_scan(need, rows.fingerprints.get(&fingerprint).map(|job| job.0).into_iter().collect());
        }
    }
}

fn job(rows: &Rows, set: &mut WorkingSet, key: JobKey) {
    if let (Some(job), Some(status)) = (rows.jobs.get(&key), rows.statuses.get(&key)) {
        let classes = rows.job_classes.get(&key).into_iter().flatten().copied().collect();
        set.load_job(job.as_ref().clone(), status.clone(), classes);
    }
}

fn group(rows: &Rows, set: &mut WorkingSet, group: &Arc<Group>) {
    if let Some(state) = rows.group_states.get(&group.key) {
        set.load_group(group.as_ref().clone(), state.clone());
    }
}

fn task(rows: &Rows, set: &mut WorkingSet, key: TaskKey) {
    match rows.tasks.get(&key) {
        Some(task) => set.load_task(task.clone()),
        None => set.not_found(Need::Task(key)),
    }
}

fn ready(rows: &Rows, set: &mut WorkingSet, job: JobKey, class: ClassKey) {
    let first = ReadyKey { job, class, depth: 0, first: 0, returned: false };
    let last = ReadyKey { job, class, depth: u32::MAX, first: u64::MAX, returned: true };
    set.load_ready(job, class, rows.ready.range(first..=last).map(|(key, row)| (*key, *row)));
}

/// The tasks below `boundary` with open groups of children; they and those groups are loaded too.
fn open_parents(rows: &Rows, set: &mut WorkingSet, boundary: TaskKey) {
    let mut found = Vec::new();
    let mut parents = VecDeque::from([boundary]);
    while let Some(parent) = parents.pop_front() {
        let Some(row) = rows.tasks.get(&parent).filter(|task| task.open_groups > 0) else { continue };
        set.load_task(row.clone());
        if parent != boundary {
            found.push(parent.0);
        }
        let Some(children) = row.children else { continue };
        for below in rows.groups_within(children.first.0..children.end()) {
            group(rows, set, below);
        }
        let tasks = rows.tasks.range(children.first..TaskKey(children.end()));
        parents.extend(tasks.filter(|(_, task)| task.open_groups > 0).map(|(key, _)| *key));
    }
    set.load_scan(Need::OpenParents(boundary), found);
}
