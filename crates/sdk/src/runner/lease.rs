//! Renewing leases, on a thread and over a connection of their own: task code that keeps every thread of the runtime
//! busy, or a report of many megabytes on the way, must not cost a lease.
//!
//! Most tasks end long before their lease is to be extended. So holding one is a note in a table: the thread is woken when
//! something is due earlier than it had planned for, and looks around whenever it wakes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use boxwood_proto::buffa_types::google::protobuf::Duration as WireDuration;
use boxwood_proto::connectrpc::client::{CallOptions, SharedHttp2Connection};
use boxwood_proto::workflows::v1 as wire;
use boxwood_proto::workflows::v1::TaskServiceClient;
use tokio::runtime::Builder;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinSet;

use super::execute::handed_back;
use crate::Error;
use crate::cancellation::Cancellation;
use crate::client::{Backoff, Endpoint, duration, is_passing};
use crate::id::TaskId;

/// The shortest wait before an extension: bounds the calls if a server recommends none.
const WAIT_MIN: Duration = Duration::from_millis(100);
/// How long one extension may take before it is tried again.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// How soon an extension that failed for the moment is tried again at first, and how rarely at last.
const AGAIN_FIRST: Duration = Duration::from_millis(500);
const AGAIN_LAST: Duration = Duration::from_secs(5);
/// How long the thread outlives its runner to hand back what was abandoned.
const HAND_BACK_TIME: Duration = Duration::from_secs(5);

type Service = TaskServiceClient<SharedHttp2Connection>;

/// The thread that renews leases, and hands back the tasks of runs that were dropped. It ends when this is dropped.
pub(super) struct LeaseKeeper {
    desk: Arc<Desk>,
    /// Dropped to end the thread.
    _alive: oneshot::Sender<()>,
}

/// The lease of one task, kept renewed until this is gone. It ends with [`Lease::release`], or else the task is handed back.
pub(super) struct Lease {
    desk: Arc<Desk>,
    key: u64,
}

/// Where slots and the thread meet.
#[derive(Default)]
struct Desk {
    table: Mutex<Table>,
    wake: Notify,
}

#[derive(Default)]
struct Table {
    held: HashMap<u64, Held>,
    last_key: u64,
    /// When the thread will look around by itself.
    wakes_at: Option<Instant>,
    /// Tasks that were abandoned without a report.
    abandoned: Vec<TaskId>,
}

struct Held {
    task: TaskId,
    cancellation: Cancellation,
    /// The duration that was granted last.
    granted: Duration,
    /// When to extend it next; none while that is being done, or if the server declined.
    due: Option<Instant>,
    backoff: Backoff,
}

/// An extension to be asked for.
struct Due {
    key: u64,
    task: TaskId,
    granted: Duration,
}

impl LeaseKeeper {
    pub(super) fn start(endpoint: &Endpoint) -> Result<Self, Error> {
        let endpoint = endpoint.clone();
        let desk = Arc::new(Desk::default());
        let (alive, ended) = oneshot::channel();
        let (started, start) = mpsc::sync_channel(1);
        let at_desk = Arc::clone(&desk);
        let work = move || {
            let runtime = match Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => runtime,
                Err(error) => return drop(started.send(Err(error))),
            };
            if started.send(Ok(())).is_err() {
                return;
            }
            runtime.block_on(async {
                let (transport, config) = endpoint.connect();
                at_desk.serve(TaskServiceClient::new(transport, config), ended).await;
            });
        };
        let cannot =
            |error: std::io::Error| Error::setting("runner", format!("cannot start a thread for leases: {error}"));
        thread::Builder::new().name("boxwood-leases".to_owned()).spawn(work).map_err(cannot)?;
        start.recv().map_err(|_| cannot(std::io::Error::other("it ended at once")))?.map_err(cannot)?;
        Ok(Self { desk, _alive: alive })
    }

    /// Renews the lease of `task`, which was handed out with `lease` just now, until the server declines, which cancels the
    /// execution, or the result is gone.
    pub(super) fn keep(&self, task: TaskId, lease: &wire::TaskLease, cancellation: Cancellation) -> Lease {
        let due = Instant::now() + duration(lease.recommended_wait_until_next_extension.as_option()).max(WAIT_MIN);
        let held = Held {
            task,
            cancellation,
            granted: duration(lease.lease.as_option()),
            due: Some(due),
            backoff: Backoff::new(AGAIN_FIRST, AGAIN_LAST),
        };
        let mut table = self.desk.table();
        table.last_key += 1;
        let key = table.last_key;
        table.held.insert(key, held);
        if table.plan(due) {
            drop(table);
            self.desk.wake.notify_one();
        }
        Lease { desk: Arc::clone(&self.desk), key }
    }
}

impl Lease {
    /// The task was reported: there is nothing to renew, and nothing to hand back.
    pub(super) fn release(self) {
        self.desk.table().held.remove(&self.key);
        // Dropping it finds nothing to do.
    }
}

impl Drop for Lease {
    /// Whoever held it was dropped in the middle of its work: the run was, or its runtime.
    fn drop(&mut self) {
        let mut table = self.desk.table();
        let Some(held) = table.held.remove(&self.key) else { return };
        // Once the lease is lost, the task may be another runner's.
        if !held.cancellation.is_lease_lost() {
            table.abandoned.push(held.task);
            drop(table);
            self.desk.wake.notify_one();
        }
    }
}

impl Table {
    /// Plans to look around at `due`; true if the thread must be told, since it would come too late by itself.
    fn plan(&mut self, due: Instant) -> bool {
        let early = self.wakes_at.is_none_or(|at| due < at);
        if early {
            self.wakes_at = Some(due);
        }
        early
    }

    /// What is due by `now`, and plans for the rest. What was planned for tasks that have ended stays planned: else the
    /// thread would be woken for each task that comes to an empty table.
    fn take_due(&mut self, now: Instant) -> Vec<Due> {
        let mut all = Vec::new();
        if self.wakes_at.is_some_and(|at| now < at) {
            return all;
        }
        for (key, held) in &mut self.held {
            if held.due.is_some_and(|due| due <= now) {
                held.due = None;
                all.push(Due { key: *key, task: held.task, granted: held.granted });
            }
        }
        self.wakes_at = self.held.values().filter_map(|held| held.due).min();
        all
    }
}

impl Desk {
    /// Nothing that can panic is done under the lock.
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the thread does until its runner is gone.
    async fn serve(self: Arc<Self>, service: Service, mut ended: oneshot::Receiver<()>) {
        let mut extensions = JoinSet::new();
        let mut returns = JoinSet::new();
        loop {
            let (due, abandoned, wakes_at) = {
                let mut table = self.table();
                (table.take_due(Instant::now()), std::mem::take(&mut table.abandoned), table.wakes_at)
            };
            for due in due {
                extensions.spawn(Arc::clone(&self).extend(service.clone(), due));
            }
            for task in abandoned {
                returns.spawn(hand_back(service.clone(), task));
            }
            let planned = async {
                match wakes_at {
                    Some(at) => tokio::time::sleep_until(at.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = planned => (),
                () = self.wake.notified() => (),
                // After an extension the next one is planned.
                Some(_) = extensions.join_next() => (),
                Some(_) = returns.join_next() => (),
                _ = &mut ended => break,
            }
        }
        for task in std::mem::take(&mut self.table().abandoned) {
            returns.spawn(hand_back(service.clone(), task));
        }
        // What cannot be handed back in time is queued again when its lease expires.
        let _ = tokio::time::timeout(HAND_BACK_TIME, returns.join_all()).await;
    }

    /// Asks for one extension: for twice what was granted last.
    async fn extend(self: Arc<Self>, service: Service, Due { key, task, granted }: Due) {
        let request = wire::TaskLeaseRequest {
            task_id: task.to_wire().into(),
            requested_lease: WireDuration::from(granted * 2).into(),
            ..Default::default()
        };
        let options = CallOptions::default().with_timeout(CALL_TIMEOUT);
        let answer = service.extend_task_lease_with_options(request, options).await.map(|answer| answer.into_owned());
        let mut table = self.table();
        // Absent if the task has ended meanwhile.
        let Some(held) = table.held.get_mut(&key) else { return };
        let wait = match answer {
            Ok(answer) => {
                held.granted = duration(answer.lease.as_option());
                if held.granted.is_zero() {
                    tracing::warn!(%task, "the server does not extend the lease any more; the task runs on");
                    held.cancellation.lose_lease();
                    return;
                }
                let wait = duration(answer.recommended_wait_until_next_extension.as_option());
                held.backoff.reset();
                if wait.is_zero() { held.granted / 2 } else { wait }
            }
            Err(error) if is_passing(&error) => {
                let wait = held.backoff.next();
                tracing::debug!(%task, %error, "the lease could not be extended, trying again in {wait:?}");
                wait
            }
            Err(error) => {
                tracing::warn!(%task, %error, "the lease is not extended any more; the task runs on");
                held.cancellation.lose_lease();
                return;
            }
        };
        let due = Instant::now() + wait.max(WAIT_MIN);
        held.due = Some(due);
        table.plan(due);
    }
}

/// Hands a task back, if that can be done soon.
async fn hand_back(service: Service, task: TaskId) {
    let deadline = Instant::now() + HAND_BACK_TIME;
    let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(1));
    while let Some(left) = deadline.checked_duration_since(Instant::now()) {
        match service.task_failed_with_options(handed_back(task), CallOptions::default().with_timeout(left)).await {
            Err(error) if is_passing(&error) => tokio::time::sleep(backoff.next()).await,
            _ => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio_util::sync::CancellationToken;

    use super::*;

    fn keeper() -> LeaseKeeper {
        LeaseKeeper { desk: Arc::default(), _alive: oneshot::channel().0 }
    }

    fn keep(keeper: &LeaseKeeper, task: u8, wait: Duration) -> (Lease, Cancellation) {
        let lease = wire::TaskLease {
            lease: WireDuration::from(wait * 2).into(),
            recommended_wait_until_next_extension: WireDuration::from(wait).into(),
            ..Default::default()
        };
        let cancellation = Cancellation::of_run(&CancellationToken::new());
        (keeper.keep(TaskId::from_bytes([task; 16]), &lease, cancellation.clone()), cancellation)
    }

    #[test]
    fn r_31_the_thread_is_woken_only_by_what_is_due_earlier_than_planned() {
        let keeper = keeper();
        let planned = || keeper.desk.table().wakes_at;
        let first = keep(&keeper, 1, Duration::from_secs(10)).0;
        let at = planned();
        let later = keep(&keeper, 2, Duration::from_secs(20)).0;
        assert_eq!(planned(), at);
        first.release();
        assert_eq!(planned(), at, "it wakes once for nothing, and plans anew");
        assert!(keeper.desk.table().take_due(at.unwrap()).is_empty());
        assert!(planned() > at);
        let _earlier = keep(&keeper, 3, Duration::from_secs(1)).0;
        assert!(planned() < at);
        later.release();
    }

    #[test]
    fn r_31_what_is_due_is_asked_for_once() {
        let keeper = keeper();
        let (_lease, _) = keep(&keeper, 1, Duration::from_secs(10));
        let (_other, _) = keep(&keeper, 2, Duration::from_secs(20));
        let at = keeper.desk.table().wakes_at.unwrap();
        let due = keeper.desk.table().take_due(at);
        assert_eq!((due.len(), due[0].granted), (1, Duration::from_secs(20)));
        assert!(keeper.desk.table().take_due(at).is_empty());
    }

    #[test]
    fn r_68_a_lease_that_is_dropped_hands_its_task_back_unless_it_is_lost() {
        let keeper = keeper();
        let [(reported, _), (dropped, _), (lost, canceled)] =
            [1, 2, 3].map(|task| keep(&keeper, task, Duration::from_secs(10)));
        canceled.lose_lease();
        reported.release();
        drop((dropped, lost));
        let table = keeper.desk.table();
        assert_eq!((table.abandoned.as_slice(), table.held.len()), (&[TaskId::from_bytes([2; 16])][..], 0));
    }
}
