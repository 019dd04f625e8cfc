//! `boxwood job get`.

use std::time::SystemTime;

use boxwood::{Job, JobId, TaskState, TaskTree};
use clap::Args;

use super::json::JobJson;
use super::style::{bars, job_style, task_counts};
use super::tree::tree;
use crate::Failure;
use crate::connect::Options;
use crate::output::{Screen, Style};
use crate::text::{first_line, number, shown, wrap};
use crate::when::{age, local, took};

/// Columns of what comes before a value, and what a value gets even on a narrow terminal.
const TITLE_COLUMNS: usize = 12;
const VALUE_COLUMNS_MIN: usize = 16;

#[derive(Args, Debug)]
pub(super) struct GetArgs {
    /// The id of the job
    #[arg(value_name = "JOB", value_parser = super::job_id)]
    id: JobId,
    /// How many tasks to read at most, those nearest to the root first; 0 for the job alone
    #[arg(long, value_name = "COUNT", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(0..=100_000))]
    tasks_max: u32,
    /// Show each task, instead of one row for many that look alike
    #[arg(long)]
    unfold: bool,
}

/// Shows a job.
pub(super) async fn run(args: GetArgs, options: &Options) -> Result<(), Failure> {
    let (output, client) = (options.output(), options.client()?);
    let job = client.jobs().find(args.id).await?;
    let tasks = match args.tasks_max {
        0 => {
            let mut none = TaskTree::default();
            none.truncated = true;
            none
        }
        max => client.jobs().task_tree(args.id, max as usize).await?,
    };
    if output.json {
        return output.value(&JobJson::from(&job).with_tasks(&tasks));
    }
    let now = SystemTime::now();
    let mut text = head(output.out, &job, now);
    if args.tasks_max > 0 {
        text.push('\n');
        text.push_str(&tree(output.out, &tasks, args.unfold, now));
    }
    output.data(&text)?;
    if let Some(hint) = left_out(&job, &tasks).filter(|_| args.tasks_max > 0) {
        output.talk(&hint);
    }
    Ok(())
}

/// Shows only the tasks of a job.
pub(super) async fn tasks(args: GetArgs, options: &Options) -> Result<(), Failure> {
    let (output, client) = (options.output(), options.client()?);
    let job = client.jobs().find(args.id).await?;
    let tasks = client.jobs().task_tree(args.id, args.tasks_max as usize).await?;
    if output.json {
        return output.value(&JobJson::from(&job).with_tasks(&tasks));
    }
    output.data(&tree(output.out, &tasks, args.unfold, SystemTime::now()))?;
    if let Some(hint) = left_out(&job, &tasks) {
        output.talk(&hint);
    }
    Ok(())
}

/// The job itself: a line for each thing that is known of it.
pub(super) fn head(screen: Screen, job: &Job, now: SystemTime) -> String {
    let mut text = String::new();
    let mut line = |title: &str, value: &str| {
        text.push_str(&screen.paint(Style::Faint, &format!("{title:<10}")));
        let room = screen.columns.map(|columns| columns.saturating_sub(TITLE_COLUMNS).max(VALUE_COLUMNS_MIN));
        // A value that stands out is a single word.
        let lines = if value.contains('\x1b') { vec![value.to_owned()] } else { wrap(value, room) };
        text.push_str(&format!("  {}\n", lines.join(&format!("\n{:TITLE_COLUMNS$}", ""))));
    };
    line("job", &job.id.to_string());
    line("name", &shown(&job.name));
    line("state", &screen.paint(job_style(job.state), job.state.as_str()));
    let ago = match age(job.submitted_at, now).as_str() {
        "now" => "just now".to_owned(),
        age => format!("{age} ago"),
    };
    line("submitted", &format!("{}, {ago}", local(job.submitted_at)));
    if let Some(automation) = job.automation_id {
        line("automation", &automation.to_string());
    }
    if let Some(started) = job.stats.first_task_started_at {
        line("started", &local(started));
    }
    if job.stats.last_task_stopped_at.is_some() {
        let stats = &job.stats;
        let times = format!("{} of computing within {}", took(stats.compute_time), took(stats.elapsed_time));
        line("time", &format!("{times}, parallelism {:.1}", stats.parallelism));
    }
    line("tasks", &task_counts(&job.stats));
    for (index, bar) in bars(screen, &job.progress).iter().enumerate() {
        line(if index == 0 { "progress" } else { "" }, bar);
    }
    text
}

/// What the tree does not show.
fn left_out(job: &Job, tasks: &TaskTree) -> Option<String> {
    if !tasks.truncated {
        return None;
    }
    let (mut read, mut failed) = (0, 0);
    tasks.walk(|_, task| {
        read += 1;
        failed += u64::from(task.state == TaskState::Failed);
    });
    let missed = job.stats.tasks(TaskState::Failed).saturating_sub(failed);
    let missed = if missed > 0 { format!(", among the others {} failed", number(missed)) } else { String::new() };
    let total = number(job.stats.total_tasks);
    Some(format!("these are {} of {total} tasks{missed}; --tasks-max COUNT reads more", number(read)))
}

/// The tasks that made a job fail, for talk: a line or more for each, but only for some of them.
pub(super) fn failures(screen: Screen, tasks: &TaskTree) -> Vec<String> {
    const SHOWN_MAX: usize = 5;
    let mut displays = Vec::new();
    tasks.walk(|_, task| {
        if task.state == TaskState::Failed {
            displays.push(task.display.as_str());
        }
    });
    let mut lines = Vec::new();
    for display in displays.iter().take(SHOWN_MAX) {
        let mut parts = display.trim_end().lines();
        let name = first_line(parts.next().unwrap_or_default());
        lines.push(format!("  {} {name}", screen.paint(Style::Bad, "FAILED")));
        lines.extend(parts.take(4).map(|part| format!("         {}", shown(part))));
    }
    if displays.len() > SHOWN_MAX {
        lines.push(format!("  and {} more", number((displays.len() - SHOWN_MAX) as u64)));
    }
    lines
}
