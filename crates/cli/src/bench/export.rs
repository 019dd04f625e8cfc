//! Logs and spans, exported as runners export them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use boxwood_proto::buffa::Message as _;
use boxwood_proto::opentelemetry::proto::collector::logs::v1::ExportLogsServiceRequest;
use boxwood_proto::opentelemetry::proto::collector::trace::v1::ExportTraceServiceRequest;
use boxwood_proto::opentelemetry::proto::common::v1::any_value::Value;
use boxwood_proto::opentelemetry::proto::common::v1::{AnyValue, KeyValue};
use boxwood_proto::opentelemetry::proto::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use boxwood_proto::opentelemetry::proto::trace::v1::{ResourceSpans, ScopeSpans, Span};
use boxwood_proto::tilebox::v1::ID;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::connection::address;
use super::requests::TRACE;

/// Records of one export.
pub(super) const EXPORTED_RECORDS: usize = 500;

/// What is exported.
#[derive(Clone, Copy)]
pub(super) enum Signal {
    Logs,
    Spans,
}

impl Signal {
    fn path(self) -> &'static str {
        match self {
            Self::Logs => "/v1/logs",
            Self::Spans => "/v1/traces",
        }
    }

    /// Records of a task, as a runner sends them (O-11, O-15).
    fn body(self, task: &ID) -> Vec<u8> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = u64::try_from(now.as_nanos()).unwrap_or_default();
        let attributes = vec![task_id(task)];
        let (trace_id, span_id) = (TRACE.to_be_bytes().to_vec(), vec![7; 8]);
        match self {
            Self::Logs => {
                let record = LogRecord {
                    time_unix_nano: now,
                    severity_number: 9.into(),
                    body: text("a line as programs write it").into(),
                    attributes,
                    trace_id,
                    span_id,
                    ..Default::default()
                };
                let logs = ScopeLogs { log_records: vec![record; EXPORTED_RECORDS], ..Default::default() };
                let logs = ResourceLogs { scope_logs: vec![logs], ..Default::default() };
                ExportLogsServiceRequest { resource_logs: vec![logs], ..Default::default() }.encode_to_vec()
            }
            Self::Spans => {
                let span = Span {
                    start_time_unix_nano: now,
                    end_time_unix_nano: now,
                    name: "task/Task".into(),
                    attributes,
                    trace_id,
                    span_id,
                    ..Default::default()
                };
                let spans = ScopeSpans { spans: vec![span; EXPORTED_RECORDS], ..Default::default() };
                let spans = ResourceSpans { scope_spans: vec![spans], ..Default::default() };
                ExportTraceServiceRequest { resource_spans: vec![spans], ..Default::default() }.encode_to_vec()
            }
        }
    }
}

fn text(text: &str) -> AnyValue {
    AnyValue { value: Some(Value::StringValue(text.into())), ..Default::default() }
}

fn task_id(task: &ID) -> KeyValue {
    let hex: String = task.uuid.iter().map(|byte| format!("{byte:02x}")).collect();
    KeyValue { key: "task_id".into(), value: text(&hex).into(), ..Default::default() }
}

/// A connection that exports records of one task.
pub(super) struct Exporter {
    stream: TcpStream,
    request: Vec<u8>,
}

impl Exporter {
    pub(super) async fn connect(url: &str, signal: Signal, task: &ID) -> std::io::Result<Self> {
        let address = address(url);
        let (path, body) = (signal.path(), signal.body(task));
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/x-protobuf\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, request: [head.as_bytes(), &body].concat() })
    }

    /// Exports the records once more. Whether they were taken, or the queue is full.
    pub(super) async fn export(&mut self) -> std::io::Result<bool> {
        self.stream.write_all(&self.request).await?;
        let mut answer = vec![0; 16 << 10];
        // Answers are small and come in one piece.
        let length = self.stream.read(&mut answer).await?;
        match &answer[..length] {
            taken if taken.starts_with(b"HTTP/1.1 200") => Ok(true),
            full if full.starts_with(b"HTTP/1.1 503") => Ok(false),
            other => Err(std::io::Error::other(format!("answered {:?}", String::from_utf8_lossy(other)))),
        }
    }

    /// Exports until that fails, and counts the records that were taken.
    pub(super) async fn flood(mut self, stored: Arc<AtomicU64>) -> std::io::Error {
        loop {
            match self.export().await {
                Ok(true) => {
                    stored.fetch_add(EXPORTED_RECORDS as u64, Ordering::Relaxed);
                }
                // Which is the point: records that are not taken do not count.
                Ok(false) => tokio::task::yield_now().await,
                Err(error) => return error,
            }
        }
    }
}
