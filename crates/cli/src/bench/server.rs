//! A server of the benchmark's own, and what can be seen of its process.

use std::io::BufRead;
use std::process::{Child, Command, Stdio};

use crate::Failure;

/// Where the servers of a benchmark keep their data.
#[derive(Clone, Debug)]
pub(crate) enum Data {
    /// Each in a fresh folder, which goes with it.
    Folder,
    /// All in this PostgreSQL database, where it stays.
    Database(String),
}

/// A server started for the benchmark, ended with it.
pub(crate) struct OwnServer {
    process: Child,
    pub(crate) url: String,
    store: Store,
}

enum Store {
    Folder(tempfile::TempDir),
    Database(String),
}

impl OwnServer {
    pub(crate) fn start(data: &Data) -> Result<Self, Failure> {
        let failed = |error: std::io::Error| Failure::Other(format!("cannot make a data directory: {error}"));
        let store = match data {
            Data::Folder => Store::Folder(tempfile::tempdir().map_err(failed)?),
            Data::Database(url) => Store::Database(url.clone()),
        };
        let (process, url) = spawn(&store)?;
        Ok(Self { process, url, store })
    }

    /// Ends the process without any warning (SIGKILL).
    pub(crate) fn kill(&mut self) {
        // It holds nothing worth keeping; failing to end it means it has ended.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    /// Starts one that was killed on its data again, on another port.
    pub(crate) fn start_again(&mut self) -> Result<(), Failure> {
        (self.process, self.url) = spawn(&self.store)?;
        Ok(())
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        self.kill();
    }
}

fn spawn(store: &Store) -> Result<(Child, String), Failure> {
    let program =
        std::env::current_exe().map_err(|error| Failure::Other(format!("cannot find this program: {error}")))?;
    let mut command = Command::new(program);
    command.args(["serve", "--listen", "127.0.0.1:0", "--log", "warn"]);
    match store {
        Store::Folder(folder) => command.arg("--data-dir").arg(folder.path()),
        // Not as an argument: it may hold a password.
        Store::Database(url) => command.env("BOXWOOD_DATABASE_URL", url).env_remove("BOXWOOD_DATA_DIR"),
    };
    let mut process = command
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| Failure::Other(format!("cannot start a server: {error}")))?;
    let mut line = String::new();
    if let Some(stdout) = process.stdout.take() {
        // An error leaves the line empty, which is reported below.
        let _ = std::io::BufReader::new(stdout).read_line(&mut line);
    }
    match line.trim().strip_prefix("listening on ") {
        Some(url) => Ok((process, url.to_owned())),
        None => {
            let status = process.wait().map(|status| status.to_string()).unwrap_or_default();
            Err(Failure::Other(format!("the server did not start ({status}); see its messages above")))
        }
    }
}

/// Resident memory of a process in bytes, where the system tells (Linux).
pub(crate) fn resident_bytes(process: u32) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: f64 = line.trim().trim_end_matches(" kB").parse().ok()?;
    Some(kilobytes * 1024.0)
}
