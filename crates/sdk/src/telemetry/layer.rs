//! The layer: turns what `tracing` reports into records, on the thread that reports it, and queues them.

use std::borrow::Cow;
use std::cell::Cell;
use std::sync::Arc;

use tracing::span::{Attributes as NewSpan, Id, Record};
use tracing::{Dispatch, Event as TracingEvent, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::clock::nanos_since_1970;
use super::fields::{Fields, put};
use super::queue::Sink;
use super::record::{Attributes, Entry, Event, Log, Status};
use super::span::{SpanData, TASK_ID};
use crate::{AttributeValue, spans};

thread_local! {
    /// Whether this thread exports telemetry. What it logs is not exported, or there would be no end to it.
    static EXPORTS: Cell<bool> = const { Cell::new(false) };
}

/// Excludes the current thread from what is exported.
pub(super) fn exclude_this_thread() {
    EXPORTS.set(true);
}

/// Finds a span's data, through the subscriber that the layer was added to.
type Reach = fn(&Dispatch, &Id, &mut dyn FnMut(&mut SpanData));

/// Exports spans and events.
pub(crate) struct TelemetryLayer {
    sink: Arc<Sink>,
    reach: Option<Reach>,
}

impl TelemetryLayer {
    pub(super) fn new(sink: Arc<Sink>) -> Self {
        Self { sink, reach: None }
    }

    /// Does something with a span, if this layer of `dispatch` knows it.
    pub(super) fn with<R>(
        &self,
        dispatch: &Dispatch,
        id: &Id,
        act: impl FnOnce(&mut SpanData, &Sink) -> R,
    ) -> Option<R> {
        let (mut act, mut result) = (Some(act), None);
        self.reach?(dispatch, id, &mut |data| {
            if let Some(act) = act.take() {
                result = Some(act(data, &self.sink));
            }
        });
        result
    }
}

impl<S> Layer<S> for TelemetryLayer
where
    S: Subscriber + for<'s> LookupSpan<'s>,
{
    fn on_layer(&mut self, _: &mut S) {
        self.reach = Some(|dispatch, id, act| {
            if let Some(span) = dispatch.downcast_ref::<S>().and_then(|subscriber| subscriber.span(id))
                && let Some(data) = span.extensions_mut().get_mut::<SpanData>()
            {
                act(data);
            }
        });
    }

    fn on_new_span(&self, new: &NewSpan<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if EXPORTS.get() {
            return;
        }
        let mut attributes = Attributes::new();
        new.record(&mut Fields::of_span(&mut attributes));
        let parent = span
            .scope()
            .skip(1)
            .find_map(|parent| parent.extensions().get::<SpanData>().map(|data| (data.context, data.task.clone())));
        let metadata = new.metadata();
        // A second layer of this kind leaves the span to the first.
        if span.extensions().get::<SpanData>().is_none() {
            let data = SpanData::open(metadata.name(), metadata.target(), parent, attributes);
            span.extensions_mut().insert(data);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(data) = span.extensions_mut().get_mut::<SpanData>() {
            data.record(|attributes| values.record(&mut Fields::of_span(attributes)));
        }
    }

    fn on_follows_from(&self, id: &Id, follows: &Id, context: Context<'_, S>) {
        let (Some(span), Some(followed)) = (context.span(id), context.span(follows)) else { return };
        // One after the other: they may be the same span.
        let followed = followed.extensions().get::<SpanData>().map(|data| data.context);
        if let (Some(followed), Some(data)) = (followed, span.extensions_mut().get_mut::<SpanData>()) {
            data.link(followed);
        }
    }

    fn on_event(&self, event: &TracingEvent<'_>, context: Context<'_, S>) {
        if EXPORTS.get() {
            return;
        }
        let time = nanos_since_1970();
        let (mut attributes, mut body) = (Attributes::new(), String::new());
        event.record(&mut Fields::of_event(&mut attributes, &mut body));
        let metadata = event.metadata();
        let mut scope = context.event_scope(event).into_iter().flatten();
        let span = scope.find(|span| span.extensions().get::<SpanData>().is_some());
        if metadata.target() == spans::TARGET {
            // What the SDK adds to its own spans is no log (O-12, O-13).
            if let Some(span) = &span
                && let Some(data) = span.extensions_mut().get_mut::<SpanData>()
            {
                if metadata.name() == spans::EXCEPTION {
                    data.set_status(Status::Error(Cow::Borrowed(spans::FAILED)));
                }
                data.event(Event::Named { time, name: metadata.name(), attributes });
            }
            return;
        }
        let returned = returned_error(*metadata.level(), &body, &attributes);
        if body.is_empty() {
            body = body_of(&attributes);
        }
        let entry = Entry { time, level: *metadata.level(), target: metadata.target(), body, attributes };
        let entry = Arc::new(entry);
        let mut log = Log { entry: Arc::clone(&entry), within: None, task: None };
        if let Some(span) = &span
            && let Some(data) = span.extensions_mut().get_mut::<SpanData>()
        {
            log.within = Some(data.context);
            log.task.clone_from(&data.task);
            if let Some(error) = returned {
                data.set_status(Status::Error(Cow::Owned(error)));
            }
            data.event(Event::Log(entry));
        }
        self.sink.log(log);
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(span) = context.span(&id) else { return };
        let ended = span.extensions_mut().get_mut::<SpanData>().and_then(SpanData::end);
        if let Some(ended) = ended {
            self.sink.span(ended);
        }
    }
}

/// The error that a function returned, if this is what `#[tracing::instrument(err)]` says of it: a grave event with the
/// field
/// `error` and no message.
fn returned_error(level: Level, body: &str, attributes: &Attributes) -> Option<String> {
    if level != Level::ERROR || !body.is_empty() {
        return None;
    }
    attributes.iter().find_map(|(name, value)| match value {
        AttributeValue::Text(text) if *name == "error" => Some(text.clone()),
        _ => None,
    })
}

/// What an event without a message says.
fn body_of(attributes: &Attributes) -> String {
    let known = |name: &str| name == TASK_ID || name.starts_with("exception.");
    let mut body = Attributes::new();
    for (name, value) in attributes.iter().filter(|(name, _)| !known(name)) {
        put(&mut body, name, value.clone());
    }
    if let [("error", AttributeValue::Text(error))] = body.as_slice() {
        return error.clone();
    }
    body.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
}
