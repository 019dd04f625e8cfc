//! A server of its own for each test, and examples run against it.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use boxwood::{Client, Job, JobFilter, LogRecord};
use boxwood_proto::connectrpc::Protocol;
use boxwood_proto::connectrpc::client::{ClientConfig, Http2Connection, SharedHttp2Connection};
use boxwood_proto::opentelemetry::proto::trace::v1::Span;
use boxwood_proto::tilebox::v1::ID;
use boxwood_proto::workflows::v1::{
    GetJobPrototypeRequest, JobServiceClient, QueryJobSpansRequest, TelemetryQueryServiceClient,
};
use boxwood_server::{Config, Listen, Server};
use tempfile::TempDir;
use tokio::process::Command;

use crate::picture::Picture;
use crate::tasks::Tasks;

/// No example takes longer, on however busy a machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// A server, and an empty folder in which examples run.
pub(crate) struct Here {
    server: Server,
    pub(crate) client: Client,
    pub(crate) folder: TempDir,
    data: TempDir,
}

impl Here {
    pub(crate) async fn start() -> Self {
        let (folder, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let config = Config::new("127.0.0.1:0".parse::<Listen>().unwrap(), data.path().to_owned());
        let server = Server::start(config).await.unwrap();
        let client = Client::builder().url(server.url()).build().unwrap();
        Self { server, client, folder, data }
    }

    /// Runs an example to its end and returns the lines it printed. It must succeed.
    pub(crate) async fn run(&self, example: &str, arguments: &[&str]) -> Vec<String> {
        self.run_with(example, arguments, &[]).await
    }

    /// The same, with more in its environment.
    pub(crate) async fn run_with(
        &self,
        example: &str,
        arguments: &[&str],
        variables: &[(&str, String)],
    ) -> Vec<String> {
        let variables = variables.iter().map(|(name, value)| (name, value));
        let process = self.command(example).args(arguments).envs(variables).output();
        let output = tokio::time::timeout(PATIENCE, process).await.expect("the example ends").unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{example} {arguments:?}: {}\n{error}", output.status);
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
    }

    /// An example about to be run in the folder, with nothing in its environment that could mislead it.
    pub(crate) fn command(&self, example: &str) -> Command {
        let mut command = Command::new(binary(example));
        command
            .current_dir(self.folder.path())
            .env("BOXWOOD_URL", self.server.url())
            .env("NO_PROXY", "127.0.0.1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        for variable in [
            "BOXWOOD_API_KEY",
            "BOXWOOD_LOG",
            "BOXWOOD_LOG_EXPORT",
            "TILEBOX_API_URL",
            "TILEBOX_API_KEY",
            "TILEBOX_LOG_LEVEL",
        ] {
            command.env_remove(variable);
        }
        command
    }

    /// The only job there is, as it is now.
    pub(crate) async fn job(&self) -> Job {
        let mut jobs = self.jobs().await;
        assert_eq!(jobs.len(), 1, "{jobs:?}");
        jobs.remove(0)
    }

    /// All jobs as they are now, the first submitted first.
    pub(crate) async fn jobs(&self) -> Vec<Job> {
        let mut jobs = self.client.jobs().query(JobFilter::new()).all().await.unwrap();
        jobs.sort_by_key(|job| job.id);
        jobs
    }

    /// All tasks of a job.
    pub(crate) async fn tasks(&self, job: &Job) -> Tasks {
        let tree = self.client.jobs().task_tree(job, 1000).await.unwrap();
        assert!(!tree.truncated);
        Tasks::new(&tree)
    }

    /// What the tasks of a job have logged, the oldest first, once the server has `count` records: the display of the task,
    /// the message, and the attributes, as `Square(12): squared result=144`.
    pub(crate) async fn logs(&self, job: &Job, count: usize) -> Vec<String> {
        let tasks = self.tasks(job).await;
        let read = async {
            loop {
                // What has arrived is seen within two seconds (O-39).
                let records = self.client.jobs().logs(job).pages().all().await.unwrap();
                if records.len() >= count {
                    return records;
                }
            }
        };
        let records = tokio::time::timeout(PATIENCE, read).await.expect("the records arrive");
        let line = |record: LogRecord| {
            let task_id = record.attribute("task_id").map(ToString::to_string);
            let task = tasks.iter().find(|task| task_id == Some(task.id.to_string()));
            let display = task.unwrap().display.lines().next().unwrap_or_default();
            // The others are the same in all records of a task (O-15).
            let own = record.attributes.iter().filter(|(name, _)| !name.ends_with("_id"));
            let own = own.map(|(name, value)| format!(" {name}={value}"));
            format!("{display}: {}{}", record.body, own.collect::<String>())
        };
        let lines: Vec<String> = records.into_iter().map(line).collect();
        assert_eq!(lines.len(), count, "{lines:#?}");
        lines
    }

    /// The spans of a job as they are on the wire, once the server has `count` of them.
    pub(crate) async fn spans(&self, job: &Job, count: usize) -> Vec<Span> {
        let (connection, config) = self.wire();
        let service = TelemetryQueryServiceClient::new(connection, config);
        let id = ID { uuid: job.id.as_bytes().to_vec(), ..Default::default() };
        let read = async {
            loop {
                let request = QueryJobSpansRequest { job_id: id.clone().into(), ..Default::default() };
                let answer = service.query_job_spans(request).await.unwrap().into_owned();
                if answer.resource_spans.len() >= count {
                    return answer.resource_spans;
                }
            }
        };
        let entries = tokio::time::timeout(PATIENCE, read).await.expect("the spans arrive");
        assert_eq!(entries.len(), count, "{entries:#?}");
        // Each entry has exactly one (O-32).
        entries.into_iter().flat_map(|entry| entry.scope_spans).flat_map(|scope| scope.spans).collect()
    }

    /// A connection for what the SDK does not read.
    fn wire(&self) -> (SharedHttp2Connection, ClientConfig) {
        let uri: http::Uri = self.server.url().parse().unwrap();
        (Http2Connection::lazy_plaintext(uri.clone()).shared(1), ClientConfig::new(uri).with_protocol(Protocol::Grpc))
    }

    /// The identifiers of the root tasks of a job, as the server stores them; no list shows these.
    pub(crate) async fn identifiers(&self, job: &Job) -> Vec<String> {
        let (connection, config) = self.wire();
        let service = JobServiceClient::new(connection, config);
        let id = ID { uuid: job.id.as_bytes().to_vec(), ..Default::default() };
        let request = GetJobPrototypeRequest { job_id: id.into(), ..Default::default() };
        let prototype = service.get_job_prototype(request).await.unwrap().into_owned();
        let identifiers = prototype.root_tasks.into_iter().map(|task| task.identifier.into_option().unwrap());
        identifiers.map(|identifier| format!("{} {}", identifier.name, identifier.version)).collect()
    }

    /// The picture of a job, as the server draws it now.
    pub(crate) async fn picture(&self, job: &Job) -> Picture {
        Picture::read(&self.client.jobs().visualize(job).await.unwrap())
    }

    /// A file that an example wrote.
    pub(crate) fn file(&self, name: impl AsRef<Path>) -> String {
        std::fs::read_to_string(self.folder.path().join(name)).unwrap()
    }

    pub(crate) async fn stop(self) {
        self.server.stop().await.unwrap();
        self.data.close().unwrap();
    }
}

/// The program of an example, which `cargo test` builds next to the tests.
fn binary(example: &str) -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let program = tests.parent().and_then(Path::parent).unwrap().join("examples").join(example);
    let program = program.with_extension(std::env::consts::EXE_EXTENSION);
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(example).with_extension("rs");
    let changed = |file: &Path| file.metadata().and_then(|metadata| metadata.modified()).ok();
    // A single test target is built without the examples.
    assert!(
        changed(&program) >= changed(&source),
        "{} is missing or older than its source; run `cargo build -p boxwood --examples`",
        program.display()
    );
    program
}
