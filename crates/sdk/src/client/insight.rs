//! Who works, what waits and why (IN-1 to IN-33).

use std::time::SystemTime;

use boxwood_proto::boxwood::v1 as wire;
use boxwood_proto::workflows::v1::TaskIdentifier as WireIdentifier;

use super::Client;
use super::job::time;
use crate::Error;
use crate::id::JobId;
use crate::identifier::TaskIdentifier;

/// Asks a server about itself, about runners, and about what waits; from [`Client::insight`]. Only Boxwood answers.
///
/// ```no_run
/// # async fn example(client: boxwood::Client, job: boxwood::JobId) -> boxwood::Result {
/// for wait in client.insight().explain(job).await?.waits {
///     println!("{} tasks: {}", wait.tasks, wait.text);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct InsightClient {
    pub(super) client: Client,
}

/// A server, as it describes itself (IN-33).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerInfo {
    /// Its version, such as `0.1.0`.
    pub version: String,
    /// Since when it runs.
    pub started_at: Option<SystemTime>,
    /// Where its jobs are: `SQLite` or `PostgreSQL`.
    pub database: String,
}

/// Runners of one cluster that can execute the same tasks (IN-1).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RunnersSeen {
    /// The slug of their cluster.
    pub cluster: String,
    /// What they can execute.
    pub identifiers: Vec<TaskIdentifier>,
    /// How many wait for work (IN-2).
    pub idle: u64,
    /// How many tasks they hold (IN-3).
    pub busy: u64,
    /// When one of them asked last.
    pub last_asked_at: Option<SystemTime>,
}

/// Tasks that could be handed out (IN-30).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Queue {
    /// The slug of their cluster.
    pub cluster: String,
    /// What they are.
    pub identifier: TaskIdentifier,
    /// How many there are.
    pub ready_tasks: u64,
    /// Of the runners seen that can take them, how many wait for work (IN-2).
    pub idle: u64,
    /// How many tasks these runners hold (IN-3).
    pub busy: u64,
    /// Why they wait: for a runner, or for their turn.
    pub reason: WaitReason,
    /// The reason as a sentence (IN-15).
    pub text: String,
}

/// What waits for runners, and how much was handed out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Queues {
    /// By cluster, then by identifier; without those in which nothing waits.
    pub queues: Vec<Queue>,
    /// Whether there is more than was counted (IN-31).
    pub truncated: bool,
    /// Tasks that this server handed out since it was started (IN-32).
    pub handed_out_tasks: u64,
}

/// Why the queued tasks of a job wait (IN-11).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct JobExplanation {
    /// Tasks that are QUEUED.
    pub queued_tasks: u64,
    /// What they wait for; nothing if none is QUEUED.
    pub waits: Vec<Wait>,
    /// QUEUED tasks that wait for other tasks and are in none of `waits`.
    pub further_tasks: u64,
}

/// What some tasks wait for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Wait {
    /// The reason.
    pub reason: WaitReason,
    /// How many tasks wait so.
    pub tasks: u64,
    /// The reason as a sentence, with what to do where something is to be done (IN-15).
    pub text: String,
}

/// Why tasks wait. Where several reasons hold, the first is given (IN-10).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WaitReason {
    /// A task of the job has failed.
    JobFailed,
    /// The job is canceled.
    JobCanceled,
    /// Tasks they depend on are not complete.
    Dependencies,
    /// No runner was seen on the cluster.
    NoRunnerOnCluster,
    /// None of the runners there is for tasks of this name.
    NoRunnerForName,
    /// None of them is for this version.
    NoRunnerForVersion,
    /// Runners that can take them were seen; it is not their turn yet.
    NextInLine,
    /// A reason that a later version of the server gives.
    Other,
}

impl WaitReason {
    /// The word for it in data, such as `no_runner_on_cluster`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::JobFailed => "job_failed",
            Self::JobCanceled => "job_canceled",
            Self::Dependencies => "dependencies",
            Self::NoRunnerOnCluster => "no_runner_on_cluster",
            Self::NoRunnerForName => "no_runner_for_name",
            Self::NoRunnerForVersion => "no_runner_for_version",
            Self::NextInLine => "next_in_line",
            Self::Other => "other",
        }
    }

    fn from_wire(reason: Option<wire::WaitReason>) -> Self {
        match reason {
            Some(wire::WaitReason::JobFailed) => Self::JobFailed,
            Some(wire::WaitReason::JobCanceled) => Self::JobCanceled,
            Some(wire::WaitReason::Dependencies) => Self::Dependencies,
            Some(wire::WaitReason::NoRunnerOnCluster) => Self::NoRunnerOnCluster,
            Some(wire::WaitReason::NoRunnerForName) => Self::NoRunnerForName,
            Some(wire::WaitReason::NoRunnerForVersion) => Self::NoRunnerForVersion,
            Some(wire::WaitReason::NextInLine) => Self::NextInLine,
            _ => Self::Other,
        }
    }
}

impl InsightClient {
    /// What the server says of itself.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if it cannot be reached; [`Code::Unimplemented`](crate::Code::Unimplemented) if it is none of
    /// Boxwood, or an older one. The same holds for every call below.
    pub async fn server(&self) -> Result<ServerInfo, Error> {
        const CALL: &str = "describe server";
        let service = self.client.insight_service();
        let answer = self.client.endpoint().repeat(CALL, |options| async move {
            let request = wire::DescribeServerRequest::default();
            Ok(service.describe_server_with_options(request, options).await?.into_owned())
        });
        let answer = answer.await?;
        let started_at = time(answer.started_at.as_option());
        Ok(ServerInfo { version: answer.version, started_at, database: answer.database })
    }

    /// The runners that asked the server for work in the last minute, by cluster and what they can execute.
    ///
    /// # Errors
    /// As [`server`](Self::server).
    pub async fn runners(&self) -> Result<Vec<RunnersSeen>, Error> {
        const CALL: &str = "list runners";
        let service = self.client.insight_service();
        let answer = self.client.endpoint().repeat(CALL, |options| async move {
            let request = wire::ListRunnersRequest::default();
            Ok(service.list_runners_with_options(request, options).await?.into_owned())
        });
        let seen = |kind: wire::Runners| {
            let last_asked_at = time(kind.last_asked_at.as_option());
            let identifiers = kind.identifiers.into_iter().map(|has| identifier(CALL, has));
            Ok(RunnersSeen {
                cluster: kind.cluster_slug,
                identifiers: identifiers.collect::<Result<_, _>>()?,
                idle: kind.idle,
                busy: kind.busy,
                last_asked_at,
            })
        };
        answer.await?.runners.into_iter().map(seen).collect()
    }

    /// The tasks that could be handed out: how many there are, by cluster and identifier.
    ///
    /// # Errors
    /// As [`server`](Self::server).
    pub async fn queues(&self) -> Result<Queues, Error> {
        const CALL: &str = "list queues";
        let service = self.client.insight_service();
        let answer = self.client.endpoint().repeat(CALL, |options| async move {
            let request = wire::ListQueuesRequest::default();
            Ok(service.list_queues_with_options(request, options).await?.into_owned())
        });
        let answer = answer.await?;
        let queue = |queue: wire::Wait| {
            Ok(Queue {
                cluster: queue.cluster_slug,
                identifier: identifier(CALL, queue.identifier.into_option().unwrap_or_default())?,
                ready_tasks: queue.tasks,
                idle: queue.idle,
                busy: queue.busy,
                reason: WaitReason::from_wire(queue.reason.as_known()),
                text: queue.text,
            })
        };
        Ok(Queues {
            queues: answer.queues.into_iter().map(queue).collect::<Result<_, Error>>()?,
            truncated: answer.truncated,
            handed_out_tasks: answer.handed_out_tasks,
        })
    }

    /// Why the queued tasks of a job wait.
    ///
    /// # Errors
    /// As [`server`](Self::server); [`Code::NotFound`](crate::Code::NotFound) if there is no such job.
    pub async fn explain(&self, job: impl Into<JobId>) -> Result<JobExplanation, Error> {
        const CALL: &str = "explain job";
        let request = wire::ExplainJobRequest { job_id: job.into().to_wire().into(), ..Default::default() };
        let service = self.client.insight_service();
        let answer = self.client.endpoint().repeat(CALL, |options| {
            let request = request.clone();
            async move { Ok(service.explain_job_with_options(request, options).await?.into_owned()) }
        });
        let answer = answer.await?;
        let wait = |wait: wire::Wait| Wait {
            reason: WaitReason::from_wire(wait.reason.as_known()),
            tasks: wait.tasks,
            text: wait.text,
        };
        Ok(JobExplanation {
            queued_tasks: answer.queued_tasks,
            waits: answer.waits.into_iter().map(wait).collect(),
            further_tasks: answer.further_tasks,
        })
    }
}

fn identifier(call: &'static str, identifier: WireIdentifier) -> Result<TaskIdentifier, Error> {
    TaskIdentifier::new(identifier.name, &identifier.version).map_err(|error| Error::answer(call, error.to_string()))
}
