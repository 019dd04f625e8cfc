//! A runner of the Rust SDK that shares jobs, and their cache, with a runner of the Python SDK.
//!
//! ```text
//! boxwood-mixed-runner URL CLUSTER CACHE
//! ```
//!
//! `CACHE` is a JSON object, `{"kind": "s3", "bucket": "b", …}`; see [`cache::Place`]. The program prints `ready` once it is
//! about to ask for work, and runs until SIGTERM.

mod cache;
mod script;

use boxwood::{Client, Execute, ExecutionContext, RawTask, Result, Runner, RunnerBuilder, Task};
use cache::Place;
use script::{Script, Step};
use serde::{Deserialize, Serialize};

/// A job that begins here: submits the steps of a script, stage by stage, to the languages they are for.
#[derive(Task, Serialize, Deserialize)]
#[task(name = "mixed.boxwood/PlanInRust", version = "v1.0")]
struct Plan {
    script: String,
    /// Python leaves tasks of one field bare; this one keeps both languages at objects.
    stages: usize,
}

impl Execute for Plan {
    async fn execute(self, context: &ExecutionContext) -> Result {
        let script = Script::read(&self.script)?;
        let mut previous = None;
        for (stage, steps) in script.stages.iter().enumerate().take(self.stages) {
            let tasks: Vec<RawTask> = steps
                .iter()
                .enumerate()
                .map(|(step, work)| {
                    let input = serde_json::json!({ "script": self.script, "stage": stage, "step": step });
                    RawTask::new(format!("mixed.boxwood/StepIn{}", work.language), "v1.0")?.json(&input)
                })
                .collect::<Result<_, _>>()?;
            let submitted = context.submit_subtasks(tasks);
            previous = Some(match previous {
                Some(before) => submitted.depends_on(before),
                None => submitted,
            });
        }
        Ok(())
    }
}

/// One step of a script.
#[derive(Task, Serialize, Deserialize)]
#[task(name = "mixed.boxwood/StepInRust", version = "v1.0", display = "Rust {stage}.{step}")]
struct StepInRust {
    script: String,
    stage: usize,
    step: usize,
}

impl Execute for StepInRust {
    async fn execute(self, context: &ExecutionContext) -> Result {
        let script = Script::read(&self.script)?;
        let step: &Step = &script.stages[self.stage][self.step];
        step.run(&context.job_cache()).await
    }
}

async fn run(runner: RunnerBuilder) -> Result {
    let runner = runner.task::<Plan>().task::<StepInRust>().concurrency(4).build().await?;
    println!("ready");
    runner.run_forever().await?;
    Ok(())
}

#[tokio::main]
async fn main() -> Result {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, cluster, place] = arguments.as_slice() else {
        return Err("usage: boxwood-mixed-runner URL CLUSTER CACHE".into());
    };
    let client = Client::builder().url(url).build()?;
    let runner = Runner::builder(&client).cluster(cluster);
    match serde_json::from_str(place)? {
        Place::Files { root } => run(runner.cache(cache::files(root))).await,
        Place::ObjectsInFiles { root, prefix } => run(runner.cache(cache::objects_in_files(&root, &prefix)?)).await,
        Place::S3 { bucket, prefix, region } => run(runner.cache(cache::s3(bucket, prefix, region).await?)).await,
        Place::Gcs { bucket } => run(runner.cache(cache::gcs(bucket)?)).await,
        Place::Azure { account, container } => run(runner.cache(cache::azure(account, container)?)).await,
    }
}
