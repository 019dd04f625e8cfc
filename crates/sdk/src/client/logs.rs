//! Reading log records (O-30 to O-40).

use std::fmt;
use std::time::{Duration, SystemTime};

use boxwood_proto::opentelemetry::proto::common::v1::any_value::Value;
use boxwood_proto::opentelemetry::proto::common::v1::{AnyValue, KeyValue};
use boxwood_proto::opentelemetry::proto::logs::v1::ResourceLogs;
use boxwood_proto::tilebox::v1::SortDirection;
use boxwood_proto::workflows::v1 as wire;

use super::{Client, Pages};
use crate::Error;
use crate::id::{JobId, TaskId};

const CALL: &str = "query logs of job";

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

/// The value of an attribute (O-38).
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the names say it")]
pub enum AttributeValue {
    Empty,
    Text(String),
    Bool(bool),
    Integer(i64),
    Double(f64),
    Bytes(Vec<u8>),
    List(Vec<AttributeValue>),
    Map(Vec<(String, AttributeValue)>),
}

impl AttributeValue {
    fn from_wire(value: AnyValue) -> Self {
        match value.value {
            None => Self::Empty,
            Some(Value::StringValue(text)) => Self::Text(text),
            Some(Value::BoolValue(value)) => Self::Bool(value),
            Some(Value::IntValue(number)) => Self::Integer(number),
            Some(Value::DoubleValue(number)) => Self::Double(number),
            Some(Value::BytesValue(bytes)) => Self::Bytes(bytes),
            Some(Value::ArrayValue(list)) => Self::List(list.values.into_iter().map(Self::from_wire).collect()),
            Some(Value::KvlistValue(map)) => Self::Map(attributes(map.values)),
            Some(Value::StringValueStrindex(index)) => Self::Integer(index.into()),
        }
    }
}

impl fmt::Display for AttributeValue {
    /// Texts as they are, bytes in hexadecimal digits, lists in square brackets and maps in braces.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => Ok(()),
            Self::Text(text) => f.write_str(text),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Integer(number) => write!(f, "{number}"),
            Self::Double(number) => write!(f, "{number}"),
            Self::Bytes(bytes) => bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}")),
            Self::List(values) => {
                f.write_str("[")?;
                for (index, value) in values.iter().enumerate() {
                    write!(f, "{}{value}", if index == 0 { "" } else { ", " })?;
                }
                f.write_str("]")
            }
            Self::Map(entries) => {
                f.write_str("{")?;
                for (index, (key, value)) in entries.iter().enumerate() {
                    write!(f, "{}{key}: {value}", if index == 0 { "" } else { ", " })?;
                }
                f.write_str("}")
            }
        }
    }
}

fn attributes(entries: Vec<KeyValue>) -> Vec<(String, AttributeValue)> {
    let value = |entry: KeyValue| (entry.key, AttributeValue::from_wire(entry.value.into_option().unwrap_or_default()));
    entries.into_iter().map(value).collect()
}

/// One log record, as it was received.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct LogRecord {
    /// When it was written.
    pub time: SystemTime,
    /// How grave it is.
    pub severity: LogSeverity,
    /// How grave it is, in the words of the sender, for example `WARN`; may be empty.
    pub severity_text: String,
    /// What it says.
    pub body: String,
    /// What it says further.
    pub attributes: Vec<(String, AttributeValue)>,
    /// What the process that wrote it said of itself (O-17).
    pub runner_attributes: Vec<(String, AttributeValue)>,
    /// The trace it belongs to, in hexadecimal digits; empty if none.
    pub trace_id: String,
    /// The span it belongs to, in hexadecimal digits; empty if none.
    pub span_id: String,
}

impl LogRecord {
    /// The value of an attribute.
    pub fn attribute(&self, key: &str) -> Option<&AttributeValue> {
        self.attributes.iter().find(|(known, _)| known == key).map(|(_, value)| value)
    }

    /// Each answer entry carries exactly one record (O-32).
    fn from_wire(entry: ResourceLogs) -> Result<Self, Error> {
        let runner_attributes = attributes(entry.resource.into_option().unwrap_or_default().attributes);
        let record = entry.scope_logs.into_iter().next().and_then(|scope| scope.log_records.into_iter().next());
        let record = record.ok_or_else(|| Error::answer(CALL, "an entry has no log record"))?;
        let nanos = match record.time_unix_nano {
            0 => record.observed_time_unix_nano,
            nanos => nanos,
        };
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        Ok(Self {
            time: SystemTime::UNIX_EPOCH + Duration::from_nanos(nanos),
            severity: LogSeverity::from_number(record.severity_number.to_i32()),
            severity_text: record.severity_text,
            body: AttributeValue::from_wire(record.body.into_option().unwrap_or_default()).to_string(),
            attributes: attributes(record.attributes),
            runner_attributes,
            trace_id: hex(&record.trace_id),
            span_id: hex(&record.span_id),
        })
    }
}

/// Which log records to read; from [`JobClient::logs`](crate::JobClient::logs).
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
        [LogSeverity::Trace, LogSeverity::Debug, LogSeverity::Info, LogSeverity::Warn, LogSeverity::Error]
            .into_iter()
            .filter(|other| *other >= severity)
            .fold(self, Self::severity)
    }

    /// Newest first instead of oldest first.
    pub fn newest_first(mut self) -> Self {
        self.request.sort_direction = Some(SortDirection::SORT_DIRECTION_DESCENDING.into());
        self
    }

    /// The records, read page by page. An unknown job is [`Code::NotFound`](crate::Code::NotFound) (O-37).
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
                let answer = answer.await?;
                let records = answer.resource_logs.into_iter().map(LogRecord::from_wire).collect::<Result<_, _>>()?;
                Ok((records, answer.next_page.into_option()))
            }
        })
    }
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

    #[test]
    fn o_38_values_are_written_for_people() {
        let value = AttributeValue::Map(vec![
            ("list".to_owned(), AttributeValue::List(vec![AttributeValue::Integer(1), AttributeValue::Bool(true)])),
            ("bytes".to_owned(), AttributeValue::Bytes(vec![0, 255])),
        ]);
        assert_eq!(value.to_string(), "{list: [1, true], bytes: 00ff}");
    }
}
