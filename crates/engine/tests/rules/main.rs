//! Rule tests: one question each, named after the rule of `docs/behaviour.md` it is about. Where the other rules are
//! tested is written in the README next to this folder.
//!
//! Every command of these tests is followed by the checks of [`boxwood_testkit::World`].

mod clusters;
mod dependencies;
mod hand_out;
mod jobs;
mod leases;
mod optional;
mod progress;
mod reports;
mod retries;
mod states;
mod statistics;
mod tasks;
