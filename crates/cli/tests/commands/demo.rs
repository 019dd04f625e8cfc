//! The demo.

use std::process::Stdio;

use tokio::io::{AsyncBufReadExt as _, BufReader};

use crate::here::{PATIENCE, program, run};

/// Without what differs between runs: ids, ports, times, and the blanks that align them.
fn steady(text: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    for line in text.lines() {
        for word in line.split_whitespace() {
            let number = word.parse::<f64>().is_ok();
            match word {
                "µs" | "ms" | "s" => {
                    words.pop();
                    words.push("<time>".into());
                }
                _ if word.starts_with("http://127.0.0.1:") => words.push("<url>".into()),
                _ if word.len() >= 36 && word.matches('-').count() == 4 && !number => words.push("<id>".into()),
                _ if word.ends_with("boxwood") => words.push("boxwood".into()),
                _ => words.push(word.into()),
            }
        }
        words.push("\n".into());
    }
    words.join(" ")
}

#[tokio::test]
async fn the_demo_says_the_same_each_time_and_leaves_nothing_behind() {
    let temporary = tempfile::tempdir().unwrap();
    let demo = async || {
        let mut command = program(&["demo"]);
        command.env("TMPDIR", temporary.path());
        run(command).await
    };
    let (one, two) = (demo().await, demo().await);
    assert_eq!((one.status, one.stderr.as_str()), (0, ""), "{}", one.stdout);
    assert_eq!(steady(&one.stdout), steady(&two.stdout));
    for part in ["split", "[failed once before]", "merge: 342 words", "8/8", "COMPLETED", "342 words", "demo --keep"] {
        assert!(one.stdout.contains(part), "{part} is missing: {}", one.stdout);
    }
    assert!(!one.stdout.contains('\x1b'), "colour is for terminals");
    assert!(one.stdout.lines().all(|line| line.chars().count() <= 80), "it fits 80 columns: {}", one.stdout);
    assert_eq!(std::fs::read_dir(temporary.path()).unwrap().count(), 0, "the data of the server is removed");
}

#[tokio::test]
async fn the_demo_as_json_is_its_job() {
    let job = run(program(&["demo", "--json"])).await.json();
    assert_eq!(job["state"], "completed");
    assert_eq!(job["execution_stats"]["tasks_by_state"]["computed"], 11);
    assert_eq!(job["task_summaries"].as_array().unwrap().len(), 11);
}

#[cfg(unix)]
#[tokio::test]
async fn a_demo_that_is_kept_executes_further_jobs_and_ends_when_told() {
    let temporary = tempfile::tempdir().unwrap();
    let mut command = program(&["demo", "--keep"]);
    let mut demo = command.env("TMPDIR", temporary.path()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(demo.stdout.take().unwrap()).lines();
    let read = async {
        let (mut url, mut again) = (None, None);
        while let Some(line) = lines.next_line().await.unwrap() {
            if let Some((_, rest)) = line.split_once("export BOXWOOD_URL=") {
                url = Some(rest.to_owned());
            } else if let Some((_, rest)) = line.split_once(" job submit ") {
                again = Some(format!("job submit {rest}"));
            } else if line.contains("Ctrl-C") {
                break;
            }
        }
        (url.expect("it says where the server is"), again.expect("it says how to run the job again"))
    };
    let (url, again) = tokio::time::timeout(PATIENCE, read).await.expect("it says what can be done");
    let mut again = program(&again.split_whitespace().collect::<Vec<_>>());
    again.env("BOXWOOD_URL", url);
    let again = run(again).await;
    assert_eq!(again.status, 0, "{}", again.stderr);

    let pid = demo.id().unwrap().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let ended = tokio::time::timeout(PATIENCE, demo.wait()).await.expect("it ends").unwrap();
    assert!(ended.success(), "{ended}");
    assert_eq!(std::fs::read_dir(temporary.path()).unwrap().count(), 0, "the data of the server is removed");
}
