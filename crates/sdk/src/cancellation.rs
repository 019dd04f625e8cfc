//! The notice that nobody waits for an execution any more (R-75).

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio_util::sync::CancellationToken;

/// Why an execution was canceled; from [`Cancellation`]. It is an error, so that task code can end with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Canceled {
    /// The runner is being shut down: the time of grace runs, after which the task is abandoned (R-68). Or the run has
    /// ended already.
    Shutdown,
    /// The server does not extend the lease of the task any more (R-33): it has ended elsewhere, or another runner may be
    /// given it.
    LeaseLost,
}

impl fmt::Display for Canceled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Shutdown => "canceled: the runner is shut down",
            Self::LeaseLost => "canceled: the server does not extend the lease of the task any more",
        })
    }
}

impl std::error::Error for Canceled {}

/// Tells task code that nobody waits for it any more (R-75); from [`ExecutionContext::cancellation`].
///
/// It is cheap to clone and borrows nothing, so that it can be moved to wherever the work is done. Code that waits awaits
/// [`canceled`](Self::canceled); code that computes asks now and then, with [`check`](Self::check) or
/// [`is_canceled`](Self::is_canceled). The answer is right also while every thread of the runtime is busy.
///
/// ```
/// # use boxwood::{Execute, ExecutionContext, Task};
/// #[derive(Task)]
/// struct Render;
///
/// impl Execute for Render {
///     async fn execute(self, context: &ExecutionContext) -> boxwood::Result {
///         let cancellation = context.cancellation();
///         let rows = tokio::task::spawn_blocking(move || {
///             for row in 0..4096 {
///                 cancellation.check()?;
///                 // … compute the row …
/// #               let _ = row;
///             }
///             Ok::<_, boxwood::Canceled>(4096)
///         });
///         context.set_display(format!("{} rows", rows.await??));
///         Ok(())
///     }
/// }
/// ```
///
/// # When it happens
/// - The runner is [shut down](crate::Runner::run_forever), or its run was dropped: [`Canceled::Shutdown`].
/// - The server does not extend the lease of the task any more: [`Canceled::LeaseLost`] (R-33). The runner was cut off or
///   suspended for longer than the lease, so that the task was queued again, or another runner has reported it (R-42). If
///   another runner was given the task and is still executing it, the server extends the lease for both, and there is no
///   notice. It is noticed when an extension is due, which may be most of a lease later.
///
/// Canceling a *job* is no reason: its running tasks go on, and their results are kept (J-72).
///
/// # What follows
/// It is a notice; nothing is stopped by it. Task code may go on, and end as it likes:
///
/// | | [`Shutdown`](Canceled::Shutdown) | [`LeaseLost`](Canceled::LeaseLost) |
/// | --- | --- | --- |
/// | it succeeds | it is computed, as ever | reported; it counts if the task is being executed again (R-42), else not (R-41) |
/// | it was told, and fails or panics | handed back at once, without using up a retry (R-69) | not reported, since it would be the failure of another execution (R-69) |
/// | it was not told, and fails or panics | it failed (R-60) | not reported |
/// | it goes on for longer than the grace | abandoned at its next `.await`, and handed back (R-68) | it goes on |
///
/// It *was told* if one of the methods here said so. Code that was spawned by the task is not ended with it; this is how
/// it learns that it may end.
///
/// [`ExecutionContext::cancellation`]: crate::ExecutionContext::cancellation
#[derive(Clone)]
pub struct Cancellation {
    /// Canceled for any reason: it is a child of that of the run.
    any: CancellationToken,
    marks: Arc<Marks>,
}

#[derive(Default)]
struct Marks {
    lease_lost: AtomicBool,
    told: AtomicBool,
}

impl Cancellation {
    /// A cancellation that happens with that of the run, if not earlier.
    pub(crate) fn of_run(run: &CancellationToken) -> Self {
        Self { any: run.child_token(), marks: Arc::default() }
    }

    /// Whether the execution was canceled. Costs some nanoseconds.
    pub fn is_canceled(&self) -> bool {
        self.reason().is_some()
    }

    /// Why the execution was canceled, if it was.
    pub fn reason(&self) -> Option<Canceled> {
        self.any.is_cancelled().then(|| self.tell())
    }

    /// For code that ends with the cancellation: `cancellation.check()?`.
    ///
    /// # Errors
    /// Why the execution was canceled, if it was.
    pub fn check(&self) -> Result<(), Canceled> {
        self.reason().map_or(Ok(()), Err)
    }

    /// Returns when the execution is canceled, and why.
    pub async fn canceled(&self) -> Canceled {
        self.any.cancelled().await;
        self.tell()
    }

    fn tell(&self) -> Canceled {
        self.marks.told.store(true, Ordering::Relaxed);
        if self.is_lease_lost() { Canceled::LeaseLost } else { Canceled::Shutdown }
    }

    /// Notes that the server does not extend the lease any more.
    pub(crate) fn lose_lease(&self) {
        self.marks.lease_lost.store(true, Ordering::Relaxed);
        self.any.cancel();
    }

    pub(crate) fn is_lease_lost(&self) -> bool {
        self.marks.lease_lost.load(Ordering::Relaxed)
    }

    /// Whether task code knows of it.
    pub(crate) fn was_told(&self) -> bool {
        self.marks.told.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for Cancellation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // To look at it is not to be told.
        f.debug_struct("Cancellation").field("canceled", &self.any.is_cancelled()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r_75_a_run_that_is_stopped_cancels_its_executions_and_no_others() {
        let runs = [CancellationToken::new(), CancellationToken::new()];
        let [stopped, other] = runs.each_ref().map(Cancellation::of_run);
        runs[0].cancel();
        assert!(!stopped.was_told());
        assert_eq!(stopped.reason(), Some(Canceled::Shutdown));
        assert!(stopped.was_told());
        assert_eq!(other.check(), Ok(()));
        assert!(!other.was_told());
        assert!(Cancellation::of_run(&runs[0]).is_canceled(), "also those that start later");
    }

    #[tokio::test]
    async fn r_75_a_lost_lease_concerns_one_execution_and_stays_the_reason() {
        let run = CancellationToken::new();
        let [lost, other] = [&run, &run].map(Cancellation::of_run);
        let waiting = tokio::spawn({
            let lost = lost.clone();
            async move { lost.canceled().await }
        });
        lost.lose_lease();
        assert_eq!(waiting.await.unwrap(), Canceled::LeaseLost);
        assert!(!other.is_canceled());
        run.cancel();
        assert_eq!((lost.check(), other.check()), (Err(Canceled::LeaseLost), Err(Canceled::Shutdown)));
    }
}
