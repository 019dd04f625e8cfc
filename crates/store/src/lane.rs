//! The one writer: commands queue up, are decided in order and committed together.
//!
//! Under load a hundred runners share one commit; on an idle server a batch of one leaves at once. The lane is a thread of
//! its own, because a commit waits for the disk. A failed commit ends it: what was not acknowledged is not certain, and
//! starting again from the database is the recovery.

use std::thread;

use boxwood_engine::{Command, JobId, Settings, Timestamp};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

use crate::backend::Backend;
use crate::error::Error;
use crate::writer::{Answers, Batch, Caller, Committed, LaneOptions, Outcome, Wake, Work, Writer};

/// Commands waiting for the lane at most; further ones wait at the door.
const WAITING_COMMANDS_MAX: usize = 16_384;

type OnCommit = Box<dyn FnMut(&[Wake], &[JobId]) + Send>;

type Ticked = oneshot::Sender<usize>;

type Decided = oneshot::Sender<Result<Outcome, Error>>;

enum Message {
    Work(Work<Decided, Ticked>),
    Stop,
}

impl Caller for Decided {
    fn is_gone(&self) -> bool {
        self.is_closed()
    }
}

/// A handle to the writer; cheap to clone.
#[derive(Clone)]
pub struct Lane {
    sender: mpsc::Sender<Message>,
}

impl Lane {
    /// Starts the writer on its own thread. `on_commit` is called after each commit with the tasks that became ready
    /// and the jobs that changed; some may be named twice.
    /// The receiver yields when the lane has ended: `Ok` after [`Lane::stop`], else why it could not go on.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn start(
        backend: Box<dyn Backend>,
        settings: Settings,
        options: LaneOptions,
        on_commit: impl FnMut(&[Wake], &[JobId]) + Send + 'static,
    ) -> Result<(Self, oneshot::Receiver<Result<(), Error>>), Error> {
        let writer = Writer::open(backend, settings, options)?;
        let (sender, receiver) = mpsc::channel(WAITING_COMMANDS_MAX);
        let (ended, end) = oneshot::channel();
        let mut thread = Thread {
            writer,
            receiver,
            sender: sender.downgrade(),
            runtime: Handle::try_current().ok(),
            on_commit: Box::new(on_commit),
        };
        thread::Builder::new()
            .name("lane".into())
            .spawn(move || {
                let result = thread.run();
                // Closes the file before anyone is told that the lane has ended.
                drop(thread);
                let _ = ended.send(result);
            })
            .map_err(|error| Error::Unavailable(format!("cannot start the writer thread: {error}")))?;
        Ok((Self { sender }, end))
    }

    /// Has a command decided and committed. When this returns, the outcome is durable.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the lane has ended, or the database cannot be reached; whether the command took effect is
    /// not known then.
    pub async fn command(&self, command: Command) -> Result<Outcome, Error> {
        let (reply, outcome) = oneshot::channel();
        self.send(Work::Command(Box::new(command), reply)).await?;
        outcome.await.map_err(|_| Error::stopped())?
    }

    /// Acts on leases that have run out by `now` (S-41); answers how many.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the lane has ended.
    pub async fn tick(&self, now: Timestamp) -> Result<usize, Error> {
        let (reply, expired) = oneshot::channel();
        self.send(Work::Tick(now, reply)).await?;
        expired.await.map_err(|_| Error::stopped())
    }

    async fn send(&self, work: Work<Decided, Ticked>) -> Result<(), Error> {
        self.sender.send(Message::Work(work)).await.map_err(|_| Error::stopped())
    }

    /// Ends the lane after the commands that wait already.
    pub async fn stop(&self) {
        // A lane that has ended by itself is stopped too.
        let _ = self.sender.send(Message::Stop).await;
    }
}

/// What runs on the lane's thread.
struct Thread {
    writer: Writer,
    receiver: mpsc::Receiver<Message>,
    sender: mpsc::WeakSender<Message>,
    /// Where the callers wait, if that is a runtime of tokio.
    runtime: Option<Handle>,
    on_commit: OnCommit,
}

impl Thread {
    fn run(&mut self) -> Result<(), Error> {
        let (mut busy, mut going) = (false, true);
        let mut postponed = Vec::new();
        loop {
            let mut batch = Batch::default();
            let message =
                if postponed.is_empty() { self.receiver.blocking_recv() } else { self.receiver.try_recv().ok() };
            if message.is_none() && postponed.is_empty() {
                break;
            }
            for work in postponed.drain(..) {
                self.writer.take(work, &mut batch)?;
            }
            if busy {
                // Under load callers are about to send; letting them run first makes one commit of what would be two.
                thread::yield_now();
            }
            let mut next = message;
            while let Some(message) = next {
                match message {
                    Message::Work(work) => self.writer.take(work, &mut batch)?,
                    Message::Stop => going = false,
                }
                next = if going && !self.writer.is_full(&batch) { self.receiver.try_recv().ok() } else { None };
            }
            busy = batch.len() > 1;
            let Committed { answers, wakes, changed, postponed: left, .. } = self.writer.finish(batch)?;
            postponed = left;
            self.answer(answers);
            if !wakes.is_empty() || !changed.is_empty() {
                (self.on_commit)(&wakes, &changed);
            }
            self.writer.trim();
            if !going && postponed.is_empty() {
                break;
            }
        }
        Ok(())
    }

    /// Sends the answers. Many are sent from within the runtime: waking its tasks from outside costs a system call each,
    /// and callers woken together have their answers written together.
    fn answer(&self, answers: Answers<Decided, Ticked>) {
        let lane = self.sender.clone();
        match &self.runtime {
            Some(runtime) if answers.are_many() => {
                runtime.spawn(async move { send(answers, &lane) });
            }
            _ => send(answers, &lane),
        }
    }
}

fn send(answers: Answers<Decided, Ticked>, lane: &mpsc::WeakSender<Message>) {
    answers.deliver(
        |reply, outcome| reply.send(outcome).err().and_then(Result::ok),
        |reply, expired| {
            // Whoever wanted to know may be gone.
            let _ = reply.send(expired);
        },
        |taken, now| {
            // If the lane is full or ends, the lease is what is left.
            if let Some(lane) = lane.upgrade() {
                let _ = lane.try_send(Message::Work(Work::GiveBack(taken, now)));
            }
        },
    );
}
