//! The console: a web interface in the binary (section 10).
//!
//! The server only hands out files that are part of the binary; what the console shows it asks for through the public
//! API (UI-16), and why something waits through a service beside it. All its addresses (V-32) answer the same shell, whose scripts find out what to show.

mod assets;

use std::sync::LazyLock;

use axum::Router;
use axum::extract::Path;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderName, HeaderValue, IF_NONE_MATCH,
    REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, StatusCode};
use sha2::{Digest as _, Sha256};

use assets::{ASSETS, SHELL};

/// Where the console begins.
const HOME: &str = "/workflows/jobs";
/// What the pages may do: load what this server hands out and ask this server, and nothing else. Pictures of jobs are
/// shown from memory (`blob:`).
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; \
                      connect-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'";

/// A file of the console.
struct Asset {
    /// Its name below `/console/`.
    name: &'static str,
    content: &'static [u8],
}

/// The digests of the files, in their order.
static TAGS: LazyLock<Vec<HeaderValue>> = LazyLock::new(|| ASSETS.iter().map(|asset| tag(asset.content)).collect());
static SHELL_TAG: LazyLock<HeaderValue> = LazyLock::new(|| tag(SHELL));

/// The pages of the console and what they consist of.
pub(crate) fn router() -> Router {
    Router::new()
        .route("/", get(async || Redirect::temporary(HOME)))
        .route("/workflows", get(async || Redirect::temporary(HOME)))
        .route("/workflows/", get(async || Redirect::temporary(HOME)))
        .route("/workflows/{*page}", get(shell))
        .route("/console/{name}", get(asset))
}

async fn shell(request: HeaderMap) -> Response {
    answer(&request, SHELL, "text/html; charset=utf-8", &SHELL_TAG)
}

async fn asset(Path(name): Path<String>, request: HeaderMap) -> Response {
    let found = ASSETS.iter().zip(TAGS.iter()).find(|(asset, _)| asset.name == name);
    let Some((asset, tag)) = found else {
        return (StatusCode::NOT_FOUND, [(CONTENT_TYPE, "text/plain")], "the console has no such file\n")
            .into_response();
    };
    answer(&request, asset.content, kind(asset.name), tag)
}

/// Hands out a file, or says that the browser has it already.
fn answer(request: &HeaderMap, content: &'static [u8], kind: &'static str, tag: &HeaderValue) -> Response {
    let known = request.get_all(IF_NONE_MATCH).iter().filter_map(|tags| tags.to_str().ok());
    let known = known.flat_map(|tags| tags.split(',')).any(|each| {
        let each = each.trim();
        each == "*" || each.strip_prefix("W/").unwrap_or(each).as_bytes() == tag.as_bytes()
    });
    let mut response = if known { StatusCode::NOT_MODIFIED.into_response() } else { content.into_response() };
    let headers = response.headers_mut();
    let mut set = |name: HeaderName, value: &'static str| headers.insert(name, HeaderValue::from_static(value));
    set(CONTENT_TYPE, kind);
    set(CONTENT_SECURITY_POLICY, POLICY);
    set(X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(REFERRER_POLICY, "no-referrer");
    set(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    set(HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    // The next version of the server has other files under the same names; asking whether they changed costs little.
    set(CACHE_CONTROL, "no-cache");
    headers.insert(ETAG, tag.clone());
    response
}

/// The content type of a file, by the end of its name.
fn kind(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, end)| end) {
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    }
}

fn tag(content: &[u8]) -> HeaderValue {
    let digits: String = Sha256::digest(content)[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    HeaderValue::try_from(format!("\"{digits}\"")).expect("hexadecimal digits in quotes are a header value")
}
