//! `boxwood bench`: how fast a server moves tasks, next to how fast the same connections move calls that do nothing.
//!
//! The server is a process of its own on this machine, with a fresh data directory and every commit synced to disk, unless
//! `--url` names a running one. Load comes from this process: a few connections with a few calls in flight on each, which
//! send what they like without reading much of the answers; and, for comparison, a runner of the SDK.

mod alone;
mod beside;
mod connection;
mod export;
mod growth;
mod line;
mod measure;
mod pages;
mod processor;
mod rate;
mod requests;
mod runner;
mod server;
mod workload;

use std::time::Duration;

use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::Failure;
use connection::Connections;
use growth::Axis;
use measure::Figure;
use processor::{Costs, Processor};
use server::{Data, OwnServer};

/// Measures a server.
#[derive(Args, Debug)]
pub(crate) struct BenchArgs {
    /// A running server to measure instead of starting one; its default cluster must have no other work or runners
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// A PostgreSQL database for the servers that are started, instead of folders; what is measured stays in it
    #[arg(
        long,
        value_name = "URL",
        env = "BOXWOOD_BENCH_DATABASE_URL",
        hide_env_values = true,
        conflicts_with = "url"
    )]
    database_url: Option<String>,
    /// Servers to start on the database; connections go to them in turn
    #[arg(long, default_value_t = 1, requires = "database_url", value_parser = clap::value_parser!(u16).range(1..=64))]
    servers: u16,
    /// What to measure; by default all but the backlog and the pages, and with --url also not what needs a server of its own
    #[arg(long, value_enum, value_delimiter = ',')]
    workload: Vec<Workload>,
    /// Tasks of the flat workload and those like it; a tree has as many or more
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    tasks: u64,
    /// Queued tasks of the backlog
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    queued: u64,
    /// Connections to the server
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=1024))]
    connections: u16,
    /// Calls in flight on each connection
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=1024))]
    in_flight: u16,
    /// Measure how the cost of a task changes as this grows, instead of workloads; each size on a server of its own
    #[arg(long, value_enum, value_delimiter = ',', num_args = 0..,
          default_missing_value = "tasks,jobs,runners,groups", conflicts_with_all = ["url", "workload"])]
    growth: Vec<Axis>,
    /// The largest size of what grows
    #[arg(long, value_name = "SIZE", default_value_t = 1_000_000)]
    growth_max: u64,
    /// How long calls that do nothing are measured
    #[arg(long, value_name = "SECONDS", default_value_t = 2, value_parser = clap::value_parser!(u64).range(0..=600))]
    noop_seconds: u64,
    /// Print one JSON value instead of a table
    #[arg(long)]
    json: bool,
}

/// A way of loading the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Workload {
    /// One task submits all others at once
    Flat,
    /// As flat, in 64 jobs with all their tasks as roots
    Jobs,
    /// As flat, executed by one runner of the Rust SDK with as many tasks at once as there are calls in flight
    Runner,
    /// Each task submits two, down to the leaves
    Tree,
    /// Each task submits one, one runner
    Chain,
    /// One idle runner waits, one task is submitted: the time until the runner has it
    Latency,
    /// As flat, with one more task that waits for all others; several such jobs, one after another
    FanIn,
    /// Flat, while jobs are submitted, and this one is looked at as a console does
    Mixed,
    /// Flat, while logs and spans are exported on 16 connections as fast as they are taken
    Telemetry,
    /// Flat at 3,000 tasks a second, with and without a hundred open pages of the console: what a page costs. Takes as many
    /// seconds as there are 3,000 tasks
    Pages,
    /// A server of its own with nothing to do: memory, processor, start
    Idle,
    /// A server of its own with very many queued tasks: rate, memory, start after SIGKILL
    Backlog,
}

impl Workload {
    /// Whether it starts a server for itself.
    fn has_own_server(self) -> bool {
        matches!(self, Self::Idle | Self::Backlog)
    }
}

impl BenchArgs {
    /// The workloads to be measured.
    fn workloads(&self) -> Result<Vec<Workload>, Failure> {
        let excluded = |workload: &Workload| self.url.is_some() && workload.has_own_server();
        if let Some(workload) = self.workload.iter().copied().find(excluded) {
            let name = name_of(workload);
            return Err(Failure::Usage(format!("--workload {name}: it starts a server of its own; leave --url out")));
        }
        if !self.growth.is_empty() || !self.workload.is_empty() {
            return Ok(self.workload.clone());
        }
        let usual =
            |workload: &Workload| !matches!(workload, Workload::Backlog | Workload::Pages) && !excluded(workload);
        Ok(Workload::value_variants().iter().copied().filter(usual).collect())
    }
}

/// How long a runner without work is held by the server before it asks again, in milliseconds.
const HELD_MS: &str = "1000";

/// What all workloads are measured with.
struct Load<'a> {
    /// The servers, one at least; some workloads use the first only.
    urls: &'a [String],
    /// Their processes, if they were started for this.
    servers: &'a [u32],
    /// Where further servers keep their data.
    data: &'a Data,
    /// Connections of the lean load.
    connection_count: u16,
    connections: &'a Connections,
    /// Calls in flight on each connection.
    in_flight: u16,
    tasks: u64,
    /// Queued tasks of the backlog.
    queued: u64,
    /// Calls a second that do nothing.
    noop: f64,
}

/// What was measured.
#[derive(Debug, Serialize)]
struct Figures {
    /// Servers measured, connections to them, and calls in flight on each.
    servers: usize,
    connections: u16,
    in_flight: u16,
    /// Calls that do nothing, a second, over as many connections; what each costs; the same by the client library that
    /// programs use; and one at a time.
    noop_calls_per_second: f64,
    noop_costs: Costs,
    library_noop_calls_per_second: f64,
    noop_round_trip: measure::Times,
    workloads: Vec<Figure>,
    /// What tasks cost as the world grows, if that was asked for.
    growth: Vec<growth::Point>,
}

/// Runs the benchmark and prints what it measured.
pub(crate) async fn run(args: BenchArgs) -> Result<(), Failure> {
    let wanted = args.workloads()?;
    let data = args.database_url.clone().map_or(Data::Folder, Data::Database);
    let started = if args.url.is_some() { 0 } else { args.servers };
    let servers = (0..started).map(|_| OwnServer::start(&data)).collect::<Result<Vec<_>, _>>()?;
    let urls: Vec<String> = args.url.iter().chain(servers.iter().map(|server| &server.url)).cloned().collect();
    let processes: Vec<u32> = servers.iter().map(OwnServer::id).collect();
    let connections = Connections::open(&urls, args.connections)?;
    let noop_time = Duration::from_secs(args.noop_seconds);
    let round_trip = connections.noop_round_trip().await?;
    let library_noop = connections.noop_rate(args.in_flight, noop_time).await?;
    let before = Processor::start(&processes);
    let (calls, took) = line::noop(&urls, args.connections, args.in_flight, noop_time).await?;
    let (noop_costs, noop) = (before.each(calls), calls as f64 / took.as_secs_f64());
    let load = Load {
        urls: &urls,
        servers: &processes,
        data: &data,
        connection_count: args.connections,
        connections: &connections,
        in_flight: args.in_flight,
        tasks: args.tasks,
        queued: args.queued,
        noop,
    };
    let mut grown = Vec::new();
    for axis in &args.growth {
        grown.extend(growth::measure(&load, *axis, args.growth_max).await?);
    }
    let mut workloads: Vec<Figure> = Vec::new();
    for workload in wanted {
        let figure = workload::measure(workload, &load, &workloads).await?;
        workloads.push(figure);
    }
    let figures = Figures {
        servers: urls.len(),
        connections: args.connections,
        in_flight: args.in_flight,
        noop_calls_per_second: noop,
        noop_costs,
        library_noop_calls_per_second: library_noop,
        noop_round_trip: round_trip,
        workloads,
        growth: grown,
    };
    drop(servers);
    if args.json {
        let json =
            serde_json::to_string(&figures).map_err(|error| Failure::Other(format!("cannot write JSON: {error}")))?;
        println!("{json}");
    } else {
        print_table(&figures);
    }
    Ok(())
}

fn print_table(figures: &Figures) {
    let servers = if figures.servers > 1 { format!(" to {} servers", figures.servers) } else { String::new() };
    println!("{} connections{servers}, {} calls in flight on each", figures.connections, figures.in_flight);
    println!();
    println!(
        "{:<10} {:>10} {:>12} {:>9} {:>8} {:>10} {:>10}  {:>10} {:>10} {:>10}",
        "workload", "tasks", "per second", "of no-op", "of flat", "server", "load", "p50", "p99", "max"
    );
    let costs = |costs: &Costs| {
        let text = |us: Option<f64>| us.map_or(String::new(), |us| format!("{us:.1} µs"));
        format!("{:>10} {:>10}", text(costs.server_us), text(costs.load_us))
    };
    let (noop, library) = (figures.noop_calls_per_second, figures.library_noop_calls_per_second);
    let (of_noop, of_flat) = ("", "");
    println!("{:<10} {:>10} {library:>12.0} {of_noop:>9} {of_flat:>8} {:>21}", "library", "", "");
    println!(
        "{:<10} {:>10} {noop:>12.0} {of_noop:>9} {of_flat:>8} {}  {}",
        "no-op",
        "",
        costs(&figures.noop_costs),
        figures.noop_round_trip
    );
    for figure in &figures.workloads {
        let rate = figure.per_second.map_or(String::new(), |rate| format!("{rate:.0}"));
        let share = |share: Option<f64>| share.map_or(String::new(), |share| format!("{share:.2}"));
        let (of_noop, of_flat) = (share(figure.share_of_noop), share(figure.share_of_flat));
        let name = name_of(figure.workload);
        let times = figure.times.as_ref().map_or(String::new(), ToString::to_string);
        let costs = costs(&figure.costs);
        println!("{name:<10} {:>10} {rate:>12} {of_noop:>9} {of_flat:>8} {costs}  {times}", figure.tasks);
    }
    for point in &figures.growth {
        let name = format!("{} {}", name_of(point.axis), point.size);
        let (tasks, rate, costs) = (point.tasks, point.per_second, costs(&point.costs));
        println!("{name:<20} {tasks:>10} {rate:>12.0} {costs}");
    }
    for figure in &figures.workloads {
        let name = name_of(figure.workload);
        for (fact, value) in &figure.facts {
            println!("{name:<10} {fact:<28} {value:>14.3}");
        }
    }
}

/// The name of a workload or axis, as it is given on the command line.
fn name_of(value: impl ValueEnum) -> String {
    value.to_possible_value().map_or(String::new(), |value| value.get_name().to_owned())
}
