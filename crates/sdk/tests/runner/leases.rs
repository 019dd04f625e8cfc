//! Leases as the server sees them.

use std::sync::{Mutex, mpsc as blocking};
use std::time::Duration;

use boxwood::{Canceled, Client, Execute, ExecutionContext, Runner, Task};
use boxwood_proto::workflows::v1 as wire;
use tokio::sync::Barrier;

use crate::here::here;
use crate::scripted::{Scripted, idle, lease, task};

const SOON: Duration = Duration::from_millis(100);

/// Ends when the test says so, and keeps its thread busy until then.
#[derive(Task)]
struct Computes;

impl Execute for Computes {
    async fn execute(self, context: &ExecutionContext) -> boxwood::Result {
        let until = context.state::<Mutex<blocking::Receiver<()>>>()?;
        Ok(until.lock().map_err(|_| "it is executed once")?.recv()?)
    }
}

#[tokio::test]
async fn r_31_each_extension_asks_for_twice_what_was_granted_though_the_only_thread_is_busy() {
    let mut server = Scripted::start().await;
    let (go_on, until) = blocking::channel();
    let url = server.url.clone();
    let process = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let client = Client::builder().url(url).build().unwrap();
            let builder = Runner::builder(&client).task::<Computes>().state(Mutex::new(until));
            builder.signals(false).build().await.unwrap().run_all().await.unwrap()
        })
    });
    server.next_task().await.answer(Ok(task(1, "Computes", SOON)));
    for (granted, asked) in [(5, 6), (20, 10), (60, 40), (60, 120)] {
        let call = server.extend_task_lease().await;
        assert_eq!(call.request.requested_lease.seconds, asked);
        call.answer(Ok(lease(Duration::from_secs(granted), SOON)));
    }
    go_on.send(()).unwrap();
    let report = server.next_task().await.answer(Ok(idle()));
    assert!(report.computed_task.is_set());
    server.next_task().await.answer(Ok(idle()));
    let summary = tokio::task::spawn_blocking(|| process.join().unwrap()).await.unwrap();
    assert_eq!(summary.computed, 1);
}

/// Waits for the notice; the first task then fails, others succeed.
#[derive(Task)]
struct Loses;

impl Execute for Loses {
    async fn execute(self, context: &ExecutionContext) -> boxwood::Result {
        let reason = context.cancellation().canceled().await;
        assert_eq!(reason, Canceled::LeaseLost);
        if context.task_id().as_bytes()[15] == 1 { Err(reason.into()) } else { Ok(()) }
    }
}

#[tokio::test]
async fn r_69_after_a_lost_lease_a_failure_is_not_reported_and_a_result_is() {
    let mut server = Scripted::start().await;
    let runner = Runner::builder(&server.client()).task::<Loses>().signals(false).build().await.unwrap();
    let running = tokio::spawn(async move { runner.run_all().await });
    let lost = || Ok(wire::TaskLease::default());
    server.next_task().await.answer(Ok(task(1, "Loses", SOON)));
    server.extend_task_lease().await.answer(lost());
    let question = server.next_task().await.answer(Ok(task(2, "Loses", SOON)));
    assert!(!question.computed_task.is_set());
    server.extend_task_lease().await.answer(lost());
    let report = server.next_task().await.answer(Ok(idle()));
    assert!(report.computed_task.is_set());
    server.next_task().await.answer(Ok(idle()));
    let summary = running.await.unwrap().unwrap();
    assert_eq!((summary.computed, summary.failed, summary.handed_back), (1, 0, 1));
    assert!(!server.has_failures());
}

/// Ends when as many are executed at once as the barrier wants.
#[derive(Task)]
struct Together;

impl Execute for Together {
    async fn execute(self, context: &ExecutionContext) -> boxwood::Result {
        context.state::<Barrier>()?.wait().await;
        Ok(())
    }
}

#[tokio::test]
async fn four_tasks_are_executed_at_once_on_one_thread() {
    let here = here().await;
    for _ in 0..4 {
        here.client.jobs().submit("together", Together).await.unwrap();
    }
    let builder = Runner::builder(&here.client).task::<Together>().state(Barrier::new(4)).concurrency(4);
    assert_eq!(builder.signals(false).build().await.unwrap().run_all().await.unwrap().computed, 4);
    here.server.stop().await.unwrap();
}
