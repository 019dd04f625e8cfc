//! A task that submits tasks: what is to be done is only known once it runs.
//!
//! ```sh
//! boxwood serve                   # in another terminal
//! cargo run --example subtasks
//! ```
//!
//! The children exist once their parent has been computed, and then run in the order of their submission; with more
//! runners, or with `.concurrency(5)`, at the same time. At the end there are six tasks.
//!
//! Each child logs its index: to the terminal, and to the server, where `boxwood job logs <id>` finds it.

use boxwood::{Client, Execute, ExecutionContext, Result, Runner, Task};
use serde::{Deserialize, Serialize};

#[derive(Task, Serialize, Deserialize)]
struct ParentTask {
    num_subtasks: u64,
}

#[derive(Task, Serialize, Deserialize)]
struct ChildTask {
    index: u64,
}

impl Execute for ParentTask {
    async fn execute(self, context: &ExecutionContext) -> Result {
        context.submit_subtasks((0..self.num_subtasks).map(|index| ChildTask { index }));
        Ok(())
    }
}

impl Execute for ChildTask {
    async fn execute(self, _: &ExecutionContext) -> Result {
        tracing::info!(index = self.index, "Executing child task");
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Result {
    let client = Client::from_env()?;
    // Logs and traces of the tasks. They are sent until this is dropped.
    let _telemetry = boxwood::telemetry::init(&client)?;
    let job = client.jobs().submit("parent-task", ParentTask { num_subtasks: 5 }).await?;

    Runner::builder(&client).task::<ParentTask>().task::<ChildTask>().build().await?.run_all().await?;

    let job = client.jobs().find(&job).await?;
    println!("{} is {}, with {} tasks", job.name, job.state, job.stats.total_tasks);
    Ok(())
}
