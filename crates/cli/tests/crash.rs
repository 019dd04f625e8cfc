//! Does acknowledged work survive? The real program under load, killed again and again, and started again.
//!
//! Eight runners and two submitters work on trees of tasks while the server is killed with SIGKILL at random moments. What
//! a call has answered is remembered; afterwards every acknowledged job must be complete with the right number of tasks,
//! no task that was acknowledged as computed may ever be handed out again, and no task may be handed out while a runner
//! holds it under a lease that still runs.

use std::collections::{HashMap, HashSet};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use boxwood_proto::connectrpc::client::{CallOptions, ClientConfig, Http2Connection, SharedHttp2Connection};
use boxwood_proto::connectrpc::{ConnectError, ErrorCode, Protocol};
use boxwood_proto::tilebox::v1::ID;
use boxwood_proto::workflows::v1::{
    ComputedTask, GetClusterRequest, GetJobRequest, JobServiceClient, JobState, NextTaskRequest, NextTaskResponse,
    NextTaskToRun, QueryJobsRequest, SubmitJobRequest, TaskIdentifier, TaskServiceClient, TaskState,
    TaskSubmissionGroup, TaskSubmissions, WorkflowsServiceClient,
};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

const RUNNERS: usize = 8;
const KILLS: usize = 12;
/// A tree of this depth has 31 tasks.
const DEPTH: u8 = 4;
const TASKS_PER_JOB: u64 = 31;
/// Short, so that what a killed server had handed out comes back soon.
const LEASE_SECONDS: &str = "2";
/// No call takes longer than this before the test gives up.
const PATIENCE: Duration = Duration::from_secs(120);

struct Server {
    process: Child,
    socket: PathBuf,
    data_dir: PathBuf,
}

impl Server {
    fn start(dir: &Path) -> Self {
        let (socket, data_dir) = (dir.join("socket"), dir.join("data"));
        let process = Self::spawn(&socket, &data_dir);
        Self { process, socket, data_dir }
    }

    fn spawn(socket: &Path, data_dir: &Path) -> Child {
        let mut process = Command::new(env!("CARGO_BIN_EXE_boxwood"))
            .args(["serve", "--log", "error", "--lease", LEASE_SECONDS, "--listen"])
            .arg(format!("unix:{}", socket.display()))
            .arg("--data-dir")
            .arg(data_dir)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut line = String::new();
        BufReader::new(process.stdout.take().expect("piped")).read_line(&mut line).expect("a line");
        assert!(line.starts_with("listening on "), "the server said {line:?}");
        process
    }

    fn kill_and_restart(&mut self) {
        self.process.kill().expect("it runs");
        self.process.wait().expect("it ends");
        self.process = Self::spawn(&self.socket, &self.data_dir);
    }

    /// Stops it as an operator would.
    fn stop(&mut self) {
        let pid = self.process.id().to_string();
        let told = Command::new("kill").args(["-TERM", &pid]).status().expect("kill exists");
        assert!(told.success());
        assert!(self.process.wait().expect("it ends").success(), "a server told to stop exits with status 0");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A failing test leaves no server behind; one that was stopped has ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

type Transport = SharedHttp2Connection;

#[derive(Clone)]
struct Clients {
    jobs: JobServiceClient<Transport>,
    tasks: TaskServiceClient<Transport>,
    clusters: WorkflowsServiceClient<Transport>,
}

impl Clients {
    fn new(socket: &Path) -> Self {
        let uri: http::Uri = "http://localhost".parse().expect("a URI");
        let transport = Http2Connection::lazy_unix(socket, uri.clone()).shared(64);
        let config = ClientConfig::new(uri).with_protocol(Protocol::Grpc);
        Self {
            jobs: JobServiceClient::new(transport.clone(), config.clone()),
            tasks: TaskServiceClient::new(transport.clone(), config.clone()),
            clusters: WorkflowsServiceClient::new(transport, config),
        }
    }
}

/// What the world has been told.
#[derive(Default)]
struct Told {
    /// Jobs whose submission was answered.
    jobs: Vec<ID>,
    /// Tasks whose report was answered.
    computed: HashSet<Vec<u8>>,
    /// Until when a runner holds a task.
    held: HashMap<Vec<u8>, Instant>,
    violations: Vec<String>,
}

struct World {
    told: Mutex<Told>,
    /// Answers received, the clock of the killer.
    answers: AtomicU64,
    submitting: AtomicBool,
    running: AtomicBool,
    progress: tokio::sync::Notify,
}

impl World {
    fn told(&self) -> std::sync::MutexGuard<'_, Told> {
        self.told.lock().expect("no holder panics")
    }

    fn answered(&self) {
        self.answers.fetch_add(1, Ordering::Relaxed);
        self.progress.notify_waiters();
    }

    /// Notes what must not happen; the test ends early then.
    fn violated(&self, what: String) {
        self.told().violations.push(what);
        self.progress.notify_waiters();
    }

    /// Waits until `count` more answers have come, or something is wrong already.
    async fn answers(&self, count: u64) {
        let goal = self.answers.load(Ordering::Relaxed) + count;
        let reached = async {
            loop {
                let notified = self.progress.notified();
                if self.answers.load(Ordering::Relaxed) >= goal || !self.told().violations.is_empty() {
                    break;
                }
                notified.await;
            }
        };
        tokio::time::timeout(PATIENCE, reached).await.expect("calls are answered again after a restart");
    }
}

/// Only a lost server may fail a call.
fn passing(error: &ConnectError) -> bool {
    matches!(error.code, ErrorCode::Unavailable | ErrorCode::Unknown | ErrorCode::Internal | ErrorCode::Canceled)
}

fn submissions(depths: &[u8]) -> TaskSubmissions {
    let count = depths.len();
    TaskSubmissions {
        task_groups: vec![TaskSubmissionGroup {
            inputs: depths.iter().map(|depth| vec![*depth]).collect(),
            identifier_pointers: vec![0; count],
            cluster_slug_pointers: vec![0; count],
            display_pointers: vec![0; count],
            max_retries_values: vec![0; count],
            ..Default::default()
        }],
        cluster_slug_lookup: vec![String::new()],
        identifier_lookup: vec![identifier()],
        display_lookup: vec!["tree".into()],
        ..Default::default()
    }
}

fn identifier() -> TaskIdentifier {
    TaskIdentifier { name: "Tree".into(), version: "v1.0".into(), ..Default::default() }
}

async fn submitter(world: Arc<World>, clients: Clients) {
    while world.submitting.load(Ordering::Relaxed) {
        let request = SubmitJobRequest {
            job_name: "crash".into(),
            trace_parent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".into(),
            tasks: submissions(&[DEPTH]).into(),
            ..Default::default()
        };
        match clients.jobs.submit_job(request).await {
            Ok(job) => {
                let id = job.into_owned().id.into_option().expect("a job has an id");
                world.told().jobs.push(id);
                world.answered();
                // The runners come first: a job is submitted for every job's worth of answers.
                world.answers(TASKS_PER_JOB / 2).await;
            }
            Err(error) if passing(&error) => {}
            Err(error) => return world.violated(format!("SubmitJob: {error}")),
        }
        tokio::task::yield_now().await;
    }
}

async fn runner(world: Arc<World>, clients: Clients, cluster: Arc<str>) {
    let mut held: Option<(ID, u8)> = None;
    while world.running.load(Ordering::Relaxed) {
        let computed = held.as_ref().map(|(id, depth)| ComputedTask {
            id: id.clone().into(),
            display: "tree".into(),
            sub_tasks: (*depth > 0).then(|| submissions(&[depth - 1, depth - 1])).into(),
            ..Default::default()
        });
        let ask =
            NextTaskToRun { cluster_slug: cluster.to_string(), identifiers: vec![identifier()], ..Default::default() };
        let request =
            NextTaskRequest { computed_task: computed.into(), next_task_to_run: ask.into(), ..Default::default() };
        let options = if held.is_none() {
            CallOptions::default().with_header("boxwood-wait-ms", "200")
        } else {
            CallOptions::default()
        };
        match clients.tasks.next_task_with_options(request, options).await {
            Ok(answer) => {
                let answer = answer.into_owned();
                let reported = held.take();
                take(&world, reported.as_ref(), &answer);
                held = task_of(&answer);
                world.answered();
            }
            // The report is sent again until it is answered, as every SDK does.
            Err(error) if passing(&error) => {}
            Err(error) => return world.violated(format!("NextTask: {error}")),
        }
        tokio::task::yield_now().await;
    }
}

/// Compares an answer with what was answered before.
fn take(world: &World, reported: Option<&(ID, u8)>, answer: &NextTaskResponse) {
    let mut told = world.told();
    if let Some((id, _)) = reported {
        told.held.remove(&id.uuid);
        told.computed.insert(id.uuid.clone());
    }
    let Some((id, _)) = task_of(answer) else { return };
    if told.computed.contains(&id.uuid) {
        told.violations.push(format!("task {:x?} was handed out after its report was acknowledged", id.uuid));
    }
    let now = Instant::now();
    if told.held.get(&id.uuid).is_some_and(|until| *until > now) {
        told.violations.push(format!("task {:x?} was handed out while another runner holds it", id.uuid));
    }
    let lease: Duration = LEASE_SECONDS.parse().map(Duration::from_secs).expect("seconds");
    told.held.insert(id.uuid, now + lease);
}

fn task_of(answer: &NextTaskResponse) -> Option<(ID, u8)> {
    let task = answer.next_task.as_option()?;
    let depth = *task.input.as_deref()?.first()?;
    Some((task.id.as_option()?.clone(), depth))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_work_survives_being_killed_again_and_again() {
    let seed = std::env::var("BOXWOOD_CRASH_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(7);
    println!("seed {seed}; set BOXWOOD_CRASH_SEED for another");
    let mut random = StdRng::seed_from_u64(seed);
    let dir = tempfile::tempdir().expect("a temporary directory");
    let mut server = Server::start(dir.path());
    let socket = server.socket.clone();
    let clients = || Clients::new(&socket);
    let cluster = clients().clusters.get_cluster(GetClusterRequest::default()).await.expect("a default cluster");
    let cluster: Arc<str> = cluster.into_owned().slug.into();
    let world = Arc::new(World {
        told: Mutex::default(),
        answers: AtomicU64::new(0),
        submitting: AtomicBool::new(true),
        running: AtomicBool::new(true),
        progress: tokio::sync::Notify::new(),
    });
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..RUNNERS {
        workers.spawn(runner(world.clone(), clients(), cluster.clone()));
    }
    let mut submitters = tokio::task::JoinSet::new();
    for _ in 0..2 {
        submitters.spawn(submitter(world.clone(), clients()));
    }
    for _ in 0..KILLS {
        world.answers(random.random_range(1..200)).await;
        let violations = world.told().violations.clone();
        assert!(violations.is_empty(), "{violations:#?}");
        server = tokio::task::spawn_blocking(move || {
            server.kill_and_restart();
            server
        })
        .await
        .expect("the server starts again");
    }
    world.answers(50).await;
    world.submitting.store(false, Ordering::Relaxed);
    // Idle answers count too, so the submitters come out of their waits.
    while let Some(ended) = submitters.join_next().await {
        ended.expect("a submitter only meets a lost server");
    }

    let watcher = Clients::new(&server.socket);
    let acknowledged = world.told().jobs.clone();
    assert!(acknowledged.len() > KILLS, "too little happened: {} jobs", acknowledged.len());
    let done = async {
        for id in &acknowledged {
            loop {
                let request = GetJobRequest { job_id: id.clone().into(), ..Default::default() };
                let job = watcher.jobs.get_job(request).await.expect("an acknowledged job exists").into_owned();
                if job.state.as_known() == Some(JobState::Completed) {
                    let stats = job.execution_stats.into_option().expect("a job has statistics");
                    assert_eq!(stats.total_tasks, TASKS_PER_JOB);
                    let computed = stats.tasks_by_state.first().expect("tasks are counted");
                    assert_eq!(computed.state.as_known(), Some(TaskState::Computed));
                    assert_eq!((computed.count, stats.tasks_by_state.len()), (TASKS_PER_JOB, 1));
                    break;
                }
                world.answers(1).await;
            }
        }
    };
    tokio::time::timeout(PATIENCE, done).await.expect("every acknowledged job completes");
    world.running.store(false, Ordering::Relaxed);
    while let Some(ended) = workers.join_next().await {
        ended.expect("a runner only meets a lost server");
    }
    // Submissions that were not answered may be stored, but then whole.
    let all = watcher.jobs.query_jobs(QueryJobsRequest::default()).await.expect("jobs").into_owned();
    for job in &all.jobs {
        assert_eq!(job.execution_stats.total_tasks % 2, 1, "a job of {} tasks", job.execution_stats.total_tasks);
    }
    let told = world.told();
    assert!(told.violations.is_empty(), "{:#?}", told.violations);
    println!("{} jobs, {} tasks acknowledged over {KILLS} kills", told.jobs.len(), told.computed.len());
    drop(told);
    server.stop();
}
