//! Test support for Boxwood. Nothing here is part of a release.
//! Feature `sqlite` (off by default): simulations on SQLite.
//!
//! - [`World`]: jobs, runners and a clock around the engine and a store, driven call by call. After every command it checks
//!   what must always hold, from the rows alone and without the engine's help, and compares the reply and everything that
//!   can be asked with a model of its own, which knows the rules from the behaviour page and not from the engine.
//! - [`hostile`]: random worlds in which calls are lost, repeated and late, leases end and the server crashes.
//! - [`sim`]: a simulated server, its database, its users and runners, with every fault that can be thought of.
//! - `crowd` (feature `postgres`): several servers at work at the same time, compared with the same model afterwards.
//! - [`conformance`]: what every store must do, and that all stores answer alike.

pub mod alone;
mod catalog;
mod compare;
pub mod conformance;
#[cfg(feature = "postgres")]
pub mod crowd;
#[cfg(feature = "sqlite")]
mod directory;
pub mod hostile;
mod invariants;
mod mirror;
mod plan;
#[cfg(feature = "postgres")]
pub mod postgres;
mod quiet;
mod random;
mod reference;
mod reopen;
pub mod sim;
mod trees;
mod world;

use std::time::Duration;

#[cfg(feature = "sqlite")]
pub use directory::Directory;
pub use mirror::Mirror;
pub use plan::{Plan, Plans};
pub use random::Random;
pub use reopen::{Opened, Reopen};
pub use world::{Event, Held, Runner, World};

/// A span of time.
#[must_use]
pub const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// A span of time.
#[must_use]
pub const fn milliseconds(count: u64) -> Duration {
    Duration::from_millis(count)
}
