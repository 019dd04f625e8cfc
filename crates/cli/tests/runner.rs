//! Does a job survive its server and its runners? Real processes, killed with SIGKILL.

use std::collections::HashMap;
use std::env;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use boxwood::{Client, Execute, ExecutionContext, Job, JobState, Runner, Task, TaskState};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

const LEASE: Duration = Duration::from_secs(2);
const PATIENCE: Duration = Duration::from_secs(120);

/// A process that is killed when it is not needed any more.
struct Killed(Child);

impl Killed {
    fn kill(&mut self) {
        // An error means that it has ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Killed {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Starts a server on this address, and says where it listens.
fn serve(listen: &str, data_dir: &Path) -> (Killed, String) {
    let mut process = Command::new(env!("CARGO_BIN_EXE_boxwood"))
        .args(["serve", "--log", "error", "--lease", &LEASE.as_secs().to_string(), "--listen", listen, "--data-dir"])
        .arg(data_dir)
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut line = String::new();
    BufReader::new(process.stdout.take().expect("piped")).read_line(&mut line).expect("a line");
    let process = Killed(process);
    let url = line.trim().strip_prefix("listening on ").unwrap_or_else(|| panic!("the server said {line:?}"));
    (process, url.to_owned())
}

/// Waits until `condition` holds.
async fn until<F: Future<Output = bool>>(what: &str, condition: impl Fn() -> F) {
    let holds = async {
        while !condition().await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, holds).await.unwrap_or_else(|_| panic!("never: {what}"));
}

/// What the tasks of the first test and the test tell each other.
#[derive(Default)]
struct Ledger {
    executions: Mutex<HashMap<u64, u32>>,
    executed: AtomicU64,
}

impl Ledger {
    fn executed(&self) -> u64 {
        self.executed.load(Ordering::SeqCst)
    }
}

#[derive(Task, Serialize, Deserialize)]
struct Root {
    tasks: u64,
}

#[derive(Task, Serialize, Deserialize)]
struct Leaf {
    number: u64,
}

impl Execute for Root {
    async fn execute(self, context: &ExecutionContext) -> boxwood::Result {
        let leaves = context.submit_subtasks((0..self.tasks).map(|number| Leaf { number }));
        context.submit_subtask(Leaf { number: self.tasks }).depends_on(leaves);
        Ok(())
    }
}

impl Execute for Leaf {
    async fn execute(self, context: &ExecutionContext) -> boxwood::Result {
        // So many at a time as the test allows.
        context.state::<Arc<Semaphore>>()?.acquire().await?.forget();
        let ledger = context.state::<Arc<Ledger>>()?;
        *ledger.executions.lock().map_err(|_| "no holder panics")?.entry(self.number).or_default() += 1;
        ledger.executed.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

/// Counts how often the runner says that it cannot reach the server.
struct Outages(Arc<AtomicU64>);

impl<S: tracing::Subscriber> Layer<S> for Outages {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        if event.metadata().target().starts_with("boxwood::runner::slot") {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r_40_a_runner_carries_on_after_its_server_was_away() {
    const TASKS: u64 = 200;
    const SLOTS: usize = 8;
    let outages = Arc::new(AtomicU64::new(0));
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(Outages(Arc::clone(&outages))))
        .expect("only this test listens");
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (mut server, url) = serve("127.0.0.1:0", dir.path());
    let client = Client::builder().url(&url).build().expect("a client");
    let job = client.jobs().submit("outage", Root { tasks: TASKS }).await.expect("a job");

    let (ledger, allowed) = (Arc::new(Ledger::default()), Arc::new(Semaphore::new(50)));
    let builder = Runner::builder(&client).task::<Root>().task::<Leaf>().concurrency(SLOTS).signals(false);
    let runner = builder.state(Arc::clone(&ledger)).state(Arc::clone(&allowed)).build().await.expect("a runner");
    let shutdown = runner.shutdown_handle();
    let running = tokio::spawn(async move { runner.run_forever().await });

    until("a part of the tasks is executed", async || ledger.executed() >= 50).await;
    server.kill();
    // All slots now try to report or to ask. Each waits twice as long after each try, about five seconds in all for six.
    allowed.add_permits(SLOTS);
    let before = outages.load(Ordering::SeqCst);
    until("the server is missed", async || outages.load(Ordering::SeqCst) >= before + 6 * SLOTS as u64).await;
    let (_server, again) = serve(url.trim_start_matches("http://"), dir.path());
    assert_eq!(again, url);
    allowed.add_permits(Semaphore::MAX_PERMITS / 2);

    let job = client.jobs().wait(&job).timeout(PATIENCE).await.expect("the job ends");
    assert_eq!(job.state, JobState::Completed);
    assert_eq!((job.stats.total_tasks, job.stats.tasks(TaskState::Computed)), (TASKS + 2, TASKS + 2));
    let executions = ledger.executions.lock().expect("no holder panics").clone();
    assert!((0..=TASKS).all(|number| executions.get(&number).is_some_and(|times| *times >= 1)));
    shutdown.shutdown();
    let summary = running.await.expect("it runs to its end").expect("an outage is no error");
    assert_eq!((summary.failed, summary.handed_back), (0, 0));
}

/// Where the server is that a child process is to work for; that it is one, too.
const URL: &str = "BOXWOOD_TEST_RUNNER_URL";

/// State of a runner in which tasks end.
struct Ending;

#[derive(Task)]
struct Work;

impl Execute for Work {
    async fn execute(self, context: &ExecutionContext) -> boxwood::Result {
        if context.state::<Ending>().is_ok() {
            return Ok(());
        }
        println!("\nstarted");
        std::future::pending().await
    }
}

/// The child process: a program with a runner. In the process of the tests it does nothing.
#[test]
fn a_program_with_a_runner() {
    let Ok(url) = env::var(URL) else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let client = Client::builder().url(url).build().expect("a client");
        let builder = Runner::builder(&client).task::<Work>().concurrency(2);
        builder.build().await.expect("a runner").run_forever().await.expect("it is killed");
    });
}

/// Starts the child process, and returns once it executes `tasks` tasks.
fn program(url: &str, tasks: usize) -> Killed {
    let mut process = Command::new(env::current_exe().expect("this program has a path"))
        .args(["--exact", "a_program_with_a_runner", "--nocapture"])
        .env(URL, url)
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let lines = BufReader::new(process.stdout.take().expect("piped")).lines();
    let process = Killed(process);
    let started = lines.map_while(Result::ok).filter(|line| line == "started").take(tasks).count();
    assert_eq!(started, tasks, "the program ended");
    process
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r_35_tasks_of_a_killed_runner_are_executed_by_another_one_lease_later() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (_server, url) = serve("127.0.0.1:0", dir.path());
    let client = Client::builder().url(&url).build().expect("a client");
    let jobs = client.jobs();
    let submitted =
        [jobs.submit("first", Work).await.expect("a job"), jobs.submit("second", Work).await.expect("a job")];
    let mut doomed = tokio::task::spawn_blocking({
        let url = url.clone();
        move || program(&url, 2)
    })
    .await
    .expect("it starts");
    let first_starts = started(&client, &submitted, TaskState::Running).await;
    doomed.kill();

    let builder = Runner::builder(&client).task::<Work>().state(Ending).signals(false);
    let runner = builder.build().await.expect("a runner");
    let shutdown = runner.shutdown_handle();
    let running = tokio::spawn(async move { runner.run_forever().await });
    for job in &submitted {
        let job = jobs.wait(job).timeout(PATIENCE).await.expect("the job ends");
        // Without a single retry allowed: a lapsed lease is no failure of the task.
        assert_eq!(job.state, JobState::Completed);
    }
    for (first, second) in first_starts.iter().zip(started(&client, &submitted, TaskState::Computed).await) {
        let between = second.duration_since(*first).expect("one after the other");
        assert!(between >= LEASE, "executed again after {between:?}, while the lease ran");
    }
    shutdown.shutdown();
    assert_eq!(running.await.expect("it runs to its end").expect("no error").computed, 2);
}

/// When the only tasks of these jobs, which are in `state`, were started last.
async fn started(client: &Client, jobs: &[Job], state: TaskState) -> Vec<SystemTime> {
    let mut times = Vec::new();
    for job in jobs {
        let task = client.jobs().tasks(job).next().await.expect("an answer").expect("a task");
        assert_eq!(task.state, state);
        times.push(task.started_at.expect("it was started"));
    }
    times
}
