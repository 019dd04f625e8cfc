//! What goes through a unix socket: HTTP/2 whose `:authority` is made readable on the way, byte by byte.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, ReadBuf};

use crate::input::Input;

#[allow(dead_code, unreachable_pub, reason = "a source of the server, of which only reading is tried")]
#[path = "../../server/src/authority.rs"]
mod source;

/// What every HTTP/2 connection begins with.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub(crate) fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let (pieces, complete) = (input.bytes(), input.flag());
    let mut sent = if complete { PREFACE.to_vec() } else { Vec::new() };
    sent.extend_from_slice(input.rest());
    let whole = through(&sent, |_| usize::MAX);
    assert_eq!(whole.len(), sent.len(), "nothing is added or left out");
    for (place, (before, after)) in sent.iter().zip(&whole).enumerate() {
        assert!(before == after || (*before, *after) == (b'%', b'-'), "byte {place} was {before} and is {after}");
    }
    if !sent.starts_with(PREFACE) {
        assert_eq!(whole, sent, "what is no HTTP/2 passes as it is");
    }
    let size = |number: usize| pieces.get(number % pieces.len().max(1)).map_or(1, |size| usize::from(*size).max(1));
    assert_eq!(through(&sent, size), whole, "how the bytes arrive makes no difference");
}

/// Reads it all, in pieces of these sizes.
fn through(sent: &[u8], size: impl Fn(usize) -> usize) -> Vec<u8> {
    let mut stream = source::ReadableAuthority::new(sent);
    let mut context = Context::from_waker(Waker::noop());
    let mut received = Vec::new();
    for number in 0.. {
        let mut piece = vec![0; size(number).min(sent.len() + 1)];
        let mut buffer = ReadBuf::new(&mut piece);
        match Pin::new(&mut stream).poll_read(&mut context, &mut buffer) {
            Poll::Ready(Ok(())) if buffer.filled().is_empty() => break,
            Poll::Ready(Ok(())) => received.extend_from_slice(buffer.filled()),
            other => panic!("bytes in memory are always there, but the answer was {other:?}"),
        }
    }
    received
}
