//! The spans of all jobs (IN-20 to IN-22).

use super::*;
use boxwood_proto::boxwood::v1::{FoundSpans, InsightServiceClient, QuerySpansRequest, SpanOrder};
use boxwood_proto::buffa::EnumValue;
use boxwood_proto::buffa_types::google::protobuf::{Duration, Timestamp};
use boxwood_proto::opentelemetry::proto::trace::v1::Status;
use boxwood_proto::tilebox::v1::{Pagination, TimeInterval};

const SECOND: u64 = 1_000_000_000;

async fn query(world: &World, request: QuerySpansRequest) -> Result<FoundSpans, ConnectError> {
    let clients = world.grpc();
    let client = InsightServiceClient::new(clients.transport, clients.config);
    Ok(client.query_spans(request).await?.into_owned())
}

async fn found(world: &World, request: QuerySpansRequest) -> Vec<String> {
    names(&query(world, request).await.expect("answered").resource_spans)
}

/// A span that began `at` seconds after [`T`] and took `length` seconds.
fn took(at: u64, length: u64, name: &str) -> Span {
    Span { end_time_unix_nano: T + (at + length) * SECOND, ..span(T + at * SECOND, name) }
}

/// A server with spans of two tasks, the second of which failed, and of a step of the first.
async fn served() -> World {
    let world = World::new().await;
    let failed = Status { code: EnumValue::from(2), message: "it broke".into(), ..Default::default() };
    let sent =
        vec![took(0, 9, "task/First"), took(1, 4, "step"), Span { status: failed.into(), ..took(2, 5, "task/Second") }];
    send_spans(&world, sent).await;
    world
}

#[tokio::test]
async fn in_20_spans_of_all_jobs_come_newest_first_and_are_chosen() {
    let world = served().await;
    let every = QuerySpansRequest::default;
    assert_eq!(found(&world, every()).await, ["task/Second", "step", "task/First"]);
    assert_eq!(found(&world, QuerySpansRequest { tasks: true, ..every() }).await, ["task/Second", "task/First"]);
    assert_eq!(found(&world, QuerySpansRequest { errors: true, ..every() }).await, ["task/Second"]);
    let five_seconds = Duration { seconds: 5, ..Default::default() };
    let long = QuerySpansRequest { at_least: five_seconds.into(), ..every() };
    assert_eq!(found(&world, long).await, ["task/Second", "task/First"]);
    assert_eq!(found(&world, QuerySpansRequest { runner: "r".into(), ..every() }).await.len(), 3);
    assert_eq!(found(&world, QuerySpansRequest { runner: "another".into(), ..every() }).await.len(), 0);
    let start = Timestamp { seconds: i64::try_from(T / SECOND).expect("small") + 1, ..Default::default() };
    let later = TimeInterval { start_time: start.into(), ..Default::default() };
    let late = QuerySpansRequest { time_interval: later.into(), ..every() };
    assert_eq!(found(&world, late).await, ["task/Second", "step"]);
}

#[tokio::test]
async fn in_21_a_page_goes_on_behind_the_last_span_looked_at() {
    let world = served().await;
    let one = Pagination { limit: Some(1), ..Default::default() };
    let request = QuerySpansRequest { tasks: true, page: one.into(), ..Default::default() };
    let first = query(&world, request.clone()).await.expect("answered");
    assert_eq!((names(&first.resource_spans).as_slice(), first.looked_at), (&["task/Second".to_owned()][..], 1));
    let second = query(&world, QuerySpansRequest { page: first.next_page, ..request }).await.expect("answered");
    assert_eq!((names(&second.resource_spans).as_slice(), second.looked_at), (&["task/First".to_owned()][..], 2));
    assert!(!second.next_page.is_set());
}

#[tokio::test]
async fn in_22_the_slowest_are_one_page() {
    let world = served().await;
    let two = Pagination { limit: Some(2), ..Default::default() };
    let order = EnumValue::from(SpanOrder::SPAN_ORDER_SLOWEST as i32);
    let request = QuerySpansRequest { order, page: two.into(), ..Default::default() };
    let answer = query(&world, request).await.expect("answered");
    assert_eq!(names(&answer.resource_spans), ["task/First", "task/Second"]);
    assert_eq!((answer.looked_at, answer.next_page.is_set()), (3, false));
    let nonsense = QuerySpansRequest { order: EnumValue::from(7), ..Default::default() };
    assert!(query(&world, nonsense).await.is_err_and(|error| error.to_string().contains("order")));
}
