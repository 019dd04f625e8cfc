//! Telemetry for a whole process, which only one test of a process can set up.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use boxwood::telemetry::{self, Telemetry};
use boxwood::{Client, Execute, ExecutionContext, Runner, Task};
use boxwood_server::{Config, Listen, Server};
use serde::{Deserialize, Serialize};

#[derive(Task, Serialize, Deserialize)]
struct Numbered {
    number: u64,
}

impl Execute for Numbered {
    async fn execute(self, _: &ExecutionContext) -> boxwood::Result {
        tokio::spawn(async {}).await?;
        tracing::info!(number = self.number, "executed");
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn telemetry_is_set_up_once_and_holds_on_every_thread() {
    let folder = tempfile::tempdir().unwrap();
    let listen = "127.0.0.1:0".parse::<Listen>().unwrap();
    let server = Server::start(Config::new(listen, folder.path().join("data"))).await.unwrap();
    let client = Client::builder().url(server.url()).build().unwrap();

    let set_up = Telemetry::builder(&client).console(false).init().unwrap();
    let again = telemetry::init(&client).unwrap_err().to_string();
    assert!(again.starts_with("telemetry: a subscriber is set already"), "{again}");

    let job = client.jobs().submit("numbered", Numbered { number: 0 }).tasks((1..50).map(|number| Numbered { number }));
    let job = job.await.unwrap();
    let runner = Runner::builder(&client).task::<Numbered>().concurrency(8).signals(false).build().await.unwrap();
    assert_eq!(runner.run_all().await.unwrap().computed, 50);
    // At the end of the process, that is.
    drop(set_up);

    let start = Instant::now();
    let records = loop {
        let records = client.jobs().logs(&job).pages().all().await.unwrap();
        if records.len() >= 50 || start.elapsed() > Duration::from_secs(20) {
            break records;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(records.len(), 50);
    let spans: BTreeSet<_> = records.iter().map(|record| record.span_id.as_str()).collect();
    assert_eq!(spans.len(), 50, "each is in the span of its own task");
    server.stop().await.unwrap();
}
