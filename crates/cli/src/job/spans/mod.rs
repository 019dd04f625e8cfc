//! `boxwood job spans`.

mod record;
mod timeline;

use std::collections::HashMap;

use boxwood::{JobId, TaskId};
use clap::Args;
use serde::Serialize;

use super::cursor::{Start, start};
use super::list::Sort;
use crate::Failure;
use crate::connect::Options;
use crate::text::first_line;
use record::Span;

/// Tasks whose displays are read, those nearest to the root first. Spans of others have their names alone.
const TASKS_MAX: usize = 10_000;

/// Spans asked for at once (J-52).
const PAGE_MAX: u32 = 1000;

#[derive(Args, Debug)]
pub(super) struct SpansArgs {
    /// The id of the job
    #[arg(value_name = "JOB", value_parser = super::job_id)]
    id: JobId,
    /// Only spans of this task
    #[arg(long, value_name = "TASK", value_parser = super::task_id)]
    task: Option<TaskId>,
    /// What started first (asc) or last (desc) first
    #[arg(long, value_enum, default_value_t = Sort::Asc)]
    sort: Sort,
    /// How many spans to print at most
    #[arg(long, value_name = "COUNT", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    limit: u32,
    /// Go on after earlier spans: their next_cursor
    #[arg(long, value_name = "CURSOR", value_parser = start)]
    cursor: Option<Start>,
    /// Show also what the process that made a span says of itself
    #[arg(long)]
    include_runner_attributes: bool,
}

#[derive(Serialize)]
struct SpansJson {
    spans: Vec<Span>,
    next_cursor: String,
}

/// Prints spans (O-33, O-34).
pub(super) async fn run(args: SpansArgs, options: &Options) -> Result<(), Failure> {
    let (output, client) = (options.output(), options.client()?);
    let mut query = client.jobs().spans(args.id);
    if let Some(task) = args.task {
        query = query.task(task);
    }
    if args.sort == Sort::Desc {
        query = query.newest_first();
    }
    let mut pages = query.pages().page_size(PAGE_MAX);
    if let Some(cursor) = args.cursor.and_then(|start| start.0) {
        pages = pages.starting_after(cursor);
    }
    let mut spans: Vec<Span> = pages.take(args.limit as usize).await?.into_iter().map(Span::from).collect();
    let next_cursor = pages.cursor().map(|cursor| cursor.to_string()).unwrap_or_default();
    if output.json {
        if !args.include_runner_attributes {
            spans.iter_mut().for_each(|span| span.runner_attributes = None);
        }
        return output.value(&SpansJson { spans, next_cursor });
    }
    if spans.is_empty() {
        output.talk("no spans match; runners send them when they end, within some seconds");
        return Ok(());
    }
    let tasks = client.jobs().task_tree(args.id, TASKS_MAX).await?;
    let mut displays = HashMap::new();
    tasks.walk(|_, task| {
        displays.insert(task.id.to_string(), first_line(task.display.lines().next().unwrap_or_default()));
    });
    output.data(&timeline::timeline(output.out, &spans, &displays, args.include_runner_attributes))?;
    if !next_cursor.is_empty() {
        output.talk(&format!("there are more: add --cursor {next_cursor}"));
    }
    Ok(())
}
