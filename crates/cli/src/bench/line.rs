//! HTTP/2 connections that carry calls with as little work as can be, so that the server is what is measured.
//!
//! Everything that runs on a connection runs in one task with it, all connections share one thread, requests are copies of
//! templates, and of the replies only what is needed is read. No-op calls go the same way, so that shares are honest.

use std::future::Future;
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use boxwood_proto::buffa::Message;
use boxwood_proto::connectrpc::envelope::{Envelope, HEADER_SIZE};
use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use h2::client::SendRequest;
use http::{HeaderValue, Request, Uri};
use tokio::net::TcpStream;

use super::HELD_MS;
use crate::Failure;

/// Bytes of replies that may be under way on one connection.
const WINDOW_BYTES: u32 = 4 << 20;

/// A procedure of one server.
#[derive(Clone)]
pub(crate) struct Procedure(Uri);

impl Procedure {
    pub(crate) fn next_task(url: &str) -> Result<Self, Failure> {
        Self::new(url, "workflows.v1.TaskService/NextTask")
    }

    fn new(url: &str, name: &str) -> Result<Self, Failure> {
        let uri = format!("{}/{name}", url.trim_end_matches('/'));
        uri.parse().map(Self).map_err(|error| Failure::Usage(format!("--url {url:?}: {error}")))
    }
}

/// A message behind its prefix.
pub(crate) fn framed(message: &impl Message) -> Bytes {
    Envelope::data(message.encode_to_bytes()).encode()
}

/// What sends calls on one connection.
#[derive(Clone)]
pub(crate) struct Line {
    sender: SendRequest<Bytes>,
}

impl Line {
    /// Sends a message behind its prefix; answers the message of the reply. `wait`: the server may hold the call.
    pub(crate) async fn call(&mut self, procedure: &Procedure, body: Bytes, wait: bool) -> Result<Bytes, Failure> {
        let mut request = Request::new(());
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = procedure.0.clone();
        *request.version_mut() = http::Version::HTTP_2;
        let headers = request.headers_mut();
        headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/grpc+proto"));
        headers.insert(http::header::TE, HeaderValue::from_static("trailers"));
        if wait {
            headers.insert("boxwood-wait-ms", HeaderValue::from_static(HELD_MS));
        }
        let failed = |error: h2::Error| Failure::Other(format!("{}: {error}", procedure.0.path()));
        std::future::poll_fn(|context| self.sender.poll_ready(context)).await.map_err(failed)?;
        let (response, mut stream) = self.sender.send_request(request, false).map_err(failed)?;
        stream.send_data(body, true).map_err(failed)?;
        let (head, mut body) = response.await.map_err(failed)?.into_parts();
        let mut message = Bytes::new();
        while let Some(piece) = body.data().await {
            let piece = piece.map_err(failed)?;
            body.flow_control().release_capacity(piece.len()).map_err(failed)?;
            message = if message.is_empty() { piece } else { [message, piece].concat().into() };
        }
        let trailers = body.trailers().await.map_err(failed)?.unwrap_or_default();
        let of = |name: &str| trailers.get(name).or_else(|| head.headers.get(name)).cloned();
        match of("grpc-status") {
            Some(status) if status == "0" => Ok(message.split_off(HEADER_SIZE.min(message.len()))),
            status => Err(Failure::Other(format!(
                "{}: status {status:?}, {:?}, HTTP {}",
                procedure.0.path(),
                of("grpc-message"),
                head.status
            ))),
        }
    }
}

/// Opens `count` connections, to these servers in turn, and runs what `worker` makes for each place, `in_flight` of them on each connection. They run
/// on one thread of their own. Answers what each gave.
pub(crate) async fn run<T, W>(
    urls: &[String],
    count: u16,
    in_flight: u16,
    worker: impl Fn(Line, usize) -> W + Send + Clone + 'static,
) -> Result<Vec<T>, Failure>
where
    T: Send + 'static,
    W: Future<Output = Result<T, Failure>> + Send + 'static,
{
    let authorities = urls.iter().map(|url| authority(url)).collect::<Result<Vec<_>, _>>()?;
    let load = tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Failure::Other(format!("cannot start a runtime: {error}")))?;
        runtime.block_on(async {
            let mut connections = tokio::task::JoinSet::new();
            for number in 0..usize::from(count) {
                let (authority, worker) = (authorities[number % authorities.len()].clone(), worker.clone());
                let places = (0..usize::from(in_flight)).map(move |place| place * usize::from(count) + number);
                connections.spawn(connection(authority, worker, places));
            }
            let mut given = Vec::new();
            while let Some(result) = connections.join_next().await {
                given.extend(result.map_err(|error| Failure::Other(format!("the load ended: {error}")))??);
            }
            Ok(given)
        })
    });
    load.await.map_err(|error| Failure::Other(format!("the load ended: {error}")))?
}

fn authority(url: &str) -> Result<String, Failure> {
    let address = Procedure::new(url, "")?.0;
    if address.scheme_str() != Some("http") {
        return Err(Failure::Usage(format!("--url {url:?}: the load is sent over plain http:// only")));
    }
    Ok(address.authority().map(ToString::to_string).unwrap_or_default())
}

/// One connection with all that runs on it, in one task.
async fn connection<T, W: Future<Output = Result<T, Failure>>>(
    authority: String,
    worker: impl Fn(Line, usize) -> W,
    places: impl Iterator<Item = usize>,
) -> Result<Vec<T>, Failure> {
    let stream = TcpStream::connect(&authority).await;
    let stream = stream.map_err(|error| Failure::Other(format!("cannot connect to {authority}: {error}")))?;
    let failed = |error: String| Failure::Other(format!("the connection to {authority} failed: {error}"));
    stream.set_nodelay(true).map_err(|error| failed(error.to_string()))?;
    let mut builder = h2::client::Builder::new();
    builder.initial_window_size(WINDOW_BYTES).initial_connection_window_size(WINDOW_BYTES).enable_push(false);
    let (sender, connection) = builder.handshake(stream).await.map_err(|error| failed(error.to_string()))?;
    let line = Line { sender };
    let mut workers: FuturesUnordered<_> = places.map(|place| worker(line.clone(), place)).collect();
    let mut connection = pin!(connection);
    let mut given = Vec::new();
    std::future::poll_fn(|context| {
        // Workers first: what they send leaves in one write.
        loop {
            match workers.poll_next_unpin(context) {
                Poll::Ready(Some(Ok(result))) => given.push(result),
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(error)),
                Poll::Ready(None) => return Poll::Ready(Ok(())),
                Poll::Pending => break,
            }
        }
        match connection.as_mut().poll(context) {
            Poll::Ready(Ok(())) => Poll::Ready(Err(failed("closed by the server".into()))),
            Poll::Ready(Err(error)) => Poll::Ready(Err(failed(error.to_string()))),
            Poll::Pending => Poll::Pending,
        }
    })
    .await?;
    Ok(given)
}

/// Calls that do nothing, and how long they took together.
pub(crate) async fn noop(
    urls: &[String],
    connections: u16,
    in_flight: u16,
    time: Duration,
) -> Result<(u64, Duration), Failure> {
    let check = Procedure::new(&urls[0], "grpc.health.v1.Health/Check")?;
    let nothing = Bytes::from_static(&[0; HEADER_SIZE]);
    let start = Instant::now();
    let end = start + time;
    let calls = run(urls, connections, in_flight, move |mut line, _| {
        let (check, nothing) = (check.clone(), nothing.clone());
        async move {
            let mut calls = 0_u64;
            while Instant::now() < end {
                line.call(&check, nothing.clone(), false).await?;
                calls += 1;
            }
            Ok(calls)
        }
    });
    let calls = calls.await?.into_iter().sum();
    Ok((calls, start.elapsed()))
}
