//! An optional branch: a failure anywhere in it skips the rest of it, and nothing else.
//!
//! ```text
//! Pipeline
//! ├── OptionalProcessing      optional
//! │   ├── Step1
//! │   │   ├── Step1A
//! │   │   ├── Step1B          fails
//! │   │   └── Step1C
//! │   └── Step2               depends on Step1
//! └── AlwaysRuns
//! ```
//!
//! ```sh
//! boxwood serve                   # in another terminal
//! cargo run --example nested_optional                     # as drawn
//! cargo run --example nested_optional -- step1-fails      # Step1 fails itself, and submits nothing
//! cargo run --example nested_optional -- step1b-optional  # Step1B is optional too: only it is lost
//! cargo run --example nested_optional -- dependent        # AlwaysRuns waits for the end of the branch
//! ```
//!
//! It prints the tree with the state of every task. As drawn, `Step1B` is FAILED_OPTIONAL although it was not submitted as
//! optional itself, `Step1C` and `Step2` are SKIPPED, the others COMPUTED, and the job COMPLETED.

use boxwood::{Client, Execute, ExecutionContext, Result, Runner, Task};
use serde::{Deserialize, Serialize};

/// What is different from the drawing above.
#[derive(Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Variant {
    AsDrawn,
    #[serde(rename = "step1-fails")]
    Step1Fails,
    #[serde(rename = "step1b-optional")]
    Step1BOptional,
    Dependent,
}

#[derive(Task, Serialize, Deserialize)]
struct Pipeline {
    variant: Variant,
}

#[derive(Task, Serialize, Deserialize)]
struct OptionalProcessing {
    variant: Variant,
}

#[derive(Task, Serialize, Deserialize)]
struct Step1 {
    variant: Variant,
}

#[derive(Task)]
struct Step1A;

#[derive(Task)]
struct Step1B;

#[derive(Task)]
struct Step1C;

#[derive(Task)]
struct Step2;

#[derive(Task)]
struct AlwaysRuns;

impl Execute for Pipeline {
    async fn execute(self, context: &ExecutionContext) -> Result {
        let branch = context.submit_subtask(OptionalProcessing { variant: self.variant }).optional();
        let always = context.submit_subtask(AlwaysRuns);
        if self.variant == Variant::Dependent {
            always.depends_on(branch);
        }
        Ok(())
    }
}

impl Execute for OptionalProcessing {
    async fn execute(self, context: &ExecutionContext) -> Result {
        let step1 = context.submit_subtask(Step1 { variant: self.variant });
        context.submit_subtask(Step2).depends_on(step1);
        Ok(())
    }
}

impl Execute for Step1 {
    async fn execute(self, context: &ExecutionContext) -> Result {
        if self.variant == Variant::Step1Fails {
            return Err("step 1 failed".into());
        }
        context.submit_subtask(Step1A);
        let step1b = context.submit_subtask(Step1B);
        if self.variant == Variant::Step1BOptional {
            step1b.optional();
        }
        context.submit_subtask(Step1C);
        Ok(())
    }
}

impl Execute for Step1A {
    async fn execute(self, _: &ExecutionContext) -> Result {
        tracing::info!("Step1A");
        Ok(())
    }
}

impl Execute for Step1B {
    async fn execute(self, _: &ExecutionContext) -> Result {
        Err("step 1B failed".into())
    }
}

impl Execute for Step1C {
    async fn execute(self, _: &ExecutionContext) -> Result {
        tracing::info!("Step1C");
        Ok(())
    }
}

impl Execute for Step2 {
    async fn execute(self, _: &ExecutionContext) -> Result {
        tracing::info!("Step2");
        Ok(())
    }
}

impl Execute for AlwaysRuns {
    async fn execute(self, _: &ExecutionContext) -> Result {
        tracing::info!("AlwaysRuns");
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Result {
    let variant = match std::env::args().nth(1) {
        Some(name) => serde_json::from_value(name.into())?,
        None => Variant::AsDrawn,
    };
    let client = Client::from_env()?;
    let _telemetry = boxwood::telemetry::init(&client)?;
    let job = client.jobs().submit("nested-optional", Pipeline { variant }).await?;

    let runner = Runner::builder(&client)
        .task::<Pipeline>()
        .task::<OptionalProcessing>()
        .task::<Step1>()
        .task::<Step1A>()
        .task::<Step1B>()
        .task::<Step1C>()
        .task::<Step2>()
        .task::<AlwaysRuns>()
        .build()
        .await?;
    runner.run_all().await?;

    let tree = client.jobs().task_tree(&job, 100).await?;
    tree.walk(|depth, task| {
        let name = task.display.lines().next().unwrap_or_default();
        println!("{:<16} {:indent$}{name}", task.state, "", indent = 2 * depth);
    });
    println!("{} is {}", job.name, client.jobs().find(&job).await?.state);
    Ok(())
}
