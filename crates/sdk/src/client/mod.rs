//! The client: one connection to a server, and what can be asked of it.

mod attributes;
mod clone;
mod cluster;
mod connection;
mod counts;
mod insight;
mod job;
mod jobs;
mod logs;
mod pages;
mod query;
mod tasks;
mod tls;
mod traces;
mod visualize;
mod wait;

use std::env;
use std::sync::Arc;
use std::time::Duration;

use boxwood_proto::boxwood::v1::InsightServiceClient;
use boxwood_proto::connectrpc::client::SharedHttp2Connection;
use boxwood_proto::workflows::v1::{JobServiceClient, TelemetryQueryServiceClient, WorkflowsServiceClient};

pub use attributes::AttributeValue;
pub use clone::{CloneJob, JobPrototype, RootTask};
pub use cluster::{Cluster, ClusterClient, CreateCluster, UpdateCluster};
#[cfg(feature = "telemetry")]
pub(crate) use connection::Address;
pub(crate) use connection::{Backoff, Endpoint, is_passing};
pub use counts::{JobStateCounts, QueueStats, ReadQueueStats};
pub use insight::{InsightClient, JobExplanation, Queue, Queues, RunnersSeen, ServerInfo, Wait, WaitReason};
pub(crate) use job::duration;
pub use job::{ExecutionStats, Job, JobState, Progress, TaskState};
pub use jobs::{JobClient, SubmitJob};
pub use logs::{LogCounts, LogRecord, LogSeverity, QueryAllLogs, QueryLogs};
pub use pages::{Cursor, Pages};
pub use query::JobFilter;
#[cfg(feature = "testing")]
pub(crate) use tasks::tree_of;
pub use tasks::{TaskNode, TaskSummary, TaskTree};
pub(crate) use tls::untrusted;
#[cfg(feature = "telemetry")]
pub(crate) use tls::{Disagreement, Trust};
pub use traces::{QuerySpans, SpanEvent, SpanKind, SpanLink, SpanRecord, SpanStatus};
pub use visualize::{Direction, Theme, VisualizeJob};
pub use wait::WaitForJob;

use tls::Authorities;

use crate::Error;

/// Where a server is looked for unless told otherwise.
pub const URL_DEFAULT: &str = "http://127.0.0.1:8080";

/// How long a call that cannot reach the server is tried again, unless told otherwise.
const RETRY_FOR_DEFAULT: Duration = Duration::from_secs(2);

/// A connection to a server. Cheap to clone; all clones share it. It is made at the first call, and made again when it was
/// lost.
///
/// ```no_run
/// # async fn example() -> boxwood::Result {
/// let client = boxwood::Client::builder().url("http://127.0.0.1:8080").build()?;
/// for cluster in client.clusters().list().await? {
///     println!("{}  {}", cluster.slug, cluster.name);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    endpoint: Endpoint,
    jobs: JobServiceClient<SharedHttp2Connection>,
    workflows: WorkflowsServiceClient<SharedHttp2Connection>,
    telemetry: TelemetryQueryServiceClient<SharedHttp2Connection>,
    insight: InsightServiceClient<SharedHttp2Connection>,
}

impl Client {
    /// Starts a client with settings given in code.
    pub fn builder() -> ClientBuilder {
        ClientBuilder {
            url: URL_DEFAULT.to_owned(),
            token: None,
            authorities: Authorities::default(),
            retry_for: RETRY_FOR_DEFAULT,
        }
    }

    /// A client of the server at `BOXWOOD_URL`, else `TILEBOX_API_URL`, else `http://127.0.0.1:8080`, with the key of
    /// `BOXWOOD_API_KEY`, else `TILEBOX_API_KEY`, else none. With the feature `tls`, `BOXWOOD_CA_CERTIFICATE` names a PEM
    /// file of authorities to trust besides those of the system. Empty variables count as absent.
    ///
    /// # Errors
    /// As [`ClientBuilder::build`].
    pub fn from_env() -> Result<Self, Error> {
        Self::builder().from_env().build()
    }

    /// Submits, finds, controls and watches jobs.
    pub fn jobs(&self) -> JobClient {
        JobClient { client: self.clone() }
    }

    /// Creates, finds and changes clusters.
    pub fn clusters(&self) -> ClusterClient {
        ClusterClient { client: self.clone() }
    }

    /// Asks about the server, the runners it sees, and why what waits does wait.
    pub fn insight(&self) -> InsightClient {
        InsightClient { client: self.clone() }
    }

    /// The address of the server, as it was given.
    pub fn url(&self) -> &str {
        self.inner.endpoint.url()
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.inner.endpoint
    }

    fn job_service(&self) -> &JobServiceClient<SharedHttp2Connection> {
        &self.inner.jobs
    }

    fn workflows_service(&self) -> &WorkflowsServiceClient<SharedHttp2Connection> {
        &self.inner.workflows
    }

    fn insight_service(&self) -> &InsightServiceClient<SharedHttp2Connection> {
        &self.inner.insight
    }

    fn telemetry_service(&self) -> &TelemetryQueryServiceClient<SharedHttp2Connection> {
        &self.inner.telemetry
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("url", &self.url()).finish_non_exhaustive()
    }
}

/// Settings of a [`Client`]; made by [`Client::builder`].
#[derive(Clone)]
pub struct ClientBuilder {
    url: String,
    token: Option<String>,
    authorities: Authorities,
    retry_for: Duration,
}

impl ClientBuilder {
    /// Where the server is: `http://host:port`, `https://host:port` (feature `tls`), `unix:PATH` for a socket (N-6), or
    /// `host:port` in clear text unless the port is 443 (N-5). Without it, `http://127.0.0.1:8080`.
    pub fn url(mut self, url: impl Into<String>) -> Self {
        self.url = url.into();
        self
    }

    /// The API key, sent with every call (AU-1). An empty one counts as none.
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(token.into()).filter(|token| !token.is_empty());
        self
    }

    /// Trusts the authorities of this PEM text besides those of the system; call it again to trust others too. Only
    /// `https://` addresses ask for it. Needs the feature `tls`.
    ///
    /// ```no_run
    /// # async fn example() -> boxwood::Result {
    /// let client = boxwood::Client::builder()
    ///     .url("https://boxwood.internal:8443")
    ///     .ca_certificate(std::fs::read("our-authority.pem")?)
    ///     .build()?;
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "tls")]
    pub fn ca_certificate(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.authorities.add_pem(pem.into());
        self
    }

    /// Trusts the authorities in this PEM file besides those of the system. It is read when the client is built, and only
    /// for an `https://` address. Needs the feature `tls`.
    #[cfg(feature = "tls")]
    pub fn ca_certificate_file(mut self, path: impl Into<std::path::PathBuf>) -> Self {
        self.authorities.add_file(path.into());
        self
    }

    /// How long a call that may be repeated is tried again while the server cannot be reached; 2 seconds unless set, zero
    /// for a single try. A runner's reports are tried until it is shut down, whatever is set here.
    pub fn retry_for(mut self, duration: Duration) -> Self {
        self.retry_for = duration;
        self
    }

    /// Takes address, key and authorities from the environment where it has them; see [`Client::from_env`].
    #[allow(clippy::wrong_self_convention, reason = "reads as `builder().from_env()`")]
    pub fn from_env(mut self) -> Self {
        let first =
            |names: [&str; 2]| names.into_iter().find_map(|name| env::var(name).ok().filter(|value| !value.is_empty()));
        if let Some(url) = first(["BOXWOOD_URL", "TILEBOX_API_URL"]) {
            self = self.url(url);
        }
        if let Some(token) = first(["BOXWOOD_API_KEY", "TILEBOX_API_KEY"]) {
            self = self.token(token);
        }
        #[cfg(feature = "tls")]
        if let Some(path) = env::var_os("BOXWOOD_CA_CERTIFICATE").filter(|path| !path.is_empty()) {
            self = self.ca_certificate_file(path);
        }
        self
    }

    /// Makes the client. Nothing is sent yet. Must be called inside a tokio runtime, which then drives the connection.
    ///
    /// # Errors
    /// [`Error::Setting`] if the address, the key or a certificate of an authority cannot be used, if the address needs the
    /// feature `tls` and it is off, or if there is no tokio runtime.
    pub fn build(self) -> Result<Client, Error> {
        if tokio::runtime::Handle::try_current().is_err() {
            return Err(Error::setting(
                "client",
                "must be built inside a tokio runtime, such as that of #[tokio::main]",
            ));
        }
        let endpoint = Endpoint::new(&self.url, self.token.as_deref(), &self.authorities, self.retry_for)?;
        let (transport, config) = endpoint.connect();
        Ok(Client {
            inner: Arc::new(Inner {
                jobs: JobServiceClient::new(transport.clone(), config.clone()),
                workflows: WorkflowsServiceClient::new(transport.clone(), config.clone()),
                telemetry: TelemetryQueryServiceClient::new(transport.clone(), config.clone()),
                insight: InsightServiceClient::new(transport, config),
                endpoint,
            }),
        })
    }
}

impl std::fmt::Debug for ClientBuilder {
    /// Without the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let token = self.token.as_ref().map(|_| "…");
        f.debug_struct("ClientBuilder")
            .field("url", &self.url)
            .field("token", &token)
            .field("authorities", &self.authorities)
            .field("retry_for", &self.retry_for)
            .finish()
    }
}
