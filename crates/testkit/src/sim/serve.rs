//! The server of a simulation: calls arrive and wait, the writer decides and commits, answers leave; its process dies and
//! starts again.

use std::cell::Cell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::{Duration, Instant};

use boxwood_engine::{Command, Reply, Taken, Timestamp};
use boxwood_store::Error;
use boxwood_store::writer::{Answers, Batch, Committed, Outcome, Wake, Work, Writer};

use super::event::{Harm, Moment, Operation};
use super::fault::{Disk, Faulty};
use super::{From, Server, Sim, Waiter, Waiting};
use crate::invariants::Facts;

/// Calls remembered, to arrive again.
const ARRIVED_MAX: usize = 24;

/// A database ends a transaction that stands still for longer, as it does if the machine that simulates is stopped.
const STANDSTILL: Duration = Duration::from_secs(4);

/// How many connections in a hundred break while their call is decided.
const BROKEN_PERCENT: u64 = 8;

/// Something the writer has taken, to be decided by the reference model too.
pub(super) enum Decided {
    Command(Box<Command>),
    Tick(Timestamp),
    GiveBack(Taken, Timestamp),
    /// Its caller was gone.
    Nothing,
}

/// Answers that have not left yet.
pub(super) struct Heard {
    /// None where the server does not know what became of the command.
    pub(super) outcomes: Vec<(Waiter, Option<Outcome>)>,
    pub(super) ticks: Vec<usize>,
    /// Hand-outs that will reach nobody.
    pub(super) given_back: Vec<(Taken, Timestamp)>,
}

/// Arriving.
impl Sim {
    /// A call arrives at the server, which gives it the present time. Answers what its caller waits with; nothing if the
    /// server is down.
    pub(super) fn arrives(&mut self, from: From, command: &Command) -> Option<Waiting> {
        self.server()?;
        let mut stamped = command.clone();
        self.stamp(&mut stamped);
        let gone = Rc::new(Cell::new(false));
        self.calls += 1;
        self.trace.note(format_args!("  call {} of {from:?}: {stamped:?}", self.calls));
        self.arrived.push_back(command.clone());
        if self.arrived.len() > ARRIVED_MAX {
            self.arrived.pop_front();
        }
        let waiter = Waiter { call: self.calls, from, command: stamped.clone(), gone: gone.clone() };
        let overtakes = self.random.chance(15);
        let server = self.server_mut()?;
        server.queue.push_back(Work::Command(Box::new(stamped), waiter));
        let last = server.queue.len() - 1;
        if overtakes && last > 0 {
            server.queue.swap(last - 1, last);
        }
        Some(Waiting { call: self.calls, command: command.clone(), gone })
    }

    pub(super) fn tick(&mut self) {
        let now = self.now;
        if let Some(server) = self.server_mut() {
            server.queue.push_back(Work::Tick(now, ()));
        }
    }
}

/// Serving.
impl Sim {
    /// The writer takes what waits, at most so much, commits it and lets the answers go; unless the process dies meanwhile.
    pub(super) fn serve(&mut self, at_most: usize, crash: Option<Moment>) {
        let Some(server) = &mut self.servers[self.at] else { return };
        if self.random.chance(20) {
            let late = server.late.drain(..);
            server.queue.extend(late.map(|(task, now)| Work::GiveBack(task, now)));
        }
        let mut batch = Batch::default();
        let mut taken = Vec::new();
        let mut failed = None;
        while batch.len() < at_most && !server.writer.is_full(&batch) {
            let Some(work) = server.queue.pop_front() else { break };
            taken.push(match &work {
                Work::Command(_, waiter) if waiter.gone.get() => Decided::Nothing,
                Work::Command(command, _) => Decided::Command(command.clone()),
                Work::Tick(now, ()) => Decided::Tick(*now),
                Work::GiveBack(task, now) => Decided::GiveBack(*task, *now),
            });
            if let Err(error) = server.writer.take(work, &mut batch) {
                failed = Some(error);
                break;
            }
        }
        if failed.is_none() && batch.is_empty() && crash.is_none() {
            return;
        }
        let shared = self.disk.lock().is_shared;
        if failed.is_none() && crash == Some(Moment::BeforeCommit) && !shared {
            self.trace.note(format_args!("  the server dies before it commits"));
            self.nothing_is_visible();
            return self.dies();
        }
        if shared {
            self.expect_crash(crash);
        }
        let start = Instant::now();
        match failed.map_or_else(|| self.finish(batch), Err) {
            Ok(committed) if shared => {
                self.committed_together(committed, &taken, crash, start.elapsed() > STANDSTILL);
            }
            Ok(committed) => self.committed(committed, &taken, crash),
            Err(error) => self.fails(&error, taken),
        }
    }

    fn finish(&mut self, batch: Batch<Waiter, ()>) -> Result<Committed<Waiter, ()>, Error> {
        self.server_mut().expect("it is up").writer.finish(batch)
    }

    /// What is decided and not committed is seen by nobody (N-21).
    pub(super) fn nothing_is_visible(&self) {
        let server = self.server().expect("it is up");
        self.reference.check_answers(server.reader.as_ref());
    }

    /// A batch is durable: everything is checked, and the answers leave.
    fn committed(&mut self, committed: Committed<Waiter, ()>, taken: &[Decided], crash: Option<Moment>) {
        let Committed { answers, wakes, postponed, .. } = committed;
        assert!(postponed.is_empty(), "a store of one writer has nobody to wait for");
        let answers = self.hear(answers);
        self.compare(taken, &answers.outcomes, &answers.ticks);
        self.check_rows(&wakes);
        self.leave(answers, &wakes, crash);
    }

    /// Who will hear which answer, and what is owed to the server. Nothing is sent yet.
    pub(super) fn hear(&mut self, answers: Answers<Waiter, ()>) -> Heard {
        let mut heard = Heard { outcomes: Vec::new(), ticks: Vec::new(), given_back: Vec::new() };
        let mut owed = Vec::new();
        answers.deliver(
            |waiter, outcome| {
                let outcome = outcome.ok();
                if waiter.from != From::Calm && self.random.chance(BROKEN_PERCENT) {
                    waiter.gone.set(true);
                }
                let undelivered = outcome.as_ref().filter(|_| waiter.gone.get()).map(copy);
                owed.extend(undelivered.as_ref().and_then(Outcome::hand_out).map(|hand_out| hand_out.taken));
                heard.outcomes.push((waiter, outcome));
                undelivered
            },
            |(), expired| heard.ticks.push(expired),
            |task, now| heard.given_back.push((task, now)),
        );
        let given_back = heard.given_back.iter().map(|(task, _)| task);
        assert!(owed.iter().eq(given_back), "R-44: {owed:?} reached nobody");
        heard
    }

    /// The answers leave, in the order in which they were decided.
    pub(super) fn leave(&mut self, answers: Heard, wakes: &[Wake], crash: Option<Moment>) {
        let answered = match crash {
            Some(Moment::AfterCommit(answered)) => answered,
            _ => usize::MAX,
        };
        for (waiter, outcome) in answers.outcomes.into_iter().take(answered) {
            // Who hears that nobody knows what became of a call, sends it again.
            if let Some(outcome) = outcome {
                self.answered(waiter, outcome);
            }
        }
        if crash.is_some() {
            self.trace.note(format_args!("  the server dies"));
            return self.dies();
        }
        let (soon, late): (Vec<_>, Vec<_>) = answers.given_back.into_iter().partition(|_| self.random.chance(60));
        let server = self.server_mut().expect("it is up");
        server.queue.extend(soon.into_iter().map(|(task, now)| Work::GiveBack(task, now)));
        server.late.extend(late);
        server.writer.trim();
        self.wake(wakes);
    }

    /// Has the reference model decide the same, and compares.
    fn compare(&mut self, taken: &[Decided], outcomes: &[(Waiter, Option<Outcome>)], ticks: &[usize]) {
        let (mut outcomes, mut ticks) = (outcomes.iter(), ticks.iter());
        for work in taken {
            match work {
                Decided::Nothing => {}
                Decided::Command(command) => {
                    let (waiter, outcome) = outcomes.next().expect("an outcome for every command");
                    let outcome = outcome.as_ref().expect("a store of one writer is never out of reach");
                    self.compare_one(waiter, command, outcome);
                }
                Decided::Tick(now) => {
                    let expired = self.reference.tick(*now);
                    assert_eq!(ticks.next(), Some(&expired), "S-41: leases that have run out");
                    self.trace.note(format_args!("  {expired} leases have run out"));
                    self.leases.expire(*now);
                }
                Decided::GiveBack(taken, now) => self.given_back(*taken, *now),
            }
        }
        assert!(outcomes.next().is_none() && ticks.next().is_none(), "an answer nobody asked for");
    }

    pub(super) fn compare_one(&mut self, waiter: &Waiter, command: &Command, outcome: &Outcome) {
        let Outcome { decided, input } = outcome;
        self.trace.note(format_args!("  call {}: {decided:?}", waiter.call));
        self.commands += 1;
        self.reference.check(command, decided, outcome.hand_out().map(|_| input.as_slice()));
        if let Ok(reply) = decided {
            self.leases.check(command, reply);
        }
    }

    pub(super) fn given_back(&mut self, taken: Taken, now: Timestamp) {
        self.trace.note(format_args!("  {taken:?} is given back"));
        let command = Command::ReturnHandOut { taken, now };
        self.reference.check(&command, &Ok(Reply::Done), None);
        self.leases.check(&command, &Reply::Done);
    }

    fn check_rows(&mut self, wakes: &[Wake]) {
        self.reference.check_wakes(wakes);
        self.check_changes();
    }

    pub(super) fn check_changes(&mut self) {
        let server = self.servers[self.at].as_ref().expect("it is up");
        Facts::of(&self.disk.lock().committed).check();
        self.reference.check_changes(server.reader.as_ref());
        self.reference.commit();
    }

    /// Those who wait for work that there is now are woken.
    fn wake(&mut self, wakes: &[Wake]) {
        for runner in self.runners.iter_mut().filter(|runner| runner.asleep) {
            let ask = &runner.ask;
            let fits = |(class, _): &Wake| {
                let runs = |has: &boxwood_engine::Identifier| {
                    has.name == class.identifier.name && has.version.runs(&class.identifier.version)
                };
                ask.cluster == class.cluster && (ask.identifiers.is_empty() || ask.identifiers.iter().any(runs))
            };
            if wakes.iter().any(fits) {
                runner.asleep = false;
            }
        }
    }
}

fn copy(outcome: &Outcome) -> Outcome {
    Outcome { decided: outcome.decided.clone(), input: outcome.input.clone() }
}

/// Dying and starting.
impl Sim {
    /// The database failed, and the server ends by that (N-22).
    fn fails(&mut self, error: &Error, taken: Vec<Decided>) {
        let struck = self.disk.lock().struck;
        let Some((operation, harm)) = struck else { panic!("N-22: the server ended by itself: {error}") };
        self.trace.note(format_args!("  {operation:?} fails, {harm:?}"));
        if operation == Operation::Commit && harm != Harm::Undone {
            for work in taken {
                let command = match work {
                    Decided::Nothing => continue,
                    Decided::Command(command) => *command,
                    Decided::GiveBack(taken, now) => Command::ReturnHandOut { taken, now },
                    Decided::Tick(now) => {
                        self.reference.tick(now);
                        self.leases.expire(now);
                        continue;
                    }
                };
                self.reference.decide(&command);
                self.leases.unseen(&command);
            }
            match harm {
                Harm::Torn { survives } => self.torn = Some(survives),
                _ => self.reference.commit(),
            }
        }
        self.dies();
    }

    /// The server's process is gone, and every call with it.
    pub(super) fn dies(&mut self) {
        let mut disk = self.disk.lock();
        let found = match self.torn.take() {
            Some(survives) => disk.store.power_cut(self.random.number(), survives),
            None => {
                disk.store.crash();
                false
            }
        };
        let Disk { saved, committed, struck, .. } = &mut *disk;
        *struck = None;
        if found {
            self.trace.note(format_args!("  the commit is on the disk"));
            self.reference.commit();
            committed.clone_from(saved);
        } else {
            self.reference.lose();
            saved.clone_from(committed);
        }
        drop(disk);
        self.servers[self.at] = None;
        self.disk.lock().store.settle();
        for runner in &mut self.runners {
            // Its connection breaks: it sends the call again, or knows that it waits for nothing.
            runner.asleep = false;
        }
    }

    /// The server starts, and finds what was committed: all of it, and nothing else.
    pub(super) fn start(&mut self) {
        if self.server().is_some() {
            return;
        }
        let opened = self.disk.lock().open();
        let backend = Box::new(Faulty::new(opened.backend, self.disk.clone()));
        let writer = match Writer::open(backend, self.settings.clone(), self.options.clone()) {
            Ok(writer) => writer,
            Err(error) => {
                let struck = self.disk.lock().struck.take();
                assert!(struck.is_some(), "N-22: the server does not start: {error}");
                self.trace.note(format_args!("  the server does not start"));
                return;
            }
        };
        let reader = opened.reader;
        self.reference.check_answers(reader.as_ref());
        self.receipts.check(reader.as_ref());
        self.starts += 1;
        self.trace.note(format_args!("  the server starts"));
        let mut disk = self.disk.lock();
        // A connection that was cut before it was made is a sound one.
        disk.struck = None;
        let cuts_known = disk.cuts;
        drop(disk);
        self.servers[self.at] = Some(Server { writer, reader, queue: VecDeque::new(), late: Vec::new(), cuts_known });
    }
}
