//! `TelemetryQueryService`: logs and spans as they were taken in (O-30 to O-40).

#![allow(refining_impl_trait, reason = "the generated trait promises less than the service gives")]

use std::ops::Bound;
use std::sync::Arc;

use boxwood_engine::{JobId, TaskId};
use boxwood_proto::buffa::{DecodeOptions, EnumValue, Message, MessageFieldView};
use boxwood_proto::buffa_types::google::protobuf::TimestampView;
use boxwood_proto::connectrpc::{ConnectError, RequestContext, Response, ServiceRequest, ServiceResult};
use boxwood_proto::opentelemetry::proto::logs::v1::{ResourceLogs, ScopeLogs};
use boxwood_proto::opentelemetry::proto::trace::v1::status::StatusCode;
use boxwood_proto::opentelemetry::proto::trace::v1::{ResourceSpans, ScopeSpans, Span};
use boxwood_proto::tilebox::v1::{Pagination, PaginationView, SortDirection as WireDirection, TimeIntervalView};
use boxwood_proto::workflows::v1 as wire;
use boxwood_proto::workflows::v1::LogSeverityGroup as Group;
use boxwood_store::telemetry::{Database, Kind, Page, Query, RecordId, Severity, StoredRecord, Subject, TraceId};
use boxwood_store::{Bounds, Error, Reader, SortDirection};
use tokio::sync::Semaphore;

use crate::error::failed;
use crate::validate::{self, Invalid, invalid};

/// Queries at work at once; further ones wait without holding a thread, so that queries on jobs find one.
const QUERIES_MAX: usize = 4;

/// Bytes of memory that the elements of one stored message may take; what was stored was decoded within less.
const ELEMENT_BYTES_MAX: usize = 1 << 30;

/// Answers questions about logs and spans.
pub(crate) struct Queries {
    database: Database,
    reader: Arc<dyn Reader>,
    working: Arc<Semaphore>,
}

/// What a call about one job asks for.
struct OfJob {
    job: JobId,
    task: Option<TaskId>,
    kinds: Vec<Kind>,
    page: validate::Page<RecordId>,
    sort: SortDirection,
}

impl Queries {
    pub(super) fn new(database: Database, reader: Arc<dyn Reader>) -> Self {
        Self { database, reader, working: Arc::new(Semaphore::new(QUERIES_MAX)) }
    }

    /// Asks beside the calls, because it blocks.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Database, &dyn Reader) -> Result<T, ConnectError> + Send + 'static,
    ) -> Result<T, ConnectError> {
        let permit = self.working.clone().acquire_owned().await;
        let (database, reader) = (self.database.clone(), self.reader.clone());
        let asked = tokio::task::spawn_blocking(move || {
            let _held = permit;
            question(&database, reader.as_ref())
        });
        asked.await.unwrap_or_else(|error| {
            tracing::error!(%error, "a query of telemetry failed");
            Err(ConnectError::internal("the server failed while reading; its log says more"))
        })
    }

    /// A page of records of a job, each converted by `entry`.
    async fn of_job<T: Send + 'static>(
        &self,
        asked: OfJob,
        entry: fn(StoredRecord) -> Result<T, Error>,
    ) -> Result<(Vec<T>, Option<Pagination>), ConnectError> {
        self.ask(move |database, reader| {
            let Some(found) = reader.job(asked.job).map_err(failed)? else {
                return Err(ConnectError::not_found(format!("job_id: there is no job {}", asked.job)));
            };
            let subject = Subject::Job { job: asked.job, trace: trace_of(&found.job.trace_parent), task: asked.task };
            let query = Query {
                subject,
                kinds: asked.kinds,
                times: (Bound::Unbounded, Bound::Unbounded),
                sort: asked.sort,
                after: asked.page.after,
                limit: asked.page.limit,
            };
            answer(database.page(&query).map_err(failed)?, query.limit, entry)
        })
        .await
    }
}

impl wire::TelemetryQueryService for Queries {
    async fn query_job_logs(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::QueryJobLogsRequest>,
    ) -> ServiceResult<wire::PaginatedLogsData> {
        let asked = OfJob {
            job: validate::required_id("job_id", &request.job_id, JobId::from_bytes)?,
            task: validate::optional_id("task_id", &request.task_id, TaskId::from_bytes)?,
            kinds: kinds(&request.filters)?,
            page: page(&request.page)?,
            sort: direction(request.sort_direction, SortDirection::Ascending)?,
        };
        let (resource_logs, next_page) = self.of_job(asked, log).await?;
        Response::ok(wire::PaginatedLogsData { resource_logs, next_page: next_page.into(), ..Default::default() })
    }

    async fn query_logs_in_interval(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::QueryLogsInIntervalRequest>,
    ) -> ServiceResult<wire::PaginatedLogsData> {
        let validate::Page { limit, after } = page(&request.page)?;
        let query = Query {
            subject: Subject::All,
            kinds: kinds(&request.filters)?,
            times: interval(&request.time_interval)?,
            sort: direction(request.sort_direction, SortDirection::Descending)?,
            after,
            limit,
        };
        let asked = self.ask(move |database, _| answer(database.page(&query).map_err(failed)?, query.limit, log));
        let (resource_logs, next_page) = asked.await?;
        Response::ok(wire::PaginatedLogsData { resource_logs, next_page: next_page.into(), ..Default::default() })
    }

    async fn get_log_message_counts(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::GetLogMessageCountsRequest>,
    ) -> ServiceResult<wire::GetLogMessageCountsResponse> {
        let times = interval(&request.time_interval)?;
        let counts = self.ask(move |database, _| database.log_counts(times).map_err(failed)).await?;
        let number = |count| i64::try_from(count).unwrap_or(i64::MAX);
        let total = counts.iter().map(|(_, count)| count).sum();
        // The groups of the rule are always named; records without a known severity only where there are some.
        let named = counts.into_iter().filter(|(severity, count)| *severity != Severity::Unspecified || *count > 0);
        let counts = named.map(|(severity, count)| wire::LogSeverityCount {
            severity: Some(group(severity).into()),
            count: Some(number(count)),
            ..Default::default()
        });
        Response::ok(wire::GetLogMessageCountsResponse {
            counts: counts.collect(),
            total_messages: Some(number(total)),
            ..Default::default()
        })
    }

    async fn query_job_spans(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::QueryJobSpansRequest>,
    ) -> ServiceResult<wire::PaginatedSpansData> {
        let asked = OfJob {
            job: validate::required_id("job_id", &request.job_id, JobId::from_bytes)?,
            task: validate::optional_id("task_id", &request.task_id, TaskId::from_bytes)?,
            kinds: vec![Kind::Span],
            page: page(&request.page)?,
            sort: direction(request.sort_direction, SortDirection::Ascending)?,
        };
        let (resource_spans, next_page) = self.of_job(asked, span).await?;
        Response::ok(wire::PaginatedSpansData { resource_spans, next_page: next_page.into(), ..Default::default() })
    }
}

/// A page of the wire: its entries, and how to ask for the next one if more exist (J-52).
fn answer<T>(
    page: Page,
    limit: usize,
    entry: fn(StoredRecord) -> Result<T, Error>,
) -> Result<(Vec<T>, Option<Pagination>), ConnectError> {
    let last = page.records.last().filter(|_| page.more).map(|record| record.id.to_bytes());
    let entries = page.records.into_iter().map(entry).collect::<Result<_, _>>().map_err(failed)?;
    Ok((entries, last.map(|last| validate::next_page(limit, last))))
}

/// A log record as a resource entry of its own (O-32).
fn log(record: StoredRecord) -> Result<ResourceLogs, Error> {
    let mut scope: ScopeLogs = decode(&record.scope)?;
    scope.log_records = vec![decode(&record.encoded)?];
    let mut resource: ResourceLogs = decode(&record.resource)?;
    resource.scope_logs = vec![scope];
    Ok(resource)
}

/// A span as a resource entry of its own (O-32).
pub(super) fn span(record: StoredRecord) -> Result<ResourceSpans, Error> {
    let mut span: Span = decode(&record.encoded)?;
    // The Python SDK fails on a status code it does not know.
    if let Some(status) = span.status.as_option_mut()
        && status.code.as_known().is_none()
    {
        status.code = StatusCode::STATUS_CODE_UNSET.into();
    }
    let mut scope: ScopeSpans = decode(&record.scope)?;
    scope.spans = vec![span];
    let mut resource: ResourceSpans = decode(&record.resource)?;
    resource.scope_spans = vec![scope];
    Ok(resource)
}

pub(super) fn decode<M: Message>(encoded: &[u8]) -> Result<M, Error> {
    DecodeOptions::new()
        .with_element_memory_limit(ELEMENT_BYTES_MAX)
        .decode_from_slice(encoded)
        .map_err(|error| Error::Corrupt(format!("telemetry: a stored record cannot be decoded: {error}")))
}

/// Which page is asked for. It continues after a record, whose id is none of a job or task.
pub(super) fn page(page: &MessageFieldView<PaginationView<'_>>) -> Result<validate::Page<RecordId>, Invalid> {
    let read = |bytes: &[u8]| <[u8; 16]>::try_from(bytes).ok().filter(|id| *id != [0; 16]);
    let validate::Page { limit, after } = validate::Page::read(page, read)?;
    let Some(after) = after else { return Ok(validate::Page { limit, after: None }) };
    match RecordId::from_bytes(&after) {
        Some(after) => Ok(validate::Page { limit, after: Some(after) }),
        None => invalid("page.starting_after: is no id of a log or span; take the one that next_page gave"),
    }
}

/// The trace id of a W3C trace parent, which was checked when the job was submitted (J-10).
fn trace_of(trace_parent: &str) -> Option<TraceId> {
    let digits = trace_parent.split('-').nth(1).filter(|digits| digits.len() == 32)?;
    TraceId::from_bytes(&u128::from_str_radix(digits, 16).ok()?.to_be_bytes())
}

/// The kinds of logs that pass the filter; without one, all (O-31).
fn kinds(filters: &MessageFieldView<wire::LogQueryFiltersView<'_>>) -> Result<Vec<Kind>, Invalid> {
    let levels = filters.as_option().map(|filters| &filters.severity_levels);
    let Some(levels) = levels.filter(|levels| !levels.is_empty()) else {
        return Ok(Severity::ALL.map(Kind::Log).to_vec());
    };
    let mut kinds = Vec::new();
    for level in levels.iter() {
        let Some(severity) = Severity::ALL.into_iter().find(|severity| group(*severity) as i32 == level.to_i32())
        else {
            return invalid(format!("filters.severity_levels: {} is no severity group, 1 to 5 are", level.to_i32()));
        };
        if !kinds.contains(&Kind::Log(severity)) {
            kinds.push(Kind::Log(severity));
        }
    }
    Ok(kinds)
}

fn group(severity: Severity) -> Group {
    match severity {
        Severity::Unspecified => Group::LOG_SEVERITY_GROUP_UNSPECIFIED,
        Severity::Trace => Group::LOG_SEVERITY_GROUP_TRACE,
        Severity::Debug => Group::LOG_SEVERITY_GROUP_DEBUG,
        Severity::Info => Group::LOG_SEVERITY_GROUP_INFO,
        Severity::Warning => Group::LOG_SEVERITY_GROUP_WARNING,
        Severity::Error => Group::LOG_SEVERITY_GROUP_ERROR,
    }
}

fn direction(asked: Option<EnumValue<WireDirection>>, default: SortDirection) -> Result<SortDirection, Invalid> {
    let Some(asked) = asked else { return Ok(default) };
    match asked.as_known() {
        Some(WireDirection::SORT_DIRECTION_UNSPECIFIED) => Ok(default),
        Some(WireDirection::SORT_DIRECTION_ASCENDING) => Ok(SortDirection::Ascending),
        Some(WireDirection::SORT_DIRECTION_DESCENDING) => Ok(SortDirection::Descending),
        None => invalid(format!("sort_direction: {} is no direction, 1 and 2 are", asked.to_i32())),
    }
}

/// An interval of times in nanoseconds since 1970; start included and end excluded unless it says otherwise (J-43), an end
/// left out is open.
pub(super) fn interval(interval: &MessageFieldView<TimeIntervalView<'_>>) -> Result<Bounds<u64>, Invalid> {
    let Some(interval) = interval.as_option() else { return Ok((Bound::Unbounded, Bound::Unbounded)) };
    let start = match interval.start_time.as_option() {
        None => Bound::Unbounded,
        Some(time) => match nanos("time_interval.start_time", time)? {
            None => Bound::Unbounded,
            Some(time) if interval.start_exclusive => Bound::Excluded(time),
            Some(time) => Bound::Included(time),
        },
    };
    let end = match interval.end_time.as_option() {
        None => Bound::Unbounded,
        Some(time) => match nanos("time_interval.end_time", time)? {
            // Nothing is that old.
            None => Bound::Excluded(0),
            Some(time) if interval.end_inclusive => Bound::Included(time),
            Some(time) => Bound::Excluded(time),
        },
    };
    Ok((start, end))
}

/// Nanoseconds since 1970; `None` for a time before that.
fn nanos(field: &str, time: &TimestampView<'_>) -> Result<Option<u64>, Invalid> {
    validate::timestamp(field, time)?;
    let part = u64::try_from(time.nanos).unwrap_or_default();
    let whole = |seconds: u64| seconds.saturating_mul(1_000_000_000).saturating_add(part);
    Ok(u64::try_from(time.seconds).ok().map(whole))
}
