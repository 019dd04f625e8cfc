//! Work that a task hands on, and work that keeps its thread busy.

use std::sync::{Mutex, mpsc};

use boxwood::telemetry::Telemetry;
use boxwood::{Client, Execute, ExecutionContext, Runner, Task};
use tracing::{Instrument as _, Span, info};
use tracing_subscriber::layer::SubscriberExt as _;

use crate::collector::Collector;
use crate::here::{attribute, here, named, plain};

#[derive(Task)]
struct HandsOn;

impl Execute for HandsOn {
    async fn execute(self, _: &ExecutionContext) -> boxwood::Result {
        let first = tracing::info_span!("spawned");
        let second = tracing::info_span!("afterwards");
        second.follows_from(&first);
        tokio::spawn(async { info!("in a task of tokio") }.instrument(first)).await?;
        let (task, subscriber) = (Span::current(), tracing::dispatcher::get_default(Clone::clone));
        let thread = std::thread::spawn(move || {
            // A subscriber for a whole process would be there by itself.
            let _subscriber = tracing::dispatcher::set_default(&subscriber);
            second.in_scope(|| info!("on a thread"));
            let blocking = tracing::info_span!(parent: &task, "blocking");
            blocking.in_scope(|| info!("below the task"));
        });
        tokio::task::spawn_blocking(|| thread.join().map_err(|_| "the thread panicked")).await??;
        Ok(())
    }
}

#[tokio::test]
async fn o_14_spans_are_carried_to_other_tasks_and_threads() {
    let here = here().await;
    let job = here.client.jobs().submit("hands on", HandsOn).await.unwrap();
    here.runner().task::<HandsOn>().build().await.unwrap().run_all().await.unwrap();
    let task = here.client.jobs().tasks(&job).next().await.unwrap().unwrap().id.to_string();
    let records = here.logs(&job, 3).await;
    assert!(records.iter().all(|log| attribute(&log.attributes, "task_id") == task), "{records:#?}");

    let spans = here.spans(&job, 5).await;
    let execution = named(&spans, "task/HandsOn");
    for name in ["spawned", "afterwards", "blocking"] {
        let span = named(&spans, name);
        assert_eq!(span.parent_span_id, execution.span_id, "{name}");
        assert_eq!(attribute(&plain(&span.attributes), "task_id"), task, "{name}");
        assert_eq!(span.events.len(), 1, "{name}");
    }
    let (spawned, afterwards) = (named(&spans, "spawned"), named(&spans, "afterwards"));
    assert_eq!(afterwards.links[0].span_id, spawned.span_id);
    here.server.stop().await.unwrap();
}

#[derive(Task)]
struct Detaches;

static DETACHED: Mutex<Option<Span>> = Mutex::new(None);

impl Execute for Detaches {
    async fn execute(self, _: &ExecutionContext) -> boxwood::Result {
        *DETACHED.lock().unwrap() = Some(tracing::info_span!("forgotten"));
        Ok(())
    }
}

#[tokio::test]
async fn o_11_the_span_of_a_task_ends_with_it_whatever_holds_on_to_it() {
    let here = here().await;
    let job = here.client.jobs().submit("detaches", Detaches).await.unwrap();
    here.runner().task::<Detaches>().build().await.unwrap().run_all().await.unwrap();
    named(&here.spans(&job, 2).await, "task/Detaches");
    // What comes later still belongs to it.
    let forgotten = DETACHED.lock().unwrap().take().unwrap();
    forgotten.in_scope(|| info!("late"));
    drop(forgotten);
    assert_eq!(here.logs(&job, 1).await[0].body, "late");
    named(&here.spans(&job, 3).await, "forgotten");
    here.server.stop().await.unwrap();
}

static BUSY_UNTIL: Mutex<Option<mpsc::Receiver<()>>> = Mutex::new(None);

#[derive(Task)]
struct Busy;

impl Execute for Busy {
    async fn execute(self, _: &ExecutionContext) -> boxwood::Result {
        info!("busy");
        // As code does that computes for long: nothing else runs on this thread.
        let until = BUSY_UNTIL.lock().unwrap().take().ok_or("it is executed once")?;
        Ok(until.recv()?)
    }
}

#[tokio::test]
async fn a_task_that_keeps_the_only_thread_busy_delays_no_telemetry() {
    let here = here().await;
    let collector = Collector::start();
    let job = here.client.jobs().submit("busy", Busy).await.unwrap();
    let (go_on, until) = mpsc::channel();
    *BUSY_UNTIL.lock().unwrap() = Some(until);
    let (url, backend) = (here.server.url(), boxwood::telemetry::Backend::otlp().logs(&collector.url));
    let runner = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let client = Client::builder().url(url).build().unwrap();
            let (layer, _telemetry) = Telemetry::builder(&client).backend(backend).layer().unwrap();
            let _subscriber = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));
            Runner::builder(&client).task::<Busy>().signals(false).build().await.unwrap().run_all().await.unwrap()
        })
    });
    let received = tokio::task::spawn_blocking(move || {
        let received = collector.until(|requests| requests.iter().any(|request| !request.logs().is_empty()));
        // Only now does the task end.
        go_on.send(()).unwrap();
        (received, runner.join().unwrap())
    });
    let (received, summary) = received.await.unwrap();
    assert_eq!(received[0].logs().len(), 1);
    assert_eq!(summary.computed, 1);
    assert_eq!(here.logs(&job, 1).await[0].body, "busy");
    here.server.stop().await.unwrap();
}
