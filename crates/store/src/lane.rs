//! The one writer: commands queue up, are decided in order and committed together.
//!
//! Under load a hundred runners share one commit; on an idle server a batch of one leaves at once. The lane is a thread of
//! its own, because a commit waits for the disk. A failed commit ends it: what was not acknowledged is not certain, and
//! starting again from the database is the recovery.

use std::sync::Arc;
use std::thread;

use boxwood_engine::{Class, Command, HandOut, Refusal, Reply, ReportReply, Settings, Taken, TaskKey, Timestamp};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

use crate::backend::Backend;
use crate::error::Error;
use crate::vault::Vault;

/// Commands waiting for the lane at most; further ones wait at the door.
const WAITING_COMMANDS_MAX: usize = 16_384;

/// Lease expiries acted on in one tick at most; the rest follow with the next.
const EXPIRED_TASKS_MAX: usize = 1_000;

/// After how many batches the size of the working set is looked at.
const BATCHES_BETWEEN_TRIMS: u32 = 512;

/// How the lane works.
#[derive(Clone, Debug)]
pub struct LaneOptions {
    /// Commands committed together at most.
    pub batch_commands_max: usize,
    /// Rows kept in memory from one batch to the next at most.
    pub kept_rows_max: usize,
}

impl Default for LaneOptions {
    fn default() -> Self {
        Self { batch_commands_max: 512, kept_rows_max: 200_000 }
    }
}

/// Tasks that became ready: their class, and how many.
pub type Wake = (Arc<Class>, u64);

type OnCommit = Box<dyn FnMut(&[Wake]) + Send>;

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

enum Message {
    Command(Box<Command>, oneshot::Sender<Outcome>),
    Tick(Timestamp, oneshot::Sender<usize>),
    /// A hand-out whose caller left before the answer.
    GiveBack(Taken, Timestamp),
    Stop,
}

/// A handle to the writer; cheap to clone.
#[derive(Clone)]
pub struct Lane {
    sender: mpsc::Sender<Message>,
}

impl Lane {
    /// Starts the writer on its own thread. `on_commit` is called after each commit with the tasks that became ready.
    /// The receiver yields when the lane has ended: `Ok` after [`Lane::stop`], else why it could not go on.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn start(
        backend: Box<dyn Backend>,
        settings: Settings,
        options: LaneOptions,
        on_commit: impl FnMut(&[Wake]) + Send + 'static,
    ) -> Result<(Self, oneshot::Receiver<Result<(), Error>>), Error> {
        let vault = Vault::open(backend, settings)?;
        let (sender, receiver) = mpsc::channel(WAITING_COMMANDS_MAX);
        let (ended, end) = oneshot::channel();
        let mut writer = Writer {
            vault,
            options,
            receiver,
            sender: sender.downgrade(),
            runtime: Handle::try_current().ok(),
            batches: 0,
            on_commit: Box::new(on_commit),
        };
        thread::Builder::new()
            .name("lane".into())
            .spawn(move || {
                let result = writer.run();
                // Closes the file before anyone is told that the lane has ended.
                drop(writer);
                let _ = ended.send(result);
            })
            .map_err(|error| Error::Unavailable(format!("cannot start the writer thread: {error}")))?;
        Ok((Self { sender }, end))
    }

    /// Has a command decided and committed. When this returns, the outcome is durable.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the lane has ended; whether the command took effect is not known then.
    pub async fn command(&self, command: Command) -> Result<Outcome, Error> {
        let (reply, outcome) = oneshot::channel();
        let sent = self.sender.send(Message::Command(Box::new(command), reply)).await;
        sent.map_err(|_| Error::stopped())?;
        outcome.await.map_err(|_| Error::stopped())
    }

    /// Acts on leases that have run out by `now` (S-41); answers how many.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the lane has ended.
    pub async fn tick(&self, now: Timestamp) -> Result<usize, Error> {
        let (reply, expired) = oneshot::channel();
        self.sender.send(Message::Tick(now, reply)).await.map_err(|_| Error::stopped())?;
        expired.await.map_err(|_| Error::stopped())
    }

    /// Ends the lane after the commands that wait already.
    pub async fn stop(&self) {
        // A lane that has ended by itself is stopped too.
        let _ = self.sender.send(Message::Stop).await;
    }
}

struct Writer {
    vault: Vault,
    options: LaneOptions,
    receiver: mpsc::Receiver<Message>,
    sender: mpsc::WeakSender<Message>,
    /// Where the callers wait, if that is a runtime of tokio.
    runtime: Option<Handle>,
    batches: u32,
    on_commit: OnCommit,
}

/// Answers that leave after the commit.
#[derive(Default)]
struct Batch {
    now: Timestamp,
    outcomes: Vec<(Outcome, oneshot::Sender<Outcome>)>,
    ticks: Vec<(usize, oneshot::Sender<usize>)>,
    handed_out: Vec<(usize, TaskKey)>,
}

impl Writer {
    fn run(&mut self) -> Result<(), Error> {
        let mut busy = false;
        while let Some(message) = self.receiver.blocking_recv() {
            if busy {
                // Under load callers are about to send; letting them run first makes one commit of what would be two.
                thread::yield_now();
            }
            let mut batch = Batch::default();
            let mut going = self.take(message, &mut batch)?;
            let mut commands = 1;
            while going && commands < self.options.batch_commands_max {
                let Ok(message) = self.receiver.try_recv() else { break };
                going = self.take(message, &mut batch)?;
                commands += 1;
            }
            busy = commands > 1;
            self.finish(batch)?;
            if !going {
                break;
            }
        }
        Ok(())
    }

    /// Decides one message; answers whether to go on after this batch.
    fn take(&mut self, message: Message, batch: &mut Batch) -> Result<bool, Error> {
        match message {
            Message::Command(command, reply) => {
                // A caller that is gone already wants nothing done: nothing was promised to it.
                if reply.is_closed() {
                    return Ok(true);
                }
                let decided = self.vault.decide(&command)?;
                let outcome = Outcome { decided, input: Vec::new() };
                if let (Some(hand_out), Command::Report(report)) = (outcome.hand_out(), command.as_ref()) {
                    batch.now = batch.now.max(report.now);
                    batch.handed_out.push((batch.outcomes.len(), hand_out.taken.task));
                }
                batch.outcomes.push((outcome, reply));
                Ok(true)
            }
            Message::Tick(now, reply) => {
                let expired = self.vault.expired(now, EXPIRED_TASKS_MAX)?;
                for task in &expired {
                    self.own(&Command::ExpireLease { task: *task, now })?;
                }
                batch.ticks.push((expired.len(), reply));
                Ok(true)
            }
            Message::GiveBack(taken, now) => {
                self.own(&Command::ReturnHandOut { taken, now })?;
                Ok(true)
            }
            Message::Stop => Ok(false),
        }
    }

    /// Decides a command of the server's own, which no rule refuses.
    fn own(&mut self, command: &Command) -> Result<(), Error> {
        match self.vault.decide(command)? {
            Ok(_) => Ok(()),
            Err(refusal) => Err(Error::Corrupt(format!("{command:?} was refused: {refusal}"))),
        }
    }

    fn finish(&mut self, mut batch: Batch) -> Result<(), Error> {
        if !batch.handed_out.is_empty() {
            let tasks: Vec<TaskKey> = batch.handed_out.iter().map(|(_, task)| *task).collect();
            let inputs = self.vault.inputs(&tasks)?;
            for ((place, _), input) in batch.handed_out.iter().zip(inputs) {
                batch.outcomes[*place].0.input = input;
            }
        }
        self.vault.commit()?;
        self.answer(batch);
        let set = &mut self.vault.set;
        let wakes = set.take_wakes().into_iter();
        let wakes: Vec<Wake> =
            wakes.filter_map(|(class, count)| set.class(class).map(|class| (class.clone(), count))).collect();
        if !wakes.is_empty() {
            (self.on_commit)(&wakes);
        }
        self.batches = self.batches.wrapping_add(1);
        if self.batches.is_multiple_of(BATCHES_BETWEEN_TRIMS) && self.vault.set.rows() > self.options.kept_rows_max {
            self.vault.set.clear();
        }
        Ok(())
    }

    /// Sends the answers. Many are sent from within the runtime: waking its tasks from outside costs a system call each,
    /// and callers woken together have their answers written together.
    fn answer(&self, batch: Batch) {
        let sender = self.sender.clone();
        match &self.runtime {
            Some(runtime) if batch.outcomes.len() > 1 => {
                runtime.spawn(async move { batch.send(&sender) });
            }
            _ => batch.send(&sender),
        }
    }
}

impl Batch {
    fn send(self, lane: &mpsc::WeakSender<Message>) {
        for (outcome, reply) in self.outcomes {
            if let Err(outcome) = reply.send(outcome)
                && let Some(hand_out) = outcome.hand_out()
                && let Some(lane) = lane.upgrade()
            {
                // If the lane is full or ends, the lease is what is left.
                let _ = lane.try_send(Message::GiveBack(hand_out.taken, self.now));
            }
        }
        for (expired, reply) in self.ticks {
            let _ = reply.send(expired);
        }
    }
}
