//! Can a page of another server do anything with this one while there is no authentication (AU-8)? Asked for everything that
//! the console itself does, as its scripts say.

mod support;

use std::collections::BTreeSet;
use std::path::Path;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, ORIGIN};
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use support::{World, http1};

/// The scripts of the console: their names and texts.
fn scripts() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/console/assets");
    let files = std::fs::read_dir(folder).expect("the folder of the console").map(|file| file.expect("a file").path());
    let scripts = files.filter(|path| path.extension().is_some_and(|end| end == "js"));
    scripts
        .map(|path| {
            let name = path.file_name().and_then(|name| name.to_str()).expect("a name").to_owned();
            (name, std::fs::read_to_string(&path).expect("its text"))
        })
        .collect()
}

/// The paths of the calls that the scripts name: `"JobService/GetJob"`, and `ask("ExplainJob"` of the service beside.
fn calls() -> BTreeSet<String> {
    let mut calls = BTreeSet::new();
    for (_, text) in scripts() {
        let texts: Vec<&str> = text.split('"').collect();
        for (before, text) in texts.iter().zip(texts.iter().skip(1)) {
            let is_method = |(service, method): (&str, &str)| {
                service.ends_with("Service") && method.bytes().all(|letter| letter.is_ascii_alphabetic())
            };
            if text.split_once('/').is_some_and(is_method) {
                let package = if text.starts_with("InsightService/") { "boxwood" } else { "workflows" };
                calls.insert(format!("/{package}.v1.{text}"));
            } else if before.trim_end().ends_with("ask(") {
                calls.insert(format!("/boxwood.v1.InsightService/{text}"));
            }
        }
    }
    calls
}

/// The server's own address by another name, which is another origin.
const OTHER_NAME: &str = "localhost";

/// Where requests come from that are not this server's: `Host` and `Origin`, `-` for the server's own, none for none.
const FOREIGN: [(&str, &str); 6] = [
    ("-", "http://evil.example"),
    ("-", "null"),
    ("-", "http://127.0.0.1:1"),
    ("-", OTHER_NAME),
    ("evil.example", ""),
    ("evil.example", "http://evil.example"),
];

async fn send(world: &World, method: &Method, path: &str, (host, origin): (&str, &str)) -> Response<Bytes> {
    let own = world.host();
    let host = if host == "-" { own.clone() } else { host.to_owned() };
    let mut request = Request::builder().method(method).uri(path).header(HOST, host);
    if *method == Method::POST {
        request = request.header(CONTENT_TYPE, "application/json");
    }
    match origin {
        "" => {}
        "-" => request = request.header(ORIGIN, format!("http://{own}")),
        OTHER_NAME => request = request.header(ORIGIN, own.replace("127.0.0.1", "http://localhost")),
        other => request = request.header(ORIGIN, other),
    }
    http1(world, request.body(Full::from("{}")).expect("a request")).await
}

#[tokio::test]
async fn au_8_no_call_of_the_console_is_answered_to_a_page_of_another_origin() {
    let world = World::new().await;
    let calls = calls();
    for known in
        ["JobService/CancelJob", "JobService/SubmitJob", "JobService/CloneJob", "WorkflowsService/DeleteCluster"]
    {
        assert!(calls.contains(&format!("/workflows.v1.{known}")), "the calls are no longer found: {calls:?}");
    }
    assert!(calls.contains("/boxwood.v1.InsightService/ExplainJob") && calls.len() > 15, "{calls:?}");
    for call in &calls {
        for foreign in FOREIGN {
            let answer = send(&world, &Method::POST, call, foreign).await;
            assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{call} from {foreign:?}");
            let text = String::from_utf8_lossy(answer.body()).into_owned();
            assert!(text.contains("permission_denied"), "{call} from {foreign:?}: {text}");
        }
        // The same call of the console's own page is looked at.
        let own = send(&world, &Method::POST, call, ("-", "-")).await;
        assert!([StatusCode::OK, StatusCode::BAD_REQUEST].contains(&own.status()), "{call} exists: {own:?}");
    }
}

#[tokio::test]
async fn au_8_no_page_and_no_event_is_given_to_a_page_of_another_origin() {
    let world = World::new().await;
    let job = "/events/jobs/01a2165800ed74d79effde43aa8f07f3";
    for path in ["/", "/workflows/jobs", "/console/app.js", "/events/jobs", job, "/metrics", "/healthz"] {
        for foreign in FOREIGN {
            let answer = send(&world, &Method::GET, path, foreign).await;
            assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{path} from {foreign:?}");
            let headers = answer.headers();
            assert!(!headers.contains_key("access-control-allow-origin"), "{path}: no other origin may read");
        }
    }
}

#[tokio::test]
async fn au_8_a_page_of_another_origin_is_not_told_that_it_may_call() {
    let world = World::new().await;
    for call in calls() {
        let answer = send(&world, &Method::OPTIONS, &call, ("-", "http://evil.example")).await;
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{call}");
        assert!(!answer.headers().contains_key("access-control-allow-origin"), "{call}");
    }
}

#[test]
fn ui_18_what_is_sent_is_in_bodies_and_never_in_addresses() {
    let scripts = scripts();
    let with = |word: &str| -> BTreeSet<&str> {
        scripts.iter().filter(|(_, text)| text.contains(word)).map(|(name, _)| name.as_str()).collect()
    };
    // One place calls, one place listens; both with nothing but the name of a method or the id of a job in the address.
    // And one looks whether the server is there.
    assert_eq!(with("fetch("), BTreeSet::from(["api.js", "reach.js"]));
    assert_eq!(with("new EventSource("), BTreeSet::from(["live.js"]));
    for word in ["XMLHttpRequest", "sendBeacon", "WebSocket", "document.cookie", "authorization"] {
        assert_eq!(with(word), BTreeSet::new(), "{word}");
    }
    let text = |name: &str| &scripts.iter().find(|(file, _)| file == name).expect("a script").1;
    assert!(text("api.js").contains("fetch(`/${name}.${method}`, {\n      method: \"POST\","));
    assert!(text("reach.js").contains("fetch(\"/healthz\", "));
    assert!(text("live.js").contains("new EventSource(job ? `/events/jobs/${job}` : \"/events/jobs\")"));
}
