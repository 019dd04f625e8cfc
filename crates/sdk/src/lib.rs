//! Write and run Boxwood workflows in Rust.
//!
//! A *task* is a struct and an async function. While it is executed it can submit further tasks, so that a *job* is a
//! tree that grows while it runs. *Runners* ask a server for tasks and execute them: any number of them, on any
//! machines, also beside runners of the Python and Go SDKs. What was acknowledged is kept by the server, so a runner
//! may die at any time: another one executes its tasks.
//!
//! # Hello
//!
//! A server is started by `boxwood serve`; it listens on `http://127.0.0.1:8080`. A program needs:
//!
//! ```toml
//! [dependencies]
//! boxwood = "0.1"
//! serde = { version = "1", features = ["derive"] }
//! tokio = { version = "1", features = ["macros", "rt-multi-thread"] }
//! ```
//!
//! ```no_run
//! use boxwood::{Client, Execute, ExecutionContext, Runner, Task};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Task, Serialize, Deserialize)]
//! struct Hello { name: String }
//!
//! impl Execute for Hello {
//!     async fn execute(self, _: &ExecutionContext) -> boxwood::Result {
//!         println!("Hello {}!", self.name);
//!         Ok(())
//!     }
//! }
//!
//! #[tokio::main]
//! async fn main() -> boxwood::Result {
//!     let client = Client::from_env()?;
//!     client.jobs().submit("hello", Hello { name: "World".into() }).await?;
//!     Runner::builder(&client).task::<Hello>().build().await?.run_all().await?;
//!     Ok(())
//! }
//! ```
//!
//! This program plays both parts: it submits a job, and it executes what there is to execute. In earnest they are two:
//! some program submits, and any number of processes call [`run_forever`](Runner::run_forever). The address of the
//! server is taken from `BOXWOOD_URL`, its key from `BOXWOOD_API_KEY`; [`ClientBuilder`] takes them in code.
//!
//! # Fan out, fan in
//!
//! Sub-tasks without dependencies run side by side, in whatever runners there are. A sub-task that depends on others
//! starts when they and everything below them are complete (T-92). Tasks have no return value (T-8): what they want to
//! tell each other they put into the cache of the job, here in local files.
//!
//! ```no_run
//! use boxwood::{Client, Execute, ExecutionContext, LocalFileCache, Result, Runner, Task};
//!
//! #[derive(Task, serde::Serialize, serde::Deserialize)]
//! struct SumOfSquares { numbers: Vec<u64> }
//! #[derive(Task, serde::Serialize, serde::Deserialize)]
//! #[task(name = "example.com/Square", version = "v1.0", display = "Square({number})")]
//! struct Square { number: u64 }
//! #[derive(Task)]
//! struct Sum;
//!
//! impl Execute for SumOfSquares {
//!     async fn execute(self, context: &ExecutionContext) -> Result {
//!         let squares = context.submit_subtasks(self.numbers.into_iter().map(|number| Square { number }));
//!         context.submit_subtask(Sum).depends_on(squares.max_retries(2));
//!         Ok(())
//!     }
//! }
//! impl Execute for Square {
//!     async fn execute(self, context: &ExecutionContext) -> Result {
//!         let square = self.number.checked_mul(self.number).ok_or("the square is too large")?;
//!         Ok(context.job_cache().group("squares").set(&self.number.to_string(), square.to_string()).await?)
//!     }
//! }
//! impl Execute for Sum {
//!     async fn execute(self, context: &ExecutionContext) -> Result {
//!         let mut sum = 0;
//!         for (_, square) in context.job_cache().group("squares").items().await? {
//!             sum += String::from_utf8(square)?.parse::<u64>()?;
//!         }
//!         Ok(context.set_display(format!("Sum = {sum}")))
//!     }
//! }
//! #[tokio::main]
//! async fn main() -> Result {
//!     let client = Client::from_env()?;
//!     client.jobs().submit("squares", SumOfSquares { numbers: vec![12, 345, 453] }).await?;
//!     let runner = Runner::builder(&client).task::<SumOfSquares>().task::<Square>().task::<Sum>();
//!     runner.concurrency(4).cache(LocalFileCache::default()).build().await?.run_all().await?;
//!     Ok(())
//! }
//! ```
//!
//! More programs, each of which shows one thing, are in the folder `examples` of this crate.
//!
//! # Where things are
//!
//! | to | there is |
//! | --- | --- |
//! | say what a task is: name, version, input, display | [`Task`] and its derive macro |
//! | write what it does | [`Execute`], with an [`ExecutionContext`] |
//! | submit sub-tasks: dependencies, retries, optional ones, other clusters | [`Subtask`], [`Subtasks`] |
//! | show how far it is | [`ExecutionContext::progress`], [`ExecutionContext::set_display`] |
//! | hand data from task to task | [`ExecutionContext::job_cache`], a [`Cache`] of the runner |
//! | share a connection or a model among the tasks of a runner | [`RunnerBuilder::state`], [`ExecutionContext::state`] |
//! | stop early when nobody waits for a task any more | [`ExecutionContext::cancellation`] |
//! | execute tasks | [`Runner`] |
//! | submit, find, watch, cancel and retry jobs; see their tasks, logs and picture | [`Client::jobs`] |
//! | keep kinds of machines apart | [`Client::clusters`], [`RunnerBuilder::cluster`] |
//! | use tasks written in Python or Go | [`RawTask`] |
//!
//! # What to rely on
//!
//! - A task is executed at least once. Its runner holds a lease and renews it, also while the task computes without awaiting;
//!   when the runner dies, another one gets the task when the lease has ended. Task code must bear being run twice (T-9).
//! - What a task submits exists when it has succeeded, all of it or nothing (T-71). That is why nothing can be awaited at the
//!   handle of a sub-task: it is there to depend on, and the compiler keeps it in its execution (T-91).
//! - A task submitted as `v1.3` is executed by `v1.3` or a later `v1.x` (T-55). Change the major version when old inputs no longer
//!   fit.
//! - Inputs are small, at most 2048 bytes (T-31), and up to 64 groups of sub-tasks with equal dependencies fit into one execution
//!   (T-98). Data belongs into the cache, larger trees into sub-tasks.
//!
//! # What goes wrong
//!
//! Task code returns [`boxwood::Result`]: `?` takes any error, also those of `anyhow`, and a text becomes one with
//! `.into()`. Whatever it returns, and every panic, fails the task, which is then executed again while it has
//! [retries](Subtask::max_retries) left (T-110). After that the job is FAILED, unless the task is
//! [optional](Subtask::optional); [`JobClient::retry`] lets it go on from there. The error is shown below the display
//! of the task (T-45).
//!
//! The SDK itself fails with [`Error`], which has a [`code`](Error::code) and often a [`next_step`](Error::next_step).
//! Clients try again for a short time, runners until they are shut down, so that neither minds a restart of the server.
//!
//! # Other languages
//!
//! Tasks of all languages run in one job: what counts is the identifier, and that the input is written the way the
//! other side reads it. By default that is a JSON object, which Go and Python tasks of several fields understand;
//! `#[task(input = "value")]` is for Python tasks of one field, `"prost"` and `"buffa"` for protobuf messages ([`Task`]
//! has the list). A task that exists only elsewhere needs no type here: submit a [`RawTask`]. The caches lay out their
//! keys as the Python SDK does.
//!
//! # Tests
//!
//! With feature `testing`, the module [`boxwood::testing`](testing/index.html) runs a workflow in the process: no
//! server, the same rules, and an order of events that a seed decides. Turn it on in `[dev-dependencies]` only.
//!
//! # Logs and traces
//!
//! Task code logs through [`tracing`], for example `tracing::info!(scene, "reading")`. One line at the start of `main`,
//! `let _telemetry = boxwood::telemetry::init(&client)?;`, writes to the console what tasks log and sends it to the
//! server, together with a trace of the whole job in which each execution of a task is a span, in whatever process it
//! happened. The module [`boxwood::telemetry`](telemetry/index.html) tells how to send it elsewhere too, and how to use
//! a subscriber of your own.
//!
//! # Features
//!
//! | feature | on by default | what it adds |
//! | --- | --- | --- |
//! | `telemetry` | yes | `boxwood::telemetry`: logs and traces to the server, to other backends, and on the console |
//! | `s3` | no | `S3Cache`: Amazon S3, and what speaks its protocol |
//! | `gcs` | no | `GcsCache`: Google Cloud Storage |
//! | `azure` | no | `AzureCache`: Azure Blob Storage |
//! | `object-store` | no | `ObjectStoreCache`: any other store of the crate `object_store` |
//! | `tls` | no | `https://` addresses, by rustls with ring; see [`ClientBuilder::url`] |
//! | `testing` | no | `boxwood::testing`: workflows run in the process, for tests |
//!
//! # Rules
//!
//! Numbers such as T-92 or R-22 name rules of what the server promises; they are in `docs/behaviour.md` of the
//! repository.

#![warn(missing_docs)]
// Where the documentation is published, each item says which feature it needs.
#![cfg_attr(docsrs, feature(doc_cfg))]

// The derive macro names the crate by its name, also here.
extern crate self as boxwood;

mod cache;
mod cancellation;
mod client;
mod context;
mod error;
mod exception;
mod id;
mod identifier;
mod input;
mod raw;
mod runner;
mod spans;
mod state;
mod submission;
mod task;
#[cfg(feature = "telemetry")]
pub mod telemetry;
#[cfg(feature = "testing")]
pub mod testing;
mod trace_parent;

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
    AttributeValue, Client, ClientBuilder, CloneJob, Cluster, ClusterClient, CreateCluster, Cursor, Direction,
    ExecutionStats, InsightClient, Job, JobClient, JobExplanation, JobFilter, JobPrototype, JobState, JobStateCounts,
    LogCounts, LogRecord, LogSeverity, Pages, Progress, QueryAllLogs, QueryLogs, QuerySpans, Queue, QueueStats, Queues,
    ReadQueueStats, RootTask, RunnersSeen, ServerInfo, SpanEvent, SpanKind, SpanLink, SpanRecord, SpanStatus,
    SubmitJob, TaskNode, TaskState, TaskSummary, TaskTree, Theme, URL_DEFAULT, UpdateCluster, VisualizeJob, Wait,
    WaitForJob, WaitReason,
};
pub use context::{Dependencies, ExecutionContext, ProgressIndicator, Subtask, Subtasks};
pub use error::{BoxError, Code, Error, Result};
pub use id::{AutomationId, JobId, ParseIdError, TaskId};
pub use identifier::{NAME_BYTES_MAX, TaskIdentifier, Version};
pub use raw::RawTask;
pub use runner::{RunSummary, Runner, RunnerBuilder, ShutdownHandle};
pub use state::StateType;
pub use task::{Execute, INPUT_BYTES_MAX, Submission, Submit, Task};

/// The stores that an [`ObjectStoreCache`] can be in: feature `object-store`. The kinds of stores it has are those of
/// the features that are on here; to turn on others, depend on the same version of it.
#[cfg(feature = "object-store")]
pub use object_store;

/// What the derive macro calls.
#[doc(hidden)]
pub mod __private {
    pub use crate::context::Collector;
    pub use crate::input::{ReadJson, WriteJson, not_a_message};
}

/// The programs in the READMEs are compiled as they stand there.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
#[doc = include_str!("../README.md")]
struct Readme;
