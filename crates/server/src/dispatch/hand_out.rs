//! A task handed out whose answer is still on its way. If the answer is never written, the task is put back at once,
//! and the retry count does not change.

use std::sync::{Arc, Mutex};

use boxwood_engine::{Command, Taken, TaskId};
use boxwood_store::Lane;

use super::seen::Seen;
use crate::clock;

/// Puts a task back when dropped, unless it was delivered.
pub(crate) struct HandedOut {
    lane: Lane,
    taken: Option<Taken>,
    /// Where the task is noted as held by a runner.
    held: Option<(Arc<Seen>, TaskId)>,
}

impl HandedOut {
    pub(crate) fn new(lane: Lane, taken: Taken) -> Self {
        Self { lane, taken: Some(taken), held: None }
    }

    /// The task is noted as held by the runner that it is on its way to.
    pub(super) fn held(mut self, seen: &Arc<Seen>, task: TaskId) -> Self {
        self.held = Some((seen.clone(), task));
        self
    }

    /// The answer is written.
    pub(crate) fn delivered(mut self) {
        self.taken = None;
    }
}

impl Drop for HandedOut {
    fn drop(&mut self) {
        let Some(taken) = self.taken else { return };
        if let Some((seen, task)) = self.held.take() {
            seen.released(task);
        }
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
