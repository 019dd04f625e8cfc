//! A run: one job, at some point of its life, and what happens to it next.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use boxwood_engine as engine;
use boxwood_engine::{Command, Job, Reply, TaskKey, Timestamp};

use super::fault::Faults;
use super::record::{Outcome, Record};
use super::runner::{Hand, Held, Slot, VirtualRunner};
use super::server::{Changed, Server, refused};
use super::{convert, text};
use crate::Error;
use crate::cache::Backend;
use crate::runner::Registered;
use crate::state::State;

/// A job under test, from [`Workflow::run`](super::Workflow::run) at its end, or from
/// [`Workflow::start`](super::Workflow::start) at its beginning.
///
/// At any point it can be looked at, changed, and run on. Printed with `{}` it shows its tasks as a tree.
///
/// ```
/// # use boxwood::{Execute, ExecutionContext, Task};
/// # use boxwood::testing::Workflow;
/// # use serde::{Deserialize, Serialize};
/// # #[derive(Task, Serialize, Deserialize)]
/// # struct Countdown { from: u32 }
/// # impl Execute for Countdown {
/// #     async fn execute(self, context: &ExecutionContext) -> boxwood::Result {
/// #         if self.from > 0 { context.submit_subtask(Countdown { from: self.from - 1 }); }
/// #         Ok(())
/// #     }
/// # }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> boxwood::Result {
/// use boxwood::JobState;
///
/// let mut run = Workflow::new().task::<Countdown>().start(Countdown { from: 5 })?;
/// run.until(|run| run.executions::<Countdown>().count() == 3).await?;
/// run.cancel();
/// run.finish().await?;
/// run.assert_state(JobState::Canceled);
///
/// run.retry();
/// run.finish().await?;
/// run.assert_completed();
/// assert_eq!(run.executions::<Countdown>().count(), 6);
/// # Ok(())
/// # }
/// ```
pub struct Run {
    pub(super) seed: u64,
    pub(super) server: Server,
    pub(super) job: Arc<Job>,
    pub(super) cache: Backend,
    pub(super) state: Arc<State>,
    /// The tasks of the workflow, for runners that join.
    tasks: Vec<Registered>,
    pub(super) slots: Vec<Slot>,
    pub(super) faults: Faults,
    /// All executions, in the order they began.
    pub(super) executions: Vec<Arc<Record>>,
    pub(super) executions_max: usize,
    /// The states of tasks that were handed out.
    pub(super) states: HashMap<TaskKey, engine::TaskState>,
    /// Displays of these tasks as they were submitted.
    pub(super) names: HashMap<TaskKey, String>,
    /// When leases end that nobody renews.
    lapsing: BTreeSet<Timestamp>,
    /// Counts what may have made tasks ready.
    pub(super) changes: u64,
    began: Timestamp,
    pub(super) trace: String,
}

/// What a run is made of.
pub(super) struct Parts {
    pub(super) seed: u64,
    pub(super) server: Server,
    pub(super) job: Arc<Job>,
    pub(super) tasks: Vec<Registered>,
    pub(super) slots: Vec<Slot>,
    pub(super) faults: Faults,
    pub(super) cache: Backend,
    pub(super) state: State,
    pub(super) executions_max: usize,
}

impl Run {
    pub(super) fn new(parts: Parts) -> Self {
        let Parts { seed, server, job, tasks, slots, faults, cache, state, executions_max } = parts;
        let began = server.now();
        let mut run = Self {
            seed,
            server,
            job,
            cache,
            state: Arc::new(state),
            tasks,
            slots,
            faults,
            executions: Vec::new(),
            executions_max,
            states: HashMap::new(),
            names: HashMap::new(),
            lapsing: BTreeSet::new(),
            changes: 0,
            began,
            trace: String::new(),
        };
        run.note(&format!("job {:?} is submitted", run.job.name));
        run
    }

    /// Does the next thing that happens: a runner asks for a task, executes the one it got, or reports it; or the lease
    /// of a lost runner runs out. Answers false if nothing happens any more.
    ///
    /// # Errors
    /// [`Error::Endless`] if there are more executions than [`executions_max`](super::Workflow::executions_max).
    pub async fn step(&mut self) -> Result<bool, Error> {
        let now = self.server.now();
        let able: Vec<usize> =
            (0..self.slots.len()).filter(|runner| self.slots[*runner].is_able(self.changes, now)).collect();
        if able.is_empty() {
            let Some(end) = self.lapsing.first().copied() else { return Ok(false) };
            self.wait_until(end);
            return Ok(true);
        }
        let soon = self.server.soon();
        self.wait_until(soon);
        let runner = able[self.server.one_of(able.len())];
        self.turn(runner).await?;
        Ok(true)
    }

    /// Runs on until nothing happens any more.
    ///
    /// # Errors
    /// As [`step`](Run::step).
    pub async fn finish(&mut self) -> Result<(), Error> {
        while self.step().await? {}
        Ok(())
    }

    /// Runs on until `condition` holds, and answers whether it does; false means that nothing happens any more.
    ///
    /// # Errors
    /// As [`step`](Run::step).
    pub async fn until(&mut self, condition: impl Fn(&Self) -> bool) -> Result<bool, Error> {
        loop {
            if condition(self) {
                return Ok(true);
            }
            if !self.step().await? {
                return Ok(false);
            }
        }
    }

    /// Lets virtual time pass. Runners renew the leases of what they have in their hands; leases of lost runners run
    /// out.
    pub fn advance(&mut self, time: Duration) {
        self.wait_until(self.server.now().plus(time));
    }

    /// Cancels the job, as a user would (J-71, J-72).
    pub fn cancel(&mut self) {
        self.note("the job is canceled");
        let canceled = self.server.decide(&Command::CancelJob { job: self.job.id });
        assert!(canceled.is_ok(), "a job that exists can be canceled");
        self.changes += 1;
    }

    /// Retries the job, as a user would; answers how many failed tasks were queued again (J-61, J-64).
    pub fn retry(&mut self) -> u64 {
        let decided = self.server.decide(&Command::RetryJob { job: self.job.id });
        let retried = match decided {
            Ok(decided) => {
                self.take_in(&decided.changed);
                decided.reply
            }
            Err(refusal) => unreachable!("a job that exists can be retried: {refusal}"),
        };
        let Reply::Retried(count) = retried else { unreachable!("a retry is not answered with {retried:?}") };
        self.note(&format!("the job is retried, {count} tasks are queued again"));
        self.changes += 1;
        count
    }

    /// Adds a runner that joins now (R-66).
    ///
    /// # Errors
    /// [`Error::Setting`] for what [`RunnerBuilder::build`](crate::RunnerBuilder::build) refuses, and for a malformed
    /// cluster.
    pub fn add_runner(&mut self, runner: &VirtualRunner) -> Result<(), Error> {
        self.server.add_cluster(&runner.cluster)?;
        self.slots.push(runner.start(&self.tasks, &self.state)?);
        self.note(&format!("runner {} joins", self.slots.len() - 1));
        Ok(())
    }

    /// Lets a runner die, counted from 0 in the order they were added, and a new one take its place. What it has in its
    /// hands, executed or not, is not reported; it is queued again when its lease has run out (S-40).
    ///
    /// # Panics
    /// If there is no such runner.
    #[track_caller]
    pub fn lose_runner(&mut self, runner: usize) {
        assert!(runner < self.slots.len(), "there is no runner {runner} among {}", self.slots.len());
        match std::mem::take(&mut self.slots[runner].hand) {
            Hand::Full(held) => self.lose(runner, &held),
            Hand::Empty { .. } => self.note(&format!("runner {runner} is lost")),
        }
    }

    pub(super) fn lose(&mut self, runner: usize, held: &Held) {
        self.note(&format!("runner {runner} is lost with {}", self.name(held.hand_out.taken.task)));
        self.lapsing.insert(held.lease_until);
        self.end(held, Outcome::Lost);
    }

    /// A runner is out of reach until the lease of its task has run out.
    pub(super) fn delay(&mut self, runner: usize, held: &mut Held) {
        self.note(&format!("runner {runner} hangs with {}", self.name(held.hand_out.taken.task)));
        self.lapsing.insert(held.lease_until);
        held.renew_at = None;
        held.not_before = held.lease_until;
    }

    pub(super) fn end(&mut self, held: &Held, outcome: Outcome) {
        let record = Arc::make_mut(&mut self.executions[held.execution]);
        record.ended = Some(self.server.now());
        record.outcome = Some(outcome);
    }

    /// Lets time pass; leases are renewed and run out on the way.
    fn wait_until(&mut self, then: Timestamp) {
        loop {
            let renewals = self.slots.iter().enumerate().filter_map(|(runner, slot)| match &slot.hand {
                Hand::Full(held) => held.renew_at.map(|at| (at, runner)),
                Hand::Empty { .. } => None,
            });
            let renewal = renewals.min().filter(|(at, _)| *at <= then);
            let end = self.lapsing.first().copied().filter(|at| *at <= then);
            match (renewal, end) {
                (Some((at, runner)), end) if end.is_none_or(|end| at <= end) => {
                    self.server.wait_until(at);
                    self.renew(runner);
                }
                (_, Some(end)) => {
                    self.server.wait_until(end);
                    self.lapsing.remove(&end);
                    self.expire();
                }
                (_, None) => break,
            }
        }
        self.server.wait_until(then);
    }

    fn renew(&mut self, runner: usize) {
        if let Hand::Full(mut held) = std::mem::take(&mut self.slots[runner].hand) {
            self.extend_lease(&mut held);
            self.slots[runner].hand = Hand::Full(held);
        }
    }

    /// Extends a lease as runners do, asking for twice as long (R-31).
    pub(super) fn extend_lease(&mut self, held: &mut Held) {
        let granted = self.server.extend_lease(held.hand_out.id, held.hand_out.lease.length * 2);
        // Refused if the task is somebody else's, or has ended (R-33).
        held.lease_lost |= granted.is_none();
        held.renew_at = granted.map(|lease| self.server.now().plus(lease.wait));
        if let Some(lease) = granted {
            held.hand_out.lease = lease;
            held.lease_until = self.server.now().plus(lease.length);
        }
    }

    fn expire(&mut self) {
        for changed in self.server.expire_leases() {
            let name = self.name(changed.task);
            self.note(&format!("the lease of {name} runs out, it is {}", convert::task_state(changed.state)));
            self.take_in(&[changed]);
            self.changes += 1;
        }
    }

    /// Remembers the states of tasks.
    pub(super) fn take_in(&mut self, changed: &[Changed]) {
        self.states.extend(changed.iter().map(|changed| (changed.task, changed.state)));
    }

    /// How a task is called in the trace: its place among all tasks, and its display as submitted.
    pub(super) fn name(&self, task: TaskKey) -> String {
        let display = self.names.get(&task).map_or("", |display| text::first_line(display));
        format!("#{} {display}", task.0)
    }

    /// Adds a line to the trace.
    pub(super) fn note(&mut self, what: &str) {
        let after = self.server.now().since(self.began).as_secs_f64();
        self.trace.push_str(&format!("{after:>9.3} s  {what}\n"));
    }

    pub(super) fn refused(error: engine::Refusal) -> Error {
        refused("report a task", error)
    }
}
