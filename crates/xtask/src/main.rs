//! Development tasks: `cargo xtask test` runs every suite, `cargo xtask check` what needs no test, `cargo xtask sim` lives
//! through simulations, `cargo xtask fuzz` searches for bytes that break something, `cargo xtask instructions` counts
//! what the hot paths cost.
//!
//! A suite whose tools cannot be had is left out and named loudly at the end; with `CI=true` that is a failure.

mod callgrind;
mod fuzz;
mod instructions;
mod plots;
mod sim;
mod suite;
mod tidy;

use std::process::ExitCode;

use suite::{Outcome, Suite};

const USAGE: &str = "usage: cargo xtask check | test [SUITE ...] | sim [OPTION ...] |\n       \
    instructions [OPTION ...] | fuzz [TARGET] [OPTION ...] | plots FILE\n\n\
    check   formatting, lints, documentation, licences, tidiness\n\
    test    every suite, or the named ones\n\
    sim     simulations with failing stores, lost calls and crashes; --help lists the options\n    \
    instructions  counts instructions of the hot paths and compares them with the baseline; --help lists the options\n    \
    fuzz    searches for bytes that break something; --help lists the options\n    \
    plots   draws what `boxwood bench --growth --json` measured into docs/growth";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let suites = match arguments.as_slice() {
        ["sim", options @ ..] => return sim::run(options),
        ["fuzz", options @ ..] => return fuzz::run(options),
        ["plots", arguments @ ..] => return plots::run(arguments),
        ["instructions", options @ ..] => return instructions::run(options),
        ["check"] => suite::checks(),
        ["test"] => suite::checks().into_iter().chain(suite::tests()).collect(),
        ["test", names @ ..] => match named(names) {
            Ok(suites) => suites,
            Err(name) => {
                let known: Vec<_> = suite::checks().iter().chain(&suite::tests()).map(|suite| suite.name).collect();
                eprintln!("there is no suite {name:?}; known are {}", known.join(", "));
                return ExitCode::from(2);
            }
        },
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    let ci = std::env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false");
    let results: Vec<_> = suites.iter().map(|suite| (suite.name, suite.run())).collect();
    println!("\n{:<14} result", "suite");
    let mut failed = 0;
    for (name, (outcome, time)) in &results {
        let text = match outcome {
            Outcome::Passed => "passed".into(),
            Outcome::Failed(why) => format!("FAILED: {why}"),
            Outcome::LeftOut(why) => format!("LEFT OUT: {why}"),
        };
        println!("{name:<14} {text} ({:.0} s)", time.as_secs_f64());
        failed += usize::from(matches!(outcome, Outcome::Failed(_)) || (ci && matches!(outcome, Outcome::LeftOut(_))));
    }
    println!("\n{} passed, {failed} failed", results.len() - failed);
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn named<'a>(names: &[&'a str]) -> Result<Vec<Suite>, &'a str> {
    let mut known: Vec<Suite> = suite::checks().into_iter().chain(suite::tests()).collect();
    if let Some(unknown) = names.iter().find(|name| !known.iter().any(|suite| suite.name == **name)) {
        return Err(unknown);
    }
    known.retain(|suite| names.contains(&suite.name));
    Ok(known)
}
