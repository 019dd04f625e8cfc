//! A simulated world around the real engine and the real [writer](boxwood_store::writer) of the lane, with virtual time and
//! a database that fails: calls are lost, late and repeated, runners die or are slow, leases end, clocks are set, the
//! server's process dies before, during and after a commit.
//!
//! A seed gives a list of events, and the list gives everything else: the same list is lived through in the same way every
//! time. After every commit and every restart the rows are held against the definitions of the behaviour page, all replies
//! and answers against the reference model, and everything that somebody was told against what the server still knows. In
//! the end the world calms down, and every job must come to its end.
//!
//! Several servers may share the database. Then every event happens to one of them, while the others stand still, and
//! calls go to any of them; each has connections and rows in memory of its own, and they fail one by one.

mod calls;
mod calm;
mod event;
mod fault;
mod lease;
mod receipt;
mod serve;
mod shrink;
mod together;
mod trace;

use std::cell::Cell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use boxwood_engine::{Ask, Command, HandOut, JobId, Refusal, Reply, Settings, Taken, Timestamp};
use boxwood_store::writer::{Caller, LaneOptions, Work, Writer};
use boxwood_store::{Reader, memory};

use crate::catalog::Catalog;
use crate::compare::Reference;
use crate::quiet;
use crate::random::Random;
use crate::reopen::Reopen;
use crate::trees::Trees;
use event::{Event, Kind};
use fault::SharedDisk;

pub use shrink::{Failure, explain, shrink};

/// Events in the list of a seed.
pub const EVENTS: usize = 200;

/// What became of one seed.
#[derive(Clone, Debug)]
pub struct Run {
    /// A digest of everything that happened: the same seed gives the same one.
    pub trace: u64,
    /// Commands decided.
    pub commands: u64,
    /// How often the server started.
    pub starts: u64,
    /// What happened, a line each, if it was asked for.
    pub lines: Vec<String>,
}

/// Lives through the events of a seed, in memory.
///
/// # Errors
/// The rule that was broken.
pub fn run(seed: u64) -> Result<Run, Failure> {
    run_on(seed, || Box::new(memory::Database::new()))
}

/// The same on another database, of which `fresh` makes an empty one.
///
/// # Errors
/// The rule that was broken.
pub fn run_on(seed: u64, fresh: impl Fn() -> Box<dyn Reopen + Send>) -> Result<Run, Failure> {
    live(seed, &event::events(seed, EVENTS), fresh(), false)
}

fn live(seed: u64, events: &[Event], store: Box<dyn Reopen + Send>, readable: bool) -> Result<Run, Failure> {
    // The world is kept outside, so that its lines can be read when a check has failed.
    let mut sim = None;
    let result = quiet::catch(|| {
        let sim = sim.insert(Sim::new(seed, store, readable));
        sim.first();
        for event in events {
            sim.happens(*event);
        }
        sim.calm();
    });
    let lines = sim.as_ref().map(|sim| sim.trace.lines().to_vec()).unwrap_or_default();
    match (result, sim) {
        (Ok(()), Some(sim)) => Ok(Run { trace: sim.trace.digest(), commands: sim.commands, starts: sim.starts, lines }),
        (Ok(()), None) => unreachable!("the world was made"),
        (Err(panic), _) => Err(Failure { seed, place: panic.place, message: panic.message, lines }),
    }
}

/// Everything there is.
struct Sim {
    now: Timestamp,
    settings: Settings,
    options: LaneOptions,
    disk: SharedDisk,
    /// The servers, most often one; none where one is down.
    servers: Vec<Option<Server>>,
    /// The one that something happens to now.
    at: usize,
    /// The power failed in the last commit, and whether it would survive.
    torn: Option<bool>,
    runners: Vec<Runner>,
    reference: Reference,
    receipts: receipt::Receipts,
    leases: lease::Leases,
    catalog: Catalog,
    trees: Trees,
    /// Jobs that users know of.
    jobs: Vec<JobId>,
    submitted: Vec<Command>,
    /// The last calls that arrived, to arrive again.
    arrived: VecDeque<Command>,
    /// What chance decides while the present event happens.
    random: Random,
    trace: trace::Trace,
    /// The last answer to a call of the simulation itself, and the input of the task in it.
    last: Option<(Result<Reply, Refusal>, Vec<u8>)>,
    ids: u128,
    calls: u64,
    commands: u64,
    starts: u64,
}

/// The server while it is up.
struct Server {
    writer: Writer,
    reader: Arc<dyn Reader>,
    queue: VecDeque<Work<Waiter, ()>>,
    /// Hand-outs to be given back, which have not reached the queue yet.
    late: Vec<(Taken, Timestamp)>,
    /// How often all connections had been cut when it last spoke to the database.
    cuts_known: u64,
}

/// Who waits for the answer to a call.
struct Waiter {
    /// The number of the call.
    call: u64,
    from: From,
    command: Command,
    gone: Rc<Cell<bool>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum From {
    Runner(usize),
    User,
    /// Nobody reads the answer.
    Nobody,
    /// The simulation itself.
    Calm,
}

impl Caller for Waiter {
    fn is_gone(&self) -> bool {
        self.gone.get()
    }
}

/// A runner's process.
struct Runner {
    /// The cluster, and what it can execute; everything if that list is empty.
    ask: Ask,
    held: Option<Held>,
    waiting: Option<Waiting>,
    /// Whether it was told that there is no work, and waits to be woken.
    asleep: bool,
}

/// A task in the hands of a runner.
struct Held {
    hand_out: HandOut,
    input: Vec<u8>,
    started: Timestamp,
}

/// A call whose answer a runner waits for.
struct Waiting {
    call: u64,
    command: Command,
    gone: Rc<Cell<bool>>,
}

impl Sim {
    fn new(seed: u64, store: Box<dyn Reopen + Send>, readable: bool) -> Self {
        let mut random = Random::seeded(seed ^ 0x5eed);
        let mut small = |bound| u32::try_from(random.below(bound)).expect("a small number");
        let settings = Settings {
            crash_retries_max: small(4),
            hand_backs_max: small(4),
            refuse_content_errors: small(10) == 0,
            ..Settings::default()
        };
        // Small numbers, so that batches end and rows are forgotten in short histories too.
        let options = LaneOptions {
            batch_commands_max: 1 + small(5) as usize,
            kept_rows_max: if small(2) == 0 { usize::MAX } else { small(40) as usize },
            batches_between_trims: 1 + small(6),
        };
        Self {
            // The first of January 2026.
            now: Timestamp(1_767_225_600_000_000),
            reference: Reference::new(&settings),
            settings,
            options,
            servers: (0..store.servers()).map(|_| None).collect(),
            at: 0,
            disk: SharedDisk::new(store),
            torn: None,
            runners: calls::runners(),
            receipts: receipt::Receipts::default(),
            leases: lease::Leases::default(),
            catalog: Catalog::default(),
            trees: Trees::default(),
            jobs: Vec::new(),
            submitted: Vec::new(),
            arrived: VecDeque::new(),
            random,
            trace: trace::Trace::new(readable),
            last: None,
            ids: 0,
            calls: 0,
            commands: 0,
            starts: 0,
        }
    }

    fn happens(&mut self, event: Event) {
        self.now = self.now.plus(event.wait);
        self.random = Random::seeded(event.salt);
        self.trace.note(format_args!("{} +{} ms: {:?}", event.number, event.wait.as_millis(), event.kind));
        self.choose_server(event.kind);
        match event.kind {
            Kind::Submit => self.submit(),
            Kind::SubmitAgain => self.submit_again(),
            Kind::Cancel => self.cancel_or_retry(true),
            Kind::Retry => self.cancel_or_retry(false),
            Kind::ChangeClusters => self.change_clusters(),
            Kind::Call(runner) => self.call(runner),
            Kind::HangUp(runner) => self.hang_up(runner),
            Kind::RunnerDies(runner) => self.runner_dies(runner),
            Kind::Repeat => self.repeat(),
            Kind::Stray => self.stray(),
            Kind::Tick => self.tick(),
            Kind::Serve(at_most) => self.serve(at_most, None),
            Kind::Crash(at_most, moment) => self.serve(at_most, Some(moment)),
            Kind::Start => self.start(),
            Kind::Fault(operation, after, harm) => {
                let salt = self.random.number();
                self.disk.lock().arm(operation, after, harm, salt);
            }
            Kind::SetClock(seconds) => self.now.0 += seconds * 1_000_000,
        }
    }

    /// Which of several servers an event happens to: most often one that is up, or one that is down where one starts.
    fn choose_server(&mut self, kind: Kind) {
        if self.servers.len() < 2 {
            return;
        }
        let wanted_up = kind != Kind::Start;
        let fitting: Vec<usize> =
            (0..self.servers.len()).filter(|place| self.servers[*place].is_some() == wanted_up).collect();
        let any = self.random.place(self.servers.len());
        // Who calls does not know which are up.
        self.at = if self.random.chance(10) { any } else { self.random.pick(&fitting).copied().unwrap_or(any) };
        self.trace.note(format_args!("  at server {}", self.at));
    }

    fn server(&self) -> Option<&Server> {
        self.servers[self.at].as_ref()
    }

    fn server_mut(&mut self) -> Option<&mut Server> {
        self.servers[self.at].as_mut()
    }
}
