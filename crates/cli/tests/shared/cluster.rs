//! Servers on one database, as processes.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The shortest lease there is, so that what a lost server had handed out comes back soon.
pub(crate) const LEASE_SECONDS: u64 = 2;

/// A server, which ends with its owner.
pub(crate) struct Server {
    process: Child,
    database: String,
    socket: PathBuf,
    log: PathBuf,
}

impl Server {
    /// Starts a server on a database; it answers calls when this returns.
    pub(crate) fn start(dir: &Path, number: usize, database: &str) -> Self {
        let (socket, log) = (dir.join(format!("socket-{number}")), dir.join(format!("log-{number}")));
        let process = spawn(database, &socket, &log);
        Self { process, database: database.to_owned(), socket, log }
    }

    /// The socket it listens on.
    pub(crate) fn socket(&self) -> &Path {
        &self.socket
    }

    /// Kills it (SIGKILL) and waits for its end.
    pub(crate) fn kill(&mut self) {
        assert!(self.runs(), "a server has ended by itself: {}", self.log());
        self.process.kill().expect("it was started");
        self.process.wait().expect("it ends");
    }

    /// Starts it again after its end, on the same socket.
    pub(crate) fn start_again(&mut self) {
        self.process = spawn(&self.database, &self.socket, &self.log);
    }

    /// Stops it as an operator would, and waits for its end.
    pub(crate) fn stop(&mut self) {
        self.signal("-TERM");
        let status = self.process.wait().expect("it ends");
        assert!(status.success(), "a server told to stop exits with status 0: {}", self.log());
    }

    pub(crate) fn signal(&self, signal: &str) {
        let told = Command::new("kill").args([signal, &self.process.id().to_string()]).status().expect("kill exists");
        assert!(told.success());
    }

    /// Whether it has not ended.
    pub(crate) fn runs(&mut self) -> bool {
        self.process.try_wait().expect("it was started").is_none()
    }

    /// What it has logged: errors, and of the first lines more.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // An error means that it has ended.
        let _ = self.process.kill();
        let _ = self.process.wait();
        if std::thread::panicking() {
            eprintln!("{} said: {}", self.socket.display(), self.log());
        }
    }
}

fn spawn(database: &str, socket: &Path, log: &Path) -> Child {
    let log = std::fs::File::options().create(true).append(true).open(log).expect("a log");
    let mut process = Command::new(env!("CARGO_BIN_EXE_boxwood"))
        .args(["serve", "--log", "error", "--lease", &LEASE_SECONDS.to_string(), "--listen"])
        .arg(format!("unix:{}", socket.display()))
        .env("BOXWOOD_DATABASE_URL", database)
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .expect("the program starts");
    let mut line = String::new();
    BufReader::new(process.stdout.take().expect("piped")).read_line(&mut line).expect("a line");
    assert!(line.starts_with("listening on "), "the server said {line:?}");
    process
}
