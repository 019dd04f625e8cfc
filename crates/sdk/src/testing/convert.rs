//! Between the types of this crate and those of the engine, which does not know this crate.

use std::time::{Duration, SystemTime};

use boxwood_engine as engine;
use boxwood_store::{JobView, TaskView};

use crate::client::{ExecutionStats, Job, JobState, Progress, TaskState, TaskSummary};
use crate::submission::{self, Entry};
use crate::{Error, JobId, TaskId, TaskIdentifier};

/// Entries as the engine takes them, in the groups in which they would be sent.
///
/// # Errors
/// [`Error::Submission`] if a limit is exceeded.
pub(super) fn submission(entries: &[Entry]) -> Result<engine::Submission, Error> {
    let groups = submission::groups(entries)?.into_iter().map(|group| {
        let mut new = engine::NewGroup {
            dependencies: group.dependencies.iter().map(|place| *place as usize).collect(),
            ..Default::default()
        };
        group.tasks.into_iter().for_each(|entry| new.push(task(entry), entry.task.input.clone()));
        new
    });
    engine::Submission::new(groups.collect())
        .map_err(|error| Error::Submission { what: format!("{} tasks", entries.len()), problem: error.to_string() })
}

fn task(entry: &Entry) -> engine::NewTasks {
    engine::NewTasks {
        count: 1,
        cluster: entry.cluster.as_str().into(),
        identifier: identifier(&entry.task.identifier),
        max_retries: entry.max_retries,
        optional: entry.optional,
        display: entry.task.display.as_str().into(),
    }
}

pub(super) fn identifier(identifier: &TaskIdentifier) -> engine::Identifier {
    let version = engine::Version::parse(&identifier.version().to_string()).expect("it is written as it is read");
    engine::Identifier { name: identifier.name().into(), version }
}

pub(super) fn task_identifier(identifier: &engine::Identifier) -> TaskIdentifier {
    TaskIdentifier::new(&*identifier.name, identifier.version.as_str()).expect("it was submitted")
}

pub(super) fn task_state(state: engine::TaskState) -> TaskState {
    match state {
        engine::TaskState::Queued => TaskState::Queued,
        engine::TaskState::Running => TaskState::Running,
        engine::TaskState::Computed => TaskState::Computed,
        engine::TaskState::Failed => TaskState::Failed,
        engine::TaskState::Skipped => TaskState::Skipped,
        engine::TaskState::FailedOptional => TaskState::FailedOptional,
    }
}

fn job_state(state: engine::JobState) -> JobState {
    match state {
        engine::JobState::Submitted => JobState::Submitted,
        engine::JobState::Running => JobState::Running,
        engine::JobState::Started => JobState::Started,
        engine::JobState::Completed => JobState::Completed,
        engine::JobState::Failed => JobState::Failed,
        engine::JobState::Canceled => JobState::Canceled,
    }
}

pub(super) fn job_id(id: engine::JobId) -> JobId {
    JobId::from_bytes(id.to_bytes())
}

pub(super) fn task_id(id: engine::TaskId) -> TaskId {
    TaskId::from_bytes(id.to_bytes())
}

pub(super) fn time(time: engine::Timestamp) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_micros(u64::try_from(time.0).unwrap_or(0))
}

/// A job as a client would read it.
pub(super) fn job(view: &JobView) -> Job {
    let (job, status) = (&view.job, &view.status);
    let progress = view.progress.iter();
    let counts = engine::TaskState::ALL.into_iter().map(|state| (task_state(state), status.counts.of(state)));
    Job {
        id: job_id(job.id),
        name: job.name.clone(),
        state: job_state(status.state()),
        submitted_at: time(job.submitted_at),
        trace_parent: job.trace_parent.clone(),
        automation_id: None,
        progress: progress
            .map(|(label, sum)| Progress { label: label.clone(), total: sum.total, done: sum.done })
            .collect(),
        stats: ExecutionStats {
            first_task_started_at: status.first_started_at.map(time),
            last_task_stopped_at: status.last_stopped_at.map(time),
            compute_time: status.compute_time,
            elapsed_time: status.elapsed_time(),
            parallelism: status.parallelism(),
            total_tasks: status.counts.total(),
            tasks_by_state: counts.filter(|(_, count)| *count > 0).collect(),
        },
    }
}

/// A task as a client would read it.
pub(super) fn summary(view: &TaskView) -> TaskSummary {
    TaskSummary {
        id: task_id(view.id),
        parent: view.parent.map(task_id),
        display: view.display.clone(),
        state: task_state(view.state),
        submitted_at: Some(time(view.submitted_at)),
        started_at: view.started_at.map(time),
        stopped_at: view.stopped_at.map(time),
        input: view.input.clone(),
        retry_count: view.retry_count.into(),
        max_retries: view.max_retries.into(),
        has_children: view.has_children,
        cluster: view.cluster.to_string(),
        optional: view.optional,
    }
}
