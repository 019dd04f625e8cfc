//! Log records, sent as exporters send them.

use boxwood::{Job, TaskId};
use boxwood_proto::buffa::{EnumValue, Message as _};
use boxwood_proto::opentelemetry::proto::collector::logs::v1::ExportLogsServiceRequest;
use boxwood_proto::opentelemetry::proto::common::v1::any_value::Value;
use boxwood_proto::opentelemetry::proto::common::v1::{AnyValue, KeyValue};
use boxwood_proto::opentelemetry::proto::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use boxwood_proto::opentelemetry::proto::resource::v1::Resource;
use serde_json::json;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt as _, BufReader};

use crate::here::{Here, fan, here, program};

/// 2023-11-14 22:13:20 UTC.
const START: u64 = 1_700_000_000_000_000_000;

fn value(value: Value) -> AnyValue {
    AnyValue { value: Some(value), ..Default::default() }
}

fn attribute(key: &str, text: impl Into<String>) -> KeyValue {
    KeyValue { key: key.into(), value: value(Value::StringValue(text.into())).into(), ..Default::default() }
}

/// A record of a job: severity number and text. The place tells the time, in milliseconds.
fn record(job: &Job, task: TaskId, place: u64, severity: i32, body: &str) -> LogRecord {
    let trace = job.trace_parent.split('-').nth(1).unwrap();
    let trace_id = (0..16).map(|at| u8::from_str_radix(&trace[2 * at..2 * at + 2], 16).unwrap()).collect();
    LogRecord {
        time_unix_nano: START + place * 1_000_000,
        severity_number: EnumValue::from(severity),
        body: value(Value::StringValue(body.into())).into(),
        attributes: vec![attribute("scene", "S2A 1"), attribute("task_id", task.to_string())],
        trace_id,
        span_id: vec![7; 8],
        ..Default::default()
    }
}

async fn send(here: &Here, records: Vec<LogRecord>) {
    let scope_logs = vec![ScopeLogs { log_records: records, ..Default::default() }];
    let resource = Resource { attributes: vec![attribute("host.name", "lab-7")], ..Default::default() };
    let entry = ResourceLogs { resource: resource.into(), scope_logs, ..Default::default() };
    let body = ExportLogsServiceRequest { resource_logs: vec![entry], ..Default::default() }.encode_to_vec();
    here.post("/v1/logs", &body).await;
}

/// A job with five records of its root task and one of another.
pub(crate) async fn job_with_logs(here: &Here) -> (Job, TaskId) {
    let job = here.worked("logs", fan(1)).await;
    let tree = here.client.jobs().task_tree(&job, 10).await.unwrap();
    let (root, other) = (tree.roots[0].task.id, tree.roots[0].children[0].task.id);
    let severities = [1, 5, 9, 13, 17];
    let mut records: Vec<LogRecord> =
        (0..5).map(|place| record(&job, root, place, severities[place as usize], &format!("record {place}"))).collect();
    records.push(record(&job, other, 5, 9, "two\nlines \x1b[2J"));
    send(here, records).await;
    // It is stored a little after it was accepted (O-39).
    let stored = async {
        while here.client.jobs().logs(&job).pages().all().await.unwrap().len() < 6 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(crate::here::PATIENCE, stored).await.expect("the records can be queried");
    (job, root)
}

#[tokio::test]
async fn o_30_records_are_lines_with_time_level_text_and_attributes() {
    let here = here().await;
    let (job, root) = job_with_logs(&here).await;
    let text = here.boxwood(&["job", "logs", &job.id.to_string()]).await.ok();
    let lines: Vec<&str> = text.lines().collect();
    let expected = format!("2023-11-14 22:13:20.003 WARN  record 3  scene=\"S2A 1\"  task_id={root}");
    assert_eq!(lines[3], expected);
    assert!(lines[5].starts_with("2023-11-14 22:13:20.005 INFO  two  scene="), "{}", lines[5]);
    assert_eq!((lines[6], lines.len()), ("    │ lines \\x1b[2J", 7));

    let of_task = here.boxwood(&["job", "logs", &job.id.to_string(), "--task", &root.to_string()]).await.ok();
    assert_eq!(of_task.lines().nth(4), Some("2023-11-14 22:13:20.004 ERROR record 4  scene=\"S2A 1\""));
    assert_eq!(of_task.lines().count(), 5);
    let with = ["job", "logs", &job.id.to_string(), "--include-runner-attributes", "--limit", "1"];
    assert!(here.boxwood(&with).await.ok().contains("host.name=lab-7"));
}

#[tokio::test]
async fn o_31_o_34_records_are_filtered_sorted_and_paged() {
    let here = here().await;
    let (job, _) = job_with_logs(&here).await;
    let id = job.id.to_string();
    let bodies = async |arguments: &[&str]| -> (Vec<String>, String) {
        let json = here.boxwood(&[&["job", "logs", &id, "--json"][..], arguments].concat()).await.json();
        let logs = json["logs"].as_array().unwrap();
        let bodies = logs
            .iter()
            .map(|log| log["body"].as_str().unwrap()[..3].to_owned() + &log["severity"].as_str().unwrap()[..1]);
        (bodies.collect(), json["next_cursor"].as_str().unwrap().to_owned())
    };
    assert_eq!(bodies(&["--level", "warn"]).await.0, ["recW", "recE"]);
    assert_eq!(bodies(&["--sort", "desc", "--level", "info"]).await.0, ["twoI", "recE", "recW", "recI"]);
    let mut all = Vec::new();
    let mut cursor = String::new();
    for _ in 0..3 {
        let (page, next) = bodies(&["--limit", "2", "--cursor", &cursor]).await;
        assert_eq!(page.len(), 2);
        all.extend(page);
        cursor = next;
    }
    assert_eq!((all.concat(), cursor.as_str()), ("recTrecDrecIrecWrecEtwoI".to_owned(), ""));
}

#[tokio::test]
async fn o_37_o_38_records_as_json_and_jobs_without_records() {
    let here = here().await;
    let (job, root) = job_with_logs(&here).await;
    let arguments = ["job", "logs", &job.id.to_string(), "--json", "--limit", "1", "--include-runner-attributes"];
    let mut json = here.boxwood(&arguments).await.json()["logs"][0].take();
    assert_eq!(json["trace_id"].take().as_str(), job.trace_parent.split('-').nth(1));
    let expected = json!({
        "time": "2023-11-14T22:13:20Z", "severity": "TRACE", "severity_text": "", "body": "record 0",
        "attributes": {"scene": "S2A 1", "task_id": root.to_string()}, "runner_attributes": {"host.name": "lab-7"},
        "trace_id": null, "span_id": "0707070707070707",
    });
    assert_eq!(json, expected);

    let quiet = here.worked("quiet", fan(1)).await.id.to_string();
    let ran = here.boxwood(&["job", "logs", &quiet]).await;
    assert_eq!((ran.status, ran.stdout.as_str(), ran.stderr.as_str()), (0, "", "no log records match\n"));
}

#[tokio::test]
async fn following_prints_the_latest_records_and_those_that_arrive_each_once() {
    let here = here().await;
    let (job, root) = job_with_logs(&here).await;
    let mut command =
        program(&["job", "logs", &job.id.to_string(), "--follow", "--limit", "2", "--url", &here.server.url()]);
    let mut following = command.stdout(Stdio::piped()).kill_on_drop(true).spawn().expect("it starts");
    let mut lines = BufReader::new(following.stdout.take().expect("piped")).lines();
    let mut next = async || {
        let line = tokio::time::timeout(crate::here::PATIENCE, lines.next_line()).await.expect("in time");
        line.expect("text")
    };
    for expected in ["ERROR record 4", "INFO  two", "│ lines \\x1b[2J"] {
        let line = next().await.expect("a line");
        assert!(line.contains(expected), "{line}");
    }
    // One that is older than what was printed, and one that says what another has said.
    send(&here, vec![record(&job, root, 2, 9, "late"), record(&job, root, 4, 17, "record 4")]).await;
    assert!(next().await.expect("a line").contains("INFO  late"));
    assert!(next().await.expect("a line").contains("ERROR record 4"));
    assert_eq!(next().await, None, "the job has ended");
    assert!(following.wait().await.expect("it ends").success());
}
