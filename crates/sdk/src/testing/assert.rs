//! Saying what a run must have come to.

use std::fmt;

use super::run::Run;
use crate::Task;
use crate::client::JobState;

/// Events shown when an assertion fails.
const SHOWN_EVENTS_MAX: usize = 20;

/// Assertions. A message names the seed, and shows the tasks and the last events.
impl Run {
    /// All tasks are done, and none has failed except optional ones (J-21).
    ///
    /// # Panics
    /// If the job is in another state.
    #[track_caller]
    pub fn assert_completed(&self) {
        self.assert_state(JobState::Completed);
    }

    /// A task failed for good (J-21).
    ///
    /// # Panics
    /// If the job is in another state.
    #[track_caller]
    pub fn assert_failed(&self) {
        self.assert_state(JobState::Failed);
    }

    /// The job is in this state.
    ///
    /// # Panics
    /// If the job is in another state.
    #[track_caller]
    pub fn assert_state(&self, state: JobState) {
        let is = self.state();
        if is != state {
            let unserved = self.unserved();
            let why = if unserved.is_empty() { String::new() } else { format!("; {}", unserved.join("; ")) };
            self.fail(format_args!("the job is {is}, not {state}{why}"));
        }
    }

    /// Code of the kind `T` was executed so many times, retries included.
    ///
    /// # Panics
    /// If it was executed more or less often.
    #[track_caller]
    pub fn assert_executions<T: Task>(&self, count: usize) {
        let is = self.executions::<T>().count();
        if is != count {
            self.fail(format_args!("{} was executed {is} times, not {count} times", T::identifier()));
        }
    }

    /// Each execution of `A` had ended before any of `B` started, and there was at least one of both.
    ///
    /// # Panics
    /// If it was otherwise.
    #[track_caller]
    pub fn assert_before<A: Task, B: Task>(&self) {
        let (first, second) = (self.executions::<A>(), self.executions::<B>().collect::<Vec<_>>());
        if first.len() == 0 || second.is_empty() {
            let never = if second.is_empty() { B::identifier() } else { A::identifier() };
            self.fail(format_args!("{never} was not executed"));
        }
        for one in first {
            if let Some(other) = second.iter().find(|other| !one.is_before(other)) {
                self.fail(format_args!("{} started before {} had ended", other.name(), one.name()));
            }
        }
    }

    /// Ends the test with a message.
    #[track_caller]
    pub(super) fn fail(&self, problem: fmt::Arguments<'_>) -> ! {
        let lines: Vec<&str> = self.trace.lines().collect();
        let shown = &lines[lines.len().saturating_sub(SHOWN_EVENTS_MAX)..];
        let left_out = lines.len() - shown.len();
        let more = if left_out > 0 { format!("  … {left_out} earlier events\n") } else { String::new() };
        panic!("seed {}: {problem}\n\nThe tasks:\n{self}\nWhat happened:\n{more}{}\n", self.seed, shown.join("\n"));
    }
}
