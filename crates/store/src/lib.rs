//! Durable state: what the engine decides is loaded from here and saved here.
//!
//! - [`Backend`]: the seam every database implements. `sqlite` is the default, [`memory`] serves tests and in-process
//!   runs; both pass the same conformance suite.
//! - [`Vault`]: a backend with the rows loaded from it; decides commands one after another.
//! - [`Lane`]: the one writer. It takes whatever commands wait, steps each and commits them as one transaction; a reply
//!   leaves only after the commit. What it does with them is in [`writer`], without its thread.
//! - [`Reader`]: queries. They never enter the lane and see committed rows only.
//!
//! Feature `sqlite` (on by default): the databases on disk. Feature `postgres`: the database that several servers share.
//! Without them no SQL is compiled. Logs and spans ([`telemetry`]) lie beside jobs and tasks in either, and what is in one
//! can be moved to the other ([`transfer`]).

mod backend;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod encode;
mod error;
mod lane;
pub mod memory;
mod outline;
#[cfg(feature = "postgres")]
pub mod postgres;
mod read;
#[cfg(feature = "sqlite")]
pub mod sqlite;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub mod telemetry;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub mod transfer;
mod vault;
pub mod writer;

pub use backend::{Backend, step_with};
pub use error::Error;
pub use lane::Lane;
pub use outline::{JobOutline, OutlineGroup, TaskRun};
pub use read::{
    BlockedGroup, Bounds, Executions, FailedTasks, FoundTask, GraphGroup, JobGraph, JobPage, JobQuery, JobView,
    JobWaits, QueueStats, Reader, ReadyTasks, SortDirection, TaskPage, TaskQuery, TaskView, TaskWaits, exact_times_max,
    optional_look_max,
};
pub use vault::Vault;
pub use writer::{LaneOptions, Outcome, Wake};
