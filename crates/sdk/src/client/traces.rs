//! Reading spans (O-33).

use std::time::{Duration, SystemTime};

use boxwood_proto::opentelemetry::proto::trace::v1::span::{Event, Link, SpanKind as WireKind};
use boxwood_proto::opentelemetry::proto::trace::v1::status::StatusCode;
use boxwood_proto::opentelemetry::proto::trace::v1::{ResourceSpans, Status};
use boxwood_proto::tilebox::v1::SortDirection;
use boxwood_proto::workflows::v1 as wire;

use super::attributes::{AttributeValue, attributes, find, hex, task_of, time_of};
use super::{Client, Pages};
use crate::Error;
use crate::id::{JobId, TaskId};

const CALL: &str = "query spans of job";

/// What part a span has in a call, in the words of OpenTelemetry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SpanKind {
    /// The sender did not say.
    Unspecified,
    /// Work within a process, as the spans of tasks are.
    Internal,
    /// A call being answered.
    Server,
    /// A call being made.
    Client,
    /// A message being sent.
    Producer,
    /// A message being received.
    Consumer,
}

impl SpanKind {
    /// Kinds that are not known count as unspecified.
    fn from_wire(kind: Option<WireKind>) -> Self {
        match kind {
            Some(WireKind::SPAN_KIND_INTERNAL) => Self::Internal,
            Some(WireKind::SPAN_KIND_SERVER) => Self::Server,
            Some(WireKind::SPAN_KIND_CLIENT) => Self::Client,
            Some(WireKind::SPAN_KIND_PRODUCER) => Self::Producer,
            Some(WireKind::SPAN_KIND_CONSUMER) => Self::Consumer,
            _ => Self::Unspecified,
        }
    }
}

/// How what a span stands for went (O-12).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SpanStatus {
    /// Nobody decided, as it is when nothing went wrong.
    Unset,
    /// Somebody said that it went well.
    Ok,
    /// It failed; the text says why and may be empty.
    Error(String),
}

impl SpanStatus {
    fn from_wire(status: Status) -> Self {
        match status.code.as_known() {
            Some(StatusCode::STATUS_CODE_OK) => Self::Ok,
            Some(StatusCode::STATUS_CODE_ERROR) => Self::Error(status.message),
            _ => Self::Unset,
        }
    }
}

/// Something that happened during a span, such as a log record (O-16).
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct SpanEvent {
    /// When it happened.
    pub time: SystemTime,
    /// What it is, for example `log.message` or `exception`.
    pub name: String,
    /// What is said of it.
    pub attributes: Vec<(String, AttributeValue)>,
}

impl SpanEvent {
    /// The value of an attribute.
    pub fn attribute(&self, key: &str) -> Option<&AttributeValue> {
        find(&self.attributes, key)
    }

    fn from_wire(event: Event) -> Self {
        Self { time: time_of(event.time_unix_nano), name: event.name, attributes: attributes(event.attributes) }
    }
}

/// Another span that a span has to do with.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct SpanLink {
    /// The trace of the other span, in hexadecimal digits.
    pub trace_id: String,
    /// The other span, in hexadecimal digits.
    pub span_id: String,
    /// What is said of the connection.
    pub attributes: Vec<(String, AttributeValue)>,
}

impl SpanLink {
    fn from_wire(link: Link) -> Self {
        Self { trace_id: hex(&link.trace_id), span_id: hex(&link.span_id), attributes: attributes(link.attributes) }
    }
}

/// One span, as it was received (O-33).
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct SpanRecord {
    /// The trace it belongs to, in hexadecimal digits.
    pub trace_id: String,
    /// The span itself, in hexadecimal digits.
    pub span_id: String,
    /// The span it is part of, in hexadecimal digits; empty if none.
    pub parent_span_id: String,
    /// What it stands for, such as `task/acme.Mosaic` (O-10, O-11).
    pub name: String,
    /// What part it has in a call.
    pub kind: SpanKind,
    /// How it went.
    pub status: SpanStatus,
    /// When it started.
    pub started_at: SystemTime,
    /// When it ended.
    pub ended_at: SystemTime,
    /// What is said of it, with its types (O-38).
    pub attributes: Vec<(String, AttributeValue)>,
    /// What the process it happened in said of itself (O-17).
    pub runner_attributes: Vec<(String, AttributeValue)>,
    /// What happened during it, in the order it was sent.
    pub events: Vec<SpanEvent>,
    /// Other spans it has to do with.
    pub links: Vec<SpanLink>,
    /// What in the process made it: in Rust the crate or module, in Python the tracer; may be empty.
    pub scope: String,
    /// The task that it is a part of, if it is part of one (O-11, O-14).
    pub task_id: Option<TaskId>,
}

impl SpanRecord {
    /// From its start to its end; zero if the end is said to be earlier.
    pub fn duration(&self) -> Duration {
        self.ended_at.duration_since(self.started_at).unwrap_or_default()
    }

    /// The value of an attribute.
    pub fn attribute(&self, key: &str) -> Option<&AttributeValue> {
        find(&self.attributes, key)
    }

    /// What the process it happened in said of itself under this key, such as `host.name` (O-17).
    pub fn runner_attribute(&self, key: &str) -> Option<&AttributeValue> {
        find(&self.runner_attributes, key)
    }

    /// Each answer entry carries exactly one span (O-32).
    fn from_wire(entry: ResourceSpans) -> Result<Self, Error> {
        let runner_attributes = attributes(entry.resource.into_option().unwrap_or_default().attributes);
        let scope = entry.scope_spans.into_iter().next().unwrap_or_default();
        let span = scope.spans.into_iter().next().ok_or_else(|| Error::answer(CALL, "an entry has no span"))?;
        let attributes = attributes(span.attributes);
        Ok(Self {
            trace_id: hex(&span.trace_id),
            span_id: hex(&span.span_id),
            parent_span_id: hex(&span.parent_span_id),
            name: span.name,
            kind: SpanKind::from_wire(span.kind.as_known()),
            status: SpanStatus::from_wire(span.status.into_option().unwrap_or_default()),
            started_at: time_of(span.start_time_unix_nano),
            ended_at: time_of(span.end_time_unix_nano),
            task_id: task_of(&attributes),
            attributes,
            runner_attributes,
            events: span.events.into_iter().map(SpanEvent::from_wire).collect(),
            links: span.links.into_iter().map(SpanLink::from_wire).collect(),
            scope: scope.scope.into_option().unwrap_or_default().name,
        })
    }
}

/// Which spans of a job to read; from [`JobClient::spans`](crate::JobClient::spans).
#[must_use = "nothing is read until `pages` is called and looked at"]
#[derive(Debug, Clone)]
pub struct QuerySpans {
    client: Client,
    request: wire::QueryJobSpansRequest,
}

impl QuerySpans {
    pub(super) fn new(client: Client, job: JobId) -> Self {
        let request = wire::QueryJobSpansRequest { job_id: job.to_wire().into(), ..Default::default() };
        Self { client, request }
    }

    /// Only those of this task.
    pub fn task(mut self, task: TaskId) -> Self {
        self.request.task_id = task.to_wire().into();
        self
    }

    /// The one that started last first, instead of the one that started first.
    pub fn newest_first(mut self) -> Self {
        self.request.sort_direction = Some(SortDirection::SORT_DIRECTION_DESCENDING.into());
        self
    }

    /// The spans, read page by page (O-34). A span can be read at the latest 2 seconds after the server received it (O-39);
    /// it is sent when it has ended.
    ///
    /// Reading fails with [`Code::NotFound`](crate::Code::NotFound) if there is no such job (O-37).
    pub fn pages(self) -> Pages<SpanRecord> {
        let Self { client, request } = self;
        Pages::new(move |page| {
            let client = client.clone();
            let request = wire::QueryJobSpansRequest { page: page.into(), ..request.clone() };
            async move {
                let service = client.telemetry_service();
                let answer = client.endpoint().repeat(CALL, |options| {
                    let request = request.clone();
                    async move { Ok(service.query_job_spans_with_options(request, options).await?.into_owned()) }
                });
                let answer = answer.await?;
                let spans = answer.resource_spans.into_iter().map(SpanRecord::from_wire).collect::<Result<_, _>>()?;
                Ok((spans, answer.next_page.into_option()))
            }
        })
    }
}
