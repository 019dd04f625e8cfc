//! One job, and what follows from the states of its tasks.

use super::{NewTask, State, Task, Time};

/// J-20, with the numbers of the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JobState {
    Submitted = 1,
    Running = 2,
    Started = 3,
    Completed = 4,
    Failed = 5,
    Canceled = 6,
}

/// One job. Its tasks are in the order they were submitted (T-82).
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Job {
    pub(crate) id: u128,
    pub(crate) name: String,
    pub(crate) trace_parent: String,
    pub(crate) automation: Option<u128>,
    pub(crate) submitted_at: Time,
    /// What it was submitted with, to know a repetition of it (J-11).
    pub(crate) submission: Vec<NewTask>,
    pub(crate) canceled: bool,
    pub(crate) tasks: Vec<Task>,
    /// The task of the last failed report, until the job is stolen from.
    pub(crate) failed_last: Option<usize>,
}

/// Family.
impl Job {
    pub(crate) fn children(&self, task: usize) -> Vec<usize> {
        (0..self.tasks.len()).filter(|other| self.tasks[*other].parent == Some(task)).collect()
    }

    /// The parent of a task, its grandparent and so on, up to a root task.
    pub(crate) fn ancestors(&self, task: usize) -> Vec<usize> {
        let mut ancestors = Vec::new();
        let mut next = self.tasks[task].parent;
        while let Some(ancestor) = next {
            ancestors.push(ancestor);
            next = self.tasks[ancestor].parent;
        }
        ancestors
    }

    /// Whether a task is a strict descendant of another.
    pub(crate) fn is_below(&self, task: usize, ancestor: usize) -> bool {
        self.ancestors(task).contains(&ancestor)
    }
}

/// The glossary.
impl Job {
    /// Complete task: FAILED_OPTIONAL or SKIPPED, or COMPUTED and all of whose children are complete.
    pub(crate) fn is_complete(&self, task: usize) -> bool {
        match self.tasks[task].state {
            State::FailedOptional | State::Skipped => true,
            State::Computed => self.children(task).into_iter().all(|child| self.is_complete(child)),
            State::Queued | State::Running | State::Failed => false,
        }
    }

    /// Boundary of a task: the nearest task among itself and its ancestors that was submitted as optional.
    pub(crate) fn boundary(&self, task: usize) -> Option<usize> {
        let mut line = vec![task];
        line.extend(self.ancestors(task));
        line.into_iter().find(|place| self.tasks[*place].optional)
    }

    /// Failed branch: all strict descendants of the boundary of a task that became FAILED_OPTIONAL; none if that task is
    /// its own boundary.
    pub(crate) fn is_in_failed_branch(&self, task: usize) -> bool {
        (0..self.tasks.len()).any(|failed| {
            self.tasks[failed].state == State::FailedOptional
                && self.boundary(failed).is_some_and(|boundary| boundary != failed && self.is_below(task, boundary))
        })
    }

    /// Halted job: at least one FAILED task, or canceled by a user.
    pub(crate) fn is_halted(&self) -> bool {
        self.canceled || self.tasks.iter().any(|task| task.state == State::Failed)
    }
}

/// What users do and see.
impl Job {
    /// How many tasks are in a state (J-35 to J-37).
    pub(crate) fn count(&self, state: State) -> u64 {
        self.tasks.iter().filter(|task| task.state == state).count() as u64
    }

    /// The table of J-21.
    pub(crate) fn state(&self) -> JobState {
        let some = |state: State| self.tasks.iter().any(|task| task.state == state);
        if some(State::Failed) {
            JobState::Failed
        } else if self.tasks.iter().all(|task| task.state.is_settled()) {
            JobState::Completed
        } else if self.canceled {
            JobState::Canceled
        } else if some(State::Running) {
            JobState::Running
        } else if self.tasks.iter().all(|task| task.started_at.is_none()) {
            JobState::Submitted
        } else if self.tasks.iter().any(|task| task.state.is_settled()) {
            JobState::Started
        } else {
            JobState::Running
        }
    }

    /// J-75: a job that is COMPLETED, FAILED or already CANCELED stays as it is.
    pub(crate) fn cancel(&mut self) {
        match self.state() {
            JobState::Completed | JobState::Failed | JobState::Canceled => {}
            JobState::Submitted | JobState::Running | JobState::Started => self.canceled = true,
        }
    }

    /// J-61 to J-67: every FAILED task is QUEUED again, with a fresh allowance (J-65), and the canceled mark is cleared.
    pub(crate) fn retry(&mut self) -> u64 {
        self.canceled = false;
        let mut count = 0;
        for task in self.tasks.iter_mut().filter(|task| task.state == State::Failed) {
            task.state = State::Queued;
            (task.failures, task.lost_leases, task.hand_backs) = (0, 0, 0);
            count += 1;
        }
        count
    }
}

/// How a failure for good spreads.
impl Job {
    /// S-7, S-8, T-122 to T-131: a task that will not be executed again because it failed at some time.
    pub(crate) fn fail_for_good(&mut self, task: usize) {
        let Some(boundary) = self.boundary(task) else {
            self.tasks[task].state = State::Failed;
            return;
        };
        self.tasks[task].state = State::FailedOptional;
        // T-129: below a task that is its own boundary there is nothing.
        if boundary != task {
            for other in 0..self.tasks.len() {
                if self.tasks[other].state == State::Queued && self.is_below(other, boundary) {
                    self.tasks[other].state = State::Skipped;
                }
            }
        }
    }

    /// A workflow failure at some time (S-6 to S-8, T-110, T-134).
    pub(crate) fn workflow_failure(&mut self, place: usize, now: Time) {
        let branch_failed = self.is_in_failed_branch(place);
        let task = &mut self.tasks[place];
        task.retry_count += 1;
        task.failures += 1;
        task.hand_backs = 0;
        task.stop(State::Queued, now);
        if branch_failed || task.failures > task.max_retries {
            self.fail_for_good(place);
        }
    }

    /// The state of a task that comes back without an outcome of its own (S-6 b to d, T-134).
    pub(crate) fn come_back(&mut self, place: usize, stopped_at: Time) {
        let state = if self.is_in_failed_branch(place) { State::Skipped } else { State::Queued };
        self.tasks[place].stop(state, stopped_at);
    }
}
