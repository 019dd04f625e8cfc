//! One execution of one task, and how it ended.

use std::any::Any;
use std::error::Error as StdError;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;

use boxwood_proto::workflows::v1 as wire;
use tokio::task::JoinError;
use tokio_util::task::AbortOnDropHandle;
use tracing::{Instrument as _, Span};

use super::Shift;
use crate::cancellation::Cancellation;
use crate::context::{Collected, Execution, ExecutionContext};
use crate::error::{BoxError, with_causes};
use crate::id::{JobId, TaskId};
use crate::{Error, Execute, TaskIdentifier, exception, spans};

/// The longest display that is kept, in characters (T-43).
const DISPLAY_CHARS_MAX: usize = 1024;

/// A task that is being executed; its problem, if it failed.
pub(crate) type Running = AbortOnDropHandle<Result<(), Problem>>;

/// Why an execution failed.
#[derive(Debug)]
pub(crate) struct Problem {
    /// What is written below the display.
    pub(crate) text: String,
    /// The kind of error, where it is known, for its trace.
    kind: Option<&'static str>,
    /// The error and its causes, where it has some.
    causes: Option<String>,
}

impl Problem {
    fn of(error: &(dyn StdError + 'static)) -> Self {
        Self { text: with_causes(error), kind: exception::type_of(error), causes: exception::causes(error) }
    }

    fn panic(text: &str) -> Self {
        Self { text: format!("panicked: {text}"), kind: Some("panic"), causes: None }
    }
}

/// The code of a task at work.
pub(crate) type Work = Pin<Box<dyn Future<Output = Result<(), BoxError>> + Send>>;

/// Executes a task of one kind.
pub(crate) type Run = fn(Vec<u8>, ExecutionContext) -> Work;

/// The [`Run`] of `T`. An input that does not fit is an error like any other.
pub(crate) fn run<T: Execute>(input: Vec<u8>, context: ExecutionContext) -> Work {
    Box::pin(async move {
        let task = T::from_input(&input)?;
        if context.retry_count() > 0 {
            // The stored display ends with the error of the earlier execution (T-45), which would stay, and grow.
            context.set_display(task.display());
        }
        task.execute(&context).await
    })
}

/// A task that was handed out and can be executed here.
pub(super) struct Order {
    pub(super) execution: Arc<Execution>,
    pub(super) lease: wire::TaskLease,
    pub(super) input: Vec<u8>,
    pub(super) run: Run,
    /// The position in the trace of the job that its span is below (O-11).
    pub(super) trace_parent: String,
}

/// A task that cannot be executed, through no fault of its own.
pub(super) enum Unfit {
    /// It goes back to whoever can.
    HandedBack(TaskId),
    /// It does not even have an id.
    Nameless,
}

/// How an execution ended.
pub(crate) enum Outcome<C, F> {
    /// It succeeded.
    Computed(C),
    /// It failed through its own fault.
    Failed(F),
    /// It was given up because the runner is shut down.
    HandedBack,
    /// It failed after its lease was lost: the task is not this runner's any more.
    Lost,
}

/// Prepares what was handed out.
pub(super) fn order(shift: &Shift, task: wire::Task) -> Result<Order, Unfit> {
    let shop = &shift.shop;
    let Some(id) = TaskId::from_wire_optional(&task.id) else {
        tracing::error!("a task without an id was handed out");
        return Err(Unfit::Nameless);
    };
    // What is wrong with the hand-out is not the fault of the task.
    let not_ours = |problem: String| {
        tracing::error!(task = %id, "{problem}");
        Err(Unfit::HandedBack(id))
    };
    let wire::TaskIdentifier { name, version, .. } = task.identifier.into_option().unwrap_or_default();
    let registered =
        TaskIdentifier::new(name.as_str(), &version).ok().and_then(|identifier| shop.tasks.get_key_value(&identifier));
    let Some((identifier, run)) = registered else {
        return not_ours(format!("{name} {version} was handed out, but is not registered here"));
    };
    let Some(job) = JobId::from_wire_optional(&task.job.id) else {
        return not_ours("a task without a job was handed out".to_owned());
    };
    let described = task.job.into_option().unwrap_or_default();
    let execution = Execution {
        task: id,
        identifier: Arc::clone(identifier),
        job,
        job_name: described.name,
        cluster: Arc::clone(&shop.cluster),
        retry_count: u64::try_from(task.retry_count).unwrap_or(0),
        cache: shop.cache.of_job(job),
        state: Arc::clone(&shop.state),
        cancellation: Cancellation::of_run(&shift.stop),
        collected: Collected::new(task.display.unwrap_or_default()),
    };
    Ok(Order {
        execution: Arc::new(execution),
        lease: task.lease.into_option().unwrap_or_default(),
        input: task.input.unwrap_or_default(),
        run: *run,
        trace_parent: described.trace_parent,
    })
}

/// Executes a task, in a span below that of its job; answers what is to be reported.
pub(super) async fn execute(
    shift: &Shift,
    execution: &Arc<Execution>,
    run: Run,
    input: Vec<u8>,
    trace_parent: &str,
) -> Outcome<wire::ComputedTask, wire::TaskFailedRequest> {
    let span = spans::task(&execution.identifier, execution.task, trace_parent);
    let context = ExecutionContext { execution: Arc::clone(execution) };
    let ended = tokio::select! {
        biased;
        ended = start(run(input, context), span.clone()) => Some(ended),
        () = shift.stopped_for(shift.shop.grace) => None,
    };
    let outcome = span.in_scope(|| match ended {
        Some(ended) => conclude(execution, ended, Execution::report),
        None => {
            tracing::warn!("abandoned: the runner is shut down");
            given_up(execution)
        }
    });
    spans::end(&span);
    match outcome {
        Outcome::Computed(report) => Outcome::Computed(report),
        Outcome::Failed(problem) => Outcome::Failed(failed(execution, &problem)),
        Outcome::HandedBack => Outcome::HandedBack,
        Outcome::Lost => Outcome::Lost,
    }
}

/// Starts the code of a task, within its span: in a task of its own, so that a panic ends only this execution, and one
/// that blocks its thread can be abandoned, which dropping the handle does.
///
/// Whatever is the user's runs in there: also the text of an error is made, and the error dropped.
pub(crate) fn start(work: Work, span: Span) -> Running {
    let work = async move { work.await.map_err(|error| Problem::of(error.as_ref())) };
    AbortOnDropHandle::new(tokio::spawn(work.instrument(span)))
}

/// The report that a task is to be queued again without using up a retry (S-31, S-32). Its display stays (T-42).
pub(super) fn handed_back(id: TaskId) -> wire::TaskFailedRequest {
    wire::TaskFailedRequest { task_id: id.to_wire().into(), ..Default::default() }
}

/// What to say of an execution that ended for a reason that is not its own.
fn given_up<C, F>(execution: &Execution) -> Outcome<C, F> {
    match execution.cancellation.is_lease_lost() {
        true => Outcome::Lost,
        false => Outcome::HandedBack,
    }
}

/// What became of an execution that ended: what `report` makes of it, or why it failed, unless that is not its own
/// fault. Called within its span.
pub(crate) fn conclude<C>(
    execution: &Execution,
    ended: Result<Result<(), Problem>, JoinError>,
    report: impl FnOnce(&Execution) -> Result<C, Error>,
) -> Outcome<C, String> {
    let problem = match ended {
        Ok(Ok(())) => match report(execution) {
            Ok(report) => return Outcome::Computed(report),
            Err(error) => Problem::of(&error),
        },
        Ok(Err(problem)) => problem,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => Problem::panic(&panic_text(panic)),
            // Its runtime is being shut down, and this code with it.
            Err(_) => return given_up(execution),
        },
    };
    if execution.cancellation.is_lease_lost() || execution.cancellation.was_told() {
        tracing::info!("ended by its cancellation: {}", problem.text);
        return given_up(execution);
    }
    spans::failed(problem.kind, &problem.text, problem.causes.as_deref());
    Outcome::Failed(problem.text)
}

/// The report that an execution failed through its own fault: the display, and below it the error (T-45).
pub(super) fn failed(execution: &Execution, problem: &str) -> wire::TaskFailedRequest {
    wire::TaskFailedRequest {
        task_id: execution.task.to_wire().into(),
        display: with_problem(&execution.display(), problem),
        was_workflow_error: true,
        progress_updates: execution.progress_to_wire(),
        ..Default::default()
    }
}

/// A display and the error below it, cut to what is kept (T-43).
pub(crate) fn with_problem(display: &str, problem: &str) -> String {
    let separator = if display.is_empty() { "" } else { "\n" };
    let text = display.chars().chain(separator.chars()).chain(problem.chars());
    text.take(DISPLAY_CHARS_MAX).collect()
}

/// The text of a panic. A payload is the user's too, and may panic when it is dropped.
fn panic_text(panic: Box<dyn Any + Send>) -> String {
    let text = panic.downcast_ref::<&'static str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    let text = text.unwrap_or("with something that is no text").to_owned();
    if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
        std::mem::forget(again);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t_45_the_error_is_written_below_the_display() {
        assert_eq!(with_problem("Tile 3/4", "no such scene"), "Tile 3/4\nno such scene");
        assert_eq!(with_problem("", "no such scene"), "no such scene");
    }

    #[test]
    fn t_43_displays_are_cut_by_characters() {
        let text = with_problem(&"ä".repeat(1000), &"ö".repeat(100));
        assert_eq!(text.chars().count(), 1024);
        assert!(text.ends_with("öö"));
    }
}
