//! `boxwood job logs`.

mod follow;
mod record;

use boxwood::{JobId, LogSeverity, TaskId};
use clap::{Args, ValueEnum};
use serde::Serialize;

use super::cursor::{Start, start};
use super::list::Sort;
use super::wait::{PATIENCE, unless_interrupted};
use crate::Failure;
use crate::connect::Options;
use record::Record;

/// Records asked for at once (J-52).
const PAGE_MAX: u32 = 1000;

#[derive(Args, Debug)]
pub(super) struct LogsArgs {
    /// The id of the job
    #[arg(value_name = "JOB", value_parser = super::job_id)]
    id: JobId,
    /// Only records of this task
    #[arg(long, value_name = "TASK", value_parser = super::task_id)]
    task: Option<TaskId>,
    /// Only records of this level or a graver one
    #[arg(long, value_enum)]
    level: Option<Level>,
    /// Oldest (asc) or newest (desc) first
    #[arg(long, value_enum, default_value_t = Sort::Asc)]
    sort: Sort,
    /// How many records to print at most
    #[arg(long, value_name = "COUNT", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    limit: u32,
    /// Go on printing records as they arrive, until the job has ended; with --json a value for each
    #[arg(long, short, conflicts_with_all = ["sort", "cursor"])]
    follow: bool,
    /// Go on after earlier records: their next_cursor
    #[arg(long, value_name = "CURSOR", value_parser = start)]
    cursor: Option<Start>,
    /// Show also what the process that wrote a record says of itself
    #[arg(long)]
    include_runner_attributes: bool,
}

/// How grave a record is (O-31).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
enum Level {
    Trace,
    Debug,
    Info,
    #[value(alias = "warning")]
    Warn,
    Error,
}

impl Level {
    fn severity(self) -> LogSeverity {
        match self {
            Self::Trace => LogSeverity::Trace,
            Self::Debug => LogSeverity::Debug,
            Self::Info => LogSeverity::Info,
            Self::Warn => LogSeverity::Warn,
            Self::Error => LogSeverity::Error,
        }
    }
}

#[derive(Serialize)]
struct LogsJson {
    logs: Vec<Record>,
    next_cursor: String,
}

/// Prints log records (O-30 to O-40).
pub(super) async fn run(args: LogsArgs, options: &Options) -> Result<(), Failure> {
    let (output, client) = (options.output(), options.client()?);
    let mut query = client.jobs().logs(args.id);
    if let Some(task) = args.task {
        query = query.task(task);
    }
    if let Some(level) = args.level {
        query = query.at_least(level.severity());
    }
    if args.follow {
        let client = options.patient_client(PATIENCE)?;
        return unless_interrupted(args.id, follow::run(&args, &client, query, output)).await;
    }
    if args.sort == Sort::Desc {
        query = query.newest_first();
    }
    let mut pages = query.pages().page_size(PAGE_MAX);
    if let Some(cursor) = args.cursor.and_then(|start| start.0) {
        pages = pages.starting_after(cursor);
    }
    let mut records: Vec<Record> = pages.take(args.limit as usize).await?.into_iter().map(Record::from).collect();
    let next_cursor = pages.cursor().map(|cursor| cursor.to_string()).unwrap_or_default();
    if !args.include_runner_attributes {
        records.iter_mut().for_each(|record| record.runner_attributes = None);
    }
    if output.json {
        return output.value(&LogsJson { logs: records, next_cursor });
    }
    if records.is_empty() {
        output.talk("no log records match");
        return Ok(());
    }
    let text: String = records.iter().map(|record| record.text(output.out, args.task.is_none())).collect();
    output.data(&text)?;
    if !next_cursor.is_empty() {
        output.talk(&format!("there are more: add --cursor {next_cursor}"));
    }
    Ok(())
}
