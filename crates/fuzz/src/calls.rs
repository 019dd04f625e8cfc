//! Requests to the server, from the first byte of a body to the last one of the answer.
//!
//! - `calls`: some calls of all services, one after another, on a server with nothing in it. A refused one changes nothing;
//!   in the end every job and task is found page by page, every task that waits is explained, and the rows are as they
//!   should be.
//! - `telemetry`: exports of logs and spans, and queries for them.

mod answer;
mod pages;
mod request;
mod server;
mod waits;

use std::fmt::Write as _;

use boxwood_server::Inside;
use boxwood_store::{JobQuery, Reader, TaskQuery};

use crate::input::Input;
use answer::Status;
use request::Known;

/// Requests in one input at most.
const REQUESTS_MAX: usize = 8;

pub(crate) fn run(bytes: &[u8]) {
    server::with(async |server| {
        let server = server.empty().await.expect("a server");
        let mut input = Input::new(bytes);
        let mut before = stored(server.reader());
        for _ in 0..REQUESTS_MAX {
            if input.is_empty() {
                break;
            }
            let (request, kind) = request::read(&mut input, &known(&server));
            let shown = format!("{request:?}");
            let status = answer::check(&shown, kind, &server.answer(request).await.expect("a whole answer"));
            let after = stored(server.reader());
            if status != Status::Ok {
                assert_eq!(before, after, "refused with {status:?}, and yet something changed: {shown}");
            }
            before = after;
        }
        pages::check(&server).await;
        waits::check(&server).await;
    });
}

pub(crate) fn run_telemetry(bytes: &[u8]) {
    server::with(async |server| {
        let mut input = Input::new(bytes);
        for _ in 0..REQUESTS_MAX {
            if input.is_empty() {
                break;
            }
            let (request, kind) = request::read_telemetry(&mut input, &known(server));
            let shown = format!("{request:?}");
            answer::check(&shown, kind, &server.answer(request).await.expect("a whole answer"));
        }
    });
}

/// Names that exist, for requests to use.
fn known(server: &Inside) -> Known {
    let reader = server.reader();
    let mut known = Known::default();
    for cluster in reader.clusters().expect("clusters are read").iter().filter(|cluster| !cluster.deletable) {
        known.default_cluster(&cluster.slug);
    }
    let Some(job) = jobs(reader).into_iter().next() else { return known };
    known.id(b'J', job.to_bytes());
    let tasks = tasks(reader, job);
    let running = tasks.iter().find(|task| task.started_at.is_some() && task.stopped_at.is_none());
    if let Some(task) = running.or(tasks.last()) {
        known.id(b'T', task.id.to_bytes());
    }
    known
}

fn jobs(reader: &dyn Reader) -> Vec<boxwood_engine::JobId> {
    let page = reader.jobs(&JobQuery { limit: usize::MAX, ..JobQuery::default() }).expect("jobs are read");
    page.jobs.iter().map(|view| view.job.id).collect()
}

/// The root tasks of a job, and their children.
fn tasks(reader: &dyn Reader, job: boxwood_engine::JobId) -> Vec<boxwood_store::TaskView> {
    let children = |parent| {
        let query = TaskQuery { job, parent, after: None, limit: 1_000 };
        reader.tasks(&query).expect("tasks are read").expect("the job exists").tasks
    };
    let mut tasks = children(None);
    for root in tasks.clone() {
        tasks.extend(children(Some(root.id)));
    }
    tasks
}

/// All that is stored, as text.
fn stored(reader: &dyn Reader) -> String {
    let mut text = String::new();
    let page = reader.jobs(&JobQuery { limit: usize::MAX, ..JobQuery::default() }).expect("jobs are read");
    for view in &page.jobs {
        writeln!(text, "{view:?}").expect("a text can be written to");
        for task in tasks(reader, view.job.id) {
            writeln!(text, "{task:?}").expect("a text can be written to");
        }
    }
    writeln!(text, "{:?}", reader.clusters().expect("clusters are read")).expect("a text can be written to");
    text
}
