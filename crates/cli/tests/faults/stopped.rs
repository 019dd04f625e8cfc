//! Processes that are stopped (SIGSTOP) and woken (SIGCONT).

use std::time::Duration;

use boxwood::{Client, Job, JobState, Runner, TaskState};

use crate::program::{Held, Leaf, Prompt, program};
use crate::world::{PATIENCE, Process, World};

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_stopped_and_woken_goes_on() {
    let world = World::new("").await;
    world.server.signal("-STOP");
    let jobs = world.client.jobs();
    // A call may still be answered while the signal is on its way.
    let mut waiting = loop {
        let mut waiting = Box::pin(jobs.find(world.job.id));
        if tokio::time::timeout(Duration::from_millis(300), waiting.as_mut()).await.is_err() {
            break waiting;
        }
    };
    world.server.signal("-CONT");
    let found = tokio::time::timeout(PATIENCE, waiting.as_mut()).await.expect("in time");
    assert_eq!(found.expect("answered once it is woken").id, world.job.id);
}

/// A world with the shortest lease.
async fn short_lease() -> World {
    World::new("export BOXWOOD_LEASE=2;").await
}

async fn stop(world: &World, runner: &Process) {
    runner.signal("-STOP");
    world.until("the runner is stopped", |_| runner.is_stopped()).await;
}

/// Has the job completed by another runner, whose tasks end at once.
async fn completed_by_another(client: &Client, job: &Job) {
    let builder = Runner::builder(client).task::<Held>().state(Prompt).signals(false);
    let runner = builder.build().await.expect("a runner");
    let shutdown = runner.shutdown_handle();
    let running = tokio::spawn(async move { runner.run_forever().await });
    completed(client, job).await;
    shutdown.shutdown();
    running.await.expect("it runs to its end").expect("no error");
}

/// Waits until a runner has asked for work and waits for it.
async fn asks(world: &World) {
    world.until("a runner waits for work", |_| world.page("/metrics").contains("\nboxwood_waiting_runners 1\n")).await;
}

/// Waits until the task of a job is with a runner.
async fn handed_out(client: &Client, job: &Job) {
    let running =
        async { while client.jobs().find(job.id).await.expect("it is there").stats.tasks(TaskState::Running) == 0 {} };
    tokio::time::timeout(PATIENCE, running).await.expect("it is handed out at once");
}

/// The job, once it is complete.
async fn completed(client: &Client, job: &Job) -> Job {
    let job = client.jobs().wait(job).timeout(PATIENCE).await.expect("the job ends");
    assert_eq!(job.state, JobState::Completed);
    job
}

/// That a job has only what the runner reported that was in time.
async fn holds_the_report_that_was_in_time(client: &Client, job: &Job) {
    let job = client.jobs().find(job.id).await.expect("it is there");
    assert_eq!((job.state, job.stats.total_tasks), (JobState::Completed, 1), "a late report brings no sub-tasks");
    let task = client.jobs().tasks(&job).next().await.expect("an answer").expect("a task");
    assert_eq!((task.state, task.display.as_str()), (TaskState::Computed, "in time"));
}

/// That the program takes tasks: nobody else does.
async fn executes_later_work(client: &Client, runner: &mut Process) {
    for number in 1..=20 {
        let job = client.jobs().submit("later", Leaf { number }).await.expect("a job");
        completed(client, &job).await;
        assert_eq!(runner.says("leaf"), number.to_string());
    }
    runner.signal("-TERM");
    // The late one counts: its call succeeded.
    assert_eq!(runner.says("computed"), "21, failed 0");
}

#[tokio::test(flavor = "multi_thread")]
async fn r_41_a_runner_stopped_beyond_its_lease_reports_in_vain_and_executes_later_work() {
    let world = short_lease().await;
    let client = &world.client;
    let mut runner = program(&world.url, 1);
    let job = client.jobs().submit("held", Held).await.expect("a job");
    runner.says("holds");
    stop(&world, &runner).await;
    completed_by_another(client, &job).await;
    runner.signal("-CONT");
    runner.says("was late");
    executes_later_work(client, &mut runner).await;
    holds_the_report_that_was_in_time(client, &job).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r_35_a_task_handed_to_a_runner_that_is_stopped_is_executed_by_another() {
    let world = short_lease().await;
    let client = &world.client;
    let mut runner = program(&world.url, 1);
    asks(&world).await;
    stop(&world, &runner).await;
    let job = client.jobs().submit("held", Held).await.expect("a job");
    handed_out(client, &job).await;
    completed_by_another(client, &job).await;
    runner.signal("-CONT");
    runner.says("was late");
    executes_later_work(client, &mut runner).await;
    holds_the_report_that_was_in_time(client, &job).await;
}
