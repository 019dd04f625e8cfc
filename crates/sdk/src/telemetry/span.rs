//! A span while it is open.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use boxwood_proto::opentelemetry::proto::trace::v1::span::SpanKind;

use super::clock::nanos_since_1970;
use super::record::{Attributes, Event, Span, Status};
use crate::trace_parent::TraceParent;
use crate::{AttributeValue, TaskId};

/// Events that a span keeps, the latest ones, and links. The limits that OpenTelemetry suggests.
const EVENTS_MAX: usize = 128;
const LINKS_MAX: usize = 128;

/// The attribute that names the task (O-11).
pub(super) const TASK_ID: &str = "task_id";

/// What is kept with a span of `tracing`: as long as it lives, what its children and logs need of it; until it ends,
/// what is exported.
#[derive(Debug)]
pub(super) struct SpanData {
    pub(super) context: TraceParent,
    /// The task it belongs to, in the text form of its id.
    pub(super) task: Option<Arc<str>>,
    open: Option<Box<Open>>,
}

#[derive(Debug)]
struct Open {
    started: Instant,
    span: Span,
}

impl SpanData {
    /// Opens a span below `parent`, or a new trace.
    pub(super) fn open(
        name: &'static str,
        target: &'static str,
        parent: Option<(TraceParent, Option<Arc<str>>)>,
        attributes: Attributes,
    ) -> Self {
        let (parent, task) = parent.unzip();
        let context = parent.map_or_else(TraceParent::random, TraceParent::child);
        let span = Span {
            context,
            parent: parent.map(|parent| parent.span),
            parent_is_remote: false,
            name: Cow::Borrowed(name),
            kind: SpanKind::SPAN_KIND_INTERNAL,
            target,
            start: nanos_since_1970(),
            end: 0,
            task: None,
            attributes,
            events: VecDeque::new(),
            events_dropped: 0,
            links: Vec::new(),
            links_dropped: 0,
            status: None,
        };
        let open = Open { started: Instant::now(), span };
        let mut data = Self { context, task: task.flatten(), open: Some(Box::new(open)) };
        data.obey();
        data
    }

    /// Makes it a child of a span of another process (O-10, O-11).
    pub(super) fn adopt(&mut self, parent: TraceParent) {
        self.context.trace = parent.trace;
        if let Some(open) = &mut self.open {
            open.span.context = self.context;
            open.span.parent = Some(parent.span);
            open.span.parent_is_remote = true;
        }
    }

    /// Adds fields that were recorded later.
    pub(super) fn record(&mut self, read: impl FnOnce(&mut Attributes)) {
        if let Some(open) = &mut self.open {
            read(&mut open.span.attributes);
            self.obey();
        }
    }

    /// Does what the fields ask for that are meant for the exporter: `otel.name`, `otel.kind`, `otel.status_code` and
    /// `otel.status_message`, as other exporters for `tracing` understand them. Also looks for the task.
    fn obey(&mut self) {
        let Some(open) = &mut self.open else { return };
        let span = &mut open.span;
        let mut message = None;
        for (name, value) in span.attributes.extract_if(.., |(name, _)| name.starts_with("otel.")) {
            let AttributeValue::Text(text) = value else { continue };
            match name {
                "otel.name" => span.name = Cow::Owned(text),
                "otel.kind" => span.kind = kind(&text),
                "otel.status_code" if text.eq_ignore_ascii_case("ok") => span.status = Some(Status::Ok),
                "otel.status_code" if text.eq_ignore_ascii_case("error") => {
                    span.status.get_or_insert(Status::Error(Cow::Borrowed("")));
                }
                "otel.status_message" | "otel.status_description" => message = Some(text),
                _ => (),
            }
        }
        if let Some(message) = message {
            span.status = Some(Status::Error(Cow::Owned(message)));
        }
        // The task that a span is in stays, whatever the user calls `task_id`.
        let own = span.attributes.iter().find_map(|(name, value)| match value {
            AttributeValue::Text(text) if *name == TASK_ID => text.parse::<TaskId>().is_ok().then_some(text),
            _ => None,
        });
        if let (None, Some(text)) = (&self.task, own) {
            self.task = Some(Arc::from(text.as_str()));
        }
    }

    /// Adds an event; of too many the oldest ones are dropped.
    pub(super) fn event(&mut self, event: Event) {
        let Some(open) = &mut self.open else { return };
        if open.span.events.len() >= EVENTS_MAX {
            open.span.events.pop_front();
            open.span.events_dropped = open.span.events_dropped.saturating_add(1);
        }
        open.span.events.push_back(event);
    }

    /// Adds a link to a span that this one follows from.
    pub(super) fn link(&mut self, to: TraceParent) {
        let Some(open) = &mut self.open else { return };
        if open.span.links.len() >= LINKS_MAX {
            open.span.links_dropped = open.span.links_dropped.saturating_add(1);
        } else {
            open.span.links.push(to);
        }
    }

    /// Says how it ended.
    pub(super) fn set_status(&mut self, status: Status) {
        if let Some(open) = &mut self.open {
            open.span.status = Some(status);
        }
    }

    /// Ends it; later it is only what its children and logs refer to. `None` if it had ended.
    pub(super) fn end(&mut self) -> Option<Span> {
        let Open { started, mut span } = *self.open.take()?;
        let took = u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX);
        span.end = span.start.saturating_add(took);
        span.task.clone_from(&self.task);
        Some(span)
    }
}

fn kind(text: &str) -> SpanKind {
    let kinds = [
        ("server", SpanKind::SPAN_KIND_SERVER),
        ("client", SpanKind::SPAN_KIND_CLIENT),
        ("producer", SpanKind::SPAN_KIND_PRODUCER),
        ("consumer", SpanKind::SPAN_KIND_CONSUMER),
    ];
    let known = kinds.into_iter().find(|(name, _)| text.eq_ignore_ascii_case(name));
    known.map_or(SpanKind::SPAN_KIND_INTERNAL, |(_, kind)| kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> AttributeValue {
        AttributeValue::Text(text.to_owned())
    }

    const TASK: &str = "0190a5b2-7c3d-7e4f-8a1b-2c3d4e5f6071";

    #[test]
    fn o_14_spans_of_a_task_inherit_its_id_and_trace() {
        let task = SpanData::open("task", "boxwood", None, vec![(TASK_ID, text(TASK))]);
        let parent = (task.context, task.task.clone());
        let other = "0190a5b2-7c3d-7e4f-8a1b-000000000000";
        let mut child = SpanData::open("read", "tiles", Some(parent), vec![(TASK_ID, text(other))]);
        let span = child.end().unwrap();
        assert_eq!((span.context.trace, span.parent), (task.context.trace, Some(task.context.span)));
        assert_eq!(span.task.as_deref(), Some(TASK), "the task it is in, not what it was given");

        let alone = SpanData::open("alone", "tiles", None, vec![(TASK_ID, text("7"))]);
        assert_eq!((alone.task, alone.context.trace != task.context.trace), (None, true));
    }

    #[test]
    fn fields_for_the_exporter_are_obeyed_and_not_exported() {
        let mut data =
            SpanData::open("x", "t", None, vec![("otel.name", text("GET /")), ("otel.kind", text("Client"))]);
        data.record(|attributes| {
            attributes.push(("otel.status_code", text("ERROR")));
            attributes.push(("otel.status_message", text("gone")));
            attributes.push(("bands", AttributeValue::Integer(3)));
        });
        let span = data.end().unwrap();
        assert_eq!((span.name.as_ref(), span.kind), ("GET /", SpanKind::SPAN_KIND_CLIENT));
        assert_eq!(span.status, Some(Status::Error("gone".into())));
        assert_eq!(span.attributes, [("bands", AttributeValue::Integer(3))]);
        assert!(data.end().is_none(), "it ends once");
    }

    #[test]
    fn the_latest_events_are_kept() {
        let mut data = SpanData::open("x", "t", None, Vec::new());
        for number in 0..130 {
            data.event(Event::Named { time: number, name: "tick", attributes: Vec::new() });
            data.link(TraceParent::random());
        }
        let span = data.end().unwrap();
        assert_eq!((span.events.len(), span.events_dropped), (128, 2));
        assert!(matches!(span.events.front(), Some(Event::Named { time: 2, .. })));
        assert_eq!((span.links.len(), span.links_dropped), (128, 2));
    }

    #[test]
    fn o_11_an_adopted_span_keeps_its_own_id() {
        let parent = TraceParent::random();
        let mut data = SpanData::open("task", "boxwood", None, Vec::new());
        let own = data.context.span;
        data.adopt(parent);
        let span = data.end().unwrap();
        assert_eq!(span.context, TraceParent { trace: parent.trace, span: own });
        assert_eq!((span.parent, span.parent_is_remote), (Some(parent.span), true));
    }
}
