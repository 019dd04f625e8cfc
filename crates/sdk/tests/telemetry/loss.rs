//! Backends that are slow, busy, away or not what they seem, and the end of the process.

use std::time::Duration;

use axum::http::StatusCode;
use boxwood::Client;
use boxwood::telemetry::Telemetry;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::collector::Collector;

/// Telemetry to a collector instead of a server, with nothing but `count` log records in it.
fn with_logs(collector_url: &str, count: usize, flush_within: Duration) -> Telemetry {
    let client = Client::builder().url(collector_url).build().unwrap();
    let (layer, telemetry) = Telemetry::builder(&client).flush_within(flush_within).layer().unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        (0..count).for_each(|number| tracing::info!(number, "a record"));
    });
    telemetry
}

const LONG: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_busy_backend_is_asked_again() {
    let collector = Collector::answering(|index| match index {
        0 => Some(StatusCode::SERVICE_UNAVAILABLE),
        1 => Some(StatusCode::TOO_MANY_REQUESTS),
        _ => Some(StatusCode::OK),
    });
    let telemetry = with_logs(&collector.url, 3, LONG);
    telemetry.flush().await;
    let received = collector.requests();
    assert_eq!(received.len(), 3);
    assert!(received.iter().all(|request| request.message == received[0].message && request.logs().len() == 3));
    assert_eq!(telemetry.lost(), 0);
}

#[tokio::test]
async fn what_a_backend_refuses_is_given_up() {
    let collector = Collector::answering(|_| Some(StatusCode::UNAUTHORIZED));
    let telemetry = with_logs(&collector.url, 3, LONG);
    telemetry.flush().await;
    assert_eq!((collector.requests().len(), telemetry.lost()), (1, 3));
}

#[tokio::test]
async fn a_backend_that_comes_back_gets_what_waited() {
    // A port that nobody else gets, and at which nobody listens yet.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let telemetry = with_logs(&format!("http://{}", socket.local_addr().unwrap()), 1, LONG);
    let comes_back = async {
        let listener = socket.listen(16).unwrap().into_std().unwrap();
        Collector::listening(listener, |_| Some(StatusCode::OK))
    };
    let ((), back) = tokio::join!(telemetry.flush(), comes_back);
    assert_eq!((back.requests().len(), telemetry.lost()), (1, 0));
}

#[tokio::test]
async fn under_overload_records_are_dropped_and_counted() {
    let collector = Collector::answering(|_| None);
    let client = Client::builder().url(&collector.url).build().unwrap();
    let (layer, telemetry) = Telemetry::builder(&client).flush_within(Duration::ZERO).layer().unwrap();
    let records = 50_000;
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        // It returns although nothing is ever taken: nobody waits for the backend.
        (0..records).for_each(|number| tracing::info!(number, "a record"));
    });
    let sent = collector.until(|requests| !requests.is_empty())[0].logs().len() as u64;
    let lost = telemetry.lost();
    assert!(lost > 0 && lost < records - sent, "{lost} of {records} were dropped, {sent} are on their way");
    // Its end does not wait for the answer.
    drop(telemetry);
}

#[tokio::test]
async fn what_is_left_is_sent_at_the_end() {
    let collector = Collector::start();
    drop(with_logs(&collector.url, 5_000, LONG));
    let records: usize = collector.requests().iter().map(|request| request.logs().len()).sum();
    assert_eq!(records, 5_000);
}

#[tokio::test]
async fn the_end_does_not_wait_for_ever() {
    let collector = Collector::answering(|_| None);
    drop(with_logs(&collector.url, 1, Duration::from_millis(1)));
}

#[tokio::test]
async fn records_are_sent_without_being_asked_for() {
    let collector = Collector::start();
    let _telemetry = with_logs(&collector.url, 1, LONG);
    // After a second; 512 of them at once.
    let (collector, waited) = tokio::task::spawn_blocking(move || {
        let waited = collector.until(|requests| requests.len() == 1).len();
        (collector, waited)
    })
    .await
    .unwrap();
    assert_eq!(waited, 1);
    assert_eq!(collector.requests()[0].logs().len(), 1);
}
