//! Deciding a batch where other servers write to the database too.
//!
//! All commands are stepped in rounds: what they lack is loaded for all of them at once, so that a batch costs a few round
//! trips and not a few for each command. A command whose rows another server holds is left for the next batch.

use boxwood_engine::{Command, Need, Refusal, Reply, ReportReply, TaskKey, Timestamp, step};

use super::{Answers, Caller, Committed, EXPIRED_TASKS_MAX, Outcome, Work, Writer};
use crate::backend::ROUNDS_MAX;
use crate::error::Error;

/// How often a batch is tried when other servers get in its way.
const ATTEMPTS_MAX: u32 = 3;

/// A command of a batch.
struct Piece<C> {
    command: Box<Command>,
    /// Nobody for commands of the server's own.
    caller: Option<C>,
}

/// A piece that was decided.
struct Decision {
    /// Its place in the batch.
    place: usize,
    reply: Result<Reply, Refusal>,
    /// The input of the task handed out, if one was.
    input: Vec<u8>,
}

impl Writer {
    /// Decides a batch and commits it.
    pub(super) fn finish_together<C: Caller, T>(&mut self, works: Vec<Work<C, T>>) -> Result<Committed<C, T>, Error> {
        let mut pieces = Vec::with_capacity(works.len());
        let mut waiting = Vec::new();
        for work in works {
            match work {
                // A caller that is gone already wants nothing done: nothing was promised to it.
                Work::Command(_, caller) if caller.is_gone() => {}
                Work::Command(command, caller) => pieces.push(Piece { command, caller: Some(caller) }),
                Work::Tick(now, tick) => waiting.push((now, tick)),
                Work::GiveBack(taken, now) => {
                    pieces.push(Piece { command: Box::new(Command::ReturnHandOut { taken, now }), caller: None });
                }
            }
        }
        let mut result = self.expire(&waiting, &mut pieces);
        let expired = *result.as_ref().unwrap_or(&0);
        let ticks = waiting.into_iter().map(|(_, tick)| (expired, tick)).collect();
        let mut decisions = Vec::with_capacity(pieces.len());
        let done = match &mut result {
            Ok(_) => self.attempts(&pieces, &mut decisions),
            Err(error) => Err(self.give_up(error.clone())),
        };
        let now = latest(&pieces);
        let mut pieces: Vec<Option<Piece<C>>> = pieces.into_iter().map(Some).collect();
        let (mut decided, mut outcomes) = (Vec::with_capacity(pieces.len()), Vec::with_capacity(pieces.len()));
        for Decision { place, reply, input } in decisions {
            let Some(Piece { command, caller }) = pieces[place].take() else { continue };
            let outcome = match &done {
                Ok(()) => Ok(Outcome { decided: reply, input }),
                Err(error) => Err(error.clone()),
            };
            outcomes.extend(caller.map(|caller| (outcome, caller)));
            decided.push(command);
        }
        let left = pieces.into_iter().flatten();
        match done {
            Ok(()) => {
                let postponed = left.filter_map(Piece::again).collect();
                let (wakes, changed) = (self.wakes(), self.vault.set.take_changed_jobs());
                self.vault.set.end_batch(self.options.kept_rows_max);
                Ok(Committed { answers: Answers { now, outcomes, ticks }, wakes, changed, decided, postponed })
            }
            Err(error @ (Error::Unavailable(_) | Error::Conflict(_))) => {
                let callers = left.filter_map(|piece| piece.caller);
                outcomes.extend(callers.map(|caller| (Err(error.clone()), caller)));
                let answers = Answers { now, outcomes, ticks };
                Ok(Committed { answers, wakes: Vec::new(), changed: Vec::new(), decided, postponed: Vec::new() })
            }
            Err(error) => Err(error),
        }
    }

    /// Adds a command for each lease that has run out; answers how many.
    fn expire<C, T>(&mut self, ticks: &[(Timestamp, T)], pieces: &mut Vec<Piece<C>>) -> Result<usize, Error> {
        let Some(now) = ticks.iter().map(|(now, _)| *now).max() else { return Ok(0) };
        let expired = self.vault.backend.expired(now, EXPIRED_TASKS_MAX)?;
        for task in &expired {
            pieces.push(Piece { command: Box::new(Command::ExpireLease { task: *task, now }), caller: None });
        }
        Ok(expired.len())
    }

    /// Decides and commits; `decisions` are those of the last attempt, in their order.
    fn attempts<C>(&mut self, pieces: &[Piece<C>], decisions: &mut Vec<Decision>) -> Result<(), Error> {
        let mut tried = 0;
        loop {
            decisions.clear();
            match self.attempt(pieces, decisions) {
                Ok(()) => return Ok(()),
                Err(error) => {
                    let error = self.give_up(error);
                    tried += 1;
                    if !matches!(error, Error::Conflict(_)) || tried == ATTEMPTS_MAX {
                        return Err(error);
                    }
                }
            }
        }
    }

    /// Forgets everything of a batch that failed.
    fn give_up(&mut self, error: Error) -> Error {
        self.vault.backend.abandon(&error);
        let set = &mut self.vault.set;
        set.end_batch(0);
        set.take_wakes();
        set.forget_catalog();
        error
    }

    fn attempt<C>(&mut self, pieces: &[Piece<C>], decisions: &mut Vec<Decision>) -> Result<(), Error> {
        let (backend, set) = (self.vault.backend.as_mut(), &mut self.vault.set);
        if pieces.is_empty() {
            return Ok(());
        }
        let commands: Vec<&Command> = pieces.iter().map(|piece| piece.command.as_ref()).collect();
        backend.begin(set, &commands)?;
        let mut open: Vec<usize> = (0..pieces.len()).collect();
        let mut last = None;
        for _ in 0..ROUNDS_MAX {
            let mut lacking: Vec<(usize, Need)> = Vec::new();
            for place in open.drain(..) {
                match step(set, commands[place]) {
                    Ok(reply) => decisions.push(Decision { place, reply, input: Vec::new() }),
                    Err(need) => lacking.push((place, need)),
                }
            }
            if lacking.is_empty() {
                return self.commit(pieces, decisions);
            }
            let needs: Vec<Need> = lacking.iter().map(|(_, need)| *need).collect();
            last = needs.first().copied();
            if needs.iter().any(|need| need.is_scan()) {
                backend.save(&set.changes())?;
                set.saved();
            }
            let busy = backend.load_all(set, &needs)?;
            for (place, need) in lacking {
                if busy.contains(&need) {
                    continue;
                }
                if !set.has(need) {
                    return Err(Error::Corrupt(format!("the store does not hold {need:?}, which other rows refer to")));
                }
                open.push(place);
            }
        }
        Err(Error::Corrupt(format!("a batch lacks {last:?} after {ROUNDS_MAX} rounds of loading")))
    }

    fn commit<C>(&mut self, pieces: &[Piece<C>], decisions: &mut [Decision]) -> Result<(), Error> {
        let mut handed_out = Vec::new();
        let mut tasks: Vec<TaskKey> = Vec::new();
        for decision in decisions {
            let piece = &pieces[decision.place];
            match &decision.reply {
                Err(refusal) if piece.caller.is_none() => {
                    return Err(Error::Corrupt(format!("{:?} was refused: {refusal}", piece.command)));
                }
                Ok(Reply::Report(ReportReply::Task(hand_out))) => {
                    tasks.push(hand_out.taken.task);
                    handed_out.push(decision);
                }
                _ => {}
            }
        }
        let (backend, set) = (self.vault.backend.as_mut(), &mut self.vault.set);
        let inputs = backend.finish(&set.changes(), &tasks)?;
        set.saved();
        for (decision, input) in handed_out.into_iter().zip(inputs) {
            decision.input = input;
        }
        Ok(())
    }
}

impl<C> Piece<C> {
    /// The piece as work that waits; nothing for a lease that has run out, which the next tick finds again.
    fn again<T>(self) -> Option<Work<C, T>> {
        match (*self.command, self.caller) {
            (command, Some(caller)) => Some(Work::Command(Box::new(command), caller)),
            (Command::ReturnHandOut { taken, now }, None) => Some(Work::GiveBack(taken, now)),
            (_, None) => None,
        }
    }
}

/// The latest present of the reports.
fn latest<C>(pieces: &[Piece<C>]) -> Timestamp {
    let times = pieces.iter().filter_map(|piece| match piece.command.as_ref() {
        Command::Report(report) => Some(report.now),
        _ => None,
    });
    times.max().unwrap_or_default()
}
