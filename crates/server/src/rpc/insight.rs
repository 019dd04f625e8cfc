//! `boxwood.v1.InsightService`: who works, what failed, and why what waits does wait (IN-1 to IN-33).

use std::sync::Arc;
use std::time::Instant;

use boxwood_engine::{JobId, TaskId, TaskState};
use boxwood_proto::boxwood::v1 as wire;
use boxwood_proto::connectrpc::{ConnectError, RequestContext, Response, ServiceRequest, ServiceResult};

use crate::door::Door;
use crate::telemetry::Queries;
use crate::{clock, convert, explain, validate};

/// Groups of tasks that wait for others named for one job at most (IN-11).
const BLOCKED_GROUPS_MAX: usize = 20;

/// Failed tasks of each sort named for one job at most (IN-17).
const FAILED_TASKS_MAX: usize = 100;

/// Tasks that can be looked up in one call (IN-18).
const FIND_TASKS_MAX: usize = 1000;

/// Ranges of ready tasks looked at for one answer: what takes some milliseconds (IN-31). 10,000 tasks submitted together are
/// ten of them.
const READY_ENTRIES_MAX: usize = 20_000;

pub(super) struct Insight {
    pub(super) door: Arc<Door>,
    pub(super) telemetry: Arc<Queries>,
}

impl wire::InsightService for Insight {
    async fn list_runners(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::ListRunnersRequest>,
    ) -> ServiceResult<wire::ListRunnersResponse> {
        validate::slug("cluster_slug", request.cluster_slug)?;
        let runners = self.door.dispatch.runners();
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
        let waits = self.door.read(move |reader| reader.job_waits(id, BLOCKED_GROUPS_MAX)).await?;
        let waits = waits.ok_or_else(|| ConnectError::not_found(format!("job_id: there is no job {id}")))?;
        let (told, further) = explain::job(&waits, &self.door.dispatch.runners());
        Response::ok(wire::JobExplanation {
            state: convert::job_state(waits.status.state()).into(),
            queued_tasks: waits.status.counts.of(TaskState::Queued),
            waits: told.iter().map(convert::wait).collect(),
            further_tasks: further,
            ..Default::default()
        })
    }

    async fn list_queues(
        &self,
        _: RequestContext,
        _: ServiceRequest<'_, wire::ListQueuesRequest>,
    ) -> ServiceResult<wire::ListQueuesResponse> {
        let ready = self.door.read(|reader| reader.ready_tasks(READY_ENTRIES_MAX)).await?;
        let queues = explain::queues(ready.classes, &self.door.dispatch.runners());
        Response::ok(wire::ListQueuesResponse {
            queues: queues.iter().map(convert::wait).collect(),
            truncated: ready.truncated,
            handed_out_tasks: self.door.dispatch.handed_out(),
            ..Default::default()
        })
    }

    async fn describe_server(
        &self,
        _: RequestContext,
        _: ServiceRequest<'_, wire::DescribeServerRequest>,
    ) -> ServiceResult<wire::ServerDescription> {
        Response::ok(wire::ServerDescription {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at: convert::timestamp(self.door.about.started_at).into(),
            database: self.door.about.database.to_owned(),
            ..Default::default()
        })
    }

    async fn explain_task(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::ExplainTaskRequest>,
    ) -> ServiceResult<wire::TaskExplanation> {
        let id = validate::required_id("task_id", &request.task_id, TaskId::from_bytes)?;
        let waits = self.door.read(move |reader| reader.task_waits(id)).await?;
        let waits = waits.ok_or_else(|| ConnectError::not_found(format!("task_id: there is no task {id}")))?;
        let wait = explain::task(&waits, &self.door.dispatch.runners());
        Response::ok(convert::task_explanation(waits, wait.as_ref()))
    }

    async fn list_failed_tasks(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::ListFailedTasksRequest>,
    ) -> ServiceResult<wire::FailedTasks> {
        let id = validate::required_id("job_id", &request.job_id, JobId::from_bytes)?;
        let limit = match request.limit {
            0 => FAILED_TASKS_MAX,
            limit => usize::try_from(limit).unwrap_or(FAILED_TASKS_MAX).min(FAILED_TASKS_MAX),
        };
        let found = self.door.read(move |reader| reader.failed_tasks(id, limit)).await?;
        let found = found.ok_or_else(|| ConnectError::not_found(format!("job_id: there is no job {id}")))?;
        Response::ok(wire::FailedTasks {
            failed: found.failed.into_iter().map(convert::summary).collect(),
            optional: found.optional.into_iter().map(convert::summary).collect(),
            ..Default::default()
        })
    }

    async fn find_tasks(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::FindTasksRequest>,
    ) -> ServiceResult<wire::FoundTasks> {
        let ids = validate::ids("task_ids", &request.task_ids, FIND_TASKS_MAX, TaskId::from_bytes)?;
        let found = self.door.read(move |reader| reader.find_tasks(&ids)).await?;
        Response::ok(wire::FoundTasks {
            tasks: found.into_iter().map(convert::found_task).collect(),
            ..Default::default()
        })
    }

    async fn query_spans(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::QuerySpansRequest>,
    ) -> ServiceResult<wire::FoundSpans> {
        Response::ok(self.telemetry.spans(&request).await?)
    }
}
