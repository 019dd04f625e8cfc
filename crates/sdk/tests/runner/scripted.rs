//! A server whose answers to a runner are given by the test, one call at a time.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use boxwood::Client;
use boxwood_proto::buffa_types::google::protobuf::Duration as WireDuration;
use boxwood_proto::connectrpc::{ConnectError, Response, Router, handler_fn};
use boxwood_proto::tilebox::v1::ID;
use boxwood_proto::workflows::v1 as wire;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};

use crate::here::PATIENCE;

/// A call that waits for its answer.
pub(crate) struct Call<Q, A> {
    pub(crate) request: Q,
    answer: oneshot::Sender<Result<A, ConnectError>>,
}

impl<Q, A> Call<Q, A> {
    pub(crate) fn answer(self, answer: Result<A, ConnectError>) -> Q {
        // The caller may have gone meanwhile.
        let _ = self.answer.send(answer);
        self.request
    }
}

type Calls<Q, A> = mpsc::UnboundedReceiver<Call<Q, A>>;

pub(crate) struct Scripted {
    pub(crate) url: String,
    next: Calls<wire::NextTaskRequest, wire::NextTaskResponse>,
    failed: Calls<wire::TaskFailedRequest, wire::TaskStateResponse>,
    extend: Calls<wire::TaskLeaseRequest, wire::TaskLease>,
    connections: Arc<AtomicUsize>,
    server: tokio::task::JoinHandle<()>,
}

/// Counts the connections that are made.
struct Counting {
    listener: TcpListener,
    connections: Arc<AtomicUsize>,
}

impl axum::serve::Listener for Counting {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        let accepted = axum::serve::Listener::accept(&mut self.listener).await;
        self.connections.fetch_add(1, Ordering::SeqCst);
        accepted
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.server.abort();
    }
}

macro_rules! forwarded {
    ($router:ident, $method:literal, $request:ty, $answer:ty) => {{
        let (sender, receiver) = mpsc::unbounded_channel();
        let handler = handler_fn(move |_, request: $request| {
            let (answer, answered) = oneshot::channel();
            // If the test listens no more, it answers no more.
            let _ = sender.send(Call { request, answer });
            async move {
                match answered.await {
                    Ok(answer) => Response::ok(answer?),
                    Err(_) => std::future::pending().await,
                }
            }
        });
        $router = $router.route::<_, $request, $answer>("workflows.v1.TaskService", $method, handler);
        receiver
    }};
}

impl Scripted {
    pub(crate) async fn start() -> Self {
        let cluster = || async { Response::ok(wire::Cluster { slug: "scripted".into(), ..Default::default() }) };
        let mut router = Router::new().route::<_, wire::GetClusterRequest, wire::Cluster>(
            "workflows.v1.WorkflowsService",
            "GetCluster",
            handler_fn(move |_, _: wire::GetClusterRequest| cluster()),
        );
        let next = forwarded!(router, "NextTask", wire::NextTaskRequest, wire::NextTaskResponse);
        let failed = forwarded!(router, "TaskFailed", wire::TaskFailedRequest, wire::TaskStateResponse);
        let extend = forwarded!(router, "ExtendTaskLease", wire::TaskLeaseRequest, wire::TaskLease);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let connections = Arc::default();
        let listener = Counting { listener, connections: Arc::clone(&connections) };
        let server = tokio::spawn(async move { axum::serve(listener, router.into_axum_router()).await.unwrap() });
        Self { url, next, failed, extend, connections, server }
    }

    pub(crate) fn client(&self) -> Client {
        Client::builder().url(&self.url).build().unwrap()
    }

    /// How many connections were made so far.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    pub(crate) async fn next_task(&mut self) -> Call<wire::NextTaskRequest, wire::NextTaskResponse> {
        tokio::time::timeout(PATIENCE, self.next.recv()).await.expect("NextTask is called").unwrap()
    }

    pub(crate) async fn task_failed(&mut self) -> Call<wire::TaskFailedRequest, wire::TaskStateResponse> {
        tokio::time::timeout(PATIENCE, self.failed.recv()).await.expect("TaskFailed is called").unwrap()
    }

    pub(crate) async fn extend_task_lease(&mut self) -> Call<wire::TaskLeaseRequest, wire::TaskLease> {
        tokio::time::timeout(PATIENCE, self.extend.recv()).await.expect("ExtendTaskLease is called").unwrap()
    }

    /// Whether a task was reported as failed, which nobody has looked at.
    pub(crate) fn has_failures(&mut self) -> bool {
        self.failed.try_recv().is_ok()
    }
}

/// An answer with a task of kind `name` and no input, whose lease is to be extended after `wait`.
pub(crate) fn task(number: u8, name: &str, wait: Duration) -> wire::NextTaskResponse {
    let id = |kind: u8| ID { uuid: [[kind; 15].as_slice(), &[number]].concat(), ..Default::default() };
    let task = wire::Task {
        id: id(1).into(),
        identifier: wire::TaskIdentifier { name: name.into(), version: "v0.0".into(), ..Default::default() }.into(),
        job: wire::Job { id: id(2).into(), name: "scripted".into(), ..Default::default() }.into(),
        display: Some(name.to_owned()),
        lease: lease(Duration::from_secs(3), wait).into(),
        ..Default::default()
    };
    wire::NextTaskResponse { next_task: task.into(), ..Default::default() }
}

pub(crate) fn lease(granted: Duration, wait: Duration) -> wire::TaskLease {
    wire::TaskLease {
        lease: WireDuration::from(granted).into(),
        recommended_wait_until_next_extension: WireDuration::from(wait).into(),
        ..Default::default()
    }
}

/// An answer without a task.
pub(crate) fn idle() -> wire::NextTaskResponse {
    let idling = wire::IdlingResponse {
        suggested_idling_duration: WireDuration::from(Duration::from_millis(1)).into(),
        ..Default::default()
    };
    wire::NextTaskResponse { idling: idling.into(), ..Default::default() }
}
