//! What is served beside the calls: health and metrics for whoever watches the server.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;

use crate::dispatch::Dispatch;
use crate::live::Live;
use crate::metrics::Calls;

/// What the pages tell about.
pub(crate) struct Facts {
    /// Counters of calls.
    pub(crate) calls: Arc<Calls>,
    /// Counters of tasks.
    pub(crate) dispatch: Arc<Dispatch>,
    /// Who listens to changes.
    pub(crate) live: Arc<Live>,
    /// Whether calls are served: true until the server stops.
    pub(crate) ready: AtomicBool,
}

/// The pages.
pub(crate) fn router(facts: Arc<Facts>) -> Router {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(readiness))
        .route("/metrics", get(metrics))
        .with_state(facts)
}

async fn readiness(State(facts): State<Arc<Facts>>) -> (StatusCode, &'static str) {
    if facts.ready.load(Ordering::Relaxed) {
        (StatusCode::OK, "ready\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "stopping\n")
    }
}

async fn metrics(State(facts): State<Arc<Facts>>) -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], facts.calls.text(&facts.dispatch, &facts.live))
}
