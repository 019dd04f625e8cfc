//! Waiting for the end of a job.

use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::time::{Duration, Instant};

use super::connection::Backoff;
use super::{Job, JobClient};
use crate::Error;
use crate::id::JobId;

/// How soon a job is looked at again at first, and how rarely at last.
const LOOK_FIRST: Duration = Duration::from_millis(50);
const LOOK_LAST: Duration = Duration::from_secs(2);

/// A wait for the end of a job; await it for the job. Made by [`JobClient::wait`].
///
/// It looks at the job often at first and every second or two later on, and often again when it sees something happen.
///
/// ```no_run
/// # async fn example(client: boxwood::Client, job: boxwood::Job) -> boxwood::Result {
/// let job = client
///     .jobs()
///     .wait(&job)
///     .on_progress(|job| {
///         println!("{}: {} of {} tasks", job.state, job.stats.tasks(boxwood::TaskState::Computed), job.stats.total_tasks);
///         for indicator in &job.progress {
///             println!("  {}: {} of {}", indicator.label, indicator.done, indicator.total);
///         }
///     })
///     .await?;
/// assert_eq!(job.state, boxwood::JobState::Completed);
/// # Ok(())
/// # }
/// ```
#[must_use = "waiting begins when this is awaited"]
pub struct WaitForJob {
    jobs: JobClient,
    job: JobId,
    timeout: Option<Duration>,
    on_progress: Box<dyn FnMut(&Job) + Send>,
}

impl WaitForJob {
    pub(super) fn new(jobs: JobClient, job: JobId) -> Self {
        Self { jobs, job, timeout: None, on_progress: Box::new(|_| ()) }
    }

    /// Gives up after this time; without it, never.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Calls `callback` with the job as it is at first and whenever it is seen to have changed, the end included:
    /// state, progress indicators (P-3) and counts of tasks by state (J-30 to J-37). What happens between two looks is seen
    /// in the later one.
    pub fn on_progress(mut self, callback: impl FnMut(&Job) + Send + 'static) -> Self {
        self.on_progress = Box::new(callback);
        self
    }

    async fn run(mut self) -> Result<Job, Error> {
        let start = Instant::now();
        let mut backoff = Backoff::new(LOOK_FIRST, LOOK_LAST);
        let mut seen: Option<Job> = None;
        loop {
            let job = self.jobs.find(self.job).await?;
            if seen.as_ref() != Some(&job) {
                (self.on_progress)(&job);
                backoff.reset();
            }
            if job.state.is_final() {
                return Ok(job);
            }
            let mut wait = backoff.next();
            if let Some(timeout) = self.timeout {
                let left = timeout.saturating_sub(start.elapsed());
                if left.is_zero() {
                    return Err(Error::Timeout {
                        what: format!("job {}", self.job),
                        state: job.state.to_string(),
                        after: timeout,
                    });
                }
                wait = wait.min(left);
            }
            seen = Some(job);
            tokio::time::sleep(wait).await;
        }
    }
}

impl IntoFuture for WaitForJob {
    type Output = Result<Job, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    /// The job once it is COMPLETED, FAILED or CANCELED; failing is not an error of the wait.
    ///
    /// # Errors
    /// [`Code::NotFound`](crate::Code::NotFound) if there is no such job; [`Error::Timeout`] if it did not end in time.
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

impl std::fmt::Debug for WaitForJob {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WaitForJob").field("job", &self.job).field("timeout", &self.timeout).finish_non_exhaustive()
    }
}
