//! Bodies of requests: read and unpacked within bounds.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use flate2::read::{MultiGzDecoder, ZlibDecoder};
use futures::StreamExt as _;

use super::intake::Refused;

/// Bytes of one request at most, before and after it is unpacked.
pub(super) const BODY_BYTES_MAX: usize = 64 << 20;

/// How long a client may take to send one. The exporters of the SDKs give up after 10 seconds.
const BODY_TIME_MAX: Duration = Duration::from_secs(30);

/// How a body is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Identity,
    Gzip,
    Deflate,
}

impl Encoding {
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, Refused> {
        let Some(value) = headers.get(CONTENT_ENCODING) else { return Ok(Self::Identity) };
        let named = |name: &str| value.as_bytes().eq_ignore_ascii_case(name.as_bytes());
        if value.is_empty() || named("identity") {
            Ok(Self::Identity)
        } else if named("gzip") {
            Ok(Self::Gzip)
        } else if named("deflate") {
            Ok(Self::Deflate)
        } else {
            Err(Refused::UnsupportedType(format!(
                "content-encoding {value:?} is not supported; gzip, deflate and none are"
            )))
        }
    }

    /// The message that was packed.
    pub(super) fn unpack(self, packed: Vec<u8>) -> Result<Vec<u8>, Refused> {
        match self {
            Self::Identity => Ok(packed),
            Self::Gzip => unpacked(MultiGzDecoder::new(&packed[..]), "gzip"),
            Self::Deflate => unpacked(ZlibDecoder::new(&packed[..]), "deflate"),
        }
    }
}

fn unpacked(reader: impl Read, name: &str) -> Result<Vec<u8>, Refused> {
    let mut message = Vec::new();
    let limit = BODY_BYTES_MAX as u64 + 1;
    match reader.take(limit).read_to_end(&mut message) {
        Ok(_) if message.len() > BODY_BYTES_MAX => Err(too_large()),
        Ok(_) => Ok(message),
        Err(error) => Err(Refused::Malformed(format!("the body is no {name}: {error}"))),
    }
}

fn too_large() -> Refused {
    Refused::TooLarge(format!("the request has more than {} MiB; send fewer records at once", BODY_BYTES_MAX >> 20))
}

/// Memory for the bodies of all requests together.
pub(super) struct Budget {
    used: AtomicUsize,
    bytes_max: usize,
}

/// Bytes taken from a budget, given back when dropped.
pub(super) struct Share {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Budget {
    pub(super) fn new(bytes_max: usize) -> Arc<Self> {
        Arc::new(Self { used: AtomicUsize::new(0), bytes_max })
    }

    fn share(self: &Arc<Self>) -> Share {
        Share { budget: self.clone(), bytes: 0 }
    }
}

impl Share {
    fn grow(&mut self, bytes: usize) -> Result<(), Refused> {
        let before = self.budget.used.fetch_add(bytes, Ordering::Relaxed);
        self.bytes += bytes;
        if before.saturating_add(bytes) > self.budget.bytes_max {
            return Err(Refused::Busy("too much telemetry arrives at once; send it again later".into()));
        }
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// Reads the body of a request, with its share of the budget.
pub(super) async fn read(headers: &HeaderMap, body: Body, budget: &Arc<Budget>) -> Result<(Vec<u8>, Share), Refused> {
    let announced = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|bytes| bytes > BODY_BYTES_MAX) {
        return Err(too_large());
    }
    let mut share = budget.share();
    let mut bytes = Vec::new();
    let mut pieces = body.into_data_stream();
    let reading = async {
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(|error| Refused::Malformed(format!("the body ended early: {error}")))?;
            if bytes.len() + piece.len() > BODY_BYTES_MAX {
                return Err(too_large());
            }
            share.grow(piece.len())?;
            bytes.extend_from_slice(&piece);
        }
        Ok(())
    };
    match tokio::time::timeout(BODY_TIME_MAX, reading).await {
        Ok(read) => read?,
        Err(_) => return Err(Refused::TooSlow(format!("the body took longer than {} s", BODY_TIME_MAX.as_secs()))),
    }
    Ok((bytes, share))
}
