//! Deciding a batch where other servers write to the database too.
//!
//! All commands are stepped in rounds: what they lack is loaded for all of them at once, so that a batch costs a few round
//! trips and not a few for each command. A command whose rows another server holds is left for the next batch.

use boxwood_engine::{Command, Need, Refusal, Reply, TaskKey, Timestamp, step};

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

/// What was decided and committed, a place for each piece; none for those that are left.
type Decided = Vec<Option<(Result<Reply, Refusal>, Vec<u8>)>>;

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
        let decided = match &mut result {
            Ok(_) => self.attempts(&pieces),
            Err(error) => Err(self.give_up(error.clone())),
        };
        match decided {
            Ok(decided) => {
                let now = latest(&pieces);
                let (mut outcomes, mut postponed) = (Vec::with_capacity(pieces.len()), Vec::new());
                for (piece, decided) in pieces.into_iter().zip(decided) {
                    match (decided, piece.caller) {
                        (Some((decided, input)), Some(caller)) => {
                            outcomes.push((Ok(Outcome { decided, input }), caller));
                        }
                        (None, Some(caller)) => postponed.push(Work::Command(piece.command, caller)),
                        (_, None) => {}
                    }
                }
                let wakes = self.wakes();
                self.vault.set.end_batch(self.options.kept_rows_max);
                Ok(Committed { answers: Answers { now, outcomes, ticks }, wakes, postponed })
            }
            Err(error @ (Error::Unavailable(_) | Error::Conflict(_))) => {
                let callers = pieces.into_iter().filter_map(|piece| piece.caller);
                let outcomes = callers.map(|caller| (Err(error.clone()), caller)).collect();
                let answers = Answers { now: Timestamp::default(), outcomes, ticks };
                Ok(Committed { answers, wakes: Vec::new(), postponed: Vec::new() })
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

    fn attempts<C>(&mut self, pieces: &[Piece<C>]) -> Result<Decided, Error> {
        let mut tried = 0;
        loop {
            match self.attempt(pieces) {
                Ok(decided) => return Ok(decided),
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

    fn attempt<C>(&mut self, pieces: &[Piece<C>]) -> Result<Decided, Error> {
        let (backend, set) = (self.vault.backend.as_mut(), &mut self.vault.set);
        let mut decided: Decided = (0..pieces.len()).map(|_| None).collect();
        if pieces.is_empty() {
            return Ok(decided);
        }
        let commands: Vec<&Command> = pieces.iter().map(|piece| piece.command.as_ref()).collect();
        backend.begin(set, &commands)?;
        let mut open: Vec<usize> = (0..pieces.len()).collect();
        let mut last = None;
        for _ in 0..ROUNDS_MAX {
            let mut lacking: Vec<(usize, Need)> = Vec::new();
            for place in open.drain(..) {
                match step(set, commands[place]) {
                    Ok(reply) => decided[place] = Some((reply, Vec::new())),
                    Err(need) => lacking.push((place, need)),
                }
            }
            if lacking.is_empty() {
                return self.commit(pieces, decided);
            }
            let needs: Vec<Need> = lacking.iter().map(|(_, need)| *need).collect();
            last = needs.first().copied();
            if needs.iter().any(|need| set.is_saved_before(*need)) {
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

    fn commit<C>(&mut self, pieces: &[Piece<C>], mut decided: Decided) -> Result<Decided, Error> {
        for (piece, decided) in pieces.iter().zip(&decided) {
            if let (None, Some((Err(refusal), _))) = (&piece.caller, decided) {
                return Err(Error::Corrupt(format!("{:?} was refused: {refusal}", piece.command)));
            }
        }
        let mut places = Vec::new();
        let mut tasks: Vec<TaskKey> = Vec::new();
        for (place, decided) in decided.iter().enumerate() {
            if let Some((Ok(Reply::Report(boxwood_engine::ReportReply::Task(hand_out))), _)) = decided {
                places.push(place);
                tasks.push(hand_out.taken.task);
            }
        }
        let (backend, set) = (self.vault.backend.as_mut(), &mut self.vault.set);
        let inputs = backend.finish(&set.changes(), &tasks)?;
        set.saved();
        for (place, input) in places.into_iter().zip(inputs) {
            if let Some((_, of)) = &mut decided[place] {
                *of = input;
            }
        }
        Ok(decided)
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
