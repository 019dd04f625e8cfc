//! Targets for fuzzing: each takes any bytes, gives them to something that reads foreign bytes, and panics where something
//! does not hold that has to. A fuzzer (`cargo xtask fuzz`) looks for such bytes for as long as it is let; `cargo test` tries
//! the kept ones, and some thousand others.
//!
//! Sources that other crates do not show to anybody are compiled in here once more, by their paths.

mod authority;
mod calls;
mod diagram;
mod input;
mod replies;
mod text;

/// Something to be fuzzed.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// What it is called; the folder of its corpus too.
    pub name: &'static str,
    /// Does it, and panics where something does not hold.
    pub run: fn(&[u8]),
    /// Random inputs that `cargo test` tries: as many as take about a second.
    pub tries: u64,
}

/// All targets.
pub const TARGETS: [Target; 8] = [
    Target { name: "authority", run: authority::run, tries: 4_000 },
    Target { name: "calls", run: calls::run, tries: 1_000 },
    Target { name: "d2", run: diagram::run_d2, tries: 2_000 },
    Target { name: "diagram", run: diagram::run, tries: 300 },
    Target { name: "fold", run: diagram::run_fold, tries: 300 },
    Target { name: "replies", run: replies::run, tries: 1_000 },
    Target { name: "telemetry", run: calls::run_telemetry, tries: 1_000 },
    Target { name: "text", run: text::run, tries: 4_000 },
];

/// The target with this name.
#[must_use]
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}
