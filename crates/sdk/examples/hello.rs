//! The smallest workflow: a task without inputs.
//!
//! ```sh
//! boxwood serve                   # in another terminal
//! cargo run --example hello
//! ```
//!
//! It prints:
//!
//! ```text
//! Hello World!
//! my-first-task is COMPLETED
//! ```

use boxwood::{Client, Execute, ExecutionContext, Result, Runner, Task};

/// A task without fields has an input of zero bytes. Its identifier is the name of the struct, in version `v0.0`.
#[derive(Task)]
struct MyFirstTask;

impl Execute for MyFirstTask {
    async fn execute(self, _: &ExecutionContext) -> Result {
        println!("Hello World!");
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Result {
    let client = Client::from_env()?;
    let job = client.jobs().submit("my-first-task", MyFirstTask).await?;

    // The job waits on the server until some runner knows the task. Here is one; it could be another program.
    let runner = Runner::builder(&client).task::<MyFirstTask>().build().await?;
    runner.run_all().await?;

    let job = client.jobs().find(&job).await?;
    println!("{} is {}", job.name, job.state);
    Ok(())
}
