//! Renewing leases, on a thread and over a connection of their own: task code that keeps every thread of the runtime
//! busy, or a report of many megabytes on the way, must not cost a lease.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use boxwood_proto::buffa_types::google::protobuf::Duration as WireDuration;
use boxwood_proto::connectrpc::client::{CallOptions, SharedHttp2Connection};
use boxwood_proto::workflows::v1 as wire;
use boxwood_proto::workflows::v1::TaskServiceClient;
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

use crate::Error;
use crate::client::{Backoff, Endpoint, duration, is_passing};
use crate::id::TaskId;

/// The shortest wait before an extension: bounds the calls if a server recommends none.
const WAIT_MIN: Duration = Duration::from_millis(100);
/// How long one extension may take before it is tried again.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// The thread that renews leases. It ends when this is dropped.
pub(super) struct LeaseKeeper {
    runtime: Handle,
    service: TaskServiceClient<SharedHttp2Connection>,
    /// Dropped to end the thread.
    _alive: oneshot::Sender<()>,
}

/// Keeps the lease of one task renewed until it is dropped.
pub(super) struct Lease {
    _held: oneshot::Sender<()>,
}

impl LeaseKeeper {
    pub(super) fn start(endpoint: &Endpoint) -> Result<Self, Error> {
        let endpoint = endpoint.clone();
        let (alive, ended) = oneshot::channel();
        let (started, start) = mpsc::sync_channel(1);
        let work = move || {
            let runtime = match Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => runtime,
                Err(error) => return drop(started.send(Err(error))),
            };
            let entered = runtime.enter();
            let (transport, config) = endpoint.connect();
            drop(entered);
            let service = TaskServiceClient::new(transport, config);
            if started.send(Ok((runtime.handle().clone(), service))).is_ok() {
                // An error too means that the keeper is gone.
                let _ = runtime.block_on(ended);
            }
        };
        let cannot =
            |error: std::io::Error| Error::setting("runner", format!("cannot start a thread for leases: {error}"));
        thread::Builder::new().name("boxwood-leases".to_owned()).spawn(work).map_err(cannot)?;
        let gone = || std::io::Error::other("it ended at once");
        let (runtime, service) = start.recv().map_err(|_| cannot(gone()))?.map_err(cannot)?;
        Ok(Self { runtime, service, _alive: alive })
    }

    /// Renews the lease of `task`, which was handed out with `lease`, until the result is dropped or the server declines.
    pub(super) fn keep(&self, task: TaskId, lease: &wire::TaskLease) -> Lease {
        let (held, released) = oneshot::channel::<()>();
        let service = self.service.clone();
        let granted = duration(lease.lease.as_option());
        let wait = duration(lease.recommended_wait_until_next_extension.as_option());
        self.runtime.spawn(async move {
            tokio::select! {
                () = renew(service, task, granted, wait) => (),
                _ = released => (),
            }
        });
        Lease { _held: held }
    }
}

/// Renews until the server declines, asking for twice what was granted last.
async fn renew(
    service: TaskServiceClient<SharedHttp2Connection>,
    task: TaskId,
    mut granted: Duration,
    mut wait: Duration,
) {
    let mut backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(5));
    loop {
        tokio::time::sleep(wait.max(WAIT_MIN)).await;
        let request = wire::TaskLeaseRequest {
            task_id: task.to_wire().into(),
            requested_lease: WireDuration::from(granted * 2).into(),
            ..Default::default()
        };
        let options = CallOptions::default().with_timeout(CALL_TIMEOUT);
        match service.extend_task_lease_with_options(request, options).await {
            Ok(answer) => {
                let answer = answer.into_owned();
                granted = duration(answer.lease.as_option());
                if granted.is_zero() {
                    // The task is reported, or was taken away; it runs on, and its report decides.
                    tracing::debug!(%task, "the lease is not renewed any more");
                    return;
                }
                wait = duration(answer.recommended_wait_until_next_extension.as_option());
                if wait.is_zero() {
                    wait = granted / 2;
                }
                backoff.reset();
            }
            Err(error) if is_passing(&error) => {
                wait = backoff.next();
                tracing::debug!(%task, %error, "the lease could not be renewed, trying again in {wait:?}");
            }
            Err(error) => {
                tracing::warn!(%task, %error, "the lease is not renewed any more; another runner may be given the task");
                return;
            }
        }
    }
}
