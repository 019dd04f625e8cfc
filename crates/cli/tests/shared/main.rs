//! Several servers, as real processes, on one real PostgreSQL: does everything hold when servers are killed or stopped,
//! and when the database is restarted, out of reach, or full?
//!
//! What these tests show is promised in docs/reliability.md, "On PostgreSQL". `cargo xtask test postgres` runs them;
//! without a PostgreSQL each says that it was left out.

#![cfg(unix)]

mod calls;
mod cluster;
mod database_faults;
mod events;
mod killed;
mod load;
mod moved;
mod paused;
mod proxy;
mod recount;
mod wakes;
