//! What can be asked of a server: logs, spans, lists, counts, clones; and servers that are away or are none.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::Path;
use std::time::{Duration, SystemTime};

use boxwood::telemetry::Telemetry;
use boxwood::{
    AttributeValue, Client, Code, Cursor, Error, Execute, ExecutionContext, JobFilter, JobState, LogSeverity, Pages,
    RawTask, RootTask, Runner, SpanKind, SpanStatus, Task, TaskState, WaitReason,
};
use boxwood_server::{Config, Listen, Server};
use futures::{StreamExt as _, TryStreamExt as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tracing_subscriber::layer::SubscriberExt as _;

/// How long the tests wait for what must come.
const PATIENCE: Duration = Duration::from_secs(60);

async fn start(listen: &str, folder: &Path) -> Server {
    Server::start(Config::new(listen.parse::<Listen>().unwrap(), folder.join("data"))).await.unwrap()
}

fn client(url: &str) -> Client {
    Client::builder().url(url).build().unwrap()
}

#[derive(Task)]
struct Talks;

impl Execute for Talks {
    async fn execute(self, context: &ExecutionContext) -> boxwood::Result {
        tracing::info!(bands = 3, "first");
        tracing::warn!(ratio = 0.5, "second");
        tracing::error!("third");
        context.progress("words").add(3);
        Err("is out of words")?
    }
}

/// All entries, as soon as there are `count`: they can be queried a moment after they were received (O-39).
async fn until<T>(count: usize, pages: impl Fn() -> Pages<T>) -> Vec<T> {
    let read = async {
        loop {
            let entries = pages().all().await.unwrap();
            if entries.len() >= count {
                return entries;
            }
        }
    };
    tokio::time::timeout(PATIENCE, read).await.unwrap_or_else(|_| panic!("there are fewer than {count}"))
}

#[tokio::test]
async fn o_30_to_o_38_logs_and_spans_are_read_with_all_they_say() {
    let folder = tempfile::tempdir().unwrap();
    let server = start("127.0.0.1:0", folder.path()).await;
    let client = client(&server.url());
    let (layer, telemetry) = Telemetry::builder(&client).layer().unwrap();
    let _subscriber = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));
    let before = SystemTime::now();
    let jobs = client.jobs();
    let job = jobs.submit("talk", Talks).await.unwrap();
    let runner = Runner::builder(&client).task::<Talks>().signals(false).build().await.unwrap();
    assert_eq!(runner.run_all().await.unwrap().failed, 1);
    let task = jobs.tasks(&job).next().await.unwrap().unwrap().id;
    telemetry.flush().await;

    let logs = until(3, || jobs.logs(&job).task(task).pages()).await;
    let said: Vec<_> = logs.iter().map(|log| log.body.to_string()).collect();
    assert_eq!(said, ["first", "second", "third"], "oldest first");
    let log = &logs[1];
    assert!(log.body == "second" && log.time >= before && log.time <= SystemTime::now());
    assert_eq!((log.severity, log.severity_number, log.severity_text.as_str()), (LogSeverity::Warn, 13, "WARN"));
    assert_eq!(log.attribute("ratio"), Some(&AttributeValue::Double(0.5)));
    assert_eq!(logs[0].attribute("bands").and_then(AttributeValue::as_i64), Some(3));
    assert_eq!(log.task_id, Some(task));
    assert!(log.runner_attribute("service.instance.id").is_some(), "{:?}", log.runner_attributes);

    let grave = jobs.logs(&job).at_least(LogSeverity::Error).newest_first().pages().all().await.unwrap();
    assert!(grave.iter().all(|log| log.severity == LogSeverity::Error) && !grave.is_empty());
    let counts = jobs.log_counts(before..).await.unwrap();
    assert_eq!((counts.count(LogSeverity::Info), counts.count(LogSeverity::Warn)), (1, 1));
    assert_eq!((counts.total, counts.count(LogSeverity::Error)), (logs.len() as u64, grave.len() as u64));
    assert_eq!(jobs.log_counts(..before).await.unwrap().total, 0);
    let all = jobs.all_logs(before..).oldest_first().pages().page_size(1).all().await.unwrap();
    assert_eq!(all, logs);
    let newest = jobs.all_logs(..).severity(LogSeverity::Info).severity(LogSeverity::Warn).pages().all().await.unwrap();
    assert_eq!(newest.iter().map(|log| log.severity_number).collect::<Vec<_>>(), [13, 9]);

    // O-34: the second page continues the first.
    let mut pages = jobs.logs(&job).pages();
    assert_eq!(pages.take(2).await.unwrap(), logs[..2]);
    let rest = jobs.logs(&job).pages().starting_after(pages.cursor().unwrap()).all().await.unwrap();
    assert_eq!(rest, logs[2..]);

    let spans = until(2, || jobs.spans(&job).pages()).await;
    let (root, span) = (&spans[0], &spans[1]);
    assert_eq!((root.name.as_str(), root.parent_span_id.as_str(), root.task_id), ("job/talk", "", None));
    assert_eq!((span.name.as_str(), &span.parent_span_id, span.task_id), ("task/Talks", &root.span_id, Some(task)));
    assert_eq!((&span.trace_id, &span.span_id), (&log.trace_id, &log.span_id));
    assert!(span.trace_id == root.trace_id && job.trace_parent.contains(&span.trace_id));
    assert!(span.status == SpanStatus::Error("Task failed with exception".to_owned()), "{:?}, O-12", span.status);
    assert!(span.kind == SpanKind::Internal && span.started_at >= before && span.started_at <= span.ended_at);
    assert!(span.attribute("identifier.name").is_some_and(|name| *name == "Talks"));
    let second = span.events.iter().find(|event| event.attribute("body").is_some_and(|body| *body == "second"));
    assert_eq!(second.map(|event| event.name.as_str()), Some("log.message"), "{:?}", span.events);
    assert_eq!(jobs.spans(&job).task(task).pages().all().await.unwrap(), std::slice::from_ref(span));
    assert_eq!(jobs.spans(&job).newest_first().pages().next().await.unwrap().as_ref(), Some(span));

    let unknown = boxwood::JobId::from_bytes([1; 16]);
    assert_eq!(jobs.spans(unknown).pages().next().await.unwrap_err().code(), Code::NotFound, "O-37");
    assert_eq!(jobs.logs(unknown).pages().next().await.unwrap_err().code(), Code::NotFound, "O-37");
    server.stop().await.unwrap();
}

fn raw(name: &str) -> RawTask {
    RawTask::new(name, "v1.0").unwrap().input(*b"[1]")
}

#[tokio::test]
async fn j_42_to_j_53_jobs_are_listed_by_what_they_are_in_streams_and_pages() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(&format!("unix:{}", folder.path().join("b.sock").display()), folder.path()).await;
    let client = client(&server.url());
    let jobs = client.jobs();
    client.clusters().create("GPUs").slug("gpu").await.unwrap();
    let mut ids = Vec::new();
    for number in 0..5 {
        ids.push(jobs.submit(format!("job {number}"), raw("A")).await.unwrap().id);
    }
    let there = jobs.submit("there", raw("A")).cluster("gpu").await.unwrap();
    jobs.cancel(&there).await.unwrap();
    let earlier = || JobFilter::new().name("job").oldest_first();

    let streamed = jobs.query(earlier()).page_size(2).into_stream().map_ok(|job| job.id);
    assert_eq!(streamed.try_collect::<Vec<_>>().await.unwrap(), ids);
    let after: Vec<_> =
        jobs.query(earlier()).starting_after(ids[2]).into_stream().map(|job| job.unwrap().id).collect().await;
    assert_eq!(after, ids[3..]);
    let mut pages = jobs.query(earlier()).page_size(3);
    assert_eq!((pages.page().await.unwrap().len(), pages.cursor()), (3, Some(Cursor::from(ids[2]))));
    assert_eq!((pages.page().await.unwrap().len(), pages.page().await.unwrap().len()), (2, 0));

    let names = async |filter| {
        let found = jobs.query(filter).all().await.unwrap();
        found.into_iter().map(|job| job.name).collect::<Vec<_>>()
    };
    assert_eq!(names(JobFilter::new().cluster("gpu")).await, ["there"]);
    assert_eq!(names(JobFilter::new().state(JobState::Canceled).task_state(TaskState::Queued)).await, ["there"]);
    let first = jobs.find(ids[1]).await.unwrap().submitted_at;
    assert_eq!(names(JobFilter::new().submitted(..first).oldest_first()).await, ["job 0"]);
    assert_eq!(names(JobFilter::new().submitted(first..=first).name("job")).await, ["job 1"]);
    assert_eq!(names(JobFilter::new().submitted(first..).name("job").oldest_first()).await.len(), 4);
    assert!(names(JobFilter::new().automation(boxwood::AutomationId::from_bytes([7; 16]))).await.is_empty());
    let both = jobs.query(JobFilter::new().submitted(..first).ids(ids[0], ids[1])).next().await.unwrap_err();
    assert_eq!(both.code(), Code::InvalidArgument, "J-45");

    // J-58, J-59.
    let counts = jobs.state_counts(..).await.unwrap();
    assert_eq!((counts.total, counts.count(JobState::Submitted), counts.count(JobState::Canceled)), (6, 5, 1));
    assert_eq!(jobs.state_counts(..first).await.unwrap().total, 1);
    let queue = jobs.queue_stats().submitted(first..).max_age(Duration::from_secs(3600)).await.unwrap();
    assert_eq!((queue.waiting_jobs, queue.running_jobs), (4, 0));
    assert_eq!(queue.oldest_waiting_job.map(|job| job.id), Some(ids[1]));
    server.stop().await.unwrap();
}

#[tokio::test]
async fn j_80_to_j_82_a_job_is_cloned_as_it_was_or_changed() {
    let folder = tempfile::tempdir().unwrap();
    let server = start("127.0.0.1:0", folder.path()).await;
    let client = client(&server.url());
    let jobs = client.jobs();
    let job = jobs.submit("original", raw("A").display("the first")).max_retries(2).await.unwrap();
    let mut prototype = jobs.prototype(&job).await.unwrap();
    assert_eq!((prototype.name.as_str(), prototype.root_tasks.len()), ("original", 1));
    let root = &prototype.root_tasks[0];
    assert_eq!((root.identifier.name(), root.input.as_slice(), root.max_retries), ("A", &b"[1]"[..], 2));

    let same = jobs.clone_job(&job).await.unwrap();
    assert!(same.name == "original" && same.id != job.id && same.trace_parent != job.trace_parent);
    assert_eq!(jobs.prototype(&same).await.unwrap(), prototype);

    let mut second = RootTask::new(raw("B")).unwrap();
    second.dependencies = vec![0];
    prototype.root_tasks.push(second);
    let changed = jobs.clone_job(&job).prototype(prototype.clone()).name("changed").await.unwrap();
    let read = jobs.prototype(&changed).await.unwrap();
    assert_eq!((read.name.as_str(), read.root_tasks[1].dependencies.as_slice()), ("changed", &[0][..]));
    assert_eq!(jobs.tasks(&changed).all().await.unwrap().len(), 2);

    prototype.root_tasks.clear();
    let none = jobs.clone_job(&job).prototype(prototype).await.unwrap_err();
    assert_eq!(none.code(), Code::InvalidArgument, "LM-17");
    let svg = jobs.visualize(&changed).layout("elk").sketchy().padding(5).with_name().await.unwrap();
    assert!(svg.contains("changed") && svg.contains("the first"), "{svg}");
    assert_eq!(jobs.visualize(&changed).folded().await.unwrap(), jobs.visualize(&changed).await.unwrap(), "V-20");
    let error = jobs.visualize(&changed).layout("round").await.unwrap_err();
    assert_eq!(error.code(), Code::InvalidArgument, "V-11");
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_call_waits_for_a_server_that_comes_back_within_retry_for() {
    let folder = tempfile::tempdir().unwrap();
    let server = start("127.0.0.1:0", folder.path()).await;
    let url = server.url();
    let client = Client::builder().url(&url).retry_for(PATIENCE).build().unwrap();
    let job = client.jobs().submit("before", raw("A")).await.unwrap();
    server.stop().await.unwrap();
    let gone = Client::builder().url(&url).retry_for(Duration::ZERO).build().unwrap();
    assert!(matches!(gone.jobs().find(&job).await.unwrap_err(), Error::Unavailable { .. }));
    let jobs = client.jobs();
    let address = url.trim_start_matches("http://");
    let (found, server) = tokio::join!(jobs.find(&job), start(address, folder.path()));
    assert_eq!(found.unwrap().id, job.id);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn what_is_no_server_of_the_api_is_an_error_and_no_hang() {
    for answer in ["HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n", "\0\u{1}\u{2}garbage\n", ""] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let serving = tokio::spawn(async move {
            loop {
                let (mut connection, _) = listener.accept().await.unwrap();
                let mut asked = [0; 16];
                let _ = connection.read(&mut asked).await;
                let _ = connection.write_all(answer.as_bytes()).await;
            }
        });
        let client = Client::builder().url(&url).retry_for(Duration::ZERO).build().unwrap();
        let asked = tokio::time::timeout(PATIENCE, async { client.clusters().list().await });
        let error = asked.await.expect("the call ends").unwrap_err();
        assert!(error.to_string().contains("list clusters"), "{answer:?}: {error}");
        serving.abort();
    }
}

#[tokio::test]
async fn in_1_to_in_33_a_client_asks_who_works_and_what_waits() {
    let folder = tempfile::tempdir().unwrap();
    let server = start("127.0.0.1:0", folder.path()).await;
    let client = client(&server.url());
    let insight = client.insight();
    let described = insight.server().await.unwrap();
    assert_eq!((described.version.as_str(), described.database.as_str()), (env!("CARGO_PKG_VERSION"), "SQLite"));
    assert!(described.started_at.is_some_and(|start| start <= SystemTime::now()));

    let job = client.jobs().submit("waits", RawTask::new("nobody.Knows", "v1.2").unwrap()).await.unwrap();
    let queues = insight.queues().await.unwrap();
    let queue = &queues.queues[0];
    assert_eq!((queue.identifier.to_string().as_str(), queue.ready_tasks), ("nobody.Knows v1.2", 1));
    assert_eq!((queue.reason, queues.truncated, queues.handed_out_tasks), (WaitReason::NoRunnerOnCluster, false, 0));
    let explained = insight.explain(&job).await.unwrap();
    assert_eq!((explained.queued_tasks, explained.waits.len(), explained.further_tasks), (1, 1, 0));
    assert_eq!((explained.waits[0].reason.as_str(), &explained.waits[0].text), ("no_runner_on_cluster", &queue.text));

    let runner = Runner::builder(&client).task::<Talks>().signals(false).build().await.unwrap();
    runner.run_all().await.unwrap();
    let seen = insight.runners().await.unwrap();
    assert_eq!((seen.len(), seen[0].busy, seen[0].identifiers[0].name()), (1, 0, "Talks"));
    assert_eq!(insight.queues().await.unwrap().queues[0].reason, WaitReason::NoRunnerForName);
}
