//! Test support for Boxwood. Nothing here is part of a release.
//!
//! - [`World`]: jobs, runners and a clock around the engine and a store, driven call by call. After every command it checks
//!   what must always hold, from the rows alone and without the engine's help.
//! - [`hostile`]: random worlds in which calls are lost, repeated and late, leases end and the server crashes.
//! - [`conformance`]: what every store must do, and that all stores answer alike.

pub mod conformance;
pub mod hostile;
mod invariants;
mod mirror;
mod order;
mod plan;
mod random;
mod reopen;
mod world;

use std::time::Duration;

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
