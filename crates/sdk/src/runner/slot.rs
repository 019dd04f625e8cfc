//! One slot of a runner: ask, execute, report, and so on.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use boxwood_proto::connectrpc::client::{CallOptions, SharedHttp2Connection};
use boxwood_proto::connectrpc::{ConnectError, ErrorCode};
use boxwood_proto::workflows::v1 as wire;
use boxwood_proto::workflows::v1::TaskServiceClient;

use super::execute::{self, Order, Outcome, Unfit};
use super::{Mode, Shift};
use crate::Error;
use crate::client::{Backoff, duration, is_passing};
use crate::context::Execution;
use crate::id::TaskId;

/// Asks the server to hold a question until there is work. Other servers ignore it and answer at once.
const WAIT_HEADER: &str = "boxwood-wait-ms";
/// How long, in milliseconds; the server holds it for at most 30 s.
const WAIT_MS: &str = "20000";

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

/// What asks, executes and reports, one task at a time.
struct Slot {
    shift: Arc<Shift>,
    service: TaskServiceClient<SharedHttp2Connection>,
}

/// Works until the run is over, as number `place` of the slots.
///
/// # Errors
/// What makes the whole runner useless: see [`Runner::run_forever`](super::Runner::run_forever).
pub(super) async fn run(shift: Arc<Shift>, place: usize) -> Result<(), Error> {
    let service = shift.shop.services[place % shift.shop.services.len()].clone();
    let slot = Slot { shift, service };
    match slot.shift.mode {
        Mode::All => slot.run_all().await,
        Mode::Forever => slot.run_forever().await,
    }
}

impl Slot {
    async fn run_all(&self) -> Result<(), Error> {
        let floor = &self.shift.floor;
        while let Some(seen) = floor.enter() {
            match self.ask().await? {
                Answer::Stopped => return Ok(()),
                Answer::Task(task) => {
                    floor.handed_out();
                    self.work(task).await?;
                    floor.leave();
                }
                Answer::Idle(_) => tokio::select! {
                    () = floor.idle(seen) => (),
                    () = self.shift.stopped() => return Ok(()),
                },
            }
        }
        Ok(())
    }

    async fn run_forever(&self) -> Result<(), Error> {
        loop {
            let asked = Instant::now();
            match self.ask().await? {
                Answer::Stopped => return Ok(()),
                Answer::Task(task) => self.work(task).await?,
                // If the server held the question, this leaves nothing to wait.
                Answer::Idle(pause) => tokio::select! {
                    () = tokio::time::sleep(pause.saturating_sub(asked.elapsed())) => (),
                    () = self.shift.stopped() => return Ok(()),
                },
            }
        }
    }

    /// Asks for a task, again and again while the server cannot be reached.
    async fn ask(&self) -> Result<Answer, Error> {
        let shift = &self.shift;
        let start = Instant::now();
        let mut backoff = Backoff::new(AGAIN_FIRST, AGAIN_LAST);
        loop {
            if shift.is_stopped() {
                return Ok(Answer::Stopped);
            }
            let options = match shift.mode {
                Mode::All => CallOptions::default(),
                Mode::Forever => CallOptions::default().with_header(WAIT_HEADER, WAIT_MS),
            };
            let request = wire::NextTaskRequest { next_task_to_run: self.wanted().into(), ..Default::default() };
            // Dropping the call tells the server that nobody waits; a task it was about to hand out goes back at once.
            let answer = tokio::select! {
                answer = self.service.next_task_with_options(request, options) => answer,
                () = shift.stopped() => return Ok(Answer::Stopped),
            };
            let error = match answer {
                Ok(answer) => return Ok(answer_of(answer.into_owned())),
                Err(error) => error,
            };
            let wait = backoff.next();
            let give_up = shift.mode == Mode::All && start.elapsed() + wait > shift.shop.retry_for;
            if !is_passing(&error) || give_up {
                return Err(Error::from_wire("ask for a task", &shift.shop.url, &error));
            }
            tracing::warn!(%error, "cannot ask for a task, trying again in {wait:?}");
            tokio::select! {
                () = tokio::time::sleep(wait) => (),
                () = shift.stopped() => return Ok(Answer::Stopped),
            }
        }
    }

    fn wanted(&self) -> wire::NextTaskToRun {
        let shop = &self.shift.shop;
        wire::NextTaskToRun {
            cluster_slug: shop.cluster.as_ref().to_owned(),
            identifiers: shop.identifiers.clone(),
            ..Default::default()
        }
    }

    /// Executes and reports a task, and those that come with the answers to the reports.
    async fn work(&self, task: Box<wire::Task>) -> Result<(), Error> {
        let mut next = Some(task);
        while let Some(task) = next {
            next = match execute::order(&self.shift, *task) {
                Ok(order) => self.carry_out(order).await?,
                Err(Unfit::HandedBack(id)) => {
                    self.hand_back(id).await?;
                    None
                }
                Err(Unfit::Nameless) => None,
            };
            self.shift.floor.reported();
            if next.is_some() {
                self.shift.floor.handed_out();
            }
        }
        Ok(())
    }

    async fn carry_out(&self, order: Order) -> Result<Option<Box<wire::Task>>, Error> {
        let Order { execution, lease, run, input, trace_parent } = order;
        if self.shift.is_stopped() {
            // It came with the answer to a report that was sent before the shutdown.
            self.hand_back(execution.task).await?;
            return Ok(None);
        }
        // Held until the report is answered, which may take a while if the server is being restarted.
        let lease = self.shift.shop.leases.keep(execution.task, &lease, execution.cancellation.clone());
        let next = match execute::execute(&self.shift, &execution, run, input, &trace_parent).await {
            Outcome::Computed(report) => self.report_computed(&execution, report).await?,
            Outcome::Failed(report) => {
                self.count(&self.shift.counts.failed);
                self.report_failed(report).await?;
                None
            }
            Outcome::HandedBack => {
                self.hand_back(execution.task).await?;
                None
            }
            Outcome::Lost => {
                self.count(&self.shift.counts.handed_back);
                None
            }
        };
        lease.release();
        Ok(next)
    }

    fn count(&self, count: &AtomicU64) {
        count.fetch_add(1, Ordering::Relaxed);
    }

    async fn hand_back(&self, task: TaskId) -> Result<(), Error> {
        self.count(&self.shift.counts.handed_back);
        self.report_failed(execute::handed_back(task)).await
    }

    /// Reports a computed task and asks for the next one in the same call.
    async fn report_computed(
        &self,
        execution: &Execution,
        report: wire::ComputedTask,
    ) -> Result<Option<Box<wire::Task>>, Error> {
        let taken = match self.send_computed(execution, Some(report), true).await {
            // The refusal may be about the question, for example because the cluster was deleted: the report goes alone.
            Reported::Refused(_) => self.send_computed(execution, None, false).await,
            other => other,
        };
        match taken {
            Reported::Taken(next) => {
                self.count(&self.shift.counts.computed);
                Ok(next)
            }
            Reported::GivenUp => Ok(None),
            // The content of the report is at fault: the task failed.
            Reported::Refused(error) if error.code == ErrorCode::InvalidArgument => {
                let problem = error.message.as_deref().unwrap_or("the server refused the report");
                tracing::warn!(task = %execution.task, "failed: {problem}");
                self.count(&self.shift.counts.failed);
                // The progress may be what was refused.
                let failed =
                    wire::TaskFailedRequest { progress_updates: Vec::new(), ..execute::failed(execution, problem) };
                self.report_failed(failed).await?;
                Ok(None)
            }
            Reported::Refused(error) => self.refused(&error).map(|()| None),
        }
    }

    /// Sends the report of an execution, which is made again for another try: it may be large, and most need only one.
    async fn send_computed(&self, execution: &Execution, report: Option<wire::ComputedTask>, ask: bool) -> Reported {
        let mut made = report;
        let send = || {
            let report = made.take().map_or_else(|| execution.report(), Ok);
            let wanted = (ask && !self.shift.is_stopped()).then(|| self.wanted());
            async move {
                let report = report.map_err(|error| ConnectError::invalid_argument(error.to_string()))?;
                let request = wire::NextTaskRequest {
                    computed_task: report.into(),
                    next_task_to_run: wanted.into(),
                    ..Default::default()
                };
                let answer = self.service.next_task(request).await?.into_owned();
                Ok(answer.next_task.into_option().map(Box::new))
            }
        };
        self.persist(send).await
    }

    async fn report_failed(&self, report: wire::TaskFailedRequest) -> Result<(), Error> {
        let send = || {
            let request = report.clone();
            async move { self.service.task_failed(request).await.map(|_| None) }
        };
        match self.persist(send).await {
            Reported::Taken(_) | Reported::GivenUp => Ok(()),
            Reported::Refused(error) => self.refused(&error),
        }
    }

    /// Sends a report until it is taken or refused, also across a restart of the server.
    async fn persist<F, A>(&self, mut send: F) -> Reported
    where
        F: FnMut() -> A,
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
            () = self.shift.stopped_for(self.shift.shop.grace + REPORT_AFTER_GRACE) => {
                tracing::warn!("a report could not be sent in time; its task is queued again when its lease expires");
                Reported::GivenUp
            }
        }
    }

    /// A report that will never be taken: of no consequence if the server does not know the task any more, else the end of
    /// the runner.
    fn refused(&self, error: &ConnectError) -> Result<(), Error> {
        if matches!(error.code, ErrorCode::NotFound | ErrorCode::InvalidArgument) {
            tracing::warn!(%error, "a report was refused");
            return Ok(());
        }
        Err(Error::from_wire("report a task", &self.shift.shop.url, error))
    }
}

fn answer_of(answer: wire::NextTaskResponse) -> Answer {
    if let Some(task) = answer.next_task.into_option() {
        return Answer::Task(Box::new(task));
    }
    let suggested = duration(answer.idling.suggested_idling_duration.as_option());
    Answer::Idle(if suggested.is_zero() { IDLE_DEFAULT } else { suggested.clamp(IDLE_MIN, IDLE_MAX) })
}
