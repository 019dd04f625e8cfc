//! Export requests, taken apart into records.
//!
//! Requests are walked on the wire format: a record, its scope and its resource are stored as the bytes they came in, so
//! nothing is lost or changed, whatever a newer sender puts into them. Each is decoded on the way, once, so that only what
//! is whole is stored.

use std::sync::Arc;

use boxwood_engine::TaskId;
use boxwood_proto::buffa::encoding::{Tag, WireType, skip_field};
use boxwood_proto::buffa::types::{borrow_bytes, put_len_delimited_header};
use boxwood_proto::buffa::{DecodeError, DecodeOptions, MessageView};
use boxwood_proto::opentelemetry::proto::common::v1::__buffa::view::oneof::any_value::Value;
use boxwood_proto::opentelemetry::proto::common::v1::KeyValueView;
use boxwood_proto::opentelemetry::proto::logs::v1::{LogRecordView, ResourceLogsView, ScopeLogsView};
use boxwood_proto::opentelemetry::proto::trace::v1::{ResourceSpansView, ScopeSpansView, SpanView};
use boxwood_store::telemetry::{Kind, NewRecord, Severity, TraceId};

use super::intake::Refused;

/// Records, scopes or resources of one request at most: each takes some hundred bytes, however few it has on the wire.
const RECORDS_MAX: usize = 200_000;

/// Bytes of memory that the elements of one record, or one resource, may take.
const ELEMENT_BYTES_MAX: usize = 256 << 20;

/// What a request carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signal {
    Logs,
    Spans,
}

/// Field numbers, the same for both signals: of the resources in a request, of the scopes in a resource, of the records in
/// a scope.
const RESOURCES: u32 = 1;
const SCOPES: u32 = 2;
const RECORDS: u32 = 2;

/// Fields of a log record.
const LOG_TRACE_ID: u32 = 9;
const LOG_SPAN_ID: u32 = 10;

/// The records of a request. `now`, in nanoseconds since 1970, is the time of records that say none.
pub(super) fn records(signal: Signal, request: &[u8], now: u64) -> Result<Vec<NewRecord>, Refused> {
    let mut records = Vec::new();
    for resource in parts(request, RESOURCES)?.inner {
        let resource = parts(resource, SCOPES)?;
        let resource_own: Arc<[u8]> = resource.own.into();
        match signal {
            Signal::Logs => check::<ResourceLogsView<'_>>(&resource_own)?,
            Signal::Spans => check::<ResourceSpansView<'_>>(&resource_own)?,
        }
        for scope in resource.inner {
            let scope = parts(scope, RECORDS)?;
            let scope_own: Arc<[u8]> = scope.own.into();
            match signal {
                Signal::Logs => check::<ScopeLogsView<'_>>(&scope_own)?,
                Signal::Spans => check::<ScopeSpansView<'_>>(&scope_own)?,
            }
            if records.len() + scope.inner.len() > RECORDS_MAX {
                return Err(too_many());
            }
            for encoded in scope.inner {
                let record = match signal {
                    Signal::Logs => log(encoded, now)?,
                    Signal::Spans => span(encoded, now)?,
                };
                records.push(NewRecord { resource: resource_own.clone(), scope: scope_own.clone(), ..record });
            }
        }
    }
    Ok(records)
}

/// A message, with one of its fields taken out.
struct Parts<'a> {
    /// All other fields, encoded.
    own: Vec<u8>,
    /// Every value of the field.
    inner: Vec<&'a [u8]>,
}

fn parts(message: &[u8], field: u32) -> Result<Parts<'_>, Refused> {
    let mut parts = Parts { own: Vec::new(), inner: Vec::new() };
    let mut rest = message;
    while !rest.is_empty() {
        let start = rest;
        let tag = Tag::decode(&mut rest)?;
        if tag.field_number() == field && tag.wire_type() == WireType::LengthDelimited {
            parts.inner.push(borrow_bytes(&mut rest)?);
            if parts.inner.len() > RECORDS_MAX {
                return Err(too_many());
            }
        } else {
            skip_field(tag, &mut rest)?;
            parts.own.extend_from_slice(&start[..start.len() - rest.len()]);
        }
    }
    Ok(parts)
}

fn too_many() -> Refused {
    Refused::TooLarge(format!("the request has more than {RECORDS_MAX} records; send fewer at once"))
}

impl From<DecodeError> for Refused {
    fn from(error: DecodeError) -> Self {
        Self::Malformed(format!("the body is no export request in protobuf: {error}"))
    }
}

fn decode<'a, V: MessageView<'a>>(encoded: &'a [u8]) -> Result<V, DecodeError> {
    DecodeOptions::new().with_element_memory_limit(ELEMENT_BYTES_MAX).decode_view(encoded)
}

fn check<'a, V: MessageView<'a>>(encoded: &'a [u8]) -> Result<(), DecodeError> {
    decode::<V>(encoded).map(|_| ())
}

fn log(encoded: &[u8], now: u64) -> Result<NewRecord, Refused> {
    let view: LogRecordView<'_> = decode(encoded)?;
    let mut encoded = encoded.to_vec();
    let text = |key| text_attribute(view.attributes.iter(), key);
    let mut trace = TraceId::from_bytes(view.trace_id);
    // O-4. A field that comes later on the wire replaces one that came before.
    if trace.is_none() {
        trace = text("trace_id").and_then(hex).and_then(|id: [u8; 16]| TraceId::from_bytes(&id));
        if let Some(trace) = trace {
            put_bytes(&mut encoded, LOG_TRACE_ID, &trace.to_bytes());
        }
    }
    if view.span_id.iter().all(|byte| *byte == 0)
        && let Some(span) = text("span_id").and_then(hex::<8>).filter(|span| *span != [0; 8])
    {
        put_bytes(&mut encoded, LOG_SPAN_ID, &span);
    }
    Ok(NewRecord {
        kind: Kind::Log(Severity::of(view.severity_number.to_i32())),
        time: first_set([view.time_unix_nano, view.observed_time_unix_nano, now]),
        task: task(view.attributes.iter()),
        trace,
        encoded,
        ..empty()
    })
}

fn span(encoded: &[u8], now: u64) -> Result<NewRecord, Refused> {
    let view: SpanView<'_> = decode(encoded)?;
    Ok(NewRecord {
        kind: Kind::Span,
        time: first_set([view.start_time_unix_nano, view.end_time_unix_nano, now]),
        task: task(view.attributes.iter()),
        trace: TraceId::from_bytes(view.trace_id),
        encoded: encoded.to_vec(),
        ..empty()
    })
}

fn empty() -> NewRecord {
    NewRecord {
        kind: Kind::Span,
        time: 0,
        job: None,
        task: None,
        trace: None,
        resource: Arc::default(),
        scope: Arc::default(),
        encoded: Vec::new(),
    }
}

/// The first time that is known; 0 stands for an unknown one.
fn first_set(times: [u64; 3]) -> u64 {
    times.into_iter().find(|time| *time != 0).unwrap_or_default()
}

/// The task that the attribute `task_id` names, a UUID as text.
fn task<'a>(attributes: impl Iterator<Item = &'a KeyValueView<'a>>) -> Option<TaskId> {
    hex(text_attribute(attributes, "task_id")?).and_then(|id: [u8; 16]| TaskId::from_bytes(&id))
}

fn text_attribute<'a>(mut attributes: impl Iterator<Item = &'a KeyValueView<'a>>, key: &str) -> Option<&'a str> {
    let attribute = attributes.find(|attribute| attribute.key == key)?;
    match attribute.value.as_option()?.value.as_ref()? {
        Value::StringValue(text) => Some(text),
        _ => None,
    }
}

/// Reads exactly N bytes from hexadecimal digits; hyphens, as in a UUID, count for nothing.
fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut digits = text.chars().filter(|digit| *digit != '-').map(|digit| digit.to_digit(16));
    let mut bytes = [0; N];
    for byte in &mut bytes {
        *byte = u8::try_from(digits.next()?? << 4 | digits.next()??).ok()?;
    }
    digits.next().is_none().then_some(bytes)
}

fn put_bytes(message: &mut Vec<u8>, field: u32, bytes: &[u8]) {
    put_len_delimited_header(field, bytes.len() as u64, message);
    message.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_from_text() {
        let id = hex::<16>("0190a5b2-7c3d-7e4f-8a1b-2c3d4e5f6071").expect("a UUID");
        assert_eq!(id[..4], [0x01, 0x90, 0xa5, 0xb2]);
        assert_eq!(hex("0190A5B27C3D7E4F8A1B2C3D4E5F6071"), Some(id));
        assert_eq!(hex::<2>("01ff"), Some([1, 255]));
        for wrong in ["", "01f", "01fff", "01ff0", "01f\u{e9}", "0x1f", "+1+2"] {
            assert_eq!(hex::<2>(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn requests_of_very_many_records_are_refused_before_they_take_memory() {
        // An empty record has two bytes on the wire.
        let scope: Vec<u8> = [0x12, 0].repeat(RECORDS_MAX + 1);
        let mut resource = Vec::new();
        put_bytes(&mut resource, SCOPES, &scope);
        let mut request = Vec::new();
        put_bytes(&mut request, RESOURCES, &resource);
        assert!(matches!(records(Signal::Logs, &request, 1), Err(Refused::TooLarge(_))));
        let empty_resources = [0x0a, 0].repeat(RECORDS_MAX + 1);
        assert!(matches!(records(Signal::Spans, &empty_resources, 1), Err(Refused::TooLarge(_))));
    }
}
