//! The spans of all jobs: the newest, or the slowest among them (IN-20 to IN-22).

use std::time::Duration;

use boxwood_proto::boxwood::v1 as wire;
use boxwood_proto::connectrpc::ConnectError;
use boxwood_proto::opentelemetry::proto::common::v1::any_value::Value;
use boxwood_proto::opentelemetry::proto::trace::v1::status::StatusCode;
use boxwood_proto::opentelemetry::proto::trace::v1::{ResourceSpans, Span};
use boxwood_store::SortDirection;
use boxwood_store::telemetry::{Database, Kind, Query, RecordId, StoredRecord, Subject};

use super::query::{Queries, decode, interval, page, span};
use crate::error::failed;
use crate::{convert, validate};

/// Spans looked at for one answer: what a search that finds little may cost.
const LOOK_MAX: usize = 20_000;
/// Spans read at once.
const STEP: usize = 1_000;
/// How the spans of task executions begin (O-11).
const TASK: &str = "task/";

/// Which spans are looked for.
struct Wanted {
    tasks: bool,
    errors: bool,
    at_least: Duration,
    runner: String,
}

/// A span and its length in nanoseconds.
type Found = (u64, ResourceSpans);

impl Queries {
    /// Spans of all jobs, as the request asks for them.
    ///
    /// # Errors
    /// If the request is not valid, or the database cannot be read.
    pub(crate) async fn spans(
        &self,
        request: &wire::QuerySpansRequestView<'_>,
    ) -> Result<wire::FoundSpans, ConnectError> {
        let validate::Page { limit, after } = page(&request.page)?;
        let slowest = match request.order.as_known() {
            Some(wire::SpanOrder::SPAN_ORDER_NEWEST) => false,
            Some(wire::SpanOrder::SPAN_ORDER_SLOWEST) => true,
            None => {
                let asked = request.order.to_i32();
                return Err(ConnectError::invalid_argument(format!("order: {asked} is no order, 0 and 1 are")));
            }
        };
        let wanted = Wanted {
            tasks: request.tasks,
            errors: request.errors,
            at_least: request.at_least.as_option().map(convert::requested_duration).unwrap_or_default(),
            runner: request.runner.to_owned(),
        };
        let query = Query {
            subject: Subject::All,
            kinds: vec![Kind::Span],
            times: interval(&request.time_interval)?,
            sort: SortDirection::Descending,
            after,
            limit: STEP,
        };
        let looked = self.ask(move |database, _| look(database, query, &wanted, (!slowest).then_some(limit))).await?;
        let (mut found, last, looked_at) = looked;
        if slowest {
            found.sort_by_key(|(length, _)| std::cmp::Reverse(*length));
            found.truncate(limit);
        }
        let next_page = last.filter(|_| !slowest).map(|last| validate::next_page(limit, last.to_bytes()));
        Ok(wire::FoundSpans {
            resource_spans: found.into_iter().map(|(_, span)| span).collect(),
            next_page: next_page.into(),
            looked_at: looked_at as u64,
            ..Default::default()
        })
    }
}

/// Looks at spans until there are `enough`, and answers those that are wanted, the last one looked at if more follow, and
/// how many it looked at.
fn look(
    database: &Database,
    mut query: Query,
    wanted: &Wanted,
    enough: Option<usize>,
) -> Result<(Vec<Found>, Option<RecordId>, usize), ConnectError> {
    let (mut found, mut looked_at) = (Vec::new(), 0);
    loop {
        let page = database.page(&query).map_err(failed)?;
        let count = page.records.len();
        for (place, record) in page.records.into_iter().enumerate() {
            let id = record.id;
            query.after = Some(id);
            looked_at += 1;
            if let Some(span) = wanted.pick(record).map_err(failed)? {
                found.push(span);
            }
            if enough.is_some_and(|enough| found.len() >= enough) {
                let more = page.more || place + 1 < count;
                return Ok((found, more.then_some(id), looked_at));
            }
        }
        if !page.more || looked_at >= LOOK_MAX {
            return Ok((found, query.after.filter(|_| page.more), looked_at));
        }
    }
}

impl Wanted {
    /// The span, if it is looked for.
    fn pick(&self, record: StoredRecord) -> Result<Option<Found>, boxwood_store::Error> {
        let bare: Span = decode(&record.encoded)?;
        let length = bare.end_time_unix_nano.saturating_sub(bare.start_time_unix_nano);
        let ended_in_error =
            || bare.status.as_option().is_some_and(|status| status.code == StatusCode::STATUS_CODE_ERROR);
        if (self.tasks && !bare.name.starts_with(TASK))
            || (self.errors && !ended_in_error())
            || u128::from(length) < self.at_least.as_nanos()
        {
            return Ok(None);
        }
        let span = span(record)?;
        Ok((self.runner.is_empty() || instance(&span) == Some(&self.runner)).then_some((length, span)))
    }
}

/// The instance id of the runner that sent a span (O-17).
fn instance(span: &ResourceSpans) -> Option<&str> {
    let attributes = &span.resource.as_option()?.attributes;
    let instance = attributes.iter().find(|attribute| attribute.key == "service.instance.id")?;
    match instance.value.as_option()?.value.as_ref()? {
        Value::StringValue(text) => Some(text),
        _ => None,
    }
}
