//! Workflows under test: what `boxwood::testing` does, and that it does what a server does.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod control;
mod examples;
mod faults;
mod limits;
mod optional;
mod seeds;
mod server;
mod text;
mod versions;

use boxwood::{Execute, ExecutionContext, Task};
use serde::{Deserialize, Serialize};

/// A task that submits `leaves` leaves and one task after them.
#[derive(Task, Serialize, Deserialize)]
#[task(display = "Fan({leaves})")]
struct Fan {
    leaves: u32,
}

#[derive(Task, Serialize, Deserialize, PartialEq, Debug)]
#[task(display = "Leaf({number})")]
struct Leaf {
    number: u32,
}

#[derive(Task)]
struct Last;

impl Execute for Fan {
    async fn execute(self, context: &ExecutionContext) -> boxwood::Result {
        let leaves = context.submit_subtasks((1..=self.leaves).map(|number| Leaf { number }));
        context.submit_subtask(Last).depends_on(leaves);
        Ok(())
    }
}

impl Execute for Leaf {
    async fn execute(self, context: &ExecutionContext) -> boxwood::Result {
        let writer = format!("{} by {}", context.job_name(), context.task_id());
        Ok(context.job_cache().group("leaves").set(&self.number.to_string(), writer).await?)
    }
}

impl Execute for Last {
    async fn execute(self, _: &ExecutionContext) -> boxwood::Result {
        Ok(())
    }
}

/// The fan and its parts, with one runner.
fn fan() -> boxwood::testing::Workflow {
    boxwood::testing::Workflow::new().task::<Fan>().task::<Leaf>().task::<Last>()
}
