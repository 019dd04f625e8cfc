//! A server that shares its database with others: it decides a batch together, in an order of its own, and a database that
//! is lost ends nothing.

use boxwood_engine::Command;
use boxwood_store::writer::{Committed, Outcome};

use super::event::{Harm, Moment, Operation};
use super::serve::{Decided, Heard};
use super::{Sim, Waiter};

impl Sim {
    /// A process that dies before its commit has its rows written, and holds what it has locked.
    pub(super) fn expect_crash(&mut self, crash: Option<Moment>) {
        if crash == Some(Moment::BeforeCommit) {
            let salt = self.random.number();
            self.disk.lock().arm(Operation::Commit, 0, Harm::Undone, salt);
        }
    }

    /// A batch has ended: durable or not, and the server may know it or not. It may fail by itself if everything stood still.
    pub(super) fn committed_together(
        &mut self,
        committed: Committed<Waiter, ()>,
        taken: &[Decided],
        crash: Option<Moment>,
        stood_still: bool,
    ) {
        let Committed { answers, wakes, decided, postponed, .. } = committed;
        assert!(postponed.is_empty(), "no other server holds anything");
        let mut disk = self.disk.lock();
        let landed = std::mem::take(&mut disk.landed);
        let struck = disk.struck.take();
        if crash.is_some() {
            disk.disarm();
        }
        let cuts = disk.cuts;
        drop(disk);
        let answers = self.hear(answers);
        self.check_ticks(taken, &answers.ticks, landed);
        let known = answers.outcomes.iter().all(|(_, outcome)| outcome.is_some());
        let server = self.server_mut().expect("it is up");
        let was_cut = server.cuts_known < cuts;
        if !decided.is_empty() || !known || !answers.ticks.is_empty() {
            // It has spoken to the database.
            server.cuts_known = cuts;
        }
        if landed {
            self.decide_again(&decided, &answers, struck);
            if struck.is_none() {
                assert!(known, "N-21: a batch was committed, and nobody was told so");
                self.reference.check_wakes(&wakes);
            } else {
                self.disk.lock().store.settle();
            }
            self.check_changes();
        } else if !decided.is_empty() || !known {
            assert!(struck.is_some() || was_cut || stood_still, "N-22: a batch failed by itself");
            let none = answers.outcomes.iter().all(|(_, outcome)| outcome.is_none());
            assert!(none, "N-21: somebody was told what was not committed");
            self.trace.note(format_args!("  nothing is committed"));
            self.disk.lock().store.settle();
            self.nothing_is_visible();
        }
        self.leave(answers, &wakes, crash);
    }

    /// A tick finds every lease that has run out before the batch, if the database answers.
    fn check_ticks(&mut self, taken: &[Decided], ticks: &[usize], landed: bool) {
        let times = taken.iter().filter_map(|work| match work {
            Decided::Tick(now) => Some(*now),
            _ => None,
        });
        let Some(now) = times.max() else { return };
        let expected = self.reference.ended_leases(now);
        for found in ticks {
            let failed = *found == 0 && !landed;
            assert!(failed || *found == expected, "S-41: {found} leases have run out, not {expected}");
        }
    }

    /// Has the reference model decide what was committed, in the order of the server.
    fn decide_again(&mut self, decided: &[Box<Command>], answers: &Heard, struck: Option<(Operation, Harm)>) {
        let mut outcomes = answers.outcomes.iter();
        for command in decided {
            match command.as_ref() {
                Command::ExpireLease { task, now } => {
                    self.trace.note(format_args!("  the lease of {task:?} has run out"));
                    let id = self.disk.lock().committed.group_of(*task).group.task_id(*task);
                    self.reference.learn(*task, id);
                    self.reference.decide(command);
                    self.leases.expire_one(*task, *now);
                }
                Command::ReturnHandOut { taken, now } => self.given_back(*taken, *now),
                command => {
                    let (waiter, outcome): &(Waiter, Option<Outcome>) =
                        outcomes.next().expect("an outcome for every command");
                    if let Some(outcome) = outcome {
                        self.compare_one(waiter, command, outcome);
                    } else {
                        assert!(struck.is_some(), "N-21: what became of a command is not known");
                        self.trace.note(format_args!("  call {}: nobody knows", waiter.call));
                        self.reference.decide(command);
                        self.leases.unseen(command);
                    }
                }
            }
        }
        assert!(outcomes.next().is_none(), "an answer nobody asked for");
    }
}
