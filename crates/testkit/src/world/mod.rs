//! Jobs, runners and a clock around the engine and a store.

mod calls;
mod look;
mod runner;

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use boxwood_engine::{
    Command, HandOut, JobId, Need, Refusal, Reply, ReportReply, Settings, TaskId, TaskKey, Timestamp, WorkingSet,
};
use boxwood_store::{Backend, Reader, memory, step_with};

pub use runner::Runner;

use crate::catalog::Catalog;
use crate::compare::Reference;
use crate::invariants::{self, Facts};
use crate::mirror::{Mirror, Mirrored};
use crate::plan::Plans;
use crate::random::Random;
use crate::reopen::{Opened, Reopen};

/// The slug of the default cluster.
const DEFAULT_CLUSTER: &str = "default";

/// Lease expiries acted on at once at most.
const EXPIRED_MAX: usize = 1000;

/// Commands shown when a test fails.
const SHOWN_COMMANDS_MAX: usize = 12;

/// How much of each is shown.
const SHOWN_CHARS_MAX: usize = 400;

/// A world: one database, the engine on it, jobs made of [`Plan`](crate::Plan)s, runners, and a clock that moves when told
/// to.
///
/// ```
/// use boxwood_engine::TaskState;
/// use boxwood_testkit::World;
///
/// let mut world = World::seeded(7).job("a -> b").runners(2);
/// let a = world.claim(0).expect("a is ready");
/// assert!(world.claim(1).is_none(), "b waits for a");
/// let b = world.report(0, &a).expect("b is ready by now");
/// world.complete(&b);
/// assert_eq!(world.state("b"), TaskState::Computed);
/// ```
pub struct World {
    seed: u64,
    random: Random,
    now: Timestamp,
    store: Box<dyn Reopen>,
    backend: Mirrored,
    reader: Arc<dyn Reader>,
    set: WorkingSet,
    /// The rows before the current command.
    before: Mirror,
    catalog: Catalog,
    jobs: Vec<JobId>,
    runners: Vec<Runner>,
    order: Vec<String>,
    history: Vec<Event>,
    checked: bool,
    /// None in a world whose commands are not checked.
    reference: Option<Reference>,
    lazy: bool,
    ids: u128,
}

/// Something that happened to the store, to be done again to another one.
#[derive(Clone, Debug)]
pub enum Event {
    /// A command, what it was answered as text, and the input of the task handed out, if one was.
    Command(Command, String, Option<Vec<u8>>),
    /// The store was asked for leases that end by then, at most so many, and named these tasks.
    Expired(Timestamp, usize, Vec<TaskKey>),
    /// What was decided became durable.
    Commit,
    /// The server ended and started again; what was not committed is gone.
    Restart,
}

/// A task in the hands of a runner.
#[derive(Clone, Debug)]
pub struct Held {
    /// What its plan calls it.
    pub name: String,
    /// What the runner was given.
    pub hand_out: HandOut,
    /// Its input.
    pub input: Vec<u8>,
}

impl Deref for Held {
    type Target = HandOut;

    fn deref(&self) -> &HandOut {
        &self.hand_out
    }
}

/// Building.
impl World {
    /// An empty world in memory, with one runner on the default cluster.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self::on(seed, memory::Database::new())
    }

    /// An empty world on some database, which is empty too.
    #[must_use]
    pub fn on(seed: u64, mut store: impl Reopen + 'static) -> Self {
        let Opened { backend, reader } = store.open();
        let mut backend = Mirrored { inner: Some(backend), rows: Mirror::default(), committed: None };
        let set = backend.open_set(Settings::default()).expect("an empty database can be read");
        let reference = Some(Reference::new(&set.settings));
        let mut world = Self {
            seed,
            random: Random::seeded(seed),
            // The first of January 2026.
            now: Timestamp(1_767_225_600_000_000),
            store: Box::new(store),
            backend,
            reader,
            set,
            before: Mirror::default(),
            catalog: Catalog::default(),
            jobs: Vec::new(),
            runners: Vec::new(),
            order: Vec::new(),
            history: Vec::new(),
            checked: true,
            reference,
            lazy: false,
            ids: 0,
        };
        let default = world.new_cluster(DEFAULT_CLUSTER, false);
        world.send(default).expect("the first cluster");
        world.runners(1)
    }

    /// Another cluster.
    #[must_use]
    pub fn cluster(mut self, slug: &str) -> Self {
        let new = self.new_cluster(slug, true);
        self.send(new).expect("a new slug");
        self
    }

    /// Another job.
    #[must_use]
    pub fn job(mut self, plans: impl Into<Plans>) -> Self {
        self.submit(plans);
        self
    }

    /// So many runners on the default cluster that can execute everything, in place of those there are.
    #[must_use]
    pub fn runners(mut self, count: usize) -> Self {
        self.runners = vec![Runner::on(DEFAULT_CLUSTER); count];
        self
    }

    /// Another runner.
    #[must_use]
    pub fn runner(mut self, runner: Runner) -> Self {
        self.runners.push(runner);
        self
    }

    /// Other numbers of the rules.
    #[must_use]
    pub fn settings(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(&mut self.set.settings);
        if let Some(reference) = &mut self.reference {
            reference.set_numbers(&self.set.settings);
        }
        self
    }

    /// No checks after each command, for jobs of many tasks; [`World::check`] still works.
    #[must_use]
    pub fn unchecked(mut self) -> Self {
        self.checked = false;
        self.reference = None;
        self
    }

    /// From now on only replies are checked after each command, and the rest by [`World::check`].
    pub(crate) fn checked_less(mut self) -> Self {
        self.checked = false;
        self
    }

    /// One runner does everything from now on: what it gets is exactly what R-11 says of one runner.
    #[must_use]
    pub fn alone(mut self) -> Self {
        let reference = self.reference.as_mut().expect("a checked world");
        reference.alone();
        self.runners(1)
    }

    /// Nothing is saved until [`World::commit`]; a restart loses the rest.
    pub(crate) fn lazy(mut self) -> Self {
        self.lazy = true;
        self.backend.committed = Some(self.backend.rows.clone());
        self
    }
}

/// What happens by itself.
impl World {
    /// Lets time pass.
    pub fn advance(&mut self, span: Duration) -> &mut Self {
        self.now = self.now.plus(span);
        self
    }

    /// Sets the clock back.
    pub fn set_back(&mut self, span: Duration) -> &mut Self {
        self.now = Timestamp(self.now.0 - i64::try_from(span.as_micros()).expect("a short time"));
        self
    }

    /// Acts on leases that have ended; answers how many.
    pub fn expire_leases(&mut self) -> usize {
        self.backend.save(&self.set.changes()).expect("the store works");
        self.set.saved();
        let expired = self.backend.expired(self.now, EXPIRED_MAX).expect("the store works");
        self.history.push(Event::Expired(self.now, EXPIRED_MAX, expired.clone()));
        if let Some(reference) = &self.reference {
            reference.check_expired(self.now, &expired);
        }
        for task in &expired {
            self.send(Command::ExpireLease { task: *task, now: self.now }).expect("never refused");
        }
        expired.len()
    }

    /// Makes everything decided so far durable. Only a lazy world needs to be told.
    pub(crate) fn commit(&mut self) {
        self.backend.save(&self.set.changes()).expect("the store works");
        self.set.saved();
        self.backend.commit().expect("the store works");
        self.set.end_batch(usize::MAX);
        self.history.push(Event::Commit);
        if let Some(reference) = &mut self.reference {
            reference.commit();
            if self.checked {
                reference.check_answers(self.reader.as_ref());
            }
        }
    }

    /// Ends the server and starts it again. What was not committed is gone.
    pub fn restart(&mut self) -> &mut Self {
        let settings = self.set.settings.clone();
        if let Some(committed) = &self.backend.committed {
            self.backend.rows.clone_from(committed);
        }
        // The old backend must be gone before the database is opened again.
        self.backend.inner = None;
        let Opened { backend, reader } = self.store.open();
        self.backend.inner = Some(backend);
        self.reader = reader;
        self.set = self.backend.open_set(settings).expect("the store works");
        self.before = self.rows();
        self.history.push(Event::Restart);
        if let Some(reference) = &mut self.reference {
            reference.lose();
            reference.check_answers(self.reader.as_ref());
        }
        self
    }

    /// How many tasks became ready since the last call, by the name of their identifier: what wakes those who wait.
    pub fn wakes(&mut self) -> Vec<(String, u64)> {
        let wakes = self.set.take_wakes().into_iter();
        let named = |class| self.set.class(class).expect("a class of a ready task").identifier.name.to_string();
        wakes.map(|(class, count)| (named(class), count)).collect()
    }

    /// The present.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }
}

/// Deciding and checking.
impl World {
    /// Has a command decided, saved and committed, and checks what must hold afterwards.
    ///
    /// # Errors
    /// The refusal, if it is one.
    pub fn send(&mut self, command: Command) -> Result<Reply, Refusal> {
        let decided = step_with(&mut self.backend, &mut self.set, &command).expect("the store works");
        let input = match &decided {
            Ok(Reply::Report(ReportReply::Task(hand_out))) => Some(self.input(hand_out.taken.task)),
            _ => None,
        };
        self.history.push(Event::Command(command.clone(), format!("{decided:?}"), input.clone()));
        if let Some(reference) = &mut self.reference {
            reference.check(&command, &decided, input.as_deref());
        }
        if !self.lazy {
            self.commit();
        }
        if self.checked {
            self.check_command(&command, &decided);
        }
        decided
    }

    fn check_command(&mut self, command: &Command, decided: &Result<Reply, Refusal>) {
        let after = self.rows();
        let facts = Facts::of(&after);
        facts.check();
        invariants::check_moves(&self.before, &facts, command);
        assert!(decided.is_ok() || after == self.before, "E-3: a refused command changes nothing");
        self.before = after;
    }

    /// Checks everything that can be said about the rows at one moment.
    ///
    /// # Panics
    /// If something does not hold.
    pub fn check(&self) {
        Facts::of(&self.rows()).check();
    }

    /// Compares everything a client can ask of the committed rows, searches included, with the reference model.
    pub(crate) fn check_everything(&mut self) {
        let reference = self.reference.as_ref().expect("a world whose commands are checked");
        reference.check_answers(self.reader.as_ref());
        reference.check_searches(self.reader.as_ref(), &mut self.random);
    }

    /// The rows as they were after the last command. Only a checked world looks at them.
    pub(crate) fn seen(&self) -> &Mirror {
        &self.before
    }

    /// The rows as they are now, what is not saved yet included.
    #[must_use]
    pub fn rows(&self) -> Mirror {
        let mut rows = self.backend.rows.clone();
        rows.apply(&self.set.changes());
        rows
    }
}

/// Access to the store.
impl World {
    /// The backend, with everything saved.
    pub(crate) fn backend(&mut self) -> &mut dyn Backend {
        &mut self.backend
    }

    /// A set of its own into which the store has loaded what one need asks for.
    pub(crate) fn loaded(&mut self, need: Need) -> WorkingSet {
        let mut set = self.backend.open_set(self.set.settings.clone()).expect("the store works");
        self.backend.load(&mut set, need).expect("the store works");
        set
    }
}

/// Making commands.
impl World {
    fn input(&mut self, task: TaskKey) -> Vec<u8> {
        match self.unsaved_input(task) {
            Some(input) => input,
            None => self.backend.inputs(&[task]).expect("the store works").pop().expect("one input a task"),
        }
    }

    /// The input of a task that is not saved yet.
    fn unsaved_input(&self, task: TaskKey) -> Option<Vec<u8>> {
        let changes = self.set.changes();
        let row = changes.groups.iter().find(|row| row.group.holds(task))?;
        Some(row.inputs[usize::try_from(task.0 - row.group.key.0).expect("a short list")].clone())
    }

    /// Ids begin with the time in milliseconds and are random behind it (N-9).
    fn fresh_id(&mut self) -> u128 {
        self.ids += 1;
        let milliseconds = u128::try_from(self.now.0 / 1000).expect("after 1970");
        milliseconds << 80 | u128::from(self.random.number() >> 32) << 48 | self.ids
    }

    pub(crate) fn fresh_task_id(&mut self) -> TaskId {
        let id = self.fresh_id();
        // Room for the tasks of a submission behind the first.
        TaskId::from_u128((id >> 80 << 80) | (id & u128::from(u64::MAX >> 16)) << 32).expect("not zero")
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let commands = self.history.iter().filter(|event| !matches!(event, Event::Commit));
            let shown: Vec<_> = commands.rev().take(SHOWN_COMMANDS_MAX).collect();
            eprintln!("the world had seed {}; its last commands were", self.seed);
            for event in shown.into_iter().rev() {
                let text = format!("{event:?}");
                eprintln!("  {}", text.chars().take(SHOWN_CHARS_MAX).collect::<String>());
            }
        }
    }
}
