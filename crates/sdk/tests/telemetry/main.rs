//! What a client and a runner tell of themselves, sent to a real server in the same process and to collectors.
//!
//! Subscribers here hold for the thread of one test; `telemetry_of_a_process.rs` sets one for a whole process.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod backends;
mod collector;
mod here;
mod jobs;
mod logs;
mod loss;
mod threads;
