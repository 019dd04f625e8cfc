//! Who calls the servers: runners, users, and the world itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use boxwood_engine::{
    Ask, Command, ComputedTask, FailedTask, HandOut, JobId, NewJob, ProgressUpdate, Reply, Report, ReportReply, TaskId,
};
use boxwood_store::writer::{Caller, Outcome, Work};

use super::World;
use crate::random::Random;
use crate::seconds;

/// How many callers in a hundred hang up before they are answered.
const GONE_PERCENT: u64 = 3;

/// Who waits for the answer to a call.
pub(super) struct Waiter {
    reply: mpsc::Sender<Option<Outcome>>,
    gone: Arc<AtomicBool>,
}

impl Waiter {
    /// Sends the answer; gives it back if nobody waits.
    pub(super) fn send(&self, outcome: Option<Outcome>) -> Option<Outcome> {
        if self.is_gone() { outcome } else { self.reply.send(outcome).err().and_then(|error| error.0) }
    }
}

impl Caller for Waiter {
    fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Relaxed)
    }
}

/// A task in the hands of a runner.
struct Held {
    hand_out: HandOut,
    input: Vec<u8>,
}

/// Somebody who calls any of the servers.
pub(super) struct Client<'a> {
    world: &'a World,
    random: Random,
}

/// Calls.
impl<'a> Client<'a> {
    pub(super) fn new(world: &'a World, seed: u64) -> Self {
        Self { world, random: Random::seeded(seed) }
    }

    /// Calls one of the servers. Nothing if no answer came, or one that says that nobody knows.
    fn call(&mut self, command: &Command) -> Option<Outcome> {
        let (reply, answer) = mpsc::channel();
        let gone = Arc::new(AtomicBool::new(false));
        let waiter = Waiter { reply, gone: gone.clone() };
        let command = Box::new(self.stamped(command));
        let lane = self.random.place(self.world.lanes.len());
        self.world.lanes[lane].send(Work::Command(command, waiter)).ok()?;
        if self.random.chance(GONE_PERCENT) && !self.world.is_calm() {
            gone.store(true, Ordering::Relaxed);
            return None;
        }
        answer.recv().ok().flatten()
    }

    /// Calls until there is an answer.
    pub(super) fn certainly(&mut self, command: &Command) {
        while !self.world.has_ended() && self.call(command).is_none() {}
    }

    /// With the time and the ids that a server chooses when the call arrives.
    fn stamped(&self, command: &Command) -> Command {
        let mut command = command.clone();
        let present = self.world.now();
        match &mut command {
            Command::SubmitJob(new) => {
                new.now = present.whole_milliseconds();
                new.id = JobId::from_u128(self.fresh_id(new.now.0)).expect("not zero");
                new.first_task = TaskId::from_u128(self.fresh_id(new.now.0)).expect("not zero");
            }
            Command::Report(report) => {
                report.now = present;
                if let Some(computed) = &mut report.computed {
                    computed.first_sub_task = TaskId::from_u128(self.fresh_id(present.0)).expect("not zero");
                }
            }
            Command::FailTask(failed) => failed.now = present,
            Command::ExtendLease { now, .. } => *now = present,
            Command::CreateCluster(new) => new.now = present,
            _ => {}
        }
        command
    }

    /// N-9: the time in milliseconds, and room behind it for the ids of a submission.
    fn fresh_id(&self, now: i64) -> u128 {
        let number = self.world.ids.fetch_add(1, Ordering::Relaxed);
        u128::try_from(now / 1000).expect("after 1970") << 80 | u128::from(number) << 32
    }
}

/// The world.
impl Client<'_> {
    pub(super) fn tick(&mut self) {
        let lane = self.random.place(self.world.lanes.len());
        // A server that has ended is noticed elsewhere.
        let _ = self.world.lanes[lane].send(Work::Tick(self.world.now(), ()));
    }

    /// Time passes, and somebody cancels or retries a job.
    pub(super) fn disturb(&mut self) {
        if self.random.chance(30) {
            self.world.advance(Duration::from_secs(1 + self.random.below(20)));
        }
        self.tick();
        let jobs = self.world.jobs.lock().expect("no holder panics").clone();
        if let Some(job) = self.random.pick(&jobs).copied().filter(|_| self.random.chance(60)) {
            let cancels = self.random.chance(25);
            self.call(&if cancels { Command::CancelJob { job } } else { Command::RetryJob { job } });
        }
    }
}

/// Users.
impl Client<'_> {
    /// Submits jobs of these root tasks, each until it is told so.
    pub(super) fn user(mut self, jobs: Vec<Vec<usize>>) {
        for places in jobs {
            let digest = u128::from(self.random.number()) << 64 | u128::from(self.random.number());
            let mut new = NewJob {
                id: JobId::from_u128(1).expect("not zero"),
                first_task: TaskId::from_u128(1).expect("not zero"),
                name: "job".into(),
                trace_parent: format!("00-{digest:032x}-0000000000000001-01"),
                automation: None,
                tasks: self.world.catalog.submission(&places).expect("a tree has a root"),
                fingerprint: digest,
                repeated: false,
                now: boxwood_engine::Timestamp::default(),
            };
            while !self.world.has_ended() {
                match self.call(&Command::SubmitJob(new.clone())).map(|outcome| outcome.decided) {
                    Some(Ok(Reply::Job(job, _))) => {
                        self.world.jobs.lock().expect("no holder panics").push(job.id);
                        break;
                    }
                    Some(other) => panic!("a submission is answered {other:?}"),
                    None => new.repeated = true,
                }
            }
            self.world.wait_for_commits(self.random.below(20));
        }
    }
}

/// Runners.
impl Client<'_> {
    /// Works until the world ends.
    pub(super) fn runner(mut self, place: usize) {
        let cluster = if place % 5 == 4 { "gpu" } else { "default" };
        let ask = Ask { cluster: cluster.into(), identifiers: self.world.catalog.identifiers().into() };
        let mut held: Option<Held> = None;
        while !self.world.has_ended() {
            if held.is_some() && !self.world.is_calm() && self.random.chance(2) {
                // Its process dies; another takes its place.
                held = None;
            }
            let command = self.next_call(held.as_ref(), &ask);
            let Some(outcome) = self.call(&command) else { continue };
            match (&command, outcome.decided) {
                (Command::Report(_), Ok(Reply::Report(ReportReply::Task(hand_out)))) => {
                    held = Some(Held { hand_out: *hand_out, input: outcome.input });
                }
                (Command::Report(report), Ok(_)) => {
                    held = None;
                    if report.ask.is_some() {
                        self.world.wait_for_commits(1);
                    }
                }
                (Command::FailTask(_), Ok(_)) => held = None,
                (Command::ExtendLease { .. }, Ok(_)) => {}
                (_, other) => panic!("a runner is answered {other:?}"),
            }
        }
    }

    fn next_call(&mut self, held: Option<&Held>, ask: &Ask) -> Command {
        let now = boxwood_engine::Timestamp::default();
        let report =
            |computed, asks: bool| Command::Report(Box::new(Report { computed, ask: asks.then(|| ask.clone()), now }));
        let Some(held) = held else { return report(None, true) };
        let task = held.hand_out.id;
        let what = if self.world.is_calm() { 0 } else { self.random.below(100) };
        match what {
            0..70 => report(Some(self.computed(held)), true),
            70..80 => report(Some(self.computed(held)), false),
            80..93 => Command::FailTask(FailedTask {
                task,
                display: String::new(),
                progress: self.progress(),
                workflow_error: self.random.chance(80),
                now,
            }),
            _ => Command::ExtendLease { task, requested: seconds(self.random.below(60)), now },
        }
    }

    /// The report of a task that did what it was planned to do.
    fn computed(&mut self, held: &Held) -> ComputedTask {
        let catalog = &self.world.catalog;
        ComputedTask {
            task: held.hand_out.id,
            display: String::new(),
            progress: self.progress(),
            sub_tasks: catalog.submission(&catalog.task(&held.input).children),
            first_sub_task: TaskId::from_u128(1).expect("not zero"),
            content_error: None,
        }
    }

    fn progress(&mut self) -> Vec<ProgressUpdate> {
        let label = ["", "x"][self.random.place(2)];
        let update = ProgressUpdate { label: label.into(), total: self.random.below(5), done: self.random.below(5) };
        if self.random.chance(40) { vec![update] } else { Vec::new() }
    }
}
