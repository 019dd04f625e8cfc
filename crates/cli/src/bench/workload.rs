//! The workloads.

use std::collections::BTreeMap;
use std::time::Instant;

use boxwood_proto::connectrpc::client::CallOptions;
use boxwood_proto::tilebox::v1::ID;
use boxwood_proto::workflows::v1::{NextTaskRequest, NextTaskResponse, SubmitJobRequest};

use super::connection::{Clients, Connections, failed};
use super::measure::{Figure, Times};
use super::processor::Processor;
use super::rate::{self, Run, Shape};
use super::requests::{self, TASK_NAME, task_of};
use super::{HELD_MS, Load, Workload, alone, beside, pages, runner};
use crate::Failure;

/// Hops of the chain measured.
const CHAIN_TASKS: u64 = 2_000;

/// Starts of the latency workload measured.
const LATENCY_STARTS: usize = 500;

/// Jobs of the jobs workload.
const JOBS: u64 = 64;

/// Jobs of the fan-in workload: each has one dependent task, whose release is measured.
const FAN_IN_JOBS: usize = 10;

/// Runs one workload to its end, after those measured `before`.
pub(super) async fn measure(workload: Workload, load: &Load<'_>, before: &[Figure]) -> Result<Figure, Failure> {
    let cluster = load.connections.default_cluster().await?;
    let flat = || before.iter().rfind(|figure| figure.workload == Workload::Flat).and_then(|flat| flat.per_second);
    match workload {
        Workload::Flat => rate::measure(workload, load, &cluster, Shape::flat(load.tasks)).await,
        Workload::Jobs => rate::jobs(load, &cluster, JOBS, load.tasks).await,
        Workload::Runner => runner::measure(load, flat()).await,
        Workload::Tree => rate::measure(workload, load, &cluster, Shape::tree(load.tasks)).await,
        Workload::Chain => chain(load.connections.at(0), &cluster, load.servers).await,
        Workload::Latency => latency(load.connections, &cluster).await,
        Workload::FanIn => fan_in(load, &cluster).await,
        Workload::Mixed => beside::mixed(load, &cluster).await,
        Workload::Telemetry => beside::telemetry(load, &cluster).await,
        Workload::Pages => pages::measure(load, &cluster).await,
        Workload::Idle => alone::idle(load.data).await,
        Workload::Backlog => alone::backlog(load, flat()).await,
    }
}

/// Executes some jobs one after another, each with one task that waits for all others.
async fn fan_in(load: &Load<'_>, cluster: &str) -> Result<Figure, Failure> {
    let mut runs = Vec::new();
    for _ in 0..FAN_IN_JOBS {
        runs.push(rate::prepare(load, cluster, Shape::fan_in(load.tasks)).await?.execute(load).await?);
    }
    let releases = Times::of(runs.iter().filter_map(Run::release).collect());
    let mut figure = Run::of_equal(runs).figure(Workload::FanIn, load);
    figure.facts = BTreeMap::from([("release_p50_us", releases.p50_us), ("release_max_us", releases.max_us)]);
    Ok(figure)
}

async fn chain(clients: &Clients, cluster: &str, servers: &[u32]) -> Result<Figure, Failure> {
    submit(clients, requests::job("bench chain", TASK_NAME, 0)).await?;
    let mut held = task_of(&next(clients, requests::ask(cluster), true).await?)?;
    let mut times = Vec::new();
    let before = Processor::start(servers);
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

/// Submits a job; answers its id.
pub(super) async fn submit(clients: &Clients, job: SubmitJobRequest) -> Result<ID, Failure> {
    let job = clients.jobs.submit_job(job).await.map_err(failed("SubmitJob"))?.into_owned();
    job.id.into_option().ok_or_else(|| Failure::Other("SubmitJob: the answer names no job".into()))
}

pub(super) async fn next(clients: &Clients, request: NextTaskRequest, wait: bool) -> Result<NextTaskResponse, Failure> {
    let options =
        if wait { CallOptions::default().with_header("boxwood-wait-ms", HELD_MS) } else { CallOptions::default() };
    let answer = clients.tasks.next_task_with_options(request, options).await;
    Ok(answer.map_err(failed("NextTask"))?.into_owned())
}
