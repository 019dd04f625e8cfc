//! What the lane does with the work that waits, without a thread, a channel or a clock: decide in order, save, commit, and
//! only then let the answers go.
//!
//! Where other servers write to the database too, commands are decided together when the batch ends (`together.rs`).
//!
//! The lane's thread drives it with what callers send; a simulation drives it with what its seed says.

mod together;

use std::sync::Arc;

use boxwood_engine::{
    Class, Command, HandOut, JobId, Refusal, Reply, ReportReply, Settings, Taken, TaskKey, Timestamp,
};

use crate::backend::Backend;
use crate::error::Error;
use crate::vault::Vault;

/// Lease expiries acted on in one tick at most; the rest follow with the next.
pub const EXPIRED_TASKS_MAX: usize = 1_000;

/// How the lane works.
#[derive(Clone, Debug)]
pub struct LaneOptions {
    /// Commands committed together at most.
    pub batch_commands_max: usize,
    /// Rows kept in memory from one batch to the next at most.
    pub kept_rows_max: usize,
    /// After how many batches the number of kept rows is looked at. Not zero.
    pub batches_between_trims: u32,
}

impl Default for LaneOptions {
    fn default() -> Self {
        Self { batch_commands_max: 512, kept_rows_max: 200_000, batches_between_trims: 512 }
    }
}

/// Tasks that became ready: their class, and how many.
pub type Wake = (Arc<Class>, u64);

/// What became of a command.
#[derive(Debug)]
pub struct Outcome {
    /// The answer, or why the command was refused.
    pub decided: Result<Reply, Refusal>,
    /// The input of the task handed out, if one was.
    pub input: Vec<u8>,
}

impl Outcome {
    /// The task handed out, if one was.
    #[must_use]
    pub fn hand_out(&self) -> Option<&HandOut> {
        match &self.decided {
            Ok(Reply::Report(ReportReply::Task(hand_out))) => Some(hand_out),
            _ => None,
        }
    }
}

/// Who waits for an outcome.
pub trait Caller {
    /// Whether nobody waits any more.
    fn is_gone(&self) -> bool;
}

/// Something to be done. `C` waits for the outcome of a command, `T` for the end of a tick.
#[derive(Debug)]
pub enum Work<C, T> {
    /// A command.
    Command(Box<Command>, C),
    /// Acts on leases that have run out by this time (S-41).
    Tick(Timestamp, T),
    /// Takes back a hand-out whose answer reached nobody.
    GiveBack(Taken, Timestamp),
}

/// Work decided together. Nothing of it is true before [`Writer::finish`].
#[derive(Debug)]
pub struct Batch<C, T> {
    now: Timestamp,
    taken: usize,
    outcomes: Vec<(Outcome, C)>,
    ticks: Vec<(usize, T)>,
    handed_out: Vec<(usize, TaskKey)>,
    /// Where other servers write too: what is decided together, at the end.
    waiting: Vec<Work<C, T>>,
}

impl<C, T> Default for Batch<C, T> {
    fn default() -> Self {
        let (outcomes, ticks, handed_out, waiting) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { now: Timestamp::default(), taken: 0, outcomes, ticks, handed_out, waiting }
    }
}

impl<C, T> Batch<C, T> {
    /// How many pieces of work it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.taken
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.taken == 0
    }
}

/// What a committed batch leads to.
#[derive(Debug)]
pub struct Committed<C, T> {
    /// The answers, which may leave now.
    pub answers: Answers<C, T>,
    /// Tasks that became ready.
    pub wakes: Vec<Wake>,
    /// Jobs that changed; some may be named twice.
    pub changed: Vec<JobId>,
    /// Where other servers write too: the commands in the order in which they were decided, the server's own among them.
    /// The answers leave in the same order. If the database was lost, they have taken effect all or none of them.
    pub decided: Vec<Box<Command>>,
    /// What could not be decided because another server is at work on the same rows: to be taken again at once.
    pub postponed: Vec<Work<C, T>>,
}

/// Answers of a committed batch.
#[derive(Debug)]
pub struct Answers<C, T> {
    now: Timestamp,
    outcomes: Vec<(Result<Outcome, Error>, C)>,
    ticks: Vec<(usize, T)>,
}

impl<C, T> Answers<C, T> {
    /// Whether there are several outcomes.
    #[must_use]
    pub fn are_many(&self) -> bool {
        self.outcomes.len() > 1
    }

    /// Sends every answer to who waits for it; an error if nothing is known of what became of the command, because the
    /// database was lost. `send` returns the outcomes it cannot deliver; of those, what was handed out goes to `give_back`
    /// and should come again as [`Work::GiveBack`]. `ticked` is told how many leases had run out.
    pub fn deliver(
        self,
        mut send: impl FnMut(C, Result<Outcome, Error>) -> Option<Outcome>,
        mut ticked: impl FnMut(T, usize),
        mut give_back: impl FnMut(Taken, Timestamp),
    ) {
        for (outcome, caller) in self.outcomes {
            if let Some(outcome) = send(caller, outcome)
                && let Some(hand_out) = outcome.hand_out()
            {
                give_back(hand_out.taken, self.now);
            }
        }
        for (expired, waiting) in self.ticks {
            ticked(waiting, expired);
        }
    }
}

/// Decides and commits. After an error it must not be used again: what was not committed is not certain, and starting
/// again from the database is the recovery (N-22).
pub struct Writer {
    vault: Vault,
    options: LaneOptions,
    batches: u32,
}

impl Writer {
    /// A writer on a database that nobody else writes to.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn open(backend: Box<dyn Backend>, settings: Settings, options: LaneOptions) -> Result<Self, Error> {
        Ok(Self { vault: Vault::open(backend, settings)?, options, batches: 0 })
    }

    /// Whether a batch holds as much as may be committed together.
    #[must_use]
    pub fn is_full<C, T>(&self, batch: &Batch<C, T>) -> bool {
        batch.len() >= self.options.batch_commands_max
    }

    /// Decides one piece of work, as part of a batch.
    ///
    /// # Errors
    /// If the database cannot be read or written, or does not hold what it must.
    pub fn take<C: Caller, T>(&mut self, work: Work<C, T>, batch: &mut Batch<C, T>) -> Result<(), Error> {
        batch.taken += 1;
        if self.vault.backend.is_shared() {
            batch.waiting.push(work);
            return Ok(());
        }
        match work {
            Work::Command(command, caller) => {
                // A caller that is gone already wants nothing done: nothing was promised to it.
                if caller.is_gone() {
                    return Ok(());
                }
                let decided = self.vault.decide(&command)?;
                let outcome = Outcome { decided, input: Vec::new() };
                if let (Some(hand_out), Command::Report(report)) = (outcome.hand_out(), command.as_ref()) {
                    batch.now = batch.now.max(report.now);
                    batch.handed_out.push((batch.outcomes.len(), hand_out.taken.task));
                }
                batch.outcomes.push((outcome, caller));
            }
            Work::Tick(now, waiting) => {
                let expired = self.vault.expired(now, EXPIRED_TASKS_MAX)?;
                for task in &expired {
                    self.own(&Command::ExpireLease { task: *task, now })?;
                }
                batch.ticks.push((expired.len(), waiting));
            }
            Work::GiveBack(taken, now) => self.own(&Command::ReturnHandOut { taken, now })?,
        }
        Ok(())
    }

    /// Decides a command of the server's own, which no rule refuses.
    fn own(&mut self, command: &Command) -> Result<(), Error> {
        match self.vault.decide(command)? {
            Ok(_) => Ok(()),
            Err(refusal) => Err(Error::Corrupt(format!("{command:?} was refused: {refusal}"))),
        }
    }

    /// Commits a batch. What it answers is durable; before that nobody may be answered.
    ///
    /// # Errors
    /// If the database cannot be read or written. Whether the batch is durable is not known then. A database that others
    /// share may come back: then this is said to each caller, and the writer goes on.
    pub fn finish<C: Caller, T>(&mut self, mut batch: Batch<C, T>) -> Result<Committed<C, T>, Error> {
        if !batch.waiting.is_empty() {
            return self.finish_together(std::mem::take(&mut batch.waiting));
        }
        if !batch.handed_out.is_empty() {
            let tasks: Vec<TaskKey> = batch.handed_out.iter().map(|(_, task)| *task).collect();
            let inputs = self.vault.inputs(&tasks)?;
            for ((place, _), input) in batch.handed_out.iter().zip(inputs) {
                batch.outcomes[*place].0.input = input;
            }
        }
        self.vault.commit()?;
        let (wakes, changed) = (self.wakes(), self.vault.set.take_changed_jobs());
        let outcomes = batch.outcomes.into_iter().map(|(outcome, caller)| (Ok(outcome), caller)).collect();
        let answers = Answers { now: batch.now, outcomes, ticks: batch.ticks };
        Ok(Committed { answers, wakes, changed, decided: Vec::new(), postponed: Vec::new() })
    }

    /// The tasks that became ready since the last call.
    fn wakes(&mut self) -> Vec<Wake> {
        let set = &mut self.vault.set;
        let wakes = set.take_wakes().into_iter();
        wakes.filter_map(|(class, count)| set.class(class).map(|class| (class.clone(), count))).collect()
    }

    /// Forgets rows, if there are too many. To be called after each batch, when its answers have left.
    pub fn trim(&mut self) {
        self.batches = self.batches.wrapping_add(1);
        if self.batches.is_multiple_of(self.options.batches_between_trims)
            && self.vault.set.rows() > self.options.kept_rows_max
        {
            self.vault.set.clear();
        }
    }
}
