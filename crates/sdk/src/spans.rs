//! The spans that the SDK opens itself (O-10 to O-13). Without telemetry they cost next to nothing.
//!
//! What stands in a trace is made here with the means of `tracing` alone; the `telemetry` feature adds what `tracing`
//! does not know: which span of another process a span is below, and when it ends.

use std::future::Future;

use tracing::{Instrument as _, Span};

use crate::trace_parent::TraceParent;
use crate::{Error, TaskId, TaskIdentifier};

/// The target of what is opened and told here, which is no log.
#[cfg(feature = "telemetry")]
pub(crate) const TARGET: &str = module_path!();
/// What the span of a task is called within the process.
#[cfg(feature = "telemetry")]
pub(crate) const TASK: &str = "task";
/// The event that tells why a task failed.
#[cfg(feature = "telemetry")]
pub(crate) const EXCEPTION: &str = "exception";
/// The status of the span of a task that failed (O-12).
#[cfg(feature = "telemetry")]
pub(crate) const FAILED: &str = "Task failed with exception";

/// Sends a submission in a span `job/<name>`, with its position in the trace, which becomes the trace parent of the job
/// (O-10). A job submitted within another span belongs to the trace of that span.
pub(crate) async fn submit<T, F: Future<Output = Result<T, Error>>>(
    name: &str,
    send: impl FnOnce(TraceParent) -> F,
) -> Result<T, Error> {
    let span = tracing::info_span!(
        "job",
        otel.name = %format_args!("job/{name}"),
        otel.status_code = tracing::field::Empty,
        otel.status_message = tracing::field::Empty,
    );
    let position = position(&span).unwrap_or_else(TraceParent::random);
    told(span, send(position)).await
}

/// Retries a job in a span `retry_job` of its trace; `send` tells how many tasks were queued again (O-13).
pub(crate) async fn retry(trace_parent: &str, send: impl Future<Output = Result<u64, Error>>) -> Result<u64, Error> {
    let span = tracing::info_span!(
        parent: None,
        "retry_job",
        otel.status_code = tracing::field::Empty,
        otel.status_message = tracing::field::Empty,
    );
    adopt(&span, trace_parent);
    let send = async {
        let count = send.await?;
        tracing::debug!(name: "retried_succeeded", num_tasks_rescheduled = count, "failed tasks were queued again");
        Ok(count)
    };
    told(span, send).await
}

/// Cancels a job in a span `cancel_job` of its trace (O-13).
pub(crate) async fn cancel(trace_parent: &str, send: impl Future<Output = Result<(), Error>>) -> Result<(), Error> {
    let span = tracing::info_span!(
        parent: None,
        "cancel_job",
        otel.status_code = tracing::field::Empty,
        otel.status_message = tracing::field::Empty,
    );
    adopt(&span, trace_parent);
    let send = async {
        send.await?;
        tracing::debug!(name: "cancel_succeeded", "the job was canceled");
        Ok(())
    };
    told(span, send).await
}

/// Whether somebody wants to know of spans. If not, nothing needs to be asked for their sake.
pub(crate) fn are_wanted() -> bool {
    #[cfg(feature = "telemetry")]
    return crate::telemetry::is_active();
    #[cfg(not(feature = "telemetry"))]
    return false;
}

/// The span of one execution of a task: `task/<identifier name>`, below the job's trace parent (O-11).
pub(crate) fn task(identifier: &TaskIdentifier, task: TaskId, trace_parent: &str) -> Span {
    let span = tracing::info_span!(
        parent: None,
        "task",
        otel.name = %format_args!("task/{}", identifier.name()),
        task_id = %task,
        identifier.name = identifier.name(),
        identifier.version = %identifier.version(),
    );
    adopt(&span, trace_parent);
    span
}

/// Tells, within the span of a task, why it failed (O-12).
pub(crate) fn failed(kind: Option<&str>, message: &str, causes: Option<&str>) {
    tracing::event!(
        name: "exception",
        tracing::Level::ERROR,
        { "exception.type" = kind, "exception.message" = message, "exception.stacktrace" = causes },
        "failed"
    );
}

/// Ends a span now, even if something of the user's still holds it.
pub(crate) fn end(span: &Span) {
    #[cfg(feature = "telemetry")]
    crate::telemetry::end(span);
    #[cfg(not(feature = "telemetry"))]
    let _ = span;
}

/// Does something within a span, which an error becomes the status of.
async fn told<T>(span: Span, send: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let outcome = send.instrument(span.clone()).await;
    if let Err(error) = &outcome {
        span.record("otel.status_code", "ERROR");
        span.record("otel.status_message", tracing::field::display(error));
    }
    end(&span);
    outcome
}

/// The position of a span in its trace.
fn position(span: &Span) -> Option<TraceParent> {
    #[cfg(feature = "telemetry")]
    return crate::telemetry::position(span);
    #[cfg(not(feature = "telemetry"))]
    return {
        let _ = span;
        None
    };
}

/// Makes a span a child of one of another process, if `trace_parent` is well-formed.
fn adopt(span: &Span, trace_parent: &str) {
    #[cfg(feature = "telemetry")]
    if let Ok(parent) = trace_parent.parse() {
        crate::telemetry::adopt(span, parent);
    }
    #[cfg(not(feature = "telemetry"))]
    let _ = (span, trace_parent);
}
