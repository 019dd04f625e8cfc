//! What is exported: log records and spans, as they wait to be sent.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;

use boxwood_proto::opentelemetry::proto::trace::v1::span::SpanKind;
use tracing::Level;

use crate::AttributeValue;
use crate::trace_parent::TraceParent;

/// Attributes in the order they were given. Keys are names of fields, which are known when the program is compiled.
pub(super) type Attributes = Vec<(&'static str, AttributeValue)>;

/// What somebody logged. The log record and the event of the span share it (O-15, O-16).
#[derive(Debug)]
pub(super) struct Entry {
    /// Nanoseconds since 1970.
    pub(super) time: u64,
    pub(super) level: Level,
    /// The module that logged it, unless the code says otherwise.
    pub(super) target: &'static str,
    pub(super) body: String,
    pub(super) attributes: Attributes,
}

/// A log record (O-15).
#[derive(Debug)]
pub(super) struct Log {
    pub(super) entry: Arc<Entry>,
    /// The span it was logged in.
    pub(super) within: Option<TraceParent>,
    /// The task whose code logged it.
    pub(super) task: Option<Arc<str>>,
}

/// Something that happened in a span.
#[derive(Debug)]
pub(super) enum Event {
    /// `log.message` (O-16).
    Log(Arc<Entry>),
    /// An event the SDK adds itself, such as `exception` (O-12).
    Named { time: u64, name: &'static str, attributes: Attributes },
}

/// How a span ended, where somebody decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Status {
    Ok,
    Error(Cow<'static, str>),
}

/// A span that has ended.
#[derive(Debug)]
pub(super) struct Span {
    pub(super) context: TraceParent,
    pub(super) parent: Option<[u8; 8]>,
    /// Whether the parent is, as far as is known, a span of another process.
    pub(super) parent_is_remote: bool,
    pub(super) name: Cow<'static, str>,
    pub(super) kind: SpanKind,
    /// The module that opened it, unless the code says otherwise.
    pub(super) target: &'static str,
    /// Nanoseconds since 1970.
    pub(super) start: u64,
    pub(super) end: u64,
    /// The task it belongs to; an attribute of its own (O-14).
    pub(super) task: Option<Arc<str>>,
    pub(super) attributes: Attributes,
    pub(super) events: VecDeque<Event>,
    pub(super) events_dropped: u32,
    pub(super) links: Vec<TraceParent>,
    pub(super) links_dropped: u32,
    pub(super) status: Option<Status>,
}

/// Bytes that a record takes at the least, whatever is in it.
const BYTES_MIN: usize = 256;
/// Bytes that an attribute takes beside its text.
const ATTRIBUTE_BYTES: usize = 48;

impl Entry {
    fn bytes(&self) -> usize {
        BYTES_MIN + self.body.len() + attributes_bytes(&self.attributes)
    }
}

impl Log {
    /// About how much memory it takes.
    pub(super) fn bytes(&self) -> usize {
        BYTES_MIN + self.entry.bytes()
    }
}

impl Span {
    /// About how much memory it takes.
    pub(super) fn bytes(&self) -> usize {
        let event = |event: &Event| match event {
            Event::Log(entry) => entry.bytes(),
            Event::Named { attributes, .. } => BYTES_MIN + attributes_bytes(attributes),
        };
        let events: usize = self.events.iter().map(event).sum();
        BYTES_MIN + attributes_bytes(&self.attributes) + events
    }
}

fn attributes_bytes(attributes: &Attributes) -> usize {
    let value = |value: &AttributeValue| match value {
        AttributeValue::Text(text) => text.len(),
        AttributeValue::Bytes(bytes) => bytes.len(),
        _ => 0,
    };
    attributes.iter().map(|(_, attribute)| ATTRIBUTE_BYTES + value(attribute)).sum()
}
