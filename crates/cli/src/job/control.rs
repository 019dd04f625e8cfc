//! `boxwood job retry` and `boxwood job cancel`.

use boxwood::{JobId, JobState, TaskState};
use clap::Args;
use serde::Serialize;

use super::json::job_state;
use super::style::{job_style, task_counts};
use crate::Failure;
use crate::connect::Options;
use crate::text::counted;

#[derive(Args, Debug)]
pub(super) struct RetryArgs {
    /// The id of the job
    #[arg(value_name = "JOB", value_parser = super::job_id)]
    id: JobId,
}

#[derive(Args, Debug)]
pub(super) struct CancelArgs {
    /// The id of the job
    #[arg(value_name = "JOB", value_parser = super::job_id)]
    id: JobId,
}

#[derive(Serialize)]
struct Controlled {
    id: String,
    state: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    num_tasks_rescheduled: Option<u64>,
}

/// Retries a job and says what that did (J-61, J-64, J-67).
pub(super) async fn retry(args: RetryArgs, options: &Options) -> Result<(), Failure> {
    let (output, client) = (options.output(), options.client()?);
    let jobs = client.jobs();
    let before = jobs.find(args.id).await?;
    let rescheduled = jobs.retry(args.id).await?;
    let job = jobs.find(args.id).await?;
    if output.json {
        let num_tasks_rescheduled = Some(rescheduled);
        return output.value(&Controlled {
            id: job.id.to_string(),
            state: job_state(job.state),
            num_tasks_rescheduled,
        });
    }
    let state = output.err.paint(job_style(job.state), job.state.as_str());
    output.talk(&match (rescheduled, before.state) {
        (0, JobState::Canceled) => format!("job {} goes on: it is {state} ({})", job.id, task_counts(&job.stats)),
        (0, _) => format!("job {} is {state}: there is nothing to retry", job.id),
        (count, _) => format!("{} of job {} queued again: it is {state}", counted(count, "failed task"), job.id),
    });
    Ok(())
}

/// Cancels a job and says what that did (J-71, J-72, J-75).
pub(super) async fn cancel(args: CancelArgs, options: &Options) -> Result<(), Failure> {
    let (output, client) = (options.output(), options.client()?);
    let jobs = client.jobs();
    let before = jobs.find(args.id).await?;
    jobs.cancel(args.id).await?;
    let job = jobs.find(args.id).await?;
    if output.json {
        let num_tasks_rescheduled = None;
        return output.value(&Controlled {
            id: job.id.to_string(),
            state: job_state(job.state),
            num_tasks_rescheduled,
        });
    }
    let state = output.err.paint(job_style(job.state), job.state.as_str());
    if before.state.is_final() {
        output.talk(&format!("job {} was {state} already", job.id));
        return Ok(());
    }
    let running = match job.stats.tasks(TaskState::Running) {
        0 => String::new(),
        count => {
            format!("; {} to the end", counted(count, "running task") + if count == 1 { " goes on" } else { " go on" })
        }
    };
    output.talk(&format!("job {} is {state}{running}; `boxwood job retry` resumes it", job.id));
    Ok(())
}
