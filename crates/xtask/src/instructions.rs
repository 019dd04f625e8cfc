//! `cargo xtask instructions`: counts the instructions of fixed workloads and compares them with a committed baseline.
//!
//! A count says the same on a busy machine and on an idle one, so a step that became slower is seen where a timer sees
//! noise. It is no time: a cache miss, a system call and a sync of the disk cost nothing here.

mod baseline;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use crate::callgrind;
use crate::suite::{Outcome, has, root};
use baseline::{Baseline, Platform};

const USAGE: &str = "usage: cargo xtask instructions [--update | --profile WORKLOAD | WORKLOAD ...]\n\n\
    nothing     counts all workloads, compares them with crates/testkit/instructions.txt\n\
    WORKLOAD    only those whose name begins so\n\
    --update    writes what was counted into that file\n\
    --profile   the functions in which a workload spends its instructions";

/// The function of the workloads in which is counted.
const COUNTED: &str = "--toggle-collect=*instructions::counted*";

/// How often a workload is counted that seems to take too much, and each one for a new baseline. Hash tables have other seeds
/// in each run, and now and then one is rebuilt more often than usual; the lowest count is what the code takes.
const RUNS: usize = 5;

/// Functions shown of a profile.
const FUNCTIONS_MAX: usize = 60;

/// Runs the command with these arguments.
pub(crate) fn run(arguments: &[&str]) -> ExitCode {
    let done = match arguments {
        ["--update"] => update(),
        ["--profile", workload] => profile(workload),
        [first, ..] if first.starts_with('-') => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
        names => compare(names),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

/// As a suite of tests.
pub(crate) fn suite() -> Outcome {
    match compare(&[]) {
        Ok(()) => Outcome::Passed,
        Err(why) => Outcome::Failed(why),
    }
}

fn compare(names: &[&str]) -> Result<(), String> {
    let baseline = Baseline::read(&baseline_file())?;
    let workloads = build()?;
    let chosen = |workload: &&Workload| names.is_empty() || names.iter().any(|name| workload.name.starts_with(name));
    let here = Platform::here()?;
    let mut counted = BTreeMap::new();
    for workload in workloads.iter().filter(chosen) {
        let mut lowest = workload.count()?;
        for _ in 1..RUNS {
            if !baseline.is_exceeded(&workload.name, lowest, &here) {
                break;
            }
            lowest = lowest.min(workload.count()?);
        }
        counted.insert(workload.name.clone(), lowest);
    }
    if counted.is_empty() {
        return Err(unknown(&workloads));
    }
    let comparison = baseline.compare(&counted, &here);
    println!("{comparison}");
    comparison.verdict()
}

fn update() -> Result<(), String> {
    let mut counted = BTreeMap::new();
    for workload in build()? {
        let counts = (0..RUNS).map(|_| workload.count()).collect::<Result<Vec<_>, _>>()?;
        counted.insert(workload.name, counts.into_iter().min().expect("several runs"));
    }
    Baseline::new(Platform::here()?, counted).write(&baseline_file())
}

fn profile(name: &str) -> Result<(), String> {
    let workloads = build()?;
    let Some(workload) = workloads.iter().find(|workload| workload.name == name) else {
        return Err(unknown(&workloads));
    };
    let (operations, text) = workload.callgrind()?;
    let total = callgrind::total(&text).unwrap_or(0);
    let mut functions: Vec<_> = callgrind::functions(&text).into_iter().collect();
    // What calls the counted function has all of the instructions too, and says nothing.
    functions.retain(|(name, cost)| cost.with_calls < total || cost.own > 0 || name.contains("counted"));
    functions.sort_by_key(|(_, cost)| std::cmp::Reverse(cost.with_calls));
    println!("{name}: {} instructions an operation\n", total / operations);
    println!("{:>10} {:>7} {:>10}  function, with inlined ones", "with calls", "share", "alone");
    for (name, cost) in functions.iter().take(FUNCTIONS_MAX) {
        let share = cost.with_calls as f64 * 100.0 / total as f64;
        println!("{:>10} {share:>6.1}% {:>10}  {name}", cost.with_calls / operations, cost.own / operations);
    }
    functions.sort_by_key(|(_, cost)| std::cmp::Reverse(cost.own));
    println!("\n{:>10} {:>7}", "alone", "share");
    for (name, cost) in functions.iter().take(FUNCTIONS_MAX / 2) {
        let share = cost.own as f64 * 100.0 / total as f64;
        println!("{:>10} {share:>6.1}%  {name}", cost.own / operations);
    }
    Ok(())
}

fn baseline_file() -> PathBuf {
    root().join("crates/testkit/instructions.txt")
}

/// How the programs are built and run.
const PROGRAMS: [&[&str]; 2] = [
    &["run", "-p", "boxwood-testkit", "--features", "sqlite", "--bin", "instructions"],
    &["bench", "-p", "boxwood-server", "--features", "inside", "--bench", "instructions"],
];

/// A workload, and the program that has it.
struct Workload {
    name: String,
    program: PathBuf,
}

/// All workloads.
fn build() -> Result<Vec<Workload>, String> {
    if !has("valgrind") {
        return Err("valgrind is needed to count instructions; the packages of most systems have it".into());
    }
    let mut workloads = Vec::new();
    for program in PROGRAMS {
        let mut cargo = Command::new("cargo");
        let listed = output(cargo.args(program).args(["--quiet", "--profile", "instructions", "--", "--list"]))?;
        let mut lines = listed.lines();
        let path = PathBuf::from(lines.next().ok_or("the workloads say nothing")?);
        workloads.extend(lines.map(|name| Workload { name: name.into(), program: path.clone() }));
    }
    Ok(workloads)
}

fn unknown(workloads: &[Workload]) -> String {
    let names: Vec<_> = workloads.iter().map(|workload| workload.name.as_str()).collect();
    format!("there is no such workload; known are {}", names.join(", "))
}

impl Workload {
    /// Instructions for an operation.
    fn count(&self) -> Result<u64, String> {
        let (operations, text) = self.callgrind()?;
        let total = callgrind::total(&text).filter(|total| *total > 0);
        let total = total.ok_or_else(|| format!("{}: nothing was counted; is {COUNTED} still right?", self.name))?;
        Ok(total / operations)
    }

    /// Runs it. Answers how many operations were counted, and what Callgrind wrote.
    fn callgrind(&self) -> Result<(u64, String), String> {
        let file = self.program.with_file_name(format!("callgrind.{}", self.name.replace('/', ".")));
        let mut command = Command::new("valgrind");
        command.args(["--quiet", "--tool=callgrind", COUNTED, &format!("--callgrind-out-file={}", file.display())]);
        let operations = output(command.arg(&self.program).arg(&self.name))?;
        let operations = operations.trim().parse().ok().filter(|operations| *operations > 0);
        let operations =
            operations.ok_or_else(|| format!("{}: it does not say how many operations it did", self.name))?;
        Ok((operations, read(&file)?))
    }
}

fn read(file: &Path) -> Result<String, String> {
    std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))
}

/// Runs a command from the root of the repository and answers what it prints.
fn output(command: &mut Command) -> Result<String, String> {
    let output =
        command.current_dir(root()).stdin(Stdio::null()).output().map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(format!("{command:?}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr)))
}
