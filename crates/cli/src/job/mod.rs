//! `boxwood job`: submits, finds, controls and watches jobs.

mod attributes;
mod control;
mod cursor;
mod fold;
mod get;
pub(crate) mod json;
mod list;
mod logs;
pub(crate) mod rate;
mod spans;
pub(crate) mod style;
mod submit;
pub(crate) mod tree;
mod visualize;
mod wait;
pub(crate) mod watch;

use boxwood::{JobId, TaskId};
use clap::{Args, Subcommand};

use crate::Failure;
use crate::connect::Options;

/// Jobs.
#[derive(Args, Debug)]
pub(crate) struct JobArgs {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    command: JobCommand,
}

#[derive(Subcommand, Debug)]
enum JobCommand {
    /// Submit a job of one root task and print its id
    Submit(submit::SubmitArgs),
    /// List jobs, newest first
    List(list::ListArgs),
    /// Show a job: its state, progress and tasks
    Get(get::GetArgs),
    /// Show the tasks of a job as a tree
    Tree(get::GetArgs),
    /// Show a job as it goes, until it has ended
    Watch(watch::WatchArgs),
    /// Wait until a job is COMPLETED, FAILED or CANCELED
    Wait(wait::WaitArgs),
    /// Queue the failed tasks of a job again, and resume it if it was canceled
    Retry(control::RetryArgs),
    /// Start no further tasks of a job; those that run go on to their end
    Cancel(control::CancelArgs),
    /// Print the log records of a job
    Logs(logs::LogsArgs),
    /// Show the spans of a job as a timeline: what ran when, in which runner, and what went wrong
    Spans(spans::SpansArgs),
    /// Draw the tasks of a job as SVG
    #[command(visible_alias = "diagram")]
    Visualize(visualize::VisualizeArgs),
}

/// Runs a command; `others` are options given before the word `job`.
pub(crate) async fn run(args: JobArgs, others: Options) -> Result<(), Failure> {
    let options = args.options.or(others);
    match args.command {
        JobCommand::Submit(args) => submit::run(args, &options).await,
        JobCommand::List(args) => list::run(args, &options).await,
        JobCommand::Get(args) => get::run(args, &options).await,
        JobCommand::Tree(args) => get::tasks(args, &options).await,
        JobCommand::Watch(args) => watch::run(args, &options).await,
        JobCommand::Wait(args) => wait::run(args, &options).await,
        JobCommand::Retry(args) => control::retry(args, &options).await,
        JobCommand::Cancel(args) => control::cancel(args, &options).await,
        JobCommand::Logs(args) => logs::run(args, &options).await,
        JobCommand::Spans(args) => spans::run(args, &options).await,
        JobCommand::Visualize(args) => visualize::run(args, &options).await,
    }
}

/// How ids look, for whoever wrote one that does not.
const EXAMPLE: &str = "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b";

fn job_id(text: &str) -> Result<JobId, String> {
    text.parse().map_err(|_| format!("not the id of a job; it looks like {EXAMPLE}, and `boxwood job list` shows them"))
}

fn task_id(text: &str) -> Result<TaskId, String> {
    text.parse()
        .map_err(|_| format!("not the id of a task; it looks like {EXAMPLE}, and `boxwood job get --json` shows them"))
}
