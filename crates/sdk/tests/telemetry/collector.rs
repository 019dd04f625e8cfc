//! An OTLP collector on a thread of its own, as another backend would be.

use std::io::Read as _;
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode, Uri};
use boxwood_proto::buffa::Message as _;
use boxwood_proto::opentelemetry::proto::collector::logs::v1::ExportLogsServiceRequest;
use boxwood_proto::opentelemetry::proto::collector::trace::v1::ExportTraceServiceRequest;
use boxwood_proto::opentelemetry::proto::logs::v1::LogRecord;
use boxwood_proto::opentelemetry::proto::trace::v1::Span;
use tokio::sync::oneshot;

/// What was received.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    /// The message, unpacked.
    pub(crate) message: Vec<u8>,
}

impl Received {
    pub(crate) fn logs(&self) -> Vec<LogRecord> {
        let request = ExportLogsServiceRequest::decode_from_slice(&self.message).unwrap();
        let scopes = request.resource_logs.into_iter().flat_map(|resource| resource.scope_logs);
        scopes.flat_map(|scope| scope.log_records).collect()
    }

    pub(crate) fn spans(&self) -> Vec<Span> {
        let request = ExportTraceServiceRequest::decode_from_slice(&self.message).unwrap();
        let scopes = request.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
        scopes.flat_map(|scope| scope.spans).collect()
    }
}

/// How a collector answers its n-th request, from 0.
pub(crate) type Answer = fn(usize) -> Option<StatusCode>;

#[derive(Default)]
struct Seen {
    requests: Mutex<Vec<Received>>,
    more: Condvar,
}

pub(crate) struct Collector {
    pub(crate) url: String,
    seen: Arc<Seen>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Collector {
    pub(crate) fn start() -> Self {
        Self::answering(|_| Some(StatusCode::OK))
    }

    /// Answers as told; with nothing at all, and holding the request, for `None`.
    pub(crate) fn answering(answer: Answer) -> Self {
        Self::listening(std::net::TcpListener::bind("127.0.0.1:0").unwrap(), answer)
    }

    pub(crate) fn listening(listener: std::net::TcpListener, answer: Answer) -> Self {
        listener.set_nonblocking(true).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Seen::default());
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn({
            let seen = Arc::clone(&seen);
            move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(serve(listener, seen, answer, stopped));
            }
        });
        Self { url, seen, stop: Some(stop), thread: Some(thread) }
    }

    /// The requests so far, as soon as they are `enough`.
    pub(crate) fn until(&self, enough: impl Fn(&[Received]) -> bool) -> Vec<Received> {
        let requests = self.seen.requests.lock().unwrap();
        let patience = Duration::from_secs(20);
        let (requests, outcome) =
            self.seen.more.wait_timeout_while(requests, patience, |requests| !enough(requests)).unwrap();
        assert!(!outcome.timed_out(), "not enough: {requests:#?}");
        requests.clone()
    }

    pub(crate) fn requests(&self) -> Vec<Received> {
        self.until(|_| true)
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        let _ = self.stop.take().map(|stop| stop.send(()));
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

async fn serve(listener: std::net::TcpListener, seen: Arc<Seen>, answer: Answer, stopped: oneshot::Receiver<()>) {
    let handler = move |uri: Uri, headers: HeaderMap, body: Bytes| {
        let seen = Arc::clone(&seen);
        async move {
            let mut message = Vec::new();
            flate2::read::GzDecoder::new(&body[..]).read_to_end(&mut message).unwrap();
            let index = {
                let mut requests = seen.requests.lock().unwrap();
                requests.push(Received { path: uri.path().to_owned(), headers, message });
                requests.len() - 1
            };
            seen.more.notify_all();
            match answer(index) {
                Some(status) => status,
                None => std::future::pending().await,
            }
        }
    };
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    tokio::select! {
        served = axum::serve(listener, Router::new().fallback(handler)) => served.unwrap(),
        _ = stopped => (),
    }
}
