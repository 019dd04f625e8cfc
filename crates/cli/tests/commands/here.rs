//! A server in this process, a runner on demand, and the program as a child process.

use std::process::{Output, Stdio};
use std::time::Duration;

use boxwood::{Client, Execute, ExecutionContext, Job, Runner, Task};
use boxwood_server::{Config, Listen, Server};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::Command;

/// No command takes longer than this before the test gives up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A server on a free port with its data in a folder that is removed at the end.
pub(crate) struct Here {
    pub(crate) server: Server,
    pub(crate) client: Client,
    folder: tempfile::TempDir,
}

/// What a command did.
pub(crate) struct Ran {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) status: i32,
}

impl Ran {
    fn new(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("the program writes UTF-8");
        Self {
            stdout: text(output.stdout),
            stderr: text(output.stderr),
            status: output.status.code().expect("it was not killed"),
        }
    }

    /// Standard output of a command that must have succeeded.
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.status, 0, "stderr: {}", self.stderr);
        self.stdout
    }

    /// The one JSON value that a command that must have succeeded printed.
    #[track_caller]
    pub(crate) fn json(self) -> Value {
        let text = self.ok();
        assert_eq!(text.trim_end().lines().count(), 1, "one compact value: {text}");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }
}

/// The program with these arguments, in an environment without settings, in UTC.
pub(crate) fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_boxwood"));
    for name in
        ["BOXWOOD_URL", "BOXWOOD_API_KEY", "TILEBOX_API_URL", "TILEBOX_API_KEY", "BOXWOOD_CA_CERTIFICATE", "NO_COLOR"]
    {
        command.env_remove(name);
    }
    command.args(arguments).env("TZ", "UTC").stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// Runs the program to its end.
pub(crate) async fn run(mut command: Command) -> Ran {
    let output = tokio::time::timeout(PATIENCE, command.output()).await.expect("it ends in time");
    Ran::new(output.expect("the program starts"))
}

pub(crate) async fn here() -> Here {
    let folder = tempfile::tempdir().unwrap();
    let listen: Listen = "127.0.0.1:0".parse().unwrap();
    let server = Server::start(Config::new(listen, folder.path().join("data"))).await.unwrap();
    let client = Client::builder().url(server.url()).build().unwrap();
    Here { server, client, folder }
}

impl Here {
    /// A server that was started otherwise, with a folder of this test.
    pub(crate) fn on(server: Server, client: Client, folder: tempfile::TempDir) -> Self {
        Self { server, client, folder }
    }

    /// Runs a command on this server.
    pub(crate) async fn boxwood(&self, arguments: &[&str]) -> Ran {
        let mut command = program(arguments);
        command.env("BOXWOOD_URL", self.server.url());
        run(command).await
    }

    /// Runs a command on this server with something on its standard input.
    pub(crate) async fn boxwood_reading(&self, arguments: &[&str], input: &[u8]) -> Ran {
        let mut command = program(arguments);
        command.env("BOXWOOD_URL", self.server.url()).stdin(Stdio::piped());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // It may end without reading.
        let _ = child.stdin.take().unwrap().write_all(input).await;
        Ran::new(tokio::time::timeout(PATIENCE, child.wait_with_output()).await.expect("it ends in time").unwrap())
    }

    /// Sends telemetry as exporters do.
    pub(crate) async fn post(&self, path: &str, body: &[u8]) {
        let mut connection = TcpStream::connect(self.server.url().trim_start_matches("http://")).await.unwrap();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\ncontent-type: application/x-protobuf\r\n\
             content-length: {}\r\n\r\n",
            body.len()
        );
        connection.write_all(head.as_bytes()).await.unwrap();
        connection.write_all(body).await.unwrap();
        let mut answer = Vec::new();
        connection.read_to_end(&mut answer).await.unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
    }

    /// A file in a folder of this test.
    pub(crate) fn file(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// Executes what can be executed.
    pub(crate) async fn work(&self) {
        let runner = Runner::builder(&self.client).task::<Fan>().task::<Leaf>().task::<Fail>().task::<Chain>();
        runner.signals(false).build().await.unwrap().run_all().await.unwrap();
    }

    /// A job whose tasks have been executed as far as they can.
    pub(crate) async fn worked(&self, name: &str, task: impl Task) -> Job {
        let job = self.client.jobs().submit(name, task).await.unwrap();
        self.work().await;
        self.client.jobs().find(&job).await.unwrap()
    }
}

/// Submits leaves, and one after all of them.
#[derive(Task, Serialize, Deserialize)]
#[task(display = "fan out")]
pub(crate) struct Fan {
    pub(crate) leaves: u64,
    /// The leaf that fails, counted from one.
    #[serde(default)]
    pub(crate) bad: u64,
}

/// A fan of leaves that succeed.
pub(crate) fn fan(leaves: u64) -> Fan {
    Fan { leaves, bad: 0 }
}

impl Execute for Fan {
    async fn execute(self, context: &ExecutionContext) -> boxwood::Result {
        context.progress("leaves").add(self.leaves);
        let leaves = context.submit_subtasks((1..=self.leaves).map(|number| {
            let kind = if number == self.bad { "bad leaf" } else { "leaf" };
            Leaf { text: format!("{kind} {number}") }
        }));
        context.submit_subtask(Leaf { text: "gather".to_owned() }).depends_on(leaves);
        Ok(())
    }
}

/// Shows a text and reports progress under it if it is no number.
#[derive(Task, Serialize, Deserialize)]
pub(crate) struct Leaf {
    pub(crate) text: String,
}

impl Execute for Leaf {
    async fn execute(self, context: &ExecutionContext) -> boxwood::Result {
        if self.text.starts_with("bad") {
            return Err("it is bad".into());
        }
        let label = if self.text.starts_with("leaf") { "leaves" } else { self.text.as_str() };
        context.progress(label).done(1);
        context.set_display(self.text);
        Ok(())
    }
}

/// Submits a sub-task that fails with a text.
#[derive(Task, Serialize, Deserialize)]
#[task(display = "fail below {depth}")]
pub(crate) struct Fail {
    pub(crate) depth: u64,
    pub(crate) text: String,
}

impl Execute for Fail {
    async fn execute(self, context: &ExecutionContext) -> boxwood::Result {
        match self.depth {
            0 => Err(self.text.into()),
            depth => {
                context.submit_subtask(Fail { depth: depth - 1, ..self });
                Ok(())
            }
        }
    }
}

/// Submits one that submits one, and so on.
#[derive(Task, Serialize, Deserialize)]
#[task(display = "link {left}")]
pub(crate) struct Chain {
    pub(crate) left: u64,
}

impl Execute for Chain {
    async fn execute(self, context: &ExecutionContext) -> boxwood::Result {
        if let Some(left) = self.left.checked_sub(1) {
            context.submit_subtask(Chain { left });
        }
        Ok(())
    }
}
