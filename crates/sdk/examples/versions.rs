//! Versions: which runners may execute a task, and as which version.
//!
//! ```sh
//! boxwood serve                   # in another terminal
//! cargo run --example versions
//! ```
//!
//! A task is submitted in version v1.3, to runners that have the code in other versions. It runs where the major version
//! is the same and the minor version is not smaller; where several fit, the very version is preferred. It prints:
//!
//! ```text
//! runner has v1.3           COMPLETED, executed as v1.3
//! runner has v1.5           COMPLETED, executed as v1.5
//! runner has v1.2           SUBMITTED, not executed
//! runner has v2.5           SUBMITTED, not executed
//! runner has v1.10          COMPLETED, executed as v1.10
//! runner has v1.2 and v1.3  COMPLETED, executed as v1.3
//! ```

use boxwood::{Client, Execute, ExecutionContext, Result, Runner, RunnerBuilder, Task};

/// One version of the code of the task, as if it were from another release of the program. It notes its version where
/// people see it: in the display of the task.
macro_rules! release {
    ($name:ident, $version:literal) => {
        #[derive(Task)]
        #[task(name = "tilebox.com/example_workflow/MyTask", version = $version)]
        struct $name;

        impl Execute for $name {
            async fn execute(self, context: &ExecutionContext) -> Result {
                context.set_display(format!("executed as {}", context.task_identifier().version()));
                Ok(())
            }
        }
    };
}

release!(V1_2, "v1.2");
release!(V1_3, "v1.3");
release!(V1_5, "v1.5");
release!(V1_10, "v1.10");
release!(V2_5, "v2.5");

#[tokio::main]
async fn main() -> Result {
    let client = Client::from_env()?;
    let runner = || Runner::builder(&client);
    submit_to(&client, "v1.3", runner().task::<V1_3>()).await?;
    submit_to(&client, "v1.5", runner().task::<V1_5>()).await?;
    submit_to(&client, "v1.2", runner().task::<V1_2>()).await?;
    submit_to(&client, "v2.5", runner().task::<V2_5>()).await?;
    submit_to(&client, "v1.10", runner().task::<V1_10>()).await?;
    submit_to(&client, "v1.2 and v1.3", runner().task::<V1_2>().task::<V1_3>()).await
}

/// Submits the task in version v1.3, lets a runner run all it can, and prints what came of it.
async fn submit_to(client: &Client, versions: &str, runner: RunnerBuilder) -> Result {
    let job = client.jobs().submit(format!("runner has {versions}"), V1_3).await?;
    runner.build().await?.run_all().await?;

    let job = client.jobs().find(&job).await?;
    let task = client.jobs().tasks(&job).next().await?.ok_or("the job has a task")?;
    let what = if job.state.is_final() { task.display } else { "not executed".to_owned() };
    println!("{:<25} {}, {what}", job.name, job.state);
    if !job.state.is_final() {
        // A task waits for as long as it takes. The next runner here shall not find it.
        client.jobs().cancel(&job).await?;
    }
    Ok(())
}
