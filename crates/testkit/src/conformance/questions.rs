//! Everything that can be asked of a store, to be asked of two.

use std::ops::Bound;

use boxwood_engine::{AutomationId, JobId, JobState, TaskId, TaskState, Timestamp, name_words};
use boxwood_store::{Bounds, JobQuery, Reader, SortDirection, TaskQuery};

use crate::Random;

/// Searches with random filters.
const SEARCHES: usize = 40;

/// More jobs than any history has.
const JOBS_MAX: usize = 10_000;

/// One question.
#[derive(Debug)]
pub(super) enum Question {
    Clusters,
    Job(JobId),
    Jobs(JobQuery),
    Tasks(TaskQuery),
    Graph(JobId, usize),
    Outline(JobId, u64),
    StateCounts(Bounds<Timestamp>),
    QueueStats(Bounds<Timestamp>),
    JobOfTask(TaskId),
    JobWaits(JobId, usize),
    TaskWaits(TaskId),
    FindTasks(Vec<TaskId>),
    FailedTasks(JobId, usize),
    ReadyTasks(usize),
}

impl Question {
    /// The answer as text.
    pub(super) fn ask(&self, reader: &dyn Reader) -> String {
        let answer = match self {
            Self::Clusters => reader.clusters().map(|answer| format!("{answer:?}")),
            Self::Job(id) => reader.job(*id).map(|answer| format!("{answer:?}")),
            Self::Jobs(query) => reader.jobs(query).map(|answer| format!("{answer:?}")),
            Self::Tasks(query) => reader.tasks(query).map(|answer| format!("{answer:?}")),
            Self::Graph(id, limit) => reader.graph(*id, *limit).map(|answer| format!("{answer:?}")),
            Self::Outline(id, limit) => reader.outline(*id, *limit).map(|answer| format!("{answer:?}")),
            Self::StateCounts(within) => reader.job_state_counts(*within).map(|answer| format!("{answer:?}")),
            Self::QueueStats(within) => reader.queue_stats(*within).map(|answer| format!("{answer:?}")),
            Self::JobOfTask(id) => reader.job_of_task(*id).map(|answer| format!("{answer:?}")),
            Self::JobWaits(id, limit) => reader.job_waits(*id, *limit).map(|answer| format!("{answer:?}")),
            Self::TaskWaits(id) => reader.task_waits(*id).map(|answer| format!("{answer:?}")),
            Self::FindTasks(ids) => reader.find_tasks(ids).map(|answer| format!("{answer:?}")),
            Self::FailedTasks(id, limit) => reader.failed_tasks(*id, *limit).map(|answer| format!("{answer:?}")),
            Self::ReadyTasks(max) => reader.ready_tasks(*max).map(|answer| format!("{answer:?}")),
        };
        answer.expect("the store works")
    }
}

/// Questions about everything a store holds.
pub(super) fn about(reader: &dyn Reader, random: &mut Random) -> Vec<Question> {
    let all = JobQuery { limit: JOBS_MAX, ..JobQuery::default() };
    let jobs = reader.jobs(&all).expect("the store works").jobs;
    let ids: Vec<JobId> = jobs.iter().map(|view| view.job.id).collect();
    let times: Vec<Timestamp> = jobs.iter().map(|view| view.job.submitted_at).collect();
    let unknown = JobId::from_u128(1).expect("not zero");
    let mut questions = vec![Question::Clusters, Question::Job(unknown), Question::Graph(unknown, 10)];
    questions.extend([Question::Outline(unknown, 10), Question::JobWaits(unknown, 10)]);
    questions.push(Question::FailedTasks(unknown, 10));
    questions.push(Question::Tasks(TaskQuery { job: unknown, parent: None, after: None, limit: 10 }));
    questions.push(Question::Jobs(all));
    questions.extend([0, 1, 3, usize::MAX].map(Question::ReadyTasks));
    ready_tasks_are_those_of_jobs_that_are_not_halted(reader, &ids);
    for id in &ids {
        questions.push(Question::Job(*id));
        questions.extend([0, 1, 3, usize::MAX].map(|limit| Question::Graph(*id, limit)));
        questions.extend([0, 1, usize::MAX].map(|limit| Question::JobWaits(*id, limit)));
        questions.extend([1, u64::MAX].map(|limit| Question::Outline(*id, limit)));
        questions.extend([0, 1, usize::MAX].map(|limit| Question::FailedTasks(*id, limit)));
        every_queued_task_waits_for_something(reader, *id);
        an_outline_has_every_task(reader, *id);
        every_failed_task_is_named(reader, *id);
        about_tasks(reader, *id, random, &mut questions);
    }
    for _ in 0..SEARCHES {
        questions.push(Question::Jobs(search(&ids, &times, random)));
        questions.push(Question::StateCounts(bounds(&times, random)));
        questions.push(Question::QueueStats(bounds(&times, random)));
    }
    questions
}

fn about_tasks(reader: &dyn Reader, job: JobId, random: &mut Random, questions: &mut Vec<Question>) {
    let graph = reader.graph(job, usize::MAX).expect("the store works").expect("a job that was listed");
    let tasks: Vec<TaskId> = graph.tasks.iter().map(|task| task.id).collect();
    let parents = [None].into_iter().chain(tasks.iter().copied().map(Some));
    for parent in parents {
        for limit in [1, 2, 1000] {
            let after = if random.chance(50) { random.pick(&tasks).copied() } else { None };
            questions.push(Question::Tasks(TaskQuery { job, parent, after, limit }));
        }
    }
    let few = (0..4).filter_map(|_| random.pick(&tasks).copied());
    questions.push(Question::FindTasks(few.chain(TaskId::from_u128(1)).collect()));
    questions.push(Question::FindTasks(tasks.clone()));
    for task in tasks {
        let number = task.to_u128();
        let near = [number - 1, number, number + 1].into_iter().filter_map(TaskId::from_u128);
        questions.extend(near.flat_map(|task| [Question::JobOfTask(task), Question::TaskWaits(task)]));
    }
}

/// A QUEUED task could be handed out, or is of a group that waits for groups that are not complete.
fn every_queued_task_waits_for_something(reader: &dyn Reader, job: JobId) {
    let waits = reader.job_waits(job, usize::MAX).expect("the store works").expect("a job that was listed");
    let ready: u64 = waits.ready.iter().map(|(_, tasks)| tasks).sum();
    let blocked: u64 = waits.blocked.iter().map(|blocked| blocked.group.count).sum();
    assert_eq!(ready + blocked, waits.status.counts.of(TaskState::Queued), "{waits:?}");
    for blocked in &waits.blocked {
        let groups = u32::try_from(blocked.held_up_by.len()).expect("64 groups at most");
        assert_eq!(groups, blocked.state.blocked, "{blocked:?}");
    }
}

/// The runs of an outline are the tasks of a job as they are listed one by one.
fn an_outline_has_every_task(reader: &dyn Reader, job: JobId) {
    let outline = reader.outline(job, u64::MAX).expect("the store works").expect("a job that was listed");
    let graph = reader.graph(job, usize::MAX).expect("the store works").expect("a job that was listed");
    let mut tasks = graph.tasks.iter();
    for run in &outline.runs {
        let group = &outline.groups[run.group];
        let class = outline.classes.iter().find(|class| class.key == run.class).expect("a known class");
        for (task, key) in tasks.by_ref().take(run.count as usize).zip(run.first.0..) {
            let parent = graph.tasks.iter().find(|parent| Some(parent.id) == task.parent).map(|parent| parent.key);
            assert_eq!((task.key.0, task.group, parent), (key, group.key, group.parent));
            assert_eq!((&*task.display, task.state, task.optional), (&*run.display, run.state, run.optional));
            assert_eq!((&task.identifier, &task.cluster), (&class.identifier, &class.cluster));
        }
    }
    assert_eq!(outline.runs.iter().map(|run| run.count).sum::<u64>(), graph.tasks.len() as u64);
    assert!(tasks.next().is_none() && outline.groups.len() == graph.groups.len());
}

/// Each task that is FAILED or FAILED_OPTIONAL is told of, as the list of all tasks has it.
fn every_failed_task_is_named(reader: &dyn Reader, job: JobId) {
    let graph = reader.graph(job, usize::MAX).expect("the store works").expect("a job that was listed");
    let found = reader.failed_tasks(job, usize::MAX).expect("the store works").expect("a job that was listed");
    for (state, found) in [(TaskState::Failed, found.failed), (TaskState::FailedOptional, found.optional)] {
        let all = graph.tasks.iter().filter(|task| task.state == state);
        let (all, found): (Vec<_>, Vec<_>) = (
            all.map(|task| (task.id, task.parent)).collect(),
            found.iter().map(|task| (task.id, task.parent)).collect(),
        );
        assert_eq!(all, found, "{state:?} tasks of job {job}");
    }
}

/// What is ready of all jobs is what is ready of each that is not halted.
fn ready_tasks_are_those_of_jobs_that_are_not_halted(reader: &dyn Reader, jobs: &[JobId]) {
    let ready = reader.ready_tasks(usize::MAX).expect("the store works");
    let all: u64 = ready.classes.iter().map(|(_, tasks)| tasks).sum();
    let waits = jobs.iter().map(|job| reader.job_waits(*job, 0).expect("the store works").expect("it was listed"));
    let each = waits.filter(|waits| !waits.status.is_halted()).flat_map(|waits| waits.ready);
    assert_eq!((all, ready.truncated), (each.map(|(_, tasks)| tasks).sum(), false), "{ready:?}");
}

fn bounds<T: Copy>(values: &[T], random: &mut Random) -> Bounds<T> {
    let mut bound = || match random.pick(values).copied() {
        Some(value) if random.chance(40) => Bound::Included(value),
        Some(value) if random.chance(50) => Bound::Excluded(value),
        _ => Bound::Unbounded,
    };
    (bound(), bound())
}

fn some<T: Copy>(values: &[T], random: &mut Random) -> Vec<T> {
    if random.chance(60) {
        return Vec::new();
    }
    values.iter().copied().filter(|_| random.chance(30)).collect()
}

/// A random search through these jobs, the oldest first.
pub(crate) fn search(ids: &[JobId], times: &[Timestamp], random: &mut Random) -> JobQuery {
    let automations = [1, 2].map(|number| AutomationId::from_u128(number).expect("not zero"));
    JobQuery {
        submitted: if random.chance(50) { bounds(times, random) } else { (Bound::Unbounded, Bound::Unbounded) },
        ids: if random.chance(30) { bounds(ids, random) } else { (Bound::Unbounded, Bound::Unbounded) },
        states: some(&JobState::ALL, random),
        name_words: name_words(["", "", "job", "JO b", "other"][random.place(5)]),
        task_states: some(&TaskState::ALL, random),
        automations: if random.chance(10) { some(&automations, random) } else { Vec::new() },
        clusters: some(&["default", "gpu", "nowhere"], random).into_iter().map(str::to_owned).collect(),
        sort: if random.chance(50) { SortDirection::Ascending } else { SortDirection::Descending },
        after: if random.chance(30) { random.pick(ids).copied() } else { None },
        limit: 1 + random.place(4),
    }
}
