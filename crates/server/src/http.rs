//! The one port: calls go to the services, everything else to the pages.

use std::any::Any;
use std::convert::Infallible;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body as PageBody;
use boxwood_proto::connectrpc::{ConnectError, ConnectRpcBody, ConnectRpcService};
use bytes::Bytes;
use futures::FutureExt as _;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, Method, Request, Response, StatusCode, Version};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tower::Service as _;

use crate::direct::{self, Direct, NEXT_TASK};
use crate::dispatch::Undelivered;
use crate::hosts::Hosts;
use crate::metrics::Calls;

/// Answers requests; one for all connections, cheap to clone.
#[derive(Clone)]
pub(crate) struct Front(pub(crate) Arc<Served>);

/// What requests are answered with.
pub(crate) struct Served {
    /// The services.
    pub(crate) rpc: ConnectRpcService,
    /// Everything that is not a call.
    pub(crate) pages: axum::Router,
    /// Which hosts requests may name; none if every request is answered.
    pub(crate) hosts: Option<Hosts>,
    /// Counters.
    pub(crate) calls: Arc<Calls>,
    /// The call that is answered without the services.
    pub(crate) direct: Direct,
}

impl hyper::service::Service<Request<Incoming>> for Front {
    type Response = Response<Answer>;
    type Error = Infallible;
    type Future = Answering;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        self.answer(request)
    }
}

type Answering = Pin<Box<dyn Future<Output = Result<Response<Answer>, Infallible>> + Send>>;

impl Front {
    /// Answers a request, wherever its body comes from.
    pub(crate) fn answer<B>(&self, request: Request<B>) -> Answering
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: std::error::Error + Send + Sync + 'static,
    {
        if let Some(hosts) = &self.0.hosts
            && let Err(message) = hosts.check(request.uri(), request.headers())
        {
            self.0.calls.note_refused();
            return Box::pin(std::future::ready(Ok(forbidden(&message))));
        }
        if is_call(&request) { self.call_procedure(request) } else { self.show_page(request) }
    }

    fn call_procedure<B>(&self, request: Request<B>) -> Answering
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: std::error::Error + Send + Sync + 'static,
    {
        let kind = request.headers().get(CONTENT_TYPE).cloned();
        let served = self.0.clone();
        let direct = direct::is_likely(&request);
        Box::pin(async move {
            let answer = async {
                if direct {
                    served.hand_out(request).await
                } else {
                    served.call_service(request.map(direct::Begun::untouched)).await
                }
            };
            // A task that was handed out goes back with what the panic drops.
            Ok(AssertUnwindSafe(answer).catch_unwind().await.unwrap_or_else(|panic| fault(&*panic, kind)))
        })
    }

    fn show_page<B>(&self, request: Request<B>) -> Answering
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: std::error::Error + Send + Sync + 'static,
    {
        let page = self.0.pages.clone().call(request.map(PageBody::new));
        Box::pin(async move {
            let answer = match AssertUnwindSafe(page).catch_unwind().await {
                Ok(Ok(page)) => page.map(Answer::Page),
                Err(panic) => fault(&*panic, None),
            };
            Ok(answer)
        })
    }
}

impl Served {
    /// Answers a call of NextTask; by the service, if it is not of the usual shape.
    async fn hand_out<B>(&self, request: Request<B>) -> Response<Answer>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: std::error::Error + Send + Sync + 'static,
    {
        let (head, body) = request.into_parts();
        let (message, ended) = match direct::Begun::whole_message(body).await {
            Ok(message) => message,
            Err(body) => return self.call_service(Request::from_parts(head, body)).await,
        };
        match self.direct.answer(&head.headers, &message).await {
            Some(Ok(answer)) => {
                self.calls.count(NEXT_TASK, None);
                answer.map(Answer::Direct)
            }
            Some(Err(error)) => {
                self.calls.count(NEXT_TASK, Some(error.code));
                in_words(error, &head.headers)
            }
            None => {
                let body = direct::Begun::after(message, ended);
                self.call_service(Request::from_parts(head, body)).await
            }
        }
    }

    /// Has a service answer a call.
    async fn call_service<B>(&self, mut request: Request<direct::Begun<B>>) -> Response<Answer>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: std::error::Error + Send + Sync + 'static,
    {
        self.calls.note(request.uri().path());
        let undelivered = (request.uri().path() == NEXT_TASK).then(Undelivered::default);
        let multiplexed = undelivered.is_some() && request.version() == Version::HTTP_2;
        if let Some(undelivered) = &undelivered {
            request.extensions_mut().insert(undelivered.clone());
        }
        let Ok(answer) = self.rpc.clone().call(request).await;
        answer.map(|body| Answer::Call { body, undelivered, multiplexed })
    }
}

/// Whether a request is a call of a procedure, known or not: `/package.Service/Method`, or what only a call has.
fn is_call<B>(request: &Request<B>) -> bool {
    let path = request.uri().path();
    let service = path.strip_prefix('/').and_then(|path| path.split_once('/')).map(|(service, _)| service);
    if service.is_some_and(|service| service.contains('.')) {
        return true;
    }
    let kind = request.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    request.method() == Method::POST && (kind.starts_with(b"application/grpc") || kind == b"application/proto")
}

/// The answer to a call that found a fault of ours.
fn fault(panic: &(dyn Any + Send), kind: Option<HeaderValue>) -> Response<Answer> {
    let message = panic.downcast_ref::<String>().map(String::as_str);
    let message = message.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
    tracing::error!(message, "a call ended in a panic");
    let headers: HeaderMap = kind.map(|kind| (CONTENT_TYPE, kind)).into_iter().collect();
    in_words(ConnectError::internal("the server failed while handling this call; its log says more"), &headers)
}

/// An error, as the protocol of the request has it.
fn in_words(error: ConnectError, request: &HeaderMap) -> Response<Answer> {
    let answer = error.into_http_response(request);
    answer.map(|body| Answer::Call { body, undelivered: None, multiplexed: false })
}

fn forbidden(message: &str) -> Response<Answer> {
    let error = ConnectError::permission_denied(message);
    let mut response = Response::new(Answer::Page(PageBody::from(error.to_json())));
    *response.status_mut() = StatusCode::FORBIDDEN;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// The body of an answer.
pub(crate) enum Answer {
    /// What a service answers.
    Call {
        /// The message.
        body: ConnectRpcBody,
        /// A task handed out by it, put back if the body is not written to its end.
        undelivered: Option<Undelivered>,
        /// The client may leave the body unread while it reads others, so only its end says that it was written. On a
        /// connection of its own a body of one piece is written with its head.
        multiplexed: bool,
    },
    /// What NextTask answers without the services.
    Direct(direct::Reply),
    /// A page.
    Page(PageBody),
}

impl Body for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        match self.get_mut() {
            Self::Call { body, undelivered, multiplexed } => {
                let frame = std::task::ready!(Pin::new(&mut *body).poll_frame(context));
                let last = match &frame {
                    Some(Ok(frame)) => {
                        frame.is_trailers() || (!*multiplexed && matches!(body, ConnectRpcBody::Full(_)))
                    }
                    _ => true,
                };
                if last && let Some(handed_out) = undelivered.take().and_then(|undelivered| undelivered.take()) {
                    handed_out.delivered();
                }
                Poll::Ready(frame.map(|frame| frame.map_err(axum::Error::new)))
            }
            Self::Direct(reply) => Poll::Ready(reply.next_frame().map(Ok)),
            Self::Page(body) => Pin::new(body).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Call { body: ConnectRpcBody::Full(body), multiplexed: false, .. } => body.is_end_stream(),
            Self::Call { .. } | Self::Direct(_) => false,
            Self::Page(body) => body.is_end_stream(),
        }
    }

    /// The library does not say how long its whole bodies are; with it HTTP/1.1 answers have a content length.
    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Call { body: ConnectRpcBody::Full(body), multiplexed: false, .. } => body.size_hint(),
            Self::Call { .. } | Self::Direct(_) => SizeHint::default(),
            Self::Page(body) => body.size_hint(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_told_from_pages() {
        let request = |method: Method, path: &str, kind: Option<&str>| {
            let mut request = Request::builder().method(method).uri(path);
            if let Some(kind) = kind {
                request = request.header(CONTENT_TYPE, kind);
            }
            is_call(&request.body(()).expect("a request"))
        };
        assert!(request(Method::POST, "/workflows.v1.JobService/GetJob", Some("application/proto")));
        assert!(request(Method::POST, "/workflows.v1.JobService/GetJob", None));
        assert!(request(Method::POST, "/no/such", Some("application/grpc+proto")));
        assert!(!request(Method::POST, "/v1/logs", Some("application/x-protobuf")));
        assert!(!request(Method::POST, "/v1/logs", Some("application/json")));
        assert!(!request(Method::GET, "/healthz", None));
        assert!(!request(Method::GET, "/index.html", None));
    }
}
