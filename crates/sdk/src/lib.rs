//! Write and run Boxwood workflows in Rust.
//!
//! A *task* is a struct and a function. A task can submit further tasks while it is executed, so that a job is a tree
//! that grows while it runs. *Runners* ask the server for tasks and execute them; any number of them can share a job,
//! also together with runners of the Python and Go SDKs.
//!
//! # Hello
//!
//! ```no_run
//! use boxwood::{Client, Execute, ExecutionContext, Runner, Task};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Task, Serialize, Deserialize)]
//! struct Hello {
//!     name: String,
//! }
//!
//! impl Execute for Hello {
//!     async fn execute(self, _context: &ExecutionContext) -> boxwood::Result {
//!         println!("Hello {}!", self.name);
//!         Ok(())
//!     }
//! }
//!
//! #[tokio::main]
//! async fn main() -> boxwood::Result {
//!     let client = Client::from_env()?; // BOXWOOD_URL, or http://127.0.0.1:8080
//!     let job = client.jobs().submit("hello", Hello { name: "World".into() }).await?;
//!     Runner::builder(&client).task::<Hello>().build().await?.run_all().await?;
//!     println!("{}", client.jobs().find(&job).await?.state);
//!     Ok(())
//! }
//! ```
//!
//! # Fan out, fan in
//!
//! Sub-tasks without dependencies run side by side; a sub-task that depends on others starts when they and everything
//! below them are complete (T-92). Tasks have no return value (T-8); what they want to tell each other they put into
//! the job cache.
//!
//! ```no_run
//! use boxwood::{Client, Execute, ExecutionContext, LocalFileCache, Runner, Task};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Task, Serialize, Deserialize)]
//! #[task(version = "v1.0")]
//! struct SumOfSquares {
//!     numbers: Vec<u64>,
//! }
//!
//! #[derive(Task, Serialize, Deserialize)]
//! #[task(version = "v1.0", display = "Square({number})")]
//! struct Square {
//!     number: u64,
//! }
//!
//! #[derive(Task)]
//! #[task(version = "v1.0")]
//! struct Sum;
//!
//! impl Execute for SumOfSquares {
//!     async fn execute(self, context: &ExecutionContext) -> boxwood::Result {
//!         context.progress("squares").add(self.numbers.len() as u64);
//!         let squares = context.submit_subtasks(self.numbers.into_iter().map(|number| Square { number })).max_retries(2);
//!         context.submit_subtask(Sum).depends_on(squares);
//!         Ok(())
//!     }
//! }
//!
//! impl Execute for Square {
//!     async fn execute(self, context: &ExecutionContext) -> boxwood::Result {
//!         let square = self.number.checked_mul(self.number).ok_or("the square is too large")?;
//!         context.job_cache().group("squares").set(&self.number.to_string(), square.to_string()).await?;
//!         context.progress("squares").done(1);
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
//! #[tokio::main]
//! async fn main() -> boxwood::Result {
//!     let client = Client::from_env()?;
//!     client.jobs().submit("squares", SumOfSquares { numbers: vec![12, 345, 453] }).await?;
//!     let runner = Runner::builder(&client)
//!         .task::<SumOfSquares>()
//!         .task::<Square>()
//!         .task::<Sum>()
//!         .concurrency(4)
//!         .cache(LocalFileCache::default())
//!         .build()
//!         .await?;
//!     runner.run_forever().await?;
//!     Ok(())
//! }
//! ```
//!
//! More programs, each of which shows one thing, are in the folder `examples` of this crate.
//!
//! # Tests
//!
//! With feature `testing`, the module `boxwood::testing` runs a workflow in the process: no server, the same rules, and an
//! order of events that a seed decides.
//!
//! # What goes wrong
//!
//! Task code returns [`boxwood::Result`]: `?` takes any error, and a text becomes one with `.into()`. Whatever it
//! returns, and every panic, fails the task, which is then retried while it has retries left. The SDK itself fails with
//! [`Error`], which has a [`code`](Error::code) and often a [`next_step`](Error::next_step).
//!
//! Logs of task code go through `tracing`; each execution is in a span named `task`.
//!
//! Rule numbers (`T-92`, `R-22`, …) point into `docs/behaviour.md`.

#![warn(missing_docs)]

// The derive macro names the crate by its name, also here.
extern crate self as boxwood;

mod cache;
mod cancellation;
mod client;
mod context;
mod error;
mod id;
mod identifier;
mod input;
mod raw;
mod runner;
mod state;
mod submission;
mod task;
#[cfg(feature = "testing")]
pub mod testing;

pub use boxwood_macros::Task;

#[cfg(feature = "object-store")]
pub use cache::ObjectStoreCache;
#[cfg(feature = "azure")]
pub use cache::{AzureCache, AzureCacheBuilder};
pub use cache::{Cache, InMemoryCache, JobCache, LocalFileCache};
#[cfg(feature = "gcs")]
pub use cache::{GcsCache, GcsCacheBuilder};
#[cfg(feature = "s3")]
pub use cache::{S3Cache, S3CacheBuilder};
pub use cancellation::{Canceled, Cancellation};
pub use client::{
    AttributeValue, Client, ClientBuilder, Cluster, ClusterClient, CreateCluster, Direction, ExecutionStats, Job,
    JobClient, JobFilter, JobState, LogRecord, LogSeverity, Pages, Progress, QueryLogs, SubmitJob, TaskNode, TaskState,
    TaskSummary, TaskTree, Theme, URL_DEFAULT, UpdateCluster, VisualizeJob, WaitForJob,
};
pub use context::{Dependencies, ExecutionContext, ProgressIndicator, Subtask, Subtasks};
pub use error::{BoxError, Code, Error, Result};
pub use id::{AutomationId, JobId, ParseIdError, TaskId};
pub use identifier::{NAME_BYTES_MAX, TaskIdentifier, Version};
pub use raw::RawTask;
pub use runner::{RunSummary, Runner, RunnerBuilder, ShutdownHandle};
pub use state::StateType;
pub use task::{Execute, INPUT_BYTES_MAX, Submission, Submit, Task};

/// The stores that an [`ObjectStoreCache`] can be in: feature `object-store`. The kinds of stores it has are those of the
/// features that are on here; to turn on others, depend on the same version of it.
#[cfg(feature = "object-store")]
pub use object_store;

/// What the derive macro calls.
#[doc(hidden)]
pub mod __private {
    pub use crate::context::Collector;
    pub use crate::input::{ReadJson, WriteJson, not_a_message};
}

/// The program in the README is compiled as it stands there.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
