//! One of the servers: what the thread of its lane does, and a database that fails.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};

use boxwood_engine::{Changes, Command, Need, Settings, TaskKey, Timestamp, WorkingSet};
use boxwood_store::writer::{Batch, Committed, LaneOptions, Outcome, Work, Writer};
use boxwood_store::{Backend, Error};

use super::client::Waiter;
use super::{Course, LOOK_AGAIN, World};
use crate::postgres::Shared;
use crate::random::Random;

/// One batch in so many ends with its server.
const CRASHES_ONE_IN: u64 = 40;

/// One call to the database in so many fails.
const FAILS_ONE_IN: u64 = 80;

/// Small batches, so that many of them meet.
const BATCH_COMMANDS_MAX: usize = 12;

/// A durable batch.
pub(super) struct Commit {
    /// Its place in the order of all.
    pub(super) place: u64,
    /// What was decided, in this order. Commands of the server's own, and those whose caller was told that nobody knows,
    /// have no outcome.
    pub(super) decided: Vec<(Box<Command>, Option<Outcome>)>,
}

/// Serves until the world ends.
pub(super) fn run(world: &World, shared: &Shared, queue: &Receiver<Work<Waiter, ()>>, mut random: Random) {
    let mut lane = Lane::start(world, shared, &mut random);
    let mut waiting: VecDeque<Work<Waiter, ()>> = VecDeque::new();
    loop {
        if waiting.is_empty() {
            match queue.recv_timeout(LOOK_AGAIN) {
                Ok(work) => waiting.push_back(work),
                Err(RecvTimeoutError::Timeout) if !world.has_ended() => continue,
                Err(_) => return,
            }
        }
        waiting.extend(queue.try_iter());
        let crashes = random.number().is_multiple_of(CRASHES_ONE_IN) && !world.is_calm();
        let answers = !crashes || random.chance(50);
        waiting = lane.serve(world, waiting, answers);
        if crashes {
            // What waits is lost with its connections.
            waiting.clear();
            queue.try_iter().for_each(drop);
            world.course.faults.fetch_add(1, Ordering::Relaxed);
            lane = Lane::start(world, shared, &mut random);
        }
    }
}

struct Lane {
    writer: Writer,
    /// The place of the last commit, until it is noted.
    landed: Arc<Mutex<Option<u64>>>,
}

impl Lane {
    fn start(world: &World, shared: &Shared, random: &mut Random) -> Self {
        let landed = Arc::new(Mutex::new(None));
        let random = Random::seeded(random.number());
        let (inner, course) = (shared.database().backend(), world.course.clone());
        let ordered = Ordered { inner, course, landed: landed.clone(), random };
        let options = LaneOptions { batch_commands_max: BATCH_COMMANDS_MAX, ..LaneOptions::default() };
        let writer = Writer::open(Box::new(ordered), world.settings.clone(), options).expect("the database is there");
        Self { writer, landed }
    }

    /// Decides what waits, and answers, unless the process dies before; what is left has to wait for another server.
    fn serve(
        &mut self,
        world: &World,
        mut waiting: VecDeque<Work<Waiter, ()>>,
        answers: bool,
    ) -> VecDeque<Work<Waiter, ()>> {
        let mut batch = Batch::default();
        while !self.writer.is_full(&batch)
            && let Some(work) = waiting.pop_front()
        {
            self.writer.take(work, &mut batch).expect("a shared store decides later");
        }
        let committed = self.writer.finish(batch).expect("the store is sound");
        let Committed { answers: replies, decided, postponed, .. } = committed;
        world.postponed.fetch_add(postponed.len() as u64, Ordering::Relaxed);
        let mut left: VecDeque<_> = postponed.into();
        left.append(&mut waiting);
        let mut heard: Vec<(Waiter, Option<Outcome>)> = Vec::new();
        replies.deliver(
            |waiter, outcome| {
                heard.push((waiter, outcome.ok()));
                None
            },
            |(), _| {},
            |_, _| {},
        );
        let landed = self.landed.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(place) = landed.filter(|_| !decided.is_empty()) {
            let mut outcomes = heard.iter().map(|(_, outcome)| outcome);
            let decided = decided.into_iter().map(|command| {
                let own = matches!(*command, Command::ExpireLease { .. } | Command::ReturnHandOut { .. });
                let outcome = if own { None } else { outcomes.next().expect("an outcome for every call").as_ref() };
                (command, outcome.map(copy))
            });
            world.committed(Commit { place, decided: decided.collect() });
        }
        if answers {
            let now = world.now();
            let undelivered = heard.into_iter().filter_map(|(waiter, outcome)| waiter.send(outcome));
            let owed = undelivered.filter_map(|outcome| outcome.hand_out().map(|hand_out| hand_out.taken));
            left.extend(owed.map(|taken| Work::GiveBack(taken, now)));
        }
        self.writer.trim();
        left
    }
}

fn copy(outcome: &Outcome) -> Outcome {
    Outcome { decided: outcome.decided.clone(), input: outcome.input.clone() }
}

/// A backend whose commits are numbered, and which fails now and then.
struct Ordered {
    inner: Box<dyn Backend>,
    course: Arc<Course>,
    landed: Arc<Mutex<Option<u64>>>,
    random: Random,
}

impl Ordered {
    /// Fails now and then: somebody was in the way, or the connection is lost.
    fn may_fail(&mut self) -> Result<(), Error> {
        if self.course.calm.load(Ordering::Relaxed) || !self.random.number().is_multiple_of(FAILS_ONE_IN) {
            return Ok(());
        }
        self.course.faults.fetch_add(1, Ordering::Relaxed);
        let text = "the test lets a call fail".to_owned();
        Err(if self.random.chance(50) { Error::Conflict(text) } else { Error::Unavailable(text) })
    }
}

impl Backend for Ordered {
    fn open_set(&mut self, settings: Settings) -> Result<WorkingSet, Error> {
        self.inner.open_set(settings)
    }

    fn load(&mut self, set: &mut WorkingSet, need: Need) -> Result<(), Error> {
        self.inner.load(set, need)
    }

    fn save(&mut self, changes: &Changes<'_>) -> Result<(), Error> {
        self.inner.save(changes)
    }

    fn inputs(&mut self, tasks: &[TaskKey]) -> Result<Vec<Vec<u8>>, Error> {
        self.inner.inputs(tasks)
    }

    fn expired(&mut self, now: Timestamp, limit: usize) -> Result<Vec<TaskKey>, Error> {
        self.inner.expired(now, limit)
    }

    fn commit(&mut self) -> Result<(), Error> {
        self.inner.commit()
    }

    fn is_shared(&self) -> bool {
        self.inner.is_shared()
    }

    fn begin(&mut self, set: &mut WorkingSet, commands: &[&Command]) -> Result<(), Error> {
        self.inner.begin(set, commands)?;
        self.may_fail()
    }

    fn load_all(&mut self, set: &mut WorkingSet, needs: &[Need]) -> Result<Vec<Need>, Error> {
        let left = self.inner.load_all(set, needs)?;
        self.may_fail()?;
        Ok(left)
    }

    fn finish(&mut self, changes: &Changes<'_>, inputs_of: &[TaskKey]) -> Result<Vec<Vec<u8>>, Error> {
        self.may_fail()?;
        // All its locks are held until it is committed: whoever needs one of them takes a later number.
        let place = self.course.order.fetch_add(1, Ordering::SeqCst);
        let inputs = self.inner.finish(changes, inputs_of).inspect_err(|_| {
            self.course.uncertain.store(true, Ordering::Relaxed);
        })?;
        *self.landed.lock().unwrap_or_else(PoisonError::into_inner) = Some(place);
        // Nobody knows, unless the test would not know either what was handed out.
        if inputs_of.is_empty() {
            self.may_fail().map_err(|error| Error::Unavailable(error.to_string()))?;
        }
        Ok(inputs)
    }

    fn abandon(&mut self, error: &Error) {
        self.inner.abandon(error);
    }
}
