//! What does the real program do when its surroundings fail: disks fill up or break, descriptors run out, peers are idle,
//! slow, hostile or gone, processes are stopped or killed?
//!
//! What these tests show is promised in docs/reliability.md.

#![cfg(unix)]

mod connections;
mod disk;
mod killed;
mod program;
mod stopped;
mod world;
