//! Other places than the server (O-50, O-51), and what all of them are sent.

use boxwood::telemetry::{Backend, Telemetry};
use boxwood::{Client, Error};
use boxwood_proto::opentelemetry::proto::common::v1::any_value::Value;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::collector::{Collector, Received};

/// A span with a log in it.
fn something() {
    tracing::info_span!("something").in_scope(|| tracing::info!("happens"));
}

fn body(received: &Received) -> Option<Value> {
    received.logs()[0].body.value.clone()
}

#[tokio::test]
async fn o_2_the_server_is_told_the_key_and_sent_packed_messages() {
    let collector = Collector::start();
    let client = Client::builder().url(&collector.url).token("secret").build().unwrap();
    let (layer, telemetry) = Telemetry::builder(&client).service("mosaic").layer().unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), something);
    telemetry.flush().await;
    let mut received = collector.requests();
    received.sort_by(|a, b| a.path.cmp(&b.path));
    let [logs, traces] = received.as_slice() else { panic!("{received:#?}") };
    for (request, path) in [(logs, "/v1/logs"), (traces, "/v1/traces")] {
        assert_eq!(request.path, path);
        assert_eq!(request.headers["authorization"], "Bearer secret");
        assert_eq!(request.headers["content-type"], "application/x-protobuf");
        assert_eq!(request.headers["content-encoding"], "gzip");
    }
    assert_eq!(body(logs), Some(Value::StringValue("happens".to_owned())));
    assert_eq!(traces.spans()[0].name, "something");
    assert_eq!(telemetry.lost(), 0);
}

#[tokio::test]
async fn o_50_the_same_goes_to_an_otlp_backend_and_to_axiom() {
    let (server, otlp, axiom) = (Collector::start(), Collector::start(), Collector::start());
    let client = Client::builder().url(&server.url).build().unwrap();
    let builder = Telemetry::builder(&client)
        .backend(Backend::otlp().traces(format!("{}/base", otlp.url)).header("x-tenant", "7"))
        .backend(Backend::axiom("key", Some("spans"), Some("records")).traces(&axiom.url).logs(&axiom.url));
    let (layer, telemetry) = builder.layer().unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), something);
    telemetry.flush().await;
    assert_eq!(server.requests().len(), 2);

    let received = otlp.requests();
    let [traces] = received.as_slice() else { panic!("{received:#?}") };
    assert_eq!((traces.path.as_str(), traces.spans()[0].name.as_str()), ("/base/v1/traces", "something"));
    assert_eq!(traces.headers["x-tenant"], "7");
    assert!(!traces.headers.contains_key("authorization"));

    let mut received = axiom.requests();
    received.sort_by(|a, b| a.path.cmp(&b.path));
    let [logs, traces] = received.as_slice() else { panic!("{received:#?}") };
    for (request, path, dataset) in [(logs, "/v1/logs", "records"), (traces, "/v1/traces", "spans")] {
        assert_eq!(request.path, path);
        assert_eq!(request.headers["authorization"], "Bearer key");
        assert_eq!(request.headers["x-axiom-dataset"], dataset);
    }
    // The same records, not others of their own.
    assert_eq!(traces.spans()[0].span_id, otlp.requests()[0].spans()[0].span_id);
    assert_eq!(body(logs), Some(Value::StringValue("happens".to_owned())));
}

#[tokio::test]
async fn o_50_an_address_that_cannot_be_used_is_refused_at_once() {
    let client = Client::builder().build().unwrap();
    let builder = Telemetry::builder(&client).backend(Backend::otlp().logs("collector:4318"));
    let error = builder.layer::<tracing_subscriber::Registry>().map(|_| ()).unwrap_err();
    assert!(matches!(error, Error::Setting { setting: "OTEL_LOGS_ENDPOINT", .. }), "{error}");
}

#[tokio::test]
async fn a_service_that_is_called_can_go_on_with_the_trace() {
    let collector = Collector::start();
    let client = Client::builder().url(&collector.url).build().unwrap();
    let (layer, telemetry) = Telemetry::builder(&client).layer().unwrap();
    let _subscriber = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));
    assert_eq!(boxwood::telemetry::trace_parent(), None);
    let sent = tracing::info_span!("call").in_scope(|| boxwood::telemetry::trace_parent().unwrap());
    telemetry.flush().await;
    let span = &collector.requests()[0].spans()[0];
    let (trace, id) = crate::here::position(&sent);
    assert_eq!((crate::here::hex(&span.trace_id), crate::here::hex(&span.span_id)), (trace, id));
}
