//! Tests of workflows, in the process: no server, no waiting, and the same course of events each time.
//!
//! A [`Workflow`] says which tasks there are and in what world they run. Running it submits a job, and virtual runners
//! execute its tasks with the rules of the server itself: the same code decides here and there what is handed out when,
//! what a failure does, and which limits hold. The task code runs as in production, with a real
//! [`ExecutionContext`](crate::ExecutionContext).
//!
//! It needs feature `testing`, which tests alone should turn on:
//!
//! ```toml
//! [dev-dependencies]
//! boxwood = { version = "0.1", features = ["testing"] }
//! ```
//!
//! ```
//! use boxwood::testing::{Fault, Workflow, for_each_seed};
//! use boxwood::{Execute, ExecutionContext, Task, TaskState};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Task, Serialize, Deserialize)]
//! struct SumOfSquares {
//!     numbers: Vec<u64>,
//! }
//!
//! #[derive(Task, Serialize, Deserialize)]
//! #[task(display = "Square({number})")]
//! struct Square {
//!     number: u64,
//! }
//!
//! #[derive(Task)]
//! struct Sum;
//!
//! impl Execute for SumOfSquares {
//!     async fn execute(self, context: &ExecutionContext) -> boxwood::Result {
//!         let squares = self.numbers.into_iter().map(|number| Square { number });
//!         let squares = context.submit_subtasks(squares).max_retries(2);
//!         context.submit_subtask(Sum).depends_on(squares);
//!         Ok(())
//!     }
//! }
//!
//! impl Execute for Square {
//!     async fn execute(self, context: &ExecutionContext) -> boxwood::Result {
//!         let square = self.number * self.number;
//!         context.job_cache().group("squares").set(&self.number.to_string(), square.to_string()).await?;
//!         Ok(())
//!     }
//! }
//!
//! impl Execute for Sum {
//!     async fn execute(self, context: &ExecutionContext) -> boxwood::Result {
//!         let mut sum = 0;
//!         for (_, square) in context.job_cache().group("squares").items().await? {
//!             sum += String::from_utf8(square)?.parse::<u64>()?;
//!         }
//!         context.set_display(format!("Sum = {sum}"));
//!         Ok(())
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> boxwood::Result {
//! // In a test file this is the body of a `#[tokio::test]`.
//! let workflow = Workflow::new().task::<SumOfSquares>().task::<Square>().task::<Sum>();
//!
//! // One runner: the order of executions is that of the rules.
//! let run = workflow.run(SumOfSquares { numbers: vec![1, 2, 3] }).await?;
//! run.assert_completed();
//! assert_eq!(run.order(), ["SumOfSquares", "Square(1)", "Square(2)", "Square(3)", "Sum"]);
//! assert_eq!(run.task::<Sum>().display(), "Sum = 14");
//! assert_eq!(run.cache().get("squares/3").await?, b"9");
//! assert_eq!(
//!     run.to_string(),
//!     "SumOfSquares COMPUTED\n\
//!      ├─ Square(1) COMPUTED\n\
//!      ├─ Square(2) COMPUTED\n\
//!      ├─ Square(3) COMPUTED\n\
//!      └─ Sum = 14 COMPUTED\n"
//! );
//!
//! // Three runners, of which one dies with a square in its hands. Whatever the order, the sum is right.
//! let workflow = workflow.runners(3).fault(Fault::<Square>::lost_runner().after_execution().nth(2));
//! for_each_seed(0..20, async |seed| {
//!     let run = workflow.clone().seed(seed).run(SumOfSquares { numbers: vec![1, 2, 3] }).await?;
//!     run.assert_completed();
//!     run.assert_executions::<Square>(4);
//!     run.assert_before::<Square, Sum>();
//!     assert_eq!(run.task::<Sum>().display(), "Sum = 14");
//!     Ok(())
//! })
//! .await;
//!
//! // A square that fails three times is too much: it may be retried twice.
//! let run = workflow
//!     .fault(Fault::<Square>::error("no more ink").given(|square| square.number == 2).always())
//!     .run(SumOfSquares { numbers: vec![1, 2, 3] })
//!     .await?;
//! run.assert_failed();
//! let square = run.tasks::<Square>().find(|task| task.state() == TaskState::Failed).expect("one failed");
//! assert_eq!((square.input().number, square.error()), (2, Some("no more ink")));
//! # Ok(())
//! # }
//! ```
//!
//! # Order and chance
//!
//! Each virtual runner executes one task at a time. Asking for a task, executing it and reporting it are three events;
//! the [seed](Workflow::seed) decides which runner's event comes next, so that executions overlap in many ways: another
//! runner's code may run between the hand-out of a task and its own code, or between its code and its report. The code
//! of one execution runs to its end before that of another begins. [`Run::trace`] is all of it as text, and equal for
//! equal seeds. [`for_each_seed`] runs a test with many.
//!
//! # Time
//!
//! Time is virtual: an event takes some milliseconds of it, and a lost lease fifteen seconds, but nothing waits. It is
//! seen in [`Run::job`], [`ExecutionRecord::started_at`] and the like, and moved by [`Run::advance`]. Task code does
//! not see it: what it does with `tokio::time` takes real time, unless the test pauses the clock of tokio, as
//! `#[tokio::test(start_paused = true)]` does (feature `test-util` of tokio).
//!
//! # What goes wrong
//!
//! [`Fault`]s make executions fail, panic, be handed back, or lose their runner. [`Run::cancel`], [`Run::retry`],
//! [`Run::lose_runner`] and [`Run::add_runner`] change a run at some point, which [`Run::until`] finds.
//! [`VirtualRunner`]s can be without some tasks, know other versions of them, or stand on other clusters.
//!
//! A task whose code is elsewhere stays QUEUED (T-63); a stand-in for it is a struct with the same identifier:
//! `#[task(name = "acme.Mosaic", version = "v1.3")]`.
//!
//! # What is not here
//!
//! Calls over the network, and what they can do: lost answers, a server that restarts, content checks of messages that
//! this crate cannot send. Telemetry goes where the test sends it; nothing is exported from here.

mod assert;
mod convert;
mod fault;
mod look;
mod record;
mod run;
mod runner;
mod seeds;
mod server;
mod text;
mod turn;
mod workflow;

pub use fault::Fault;
pub use record::{ExecutionRecord, Outcome, TaskRecord};
pub use run::Run;
pub use runner::VirtualRunner;
pub use seeds::for_each_seed;
pub use workflow::{NewJob, Workflow};
