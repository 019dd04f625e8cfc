//! Tasks: as runners get them, and as lists show them.

use boxwood_engine::{HandOut, TaskState};
use boxwood_proto::workflows::v1 as wire;
use boxwood_store::TaskView;

use super::{id, time};

/// The state of a task on the wire; both sides number them alike (S-1).
pub(crate) fn task_state(state: TaskState) -> wire::TaskState {
    match state {
        TaskState::Queued => wire::TaskState::Queued,
        TaskState::Running => wire::TaskState::Running,
        TaskState::Computed => wire::TaskState::Computed,
        TaskState::Failed => wire::TaskState::Failed,
        TaskState::Skipped => wire::TaskState::Skipped,
        TaskState::FailedOptional => wire::TaskState::FailedOptional,
    }
}

/// A task handed out: no parent, no dependencies, and of its job only what runners need.
pub(crate) fn handed_out(hand_out: HandOut, input: Vec<u8>) -> wire::Task {
    let job = &hand_out.job;
    wire::Task {
        id: id(hand_out.id.to_bytes()).into(),
        identifier: wire::TaskIdentifier {
            name: hand_out.identifier.name.to_string(),
            version: hand_out.identifier.version.as_str().to_owned(),
            ..Default::default()
        }
        .into(),
        state: wire::TaskState::Running.into(),
        input: Some(input),
        display: Some(hand_out.display.to_string()),
        job: wire::Job {
            id: id(job.id.to_bytes()).into(),
            name: job.name.clone(),
            trace_parent: job.trace_parent.clone(),
            submitted_at: time::timestamp(job.submitted_at).into(),
            ..Default::default()
        }
        .into(),
        lease: wire::TaskLease {
            lease: time::duration(hand_out.lease.length).into(),
            recommended_wait_until_next_extension: time::duration(hand_out.lease.wait).into(),
            ..Default::default()
        }
        .into(),
        retry_count: hand_out.retry_count.into(),
        ..Default::default()
    }
}

/// A task in a list (J-57).
pub(crate) fn summary(task: TaskView) -> wire::TaskSummary {
    wire::TaskSummary {
        id: id(task.id.to_bytes()).into(),
        parent_id: task.parent.map(|parent| id(parent.to_bytes())).into(),
        display: task.display,
        state: task_state(task.state).into(),
        submitted_at: time::timestamp(task.submitted_at).into(),
        started_at: task.started_at.map(time::timestamp).into(),
        stopped_at: task.stopped_at.map(time::timestamp).into(),
        input: Some(task.input),
        retry_count: task.retry_count.into(),
        max_retries: task.max_retries.into(),
        has_children: task.has_children,
        cluster_slug: task.cluster.to_string(),
        optional: task.optional,
        ..Default::default()
    }
}

/// Tasks as older clients read them in a job, by ascending id.
pub(crate) fn legacy_summaries(mut tasks: Vec<TaskView>) -> Vec<wire::LegacyTaskSummary> {
    tasks.sort_by_key(|task| task.id);
    let summaries = tasks.into_iter().map(|task| wire::LegacyTaskSummary {
        id: id(task.id.to_bytes()).into(),
        display: task.display,
        state: task_state(task.state).into(),
        parent_id: task.parent.map(|parent| id(parent.to_bytes())).into(),
        started_at: task.started_at.map(time::timestamp).into(),
        stopped_at: task.stopped_at.map(time::timestamp).into(),
        ..Default::default()
    });
    summaries.collect()
}
