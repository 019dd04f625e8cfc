//! What `boxwood top` shows: a look at the server, and what changed since earlier ones.

use std::collections::{HashMap, HashSet};
use std::time::SystemTime;

use boxwood::{
    Client, Cluster, ExecutionStats, Job, JobFilter, JobId, JobState, Queues, RunnersSeen, ServerInfo, TaskIdentifier,
    TaskState,
};
use serde::Serialize;
use tokio::time::Instant;

use crate::Failure;
use crate::job::json::{job_state, tasks_by_state};
use crate::job::rate::Rate;
use crate::job::style::settled_count;
use crate::when::rfc_3339;

/// Jobs of which it is asked why they wait, in one look.
const EXPLAINED_MAX: usize = 3;

/// Looks between two questions for the clusters, which seldom change.
const CLUSTERS_EVERY: u64 = 10;

/// A server at work, as of one moment.
#[derive(Debug, Serialize)]
pub(super) struct Snapshot {
    pub(super) at: String,
    pub(super) server: Server,
    pub(super) tasks: Tasks,
    pub(super) clusters: Vec<ClusterAtWork>,
    pub(super) queues: Vec<Queue>,
    /// Whether more waits than was counted (IN-31).
    pub(super) queues_truncated: bool,
    pub(super) runners: Vec<Runners>,
    pub(super) jobs: Vec<JobAtWork>,
    /// Whether there are more such jobs.
    pub(super) jobs_truncated: bool,
}

/// Which server it is.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Server {
    pub(super) url: String,
    pub(super) version: String,
    pub(super) database: String,
    #[serde(serialize_with = "time")]
    pub(super) started_at: Option<SystemTime>,
}

/// Tasks of the whole server.
#[derive(Debug, Serialize)]
pub(super) struct Tasks {
    /// Those that could be handed out.
    pub(super) ready: u64,
    /// Those that runners hold.
    pub(super) running: u64,
    /// How many were handed out a second since earlier looks; none at the first one.
    pub(super) handed_out_per_second: Option<f64>,
}

/// A cluster.
#[derive(Debug, Serialize)]
pub(super) struct ClusterAtWork {
    pub(super) slug: String,
    pub(super) ready_tasks: u64,
    pub(super) busy_runners: u64,
    pub(super) idle_runners: u64,
}

/// What waits on a cluster for runners of a kind.
#[derive(Debug, Serialize)]
pub(super) struct Queue {
    pub(super) cluster_slug: String,
    pub(super) name: String,
    pub(super) version: String,
    pub(super) ready_tasks: u64,
    /// Of the runners that can take them.
    pub(super) busy_runners: u64,
    pub(super) idle_runners: u64,
    /// Why they wait, and the same in words.
    pub(super) reason: &'static str,
    pub(super) text: String,
}

/// Runners that can execute the same tasks.
#[derive(Debug, Serialize)]
pub(super) struct Runners {
    cluster_slug: String,
    identifiers: Vec<Identifier>,
    busy: u64,
    idle: u64,
    #[serde(serialize_with = "time")]
    last_asked_at: Option<SystemTime>,
}

#[derive(Debug, Serialize)]
struct Identifier {
    name: String,
    version: String,
}

/// A job that has not ended.
#[derive(Debug, Serialize)]
pub(super) struct JobAtWork {
    pub(super) id: String,
    pub(super) name: String,
    #[serde(serialize_with = "state")]
    pub(super) state: JobState,
    #[serde(serialize_with = "time")]
    pub(super) submitted_at: Option<SystemTime>,
    #[serde(flatten)]
    pub(super) counts: Counts,
    /// Why its tasks wait; told of some jobs of which none is running.
    pub(super) waits: Vec<Wait>,
}

/// How far a job is.
#[derive(Debug, Serialize)]
pub(super) struct Counts {
    pub(super) total_tasks: u64,
    /// Tasks of which nothing remains to be done.
    pub(super) settled_tasks: u64,
    pub(super) running_tasks: u64,
    pub(super) tasks_by_state: std::collections::BTreeMap<String, u64>,
    /// Tasks settled a second since earlier looks, or at the first one since the first task started.
    pub(super) settled_per_second: Option<f64>,
    /// The time that takes for the tasks known so far.
    pub(super) remaining_seconds: Option<f64>,
}

/// What some tasks wait for.
#[derive(Debug, Serialize)]
pub(super) struct Wait {
    pub(super) reason: &'static str,
    pub(super) tasks: u64,
    pub(super) text: String,
}

fn time<S: serde::Serializer>(time: &Option<SystemTime>, serializer: S) -> Result<S::Ok, S::Error> {
    time.map(rfc_3339).serialize(serializer)
}

fn state<S: serde::Serializer>(state: &JobState, serializer: S) -> Result<S::Ok, S::Error> {
    job_state(*state).serialize(serializer)
}

/// Looks at a server again and again.
pub(super) struct Looker {
    client: Client,
    jobs_max: usize,
    looks: u64,
    server: Option<ServerInfo>,
    clusters: Vec<Cluster>,
    handed_out: Rate,
    settled: HashMap<JobId, Rate>,
}

impl Looker {
    pub(super) fn new(client: Client, jobs_max: usize) -> Self {
        let (server, clusters) = (None, Vec::new());
        Self { client, jobs_max, looks: 0, server, clusters, handed_out: Rate::default(), settled: HashMap::new() }
    }

    /// One look: a handful of calls.
    ///
    /// # Errors
    /// If the server does not answer, or is none of Boxwood.
    pub(super) async fn look(&mut self) -> Result<Snapshot, Failure> {
        let insight = self.client.insight();
        if self.looks.is_multiple_of(CLUSTERS_EVERY) {
            self.server = Some(insight.server().await?);
            self.clusters = self.client.clusters().list().await?;
        }
        let queues = insight.queues().await?;
        let runners = insight.runners().await?;
        let unfinished = [JobState::Running, JobState::Started, JobState::Submitted];
        let filter = unfinished.into_iter().fold(JobFilter::new(), JobFilter::state);
        let wanted = u32::try_from(self.jobs_max + 1).unwrap_or(u32::MAX);
        let mut jobs = self.client.jobs().query(filter).page_size(wanted).take(self.jobs_max + 1).await?;
        self.looks += 1;
        let jobs_truncated = jobs.len() > self.jobs_max;
        jobs.truncate(self.jobs_max);

        let (now, then) = (Instant::now(), SystemTime::now());
        self.handed_out.add(now, queues.handed_out_tasks);
        let handed_out_per_second = (self.looks > 1).then(|| self.handed_out.per_second().unwrap_or(0.0));
        let known: HashSet<JobId> = jobs.iter().map(|job| job.id).collect();
        self.settled.retain(|id, _| known.contains(id));
        let mut at_work: Vec<JobAtWork> = jobs.iter().map(|job| self.at_work(job, now, then)).collect();
        let waiting = jobs.iter().zip(&mut at_work).filter(|(job, _)| job.stats.tasks(TaskState::Running) == 0);
        for (job, at_work) in waiting.take(EXPLAINED_MAX) {
            at_work.waits = self.waits(job.id).await?;
        }
        Ok(Snapshot {
            at: rfc_3339(then),
            server: self.server(),
            tasks: Tasks {
                ready: queues.queues.iter().map(|queue| queue.ready_tasks).sum(),
                running: runners.iter().map(|kind| kind.busy).sum(),
                handed_out_per_second,
            },
            clusters: clusters(&self.clusters, &queues, &runners),
            queues_truncated: queues.truncated,
            queues: queues.queues.into_iter().map(Queue::from).collect(),
            runners: runners.into_iter().map(Runners::from).collect(),
            jobs: at_work,
            jobs_truncated,
        })
    }

    fn server(&self) -> Server {
        let url = self.client.url().to_owned();
        match self.server.clone() {
            Some(info) => Server { url, version: info.version, database: info.database, started_at: info.started_at },
            None => Server { url, version: String::new(), database: String::new(), started_at: None },
        }
    }

    fn at_work(&mut self, job: &Job, now: Instant, then: SystemTime) -> JobAtWork {
        let settled = settled_count(&job.stats);
        let rate = self.settled.entry(job.id).or_default();
        rate.add(now, settled);
        let settled_per_second = if rate.is_first() { average(&job.stats, then) } else { rate.per_second() };
        let left = job.stats.total_tasks.saturating_sub(settled);
        JobAtWork {
            id: job.id.to_string(),
            name: job.name.clone(),
            state: job.state,
            submitted_at: Some(job.submitted_at),
            counts: Counts {
                total_tasks: job.stats.total_tasks,
                settled_tasks: settled,
                running_tasks: job.stats.tasks(TaskState::Running),
                tasks_by_state: tasks_by_state(&job.stats),
                settled_per_second,
                remaining_seconds: settled_per_second.map(|rate| left as f64 / rate),
            },
            waits: Vec::new(),
        }
    }

    /// A job may be gone since it was listed; then nothing waits.
    async fn waits(&self, job: JobId) -> Result<Vec<Wait>, Failure> {
        let told = match self.client.insight().explain(job).await.map_err(Failure::from) {
            Ok(explanation) => explanation.waits,
            Err(Failure::NotFound(_)) => Vec::new(),
            Err(error) => return Err(error),
        };
        let wait = |wait: boxwood::Wait| Wait { reason: wait.reason.as_str(), tasks: wait.tasks, text: wait.text };
        Ok(told.into_iter().map(wait).collect())
    }
}

/// Tasks settled a second since the first one started; none if there is none.
fn average(stats: &ExecutionStats, now: SystemTime) -> Option<f64> {
    let seconds = now.duration_since(stats.first_task_started_at?).ok()?.as_secs_f64();
    let settled = settled_count(stats);
    (settled > 0 && seconds > 0.0).then(|| settled as f64 / seconds)
}

/// Every cluster there is, and those that are no more but on which somebody works or something waits.
fn clusters(known: &[Cluster], queues: &Queues, runners: &[RunnersSeen]) -> Vec<ClusterAtWork> {
    let seen = queues.queues.iter().map(|queue| &queue.cluster).chain(runners.iter().map(|kind| &kind.cluster));
    let mut slugs: Vec<&String> = Vec::new();
    for slug in known.iter().map(|cluster| &cluster.slug).chain(seen) {
        if !slugs.contains(&slug) {
            slugs.push(slug);
        }
    }
    let of = |slug: &String| {
        let kinds = || runners.iter().filter(|kind| kind.cluster == *slug);
        ClusterAtWork {
            slug: slug.clone(),
            ready_tasks: queues
                .queues
                .iter()
                .filter(|queue| queue.cluster == *slug)
                .map(|queue| queue.ready_tasks)
                .sum(),
            busy_runners: kinds().map(|kind| kind.busy).sum(),
            idle_runners: kinds().map(|kind| kind.idle).sum(),
        }
    };
    slugs.into_iter().map(of).collect()
}

impl From<boxwood::Queue> for Queue {
    fn from(queue: boxwood::Queue) -> Self {
        Self {
            cluster_slug: queue.cluster,
            name: queue.identifier.name().to_owned(),
            version: queue.identifier.version().to_string(),
            ready_tasks: queue.ready_tasks,
            busy_runners: queue.busy,
            idle_runners: queue.idle,
            reason: queue.reason.as_str(),
            text: queue.text,
        }
    }
}

impl From<RunnersSeen> for Runners {
    fn from(seen: RunnersSeen) -> Self {
        let identifier =
            |has: TaskIdentifier| Identifier { name: has.name().to_owned(), version: has.version().to_string() };
        Self {
            cluster_slug: seen.cluster,
            identifiers: seen.identifiers.into_iter().map(identifier).collect(),
            busy: seen.busy,
            idle: seen.idle,
            last_asked_at: seen.last_asked_at,
        }
    }
}
