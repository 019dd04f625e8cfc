//! Write and run Boxwood workflows in Rust.

// The derive macro names the crate by its name, also here.
extern crate self as boxwood;

mod cache;
mod client;
mod context;
mod error;
mod id;
mod identifier;
mod submission;
mod task;

pub use boxwood_macros::Task;

pub use cache::{Cache, InMemoryCache, JobCache, LocalFileCache};
pub use client::{
    AttributeValue, Client, ClientBuilder, Cluster, ClusterClient, CreateCluster, Direction, ExecutionStats, Job,
    JobClient, JobFilter, JobState, LogRecord, LogSeverity, Pages, Progress, QueryLogs, SubmitJob, TaskNode, TaskState,
    TaskSummary, TaskTree, Theme, URL_DEFAULT, UpdateCluster, VisualizeJob, WaitForJob,
};
pub use context::{Dependencies, ExecutionContext, ProgressIndicator, Subtask, Subtasks};
pub use error::{BoxError, Code, Error, Result};
pub use id::{AutomationId, JobId, ParseIdError, TaskId};
pub use identifier::{NAME_BYTES_MAX, TaskIdentifier, Version};
pub use task::{Execute, INPUT_BYTES_MAX, RawTask, Submission, Submit, Task};

/// What the derive macro calls.
#[doc(hidden)]
pub mod __private {
    pub use crate::context::Collector;
    pub use crate::task::{from_json, to_json};
}
