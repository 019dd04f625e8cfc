//! Open pages of the console: what each costs a server that is at work.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use boxwood::JobId;
use boxwood_proto::tilebox::v1::ID;
use boxwood_proto::workflows::v1::NextTaskRequest;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::connection::{Clients, address};
use super::measure::Figure;
use super::processor::Processor;
use super::requests::{self, TASK_NAME, task_of};
use super::workload::{next, submit};
use super::{Load, Workload};
use crate::Failure;

/// Pages of the job that are open at a time. One alone would be lost in what else varies.
const PAGES: usize = 100;
/// Tasks a second that are executed meanwhile, and by how many runners.
const PACE: f64 = 3_000.0;
const RUNNERS: u64 = 8;
/// Parts in which the job is executed, in turn without pages and with them.
const PARTS: u64 = 6;
/// How often a page reads a job that changes (UI-20).
const READS_EVERY: Duration = Duration::from_secs(1);

/// Executes a job at a steady pace, in turn without pages and with them.
pub(super) async fn measure(load: &Load<'_>, cluster: &str) -> Result<Figure, Failure> {
    let clients = load.connections.at(0);
    let job = submit(clients, requests::job("bench pages", TASK_NAME, 0)).await?;
    let root = task_of(&next(clients, requests::ask(cluster), true).await?)?;
    let each = load.tasks.div_ceil(PARTS * RUNNERS).max(1);
    let tasks = each * PARTS * RUNNERS;
    report(clients, requests::computed(root.clone(), Some(requests::submissions(tasks, 0)))).await?;
    let (mut without, mut with, mut reads) = (Used::default(), Used::default(), 0);
    for part in 0..PARTS {
        let pages = match part % 2 {
            0 => None,
            _ => Some(Pages::open(&load.urls[0], &job, &root).await?),
        };
        let (before, start) = (Processor::start(load.servers), Instant::now());
        execute(load, cluster, each).await?;
        let used = if pages.is_some() { &mut with } else { &mut without };
        used.add(before.each(1).server_us, start.elapsed());
        if let Some(pages) = pages {
            reads += pages.reads()?;
        }
    }
    let mut figure = Figure::new(Workload::Pages, tasks);
    figure.per_second = Some(tasks as f64 / (without.time + with.time).as_secs_f64());
    let each = reads as f64 / with.time.as_secs_f64() / PAGES as f64;
    figure.facts = BTreeMap::from([("pages", PAGES as f64), ("reads_per_second_of_page", each)]);
    if let (Some(without), Some(with)) = (without.core_percent(), with.core_percent()) {
        let page = (with - without) / PAGES as f64;
        figure.facts.extend([
            ("core_percent_without_pages", without),
            ("core_percent_with_pages", with),
            ("core_percent_of_page", page),
        ]);
    }
    Ok(figure)
}

/// Processor time of the server over some time.
#[derive(Default)]
struct Used {
    /// None of it, if it is not known.
    processor_us: Option<f64>,
    time: Duration,
}

impl Used {
    fn add(&mut self, processor_us: Option<f64>, time: Duration) {
        self.processor_us = processor_us.map(|us| us + self.processor_us.unwrap_or_default());
        self.time += time;
    }

    /// The part of one core that was used.
    fn core_percent(&self) -> Option<f64> {
        Some(self.processor_us? / 1e4 / self.time.as_secs_f64())
    }
}

/// Executes so many tasks with each runner, not faster than the pace.
async fn execute(load: &Load<'_>, cluster: &str, each: u64) -> Result<(), Failure> {
    let between = Duration::from_secs_f64(RUNNERS as f64 / PACE);
    let mut runners = JoinSet::new();
    for runner in 0..RUNNERS {
        let clients = load.connections.at(usize::try_from(runner).unwrap_or_default()).clone();
        let cluster = cluster.to_owned();
        runners.spawn(async move {
            let mut pace = tokio::time::interval(between);
            let mut held = task_of(&next(&clients, requests::ask(&cluster), true).await?)?;
            for _ in 1..each {
                pace.tick().await;
                held = task_of(&next(&clients, requests::report(&cluster, held, None), true).await?)?;
            }
            report(&clients, requests::computed(held, None)).await
        });
    }
    while let Some(ended) = runners.join_next().await {
        ended.map_err(|error| Failure::Other(format!("a runner ended: {error}")))??;
    }
    Ok(())
}

/// Reports a task without asking for another.
async fn report(clients: &Clients, task: boxwood_proto::workflows::v1::ComputedTask) -> Result<(), Failure> {
    let request = NextTaskRequest { computed_task: task.into(), ..Default::default() };
    next(clients, request, false).await.map(|_| ())
}

/// Pages that are open, until this is dropped.
struct Pages {
    open: JoinSet<io::Error>,
    reads: Arc<AtomicU64>,
}

impl Pages {
    /// Opens pages that show the first tasks below `root`, and have read them.
    async fn open(url: &str, job: &ID, root: &ID) -> Result<Self, Failure> {
        let (mut pages, made) = (JoinSet::new(), Arc::new(AtomicU64::new(0)));
        let reads = reads(job, root)?;
        for number in 0..PAGES {
            let mut page = Page::open(url, job, &reads).await.map_err(failed)?;
            page.read().await.map_err(failed)?;
            // Nobody opens a hundred pages in the same moment.
            let first = READS_EVERY.mul_f64(number as f64 / PAGES as f64);
            let made = made.clone();
            pages.spawn(async move { page.stay(first, &made).await });
        }
        Ok(Self { open: pages, reads: made })
    }

    /// How often the pages read the job after they were opened; an error if one could not.
    fn reads(mut self) -> Result<u64, Failure> {
        match self.open.try_join_next() {
            Some(Ok(error)) => Err(failed(error)),
            _ => Ok(self.reads.load(Ordering::Relaxed)),
        }
    }
}

fn failed(error: io::Error) -> Failure {
    Failure::Other(format!("a page of the console: {error}"))
}

/// What a page of a job with queued tasks reads each time: paths and bodies.
fn reads(job: &ID, root: &ID) -> Result<Vec<(&'static str, String)>, Failure> {
    let json = |id: &ID| {
        serde_json::to_value(id).map_err(|error| Failure::Other(format!("cannot write an id as JSON: {error}")))
    };
    let (job, root) = (json(job)?, json(root)?);
    let interval = json!({"startId": job, "endId": job, "endInclusive": true});
    let bodies: [(&str, Value); 4] = [
        ("workflows.v1.JobService/QueryJobs", json!({"filters": {"idInterval": interval}, "page": {"limit": 1}})),
        ("boxwood.v1.InsightService/ExplainJob", json!({"jobId": job})),
        ("workflows.v1.JobService/ListJobTasks", json!({"jobId": job, "page": {"limit": 100}})),
        ("workflows.v1.JobService/ListJobTasks", json!({"jobId": job, "parentTaskId": root, "page": {"limit": 100}})),
    ];
    Ok(bodies.into_iter().map(|(path, body)| (path, body.to_string())).collect())
}

/// One page: a connection for the events and one for calls.
struct Page {
    events: TcpStream,
    calls: TcpStream,
    requests: Vec<Vec<u8>>,
}

impl Page {
    async fn open(url: &str, job: &ID, reads: &[(&str, String)]) -> io::Result<Self> {
        let address = address(url);
        let job =
            JobId::from_bytes(job.uuid.as_slice().try_into().map_err(|_| io::Error::other("an id has 16 bytes"))?);
        let mut events = TcpStream::connect(address).await?;
        let head = format!("GET /events/jobs/{job} HTTP/1.1\r\nhost: {address}\r\naccept: text/event-stream\r\n\r\n");
        events.write_all(head.as_bytes()).await?;
        let mut told = vec![0; 4096];
        let length = events.read(&mut told).await?;
        if !told.starts_with(b"HTTP/1.1 200") {
            let answer = String::from_utf8_lossy(&told[..length]);
            return Err(io::Error::other(format!("the events of a job: answered {answer:?}")));
        }
        let request = |(path, body): &(&str, String)| {
            let length = body.len();
            format!(
                "POST /{path} HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\naccept-encoding: gzip\r\n\
                 content-length: {length}\r\n\r\n{body}"
            )
            .into_bytes()
        };
        let calls = TcpStream::connect(address).await?;
        calls.set_nodelay(true)?;
        Ok(Self { events, calls, requests: reads.iter().map(request).collect() })
    }

    /// Reads again when something has changed, until that fails.
    async fn stay(&mut self, first: Duration, made: &AtomicU64) -> io::Error {
        tokio::time::sleep(first).await;
        let mut every = tokio::time::interval(READS_EVERY);
        loop {
            every.tick().await;
            if let Err(error) = self.turn().await {
                return error;
            }
            made.fetch_add(1, Ordering::Relaxed);
        }
    }

    async fn turn(&mut self) -> io::Result<()> {
        let told = self.events.read(&mut [0; 16 << 10]).await?;
        if told == 0 { Err(io::ErrorKind::UnexpectedEof.into()) } else { self.read().await }
    }

    async fn read(&mut self) -> io::Result<()> {
        for request in &self.requests {
            self.calls.write_all(request).await?;
            read_answer(&mut self.calls).await?;
        }
        Ok(())
    }
}

/// Reads an answer to its end.
async fn read_answer(stream: &mut TcpStream) -> io::Result<()> {
    let mut answer = Vec::new();
    loop {
        if stream.read_buf(&mut answer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let Some(head) = answer.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let text = String::from_utf8_lossy(&answer[..head]).to_ascii_lowercase();
        if !text.starts_with("http/1.1 200") {
            return Err(io::Error::other(format!("answered {:?}", String::from_utf8_lossy(&answer))));
        }
        let length = text.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
        let ended = match length {
            Some(length) => answer.len() >= head + 4 + length,
            // In chunks, of which the last is empty.
            None => answer.ends_with(b"\r\n0\r\n\r\n"),
        };
        if ended {
            return Ok(());
        }
    }
}
