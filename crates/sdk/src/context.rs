//! What a task can do while it is executed: submit sub-tasks, report progress, use the cache.
//!
//! Everything is collected in the runner and reaches the server with the report that the task was computed (T-71), so
//! nothing here waits, and what is wrong with a submission is reported at the end, before anything is sent.

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::Location;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use boxwood_proto::workflows::v1 as wire;

use crate::cache::JobCache;
use crate::cancellation::Cancellation;
use crate::id::{JobId, TaskId};
use crate::state::State;
use crate::submission::{self, Entry, Positions};
use crate::task::Submit;
use crate::{Error, TaskIdentifier};

/// The longest label of a progress indicator, in characters (P-9, LM-18).
const LABEL_CHARS_MAX: usize = 100;
/// The most progress indicators of one task (P-8).
const INDICATORS_MAX: usize = 1000;

/// What a task knows and can do while it is executed; handed to [`Execute::execute`](crate::Execute::execute).
///
/// ```
/// # use boxwood::{Execute, ExecutionContext, Task};
/// # use serde::{Deserialize, Serialize};
/// # #[derive(Task, Serialize, Deserialize)]
/// # struct Tile { scene: String }
/// # #[derive(Task)]
/// # struct Blend;
/// #[derive(Task, Serialize, Deserialize)]
/// struct Mosaic {
///     scenes: Vec<String>,
/// }
///
/// impl Execute for Mosaic {
///     async fn execute(self, context: &ExecutionContext) -> boxwood::Result {
///         context.progress("tiles").add(self.scenes.len() as u64);
///         let tiles = context.submit_subtasks(self.scenes.into_iter().map(|scene| Tile { scene })).max_retries(3);
///         context.submit_subtask(Blend).depends_on(tiles);
///         Ok(())
///     }
/// }
/// ```
#[derive(Debug)]
pub struct ExecutionContext {
    pub(crate) execution: Arc<Execution>,
}

/// One execution of one task, shared by the runner, the context and the handles.
#[derive(Debug)]
pub(crate) struct Execution {
    pub(crate) task: TaskId,
    pub(crate) identifier: Arc<TaskIdentifier>,
    pub(crate) job: JobId,
    pub(crate) job_name: String,
    pub(crate) cluster: Arc<str>,
    pub(crate) retry_count: u64,
    pub(crate) cache: JobCache,
    pub(crate) state: Arc<State>,
    pub(crate) cancellation: Cancellation,
    pub(crate) collected: Mutex<Collected>,
}

/// What will be reported.
#[derive(Debug, Default)]
pub(crate) struct Collected {
    display: String,
    subtasks: Vec<Entry>,
    /// Total and done of each label.
    progress: BTreeMap<String, (u64, u64)>,
    /// The first thing that is wrong.
    problem: Option<Error>,
}

impl Collected {
    /// Nothing yet, for a task that is shown as `display`.
    pub(crate) fn new(display: String) -> Mutex<Self> {
        Mutex::new(Self { display, ..Self::default() })
    }
}

impl Execution {
    /// A panic in task code cannot leave the collection half changed: nothing of the user's runs under the lock.
    fn collected(&self) -> MutexGuard<'_, Collected> {
        self.collected.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn display(&self) -> String {
        self.collected().display.clone()
    }

    /// The progress of this execution, total and done of each label; reported also when it failed (R-46).
    pub(crate) fn progress(&self) -> BTreeMap<String, (u64, u64)> {
        self.collected().progress.clone()
    }

    /// What `convert` makes of the sub-tasks, if there are any.
    ///
    /// # Errors
    /// [`Error::Submission`] for whatever was wrong with the sub-tasks or the progress.
    pub(crate) fn subtasks<S>(&self, convert: impl FnOnce(&[Entry]) -> Result<S, Error>) -> Result<Option<S>, Error> {
        let mut collected = self.collected();
        if let Some(problem) = collected.problem.take() {
            return Err(problem);
        }
        match collected.subtasks.is_empty() {
            true => Ok(None),
            false => convert(&collected.subtasks).map(Some),
        }
    }

    /// The progress of this execution as it travels.
    pub(crate) fn progress_to_wire(&self) -> Vec<wire::Progress> {
        let entry = |(label, (total, done))| wire::Progress { label, total, done, ..Default::default() };
        self.progress().into_iter().map(entry).collect()
    }

    /// The report that the task was computed.
    ///
    /// # Errors
    /// As [`Execution::subtasks`].
    pub(crate) fn report(&self) -> Result<wire::ComputedTask, Error> {
        Ok(wire::ComputedTask {
            id: self.task.to_wire().into(),
            display: self.display(),
            sub_tasks: self.subtasks(submission::to_wire)?.into(),
            progress_updates: self.progress_to_wire(),
            ..Default::default()
        })
    }
}

impl ExecutionContext {
    /// The task being executed.
    pub fn task_id(&self) -> TaskId {
        self.execution.task
    }

    /// The identifier the task is executed as: that of the runner's code, which may be newer than the one submitted (T-61).
    pub fn task_identifier(&self) -> &TaskIdentifier {
        &self.execution.identifier
    }

    /// The job the task belongs to.
    pub fn job_id(&self) -> JobId {
        self.execution.job
    }

    /// The name of the job.
    pub fn job_name(&self) -> &str {
        &self.execution.job_name
    }

    /// The slug of the cluster the task is executed on, which sub-tasks go to unless they say otherwise (R-72, T-78).
    pub fn cluster(&self) -> &str {
        &self.execution.cluster
    }

    /// How many earlier executions of this task failed (S-30).
    pub fn retry_count(&self) -> u64 {
        self.execution.retry_count
    }

    /// The text shown for the task.
    pub fn display(&self) -> String {
        self.execution.display()
    }

    /// Changes the text shown for the task; it is seen when the task has ended (T-41). At most 1024 characters are kept
    /// (T-43), and an empty text changes nothing (T-42).
    pub fn set_display(&self, display: impl Into<String>) {
        let display = display.into();
        if !display.is_empty() {
            self.execution.collected().display = display;
        }
    }

    /// What the tasks of this runner share: the value of type `T` that was given to
    /// [`RunnerBuilder::state`](crate::RunnerBuilder::state) (R-74).
    ///
    /// It borrows from the context. For code that outlives the execution, give the runner an [`Arc`] and clone that:
    /// `context.state::<Arc<Pool>>()?.clone()`.
    ///
    /// ```
    /// # use boxwood::{Execute, ExecutionContext, StateType, Task};
    /// # struct Pool;
    /// # impl Pool { async fn query(&self) -> boxwood::Result { Ok(()) } }
    /// # #[derive(Task)]
    /// # struct Ingest;
    /// impl Execute for Ingest {
    ///     async fn execute(self, context: &ExecutionContext) -> boxwood::Result {
    ///         context.state::<Pool>()?.query().await
    ///     }
    ///
    ///     // So that a runner without a pool does not even start.
    ///     fn required_state() -> Vec<StateType> {
    ///         vec![StateType::of::<Pool>()]
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    /// [`Error::Setting`] if the runner has none; the text names the type and what to add.
    pub fn state<T: Any + Send + Sync>(&self) -> Result<&T, Error> {
        self.execution.state.get()
    }

    /// Tells when nobody waits for this execution any more: the runner is shut down, or the server does not extend the
    /// lease of the task (R-75). [`Cancellation`] says what follows.
    pub fn cancellation(&self) -> Cancellation {
        self.execution.cancellation.clone()
    }

    /// The cache that the tasks of this job share (K-3).
    pub fn job_cache(&self) -> JobCache {
        self.execution.cache.clone()
    }

    /// The progress indicator `label` of the job, at most 100 characters; an empty label is the unnamed indicator (P-1).
    #[track_caller]
    pub fn progress(&self, label: impl Into<String>) -> ProgressIndicator {
        let label = label.into();
        let mut collected = self.execution.collected();
        let known = collected.progress.len();
        let problem = if label.chars().count() > LABEL_CHARS_MAX {
            Some(format!("the label has {} characters, at most {LABEL_CHARS_MAX} are allowed", label.chars().count()))
        } else if known >= INDICATORS_MAX && !collected.progress.contains_key(&label) {
            Some(format!("the task has more than {INDICATORS_MAX} indicators; use fewer labels"))
        } else {
            None
        };
        match problem {
            Some(problem) => {
                let what = format!("progress {label:?} ({})", Location::caller());
                collected.problem.get_or_insert(Error::Submission { what, problem });
            }
            None => {
                collected.progress.entry(label.clone()).or_default();
            }
        }
        drop(collected);
        ProgressIndicator { execution: Arc::clone(&self.execution), label }
    }

    /// Submits a task as a child of this one (T-70). It exists once this task is computed (T-71, T-73).
    ///
    /// The handle takes options, and can be given to [`depends_on`](Subtask::depends_on) of tasks submitted later in the
    /// same execution. A task that cannot be submitted, for example because its input is too long, makes this execution
    /// fail when it returns, with a message that names this line.
    #[track_caller]
    pub fn submit_subtask(&self, task: impl Submit) -> Subtask<'_> {
        Subtask(self.submit([task], Location::caller()))
    }

    /// Submits tasks as children of this one; the same as submitting them one by one with the same options (T-75).
    #[track_caller]
    pub fn submit_subtasks<T: Submit>(&self, tasks: impl IntoIterator<Item = T>) -> Subtasks<'_> {
        Subtasks(self.submit(tasks, Location::caller()))
    }

    fn submit<T: Submit>(&self, tasks: impl IntoIterator<Item = T>, at: &Location<'_>) -> Selection<'_> {
        // Code of the user runs while the iterator is read, and may use this context's handles: no lock is held.
        let tasks: Vec<_> = tasks.into_iter().map(Submit::into_submission).collect();
        let mut collected = self.execution.collected();
        let start = collected.subtasks.len();
        for task in tasks {
            match task {
                // Both official SDKs fill in the cluster of the runner (T-78).
                Ok(task) => collected.subtasks.push(Entry::new(task, self.execution.cluster.as_ref().to_owned())),
                Err(error) => {
                    let what = format!("sub-task submitted at {at}");
                    collected.problem.get_or_insert(Error::Submission { what, problem: error.to_string() });
                }
            }
        }
        let end = collected.subtasks.len();
        let position = |length: usize| u32::try_from(length).expect("four billion sub-tasks do not fit into memory");
        Selection { execution: &self.execution, start: position(start), end: position(end) }
    }
}

/// A progress indicator of the job; from [`ExecutionContext::progress`]. What several tasks report is added up (P-3).
#[derive(Debug, Clone)]
pub struct ProgressIndicator {
    execution: Arc<Execution>,
    label: String,
}

impl ProgressIndicator {
    /// Adds to what there is to do.
    pub fn add(&self, amount: u64) -> &Self {
        self.change(|(total, _)| *total = total.saturating_add(amount))
    }

    /// Adds to what is done.
    pub fn done(&self, amount: u64) -> &Self {
        self.change(|(_, done)| *done = done.saturating_add(amount))
    }

    fn change(&self, change: impl FnOnce(&mut (u64, u64))) -> &Self {
        // Absent if the label was refused.
        if let Some(values) = self.execution.collected().progress.get_mut(&self.label) {
            change(values);
        }
        self
    }
}

/// Some sub-tasks of one execution, next to each other: those from `start` up to `end`.
#[derive(Debug, Clone, Copy)]
struct Selection<'c> {
    execution: &'c Execution,
    start: u32,
    end: u32,
}

impl Selection<'_> {
    fn change(&self, mut change: impl FnMut(&mut Entry)) {
        let range = self.start as usize..self.end as usize;
        self.execution.collected().subtasks[range].iter_mut().for_each(&mut change);
    }

    fn is_empty(&self) -> bool {
        self.start == self.end
    }

    fn depends_on(&self, on: &[Selection<'_>], at: &Location<'_>) {
        let problem = if on.iter().any(|other| !std::ptr::eq(other.execution, self.execution)) {
            Some("depends_on was given a sub-task of another execution; only sub-tasks of this one can be waited for")
        } else if on.iter().any(|other| other.end > self.start && !other.is_empty()) {
            Some("a sub-task can only depend on sub-tasks submitted before it; submit the other one first")
        } else {
            None
        };
        if let Some(problem) = problem {
            let what = format!("depends_on at {at}");
            let problem = Error::Submission { what, problem: problem.to_owned() };
            self.execution.collected().problem.get_or_insert(problem);
            return;
        }
        let mut added = Positions::default();
        on.iter().for_each(|other| added.add(other.start..other.end));
        self.change(|entry| entry.dependencies.union(&added));
    }
}

macro_rules! options {
    ($name:ident) => {
        impl $name<'_> {
            /// Starts only when all of these sub-tasks, submitted earlier in the same execution, are complete together with
            /// everything below them (T-90, T-92). Can be called again to add more.
            ///
            /// Takes a [`Subtask`], [`Subtasks`], an option or a list of either. A handle of another execution makes this execution
            /// fail before anything is sent (T-91).
            #[track_caller]
            pub fn depends_on(self, tasks: impl Dependencies) -> Self {
                let mut on = Collector(Vec::new());
                tasks.collect(&mut on);
                self.0.depends_on(&on.0, Location::caller());
                self
            }

            /// Allows this many further executions after the first failure; 0 unless set (T-110).
            pub fn max_retries(self, retries: u32) -> Self {
                self.0.change(|entry| entry.max_retries = retries);
                self
            }

            /// Lets the job go on if this fails: what is below it is skipped, what depends on it starts (T-126, T-127).
            pub fn optional(self) -> Self {
                self.0.change(|entry| entry.optional = true);
                self
            }

            /// Sends this to another cluster than that of the submitting task (T-79).
            pub fn cluster(self, slug: impl Into<String>) -> Self {
                let slug = slug.into();
                self.0.change(|entry| entry.cluster.clone_from(&slug));
                self
            }
        }
    };
}

/// A sub-task that was submitted: takes options, and can be depended on. From [`ExecutionContext::submit_subtask`].
///
/// It borrows the context, so that it cannot leave the execution: not into a static, a spawned task, or the state of the
/// runner. There is nothing to wait for in it either, since the sub-task exists only once this execution has ended (T-71).
#[derive(Debug, Clone, Copy)]
pub struct Subtask<'c>(Selection<'c>);

/// Sub-tasks that were submitted together: takes options, and can be depended on. From
/// [`ExecutionContext::submit_subtasks`]. Like [`Subtask`], it cannot leave the execution.
#[derive(Debug, Clone, Copy)]
pub struct Subtasks<'c>(Selection<'c>);

options!(Subtask);
options!(Subtasks);

impl<'c> Subtasks<'c> {
    /// How many there are.
    pub fn len(&self) -> usize {
        (self.0.end - self.0.start) as usize
    }

    /// Whether there are none; depending on them then means nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each of them, in the order they were submitted (T-75).
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Subtask<'c>> + DoubleEndedIterator + use<'c> {
        let all = self.0;
        (all.start..all.end).map(move |at| Subtask(Selection { start: at, end: at + 1, ..all }))
    }
}

/// What sub-tasks can depend on: a [`Subtask`], [`Subtasks`], references to them, and options, arrays, slices and vectors
/// of them. There are no others.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is nothing a sub-task can depend on",
    label = "not a handle",
    note = "give `depends_on` what `submit_subtask` or `submit_subtasks` returned, or a list of those handles"
)]
pub trait Dependencies: sealed::Sealed {
    /// Tells all of them.
    #[doc(hidden)]
    fn collect<'s>(&'s self, into: &mut Collector<'s>);
}

mod sealed {
    pub trait Sealed {}

    impl Sealed for super::Subtask<'_> {}
    impl Sealed for super::Subtasks<'_> {}
    impl<D: super::Dependencies + ?Sized> Sealed for &D {}
    impl<D: super::Dependencies> Sealed for Option<D> {}
    impl<D: super::Dependencies> Sealed for [D] {}
    impl<D: super::Dependencies, const N: usize> Sealed for [D; N] {}
    impl<D: super::Dependencies> Sealed for Vec<D> {}
}

/// Where [`Dependencies`] are told to.
#[doc(hidden)]
#[derive(Debug)]
pub struct Collector<'s>(Vec<Selection<'s>>);

impl Dependencies for Subtask<'_> {
    fn collect<'s>(&'s self, into: &mut Collector<'s>) {
        into.0.push(self.0);
    }
}

impl Dependencies for Subtasks<'_> {
    fn collect<'s>(&'s self, into: &mut Collector<'s>) {
        into.0.push(self.0);
    }
}

impl<D: Dependencies + ?Sized> Dependencies for &D {
    fn collect<'s>(&'s self, into: &mut Collector<'s>) {
        (**self).collect(into);
    }
}

impl<D: Dependencies> Dependencies for Option<D> {
    fn collect<'s>(&'s self, into: &mut Collector<'s>) {
        self.iter().for_each(|one| one.collect(into));
    }
}

impl<D: Dependencies> Dependencies for [D] {
    fn collect<'s>(&'s self, into: &mut Collector<'s>) {
        self.iter().for_each(|one| one.collect(into));
    }
}

impl<D: Dependencies, const N: usize> Dependencies for [D; N] {
    fn collect<'s>(&'s self, into: &mut Collector<'s>) {
        self.as_slice().collect(into);
    }
}

impl<D: Dependencies> Dependencies for Vec<D> {
    fn collect<'s>(&'s self, into: &mut Collector<'s>) {
        self.as_slice().collect(into);
    }
}

#[cfg(test)]
mod tests {
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::RawTask;

    fn context() -> ExecutionContext {
        let execution = Execution {
            task: TaskId::from_bytes([1; 16]),
            identifier: Arc::new(TaskIdentifier::new("Root", "v0.0").unwrap()),
            job: JobId::from_bytes([2; 16]),
            job_name: "job".to_owned(),
            cluster: "gpu".into(),
            retry_count: 0,
            cache: JobCache::none(),
            state: Arc::default(),
            cancellation: Cancellation::of_run(&CancellationToken::new()),
            collected: Collected::new("Root".to_owned()),
        };
        ExecutionContext { execution: Arc::new(execution) }
    }

    fn raw(name: &str) -> RawTask {
        RawTask::new(name, "v0.0").unwrap()
    }

    fn problem(context: &ExecutionContext) -> String {
        context.execution.report().expect_err("something was wrong").to_string()
    }

    #[test]
    fn t_75_options_apply_to_all_tasks_submitted_together() {
        let context = context();
        let maps = context.submit_subtasks([raw("a"), raw("b")]).max_retries(2).optional().cluster("cpu");
        assert_eq!(maps.len(), 2);
        context.submit_subtask(raw("c")).depends_on(maps);
        let report = context.execution.report().unwrap();
        let groups = &report.sub_tasks.task_groups;
        assert_eq!(groups.len(), 2);
        assert_eq!(groups[0].max_retries_values, [2, 2]);
        assert_eq!(groups[0].optional_values, [true, true]);
        assert_eq!(groups[1].dependencies_on_other_groups, [0]);
        assert_eq!(report.sub_tasks.cluster_slug_lookup, ["cpu", "gpu"]);
        assert_eq!(report.display, "Root");
    }

    #[test]
    fn t_75_handles_keep_the_order_of_the_list() {
        let context = context();
        let maps = context.submit_subtasks([raw("a"), raw("b"), raw("c")]);
        let second = maps.iter().nth(1).unwrap();
        context.submit_subtask(raw("d")).depends_on([second]);
        let report = context.execution.report().unwrap();
        let sizes: Vec<usize> = report.sub_tasks.task_groups.iter().map(|group| group.inputs.len()).collect();
        // a and c have no dependents, b has one.
        assert_eq!(sizes, [2, 1, 1]);
        assert_eq!(report.sub_tasks.task_groups[2].dependencies_on_other_groups, [1]);
    }

    #[test]
    fn t_91_handles_of_another_execution_are_refused() {
        let other = context();
        let foreign = other.submit_subtask(raw("a"));
        let context = context();
        context.submit_subtask(raw("b")).depends_on(foreign);
        let text = problem(&context);
        assert!(text.contains("another execution") && text.contains("context.rs:"), "{text}");
    }

    #[test]
    fn t_95_cycles_cannot_be_made_from_handles() {
        let context = context();
        let first = context.submit_subtask(raw("a"));
        let second = context.submit_subtask(raw("b")).depends_on(first);
        let _ = first.depends_on(second);
        assert!(problem(&context).contains("submitted before it"));

        let itself = context.submit_subtask(raw("c"));
        let _ = itself.depends_on(itself);
        assert!(problem(&context).contains("submitted before it"));
    }

    #[test]
    fn t_31_an_input_that_is_too_long_names_its_line() {
        let context = context();
        context.submit_subtask(raw("a").input(vec![0; 2048]));
        assert!(context.execution.report().is_ok());
        context.submit_subtask(raw("a").input(vec![0; 2049]));
        let text = problem(&context);
        assert!(text.contains("2049 bytes") && text.contains("context.rs:"), "{text}");
    }

    #[test]
    fn t_42_an_empty_display_changes_nothing() {
        let context = context();
        context.set_display("");
        assert_eq!(context.display(), "Root");
        context.set_display("Root of 4");
        assert_eq!(context.execution.report().unwrap().display, "Root of 4");
    }

    #[test]
    fn p_3_progress_of_one_execution_is_added_up() {
        let context = context();
        context.progress("tiles").add(4).done(1);
        context.progress("tiles").done(2);
        context.progress("").add(1);
        let report = context.execution.report().unwrap();
        let values: Vec<_> = report.progress_updates.iter().map(|p| (p.label.as_str(), p.total, p.done)).collect();
        assert_eq!(values, [("", 1, 0), ("tiles", 4, 3)]);
    }

    #[test]
    fn p_9_labels_have_at_most_100_characters() {
        let context = context();
        context.progress("ä".repeat(100)).add(1);
        assert!(context.execution.report().is_ok());
        context.progress("ä".repeat(101)).add(1);
        assert!(problem(&context).contains("101 characters"));
    }

    #[test]
    fn p_8_a_task_has_at_most_1000_indicators() {
        let context = context();
        (0..1000).for_each(|label| drop(context.progress(label.to_string())));
        context.progress("0").add(1);
        assert!(context.execution.report().is_ok());
        context.progress("one more").add(1);
        assert!(problem(&context).contains("1000 indicators"));
    }
}
