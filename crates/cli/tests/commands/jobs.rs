//! Jobs from submission to end.

use boxwood::{JobFilter, JobState, RawTask};
use serde_json::json;

use crate::here::{Fail, Leaf, fan, here};

#[tokio::test]
async fn job_submit_prints_the_id_and_takes_the_input_as_it_is() {
    let here = here().await;
    let submit = ["job", "submit", "--name", "n", "--task", "acme.T", "--version", "v1.3", "--max-retries", "4"];
    let with = |more: &[&'static str]| submit.iter().copied().chain(more.iter().copied()).collect::<Vec<_>>();
    for (arguments, stdin, input) in [
        (with(&[]), "", ""),
        (with(&["--input", "{\"x\": 1}"]), "", "{\"x\": 1}"),
        (with(&["--input", "some text"]), "", "\"some text\""),
        (with(&["--input", "-5"]), "", "-5"),
        (with(&["--input-file", "-"]), "[1, 2]\n", "[1, 2]"),
        (with(&["--input-file", "-"]), "some text\n", "\"some text\""),
    ] {
        let id = here.boxwood_reading(&arguments, stdin.as_bytes()).await.ok();
        let job = here.boxwood(&["job", "get", id.trim(), "--json"]).await.json();
        assert_eq!((job["id"].as_str(), job["name"].as_str()), (Some(id.trim()), Some("n")));
        assert_eq!(job["state"], "submitted");
        let task = &job["task_summaries"][0];
        assert_eq!(task["input"], input, "{arguments:?}");
        assert_eq!((task["display"].as_str(), task["max_retries"].as_u64()), (Some("acme.T"), Some(4)));
    }
    let named = here.boxwood(&["job", "submit", "--task", "acme.T", "--json"]).await.json();
    assert_eq!(named["name"], "acme.T", "without a name the job is called as its task");
}

#[tokio::test]
async fn cli_4_a_job_as_json_has_the_documented_fields() {
    let here = here().await;
    let job = here.worked("fan", fan(2)).await;
    let json = here.boxwood(&["job", "get", &job.id.to_string(), "--json"]).await.json();
    assert_eq!(json["state"], "completed");
    assert_eq!(
        json["progress"],
        json!([{"label": "gather", "total": 0, "done": 1}, {"label": "leaves", "total": 2, "done": 2}])
    );
    let stats = &json["execution_stats"];
    assert_eq!((stats["total_tasks"].as_u64(), &stats["tasks_by_state"]), (Some(4), &json!({"computed": 4})));
    for key in ["compute_time_seconds", "elapsed_time_seconds", "parallelism"] {
        assert!(stats[key].is_f64(), "{key}: {stats}");
    }
    for key in ["first_task_started_at", "last_task_stopped_at"] {
        assert!(stats[key].as_str().is_some_and(|time| time.ends_with('Z')), "{key}: {stats}");
    }
    assert_eq!(json["task_summaries_truncated"], false);
    let tasks = json["task_summaries"].as_array().unwrap();
    let displays: Vec<&str> = tasks.iter().map(|task| task["display"].as_str().unwrap()).collect();
    assert_eq!(displays, ["fan out", "leaf 1", "leaf 2", "gather"], "parents come before their children");
    assert_eq!(tasks[0]["parent_id"], json!(null));
    assert_eq!((&tasks[1]["parent_id"], &tasks[1]["state"]), (&tasks[0]["id"], &json!("computed")));

    let listed = here.boxwood(&["job", "list", "--json"]).await.json();
    assert_eq!(listed["next_cursor"], "");
    assert_eq!(listed["jobs"][0]["execution_stats"], *stats);
    assert!(listed["jobs"][0].get("task_summaries").is_none(), "J-55");
}

#[tokio::test]
async fn cli_1_waiting_succeeds_only_for_a_completed_job() {
    let here = here().await;
    let good = here.worked("good", Leaf { text: "leaf".into() }).await.id.to_string();
    let ran = here.boxwood(&["job", "wait", &good]).await;
    assert_eq!((ran.status, ran.stdout.as_str()), (0, "COMPLETED\n"));
    assert!(ran.stderr.starts_with(&format!("job {good} is COMPLETED after ")), "{}", ran.stderr);

    let bad = here.worked("bad", Fail { depth: 1, text: "no such scene".into() }).await.id.to_string();
    let ran = here.boxwood(&["job", "wait", &bad]).await;
    assert_eq!((ran.status, ran.stdout.as_str()), (5, "FAILED\n"));
    assert!(ran.stderr.contains("FAILED fail below 0") && ran.stderr.contains("no such scene"), "{}", ran.stderr);
    assert!(ran.stderr.contains("boxwood job retry"), "{}", ran.stderr);
    let ran = here.boxwood(&["job", "wait", &bad, "--json"]).await;
    assert_eq!(ran.status, 5);
    assert_eq!(serde_json::from_str::<serde_json::Value>(&ran.stdout).unwrap()["state"], "failed");
}

#[tokio::test]
async fn cli_1_submit_and_wait_in_one() {
    let here = here().await;
    let arguments = ["job", "submit", "--task", "Leaf", "--input", r#"{"text":"leaf"}"#, "--wait"];
    let submitted = async {
        // Work once there is some.
        while here.client.jobs().query(JobFilter::new()).next().await.unwrap().is_none() {
            tokio::task::yield_now().await;
        }
        here.work().await;
    };
    let (ran, ()) = tokio::join!(here.boxwood(&arguments), submitted);
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    let id = ran.stdout.trim().parse::<boxwood::JobId>().expect("standard output is the id alone");
    assert!(ran.stderr.contains(&format!("job {id} is COMPLETED")), "{}", ran.stderr);
}

#[tokio::test]
async fn a_wait_for_a_job_that_stands_still_is_given_up() {
    let here = here().await;
    let arguments = ["job", "submit", "--task", "nobody.Knows", "--wait", "--stalled-timeout", "200ms"];
    let ran = here.boxwood(&arguments).await;
    assert_eq!(ran.status, 6, "{}", ran.stderr);
    let id = ran.stdout.trim();
    assert!(ran.stderr.contains(&format!("job {id} is SUBMITTED (1 task: 1 queued)\n")), "{}", ran.stderr);
    assert!(ran.stderr.contains("stands still") && ran.stderr.contains("200 ms"), "{}", ran.stderr);
}

#[tokio::test]
async fn j_60_to_j_75_retry_and_cancel_say_what_they_did() {
    let here = here().await;
    let failed = here.worked("bad", Fail { depth: 1, text: "no".into() }).await.id.to_string();
    let ran = here.boxwood(&["job", "retry", &failed]).await;
    assert_eq!((ran.status, ran.stdout.as_str()), (0, ""));
    assert!(ran.stderr.starts_with(&format!("1 failed task of job {failed} queued again")), "{}", ran.stderr);
    let again = here.boxwood(&["job", "retry", &failed]).await;
    assert!(again.stderr.contains("there is nothing to retry"), "J-67: {}", again.stderr);

    let waiting = here.client.jobs().submit("waits", RawTask::new("T", "v0.0").unwrap()).await.unwrap().id.to_string();
    let ran = here.boxwood(&["job", "cancel", &waiting]).await;
    assert_eq!(ran.stderr, format!("job {waiting} is CANCELED; `boxwood job retry` resumes it\n"));
    let again = here.boxwood(&["job", "cancel", &waiting]).await;
    assert_eq!((again.status, again.stderr), (0, format!("job {waiting} was CANCELED already\n")), "J-75");
    let ran = here.boxwood(&["job", "wait", &waiting]).await;
    assert_eq!((ran.status, ran.stdout.as_str()), (5, "CANCELED\n"));
    let json = here.boxwood(&["job", "retry", &waiting, "--json"]).await.json();
    // J-21, line 5: no task was ever started.
    assert_eq!(json, json!({"id": waiting, "state": "submitted", "num_tasks_rescheduled": 0}), "J-64");
    let json = here.boxwood(&["job", "cancel", &waiting, "--json"]).await.json();
    assert_eq!(json, json!({"id": waiting, "state": "canceled"}));
}

#[tokio::test]
async fn j_42_to_j_53_lists_are_filtered_sorted_and_paged() {
    let here = here().await;
    let mut ids = Vec::new();
    for number in 0..5 {
        let task = RawTask::new("T", "v0.0").unwrap();
        ids.push(here.client.jobs().submit(format!("mosaic {number}"), task).await.unwrap().id.to_string());
    }
    // Jobs of one millisecond are listed in the order of their ids.
    ids.sort();
    let done = here.worked("other", Leaf { text: "leaf".into() }).await;
    assert_eq!(done.state, JobState::Completed);
    let listed = async |arguments: &[&str]| -> (Vec<String>, String) {
        let arguments: Vec<&str> = ["job", "list", "--json"].iter().chain(arguments).copied().collect();
        let json = here.boxwood(&arguments).await.json();
        let jobs = json["jobs"].as_array().unwrap();
        let ids = jobs.iter().map(|job| job["id"].as_str().unwrap().to_owned()).collect();
        (ids, json["next_cursor"].as_str().unwrap().to_owned())
    };
    let newest_first: Vec<String> = ids.iter().rev().cloned().collect();

    assert_eq!(listed(&["--name", "MOSAIC"]).await, (newest_first.clone(), String::new()));
    assert_eq!(listed(&["--state", "completed,failed"]).await.0, [done.id.to_string()]);
    assert_eq!(listed(&["--task-state", "queued", "--sort", "asc"]).await.0, ids);
    assert_eq!(listed(&["--last", "1h"]).await.0.len(), 6);
    assert_eq!(listed(&["--before", "2020-01-01"]).await.0.len(), 0);
    let cluster = here.client.clusters().find("").await.unwrap().slug;
    assert_eq!(listed(&["--cluster", &cluster, "--after", "2020-01-01"]).await.0.len(), 6);

    for (sort, all) in [("desc", &newest_first), ("asc", &ids)] {
        // With times too, which must not be lost on later pages.
        let filter = ["--name", "mosaic", "--sort", sort, "--limit", "2", "--last", "1h", "--cursor"];
        let mut cursor = String::new();
        for expected in all.chunks(2) {
            let (page, next) = listed(&[&filter[..], &[&cursor]].concat()).await;
            assert_eq!(page, expected, "{sort}");
            cursor = next;
        }
        assert_eq!(cursor, "", "{sort}: the last page says so");
    }

    let ran = here.boxwood(&["job", "list", "--name", "mosaic", "--limit", "2"]).await;
    assert_eq!(ran.stderr, format!("there are more: add --cursor {}\n", newest_first[1]));
    let lines: Vec<Vec<&str>> = ran.stdout.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["ID", "STATE", "SUBMITTED", "DONE", "NAME"]);
    assert_eq!(
        (lines[1][0], lines[1][1], &lines[1][4..6]),
        (newest_first[0].as_str(), "SUBMITTED", &["0/1", "mosaic"][..])
    );
    let none = here.boxwood(&["job", "list", "--name", "nothing"]).await;
    assert_eq!((none.status, none.stdout.as_str(), none.stderr.as_str()), (0, "", "no jobs match\n"));
}

#[tokio::test]
async fn v_1_a_picture_goes_to_standard_output_or_a_file() {
    let here = here().await;
    let id = here.worked("picture & name", fan(2)).await.id.to_string();
    let svg = here.boxwood(&["job", "visualize", &id, "--title", "--theme", "dark", "--direction", "right"]).await.ok();
    assert!(svg.starts_with("<svg") || svg.starts_with("<?xml"), "{svg}");
    assert!(svg.contains("picture &amp; name") && svg.ends_with('\n'), "{svg}");
    let file = here.file("job.svg");
    let ran = here.boxwood(&["job", "visualize", &id, "--layout", "elk", "-o", &file]).await;
    assert_eq!((ran.stdout.as_str(), ran.stderr), ("", format!("wrote {file}\n")));
    assert!(std::fs::read_to_string(&file).unwrap().contains("leaf 2"));
    let json = here.boxwood(&["job", "visualize", &id, "--json"]).await.json();
    assert!(json["svg"].as_str().unwrap().contains("leaf 1"));

    let large = here.worked("large", fan(300)).await.id.to_string();
    let svg = here.boxwood(&["job", "visualize", &large]).await.ok();
    assert!(svg.contains("data-count=\"300\"") && svg.contains("leaf …"), "V-20: {svg}");
    let ran = here.boxwood(&["job", "visualize", &large, "--unfolded"]).await;
    assert_eq!(ran.status, 2, "V-16");
    assert!(ran.stderr.contains("200") && ran.stderr.contains("boxwood job get"), "{}", ran.stderr);
}

#[tokio::test]
async fn job_watch_prints_how_a_job_goes_and_ends_as_wait_does() {
    let here = here().await;
    let good = here.worked("good", fan(2)).await.id.to_string();
    let ran = here.boxwood(&["job", "watch", &good]).await;
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    let line = ran.stdout.lines().last().expect("a line");
    assert!(
        line.ends_with("Z COMPLETED 4 tasks: 4 computed") || line.contains("Z COMPLETED 4 tasks: 4 computed, "),
        "{line}"
    );
    let values = here.boxwood(&["job", "watch", &good, "--json"]).await.ok();
    let last: serde_json::Value = serde_json::from_str(values.lines().last().expect("a line")).expect("JSON");
    assert_eq!((last["id"].as_str(), last["state"].as_str()), (Some(good.as_str()), Some("completed")));

    let bad = here.worked("bad", Fail { depth: 0, text: "why".into() }).await.id.to_string();
    let ran = here.boxwood(&["job", "watch", &bad]).await;
    assert_eq!(ran.status, 5, "{}", ran.stderr);
    let unknown = here.boxwood(&["job", "watch", "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b"]).await;
    assert_eq!((unknown.status, unknown.stdout.as_str()), (3, ""));
}

#[tokio::test]
async fn job_tree_is_the_tree_of_job_get() {
    let here = here().await;
    let id = here.worked("fan", fan(3)).await.id.to_string();
    let whole = here.boxwood(&["job", "get", &id]).await.ok();
    let tree = here.boxwood(&["job", "tree", &id]).await.ok();
    assert_eq!(whole.split_once("\n\n").expect("a blank line before the tree").1, tree);
}
