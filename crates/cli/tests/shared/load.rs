//! Runners and submitters that work on trees of tasks with any of the servers, and remember what they were told.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use boxwood_proto::connectrpc::ConnectError;
use boxwood_proto::tilebox::v1::ID;
use boxwood_proto::workflows::v1::{JobState, NextTaskResponse, TaskState};
use tokio::task::JoinSet;

use crate::calls::{Any, PATIENCE};

const RUNNERS: usize = 8;
const SUBMITTERS: usize = 2;
/// A tree of this depth has 31 tasks.
const DEPTH: u8 = 4;
pub(crate) const TASKS_PER_JOB: u64 = 31;

/// Which errors a call may end with; it is repeated then.
pub(crate) type MayFail = fn(&ConnectError) -> bool;

/// What the world has been told.
#[derive(Default)]
pub(crate) struct Told {
    /// Jobs whose submission was answered.
    pub(crate) jobs: Vec<ID>,
    /// Tasks whose report was answered while their lease was running, and when.
    pub(crate) computed: HashMap<Vec<u8>, Instant>,
    /// Until when a runner holds a task.
    held: HashMap<Vec<u8>, Instant>,
    /// What calls failed with, and how often.
    pub(crate) errors: HashMap<String, u64>,
    violations: Vec<String>,
}

struct World {
    sockets: Vec<PathBuf>,
    cluster: String,
    may_fail: MayFail,
    told: Mutex<Told>,
    answers: AtomicU64,
    /// Of each server, how many calls failed.
    failures: Vec<AtomicU64>,
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

    /// Notes an error; answers whether the call may be repeated. If not, the test ends early.
    async fn failed(&self, call: &str, server: usize, error: &ConnectError) -> bool {
        let may = (self.may_fail)(error);
        {
            let mut told = self.told();
            *told.errors.entry(error.to_string()).or_default() += 1;
            if !may {
                told.violations.push(format!("{call}: {error}"));
            }
        }
        self.failures[server].fetch_add(1, Ordering::Relaxed);
        self.progress.notify_waiters();
        if may {
            // The others go first; the next call goes to another server.
            tokio::task::yield_now().await;
        }
        may
    }

    /// Waits until `reached`, or until something is wrong already.
    async fn until(&self, what: &str, reached: impl Fn(&Self) -> bool) {
        let waiting = async {
            loop {
                let notified = self.progress.notified();
                if reached(self) || !self.told().violations.is_empty() {
                    break;
                }
                notified.await;
            }
        };
        if tokio::time::timeout(PATIENCE, waiting).await.is_err() {
            let errors = self.told().errors.clone();
            panic!("never: {what}; errors so far: {errors:#?}");
        }
    }

    async fn more_answers(&self, count: u64) {
        let goal = self.answers.load(Ordering::Relaxed) + count;
        self.until("calls are answered", |world| world.answers.load(Ordering::Relaxed) >= goal).await;
    }
}

/// Runners and submitters at work, until [`Load::finish`].
pub(crate) struct Load {
    world: Arc<World>,
    runners: JoinSet<()>,
    submitters: JoinSet<()>,
}

impl Load {
    /// Starts them on servers that answer.
    pub(crate) async fn start(sockets: Vec<PathBuf>, may_fail: MayFail) -> Self {
        Self::start_impatient(sockets, may_fail, PATIENCE).await
    }

    /// Starts them; all but one runner of four ask another server when there is no answer for so long.
    pub(crate) async fn start_impatient(sockets: Vec<PathBuf>, may_fail: MayFail, give_up_after: Duration) -> Self {
        let any = Any::new(sockets.iter().map(PathBuf::as_path), 0);
        let cluster = any.one().1.cluster().await.expect("a default cluster");
        let failures = sockets.iter().map(|_| AtomicU64::new(0)).collect();
        let world = Arc::new(World {
            sockets,
            cluster,
            may_fail,
            told: Mutex::default(),
            answers: AtomicU64::new(0),
            failures,
            submitting: AtomicBool::new(true),
            running: AtomicBool::new(true),
            progress: tokio::sync::Notify::new(),
        });
        let (mut runners, mut submitters) = (JoinSet::new(), JoinSet::new());
        let any = |first| Any::new(world.sockets.iter().map(PathBuf::as_path), first);
        for number in 0..RUNNERS {
            let give_up_after = if number % 4 == 0 { PATIENCE } else { give_up_after };
            runners.spawn(runner(world.clone(), any(number), give_up_after));
        }
        for number in 0..SUBMITTERS {
            submitters.spawn(submitter(world.clone(), any(number)));
        }
        Self { world, runners, submitters }
    }

    fn told(&self) -> std::sync::MutexGuard<'_, Told> {
        self.world.told()
    }

    /// Waits for so many more answers of success.
    pub(crate) async fn answers(&self, count: u64) {
        self.world.more_answers(count).await;
        self.nothing_is_wrong();
    }

    /// The jobs whose submission was answered so far.
    pub(crate) fn acknowledged(&self) -> Vec<ID> {
        self.told().jobs.clone()
    }

    /// Of each server, how many calls have failed.
    pub(crate) fn failures(&self) -> Vec<u64> {
        self.world.failures.iter().map(|failures| failures.load(Ordering::Relaxed)).collect()
    }

    /// Waits until something holds; it is looked at after each answer.
    pub(crate) async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        self.world.until(what, |_| holds(self)).await;
        self.nothing_is_wrong();
    }

    fn nothing_is_wrong(&self) {
        let violations = std::mem::take(&mut self.told().violations);
        assert!(violations.is_empty(), "{violations:#?}");
    }

    /// Submits no more, and waits until every acknowledged job is complete, with each of its tasks computed once.
    pub(crate) async fn finish(mut self) -> Told {
        let world = &self.world;
        world.submitting.store(false, Ordering::Relaxed);
        world.progress.notify_waiters();
        while let Some(ended) = self.submitters.join_next().await {
            ended.expect("a submitter notes what is wrong");
        }
        let any = Any::new(world.sockets.iter().map(PathBuf::as_path), 0);
        let acknowledged = self.told().jobs.clone();
        for id in &acknowledged {
            tokio::time::timeout(PATIENCE, completed(world, &any, id)).await.expect("every acknowledged job completes");
        }
        world.running.store(false, Ordering::Relaxed);
        while let Some(ended) = self.runners.join_next().await {
            ended.expect("a runner notes what is wrong");
        }
        self.nothing_is_wrong();
        std::mem::take(&mut *self.told())
    }
}

/// Waits until a job is complete; its statistics are those of a whole tree.
async fn completed(world: &World, any: &Any, id: &ID) {
    loop {
        let (server, one) = any.one();
        match one.job(id).await {
            Ok(job) if job.state.as_known() == Some(JobState::Completed) => {
                let stats = job.execution_stats.into_option().expect("a job has statistics");
                assert_eq!(stats.total_tasks, TASKS_PER_JOB);
                let computed = stats.tasks_by_state.first().expect("tasks are counted");
                assert_eq!(computed.state.as_known(), Some(TaskState::Computed));
                assert_eq!((computed.count, stats.tasks_by_state.len()), (TASKS_PER_JOB, 1));
                return;
            }
            Ok(_) => world.more_answers(1).await,
            Err(error) => assert!(world.failed("GetJob", server, &error).await, "GetJob: {error}"),
        }
    }
}

async fn submitter(world: Arc<World>, any: Any) {
    while world.submitting.load(Ordering::Relaxed) {
        let (server, one) = any.one();
        match one.submit(&[DEPTH]).await {
            Ok(id) => {
                world.told().jobs.push(id);
                world.answered();
                // The runners come first: a job is submitted for every job's worth of answers.
                let goal = world.answers.load(Ordering::Relaxed) + TASKS_PER_JOB;
                let enough = |world: &World| {
                    world.answers.load(Ordering::Relaxed) >= goal || !world.submitting.load(Ordering::Relaxed)
                };
                world.until("calls are answered", enough).await;
            }
            Err(error) => {
                if !world.failed("SubmitJob", server, &error).await {
                    return;
                }
            }
        }
    }
}

/// Reports at another server than the one that handed the task out.
async fn runner(world: Arc<World>, any: Any, give_up_after: Duration) {
    let mut held: Option<(ID, u8)> = None;
    while world.running.load(Ordering::Relaxed) {
        let report =
            held.as_ref().map(|(id, depth)| (id, vec![vec![depth.saturating_sub(1)]; usize::from(*depth > 0) * 2]));
        let (server, one) = any.one();
        let asked = Instant::now();
        let answer = tokio::time::timeout(give_up_after, one.next(&world.cluster, report)).await;
        match answer.unwrap_or_else(|_| Err(ConnectError::unavailable("no answer for too long"))) {
            Ok(answer) => {
                take(&world, held.take().as_ref(), &answer, asked);
                held = task_of(&answer);
                world.answered();
            }
            // The report is sent again until it is answered, as every SDK does.
            Err(error) => {
                if !world.failed("NextTask", server, &error).await {
                    return;
                }
            }
        }
    }
}

/// Compares an answer with what was answered before it was asked for. Answers of different servers may overtake each other.
fn take(world: &World, reported: Option<&(ID, u8)>, answer: &NextTaskResponse, asked: Instant) {
    let mut told = world.told();
    if let Some((id, _)) = reported {
        // One that was answered later may have been ignored.
        if told.held.remove(&id.uuid).is_some_and(|until| until > Instant::now()) {
            told.computed.entry(id.uuid.clone()).or_insert_with(Instant::now);
        }
    }
    let Some((id, _)) = task_of(answer) else { return };
    if told.computed.get(&id.uuid).is_some_and(|when| *when < asked) {
        told.violations.push(format!("task {:x?} was handed out after its report was acknowledged", id.uuid));
    }
    if told.held.get(&id.uuid).is_some_and(|until| *until > Instant::now()) {
        told.violations.push(format!("task {:x?} was handed out while another runner holds it", id.uuid));
    }
    // The server counts from a later moment.
    told.held.insert(id.uuid, asked + lease_of(answer));
}

/// The task of an answer, and the depth of the tree below it.
pub(crate) fn task_of(answer: &NextTaskResponse) -> Option<(ID, u8)> {
    let task = answer.next_task.as_option()?;
    Some((task.id.as_option()?.clone(), *task.input.as_deref()?.first()?))
}

/// For how long the runner has the task.
pub(crate) fn lease_of(answer: &NextTaskResponse) -> Duration {
    let lease = answer.next_task.as_option().and_then(|task| task.lease.as_option());
    let length = lease.and_then(|lease| lease.lease.clone().into_option()).expect("a task has a lease");
    Duration::try_from(length).expect("a lease is no negative time")
}
