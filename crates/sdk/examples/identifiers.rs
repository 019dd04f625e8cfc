//! Identifiers: how a runner knows which code a task is.
//!
//! ```sh
//! boxwood serve                   # in another terminal
//! cargo run --example identifiers
//! ```
//!
//! Without options a task is called like its struct, in version `v0.0`. A name of its own outlives the renaming of the
//! struct, and the same name in another language means the same task. Both tasks run with one runner and say who they are:
//!
//! ```text
//! MyTask v0.0
//! tilebox.com/example_workflow/MyTask v1.0
//! ```

use boxwood::{Client, Execute, ExecutionContext, Result, Runner, Task};

#[derive(Task)]
struct MyTask;

#[derive(Task)]
#[task(name = "tilebox.com/example_workflow/MyTask", version = "v1.0")]
struct MyTask2;

impl Execute for MyTask {
    async fn execute(self, context: &ExecutionContext) -> Result {
        println!("{}", context.task_identifier());
        Ok(())
    }
}

impl Execute for MyTask2 {
    async fn execute(self, context: &ExecutionContext) -> Result {
        println!("{}", context.task_identifier());
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Result {
    let client = Client::from_env()?;
    client.jobs().submit("identifiers", MyTask).task(MyTask2).await?;

    Runner::builder(&client).task::<MyTask>().task::<MyTask2>().build().await?.run_all().await?;
    Ok(())
}
