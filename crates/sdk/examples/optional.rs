//! Optional tasks: the job goes on if they fail.
//!
//! ```sh
//! boxwood serve                   # in another terminal
//! cargo run --example optional                    # nothing fails
//! cargo run --example optional -- FlakyTask       # the optional task fails; the job is COMPLETED all the same
//! cargo run --example optional -- FlakyTask 3     # it fails after three retries
//! cargo run --example optional -- RequiredTask    # the job is FAILED, and FinalTask never starts
//! ```
//!
//! It prints the tasks with their states. `optional.svg` shows the job: an optional task has a dashed border.

use boxwood::{Client, Execute, ExecutionContext, Result, Runner, Task};
use serde::{Deserialize, Serialize};

#[derive(Task, Serialize, Deserialize)]
struct RootTask {
    /// The name of the task that shall fail; none if empty.
    failing: String,
    /// How often `FlakyTask` is tried again.
    retries: u32,
}

#[derive(Task, Serialize, Deserialize)]
struct RequiredTask {
    fails: bool,
}

#[derive(Task, Serialize, Deserialize)]
struct FlakyTask {
    fails: bool,
}

#[derive(Task)]
struct FinalTask;

impl Execute for RootTask {
    async fn execute(self, context: &ExecutionContext) -> Result {
        let required = context.submit_subtask(RequiredTask { fails: self.failing == "RequiredTask" });
        let flaky = context
            .submit_subtask(FlakyTask { fails: self.failing == "FlakyTask" })
            .optional()
            .max_retries(self.retries);
        context.submit_subtask(FinalTask).depends_on([required, flaky]);
        Ok(())
    }
}

impl Execute for RequiredTask {
    async fn execute(self, _: &ExecutionContext) -> Result {
        tracing::info!("Executing required task");
        if self.fails { Err("the required task failed".into()) } else { Ok(()) }
    }
}

impl Execute for FlakyTask {
    async fn execute(self, _: &ExecutionContext) -> Result {
        tracing::info!("Executing flaky task");
        if self.fails { Err("the flaky task failed".into()) } else { Ok(()) }
    }
}

impl Execute for FinalTask {
    async fn execute(self, _: &ExecutionContext) -> Result {
        tracing::info!("Executing final task");
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Result {
    let mut arguments = std::env::args().skip(1);
    let failing = arguments.next().unwrap_or_default();
    let retries = arguments.next().map_or(Ok(0), |number| number.parse())?;

    let client = Client::from_env()?;
    let _telemetry = boxwood::telemetry::init(&client)?;
    let job = client.jobs().submit("optional", RootTask { failing, retries }).await?;

    let runner = Runner::builder(&client)
        .task::<RootTask>()
        .task::<RequiredTask>()
        .task::<FlakyTask>()
        .task::<FinalTask>()
        .build()
        .await?;
    runner.run_all().await?;

    let tree = client.jobs().task_tree(&job, 100).await?;
    // The display of a failed task ends with its error, on a line of its own.
    tree.walk(|_, task| println!("{:<16} {}", task.state, task.display.replace('\n', ": ")));
    std::fs::write("optional.svg", client.jobs().visualize(&job).await?)?;
    println!("{} is {}", job.name, client.jobs().find(&job).await?.state);
    Ok(())
}
