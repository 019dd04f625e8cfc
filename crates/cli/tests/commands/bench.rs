//! Does `boxwood bench` measure every workload, and print what its documentation says? Not how fast: sizes are tiny.

use std::process::Command;

fn bench(arguments: &[&str]) -> serde_json::Value {
    let done = Command::new(env!("CARGO_BIN_EXE_boxwood"))
        .args(["bench", "--json", "--tasks", "50", "--connections", "2", "--in-flight", "2", "--noop-seconds", "0"])
        .args(arguments)
        .output()
        .expect("the program starts");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let figures = serde_json::from_slice(&done.stdout).expect("one JSON value");
    crate::shapes::bench_fits(&figures);
    figures
}

#[test]
fn every_workload_executes_its_tasks_and_says_what_it_measured() {
    let all = "flat,jobs,runner,tree,chain,latency,fan-in,mixed,telemetry,idle,backlog,pages";
    let figures = bench(&["--workload", all, "--queued", "300"]);
    assert_eq!((figures["connections"].as_u64(), figures["in_flight"].as_u64()), (Some(2), Some(2)));
    for rate in ["noop_calls_per_second", "library_noop_calls_per_second"] {
        assert!(figures[rate].is_f64(), "{rate}");
    }
    let workloads = figures["workloads"].as_array().expect("a list");
    let tasks: Vec<_> = workloads
        .iter()
        .map(|figure| (figure["workload"].as_str().expect("a name"), figure["tasks"].as_u64().expect("a number")))
        .collect();
    let expected = [
        ("flat", 50),
        ("jobs", 64),
        ("runner", 50),
        ("tree", 63),
        ("chain", 2_000),
        ("latency", 500),
        ("fan-in", 510),
        ("mixed", 50),
        ("telemetry", 50),
        ("idle", 0),
        ("backlog", 300),
        ("pages", 96),
    ];
    assert_eq!(tasks, expected);
    let facts: Vec<Vec<&str>> = workloads
        .iter()
        .map(|figure| figure["facts"].as_object().expect("an object").keys().map(String::as_str).collect())
        .collect();
    assert_eq!(facts[6], ["release_max_us", "release_p50_us"]);
    let beside = ["get_job", "list_job_tasks", "query_job_logs", "query_jobs", "submit_job"];
    let mut expected: Vec<String> =
        beside.iter().flat_map(|call| [format!("{call}_p50_us"), format!("{call}_p99_us")]).collect();
    expected.extend(["jobs_submitted_per_second", "reads_per_second"].map(str::to_owned));
    expected.sort_unstable();
    assert_eq!(facts[7], expected);
    assert_eq!(facts[8], ["log_records_per_second", "spans_per_second"]);
    if cfg!(target_os = "linux") {
        assert_eq!(facts[9], ["core_share", "ready_ms", "resident_bytes"]);
        let used = ["core_percent_of_page", "core_percent_with_pages", "core_percent_without_pages"];
        assert_eq!(facts[11], [&used[..], &["pages", "reads_per_second_of_page"]].concat());
        assert_eq!(facts[10], ["queued_tasks", "ready_again_ms", "resident_again_bytes", "resident_bytes"]);
    }
}

#[test]
fn growth_has_a_point_for_every_size() {
    let figures = bench(&["--growth", "--growth-max", "4"]);
    assert_eq!(figures["workloads"].as_array().map(Vec::len), Some(0));
    let points: Vec<_> = figures["growth"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|point| (point["axis"].as_str().expect("a name"), point["size"].as_u64(), point["tasks"].as_u64()))
        .collect();
    let expected = [("jobs", 1, 50), ("runners", 1, 50), ("groups", 1, 50), ("groups", 4, 50)];
    assert_eq!(points, expected.map(|(axis, size, tasks)| (axis, Some(size), Some(tasks))));
}
