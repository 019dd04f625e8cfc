//! What goes wrong says what to do, and has an exit status of its kind.

use crate::here::{here, program, run};

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
        (&["--json", "serve"], "job and cluster only"),
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
