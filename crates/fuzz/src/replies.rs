//! Answers of a server to the SDK: whatever they are, a program gets a value or an error that says what is wrong.

mod server;

use std::fmt::Debug;
use std::time::{Duration, SystemTime};

use boxwood::{Client, Error, Execute, ExecutionContext, JobFilter, JobId, Pages, Runner, Task};
use serde::{Deserialize, Serialize};

use crate::input::Input;
use server::Reply;

/// Answers in one input at most.
const REPLIES_MAX: usize = 6;

/// Entries read of a list at most: a server may send the same page for ever.
const ENTRIES_MAX: usize = 64;

/// How long a runner runs: answers may tell it to wait.
const RUN_FOR: Duration = Duration::from_millis(20);

/// Bytes of an error, beside what the server sent.
const ERROR_BYTES_MAX: usize = 2_000;

#[derive(Task, Serialize, Deserialize)]
struct Any {
    value: serde_json::Value,
}

impl Execute for Any {
    async fn execute(self, context: &ExecutionContext) -> boxwood::Result {
        context.progress("rows").add(1);
        Ok(())
    }
}

pub(crate) fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let call = input.byte();
    let mut replies = Vec::new();
    while !input.is_empty() && replies.len() < REPLIES_MAX {
        replies.push(Reply::read(&mut input));
    }
    server::with(replies, async |client| ask(call, client, bytes.len()).await);
}

async fn ask(call: u8, client: &Client, sent: usize) {
    let (jobs, clusters, job) = (client.jobs(), client.clusters(), JobId::from_bytes([7; 16]));
    let always = SystemTime::UNIX_EPOCH..;
    match call % 20 {
        0 => check(jobs.find(job).await, sent),
        1 => list(jobs.query(JobFilter::new()), sent).await,
        2 => check(jobs.retry(job).await, sent),
        3 => check(jobs.cancel(job).await, sent),
        4 => check(jobs.prototype(job).await, sent),
        5 => check(jobs.state_counts(always).await, sent),
        6 => check(jobs.queue_stats().await, sent),
        7 => check(jobs.visualize(job).await, sent),
        8 => list(jobs.tasks(job), sent).await,
        9 => check(jobs.task_tree(job, ENTRIES_MAX).await, sent),
        10 => list(jobs.logs(job).pages(), sent).await,
        11 => list(jobs.all_logs(always).pages(), sent).await,
        12 => check(jobs.log_counts(always).await, sent),
        13 => list(jobs.spans(job).pages(), sent).await,
        14 => check(clusters.list().await, sent),
        15 => check(clusters.find("c").await, sent),
        16 => check(clusters.create("C").await, sent),
        17 => check(jobs.clone_job(job).await, sent),
        18 => check(jobs.submit("j", Any { value: serde_json::Value::Null }).await, sent),
        _ => work(client, sent).await,
    }
}

async fn work(client: &Client, sent: usize) {
    let runner = Runner::builder(client).cluster("c").task::<Any>().signals(false).grace(Duration::ZERO).build().await;
    let runner = match runner {
        Ok(runner) => runner,
        Err(error) => return check(Err::<(), _>(error), sent),
    };
    if let Ok(ended) = tokio::time::timeout(RUN_FOR, runner.run_all()).await {
        check(ended, sent);
    }
}

async fn list<T: Debug + Send + 'static>(mut pages: Pages<T>, sent: usize) {
    for _ in 0..ENTRIES_MAX {
        match pages.next().await {
            Ok(Some(entry)) => assert!(!format!("{entry:?}").is_empty()),
            Ok(None) => return,
            Err(error) => return check(Err::<(), _>(error), sent),
        }
    }
}

fn check<T: Debug>(answer: Result<T, Error>, sent: usize) {
    match answer {
        Ok(value) => assert!(!format!("{value:?}").is_empty()),
        Err(error) => {
            let text = error.to_string();
            // Signs that cannot be printed take up to ten times their bytes.
            assert!(!text.is_empty() && text.len() <= ERROR_BYTES_MAX + 10 * sent, "{} bytes: {text}", text.len());
        }
    }
}
