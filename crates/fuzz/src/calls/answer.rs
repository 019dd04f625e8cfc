//! What answers may be.

use bytes::Bytes;
use http::{HeaderMap, Response};

use super::request::Kind;

/// Bytes of an answer at most. The largest is a picture of a job of 200 tasks.
const ANSWER_BYTES_MAX: usize = 4 << 20;

/// Bytes of the text of a status.
const MESSAGE_BYTES_MAX: usize = 16_384;

/// What the library says to a frame that is compressed nobody says how.
const COMPRESSED_SOMEHOW: &str = "received compressed message without grpc-encoding header";

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Ok,
    /// With this code of gRPC or status of HTTP.
    Refused(u16),
}

/// Panics unless the answer is one that is documented (section 12.2). No bytes of a client are a fault of the server.
pub(super) fn check(shown: &str, kind: Kind, (response, trailers): &(Response<Bytes>, HeaderMap)) -> Status {
    let body = response.body();
    assert!(body.len() <= ANSWER_BYTES_MAX, "{} bytes for {shown}", body.len());
    let number = |headers: &HeaderMap| headers.get("grpc-status").map(|value| value.to_str().unwrap_or("").to_owned());
    if let Some(code) = number(trailers).or_else(|| number(response.headers())) {
        return grpc(shown, &code, response, trailers);
    }
    assert_ne!(kind, Kind::Grpc, "no grpc-status for {shown}: {response:?}");
    match response.status().as_u16() {
        200 => {
            if kind == Kind::Json {
                // Only the first byte: what follows is the library's.
                assert!(body.starts_with(b"{"), "no JSON for {shown}: {body:?}");
            }
            Status::Ok
        }
        // The documented codes over Connect, requests that are no calls, and those of OTLP.
        status @ (400 | 403 | 404 | 405 | 408 | 409 | 413 | 415 | 429 | 501) => {
            assert!(body.len() <= MESSAGE_BYTES_MAX, "{} bytes for {shown}", body.len());
            Status::Refused(status)
        }
        status => panic!("status {status} for {shown}: {body:?}"),
    }
}

fn grpc(shown: &str, code: &str, response: &Response<Bytes>, trailers: &HeaderMap) -> Status {
    let body = response.body();
    let message = trailers.get("grpc-message").or_else(|| response.headers().get("grpc-message"));
    assert!(message.is_none_or(|message| message.len() <= MESSAGE_BYTES_MAX), "a long message for {shown}");
    match code {
        "0" => {
            let length = body.get(1..5).map(|bytes| u32::from_be_bytes(bytes.try_into().expect("four bytes")));
            assert_eq!(length.map(|length| length as usize + 5), Some(body.len()), "the frame of {shown}");
            Status::Ok
        }
        // INVALID_ARGUMENT, NOT_FOUND, ALREADY_EXISTS, PERMISSION_DENIED, RESOURCE_EXHAUSTED, UNIMPLEMENTED; and
        // DEADLINE_EXCEEDED where the client said how long it waits.
        "3" | "5" | "6" | "7" | "8" | "12" => Status::Refused(code.parse().expect("a number")),
        "4" if shown.contains("timeout") => Status::Refused(4),
        // A frame that says it is compressed while no header says how: gRPC wants INTERNAL for it, and no client does it.
        "13" if message.is_some_and(|message| message == COMPRESSED_SOMEHOW) => Status::Refused(13),
        _ => panic!("code {code} {message:?} for {shown}"),
    }
}
