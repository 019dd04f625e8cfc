//! Submitting, finding and controlling jobs.

use std::future::{Future, IntoFuture};
use std::ops::RangeBounds;
use std::pin::Pin;
use std::time::SystemTime;

use boxwood_proto::workflows::v1 as wire;

use super::clone::{self, CloneJob, JobPrototype};
use super::counts::{self, JobStateCounts, ReadQueueStats};
use super::logs::{self, LogCounts, QueryAllLogs, QueryLogs};
use super::pages::Pages;
use super::query::JobFilter;
use super::tasks::{self, TaskSummary, TaskTree};
use super::traces::QuerySpans;
use super::visualize::VisualizeJob;
use super::wait::WaitForJob;
use super::{Client, Job};
use crate::Error;
use crate::id::{JobId, TaskId};
use crate::spans;
use crate::submission::{self, Entry};
use crate::task::{Submission, Submit};

/// Submits, finds, controls and watches jobs; from [`Client::jobs`].
///
/// Jobs are named by [`JobId`] or `&Job`.
#[derive(Debug, Clone)]
pub struct JobClient {
    pub(super) client: Client,
}

impl JobClient {
    /// Submits a job of one root task; more can be added before it is awaited (J-1 to J-10).
    ///
    /// ```no_run
    /// # use boxwood::{Client, RawTask};
    /// # async fn example(client: Client) -> boxwood::Result {
    /// let task = RawTask::new("acme.Mosaic", "v1.3")?.json(&["S2A", "S2B"])?;
    /// let job = client.jobs().submit("mosaic of two scenes", task).cluster("gpu").max_retries(2).await?;
    /// println!("{} is {}", job.id, job.state);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// A submission is safe to repeat: while the server cannot be reached it is sent again, and the server recognises it.
    pub fn submit(&self, name: impl Into<String>, task: impl Submit) -> SubmitJob {
        SubmitJob {
            client: self.client.clone(),
            name: name.into(),
            tasks: Vec::new(),
            cluster: String::new(),
            max_retries: 0,
            optional: false,
            problem: None,
        }
        .task(task)
    }

    /// Reads a job (J-41).
    ///
    /// # Errors
    /// [`Code::NotFound`](crate::Code::NotFound) if there is no such job (J-40).
    pub async fn find(&self, job: impl Into<JobId>) -> Result<Job, Error> {
        self.read("find job", job.into()).await
    }

    async fn read(&self, call: &'static str, job: JobId) -> Result<Job, Error> {
        let request = wire::GetJobRequest { job_id: job.to_wire().into(), ..Default::default() };
        let service = self.client.job_service();
        let answer = self.client.endpoint().repeat(call, |options| {
            let request = request.clone();
            async move { Ok(service.get_job_with_options(request, options).await?.into_owned()) }
        });
        Job::from_wire(call, answer.await?)
    }

    /// Lists the jobs that meet `filter` (J-42). They come without a list of their tasks.
    pub fn query(&self, filter: JobFilter) -> Pages<Job> {
        const CALL: &str = "query jobs";
        let client = self.client.clone();
        let request = filter.into_wire();
        Pages::new(move |page| {
            let client = client.clone();
            let request = wire::QueryJobsRequest { page: page.into(), ..request.clone() };
            async move {
                let service = client.job_service();
                let answer = client.endpoint().repeat(CALL, |options| {
                    let request = request.clone();
                    async move { Ok(service.query_jobs_with_options(request, options).await?.into_owned()) }
                });
                let answer = answer.await?;
                let jobs = answer.jobs.into_iter().map(|job| Job::from_wire(CALL, job)).collect::<Result<_, _>>()?;
                Ok((jobs, answer.next_page.into_option()))
            }
        })
    }

    /// Queues the failed tasks of a job again and lets its other tasks go on; returns how many were queued again (J-61,
    /// J-64). A job that neither failed nor was canceled stays as it is (J-67).
    ///
    /// # Errors
    /// [`Code::NotFound`](crate::Code::NotFound) if there is no such job (J-60).
    pub async fn retry(&self, job: impl Into<JobId>) -> Result<u64, Error> {
        const CALL: &str = "retry job";
        let job = job.into();
        let request = wire::RetryJobRequest { job_id: job.to_wire().into(), ..Default::default() };
        let service = self.client.job_service();
        let trace_parent = self.trace_parent(CALL, job).await?;
        spans::retry(&trace_parent, async {
            let answer = self.client.endpoint().repeat(CALL, |options| {
                let request = request.clone();
                async move { Ok(service.retry_job_with_options(request, options).await?.into_owned()) }
            });
            Ok(u64::try_from(answer.await?.num_tasks_rescheduled).unwrap_or(0))
        })
        .await
    }

    /// Stops handing out the tasks of a job; those being executed run to their end (J-71, J-72). A job that has ended
    /// stays as it is (J-75).
    ///
    /// # Errors
    /// [`Code::NotFound`](crate::Code::NotFound) if there is no such job (J-70).
    pub async fn cancel(&self, job: impl Into<JobId>) -> Result<(), Error> {
        const CALL: &str = "cancel job";
        let job = job.into();
        let request = wire::CancelJobRequest { job_id: job.to_wire().into(), ..Default::default() };
        let service = self.client.job_service();
        let trace_parent = self.trace_parent(CALL, job).await?;
        spans::cancel(&trace_parent, async {
            let answer = self.client.endpoint().repeat(CALL, |options| {
                let request = request.clone();
                async move { Ok(service.cancel_job_with_options(request, options).await?.into_owned()) }
            });
            answer.await.map(drop)
        })
        .await
    }

    /// The trace parent of a job; read only if somebody wants to know the spans of `call`.
    async fn trace_parent(&self, call: &'static str, job: JobId) -> Result<String, Error> {
        match spans::are_wanted() {
            true => Ok(self.read(call, job).await?.trace_parent),
            false => Ok(String::new()),
        }
    }

    /// Reads the name and the root tasks that a job was submitted with (J-80).
    ///
    /// # Errors
    /// [`Code::NotFound`](crate::Code::NotFound) if there is no such job.
    pub async fn prototype(&self, job: impl Into<JobId>) -> Result<JobPrototype, Error> {
        clone::prototype(&self.client, job.into()).await
    }

    /// Submits again what a job was submitted as, or something like it, as a new job (J-81, J-82). The job itself stays as it
    /// is.
    ///
    /// ```no_run
    /// # async fn example(client: boxwood::Client, job: boxwood::Job) -> boxwood::Result {
    /// let mut prototype = client.jobs().prototype(&job).await?;
    /// for task in &mut prototype.root_tasks {
    ///     task.cluster = "gpu".to_owned();
    /// }
    /// let again = client.jobs().clone_job(&job).prototype(prototype).name("mosaic, on graphics cards").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn clone_job(&self, job: impl Into<JobId>) -> CloneJob {
        CloneJob::new(self.client.clone(), job.into())
    }

    /// Counts the jobs submitted within a range of time by their states; `..` counts all (J-58).
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the server cannot be reached, [`Error::Refused`] if it refuses the call.
    pub async fn state_counts(&self, submitted: impl RangeBounds<SystemTime>) -> Result<JobStateCounts, Error> {
        counts::states(&self.client, submitted).await
    }

    /// Reads how many jobs and tasks wait, of all jobs unless it is told otherwise (J-59).
    pub fn queue_stats(&self) -> ReadQueueStats {
        ReadQueueStats::new(self.client.clone())
    }

    /// Waits until a job is COMPLETED, FAILED or CANCELED.
    pub fn wait(&self, job: impl Into<JobId>) -> WaitForJob {
        WaitForJob::new(self.clone(), job.into())
    }

    /// Draws the tasks of a job as SVG (V-1).
    pub fn visualize(&self, job: impl Into<JobId>) -> VisualizeJob {
        VisualizeJob::new(self.client.clone(), job.into())
    }

    /// Lists the root tasks of a job, in the order of submission (J-56).
    pub fn tasks(&self, job: impl Into<JobId>) -> Pages<TaskSummary> {
        tasks::list(&self.client, job.into(), None)
    }

    /// Lists the tasks that the task `parent` submitted, in the order of submission (J-56).
    pub fn subtasks(&self, job: impl Into<JobId>, parent: TaskId) -> Pages<TaskSummary> {
        tasks::list(&self.client, job.into(), Some(parent))
    }

    /// Reads the whole tree of tasks of a job, but at most `tasks_max` tasks; the nearest to the root come first.
    ///
    /// # Errors
    /// [`Code::NotFound`](crate::Code::NotFound) if there is no such job.
    pub async fn task_tree(&self, job: impl Into<JobId>, tasks_max: usize) -> Result<TaskTree, Error> {
        tasks::tree(&self.client, job.into(), tasks_max).await
    }

    /// The log records of a job, oldest first (O-30).
    pub fn logs(&self, job: impl Into<JobId>) -> QueryLogs {
        QueryLogs::new(self.client.clone(), job.into())
    }

    /// The log records of all jobs written within a range of time, such as `from..until` or `from..`; newest first (O-35).
    pub fn all_logs(&self, written: impl RangeBounds<SystemTime>) -> QueryAllLogs {
        QueryAllLogs::new(self.client.clone(), written)
    }

    /// Counts the log records of all jobs written within a range of time, such as `from..until` or `..` (O-36).
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the server cannot be reached, [`Error::Refused`] if it refuses the call.
    pub async fn log_counts(&self, written: impl RangeBounds<SystemTime>) -> Result<LogCounts, Error> {
        logs::counts(&self.client, written).await
    }

    /// The spans of a job, those that started first first (O-33).
    ///
    /// ```no_run
    /// # async fn example(client: boxwood::Client, job: boxwood::JobId) -> boxwood::Result {
    /// let mut spans = client.jobs().spans(job).pages();
    /// while let Some(span) = spans.next().await? {
    ///     println!("{:>10.3?}  {}", span.duration(), span.name);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn spans(&self, job: impl Into<JobId>) -> QuerySpans {
        QuerySpans::new(self.client.clone(), job.into())
    }
}

/// A job about to be submitted; await it. Made by [`JobClient::submit`].
#[must_use = "the job is submitted when this is awaited"]
#[derive(Debug)]
pub struct SubmitJob {
    client: Client,
    name: String,
    tasks: Vec<Submission>,
    cluster: String,
    max_retries: u32,
    optional: bool,
    problem: Option<Error>,
}

impl SubmitJob {
    /// Adds a root task; root tasks do not depend on each other (J-3).
    pub fn task(mut self, task: impl Submit) -> Self {
        match task.into_submission() {
            Ok(task) => self.tasks.push(task),
            Err(problem) => self.problem = self.problem.or(Some(problem)),
        }
        self
    }

    /// Adds root tasks.
    pub fn tasks<T: Submit>(self, tasks: impl IntoIterator<Item = T>) -> Self {
        tasks.into_iter().fold(self, Self::task)
    }

    /// The cluster of all root tasks; the default cluster unless set (J-4).
    pub fn cluster(mut self, slug: impl Into<String>) -> Self {
        self.cluster = slug.into();
        self
    }

    /// How often each root task may be executed again after a failure; 0 unless set (T-110).
    pub fn max_retries(mut self, retries: u32) -> Self {
        self.max_retries = retries;
        self
    }

    /// Lets the job go on if a root task fails (T-136).
    pub fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    async fn send(self) -> Result<Job, Error> {
        const CALL: &str = "submit job";
        if let Some(problem) = self.problem {
            return Err(problem);
        }
        let entries: Vec<Entry> = self
            .tasks
            .into_iter()
            .map(|task| Entry {
                max_retries: self.max_retries,
                optional: self.optional,
                ..Entry::new(task, self.cluster.clone())
            })
            .collect();
        let mut request = wire::SubmitJobRequest {
            job_name: self.name.clone(),
            tasks: submission::to_wire(&entries)?.into(),
            ..Default::default()
        };
        let service = self.client.job_service();
        // One for all attempts: the server recognises a repeated submission by it.
        spans::submit(&self.name, async |trace_parent| {
            request.trace_parent = trace_parent.to_string();
            let answer = self.client.endpoint().repeat(CALL, |options| {
                let request = request.clone();
                async move { Ok(service.submit_job_with_options(request, options).await?.into_owned()) }
            });
            Job::from_wire(CALL, answer.await?)
        })
        .await
    }
}

impl IntoFuture for SubmitJob {
    type Output = Result<Job, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    /// # Errors
    /// [`Error::Input`] for an input that cannot be written or is too long; [`Code::NotFound`](crate::Code::NotFound) if
    /// the cluster is unknown (J-5); [`Code::InvalidArgument`](crate::Code::InvalidArgument) if the name is empty (J-1).
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}
