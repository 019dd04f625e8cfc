//! The workloads.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use boxwood_proto::connectrpc::client::CallOptions;
use boxwood_proto::workflows::v1::{NextTaskRequest, NextTaskResponse, SubmitJobRequest};
use bytes::Bytes;

use super::connection::{Clients, Connections, failed};
use super::line::{self, Line, Procedure};
use super::measure::{Figure, Times};
use super::processor::Processor;
use super::requests::{self, Held, TASK_NAME, Template, foreign_work, task_of};
use super::{HELD_MS, Load, Workload, alone, beside, runner};
use crate::Failure;

/// Hops of the chain measured.
const CHAIN_TASKS: u64 = 2_000;

/// Starts of the latency workload measured.
const LATENCY_STARTS: usize = 500;

/// Runs one workload to its end, after those measured `before`.
pub(super) async fn measure(workload: Workload, load: &Load<'_>, before: &[Figure]) -> Result<Figure, Failure> {
    let cluster = load.connections.default_cluster().await?;
    let flat = || before.iter().rfind(|figure| figure.workload == Workload::Flat).and_then(|flat| flat.per_second);
    match workload {
        Workload::Flat => rate(workload, load, &cluster, Shape::flat(load.tasks)).await,
        Workload::Runner => runner::measure(load, flat()).await,
        Workload::Tree => rate(workload, load, &cluster, Shape::tree(load.tasks)).await,
        Workload::Chain => chain(load.connections.at(0), &cluster, load.server).await,
        Workload::Latency => latency(load.connections, &cluster).await,
        Workload::FanIn => rate(workload, load, &cluster, Shape::fan_in(load.tasks)).await,
        Workload::Mixed => beside::mixed(load, &cluster).await,
        Workload::Telemetry => beside::telemetry(load, &cluster).await,
        Workload::Idle => alone::idle().await,
        Workload::Backlog => alone::backlog(load, flat()).await,
    }
}

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

    fn fan_in(tasks: u64) -> Self {
        Self { dependent: true, total: 2 + tasks, ..Self::flat(tasks) }
    }

    /// The smallest binary tree of at least so many tasks.
    fn tree(tasks: u64) -> Self {
        let levels = (tasks + 1).next_power_of_two().trailing_zeros() - 1;
        let levels = levels as usize;
        Self { levels, fan_out: 2, groups: 1, dependent: false, queued: false, total: (2 << levels) - 1 }
    }

    /// A flat job of which only some tasks are executed.
    pub(super) fn part(tasks: u64, executed: u64, groups: u32) -> Self {
        Self { groups, total: 1 + executed, ..Self::flat(tasks) }
    }
}

/// Executes a job of one shape as fast as the server allows.
pub(super) async fn rate(workload: Workload, load: &Load<'_>, cluster: &str, shape: Shape) -> Result<Figure, Failure> {
    let clients = load.connections.at(0);
    submit(clients, requests::job("bench", TASK_NAME, shape.levels)).await?;
    let mut first = task_of(&next(clients, requests::ask(cluster), true).await?)?;
    if shape.queued {
        let sub_tasks = requests::grouped(shape.fan_out, shape.groups, shape.dependent);
        first = task_of(&next(clients, requests::report(cluster, first, Some(sub_tasks)), true).await?)?;
    }
    let (levels, already_done) = if shape.queued { (0, 1) } else { (shape.levels, 0) };
    let first = Held { id: first.uuid.as_slice().try_into().map_err(|_| foreign_work())?, levels };
    let done = |levels: usize| {
        let sub_tasks = levels.checked_sub(1).map(|below| requests::submissions(shape.fan_out, below));
        Template::new(|id| requests::report(cluster, id, sub_tasks.clone()))
    };
    let job = Arc::new(Running {
        ask: line::framed(&requests::ask(cluster)),
        done_with: (0..=levels).map(done).collect(),
        first: Mutex::new(Some(first)),
        done: AtomicU64::new(already_done),
        total: shape.total,
        over: tokio::sync::watch::Sender::new(None),
    });
    let procedure = Procedure::next_task(load.url)?;
    let before = Processor::start(load.server);
    let start = Instant::now();
    let runners = job.clone();
    let times = line::run(load.url, load.connection_count, load.in_flight, move |line, _| {
        let worker = Worker { line, procedure: procedure.clone(), job: runners.clone() };
        worker.run()
    });
    let times = times.await?.concat();
    let end = job.over.borrow().unwrap_or_else(Instant::now);
    let measured = shape.total - already_done;
    let per_second = measured as f64 / (end - start).as_secs_f64();
    Ok(Figure {
        per_second: Some(per_second),
        share_of_noop: Some(per_second / load.noop),
        costs: before.each(measured),
        times: Some(Times::of(times)),
        ..Figure::new(workload, measured)
    })
}

/// A job being executed.
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
    async fn run(mut self) -> Result<Vec<Duration>, Failure> {
        let job = self.job.clone();
        let mut times = Vec::new();
        let mut over = job.over.subscribe();
        let mut held = job.first.lock().unwrap_or_else(PoisonError::into_inner).take();
        // Of a backlog only a part is executed.
        while job.done.load(Ordering::Relaxed) < job.total {
            if let Some(task) = held.take() {
                let done = job.done_with.get(task.levels).ok_or_else(foreign_work)?;
                let start = Instant::now();
                let answer = self.line.call(&self.procedure, done.with(task.id), false).await?;
                times.push(start.elapsed());
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
        Ok(times)
    }
}

async fn chain(clients: &Clients, cluster: &str, server: Option<u32>) -> Result<Figure, Failure> {
    submit(clients, requests::job("bench chain", TASK_NAME, 0)).await?;
    let mut held = task_of(&next(clients, requests::ask(cluster), true).await?)?;
    let mut times = Vec::new();
    let before = Processor::start(server);
    let start = Instant::now();
    for left in (0..CHAIN_TASKS).rev() {
        let sub_tasks = (left > 0).then(|| requests::submissions(1, 0));
        let hop = Instant::now();
        let answer = next(clients, requests::report(cluster, held.clone(), sub_tasks), false).await?;
        times.push(hop.elapsed());
        if left > 0 {
            held = task_of(&answer)?;
        }
    }
    Ok(Figure {
        per_second: Some(CHAIN_TASKS as f64 / start.elapsed().as_secs_f64()),
        costs: before.each(CHAIN_TASKS),
        times: Some(Times::of(times)),
        ..Figure::new(Workload::Chain, CHAIN_TASKS)
    })
}

/// The runner and the submitter have a connection each.
async fn latency(connections: &Connections, cluster: &str) -> Result<Figure, Failure> {
    let mut times = Vec::new();
    for _ in 0..LATENCY_STARTS {
        let runner = connections.at(1).clone();
        let ask = requests::ask(cluster);
        let (asking, asks) = tokio::sync::oneshot::channel();
        let waiting = tokio::spawn(async move {
            // The call is on its way when the submission starts; an idle runner has asked long before.
            let call = next(&runner, ask, true);
            let _ = asking.send(());
            let answer = call.await;
            (answer, Instant::now())
        });
        let _ = asks.await;
        let start = Instant::now();
        submit(connections.at(0), requests::job("bench latency", TASK_NAME, 0)).await?;
        let (answer, received) = waiting.await.map_err(|error| Failure::Other(format!("the runner ended: {error}")))?;
        let task = task_of(&answer?)?;
        times.push(received.saturating_duration_since(start));
        let computed = requests::computed(task, None).into();
        next(connections.at(1), NextTaskRequest { computed_task: computed, ..Default::default() }, false).await?;
    }
    Ok(Figure { times: Some(Times::of(times)), ..Figure::new(Workload::Latency, LATENCY_STARTS as u64) })
}

/// Submits a job.
pub(super) async fn submit(clients: &Clients, job: SubmitJobRequest) -> Result<(), Failure> {
    clients.jobs.submit_job(job).await.map_err(failed("SubmitJob"))?;
    Ok(())
}

async fn next(clients: &Clients, request: NextTaskRequest, wait: bool) -> Result<NextTaskResponse, Failure> {
    let options =
        if wait { CallOptions::default().with_header("boxwood-wait-ms", HELD_MS) } else { CallOptions::default() };
    let answer = clients.tasks.next_task_with_options(request, options).await;
    Ok(answer.map_err(failed("NextTask"))?.into_owned())
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
}
