//! Records as OTLP messages.

use std::sync::Arc;

use boxwood_proto::buffa::Message as _;
use boxwood_proto::opentelemetry::proto::collector::logs::v1::{ExportLogsServiceRequest, ExportLogsServiceResponse};
use boxwood_proto::opentelemetry::proto::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use boxwood_proto::opentelemetry::proto::common::v1::any_value::Value;
use boxwood_proto::opentelemetry::proto::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList,
};
use boxwood_proto::opentelemetry::proto::logs::v1::{LogRecord, ResourceLogs, ScopeLogs, SeverityNumber};
use boxwood_proto::opentelemetry::proto::resource::v1::Resource;
use boxwood_proto::opentelemetry::proto::trace::v1::span::{Event as WireEvent, Link};
use boxwood_proto::opentelemetry::proto::trace::v1::status::StatusCode;
use boxwood_proto::opentelemetry::proto::trace::v1::{
    ResourceSpans, ScopeSpans, Span as WireSpan, Status as WireStatus,
};
use jiff::Timestamp;
use tracing::Level;

use super::queue::Weighed;
use super::record::{Attributes, Entry, Event, Log, Span, Status};
use super::span::TASK_ID;
use crate::AttributeValue;
use crate::trace_parent::TraceParent;

/// The W3C flag of a span that is recorded, and what OTLP adds above it: whether the parent is known to be remote, and
/// whether it is.
const SAMPLED: u32 = 0x1;
const REMOTE_IS_KNOWN: u32 = 0x100;
const IS_REMOTE: u32 = 0x200;

/// One kind of records: how they are called, and how they travel (O-1).
pub(super) trait Signal: Weighed + Send + Sync + Sized + 'static {
    /// What several of them are called.
    const NOUN: &'static str;
    /// Where they are sent, below the address of a backend.
    const PATH: &'static str;

    /// The request that carries them.
    fn request(records: &[Arc<Self>], resource: &Resource) -> Vec<u8>;

    /// How many of them the answer says were refused, and why.
    fn refused(answer: &[u8]) -> Option<(u64, String)>;
}

impl Signal for Log {
    const NOUN: &'static str = "log records";
    const PATH: &'static str = "/v1/logs";

    fn request(records: &[Arc<Self>], resource: &Resource) -> Vec<u8> {
        let scopes = by_scope(records, |log| log.entry.target, log_record);
        let scope_logs =
            |(target, log_records)| ScopeLogs { scope: scope(target).into(), log_records, ..Default::default() };
        let logs = ResourceLogs {
            resource: resource.clone().into(),
            scope_logs: scopes.into_iter().map(scope_logs).collect(),
            ..Default::default()
        };
        ExportLogsServiceRequest { resource_logs: vec![logs], ..Default::default() }.encode_to_vec()
    }

    fn refused(answer: &[u8]) -> Option<(u64, String)> {
        let answer = ExportLogsServiceResponse::decode_from_slice(answer).ok()?.partial_success.into_option()?;
        let count = u64::try_from(answer.rejected_log_records).ok().filter(|count| *count > 0)?;
        Some((count, answer.error_message))
    }
}

impl Signal for Span {
    const NOUN: &'static str = "spans";
    const PATH: &'static str = "/v1/traces";

    fn request(records: &[Arc<Self>], resource: &Resource) -> Vec<u8> {
        let scopes = by_scope(records, |span| span.target, wire_span);
        let scope_spans = |(target, spans)| ScopeSpans { scope: scope(target).into(), spans, ..Default::default() };
        let spans = ResourceSpans {
            resource: resource.clone().into(),
            scope_spans: scopes.into_iter().map(scope_spans).collect(),
            ..Default::default()
        };
        ExportTraceServiceRequest { resource_spans: vec![spans], ..Default::default() }.encode_to_vec()
    }

    fn refused(answer: &[u8]) -> Option<(u64, String)> {
        let answer = ExportTraceServiceResponse::decode_from_slice(answer).ok()?.partial_success.into_option()?;
        let count = u64::try_from(answer.rejected_spans).ok().filter(|count| *count > 0)?;
        Some((count, answer.error_message))
    }
}

/// Records next to others of the same module, which is their scope.
fn by_scope<R, W>(
    records: &[Arc<R>],
    target: impl Fn(&R) -> &'static str,
    wire: impl Fn(&R) -> W,
) -> Vec<(&'static str, Vec<W>)> {
    let mut scopes: Vec<(&'static str, Vec<W>)> = Vec::new();
    for record in records {
        let target = target(record);
        match scopes.iter_mut().find(|(known, _)| *known == target) {
            Some((_, records)) => records.push(wire(record)),
            None => scopes.push((target, vec![wire(record)])),
        }
    }
    scopes
}

fn scope(target: &str) -> InstrumentationScope {
    InstrumentationScope { name: target.to_owned(), ..Default::default() }
}

fn log_record(log: &Log) -> LogRecord {
    let Log { entry, within, task } = log;
    let mut attributes = attributes(&entry.attributes);
    // O-15. What the SDK adds counts more than what the user calls the same.
    let mut add = |key: &str, value: String| {
        attributes.retain(|attribute| attribute.key != key);
        attributes.push(attribute(key, Value::StringValue(value)));
    };
    if let Some(task) = task {
        add(TASK_ID, task.to_string());
    }
    if let Some(TraceParent { trace, span }) = within {
        add("trace_id", hex(trace));
        add("span_id", hex(span));
    }
    let (number, text) = severity(entry.level);
    LogRecord {
        time_unix_nano: entry.time,
        observed_time_unix_nano: entry.time,
        severity_number: number.into(),
        severity_text: text.to_owned(),
        body: any(Value::StringValue(entry.body.clone())).into(),
        attributes,
        flags: within.map_or(0, |_| SAMPLED),
        trace_id: within.map(|within| within.trace.to_vec()).unwrap_or_default(),
        span_id: within.map(|within| within.span.to_vec()).unwrap_or_default(),
        ..Default::default()
    }
}

fn wire_span(span: &Span) -> WireSpan {
    let mut attributes = attributes(&span.attributes);
    if let Some(task) = &span.task {
        attributes.retain(|attribute| attribute.key != TASK_ID);
        attributes.insert(0, attribute(TASK_ID, Value::StringValue(task.to_string())));
    }
    let remote = if span.parent_is_remote { IS_REMOTE } else { 0 };
    let link = |link: &TraceParent| Link {
        trace_id: link.trace.to_vec(),
        span_id: link.span.to_vec(),
        flags: SAMPLED,
        ..Default::default()
    };
    WireSpan {
        trace_id: span.context.trace.to_vec(),
        span_id: span.context.span.to_vec(),
        parent_span_id: span.parent.map(Vec::from).unwrap_or_default(),
        flags: SAMPLED | REMOTE_IS_KNOWN | remote,
        name: span.name.clone().into_owned(),
        kind: span.kind.into(),
        start_time_unix_nano: span.start,
        end_time_unix_nano: span.end,
        attributes,
        events: span.events.iter().map(event).collect(),
        dropped_events_count: span.events_dropped,
        links: span.links.iter().map(link).collect(),
        dropped_links_count: span.links_dropped,
        status: span.status.as_ref().map(status).into(),
        ..Default::default()
    }
}

fn event(event: &Event) -> WireEvent {
    match event {
        Event::Named { time, name, attributes: given } => WireEvent {
            time_unix_nano: *time,
            name: (*name).to_owned(),
            attributes: attributes(given),
            ..Default::default()
        },
        Event::Log(entry) => log_event(entry),
    }
}

/// O-16.
fn log_event(entry: &Entry) -> WireEvent {
    let text = |text: String| Value::StringValue(text);
    let time = Timestamp::from_nanosecond(entry.time.into()).unwrap_or_default();
    let mut all = vec![
        attribute("time", text(time.to_string())),
        attribute("body", text(entry.body.clone())),
        attribute("level", text(severity(entry.level).1.to_owned())),
    ];
    all.extend(attributes(&entry.attributes));
    WireEvent { time_unix_nano: entry.time, name: "log.message".to_owned(), attributes: all, ..Default::default() }
}

fn status(status: &Status) -> WireStatus {
    let (code, message) = match status {
        Status::Ok => (StatusCode::STATUS_CODE_OK, String::new()),
        Status::Error(message) => (StatusCode::STATUS_CODE_ERROR, message.clone().into_owned()),
    };
    WireStatus { message, code: code.into(), ..Default::default() }
}

/// O-31.
fn severity(level: Level) -> (SeverityNumber, &'static str) {
    match level {
        Level::TRACE => (SeverityNumber::SEVERITY_NUMBER_TRACE, "TRACE"),
        Level::DEBUG => (SeverityNumber::SEVERITY_NUMBER_DEBUG, "DEBUG"),
        Level::INFO => (SeverityNumber::SEVERITY_NUMBER_INFO, "INFO"),
        Level::WARN => (SeverityNumber::SEVERITY_NUMBER_WARN, "WARN"),
        Level::ERROR => (SeverityNumber::SEVERITY_NUMBER_ERROR, "ERROR"),
    }
}

fn attributes(attributes: &Attributes) -> Vec<KeyValue> {
    attributes.iter().map(|(key, value)| attribute(key, value_of(value))).collect()
}

/// An attribute with a value of its own type (O-38).
pub(super) fn attribute(key: &str, value: impl Into<Option<Value>>) -> KeyValue {
    KeyValue { key: key.to_owned(), value: any(value).into(), ..Default::default() }
}

fn any(value: impl Into<Option<Value>>) -> AnyValue {
    AnyValue { value: value.into(), ..Default::default() }
}

fn value_of(value: &AttributeValue) -> Option<Value> {
    Some(match value {
        AttributeValue::Empty => return None,
        AttributeValue::Text(text) => Value::StringValue(text.clone()),
        AttributeValue::Bool(value) => Value::BoolValue(*value),
        AttributeValue::Integer(number) => Value::IntValue(*number),
        AttributeValue::Double(number) => Value::DoubleValue(*number),
        AttributeValue::Bytes(bytes) => Value::BytesValue(bytes.clone()),
        AttributeValue::List(values) => {
            let values = values.iter().map(|value| any(value_of(value))).collect();
            Value::from(ArrayValue { values, ..Default::default() })
        }
        AttributeValue::Map(entries) => {
            let values = entries.iter().map(|(key, value)| attribute(key, value_of(value))).collect();
            Value::from(KeyValueList { values, ..Default::default() })
        }
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
