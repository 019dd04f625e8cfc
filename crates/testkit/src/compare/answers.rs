//! Everything a client can ask, compared with the reference model.

use std::collections::BTreeSet;

use boxwood_engine::{Job, JobId, JobStatus, TaskId};
use boxwood_store::{JobGraph, JobQuery, JobView, Reader, TaskQuery, TaskView};

use super::translate;
use crate::Random;
use crate::conformance::search;
use crate::reference::{self, Model, Task};

/// Searches with random filters each time.
const SEARCHES: usize = 20;

/// More jobs than any world has.
const JOBS_MAX: usize = 10_000;

const WORKS: &str = "the store works";

pub(super) fn check(model: &Model, reader: &dyn Reader) {
    check_clusters(model, reader);
    let all = JobQuery { limit: JOBS_MAX, ..JobQuery::default() };
    let listed: Vec<u128> = reader.jobs(&all).expect(WORKS).jobs.iter().map(|view| view.job.id.to_u128()).collect();
    assert_eq!(listed, model.list_jobs(&translate::filter(&all)).0, "J-51: the jobs");
    for job in &model.jobs {
        check_whole_job(job, reader);
    }
}

/// Brings jobs and tasks of the model into the order of their keys.
#[cfg(feature = "postgres")]
pub(super) fn order(model: &mut Model, reader: &dyn Reader) {
    let all = JobQuery { limit: JOBS_MAX, ..JobQuery::default() };
    let mut views = reader.jobs(&all).expect(WORKS).jobs;
    views.sort_by_key(|view| view.job.key);
    let keys: Vec<u128> = views.iter().map(|view| view.job.id.to_u128()).collect();
    model.jobs.sort_by_key(|job| keys.iter().position(|id| *id == job.id));
    for job in &mut model.jobs {
        let id = JobId::from_u128(job.id).expect("an id");
        let graph = reader.graph(id, usize::MAX).expect(WORKS).unwrap_or_else(|| panic!("J-40: there is no job {id}"));
        let ids: Vec<u128> = graph.tasks.iter().map(|task| task.id.to_u128()).collect();
        job.order_as(&ids);
    }
}

pub(super) fn check_clusters(model: &Model, reader: &dyn Reader) {
    let clusters: Vec<_> = reader.clusters().expect(WORKS).iter().map(translate::cluster).collect();
    assert_eq!(clusters, model.list_clusters(), "C-9: the clusters");
}

/// A job and all its tasks.
pub(super) fn check_whole_job(job: &reference::Job, reader: &dyn Reader) {
    let id = JobId::from_u128(job.id).expect("an id");
    let graph = reader.graph(id, usize::MAX).expect(WORKS).unwrap_or_else(|| panic!("J-40: there is no job {id}"));
    check_view(job, &graph.job);
    assert_eq!(graph.tasks.len(), job.tasks.len(), "J-56: the tasks of job {id}");
    for (place, view) in graph.tasks.iter().enumerate() {
        check_task(job, place, view);
    }
    check_dependencies(job, &graph);
}

fn check_view(job: &reference::Job, view: &JobView) {
    check_job(job, &view.job);
    check_status(job, &view.status, true);
    let listed: Vec<_> = view.progress.iter().map(|(label, sum)| (label.clone(), (sum.total, sum.done))).collect();
    assert_eq!(listed, job.progress().into_iter().collect::<Vec<_>>(), "P-3, P-6: progress of job {}", view.job.id);
}

pub(super) fn check_job(model: &reference::Job, job: &Job) {
    assert_eq!(job.id.to_u128(), model.id, "R-8, J-6: the job");
    assert_eq!((&job.name, &job.trace_parent), (&model.name, &model.trace_parent), "J-1, J-6: job {}", job.id);
    assert_eq!(job.submitted_at.0, model.submitted_at, "N-9: when job {} was submitted", job.id);
    assert_eq!(job.automation.map(|id| id.to_u128()), model.automation, "J-7: job {}", job.id);
}

/// Compares the counters of a job. In rows, unlike answers, the two times may wait to be looked up.
pub(super) fn check_status(job: &reference::Job, status: &JobStatus, looked_up: bool) {
    let id = JobId::from_u128(job.id).expect("an id");
    let counts = [1, 2, 3, 4, 5, 6].map(|number| job.tasks.iter().filter(|task| task.state as u8 == number).count());
    let answered = status.counts.to_array();
    assert!(
        answered.iter().eq(counts.map(|count| count as u64).iter()),
        "J-35: job {id}: {answered:?}, not {counts:?}"
    );
    assert_eq!(status.state() as u8, job.state() as u8, "J-21: the state of job {id} with {counts:?}");
    let legacy = (status.legacy_state() as u8, status.legacy_canceled());
    assert_eq!(legacy, (job.legacy_state(), job.legacy_canceled()), "J-24: job {id}");
    assert_eq!(status.compute_time.as_micros(), job.compute_time() as u128, "J-32: compute time of job {id}");
    if !looked_up && status.times_stale {
        return;
    }
    assert_eq!(status.first_started_at.map(|time| time.0), job.first_task_started_at(), "J-30: job {id}");
    assert_eq!(status.last_stopped_at.map(|time| time.0), job.last_task_stopped_at(), "J-31: job {id}");
    assert_eq!(status.elapsed_time().as_micros(), job.elapsed_time() as u128, "J-33: elapsed time of job {id}");
    let difference = (status.parallelism() - job.parallelism()).abs();
    assert!(difference <= 1e-9 * job.parallelism(), "J-34: {} is not {}", status.parallelism(), job.parallelism());
}

fn check_task(job: &reference::Job, place: usize, view: &TaskView) {
    let task: &Task = &job.tasks[place];
    let id = view.id;
    assert_eq!(id.to_u128(), task.id, "T-82, N-9: task {place} of job {:x}", job.id);
    let parent = task.parent.map(|parent| job.tasks[parent].id);
    assert_eq!(view.parent.map(|parent| parent.to_u128()), parent, "T-70: the parent of task {id}");
    assert_eq!(view.state as u8, task.state as u8, "section 2: the state of task {id}, not {:?}", task.state);
    assert!(task.display.shows(&view.display), "T-42: task {id} shows {:?}, not {:?}", view.display, task.display);
    assert_eq!(*view.cluster, *task.cluster, "T-78: the cluster of task {id}");
    assert_eq!(translate::identifier(&view.identifier), task.identifier, "T-54: task {id}");
    assert_eq!(view.input, task.input, "T-33: the input of task {id}");
    assert_eq!(view.optional, task.optional, "T-120: task {id}");
    assert_eq!(view.max_retries, task.max_retries, "T-111: task {id}");
    assert_eq!(view.retry_count, task.retry_count, "S-30: the retry count of task {id}");
    assert_eq!(view.has_children, !job.children(place).is_empty(), "J-57: task {id}");
    assert_eq!(view.submitted_at.0, task.submitted_at, "J-57: when task {id} was submitted");
    assert_eq!(view.started_at.map(|time| time.0), task.started_at, "S-4: the start of task {id}");
    assert_eq!(view.stopped_at.map(|time| time.0), task.stopped_at, "S-5, S-6: the stop of task {id}");
}

/// T-81: the tasks of a group wait for every task of the groups it depends on.
fn check_dependencies(job: &reference::Job, graph: &JobGraph) {
    let mut waits = BTreeSet::new();
    for group in graph.groups.iter().filter(|group| !group.dependents.is_empty()) {
        let of =
            |key| graph.tasks.iter().enumerate().filter(move |(_, task)| task.group == key).map(|(place, _)| place);
        for dependent in group.dependents.iter().flat_map(|dependent| of(*dependent)) {
            waits.extend(of(group.key).map(|dependency| (dependent, dependency)));
        }
    }
    let tasks = job.tasks.iter().enumerate();
    let expected = tasks.flat_map(|(place, task)| task.dependencies.iter().map(move |before| (place, *before)));
    assert!(waits.iter().copied().eq(expected), "T-81: the dependencies of job {:x}: {waits:?}", job.id);
}

pub(super) fn check_searches(model: &Model, reader: &dyn Reader, random: &mut Random) {
    let mut jobs = reader.jobs(&JobQuery { limit: JOBS_MAX, ..JobQuery::default() }).expect(WORKS).jobs;
    jobs.sort_by_key(|view| view.job.key);
    let ids: Vec<_> = jobs.iter().map(|view| view.job.id).collect();
    let times: Vec<_> = jobs.iter().map(|view| view.job.submitted_at).collect();
    for _ in 0..SEARCHES {
        let query = search(&ids, &times, random);
        let page = reader.jobs(&query).expect(WORKS);
        let found: Vec<u128> = page.jobs.iter().map(|view| view.job.id.to_u128()).collect();
        assert_eq!((found, page.more), model.list_jobs(&translate::filter(&query)), "J-42 to J-54: {query:?}");
        let interval = translate::bounds(&query.submitted, |time| time.0);
        let counts = reader.job_state_counts(query.submitted).expect(WORKS);
        let counts: Vec<_> = counts.into_iter().map(|(state, count)| (state as u8, count)).collect();
        assert_eq!(counts, model.count_states(interval), "J-58: {:?}", query.submitted);
        let stats = reader.queue_stats(query.submitted).expect(WORKS);
        let queue = reference::Queue {
            waiting: stats.waiting_jobs,
            running: stats.running_jobs,
            queued_tasks: stats.queued_tasks,
            oldest_waiting: stats.oldest_waiting.map(|view| view.job.id.to_u128()),
        };
        assert_eq!(queue, model.queue(interval), "J-59: {:?}", query.submitted);
    }
    for job in &model.jobs {
        check_pages(job, reader, random);
    }
}

/// J-56: the children of every task, page by page.
fn check_pages(job: &reference::Job, reader: &dyn Reader, random: &mut Random) {
    let id = JobId::from_u128(job.id).expect("an id");
    for parent in [None].into_iter().chain((0..job.tasks.len()).map(Some)) {
        let children = (0..job.tasks.len()).filter(|task| job.tasks[*task].parent == parent);
        let children: Vec<u128> = children.map(|task| job.tasks[task].id).collect();
        let limit = 1 + random.place(3);
        let mut query = TaskQuery {
            job: id,
            parent: parent.and_then(|parent| TaskId::from_u128(job.tasks[parent].id)),
            after: None,
            limit,
        };
        let mut listed = Vec::new();
        loop {
            let page = reader.tasks(&query).expect(WORKS).expect("a stored job");
            assert!(page.tasks.len() <= limit, "J-52: {query:?}");
            listed.extend(page.tasks.iter().map(|task| task.id.to_u128()));
            query.after = page.tasks.last().map(|task| task.id);
            if !page.more {
                break;
            }
        }
        assert_eq!(listed, children, "J-56: the tasks of {query:?}");
    }
    for task in &job.tasks {
        let found = reader.job_of_task(TaskId::from_u128(task.id).expect("an id")).expect(WORKS);
        assert_eq!(found, Some(id), "the job of task {:x}", task.id);
    }
}
