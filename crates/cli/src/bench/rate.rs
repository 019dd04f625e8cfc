//! Jobs executed as fast as the server allows.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use boxwood_proto::tilebox::v1::ID;
use bytes::Bytes;

use super::line::{self, Line, Procedure};
use super::measure::{Figure, Times};
use super::processor::{Costs, Processor};
use super::requests::{self, Held, TASK_NAME, Template, foreign_work, task_of};
use super::workload::{next, submit};
use super::{Load, Workload};
use crate::Failure;

/// How the tasks of a job submit others.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    /// Levels of tasks below the root.
    levels: usize,
    /// Tasks that a task submits if there is a level below it.
    fan_out: u64,
    /// Groups in which the root submits them, of about equal size.
    groups: u32,
    /// Whether one more task waits for all that the root submits.
    dependent: bool,
    /// Whether the root is done before it is measured, so that the tasks are there to be taken; or the job grows meanwhile.
    queued: bool,
    /// Tasks to be executed.
    total: u64,
}

impl Shape {
    pub(super) fn flat(tasks: u64) -> Self {
        Self { levels: 1, fan_out: tasks, groups: 1, dependent: false, queued: true, total: 1 + tasks }
    }

    pub(super) fn fan_in(tasks: u64) -> Self {
        Self { dependent: true, total: 2 + tasks, ..Self::flat(tasks) }
    }

    /// The smallest binary tree of at least so many tasks.
    pub(super) fn tree(tasks: u64) -> Self {
        let levels = (tasks + 1).next_power_of_two().trailing_zeros() - 1;
        let levels = levels as usize;
        Self { levels, fan_out: 2, groups: 1, dependent: false, queued: false, total: (2 << levels) - 1 }
    }

    /// A flat job of which only some tasks are executed.
    pub(super) fn part(tasks: u64, executed: u64, groups: u32) -> Self {
        Self { groups, total: 1 + executed, ..Self::flat(tasks) }
    }
}

/// A job that was submitted, with tasks to be taken.
pub(super) struct Prepared {
    pub(super) id: ID,
    /// The task that was handed out already, with which its execution begins.
    pub(super) first: ID,
    running: Arc<Running>,
    already_done: u64,
}

/// Submits a job, and takes its first task; that of a queued shape is one that the root submitted.
pub(super) async fn prepare(load: &Load<'_>, cluster: &str, shape: Shape) -> Result<Prepared, Failure> {
    let clients = load.connections.at(0);
    let id = submit(clients, requests::job("bench", TASK_NAME, shape.levels)).await?;
    let mut first = task_of(&next(clients, requests::ask(cluster), true).await?)?;
    if shape.queued {
        let sub_tasks = requests::grouped(shape.fan_out, shape.groups, shape.dependent);
        first = task_of(&next(clients, requests::report(cluster, first, Some(sub_tasks)), true).await?)?;
    }
    let (levels, already_done) = if shape.queued { (0, 1) } else { (shape.levels, 0) };
    let held = Held { id: first.uuid.as_slice().try_into().map_err(|_| foreign_work())?, levels };
    let done = |levels: usize| {
        let sub_tasks = levels.checked_sub(1).map(|below| requests::submissions(shape.fan_out, below));
        Template::new(|id| requests::report(cluster, id, sub_tasks.clone()))
    };
    let running = Arc::new(Running {
        ask: line::framed(&requests::ask(cluster)),
        done_with: (0..=levels).map(done).collect(),
        first: Mutex::new(Some(held)),
        done: AtomicU64::new(already_done),
        total: shape.total,
        over: tokio::sync::watch::Sender::new(None),
    });
    Ok(Prepared { id, first, running, already_done })
}

/// Submits jobs that have together about so many tasks, all of them roots.
pub(super) async fn jobs(load: &Load<'_>, cluster: &str, count: u64, tasks: u64) -> Result<Figure, Failure> {
    let each = tasks.div_ceil(count).max(1);
    for job in 0..count {
        let clients = load.connections.at(usize::try_from(job).unwrap_or_default());
        submit(clients, requests::job_of("bench jobs", requests::submissions(each, 0))).await?;
    }
    let running = Arc::new(Running {
        ask: line::framed(&requests::ask(cluster)),
        done_with: vec![Template::new(|id| requests::report(cluster, id, None))],
        first: Mutex::new(None),
        done: AtomicU64::new(0),
        total: count * each,
        over: tokio::sync::watch::Sender::new(None),
    });
    Ok(execute(running, 0, load).await?.figure(Workload::Jobs, load))
}

/// Executes a job of one shape.
pub(super) async fn measure(
    workload: Workload,
    load: &Load<'_>,
    cluster: &str,
    shape: Shape,
) -> Result<Figure, Failure> {
    Ok(prepare(load, cluster, shape).await?.execute(load).await?.figure(workload, load))
}

/// A report and its answer.
#[derive(Clone, Copy)]
struct Report {
    sent: Instant,
    took: Duration,
}

/// What the execution of one or more jobs gave.
pub(super) struct Run {
    tasks: u64,
    took: Duration,
    costs: Costs,
    reports: Vec<Report>,
}

impl Prepared {
    pub(super) async fn execute(self, load: &Load<'_>) -> Result<Run, Failure> {
        execute(self.running, self.already_done, load).await
    }
}

async fn execute(job: Arc<Running>, already_done: u64, load: &Load<'_>) -> Result<Run, Failure> {
    let procedure = Procedure::next_task(&load.urls[0])?;
    let before = Processor::start(load.servers);
    let start = Instant::now();
    let runners = job.clone();
    let reports = line::run(load.urls, load.connection_count, load.in_flight, move |line, _| {
        let worker = Worker { line, procedure: procedure.clone(), job: runners.clone() };
        worker.run()
    });
    let reports = reports.await?.concat();
    let end = job.over.borrow().unwrap_or_else(Instant::now);
    let tasks = job.total - already_done;
    Ok(Run { tasks, took: end - start, costs: before.each(tasks), reports })
}

impl Run {
    /// What runs of as many tasks each gave together.
    pub(super) fn of_equal(runs: Vec<Self>) -> Self {
        let mean = |of: fn(&Costs) -> Option<f64>| {
            let costs: Option<f64> = runs.iter().map(|run| of(&run.costs)).sum();
            costs.map(|costs| costs / runs.len().max(1) as f64)
        };
        Self {
            tasks: runs.iter().map(|run| run.tasks).sum(),
            took: runs.iter().map(|run| run.took).sum(),
            costs: Costs { server_us: mean(|costs| costs.server_us), load_us: mean(|costs| costs.load_us) },
            reports: runs.into_iter().flat_map(|run| run.reports).collect(),
        }
    }

    pub(super) fn figure(self, workload: Workload, load: &Load<'_>) -> Figure {
        let per_second = self.tasks as f64 / self.took.as_secs_f64();
        Figure {
            per_second: Some(per_second),
            share_of_noop: Some(per_second / load.noop),
            costs: self.costs,
            times: Some(Times::of(self.reports.iter().map(|report| report.took).collect())),
            ..Figure::new(workload, self.tasks)
        }
    }

    /// From the last report of the others until the dependent task was there. A task is reported as soon as it is there,
    /// and the dependent after all others.
    pub(super) fn release(&self) -> Option<Duration> {
        let mut sent: Vec<Instant> = self.reports.iter().map(|report| report.sent).collect();
        sent.sort_unstable();
        match sent[..] {
            [.., last, dependent] => Some(dependent - last),
            _ => None,
        }
    }
}

/// A job being executed, or several.
struct Running {
    /// The request of a runner without a task.
    ask: Bytes,
    /// What to send when a task with so many levels below it is done.
    done_with: Vec<Template>,
    /// The task that somebody has to begin with.
    first: Mutex<Option<Held>>,
    done: AtomicU64,
    total: u64,
    /// When the last task was done.
    over: tokio::sync::watch::Sender<Option<Instant>>,
}

/// One runner with one task at a time.
struct Worker {
    line: Line,
    procedure: Procedure,
    job: Arc<Running>,
}

impl Worker {
    async fn run(mut self) -> Result<Vec<Report>, Failure> {
        let job = self.job.clone();
        let mut reports = Vec::new();
        let mut over = job.over.subscribe();
        let mut held = job.first.lock().unwrap_or_else(PoisonError::into_inner).take();
        // Of a backlog only a part is executed.
        while job.done.load(Ordering::Relaxed) < job.total {
            if let Some(task) = held.take() {
                let done = job.done_with.get(task.levels).ok_or_else(foreign_work)?;
                let sent = Instant::now();
                let answer = self.line.call(&self.procedure, done.with(task.id), false).await?;
                reports.push(Report { sent, took: sent.elapsed() });
                if job.done.fetch_add(1, Ordering::Relaxed) + 1 == job.total {
                    job.over.send_replace(Some(Instant::now()));
                }
                held = Held::of(&answer)?;
                continue;
            }
            let ask = self.line.call(&self.procedure, job.ask.clone(), true);
            tokio::select! {
                answer = ask => held = Held::of(&answer?)?,
                // Whoever waits when the last task is done waits for nothing.
                _ = over.wait_for(Option::is_some) => break,
            }
        }
        Ok(reports)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_is_complete_and_large_enough() {
        for (tasks, total) in [(1, 1), (2, 3), (3, 3), (10_000, 16_383), (16_383, 16_383), (16_384, 32_767)] {
            let shape = Shape::tree(tasks);
            assert_eq!((shape.total, 2_u64.pow(shape.levels as u32 + 1) - 1), (total, total), "{tasks}");
        }
    }

    #[test]
    fn a_release_is_the_time_between_the_last_two_reports() {
        let start = Instant::now();
        let report = |millis| Report { sent: start + Duration::from_millis(millis), took: Duration::ZERO };
        let run = |reports: Vec<Report>| Run {
            tasks: 4,
            took: Duration::from_secs(1),
            costs: Costs { server_us: Some(reports.len() as f64), load_us: None },
            reports,
        };
        let first = run(vec![report(20), report(7), report(10), report(12)]);
        let second = run(vec![report(1), report(2)]);
        assert_eq!(first.release(), Some(Duration::from_millis(8)));
        assert_eq!(run(vec![report(1)]).release(), None);
        let both = Run::of_equal(vec![first, second]);
        assert_eq!((both.tasks, both.took, both.reports.len()), (8, Duration::from_secs(2), 6));
        assert_eq!((both.costs.server_us, both.costs.load_us), (Some(3.0), None));
    }
}
