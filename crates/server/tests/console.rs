//! Is the console served as browsers need it, and can it do no more than it must?

mod support;

use std::path::Path;

use bytes::Bytes;
use http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HOST, IF_NONE_MATCH, LOCATION, ORIGIN};
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use support::{World, http1};

async fn get(world: &World, path: &str, headers: &[(http::HeaderName, &str)]) -> Response<Bytes> {
    ask(world, Method::GET, path, headers, "").await
}

async fn ask(
    world: &World,
    method: Method,
    path: &str,
    headers: &[(http::HeaderName, &str)],
    body: &'static str,
) -> Response<Bytes> {
    let mut request = Request::builder().method(method).uri(path).header(HOST, world.host());
    for (name, value) in headers {
        request = request.header(name, *value);
    }
    http1(world, request.body(Full::from(body)).expect("a request")).await
}

fn header(response: &Response<Bytes>, name: http::HeaderName) -> &str {
    response.headers().get(name).map(|value| value.to_str().expect("text")).unwrap_or_default()
}

/// The files of the console in the sources.
fn files() -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/console/assets");
    let files = std::fs::read_dir(folder).expect("the folder of the console");
    files
        .map(|file| {
            let file = file.expect("a file");
            let name = file.file_name().into_string().expect("a name");
            (name, std::fs::read(file.path()).expect("its content"))
        })
        .collect()
}

#[tokio::test]
async fn the_root_leads_to_the_jobs() {
    let world = World::new().await;
    for path in ["/", "/workflows", "/workflows/"] {
        let response = get(&world, path, &[]).await;
        assert_eq!(response.status(), StatusCode::TEMPORARY_REDIRECT, "{path}");
        assert_eq!(header(&response, LOCATION), "/workflows/jobs");
    }
}

#[tokio::test]
async fn v_32_every_address_of_the_console_answers_its_shell() {
    let world = World::new().await;
    let shell = get(&world, "/workflows/jobs", &[]).await;
    assert_eq!(shell.status(), StatusCode::OK);
    assert_eq!(header(&shell, CONTENT_TYPE), "text/html; charset=utf-8");
    for path in [
        "/workflows/jobs/0193f2a1-7b1c-7d10-8f3e-2f6f1b1a9c10?view=logs",
        "/workflows/jobs/new",
        "/workflows/clusters",
        "/workflows/logs?range=1h&level=error",
    ] {
        let response = get(&world, path, &[]).await;
        assert_eq!((response.status(), response.body()), (StatusCode::OK, shell.body()), "{path}");
    }
    // A call is no page, whatever its path begins with.
    let headers = [(CONTENT_TYPE, "application/json")];
    let call = ask(&world, Method::POST, "/workflows.v1.WorkflowsService/ListClusters", &headers, "{}").await;
    assert_eq!(header(&call, CONTENT_TYPE), "application/json");
}

#[tokio::test]
async fn every_file_is_part_of_the_binary_and_nothing_else_is_served() {
    let world = World::new().await;
    for (name, content) in files().into_iter().filter(|(name, _)| name != "index.html") {
        let response = get(&world, &format!("/console/{name}"), &[]).await;
        assert_eq!(response.status(), StatusCode::OK, "{name} is not in assets.rs");
        assert!(response.body() == &content, "{name} differs");
        let kind = header(&response, CONTENT_TYPE);
        let end = name.rsplit('.').next().expect("an ending");
        assert!(kind.contains(if end == "js" { "javascript" } else { end }), "{name} is sent as {kind}");
    }
    for name in ["nothing.js", "mod.rs", "assets.rs", "..%2fmod.rs", "index.html/", ""] {
        assert_eq!(get(&world, &format!("/console/{name}"), &[]).await.status(), StatusCode::NOT_FOUND, "{name}");
    }
}

#[tokio::test]
async fn a_page_may_load_and_ask_only_this_server() {
    let world = World::new().await;
    for path in ["/workflows/jobs", "/console/app.js", "/console/style.css", "/console/icon.svg"] {
        let response = get(&world, path, &[]).await;
        let policy = header(&response, CONTENT_SECURITY_POLICY);
        let rules: Vec<_> = policy.split("; ").collect();
        for rule in
            ["default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "base-uri 'none'"]
        {
            assert!(rules.contains(&rule), "{path}: {policy}");
        }
        assert!(rules.contains(&"frame-ancestors 'none'") && rules.contains(&"form-action 'none'"), "{path}: {policy}");
        assert!(!policy.contains("unsafe") && !policy.contains('*'), "{path}: {policy}");
        assert_eq!(response.headers()["x-content-type-options"], "nosniff", "{path}");
        assert_eq!(response.headers()["referrer-policy"], "no-referrer", "{path}");
    }
}

#[test]
fn the_pages_have_no_script_of_their_own_and_never_read_text_as_html() {
    for (name, content) in files() {
        let text = String::from_utf8(content).expect("text");
        for way in
            ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "javascript:"]
        {
            assert!(!text.contains(way), "{name} uses {way}");
        }
        let places =
            text.split(['"', '\'', '`']).filter(|part| part.starts_with("http:") || part.starts_with("https:"));
        assert!(places.clone().all(|place| place.starts_with("http://www.w3.org/")), "{name} names {places:?}");
        if name == "index.html" {
            assert_eq!(text.matches("<script").count(), text.matches("<script src=").count() + 1, "a script inline");
            assert!(!text.contains(" style=") && !text.contains(" onload="), "inline code or style");
        }
    }
}

#[tokio::test]
async fn an_unchanged_file_is_not_sent_again() {
    let world = World::new().await;
    let first = get(&world, "/console/app.js", &[]).await;
    let tag = header(&first, ETAG).to_owned();
    assert!(tag.starts_with('"') && tag.ends_with('"'), "{tag}");
    for known in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}")] {
        let again = get(&world, "/console/app.js", &[(IF_NONE_MATCH, &known)]).await;
        assert_eq!((again.status(), again.body().len()), (StatusCode::NOT_MODIFIED, 0), "{known}");
        assert_eq!(header(&again, ETAG), tag);
    }
    let other = get(&world, "/console/jobs.js", &[(IF_NONE_MATCH, &tag)]).await;
    assert_eq!(other.status(), StatusCode::OK, "another file");
}

#[tokio::test]
async fn au_8_pages_of_other_origins_get_nothing() {
    let world = World::new().await;
    let foreign = get(&world, "/workflows/jobs", &[(ORIGIN, "http://evil.example")]).await;
    assert_eq!(foreign.status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn the_console_is_read_and_not_written_to() {
    let world = World::new().await;
    for path in ["/workflows/jobs", "/console/app.js"] {
        assert_eq!(ask(&world, Method::POST, path, &[], "").await.status(), StatusCode::METHOD_NOT_ALLOWED, "{path}");
        let head = ask(&world, Method::HEAD, path, &[], "").await;
        assert_eq!((head.status(), head.body().len()), (StatusCode::OK, 0), "{path}");
    }
}
