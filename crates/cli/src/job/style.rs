//! How jobs and tasks look in a terminal.

use boxwood::{ExecutionStats, Job, JobState, Progress, TaskState};

use crate::output::{Screen, Style};
use crate::text::{columns, counted, fit, number, shown};
use crate::when::took;

/// Columns of a progress bar.
const BAR: usize = 24;
/// Even a narrow terminal has so many.
const BAR_MIN: usize = 6;

pub(crate) fn job_style(state: JobState) -> Style {
    match state {
        JobState::Running | JobState::Started => Style::Active,
        JobState::Completed => Style::Good,
        JobState::Failed => Style::Bad,
        JobState::Canceled => Style::Warning,
        // SUBMITTED, and what a later version may add.
        _ => Style::Plain,
    }
}

pub(crate) fn task_style(state: TaskState) -> Style {
    match state {
        TaskState::Running => Style::Active,
        TaskState::Computed => Style::Good,
        TaskState::Failed => Style::Bad,
        TaskState::Skipped | TaskState::FailedOptional => Style::Warning,
        // QUEUED, and what a later version may add.
        _ => Style::Plain,
    }
}

/// A state within a sentence, such as `failed optional`.
pub(crate) fn in_words(state: TaskState) -> String {
    state.as_str().to_lowercase().replace('_', " ")
}

/// How many tasks are in which state: `40 tasks: 30 computed, 10 queued`.
pub(crate) fn task_counts(stats: &ExecutionStats) -> String {
    let mut counts: Vec<_> = stats.tasks_by_state.clone();
    counts.sort_by_key(|(state, _)| TaskState::ALL.iter().position(|known| known == state));
    let counts: Vec<String> =
        counts.iter().map(|(state, count)| format!("{} {}", number(*count), in_words(*state))).collect();
    let total = counted(stats.total_tasks, "task");
    if counts.is_empty() { total } else { format!("{total}: {}", counts.join(", ")) }
}

/// Tasks that nothing remains to be done for, of all: `30/40`.
pub(crate) fn settled(stats: &ExecutionStats) -> String {
    format!("{}/{}", number(settled_count(stats)), number(stats.total_tasks))
}

/// The job in one line of talk: `job 0190… is FAILED after 1.2 s (40 tasks: …)`.
pub(crate) fn summary(screen: Screen, job: &Job) -> String {
    let state = screen.paint(job_style(job.state), job.state.as_str());
    let after = match job.stats.elapsed_time {
        elapsed if elapsed.is_zero() => String::new(),
        elapsed => format!(" after {}", took(elapsed)),
    };
    format!("job {} is {state}{after} ({})", job.id, task_counts(&job.stats))
}

/// The same as a share: `75%`. It is 100% only when nothing remains to be done.
pub(crate) fn settled_share(stats: &ExecutionStats) -> String {
    match (settled_count(stats), stats.total_tasks) {
        (_, 0) => "-".to_owned(),
        (settled, total) => format!("{}%", u128::from(settled) * 100 / u128::from(total)),
    }
}

pub(crate) fn settled_count(stats: &ExecutionStats) -> u64 {
    let settled = [TaskState::Computed, TaskState::Skipped, TaskState::FailedOptional];
    settled.into_iter().map(|state| stats.tasks(state)).sum()
}

/// What is done of what is to be done: `3/9`.
pub(crate) fn done(progress: &Progress) -> String {
    format!("{}/{}", number(progress.done), number(progress.total))
}

/// The bars of a job, a line each, with labels of equal width.
pub(crate) fn bars(screen: Screen, progress: &[Progress]) -> Vec<String> {
    let label_max = screen.columns.map_or(usize::MAX, |columns| columns.saturating_sub(BAR + 32).max(8));
    // What is left beside title, label and numbers of a narrow terminal.
    let numbers = progress.iter().map(|progress| columns(&done(progress))).max().unwrap_or(0);
    let labels: Vec<String> = progress
        .iter()
        .map(|progress| match progress.label.as_str() {
            "" => "progress".to_owned(),
            label => fit(&shown(label), label_max),
        })
        .collect();
    let widest = labels.iter().map(|label| columns(label)).max().unwrap_or(0);
    let room = |columns: usize| columns.saturating_sub(12 + widest + 4 + numbers);
    let width = screen.columns.map_or(BAR, |columns| room(columns).clamp(BAR_MIN, BAR));
    let line = |(label, progress): (&String, &Progress)| {
        let filled = filled(progress, width);
        let style = if filled == width { Style::Good } else { Style::Active };
        let bar = screen.paint(style, &"█".repeat(filled)) + &screen.paint(Style::Faint, &"░".repeat(width - filled));
        format!("{label}{}  {bar}  {}", " ".repeat(widest - columns(label)), done(progress))
    };
    labels.iter().zip(progress).map(line).collect()
}

/// Columns of the bar that are done. It is full only when everything is (and empty only when nothing is).
fn filled(progress: &Progress, width: usize) -> usize {
    match (progress.done, progress.total) {
        (0, _) => 0,
        (done, total) if done >= total => width,
        (done, total) => ((done as f64 / total as f64 * width as f64) as usize).clamp(1, width - 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(label: &str, done: u64, total: u64) -> Progress {
        let mut progress = Progress::default();
        (progress.label, progress.total, progress.done) = (label.to_owned(), total, done);
        progress
    }

    #[test]
    fn p_7_bars_are_full_at_the_end_only_and_never_overflow() {
        let filled = |done, total| filled(&progress("", done, total), BAR);
        assert_eq!(filled(0, 0), 0);
        assert_eq!(filled(0, 10), 0);
        assert_eq!(filled(1, 1_000_000), 1);
        assert_eq!(filled(999_999, 1_000_000), BAR - 1);
        assert_eq!(filled(10, 10), BAR);
        assert_eq!(filled(u64::MAX, 10), BAR);
    }

    #[test]
    fn p_1_labels_are_aligned_and_harmless_and_the_unnamed_one_is_named() {
        let screen = Screen { columns: Some(80), rows: None, colour: false };
        let lines = bars(screen, &[progress("", 1, 2), progress("a\x1b[2Jb", 3, 3)]);
        assert_eq!(lines[0], format!("progress   {}{}  1/2", "█".repeat(12), "░".repeat(12)));
        assert_eq!(lines[1], format!("a\\x1b[2Jb  {}  3/3", "█".repeat(24)));
    }

    #[test]
    fn counts_are_told_in_the_order_of_states() {
        let mut stats = ExecutionStats::default();
        stats.total_tasks = 1200;
        stats.tasks_by_state = vec![(TaskState::FailedOptional, 2), (TaskState::Computed, 1198)];
        assert_eq!(task_counts(&stats), "1,200 tasks: 1,198 computed, 2 failed optional");
        assert_eq!((settled(&stats), settled_share(&stats)), ("1,200/1,200".into(), "100%".into()));
        stats.total_tasks = 1201;
        assert_eq!(settled_share(&stats), "99%");
    }
}
