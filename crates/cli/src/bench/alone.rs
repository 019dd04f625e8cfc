//! Workloads that have a fresh server to themselves.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::connection::Connections;
use super::measure::Figure;
use super::processor::Processor;
use super::rate::{self, Shape};
use super::server::{Data, OwnServer, resident_bytes};
use super::{Load, Workload};
use crate::Failure;

/// How long an idle server is watched.
const WATCHED: Duration = Duration::from_secs(3);

/// Tasks executed of a backlog.
const BACKLOG_TASKS: u64 = 20_000;

/// Measures how much a server takes that has nothing to do.
pub(super) async fn idle(data: &Data) -> Result<Figure, Failure> {
    let start = Instant::now();
    let server = OwnServer::start(data)?;
    answers(&server.url).await?;
    let ready = start.elapsed();
    let before = Processor::start(&[server.id()]);
    tokio::time::sleep(WATCHED).await;
    let used = before.each(1).server_us;
    let facts = known([
        ("ready_ms", Some(milliseconds(ready))),
        ("resident_bytes", resident_bytes(server.id())),
        ("core_share", used.map(|us| us / 1e6 / WATCHED.as_secs_f64())),
    ]);
    Ok(Figure { facts, ..Figure::new(Workload::Idle, 0) })
}

/// Fills a server with a job of very many tasks, executes some of them, kills it while the others are queued, and starts it
/// again.
pub(super) async fn backlog(load: &Load<'_>, flat: Option<f64>) -> Result<Figure, Failure> {
    let mut server = OwnServer::start(load.data)?;
    let urls = [server.url.clone()];
    let connections = Connections::open(&urls, 1)?;
    let cluster = connections.default_cluster().await?;
    let own = Load { urls: &urls, servers: &[server.id()], connections: &connections, ..*load };
    let executed = BACKLOG_TASKS.min(load.queued);
    let shape = Shape::part(load.queued + executed, executed, 1);
    let mut figure = rate::measure(Workload::Backlog, &own, &cluster, shape).await?;
    figure.share_of_flat = figure.per_second.zip(flat).map(|(rate, flat)| rate / flat);
    let resident = resident_bytes(server.id());
    server.kill();
    let start = Instant::now();
    server.start_again()?;
    answers(&server.url).await?;
    let again = start.elapsed();
    figure.facts = known([
        ("queued_tasks", Some(load.queued as f64)),
        ("resident_bytes", resident),
        ("ready_again_ms", Some(milliseconds(again))),
        ("resident_again_bytes", resident_bytes(server.id())),
    ]);
    Ok(figure)
}

/// Waits for the answer to a first call, which is read from the database.
async fn answers(url: &str) -> Result<(), Failure> {
    Connections::open(&[url.to_owned()], 1)?.default_cluster().await.map(|_| ())
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn known<const N: usize>(facts: [(&'static str, Option<f64>); N]) -> BTreeMap<&'static str, f64> {
    facts.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}
