//! Real processes, and a server among them.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use boxwood::{Client, Error, Job, Task};
use serde::{Deserialize, Serialize};

pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A task with an input as large as one may be.
#[derive(Task, Serialize, Deserialize)]
pub(crate) struct Large {
    text: String,
}

impl boxwood::Execute for Large {
    async fn execute(self, _: &boxwood::ExecutionContext) -> boxwood::Result {
        Ok(())
    }
}

pub(crate) fn large() -> Large {
    Large { text: "x".repeat(2_000) }
}

/// A process that is killed when the test is over.
pub(crate) struct Process {
    child: Child,
    input: ChildStdin,
    /// What it says on standard output.
    lines: Receiver<String>,
}

impl Process {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let input = child.stdin.take().expect("piped");
        let output = BufReader::new(child.stdout.take().expect("piped"));
        let (sender, lines) = channel();
        // It ends with the process.
        std::thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Self { child, input, lines }
    }

    /// Runs a script of the shell, in which `$BOXWOOD` is the program.
    pub(crate) fn shell(shell: &str, script: &str, arguments: &[&str]) -> Self {
        let mut words = shell.split(' ');
        let mut command = Command::new(words.next().expect("a shell"));
        command.args(words).args(["-c", script, "test"]).args(arguments);
        Self::start(command.env("BOXWOOD", env!("CARGO_BIN_EXE_boxwood")))
    }

    /// The next line it says.
    pub(crate) fn line(&mut self) -> String {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => line.trim().to_owned(),
            Err(error) => panic!("it said nothing more, {error}: {}", self.errors()),
        }
    }

    /// Waits for a line that begins like this; answers the rest of it.
    pub(crate) fn says(&mut self, beginning: &str) -> String {
        loop {
            // The frame of tests has lines of its own, in processes that are tests themselves.
            if let Some(rest) = self.line().strip_prefix(beginning) {
                return rest.trim().to_owned();
            }
        }
    }

    /// What else it has said, to its end.
    pub(crate) fn rest(&mut self) -> Vec<String> {
        self.lines.iter().collect()
    }

    /// Where the server listens.
    pub(crate) fn url(&mut self) -> String {
        let line = self.line();
        match line.strip_prefix("listening on ") {
            Some(url) => url.to_owned(),
            None => panic!("the server said {line:?}: {}", self.errors()),
        }
    }

    /// Lets a script go on that reads a line.
    pub(crate) fn go_on(&mut self) {
        self.input.write_all(b"on\n").expect("it waits");
    }

    /// Ends it; what it has written to standard error.
    pub(crate) fn errors(&mut self) -> String {
        let mut text = String::new();
        if let Some(mut errors) = self.child.stderr.take() {
            let _ = self.child.kill();
            errors.read_to_string(&mut text).expect("text");
        }
        text
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: &str) {
        let told = Command::new("kill").args([signal, &self.id().to_string()]).status().expect("kill exists");
        assert!(told.success());
    }

    /// Has it killed; it may live on for a moment.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("it was started");
    }

    /// Waits until it has ended.
    pub(crate) fn ended(&mut self) {
        self.child.wait().expect("it was started");
    }

    /// Whether every thread of it is stopped by a signal.
    pub(crate) fn is_stopped(&self) -> bool {
        let threads = std::fs::read_dir(format!("/proc/{}/task", self.id())).expect("it runs");
        threads.map_while(Result::ok).all(|thread| {
            // The state is behind the name, which is in parentheses.
            let line = std::fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
            line.rsplit_once(") ").is_some_and(|(_, fields)| fields.starts_with('T'))
        })
    }

    pub(crate) fn descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.id())).expect("it runs").count()
    }

    /// Resident memory in KiB.
    pub(crate) fn resident(&self) -> u64 {
        self.memory("VmRSS:")
    }

    /// The most resident memory it ever had, in KiB.
    pub(crate) fn peak(&self) -> u64 {
        self.memory("VmHWM:")
    }

    fn memory(&self, which: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix(which)).expect("its memory");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // An error means that it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A server that runs, and a client with a connection to it.
pub(crate) struct World {
    pub(crate) server: Process,
    pub(crate) url: String,
    pub(crate) client: Client,
    /// A job submitted over that connection.
    pub(crate) job: Job,
    _dir: tempfile::TempDir,
}

impl World {
    /// Starts a server after the shell has done `limits`.
    pub(crate) async fn new(limits: &str) -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let script = format!("{limits} exec \"$BOXWOOD\" serve --log error --listen 127.0.0.1:0 --data-dir \"$1\"");
        let mut server = Process::shell("bash", &script, &[&dir.path().display().to_string()]);
        let url = server.url();
        let client = Client::builder().url(&url).build().expect("a client");
        let job = submit(&client, 1).await.expect("submitted");
        Self { server, url, client, job, _dir: dir }
    }

    /// Its address and port.
    pub(crate) fn address(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    pub(crate) fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address()).expect("a connection")
    }

    /// What a page of the server says.
    pub(crate) fn page(&self, path: &str) -> String {
        let mut stream = self.connect();
        let question = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        stream.write_all(question.as_bytes()).expect("written");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        answer
    }

    /// Submits over the connection that was there before.
    pub(crate) async fn serves_others(&self) {
        for _ in 0..10 {
            submit(&self.client, 1).await.expect("others are served");
        }
    }

    /// Looks whether something holds each time the server has answered, until it does.
    pub(crate) async fn until(&self, what: &str, holds: impl Fn(&Process) -> bool) {
        let held = async {
            while !holds(&self.server) {
                self.client.jobs().find(self.job.id).await.expect("others are served");
            }
        };
        tokio::time::timeout(PATIENCE, held).await.unwrap_or_else(|_| panic!("never: {what}"));
    }
}

pub(crate) async fn submit(client: &Client, tasks: usize) -> Result<Job, Error> {
    client.jobs().submit("large", large()).tasks((1..tasks).map(|_| large())).await
}

/// Says loudly that a test did not run; on machines that build releases that is a failure.
pub(crate) fn left_out(test: &str, why: &str) {
    eprintln!("LEFT OUT: {test}: {why}");
    assert!(std::env::var_os("CI").is_none(), "{test} must run here: {why}");
}
