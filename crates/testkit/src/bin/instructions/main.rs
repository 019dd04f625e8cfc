//! Fixed workloads whose instructions Callgrind counts. `cargo xtask instructions` builds and runs it and compares.
//!
//! Every run of a workload does the same: times and ids are counted up, and nothing waits for anything. What hash tables
//! do differs a little between runs, because their seeds do.

mod commands;
mod lane;
mod step;

use std::process::ExitCode;

const USAGE: &str = "usage: instructions --list | WORKLOAD\n\n\
    --list    prints where this program is, then the workloads\n\
    WORKLOAD  does it, and prints how many operations were counted";

/// A workload: its name, and what it does. Answers how many operations were counted.
type Workload = (&'static str, fn() -> u64);

fn workloads() -> impl Iterator<Item = Workload> {
    step::WORKLOADS.into_iter().chain(lane::WORKLOADS)
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name] = arguments.as_slice() else { return wrong() };
    if name == "--list" {
        let Ok(program) = std::env::current_exe() else { return ExitCode::FAILURE };
        println!("{}", program.display());
        workloads().for_each(|(name, _)| println!("{name}"));
        return ExitCode::SUCCESS;
    }
    let Some((_, work)) = workloads().find(|(known, _)| known == name) else { return wrong() };
    println!("{}", work());
    ExitCode::SUCCESS
}

fn wrong() -> ExitCode {
    eprintln!("{USAGE}");
    ExitCode::from(2)
}

/// Callgrind counts what happens in here, in whatever it calls, and nowhere else: it knows this function by its name.
#[inline(never)]
pub(crate) fn counted<T>(work: impl FnOnce() -> T) -> T {
    // Without the box the call could become a jump, after which the end of this function is not seen.
    std::hint::black_box(work())
}
