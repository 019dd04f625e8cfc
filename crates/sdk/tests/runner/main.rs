//! Runners against a real server in the same process.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod calls;
mod failures;
mod here;
mod leases;

mod scripted;
mod shutdown;
mod signals;
mod state;

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use boxwood::{
    Client, Code, Error, Execute, ExecutionContext, InMemoryCache, JobFilter, JobState, RawTask, Runner, Task,
    TaskState,
};
use boxwood_server::{Config, Listen, Server};
use here::{here, start, until_metric};
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, Semaphore};

#[derive(Task, Serialize, Deserialize)]
struct SumOfSquares {
    numbers: Vec<u64>,
}

#[derive(Task, Serialize, Deserialize)]
#[task(display = "Square({number})", input = "value")]
struct Square {
    number: u64,
}

#[derive(Task)]
struct Sum;

impl Execute for SumOfSquares {
    async fn execute(self, context: &ExecutionContext) -> boxwood::Result {
        context.progress("squares").add(self.numbers.len() as u64);
        let squares = context.submit_subtasks(self.numbers.into_iter().map(|number| Square { number }));
        context.submit_subtask(Sum).depends_on(squares);
        Ok(())
    }
}

impl Execute for Square {
    async fn execute(self, context: &ExecutionContext) -> boxwood::Result {
        let square = self.number * self.number;
        context.job_cache().group("squares").set(&self.number.to_string(), square.to_string()).await?;
        context.progress("squares").done(1);
        Ok(())
    }
}

impl Execute for Sum {
    async fn execute(self, context: &ExecutionContext) -> boxwood::Result {
        let mut sum = 0;
        for (_, square) in context.job_cache().group("squares").items().await? {
            sum += String::from_utf8(square)?.parse::<u64>()?;
        }
        context.set_display(format!("Sum = {sum}"));
        Ok(())
    }
}

async fn sum_of_squares(concurrency: usize) {
    let here = here().await;
    let jobs = here.client.jobs();
    let job = jobs.submit("squares", SumOfSquares { numbers: vec![12, 345, 453, 21, 45, 98] }).await.unwrap();
    assert_eq!(job.state, JobState::Submitted);
    let runner = Runner::builder(&here.client)
        .task::<SumOfSquares>()
        .task::<Square>()
        .task::<Sum>()
        .concurrency(concurrency)
        .cache(InMemoryCache::new())
        .signals(false)
        .build()
        .await
        .unwrap();
    let summary = runner.run_all().await.unwrap();
    assert_eq!((summary.computed, summary.failed, summary.handed_back), (8, 0, 0));

    let job = jobs.find(&job).await.unwrap();
    assert_eq!(job.state, JobState::Completed);
    assert_eq!(job.stats.tasks(TaskState::Computed), 8);
    assert_eq!((job.progress[0].label.as_str(), job.progress[0].total, job.progress[0].done), ("squares", 6, 6));
    let tree = jobs.task_tree(&job, 100).await.unwrap();
    let mut seen = Vec::new();
    tree.walk(|depth, task| seen.push((depth, task.display.clone())));
    assert_eq!(seen[0], (0, "SumOfSquares".to_owned()));
    assert_eq!(seen[1], (1, "Square(12)".to_owned()));
    assert_eq!(seen[7], (1, "Sum = 336448".to_owned()));
    assert_eq!(tree.roots[0].children[0].task.input, b"12", "the bare value (T-21)");
    here.server.stop().await.unwrap();
}

#[tokio::test]
async fn t_151_the_sum_of_squares_with_one_task_at_a_time() {
    sum_of_squares(1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r_22_run_all_waits_for_its_own_tasks_whatever_the_concurrency() {
    sum_of_squares(16).await;
}

#[derive(Task, Serialize, Deserialize)]
struct Flaky {
    fails: u64,
}

impl Execute for Flaky {
    async fn execute(self, context: &ExecutionContext) -> boxwood::Result {
        context.progress("").done(1);
        context.submit_subtask(Sum);
        if context.retry_count() < self.fails {
            Err(std::io::Error::other("the disk is on holiday"))?;
        }
        Ok(())
    }
}

#[tokio::test]
async fn t_110_a_failed_task_is_retried_and_t_71_its_children_exist_once() {
    let here = here().await;
    let jobs = here.client.jobs();
    let job = jobs.submit("flaky", Flaky { fails: 2 }).max_retries(2).await.unwrap();
    let build = || Runner::builder(&here.client).task::<Flaky>().task::<Sum>().cache(InMemoryCache::new());
    let runner = build().signals(false).build().await.unwrap();
    let summary = runner.run_all().await.unwrap();
    assert_eq!((summary.computed, summary.failed), (2, 2));
    let job = jobs.find(&job).await.unwrap();
    assert_eq!((job.state, job.stats.total_tasks, job.progress[0].done), (JobState::Completed, 2, 1));

    let job = jobs.submit("flaky", Flaky { fails: 2 }).max_retries(1).await.unwrap();
    runner.run_all().await.unwrap();
    let tasks = jobs.tasks(&job).all().await.unwrap();
    assert_eq!((tasks.len(), tasks[0].state, tasks[0].has_children), (1, TaskState::Failed, false));
    assert_eq!(tasks[0].display, "Flaky\nthe disk is on holiday");
    assert_eq!(jobs.wait(&job).await.unwrap().state, JobState::Failed);

    // J-61: the retry count goes on counting, so that the next execution succeeds.
    assert_eq!(jobs.retry(&job).await.unwrap(), 1);
    runner.run_all().await.unwrap();
    assert_eq!(jobs.wait(&job).await.unwrap().state, JobState::Completed);
    here.server.stop().await.unwrap();
}

#[derive(Task)]
struct Panics;

impl Execute for Panics {
    async fn execute(self, _: &ExecutionContext) -> boxwood::Result {
        panic!("no tile {}", 7)
    }
}

#[derive(Task, Serialize, Deserialize)]
struct Chain {
    length: usize,
}

impl Execute for Chain {
    async fn execute(self, context: &ExecutionContext) -> boxwood::Result {
        let mut last = context.submit_subtask(Panics);
        for _ in 1..self.length {
            last = context.submit_subtask(Panics).depends_on(last);
        }
        Ok(())
    }
}

#[tokio::test]
async fn r_60_panics_and_t_98_too_many_groups_are_workflow_errors() {
    let here = here().await;
    let jobs = here.client.jobs();
    let panics = jobs.submit("panics", Panics).await.unwrap();
    let chain = jobs.submit("chain", Chain { length: 70 }).await.unwrap();
    let undecodable = RawTask::new("Chain", "v0.0").unwrap().input(*b"{");
    let undecodable = jobs.submit("undecodable", undecodable).await.unwrap();
    let runner = Runner::builder(&here.client).task::<Panics>().task::<Chain>().signals(false).build().await.unwrap();
    assert_eq!(runner.run_all().await.unwrap().failed, 3);
    for (job, part) in [
        (panics, "panicked: no tile 7"),
        (chain, "70 groups, at most 64"),
        (undecodable, "input of task Chain: EOF while parsing"),
    ] {
        let task = jobs.tasks(&job).next().await.unwrap().unwrap();
        assert_eq!(task.state, TaskState::Failed);
        assert!(task.display.contains(part), "{}", task.display);
    }
    here.server.stop().await.unwrap();
}

/// Tasks that say when they started, and wait to be let go on.
static HELD_STARTED: Semaphore = Semaphore::const_new(0);

#[derive(Task)]
struct Held;

impl Execute for Held {
    async fn execute(self, _: &ExecutionContext) -> boxwood::Result {
        HELD_STARTED.add_permits(1);
        std::future::pending().await
    }
}

#[tokio::test]
async fn r_63_a_task_that_outlives_the_grace_is_handed_back_without_using_a_retry() {
    let here = here().await;
    let jobs = here.client.jobs();
    let job = jobs.submit("held", Held).await.unwrap();
    let builder = Runner::builder(&here.client).task::<Held>().grace(Duration::ZERO).signals(false);
    let runner = Arc::new(builder.build().await.unwrap());
    let handle = runner.shutdown_handle();
    let running = tokio::spawn({
        let runner = Arc::clone(&runner);
        async move { runner.run_forever().await }
    });
    HELD_STARTED.acquire().await.unwrap().forget();
    handle.shutdown();
    assert_eq!(running.await.unwrap().unwrap().handed_back, 1);
    let task = jobs.tasks(&job).next().await.unwrap().unwrap();
    assert_eq!((task.state, task.retry_count, task.display.as_str()), (TaskState::Queued, 0, "Held"));
    // It cannot be started again.
    assert_eq!(runner.run_all().await.unwrap(), boxwood::RunSummary::default());
    here.server.stop().await.unwrap();
}

#[tokio::test]
async fn r_23_an_idle_runner_is_woken_by_new_work_and_ended_by_a_shutdown() {
    let here = here().await;
    let runner = Runner::builder(&here.client).task::<Sum>().cache(InMemoryCache::new()).concurrency(3);
    let runner = runner.signals(false).build().await.unwrap();
    let handle = runner.shutdown_handle();
    let running = tokio::spawn(async move { runner.run_forever().await });
    // All slots are held by the server, so that none of them learns of work by asking again.
    until_metric(&here.server, "boxwood_waiting_runners", 3).await;
    let job = here.client.jobs().submit("sum", Sum).await.unwrap();
    assert_eq!(here.client.jobs().wait(&job).await.unwrap().state, JobState::Completed);
    handle.shutdown();
    assert_eq!(running.await.unwrap().unwrap().computed, 1);
    here.server.stop().await.unwrap();
}

static OUTAGE_STARTED: Notify = Notify::const_new();
static OUTAGE_GO_ON: Notify = Notify::const_new();
static OUTAGE_EXECUTIONS: AtomicU32 = AtomicU32::new(0);

#[derive(Task)]
struct Outage;

impl Execute for Outage {
    async fn execute(self, _: &ExecutionContext) -> boxwood::Result {
        OUTAGE_EXECUTIONS.fetch_add(1, Ordering::SeqCst);
        OUTAGE_STARTED.notify_one();
        OUTAGE_GO_ON.notified().await;
        Ok(())
    }
}

#[tokio::test]
async fn r_40_a_report_survives_a_restart_of_the_server() {
    let here = here().await;
    let job = here.client.jobs().submit("outage", Outage).await.unwrap();
    let runner = Runner::builder(&here.client).task::<Outage>().signals(false).build().await.unwrap();
    let running = tokio::spawn(async move { runner.run_all().await });
    OUTAGE_STARTED.notified().await;
    let address = here.server.url().trim_start_matches("http://").to_owned();
    here.server.stop().await.unwrap();
    // The client gives up after its time; the runner does not.
    let error = Client::builder().url(&address).retry_for(Duration::ZERO).build().unwrap();
    let error = error.clusters().list().await.unwrap_err();
    assert!(matches!(error, Error::Unavailable { .. }), "{error}");
    assert!(error.next_step().is_some_and(|step| step.contains("boxwood serve")));
    OUTAGE_GO_ON.notify_one();

    let server = start(&address, here.folder.path()).await;
    assert_eq!(running.await.unwrap().unwrap().computed, 1);
    assert_eq!(here.client.jobs().find(&job).await.unwrap().state, JobState::Completed);
    assert_eq!(OUTAGE_EXECUTIONS.load(Ordering::SeqCst), 1);
    server.stop().await.unwrap();
}

static BUSY_UNTIL: Mutex<Option<mpsc::Receiver<()>>> = Mutex::new(None);

#[derive(Task)]
struct Busy;

impl Execute for Busy {
    async fn execute(self, _: &ExecutionContext) -> boxwood::Result {
        // As code does that computes for long: nothing else runs on this thread.
        let until = BUSY_UNTIL.lock().unwrap().take().ok_or("it is executed once")?;
        Ok(until.recv()?)
    }
}

#[tokio::test]
async fn r_31_leases_are_renewed_while_a_task_keeps_the_only_thread_busy() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::new("127.0.0.1:0".parse::<Listen>().unwrap(), folder.path().join("data"));
    config.rules.lease_first = Duration::from_secs(1);
    config.rules.lease_max = Duration::from_secs(1);
    config.rules.lease_margin = Duration::from_millis(500);
    let server = Server::start(config).await.unwrap();
    let client = Client::builder().url(server.url()).build().unwrap();
    let job = client.jobs().submit("busy", Busy).await.unwrap();
    let (go_on, until) = mpsc::channel();
    *BUSY_UNTIL.lock().unwrap() = Some(until);

    let url = server.url();
    let runner = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let client = Client::builder().url(url).build().unwrap();
            Runner::builder(&client).task::<Busy>().signals(false).build().await.unwrap().run_all().await
        })
    });
    let extensions = "boxwood_calls_total{service=\"workflows.v1.TaskService\",method=\"ExtendTaskLease\",code=\"ok\"}";
    until_metric(&server, extensions, 3).await;
    go_on.send(()).unwrap();
    let summary = tokio::task::spawn_blocking(|| runner.join().unwrap()).await.unwrap().unwrap();
    assert_eq!(summary.computed, 1);
    let task = client.jobs().tasks(&job).next().await.unwrap().unwrap();
    assert_eq!((task.state, task.retry_count), (TaskState::Computed, 0));
    server.stop().await.unwrap();
}

#[tokio::test]
async fn n_6_everything_works_over_a_socket() {
    let folder = tempfile::tempdir().unwrap();
    let address = format!("unix:{}", folder.path().join("boxwood.sock").display());
    let server = start(&address, folder.path()).await;
    let client = Client::builder().url(&address).build().unwrap();
    let job = client.jobs().submit("sum", Sum).await.unwrap();
    let runner =
        Runner::builder(&client).task::<Sum>().cache(InMemoryCache::new()).signals(false).build().await.unwrap();
    assert_eq!(runner.run_all().await.unwrap().computed, 1);
    assert_eq!(client.jobs().find(&job).await.unwrap().state, JobState::Completed);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn c_4_clusters_are_created_changed_and_deleted() {
    let here = here().await;
    let clusters = here.client.clusters();
    let default = clusters.find("").await.unwrap();
    assert!(!default.deletable && default.slug.starts_with("default-"), "{default:?}");
    let created = clusters.create("GPU machines").slug("gpu").description("fast").await.unwrap();
    assert_eq!((created.slug.as_str(), created.name.as_str(), created.deletable), ("gpu", "GPU machines", true));
    let changed = clusters.update("gpu").name("GPUs").await.unwrap();
    assert_eq!((changed.name.as_str(), changed.description.as_str()), ("GPUs", "fast"));
    assert_eq!(clusters.list().await.unwrap().len(), 2);
    assert_eq!(clusters.create("other").slug("gpu").await.unwrap_err().code(), Code::AlreadyExists);

    // T-78, T-79: a task on a cluster is only executed there, and its children too.
    let job = here.client.jobs().submit("there", Flaky { fails: 0 }).cluster("gpu").await.unwrap();
    let here_only =
        Runner::builder(&here.client).task::<Flaky>().task::<Sum>().cache(InMemoryCache::new()).signals(false);
    assert_eq!(here_only.build().await.unwrap().run_all().await.unwrap().computed, 0);
    let there = Runner::builder(&here.client).task::<Flaky>().task::<Sum>().cache(InMemoryCache::new()).signals(false);
    assert_eq!(there.cluster("gpu").build().await.unwrap().run_all().await.unwrap().computed, 2);
    assert_eq!(here.client.jobs().find(&job).await.unwrap().state, JobState::Completed);

    clusters.delete("gpu").await.unwrap();
    assert_eq!(clusters.find("gpu").await.unwrap_err().code(), Code::NotFound);
    let unknown = Runner::builder(&here.client).task::<Sum>().cluster("gpu").build().await.unwrap_err();
    assert_eq!(unknown.code(), Code::NotFound, "{unknown}");
    here.server.stop().await.unwrap();
}

#[tokio::test]
async fn j_42_jobs_are_queried_canceled_and_drawn() {
    let here = here().await;
    let jobs = here.client.jobs();
    let mut submitted = Vec::new();
    for number in 0..5 {
        submitted.push(jobs.submit(format!("nightly mosaic {number}"), Sum).await.unwrap().id);
    }
    jobs.submit("other", Sum).await.unwrap();
    let found = jobs.query(JobFilter::new().name("MOSAIC nightly").oldest_first()).page_size(2).all().await.unwrap();
    assert_eq!(found.iter().map(|job| job.id).collect::<Vec<_>>(), submitted);
    let found = jobs.query(JobFilter::new().ids(submitted[1], submitted[3])).all().await.unwrap();
    assert_eq!(found.len(), 3);

    jobs.cancel(submitted[0]).await.unwrap();
    let mut states = Vec::new();
    let canceled = jobs.wait(submitted[0]).on_progress(move |job| states.push(job.state)).await.unwrap();
    assert_eq!(canceled.state, JobState::Canceled);
    let found = jobs.query(JobFilter::new().state(JobState::Canceled).state(JobState::Failed)).all().await.unwrap();
    assert_eq!(found.len(), 1);
    let svg = jobs.visualize(submitted[1]).direction(boxwood::Direction::Right).await.unwrap();
    assert!(svg.starts_with("<svg") && svg.contains("Sum"), "{svg}");

    let unknown = boxwood::JobId::from_bytes([1; 16]);
    let error = jobs.find(unknown).await.unwrap_err();
    assert_eq!(error.code(), Code::NotFound, "{error}");
    assert!(matches!(jobs.wait(submitted[1]).timeout(Duration::ZERO).await, Err(Error::Timeout { .. })));
    here.server.stop().await.unwrap();
}

#[tokio::test]
async fn t_53_two_tasks_of_one_identifier_are_refused() {
    let here = here().await;
    let twice = Runner::builder(&here.client).task::<Sum>().task::<Sum>().build().await.unwrap_err();
    assert!(twice.to_string().contains("Sum v0.0"), "{twice}");
    assert!(matches!(Runner::builder(&here.client).build().await, Err(Error::Setting { .. })));
    here.server.stop().await.unwrap();
}
