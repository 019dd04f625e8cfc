//! `cargo xtask sim`: builds the simulation with optimisation and every check, and runs it.

use std::process::{Command, ExitCode};

use crate::suite::root;

/// Runs simulations with these options.
pub(crate) fn run(options: &[&str]) -> ExitCode {
    let build = ["run", "--profile", "sim", "-p", "boxwood-testkit", "--all-features", "--bin", "sim", "--"];
    let mut command = if options.contains(&"--postgres") {
        let mut command = Command::new("bash");
        command.args(["conformance/postgres/run.sh", "cargo"]);
        command
    } else {
        Command::new("cargo")
    };
    let status = command.args(build).args(options).current_dir(root()).status();
    match status {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(status) => ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)),
        Err(error) => {
            eprintln!("{command:?} cannot be started: {error}");
            ExitCode::FAILURE
        }
    }
}
