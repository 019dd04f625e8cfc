//! The flat workload with something else going on beside it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use boxwood_proto::tilebox::v1::{ID, SortDirection};
use boxwood_proto::workflows::v1::{
    GetJobRequest, JobTaskChildrenPrefetch, ListJobTasksRequest, QueryJobLogsRequest, QueryJobsRequest,
};

use super::connection::{Clients, failed};
use super::export::{Exporter, Signal};
use super::measure::{Figure, Times};
use super::rate::{self, Shape};
use super::{Load, Workload, requests, workload};
use crate::Failure;

/// Connections that export at the same time. The server stores what came in 50 ms at once, and answers then.
const EXPORTERS: usize = 16;

/// Children of a task that a console shows at first.
const CHILDREN_SHOWN: i64 = 100;

/// A call that is made beside the tasks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Call {
    SubmitJob,
    QueryJobs,
    GetJob,
    ListJobTasks,
    QueryJobLogs,
}

/// The calls with which a console shows the latest jobs, and one job with its tasks and logs.
const LOOKS: &[Call] = &[Call::QueryJobs, Call::GetJob, Call::ListJobTasks, Call::QueryJobLogs];

impl Call {
    /// Makes the call; what is read is what a console shows of `job`.
    async fn make(self, clients: &Clients, job: &ID) -> Result<(), Failure> {
        let job_id = || job.clone().into();
        match self {
            Self::SubmitJob => {
                // Nobody executes these jobs: their task has another name.
                workload::submit(clients, requests::job("bench other", "boxwood.bench/Other", 0)).await?;
            }
            Self::QueryJobs => {
                clients.jobs.query_jobs(QueryJobsRequest::default()).await.map_err(failed("QueryJobs"))?;
            }
            Self::GetJob => {
                let request = GetJobRequest { job_id: job_id(), ..Default::default() };
                clients.jobs.get_job(request).await.map_err(failed("GetJob"))?;
            }
            Self::ListJobTasks => {
                let children = JobTaskChildrenPrefetch { limit: CHILDREN_SHOWN, ..Default::default() };
                let request =
                    ListJobTasksRequest { job_id: job_id(), prefetch_children: children.into(), ..Default::default() };
                clients.jobs.list_job_tasks(request).await.map_err(failed("ListJobTasks"))?;
            }
            Self::QueryJobLogs => {
                let newest = SortDirection::SORT_DIRECTION_DESCENDING;
                let request =
                    QueryJobLogsRequest { job_id: job_id(), sort_direction: Some(newest.into()), ..Default::default() };
                clients.telemetry.query_job_logs(request).await.map_err(failed("QueryJobLogs"))?;
            }
        }
        Ok(())
    }

    /// The names under which median and 99th percentile are told.
    fn facts(self) -> [&'static str; 2] {
        match self {
            Self::SubmitJob => ["submit_job_p50_us", "submit_job_p99_us"],
            Self::QueryJobs => ["query_jobs_p50_us", "query_jobs_p99_us"],
            Self::GetJob => ["get_job_p50_us", "get_job_p99_us"],
            Self::ListJobTasks => ["list_job_tasks_p50_us", "list_job_tasks_p99_us"],
            Self::QueryJobLogs => ["query_job_logs_p50_us", "query_job_logs_p99_us"],
        }
    }
}

/// The flat workload while somebody submits jobs and somebody else looks at this one, and at the list of jobs, as a console
/// does.
pub(super) async fn mixed(load: &Load<'_>, cluster: &str) -> Result<Figure, Failure> {
    let job = rate::prepare(load, cluster, Shape::flat(load.tasks)).await?;
    let exported = async { Exporter::connect(&load.urls[0], Signal::Logs, &job.first).await?.export().await };
    // Refused by a full queue they are not: nobody else exports.
    exported.await.map_err(|error| Failure::Other(format!("/v1/logs: {error}")))?;
    let submitting = repeat(&[Call::SubmitJob], load.connections.at(0), &job.id);
    let reading = repeat(LOOKS, load.connections.at(1), &job.id);
    let start = Instant::now();
    let run = job.execute(load).await;
    let took = start.elapsed().as_secs_f64();
    let (submitted, read) = (submitting.stop().await?, reading.stop().await?);
    let mut figure = run?.figure(Workload::Mixed, load);
    figure.facts = BTreeMap::from([
        ("jobs_submitted_per_second", submitted.len() as f64 / took),
        ("reads_per_second", read.len() as f64 / took),
    ]);
    let made = [submitted, read].concat();
    for call in [&[Call::SubmitJob], LOOKS].concat() {
        let times = Times::of(made.iter().filter(|(made, _)| *made == call).map(|(_, took)| *took).collect());
        let [p50, p99] = call.facts();
        figure.facts.extend([(p50, times.p50_us), (p99, times.p99_us)]);
    }
    Ok(figure)
}

/// Calls that are made again and again, and how long each took.
struct Repeated {
    made: Arc<Mutex<Vec<(Call, Duration)>>>,
    failing: tokio::task::JoinHandle<Failure>,
}

/// Makes these calls in turn until they are stopped.
fn repeat(calls: &'static [Call], clients: &Clients, job: &ID) -> Repeated {
    let made = Arc::<Mutex<Vec<_>>>::default();
    let (clients, job, record) = (clients.clone(), job.clone(), made.clone());
    let failing = tokio::spawn(async move {
        for call in calls.iter().copied().cycle() {
            let start = Instant::now();
            if let Err(error) = call.make(&clients, &job).await {
                return error;
            }
            record.lock().unwrap_or_else(PoisonError::into_inner).push((call, start.elapsed()));
        }
        Failure::Other("there is nothing to call".into())
    });
    Repeated { made, failing }
}

impl Repeated {
    async fn stop(self) -> Result<Vec<(Call, Duration)>, Failure> {
        self.failing.abort();
        match self.failing.await {
            Ok(error) => Err(error),
            // It was still at it.
            Err(_) => Ok(std::mem::take(&mut self.made.lock().unwrap_or_else(PoisonError::into_inner))),
        }
    }
}

/// The flat workload while logs and spans are exported as fast as some connections take them.
pub(super) async fn telemetry(load: &Load<'_>, cluster: &str) -> Result<Figure, Failure> {
    let job = rate::prepare(load, cluster, Shape::flat(load.tasks)).await?;
    let (logs, spans) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let mut exporters = tokio::task::JoinSet::new();
    let failed = |error| Failure::Other(format!("an export: {error}"));
    for (signal, stored) in [(Signal::Logs, &logs), (Signal::Spans, &spans)].into_iter().cycle().take(EXPORTERS) {
        let exporter = Exporter::connect(&load.urls[0], signal, &job.first).await.map_err(failed)?;
        exporters.spawn(exporter.flood(stored.clone()));
    }
    let start = Instant::now();
    let run = job.execute(load).await;
    let took = start.elapsed().as_secs_f64();
    if let Some(Ok(error)) = exporters.try_join_next() {
        return Err(failed(error));
    }
    let mut figure = run?.figure(Workload::Telemetry, load);
    let per_second = |stored: &AtomicU64| stored.load(Ordering::Relaxed) as f64 / took;
    figure.facts =
        BTreeMap::from([("log_records_per_second", per_second(&logs)), ("spans_per_second", per_second(&spans))]);
    Ok(figure)
}
