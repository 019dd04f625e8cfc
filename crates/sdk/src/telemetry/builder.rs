//! The settings of telemetry.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use http::header::AUTHORIZATION;
use tracing::Subscriber;
use tracing_subscriber::Layer;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;

use super::address::Address;
use super::backend::{Backend, Target};
use super::encode::Signal;
use super::export::{Exporter, Route, Routes};
use super::layer::TelemetryLayer;
use super::queue::{Queue, Sink};
use super::record::{Log, Span};
use super::resource::{SERVICE_DEFAULT, resource};
use super::transport::Transport;
use super::{Telemetry, console, levels};
use crate::{Client, Error};

/// How long records wait for others before they are sent, unless a backend says otherwise (O-39).
const LOGS_INTERVAL: Duration = Duration::from_secs(1);
const SPANS_INTERVAL: Duration = Duration::from_secs(5);
/// How long the end of the process may be delayed unless told otherwise.
const FLUSH_WITHIN_DEFAULT: Duration = Duration::from_secs(3);

/// Settings of [`Telemetry`]; made by [`Telemetry::builder`].
#[derive(Debug, Clone)]
#[must_use = "nothing is set up until `init` or `layer` is called"]
pub struct TelemetryBuilder {
    client: Client,
    service: String,
    console: bool,
    console_levels: (&'static str, String),
    export_levels: (&'static str, String),
    backends: Vec<Backend>,
    flush_within: Duration,
}

impl TelemetryBuilder {
    pub(super) fn new(client: &Client) -> Self {
        Self {
            client: client.clone(),
            service: SERVICE_DEFAULT.to_owned(),
            console: true,
            console_levels: ("console_levels", String::new()),
            export_levels: ("export_levels", String::new()),
            backends: Vec::new(),
            flush_within: FLUSH_WITHIN_DEFAULT,
        }
    }

    /// Takes levels and backends from the environment, where it has them; see [the module](super).
    #[allow(clippy::wrong_self_convention, reason = "reads as `builder(..).from_env()`")]
    pub fn from_env(mut self) -> Self {
        let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        if let Some(levels) = variable("BOXWOOD_LOG") {
            self.console_levels = ("BOXWOOD_LOG", levels);
        }
        if let Some(levels) = variable("BOXWOOD_LOG_EXPORT") {
            self.export_levels = ("BOXWOOD_LOG_EXPORT", levels);
        } else if let Some(level) = variable("TILEBOX_LOG_LEVEL") {
            self.export_levels = ("TILEBOX_LOG_LEVEL", levels::of_python(&level));
        }
        self.backends.extend(Backend::from_env());
        self
    }

    /// What the process is called as a service (O-17); `boxwood-rust` unless set.
    pub fn service(mut self, name: impl Into<String>) -> Self {
        self.service = name.into();
        self
    }

    /// Whether [`init`](Self::init) also writes logs to standard error; true unless set.
    pub fn console(mut self, on: bool) -> Self {
        self.console = on;
        self
    }

    /// What the console shows: a level, or a list such as `info,my_program=debug,hyper=warn`. Without it, the program
    /// is shown from INFO up and dependencies that are at work in every program from WARN up.
    pub fn console_levels(mut self, levels: impl Into<String>) -> Self {
        self.console_levels = ("console_levels", levels.into());
        self
    }

    /// What is exported: written as for [`console_levels`](Self::console_levels). Without it, the program is exported
    /// from INFO up, and what the SDK says of itself from ERROR up (O-19).
    pub fn export_levels(mut self, levels: impl Into<String>) -> Self {
        self.export_levels = ("export_levels", levels.into());
        self
    }

    /// Sends the same telemetry to a further place (O-50). Can be called again to add more.
    pub fn backend(mut self, backend: Backend) -> Self {
        self.backends.push(backend);
        self
    }

    /// How long dropping [`Telemetry`] waits for what is left to be sent; 3 seconds unless set.
    pub fn flush_within(mut self, time: Duration) -> Self {
        self.flush_within = time;
        self
    }

    /// Sets telemetry up for the whole process: console, server and further backends.
    ///
    /// # Errors
    /// [`Error::Setting`] if levels or backends are malformed, or if a subscriber was set for this process before: then
    /// add [`layer`](Self::layer) to that one.
    pub fn init(self) -> Result<Telemetry, Error> {
        let console = match self.console {
            true => {
                Some(console::on_stderr().with_filter(levels::shown(self.console_levels.0, &self.console_levels.1)?))
            }
            false => None,
        };
        let (layer, telemetry) = self.layer()?;
        let subscriber = tracing_subscriber::registry().with(layer).with(console);
        tracing::subscriber::set_global_default(subscriber).map_err(|_| {
            let problem = "a subscriber is set already for this process; set up telemetry once and first, or add the \
                           layer of `boxwood::telemetry::layer(&client)` to the other subscriber";
            Error::setting("telemetry", problem)
        })?;
        Ok(telemetry)
    }

    /// A layer that exports to the server and to further backends, for a subscriber of your own; and what sends the
    /// rest when it is dropped. A subscriber should have one such layer.
    ///
    /// The layer chooses by itself what is exported. What a filter in front of all layers keeps back does not reach it:
    /// such a filter must let the target `boxwood` pass from INFO up, or tasks have no spans and their logs no
    /// `task_id`.
    ///
    /// # Errors
    /// [`Error::Setting`] if levels or backends are malformed.
    pub fn layer<S>(self) -> Result<(impl Layer<S> + Send + Sync + 'static, Telemetry), Error>
    where
        S: Subscriber + for<'s> LookupSpan<'s>,
    {
        let levels = levels::exported(self.export_levels.0, &self.export_levels.1)?;
        let mut sink = Sink::default();
        let mut routes = Routes::default();
        let server_logs = self.server_target(Log::PATH)?;
        let server_spans = self.server_target(Span::PATH)?;
        add(&mut sink.logs, &mut routes.logs, server_logs, LOGS_INTERVAL);
        add(&mut sink.spans, &mut routes.spans, server_spans, SPANS_INTERVAL);
        for backend in &self.backends {
            if let Some(target) = backend.logs_target(self.client.endpoint())? {
                add(&mut sink.logs, &mut routes.logs, target, LOGS_INTERVAL);
            }
            if let Some(target) = backend.spans_target(self.client.endpoint())? {
                add(&mut sink.spans, &mut routes.spans, target, SPANS_INTERVAL);
            }
        }
        let sink = Arc::new(sink);
        let exporter = Exporter::start(routes, resource(&self.service))?;
        let layer = TelemetryLayer::new(Arc::clone(&sink)).with_filter(levels);
        Ok((layer, Telemetry { sink, exporter, flush_within: self.flush_within }))
    }

    /// Where the server takes telemetry (O-1).
    fn server_target(&self, path: &'static str) -> Result<Target, Error> {
        let endpoint = self.client.endpoint();
        let mut headers = HeaderMap::new();
        if let Some(authorization) = endpoint.authorization() {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        let address = Address::of_server(endpoint, path)?;
        Ok(Target { url: endpoint.url().to_owned(), address, headers, interval: None })
    }
}

/// Adds a queue and its way out.
fn add<R: Signal>(queues: &mut Vec<Arc<Queue<R>>>, routes: &mut Vec<Route<R>>, target: Target, interval: Duration) {
    let queue = Arc::new(Queue::default());
    queues.push(Arc::clone(&queue));
    let Target { url, address, headers, interval: own } = target;
    let transport = Transport::new(address, headers);
    routes.push(Route { queue, transport, interval: own.unwrap_or(interval), url });
}
