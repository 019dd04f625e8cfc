//! The rules of Boxwood, and nothing else.
//!
//! [`step`] decides one [`Command`] against a [`WorkingSet`]: the rows a store has loaded for it. It never reads a clock,
//! makes a random number, waits, or touches a disk; everything unpredictable arrives inside the command. A step either
//! succeeds, is refused and has changed nothing, or says which rows it lacks ([`Need`]) and has changed nothing; the
//! caller loads them and runs the step again. The store then writes what changed ([`WorkingSet::changes`]).
//!
//! Rule numbers (`T-92`, `R-41`, …) point into `docs/behaviour.md`.

mod cancel;
mod claim;
mod cluster;
mod command;
mod complete;
mod fail;
mod foresee;
mod group;
mod id;
mod identifier;
mod job;
mod lease;
mod progress;
mod ready;
mod report;
mod retry;
mod settings;
mod step;
mod submission;
mod submit;
mod table;
mod task;
mod time;
mod waits;
mod working_set;

pub use claim::{Ask, HandOut};
pub use cluster::{Cluster, is_slug, slug_from_name};
pub use command::{
    Command, ComputedTask, FailedTask, NewCluster, NewJob, Refusal, RefusalKind, Reply, Report, ReportReply,
};
pub use foresee::{Foreseen, foreseen};
pub use group::{Group, GroupState, Slice};
pub use id::{AutomationId, ClassKey, GroupKey, JobId, JobKey, TaskId, TaskKey, uuid_v7};
pub use identifier::{Class, Identifier, Version, VersionError};
pub use job::{Counts, Job, JobState, JobStatus, LegacyJobState, name_key, name_words};
pub use lease::Lease;
pub use progress::{Indicator, Indicators, ProgressUpdate};
pub use ready::{ReadyKey, ReadyRow};
pub use settings::Settings;
pub use step::step;
pub use submission::{Inputs, NewGroup, NewTasks, Submission, SubmissionError, limits};
pub use task::{Children, IllegalTransition, Taken, Task, TaskEvent, TaskState};
pub use time::Timestamp;
pub use waits::WaitsFor;
pub use working_set::{Changes, Need, NewGroupRow, Wakes, WorkingSet};
