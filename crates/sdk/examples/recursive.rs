//! Recursion: a task that submits a task of its own kind, until there is nothing left to halve.
//!
//! ```sh
//! boxwood serve                   # in another terminal
//! cargo run --example recursive          # for 10: logs 10, 5, 2 and 1
//! cargo run --example recursive -- 1000  # for any number
//! ```
//!
//! It prints the chain of tasks, each below the one that submitted it.

use boxwood::{Client, Execute, ExecutionContext, Result, Runner, Task};
use serde::{Deserialize, Serialize};

#[derive(Task, Serialize, Deserialize)]
#[task(display = "RecursiveTask({num})")]
struct RecursiveTask {
    num: u64,
}

impl Execute for RecursiveTask {
    async fn execute(self, context: &ExecutionContext) -> Result {
        tracing::info!(num = self.num, "Executing recursive task");
        if self.num > 1 {
            context.submit_subtask(RecursiveTask { num: self.num / 2 });
        }
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Result {
    let num = match std::env::args().nth(1) {
        Some(argument) => argument.parse()?,
        None => 10,
    };
    let client = Client::from_env()?;
    let _telemetry = boxwood::telemetry::init(&client)?;
    let job = client.jobs().submit("recursive-task", RecursiveTask { num }).await?;

    Runner::builder(&client).task::<RecursiveTask>().build().await?.run_all().await?;

    let tree = client.jobs().task_tree(&job, 100).await?;
    tree.walk(|depth, task| println!("{:indent$}{}", "", task.display, indent = 2 * depth));
    Ok(())
}
