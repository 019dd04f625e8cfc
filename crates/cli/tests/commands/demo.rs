//! The demo.

use std::process::Stdio;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};

use crate::here::{PATIENCE, program, run};

const LISTEN: [&str; 2] = ["--listen", "127.0.0.1:0"];

#[tokio::test]
async fn the_demo_ends_by_itself_where_nobody_watches_and_leaves_nothing_behind() {
    let temporary = tempfile::tempdir().unwrap();
    let mut command = program(&["demo", LISTEN[0], LISTEN[1]]);
    command.env("TMPDIR", temporary.path());
    let demo = run(command).await;
    assert_eq!((demo.status, demo.stderr.as_str()), (0, ""), "{}", demo.stdout);
    let parts = [
        "console   http://127.0.0.1:",
        "/workflows/jobs/",
        "cpu-1: process ",
        "Photo 0 of 0/0 … Photo 2 of 3/1  (24 tasks)",
        "[failed once before, on gpu]",
        "FAILED_OPTIONAL",
        "no answer: the map will have no names",
        "144/144",
        "COMPLETED: 259 tasks",
        "* wood 333",
        "FAILED     print the old map",
        "CANCELED   tides of a whole year",
        "SUBMITTED  survey in colours",
        "demo --keep",
    ];
    for part in parts {
        assert!(demo.stdout.contains(part), "{part} is missing: {}", demo.stdout);
    }
    assert!(!demo.stdout.contains('\x1b'), "colour is for terminals");
    let wide =
        demo.stdout.lines().filter(|line| !line.contains("/workflows/jobs/")).find(|line| line.chars().count() > 90);
    assert_eq!(wide, None, "it fits 90 columns");
    assert_eq!(std::fs::read_dir(temporary.path()).unwrap().count(), 0, "the data of the server is removed");
}

#[tokio::test]
async fn the_demo_as_json_is_its_main_job_with_a_retry_and_an_optional_failure_its_map_and_the_other_jobs() {
    let demo = run(program(&["demo", LISTEN[0], LISTEN[1], "--json"])).await.json();
    assert_eq!(demo["state"], "completed");
    let counts = serde_json::json!({ "computed": 257, "failed_optional": 1, "skipped": 1 });
    assert_eq!(demo["execution_stats"]["tasks_by_state"], counts);

    let tasks = demo["task_summaries"].as_array().unwrap();
    assert_eq!(tasks.len(), 259);
    let find = |meets: &dyn Fn(&Value) -> bool| -> Vec<&str> {
        tasks.iter().filter(|task| meets(task)).map(|task| task["display"].as_str().unwrap()).collect()
    };
    let retried = find(&|task| task["state"] == "computed" && task["retry_count"] != 0);
    assert_eq!(retried, ["Classify east: 72% land"]);
    let optional = find(&|task| task["state"] == "failed_optional");
    assert_eq!(optional, ["Ask the register names-of-places\nno answer: the map will have no names"]);
    assert_eq!(find(&|task| task["cluster_slug"] == "gpu").len(), 54);
    for bar in demo["progress"].as_array().unwrap() {
        assert_eq!(bar["done"], bar["total"], "{bar}");
    }

    let others: Vec<(&str, &str)> = demo["others"]
        .as_array()
        .unwrap()
        .iter()
        .map(|job| (job["name"].as_str().unwrap(), job["state"].as_str().unwrap()))
        .collect();
    let expected = [
        ("tides of the harbour", "completed"),
        ("tides of the lagoon", "completed"),
        ("print the old map", "failed"),
        ("tides of a whole year", "canceled"),
        ("survey in colours", "submitted"),
    ];
    assert_eq!(others, expected);
    assert_eq!(demo["map"]["rows"].as_array().unwrap().len(), 36);
    assert_eq!(demo["map"]["cells"]["wood"], 333);
}

#[cfg(unix)]
#[tokio::test]
async fn a_demo_that_is_kept_goes_on_with_its_jobs_and_ends_when_told() {
    let temporary = tempfile::tempdir().unwrap();
    let mut command = program(&["demo", LISTEN[0], LISTEN[1], "--keep"]);
    let mut demo = command.env("TMPDIR", temporary.path()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(demo.stdout.take().unwrap()).lines();
    let read = async {
        let mut url = None;
        while let Some(line) = lines.next_line().await.unwrap() {
            if let Some((_, rest)) = line.split_once("export BOXWOOD_URL=") {
                url = Some(rest.to_owned());
            } else if line.starts_with("Ctrl-C") {
                break;
            }
        }
        url.expect("it says where the server is")
    };
    let url = tokio::time::timeout(PATIENCE, read).await.expect("it says what can be done");
    let boxwood = async |arguments: &[&str]| {
        let mut command = program(arguments);
        command.env("BOXWOOD_URL", &url);
        run(command).await
    };

    let failed = boxwood(&["job", "list", "--state", "failed", "--json"]).await.json();
    let job = failed["jobs"][0]["id"].as_str().unwrap();
    boxwood(&["job", "retry", job]).await.ok();
    assert_eq!(boxwood(&["job", "wait", job]).await.ok(), "COMPLETED\n", "the printer has paper again");

    // The last logs are a second on their way.
    let logs = async {
        loop {
            let logs = boxwood(&["job", "logs", job]).await.ok();
            if logs.contains("no paper") && logs.contains("bound") {
                return logs;
            }
        }
    };
    tokio::time::timeout(PATIENCE, logs).await.expect("the runners send their logs");

    let pid = demo.id().unwrap().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let ended = tokio::time::timeout(PATIENCE, demo.wait()).await.expect("it ends").unwrap();
    assert!(ended.success(), "{ended}");
    assert_eq!(std::fs::read_dir(temporary.path()).unwrap().count(), 0, "the data of the server is removed");
}
