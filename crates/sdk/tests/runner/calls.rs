//! What is asked for over which connections, and what follows when the server refuses, for a while or for good.

use std::time::Duration;

use boxwood::{Canceled, Code, Execute, ExecutionContext, Runner, Task};
use boxwood_proto::connectrpc::ConnectError;
use boxwood_proto::workflows::v1 as wire;
use tokio::sync::mpsc;

use crate::scripted::{Scripted, idle, task};

const MINUTE: Duration = Duration::from_secs(60);

#[derive(Task)]
struct Parent;

impl Execute for Parent {
    async fn execute(self, context: &ExecutionContext) -> boxwood::Result {
        context.submit_subtask(Parent);
        context.progress("steps").done(1);
        Ok(())
    }
}

#[tokio::test]
async fn n_14_failures_of_the_moment_are_waited_out_and_the_report_stays_the_same() {
    let mut server = Scripted::start().await;
    let runner = Runner::builder(&server.client()).task::<Parent>().signals(false).build().await.unwrap();
    let running = tokio::spawn(async move { runner.run_forever().await.map(|_| ()) });
    server.next_task().await.answer(Err(ConnectError::resource_exhausted("too many")));
    server.next_task().await.answer(Err(ConnectError::internal("a bug")));
    server.next_task().await.answer(Ok(task(1, "Parent", MINUTE)));
    let mut reports = Vec::new();
    for refusal in [
        ConnectError::internal("a bug"),
        ConnectError::resource_exhausted("full"),
        ConnectError::unavailable("restarting"),
    ] {
        reports.push(server.next_task().await.answer(Err(refusal)));
    }
    reports.push(server.next_task().await.answer(Ok(idle())));
    assert_eq!(reports[0].computed_task.sub_tasks.task_groups.len(), 1);
    assert_eq!(reports[0].computed_task.progress_updates.len(), 1);
    assert!(reports.iter().all(|report| *report == reports[0]), "{reports:#?}");
    running.abort();
}

#[tokio::test]
async fn r_3_a_report_is_sent_alone_if_the_question_is_refused() {
    let mut server = Scripted::start().await;
    let runner = Runner::builder(&server.client()).task::<Parent>().signals(false).build().await.unwrap();
    let running = tokio::spawn(async move { runner.run_forever().await });
    server.next_task().await.answer(Ok(task(1, "Parent", MINUTE)));
    let both = server.next_task().await.answer(Err(ConnectError::not_found("no such cluster")));
    assert!(both.next_task_to_run.is_set());
    let alone = server.next_task().await.answer(Ok(wire::NextTaskResponse::default()));
    assert!(!alone.next_task_to_run.is_set() && alone.computed_task == both.computed_task);
    server.next_task().await.answer(Err(ConnectError::not_found("no such cluster")));
    let error = running.await.unwrap().unwrap_err();
    assert_eq!(error.code(), Code::NotFound);
}

#[derive(Task)]
struct Waits;

impl Execute for Waits {
    async fn execute(self, context: &ExecutionContext) -> boxwood::Result {
        let reason = context.cancellation().canceled().await;
        context.state::<mpsc::UnboundedSender<Canceled>>()?.send(reason)?;
        Err(reason.into())
    }
}

#[tokio::test]
async fn au_3_a_key_that_is_refused_ends_the_runner_and_says_what_to_do() {
    let mut server = Scripted::start().await;
    let (told, mut notices) = mpsc::unbounded_channel();
    let builder = Runner::builder(&server.client()).task::<Waits>().state(told).concurrency(2).signals(false);
    let runner = builder.build().await.unwrap();
    let running = tokio::spawn(async move { runner.run_forever().await });
    let refused = || Err(ConnectError::unauthenticated("the key was revoked"));
    server.next_task().await.answer(Ok(task(1, "Waits", MINUTE)));
    server.next_task().await.answer(refused());
    // The other slot is told, as in any shutdown, and hands its task back.
    assert_eq!(notices.recv().await, Some(Canceled::Shutdown));
    let handed_back = server.task_failed().await;
    assert!(!handed_back.request.was_workflow_error);
    handed_back.answer(Ok(wire::TaskStateResponse::default()));
    let error = running.await.unwrap().unwrap_err();
    assert_eq!(error.code(), Code::Unauthenticated);
    assert!(error.to_string().contains("the key was revoked"), "{error}");
    assert!(error.next_step().is_some_and(|step| step.contains("BOXWOOD_API_KEY")));
}

#[tokio::test]
async fn each_eight_slots_share_a_connection_made_when_it_is_needed() {
    for (concurrency, connections) in [(1, 1), (8, 1), (17, 3)] {
        let mut server = Scripted::start().await;
        let client = server.client();
        let builder = Runner::builder(&client).task::<Parent>().concurrency(concurrency).signals(false);
        let runner = builder.build().await.unwrap();
        assert_eq!(server.connections(), 1, "that of the client");
        let running = tokio::spawn(async move { runner.run_forever().await });
        // Each slot asks; nobody is answered.
        let mut questions = Vec::new();
        for _ in 0..concurrency {
            questions.push(server.next_task().await);
        }
        assert_eq!(server.connections(), 1 + connections, "with {concurrency} slots");
        running.abort();
    }
}
