//! The workloads.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::connection::{Clients, Connections, failed};
use super::measure::{Figure, Times};
use super::{Load, Workload, runner};
use crate::Failure;
use boxwood_proto::connectrpc::client::CallOptions;
use boxwood_proto::tilebox::v1::ID;
use boxwood_proto::workflows::v1::{
    ComputedTask, NextTaskRequest, NextTaskResponse, NextTaskToRun, SubmitJobRequest, TaskIdentifier,
    TaskSubmissionGroup, TaskSubmissions,
};

/// Hops of the chain measured.
const CHAIN_TASKS: u64 = 2_000;

/// Starts of the latency workload measured.
const LATENCY_STARTS: usize = 500;

/// How long a runner without work is held by the server before it asks again, in milliseconds.
const HELD_MS: &str = "1000";

const TASK_NAME: &str = "boxwood.bench/Task";

/// Runs one workload to its end, after those measured `before`.
pub(super) async fn measure(workload: Workload, load: &Load<'_>, before: &[Figure]) -> Result<Figure, Failure> {
    let cluster: Arc<str> = load.connections.default_cluster().await?.into();
    match workload {
        Workload::Flat => rate(workload, load, &cluster, Shape { fan_out: load.tasks, inner: 1 }).await,
        Workload::Runner => {
            let flat = before.iter().rfind(|figure| figure.workload == Workload::Flat);
            runner::measure(load, flat.and_then(|figure| figure.per_second)).await
        }
        Workload::Tree => rate(workload, load, &cluster, Shape { fan_out: 2, inner: load.tasks / 2 }).await,
        Workload::Chain => chain(load.connections.at(0), &cluster).await,
        Workload::Latency => latency(load.connections, &cluster).await,
    }
}

/// How the tasks of a job submit others: the first `inner` tasks executed submit `fan_out` each.
#[derive(Clone, Copy)]
struct Shape {
    fan_out: u64,
    inner: u64,
}

async fn rate(workload: Workload, load: &Load<'_>, cluster: &Arc<str>, shape: Shape) -> Result<Figure, Failure> {
    let connections = load.connections;
    let total = 1 + shape.inner * shape.fan_out;
    submit(connections.at(0), "bench").await?;
    let clients = connections.at(0);
    let root = next(clients, request(cluster, None, 0), true).await?;
    let Some(root) = task_of(&root) else { return Err(foreign_work()) };
    // The flat job begins when its tasks are there to be taken; the tree grows while it is measured.
    let (first, inner) = match workload {
        Workload::Flat => (task_of(&next(clients, request(cluster, Some(root), shape.fan_out), true).await?), 0),
        _ => (Some(root), shape.inner),
    };
    let already_done = u64::from(workload == Workload::Flat);
    let job = Arc::new(Running {
        inner: AtomicU64::new(inner),
        done: AtomicU64::new(already_done),
        total,
        over: tokio::sync::watch::Sender::new(None),
    });
    let start = Instant::now();
    let mut workers = tokio::task::JoinSet::new();
    let mut first = first;
    for place in 0..connections.len() * usize::from(load.in_flight) {
        let worker = Worker {
            clients: connections.at(place).clone(),
            cluster: cluster.clone(),
            fan_out: shape.fan_out,
            job: job.clone(),
        };
        workers.spawn(worker.run(first.take()));
    }
    let mut times = Vec::new();
    while let Some(result) = workers.join_next().await {
        times.extend(result.map_err(|error| Failure::Other(format!("a runner ended: {error}")))??);
    }
    let end = job.over.borrow().unwrap_or_else(Instant::now);
    let measured = total - already_done;
    let per_second = measured as f64 / (end - start).as_secs_f64();
    Ok(Figure {
        workload,
        tasks: measured,
        per_second: Some(per_second),
        share_of_noop: Some(per_second / load.noop),
        share_of_flat: None,
        times: Some(Times::of(times)),
    })
}

/// A job being executed.
struct Running {
    /// Tasks that are still to submit others.
    inner: AtomicU64,
    done: AtomicU64,
    total: u64,
    /// When the last task was done.
    over: tokio::sync::watch::Sender<Option<Instant>>,
}

/// One runner with one task at a time.
struct Worker {
    clients: Clients,
    cluster: Arc<str>,
    fan_out: u64,
    job: Arc<Running>,
}

impl Worker {
    async fn run(self, mut held: Option<ID>) -> Result<Vec<Duration>, Failure> {
        let mut times = Vec::new();
        let mut over = self.job.over.subscribe();
        loop {
            if let Some(task) = held.take() {
                let children = if self.take_inner() { self.fan_out } else { 0 };
                let start = Instant::now();
                let answer = next(&self.clients, request(&self.cluster, Some(task), children), false).await?;
                times.push(start.elapsed());
                if self.job.done.fetch_add(1, Ordering::Relaxed) + 1 == self.job.total {
                    self.job.over.send_replace(Some(Instant::now()));
                }
                held = task_of(&answer);
                continue;
            }
            let ask = next(&self.clients, request(&self.cluster, None, 0), true);
            tokio::select! {
                answer = ask => held = task_of(&answer?),
                // Whoever waits when the last task is done waits for nothing.
                _ = over.wait_for(Option::is_some) => return Ok(times),
            }
        }
    }

    fn take_inner(&self) -> bool {
        let inner = &self.job.inner;
        inner.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
    }
}

async fn chain(clients: &Clients, cluster: &Arc<str>) -> Result<Figure, Failure> {
    submit(clients, "bench chain").await?;
    let mut held = task_of(&next(clients, request(cluster, None, 0), true).await?);
    let mut times = Vec::new();
    let start = Instant::now();
    for place in 0..CHAIN_TASKS {
        let Some(task) = held.take() else { return Err(foreign_work()) };
        let children = u64::from(place + 1 < CHAIN_TASKS);
        let hop = Instant::now();
        held = task_of(&next(clients, request(cluster, Some(task), children), false).await?);
        times.push(hop.elapsed());
    }
    let per_second = CHAIN_TASKS as f64 / start.elapsed().as_secs_f64();
    Ok(Figure {
        workload: Workload::Chain,
        tasks: CHAIN_TASKS,
        per_second: Some(per_second),
        share_of_noop: None,
        share_of_flat: None,
        times: Some(Times::of(times)),
    })
}

/// The runner and the submitter have a connection each.
async fn latency(connections: &Connections, cluster: &Arc<str>) -> Result<Figure, Failure> {
    let mut times = Vec::new();
    for _ in 0..LATENCY_STARTS {
        let runner = connections.at(1).clone();
        let ask = request(cluster, None, 0);
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
        submit(connections.at(0), "bench latency").await?;
        let (answer, received) = waiting.await.map_err(|error| Failure::Other(format!("the runner ended: {error}")))?;
        let Some(task) = task_of(&answer?) else { return Err(foreign_work()) };
        times.push(received.saturating_duration_since(start));
        let report = NextTaskRequest { computed_task: computed(task, cluster, 0).into(), ..Default::default() };
        next(connections.at(1), report, false).await?;
    }
    Ok(Figure {
        workload: Workload::Latency,
        tasks: LATENCY_STARTS as u64,
        per_second: None,
        share_of_noop: None,
        share_of_flat: None,
        times: Some(Times::of(times)),
    })
}

fn foreign_work() -> Failure {
    Failure::Other("no task came back; measure a server whose default cluster has no other work or runners".into())
}

fn identifier() -> TaskIdentifier {
    TaskIdentifier { name: TASK_NAME.into(), version: "v1.0".into(), ..Default::default() }
}

async fn submit(clients: &Clients, name: &str) -> Result<(), Failure> {
    let request = SubmitJobRequest {
        job_name: name.into(),
        trace_parent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".into(),
        tasks: submissions("", 1).into(),
        ..Default::default()
    };
    clients.jobs.submit_job(request).await.map_err(failed("SubmitJob"))?;
    Ok(())
}

fn submissions(cluster: &str, count: u64) -> TaskSubmissions {
    let size = usize::try_from(count).expect("bounded by the arguments");
    let group = TaskSubmissionGroup {
        inputs: vec![b"{\"n\":12345}".to_vec(); size],
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

fn computed(task: ID, cluster: &str, children: u64) -> ComputedTask {
    let sub_tasks = (children > 0).then(|| submissions(cluster, children));
    ComputedTask { id: task.into(), display: "Task".into(), sub_tasks: sub_tasks.into(), ..Default::default() }
}

fn request(cluster: &str, done: Option<ID>, children: u64) -> NextTaskRequest {
    let ask = NextTaskToRun { cluster_slug: cluster.into(), identifiers: vec![identifier()], ..Default::default() };
    NextTaskRequest {
        computed_task: done.map(|task| computed(task, cluster, children)).into(),
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
