//! `boxwood.v1.InsightService`: who works, and why what waits does wait (IN-1 to IN-15).

use std::sync::Arc;
use std::time::Instant;

use boxwood_engine::{JobId, TaskId, TaskState};
use boxwood_proto::boxwood::v1 as wire;
use boxwood_proto::connectrpc::{ConnectError, RequestContext, Response, ServiceRequest, ServiceResult};

use crate::door::Door;
use crate::{clock, convert, explain, validate};

/// Groups of tasks that wait for others named for one job at most (IN-11).
const BLOCKED_GROUPS_MAX: usize = 20;

pub(super) struct Insight(pub(super) Arc<Door>);

impl wire::InsightService for Insight {
    async fn list_runners(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::ListRunnersRequest>,
    ) -> ServiceResult<wire::ListRunnersResponse> {
        validate::slug("cluster_slug", request.cluster_slug)?;
        let runners = self.0.dispatch.runners();
        let now = (Instant::now(), clock::now());
        let wanted =
            runners.iter().filter(|kind| request.cluster_slug.is_empty() || &*kind.ask.cluster == request.cluster_slug);
        Response::ok(wire::ListRunnersResponse {
            runners: wanted.map(|kind| convert::runners(kind, now)).collect(),
            ..Default::default()
        })
    }

    async fn explain_job(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::ExplainJobRequest>,
    ) -> ServiceResult<wire::JobExplanation> {
        let id = validate::required_id("job_id", &request.job_id, JobId::from_bytes)?;
        let waits = self.0.read(move |reader| reader.job_waits(id, BLOCKED_GROUPS_MAX)).await?;
        let waits = waits.ok_or_else(|| ConnectError::not_found(format!("job_id: there is no job {id}")))?;
        let (told, further) = explain::job(&waits, &self.0.dispatch.runners());
        Response::ok(wire::JobExplanation {
            state: convert::job_state(waits.status.state()).into(),
            queued_tasks: waits.status.counts.of(TaskState::Queued),
            waits: told.iter().map(convert::wait).collect(),
            further_tasks: further,
            ..Default::default()
        })
    }

    async fn explain_task(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::ExplainTaskRequest>,
    ) -> ServiceResult<wire::TaskExplanation> {
        let id = validate::required_id("task_id", &request.task_id, TaskId::from_bytes)?;
        let waits = self.0.read(move |reader| reader.task_waits(id)).await?;
        let waits = waits.ok_or_else(|| ConnectError::not_found(format!("task_id: there is no task {id}")))?;
        Response::ok(wire::TaskExplanation {
            state: convert::task_state(waits.task.state).into(),
            wait: explain::task(&waits, &self.0.dispatch.runners()).as_ref().map(convert::wait).into(),
            ..Default::default()
        })
    }
}
