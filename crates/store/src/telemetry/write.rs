//! The writer: a bounded queue, and one thread that commits what waits in it.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use boxwood_engine::Timestamp;
use tokio::sync::{oneshot, watch};

use super::Options;
use super::place::{Arrival, Place};
use super::record::NewRecord;
use super::retain::Retention;
use crate::error::Error;

/// What a waiting record costs beside its bytes, about.
const RECORD_BYTES: usize = 256;

/// Tells when a write is stored, or a sweep done. May be dropped when nobody wants to know.
#[derive(Debug)]
pub struct Written(oneshot::Receiver<Result<(), Error>>);

impl Written {
    /// Waits until the records are committed and can be queried; for a sweep, until it is done.
    ///
    /// # Errors
    /// Why nothing of it was stored.
    pub async fn wait(self) -> Result<(), Error> {
        self.0.await.unwrap_or_else(|_| Err(Error::stopped()))
    }
}

type Reply = oneshot::Sender<Result<(), Error>>;

struct Batch {
    records: Vec<NewRecord>,
    bytes: usize,
    now: Timestamp,
    reply: Reply,
}

/// What waits for the writer.
pub(super) struct Queue {
    state: Mutex<Waiting>,
    arrived: Condvar,
    bytes_max: usize,
    ended: watch::Receiver<bool>,
}

#[derive(Default)]
struct Waiting {
    batches: VecDeque<Batch>,
    /// Bytes of the batches that wait or are being written.
    bytes: usize,
    sweeps: Vec<(Timestamp, Reply)>,
    closing: bool,
}

/// What the writer does next.
struct Work {
    batches: VecDeque<Batch>,
    sweeps: Vec<(Timestamp, Reply)>,
    last: bool,
}

impl Queue {
    pub(super) fn push(&self, records: Vec<NewRecord>, now: Timestamp) -> Result<Written, Error> {
        let bytes = weight(&records);
        let mut waiting = self.waiting();
        if waiting.closing {
            return Err(Error::stopped());
        }
        if waiting.bytes > 0 && waiting.bytes.saturating_add(bytes) > self.bytes_max {
            return Err(Error::Unavailable(
                "telemetry arrives faster than it can be stored; send it again later".into(),
            ));
        }
        let (reply, written) = oneshot::channel();
        waiting.bytes += bytes;
        waiting.batches.push_back(Batch { records, bytes, now, reply });
        drop(waiting);
        self.arrived.notify_one();
        Ok(Written(written))
    }

    pub(super) fn sweep(&self, now: Timestamp) -> Result<Written, Error> {
        let mut waiting = self.waiting();
        if waiting.closing {
            return Err(Error::stopped());
        }
        let (reply, done) = oneshot::channel();
        waiting.sweeps.push((now, reply));
        drop(waiting);
        self.arrived.notify_one();
        Ok(Written(done))
    }

    /// Lets nothing more in and wakes the writer.
    fn shut(&self) {
        self.waiting().closing = true;
        self.arrived.notify_one();
    }

    pub(super) async fn close(&self) {
        self.shut();
        // An error means that the writer is gone, which is as good.
        let _ = self.ended.clone().wait_for(|ended| *ended).await;
    }

    /// Waits for work, and with records waiting until `due`, so that commits are not too many. With `busy` it does not
    /// wait for work.
    fn next(&self, due: Instant, busy: bool) -> Work {
        let mut waiting = self.waiting();
        loop {
            let early = due.saturating_duration_since(Instant::now());
            let hurry = waiting.closing || waiting.bytes > self.bytes_max / 2 || !waiting.sweeps.is_empty();
            let idle = waiting.batches.is_empty() && !hurry;
            waiting = if idle && !busy {
                self.arrived.wait(waiting).expect("no holder of the queue panics")
            } else if early > Duration::ZERO && !idle && !hurry {
                self.arrived.wait_timeout(waiting, early).expect("no holder of the queue panics").0
            } else {
                break;
            };
        }
        Work {
            batches: std::mem::take(&mut waiting.batches),
            sweeps: std::mem::take(&mut waiting.sweeps),
            last: waiting.closing,
        }
    }

    fn done(&self, bytes: usize) {
        self.waiting().bytes -= bytes;
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.state.lock().expect("no holder of the queue panics")
    }
}

/// About how much memory records take; what follows each other shares its resource and scope.
fn weight(records: &[NewRecord]) -> usize {
    let mut bytes = 0;
    let mut before: Option<&NewRecord> = None;
    for record in records {
        bytes += record.encoded.len() + RECORD_BYTES;
        if before.is_none_or(|before| !Arc::ptr_eq(&before.resource, &record.resource)) {
            bytes += record.resource.len();
        }
        if before.is_none_or(|before| !Arc::ptr_eq(&before.scope, &record.scope)) {
            bytes += record.scope.len();
        }
        before = Some(record);
    }
    bytes
}

/// Starts the writer on its own thread.
pub(super) fn start(place: Box<dyn Place>, options: Options) -> Result<Arc<Handle>, Error> {
    let (end, ended) = watch::channel(false);
    let queue = Arc::new(Queue {
        state: Mutex::default(),
        arrived: Condvar::new(),
        bytes_max: options.waiting_bytes_max,
        ended,
    });
    let mut writer = Writer::new(place, &options)?;
    let taken = queue.clone();
    thread::Builder::new()
        .name("telemetry".into())
        .spawn(move || {
            // Whatever ends the thread, nobody goes on waiting for it.
            let _ending = Ending(taken.clone(), end);
            writer.run(&taken);
        })
        .map_err(|error| Error::Unavailable(format!("cannot start the writer of telemetry: {error}")))?;
    Ok(Arc::new(Handle(queue)))
}

/// The sending side of the queue; the writer ends when it is dropped.
pub(super) struct Handle(Arc<Queue>);

impl std::ops::Deref for Handle {
    type Target = Queue;

    fn deref(&self) -> &Queue {
        &self.0
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.shut();
    }
}

struct Ending(Arc<Queue>, watch::Sender<bool>);

impl Drop for Ending {
    fn drop(&mut self) {
        let mut waiting = self.0.waiting();
        waiting.closing = true;
        // Dropping the replies tells those who wait.
        waiting.batches.clear();
        waiting.sweeps.clear();
        drop(waiting);
        self.1.send_replace(true);
    }
}

struct Writer {
    place: Box<dyn Place>,
    commit_interval: Duration,
    retention: Retention,
    /// When the latest record arrived, in milliseconds. It never goes back, so that the order of arrival and this agree.
    received_at: i64,
    storing: Health,
    removing: Health,
}

/// Whether something works; its first failure of several is logged.
#[derive(Default)]
struct Health {
    failing: bool,
}

impl Health {
    fn heed<T>(&mut self, result: &Result<T, Error>, what: &str) {
        match result {
            Ok(_) => self.failing = false,
            Err(error) if !self.failing => {
                self.failing = true;
                tracing::error!(%error, "telemetry cannot be {what}; jobs and tasks are not affected");
            }
            Err(_) => {}
        }
    }
}

impl Writer {
    fn new(mut place: Box<dyn Place>, options: &Options) -> Result<Self, Error> {
        Ok(Self {
            received_at: place.latest()?,
            place,
            commit_interval: options.commit_interval,
            retention: Retention::new(options),
            storing: Health::default(),
            removing: Health::default(),
        })
    }

    fn run(&mut self, queue: &Queue) {
        let mut due = Instant::now();
        let mut sweeps = Vec::new();
        let mut more_to_remove = false;
        loop {
            let work = queue.next(due, more_to_remove);
            if !work.batches.is_empty() {
                due = Instant::now() + self.commit_interval;
            }
            let stored = self.store(work.batches, queue);
            for (now, reply) in work.sweeps {
                self.retention.advance(now);
                sweeps.push(reply);
            }
            let removed = self.place.remove(&mut self.retention, stored);
            self.removing.heed(&removed, "removed");
            more_to_remove = matches!(removed, Ok(true));
            if !more_to_remove {
                let done = removed.map(|_| ());
                sweeps.drain(..).for_each(|reply| drop(reply.send(done.clone())));
            }
            if work.last {
                break;
            }
        }
        self.place.end();
    }

    /// Stores batches as one transaction, tells their senders, and answers how many records that were.
    fn store(&mut self, batches: VecDeque<Batch>, queue: &Queue) -> usize {
        if batches.is_empty() {
            return 0;
        }
        let result = self.commit(&batches);
        self.storing.heed(&result, "stored");
        queue.done(batches.iter().map(|batch| batch.bytes).sum());
        let count = if result.is_ok() { batches.iter().map(|batch| batch.records.len()).sum() } else { 0 };
        for batch in batches {
            // Senders that are gone do not want to know.
            let _ = batch.reply.send(result.clone());
        }
        count
    }

    fn commit(&mut self, batches: &VecDeque<Batch>) -> Result<(), Error> {
        let arrivals: Vec<Arrival<'_>> = batches
            .iter()
            .map(|batch| {
                self.received_at = self.received_at.max(batch.now.0.div_euclid(1_000));
                Arrival { received_at: self.received_at, records: &batch.records }
            })
            .collect();
        self.place.commit(&arrivals)
    }
}
