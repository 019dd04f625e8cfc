//! A log record: as JSON, and as lines in a terminal.

use std::time::{Duration, UNIX_EPOCH};

use boxwood_proto::opentelemetry::proto::common::v1::any_value::Value as WireValue;
use boxwood_proto::opentelemetry::proto::common::v1::{AnyValue, KeyValue};
use boxwood_proto::opentelemetry::proto::logs::v1::ResourceLogs;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::output::{Screen, Style};
use crate::text::{shown, shown_lines};
use crate::when::{local_exact, rfc_3339};

/// Attributes that say where a record belongs (O-15), not what it says.
const PLACE: [&str; 3] = ["task_id", "trace_id", "span_id"];

/// A log record as it was received. Bytes are written in hexadecimal digits.
#[derive(Debug, Serialize)]
pub(super) struct Record {
    /// When it was written.
    time: String,
    #[serde(skip)]
    nanos: u64,
    severity: &'static str,
    severity_text: String,
    body: Value,
    attributes: Map<String, Value>,
    /// What the process that wrote it says of itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) runner_attributes: Option<Map<String, Value>>,
    trace_id: String,
    span_id: String,
}

impl Record {
    /// Each answer entry carries exactly one record (O-32).
    pub(super) fn from_wire(entry: ResourceLogs) -> Option<Self> {
        let runner_attributes = attributes(entry.resource.into_option().unwrap_or_default().attributes);
        let record = entry.scope_logs.into_iter().next()?.log_records.into_iter().next()?;
        let nanos = match record.time_unix_nano {
            0 => record.observed_time_unix_nano,
            nanos => nanos,
        };
        Some(Self {
            time: rfc_3339(UNIX_EPOCH + Duration::from_nanos(nanos)),
            nanos,
            severity: severity(record.severity_number.to_i32()),
            severity_text: record.severity_text,
            body: value(record.body.into_option().unwrap_or_default()),
            attributes: attributes(record.attributes),
            runner_attributes: Some(runner_attributes),
            trace_id: hex(&record.trace_id),
            span_id: hex(&record.span_id),
        })
    }

    /// The record in one line, or more if its text has more. Further lines are marked, so that a text cannot pose as
    /// another record.
    pub(super) fn text(&self, screen: Screen, with_task: bool) -> String {
        let style = match self.severity {
            "ERROR" => Style::Bad,
            "WARN" => Style::Warning,
            "INFO" => Style::Good,
            _ => Style::Faint,
        };
        let body = plain(&self.body);
        let mut lines = shown_lines(&body);
        let mut text = String::new();
        text.push_str(&screen.paint(Style::Faint, &local_exact(UNIX_EPOCH + Duration::from_nanos(self.nanos))));
        text.extend([" ", &screen.paint(style, &format!("{:<5}", self.severity)), " "]);
        text.push_str(&lines.next().unwrap_or_default());
        let mut pairs: Vec<String> = pairs(&self.attributes, |key| !PLACE.contains(&key));
        pairs.extend(self.runner_attributes.iter().flat_map(pairs_of_all));
        if with_task && let Some(task) = self.attributes.get("task_id") {
            pairs.push(pair("task_id", task));
        }
        for pair in pairs {
            text.push_str("  ");
            text.push_str(&screen.paint(Style::Faint, &pair));
        }
        text.push('\n');
        for line in lines {
            text.extend([&screen.paint(Style::Faint, "    │ "), &line, "\n"]);
        }
        text
    }
}

fn pairs_of_all(attributes: &Map<String, Value>) -> Vec<String> {
    pairs(attributes, |_| true)
}

fn pairs(attributes: &Map<String, Value>, wanted: impl Fn(&str) -> bool) -> Vec<String> {
    attributes.iter().filter(|(key, _)| wanted(key)).map(|(key, value)| pair(key, value)).collect()
}

/// `key=value` on one line, in quotes where blanks would make it ambiguous.
fn pair(key: &str, value: &Value) -> String {
    let text = plain(value);
    let quoted = text.is_empty() || text.contains(|c: char| c.is_whitespace() || c == '"' || c == '=');
    let text = if quoted { Value::String(text).to_string() } else { text };
    format!("{}={}", shown(key), shown(&text))
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn severity(number: i32) -> &'static str {
    match number {
        ..=4 => "TRACE",
        5..=8 => "DEBUG",
        9..=12 => "INFO",
        13..=16 => "WARN",
        17.. => "ERROR",
    }
}

fn attributes(entries: Vec<KeyValue>) -> Map<String, Value> {
    entries.into_iter().map(|entry| (entry.key, value(entry.value.into_option().unwrap_or_default()))).collect()
}

/// The value in the types of JSON (O-38).
fn value(any: AnyValue) -> Value {
    match any.value {
        None => Value::Null,
        Some(WireValue::StringValue(text)) => text.into(),
        Some(WireValue::BoolValue(value)) => value.into(),
        Some(WireValue::IntValue(number)) => number.into(),
        // JSON has no infinities.
        Some(WireValue::DoubleValue(number)) if number.is_finite() => number.into(),
        Some(WireValue::DoubleValue(number)) => number.to_string().into(),
        Some(WireValue::BytesValue(bytes)) => hex(&bytes).into(),
        Some(WireValue::ArrayValue(list)) => list.values.into_iter().map(value).collect(),
        Some(WireValue::KvlistValue(map)) => Value::Object(attributes(map.values)),
        Some(WireValue::StringValueStrindex(index)) => index.into(),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(body: &str) -> Record {
        Record {
            time: String::new(),
            nanos: 1_700_000_000_123_000_000,
            severity: "WARN",
            severity_text: String::new(),
            body: body.into(),
            attributes: Map::new(),
            runner_attributes: None,
            trace_id: String::new(),
            span_id: String::new(),
        }
    }

    fn shown_text(record: &Record) -> String {
        // Without the time, whose zone is that of the machine.
        record.text(Screen { columns: None, colour: false }, true)[24..].to_owned()
    }

    #[test]
    fn a_text_of_several_lines_cannot_pose_as_another_record() {
        let record = record("one\n2023-11-14 22:13:20.123 ERROR forged\r\x1b[A");
        assert_eq!(shown_text(&record), "WARN  one\n    │ 2023-11-14 22:13:20.123 ERROR forged\\r\\x1b[A\n");
    }

    #[test]
    fn o_15_attributes_follow_and_cannot_break_the_line() {
        let mut record = record("text");
        record.attributes.insert("bands".into(), 3.into());
        record.attributes.insert("k\x1b".into(), "a b\nc".into());
        record.attributes.insert("task_id".into(), "0190".into());
        record.attributes.insert("trace_id".into(), "0191".into());
        assert_eq!(shown_text(&record), "WARN  text  bands=3  k\\x1b=\"a b\\nc\"  task_id=0190\n");
    }
}
