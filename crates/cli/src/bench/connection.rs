//! Connections to the server, and calls on them that do nothing.

use std::time::{Duration, Instant};

use boxwood_proto::MESSAGE_BYTES_MAX;
use boxwood_proto::connectrpc::ConnectError;
use boxwood_proto::connectrpc::Protocol;
use boxwood_proto::connectrpc::client::{ClientConfig, Http2Connection, SharedHttp2Connection};
use boxwood_proto::health::HealthClient;
use boxwood_proto::health::wire::HealthCheckRequest;
use boxwood_proto::workflows::v1::{
    GetClusterRequest, JobServiceClient, TaskServiceClient, TelemetryQueryServiceClient, WorkflowsServiceClient,
};

use super::measure::Times;
use crate::Failure;

/// Round trips measured one at a time.
const NOOP_ROUND_TRIPS: usize = 2_000;

type Transport = SharedHttp2Connection;

/// One connection with a client for each service the load needs.
#[derive(Clone)]
pub(crate) struct Clients {
    pub(crate) tasks: TaskServiceClient<Transport>,
    pub(crate) jobs: JobServiceClient<Transport>,
    pub(crate) telemetry: TelemetryQueryServiceClient<Transport>,
    clusters: WorkflowsServiceClient<Transport>,
    health: HealthClient<Transport>,
}

/// All connections of a run.
pub(crate) struct Connections {
    clients: Vec<Clients>,
}

/// A refused or failed call, in words.
pub(crate) fn failed(call: &str) -> impl Fn(ConnectError) -> Failure + '_ {
    move |error| Failure::Other(format!("{call}: {error}"))
}

/// Host and port of a server's URL.
pub(crate) fn address(url: &str) -> &str {
    url.trim_start_matches("http://").trim_end_matches('/')
}

impl Connections {
    /// `count` connections, to these servers in turn.
    pub(crate) fn open(urls: &[String], count: u16) -> Result<Self, Failure> {
        let parsed =
            urls.iter().map(|url| url.parse().map_err(|error| Failure::Usage(format!("--url {url:?}: {error}"))));
        let uris: Vec<http::Uri> = parsed.collect::<Result<_, _>>()?;
        let clients = uris.iter().cycle().take(count.into()).map(|uri| {
            let config = ClientConfig::new(uri.clone())
                .with_protocol(Protocol::Grpc)
                .with_default_max_message_size(MESSAGE_BYTES_MAX)
                .with_default_element_memory_limit(4 * MESSAGE_BYTES_MAX);
            let transport = Http2Connection::lazy_plaintext(uri.clone()).shared(1024);
            Clients {
                tasks: TaskServiceClient::new(transport.clone(), config.clone()),
                jobs: JobServiceClient::new(transport.clone(), config.clone()),
                telemetry: TelemetryQueryServiceClient::new(transport.clone(), config.clone()),
                clusters: WorkflowsServiceClient::new(transport.clone(), config.clone()),
                health: HealthClient::new(transport, config),
            }
        });
        Ok(Self { clients: clients.collect() })
    }

    /// The connection number `place`, counted round.
    pub(crate) fn at(&self, place: usize) -> &Clients {
        &self.clients[place % self.clients.len()]
    }

    pub(crate) fn len(&self) -> usize {
        self.clients.len()
    }

    /// The slug of the default cluster.
    pub(crate) async fn default_cluster(&self) -> Result<String, Failure> {
        let answer = self.at(0).clusters.get_cluster(GetClusterRequest::default()).await;
        Ok(answer.map_err(failed("GetCluster"))?.into_owned().slug)
    }

    /// How long one call that does nothing takes, one at a time.
    pub(crate) async fn noop_round_trip(&self) -> Result<Times, Failure> {
        let client = &self.at(0).health;
        let mut times = Vec::with_capacity(NOOP_ROUND_TRIPS);
        for _ in 0..NOOP_ROUND_TRIPS {
            let start = Instant::now();
            client.check(HealthCheckRequest::default()).await.map_err(failed("health check"))?;
            times.push(start.elapsed());
        }
        Ok(Times::of(times))
    }

    /// Calls a second that do nothing, over all connections with `in_flight` calls on each.
    pub(crate) async fn noop_rate(&self, in_flight: u16, time: Duration) -> Result<f64, Failure> {
        let start = Instant::now();
        let end = start + time;
        let mut callers = tokio::task::JoinSet::new();
        for place in 0..self.len() * usize::from(in_flight) {
            let client = self.at(place).health.clone();
            callers.spawn(async move {
                let mut calls = 0_u64;
                while Instant::now() < end {
                    client.check(HealthCheckRequest::default()).await.map_err(failed("health check"))?;
                    calls += 1;
                }
                Ok::<u64, Failure>(calls)
            });
        }
        let mut calls = 0;
        while let Some(result) = callers.join_next().await {
            calls += result.map_err(|error| Failure::Other(format!("a caller ended: {error}")))??;
        }
        Ok(calls as f64 / start.elapsed().as_secs_f64())
    }
}
