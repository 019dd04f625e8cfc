//! One HTTP/1.1 connection to a backend: over TCP or a socket, opened when needed, kept while it lasts.

use std::time::Duration;

use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HOST, RETRY_AFTER, USER_AGENT};
use http::{HeaderMap, HeaderValue, Request, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::rt::{Read, Write};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::address::{Address, Place};
use crate::client::Disagreement;

/// How long one request may take, from the connection to the last byte of the answer.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(10);
/// How much of an answer is read; those of success are empty, or a sentence long.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// What a backend answered.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    /// How long it asks to wait.
    pub(super) retry_after: Option<Duration>,
    pub(super) body: Bytes,
}

/// Why there is no answer, in words. The request may have arrived all the same.
#[derive(Debug)]
pub(super) enum Failure {
    /// The next try may go better.
    Passing(String),
    /// It takes a person to change something.
    Lasting(String),
}

impl From<String> for Failure {
    fn from(problem: String) -> Self {
        Self::Passing(problem)
    }
}

impl From<hyper::Error> for Failure {
    fn from(error: hyper::Error) -> Self {
        Self::Passing(crate::error::with_causes(&error))
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Passing(error.to_string())
    }
}

impl From<Disagreement> for Failure {
    fn from(disagreement: Disagreement) -> Self {
        match disagreement {
            Disagreement::Passing(problem) => Self::Passing(problem),
            Disagreement::Lasting(problem) => Self::Lasting(problem),
        }
    }
}

/// Sends requests to one address.
#[derive(Debug)]
pub(super) struct Transport {
    address: Address,
    headers: HeaderMap,
    connection: Option<SendRequest<Full<Bytes>>>,
}

impl Transport {
    /// `headers` are those of this backend, such as its key.
    pub(super) fn new(address: Address, mut headers: HeaderMap) -> Self {
        headers.insert(HOST, address.host.clone());
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        headers.insert(USER_AGENT, HeaderValue::from_static(concat!("boxwood-rust/", env!("CARGO_PKG_VERSION"))));
        Self { address, headers, connection: None }
    }

    /// Sends a packed request.
    ///
    /// # Errors
    /// [`Failure`] if there is no answer.
    pub(super) async fn post(&mut self, body: Bytes) -> Result<Answer, Failure> {
        // The connection is taken out meanwhile, and only put back after a whole answer.
        let answer = tokio::time::timeout(REQUEST_TIME_MAX, self.exchange(body)).await;
        answer.unwrap_or_else(|_| Err(format!("no answer within {} s", REQUEST_TIME_MAX.as_secs()).into()))
    }

    async fn exchange(&mut self, body: Bytes) -> Result<Answer, Failure> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = self.address.path.clone();
        *request.headers_mut() = self.headers.clone();

        let mut connection = match self.kept().await {
            Some(kept) => kept,
            None => self.connect().await?,
        };
        let answer = match connection.try_send_request(request).await {
            Ok(answer) => answer,
            Err(mut failed) => {
                // A kept connection that was closed just now: the request comes back if nothing of it was sent.
                let Some(request) = failed.take_message() else { return Err(failed.into_error().into()) };
                connection = self.connect().await?;
                connection.send_request(request).await?
            }
        };
        let status = answer.status();
        let seconds = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        let body = Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect().await;
        let body = body.map_err(|error| format!("the answer broke off: {error}"))?.to_bytes();
        self.connection = Some(connection);
        Ok(Answer { status, retry_after: seconds.map(Duration::from_secs), body })
    }

    /// The connection of the request before, if it still stands.
    async fn kept(&mut self) -> Option<SendRequest<Full<Bytes>>> {
        let mut kept = self.connection.take()?;
        kept.ready().await.ok().map(|()| kept)
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, Failure> {
        match &self.address.place {
            Place::Tcp { host, port } => {
                let stream = TcpStream::connect((host.as_str(), *port)).await?;
                // Requests are written in one go; waiting for more would only delay them.
                let _ = stream.set_nodelay(true);
                match &self.address.trust {
                    Some(trust) => handshake(TokioIo::new(trust.secure(host, stream).await?)).await,
                    None => handshake(TokioIo::new(stream)).await,
                }
            }
            #[cfg(unix)]
            Place::Unix(path) => {
                let stream = tokio::net::UnixStream::connect(path).await?;
                handshake(TokioIo::new(stream)).await
            }
            #[cfg(not(unix))]
            Place::Unix(_) => Err(Failure::Lasting("sockets in the file system need a Unix system".to_owned())),
        }
    }
}

async fn handshake<I: Read + Write + Unpin + Send + 'static>(io: I) -> Result<SendRequest<Full<Bytes>>, Failure> {
    let (sender, connection) = http1::handshake(io).await?;
    // Its errors also come back from the request that was under way.
    tokio::spawn(connection);
    Ok(sender)
}
