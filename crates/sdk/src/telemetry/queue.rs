//! Where records wait to be sent: bounded, and never in the way of a task.
//!
//! A queue belongs to one destination and one kind of records, so that a slow backend holds up nothing else. When it is
//! full, new records are dropped and counted.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::record::{Log, Span};

/// Records that may wait: at 20,000 spans a second, most of a second without an answer.
const RECORDS_MAX: usize = 16_384;
/// Memory that waiting records may take, in bytes.
const BYTES_MAX: usize = 32 << 20;

/// As soon as this many records wait, they are sent.
const BATCH_RECORDS: usize = 512;
/// One request carries at most this many records and, unless a single one has more, about this many bytes. It is more
/// than a batch, so that a sender that falls behind catches up.
const REQUEST_RECORDS_MAX: usize = 4_096;
const REQUEST_BYTES_MAX: usize = 4 << 20;

/// What can wait.
pub(super) trait Weighed {
    /// About how much memory it takes.
    fn bytes(&self) -> usize;
}

impl Weighed for Log {
    fn bytes(&self) -> usize {
        Log::bytes(self)
    }
}

impl Weighed for Span {
    fn bytes(&self) -> usize {
        Span::bytes(self)
    }
}

/// All queues of a layer.
#[derive(Debug, Default)]
pub(super) struct Sink {
    pub(super) logs: Vec<Arc<Queue<Log>>>,
    pub(super) spans: Vec<Arc<Queue<Span>>>,
}

impl Sink {
    pub(super) fn log(&self, log: Log) {
        push_to_all(&self.logs, log);
    }

    pub(super) fn span(&self, span: Span) {
        push_to_all(&self.spans, span);
    }

    /// Takes no more records; what waits is sent at once.
    pub(super) fn close(&self) {
        self.logs.iter().for_each(|queue| queue.close());
        self.spans.iter().for_each(|queue| queue.close());
    }

    /// Returns when all that was recorded before is sent or given up.
    pub(super) async fn flush(&self) {
        // First all are told, so that they are sent side by side.
        let logs: Vec<_> = self.logs.iter().map(|queue| (queue, queue.hurry())).collect();
        let spans: Vec<_> = self.spans.iter().map(|queue| (queue, queue.hurry())).collect();
        for (queue, count) in logs {
            queue.settled(count).await;
        }
        for (queue, count) in spans {
            queue.settled(count).await;
        }
    }

    /// How many records were dropped or given up.
    pub(super) fn lost(&self) -> u64 {
        let logs = self.logs.iter().map(|queue| queue.state().lost);
        logs.chain(self.spans.iter().map(|queue| queue.state().lost)).sum()
    }
}

fn push_to_all<R: Weighed>(queues: &[Arc<Queue<R>>], record: R) {
    if queues.is_empty() {
        return;
    }
    let bytes = record.bytes();
    let record = Arc::new(record);
    queues.iter().for_each(|queue| queue.push(&record, bytes));
}

/// Records on their way to one destination.
#[derive(Debug)]
pub(super) struct Queue<R> {
    state: Mutex<State<R>>,
    /// Told to the one that sends.
    woken: Notify,
    /// Told to those that wait for records to be sent.
    sent: Notify,
}

#[derive(Debug)]
struct State<R> {
    waiting: VecDeque<(Arc<R>, usize)>,
    bytes: usize,
    /// How many records were ever taken, and how many of them were sent or given up.
    taken: u64,
    settled: u64,
    /// Up to which record there is a hurry.
    hurry: u64,
    /// Dropped because it was full, since that was last asked.
    dropped: u64,
    /// Dropped or given up, ever.
    lost: u64,
    closed: bool,
}

impl<R> State<R> {
    fn is_urgent(&self) -> bool {
        self.waiting.len() >= BATCH_RECORDS
            || self.bytes >= REQUEST_BYTES_MAX
            || self.hurry > self.settled
            || self.closed
    }
}

impl<R> Default for Queue<R> {
    fn default() -> Self {
        let state = State {
            waiting: VecDeque::new(),
            bytes: 0,
            taken: 0,
            settled: 0,
            hurry: 0,
            dropped: 0,
            lost: 0,
            closed: false,
        };
        Self { state: Mutex::new(state), woken: Notify::new(), sent: Notify::new() }
    }
}

impl<R> Queue<R> {
    /// Nothing in here leaves the state half changed.
    fn state(&self) -> MutexGuard<'_, State<R>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, record: &Arc<R>, bytes: usize) {
        let mut state = self.state();
        if state.closed {
            return;
        }
        if state.waiting.len() >= RECORDS_MAX || state.bytes + bytes > BYTES_MAX {
            state.dropped += 1;
            state.lost += 1;
            return;
        }
        let was_urgent = state.is_urgent();
        state.waiting.push_back((Arc::clone(record), bytes));
        state.bytes += bytes;
        state.taken += 1;
        // Waking takes a while; only what changes what the sender waits for is worth it.
        let wake = state.waiting.len() == 1 || (!was_urgent && state.is_urgent());
        drop(state);
        if wake {
            self.woken.notify_one();
        }
    }

    fn close(&self) {
        self.state().closed = true;
        self.woken.notify_one();
    }

    /// Has everything sent that waits now; returns which record is the last of it.
    fn hurry(&self) -> u64 {
        let mut state = self.state();
        state.hurry = state.taken;
        self.woken.notify_one();
        state.hurry
    }

    /// Returns when this many records are sent or given up.
    async fn settled(&self, count: u64) {
        loop {
            let sent = self.sent.notified();
            {
                let state = self.state();
                if state.settled >= count || (state.closed && state.waiting.is_empty()) {
                    return;
                }
            }
            sent.await;
        }
    }

    /// Returns when there is something to send; false if there will be nothing more.
    pub(super) async fn has_some(&self) -> bool {
        self.until(|state| !state.waiting.is_empty() || state.closed).await;
        !self.state().waiting.is_empty()
    }

    /// Returns when it is not worth waiting for more records.
    pub(super) async fn is_urgent(&self) {
        self.until(State::is_urgent).await;
    }

    async fn until(&self, condition: impl Fn(&State<R>) -> bool) {
        loop {
            let woken = self.woken.notified();
            if condition(&self.state()) {
                return;
            }
            woken.await;
        }
    }

    /// Takes the records of the next request.
    pub(super) fn take(&self) -> Vec<Arc<R>> {
        let mut state = self.state();
        let mut bytes = 0;
        let mut records = Vec::with_capacity(state.waiting.len().min(REQUEST_RECORDS_MAX));
        while records.len() < REQUEST_RECORDS_MAX {
            let Some((_, size)) = state.waiting.front() else { break };
            if bytes + size > REQUEST_BYTES_MAX && !records.is_empty() {
                break;
            }
            bytes += size;
            records.extend(state.waiting.pop_front().map(|(record, _)| record));
        }
        state.bytes -= bytes;
        records
    }

    /// Says that so many records that were taken are done with, and how many of them were given up.
    pub(super) fn settle(&self, records: usize, lost: u64) {
        let mut state = self.state();
        state.settled += records as u64;
        state.lost += lost;
        drop(state);
        self.sent.notify_waiters();
    }

    /// How many records were dropped since this was last asked.
    pub(super) fn take_dropped(&self) -> u64 {
        std::mem::take(&mut self.state().dropped)
    }

    /// Gives up what still waits; returns how much that is.
    pub(super) fn abandon(&self) -> u64 {
        let mut state = self.state();
        state.closed = true;
        let unsent = state.taken - state.settled;
        state.waiting.clear();
        state.bytes = 0;
        state.settled = state.taken;
        state.lost += unsent;
        drop(state);
        self.sent.notify_waiters();
        unsent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Heavy(usize);

    impl Weighed for Heavy {
        fn bytes(&self) -> usize {
            self.0
        }
    }

    fn queue(records: usize, bytes: usize) -> Arc<Queue<Heavy>> {
        let queue = Arc::new(Queue::default());
        (0..records).for_each(|_| push_to_all(std::slice::from_ref(&queue), Heavy(bytes)));
        queue
    }

    #[test]
    fn a_full_queue_drops_and_counts() {
        let many = queue(RECORDS_MAX + 3, 1);
        assert_eq!((many.take_dropped(), many.take_dropped(), many.state().lost), (3, 0, 3));
        let heavy = queue(10, BYTES_MAX / 8);
        assert_eq!((heavy.take_dropped(), heavy.state().waiting.len()), (2, 8));
        heavy.take();
        push_to_all(&[Arc::clone(&heavy)], Heavy(1));
        assert_eq!(heavy.take_dropped(), 0, "there is room again");
    }

    #[test]
    fn a_request_is_bounded_by_records_and_bytes() {
        let many = queue(REQUEST_RECORDS_MAX + 1, 1);
        assert_eq!((many.take().len(), many.take().len(), many.take().len()), (REQUEST_RECORDS_MAX, 1, 0));
        let heavy = queue(3, REQUEST_BYTES_MAX / 2);
        assert_eq!((heavy.take().len(), heavy.take().len()), (2, 1));
        let huge = queue(2, REQUEST_BYTES_MAX + 1);
        assert_eq!(huge.take().len(), 1, "one is always taken");
    }

    #[test]
    fn what_is_given_up_at_the_end_is_counted_once() {
        let queue = queue(10, 1);
        let taken = queue.take().len();
        queue.settle(taken, 2);
        push_to_all(&[Arc::clone(&queue)], Heavy(1));
        assert_eq!((queue.abandon(), queue.state().lost), (1, 3));
        push_to_all(&[Arc::clone(&queue)], Heavy(1));
        assert_eq!((queue.abandon(), queue.state().lost), (0, 3), "nothing is taken any more");
    }

    #[tokio::test(start_paused = true)]
    async fn a_flush_waits_for_what_was_recorded_before() {
        let queue = queue(2, 1);
        let count = queue.hurry();
        queue.is_urgent().await;
        let flushed = tokio::spawn({
            let queue = Arc::clone(&queue);
            async move { queue.settled(count).await }
        });
        tokio::task::yield_now().await;
        assert!(!flushed.is_finished());
        let taken = queue.take().len();
        queue.settle(taken, 0);
        flushed.await.unwrap();
        assert!(!queue.state().is_urgent());
    }
}
