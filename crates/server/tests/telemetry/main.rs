//! Logs and spans: in over OTLP/HTTP, out through `TelemetryQueryService`, with a real server between.

#[path = "../support/mod.rs"]
mod support;

mod intake;
mod queries;
mod spans;

use std::io::Write as _;

use boxwood_proto::buffa::Message as _;
use boxwood_proto::connectrpc::ConnectError;
use boxwood_proto::connectrpc::client::SharedHttp2Connection;
use boxwood_proto::opentelemetry::proto::collector::logs::v1::ExportLogsServiceRequest;
use boxwood_proto::opentelemetry::proto::collector::trace::v1::ExportTraceServiceRequest;
use boxwood_proto::opentelemetry::proto::common::v1::any_value::Value;
use boxwood_proto::opentelemetry::proto::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use boxwood_proto::opentelemetry::proto::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use boxwood_proto::opentelemetry::proto::resource::v1::Resource;
use boxwood_proto::opentelemetry::proto::trace::v1::{ResourceSpans, ScopeSpans, Span};
use boxwood_proto::workflows::v1::{self as wire, TelemetryQueryServiceClient};
use boxwood_server::{Config, Listen, Server};
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use support::{World, ask, default_cluster, http1, submit, tasks};

/// The trace of [`support::TRACE_PARENT`].
const TRACE: [u8; 16] = 0x6b5d_d632_8ae6_f7dc_35fc_987e_ade2_cb97_u128.to_be_bytes();

/// Some moment, in nanoseconds since 1970.
const T: u64 = 1_700_000_000_000_000_000;

fn attribute(key: &str, value: Value) -> KeyValue {
    let value = AnyValue { value: Some(value), ..Default::default() };
    KeyValue { key: key.into(), value: value.into(), ..Default::default() }
}

fn text(key: &str, value: impl Into<String>) -> KeyValue {
    attribute(key, Value::StringValue(value.into()))
}

/// A record of level INFO that says something.
fn log(time: u64, body: &str) -> LogRecord {
    LogRecord {
        time_unix_nano: time,
        severity_number: boxwood_proto::buffa::EnumValue::from(9),
        severity_text: "INFO".into(),
        body: AnyValue { value: Some(Value::StringValue(body.into())), ..Default::default() }.into(),
        ..Default::default()
    }
}

/// A record of a task, as the SDKs send it.
fn log_of(task: &[u8], time: u64, body: &str) -> LogRecord {
    LogRecord { trace_id: TRACE.to_vec(), attributes: vec![text("task_id", uuid(task))], ..log(time, body) }
}

fn uuid(id: &[u8]) -> String {
    let hex: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

fn span(time: u64, name: &str) -> Span {
    Span {
        trace_id: TRACE.to_vec(),
        span_id: vec![7; 8],
        name: name.into(),
        start_time_unix_nano: time,
        end_time_unix_nano: time + 1,
        ..Default::default()
    }
}

fn resource(name: &str) -> Resource {
    Resource { attributes: vec![text("service.instance.id", name)], ..Default::default() }
}

fn scope(name: &str) -> InstrumentationScope {
    InstrumentationScope { name: name.into(), ..Default::default() }
}

/// A request with records of one scope.
fn logs(records: Vec<LogRecord>) -> ExportLogsServiceRequest {
    let scope_logs = vec![ScopeLogs { scope: scope("s").into(), log_records: records, ..Default::default() }];
    let entry = ResourceLogs { resource: resource("r").into(), scope_logs, ..Default::default() };
    ExportLogsServiceRequest { resource_logs: vec![entry], ..Default::default() }
}

/// A request with spans of one scope.
fn spans(spans: Vec<Span>) -> ExportTraceServiceRequest {
    let scope_spans = vec![ScopeSpans { scope: scope("s").into(), spans, ..Default::default() }];
    let entry = ResourceSpans { resource: resource("r").into(), scope_spans, ..Default::default() };
    ExportTraceServiceRequest { resource_spans: vec![entry], ..Default::default() }
}

/// Stops the server and starts it again on the same data.
async fn restart(world: World) -> World {
    let World { server, dir } = world;
    server.stop().await.expect("stopped");
    let config = Config::new(Listen::Tcp("127.0.0.1:0".into()), dir.path());
    World { server: Server::start(config).await.expect("the server starts again"), dir }
}

/// Posts a body as exporters do.
async fn post(world: &World, path: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Response<Bytes> {
    let mut request = Request::post(path).header("host", world.host());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    http1(world, request.body(Full::new(body.into())).expect("a request")).await
}

const PROTOBUF: (&str, &str) = ("content-type", "application/x-protobuf");

/// Sends logs, which must succeed; afterwards they can be queried.
async fn send_logs(world: &World, records: Vec<LogRecord>) {
    let answer = post(world, "/v1/logs", &[PROTOBUF], logs(records).encode_to_vec()).await;
    assert_eq!(answer.status(), StatusCode::OK, "{answer:?}");
}

async fn send_spans(world: &World, sent: Vec<Span>) {
    let answer = post(world, "/v1/traces", &[PROTOBUF], spans(sent).encode_to_vec()).await;
    assert_eq!(answer.status(), StatusCode::OK, "{answer:?}");
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(bytes).expect("written to memory");
    packed.finish().expect("written to memory")
}

fn telemetry(world: &World) -> TelemetryQueryServiceClient<SharedHttp2Connection> {
    let clients = world.grpc();
    TelemetryQueryServiceClient::new(clients.transport, clients.config)
}

/// The ids of a new job with one task, and of that task.
async fn job_with_task(world: &World) -> (Vec<u8>, Vec<u8>) {
    let cluster = default_cluster(world).await;
    let clients = world.grpc();
    let job = clients.jobs().submit_job(submit("job", tasks(&cluster, "T", 1))).await.expect("submitted").into_owned();
    let answer = clients.tasks().next_task(ask(&cluster, &["T"])).await.expect("answered").into_owned();
    let task = answer.next_task.into_option().expect("the task");
    (job.id.uuid.clone(), task.id.uuid.clone())
}

fn of_job(job: &[u8]) -> wire::QueryJobLogsRequest {
    wire::QueryJobLogsRequest { job_id: support::id(job).into(), ..Default::default() }
}

async fn query_logs(
    world: &World,
    request: wire::QueryJobLogsRequest,
) -> Result<wire::PaginatedLogsData, ConnectError> {
    Ok(telemetry(world).query_job_logs(request).await?.into_owned())
}

/// The record of each entry, of which every entry has exactly one (O-32).
fn records(entries: &[ResourceLogs]) -> Vec<LogRecord> {
    let one = |entry: &ResourceLogs| {
        let [scope] = &entry.scope_logs[..] else { panic!("one scope: {entry:?}") };
        let [record] = &scope.log_records[..] else { panic!("one record: {entry:?}") };
        record.clone()
    };
    entries.iter().map(one).collect()
}

fn bodies(entries: &[ResourceLogs]) -> Vec<String> {
    let body = |record: LogRecord| match record.body.into_option().and_then(|body| body.value) {
        Some(Value::StringValue(text)) => text,
        other => panic!("a text: {other:?}"),
    };
    records(entries).into_iter().map(body).collect()
}

async fn bodies_of(world: &World, request: wire::QueryJobLogsRequest) -> Vec<String> {
    bodies(&query_logs(world, request).await.expect("answered").resource_logs)
}

fn names(entries: &[ResourceSpans]) -> Vec<String> {
    entries
        .iter()
        .map(|entry| {
            let [scope] = &entry.scope_spans[..] else { panic!("one scope: {entry:?}") };
            let [span] = &scope.spans[..] else { panic!("one span: {entry:?}") };
            span.name.clone()
        })
        .collect()
}
