//! A span as JSON, and what a person wants to know of it.

use std::time::{Duration, SystemTime};

use boxwood::{SpanEvent, SpanKind, SpanLink, SpanRecord, SpanStatus};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::job::attributes::{attributes, plain};
use crate::when::rfc_3339;

/// A span as it was received. Bytes are written in hexadecimal digits.
#[derive(Debug, Serialize)]
pub(super) struct Span {
    pub(super) name: String,
    kind: &'static str,
    /// `unset`, `ok` or `error`.
    status: &'static str,
    status_message: String,
    started_at: String,
    ended_at: String,
    duration_seconds: f64,
    #[serde(skip)]
    pub(super) start: SystemTime,
    #[serde(skip)]
    pub(super) end: SystemTime,
    pub(super) task_id: Option<String>,
    pub(super) attributes: Map<String, Value>,
    /// What the process that made it says of itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) runner_attributes: Option<Map<String, Value>>,
    pub(super) events: Vec<Event>,
    links: Vec<Link>,
    scope: String,
    trace_id: String,
    pub(super) span_id: String,
    pub(super) parent_span_id: String,
}

/// Something that happened during a span.
#[derive(Debug, Serialize)]
pub(super) struct Event {
    time: String,
    pub(super) name: String,
    pub(super) attributes: Map<String, Value>,
}

/// Another span that a span has to do with.
#[derive(Debug, Serialize)]
struct Link {
    trace_id: String,
    span_id: String,
    attributes: Map<String, Value>,
}

impl From<SpanRecord> for Span {
    fn from(span: SpanRecord) -> Self {
        let (status, status_message) = match &span.status {
            SpanStatus::Ok => ("ok", String::new()),
            SpanStatus::Error(message) => ("error", message.clone()),
            _ => ("unset", String::new()),
        };
        Self {
            kind: kind(span.kind),
            status,
            status_message,
            started_at: rfc_3339(span.started_at),
            ended_at: rfc_3339(span.ended_at),
            duration_seconds: span.duration().as_secs_f64(),
            start: span.started_at,
            end: span.started_at + span.duration(),
            task_id: span.task_id.map(|id| id.to_string()),
            name: span.name,
            attributes: attributes(span.attributes),
            runner_attributes: Some(attributes(span.runner_attributes)),
            events: span.events.into_iter().map(Event::from).collect(),
            links: span.links.into_iter().map(Link::from).collect(),
            scope: span.scope,
            trace_id: span.trace_id,
            span_id: span.span_id,
            parent_span_id: span.parent_span_id,
        }
    }
}

impl From<SpanEvent> for Event {
    fn from(event: SpanEvent) -> Self {
        Self { time: rfc_3339(event.time), name: event.name, attributes: attributes(event.attributes) }
    }
}

impl From<SpanLink> for Link {
    fn from(link: SpanLink) -> Self {
        Self { trace_id: link.trace_id, span_id: link.span_id, attributes: attributes(link.attributes) }
    }
}

fn kind(kind: SpanKind) -> &'static str {
    match kind {
        SpanKind::Internal => "internal",
        SpanKind::Server => "server",
        SpanKind::Client => "client",
        SpanKind::Producer => "producer",
        SpanKind::Consumer => "consumer",
        _ => "unspecified",
    }
}

impl Span {
    /// How long it took.
    pub(super) fn took(&self) -> Duration {
        self.end.duration_since(self.start).unwrap_or_default()
    }

    pub(super) fn has_failed(&self) -> bool {
        self.status == "error"
    }

    /// Why it failed: its latest exception (O-12), else what its status says.
    pub(super) fn error(&self) -> String {
        let exception = self.events.iter().rfind(|event| event.name == "exception");
        let part = |key: &str| exception.and_then(|event| event.attributes.get(key)).map(plain).unwrap_or_default();
        match (part("exception.type"), part("exception.message")) {
            (kind, message) if !kind.is_empty() && !message.is_empty() => format!("{kind}: {message}"),
            (kind, message) if !kind.is_empty() || !message.is_empty() => kind + &message,
            _ => self.status_message.clone(),
        }
    }

    /// What tells the process it was made in from others (O-17); none if it does not say.
    pub(super) fn runner(&self) -> Option<String> {
        let attributes = self.runner_attributes.as_ref()?;
        attributes.get("service.instance.id").map(plain).filter(|id| !id.is_empty())
    }
}

#[cfg(test)]
impl Span {
    /// A span called as its id.
    pub(super) fn of_test(id: &str, parent: &str, start: SystemTime, end: SystemTime) -> Self {
        Self {
            name: id.to_owned(),
            kind: "internal",
            status: "unset",
            status_message: String::new(),
            started_at: rfc_3339(start),
            ended_at: rfc_3339(end),
            duration_seconds: 0.0,
            start,
            end,
            task_id: None,
            attributes: Map::new(),
            runner_attributes: None,
            events: Vec::new(),
            links: Vec::new(),
            scope: String::new(),
            trace_id: String::new(),
            span_id: id.to_owned(),
            parent_span_id: parent.to_owned(),
        }
    }
}
