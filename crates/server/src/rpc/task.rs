//! `TaskService`: what runners call. Its errors end runners or make them try for ever, so there are few (N-15, N-16).

use std::sync::Arc;
use std::time::Duration;

use boxwood_engine::{Command, Reply, Report, TaskId};
use boxwood_proto::connectrpc::{ConnectError, RequestContext, Response, ServiceRequest, ServiceResult};
use boxwood_proto::workflows::v1 as wire;

use crate::dispatch::{Answer, Undelivered};
use crate::door::Door;
use crate::{clock, convert, ids, validate};

/// The request metadata by which a client offers to be held until there is work, in milliseconds.
const WAIT_HEADER: &str = "boxwood-wait-ms";

pub(super) struct Tasks(pub(super) Arc<Door>);

impl wire::TaskService for Tasks {
    async fn next_task(
        &self,
        context: RequestContext,
        request: ServiceRequest<'_, wire::NextTaskRequest>,
    ) -> ServiceResult<wire::NextTaskResponse> {
        let now = clock::now();
        let ask = request.next_task_to_run.as_option().map(convert::ask).transpose()?;
        let computed = request.computed_task.as_option();
        let computed = computed.map(|computed| convert::computed_task(computed, ids::first_task(now))).transpose()?;
        if ask.is_none() && computed.is_none() {
            return Response::ok(wire::NextTaskResponse::default());
        }
        let report = Report { computed, ask, now };
        let answer = self.0.dispatch.next_task(&self.0.lane, report, offered_wait(&context)).await?;
        Response::ok(match answer {
            Answer::Stored => wire::NextTaskResponse::default(),
            Answer::Idle(wait) => wire::NextTaskResponse {
                idling: wire::IdlingResponse {
                    suggested_idling_duration: convert::duration(wait).into(),
                    ..Default::default()
                }
                .into(),
                ..Default::default()
            },
            Answer::Task(hand_out, input, guard) => {
                match context.extensions().get::<Undelivered>() {
                    Some(undelivered) => undelivered.put(guard),
                    None => guard.delivered(),
                }
                wire::NextTaskResponse { next_task: convert::handed_out(*hand_out, input).into(), ..Default::default() }
            }
        })
    }

    async fn task_failed(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::TaskFailedRequest>,
    ) -> ServiceResult<wire::TaskStateResponse> {
        let failed = convert::failed_task(&request, clock::now())?;
        match self.0.command(Command::FailTask(failed)).await? {
            Reply::TaskState(state) => {
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
        let command = Command::ExtendLease { task, requested, now: clock::now() };
        match self.0.command(command).await? {
            Reply::Lease(granted) => Response::ok(match granted {
                Some(lease) => wire::TaskLease {
                    lease: convert::duration(lease.length).into(),
                    recommended_wait_until_next_extension: convert::duration(lease.wait).into(),
                    ..Default::default()
                },
                None => wire::TaskLease::default(),
            }),
            other => Err(unexpected(&other)),
        }
    }
}

fn offered_wait(context: &RequestContext) -> Option<Duration> {
    let milliseconds = context.header(WAIT_HEADER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_millis(milliseconds))
}

/// A reply of another kind than the command has: a fault of ours.
pub(super) fn unexpected(reply: &Reply) -> ConnectError {
    tracing::error!(?reply, "a command was answered with a reply of another kind");
    ConnectError::internal("the server gave itself an answer it did not expect; its log says more")
}
