//! `boxwood job wait`, and `boxwood job submit --wait`.

use std::io::Write as _;
use std::time::Duration;

use boxwood::{Client, Job, JobId, JobState, TaskState};
use clap::Args;
use tokio::sync::watch;
use tokio::time::Instant;

use super::get::failures;
use super::json::JobJson;
use super::style::{done, job_style, summary, task_counts};
use crate::Failure;
use crate::connect::Options;
use crate::output::Output;
use crate::text::{columns, first_line, fit};
use crate::when::{parse_duration, took};

/// How long a server that went away is waited for: longer than a restart takes.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// How many tasks are looked through for those that failed.
const TASKS_MAX: usize = 10_000;

#[derive(Args, Debug)]
pub(super) struct WaitArgs {
    /// The id of the job
    #[arg(value_name = "JOB", value_parser = super::job_id)]
    id: JobId,
    #[command(flatten)]
    until: Until,
}

/// How long to wait.
#[derive(Args, Clone, Copy, Debug)]
pub(super) struct Until {
    /// Give up when for this long no task is running and nothing else happens, for example 5m [default: never]
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    stalled_timeout: Option<Duration>,
}

impl Until {
    pub(super) fn is_given(self) -> bool {
        self.stalled_timeout.is_some()
    }
}

/// Waits for a job and prints the state it ended in.
pub(super) async fn run(args: WaitArgs, options: &Options) -> Result<(), Failure> {
    let output = options.output();
    // A wrong address or id is told at once; the patience is for a server that answered before.
    options.client()?.jobs().find(args.id).await?;
    let job = unless_interrupted(args.id, for_end(args.id, args.until, options, output)).await?;
    if output.json {
        output.value(&JobJson::from(&job))?;
    } else {
        output.line(job.state.as_str())?;
    }
    completed(&job, &options.client()?, output, false).await
}

/// What comes out of looking at a job for long, unless the user has enough of it: Ctrl-C ends the command, not the job.
///
/// # Errors
/// [`Failure::Interrupted`], or as `looking`.
pub(super) async fn unless_interrupted<T>(
    id: JobId,
    looking: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let mut looking = std::pin::pin!(looking);
    tokio::select! {
        done = &mut looking => return done,
        Ok(()) = tokio::signal::ctrl_c() => {}
    }
    Err(Failure::Interrupted(format!("interrupted; job {id} goes on, `boxwood job watch {id}` shows it")))
}

/// Waits until a job has ended, and shows meanwhile how it goes.
///
/// # Errors
/// [`Failure::Stalled`] if nothing happened for too long.
pub(super) async fn for_end(id: JobId, until: Until, options: &Options, output: Output) -> Result<Job, Failure> {
    let client = options.patient_client(PATIENCE)?;
    let (sender, mut receiver) = watch::channel(None::<Job>);
    let waiting = client.jobs().wait(id).on_progress(move |job| {
        sender.send_replace(Some(job.clone()));
    });
    let mut waiting = std::pin::pin!(waiting.into_future());
    let mut report = Report { output, state: None, line: false };
    let mut seen = Instant::now();
    let mut running = false;
    loop {
        let stalls = until.stalled_timeout.filter(|_| !running);
        tokio::select! {
            biased;
            changed = receiver.changed() => {
                let job = receiver.borrow_and_update().clone();
                if let (Ok(()), Some(job)) = (changed, job) {
                    (seen, running) = (Instant::now(), job.stats.tasks(TaskState::Running) > 0);
                    report.show(&job);
                }
            }
            job = &mut waiting => {
                report.clear();
                return Ok(job?);
            }
            () = tokio::time::sleep_until(seen + stalls.unwrap_or_default()), if stalls.is_some() => {
                report.clear();
                let state = receiver.borrow().as_ref().map(|job| (job.state.as_str(), task_counts(&job.stats)));
                let (state, tasks) = state.unwrap_or(("unknown", String::new()));
                return Err(Failure::Stalled(format!(
                    "job {id} stands still: it is {state} ({tasks}), and nothing happened for {}; is a runner at work that \
                     knows its tasks, on its cluster?",
                    took(stalls.unwrap_or_default())
                )));
            }
        }
    }
}

/// Says how a job ended; `seen` if its tasks were shown.
///
/// # Errors
/// [`Failure::NotCompleted`] unless it is COMPLETED (CLI-1).
pub(super) async fn completed(job: &Job, client: &Client, output: Output, seen: bool) -> Result<(), Failure> {
    let (id, end) = (job.id, summary(output.err, job));
    match job.state {
        JobState::Completed => {
            output.talk(&end);
            Ok(())
        }
        JobState::Failed => {
            // Who reads JSON is told nothing, and who saw the tasks need not see them again.
            if !output.json && !seen {
                let tasks = client.jobs().task_tree(id, TASKS_MAX).await?;
                failures(output.err, &tasks).iter().for_each(|line| output.talk(line));
            }
            Err(Failure::NotCompleted(format!(
                "{end}; `boxwood job get` shows its tasks, `boxwood job retry` goes on from the failed ones"
            )))
        }
        _ => Err(Failure::NotCompleted(format!("{end}; `boxwood job retry` resumes it"))),
    }
}

/// Shows on standard error how a job goes: one line that changes on a terminal, else a line for each new state.
struct Report {
    output: Output,
    state: Option<JobState>,
    /// Whether the line is there.
    line: bool,
}

impl Report {
    fn show(&mut self, job: &Job) {
        if job.state.is_final() {
            return;
        }
        let screen = self.output.err;
        if self.output.json {
            // Whoever reads JSON reads no line that changes.
        } else if let Some(room) = screen.columns {
            let mut text = format!("  {}", task_counts(&job.stats));
            for progress in &job.progress {
                let label = if progress.label.is_empty() { "progress".to_owned() } else { first_line(&progress.label) };
                text.push_str(&format!("  {label} {}", done(progress)));
            }
            let state = job.state.as_str();
            // A line as wide as the terminal would wrap and could not be taken back.
            let text = fit(&text, room.saturating_sub(columns(state) + 1));
            let state = screen.paint(job_style(job.state), state);
            let _ = write!(std::io::stderr(), "\r\x1b[2K{state}{text}");
            self.line = true;
        } else if self.state != Some(job.state) {
            self.output.talk(&format!("job {} is {} ({})", job.id, job.state, task_counts(&job.stats)));
        }
        self.state = Some(job.state);
    }

    fn clear(&mut self) {
        if std::mem::take(&mut self.line) {
            let _ = write!(std::io::stderr(), "\r\x1b[2K");
        }
    }
}
