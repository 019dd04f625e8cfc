//! Runners seen, how it stands with tasks, and why they wait.

use std::time::Instant;

use boxwood_engine::{Identifier, Timestamp};
use boxwood_proto::boxwood::v1 as wire;
use boxwood_proto::workflows::v1::TaskIdentifier;
use boxwood_store::{FoundTask, TaskWaits};

use super::{id, summary, task_state, time};
use crate::dispatch;
use crate::explain::{Dependency, Fit, Wait, Why};

/// Runners on the wire; `now` is the same moment on both clocks.
pub(crate) fn runners(kind: &dispatch::Runners, now: (Instant, Timestamp)) -> wire::Runners {
    let ago = now.0.saturating_duration_since(kind.asked_at);
    let asked_at = now.1.0.saturating_sub(i64::try_from(ago.as_micros()).unwrap_or(i64::MAX));
    wire::Runners {
        cluster_slug: kind.ask.cluster.to_string(),
        identifiers: kind.ask.identifiers.iter().map(identifier).collect(),
        idle: kind.idle as u64,
        busy: kind.busy as u64,
        last_asked_at: time::timestamp(Timestamp(asked_at)).into(),
        ..Default::default()
    }
}

fn identifier(identifier: &Identifier) -> TaskIdentifier {
    TaskIdentifier {
        name: identifier.name.to_string(),
        version: identifier.version.as_str().to_owned(),
        ..Default::default()
    }
}

/// How it stands with a task, on the wire (IN-16).
pub(crate) fn task_explanation(of: TaskWaits, waits: Option<&Wait>) -> wire::TaskExplanation {
    let executions = of.executions;
    let lease = executions.lease_until.map(|ends_at| wire::Lease {
        handed_out_at: of.task.started_at.map(time::timestamp).into(),
        ends_at: time::timestamp(ends_at).into(),
        ..Default::default()
    });
    wire::TaskExplanation {
        state: task_state(of.task.state).into(),
        wait: waits.map(wait).into(),
        job_id: id(of.job.id.to_bytes()).into(),
        job_name: of.job.name,
        identifier: identifier(&of.task.identifier).into(),
        executions: wire::Executions {
            hand_outs: executions.hand_outs.into(),
            failures: executions.failures.into(),
            retries_left: of.task.max_retries.saturating_sub(executions.failures).into(),
            lost_leases: executions.crashes.into(),
            ..Default::default()
        }
        .into(),
        lease: lease.into(),
        task: summary(of.task).into(),
        ..Default::default()
    }
}

/// A task that was looked up, on the wire (IN-18).
pub(crate) fn found_task(found: FoundTask) -> wire::FoundTask {
    let task = found.task;
    wire::FoundTask {
        task_id: id(task.id.to_bytes()).into(),
        parent_id: task.parent.map(|parent| id(parent.to_bytes())).into(),
        display: task.display,
        state: task_state(task.state).into(),
        job_id: id(found.job.to_bytes()).into(),
        job_name: found.job_name,
        ..Default::default()
    }
}

/// What tasks wait for, on the wire.
pub(crate) fn wait(wait: &Wait) -> wire::Wait {
    let mut out = wire::Wait { tasks: wait.tasks, text: wait.text(), ..Default::default() };
    let reason = match &wait.why {
        Why::JobFailed => wire::WaitReason::JobFailed,
        Why::JobCanceled => wire::WaitReason::JobCanceled,
        Why::Dependencies { first, display, on } => {
            out.first_task_id = id(first.to_bytes()).into();
            out.display = display.to_string();
            out.dependencies = on.iter().map(dependency).collect();
            wire::WaitReason::Dependencies
        }
        Why::Runner { cluster, identifier: wanted, fit } => {
            out.cluster_slug = cluster.to_string();
            out.identifier = identifier(wanted).into();
            match fit {
                Fit::Some { idle, busy } => {
                    (out.idle, out.busy) = (*idle as u64, *busy as u64);
                    wire::WaitReason::NextInLine
                }
                Fit::NoneOnCluster { elsewhere } => {
                    out.other_clusters = elsewhere.iter().map(ToString::to_string).collect();
                    wire::WaitReason::NoRunnerOnCluster
                }
                Fit::NoneForName { elsewhere } => {
                    out.other_clusters = elsewhere.iter().map(ToString::to_string).collect();
                    wire::WaitReason::NoRunnerForName
                }
                Fit::NoneForVersion { seen, elsewhere } => {
                    out.versions_seen.clone_from(seen);
                    out.other_clusters = elsewhere.iter().map(ToString::to_string).collect();
                    wire::WaitReason::NoRunnerForVersion
                }
            }
        }
    };
    out.reason = reason.into();
    out
}

fn dependency(on: &Dependency) -> wire::Dependency {
    wire::Dependency {
        first_task_id: id(on.first.to_bytes()).into(),
        display: on.display.to_string(),
        tasks: on.tasks,
        incomplete_tasks: on.incomplete,
        ..Default::default()
    }
}
