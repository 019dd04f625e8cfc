//! `boxwood job watch`: a job as it goes.

use std::time::{Duration, SystemTime};

use boxwood::{Client, ExecutionStats, Job, JobId, TaskTree};
use clap::Args;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior};

use super::fold::FOLD_FROM;
use super::get::head;
use super::json::JobJson;
use super::rate::Rate;
use super::style::{settled, settled_count, settled_share, task_counts};
use super::tree::tree_folded;
use super::wait::{PATIENCE, completed, unless_interrupted};
use crate::Failure;
use crate::connect::Options;
use crate::output::{Output, Style};
use crate::text::counted;
use crate::when::{rfc_3339, took};

/// How often the screen is drawn again, if nothing else happens: the times of running tasks go on.
const DRAW_EVERY: Duration = Duration::from_secs(1);

/// The time between two lines, or two looks at the tasks, at least.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Tasks that are looked at, those nearest to the root first. The counts are of all.
const TASKS_MAX: usize = 2_000;

#[derive(Args, Debug)]
pub(super) struct WatchArgs {
    /// The id of the job
    #[arg(value_name = "JOB", value_parser = super::job_id)]
    id: JobId,
    /// Show each task, instead of one row for many that look alike
    #[arg(long)]
    unfold: bool,
}

/// Shows a job until it has ended: on a terminal one picture that changes, else a line (with --json a value) for each change.
pub(super) async fn run(args: WatchArgs, options: &Options) -> Result<(), Failure> {
    unless_interrupted(args.id, to_the_end(&args, options)).await
}

async fn to_the_end(args: &WatchArgs, options: &Options) -> Result<(), Failure> {
    let output = options.output();
    // A wrong address or id is told at once; the patience is for a server that answered before.
    options.client()?.jobs().find(args.id).await?;
    let end = follow(&options.patient_client(PATIENCE)?, args.id, output, args.unfold).await?;
    completed(&end, &options.client()?, output, output.out.columns.is_some()).await
}

/// Shows a job until it has ended, however it ends.
pub(crate) async fn follow(client: &Client, id: JobId, output: Output, unfold: bool) -> Result<Job, Failure> {
    let (sender, mut changes) = watch::channel(None::<Job>);
    let waiting = client.jobs().wait(id).on_progress(move |job| {
        sender.send_replace(Some(job.clone()));
    });
    let mut waiting = std::pin::pin!(waiting.into_future());
    let mut view = View { output, unfold, rate: Rate::default(), lines: 0, looked: None, tasks: None };
    let mut ticks = tokio::time::interval(DRAW_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut job = None;
    let end = loop {
        tokio::select! {
            biased;
            end = &mut waiting => break end?,
            changed = changes.changed(), if view.may_look() => {
                if changed.is_ok() {
                    job = changes.borrow_and_update().clone();
                    if let Some(job) = &job {
                        view.changed(job, client).await?;
                    }
                }
            }
            () = tokio::time::sleep_until(view.looks_at()), if !view.may_look() => {}
            _ = ticks.tick(), if output.out.columns.is_some() => {
                if let Some(job) = &job {
                    view.draw(job)?;
                }
            }
        }
    };
    view.looked = None;
    view.changed(&end, client).await?;
    Ok(end)
}

/// What is shown of a job.
struct View {
    output: Output,
    unfold: bool,
    rate: Rate,
    /// Lines of the picture on the screen.
    lines: usize,
    looked: Option<Instant>,
    tasks: Option<TaskTree>,
}

impl View {
    /// When the next look may be taken.
    fn looks_at(&self) -> Instant {
        self.looked.map_or_else(Instant::now, |looked| looked + LOOK_EVERY)
    }

    fn may_look(&self) -> bool {
        self.looks_at() <= Instant::now()
    }

    async fn changed(&mut self, job: &Job, client: &Client) -> Result<(), Failure> {
        self.looked = Some(Instant::now());
        self.rate.add(Instant::now(), settled_count(&job.stats));
        if self.output.json {
            return self.output.value(&JobJson::from(job));
        }
        if self.output.out.columns.is_none() {
            let (now, state) = (rfc_3339(SystemTime::now()), job.state.as_str());
            return self.output.line(&format!("{now} {state} {}{}", task_counts(&job.stats), self.pace(&job.stats)));
        }
        self.tasks = Some(client.jobs().task_tree(job.id, TASKS_MAX).await?);
        self.draw(job)
    }

    /// Draws over the picture that was there before. Lines that are too long are cut by the terminal.
    fn draw(&mut self, job: &Job) -> Result<(), Failure> {
        let (screen, now) = (self.output.out, SystemTime::now());
        let mut text = head(screen, job, now);
        if !job.state.is_final() {
            let pace = self.pace(&job.stats);
            let done = format!("{} ({}){pace}", settled(&job.stats), settled_share(&job.stats));
            text.push_str(&format!("{}  {done}\n", screen.paint(Style::Faint, &format!("{:<10}", "done"))));
        }
        let rows = screen.rows.map_or(usize::MAX, |rows| rows.saturating_sub(2));
        if let Some(tasks) = &self.tasks {
            let left = rows - rows.min(text.lines().count() + 1);
            let fold_from = if self.unfold { usize::MAX } else { FOLD_FROM.min(left) };
            text.push('\n');
            text.push_str(&tree_folded(screen, tasks, fold_from, now));
            if tasks.truncated {
                let read = format!("… these are the {} nearest to the root", counted(TASKS_MAX as u64, "task"));
                text.push_str(&screen.paint(Style::Faint, &read));
                text.push('\n');
            }
        }
        // What is there at the end may scroll, so that nothing is left out.
        let room = if job.state.is_final() { usize::MAX } else { rows };
        let mut lines: Vec<&str> = text.lines().collect();
        let more = lines.len().saturating_sub(room);
        let rest = screen.paint(Style::Faint, &format!("… and {} below", counted(more as u64, "line")));
        if more > 0 {
            lines.truncate(room);
            lines.push(&rest);
        }
        let up = if self.lines > 0 { format!("\x1b[{}A", self.lines) } else { String::new() };
        self.lines = lines.len();
        let lines: String = lines.into_iter().map(|line| format!("{line}\x1b[K\n")).collect();
        self.output.data(&format!("\x1b[?7l{up}\r{lines}\x1b[J\x1b[?7h"))
    }

    /// How fast it goes, and how long that takes if no more tasks are submitted.
    fn pace(&self, stats: &ExecutionStats) -> String {
        let Some(rate) = self.rate.per_second() else { return String::new() };
        let left = stats.total_tasks.saturating_sub(settled_count(stats));
        let per_second = if rate < 10.0 { format!("{rate:.1}") } else { format!("{rate:.0}") };
        let seconds = left as f64 / rate;
        match Duration::try_from_secs_f64(seconds) {
            Ok(time) if left > 0 => format!(", {per_second} tasks/s, {} for those known", took(time)),
            _ => format!(", {per_second} tasks/s"),
        }
    }
}
