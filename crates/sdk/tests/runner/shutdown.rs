//! What becomes of tasks when their runner is told to end, or simply goes.

use std::sync::Arc;
use std::time::Duration;

use boxwood::{Canceled, Execute, ExecutionContext, JobState, Runner, RunnerBuilder, ShutdownHandle, Task, TaskState};
use serde::{Deserialize, Serialize};
use tokio::sync::{Semaphore, mpsc};

use crate::here::{Here, here};

/// What tasks and test tell each other.
struct Signs {
    started: Semaphore,
    go_on: Semaphore,
    told: mpsc::UnboundedSender<Canceled>,
}

#[derive(Serialize, Deserialize, Clone, Copy)]
enum Ending {
    /// Waits for the notice and succeeds.
    Succeeds,
    /// Waits for the notice and fails because of it, with an error that does not say so.
    Fails,
    /// Waits for the notice and panics.
    Panics,
    /// Fails of its own, without having looked.
    FailsUntold,
    /// Ends when code that blocks has asked for the notice.
    Blocks,
    /// Keeps its thread busy until it is told.
    Spins,
    /// Never ends, but code it has spawned waits for the notice.
    Stays,
}

#[derive(Task, Serialize, Deserialize)]
struct Ends {
    how: Ending,
}

impl Execute for Ends {
    async fn execute(self, context: &ExecutionContext) -> boxwood::Result {
        let signs = Arc::clone(context.state::<Arc<Signs>>()?);
        let cancellation = context.cancellation();
        signs.started.add_permits(1);
        match self.how {
            Ending::Succeeds => signs.told.send(cancellation.canceled().await)?,
            Ending::Fails => {
                cancellation.canceled().await;
                return Err("the tool was interrupted".into());
            }
            Ending::Panics => {
                cancellation.canceled().await;
                panic!("interrupted");
            }
            Ending::FailsUntold => {
                signs.go_on.acquire().await?.forget();
                return Err("its own fault".into());
            }
            Ending::Blocks => {
                let blocking = tokio::task::spawn_blocking(move || -> Result<(), Canceled> {
                    loop {
                        cancellation.check()?;
                        std::thread::yield_now();
                    }
                });
                blocking.await??;
            }
            Ending::Spins => {
                while !cancellation.is_canceled() {
                    std::hint::spin_loop();
                }
            }
            Ending::Stays => {
                tokio::task::spawn_blocking(move || {
                    loop {
                        if let Some(reason) = cancellation.reason() {
                            return signs.told.send(reason);
                        }
                        std::thread::yield_now();
                    }
                });
                std::future::pending().await
            }
        }
        Ok(())
    }
}

fn runner(here: &Here) -> (RunnerBuilder, Arc<Signs>, mpsc::UnboundedReceiver<Canceled>) {
    let (told, notices) = mpsc::unbounded_channel();
    let signs = Arc::new(Signs { started: Semaphore::new(0), go_on: Semaphore::new(0), told });
    let builder = Runner::builder(&here.client).task::<Ends>().state(Arc::clone(&signs)).signals(false);
    (builder, signs, notices)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r_69_what_fails_because_of_a_shutdown_is_handed_back_and_what_fails_of_its_own_has_failed() {
    let here = here().await;
    let all = [Ending::Succeeds, Ending::Fails, Ending::Panics, Ending::FailsUntold, Ending::Blocks];
    let mut jobs = Vec::new();
    for how in all {
        jobs.push(here.client.jobs().submit("ends", Ends { how }).await.unwrap());
    }
    let (builder, signs, mut notices) = runner(&here);
    // Nothing is abandoned: the time of grace does not end.
    let runner = builder.concurrency(all.len()).grace(Duration::from_secs(3600)).build().await.unwrap();
    let shutdown = runner.shutdown_handle();
    let running = tokio::spawn(async move { runner.run_forever().await });
    signs.started.acquire_many(5).await.unwrap().forget();
    shutdown.shutdown();
    assert_eq!(notices.recv().await, Some(Canceled::Shutdown));
    signs.go_on.add_permits(1);
    let summary = running.await.unwrap().unwrap();
    assert_eq!((summary.computed, summary.failed, summary.handed_back), (1, 1, 3));
    let expected = [TaskState::Computed, TaskState::Queued, TaskState::Queued, TaskState::Failed, TaskState::Queued];
    for (job, expected) in jobs.iter().zip(expected) {
        let task = here.task(job).await;
        assert_eq!(task.state, expected);
        assert_eq!(task.retry_count, u64::from(expected == TaskState::Failed), "only a failure is counted");
    }
    here.server.stop().await.unwrap();
}

#[tokio::test]
async fn r_75_code_that_keeps_the_only_thread_busy_is_told_too() {
    let here = here().await;
    let job = here.client.jobs().submit("spins", Ends { how: Ending::Spins }).await.unwrap();
    let (told, _) = mpsc::unbounded_channel();
    let signs = Arc::new(Signs { started: Semaphore::new(0), go_on: Semaphore::new(0), told });
    let (url, shared) = (here.server.url(), Arc::clone(&signs));
    let (handle, handed) = tokio::sync::oneshot::channel::<ShutdownHandle>();
    let process = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let client = boxwood::Client::builder().url(url).build().unwrap();
            let builder = Runner::builder(&client).task::<Ends>().state(shared).signals(false);
            let runner = builder.grace(Duration::from_secs(3600)).build().await.unwrap();
            let _ = handle.send(runner.shutdown_handle());
            runner.run_forever().await.unwrap()
        })
    });
    let shutdown = handed.await.unwrap();
    signs.started.acquire().await.unwrap().forget();
    shutdown.shutdown();
    let summary = tokio::task::spawn_blocking(|| process.join().unwrap()).await.unwrap();
    assert_eq!(summary.computed, 1);
    assert_eq!(here.client.jobs().find(&job).await.unwrap().state, JobState::Completed);
    here.server.stop().await.unwrap();
}

/// A lapsed lease would count as a retry (S-30), so it is the hand-back that queues the task again.
#[tokio::test]
async fn r_68_a_run_that_is_dropped_hands_its_tasks_back_and_tells_what_they_spawned() {
    let here = here().await;
    let job = here.client.jobs().submit("stays", Ends { how: Ending::Stays }).await.unwrap();
    let (builder, signs, mut notices) = runner(&here);
    let runner = builder.build().await.unwrap();
    tokio::select! {
        ended = runner.run_forever() => panic!("nothing ends it: {ended:?}"),
        started = signs.started.acquire() => started.unwrap().forget(),
    }
    // Also if the runner goes with its run.
    drop(runner);
    let task = here.until_task(&job, TaskState::Queued).await;
    assert_eq!(task.retry_count, 0, "neither a failure nor a lapsed lease");
    assert_eq!(notices.recv().await, Some(Canceled::Shutdown));
    here.server.stop().await.unwrap();
}
