//! A real server in the process of the test.

use std::path::Path;
use std::time::Duration;

use boxwood::{Client, JobId, TaskState, TaskSummary};
use boxwood_server::{Config, Listen, Server};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// How long the tests wait for what must come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A server on a free port with its data in a folder that is removed at the end.
pub(crate) struct Here {
    pub(crate) server: Server,
    pub(crate) client: Client,
    pub(crate) folder: tempfile::TempDir,
}

pub(crate) async fn start(listen: &str, folder: &Path) -> Server {
    Server::start(Config::new(listen.parse::<Listen>().unwrap(), folder.join("data"))).await.unwrap()
}

pub(crate) async fn here() -> Here {
    let folder = tempfile::tempdir().unwrap();
    let server = start("127.0.0.1:0", folder.path()).await;
    let client = Client::builder().url(server.url()).build().unwrap();
    Here { server, client, folder }
}

impl Here {
    /// The first task of a job.
    pub(crate) async fn task(&self, job: impl Into<JobId>) -> TaskSummary {
        self.client.jobs().tasks(job).next().await.unwrap().unwrap()
    }

    /// Returns the first task of a job once it is in `state`.
    pub(crate) async fn until_task(&self, job: impl Into<JobId>, state: TaskState) -> TaskSummary {
        let job = job.into();
        let reached = async {
            loop {
                let task = self.task(job).await;
                if task.state == state {
                    return task;
                }
            }
        };
        tokio::time::timeout(PATIENCE, reached).await.unwrap_or_else(|_| panic!("the task does not become {state}"))
    }
}

/// Returns once the server counts at least `least` in the metric whose line begins with `name`.
pub(crate) async fn until_metric(server: &Server, name: &str, least: u64) {
    let read = async {
        loop {
            let mut connection = TcpStream::connect(server.url().trim_start_matches("http://")).await.unwrap();
            let request = "GET /metrics HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n";
            connection.write_all(request.as_bytes()).await.unwrap();
            let mut text = String::new();
            connection.read_to_string(&mut text).await.unwrap();
            let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
            let count = line.rsplit(' ').next().and_then(|count| count.parse::<u64>().ok());
            if count >= Some(least) {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, read).await.unwrap_or_else(|_| panic!("{name} stays below {least}"));
}
