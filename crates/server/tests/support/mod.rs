//! A real server on a free port, and clients of every protocol.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::time::Duration;

use boxwood_proto::connectrpc::Protocol;
use boxwood_proto::connectrpc::client::{ClientConfig, Http2Connection, HttpClient, SharedHttp2Connection};
use boxwood_proto::tilebox::v1::ID;
use boxwood_proto::workflows::v1::{
    self as wire, DiagramServiceClient, JobServiceClient, TaskServiceClient, WorkflowsServiceClient,
};
use boxwood_server::{Config, Listen, Server};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

pub(crate) const TRACE_PARENT: &str = "00-6b5dd6328ae6f7dc35fc987eade2cb97-899fb70e0df2b53d-03";

/// A server with a database in a temporary folder.
pub(crate) struct World {
    pub(crate) server: Server,
    pub(crate) dir: tempfile::TempDir,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let mut config = Config::new(Listen::Tcp("127.0.0.1:0".into()), dir.path());
        change(&mut config);
        let server = Server::start(config).await.expect("the server starts");
        Self { server, dir }
    }

    pub(crate) fn url(&self) -> String {
        self.server.url()
    }

    pub(crate) fn host(&self) -> String {
        self.url().trim_start_matches("http://").to_owned()
    }

    fn config(&self) -> ClientConfig {
        ClientConfig::new(self.url().parse().expect("an address"))
            .with_default_max_message_size(64 << 20)
            .with_default_element_memory_limit(1 << 30)
    }

    /// Clients that speak gRPC.
    pub(crate) fn grpc(&self) -> Clients<SharedHttp2Connection> {
        let uri = self.url().parse().expect("an address");
        let connection = Http2Connection::lazy_plaintext(uri).shared(1024);
        Clients { transport: connection, config: self.config().with_protocol(Protocol::Grpc) }
    }

    /// Clients that speak Connect over HTTP/1.1.
    pub(crate) fn connect(&self) -> Clients<HttpClient> {
        Clients { transport: HttpClient::plaintext(), config: self.config() }
    }

    /// Clients that speak Connect in JSON over HTTP/1.1.
    pub(crate) fn json(&self) -> Clients<HttpClient> {
        Clients {
            transport: HttpClient::plaintext(),
            config: self.config().with_codec_format(boxwood_proto::connectrpc::codec::CodecFormat::Json),
        }
    }
}

/// Clients over one transport.
#[derive(Clone)]
pub(crate) struct Clients<T> {
    pub(crate) transport: T,
    pub(crate) config: ClientConfig,
}

macro_rules! clients {
    ($($transport:ty),*) => {$(
        impl Clients<$transport> {
            pub(crate) fn jobs(&self) -> JobServiceClient<$transport> {
                JobServiceClient::new(self.transport.clone(), self.config.clone())
            }

            pub(crate) fn tasks(&self) -> TaskServiceClient<$transport> {
                TaskServiceClient::new(self.transport.clone(), self.config.clone())
            }

            pub(crate) fn diagrams(&self) -> DiagramServiceClient<$transport> {
                DiagramServiceClient::new(self.transport.clone(), self.config.clone())
            }

            pub(crate) fn workflows(&self) -> WorkflowsServiceClient<$transport> {
                WorkflowsServiceClient::new(self.transport.clone(), self.config.clone())
            }
        }
    )*};
}
clients!(SharedHttp2Connection, HttpClient);

pub(crate) fn id(bytes: &[u8]) -> ID {
    ID { uuid: bytes.to_vec(), ..Default::default() }
}

pub(crate) fn identifier(name: &str, version: &str) -> wire::TaskIdentifier {
    wire::TaskIdentifier { name: name.into(), version: version.into(), ..Default::default() }
}

/// `count` tasks of one group and one identifier on one cluster.
pub(crate) fn tasks(cluster: &str, name: &str, count: usize) -> wire::TaskSubmissions {
    wire::TaskSubmissions {
        task_groups: vec![wire::TaskSubmissionGroup {
            inputs: (0..count).map(|place| place.to_string().into_bytes()).collect(),
            identifier_pointers: vec![0; count],
            cluster_slug_pointers: vec![0; count],
            display_pointers: vec![0; count],
            max_retries_values: vec![0; count],
            optional_values: vec![false; count],
            ..Default::default()
        }],
        cluster_slug_lookup: vec![cluster.into()],
        identifier_lookup: vec![identifier(name, "v0.0")],
        display_lookup: vec![name.into()],
        ..Default::default()
    }
}

pub(crate) fn submit(name: &str, tasks: wire::TaskSubmissions) -> wire::SubmitJobRequest {
    wire::SubmitJobRequest {
        job_name: name.into(),
        trace_parent: TRACE_PARENT.into(),
        tasks: tasks.into(),
        ..Default::default()
    }
}

/// A question for work.
pub(crate) fn ask(cluster: &str, names: &[&str]) -> wire::NextTaskRequest {
    wire::NextTaskRequest {
        next_task_to_run: wire::NextTaskToRun {
            cluster_slug: cluster.into(),
            identifiers: names.iter().map(|name| identifier(name, "v0.0")).collect(),
            ..Default::default()
        }
        .into(),
        ..Default::default()
    }
}

/// A report of a computed task without sub-tasks.
pub(crate) fn computed(task: &wire::Task) -> wire::ComputedTask {
    wire::ComputedTask { id: task.id.clone(), display: task.display.clone().unwrap_or_default(), ..Default::default() }
}

/// Waits for something that must happen, and fails the test if it does not.
pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(Duration::from_secs(30), future).await {
        Ok(value) => value,
        Err(_) => panic!("waited too long: {what}"),
    }
}

/// Sends one request over HTTP/1.1, as it is.
pub(crate) async fn http1(world: &World, request: Request<Full<Bytes>>) -> Response<Bytes> {
    let stream = TcpStream::connect(world.host()).await.expect("a connection");
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.expect("a handshake");
    let connection = tokio::spawn(connection);
    let (head, body) = sender.send_request(request).await.expect("an answer").into_parts();
    let body = body.collect().await.expect("a whole body").to_bytes();
    connection.abort();
    Response::from_parts(head, body)
}

/// Sends one request over HTTP/2 without TLS; answers the trailers too.
pub(crate) async fn http2(world: &World, request: Request<Full<Bytes>>) -> (Response<Bytes>, http::HeaderMap) {
    let stream = TcpStream::connect(world.host()).await.expect("a connection");
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.expect("a handshake");
    let connection = tokio::spawn(connection);
    let (head, body) = sender.send_request(request).await.expect("an answer").into_parts();
    let body = body.collect().await.expect("a whole body");
    let trailers = body.trailers().cloned().unwrap_or_default();
    connection.abort();
    (Response::from_parts(head, body.to_bytes()), trailers)
}

/// A page of the server as text.
pub(crate) async fn page(world: &World, path: &str) -> String {
    let request = Request::get(path).header("host", world.host()).body(Full::default()).expect("a request");
    String::from_utf8(http1(world, request).await.into_body().to_vec()).expect("text")
}

/// Waits until as many runners wait for work.
pub(crate) async fn waiting_runners(world: &World, count: usize) {
    let line = format!("\nboxwood_waiting_runners {count}\n");
    soon("runners wait", async { while !page(world, "/metrics").await.contains(&line) {} }).await;
}

/// The slug of the default cluster.
pub(crate) async fn default_cluster(world: &World) -> String {
    let cluster = world.grpc().workflows().get_cluster(wire::GetClusterRequest::default()).await;
    cluster.expect("the default cluster").into_owned().slug
}
