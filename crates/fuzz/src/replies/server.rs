//! A server on a unix socket that answers what it is told to.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::{self, Ready};
use std::path::PathBuf;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use boxwood::Client;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::combinators::WithTrailers;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tempfile::TempDir;
use tokio::net::UnixListener;
use tokio::runtime::{Builder, Runtime};

use crate::input::Input;

type Body = WithTrailers<Full<Bytes>, Ready<Option<Result<HeaderMap, Infallible>>>>;

/// One answer.
#[derive(Debug, Default)]
pub(super) struct Reply {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
    trailers: HeaderMap,
}

impl Reply {
    pub(super) fn read(input: &mut Input<'_>) -> Self {
        let form = input.below(8);
        let message = input.bytes();
        let length = u32::try_from(message.len()).expect("a short message").to_be_bytes();
        let framed = [&[0], length.as_slice(), message].concat();
        let mut reply = Self { status: 200, ..Self::default() };
        reply.headers.insert("content-type", HeaderValue::from_static("application/grpc+proto"));
        match form {
            // What a server of ours says.
            0..4 => {
                reply.body = framed;
                set(&mut reply.trailers, "grpc-status", "0");
            }
            // An error, before a body or after one.
            4 | 5 => {
                let code = input.byte().to_string();
                let headers = if form == 4 { &mut reply.headers } else { &mut reply.trailers };
                set(headers, "grpc-status", &code);
                set(headers, "grpc-message", &String::from_utf8_lossy(message));
                set(headers, "grpc-status-details-bin", &input.text());
                reply.body = if form == 4 { Vec::new() } else { framed };
            }
            // No frame.
            6 => {
                reply.body = message.to_vec();
                set(&mut reply.trailers, "grpc-status", "0");
            }
            // Not even gRPC.
            _ => {
                reply.status = 200 + u16::from(input.byte());
                set(&mut reply.headers, "content-type", &input.text());
                set(&mut reply.headers, "grpc-encoding", &input.text());
                reply.body = message.to_vec();
            }
        }
        reply
    }

    fn into_response(self) -> Response<Body> {
        let trailers = future::ready(Some(Ok(self.trailers)));
        let mut response = Response::new(Full::new(Bytes::from(self.body)).with_trailers(trailers));
        *response.status_mut() = http::StatusCode::from_u16(self.status.max(200)).expect("between 200 and 455");
        *response.headers_mut() = self.headers;
        response
    }
}

/// Sets a header, unless the value cannot be sent at all.
fn set(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// The answers that are left, and for whom they are: what an earlier client still asks is not for this one.
#[derive(Default)]
struct Replies {
    client: u64,
    left: VecDeque<Reply>,
}

struct Shared {
    runtime: Runtime,
    replies: Arc<Mutex<Replies>>,
    socket: PathBuf,
    _folder: TempDir,
}

static SHARED: LazyLock<Mutex<Shared>> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let socket = folder.path().join("socket");
    let replies = Arc::<Mutex<Replies>>::default();
    let listener = {
        let _inside = runtime.enter();
        UnixListener::bind(&socket).expect("a socket")
    };
    runtime.spawn(serve(listener, replies.clone()));
    Mutex::new(Shared { runtime, replies, socket, _folder: folder })
});

async fn serve(listener: UnixListener, replies: Arc<Mutex<Replies>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let replies = replies.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            let reply = answer(&request, &replies);
            async move { Ok::<_, Infallible>(reply.into_response()) }
        });
        let connection = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        tokio::spawn(connection.serve_connection(TokioIo::new(stream), service));
    }
}

fn answer(request: &Request<Incoming>, replies: &Mutex<Replies>) -> Reply {
    let mut replies = replies.lock().unwrap_or_else(PoisonError::into_inner);
    let client = format!("Bearer {}", replies.client);
    let own = request.headers().get("authorization").is_some_and(|value| value.as_bytes() == client.as_bytes());
    let next = if own { replies.left.pop_front() } else { None };
    next.unwrap_or_else(|| {
        let mut reply = Reply { status: 200, ..Reply::default() };
        set(&mut reply.headers, "content-type", "application/grpc+proto");
        set(&mut reply.headers, "grpc-status", "12");
        reply
    })
}

/// Does something with a client whose server gives these answers, and then says that it does not know the call.
pub(super) fn with(replies: Vec<Reply>, work: impl AsyncFnOnce(&Client)) {
    // A test that failed before says nothing about this one.
    let shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    let client = {
        let mut next = shared.replies.lock().unwrap_or_else(PoisonError::into_inner);
        *next = Replies { client: next.client + 1, left: replies.into() };
        next.client.to_string()
    };
    let url = format!("unix:{}", shared.socket.display());
    shared.runtime.block_on(async {
        let client = Client::builder().url(url).token(client).retry_for(Duration::ZERO).build().expect("a client");
        work(&client).await;
    });
}
