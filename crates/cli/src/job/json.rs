//! Jobs and tasks as JSON (CLI-4): names as on the wire, states in lower case, times as RFC 3339, lengths of time in
//! seconds.

use std::collections::BTreeMap;
use std::time::SystemTime;

use boxwood::{ExecutionStats, Job, JobState, TaskState, TaskSummary};
use serde::Serialize;

use crate::when::rfc_3339;

/// A job. Lists leave the tasks out.
#[derive(Debug, Serialize)]
pub(crate) struct JobJson<'a> {
    id: String,
    name: &'a str,
    state: String,
    submitted_at: String,
    trace_parent: &'a str,
    automation_id: Option<String>,
    progress: Vec<ProgressJson<'a>>,
    execution_stats: StatsJson,
    #[serde(skip_serializing_if = "Option::is_none")]
    task_summaries: Option<Vec<TaskJson<'a>>>,
    /// Whether the job has more tasks than are listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    task_summaries_truncated: Option<bool>,
}

#[derive(Debug, Serialize)]
struct ProgressJson<'a> {
    label: &'a str,
    total: u64,
    done: u64,
}

#[derive(Debug, Serialize)]
struct StatsJson {
    first_task_started_at: Option<String>,
    last_task_stopped_at: Option<String>,
    compute_time_seconds: f64,
    elapsed_time_seconds: f64,
    parallelism: f64,
    total_tasks: u64,
    tasks_by_state: BTreeMap<String, u64>,
}

/// A task.
#[derive(Debug, Serialize)]
struct TaskJson<'a> {
    id: String,
    parent_id: Option<String>,
    display: &'a str,
    state: String,
    cluster_slug: &'a str,
    optional: bool,
    retry_count: u64,
    max_retries: u64,
    has_children: bool,
    submitted_at: Option<String>,
    started_at: Option<String>,
    stopped_at: Option<String>,
    #[serde(flatten)]
    input: InputJson<'a>,
}

/// The input as text where it is text, else in hexadecimal digits.
#[derive(Debug, Serialize)]
enum InputJson<'a> {
    #[serde(rename = "input")]
    Text(&'a str),
    #[serde(rename = "input_hex")]
    Bytes(String),
}

pub(crate) fn job_state(state: JobState) -> String {
    state.as_str().to_lowercase()
}

fn task_state(state: TaskState) -> String {
    state.as_str().to_lowercase()
}

/// How many tasks are in which state; states without tasks are left out.
pub(crate) fn tasks_by_state(stats: &ExecutionStats) -> BTreeMap<String, u64> {
    stats.tasks_by_state.iter().map(|(state, count)| (task_state(*state), *count)).collect()
}

fn time(time: Option<SystemTime>) -> Option<String> {
    time.map(rfc_3339)
}

impl<'a> From<&'a Job> for JobJson<'a> {
    fn from(job: &'a Job) -> Self {
        let stats = &job.stats;
        Self {
            id: job.id.to_string(),
            name: &job.name,
            state: job_state(job.state),
            submitted_at: rfc_3339(job.submitted_at),
            trace_parent: &job.trace_parent,
            automation_id: job.automation_id.map(|id| id.to_string()),
            progress: job
                .progress
                .iter()
                .map(|progress| ProgressJson { label: &progress.label, total: progress.total, done: progress.done })
                .collect(),
            execution_stats: StatsJson {
                first_task_started_at: time(stats.first_task_started_at),
                last_task_stopped_at: time(stats.last_task_stopped_at),
                compute_time_seconds: stats.compute_time.as_secs_f64(),
                elapsed_time_seconds: stats.elapsed_time.as_secs_f64(),
                parallelism: stats.parallelism,
                total_tasks: stats.total_tasks,
                tasks_by_state: tasks_by_state(stats),
            },
            task_summaries: None,
            task_summaries_truncated: None,
        }
    }
}

impl<'a> JobJson<'a> {
    /// With its tasks, parents before children.
    pub(crate) fn with_tasks(mut self, tree: &'a boxwood::TaskTree) -> Self {
        let mut tasks = Vec::new();
        tree.walk(|_, task| tasks.push(TaskJson::from(task)));
        self.task_summaries = Some(tasks);
        self.task_summaries_truncated = Some(tree.truncated);
        self
    }
}

impl<'a> From<&'a TaskSummary> for TaskJson<'a> {
    fn from(task: &'a TaskSummary) -> Self {
        Self {
            id: task.id.to_string(),
            parent_id: task.parent.map(|id| id.to_string()),
            display: &task.display,
            state: task_state(task.state),
            cluster_slug: &task.cluster,
            optional: task.optional,
            retry_count: task.retry_count,
            max_retries: task.max_retries,
            has_children: task.has_children,
            submitted_at: time(task.submitted_at),
            started_at: time(task.started_at),
            stopped_at: time(task.stopped_at),
            input: match std::str::from_utf8(&task.input) {
                Ok(text) => InputJson::Text(text),
                Err(_) => InputJson::Bytes(task.input.iter().map(|byte| format!("{byte:02x}")).collect()),
            },
        }
    }
}
