//! What a task costs as the world around it grows.

use clap::ValueEnum;
use serde::Serialize;

use super::connection::Connections;
use super::processor::Costs;
use super::rate::{self, Shape};
use super::server::OwnServer;
use super::{Load, Workload, requests, workload};
use crate::Failure;

/// Tasks executed for each point.
const MEASURED_TASKS: u64 = 5_000;

/// What grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Axis {
    /// Queued tasks of the job
    Tasks,
    /// Other jobs that are not complete
    Jobs,
    /// Runners that ask at the same time
    Runners,
    /// Groups of the submission the tasks come from
    Groups,
}

impl Axis {
    fn sizes(self) -> &'static [u64] {
        match self {
            Self::Tasks => &[1_000, 10_000, 100_000, 1_000_000],
            Self::Jobs => &[1, 10, 100, 1_000, 10_000],
            Self::Runners => &[1, 10, 100, 1_000],
            Self::Groups => &[1, 4, 16, 64],
        }
    }
}

/// What a task costs at one size.
#[derive(Debug, Serialize)]
pub(crate) struct Point {
    pub(crate) axis: Axis,
    pub(crate) size: u64,
    /// Tasks executed.
    pub(crate) tasks: u64,
    pub(crate) per_second: f64,
    #[serde(flatten)]
    pub(crate) costs: Costs,
}

/// Measures every size up to `size_max`, each on a server of its own.
pub(super) async fn measure(load: &Load<'_>, axis: Axis, size_max: u64) -> Result<Vec<Point>, Failure> {
    let mut points = Vec::new();
    for size in axis.sizes().iter().copied().filter(|size| *size <= size_max) {
        points.push(point(load, axis, size).await?);
    }
    Ok(points)
}

async fn point(load: &Load<'_>, axis: Axis, size: u64) -> Result<Point, Failure> {
    let server = OwnServer::start(load.data)?;
    let urls = [server.url.clone()];
    let connections = Connections::open(&urls, 1)?;
    let cluster = connections.default_cluster().await?;
    let processes = [server.id()];
    let mut own = Load { urls: &urls, servers: &processes, connections: &connections, ..*load };
    let (mut queued, mut groups) = (MEASURED_TASKS.min(load.tasks), 1);
    match axis {
        Axis::Tasks => queued = size,
        Axis::Jobs => {
            for _ in 1..size {
                workload::submit(connections.at(0), requests::job("bench other", "boxwood.bench/Other", 0)).await?;
            }
        }
        Axis::Runners => {
            own.connection_count = u16::try_from(size.min(20)).expect("at most 20");
            own.in_flight = u16::try_from(size / u64::from(own.connection_count)).expect("sizes are small");
        }
        Axis::Groups => groups = u32::try_from(size).expect("sizes are small"),
    }
    let shape = Shape::part(queued, MEASURED_TASKS.min(queued), groups);
    let figure = rate::measure(Workload::Flat, &own, &cluster, shape).await?;
    let per_second = figure.per_second.unwrap_or_default();
    Ok(Point { axis, size, tasks: figure.tasks, per_second, costs: figure.costs })
}
