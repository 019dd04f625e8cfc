//! Workloads that have a fresh server to themselves.

use std::collections::BTreeMap;
use std::time::Duration;

use super::connection::Connections;
use super::measure::Figure;
use super::processor::Processor;
use super::server::{OwnServer, resident_bytes};
use super::{Load, Workload, workload};
use crate::Failure;

/// How long an idle server is watched.
const WATCHED: Duration = Duration::from_secs(3);

/// Tasks executed of a backlog.
const BACKLOG_TASKS: u64 = 20_000;

/// Measures how much a server takes that has nothing to do.
pub(super) async fn idle() -> Result<Figure, Failure> {
    let server = OwnServer::start()?;
    let before = Processor::start(Some(server.id()));
    tokio::time::sleep(WATCHED).await;
    let used = before.each(1).server_us;
    let facts = [
        ("ready_ms", Some(server.ready_after.as_secs_f64() * 1e3)),
        ("resident_bytes", resident_bytes(server.id())),
        ("core_share", used.map(|us| us / 1e6 / WATCHED.as_secs_f64())),
    ];
    Ok(Figure::of_facts(Workload::Idle, 0, known(facts)))
}

/// Fills a server with a job of very many queued tasks, executes some of them, kills it and starts it again.
pub(super) async fn backlog(load: &Load<'_>, queued: u64, flat: Option<f64>) -> Result<Figure, Failure> {
    let mut server = OwnServer::start()?;
    let url = server.url.clone();
    let connections = Connections::open(&url, 1)?;
    let own = Load { url: &url, server: Some(server.id()), connections: &connections, ..*load };
    let executed = BACKLOG_TASKS.min(queued);
    let mut figure = workload::part_of_backlog(&own, queued, executed, 1).await?;
    figure.share_of_flat = figure.per_second.zip(flat).map(|(rate, flat)| rate / flat);
    let resident = resident_bytes(server.id());
    let again = server.kill_and_start_again()?;
    let again_resident = resident_bytes(server.id());
    // A server that answers has read what it needs.
    let connections = Connections::open(&server.url, 1)?;
    connections.default_cluster().await?;
    figure.facts = known([
        ("queued_tasks", Some(queued as f64)),
        ("resident_bytes", resident),
        ("ready_again_ms", Some(again.as_secs_f64() * 1e3)),
        ("resident_again_bytes", again_resident),
    ]);
    Ok(figure)
}

fn known<const N: usize>(facts: [(&'static str, Option<f64>); N]) -> BTreeMap<&'static str, f64> {
    facts.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}
