//! The flat workload with something else going on beside it.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use boxwood_proto::buffa::Message as _;
use boxwood_proto::opentelemetry::proto::collector::logs::v1::ExportLogsServiceRequest;
use boxwood_proto::opentelemetry::proto::common::v1::AnyValue;
use boxwood_proto::opentelemetry::proto::common::v1::any_value::Value;
use boxwood_proto::opentelemetry::proto::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use boxwood_proto::workflows::v1::{GetJobRequest, QueryJobsRequest};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::connection::{Clients, failed};
use super::measure::{Figure, Times};
use super::workload::Shape;
use super::{Load, Workload, requests, workload};
use crate::Failure;

/// Log records of one export.
const EXPORTED_RECORDS: usize = 500;

/// Connections that export at the same time. The server stores what came in 50 ms at once, and answers then.
const EXPORTERS: usize = 16;

/// The flat workload while somebody submits jobs and somebody else looks at them as a console does.
pub(super) async fn mixed(load: &Load<'_>, cluster: &str) -> Result<Figure, Failure> {
    let (submitter, reader) = (load.connections.at(0).clone(), load.connections.at(1).clone());
    // Nobody executes these jobs: their task has another name.
    let submitting = repeat(move || {
        let clients = submitter.clone();
        async move { workload::submit(&clients, requests::job("bench other", "boxwood.bench/Other", 0)).await }
    });
    let reading = repeat(move || {
        let clients = reader.clone();
        async move { look(&clients).await }
    });
    let start = Instant::now();
    let figure = workload::rate(Workload::Mixed, load, cluster, Shape::flat(load.tasks)).await;
    let took = start.elapsed().as_secs_f64();
    let (submitted, read) = (submitting.stop().await?, reading.stop().await?);
    let mut figure = figure?;
    let each_second = |times: &[Duration]| times.len() as f64 / took;
    figure.facts = BTreeMap::from([
        ("jobs_submitted_per_second", each_second(&submitted)),
        ("reads_per_second", each_second(&read)),
    ]);
    let times = Times::of(read);
    figure.facts.extend([("read_p50_us", times.p50_us), ("read_p99_us", times.p99_us)]);
    Ok(figure)
}

/// Something that is done again and again, and how long it took each time.
struct Repeated {
    times: Arc<Mutex<Vec<Duration>>>,
    failing: tokio::task::JoinHandle<Failure>,
}

fn repeat<F: Future<Output = Result<(), Failure>> + Send + 'static>(what: impl Fn() -> F + Send + 'static) -> Repeated {
    let times = Arc::<Mutex<Vec<Duration>>>::default();
    let taken = times.clone();
    let failing = tokio::spawn(async move {
        loop {
            let start = Instant::now();
            if let Err(error) = what().await {
                return error;
            }
            taken.lock().unwrap_or_else(PoisonError::into_inner).push(start.elapsed());
        }
    });
    Repeated { times, failing }
}

impl Repeated {
    async fn stop(self) -> Result<Vec<Duration>, Failure> {
        self.failing.abort();
        match self.failing.await {
            Ok(error) => Err(error),
            // It was still at it.
            Err(_) => Ok(std::mem::take(&mut self.times.lock().unwrap_or_else(PoisonError::into_inner))),
        }
    }
}

async fn look(clients: &Clients) -> Result<(), Failure> {
    let jobs = clients.jobs.query_jobs(QueryJobsRequest::default()).await.map_err(failed("QueryJobs"))?.into_owned();
    if let Some(job) = jobs.jobs.first() {
        let request = GetJobRequest { job_id: job.id.clone(), ..Default::default() };
        clients.jobs.get_job(request).await.map_err(failed("GetJob"))?;
    }
    Ok(())
}

/// The flat workload while logs are exported as fast as some connections take them.
pub(super) async fn telemetry(load: &Load<'_>, cluster: &str) -> Result<Figure, Failure> {
    let stored = Arc::new(AtomicU64::new(0));
    let address = load.url.trim_start_matches("http://");
    let mut exporters = tokio::task::JoinSet::new();
    for _ in 0..EXPORTERS {
        exporters.spawn(export(address.to_owned(), stored.clone()));
    }
    let start = Instant::now();
    let figure = workload::rate(Workload::Telemetry, load, cluster, Shape::flat(load.tasks)).await;
    let took = start.elapsed().as_secs_f64();
    if let Some(Ok(Err(error))) = exporters.try_join_next() {
        return Err(Failure::Other(format!("/v1/logs: {error}")));
    }
    let mut figure = figure?;
    figure.facts = BTreeMap::from([("log_records_per_second", stored.load(Ordering::Relaxed) as f64 / took)]);
    Ok(figure)
}

/// Exports logs until that fails.
async fn export(address: String, stored: Arc<AtomicU64>) -> std::io::Result<Infallible> {
    let body = AnyValue { value: Some(Value::StringValue("a line as programs write it".into())), ..Default::default() };
    let record = LogRecord { severity_number: 9.into(), body: body.into(), ..Default::default() };
    let logs = ScopeLogs { log_records: vec![record; EXPORTED_RECORDS], ..Default::default() };
    let logs = ResourceLogs { scope_logs: vec![logs], ..Default::default() };
    let body = ExportLogsServiceRequest { resource_logs: vec![logs], ..Default::default() }.encode_to_vec();
    let head = format!(
        "POST /v1/logs HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/x-protobuf\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let request = [head.as_bytes(), &body].concat();
    let mut stream = TcpStream::connect(&address).await?;
    stream.set_nodelay(true)?;
    let mut answer = vec![0; 16 << 10];
    loop {
        stream.write_all(&request).await?;
        // Answers are small and come in one piece.
        let length = stream.read(&mut answer).await?;
        match &answer[..length] {
            taken if taken.starts_with(b"HTTP/1.1 200") => {
                stored.fetch_add(EXPORTED_RECORDS as u64, Ordering::Relaxed);
            }
            // The queue is full, which is the point: records that are not taken do not count.
            full if full.starts_with(b"HTTP/1.1 503") => tokio::task::yield_now().await,
            other => return Err(std::io::Error::other(format!("answered {:?}", String::from_utf8_lossy(other)))),
        }
    }
}
