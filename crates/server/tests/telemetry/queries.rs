//! What the queries answer.

use super::*;
use boxwood_proto::buffa::{EnumValue, Inline, MessageField};
use boxwood_proto::buffa_types::google::protobuf::Timestamp;
use boxwood_proto::connectrpc::ErrorCode;
use boxwood_proto::opentelemetry::proto::common::v1::{ArrayValue, KeyValueList};
use boxwood_proto::opentelemetry::proto::trace::v1::Status;
use boxwood_proto::tilebox::v1::{Pagination, SortDirection, TimeInterval};
use boxwood_proto::workflows::v1::LogSeverityGroup as Group;

type Field<T> = MessageField<T, Inline<T>>;

fn limit(limit: i64) -> Field<Pagination> {
    Pagination { limit: Some(limit), ..Default::default() }.into()
}

fn levels(levels: &[i32]) -> Field<wire::LogQueryFilters> {
    let severity_levels = levels.iter().map(|level| EnumValue::from(*level)).collect();
    wire::LogQueryFilters { severity_levels, ..Default::default() }.into()
}

fn with_severity(number: i32, time: u64) -> LogRecord {
    LogRecord { severity_number: EnumValue::from(number), ..log(time, &number.to_string()) }
}

#[tokio::test]
async fn o_32_o_38_o_40_records_come_back_one_an_entry_and_as_they_were_sent() {
    let world = World::new().await;
    let (job, task) = job_with_task(&world).await;
    let value = |value| AnyValue { value: Some(value), ..Default::default() };
    let list = ArrayValue { values: vec![value(Value::BoolValue(false)), AnyValue::default()], ..Default::default() };
    let map = KeyValueList { values: vec![attribute("in", Value::IntValue(1))], ..Default::default() };
    let attributes = vec![
        text("task_id", uuid(&task)),
        text("text", "\u{fc}n\u{ef}code \u{2603}\u{0}"),
        text("empty", ""),
        attribute("yes", Value::BoolValue(true)),
        attribute("big", Value::IntValue(i64::MIN)),
        attribute("ratio", Value::DoubleValue(-0.5)),
        attribute("bytes", Value::BytesValue(vec![0, 255])),
        attribute("list", Value::ArrayValue(Box::new(list))),
        attribute("map", Value::KvlistValue(Box::new(map))),
        KeyValue { key: "nothing".into(), ..Default::default() },
        text("text", "again"),
    ];
    let full = LogRecord {
        trace_id: TRACE.to_vec(),
        span_id: vec![1; 8],
        observed_time_unix_nano: 9,
        flags: 3,
        dropped_attributes_count: 4,
        event_name: "event".into(),
        attributes,
        ..log(T, "full")
    };
    let plain = log_of(&task, T + 1, "plain");
    let scoped = |name: &str, records: &[&LogRecord]| ScopeLogs {
        scope: scope(name).into(),
        log_records: records.iter().map(|record| (*record).clone()).collect(),
        schema_url: format!("schema of {name}"),
        ..Default::default()
    };
    let entry = |name: &str, scope_logs| ResourceLogs {
        resource: resource(name).into(),
        scope_logs,
        schema_url: format!("schema of {name}"),
        ..Default::default()
    };
    let sent = ExportLogsServiceRequest {
        resource_logs: vec![
            entry("first", vec![scoped("a", &[&full, &plain]), scoped("b", &[&plain])]),
            entry("second", vec![scoped("a", &[&plain])]),
        ],
        ..Default::default()
    };
    let answer = post(&world, "/v1/logs", &[PROTOBUF], sent.encode_to_vec()).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let expected = [
        entry("first", vec![scoped("a", &[&full])]),
        entry("first", vec![scoped("a", &[&plain])]),
        entry("first", vec![scoped("b", &[&plain])]),
        entry("second", vec![scoped("a", &[&plain])]),
    ];
    let found = query_logs(&world, of_job(&job)).await.unwrap();
    assert_eq!(found.resource_logs, expected);
    assert!(!found.next_page.is_set());
    // The other protocols give the same.
    let connect = world.connect();
    let client = TelemetryQueryServiceClient::new(connect.transport, connect.config);
    assert_eq!(client.query_job_logs(of_job(&job)).await.unwrap().into_owned(), found);
    let json = world.json();
    let client = TelemetryQueryServiceClient::new(json.transport, json.config);
    assert_eq!(client.query_job_logs(of_job(&job)).await.unwrap().into_owned(), found);
}

#[tokio::test]
async fn o_4_a_record_belongs_to_the_job_of_its_task_else_to_that_of_its_trace() {
    let world = World::new().await;
    // Two jobs with the same trace.
    let (outer, outer_task) = job_with_task(&world).await;
    let (inner, inner_task) = job_with_task(&world).await;
    let by_trace = LogRecord { trace_id: TRACE.to_vec(), ..log(T + 2, "trace only") };
    let unknown_task = log_of(&[9; 16], T + 3, "unknown task");
    let odd_task = LogRecord { attributes: vec![text("task_id", "not an id")], ..by_trace.clone() };
    send_logs(
        &world,
        vec![
            log_of(&outer_task, T, "outer"),
            log_of(&inner_task, T + 1, "inner"),
            by_trace.clone(),
            unknown_task,
            LogRecord { time_unix_nano: T + 4, ..odd_task },
            LogRecord { trace_id: vec![5; 16], ..log(T + 5, "other trace") },
            log(T + 6, "nobody's"),
        ],
    )
    .await;
    assert_eq!(bodies_of(&world, of_job(&outer)).await, ["outer", "trace only", "unknown task", "trace only"]);
    assert_eq!(bodies_of(&world, of_job(&inner)).await, ["inner", "trace only", "unknown task", "trace only"]);
    let of_task =
        |job: &[u8], task: &[u8]| wire::QueryJobLogsRequest { task_id: support::id(task).into(), ..of_job(job) };
    assert_eq!(bodies_of(&world, of_task(&outer, &outer_task)).await, ["outer"]);
    assert_eq!(bodies_of(&world, of_task(&outer, &inner_task)).await, [""; 0]);
    assert_eq!(bodies_of(&world, of_task(&inner, &[9; 16])).await, ["unknown task"]);
}

#[tokio::test]
async fn o_4_ids_missing_in_the_record_are_taken_from_its_attributes() {
    let world = World::new().await;
    let (job, _) = job_with_task(&world).await;
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let attributes = vec![text("trace_id", hex(&TRACE)), text("span_id", hex(&[8; 8]))];
    let own = LogRecord { trace_id: TRACE.to_vec(), span_id: vec![1; 8], ..log(T + 1, "own ids") };
    send_logs(
        &world,
        vec![
            LogRecord { attributes: attributes.clone(), ..log(T, "attributes only") },
            LogRecord { attributes: vec![text("trace_id", hex(&[5; 16])), text("span_id", hex(&[8; 8]))], ..own },
            LogRecord { trace_id: vec![0; 16], attributes: attributes.clone(), ..log(T + 2, "zero") },
            LogRecord { attributes: vec![text("trace_id", "zz")], ..log(T + 3, "no hex") },
        ],
    )
    .await;
    let found = records(&query_logs(&world, of_job(&job)).await.unwrap().resource_logs);
    let ids: Vec<_> = found.iter().map(|record| (&record.trace_id[..], &record.span_id[..])).collect();
    assert_eq!(ids, [(&TRACE[..], &[8; 8][..]), (&TRACE[..], &[1; 8][..]), (&TRACE[..], &[8; 8][..])]);
    assert_eq!(found[0].attributes, attributes, "O-40: attributes stay as they were");
}

#[tokio::test]
async fn o_30_o_31_logs_are_oldest_first_unless_asked_otherwise_and_chosen_by_severity() {
    let world = World::new().await;
    let (job, task) = job_with_task(&world).await;
    let numbers = [17, 13, 9, 5, 1, 0, 24, 25, -3];
    let sent = numbers.iter().enumerate().map(|(place, number)| LogRecord {
        attributes: vec![text("task_id", uuid(&task))],
        ..with_severity(*number, T - place as u64)
    });
    send_logs(&world, sent.collect()).await;
    assert_eq!(bodies_of(&world, of_job(&job)).await, ["-3", "25", "24", "0", "1", "5", "9", "13", "17"]);
    let descending = SortDirection::SORT_DIRECTION_DESCENDING;
    let newest_first = wire::QueryJobLogsRequest { sort_direction: Some(descending.into()), ..of_job(&job) };
    assert_eq!(bodies_of(&world, newest_first.clone()).await, ["17", "13", "9", "5", "1", "0", "24", "25", "-3"]);
    let chosen = |numbers: &[i32]| wire::QueryJobLogsRequest { filters: levels(numbers), ..of_job(&job) };
    assert_eq!(bodies_of(&world, chosen(&[5])).await, ["24", "17"]);
    assert_eq!(bodies_of(&world, chosen(&[1, 3, 1])).await, ["1", "9"]);
    assert_eq!(bodies_of(&world, chosen(&[])).await.len(), 9);
    assert_eq!(bodies_of(&world, chosen(&[0])).await, ["-3", "25", "0"]);
    let refused = query_logs(&world, chosen(&[3, 6])).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::InvalidArgument);
    assert!(refused.message.unwrap().contains("filters.severity_levels: 6"));
}

#[tokio::test]
async fn o_34_j_52_pages_go_on_after_the_last_record() {
    let world = World::new().await;
    let (job, task) = job_with_task(&world).await;
    let sent = (0..250).map(|number| log_of(&task, T + number / 100, &number.to_string())).collect();
    send_logs(&world, sent).await;
    let first = query_logs(&world, of_job(&job)).await.unwrap();
    assert_eq!(first.resource_logs.len(), 100, "the default");
    let mut listed = bodies(&first.resource_logs);
    let mut next = first.next_page;
    while next.is_set() {
        assert_eq!(next.starting_after.uuid.len(), 16);
        assert_eq!(next.limit, Some(100));
        let page = query_logs(&world, wire::QueryJobLogsRequest { page: next, ..of_job(&job) }).await.unwrap();
        listed.extend(bodies(&page.resource_logs));
        next = page.next_page;
        assert!(listed.len() <= 250);
    }
    assert_eq!(listed, (0..250).map(|number| number.to_string()).collect::<Vec<_>>());
    let exactly = wire::QueryJobLogsRequest { page: limit(250), ..of_job(&job) };
    let whole = query_logs(&world, exactly).await.unwrap();
    assert_eq!((whole.resource_logs.len(), whole.next_page.is_set()), (250, false));
}

#[tokio::test]
async fn j_54_o_37_what_cannot_be_answered_is_refused_by_name() {
    let world = World::new().await;
    let (job, _) = job_with_task(&world).await;
    let found = query_logs(&world, of_job(&job)).await.unwrap();
    assert!(found.resource_logs.is_empty() && !found.next_page.is_set(), "O-37: a job without records");
    let page = |starting_after: &[u8]| -> Field<Pagination> {
        Pagination { starting_after: support::id(starting_after).into(), ..Default::default() }.into()
    };
    for (request, code, says) in [
        (of_job(&[3; 16]), ErrorCode::NotFound, "job_id: "),
        (of_job(&[3; 15]), ErrorCode::InvalidArgument, "job_id: "),
        (wire::QueryJobLogsRequest::default(), ErrorCode::InvalidArgument, "job_id: "),
        (wire::QueryJobLogsRequest { page: limit(0), ..of_job(&job) }, ErrorCode::InvalidArgument, "page.limit: "),
        (
            wire::QueryJobLogsRequest { page: page(&[9; 16]), ..of_job(&job) },
            ErrorCode::InvalidArgument,
            "starting_after: ",
        ),
        (
            wire::QueryJobLogsRequest { page: page(b"x"), ..of_job(&job) },
            ErrorCode::InvalidArgument,
            "starting_after: ",
        ),
        (
            wire::QueryJobLogsRequest { task_id: support::id(b"x").into(), ..of_job(&job) },
            ErrorCode::InvalidArgument,
            "task_id: ",
        ),
        (
            wire::QueryJobLogsRequest { sort_direction: Some(EnumValue::from(7)), ..of_job(&job) },
            ErrorCode::InvalidArgument,
            "sort_direction: ",
        ),
    ] {
        let refused = query_logs(&world, request).await.unwrap_err();
        assert_eq!(refused.code, code, "{refused:?}");
        assert!(refused.message.as_deref().unwrap_or_default().contains(says), "{refused:?}");
    }
    let unknown = wire::QueryJobSpansRequest { job_id: support::id(&[3; 16]).into(), ..Default::default() };
    assert_eq!(telemetry(&world).query_job_spans(unknown).await.unwrap_err().code, ErrorCode::NotFound);
}

#[tokio::test]
async fn o_33_spans_are_oldest_start_first_of_a_job_or_a_task() {
    let world = World::new().await;
    let (job, task) = job_with_task(&world).await;
    let (_, other_task) = job_with_task(&world).await;
    let of_task =
        |task: &[u8], time, name: &str| Span { attributes: vec![text("task_id", uuid(task))], ..span(time, name) };
    let unknown_status = Status { code: EnumValue::from(77), message: "odd".into(), ..Default::default() };
    send_spans(
        &world,
        vec![
            of_task(&task, T + 2, "task/T"),
            Span { status: unknown_status.into(), ..span(T + 3, "odd") },
            span(T, "job/job"),
            of_task(&other_task, T + 1, "of another job"),
            Span { trace_id: vec![4; 16], ..span(T, "other trace") },
        ],
    )
    .await;
    send_logs(&world, vec![log_of(&task, T, "a log is no span")]).await;
    let request = wire::QueryJobSpansRequest { job_id: support::id(&job).into(), ..Default::default() };
    let client = telemetry(&world);
    let found = client.query_job_spans(request.clone()).await.unwrap().into_owned();
    assert_eq!(names(&found.resource_spans), ["job/job", "task/T", "odd"]);
    assert_eq!(found.resource_spans[0].resource, resource("r").into());
    let status = &found.resource_spans[2].scope_spans[0].spans[0].status;
    assert_eq!((status.code.to_i32(), &status.message[..]), (0, "odd"), "the Python SDK fails on unknown codes");
    let of_task = wire::QueryJobSpansRequest { task_id: support::id(&task).into(), ..request.clone() };
    assert_eq!(names(&client.query_job_spans(of_task).await.unwrap().into_owned().resource_spans), ["task/T"]);
    let descending = Some(SortDirection::SORT_DIRECTION_DESCENDING.into());
    let mut page = wire::QueryJobSpansRequest { sort_direction: descending, page: limit(2), ..request };
    let first = client.query_job_spans(page.clone()).await.unwrap().into_owned();
    assert_eq!(names(&first.resource_spans), ["odd", "task/T"]);
    page.page = first.next_page;
    let second = client.query_job_spans(page).await.unwrap().into_owned();
    assert_eq!((names(&second.resource_spans), second.next_page.is_set()), (vec!["job/job".to_owned()], false));
}

#[tokio::test]
async fn o_3_o_35_o_36_logs_over_time_and_their_counts() {
    let world = World::new().await;
    let (_, task) = job_with_task(&world).await;
    send_logs(
        &world,
        vec![
            LogRecord { attributes: vec![text("task_id", uuid(&task))], ..with_severity(9, T + 1) },
            with_severity(13, T + 2),
            with_severity(14, T + 3),
            with_severity(21, T + 4),
            with_severity(0, T + 5),
            // Without a time of its own, the one at which it was observed.
            LogRecord { observed_time_unix_nano: T, ..with_severity(1, 0) },
        ],
    )
    .await;
    send_spans(&world, vec![span(T + 2, "no log")]).await;
    let client = telemetry(&world);
    let at = |nanos: u64| -> Field<Timestamp> {
        Timestamp { seconds: 1_700_000_000, nanos: nanos as i32, ..Default::default() }.into()
    };
    let interval = |start, end| TimeInterval { start_time: at(start), end_time: at(end), ..Default::default() };
    let between = TimeInterval { start_exclusive: true, end_inclusive: true, ..interval(1, 4) };
    let all = || TimeInterval::default();
    for (time_interval, filters, expected) in [
        (all(), vec![], vec!["0", "21", "14", "13", "9", "1"]),
        (interval(1, 4), vec![], vec!["14", "13", "9"]),
        (between, vec![], vec!["21", "14", "13"]),
        (interval(4, 1), vec![], vec![]),
        (all(), vec![4, 1], vec!["14", "13", "1"]),
    ] {
        let request = wire::QueryLogsInIntervalRequest {
            time_interval: time_interval.into(),
            filters: levels(&filters),
            ..Default::default()
        };
        let found = client.query_logs_in_interval(request).await.unwrap().into_owned();
        assert_eq!(bodies(&found.resource_logs), expected);
    }
    let ascending = wire::QueryLogsInIntervalRequest {
        sort_direction: Some(SortDirection::SORT_DIRECTION_ASCENDING.into()),
        page: limit(1),
        ..Default::default()
    };
    let found = client.query_logs_in_interval(ascending).await.unwrap().into_owned();
    assert_eq!((bodies(&found.resource_logs), found.next_page.is_set()), (vec!["1".to_owned()], true));

    let counts = async |time_interval: Field<TimeInterval>| {
        let request = wire::GetLogMessageCountsRequest { time_interval, ..Default::default() };
        let answer = client.get_log_message_counts(request).await.unwrap().into_owned();
        let count = |entry: &wire::LogSeverityCount| {
            (entry.severity.and_then(|severity| severity.as_known()).unwrap(), entry.count.unwrap())
        };
        (answer.counts.iter().map(count).collect::<Vec<_>>(), answer.total_messages.unwrap())
    };
    let (by_group, total) = counts(Field::default()).await;
    use Group::*;
    let expected = [
        (LOG_SEVERITY_GROUP_UNSPECIFIED, 1),
        (LOG_SEVERITY_GROUP_TRACE, 1),
        (LOG_SEVERITY_GROUP_DEBUG, 0),
        (LOG_SEVERITY_GROUP_INFO, 1),
        (LOG_SEVERITY_GROUP_WARNING, 2),
        (LOG_SEVERITY_GROUP_ERROR, 1),
    ];
    assert_eq!((&by_group[..], total), (&expected[..], 6));
    let (by_group, total) = counts(interval(2, 4).into()).await;
    assert_eq!((by_group.len(), total), (5, 2));
    let impossible =
        TimeInterval { start_time: Timestamp { nanos: -1, ..Default::default() }.into(), ..Default::default() };
    let request = wire::GetLogMessageCountsRequest { time_interval: impossible.into(), ..Default::default() };
    let refused = client.get_log_message_counts(request).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::InvalidArgument);
    assert!(refused.message.unwrap().contains("time_interval.start_time"));
}

#[tokio::test]
async fn telemetry_is_kept_over_a_restart() {
    let world = World::new().await;
    let (job, task) = job_with_task(&world).await;
    send_logs(&world, vec![log_of(&task, T, "before")]).await;
    let world = restart(world).await;
    send_logs(&world, vec![log_of(&task, T, "after")]).await;
    assert_eq!(bodies_of(&world, of_job(&job)).await, ["before", "after"]);
}
