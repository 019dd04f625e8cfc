//! Requests out of bytes.

use std::io::Write as _;

use boxwood::JobId;
use boxwood_proto::buffa::Message as _;
use boxwood_proto::workflows::v1 as wire;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use http::Request;

use crate::input::Input;

/// Where calls go.
const CALLS: [&str; 38] = [
    "/workflows.v1.JobService/SubmitJob",
    "/workflows.v1.TaskService/NextTask",
    "/workflows.v1.TaskService/TaskFailed",
    "/workflows.v1.TaskService/ExtendTaskLease",
    "/workflows.v1.JobService/GetJob",
    "/workflows.v1.JobService/ListJobTasks",
    "/workflows.v1.JobService/RetryJob",
    "/workflows.v1.JobService/CancelJob",
    "/workflows.v1.JobService/VisualizeJob",
    "/workflows.v1.JobService/QueryJobs",
    "/workflows.v1.JobService/GetJobPrototype",
    "/workflows.v1.JobService/CloneJob",
    "/workflows.v1.JobService/GetJobStateCounts",
    "/workflows.v1.JobService/GetTaskQueueStats",
    "/workflows.v1.JobService/GetJobProgress",
    "/workflows.v1.WorkflowsService/CreateCluster",
    "/workflows.v1.WorkflowsService/GetCluster",
    "/workflows.v1.WorkflowsService/UpdateCluster",
    "/workflows.v1.WorkflowsService/DeleteCluster",
    "/workflows.v1.WorkflowsService/ListClusters",
    "/workflows.v1.WorkflowsService/CreateWorkflow",
    "/workflows.v1.AutomationService/CreateAutomation",
    "/workflows.v1.StorageLocationService/GetStorageLocation",
    "/workflows.v1.DiagramService/Render",
    "/workflows.v1.NoService/NoMethod",
    "/v1/logs",
    "/workflows.v1.TelemetryQueryService/QueryJobLogs",
    "/workflows.v1.TelemetryQueryService/QueryJobSpans",
    "/metrics",
    "/readyz",
    "/boxwood.v1.InsightService/ExplainJob",
    "/boxwood.v1.InsightService/ExplainTask",
    "/boxwood.v1.InsightService/ListRunners",
    "/boxwood.v1.InsightService/ListFailedTasks",
    "/boxwood.v1.InsightService/FindTasks",
    "/boxwood.v1.InsightService/QuerySpans",
    "/boxwood.v1.InsightService/ListQueues",
    "/boxwood.v1.InsightService/DescribeServer",
];

/// Where telemetry goes, and is asked for.
const TELEMETRY: [&str; 7] = [
    "/v1/logs",
    "/v1/traces",
    "/workflows.v1.TelemetryQueryService/QueryJobLogs",
    "/workflows.v1.TelemetryQueryService/QueryLogsInInterval",
    "/workflows.v1.TelemetryQueryService/GetLogMessageCounts",
    "/workflows.v1.TelemetryQueryService/QueryJobSpans",
    "/boxwood.v1.InsightService/QuerySpans",
];

/// Names that exist, in place of what stands for them in the input: of the same length, so that lengths stay true.
#[derive(Default)]
pub(super) struct Known(Vec<(Vec<u8>, Vec<u8>)>);

impl Known {
    /// A job is `JJJJJJJJJJJJJJJJ`, or `jjjj…` where its id is text; a task is `TTTT…`.
    pub(super) fn id(&mut self, sign: u8, id: [u8; 16]) {
        self.0.push((vec![sign; 16], id.to_vec()));
        let text = JobId::from_bytes(id).to_string().into_bytes();
        self.0.push((vec![sign.to_ascii_lowercase(); text.len()], text));
    }

    /// The default cluster is `default-CCCCCCCCCCCCCC`.
    pub(super) fn default_cluster(&mut self, slug: &str) {
        self.0.push((b"default-CCCCCCCCCCCCCC".to_vec(), slug.into()));
    }

    fn fill_in(&self, bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        for (sign, name) in self.0.iter().filter(|(sign, name)| sign.len() == name.len()) {
            let mut place = 0;
            while let Some(there) = bytes.get_mut(place..place + sign.len()) {
                if there == sign {
                    there.copy_from_slice(name);
                }
                place += 1;
            }
        }
        bytes
    }
}

/// How a request is written, and its answer with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A message in a frame.
    Grpc,
    /// A message.
    Connect,
    /// A message as JSON.
    Json,
    /// An export of telemetry.
    Export,
    /// Whatever the bytes say.
    Free,
}

pub(super) fn read(input: &mut Input<'_>, known: &Known) -> (Request<Bytes>, Kind) {
    let path = CALLS[input.below(CALLS.len())];
    call(path, input, known)
}

pub(super) fn read_telemetry(input: &mut Input<'_>, known: &Known) -> (Request<Bytes>, Kind) {
    let path = TELEMETRY[input.below(TELEMETRY.len())];
    if path.starts_with("/v1") { export(path, input, known) } else { call(path, input, known) }
}

fn call(path: &str, input: &mut Input<'_>, known: &Known) -> (Request<Bytes>, Kind) {
    let form = input.below(8);
    let body = known.fill_in(input.bytes());
    match form {
        0..3 => (post(path, "application/grpc+proto", &[], frame(0, &body)), Kind::Grpc),
        3 => (post(path, "application/proto", &[], body), Kind::Connect),
        4 => (post(path, "application/json", &[], body), Kind::Json),
        5 => (post(path, "application/grpc", &[("grpc-encoding", "gzip")], frame(1, &gzip(&body))), Kind::Grpc),
        6 => (post(path, "application/proto", &[("content-encoding", "gzip")], gzip(&body)), Kind::Connect),
        _ => free(path, input, body),
    }
}

/// A request whose frames and headers are those of the input.
fn free(path: &str, input: &mut Input<'_>, body: Vec<u8>) -> (Request<Bytes>, Kind) {
    const NAMES: [&str; 12] = [
        "content-type",
        "host",
        "origin",
        "grpc-encoding",
        "content-encoding",
        "grpc-timeout",
        "connect-timeout-ms",
        "connect-protocol-version",
        "grpc-previous-rpc-attempts",
        "te",
        "accept-encoding",
        "grpc-accept-encoding",
    ];
    let method = ["POST", "GET", "PUT", "OPTIONS"][input.below(4)];
    let mut request = Request::builder().method(method).uri(path);
    request = request.version([http::Version::HTTP_2, http::Version::HTTP_11][input.below(2)]);
    for _ in 0..input.below(6) {
        let (name, value) = (NAMES[input.below(NAMES.len())], input.text());
        if let Ok(value) = http::HeaderValue::from_str(&value) {
            request = request.header(name, value);
        }
    }
    // Without a host nothing is answered at all.
    if input.flag() {
        request = request.header("host", "127.0.0.1:8080");
    }
    (request.body(body.into()).expect("a request"), Kind::Free)
}

fn export(path: &str, input: &mut Input<'_>, known: &Known) -> (Request<Bytes>, Kind) {
    let form = input.below(8);
    let body = known.fill_in(input.bytes());
    let kind = "application/x-protobuf";
    let request = match form {
        0..4 => post(path, kind, &[], body),
        4 => post(path, kind, &[("content-encoding", "gzip")], gzip(&body)),
        5 => post(path, kind, &[("content-encoding", "deflate")], deflate(&body)),
        // Not packed, or in some other way.
        6 => post(path, kind, &[("content-encoding", "gzip")], body),
        _ => post(path, kind, &[("content-encoding", "deflate")], body),
    };
    (request, Kind::Export)
}

pub(super) fn post(path: &str, kind: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Request<Bytes> {
    let mut request = Request::post(path).version(http::Version::HTTP_2);
    request = request.header("content-type", kind).header("host", "127.0.0.1:8080").header("te", "trailers");
    request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    request.body(body.into()).expect("a request")
}

/// A message as gRPC frames it; `packed` is 1 if it is compressed.
pub(super) fn frame(packed: u8, message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).expect("a short message").to_be_bytes();
    [&[packed], length.as_slice(), message].concat()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(bytes).and_then(|()| packer.finish()).expect("memory can be written to")
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut packer = ZlibEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(bytes).and_then(|()| packer.finish()).expect("memory can be written to")
}

/// A submission of one task.
pub(super) fn job() -> Request<Bytes> {
    let identifier = wire::TaskIdentifier { name: "T".into(), version: "v1.0".into(), ..Default::default() };
    let task = wire::SingleTaskSubmission { identifier: identifier.into(), display: "T".into(), ..Default::default() };
    let trace_parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".into();
    let job = wire::SubmitJobRequest {
        job_name: "telemetry".into(),
        trace_parent,
        legacy_tasks: vec![task],
        ..Default::default()
    };
    post("/workflows.v1.JobService/SubmitJob", "application/grpc+proto", &[], frame(0, &job.encode_to_vec()))
}
