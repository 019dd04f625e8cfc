//! Sending records: a thread of its own, so that a task that computes for long delays nothing.

use std::io::Write as _;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use boxwood_proto::opentelemetry::proto::resource::v1::Resource;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::StatusCode;
use hyper::body::Bytes;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::encode::Signal;
use super::layer::exclude_this_thread;
use super::queue::{Queue, Sink};
use super::transport::{Answer, Failure, Transport};
use crate::Error;
use crate::client::Backoff;

/// How long a request is tried again before its records are given up, as exporters of the other SDKs do.
const RETRY_FOR: Duration = Duration::from_secs(10);
/// How soon at first, and how rarely at last.
const AGAIN_FIRST: Duration = Duration::from_millis(100);
const AGAIN_LAST: Duration = Duration::from_secs(5);
/// How often losses are told.
const COMPLAINT_INTERVAL: Duration = Duration::from_secs(30);

/// The thread that exports.
#[derive(Debug)]
pub(super) struct Exporter {
    thread: Option<JoinHandle<()>>,
    end: watch::Sender<Option<Instant>>,
}

/// One destination of one kind of records.
pub(super) struct Route<R> {
    pub(super) queue: Arc<Queue<R>>,
    pub(super) transport: Transport,
    /// How long records wait for others.
    pub(super) interval: Duration,
    /// What the destination is called in messages.
    pub(super) url: String,
}

/// All routes of an exporter.
#[derive(Default)]
pub(super) struct Routes {
    pub(super) logs: Vec<Route<super::record::Log>>,
    pub(super) spans: Vec<Route<super::record::Span>>,
}

impl Exporter {
    /// Starts the thread.
    ///
    /// # Errors
    /// [`Error::Setting`] if the system cannot start it.
    pub(super) fn start(routes: Routes, resource: Resource) -> Result<Self, Error> {
        let cannot = |error: std::io::Error| Error::setting("telemetry", format!("cannot start a thread: {error}"));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .on_thread_start(exclude_this_thread)
            .build()
            .map_err(cannot)?;
        let (end, ended) = watch::channel(None);
        let thread = std::thread::Builder::new().name("boxwood-telemetry".to_owned()).spawn(move || {
            exclude_this_thread();
            runtime.block_on(run(routes, Arc::new(resource), ended));
            // Looking up a name cannot be interrupted; it is not waited for.
            runtime.shutdown_background();
        });
        Ok(Self { thread: Some(thread.map_err(cannot)?), end })
    }

    /// Has everything sent that waits, for at most so long, and ends the thread.
    pub(super) fn end(&mut self, sink: &Sink, within: Duration) {
        sink.close();
        self.end.send_replace(Some(Instant::now() + within));
        if let Some(thread) = self.thread.take() {
            // A panic in it was told already.
            let _ = thread.join();
        }
    }
}

async fn run(routes: Routes, resource: Arc<Resource>, mut ended: watch::Receiver<Option<Instant>>) {
    let mut pipelines = JoinSet::new();
    let until = ended.clone();
    for route in routes.logs {
        pipelines.spawn(pipeline(route, Arc::clone(&resource), until.clone()));
    }
    for route in routes.spans {
        pipelines.spawn(pipeline(route, Arc::clone(&resource), until.clone()));
    }
    // They end when their queues are closed and empty, or when the time is up.
    while pipelines.join_next().await.is_some() {}
    // Nobody closes the queues of a layer without destinations.
    let _ = ended.wait_for(Option::is_some).await;
}

/// Sends what comes into a queue, until it is closed and empty, or the time is up.
async fn pipeline<R: Signal>(route: Route<R>, resource: Arc<Resource>, mut ended: watch::Receiver<Option<Instant>>) {
    let Route { queue, mut transport, interval, url } = route;
    let mut complaints = Complaints { url, noun: R::NOUN, lost: 0, reason: String::new(), last: None };
    let deadline = async {
        // It cannot fail: the sender outlives this thread. If it did, there would be nobody to wait for.
        let at = ended.wait_for(Option::is_some).await.ok().and_then(|at| *at);
        tokio::time::sleep_until(at.unwrap_or_else(Instant::now)).await;
    };
    let send = async {
        while queue.has_some().await {
            tokio::select! {
                () = queue.is_urgent() => (),
                () = tokio::time::sleep(interval) => (),
            }
            let records = queue.take();
            let delivered = deliver(&mut transport, &records, &resource).await;
            let lost = delivered.as_ref().err().map_or(0, |(lost, _)| *lost);
            queue.settle(records.len(), lost);
            if let Err((lost, reason)) = delivered {
                complaints.add(lost, reason);
            }
            complaints.add(queue.take_dropped(), "they came faster than they could be sent".to_owned());
            complaints.tell_if_due();
        }
    };
    tokio::select! {
        () = send => (),
        () = deadline => complaints.add(queue.abandon(), "the process ended before they could be sent".to_owned()),
    }
    complaints.tell();
}

/// Sends records, again and again while there is hope.
///
/// # Errors
/// How many of them were given up, and why.
async fn deliver<R: Signal>(
    transport: &mut Transport,
    records: &[Arc<R>],
    resource: &Resource,
) -> Result<(), (u64, String)> {
    let body = packed(&R::request(records, resource));
    let all = |reason| Err((records.len() as u64, reason));
    let start = Instant::now();
    let mut backoff = Backoff::new(AGAIN_FIRST, AGAIN_LAST);
    loop {
        let (reason, at_least) = match transport.post(body.clone()).await {
            Ok(answer) if answer.status.is_success() => return R::refused(&answer.body).map_or(Ok(()), Err),
            Ok(answer) if is_passing(answer.status) => (format!("answered {}", answer.status), answer.retry_after),
            Ok(answer) => return all(refusal(&answer)),
            Err(Failure::Passing(problem)) => (problem, None),
            Err(Failure::Lasting(problem)) => return all(problem),
        };
        let wait = backoff.next().max(at_least.unwrap_or_default());
        if start.elapsed() + wait > RETRY_FOR {
            return all(reason);
        }
        tokio::time::sleep(wait).await;
    }
}

fn packed(message: &[u8]) -> Bytes {
    let mut packed = GzEncoder::new(Vec::with_capacity(message.len() / 4), Compression::fast());
    let packed = packed.write_all(message).and_then(|()| packed.finish());
    Bytes::from(packed.expect("writing to memory cannot fail"))
}

/// Whether the same request may be taken later, as OTLP over HTTP has it.
fn is_passing(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
    )
}

fn refusal(answer: &Answer) -> String {
    let advice = match answer.status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => "; check the key",
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => {
            "; check the address, OTLP over HTTP is not taken there"
        }
        _ => "",
    };
    format!("answered {}{advice}", answer.status)
}

/// Losses, told once in a while.
struct Complaints {
    url: String,
    noun: &'static str,
    lost: u64,
    reason: String,
    last: Option<Instant>,
}

impl Complaints {
    fn add(&mut self, lost: u64, reason: String) {
        if lost > 0 {
            self.lost += lost;
            self.reason = reason;
        }
    }

    fn tell_if_due(&mut self) {
        if self.last.is_none_or(|last| last.elapsed() >= COMPLAINT_INTERVAL) {
            self.tell();
        }
    }

    fn tell(&mut self) {
        if self.lost > 0 {
            let Self { url, noun, lost, reason, .. } = self;
            tracing::warn!("{lost} {noun} for {url} are lost: {reason}");
            self.lost = 0;
            self.last = Some(Instant::now());
        }
    }
}
