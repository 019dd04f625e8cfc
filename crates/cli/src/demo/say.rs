//! What the demo says of itself.

use std::time::SystemTime;

use boxwood::{Job, TaskTree};

use super::map::Map;
use crate::Failure;
use crate::job::style::{bars, job_style, settled};
use crate::job::tree::tree;
use crate::output::{Output, Style};
use crate::text::counted;
use crate::when::took;

/// Columns of the word at the start of a line.
const LEAD: usize = 10;

/// Writes to standard output, unless that gets JSON.
pub(super) struct Say {
    pub(super) output: Output,
    pub(super) quiet: bool,
    pub(super) url: String,
}

impl Say {
    /// Whether the survey is shown as one picture that changes.
    pub(super) fn is_live(&self) -> bool {
        !self.quiet && self.output.out.columns.is_some()
    }

    /// What there is, and first of all where to look.
    pub(super) fn hello(&self, keep: bool, runners: &[String]) -> Result<(), Failure> {
        let until = if keep { "open it now, and watch; Ctrl-C ends everything" } else { "while the demo runs" };
        self.step("console", &format!("{}  {until}", self.strong(&self.url)))?;
        self.step("server", "its data is in a temporary folder")?;
        for (index, line) in runners.iter().enumerate() {
            self.step(if index == 0 { "runners" } else { "" }, line)?;
        }
        self.step("jobs", "some small ones first, then the survey of an island by satellite")
    }

    /// Where the survey is.
    pub(super) fn survey(&self, job: &Job) -> Result<(), Failure> {
        self.step("survey", &format!("{}\n", self.strong(&self.page(job))))
    }

    /// How far it is, in a line.
    pub(super) fn progress(&self, job: &Job) -> Result<(), Failure> {
        let bars: Vec<String> =
            job.progress.iter().map(|bar| format!("{} {}/{}", bar.label, bar.done, bar.total)).collect();
        self.step("", &format!("{} tasks so far; {}", settled(&job.stats), bars.join(", ")))
    }

    /// What became of the survey: its tasks, its progress, and the map.
    pub(super) fn end(&self, job: &Job, tasks: &TaskTree, map: &Map, now: SystemTime) -> Result<(), Failure> {
        let screen = self.output.out;
        if !self.is_live() {
            self.text(&format!("\n{}", tree(screen, tasks, false, now)))?;
            self.text(&format!("\n{}\n", bars(screen, &job.progress).join("\n")))?;
        }
        let stats = &job.stats;
        self.text(&format!(
            "\n{}: {}, {} of work within {}; the map agrees with the ground\n\n",
            screen.paint(job_style(job.state), job.state.as_str()),
            counted(stats.total_tasks, "task"),
            took(stats.compute_time),
            took(stats.elapsed_time)
        ))?;
        for line in map.lines(screen) {
            self.text(&format!("  {line}\n"))?;
        }
        self.text(&format!("\n  {}\n", map.legend(screen)))
    }

    /// The small jobs.
    pub(super) fn others(&self, others: &[(Job, &'static str)]) -> Result<(), Failure> {
        self.text(&format!("\n{}\n", self.strong("the other jobs")))?;
        for (job, about) in others {
            let state = self.output.out.paint(job_style(job.state), &format!("{:<9}", job.state.as_str()));
            self.text(&format!("  {state}  {:<21}  {}\n", job.name, self.faint(about)))?;
        }
        Ok(())
    }

    /// What to do now.
    pub(super) fn next(&self, keep: bool, job: &Job) -> Result<(), Failure> {
        let (program, id) = (program(), job.id);
        let hint = |what: &str, how: &str| format!("  {}  {how}", self.faint(&format!("{what:<14}")));
        let lines = if keep {
            vec![
                self.strong("look around: the console, or another terminal"),
                hint("the survey", &self.page(job)),
                hint("a tour", "docs/tour.md"),
                String::new(),
                format!("  export BOXWOOD_URL={}", self.url),
                format!("  {program} job logs {id}"),
                format!("  {program} job visualize {id} -o survey.svg"),
                format!("  {program} job submit --task demo.Survey --version v1.0 --wait"),
                String::new(),
                "Ctrl-C ends the server and the runners".to_owned(),
            ]
        } else {
            vec![
                self.strong("and now"),
                hint("look around", &format!("{program} demo --keep")),
                hint("a server", &format!("{program} serve")),
                hint("what else", &format!("{program} --help")),
                hint("how it is made", "crates/cli/src/demo/tasks/survey.rs, and README.md"),
            ]
        };
        self.text(&format!("\n{}\n", lines.join("\n")))
    }

    /// The page of a job.
    fn page(&self, job: &Job) -> String {
        format!("{}/workflows/jobs/{}", self.url, job.id)
    }

    fn strong(&self, text: &str) -> String {
        self.output.out.paint(Style::Bold, text)
    }

    fn faint(&self, text: &str) -> String {
        self.output.out.paint(Style::Faint, text)
    }

    fn step(&self, what: &str, more: &str) -> Result<(), Failure> {
        self.text(&format!("{}{more}\n", self.strong(&format!("{what:<LEAD$}"))))
    }

    fn text(&self, text: &str) -> Result<(), Failure> {
        if self.quiet { Ok(()) } else { self.output.data(text) }
    }
}

/// The program as it was called, so that commands can be copied.
fn program() -> String {
    let called = std::env::args().next().unwrap_or_default();
    let plain = called.chars().all(|c| c.is_alphanumeric() || "/\\._-".contains(c));
    if called.is_empty() || !plain { "boxwood".to_owned() } else { called }
}
