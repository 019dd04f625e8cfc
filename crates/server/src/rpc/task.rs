//! `TaskService`: what runners call. Its errors end runners or make them try for ever, so there are few (N-15, N-16).

use std::sync::Arc;
use std::time::Duration;

use boxwood_engine::{Command, Lease, Reply, Report, TaskId};
use boxwood_proto::connectrpc::{ConnectError, RequestContext, Response, ServiceRequest, ServiceResult};
use boxwood_proto::workflows::v1 as wire;
use http::header::HeaderValue;

use crate::dispatch::{Answer, HandedOut, Undelivered};
use crate::door::Door;
use crate::{clock, convert, ids, validate};

/// The request metadata by which a client offers to be held until there is work, in milliseconds.
pub(crate) const WAIT_HEADER: &str = "boxwood-wait-ms";

pub(super) struct Tasks(pub(super) Arc<Door>);

/// What a call of NextTask reports and asks for; nothing if it does neither.
pub(crate) fn report(request: &wire::NextTaskRequestView<'_>) -> Result<Option<Report>, ConnectError> {
    let now = clock::now();
    let ask = request.next_task_to_run.as_option().map(convert::ask).transpose()?;
    let computed = request.computed_task.as_option();
    let computed = computed.map(|computed| convert::computed_task(computed, ids::first_task(now))).transpose()?;
    Ok((ask.is_some() || computed.is_some()).then_some(Report { computed, ask, now }))
}

/// Answers a report. The task it hands out is put back when its guard is dropped before the answer was written.
pub(crate) async fn next_task(
    door: &Door,
    report: Option<Report>,
    wait: Option<Duration>,
) -> Result<(wire::NextTaskResponse, Option<HandedOut>), ConnectError> {
    let Some(report) = report else { return Ok(Default::default()) };
    Ok(match door.dispatch.next_task(&door.lane, report, wait).await? {
        Answer::Stored => Default::default(),
        Answer::Idle(wait) => {
            let idling = wire::IdlingResponse {
                suggested_idling_duration: convert::duration(wait).into(),
                ..Default::default()
            };
            (wire::NextTaskResponse { idling: idling.into(), ..Default::default() }, None)
        }
        Answer::Task(hand_out, input, handed_out) => {
            let next_task = convert::handed_out(*hand_out, input).into();
            (wire::NextTaskResponse { next_task, ..Default::default() }, Some(handed_out))
        }
    })
}

/// How long a client offers to be held.
pub(crate) fn offered_wait(header: Option<&HeaderValue>) -> Option<Duration> {
    header?.to_str().ok()?.parse().ok().map(Duration::from_millis)
}

impl wire::TaskService for Tasks {
    async fn next_task(
        &self,
        context: RequestContext,
        request: ServiceRequest<'_, wire::NextTaskRequest>,
    ) -> ServiceResult<wire::NextTaskResponse> {
        let wait = offered_wait(context.header(WAIT_HEADER));
        let (answer, handed_out) = next_task(&self.0, report(&request)?, wait).await?;
        if let Some(handed_out) = handed_out {
            match context.extensions().get::<Undelivered>() {
                Some(undelivered) => undelivered.put(handed_out),
                None => handed_out.delivered(),
            }
        }
        Response::ok(answer)
    }

    async fn task_failed(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::TaskFailedRequest>,
    ) -> ServiceResult<wire::TaskStateResponse> {
        let failed = convert::failed_task(&request, clock::now())?;
        let task = failed.task;
        match self.0.command(Command::FailTask(failed)).await? {
            Reply::TaskState(state) => {
                self.0.dispatch.failed(task);
                Response::ok(wire::TaskStateResponse { state: convert::task_state(state).into(), ..Default::default() })
            }
            other => Err(unexpected(&other)),
        }
    }

    async fn extend_task_lease(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::TaskLeaseRequest>,
    ) -> ServiceResult<wire::TaskLease> {
        let task = validate::required_id("task_id", &request.task_id, TaskId::from_bytes)?;
        let requested = request.requested_lease.as_option().map(convert::requested_duration).unwrap_or_default();
        let now = clock::now();
        match self.0.command(Command::ExtendLease { task, requested, now }).await? {
            Reply::Lease(granted) => Response::ok(match granted {
                Some(lease) => {
                    // Where nothing is left, the runner asks again at once, and is told whether it has lost the task.
                    self.0.dispatch.extended(task, lease.length);
                    let left = lease.left_after(clock::now().since(now)).unwrap_or(Lease::SHORTEST);
                    wire::TaskLease {
                        lease: convert::duration(left.length).into(),
                        recommended_wait_until_next_extension: convert::duration(left.wait).into(),
                        ..Default::default()
                    }
                }
                None => wire::TaskLease::default(),
            }),
            other => Err(unexpected(&other)),
        }
    }
}

/// A reply of another kind than the command has: a fault of ours.
pub(super) fn unexpected(reply: &Reply) -> ConnectError {
    tracing::error!(?reply, "a command was answered with a reply of another kind");
    ConnectError::internal("the server gave itself an answer it did not expect; its log says more")
}
