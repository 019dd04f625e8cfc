//! A task handed out whose answer is still on its way. If the answer is never written, the task is put back at once,
//! and the retry count does not change.

use std::sync::{Arc, Mutex};

use boxwood_engine::{Command, Taken};
use boxwood_store::Lane;

use crate::clock;

/// Puts a task back when dropped, unless it was delivered.
pub(crate) struct HandedOut {
    lane: Lane,
    taken: Option<Taken>,
}

impl HandedOut {
    pub(crate) fn new(lane: Lane, taken: Taken) -> Self {
        Self { lane, taken: Some(taken) }
    }

    /// The answer is written.
    pub(crate) fn delivered(mut self) {
        self.taken = None;
    }
}

impl Drop for HandedOut {
    fn drop(&mut self) {
        let Some(taken) = self.taken else { return };
        let lane = self.lane.clone();
        // Outside a runtime the process ends, and the lease is what is left.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move {
            let returned = lane.command(Command::ReturnHandOut { taken, now: clock::now() }).await;
            match returned {
                Ok(_) => tracing::debug!(task = taken.task.0, "put back a task whose answer was not written"),
                Err(error) => tracing::debug!(%error, task = taken.task.0, "could not put back a task"),
            }
        });
    }
}

/// Where a call leaves the task it hands out, for whoever writes the answer. Travels in the request's extensions.
#[derive(Clone, Default)]
pub(crate) struct Undelivered(Arc<Mutex<Option<HandedOut>>>);

impl Undelivered {
    /// Leaves a task.
    pub(crate) fn put(&self, handed_out: HandedOut) {
        *self.0.lock().expect("nobody panics while holding a hand-out") = Some(handed_out);
    }

    /// Takes the task, if one was left.
    pub(crate) fn take(&self) -> Option<HandedOut> {
        self.0.lock().expect("nobody panics while holding a hand-out").take()
    }
}
