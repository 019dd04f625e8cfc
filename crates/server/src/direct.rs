//! NextTask over gRPC, answered without the general machinery of the RPC library.
//!
//! Nearly all calls of a busy server are this one, in one shape: HTTP/2, one small message that arrives whole, not
//! compressed, no deadline. The library prepares for everything else that a call might be, which cost as much as deciding
//! and storing the task (docs/benchmarks.md). Whatever is not of that shape, or cannot be read, goes to the library with
//! all that was read of it; so does every fault. The answers are the same, which a test compares.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use boxwood_proto::buffa::{Message as _, MessageView as _};
use boxwood_proto::connectrpc::envelope::{HEADER_SIZE, flags};
use boxwood_proto::connectrpc::{CompressionPolicy, CompressionRegistry, ConnectError};
use boxwood_proto::workflows::v1 as wire;
use bytes::{BufMut as _, Bytes, BytesMut};
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, Method, Request, Response, Version};
use http_body::{Body, Frame, SizeHint};

use crate::dispatch::HandedOut;
use crate::door::Door;
use crate::rpc::task;

/// The call that hands out tasks.
pub(crate) const NEXT_TASK: &str = "/workflows.v1.TaskService/NextTask";

const ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");
const ACCEPT_ENCODING: HeaderName = HeaderName::from_static("grpc-accept-encoding");
const TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");
const STATUS: HeaderName = HeaderName::from_static("grpc-status");

/// Larger messages are read by the library, which counts what their parts take in memory.
const MESSAGE_BYTES_MAX: usize = 64 << 10;

/// Whether the head of a request has the shape that is answered here.
pub(crate) fn is_likely<B>(request: &Request<B>) -> bool {
    let headers = request.headers();
    let kind = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    request.uri().path() == NEXT_TASK
        && request.method() == Method::POST
        && request.version() == Version::HTTP_2
        && matches!(kind, Some(b"application/grpc" | b"application/grpc+proto"))
        && headers.get(ENCODING).is_none_or(|encoding| encoding == "identity")
        && !headers.contains_key(TIMEOUT)
}

/// A body of which frames may have been read already.
pub(crate) struct Begun<B> {
    read: std::vec::IntoIter<Frame<Bytes>>,
    rest: B,
}

impl<B: Body<Data = Bytes> + Unpin> Begun<B> {
    pub(crate) fn untouched(rest: B) -> Self {
        Self { read: Vec::new().into_iter(), rest }
    }

    /// A body that begins with what was read of it.
    pub(crate) fn after(read: Bytes, rest: B) -> Self {
        Self { read: vec![Frame::data(read)].into_iter(), rest }
    }

    /// The message behind its prefix and the ended body, if that is one small message and nothing else; else the body as it
    /// was.
    pub(crate) async fn whole_message(mut rest: B) -> Result<(Bytes, B), Self> {
        let Some(Ok(first)) = next(&mut rest).await else { return Err(Self::untouched(rest)) };
        let second = if rest.is_end_stream() { None } else { next(&mut rest).await };
        match (first.into_data(), second) {
            (Ok(bytes), None) if message_in(&bytes).is_some() => Ok((bytes, rest)),
            (first, second) => {
                let first = first.map_or_else(|frame| frame, Frame::data);
                // The end of a body that fails is told again by its stream.
                let read: Vec<_> = [first].into_iter().chain(second.and_then(Result::ok)).collect();
                Err(Self { read: read.into_iter(), rest })
            }
        }
    }
}

async fn next<B: Body + Unpin>(body: &mut B) -> Option<Result<Frame<B::Data>, B::Error>> {
    std::future::poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await
}

/// The message in these bytes, if they are one that is not compressed.
fn message_in(bytes: &[u8]) -> Option<&[u8]> {
    let (&[compressed, a, b, c, d], message) = bytes.split_first_chunk::<HEADER_SIZE>()?;
    let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).ok()?;
    (compressed == flags::DATA && message.len() == length && length <= MESSAGE_BYTES_MAX).then_some(message)
}

impl<B: Body<Data = Bytes> + Unpin> Body for Begun<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match self.read.next() {
            Some(frame) => Poll::Ready(Some(Ok(frame))),
            None => Pin::new(&mut self.rest).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.read.as_slice().is_empty() && self.rest.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        if self.read.as_slice().is_empty() { self.rest.size_hint() } else { SizeHint::default() }
    }
}

/// Answers calls of NextTask.
pub(crate) struct Direct {
    door: Arc<Door>,
    compression: CompressionRegistry,
    /// The encodings that requests may have.
    accepted: HeaderValue,
}

impl Direct {
    pub(crate) fn new(door: Arc<Door>, compression: CompressionRegistry) -> Self {
        let accepted = HeaderValue::from_str(compression.accept_encoding_header());
        Self { door, compression, accepted: accepted.expect("encodings have plain names") }
    }

    /// Answers the message of a call, behind its prefix. No answer: it cannot be read, which the library says best.
    pub(crate) async fn answer(
        &self,
        headers: &HeaderMap,
        message: &[u8],
    ) -> Option<Result<Response<Reply>, ConnectError>> {
        let report = match task::report(&wire::NextTaskRequestView::decode_view(message.get(HEADER_SIZE..)?).ok()?) {
            Ok(report) => report,
            Err(error) => return Some(Err(error)),
        };
        let wait = task::offered_wait(headers.get(task::WAIT_HEADER));
        let answer = task::next_task(&self.door, report, wait).await;
        Some(answer.map(|(answer, handed_out)| self.response(headers, &answer, handed_out)))
    }

    fn response(
        &self,
        request: &HeaderMap,
        answer: &wire::NextTaskResponse,
        handed_out: Option<HandedOut>,
    ) -> Response<Reply> {
        let asked = request.get(ACCEPT_ENCODING).and_then(|encodings| encodings.to_str().ok());
        let encoding = self.compression.negotiate_encoding(asked, None);
        let message = Some(self.enveloped(encoding, answer));
        let mut response = Response::new(Reply { message, handed_out, ended: false });
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc+proto"));
        headers.insert(ACCEPT_ENCODING, self.accepted.clone());
        if let Some(encoding) = encoding {
            headers.insert(ENCODING, HeaderValue::from_static(encoding));
        }
        response
    }

    /// A message behind its prefix: whether it is compressed, and its length in four bytes.
    fn enveloped(&self, encoding: Option<&str>, answer: &wire::NextTaskResponse) -> Bytes {
        let mut bytes = BytesMut::with_capacity(512);
        bytes.put_bytes(flags::DATA, HEADER_SIZE);
        answer.encode(&mut bytes);
        let plain = &bytes[HEADER_SIZE..];
        if let Some(encoding) = encoding
            && CompressionPolicy::default().should_compress(plain.len())
            && let Ok(compressed) = self.compression.compress(encoding, plain)
        {
            bytes.truncate(HEADER_SIZE);
            bytes[0] = flags::COMPRESSED;
            bytes.extend_from_slice(&compressed);
        }
        let length = u32::try_from(bytes.len() - HEADER_SIZE).expect("a message has less than 4 GiB");
        bytes[1..HEADER_SIZE].copy_from_slice(&length.to_be_bytes());
        bytes.freeze()
    }
}

/// The body of an answer: the message, then the status. A task it hands out is put back unless all of it is taken.
pub(crate) struct Reply {
    message: Option<Bytes>,
    handed_out: Option<HandedOut>,
    ended: bool,
}

impl Reply {
    pub(crate) fn next_frame(&mut self) -> Option<Frame<Bytes>> {
        if let Some(message) = self.message.take() {
            return Some(Frame::data(message));
        }
        if std::mem::replace(&mut self.ended, true) {
            return None;
        }
        if let Some(handed_out) = self.handed_out.take() {
            handed_out.delivered();
        }
        let mut trailers = HeaderMap::with_capacity(1);
        trailers.insert(STATUS, HeaderValue::from_static("0"));
        Some(Frame::trailers(trailers))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::executor::block_on;
    use http_body_util::{BodyExt as _, StreamBody};
    use std::convert::Infallible;

    type Pieces = StreamBody<futures::stream::Iter<std::vec::IntoIter<Result<Frame<Bytes>, Infallible>>>>;

    fn body(pieces: &[&[u8]]) -> Pieces {
        let frames: Vec<_> = pieces.iter().map(|piece| Ok(Frame::data(Bytes::copy_from_slice(piece)))).collect();
        StreamBody::new(futures::stream::iter(frames))
    }

    #[test]
    fn a_whole_message_is_taken_and_anything_else_is_left_as_it_was() {
        for whole in [&b"\0\0\0\0\x02ab"[..], b"\0\0\0\0\0"] {
            let Ok((message, _)) = block_on(Begun::whole_message(body(&[whole]))) else { panic!("{whole:?} was left") };
            assert_eq!(message, whole);
        }
        let others: [&[&[u8]]; 7] = [
            &[],
            &[b"\0\0\0"],
            &[b"\x01\0\0\0\x02ab"],
            &[b"\0\0\0\0\x02a"],
            &[b"\0\0\0\0\x02abc"],
            &[b"\0\0\0\0\x02", b"ab"],
            &[b"\0\0\0\0\x01a", b"\0\0\0\0\x01a", b"more"],
        ];
        for pieces in others {
            let Err(left) = block_on(Begun::whole_message(body(pieces))) else { panic!("{pieces:?} was taken") };
            let read = block_on(left.collect()).expect("no piece fails").to_bytes();
            assert_eq!(read, pieces.concat(), "{pieces:?}");
        }
    }
}
