//! What shall go wrong in a run.

use std::collections::HashMap;
use std::fmt;
use std::marker::PhantomData;
use std::ops::RangeInclusive;
use std::sync::Arc;

use boxwood_engine::TaskKey;

use crate::{Task, TaskIdentifier};

/// Something that goes wrong with executions of `T` in a [`Workflow`](super::Workflow) under test.
///
/// Unless told otherwise it happens once: to the first execution of a task of that kind, before any of the task's code
/// runs.
///
/// ```
/// # use boxwood::{Execute, ExecutionContext, Task};
/// # use boxwood::testing::Workflow;
/// # use serde::{Deserialize, Serialize};
/// # #[derive(Task, Serialize, Deserialize)]
/// # struct Tile { x: u32 }
/// # impl Execute for Tile {
/// #     async fn execute(self, _: &ExecutionContext) -> boxwood::Result { Ok(()) }
/// # }
/// use boxwood::testing::Fault;
///
/// let workflow = Workflow::new()
///     .task::<Tile>()
///     // The third execution of a tile fails.
///     .fault(Fault::<Tile>::error("no such scene").nth(3))
///     // Tile 7 fails whenever it is executed.
///     .fault(Fault::<Tile>::panic("index out of bounds").given(|tile| tile.x == 7).always())
///     // Each tile is executed twice: the first time its runner dies before it can report.
///     .fault(Fault::<Tile>::lost_runner().after_execution().for_each_task());
/// ```
pub struct Fault<T> {
    planned: Planned,
    of: PhantomData<fn() -> T>,
}

impl<T: Task> Fault<T> {
    /// The execution fails with this error (R-60).
    pub fn error(text: impl Into<String>) -> Self {
        Self::new(Kind::Error(text.into()))
    }

    /// The execution panics with this message, which fails it like an error.
    pub fn panic(text: impl Into<String>) -> Self {
        Self::new(Kind::Panic(text.into()))
    }

    /// The runner dies with the task in its hands: nothing is reported, and the task is queued again when its lease has
    /// run out (S-40). It is replaced by a runner that knows the same tasks.
    pub fn lost_runner() -> Self {
        Self::new(Kind::Lost)
    }

    /// The runner hangs, or loses its connection, until the lease of the task has run out, and goes on then. The task
    /// may have been taken over by another runner meanwhile, so that it is executed twice at the same time; whoever
    /// reports first wins (R-41, R-42).
    pub fn late_runner() -> Self {
        Self::new(Kind::Late)
    }

    /// The runner is told to shut down before the code runs, which sees it by its
    /// [cancellation](crate::ExecutionContext::cancellation) from the start (R-75) and may go on for as long as it likes. A
    /// new runner takes its place.
    pub fn shutdown() -> Self {
        Self::new(Kind::Shutdown)
    }

    /// The runner hands the task back, as one does whose time of grace is over (S-31, R-68); that costs no retry.
    pub fn hand_back() -> Self {
        Self::new(Kind::HandBack)
    }

    fn new(kind: Kind) -> Self {
        let mishap = Mishap { kind, after_execution: false };
        let planned = Planned { of: T::identifier(), mishap, given: None, which: 1..=1, for_each_task: false };
        Self { planned, of: PhantomData }
    }

    /// Happens to the `n`-th execution, counted from 1 over the whole run.
    pub fn nth(mut self, n: usize) -> Self {
        self.planned.which = n..=n;
        self
    }

    /// Happens to the first `n` executions.
    pub fn times(mut self, n: usize) -> Self {
        self.planned.which = 1..=n;
        self
    }

    /// Happens to every execution.
    pub fn always(mut self) -> Self {
        self.planned.which = 1..=usize::MAX;
        self
    }

    /// Counts the executions of each task by itself, instead of those of all tasks of the kind.
    pub fn for_each_task(mut self) -> Self {
        self.planned.for_each_task = true;
        self
    }

    /// Counts, and happens to, only tasks of which `condition` holds.
    pub fn given(mut self, condition: impl Fn(&T) -> bool + Send + Sync + 'static) -> Self {
        self.planned.given = Some(Arc::new(move |input| T::from_input(input).is_ok_and(|task| condition(&task))));
        self
    }

    /// Happens after the task's code has run to its end, with all it has done to caches and other places outside the
    /// job.
    pub fn after_execution(mut self) -> Self {
        self.planned.mishap.after_execution = true;
        self
    }

    pub(super) fn planned(self) -> Planned {
        self.planned
    }
}

impl<T> fmt::Debug for Fault<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.planned.fmt(f)
    }
}

/// Whether the input of a task meets a condition.
type Condition = Arc<dyn Fn(&[u8]) -> bool + Send + Sync>;

/// A [`Fault`] with its kind of task forgotten.
#[derive(Clone)]
pub(super) struct Planned {
    of: TaskIdentifier,
    mishap: Mishap,
    given: Option<Condition>,
    which: RangeInclusive<usize>,
    for_each_task: bool,
}

impl fmt::Debug for Planned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fault")
            .field("of", &self.of.to_string())
            .field("kind", &self.mishap.kind)
            .field("which", &self.which)
            .finish_non_exhaustive()
    }
}

/// What goes wrong with one execution.
#[derive(Debug, Clone)]
pub(super) struct Mishap {
    pub(super) kind: Kind,
    pub(super) after_execution: bool,
}

#[derive(Debug, Clone)]
pub(super) enum Kind {
    Error(String),
    Panic(String),
    Lost,
    Late,
    Shutdown,
    HandBack,
}

/// The faults of a run, and how many executions each has seen.
pub(super) struct Faults {
    planned: Vec<Planned>,
    seen: HashMap<(usize, Option<TaskKey>), usize>,
}

impl Faults {
    pub(super) fn new(planned: Vec<Planned>) -> Self {
        Self { planned, seen: HashMap::new() }
    }

    /// What goes wrong with the execution that begins now. Every fault counts it; the first that fits happens.
    pub(super) fn next(&mut self, code: &TaskIdentifier, task: TaskKey, input: &[u8]) -> Option<Mishap> {
        let mut happens = None;
        for (place, planned) in self.planned.iter().enumerate() {
            if planned.of != *code || planned.given.as_ref().is_some_and(|given| !given(input)) {
                continue;
            }
            let seen = self.seen.entry((place, planned.for_each_task.then_some(task))).or_default();
            *seen += 1;
            if planned.which.contains(seen) {
                happens = happens.or_else(|| Some(planned.mishap.clone()));
            }
        }
        happens
    }
}
