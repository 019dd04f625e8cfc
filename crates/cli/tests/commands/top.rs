//! A server at work, and which server it is.

use boxwood::RawTask;
use tokio::io::{AsyncBufReadExt as _, BufReader};

use crate::here::{Fail, fan, here, program, run};

#[tokio::test]
async fn top_prints_clusters_queues_and_jobs_with_what_they_wait_for() {
    let here = here().await;
    here.worked("done", fan(2)).await;
    here.worked("bad", Fail { depth: 0, text: "no".into() }).await;
    let nobody = || RawTask::new("nobody.Knows", "v1.2").unwrap();
    here.client.clusters().create("GPU").slug("gpu").await.unwrap();
    here.client.jobs().submit("waits", nobody()).cluster("gpu").await.unwrap();
    here.client.jobs().submit("waits too", nobody()).cluster("gpu").await.unwrap();
    let text = here.boxwood(&["top"]).await.ok();
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    assert!(lines[0].starts_with("boxwood 0.") && lines[0].contains(", SQLite, up "), "{text}");
    assert!(lines[1].starts_with("2 jobs, tasks 2 ready and 0 running, "), "{text}");
    let at = |word: &str| {
        lines.iter().position(|line| line.trim_start().starts_with(word)).unwrap_or_else(|| panic!("{text}"))
    };
    assert!(lines[at("gpu")].contains("no runners"), "{text}");
    let queue: Vec<&str> = lines[at("nobody.Knows")].split_whitespace().collect();
    assert_eq!(queue[..5], ["nobody.Knows", "v1.2", "2", "-", "-"], "{text}");
    assert!(at("gpu") < at("nobody.Knows") && at("nobody.Knows") < at("STATE"), "{text}");
    let job = lines[at("SUBMITTED")];
    assert!(job.ends_with("waits too") && job.contains("0%"), "{text}");
    assert!(lines[at("SUBMITTED") + 1].starts_with("  1 task: "), "{text}");
    assert!(!text.contains("done") && !text.contains("bad"), "jobs that ended are not at work: {text}");
}

#[tokio::test]
async fn top_as_json_is_a_value_for_each_look() {
    let here = here().await;
    let mut command = program(&["top", "--json", "--interval", "200ms", "--url", &here.server.url()]);
    command.stdout(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = async || -> serde_json::Value {
        let line = tokio::time::timeout(crate::here::PATIENCE, lines.next_line()).await.expect("in time");
        serde_json::from_str(&line.unwrap().expect("a line")).unwrap()
    };
    let first = next().await;
    assert_eq!((first["jobs"].as_array().unwrap().len(), first["tasks"]["ready"].as_u64()), (0, Some(0)));
    assert!(first["tasks"]["handed_out_per_second"].is_null(), "there is no earlier look");
    assert_eq!(next().await["tasks"]["handed_out_per_second"], 0.0);
    here.worked("fan", fan(20)).await;
    // The rate is that of the last half minute.
    let seen = async { while next().await["tasks"]["handed_out_per_second"] == 0.0 {} };
    tokio::time::timeout(crate::here::PATIENCE, seen).await.expect("22 tasks were handed out");
    child.kill().await.unwrap();
}

#[tokio::test]
async fn whoami_says_which_server_and_key_are_used_and_from_where() {
    let here = here().await;
    let mut command = program(&["whoami"]);
    command.env("BOXWOOD_URL", here.server.url()).env("TILEBOX_API_KEY", "secret");
    let ran = run(command).await;
    let text = ran.ok();
    assert!(text.starts_with(&format!("server    {} (from BOXWOOD_URL)\n", here.server.url())), "{text}");
    assert!(text.contains("api key   set (from TILEBOX_API_KEY)\n") && !text.contains("secret"), "{text}");
    assert!(text.contains("version   0.") && text.contains("database  SQLite\n"), "{text}");
    let json = run(program(&["whoami", "--json", "--url", &here.server.url(), "--api-key", "secret"])).await.json();
    assert_eq!((&json["url_source"], &json["api_key_source"]), (&"option".into(), &"option".into()));
    assert_eq!(json["version"], json["server_version"]);

    let away = run(program(&["whoami", "--json", "--url", "http://127.0.0.1:1"])).await;
    assert_eq!(away.status, 4);
    let json: serde_json::Value = serde_json::from_str(&away.stdout).unwrap();
    assert_eq!((&json["reachable"], &json["server_version"]), (&false.into(), &serde_json::Value::Null));
    assert!(away.stderr.contains("unreachable"), "{}", away.stderr);
}

#[tokio::test]
async fn docs_are_searched_without_a_server() {
    let text = run(program(&["docs", "search", "T-92"])).await.ok();
    assert!(text.starts_with("docs/behaviour.md:") && text.contains("**T-92.**"), "{text}");
    let none = run(program(&["docs", "search", "xyzzy"])).await;
    assert_eq!((none.status, none.stdout.as_str()), (0, ""));
    assert!(none.stderr.contains("no passage"), "{}", none.stderr);
    let json = run(program(&["docs", "search", "exit", "status", "--limit", "1", "--json"])).await.json();
    assert!(json["total"].as_u64().unwrap() > 1, "{json}");
    assert_eq!(json["results"].as_array().unwrap().len(), 1);
}
