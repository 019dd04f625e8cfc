//! One execution of one task, and how it ended.

use std::any::Any;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use boxwood_proto::workflows::v1 as wire;
use tokio::task::{JoinError, JoinSet};
use tracing::Instrument as _;

use super::Shift;
use crate::context::{Execution, ExecutionContext};
use crate::error::{BoxError, with_causes};
use crate::id::{JobId, TaskId};
use crate::{Error, Execute, TaskIdentifier};

/// The longest display that is kept, in characters (T-43).
const DISPLAY_CHARS_MAX: usize = 1024;

/// Executes a task of one kind.
pub(crate) type Run = fn(Vec<u8>, ExecutionContext) -> Pin<Box<dyn Future<Output = Result<(), BoxError>> + Send>>;

/// The [`Run`] of `T`. An input that does not fit is an error like any other.
pub(crate) fn run<T: Execute>(
    input: Vec<u8>,
    context: ExecutionContext,
) -> Pin<Box<dyn Future<Output = Result<(), BoxError>> + Send>> {
    Box::pin(async move {
        let task = T::from_input(&input)?;
        if context.retry_count() > 0 {
            // The stored display ends with the error of the earlier execution (T-45), which would stay, and grow.
            context.set_display(task.display());
        }
        task.execute(&context).await
    })
}

/// How an execution ended.
pub(super) enum Outcome {
    /// It succeeded.
    Computed(wire::ComputedTask),
    /// It failed through its own fault.
    Failed(wire::TaskFailedRequest),
    /// It was given up for a reason that is not its own: the runner is shut down, or cannot execute it.
    HandedBack(wire::TaskFailedRequest),
}

/// Executes what was handed out. An `Err` is for a hand-out that does not even name a task.
pub(super) async fn execute(shift: &Shift, task: wire::Task) -> Result<Outcome, &'static str> {
    let shop = &shift.shop;
    let Some(id) = TaskId::from_wire_optional(&task.id) else {
        return Err("it has no id");
    };
    let registered = TaskIdentifier::new(task.identifier.name.clone(), &task.identifier.version)
        .ok()
        .and_then(|identifier| shop.tasks.get_key_value(&identifier));
    // What is wrong with the hand-out is not the fault of the task.
    let not_ours = |problem: String| {
        tracing::error!(task = %id, "{problem}");
        Ok(Outcome::HandedBack(handed_back(id)))
    };
    let Some((identifier, run)) = registered else {
        let wanted = &task.identifier;
        return not_ours(format!("{} {} was handed out, but is not registered here", wanted.name, wanted.version));
    };
    let Some(job) = JobId::from_wire_optional(&task.job.id) else {
        return not_ours("a task without a job was handed out".to_owned());
    };
    let execution = Arc::new(Execution::new(
        id,
        identifier.clone(),
        job,
        task.job.into_option().unwrap_or_default().name,
        shop.cluster.clone(),
        u64::try_from(task.retry_count).unwrap_or(0),
        task.display.unwrap_or_default(),
        shop.cache.of_job(job),
    ));
    let mut running = start(*run, task.input.unwrap_or_default(), &execution);
    let ended = tokio::select! {
        biased;
        ended = running.join_next() => ended.expect("one task was spawned"),
        () = shift.stopped_for(shop.grace) => {
            tracing::warn!(task = %id, "abandoned: the runner is shut down");
            return Ok(Outcome::HandedBack(handed_back(id)));
        }
    };
    Ok(match conclude(&execution, ended, Execution::report) {
        Ok(report) => Outcome::Computed(report),
        Err(problem) => Outcome::Failed(failed(&execution, &problem)),
    })
}

/// Starts the code of a task: in a task of its own, so that a panic ends only this execution, and dropping the set abandons
/// it.
pub(crate) fn start(run: Run, input: Vec<u8>, execution: &Arc<Execution>) -> JoinSet<Result<(), BoxError>> {
    let context = ExecutionContext { execution: Arc::clone(execution) };
    let span = tracing::info_span!(
        "task",
        name = execution.identifier.name(),
        task = %execution.task,
        job = %execution.job
    );
    let mut running = JoinSet::new();
    running.spawn(run(input, context).instrument(span));
    running
}

/// The report that a task is to be queued again without using up a retry (S-31, S-32). Its display stays (T-42).
pub(super) fn handed_back(id: TaskId) -> wire::TaskFailedRequest {
    wire::TaskFailedRequest { task_id: id.to_wire().into(), ..Default::default() }
}

/// What `report` makes of an execution that ended, or why it failed.
pub(crate) fn conclude<R>(
    execution: &Execution,
    ended: Result<Result<(), BoxError>, JoinError>,
    report: impl FnOnce(&Execution) -> Result<R, Error>,
) -> Result<R, String> {
    let problem = match ended {
        Ok(Ok(())) => match report(execution) {
            Ok(report) => return Ok(report),
            Err(error) => with_causes(&error),
        },
        Ok(Err(error)) => with_causes(error.as_ref()),
        Err(error) => match error.try_into_panic() {
            Ok(panic) => format!("panicked: {}", panic_text(panic.as_ref())),
            Err(_) => "the runtime was shut down".to_owned(),
        },
    };
    tracing::warn!(task = %execution.task, name = execution.identifier.name(), "failed: {problem}");
    Err(problem)
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

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&'static str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("with something that is no text")
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
