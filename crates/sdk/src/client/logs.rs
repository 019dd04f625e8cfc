//! Reading log records (O-30 to O-40).

use std::fmt;
use std::ops::RangeBounds;
use std::time::SystemTime;

use boxwood_proto::opentelemetry::proto::logs::v1::ResourceLogs;
use boxwood_proto::tilebox::v1::{Pagination, SortDirection};
use boxwood_proto::workflows::v1 as wire;

use super::attributes::{AttributeValue, attributes, find, hex, task_of, time_of};
use super::query::interval;
use super::{Client, Pages};
use crate::Error;
use crate::id::{JobId, TaskId};

const CALL: &str = "query logs of job";
const CALL_ALL: &str = "query logs in interval";
const CALL_COUNTS: &str = "count logs";

/// How grave a log record is (O-31).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum LogSeverity {
    /// Numbers 1 to 4 of OpenTelemetry, and records without one.
    Trace,
    /// Numbers 5 to 8.
    Debug,
    /// Numbers 9 to 12.
    Info,
    /// Numbers 13 to 16.
    Warn,
    /// Numbers 17 and up, fatal ones included.
    Error,
}

impl LogSeverity {
    /// Every severity, the least grave first.
    pub const ALL: &'static [Self] = &[Self::Trace, Self::Debug, Self::Info, Self::Warn, Self::Error];

    /// The name in capitals, such as `WARN`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trace => "TRACE",
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
        }
    }

    fn and_graver(self) -> impl Iterator<Item = Self> {
        Self::ALL.iter().copied().filter(move |other| *other >= self)
    }

    fn from_number(number: i32) -> Self {
        match number {
            ..=4 => Self::Trace,
            5..=8 => Self::Debug,
            9..=12 => Self::Info,
            13..=16 => Self::Warn,
            17.. => Self::Error,
        }
    }

    fn to_wire(self) -> wire::LogSeverityGroup {
        match self {
            Self::Trace => wire::LogSeverityGroup::LOG_SEVERITY_GROUP_TRACE,
            Self::Debug => wire::LogSeverityGroup::LOG_SEVERITY_GROUP_DEBUG,
            Self::Info => wire::LogSeverityGroup::LOG_SEVERITY_GROUP_INFO,
            Self::Warn => wire::LogSeverityGroup::LOG_SEVERITY_GROUP_WARNING,
            Self::Error => wire::LogSeverityGroup::LOG_SEVERITY_GROUP_ERROR,
        }
    }
}

impl fmt::Display for LogSeverity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One log record, as it was received (O-30).
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct LogRecord {
    /// When it was written; when it was noticed, if the sender says only that.
    pub time: SystemTime,
    /// How grave it is.
    pub severity: LogSeverity,
    /// How grave it is, as OpenTelemetry counts: 1 to 24, 0 if the sender did not say (O-31).
    pub severity_number: i32,
    /// How grave it is, in the words of the sender, for example `WARN`; may be empty (O-18).
    pub severity_text: String,
    /// What it says: a text, as a rule.
    pub body: AttributeValue,
    /// What it says further, with its types (O-15, O-38).
    pub attributes: Vec<(String, AttributeValue)>,
    /// What the process that wrote it said of itself (O-17).
    pub runner_attributes: Vec<(String, AttributeValue)>,
    /// What in the process wrote it: in Rust the crate or module, in Python the logger; may be empty.
    pub scope: String,
    /// The task that wrote it, if one did (O-15).
    pub task_id: Option<TaskId>,
    /// The trace it belongs to, in hexadecimal digits; empty if none.
    pub trace_id: String,
    /// The span it belongs to, in hexadecimal digits; empty if none.
    pub span_id: String,
}

impl LogRecord {
    /// The value of an attribute.
    pub fn attribute(&self, key: &str) -> Option<&AttributeValue> {
        find(&self.attributes, key)
    }

    /// What the process that wrote it said of itself under this key, such as `host.name` (O-17).
    pub fn runner_attribute(&self, key: &str) -> Option<&AttributeValue> {
        find(&self.runner_attributes, key)
    }

    /// Each answer entry carries exactly one record (O-32).
    fn from_wire(call: &'static str, entry: ResourceLogs) -> Result<Self, Error> {
        let runner_attributes = attributes(entry.resource.into_option().unwrap_or_default().attributes);
        let scope = entry.scope_logs.into_iter().next().unwrap_or_default();
        let record = scope.log_records.into_iter().next();
        let record = record.ok_or_else(|| Error::answer(call, "an entry has no log record"))?;
        let nanos = match record.time_unix_nano {
            0 => record.observed_time_unix_nano,
            nanos => nanos,
        };
        let attributes = attributes(record.attributes);
        Ok(Self {
            time: time_of(nanos),
            severity: LogSeverity::from_number(record.severity_number.to_i32()),
            severity_number: record.severity_number.to_i32(),
            severity_text: record.severity_text,
            body: AttributeValue::from_wire(record.body.into_option().unwrap_or_default()),
            task_id: task_of(&attributes),
            attributes,
            runner_attributes,
            scope: scope.scope.into_option().unwrap_or_default().name,
            trace_id: hex(&record.trace_id),
            span_id: hex(&record.span_id),
        })
    }
}

type Read = (Vec<LogRecord>, Option<Pagination>);

fn records(call: &'static str, answer: wire::PaginatedLogsData) -> Result<Read, Error> {
    let records = answer.resource_logs.into_iter().map(|entry| LogRecord::from_wire(call, entry));
    Ok((records.collect::<Result<_, _>>()?, answer.next_page.into_option()))
}

/// Which log records of a job to read; from [`JobClient::logs`](crate::JobClient::logs).
#[must_use = "nothing is read until `pages` is called and looked at"]
#[derive(Debug, Clone)]
pub struct QueryLogs {
    client: Client,
    request: wire::QueryJobLogsRequest,
}

impl QueryLogs {
    pub(super) fn new(client: Client, job: JobId) -> Self {
        let request = wire::QueryJobLogsRequest { job_id: job.to_wire().into(), ..Default::default() };
        Self { client, request }
    }

    /// Only those of this task.
    pub fn task(mut self, task: TaskId) -> Self {
        self.request.task_id = task.to_wire().into();
        self
    }

    /// Only those of this severity; call it again to allow others too.
    pub fn severity(mut self, severity: LogSeverity) -> Self {
        self.request.filters.get_or_insert_default().severity_levels.push(severity.to_wire().into());
        self
    }

    /// Only those of this severity or a graver one.
    pub fn at_least(self, severity: LogSeverity) -> Self {
        severity.and_graver().fold(self, Self::severity)
    }

    /// Newest first instead of oldest first.
    pub fn newest_first(mut self) -> Self {
        self.request.sort_direction = Some(SortDirection::SORT_DIRECTION_DESCENDING.into());
        self
    }

    /// The records, read page by page (O-34). A record can be read at the latest 2 seconds after the server received it
    /// (O-39).
    ///
    /// Reading fails with [`Code::NotFound`](crate::Code::NotFound) if there is no such job (O-37).
    pub fn pages(self) -> Pages<LogRecord> {
        let Self { client, request } = self;
        Pages::new(move |page| {
            let client = client.clone();
            let request = wire::QueryJobLogsRequest { page: page.into(), ..request.clone() };
            async move {
                let service = client.telemetry_service();
                let answer = client.endpoint().repeat(CALL, |options| {
                    let request = request.clone();
                    async move { Ok(service.query_job_logs_with_options(request, options).await?.into_owned()) }
                });
                records(CALL, answer.await?)
            }
        })
    }
}

/// Which log records of all jobs to read; from [`JobClient::all_logs`](crate::JobClient::all_logs).
#[must_use = "nothing is read until `pages` is called and looked at"]
#[derive(Debug, Clone)]
pub struct QueryAllLogs {
    client: Client,
    request: wire::QueryLogsInIntervalRequest,
}

impl QueryAllLogs {
    pub(super) fn new(client: Client, written: impl RangeBounds<SystemTime>) -> Self {
        let request =
            wire::QueryLogsInIntervalRequest { time_interval: interval(written).into(), ..Default::default() };
        Self { client, request }
    }

    /// Only those of this severity; call it again to allow others too.
    pub fn severity(mut self, severity: LogSeverity) -> Self {
        self.request.filters.get_or_insert_default().severity_levels.push(severity.to_wire().into());
        self
    }

    /// Only those of this severity or a graver one.
    pub fn at_least(self, severity: LogSeverity) -> Self {
        severity.and_graver().fold(self, Self::severity)
    }

    /// Oldest first instead of newest first.
    pub fn oldest_first(mut self) -> Self {
        self.request.sort_direction = Some(SortDirection::SORT_DIRECTION_ASCENDING.into());
        self
    }

    /// The records, read page by page (O-34).
    pub fn pages(self) -> Pages<LogRecord> {
        let Self { client, request } = self;
        Pages::new(move |page| {
            let client = client.clone();
            let request = wire::QueryLogsInIntervalRequest { page: page.into(), ..request.clone() };
            async move {
                let service = client.telemetry_service();
                let answer = client.endpoint().repeat(CALL_ALL, |options| {
                    let request = request.clone();
                    async move { Ok(service.query_logs_in_interval_with_options(request, options).await?.into_owned()) }
                });
                records(CALL_ALL, answer.await?)
            }
        })
    }
}

/// How many log records there are (O-36); from [`JobClient::log_counts`](crate::JobClient::log_counts).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct LogCounts {
    /// All of them, those without a severity included.
    pub total: u64,
    /// How many have each severity. Those that say none are only in `total`.
    pub by_severity: Vec<(LogSeverity, u64)>,
}

impl LogCounts {
    /// How many have this severity.
    pub fn count(&self, severity: LogSeverity) -> u64 {
        self.by_severity.iter().filter(|(known, _)| *known == severity).map(|(_, count)| count).sum()
    }

    fn from_wire(answer: wire::GetLogMessageCountsResponse) -> Self {
        let number = |count: Option<i64>| count.and_then(|count| u64::try_from(count).ok()).unwrap_or(0);
        let by_severity = answer.counts.iter().filter_map(|entry| {
            let group = entry.severity.map(|severity| severity.to_i32());
            let severity = LogSeverity::ALL.iter().find(|known| Some(known.to_wire() as i32) == group)?;
            Some((*severity, number(entry.count)))
        });
        Self { total: number(answer.total_messages), by_severity: by_severity.collect() }
    }
}

pub(super) async fn counts(client: &Client, written: impl RangeBounds<SystemTime>) -> Result<LogCounts, Error> {
    let request = wire::GetLogMessageCountsRequest { time_interval: interval(written).into(), ..Default::default() };
    let service = client.telemetry_service();
    let answer = client.endpoint().repeat(CALL_COUNTS, |options| {
        let request = request.clone();
        async move { Ok(service.get_log_message_counts_with_options(request, options).await?.into_owned()) }
    });
    Ok(LogCounts::from_wire(answer.await?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn o_31_severities_go_by_number() {
        let expected =
            [(0, "TRACE"), (4, "TRACE"), (5, "DEBUG"), (9, "INFO"), (16, "WARN"), (17, "ERROR"), (24, "ERROR")];
        for (number, name) in expected {
            assert_eq!(LogSeverity::from_number(number).as_str(), name, "{number}");
        }
    }
}
