//! A job's tasks in few rows: neighbours that look alike are one run (V-20).
//!
//! A picture of a million tasks needs neither their inputs nor their times. What is kept of a task that was never handed out
//! is in its group, so only rows of those that were are read, by windows of keys.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use boxwood_engine::{Class, ClassKey, Group, GroupKey, GroupState, TaskId, TaskKey, TaskState};

use crate::read::JobView;

/// Keys of tasks whose rows are read at a time.
const WINDOW_KEYS: u64 = 50_000;

/// All tasks of a job, as far as a picture of stacks needs them.
#[derive(Clone, Debug)]
pub struct JobOutline {
    /// The job.
    pub job: JobView,
    /// What tasks can be, of this job or others, in order of their keys.
    pub classes: Vec<Class>,
    /// Its groups, in order of their keys.
    pub groups: Vec<OutlineGroup>,
    /// Its tasks in submission order; none if they are more than was asked for.
    pub runs: Vec<TaskRun>,
}

/// A group of tasks of a [`JobOutline`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutlineGroup {
    /// Its key, which is also that of its first task.
    pub key: GroupKey,
    /// The id of its first task.
    pub id: TaskId,
    /// The task that submitted it.
    pub parent: Option<TaskKey>,
    /// The groups that depend on it.
    pub dependents: Vec<GroupKey>,
}

impl OutlineGroup {
    /// The id of a task of this group.
    pub fn task_id(&self, task: TaskKey) -> TaskId {
        self.id.offset(task.0 - self.key.0)
    }
}

/// Neighbouring tasks of a group that look alike: as many as there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskRun {
    /// The place of the group in [`JobOutline::groups`].
    pub group: usize,
    /// The first task; the others count up.
    pub first: TaskKey,
    /// How many tasks there are.
    pub count: u64,
    /// Their cluster and identifier.
    pub class: ClassKey,
    /// Their display.
    pub display: Arc<str>,
    /// Their state.
    pub state: TaskState,
    /// Whether they were submitted as optional.
    pub optional: bool,
}

/// Rows of tasks that were handed out once, or have a display of their own: those of a window of keys, in their order.
#[derive(Default)]
pub(crate) struct Window {
    /// Tasks that are RUNNING. This counts before what `stopped` says of them.
    pub(crate) running: Rows<()>,
    /// Tasks as they last stopped.
    pub(crate) stopped: Rows<TaskState>,
    /// Displays that are not those of the submission.
    pub(crate) displays: Rows<Arc<str>>,
}

/// Values by ascending keys, taken from the front.
pub(crate) struct Rows<T>(VecDeque<(u64, T)>);

impl<T> Default for Rows<T> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<T> FromIterator<(u64, T)> for Rows<T> {
    fn from_iter<I: IntoIterator<Item = (u64, T)>>(rows: I) -> Self {
        Self(rows.into_iter().collect())
    }
}

impl<T> Rows<T> {
    /// The value of a key, if there is one. What is before that key, other jobs have it, is forgotten.
    fn take(&mut self, key: u64) -> Option<T> {
        while self.0.pop_front_if(|(front, _)| *front < key).is_some() {}
        self.0.pop_front_if(|(front, _)| *front == key).map(|(_, value)| value)
    }

    fn next_key(&self) -> u64 {
        self.0.front().map_or(u64::MAX, |(key, _)| *key)
    }
}

/// Puts an outline together, from groups in order of their keys and from windows of rows.
#[derive(Default)]
pub(crate) struct Outlining {
    groups: Vec<OutlineGroup>,
    runs: Vec<TaskRun>,
    /// The rows of the window asked for last.
    pub(crate) window: Window,
    /// Keys below this are known.
    known: u64,
    /// The next task of the group.
    next: u64,
}

impl Outlining {
    /// The outline, when all groups were added.
    pub(crate) fn of(self, job: JobView, mut classes: Vec<Class>) -> JobOutline {
        classes.sort_unstable_by_key(|class| class.key);
        JobOutline { job, classes, groups: self.groups, runs: self.runs }
    }

    /// Begins a group.
    pub(crate) fn begin(&mut self, group: &Group) {
        self.next = group.key.0;
        self.groups.push(OutlineGroup {
            key: group.key,
            id: group.id,
            parent: group.parent,
            dependents: group.dependents.clone(),
        });
    }

    /// Adds tasks of the group that was begun, as many as are known. If that is not all, answers the window of keys whose
    /// rows are needed to go on.
    pub(crate) fn lacks(&mut self, group: &Group, state: &GroupState) -> Option<Range<u64>> {
        let end = group.end().min(self.known);
        while self.next < end {
            let run = self.run(group, state, end);
            self.next += run.count;
            self.add(run);
        }
        (self.next < group.end()).then(|| {
            self.known = self.next + WINDOW_KEYS;
            self.next..self.known
        })
    }

    /// The next tasks before `end` that certainly look alike.
    fn run(&mut self, group: &Group, state: &GroupState, end: u64) -> TaskRun {
        let Window { running, stopped, displays } = &mut self.window;
        let is_running = running.take(self.next).is_some();
        let was = stopped.take(self.next);
        let display = displays.take(self.next);
        let slice = group.slice_of(TaskKey(self.next));
        let count = if is_running || was.is_some() || display.is_some() {
            1
        } else {
            let touched = running.next_key().min(stopped.next_key()).min(displays.next_key());
            touched.min(group.key.0 + slice.start + slice.count).min(end) - self.next
        };
        let untouched = if state.skipped { TaskState::Skipped } else { TaskState::Queued };
        TaskRun {
            group: self.groups.len() - 1,
            first: TaskKey(self.next),
            count,
            class: slice.class,
            display: display.unwrap_or_else(|| slice.display.clone()),
            state: if is_running { TaskState::Running } else { was.unwrap_or(untouched) },
            optional: slice.optional,
        }
    }

    fn add(&mut self, run: TaskRun) {
        if let Some(last) = self.runs.last_mut()
            && last.group == run.group
            && (last.class, last.state, last.optional) == (run.class, run.state, run.optional)
            && last.display == run.display
        {
            last.count += run.count;
        } else {
            self.runs.push(run);
        }
    }
}
