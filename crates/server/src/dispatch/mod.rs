//! Handing out tasks: what the lane decides, when runners are told to ask again, who is kept waiting for work, and who was
//! seen asking.

mod hand_out;
mod idle;
mod seen;
mod waiting;

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use boxwood_engine::{Ask, Class, Command, HandOut, Reply, Report, ReportReply, TaskId};
use boxwood_proto::connectrpc::ConnectError;
use boxwood_store::{Lane, Outcome, Wake};
use tokio::sync::watch;

pub(crate) use hand_out::{HandedOut, Undelivered};
use idle::Idle;
pub(crate) use seen::Runners;
use seen::Seen;
use waiting::Waiting;

use crate::clock;
use crate::config::IdleSettings;
use crate::error;

/// What a runner is told.
pub(crate) enum Answer {
    /// The report is stored; no work was asked for.
    Stored,
    /// A task to execute, its input, and the guard that puts it back unless the answer is written.
    Task(Box<HandOut>, Vec<u8>, HandedOut),
    /// Nothing to execute; ask again after this time.
    Idle(Duration),
}

/// What is known about runners: who waits, and how busy their clusters are.
pub(crate) struct Dispatch {
    held_max: Duration,
    /// How often a held request looks again by itself; never without other servers.
    look_again: Option<Duration>,
    idle: Mutex<Idle>,
    waiting: Arc<Waiting>,
    seen: Arc<Seen>,
    stopping: watch::Sender<bool>,
    handed_out: AtomicU64,
}

impl Dispatch {
    pub(crate) fn new(settings: IdleSettings, shared: bool) -> Self {
        Self {
            held_max: settings.held_max,
            look_again: shared.then_some(settings.look_again),
            idle: Mutex::new(Idle::new(settings)),
            waiting: Arc::default(),
            seen: Arc::default(),
            stopping: watch::Sender::new(false),
            handed_out: AtomicU64::new(0),
        }
    }

    fn idle(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().expect("nobody panics while holding the polling budget")
    }

    /// Tasks became ready: wakes runners that wait for them. Called after each commit.
    pub(crate) fn ready(&self, wakes: &[Wake]) {
        if wakes.is_empty() {
            return;
        }
        let now = Instant::now();
        for (class, count) in wakes {
            self.idle().busy(&class.cluster, now);
            self.waiting.wake(class, *count);
        }
    }

    /// Runners that wait.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// The runners seen lately, by cluster and identifiers (IN-1).
    pub(crate) fn runners(&self) -> Vec<Runners> {
        self.seen.list(&self.waiting.asks(), Instant::now())
    }

    /// A task has failed: no runner holds it any more.
    pub(crate) fn failed(&self, task: TaskId) {
        self.seen.released(task);
    }

    /// The lease of a task has been extended by this time from now on.
    pub(crate) fn extended(&self, task: TaskId, lease: Duration) {
        self.seen.extended(task, lease, Instant::now());
    }

    /// Tasks handed out since the start.
    pub(crate) fn handed_out(&self) -> u64 {
        self.handed_out.load(Ordering::Relaxed)
    }

    /// Forgets what no longer matters. Called now and then.
    pub(crate) fn tidy(&self) {
        let now = Instant::now();
        self.idle().tidy(now);
        self.seen.tidy(now);
    }

    /// Answers everyone who waits, and lets nobody wait from now on.
    pub(crate) fn stop(&self) {
        self.stopping.send_replace(true);
    }

    /// Serves a call of NextTask. A call without a report may be held for `wait` until there is work.
    pub(crate) async fn next_task(
        &self,
        lane: &Lane,
        mut report: Report,
        wait: Option<Duration>,
    ) -> Result<Answer, ConnectError> {
        let reported = report.computed.as_ref().map(|computed| computed.task);
        let Some(ask) = report.ask.clone() else {
            self.ask(lane, report).await?;
            if let Some(task) = reported {
                self.seen.released(task);
            }
            return Ok(Answer::Stored);
        };
        let Some(wait) = wait.filter(|wait| reported.is_none() && !wait.is_zero()) else {
            return Ok(match self.ask(lane, report).await? {
                Some((hand_out, input, guard)) => self.task(&ask, reported, hand_out, input, guard),
                // After a report clients ask again at once, so only the second answer tells them to wait.
                None => Answer::Idle(self.suggest(&ask, reported)),
            });
        };
        let mut stopping = self.stopping.subscribe();
        let end = tokio::time::Instant::now() + wait.min(self.held_max);
        self.seen.asked(&ask, None, None, Instant::now());
        let place = self.waiting.join(ask.clone());
        let mut woken_for: Option<Arc<Class>> = None;
        loop {
            // A call that ends here without an answer hands the wake on as well.
            let wake = PendingWake { place: &place, class: woken_for.take() };
            if let Some((hand_out, input, guard)) = self.ask(lane, report.clone()).await? {
                wake.used_by(&hand_out);
                return Ok(self.task(&ask, None, hand_out, input, guard));
            }
            wake.spent();
            tokio::select! {
                biased;
                _ = stopping.wait_for(|stopping| *stopping) => return Ok(Answer::Idle(self.idle().stopping_wait())),
                () = place.woken() => woken_for = place.asks(),
                () = look_again(self.look_again) => {}
                () = tokio::time::sleep_until(end) => return Ok(Answer::Idle(self.idle().short_wait())),
            }
            report.now = clock::now();
        }
    }

    fn suggest(&self, ask: &Ask, reported: Option<TaskId>) -> Duration {
        let now = Instant::now();
        let stopping = *self.stopping.borrow();
        let mut idle = self.idle();
        let (wait, waits) = if stopping {
            (idle.stopping_wait(), None)
        } else if reported.is_some() {
            (idle.short_wait(), None)
        } else {
            let wait = idle.wait(&ask.cluster, now, rand::random());
            (wait, Some(wait))
        };
        drop(idle);
        self.seen.asked(ask, reported, waits, now);
        wait
    }

    fn task(
        &self,
        ask: &Ask,
        reported: Option<TaskId>,
        hand_out: Box<HandOut>,
        input: Vec<u8>,
        guard: HandedOut,
    ) -> Answer {
        let now = Instant::now();
        self.handed_out.fetch_add(1, Ordering::Relaxed);
        self.idle().busy(&ask.cluster, now);
        self.seen.took(ask, reported, hand_out.id, hand_out.lease.length, now);
        let guard = guard.held(&self.seen, hand_out.id);
        Answer::Task(hand_out, input, guard)
    }

    async fn ask(
        &self,
        lane: &Lane,
        report: Report,
    ) -> Result<Option<(Box<HandOut>, Vec<u8>, HandedOut)>, ConnectError> {
        let asked_at = report.now;
        let outcome = Decision::of(lane, Command::Report(Box::new(report))).await.map_err(error::failed)?;
        let Reply::Report(ReportReply::Task(mut hand_out)) = outcome.decided.map_err(error::refused)? else {
            return Ok(None);
        };
        let guard = HandedOut::new(lane.clone(), hand_out.taken);
        // A server or a database that stood still meanwhile: without a lease the task is put back, as nobody gets it.
        let Some(left) = hand_out.lease.left_after(clock::now().since(asked_at)) else { return Ok(None) };
        hand_out.lease = left;
        Ok(Some((hand_out, outcome.input, guard)))
    }
}

/// A wake on whose behalf a runner asks. Dropped before the answer is known, it wakes the next runner.
struct PendingWake<'a> {
    place: &'a waiting::Place,
    class: Option<Arc<Class>>,
}

impl PendingWake<'_> {
    /// Nothing was left to take.
    fn spent(mut self) {
        self.class = None;
    }

    /// A task was taken; if it is not the one the wake was for, that one still waits for somebody.
    fn used_by(mut self, hand_out: &HandOut) {
        let fits = |class: &Arc<Class>| {
            class.identifier.name == hand_out.identifier.name
                && hand_out.identifier.version.runs(&class.identifier.version)
        };
        self.class = self.class.take().filter(|class| !fits(class));
    }
}

impl Drop for PendingWake<'_> {
    fn drop(&mut self) {
        if let Some(class) = self.class.take() {
            self.place.pass_on(&class);
        }
    }
}

type Deciding = Pin<Box<dyn Future<Output = Result<Outcome, boxwood_store::Error>> + Send>>;

/// A command on its way through the lane. If the caller goes while it is decided, the decision is still waited for, so
/// that a task handed out by it is put back.
struct Decision {
    lane: Lane,
    deciding: Option<Deciding>,
}

impl Decision {
    fn of(lane: &Lane, command: Command) -> Self {
        let handle = lane.clone();
        let deciding: Deciding = Box::pin(async move { handle.command(command).await });
        Self { lane: lane.clone(), deciding: Some(deciding) }
    }
}

impl Future for Decision {
    type Output = Result<Outcome, boxwood_store::Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let deciding = self.deciding.as_mut().expect("a decision is not asked for again after it was made");
        let outcome = std::task::ready!(deciding.as_mut().poll(context));
        self.deciding = None;
        Poll::Ready(outcome)
    }
}

impl Drop for Decision {
    fn drop(&mut self) {
        let Some(deciding) = self.deciding.take() else { return };
        let lane = self.lane.clone();
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move {
            if let Ok(outcome) = deciding.await
                && let Some(hand_out) = outcome.hand_out()
            {
                drop(HandedOut::new(lane, hand_out.taken));
            }
        });
    }
}

/// Ready when it is time to look again; never without an interval.
async fn look_again(every: Option<Duration>) {
    match every {
        Some(every) => tokio::time::sleep(every).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use boxwood_engine::{
        Identifier, JobId, NewCluster, NewGroup, NewJob, NewTasks, Settings, Submission, Timestamp, Version,
    };
    use boxwood_store::{LaneOptions, sqlite};
    use futures::FutureExt as _;
    use tokio::sync::mpsc;

    use crate::ids;

    const NOW: Timestamp = Timestamp(1_000_000);

    fn ask() -> Ask {
        let version = Version::parse("v0.0").expect("a version");
        Ask { cluster: "default".into(), identifiers: [Identifier { name: "T".into(), version }].into() }
    }

    fn question() -> Command {
        Command::Report(Box::new(Report { computed: None, ask: Some(ask()), now: NOW }))
    }

    /// A lane with one ready task, and what becomes ready on it.
    async fn lane_with_a_task() -> (Lane, mpsc::UnboundedReceiver<u64>, tempfile::TempDir) {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let backend = sqlite::Database::open(dir.path()).expect("a database").backend();
        let (ready, became_ready) = mpsc::unbounded_channel();
        let note = move |wakes: &[Wake], _: &[JobId]| {
            if wakes.is_empty() {
                return;
            }
            // Nobody listens at the end of a test.
            let _ = ready.send(wakes.iter().map(|(_, count)| count).sum());
        };
        let (lane, _) = Lane::start(backend, Settings::default(), LaneOptions::default(), note).expect("a lane");
        let cluster = NewCluster {
            slug: "default".into(),
            display_name: "Default".into(),
            description: String::new(),
            deletable: false,
            now: NOW,
        };
        lane.command(Command::CreateCluster(cluster)).await.expect("made");
        let task = NewTasks {
            count: 1,
            cluster: "".into(),
            identifier: ask().identifiers[0].clone(),
            max_retries: 0,
            optional: false,
            display: "T".into(),
        };
        let group = NewGroup { dependencies: vec![], tasks: vec![task], inputs: Arc::new(vec![vec![]]) };
        let job = NewJob {
            id: ids::job(NOW),
            first_task: ids::first_task(NOW),
            name: "j".into(),
            trace_parent: ids::trace_parent(),
            automation: None,
            tasks: Submission::new(vec![group]).expect("well formed"),
            fingerprint: 1,
            repeated: false,
            now: NOW,
        };
        lane.command(Command::SubmitJob(job)).await.expect("submitted");
        (lane, became_ready, dir)
    }

    #[tokio::test]
    async fn a_task_handed_out_to_a_caller_that_left_is_put_back() {
        let (lane, mut became_ready, _dir) = lane_with_a_task().await;
        assert_eq!(became_ready.recv().await, Some(1), "the submission");
        for _ in 0..100 {
            let mut decision = Decision::of(&lane, question());
            // Whether the lane has decided by now or not, the caller goes.
            if let Some(outcome) = (&mut decision).now_or_never() {
                let taken = outcome.expect("decided").hand_out().expect("the task").taken;
                drop(HandedOut::new(lane.clone(), taken));
            }
            drop(decision);
            assert_eq!(became_ready.recv().await, Some(1), "the task is ready again");
        }
        let outcome = lane.command(question()).await.expect("decided");
        assert_eq!(outcome.hand_out().expect("the task").retry_count, 0, "no retry is counted");
    }

    #[tokio::test]
    async fn a_delivered_task_is_not_put_back() {
        let (lane, _became_ready, _dir) = lane_with_a_task().await;
        let outcome = lane.command(question()).await.expect("decided");
        HandedOut::new(lane.clone(), outcome.hand_out().expect("the task").taken).delivered();
        let outcome = lane.command(question()).await.expect("decided");
        assert!(outcome.hand_out().is_none());
    }
}
