//! Submitting what was submitted before, as it was or with changes (J-80 to J-82).

use std::future::{Future, IntoFuture};
use std::pin::Pin;

use boxwood_proto::workflows::v1 as wire;

use super::{Client, Job};
use crate::Error;
use crate::id::JobId;
use crate::identifier::TaskIdentifier;
use crate::task::Submit;

/// What a job was submitted as (J-80); from [`JobClient::prototype`](crate::JobClient::prototype). Its fields may be changed
/// before it is [cloned](crate::JobClient::clone_job).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct JobPrototype {
    /// The name of the job.
    pub name: String,
    /// Its root tasks, in the order of submission.
    pub root_tasks: Vec<RootTask>,
}

/// A root task of a [`JobPrototype`].
///
/// Whether a root task is optional does not travel with a prototype: none of a clone is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RootTask {
    /// Which task it is.
    pub identifier: TaskIdentifier,
    /// Its input, byte for byte.
    pub input: Vec<u8>,
    /// The text shown for it.
    pub display: String,
    /// Its cluster; the default cluster if empty (J-4).
    pub cluster: String,
    /// How often it may be executed again after a failure (T-110).
    pub max_retries: u32,
    /// Positions, in the list of root tasks, of those it waits for.
    pub dependencies: Vec<usize>,
}

impl RootTask {
    /// A root task on the default cluster, without retries and dependencies.
    ///
    /// # Errors
    /// [`Error::Input`] for an input that cannot be written or is too long.
    pub fn new(task: impl Submit) -> Result<Self, Error> {
        let task = task.into_submission()?;
        Ok(Self {
            identifier: task.identifier,
            input: task.input,
            display: task.display,
            cluster: String::new(),
            max_retries: 0,
            dependencies: Vec::new(),
        })
    }

    fn from_wire(call: &'static str, task: wire::SingleTaskSubmission) -> Result<Self, Error> {
        let identifier = task.identifier.into_option().unwrap_or_default();
        let dependencies = task.dependencies.into_iter().map(|place| {
            usize::try_from(place).map_err(|_| Error::answer(call, format!("a dependency is at position {place}")))
        });
        Ok(Self {
            identifier: TaskIdentifier::new(identifier.name, &identifier.version)
                .map_err(|error| Error::answer(call, error.to_string()))?,
            input: task.input,
            display: task.display,
            cluster: task.cluster_slug,
            max_retries: u32::try_from(task.max_retries).unwrap_or(0),
            dependencies: dependencies.collect::<Result<_, _>>()?,
        })
    }

    fn into_wire(self) -> wire::SingleTaskSubmission {
        wire::SingleTaskSubmission {
            cluster_slug: self.cluster,
            identifier: self.identifier.to_wire().into(),
            input: self.input,
            display: self.display,
            // No memory holds as many tasks as would not fit.
            dependencies: self.dependencies.into_iter().map(|place| i64::try_from(place).unwrap_or(i64::MAX)).collect(),
            max_retries: self.max_retries.into(),
            ..Default::default()
        }
    }
}

pub(super) async fn prototype(client: &Client, job: JobId) -> Result<JobPrototype, Error> {
    const CALL: &str = "read prototype of job";
    let request = wire::GetJobPrototypeRequest { job_id: job.to_wire().into(), ..Default::default() };
    let service = client.job_service();
    let answer = client.endpoint().repeat(CALL, |options| {
        let request = request.clone();
        async move { Ok(service.get_job_prototype_with_options(request, options).await?.into_owned()) }
    });
    let answer = answer.await?;
    let root_tasks = answer.root_tasks.into_iter().map(|task| RootTask::from_wire(CALL, task));
    Ok(JobPrototype { name: answer.job_name, root_tasks: root_tasks.collect::<Result<_, _>>()? })
}

/// A clone of a job about to be submitted; await it for the new job. Made by
/// [`JobClient::clone_job`](crate::JobClient::clone_job).
#[must_use = "the clone is submitted when this is awaited"]
#[derive(Debug)]
pub struct CloneJob {
    client: Client,
    job: JobId,
    name: Option<String>,
    prototype: Option<JobPrototype>,
}

impl CloneJob {
    pub(super) fn new(client: Client, job: JobId) -> Self {
        Self { client, job, name: None, prototype: None }
    }

    /// Its name; that of the prototype unless set.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// What to submit; what the job was submitted as unless set. Takes 1 to 64 root tasks (LM-17).
    pub fn prototype(mut self, prototype: JobPrototype) -> Self {
        self.prototype = Some(prototype);
        self
    }

    async fn send(self) -> Result<Job, Error> {
        const CALL: &str = "clone job";
        let prototype = match self.prototype {
            Some(prototype) => prototype,
            None => prototype(&self.client, self.job).await?,
        };
        let request = wire::CloneJobRequest {
            job_id: self.job.to_wire().into(),
            job_name: self.name.unwrap_or(prototype.name),
            root_tasks_overrides: prototype.root_tasks.into_iter().map(RootTask::into_wire).collect(),
            ..Default::default()
        };
        // Sent once: the server cannot tell a repetition from a second clone.
        let service = self.client.job_service();
        let answer = async { Ok(service.clone_job(request).await?.into_owned()) };
        Job::from_wire(CALL, self.client.endpoint().once(CALL, answer).await?)
    }
}

impl IntoFuture for CloneJob {
    type Output = Result<Job, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    /// # Errors
    /// [`Code::NotFound`](crate::Code::NotFound) if there is no such job or cluster;
    /// [`Code::InvalidArgument`](crate::Code::InvalidArgument) if there are no root tasks, or more than 64 (LM-17), or if the
    /// name is empty. [`Error::Unavailable`] if the server cannot be reached: a clone is not sent again by itself, because
    /// that could make two.
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}
