//! What a call costs outside of the lane, in instructions: `cargo xtask instructions` builds and runs it, as it does the
//! workloads of the test kit. From the request as HTTP hands it over to the answer as HTTP takes it: routing, framing,
//! decoding, validation, conversion, the way into the lane and out of it, and encoding. The lane's thread is not counted.

use std::process::ExitCode;

use boxwood_proto::buffa::Message;
use boxwood_proto::tilebox::v1::ID;
use boxwood_proto::workflows::v1 as wire;
use boxwood_server::{Config, Inside, Listen};
use bytes::Bytes;
use http::{Request, Version};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

/// Calls counted in each workload.
const OPERATIONS: usize = 512;

/// A workload: its name, and how many sub-tasks each report has.
const WORKLOADS: [(&str, usize); 3] = [("door/next-task/0", 0), ("door/next-task/2", 2), ("door/next-task/64", 64)];

fn main() -> ExitCode {
    // Cargo adds an option of its own.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["--list"] => {
            println!("{}", std::env::current_exe().expect("a program has a path").display());
            WORKLOADS.iter().for_each(|(name, _)| println!("{name}"));
        }
        [name] => match WORKLOADS.iter().find(|(known, _)| known == name) {
            Some((_, sub_tasks)) => println!("{}", Calls::new().next_task(*sub_tasks)),
            None => return ExitCode::from(2),
        },
        // `cargo bench` starts every benchmark so.
        _ => println!("usage: instructions --list | WORKLOAD"),
    }
    ExitCode::SUCCESS
}

/// Callgrind counts what happens in here, in whatever it calls, and nowhere else: it knows this function by its name.
#[inline(never)]
fn counted<T>(work: impl FnOnce() -> T) -> T {
    // Without the box the call could become a jump, after which the end of this function is not seen.
    std::hint::black_box(work())
}

/// Calls of one runner.
struct Calls {
    runtime: Runtime,
    server: Inside,
    cluster: String,
    _folder: TempDir,
}

impl Calls {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let config = Config::new(Listen::Tcp("127.0.0.1:0".into()), folder.path());
        let server = runtime.block_on(Inside::start(config)).expect("a server");
        let clusters = server.reader().clusters().expect("clusters are read");
        let cluster = clusters.iter().find(|cluster| !cluster.deletable).expect("the default cluster").slug.to_string();
        Self { runtime, server, cluster, _folder: folder }
    }

    /// Answers the message of the answer.
    fn call(&self, request: Request<Bytes>, count: bool) -> Bytes {
        let answer = || self.runtime.block_on(self.server.answer(request));
        let (response, trailers) = if count { counted(answer) } else { answer() }.expect("a whole answer");
        assert_eq!(trailers.get("grpc-status").map(|status| status.as_bytes()), Some(b"0".as_slice()), "{response:?}");
        response.into_body().slice(5..)
    }

    /// Reports with so many sub-tasks, each with the question for the next task.
    fn next_task(&self, sub_tasks: usize) -> usize {
        let job = wire::SubmitJobRequest {
            job_name: "Mosaic of the north".into(),
            trace_parent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".into(),
            tasks: tasks(2 * OPERATIONS).into(),
            ..Default::default()
        };
        self.call(request("JobService/SubmitJob", &job), false);
        let mut held = self.next(wire::NextTaskRequest::default(), false);
        for operation in 0..=OPERATIONS {
            let computed = wire::ComputedTask {
                id: ID { uuid: held, ..Default::default() }.into(),
                display: "Tile".into(),
                sub_tasks: (sub_tasks > 0).then(|| tasks(sub_tasks)).into(),
                ..Default::default()
            };
            let report = wire::NextTaskRequest { computed_task: computed.into(), ..Default::default() };
            // The first call prepares what later ones find prepared.
            held = self.next(report, operation > 0);
        }
        OPERATIONS
    }

    fn next(&self, mut report: wire::NextTaskRequest, count: bool) -> Vec<u8> {
        let identifiers = ["acme.Mosaic", "acme.Tile", "acme.Blend", "acme.Report"].map(identifier).to_vec();
        report.next_task_to_run =
            wire::NextTaskToRun { cluster_slug: self.cluster.clone(), identifiers, ..Default::default() }.into();
        let answer = self.call(request("TaskService/NextTask", &report), count);
        let answer = wire::NextTaskResponse::decode_from_slice(&answer).expect("a message");
        answer.next_task.into_option().expect("a task is ready").id.uuid.clone()
    }
}

fn request(method: &str, message: &impl Message) -> Request<Bytes> {
    let message = message.encode_to_vec();
    let length = u32::try_from(message.len()).expect("a short message").to_be_bytes();
    let request = Request::post(format!("http://127.0.0.1:8080/workflows.v1.{method}")).version(Version::HTTP_2);
    let request = request.header("content-type", "application/grpc+proto").header("te", "trailers");
    request.body([&[0], length.as_slice(), &message].concat().into()).expect("a request")
}

fn identifier(name: &str) -> wire::TaskIdentifier {
    wire::TaskIdentifier { name: name.into(), version: "v1.0".into(), ..Default::default() }
}

/// So many equal tasks.
fn tasks(count: usize) -> wire::TaskSubmissions {
    let group = wire::TaskSubmissionGroup {
        inputs: vec![br#"{"scene": "S2A_MSIL2A_20250101", "row": 12, "column": 34}"#.to_vec(); count],
        identifier_pointers: vec![0; count],
        cluster_slug_pointers: vec![0; count],
        display_pointers: vec![0; count],
        max_retries_values: vec![0; count],
        ..Default::default()
    };
    wire::TaskSubmissions {
        task_groups: vec![group],
        cluster_slug_lookup: vec![String::new()],
        identifier_lookup: vec![identifier("acme.Tile")],
        display_lookup: vec!["Tile".into()],
        ..Default::default()
    }
}
