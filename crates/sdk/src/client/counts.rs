//! How many jobs there are and how much work waits (J-58, J-59).

use std::future::{Future, IntoFuture};
use std::ops::RangeBounds;
use std::pin::Pin;
use std::time::{Duration, SystemTime};

use boxwood_proto::workflows::v1 as wire;

use super::Client;
use super::job::{Job, JobState};
use super::query::interval;
use crate::Error;

/// How many jobs are in each state (J-58); from [`JobClient::state_counts`](crate::JobClient::state_counts).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct JobStateCounts {
    /// All of them.
    pub total: u64,
    /// How many are in each state; states without jobs are left out.
    pub by_state: Vec<(JobState, u64)>,
}

impl JobStateCounts {
    /// How many jobs are in `state`.
    pub fn count(&self, state: JobState) -> u64 {
        self.by_state.iter().filter(|(known, _)| *known == state).map(|(_, count)| count).sum()
    }
}

pub(super) async fn states(client: &Client, submitted: impl RangeBounds<SystemTime>) -> Result<JobStateCounts, Error> {
    const CALL: &str = "count jobs";
    let request = wire::GetJobStateCountsRequest { time_interval: interval(submitted).into(), ..Default::default() };
    let service = client.job_service();
    let answer = client.endpoint().repeat(CALL, |options| {
        let request = request.clone();
        async move { Ok(service.get_job_state_counts_with_options(request, options).await?.into_owned()) }
    });
    let answer = answer.await?;
    let by_state = answer.state_counts.into_iter();
    let by_state = by_state.map(|entry| Ok((JobState::from_wire(CALL, entry.state)?, entry.count)));
    Ok(JobStateCounts {
        total: u64::try_from(answer.total_jobs).unwrap_or(0),
        by_state: by_state.collect::<Result<_, Error>>()?,
    })
}

/// How much work waits (J-59).
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct QueueStats {
    /// Jobs that are SUBMITTED or STARTED: none of their tasks is being executed.
    pub waiting_jobs: u64,
    /// Jobs that are RUNNING.
    pub running_jobs: u64,
    /// Tasks that are QUEUED.
    pub queued_tasks: u64,
    /// The waiting job that was submitted first, if any waits.
    pub oldest_waiting_job: Option<Job>,
}

/// A question how much work waits; await it for the [`QueueStats`]. Made by
/// [`JobClient::queue_stats`](crate::JobClient::queue_stats).
#[must_use = "the server is asked when this is awaited"]
#[derive(Debug)]
pub struct ReadQueueStats {
    client: Client,
    request: wire::GetTaskQueueStatsRequest,
}

impl ReadQueueStats {
    pub(super) fn new(client: Client) -> Self {
        Self { client, request: wire::GetTaskQueueStatsRequest::default() }
    }

    /// Only jobs submitted within a range of time, such as `from..until` or `from..`.
    pub fn submitted(mut self, range: impl RangeBounds<SystemTime>) -> Self {
        self.request.job_time_interval = interval(range).into();
        self
    }

    /// Only jobs that were submitted at most this long ago.
    pub fn max_age(mut self, age: Duration) -> Self {
        self.request.job_max_age = Some(age.into()).into();
        self
    }

    async fn send(self) -> Result<QueueStats, Error> {
        const CALL: &str = "read queue statistics";
        let service = self.client.job_service();
        let answer = self.client.endpoint().repeat(CALL, |options| {
            let request = self.request.clone();
            async move { Ok(service.get_task_queue_stats_with_options(request, options).await?.into_owned()) }
        });
        let answer = answer.await?;
        let oldest = answer.oldest_waiting_job.into_option();
        Ok(QueueStats {
            waiting_jobs: answer.waiting_jobs,
            running_jobs: answer.running_jobs,
            queued_tasks: answer.queued_tasks,
            oldest_waiting_job: oldest.map(|job| Job::from_wire(CALL, job)).transpose()?,
        })
    }
}

impl IntoFuture for ReadQueueStats {
    type Output = Result<QueueStats, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    /// # Errors
    /// [`Error::Unavailable`] if the server cannot be reached, [`Error::Refused`] if it refuses the call.
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}
