//! The Boxwood server: RPC, HTTP, validation, dispatch.
//!
//! This is the door: requests are checked, converted once and handed to the lane or the reader; everything
//! unpredictable (the time, fresh ids) enters here. No rule of jobs and tasks is written here, and no SQL.
//!
//! - [`serve`] runs a server until it is told to stop; [`Server`] is the same for tests and demos in one process.
//! - `http`, `hosts`, `listen`, `pages`, `tls`: the one port.
//! - `console`: the web interface, a client of the API like any other.
//! - `rpc`: the services; `validate` and `convert` stand between the wire and the rules.
//! - `live`: which jobs change, told to pages as it happens.
//! - `telemetry`: logs and spans, in and out.
//! - `Inside` (feature `inside`): the same without a port, for fuzzing.
//! - `dispatch`: idle waits, long polls, runners seen, and tasks whose answers got lost.
//! - `explain`: why tasks wait.

mod authority;
mod calls;
mod clock;
mod config;
mod console;
mod convert;
mod direct;
mod dispatch;
mod door;
mod error;
mod explain;
mod hosts;
mod http;
mod ids;
#[cfg(feature = "inside")]
mod inside;
mod listen;
mod live;
mod metrics;
mod pages;
mod rpc;
mod server;
mod speaking;
mod telemetry;
mod tls;
mod validate;

pub use boxwood_store::postgres::Address as DatabaseAddress;
pub use boxwood_store::transfer;
pub use config::{Auth, Config, IdleSettings, Listen, Tls};
pub use error::Error;
#[cfg(feature = "inside")]
pub use inside::Inside;
pub use listen::Address;
pub use server::{Server, serve};
