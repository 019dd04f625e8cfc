//! Spans, sent as exporters send them.

use boxwood::{Job, TaskId};
use boxwood_proto::buffa::{EnumValue, Message as _};
use boxwood_proto::opentelemetry::proto::collector::trace::v1::ExportTraceServiceRequest;
use boxwood_proto::opentelemetry::proto::common::v1::any_value::Value;
use boxwood_proto::opentelemetry::proto::common::v1::{AnyValue, KeyValue};
use boxwood_proto::opentelemetry::proto::resource::v1::Resource;
use boxwood_proto::opentelemetry::proto::trace::v1::span::Event;
use boxwood_proto::opentelemetry::proto::trace::v1::status::StatusCode;
use boxwood_proto::opentelemetry::proto::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use serde_json::json;

use crate::here::{Here, fan, here};

/// 2023-11-14 22:13:20 UTC.
const START: u64 = 1_700_000_000_000_000_000;

fn attribute(key: &str, text: impl Into<String>) -> KeyValue {
    let value = AnyValue { value: Some(Value::StringValue(text.into())), ..Default::default() };
    KeyValue { key: key.into(), value: value.into(), ..Default::default() }
}

/// A span of a job: its number, that of the one it is part of, and when it was, in milliseconds.
fn span(job: &Job, task: TaskId, number: u8, parent: u8, name: &str, millis: std::ops::Range<u64>) -> Span {
    let trace = job.trace_parent.split('-').nth(1).unwrap();
    Span {
        trace_id: (0..16).map(|at| u8::from_str_radix(&trace[2 * at..2 * at + 2], 16).unwrap()).collect(),
        span_id: vec![number; 8],
        parent_span_id: if parent == 0 { Vec::new() } else { vec![parent; 8] },
        name: name.into(),
        start_time_unix_nano: START + millis.start * 1_000_000,
        end_time_unix_nano: START + millis.end * 1_000_000,
        attributes: vec![attribute("task_id", task.to_string())],
        ..Default::default()
    }
}

/// Why a span failed, as SDKs say it (O-12).
fn failed(mut span: Span, kind: &str, message: &str) -> Span {
    let code = EnumValue::from(StatusCode::STATUS_CODE_ERROR);
    span.status = Status { code, message: "Task failed with exception".into(), ..Default::default() }.into();
    span.events.push(Event {
        name: "exception".into(),
        attributes: vec![attribute("exception.type", kind), attribute("exception.message", message)],
        ..Default::default()
    });
    span
}

async fn send(here: &Here, runner: &str, spans: Vec<Span>) {
    let attributes = vec![
        attribute("service.name", "mosaic"),
        attribute("service.instance.id", runner),
        attribute("host.name", "lab-7"),
    ];
    let entry = ResourceSpans {
        resource: Resource { attributes, ..Default::default() }.into(),
        scope_spans: vec![ScopeSpans { spans, ..Default::default() }],
        ..Default::default()
    };
    let request = ExportTraceServiceRequest { resource_spans: vec![entry], ..Default::default() };
    here.post("/v1/traces", &request.encode_to_vec()).await;
}

/// A job with four spans of two runners, one of which failed.
pub(crate) async fn job_with_spans(here: &Here) -> (Job, TaskId) {
    let job = here.worked("spans", fan(1)).await;
    let tree = here.client.jobs().task_tree(&job, 10).await.unwrap();
    let (root, other) = (tree.roots[0].task.id, tree.roots[0].children[0].task.id);
    let plan = failed(span(&job, root, 1, 0, "task/Fan", 0..1000), "ValueError", "no such \x1b[2Jscene");
    send(here, "one", vec![plan, span(&job, root, 2, 1, "plan", 100..400)]).await;
    send(here, "two", vec![span(&job, other, 3, 0, "task/Leaf", 500..2000), span(&job, other, 4, 3, "read", 500..501)])
        .await;
    let stored = async {
        while here.client.jobs().spans(&job).pages().all().await.unwrap().len() < 4 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(crate::here::PATIENCE, stored).await.expect("the spans can be queried");
    (job, root)
}

#[tokio::test]
async fn o_33_spans_are_a_timeline_with_runners_and_errors() {
    let here = here().await;
    let (job, _) = job_with_spans(&here).await;
    let text = here.boxwood(&["job", "spans", &job.id.to_string()]).await.ok();
    let expected = "\
4 spans over 2.00 s from 2023-11-14 22:13:20.000, 2 runners, 1 error

  START    TOOK  RUNNER  SPAN
  +0 µs  1.00 s       1  fan out  task/Fan
                           ValueError: no such \\x1b[2Jscene
+100 ms  300 ms       1  └─ plan
+500 ms  1.50 s       2  leaf 1  task/Leaf
+500 ms    1 ms       2  └─ read

runner 1  mosaic, on lab-7, one
runner 2  mosaic, on lab-7, two
";
    let lines = |text: &str| text.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>();
    assert_eq!(lines(&text), lines(expected));
    let none = here.worked("none", fan(1)).await.id.to_string();
    let ran = here.boxwood(&["job", "spans", &none]).await;
    assert_eq!((ran.status, ran.stdout.as_str()), (0, ""));
    assert!(ran.stderr.contains("no spans match"), "{}", ran.stderr);
}

#[tokio::test]
async fn o_34_spans_are_sorted_paged_and_narrowed_to_a_task() {
    let here = here().await;
    let (job, root) = job_with_spans(&here).await;
    let id = job.id.to_string();
    let spans = async |more: &[&str]| {
        let arguments: Vec<&str> = ["job", "spans", &id, "--json"].iter().chain(more).copied().collect();
        let json = here.boxwood(&arguments).await.json();
        let names = json["spans"].as_array().unwrap().iter().map(|span| span["name"].as_str().unwrap().to_owned());
        (names.collect::<Vec<_>>(), json["next_cursor"].as_str().unwrap().to_owned())
    };
    let (all, cursor) = spans(&[]).await;
    assert_eq!((all.len(), cursor.as_str()), (4, ""));
    assert_eq!(all[..2], ["task/Fan", "plan"]);
    let (first, cursor) = spans(&["--limit", "3"]).await;
    let (rest, end) = spans(&["--limit", "3", "--cursor", &cursor]).await;
    assert_eq!(([first, rest].concat(), end.as_str()), (all.clone(), ""));
    let (newest, _) = spans(&["--sort", "desc", "--limit", "2"]).await;
    assert!(!newest.contains(&"task/Fan".to_owned()), "{newest:?}");
    let (of_root, _) = spans(&["--task", &root.to_string()]).await;
    assert_eq!(of_root, ["task/Fan", "plan"]);

    let json = here.boxwood(&["job", "spans", &id, "--limit", "1", "--json"]).await.json();
    let span = &json["spans"][0];
    assert_eq!((&span["status"], &span["duration_seconds"]), (&json!("error"), &json!(1.0)));
    assert_eq!(span["events"][0]["attributes"]["exception.type"], "ValueError");
    assert!(span.get("runner_attributes").is_none());
    let json =
        here.boxwood(&["job", "spans", &id, "--limit", "1", "--json", "--include-runner-attributes"]).await.json();
    assert_eq!(json["spans"][0]["runner_attributes"]["host.name"], "lab-7");
}
