//! A log record: as JSON, and as lines in a terminal.

use std::time::SystemTime;

use boxwood::LogRecord;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::job::attributes::{attributes, pair, pairs, plain, value};
use crate::output::{Screen, Style};
use crate::text::shown_lines;
use crate::when::{local_exact, rfc_3339};

/// Attributes that say where a record belongs (O-15), not what it says.
const PLACE: [&str; 3] = ["task_id", "trace_id", "span_id"];

/// A log record as it was received. Bytes are written in hexadecimal digits.
#[derive(Debug, Serialize)]
pub(super) struct Record {
    /// When it was written.
    time: String,
    #[serde(skip)]
    at: SystemTime,
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

impl From<LogRecord> for Record {
    fn from(record: LogRecord) -> Self {
        Self {
            time: rfc_3339(record.time),
            at: record.time,
            severity: record.severity.as_str(),
            severity_text: record.severity_text,
            body: value(record.body),
            attributes: attributes(record.attributes),
            runner_attributes: Some(attributes(record.runner_attributes)),
            trace_id: record.trace_id,
            span_id: record.span_id,
        }
    }
}

impl Record {
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
        text.push_str(&screen.paint(Style::Faint, &local_exact(self.at)));
        text.extend([" ", &screen.paint(style, &format!("{:<5}", self.severity)), " "]);
        text.push_str(&lines.next().unwrap_or_default());
        let mut said = pairs(&self.attributes, |key| !PLACE.contains(&key));
        said.extend(self.runner_attributes.iter().flat_map(|attributes| pairs(attributes, |_| true)));
        if with_task && let Some(task) = self.attributes.get("task_id") {
            said.push(pair("task_id", task));
        }
        for pair in said {
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

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    fn record(body: &str) -> Record {
        Record {
            time: String::new(),
            at: UNIX_EPOCH + Duration::from_millis(1_700_000_000_123),
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
        record.text(Screen { columns: None, rows: None, colour: false }, true)[24..].to_owned()
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
