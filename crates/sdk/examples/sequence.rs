//! Order: three tasks, each of which depends on the one before.
//!
//! ```sh
//! boxwood serve                   # in another terminal
//! cargo run --example sequence
//! cargo run --example sequence -- branch # the first task submits tasks of its own
//! ```
//!
//! They run one after the other however many runners there are. A dependency is complete only together with everything
//! below it: in the second form, what the first task submits runs before the second task starts.

use boxwood::{Client, Execute, ExecutionContext, Result, Runner, Task};
use serde::{Deserialize, Serialize};

#[derive(Task, Serialize, Deserialize)]
struct RootTask {
    branch: bool,
}

#[derive(Task, Serialize, Deserialize)]
#[task(display = "PrintTask({message})")]
struct PrintTask {
    message: String,
}

/// Prints nothing itself: submits a task for each message.
#[derive(Task, Serialize, Deserialize)]
struct PrintEach {
    messages: Vec<String>,
}

impl Execute for RootTask {
    async fn execute(self, context: &ExecutionContext) -> Result {
        let print = |message: &str| PrintTask { message: message.into() };

        let first = if self.branch {
            let messages = vec!["Executing first, half of it".into(), "Executing first, the rest".into()];
            context.submit_subtask(PrintEach { messages })
        } else {
            context.submit_subtask(print("Executing first"))
        };
        let second = context.submit_subtask(print("Executing second")).depends_on(first);
        context.submit_subtask(print("Executing last")).depends_on(second);
        Ok(())
    }
}

impl Execute for PrintTask {
    async fn execute(self, _: &ExecutionContext) -> Result {
        tracing::info!(text = self.message, "Print task executed");
        Ok(())
    }
}

impl Execute for PrintEach {
    async fn execute(self, context: &ExecutionContext) -> Result {
        context.submit_subtasks(self.messages.into_iter().map(|message| PrintTask { message }));
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Result {
    let branch = std::env::args().nth(1).is_some_and(|argument| argument == "branch");
    let client = Client::from_env()?;
    let _telemetry = boxwood::telemetry::init(&client)?;
    let job = client.jobs().submit("sequence", RootTask { branch }).await?;

    let runner = Runner::builder(&client).task::<RootTask>().task::<PrintTask>().task::<PrintEach>();
    runner.build().await?.run_all().await?;

    let job = client.jobs().find(&job).await?;
    println!("{} is {}", job.name, job.state);
    Ok(())
}
