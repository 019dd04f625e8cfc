//! Other places than the server that telemetry is sent to (O-50, O-51).

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};

use super::address::Address;
use super::encode::Signal;
use super::interval;
use super::record::{Log, Span};
use crate::{Error, client};

/// Where Axiom takes telemetry unless told otherwise.
const AXIOM_URL: &str = "https://api.axiom.co";
/// The header that names the dataset.
const AXIOM_DATASET: HeaderName = HeaderName::from_static("x-axiom-dataset");

/// A place that the same telemetry is sent to, in addition to the server: an OTLP backend, or Axiom (O-50).
///
/// ```
/// use boxwood::telemetry::Backend;
///
/// let collector = Backend::otlp().traces("http://localhost:4318").logs("http://localhost:4318");
/// ```
///
/// Addresses with `https` need the feature `tls` of this crate.
#[derive(Clone)]
#[must_use = "it is used when it is given to `TelemetryBuilder::backend`"]
pub struct Backend {
    traces: Option<Endpoint>,
    logs: Option<Endpoint>,
    headers: Vec<(String, String)>,
    interval: Option<Duration>,
    problem: Option<(&'static str, String)>,
}

/// An address, and the setting that it comes from.
#[derive(Clone)]
struct Endpoint {
    setting: &'static str,
    url: String,
    dataset: Option<String>,
}

/// Where one kind of records goes.
pub(super) struct Target {
    pub(super) url: String,
    pub(super) address: Address,
    pub(super) headers: HeaderMap,
    pub(super) interval: Option<Duration>,
}

impl Backend {
    /// Any backend that takes OTLP over HTTP; say with [`traces`](Self::traces) and [`logs`](Self::logs) where.
    pub fn otlp() -> Self {
        Self { traces: None, logs: None, headers: Vec::new(), interval: None, problem: None }
    }

    /// Axiom, with an API token and the datasets of spans and log records; what has no dataset is not sent.
    pub fn axiom(key: impl Into<String>, traces_dataset: Option<&str>, logs_dataset: Option<&str>) -> Self {
        let endpoint = |setting, dataset: Option<&str>| {
            dataset.map(|name| Endpoint { setting, url: AXIOM_URL.to_owned(), dataset: Some(name.to_owned()) })
        };
        Self {
            traces: endpoint("AXIOM_TRACES_DATASET", traces_dataset),
            logs: endpoint("AXIOM_LOGS_DATASET", logs_dataset),
            ..Self::otlp().header("authorization", format!("Bearer {}", key.into()))
        }
    }

    /// Sends spans to this address; `/v1/traces` is added unless it ends with it.
    pub fn traces(mut self, url: impl Into<String>) -> Self {
        let dataset = self.traces.and_then(|endpoint| endpoint.dataset);
        self.traces = Some(Endpoint { setting: "OTEL_TRACES_ENDPOINT", url: url.into(), dataset });
        self
    }

    /// Sends log records to this address; `/v1/logs` is added unless it ends with it.
    pub fn logs(mut self, url: impl Into<String>) -> Self {
        let dataset = self.logs.and_then(|endpoint| endpoint.dataset);
        self.logs = Some(Endpoint { setting: "OTEL_LOGS_ENDPOINT", url: url.into(), dataset });
        self
    }

    /// Sends a header with every request, for example a key.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// How long records wait for others; 1 second for log records and 5 for spans unless set.
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = Some(interval);
        self
    }

    /// The backends that the environment names (O-50), none if it names none. Empty variables count as absent.
    ///
    /// | variable | meaning |
    /// | --- | --- |
    /// | `OTEL_TRACES_ENDPOINT`, `OTEL_LOGS_ENDPOINT` | as [`traces`](Self::traces) and [`logs`](Self::logs) |
    /// | `OTEL_EXPORT_INTERVAL` | as [`interval`](Self::interval), for example `5s`, `2m` or `1m30s` |
    /// | `AXIOM_API_KEY`, `AXIOM_TRACES_DATASET`, `AXIOM_LOGS_DATASET` | as [`axiom`](Self::axiom) |
    /// | `AXIOM_URL` | another address of Axiom than `https://api.axiom.co`, for example of another region |
    ///
    /// What is wrong with them is an error of [`TelemetryBuilder::init`](super::TelemetryBuilder::init).
    pub fn from_env() -> Vec<Self> {
        Self::from_variables(|name| std::env::var(name).ok())
    }

    pub(super) fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Vec<Self> {
        let variable = |name| variable(name).filter(|value| !value.is_empty());
        let mut backends = Vec::new();
        let (traces, logs) = (variable("OTEL_TRACES_ENDPOINT"), variable("OTEL_LOGS_ENDPOINT"));
        if traces.is_some() || logs.is_some() {
            let backend = traces.into_iter().fold(Self::otlp(), Self::traces);
            backends.push(logs.into_iter().fold(backend, Self::logs));
        }
        let (traces, logs) = (variable("AXIOM_TRACES_DATASET"), variable("AXIOM_LOGS_DATASET"));
        if traces.is_some() || logs.is_some() {
            let key = variable("AXIOM_API_KEY");
            let mut backend = Self::axiom(key.as_deref().unwrap_or_default(), traces.as_deref(), logs.as_deref());
            if key.is_none() {
                backend.problem = Some(("AXIOM_API_KEY", "is missing, but an Axiom dataset is set".to_owned()));
            }
            if let Some(url) = variable("AXIOM_URL") {
                for endpoint in [&mut backend.traces, &mut backend.logs].into_iter().flatten() {
                    *endpoint = Endpoint { setting: "AXIOM_URL", url: url.clone(), dataset: endpoint.dataset.take() };
                }
            }
            backends.push(backend);
        }
        if let Some(text) = variable("OTEL_EXPORT_INTERVAL") {
            for backend in &mut backends {
                match interval::parse(&text) {
                    Some(interval) => backend.interval = Some(interval),
                    None => {
                        let problem = format!("{text:?} is no length of time; write for example 5s, 2m or 500ms");
                        backend.problem = Some(("OTEL_EXPORT_INTERVAL", problem));
                    }
                }
            }
        }
        backends
    }

    /// Where log records go.
    pub(super) fn logs_target(&self, server: &client::Endpoint) -> Result<Option<Target>, Error> {
        self.target(self.logs.as_ref(), Log::PATH, server)
    }

    /// Where spans go.
    pub(super) fn spans_target(&self, server: &client::Endpoint) -> Result<Option<Target>, Error> {
        self.target(self.traces.as_ref(), Span::PATH, server)
    }

    fn target(
        &self,
        endpoint: Option<&Endpoint>,
        path: &str,
        server: &client::Endpoint,
    ) -> Result<Option<Target>, Error> {
        if let Some((setting, problem)) = &self.problem {
            return Err(Error::setting(setting, problem.clone()));
        }
        let Some(Endpoint { setting, url, dataset }) = endpoint else { return Ok(None) };
        let address = Address::parse(setting, url, path, server)?;
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            headers.append(header_name(name)?, header_value(name, value)?);
        }
        if let Some(dataset) = dataset {
            headers.insert(AXIOM_DATASET, header_value(AXIOM_DATASET.as_str(), dataset)?);
        }
        Ok(Some(Target { url: url.clone(), address, headers, interval: self.interval }))
    }
}

fn header_name(name: &str) -> Result<HeaderName, Error> {
    let wrong = |_| Error::setting("telemetry", format!("{name:?} is no name of a header"));
    name.parse::<HeaderName>().map_err(wrong)
}

fn header_value(name: &str, value: &str) -> Result<HeaderValue, Error> {
    // The value may be a key: it is not told.
    let wrong = |_| Error::setting("telemetry", format!("the header {name} has characters that cannot be sent"));
    let mut value = value.parse::<HeaderValue>().map_err(wrong)?;
    value.set_sensitive(true);
    Ok(value)
}

impl std::fmt::Debug for Backend {
    /// Without headers, which may carry keys.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let url = |endpoint: &Option<Endpoint>| endpoint.as_ref().map(|endpoint| endpoint.url.clone());
        f.debug_struct("Backend")
            .field("traces", &url(&self.traces))
            .field("logs", &url(&self.logs))
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server() -> client::Endpoint {
        client::Endpoint::new("http://127.0.0.1:1", None, &Default::default(), Duration::ZERO).unwrap()
    }

    fn backends(variables: &[(&str, &str)]) -> Vec<Backend> {
        Backend::from_variables(|name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn o_50_the_environment_names_backends() {
        assert!(backends(&[("AXIOM_API_KEY", "k"), ("OTEL_TRACES_ENDPOINT", "")]).is_empty());

        let found = backends(&[("OTEL_LOGS_ENDPOINT", "http://collector:4318"), ("OTEL_EXPORT_INTERVAL", "2m")]);
        let [otlp] = found.as_slice() else { panic!("{found:?}") };
        assert!(otlp.spans_target(&server()).unwrap().is_none());
        let logs = otlp.logs_target(&server()).unwrap().unwrap();
        assert_eq!((logs.address.path.path(), logs.interval), ("/v1/logs", Some(Duration::from_secs(120))));

        let axiom = [
            ("AXIOM_API_KEY", "secret"),
            ("AXIOM_TRACES_DATASET", "spans"),
            ("AXIOM_LOGS_DATASET", "logs"),
            ("AXIOM_URL", "http://127.0.0.1:9"),
        ];
        let found = backends(&axiom);
        let [backend] = found.as_slice() else { panic!("{found:?}") };
        let traces = backend.spans_target(&server()).unwrap().unwrap();
        assert_eq!(traces.address.path.path(), "/v1/traces");
        assert_eq!(traces.headers["x-axiom-dataset"], "spans");
        assert_eq!(traces.headers["authorization"], "Bearer secret");
        assert_eq!(backend.logs_target(&server()).unwrap().unwrap().headers["x-axiom-dataset"], "logs");
        assert!(!format!("{backend:?}").contains("secret"));
    }

    #[test]
    fn o_50_what_is_wrong_with_the_environment_is_told() {
        for (variables, part) in [
            (vec![("AXIOM_LOGS_DATASET", "logs")], "AXIOM_API_KEY: is missing"),
            (
                vec![("OTEL_LOGS_ENDPOINT", "http://c"), ("OTEL_EXPORT_INTERVAL", "soon")],
                "OTEL_EXPORT_INTERVAL: \"soon\"",
            ),
            (vec![("OTEL_LOGS_ENDPOINT", "c:4318")], "OTEL_LOGS_ENDPOINT: \"c:4318\""),
            (
                vec![("AXIOM_LOGS_DATASET", "logs"), ("AXIOM_API_KEY", "a\nb"), ("AXIOM_URL", "http://a")],
                "authorization",
            ),
        ] {
            let found = backends(&variables);
            let error = found[0].logs_target(&server()).map(|_| ()).unwrap_err().to_string();
            assert!(error.contains(part) && !error.contains("a\nb"), "{error}");
        }
    }
}
