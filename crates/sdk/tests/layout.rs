//! The shape of the crate: what it pulls in, and what users may rely on beyond names and signatures.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::process::Command;

use boxwood::{
    Cancellation, Client, ClientBuilder, Cluster, ClusterClient, Error, ExecutionContext, InMemoryCache, Job, JobCache,
    JobClient, JobFilter, JobId, LocalFileCache, LogRecord, Pages, ProgressIndicator, QueryLogs, RawTask, RunSummary,
    Runner, RunnerBuilder, ShutdownHandle, Submission, SubmitJob, Subtask, Subtasks, TaskId, TaskIdentifier, TaskTree,
    Version, VisualizeJob, WaitForJob,
};

/// What belongs to the server, its database and the command, and is of no use to a program that runs tasks.
const NEVER: [&str; 14] = [
    "axum",
    "boxwood-cli",
    "boxwood-diagram",
    "boxwood-server",
    "boxwood-testkit",
    "clap",
    "deadpool-postgres",
    "libsqlite3-sys",
    "postgres-types",
    "rusqlite",
    "sqlx",
    "tokio-postgres",
    "connectrpc-health",
    "connectrpc-reflection",
];

/// What only runs in process need.
const FOR_TESTING: [&str; 2] = ["boxwood-engine", "boxwood-store"];

/// Crates of which two versions are compiled, and who insists. Not to be added to lightly.
const TWICE: [(&str, &str); 2] = [
    ("hashbrown", "buffa is on 0.15, indexmap (of h2) on 0.17"),
    ("syn", "tracing-attributes, which connectrpc turns on, is on 2, the other macros are on 3"),
];

/// The crates, each with its versions, that `boxwood` is compiled from.
fn tree(arguments: &[&str]) -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--locked", "--package", "boxwood", "--prefix", "none", "--format", "{p}"])
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut crates: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let mut words = line.split(' ');
        if let (Some(name), Some(version)) = (words.next(), words.next()) {
            crates.entry(name.to_owned()).or_default().insert(version.to_owned());
        }
    }
    // Not an empty list, and none of another package.
    assert!(crates.contains_key("boxwood") && crates.contains_key("boxwood-proto"), "{crates:?}");
    crates
}

/// The names of all features but `without`, separated by commas.
fn features_without(without: &str) -> String {
    let manifest = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).unwrap();
    let features = manifest.split("[features]").nth(1).unwrap().split("\n[").next().unwrap();
    let names: Vec<&str> = features
        .lines()
        .filter(|line| !line.starts_with(['#', ' ', ']']))
        .filter_map(|line| line.split_once('=').map(|(name, _)| name.trim()))
        .filter(|name| *name != without && *name != "default")
        .collect();
    assert!(names.contains(&"s3"), "{names:?}");
    names.join(",")
}

fn assert_absent(crates: &BTreeMap<String, BTreeSet<String>>, absent: &[&str], with: &str) {
    let found: Vec<&&str> = absent.iter().filter(|name| crates.contains_key(**name)).collect();
    assert!(
        found.is_empty(),
        "boxwood {with} depends on {found:?}; `cargo tree -p boxwood -i NAME` tells through whom"
    );
}

#[test]
fn users_compile_neither_server_nor_sql_nor_command_line() {
    let forbidden: Vec<&str> = NEVER.into_iter().chain(FOR_TESTING).collect();
    assert_absent(&tree(&["--edges", "no-dev"]), &forbidden, "by default");
    let features = features_without("testing");
    let crates = tree(&["--edges", "no-dev", "--no-default-features", "--features", &features]);
    assert_absent(&crates, &forbidden, "with all features but `testing`");
    assert_absent(&tree(&["--edges", "no-dev", "--all-features"]), &NEVER, "with all features");
}

#[test]
fn no_crate_is_compiled_in_two_versions_by_default() {
    let crates = tree(&["--edges", "normal"]);
    let twice: Vec<&str> =
        crates.iter().filter(|(_, versions)| versions.len() > 1).map(|(name, _)| name.as_str()).collect();
    assert_eq!(twice, TWICE.map(|(name, _)| name), "`cargo tree -p boxwood -e normal -d` tells through whom");
}

/// The Rust programs of the first page of the documentation, each with its lines.
fn programs() -> Vec<Vec<&'static str>> {
    let page = include_str!("../src/lib.rs").lines().map_while(|line| line.strip_prefix("//!"));
    let mut programs: Vec<Vec<&str>> = Vec::new();
    let mut inside = false;
    for line in page.map(|line| line.strip_prefix(' ').unwrap_or(line)) {
        match line {
            "```no_run" => {
                programs.push(Vec::new());
                inside = true;
            }
            "```" => inside = false,
            _ if inside => programs.last_mut().unwrap().push(line),
            _ => (),
        }
    }
    programs
}

#[test]
fn the_first_page_has_a_hello_of_20_lines_and_a_fan_out_with_fan_in_of_40() {
    let programs = programs();
    let lines: Vec<usize> = programs.iter().map(Vec::len).collect();
    assert!(matches!(lines[..], [..=20, ..=40]), "{lines:?}");
    let whole = |program: &[&str], part: &str| program.iter().any(|line| line.contains(part));
    assert!(whole(&programs[0], "async fn main()") && whole(&programs[0], "run_all()"));
    assert!(whole(&programs[1], "submit_subtasks(") && whole(&programs[1], "depends_on("));
    assert!(programs.concat().iter().all(|line| !line.starts_with('#') || line.starts_with("#[")), "hidden lines");
}

#[test]
fn the_first_page_lists_all_features() {
    let page = include_str!("../src/lib.rs");
    for feature in features_without("cloud").split(',') {
        assert!(page.contains(&format!("//! | `{feature}` |")), "`{feature}` is not in the table of features");
    }
}

fn shared<T: Send + Sync + Unpin>() {}
fn sent<T: Send + Unpin>() {}
fn unwound<T: UnwindSafe + RefUnwindSafe>() {}
fn future<F: Future + Send>(_: F) {}

/// Taking one of these away is a change that breaks programs, although no signature shows it.
#[test]
fn types_can_be_shared_and_sent() {
    shared::<Client>();
    shared::<ClientBuilder>();
    shared::<JobClient>();
    shared::<ClusterClient>();
    #[cfg(feature = "telemetry")]
    shared::<boxwood::telemetry::Telemetry>();
    #[cfg(feature = "telemetry")]
    shared::<boxwood::telemetry::TelemetryBuilder>();
    #[cfg(feature = "telemetry")]
    shared::<boxwood::telemetry::Backend>();
    shared::<Runner>();
    sent::<RunnerBuilder>();
    shared::<ShutdownHandle>();
    shared::<ExecutionContext>();
    shared::<Cancellation>();
    shared::<ProgressIndicator>();
    shared::<Subtask<'_>>();
    shared::<Subtasks<'_>>();
    shared::<JobCache>();
    shared::<InMemoryCache>();
    shared::<LocalFileCache>();
    shared::<Error>();
    #[cfg(feature = "telemetry")]
    shared::<boxwood::telemetry::Telemetry>();
    sent::<Pages<Job>>();
    sent::<WaitForJob>();
    shared::<SubmitJob>();
    shared::<VisualizeJob>();
    shared::<QueryLogs>();
    shared::<boxwood::QueryAllLogs>();
    shared::<boxwood::QuerySpans>();
    shared::<boxwood::CloneJob>();
    shared::<boxwood::ReadQueueStats>();

    // Data, also across a caught panic.
    shared::<Job>();
    unwound::<Job>();
    unwound::<JobId>();
    unwound::<TaskId>();
    unwound::<JobFilter>();
    unwound::<Cluster>();
    unwound::<LogRecord>();
    unwound::<boxwood::SpanRecord>();
    unwound::<boxwood::JobPrototype>();
    unwound::<boxwood::Cursor>();
    unwound::<TaskTree>();
    unwound::<RunSummary>();
    unwound::<RawTask>();
    unwound::<Submission>();
    unwound::<TaskIdentifier>();
    unwound::<Version>();
}

/// Programs spawn these.
#[test]
fn futures_can_be_sent() {
    #[allow(dead_code, reason = "that it compiles is the test")]
    async fn spawned(client: Client, runner: Runner, context: ExecutionContext, job: JobId, mut pages: Pages<Job>) {
        future(client.jobs().find(job));
        future(client.jobs().wait(job).into_future());
        future(client.jobs().retry(job));
        future(client.clusters().list());
        future(client.jobs().task_tree(job, 10));
        future(pages.next());
        future(pages.all());
        future(runner.run_all());
        future(runner.run_forever());
        future(Runner::builder(&client).build());
        let cache = context.job_cache();
        future(cache.get("key"));
        future(cache.set("key", "value"));
        future(cache.items());
    }
}
