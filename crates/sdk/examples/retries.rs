//! Retries: a task that fails is executed again, as often as it was submitted with.
//!
//! ```sh
//! boxwood serve                   # in another terminal
//! cargo run --example retries            # fails one time in ten
//! cargo run --example retries -- 3       # fails three times, then succeeds
//! cargo run --example retries -- 6       # fails once more than it may, and the job with it
//! ```
//!
//! Every execution logs `Executing flaky task`. A failed task is queued again at once, so that a runner that runs all there
//! is executes it again in the same run. With no retries left the task is FAILED, and its display ends with the error.

use boxwood::{Client, Execute, ExecutionContext, Result, Runner, Task};
use serde::{Deserialize, Serialize};

#[derive(Task, Serialize, Deserialize)]
struct RootTask {
    failures: Option<u64>,
}

#[derive(Task, Serialize, Deserialize)]
struct FlakyTask {
    /// How often it fails before it succeeds; without a number it is left to chance.
    failures: Option<u64>,
}

impl Execute for RootTask {
    async fn execute(self, context: &ExecutionContext) -> Result {
        context.submit_subtask(FlakyTask { failures: self.failures }).max_retries(5);
        Ok(())
    }
}

impl Execute for FlakyTask {
    async fn execute(self, context: &ExecutionContext) -> Result {
        tracing::info!(retry_count = context.retry_count(), "Executing flaky task");
        let unlucky = match self.failures {
            Some(failures) => context.retry_count() < failures,
            None => rand::random_ratio(1, 10),
        };
        if unlucky {
            return Err("bad luck".into());
        }
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Result {
    let failures = std::env::args().nth(1).map(|argument| argument.parse()).transpose()?;
    let client = Client::from_env()?;
    let _telemetry = boxwood::telemetry::init(&client)?;
    let job = client.jobs().submit("retries", RootTask { failures }).await?;

    let runner = Runner::builder(&client).task::<RootTask>().task::<FlakyTask>().build().await?;
    let summary = runner.run_all().await?;

    let job = client.jobs().find(&job).await?;
    println!("{} is {} after {} failures", job.name, job.state, summary.failed);
    Ok(())
}
