//! One slot of a runner: ask, execute, report, and so on.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use boxwood_proto::connectrpc::client::CallOptions;
use boxwood_proto::connectrpc::{ConnectError, ErrorCode};
use boxwood_proto::workflows::v1 as wire;

use super::execute::{self, Outcome};
use super::lease::Lease;
use super::{Mode, Shift};
use crate::Error;
use crate::client::{Backoff, duration, is_passing};
use crate::id::TaskId;

/// Asks the server to hold a question until there is work. Other servers ignore it and answer at once.
const WAIT_HEADER: &str = "boxwood-wait-ms";
/// How long, in milliseconds; the server holds it for at most 30 s.
const WAIT_MS: u64 = 20_000;

/// What a server may suggest as a pause.
const IDLE_MIN: Duration = Duration::from_millis(1);
const IDLE_MAX: Duration = Duration::from_secs(300);
/// The pause if it suggests none.
const IDLE_DEFAULT: Duration = Duration::from_secs(5);

/// How soon a call that failed for the moment is repeated at first, and how rarely at last.
const AGAIN_FIRST: Duration = Duration::from_millis(100);
const AGAIN_LAST: Duration = Duration::from_secs(5);

/// How long after the time of grace reports may still be tried.
const REPORT_AFTER_GRACE: Duration = Duration::from_secs(3);

/// The answer to a question.
enum Answer {
    Task(Box<wire::Task>),
    /// Nothing to do, and what the server suggests to wait.
    Idle(Duration),
    /// The runner is shut down.
    Stopped,
}

/// The answer to a report.
enum Reported {
    /// It was taken, and this came with it.
    Taken(Option<Box<wire::Task>>),
    /// It will never be taken.
    Refused(ConnectError),
    /// The runner is shut down, and there was no more time.
    GivenUp,
}

/// Works until the run is over.
///
/// # Errors
/// What makes the whole runner useless: see [`Runner::run_forever`](super::Runner::run_forever).
pub(super) async fn run(shift: Arc<Shift>) -> Result<(), Error> {
    match shift.mode {
        Mode::All => run_all(&shift).await,
        Mode::Forever => run_forever(&shift).await,
    }
}

async fn run_all(shift: &Shift) -> Result<(), Error> {
    while let Some(seen) = shift.floor.enter() {
        match ask(shift).await? {
            Answer::Stopped => return Ok(()),
            Answer::Task(task) => {
                shift.floor.handed_out();
                work(shift, task).await?;
                shift.floor.leave();
            }
            Answer::Idle(_) => tokio::select! {
                () = shift.floor.idle(seen) => (),
                () = shift.stopped_for(Duration::ZERO) => return Ok(()),
            },
        }
    }
    Ok(())
}

async fn run_forever(shift: &Shift) -> Result<(), Error> {
    loop {
        let asked = Instant::now();
        match ask(shift).await? {
            Answer::Stopped => return Ok(()),
            Answer::Task(task) => work(shift, task).await?,
            // If the server held the question, this leaves nothing to wait.
            Answer::Idle(pause) => tokio::select! {
                () = tokio::time::sleep(pause.saturating_sub(asked.elapsed())) => (),
                () = shift.stopped_for(Duration::ZERO) => return Ok(()),
            },
        }
    }
}

/// Asks for a task, again and again while the server cannot be reached.
async fn ask(shift: &Shift) -> Result<Answer, Error> {
    let shop = &shift.shop;
    let start = Instant::now();
    let mut backoff = Backoff::new(AGAIN_FIRST, AGAIN_LAST);
    loop {
        if shift.is_stopped() {
            return Ok(Answer::Stopped);
        }
        let options = match shift.mode {
            Mode::All => CallOptions::default(),
            Mode::Forever => CallOptions::default().with_header(WAIT_HEADER, WAIT_MS.to_string()),
        };
        let request = wire::NextTaskRequest { next_task_to_run: wanted(shift).into(), ..Default::default() };
        // Dropping the call tells the server that nobody waits; a task it was about to hand out goes back at once.
        let answer = tokio::select! {
            answer = shop.service.next_task_with_options(request, options) => answer,
            () = shift.stopped_for(Duration::ZERO) => return Ok(Answer::Stopped),
        };
        let error = match answer {
            Ok(answer) => return Ok(answer_of(answer.into_owned())),
            Err(error) => error,
        };
        let wait = backoff.next();
        let give_up = shift.mode == Mode::All && start.elapsed() + wait > shop.retry_for;
        if !is_passing(&error) || give_up {
            return Err(Error::from_wire("ask for a task", &shop.url, &error));
        }
        tracing::warn!(%error, "cannot ask for a task, trying again in {wait:?}");
        tokio::select! {
            () = tokio::time::sleep(wait) => (),
            () = shift.stopped_for(Duration::ZERO) => return Ok(Answer::Stopped),
        }
    }
}

fn wanted(shift: &Shift) -> wire::NextTaskToRun {
    wire::NextTaskToRun {
        cluster_slug: shift.shop.cluster.clone(),
        identifiers: shift.shop.identifiers.clone(),
        ..Default::default()
    }
}

fn answer_of(answer: wire::NextTaskResponse) -> Answer {
    if let Some(task) = answer.next_task.into_option() {
        return Answer::Task(Box::new(task));
    }
    let suggested = duration(answer.idling.suggested_idling_duration.as_option());
    Answer::Idle(if suggested.is_zero() { IDLE_DEFAULT } else { suggested.clamp(IDLE_MIN, IDLE_MAX) })
}

/// Executes and reports a task, and those that come with the answers to the reports.
async fn work(shift: &Shift, task: Box<wire::Task>) -> Result<(), Error> {
    let mut next = Some(task);
    while let Some(task) = next.take() {
        let id = TaskId::from_wire_optional(&task.id);
        // Held until the report is answered, which may take a while if the server is being restarted.
        let lease: Option<Lease> = id.map(|id| shift.shop.leases.keep(id, &task.lease));
        let outcome = match id {
            // It came with the answer to a report that was sent before the shutdown.
            Some(id) if shift.is_stopped() => Ok(Outcome::HandedBack(execute::handed_back(id))),
            _ => execute::execute(shift, *task).await,
        };
        next = match outcome {
            Ok(Outcome::Computed(report)) => report_computed(shift, report).await?,
            Ok(Outcome::Failed(report)) => {
                shift.counts.failed.fetch_add(1, Ordering::Relaxed);
                report_failed(shift, report).await?;
                None
            }
            Ok(Outcome::HandedBack(report)) => {
                shift.counts.handed_back.fetch_add(1, Ordering::Relaxed);
                report_failed(shift, report).await?;
                None
            }
            Err(problem) => {
                tracing::error!("a task was handed out that cannot be executed: {problem}");
                None
            }
        };
        drop(lease);
        shift.floor.reported();
        if next.is_some() {
            shift.floor.handed_out();
        }
    }
    Ok(())
}

/// Reports a computed task and asks for the next one in the same call.
async fn report_computed(shift: &Shift, report: wire::ComputedTask) -> Result<Option<Box<wire::Task>>, Error> {
    let id = report.id.clone();
    let display = report.display.clone();
    let taken = match send_computed(shift, &report, true).await {
        // The refusal may be about the question, for example because the cluster was deleted: the report goes alone.
        Reported::Refused(_) => send_computed(shift, &report, false).await,
        other => other,
    };
    match taken {
        Reported::Taken(next) => {
            shift.counts.computed.fetch_add(1, Ordering::Relaxed);
            Ok(next)
        }
        Reported::GivenUp => Ok(None),
        // The content of the report is at fault: the task failed.
        Reported::Refused(error) if error.code == ErrorCode::InvalidArgument => {
            let problem = error.message.as_deref().unwrap_or("the server refused the report");
            tracing::warn!("failed: {problem}");
            shift.counts.failed.fetch_add(1, Ordering::Relaxed);
            let failed = wire::TaskFailedRequest {
                task_id: id,
                display: execute::with_problem(&display, problem),
                was_workflow_error: true,
                progress_updates: Vec::new(),
                ..Default::default()
            };
            report_failed(shift, failed).await?;
            Ok(None)
        }
        Reported::Refused(error) => refused(shift, &error).map(|()| None),
    }
}

async fn send_computed(shift: &Shift, report: &wire::ComputedTask, ask: bool) -> Reported {
    let send = || {
        let wanted = (ask && !shift.is_stopped()).then(|| wanted(shift));
        let request = wire::NextTaskRequest {
            computed_task: report.clone().into(),
            next_task_to_run: wanted.into(),
            ..Default::default()
        };
        async move {
            let answer = shift.shop.service.next_task(request).await?.into_owned();
            Ok(answer.next_task.into_option().map(Box::new))
        }
    };
    persist(shift, send).await
}

async fn report_failed(shift: &Shift, report: wire::TaskFailedRequest) -> Result<(), Error> {
    let send = || {
        let request = report.clone();
        async move { shift.shop.service.task_failed(request).await.map(|_| None) }
    };
    match persist(shift, send).await {
        Reported::Taken(_) | Reported::GivenUp => Ok(()),
        Reported::Refused(error) => refused(shift, &error),
    }
}

/// Sends a report until it is taken or refused, also across a restart of the server.
async fn persist<F, A>(shift: &Shift, send: F) -> Reported
where
    F: Fn() -> A,
    A: Future<Output = Result<Option<Box<wire::Task>>, ConnectError>>,
{
    let tries = async {
        let mut backoff = Backoff::new(AGAIN_FIRST, AGAIN_LAST);
        loop {
            match send().await {
                Ok(next) => return Reported::Taken(next),
                Err(error) if is_passing(&error) => {
                    let wait = backoff.next();
                    tracing::warn!(%error, "cannot report a task, trying again in {wait:?}");
                    tokio::time::sleep(wait).await;
                }
                Err(error) => return Reported::Refused(error),
            }
        }
    };
    tokio::select! {
        reported = tries => reported,
        () = shift.stopped_for(shift.shop.grace + REPORT_AFTER_GRACE) => {
            tracing::warn!("a report could not be sent in time; its task is queued again when its lease expires");
            Reported::GivenUp
        }
    }
}

/// A report that will never be taken: of no consequence if the server does not know the task any more, else the end of the
/// runner.
fn refused(shift: &Shift, error: &ConnectError) -> Result<(), Error> {
    if matches!(error.code, ErrorCode::NotFound | ErrorCode::InvalidArgument) {
        tracing::warn!(%error, "a report was refused");
        return Ok(());
    }
    Err(Error::from_wire("report a task", &shift.shop.url, error))
}
