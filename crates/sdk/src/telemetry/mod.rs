//! Logs and traces of jobs and tasks: to the server, to other backends, and to the terminal (feature `telemetry`, on by
//! default).
//!
//! One line sets it up for the whole process:
//!
//! ```no_run
//! # use boxwood::Client;
//! #[tokio::main]
//! async fn main() -> boxwood::Result {
//!     let client = Client::from_env()?;
//!     let _telemetry = boxwood::telemetry::init(&client)?;
//!     // Submit jobs, run a runner …
//!     Ok(())
//! }
//! ```
//!
//! Keep what it returns until the end of `main`: dropping it sends what is left.
//!
//! # What is sent
//!
//! Everything goes through [`tracing`], in the libraries that a task uses as well as in its own code.
//!
//! - Submitting a job opens a span `job/<job name>`, each execution of a task a span `task/<identifier name>` below
//!   it, in whatever process it happens (O-10, O-11). A task that fails says why (O-12). Spans of your own, for example
//!   by `#[tracing::instrument]`, are below the span of the task (O-14).
//! - Events become log records with their fields, with `task_id`, `trace_id` and `span_id` (O-15), and events of the
//!   span they happen in (O-16). An error given as `error = &error as &dyn std::error::Error` is told with its causes.
//! - Fields keep their types (O-38). As with other exporters for `tracing`, the fields `otel.name`, `otel.kind`,
//!   `otel.status_code` and `otel.status_message` of a span change the span instead of becoming attributes.
//! - Work that a task hands to threads or to tasks of tokio belongs to it as far as the span is carried along, with
//!   `.instrument(Span::current())` or `Span::current().in_scope(…)`.
//!
//! Log records are sent every second and spans every five, over one connection each, by a thread of their own. A task
//! never waits for them: what comes faster than it can be sent, or cannot be sent for ten seconds, is dropped, counted
//! in [`Telemetry::lost`] and told on the console.
//!
//! # What is shown
//!
//! The console writes to standard error: the time of day, the level, the task with the end of its id, the message, and
//! the fields; errors on lines of their own. It is in colour on a terminal, unless `NO_COLOR` is set. What could drive
//! the terminal is written out.
//!
//! # Environment
//!
//! | variable | meaning |
//! | --- | --- |
//! | `BOXWOOD_LOG` | what the console shows: a level, or a list such as `debug,hyper=info`; see below |
//! | `BOXWOOD_LOG_EXPORT` | what is exported, written the same way; else `TILEBOX_LOG_LEVEL`, a level of Python |
//! | `OTEL_…`, `AXIOM_…` | further backends: see [`Backend::from_env`] |
//!
//! Unless told otherwise, both take what the program says from INFO up, and of dependencies such as `hyper` only
//! warnings, also if the level of the program is lowered. What the SDK says of itself is exported from ERROR up.
//!
//! # With a subscriber of your own
//!
//! [`layer`] is for those who have one:
//!
//! ```no_run
//! # use boxwood::Client;
//! use tracing_subscriber::layer::SubscriberExt as _;
//! # fn example(client: Client) -> boxwood::Result {
//! let (layer, _telemetry) = boxwood::telemetry::layer(&client)?;
//! tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer))?;
//! # Ok(())
//! # }
//! ```

mod address;
mod backend;
mod builder;
mod clock;
mod console;
mod encode;
mod export;
mod fields;
mod interval;
mod layer;
mod levels;
mod queue;
mod record;
mod resource;
mod span;
mod transport;

use std::sync::Arc;
use std::time::Duration;

use tracing::{Span, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::registry::LookupSpan;

pub use backend::Backend;
pub use builder::TelemetryBuilder;

use self::export::Exporter;
use self::layer::TelemetryLayer;
use self::queue::Sink;
use self::span::SpanData;
use crate::trace_parent::TraceParent;
use crate::{Client, Error};

/// Sets telemetry up for the whole process, with the settings of the environment: logs on the console, and logs and
/// traces to the server of `client` and to the backends that the environment names. Other settings:
/// [`Telemetry::builder`].
///
/// # Errors
/// As [`TelemetryBuilder::init`].
pub fn init(client: &Client) -> Result<Telemetry, Error> {
    Telemetry::builder(client).from_env().init()
}

/// A layer for a subscriber of your own, with the settings of the environment, and what sends the rest when it is
/// dropped: see [`TelemetryBuilder::layer`].
///
/// # Errors
/// As [`TelemetryBuilder::layer`].
pub fn layer<S>(client: &Client) -> Result<(impl Layer<S> + Send + Sync + 'static, Telemetry), Error>
where
    S: Subscriber + for<'s> LookupSpan<'s>,
{
    Telemetry::builder(client).from_env().layer()
}

/// A layer that writes logs to standard error as [`init`] does, for a subscriber of your own. `levels` are those of
/// [`TelemetryBuilder::console_levels`].
///
/// # Errors
/// [`Error::Setting`] if `levels` are malformed.
pub fn console<S>(levels: &str) -> Result<impl Layer<S> + Send + Sync + 'static, Error>
where
    S: Subscriber + for<'s> LookupSpan<'s>,
{
    Ok(console::on_stderr().with_filter(levels::shown("console levels", levels)?))
}

/// The W3C trace context of the current span, such as `00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01`: what a
/// task sends along as header `traceparent` when it calls another service. None outside of spans that are exported.
pub fn trace_parent() -> Option<String> {
    position(&Span::current()).map(|position| position.to_string())
}

/// Telemetry that is set up. Keep it as long as the process works: dropping it sends what is left, within a few seconds
/// ([`TelemetryBuilder::flush_within`]), and ends the export. That blocks the thread meanwhile; in a runtime of a
/// single thread which has more to do, await [`flush`](Self::flush) first.
#[derive(Debug)]
#[must_use = "dropping it ends the export; keep it in a variable such as `_telemetry`, not in `_`"]
pub struct Telemetry {
    sink: Arc<Sink>,
    exporter: Exporter,
    flush_within: Duration,
}

impl Telemetry {
    /// Starts settings given in code.
    pub fn builder(client: &Client) -> TelemetryBuilder {
        TelemetryBuilder::new(client)
    }

    /// Returns when all that was logged, and all spans that ended, before this call are sent or given up. A backend
    /// that cannot be reached is waited for up to ten seconds.
    pub async fn flush(&self) {
        self.sink.flush().await;
    }

    /// How many log records and spans were not sent so far: dropped because too many waited, or given up because a
    /// backend did not take them.
    pub fn lost(&self) -> u64 {
        self.sink.lost()
    }
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        self.exporter.end(&self.sink, self.flush_within);
    }
}

/// Whether spans opened here are exported.
pub(crate) fn is_active() -> bool {
    tracing::dispatcher::get_default(|dispatch| dispatch.downcast_ref::<TelemetryLayer>().is_some())
}

/// The position of a span in its trace, if it is exported.
pub(crate) fn position(span: &Span) -> Option<TraceParent> {
    with(span, |data, _| data.context)
}

/// Makes a span a child of one of another process.
pub(crate) fn adopt(span: &Span, parent: TraceParent) {
    with(span, |data, _| data.adopt(parent));
}

/// Ends a span now.
pub(crate) fn end(span: &Span) {
    with(span, |data, sink| data.end().into_iter().for_each(|ended| sink.span(ended)));
}

fn with<R>(span: &Span, act: impl FnOnce(&mut SpanData, &Sink) -> R) -> Option<R> {
    span.with_subscriber(|(id, dispatch)| dispatch.downcast_ref::<TelemetryLayer>()?.with(dispatch, id, act)).flatten()
}
