//! What users see: the program against a server in this process.

#![allow(clippy::unwrap_used, reason = "also what tests share may fail by a panic")]

mod bench;
mod clusters;
mod demo;
mod errors;
mod help;
mod here;
mod hostile;
mod jobs;
mod logs;
mod manual;
mod shapes;
mod spans;
mod tls;
mod top;
mod transfer;
mod tree;
