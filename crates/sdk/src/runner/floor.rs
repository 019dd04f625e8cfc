//! When "run all" is over: at the first idle answer to a question that was asked while no slot executed, reported
//! or asked, and after the last report of this runner.
//!
//! A slot with an idle answer waits while others are active: what they report may make work for it. One report wakes one
//! waiting slot; a slot that got a task wakes the next, since there may be more.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

#[derive(Debug, Default)]
pub(super) struct Floor {
    state: Mutex<State>,
    wake: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// Slots that ask, execute or report.
    active: usize,
    /// Reports that were answered.
    reports: u64,
    over: bool,
}

/// How many reports there were when a question was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen(u64);

impl Floor {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A slot is about to ask; none if the run is over.
    pub(super) fn enter(&self) -> Option<Seen> {
        let mut state = self.state();
        if state.over {
            return None;
        }
        state.active += 1;
        Some(Seen(state.reports))
    }

    /// A slot that had entered is no longer active, but will ask again.
    pub(super) fn leave(&self) {
        self.state().active -= 1;
        // Whoever waits for nobody to be active looks again.
        self.wake.notify_one();
    }

    /// A report was answered.
    pub(super) fn reported(&self) {
        self.state().reports += 1;
        self.wake.notify_one();
    }

    /// A slot got a task.
    pub(super) fn handed_out(&self) {
        self.wake.notify_one();
    }

    /// A slot that had entered got an idle answer; returns when it is to ask again, or the run is over.
    pub(super) async fn idle(&self, seen: Seen) {
        self.state().active -= 1;
        loop {
            let woken = self.wake.notified();
            tokio::pin!(woken);
            woken.as_mut().enable();
            {
                let mut state = self.state();
                if state.over || state.reports != seen.0 {
                    return;
                }
                if state.active == 0 {
                    state.over = true;
                    self.wake.notify_waiters();
                    return;
                }
            }
            woken.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn poll(future: std::pin::Pin<&mut impl Future<Output = ()>>) -> Poll<()> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn r_22_an_idle_answer_with_nothing_active_ends_the_run() {
        let floor = Floor::default();
        let seen = floor.enter().unwrap();
        assert_eq!(poll(pin!(floor.idle(seen))), Poll::Ready(()));
        assert!(floor.enter().is_none());
    }

    #[test]
    fn r_22_an_idle_slot_waits_for_the_reports_of_others() {
        let floor = Floor::default();
        let one = floor.enter().unwrap();
        let _other = floor.enter().unwrap();
        let mut idle = pin!(floor.idle(one));
        assert_eq!(poll(idle.as_mut()), Poll::Pending);
        floor.reported();
        assert_eq!(poll(idle.as_mut()), Poll::Ready(()));
        assert!(floor.enter().is_some(), "there may be new work");
    }

    #[test]
    fn r_22_an_answer_older_than_a_report_is_not_the_end() {
        let floor = Floor::default();
        let one = floor.enter().unwrap();
        let _other = floor.enter().unwrap();
        floor.reported();
        floor.leave();
        assert_eq!(poll(pin!(floor.idle(one))), Poll::Ready(()));
        assert!(floor.enter().is_some(), "the question was asked before the report");
    }

    #[test]
    fn r_22_the_last_slot_ends_it_for_those_that_wait() {
        let floor = Floor::default();
        let one = floor.enter().unwrap();
        let other = floor.enter().unwrap();
        let mut idle = pin!(floor.idle(one));
        assert_eq!(poll(idle.as_mut()), Poll::Pending);
        assert_eq!(poll(pin!(floor.idle(other))), Poll::Ready(()));
        assert_eq!(poll(idle.as_mut()), Poll::Ready(()));
        assert!(floor.enter().is_none());
    }
}
