//! The suites, each a few commands.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::{instructions, tidy};

/// What became of a suite.
pub(crate) enum Outcome {
    Passed,
    Failed(String),
    /// A tool it needs cannot be had here.
    LeftOut(String),
}

/// A named list of steps; the first that fails ends it.
pub(crate) struct Suite {
    pub(crate) name: &'static str,
    /// Programs it cannot do without.
    needs: &'static [&'static str],
    steps: Vec<Step>,
}

enum Step {
    Run(&'static [&'static str], &'static [(&'static str, &'static str)]),
    Tidy,
    /// Counts instructions.
    Instructions,
    /// Installs a cargo subcommand if it is not there.
    Install(&'static str, &'static str),
}

/// What needs no test: formatting, lints, documentation, licences, tidiness.
pub(crate) fn checks() -> Vec<Suite> {
    vec![
        Suite {
            name: "lint",
            needs: &[],
            steps: vec![
                Step::Run(&["cargo", "fmt", "--all", "--check"], &[]),
                Step::Run(
                    &["cargo", "clippy", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"],
                    &[],
                ),
                // What the features bring each other by being on together is not there when they are on alone.
                Step::Run(&["cargo", "check", "-p", "boxwood", "--no-default-features"], &[]),
                Step::Run(&["cargo", "check", "-p", "boxwood", "--no-default-features", "-F", "object-store"], &[]),
                Step::Tidy,
            ],
        },
        Suite {
            name: "doc",
            needs: &[],
            steps: vec![Step::Run(
                &["cargo", "doc", "--workspace", "--all-features", "--no-deps"],
                &[("RUSTDOCFLAGS", "-D warnings")],
            )],
        },
        Suite {
            name: "licences",
            needs: &[],
            steps: vec![
                Step::Install("cargo-deny", "0.20.2"),
                Step::Run(&["cargo", "deny", "check", "licenses", "bans", "sources"], &[]),
            ],
        },
    ]
}

/// The suites of tests.
pub(crate) fn tests() -> Vec<Suite> {
    vec![
        Suite {
            name: "rust",
            needs: &[],
            steps: vec![Step::Run(&["cargo", "test", "--workspace", "--all-features"], &[])],
        },
        Suite {
            name: "postgres",
            needs: &["initdb", "pg_ctl"],
            steps: vec![Step::Run(&["bash", "conformance/postgres/run.sh"], &[])],
        },
        Suite { name: "instructions", needs: &["valgrind"], steps: vec![Step::Instructions] },
        Suite {
            name: "python",
            needs: &["python3"],
            steps: vec![
                Step::Run(&["cargo", "build", "--release"], &[]),
                Step::Run(&["bash", "conformance/python/run.sh"], &[]),
            ],
        },
        Suite {
            name: "python-postgres",
            needs: &["initdb", "pg_ctl", "python3"],
            steps: vec![
                Step::Run(&["cargo", "build", "--release"], &[]),
                Step::Run(
                    &["bash", "conformance/postgres/run.sh", "bash", "conformance/python/run.sh", "test_restart.py"],
                    &[],
                ),
            ],
        },
        Suite {
            name: "go",
            needs: &["go", "python3"],
            steps: vec![
                Step::Run(&["cargo", "build", "--release"], &[]),
                Step::Run(&["bash", "conformance/go/run.sh"], &[]),
            ],
        },
        Suite {
            name: "console",
            needs: &["python3", "chromium"],
            steps: vec![
                Step::Run(&["cargo", "build", "--release"], &[]),
                Step::Run(&["bash", "conformance/console/run.sh"], &[]),
            ],
        },
        Suite {
            name: "mixed",
            needs: &["python3", "go", "node", "npm"],
            steps: vec![Step::Run(&["bash", "conformance/mixed/run.sh"], &[])],
        },
    ]
}

impl Suite {
    /// Runs the suite from the root of the repository.
    pub(crate) fn run(&self) -> (Outcome, Duration) {
        let start = Instant::now();
        println!("\n== {} ==", self.name);
        let missing: Vec<_> = self.needs.iter().filter(|program| !has(program)).copied().collect();
        let outcome = if missing.is_empty() {
            self.steps
                .iter()
                .map(Step::run)
                .find(|outcome| !matches!(outcome, Outcome::Passed))
                .unwrap_or(Outcome::Passed)
        } else {
            Outcome::LeftOut(format!("needs {}", missing.join(" and ")))
        };
        (outcome, start.elapsed())
    }
}

impl Step {
    fn run(&self) -> Outcome {
        match self {
            Self::Run(command, variables) => run(command, variables),
            Self::Tidy => match tidy::check(root()) {
                Ok(()) => Outcome::Passed,
                Err(findings) => {
                    findings.iter().for_each(|finding| println!("{finding}"));
                    Outcome::Failed(format!("{} findings of tidiness", findings.len()))
                }
            },
            Self::Instructions => instructions::suite(),
            Self::Install(program, version) if !has(program) => {
                match run(&["cargo", "install", "--locked", program, "--version", version], &[]) {
                    Outcome::Failed(_) => Outcome::LeftOut(format!("{program} cannot be installed")),
                    installed => installed,
                }
            }
            Self::Install(..) => Outcome::Passed,
        }
    }
}

/// The root of the repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("crates/xtask is two folders deep")
}

fn run(command: &[&str], variables: &[(&str, &str)]) -> Outcome {
    let text = command.join(" ");
    println!("$ {text}");
    let status = Command::new(command[0])
        .args(&command[1..])
        .envs(variables.iter().copied())
        .current_dir(root())
        .stdin(Stdio::null())
        .status();
    match status {
        Ok(status) if status.success() => Outcome::Passed,
        Ok(status) => Outcome::Failed(format!("{text}: {status}")),
        Err(error) => Outcome::Failed(format!("{text}: {error}")),
    }
}

/// Whether a program can be found.
pub(crate) fn has(program: &str) -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&paths).any(|folder| folder.join(program).is_file())
}
