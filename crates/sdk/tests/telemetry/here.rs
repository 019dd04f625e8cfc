//! A server in this process, a client, and telemetry that holds for the thread of the test.

use std::time::Duration;

use boxwood::telemetry::{Telemetry, TelemetryBuilder};
use boxwood::{AttributeValue, Client, JobId, LogRecord, Runner, RunnerBuilder};
use boxwood_proto::buffa::{Enumeration as _, MessageField};
use boxwood_proto::connectrpc::client::{ClientConfig, Http2Connection};
use boxwood_proto::opentelemetry::proto::common::v1::any_value::Value;
use boxwood_proto::opentelemetry::proto::common::v1::{AnyValue, KeyValue};
use boxwood_proto::opentelemetry::proto::trace::v1::Span;
use boxwood_proto::tilebox::v1::ID;
use boxwood_proto::workflows::v1::{QueryJobSpansRequest, TelemetryQueryServiceClient};
use boxwood_server::{Config, Listen, Server};
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::layer::SubscriberExt as _;

/// How long records may take until they can be queried: 2 seconds (O-39), and some for a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Here {
    pub(crate) server: Server,
    pub(crate) client: Client,
    pub(crate) telemetry: Telemetry,
    pub(crate) folder: tempfile::TempDir,
    _subscriber: DefaultGuard,
}

/// A server on a free port.
pub(crate) async fn here() -> Here {
    here_at("127.0.0.1:0", |builder| builder).await
}

/// A server at an address (`{}` in it is a fresh folder), and telemetry with these settings.
pub(crate) async fn here_at(listen: &str, settings: impl FnOnce(TelemetryBuilder) -> TelemetryBuilder) -> Here {
    let folder = tempfile::tempdir().unwrap();
    let listen = listen.replace("{}", &folder.path().display().to_string());
    let server = Server::start(Config::new(listen.parse::<Listen>().unwrap(), folder.path().join("data")));
    let server = server.await.unwrap();
    let client = Client::builder().url(server.url()).build().unwrap();
    let (layer, telemetry) = settings(Telemetry::builder(&client)).layer().unwrap();
    let _subscriber = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));
    Here { server, client, telemetry, folder, _subscriber }
}

impl Here {
    pub(crate) fn runner(&self) -> RunnerBuilder {
        Runner::builder(&self.client).signals(false)
    }

    /// The log records of a job, as soon as there are `count`.
    pub(crate) async fn logs(&self, job: impl Into<JobId>, count: usize) -> Vec<LogRecord> {
        let job = job.into();
        let query = async || self.client.jobs().logs(job).pages().all().await.unwrap();
        self.when_complete(count, query).await
    }

    /// The spans of a job, as soon as there are `count`, as they are on the wire.
    pub(crate) async fn spans(&self, job: impl Into<JobId>, count: usize) -> Vec<Span> {
        let job = job.into();
        let uri: http::Uri = self.server.url().parse().unwrap();
        let connection = Http2Connection::builder().lazy_plaintext(uri.clone()).shared(16);
        let service = TelemetryQueryServiceClient::new(connection, ClientConfig::new(uri));
        let query = async || {
            let request = QueryJobSpansRequest {
                job_id: MessageField::some(ID { uuid: job.as_bytes().to_vec(), ..Default::default() }),
                ..Default::default()
            };
            let answer = service.query_job_spans(request).await.unwrap().into_owned();
            let one = |entry: boxwood_proto::opentelemetry::proto::trace::v1::ResourceSpans| {
                entry.scope_spans.into_iter().flat_map(|scope| scope.spans).collect::<Vec<_>>()
            };
            answer.resource_spans.into_iter().flat_map(one).collect()
        };
        self.when_complete(count, query).await
    }

    async fn when_complete<R: std::fmt::Debug>(&self, count: usize, query: impl AsyncFn() -> Vec<R>) -> Vec<R> {
        self.telemetry.flush().await;
        assert_eq!(self.telemetry.lost(), 0, "the server takes all of it");
        let start = std::time::Instant::now();
        loop {
            let found = query().await;
            if found.len() >= count || start.elapsed() > PATIENCE {
                assert_eq!(found.len(), count, "{found:#?}");
                return found;
            }
            tokio::task::yield_now().await;
        }
    }
}

/// The only span of that name.
pub(crate) fn named<'s>(spans: &'s [Span], name: &str) -> &'s Span {
    let found: Vec<_> = spans.iter().filter(|span| span.name == name).collect();
    assert_eq!(found.len(), 1, "{name} in {:?}", spans.iter().map(|span| &span.name).collect::<Vec<_>>());
    found[0]
}

/// Attributes of the wire, for people who compare them.
pub(crate) fn plain(attributes: &[KeyValue]) -> Vec<(String, AttributeValue)> {
    let value = |value: Option<&AnyValue>| match value.and_then(|value| value.value.clone()) {
        Some(Value::StringValue(text)) => AttributeValue::Text(text),
        Some(Value::BoolValue(value)) => AttributeValue::Bool(value),
        Some(Value::IntValue(number)) => AttributeValue::Integer(number),
        Some(Value::DoubleValue(number)) => AttributeValue::Double(number),
        other => panic!("not expected here: {other:?}"),
    };
    attributes.iter().map(|attribute| (attribute.key.clone(), value(attribute.value.as_option()))).collect()
}

pub(crate) fn text(text: &str) -> AttributeValue {
    AttributeValue::Text(text.to_owned())
}

/// The attribute `key` of `attributes` as text; empty if there is none.
pub(crate) fn attribute(attributes: &[(String, AttributeValue)], key: &str) -> String {
    attributes.iter().find(|(known, _)| known == key).map(|(_, value)| value.to_string()).unwrap_or_default()
}

/// Code and message of how a span ended.
pub(crate) fn status(span: &Span) -> (String, String) {
    let status = span.status.as_option().cloned().unwrap_or_default();
    let code = status.code.as_known().map(|code| code.proto_name().to_owned()).unwrap_or_default();
    (code, status.message)
}

/// Trace id and span id of a trace parent.
pub(crate) fn position(trace_parent: &str) -> (String, String) {
    let parts: Vec<&str> = trace_parent.split('-').collect();
    (parts[1].to_owned(), parts[2].to_owned())
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
