//! Spans of jobs and tasks (O-10 to O-14).

use std::sync::Mutex;

use boxwood::{AttributeValue, Client, Code, Execute, ExecutionContext, Job, RawTask, Task, TaskState};
use serde::{Deserialize, Serialize};
use tracing::Instrument as _;

use crate::here::{attribute, here, hex, named, plain, position, status, text};

#[derive(Task)]
#[task(name = "acme.Outer", version = "v1.2")]
struct Outer;

#[derive(Task)]
struct Inner;

#[tracing::instrument(fields(bands = 3))]
async fn outside(context: &ExecutionContext) {
    tokio::task::yield_now().await;
    async {
        tokio::task::yield_now().await;
        context.submit_subtask(Inner);
    }
    .instrument(tracing::info_span!("inside"))
    .await;
}

impl Execute for Outer {
    async fn execute(self, context: &ExecutionContext) -> boxwood::Result {
        outside(context).await;
        Ok(())
    }
}

impl Execute for Inner {
    async fn execute(self, _: &ExecutionContext) -> boxwood::Result {
        Ok(())
    }
}

#[tokio::test]
async fn o_10_and_o_11_spans_of_a_job() {
    let here = here().await;
    let jobs = here.client.jobs();
    let job = jobs.submit("spans", Outer).await.unwrap();
    here.runner().task::<Outer>().task::<Inner>().build().await.unwrap().run_all().await.unwrap();

    let spans = here.spans(&job, 5).await;
    let (trace, root) = position(&job.trace_parent);
    assert!(spans.iter().all(|span| hex(&span.trace_id) == trace), "{spans:#?}");
    let submitted = named(&spans, "job/spans");
    assert_eq!((hex(&submitted.span_id), submitted.parent_span_id.as_slice()), (root.clone(), &[][..]));
    assert_eq!(plain(&submitted.attributes), []);

    let tree = jobs.task_tree(&job, 10).await.unwrap();
    let (outer, inner) = (&tree.roots[0], &tree.roots[0].children[0]);
    for (name, version, task) in [("acme.Outer", "v1.2", outer.task.id), ("Inner", "v0.0", inner.task.id)] {
        let span = named(&spans, &format!("task/{name}"));
        assert_eq!(hex(&span.parent_span_id), root);
        assert_eq!(
            plain(&span.attributes),
            [
                ("task_id".to_owned(), text(&task.to_string())),
                ("identifier.name".to_owned(), text(name)),
                ("identifier.version".to_owned(), text(version)),
            ]
        );
        assert_eq!(status(span).0, "STATUS_CODE_UNSET", "nobody decided");
        assert!(span.start_time_unix_nano <= span.end_time_unix_nano);
    }

    // O-14: spans of the task's own, across awaits.
    let (task, outside, inside) = (named(&spans, "task/acme.Outer"), named(&spans, "outside"), named(&spans, "inside"));
    assert_eq!(outside.parent_span_id, task.span_id);
    assert_eq!(inside.parent_span_id, outside.span_id);
    let attributes = plain(&outside.attributes);
    assert_eq!(attribute(&attributes, "task_id"), outer.task.id.to_string());
    assert!(attributes.contains(&("bands".to_owned(), AttributeValue::Integer(3))), "{attributes:?}");
    assert_eq!(plain(&inside.attributes), [("task_id".to_owned(), text(&outer.task.id.to_string()))]);
    here.server.stop().await.unwrap();
}

#[derive(Task, Serialize, Deserialize)]
struct Breaks {
    how: String,
}

impl Execute for Breaks {
    async fn execute(self, context: &ExecutionContext) -> boxwood::Result {
        match self.how.as_str() {
            "error" => {
                let inner = std::io::Error::new(std::io::ErrorKind::NotFound, "no such scene");
                Err(std::io::Error::other(Wrapped(inner)))?;
            }
            "panic" => panic!("no tile {}", 7),
            "report" => drop(context.progress("x".repeat(200))),
            _ => Err("as a text")?,
        }
        Ok(())
    }
}

#[derive(Debug, thiserror::Error)]
#[error("cannot open it")]
struct Wrapped(#[source] std::io::Error);

#[tokio::test]
async fn o_12_a_failed_execution_says_why() {
    let here = here().await;
    for (how, kind, message, causes) in [
        ("error", "std::io::Error", "cannot open it: no such scene", "cannot open it\ncaused by: no such scene"),
        ("panic", "panic", "panicked: no tile 7", ""),
        ("report", "boxwood::Error", "200 characters", ""),
        ("text", "", "as a text", ""),
    ] {
        let job = here.client.jobs().submit("breaks", Breaks { how: how.to_owned() }).await.unwrap();
        here.runner().task::<Breaks>().build().await.unwrap().run_all().await.unwrap();
        let spans = here.spans(&job, 2).await;
        let span = named(&spans, "task/Breaks");
        let expected = ("STATUS_CODE_ERROR".to_owned(), "Task failed with exception".to_owned());
        assert_eq!(status(span), expected, "{how}");
        let [event] = span.events.as_slice() else { panic!("{how}: {:?}", span.events) };
        assert_eq!(event.name, "exception");
        let attributes = plain(&event.attributes);
        assert_eq!(attribute(&attributes, "exception.type"), kind, "{how}");
        assert!(attribute(&attributes, "exception.message").contains(message), "{how}: {attributes:?}");
        assert_eq!(attribute(&attributes, "exception.stacktrace"), causes, "{how}");
        // As with the other SDKs, this is no log record.
        assert_eq!(here.logs(&job, 0).await, []);
    }
    here.server.stop().await.unwrap();
}

#[tokio::test]
async fn o_12_each_execution_of_a_task_has_a_span() {
    let here = here().await;
    let job = here.client.jobs().submit("breaks", Breaks { how: "panic".to_owned() }).max_retries(2).await.unwrap();
    here.runner().task::<Breaks>().build().await.unwrap().run_all().await.unwrap();
    let spans = here.spans(&job, 4).await;
    assert_eq!(spans.iter().filter(|span| span.name == "task/Breaks").count(), 3);
    here.server.stop().await.unwrap();
}

#[tokio::test]
async fn o_13_retry_and_cancel_are_in_the_trace_of_the_job() {
    let here = here().await;
    let jobs = here.client.jobs();
    let job = jobs.submit("canceled", Inner).await.unwrap();
    jobs.cancel(&job).await.unwrap();
    assert_eq!(jobs.retry(&job).await.unwrap(), 0);
    let spans = here.spans(&job, 3).await;
    let root = position(&job.trace_parent).1;
    let (retry, cancel) = (named(&spans, "retry_job"), named(&spans, "cancel_job"));
    assert_eq!((hex(&retry.parent_span_id), hex(&cancel.parent_span_id)), (root.clone(), root));
    let counted = [("num_tasks_rescheduled".to_owned(), AttributeValue::Integer(0))];
    assert_eq!(
        (retry.events[0].name.as_str(), plain(&retry.events[0].attributes).as_slice()),
        ("retried_succeeded", &counted[..])
    );
    assert_eq!((cancel.events[0].name.as_str(), cancel.events[0].attributes.len()), ("cancel_succeeded", 0));

    let unknown = boxwood::JobId::from_bytes([7; 16]);
    assert_eq!(jobs.retry(unknown).await.unwrap_err().code(), Code::NotFound);
    here.server.stop().await.unwrap();
}

static SUBMITTED_INSIDE: Mutex<Option<Job>> = Mutex::new(None);

#[derive(Task, Serialize, Deserialize)]
struct Submits {
    url: String,
}

impl Execute for Submits {
    async fn execute(self, _: &ExecutionContext) -> boxwood::Result {
        tracing::info!("outer job");
        let client = Client::builder().url(self.url).build()?;
        let refused = client.jobs().submit("refused", RawTask::new("Inner", "v0.0")?).cluster("nowhere").await;
        assert_eq!(refused.unwrap_err().code(), Code::NotFound);
        let job = client.jobs().submit("inner", LogsInner).await?;
        *SUBMITTED_INSIDE.lock().unwrap() = Some(job);
        Ok(())
    }
}

#[derive(Task)]
struct LogsInner;

impl Execute for LogsInner {
    async fn execute(self, _: &ExecutionContext) -> boxwood::Result {
        tracing::info!("inner job");
        Ok(())
    }
}

#[tokio::test]
async fn o_4_jobs_that_share_a_trace_keep_their_logs() {
    let here = here().await;
    let outer = here.client.jobs().submit("outer", Submits { url: here.server.url() }).await.unwrap();
    let runner = here.runner().task::<Submits>().task::<LogsInner>().build().await.unwrap();
    assert_eq!(runner.run_all().await.unwrap().computed, 2);
    let inner = SUBMITTED_INSIDE.lock().unwrap().take().unwrap();
    assert_eq!(position(&inner.trace_parent).0, position(&outer.trace_parent).0);
    assert_eq!(here.logs(&outer, 1).await[0].body, "outer job");
    assert_eq!(here.logs(&inner, 1).await[0].body, "inner job");

    // The spans of submitting are part of the task that submitted; one of them failed.
    let spans = here.spans(&outer, 4).await;
    let task = named(&spans, "task/Submits");
    let refused = named(&spans, "job/refused");
    assert_eq!(refused.parent_span_id, task.span_id);
    let (code, message) = status(refused);
    assert_eq!(code, "STATUS_CODE_ERROR");
    assert!(message.contains("nowhere"), "{message}");
    assert_eq!(hex(&named(&spans, "job/inner").span_id), position(&inner.trace_parent).1);
    here.server.stop().await.unwrap();
}

#[tokio::test]
async fn j_10_without_telemetry_a_job_has_a_trace_of_its_own() {
    let here = here().await;
    let silent = tracing::subscriber::set_default(tracing::subscriber::NoSubscriber::new());
    let mut traces = Vec::new();
    for _ in 0..2 {
        let job = here.client.jobs().submit("silent", Inner).await.unwrap();
        traces.push(position(&job.trace_parent).0);
        here.client.jobs().cancel(&job).await.unwrap();
    }
    assert_ne!(traces[0], traces[1]);
    drop(silent);
    here.server.stop().await.unwrap();
}

#[tokio::test]
async fn n_6_telemetry_goes_over_a_socket_too() {
    let here = crate::here::here_at("unix:{}/boxwood.sock", |builder| builder).await;
    let job = here.client.jobs().submit("inner", LogsInner).await.unwrap();
    here.runner().task::<LogsInner>().build().await.unwrap().run_all().await.unwrap();
    assert_eq!(here.logs(&job, 1).await[0].body, "inner job");
    let task = here.client.jobs().tasks(&job).next().await.unwrap().unwrap();
    assert_eq!(task.state, TaskState::Computed);
    assert!(here.folder.path().join("boxwood.sock").exists());
    here.server.stop().await.unwrap();
}
