//! The workloads.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::connection::{Clients, Connections, failed};
use super::line::{self, Line, Procedure};
use super::measure::{Figure, Times};
use super::processor::{Costs, Processor};
use super::{HELD_MS, Load, Workload, alone, beside, runner};
use crate::Failure;
use boxwood_proto::buffa::MessageView as _;
use boxwood_proto::connectrpc::client::CallOptions;
use boxwood_proto::tilebox::v1::ID;
use boxwood_proto::workflows::v1::{
    ComputedTask, NextTaskRequest, NextTaskResponse, NextTaskResponseView, NextTaskToRun, SubmitJobRequest,
    TaskIdentifier, TaskSubmissionGroup, TaskSubmissions,
};
use bytes::{Bytes, BytesMut};

/// Hops of the chain measured.
const CHAIN_TASKS: u64 = 2_000;

/// Starts of the latency workload measured.
const LATENCY_STARTS: usize = 500;

const TASK_NAME: &str = "boxwood.bench/Task";

/// Runs one workload to its end, after those measured `before`.
pub(super) async fn measure(workload: Workload, load: &Load<'_>, before: &[Figure]) -> Result<Figure, Failure> {
    let cluster: Arc<str> = load.connections.default_cluster().await?.into();
    match workload {
        Workload::Flat => rate(workload, load, &cluster, Shape::flat(load.tasks)).await,
        Workload::Runner => {
            let flat = before.iter().rfind(|figure| figure.workload == Workload::Flat);
            runner::measure(load, flat.and_then(|figure| figure.per_second)).await
        }
        Workload::Tree => rate(workload, load, &cluster, Shape::tree(load.tasks)).await,
        Workload::Chain => chain(load.connections.at(0), &cluster, load.server).await,
        Workload::Latency => latency(load.connections, &cluster).await,
        Workload::FanIn => rate(workload, load, &cluster, Shape { dependent: true, ..Shape::flat(load.tasks) }).await,
        Workload::Mixed => beside::mixed(load, &cluster).await,
        Workload::Telemetry => beside::telemetry(load, &cluster).await,
        Workload::Idle => alone::idle().await,
        Workload::Backlog => {
            let flat = before.iter().rfind(|figure| figure.workload == Workload::Flat);
            alone::backlog(load, load.queued, flat.and_then(|figure| figure.per_second)).await
        }
    }
}

/// The flat workload, under the name of another.
pub(super) async fn flat(workload: Workload, load: &Load<'_>, cluster: &str) -> Result<Figure, Failure> {
    rate(workload, load, cluster, Shape::flat(load.tasks)).await
}

/// Some tasks of a job that has many more queued, submitted in so many groups.
pub(super) async fn part_of_backlog(
    load: &Load<'_>,
    queued: u64,
    executed: u64,
    groups: u64,
) -> Result<Figure, Failure> {
    let cluster = load.connections.default_cluster().await?;
    let shape = Shape { total: 1 + executed, groups, ..Shape::flat(queued) };
    rate(Workload::Backlog, load, &cluster, shape).await
}

/// How the tasks of a job submit others. The input of a task is the number of levels below it.
#[derive(Clone, Copy)]
struct Shape {
    levels: usize,
    /// Tasks that a task submits if there is a level below it.
    fan_out: u64,
    /// Whether one more task waits for all that the root submits.
    dependent: bool,
    /// Groups in which the root submits them, of about equal size.
    groups: u64,
    /// Tasks to be executed.
    total: u64,
}

impl Shape {
    fn flat(tasks: u64) -> Self {
        Self { levels: 1, fan_out: tasks, dependent: false, groups: 1, total: 1 + tasks }
    }

    /// The smallest binary tree of at least so many tasks.
    fn tree(tasks: u64) -> Self {
        let levels = (tasks + 1).next_power_of_two().trailing_zeros() - 1;
        Self { levels: levels as usize, fan_out: 2, dependent: false, groups: 1, total: (2 << levels) - 1 }
    }
}

/// The requests of a job, to be filled with the id of a task.
struct Requests {
    ask: Bytes,
    /// What to send when a task with so many levels below it is done.
    done: Vec<Template>,
}

/// A request with a place for an id.
struct Template {
    bytes: Bytes,
    id_at: usize,
}

impl Template {
    fn new(request: impl Fn(ID) -> NextTaskRequest) -> Self {
        let id = [0xab; 16];
        let bytes = line::framed(&request(ID { uuid: id.to_vec(), ..Default::default() }));
        let id_at = bytes.windows(16).position(|window| window == id).expect("the request names the task");
        Self { bytes, id_at }
    }

    fn with(&self, id: [u8; 16]) -> Bytes {
        let mut bytes = BytesMut::from(&self.bytes[..]);
        bytes[self.id_at..self.id_at + 16].copy_from_slice(&id);
        bytes.freeze()
    }
}

/// A task to be executed.
#[derive(Clone, Copy)]
struct Held {
    id: [u8; 16],
    levels: usize,
}

impl Held {
    /// The task of an answer, if it has one.
    fn of(answer: &[u8]) -> Result<Option<Self>, Failure> {
        let answer = NextTaskResponseView::decode_view(answer);
        let answer = answer.map_err(|error| Failure::Other(format!("NextTask: {error}")))?;
        let Some(task) = answer.next_task.as_option() else { return Ok(None) };
        let id = task.id.as_option().and_then(|id| id.uuid.try_into().ok());
        let input = task.input.and_then(|input| std::str::from_utf8(input).ok());
        match (id, input.and_then(|input| input.trim().parse().ok())) {
            (Some(id), Some(levels)) => Ok(Some(Self { id, levels })),
            _ => Err(foreign_work()),
        }
    }
}

async fn rate(workload: Workload, load: &Load<'_>, cluster: &str, mut shape: Shape) -> Result<Figure, Failure> {
    shape.total += u64::from(shape.dependent);
    let clients = load.connections.at(0);
    let done = |levels: usize| {
        let children = if levels == 0 { 0 } else { shape.fan_out };
        Template::new(|id| request(cluster, Some(id), children, levels.saturating_sub(1)))
    };
    let requests = Arc::new(Requests {
        ask: line::framed(&request(cluster, None, 0, 0)),
        done: (0..=shape.levels).map(done).collect(),
    });
    submit(clients, "bench", shape.levels).await?;
    let root = next(clients, request(cluster, None, 0, 0), true).await?;
    let root = task_of(&root).ok_or_else(foreign_work)?;
    let root_id = root.uuid.as_slice().try_into().map_err(|_| foreign_work())?;
    // The flat job begins when its tasks are there to be taken; the tree grows while it is measured.
    let (first, already_done) = match workload {
        _ if shape.levels == 1 && shape.fan_out > 2 => {
            let mut report = request(cluster, Some(root), shape.fan_out.div_ceil(shape.groups), 0);
            if shape.groups > 1 {
                let computed = report.computed_task.as_option_mut().ok_or_else(foreign_work)?;
                let task_groups = &mut computed.sub_tasks.as_option_mut().ok_or_else(foreign_work)?.task_groups;
                *task_groups = vec![task_groups[0].clone(); usize::try_from(shape.groups).unwrap_or(1)];
            }
            if shape.dependent {
                let computed = report.computed_task.as_option_mut().ok_or_else(foreign_work)?;
                let task_groups = &mut computed.sub_tasks.as_option_mut().ok_or_else(foreign_work)?.task_groups;
                let mut last = submissions("", 1, 0).task_groups;
                last[0].dependencies_on_other_groups = vec![0];
                task_groups.append(&mut last);
            }
            let first = task_of(&next(clients, report, true).await?).ok_or_else(foreign_work)?;
            let id = first.uuid.as_slice().try_into().map_err(|_| foreign_work())?;
            (Held { id, levels: 0 }, 1)
        }
        _ => (Held { id: root_id, levels: shape.levels }, 0),
    };
    let job = Arc::new(Running {
        requests,
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
        workload,
        tasks: measured,
        per_second: Some(per_second),
        share_of_noop: Some(per_second / load.noop),
        share_of_flat: None,
        costs: before.each(measured),
        times: Some(Times::of(times)),
        facts: Default::default(),
    })
}

/// A job being executed.
struct Running {
    requests: Arc<Requests>,
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
                let done = job.requests.done.get(task.levels).ok_or_else(foreign_work)?;
                let start = Instant::now();
                let answer = self.line.call(&self.procedure, done.with(task.id), false).await?;
                times.push(start.elapsed());
                if job.done.fetch_add(1, Ordering::Relaxed) + 1 == job.total {
                    job.over.send_replace(Some(Instant::now()));
                }
                held = Held::of(&answer)?;
                continue;
            }
            let ask = self.line.call(&self.procedure, job.requests.ask.clone(), true);
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
    submit(clients, "bench chain", 0).await?;
    let mut held = task_of(&next(clients, request(cluster, None, 0, 0), true).await?);
    let mut times = Vec::new();
    let before = Processor::start(server);
    let start = Instant::now();
    for place in 0..CHAIN_TASKS {
        let Some(task) = held.take() else { return Err(foreign_work()) };
        let children = u64::from(place + 1 < CHAIN_TASKS);
        let hop = Instant::now();
        held = task_of(&next(clients, request(cluster, Some(task), children, 0), false).await?);
        times.push(hop.elapsed());
    }
    let per_second = CHAIN_TASKS as f64 / start.elapsed().as_secs_f64();
    Ok(Figure {
        workload: Workload::Chain,
        tasks: CHAIN_TASKS,
        per_second: Some(per_second),
        share_of_noop: None,
        share_of_flat: None,
        costs: before.each(CHAIN_TASKS),
        times: Some(Times::of(times)),
        facts: Default::default(),
    })
}

/// The runner and the submitter have a connection each.
async fn latency(connections: &Connections, cluster: &str) -> Result<Figure, Failure> {
    let mut times = Vec::new();
    for _ in 0..LATENCY_STARTS {
        let runner = connections.at(1).clone();
        let ask = request(cluster, None, 0, 0);
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
        submit(connections.at(0), "bench latency", 0).await?;
        let (answer, received) = waiting.await.map_err(|error| Failure::Other(format!("the runner ended: {error}")))?;
        let Some(task) = task_of(&answer?) else { return Err(foreign_work()) };
        times.push(received.saturating_duration_since(start));
        let report = NextTaskRequest { computed_task: computed(task, cluster, 0, 0).into(), ..Default::default() };
        next(connections.at(1), report, false).await?;
    }
    Ok(Figure {
        workload: Workload::Latency,
        tasks: LATENCY_STARTS as u64,
        per_second: None,
        share_of_noop: None,
        share_of_flat: None,
        costs: Costs::default(),
        times: Some(Times::of(times)),
        facts: Default::default(),
    })
}

fn foreign_work() -> Failure {
    Failure::Other("no task came back; measure a server whose default cluster has no other work or runners".into())
}

fn identifier() -> TaskIdentifier {
    TaskIdentifier { name: TASK_NAME.into(), version: "v1.0".into(), ..Default::default() }
}

/// Submits a job that no runner of the load executes.
pub(super) async fn submit_other(clients: &Clients) -> Result<(), Failure> {
    let mut tasks = submissions("", 1, 0);
    tasks.identifier_lookup[0].name = "boxwood.bench/Other".into();
    submit_tasks(clients, "bench other", tasks).await
}

async fn submit(clients: &Clients, name: &str, levels: usize) -> Result<(), Failure> {
    submit_tasks(clients, name, submissions("", 1, levels)).await
}

async fn submit_tasks(clients: &Clients, name: &str, tasks: TaskSubmissions) -> Result<(), Failure> {
    let request = SubmitJobRequest {
        job_name: name.into(),
        trace_parent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".into(),
        tasks: tasks.into(),
        ..Default::default()
    };
    clients.jobs.submit_job(request).await.map_err(failed("SubmitJob"))?;
    Ok(())
}

fn submissions(cluster: &str, count: u64, levels: usize) -> TaskSubmissions {
    let size = usize::try_from(count).expect("bounded by the arguments");
    let group = TaskSubmissionGroup {
        // As long as the small JSON object of a real task.
        inputs: vec![format!("{levels:>11}").into_bytes(); size],
        identifier_pointers: vec![0; size],
        cluster_slug_pointers: vec![0; size],
        display_pointers: vec![0; size],
        max_retries_values: vec![0; size],
        optional_values: vec![false; size],
        ..Default::default()
    };
    TaskSubmissions {
        task_groups: vec![group],
        cluster_slug_lookup: vec![cluster.into()],
        identifier_lookup: vec![identifier()],
        display_lookup: vec!["Task".into()],
        ..Default::default()
    }
}

fn computed(task: ID, cluster: &str, children: u64, levels: usize) -> ComputedTask {
    let sub_tasks = (children > 0).then(|| submissions(cluster, children, levels));
    ComputedTask { id: task.into(), display: "Task".into(), sub_tasks: sub_tasks.into(), ..Default::default() }
}

fn request(cluster: &str, done: Option<ID>, children: u64, levels: usize) -> NextTaskRequest {
    let ask = NextTaskToRun { cluster_slug: cluster.into(), identifiers: vec![identifier()], ..Default::default() };
    NextTaskRequest {
        computed_task: done.map(|task| computed(task, cluster, children, levels)).into(),
        next_task_to_run: ask.into(),
        ..Default::default()
    }
}

async fn next(clients: &Clients, request: NextTaskRequest, wait: bool) -> Result<NextTaskResponse, Failure> {
    let options =
        if wait { CallOptions::default().with_header("boxwood-wait-ms", HELD_MS) } else { CallOptions::default() };
    let answer = clients.tasks.next_task_with_options(request, options).await;
    Ok(answer.map_err(failed("NextTask"))?.into_owned())
}

fn task_of(answer: &NextTaskResponse) -> Option<ID> {
    answer.next_task.as_option().and_then(|task| task.id.as_option()).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use boxwood_proto::buffa::Message as _;

    #[test]
    fn a_filled_template_is_what_the_library_would_send() {
        let id = [7; 16];
        let made = |id| request("default", Some(id), 2, 3);
        let filled = Template::new(made).with(id);
        let sent = NextTaskRequest::decode_from_slice(&filled[5..]).expect("a request");
        assert_eq!(sent, made(ID { uuid: id.to_vec(), ..Default::default() }));
    }

    #[test]
    fn a_tree_is_complete_and_large_enough() {
        for (tasks, total) in [(1, 1), (2, 3), (3, 3), (10_000, 16_383), (16_383, 16_383), (16_384, 32_767)] {
            let shape = Shape::tree(tasks);
            assert_eq!((shape.total, 2_u64.pow(shape.levels as u32 + 1) - 1), (total, total), "{tasks}");
        }
    }
}
