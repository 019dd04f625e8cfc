//! Looking at a run.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use boxwood_store::TaskView;

use super::record::{ExecutionRecord, Record, TaskRecord};
use super::run::Run;
use super::{convert, text};
use crate::cache::JobCache;
use crate::client::{self, Job, JobState, Progress, TaskState, TaskTree};
use crate::{JobId, Task, TaskId, TaskIdentifier};

impl Run {
    /// The seed that decides what chance decides otherwise.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The id of the job, which the seed decides.
    pub fn job_id(&self) -> JobId {
        convert::job_id(self.job.id)
    }

    /// The job as a client would read it now, with its statistics in virtual time.
    pub fn job(&self) -> Job {
        convert::job(&self.server.job(self.job.id))
    }

    /// The state of the job.
    pub fn state(&self) -> JobState {
        self.job().state
    }

    /// The progress indicator `label` of the job; the empty label is the unnamed one (P-1).
    pub fn progress(&self, label: &str) -> Option<Progress> {
        self.job().progress.into_iter().find(|progress| progress.label == label)
    }

    /// The cache of the job (K-3), as its tasks see it.
    pub fn cache(&self) -> JobCache {
        self.cache.of_job(self.job_id())
    }

    /// The tasks submitted as `T`, in the order of submission.
    pub fn tasks<T: Task>(&self) -> impl ExactSizeIterator<Item = TaskRecord<T>> + DoubleEndedIterator + use<T> {
        let wanted = T::identifier();
        self.records(|identifier| *identifier == wanted).into_iter()
    }

    /// The only task submitted as `T`.
    ///
    /// # Panics
    /// If there is none, or more than one; the message shows the tree of tasks.
    #[track_caller]
    pub fn task<T: Task>(&self) -> TaskRecord<T> {
        let mut tasks = self.tasks::<T>();
        match (tasks.next(), tasks.len()) {
            (Some(task), 0) => task,
            (None, _) => self.fail(format_args!("there is no task {}", T::identifier())),
            (Some(_), more) => self.fail(format_args!("there are {} tasks {}", more + 1, T::identifier())),
        }
    }

    /// All tasks, in the order of submission.
    pub fn all_tasks(&self) -> impl ExactSizeIterator<Item = TaskRecord> + DoubleEndedIterator + use<> {
        self.records(|_| true).into_iter()
    }

    fn records<T>(&self, wanted: impl Fn(&TaskIdentifier) -> bool) -> Vec<TaskRecord<T>> {
        let mut executions: HashMap<TaskId, Vec<Arc<Record>>> = HashMap::new();
        for record in &self.executions {
            executions.entry(record.task).or_default().push(Arc::clone(record));
        }
        let tasks = self.views().into_iter().filter_map(|view| {
            let identifier = convert::task_identifier(&view.identifier);
            let summary = convert::summary(&view);
            wanted(&identifier).then(|| {
                let executions = executions.remove(&summary.id).unwrap_or_default();
                TaskRecord::new(summary, identifier, executions)
            })
        });
        tasks.collect()
    }

    fn views(&self) -> Vec<TaskView> {
        self.server.graph(self.job.id).tasks
    }

    /// The executions by code of the kind `T`, in the order they started, those that still go on included.
    pub fn executions<T: Task>(
        &self,
    ) -> impl ExactSizeIterator<Item = ExecutionRecord<T>> + DoubleEndedIterator + use<T> {
        let code = T::identifier();
        let records = self.executions.iter().filter(|record| record.code == code);
        records.cloned().map(ExecutionRecord::new).collect::<Vec<_>>().into_iter()
    }

    /// All executions, in the order they started, those that still go on included.
    pub fn all_executions(&self) -> impl ExactSizeIterator<Item = ExecutionRecord> + DoubleEndedIterator + use<> {
        self.executions.iter().cloned().map(ExecutionRecord::new).collect::<Vec<_>>().into_iter()
    }

    /// The displays of what was executed, as submitted, in the order executions started.
    pub fn order(&self) -> Vec<String> {
        self.executions.iter().map(|record| record.name.clone()).collect()
    }

    /// The tasks as a tree, as a client would read it.
    pub fn tree(&self) -> TaskTree {
        client::tree_of(self.views().iter().map(convert::summary).collect())
    }

    /// All that happened so far: a line for each event, with its virtual time. The same seed gives the same text.
    pub fn trace(&self) -> &str {
        &self.trace
    }

    /// How many executions of each task there were.
    pub(super) fn executions_of(&self) -> HashMap<TaskId, usize> {
        let mut counts = HashMap::new();
        self.executions.iter().for_each(|record| *counts.entry(record.task).or_default() += 1);
        counts
    }

    /// How many tasks of which kind are in which state, in words.
    pub(super) fn counts(&self) -> String {
        let mut counts: BTreeMap<(String, &str), usize> = BTreeMap::new();
        for view in self.views() {
            let name = convert::task_identifier(&view.identifier).to_string();
            *counts.entry((name, convert::task_state(view.state).as_str())).or_default() += 1;
        }
        let counts = counts.into_iter().map(|((name, state), count)| format!("{count} {name} {state}"));
        counts.collect::<Vec<_>>().join(", ")
    }

    /// Kinds of tasks that are QUEUED although no runner executes them (T-63), in words.
    pub(super) fn unserved(&self) -> Vec<String> {
        let mut unserved: Vec<String> = Vec::new();
        for view in self.views() {
            let waits = convert::task_state(view.state) == TaskState::Queued;
            let served = self.slots.iter().any(|slot| {
                slot.ask.cluster == view.cluster
                    && slot
                        .ask
                        .identifiers
                        .iter()
                        .any(|has| has.name == view.identifier.name && has.version.runs(&view.identifier.version))
            });
            let line = format!(
                "no runner on cluster {} executes {}",
                view.cluster,
                convert::task_identifier(&view.identifier)
            );
            if waits && !served && !unserved.contains(&line) {
                unserved.push(line);
            }
        }
        unserved
    }
}

/// The tasks as a tree, with states, executions and errors.
impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&text::tree(&self.tree(), &self.executions_of()))
    }
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run")
            .field("seed", &self.seed)
            .field("state", &self.state())
            .field("executions", &self.executions)
            .finish_non_exhaustive()
    }
}
