//! Calls that go to any of several servers.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use boxwood_proto::connectrpc::client::{CallOptions, ClientConfig, Http2Connection, SharedHttp2Connection};
use boxwood_proto::connectrpc::{ConnectError, ErrorCode, Protocol};
use boxwood_proto::tilebox::v1::ID;
use boxwood_proto::workflows::v1::{
    ComputedTask, GetClusterRequest, GetJobRequest, Job, JobServiceClient, NextTaskRequest, NextTaskResponse,
    NextTaskToRun, SubmitJobRequest, TaskIdentifier, TaskServiceClient, TaskSubmissionGroup, TaskSubmissions,
    WorkflowsServiceClient,
};

type Transport = SharedHttp2Connection;

/// No call, and nothing else that is waited for, takes longer than this before a test gives up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(100);

/// How long a request for work of a runner is held.
const HELD_MS: &str = "200";

/// The longest time for which one is held.
const HELD_MS_MAX: &str = "30000";

/// Connections to one server.
pub(crate) struct One {
    jobs: JobServiceClient<Transport>,
    tasks: TaskServiceClient<Transport>,
    clusters: WorkflowsServiceClient<Transport>,
}

impl One {
    /// To a server that listens on a socket file.
    pub(crate) fn new(socket: &Path) -> Self {
        let uri: http::Uri = "http://localhost".parse().expect("a URI");
        Self::over(Http2Connection::lazy_unix(socket, uri.clone()), uri)
    }

    /// To a server that listens on a port.
    pub(crate) fn at(url: &str) -> Self {
        let uri: http::Uri = url.parse().expect("a URI");
        Self::over(Http2Connection::lazy_plaintext(uri.clone()), uri)
    }

    fn over(connection: Http2Connection, uri: http::Uri) -> Self {
        let transport = connection.shared(64);
        let config = ClientConfig::new(uri).with_protocol(Protocol::Grpc);
        Self {
            jobs: JobServiceClient::new(transport.clone(), config.clone()),
            tasks: TaskServiceClient::new(transport.clone(), config.clone()),
            clusters: WorkflowsServiceClient::new(transport, config),
        }
    }

    /// The cluster that is always there.
    pub(crate) async fn cluster(&self) -> Result<String, ConnectError> {
        Ok(self.clusters.get_cluster(GetClusterRequest::default()).await?.into_owned().slug)
    }

    /// Submits a job of one task with this input.
    pub(crate) async fn submit(&self, input: &[u8]) -> Result<ID, ConnectError> {
        let request = SubmitJobRequest {
            job_name: "shared".into(),
            trace_parent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".into(),
            tasks: submissions(vec![input.to_vec()]).into(),
            ..Default::default()
        };
        let job = self.jobs.submit_job(request).await?.into_owned();
        Ok(job.id.into_option().expect("a job has an id"))
    }

    pub(crate) async fn job(&self, id: &ID) -> Result<Job, ConnectError> {
        let request = GetJobRequest { job_id: id.clone().into(), ..Default::default() };
        Ok(self.jobs.get_job(request).await?.into_owned())
    }

    /// Reports a task with its sub-tasks, if there is one, and asks for another; without a report the request is held for a
    /// moment.
    pub(crate) async fn next(
        &self,
        cluster: &str,
        report: Option<(&ID, Vec<Vec<u8>>)>,
    ) -> Result<NextTaskResponse, ConnectError> {
        let held = report.is_none().then_some(HELD_MS);
        let computed = report.map(|(id, inputs)| ComputedTask {
            id: id.clone().into(),
            display: "tree".into(),
            sub_tasks: (!inputs.is_empty()).then(|| submissions(inputs)).into(),
            ..Default::default()
        });
        self.ask(cluster, computed, held).await
    }

    /// Asks for a task, and waits for one as long as may be.
    pub(crate) async fn held(&self, cluster: &str) -> Result<NextTaskResponse, ConnectError> {
        self.ask(cluster, None, Some(HELD_MS_MAX)).await
    }

    async fn ask(
        &self,
        cluster: &str,
        computed: Option<ComputedTask>,
        held: Option<&str>,
    ) -> Result<NextTaskResponse, ConnectError> {
        let mut options = CallOptions::default();
        if let Some(held) = held {
            options = options.with_header("boxwood-wait-ms", held);
        }
        let ask =
            NextTaskToRun { cluster_slug: cluster.to_owned(), identifiers: vec![identifier()], ..Default::default() };
        let request =
            NextTaskRequest { computed_task: computed.into(), next_task_to_run: ask.into(), ..Default::default() };
        Ok(self.tasks.next_task_with_options(request, options).await?.into_owned())
    }
}

/// Connections to several servers, which take turns.
pub(crate) struct Any {
    servers: Vec<One>,
    turn: AtomicUsize,
}

impl Any {
    /// Begins with the `first` of the servers.
    pub(crate) fn new<'a>(sockets: impl IntoIterator<Item = &'a Path>, first: usize) -> Self {
        Self { servers: sockets.into_iter().map(One::new).collect(), turn: AtomicUsize::new(first) }
    }

    /// The next server, and which it is.
    pub(crate) fn one(&self) -> (usize, &One) {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % self.servers.len();
        (turn, &self.servers[turn])
    }
}

fn submissions(inputs: Vec<Vec<u8>>) -> TaskSubmissions {
    let count = inputs.len();
    TaskSubmissions {
        task_groups: vec![TaskSubmissionGroup {
            inputs,
            identifier_pointers: vec![0; count],
            cluster_slug_pointers: vec![0; count],
            display_pointers: vec![0; count],
            max_retries_values: vec![0; count],
            ..Default::default()
        }],
        cluster_slug_lookup: vec![String::new()],
        identifier_lookup: vec![identifier()],
        display_lookup: vec!["tree".into()],
        ..Default::default()
    }
}

fn identifier() -> TaskIdentifier {
    TaskIdentifier { name: "Tree".into(), version: "v1.0".into(), ..Default::default() }
}

/// Whether an error is that of a server that is gone: the call is repeated at another.
pub(crate) fn server_is_gone(error: &ConnectError) -> bool {
    matches!(error.code, ErrorCode::Unavailable | ErrorCode::Unknown | ErrorCode::Internal | ErrorCode::Canceled)
}

/// Whether a server says that it cannot reach its database, and why.
pub(crate) fn database_is_away(error: &ConnectError) -> bool {
    error.code == ErrorCode::Unavailable && error.to_string().contains("database")
}
