//! What goes wrong says what to do, and has an exit status of its kind.

use crate::here::{Fail, here, program, run};

const UNKNOWN: &str = "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b";

#[tokio::test]
async fn no_server_is_status_4_and_says_how_to_start_one() {
    // The port was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("http://127.0.0.1:{port}");
    for arguments in [
        &["job", "list"][..],
        &["job", "get", UNKNOWN],
        &["job", "logs", UNKNOWN],
        &["job", "wait", UNKNOWN],
        &["cluster", "create", "x"],
    ] {
        let mut command = program(arguments);
        let ran = run({
            command.args(["--url", &url]);
            command
        })
        .await;
        assert_eq!(ran.status, 4, "{arguments:?}");
        let expected = format!(
            "error: no server answers at {url} (connection refused); start one with `boxwood serve` or name another with --url\n"
        );
        assert_eq!(ran.stderr, expected, "{arguments:?}");
        assert_eq!(ran.stdout, "", "{arguments:?}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_status_3_and_says_where_to_look() {
    let here = here().await;
    for arguments in [
        &["job", "get", UNKNOWN][..],
        &["job", "wait", UNKNOWN],
        &["job", "retry", UNKNOWN],
        &["job", "cancel", UNKNOWN],
        &["job", "logs", UNKNOWN],
        &["job", "visualize", UNKNOWN],
        &["job", "diagram", UNKNOWN],
        &["job", "tree", UNKNOWN],
        &["job", "watch", UNKNOWN],
        &["job", "spans", UNKNOWN],
    ] {
        let ran = here.boxwood(arguments).await;
        assert_eq!(ran.status, 3, "{arguments:?}: {}", ran.stderr);
        let expected = format!("error: there is no job {UNKNOWN}; `boxwood job list` shows those there are\n");
        assert_eq!(ran.stderr, expected, "{arguments:?}");
    }
    let ran = here.boxwood(&["job", "submit", "--task", "T", "--cluster", "nowhere"]).await;
    assert_eq!(ran.status, 3, "J-5");
    assert!(ran.stderr.contains("nowhere") && ran.stderr.contains("boxwood cluster list"), "{}", ran.stderr);
}

#[tokio::test]
async fn a_wrong_command_line_is_status_2_and_says_what_would_be_right() {
    let here = here().await;
    for (arguments, part) in [
        (&["job", "get", "0190a1b2"][..], "looks like 0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b"),
        (&["job", "get"], "<JOB>"),
        (&["job", "list", "--state", "done"], "submitted, running, started, completed, failed, canceled"),
        (&["job", "list", "--last", "soon"], "for example 7d"),
        (&["job", "list", "--after", "yesterday"], "2026-07-28"),
        (&["job", "list", "--after", "2026-07-28", "--before", "2026-07-27"], "swap them"),
        (&["job", "list", "--cursor", "x"], "next_cursor"),
        (&["job", "list", "--limit", "0"], "1..=100000"),
        (&["job", "submit", "--task", "T", "--version", "1.0"], "v1.3"),
        (&["job", "submit", "--task", ""], "1 to 256"),
        (&["job", "submit", "--task", "T", "--name", ""], "job_name"),
        (&["job", "submit", "--task", "T", "--stalled-timeout", "5m"], "--wait"),
        (&["job", "submit", "--task", "T", "--input-file", "/nowhere/at/all"], "/nowhere/at/all"),
        (&["job", "list", "--url", "ftp://127.0.0.1"], "https://host:port"),
        (&["serve", "--tls-cert", "cert.pem"], "--tls-key"),
        (&["--json", "serve"], "those that speak to a server"),
        (&["job", "fly"], "fly"),
    ] {
        let ran = here.boxwood(arguments).await;
        assert_eq!(ran.status, 2, "{arguments:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(part), "{arguments:?}: {}", ran.stderr);
        assert_eq!(ran.stdout, "", "{arguments:?}");
    }
    let long = "x".repeat(2049);
    let ran = here.boxwood(&["job", "submit", "--task", "T", "--input", &long]).await;
    assert_eq!(ran.status, 2, "T-31");
    assert!(ran.stderr.contains("2048"), "{}", ran.stderr);
}

#[tokio::test]
async fn options_stand_anywhere_and_the_command_line_wins_over_the_environment() {
    let here = here().await;
    let url = here.server.url();
    for arguments in [
        ["--url", &url, "--json", "job", "list"],
        ["job", "--url", &url, "--json", "list"],
        ["job", "list", "--url", &url, "--json"],
        ["job", "list", "--api-url", &url, "--json"],
        ["--json", "job", "list", "--url", &url],
    ] {
        let mut command = program(&arguments);
        command.env("BOXWOOD_URL", "http://127.0.0.1:1");
        let json = run(command).await.json();
        assert_eq!(json["jobs"], serde_json::json!([]), "{arguments:?}");
    }
    let mut command = program(&["cluster", "list", "--json"]);
    command.env("TILEBOX_API_URL", &url).env("BOXWOOD_URL", "");
    assert_eq!(run(command).await.json()["clusters"].as_array().unwrap().len(), 1);
}

#[cfg(unix)]
#[tokio::test]
async fn a_reader_that_has_enough_is_no_error() {
    let here = here().await;
    for number in 0..200 {
        here.client.jobs().submit(format!("job {number}"), boxwood::RawTask::new("T", "v0.0").unwrap()).await.unwrap();
    }
    let line = format!("{} job list --json --url {} | head -c 10", env!("CARGO_BIN_EXE_boxwood"), here.server.url());
    let mut command = tokio::process::Command::new("bash");
    command.args(["-c", &format!("set -o pipefail; {line}")]);
    let ran = run(command).await;
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""));
}

/// The one JSON value that says on standard error what went wrong.
fn told(ran: &crate::here::Ran) -> serde_json::Value {
    assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    let told: serde_json::Value = serde_json::from_str(&ran.stderr).unwrap();
    assert_eq!(told["exit_status"], ran.status);
    let keys: Vec<&String> = told.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["code", "exit_status", "message"]);
    told
}

#[tokio::test]
async fn cli_8_with_json_an_error_is_one_value_with_a_code_of_its_kind() {
    let here = here().await;
    here.boxwood(&["cluster", "create", "one", "--slug", "one"]).await.ok();
    let bad = here.worked("bad", Fail { depth: 0, text: "no".into() }).await.id.to_string();
    for (arguments, code, status, part) in [
        (&["--json", "job", "get", UNKNOWN][..], "not_found", 3, "boxwood job list"),
        (&["cluster", "get", "nowhere", "--json"], "not_found", 3, "boxwood cluster list"),
        (&["job", "get", "0190", "--json"], "usage", 2, "looks like"),
        (&["job", "list", "--json", "--state", "done"], "usage", 2, "submitted, running"),
        (&["job", "fly", "--json"], "usage", 2, "fly"),
        (&["job", "--json"], "usage", 2, "boxwood job"),
        (&["cluster", "create", "two", "--slug", "one", "--json"], "refused", 7, "one"),
        (&["job", "wait", &bad, "--json"], "not_completed", 5, "is FAILED"),
        (&["job", "watch", &bad, "--json"], "not_completed", 5, "is FAILED"),
        (
            &["job", "submit", "--task", "nobody.Knows", "--wait", "--stalled-timeout", "100ms", "--json"],
            "stalled",
            6,
            "stands still",
        ),
        (&["job", "list", "--json", "--url", "http://127.0.0.1:1"], "unreachable", 4, "boxwood serve"),
        (&["export", "--data-dir", "/nowhere/at/all", "--out", "/nowhere/x", "--json"], "failed", 1, "/nowhere"),
    ] {
        let ran = here.boxwood(arguments).await;
        assert_eq!(ran.status, status, "{arguments:?}: {}", ran.stderr);
        let told = told(&ran);
        assert_eq!(told["code"], code, "{arguments:?}: {told}");
        let message = told["message"].as_str().unwrap();
        assert!(message.contains(part) && !message.contains("Usage:"), "{arguments:?}: {message}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn cli_7_an_interrupted_wait_is_status_130_and_the_job_goes_on() {
    let here = here().await;
    let id = here.client.jobs().submit("waits", boxwood::RawTask::new("T", "v0.0").unwrap()).await.unwrap().id;
    for word in ["wait", "watch"] {
        let mut command = program(&["job", word, &id.to_string(), "--url", &here.server.url()]);
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
        let mut child = command.spawn().unwrap();
        // It listens for the signal before it says how the job is.
        let mut said = [0];
        if word == "wait" {
            tokio::io::AsyncReadExt::read_exact(child.stderr.as_mut().unwrap(), &mut said).await.unwrap();
        } else {
            tokio::io::AsyncReadExt::read_exact(child.stdout.as_mut().unwrap(), &mut said).await.unwrap();
        }
        let process = child.id().unwrap().to_string();
        assert!(std::process::Command::new("kill").args(["-INT", &process]).status().unwrap().success());
        let ended = tokio::time::timeout(crate::here::PATIENCE, child.wait_with_output()).await.expect("it ends");
        let ended = ended.unwrap();
        let stderr = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert_eq!(ended.status.code(), Some(130), "{stderr}");
        assert!(stderr.contains(&format!("interrupted; job {id} goes on")), "{stderr}");
    }
}

#[tokio::test]
async fn cli_9_log_lines_of_a_server_in_a_pipe_have_no_colour_codes() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data").display().to_string();
    let mut command = program(&["serve", "--listen", "127.0.0.1:0", "--data-dir", &data]);
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut said = [0];
    tokio::io::AsyncReadExt::read_exact(child.stdout.as_mut().unwrap(), &mut said).await.unwrap();
    let process = child.id().unwrap().to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &process]).status().unwrap().success());
    let ended = tokio::time::timeout(crate::here::PATIENCE, child.wait_with_output()).await.expect("it ends").unwrap();
    let log = String::from_utf8_lossy(&ended.stderr);
    assert!(log.contains("INFO") && !log.contains('\x1b'), "{log:?}");
}
