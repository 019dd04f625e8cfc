//! The rate of a runner of the SDK, to compare with that of calls sent by hand.

use std::time::Instant;

use boxwood::{Client, Execute, ExecutionContext, JobState, Runner, Task};
use serde::{Deserialize, Serialize};

use super::measure::Figure;
use super::processor::Processor;
use super::{Load, Workload};
use crate::Failure;

/// Submits the tasks that are measured.
#[derive(Task, Serialize, Deserialize)]
#[task(name = "boxwood.bench/Root")]
struct Root {
    tasks: u64,
}

/// Does nothing, with an input of the size that the flat workload sends.
#[derive(Task, Serialize, Deserialize)]
#[task(name = "boxwood.bench/NoOp")]
struct NoOp {
    n: u32,
}

impl Execute for Root {
    async fn execute(self, context: &ExecutionContext) -> boxwood::Result {
        context.submit_subtasks((0..self.tasks).map(|_| NoOp { n: 12345 }));
        Ok(())
    }
}

impl Execute for NoOp {
    async fn execute(self, _: &ExecutionContext) -> boxwood::Result {
        Ok(())
    }
}

/// Lets one runner execute a flat job, with as many tasks at once as the raw load has calls in flight. Measured from when
/// the tasks are there to be taken until the runner knows that there are no more, with the connections it makes for them.
pub(super) async fn measure(load: &Load<'_>, flat: Option<f64>) -> Result<Figure, Failure> {
    let &Load { urls, tasks, noop, .. } = load;
    let concurrency = load.connections.len() * usize::from(load.in_flight);
    let client = Client::builder().url(&urls[0]).build()?;
    let job = client.jobs().submit("bench runner", Root { tasks }).await?;
    Runner::builder(&client).task::<Root>().signals(false).build().await?.run_all().await?;

    let runner = Runner::builder(&client).task::<NoOp>().concurrency(concurrency).signals(false).build().await?;
    let before = Processor::start(load.servers);
    let start = Instant::now();
    let done = runner.run_all().await?.computed;
    let took = start.elapsed();
    let state = client.jobs().find(&job).await?.state;
    if done != tasks || state != JobState::Completed {
        return Err(Failure::Other(format!(
            "the runner executed {done} of {tasks} tasks, and their job is {state}; measure a server whose default \
             cluster has no other work or runners"
        )));
    }
    let per_second = tasks as f64 / took.as_secs_f64();
    Ok(Figure {
        per_second: Some(per_second),
        share_of_noop: Some(per_second / noop),
        share_of_flat: flat.map(|flat| per_second / flat),
        costs: before.each(tasks),
        ..Figure::new(Workload::Runner, tasks)
    })
}
