//! The runner: asks for tasks, executes them, reports them.
//!
//! A runner has `concurrency` slots. A slot asks for a task, executes it, and reports it; the answer to a report usually
//! brings the next task, so that a slot stays in its branch of the tree (R-10, R-11). A few slots share a connection.
//! Leases are renewed over another connection by a thread of their own ([`lease`]), whatever the task code does to the
//! threads of the runtime; signals have a thread for the same reason ([`signals`]). [`floor`] knows when "run all" is over.

mod builder;
pub(crate) mod execute;
mod floor;
mod lease;
mod signals;
mod slot;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use boxwood_proto::connectrpc::client::SharedHttp2Connection;
use boxwood_proto::workflows::v1 as wire;
use boxwood_proto::workflows::v1::TaskServiceClient;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub use builder::RunnerBuilder;
#[cfg(feature = "testing")]
pub(crate) use builder::{Registered, registered};

use crate::cache::Backend;
use crate::state::State;
use crate::{Client, Error, TaskIdentifier};
use execute::Run;
use floor::Floor;
use lease::LeaseKeeper;

/// Executes tasks of one cluster (R-1); made by [`Runner::builder`].
///
/// It keeps up to [`concurrency`](RunnerBuilder::concurrency) tasks going at once and extends their leases (R-31) on a
/// thread of its own, so that a task may run for as long as it likes (R-34), also if it never awaits. A task that fails or
/// panics is reported and does not concern the runner (R-60); reports that cannot be sent are sent again, so that a server
/// may be restarted at any time (R-40).
///
/// ```no_run
/// # use boxwood::{Client, Execute, ExecutionContext, Runner, Task};
/// # #[derive(Task)]
/// # struct Hello;
/// # impl Execute for Hello {
/// #     async fn execute(self, _: &ExecutionContext) -> boxwood::Result { Ok(()) }
/// # }
/// # async fn example(client: Client) -> boxwood::Result {
/// let runner = Runner::builder(&client).task::<Hello>().concurrency(4).build().await?;
/// runner.run_forever().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Runner {
    shop: Arc<Shop>,
    concurrency: usize,
    signals: bool,
    /// Canceled for good by a [`ShutdownHandle`].
    shutdown: CancellationToken,
}

/// What to execute for each identifier.
pub(crate) type Tasks = HashMap<Arc<TaskIdentifier>, Run>;

/// What all slots of a runner share.
struct Shop {
    /// The connections; the slots take turns.
    services: Vec<TaskServiceClient<SharedHttp2Connection>>,
    url: String,
    cluster: Arc<str>,
    tasks: Tasks,
    /// The identifiers of `tasks` in the order of registration, as every request lists them (R-3).
    identifiers: Vec<wire::TaskIdentifier>,
    cache: Backend,
    state: Arc<State>,
    leases: LeaseKeeper,
    grace: Duration,
    retry_for: Duration,
}

impl std::fmt::Debug for Shop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let tasks: Vec<String> = self.tasks.keys().map(ToString::to_string).collect();
        f.debug_struct("Shop").field("cluster", &self.cluster).field("tasks", &tasks).finish_non_exhaustive()
    }
}

/// When a run is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// At the first idle answer when nothing of its own is being executed (R-22).
    All,
    /// When it is told to (R-23).
    Forever,
}

/// What a run has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct RunSummary {
    /// Executions that succeeded.
    pub computed: u64,
    /// Executions that failed; tasks that were retried count each time.
    pub failed: u64,
    /// Tasks that were given up because the runner was shut down, could not execute them, or had lost their leases.
    pub handed_back: u64,
}

/// The counts of a [`RunSummary`] while they grow.
#[derive(Debug, Default)]
struct Counts {
    computed: AtomicU64,
    failed: AtomicU64,
    handed_back: AtomicU64,
}

/// One run, shared by its slots.
struct Shift {
    shop: Arc<Shop>,
    mode: Mode,
    floor: Floor,
    counts: Counts,
    /// Canceled when the run is told to end, and at the latest when it has ended.
    stop: CancellationToken,
    /// When that was noticed.
    stopped_at: OnceLock<Instant>,
}

impl Runner {
    /// Starts a runner of tasks of the server that `client` speaks to.
    pub fn builder(client: &Client) -> RunnerBuilder {
        RunnerBuilder::new(client)
    }

    /// The slug of the cluster whose tasks are executed (R-2).
    pub fn cluster(&self) -> &str {
        &self.shop.cluster
    }

    /// Executes tasks until the server has none for this runner while it is executing none itself (R-22). Other runners may
    /// still be at work on the same job.
    ///
    /// # Errors
    /// As [`run_forever`](Self::run_forever), and [`Error::Unavailable`] if the server cannot be reached for longer than
    /// the client is set to try again. Tasks that fail are no errors of the runner.
    pub async fn run_all(&self) -> Result<RunSummary, Error> {
        self.run(Mode::All).await
    }

    /// Executes tasks until it is shut down: by SIGINT or SIGTERM (unless [`RunnerBuilder::signals`] says otherwise), or by
    /// a [`ShutdownHandle`] (R-23). A server that cannot be reached is waited for.
    ///
    /// # Shutdown
    /// It asks for no further task and gives those being executed a [time of grace](RunnerBuilder::grace); their code is told
    /// by [`ExecutionContext::cancellation`](crate::ExecutionContext::cancellation) (R-75). Those that need longer are
    /// abandoned at their next `.await` and handed back, so that other runners can take them at once, without using up a
    /// retry (R-65, R-68). A second signal ends the process.
    ///
    /// # Dropping the future
    /// For example in `tokio::select!`: it abandons the tasks at once, without a time of grace. They are told too, and are
    /// handed back in the background: by a thread that needs a moment, and up to 5 seconds if the server is slow. If the
    /// process ends earlier, they are queued again when their leases expire (R-35). What was being reported may have been
    /// taken or not; a task whose report was lost is executed again (T-9). A [`ShutdownHandle`] loses less.
    ///
    /// # Errors
    /// What the server refuses for good, such as an invalid key ([`Code::Unauthenticated`](crate::Code)) or a cluster that
    /// was deleted ([`Code::NotFound`](crate::Code)); the run ends as in a shutdown. [`Error::Setting`] if signals cannot be
    /// listened for. Tasks that fail are no errors of the runner, and neither are failures of the moment (`unavailable`,
    /// `resource_exhausted`, `internal`, …), after which a call is sent again, at last every 5 seconds.
    pub async fn run_forever(&self) -> Result<RunSummary, Error> {
        self.run(Mode::Forever).await
    }

    /// A handle that shuts this runner down from elsewhere.
    pub fn shutdown_handle(&self) -> ShutdownHandle {
        ShutdownHandle { shutdown: self.shutdown.clone() }
    }

    async fn run(&self, mode: Mode) -> Result<RunSummary, Error> {
        let stop = self.shutdown.child_token();
        let _listening = if self.signals { Some(signals::listen(&stop)?) } else { None };
        // Code that tasks have spawned learns of the end of the run also when this future is dropped.
        let _ended = stop.clone().drop_guard();
        let shift = Arc::new(Shift {
            shop: Arc::clone(&self.shop),
            mode,
            floor: Floor::default(),
            counts: Counts::default(),
            stop,
            stopped_at: OnceLock::new(),
        });
        let mut slots: JoinSet<Result<(), Error>> = JoinSet::new();
        for place in 0..self.concurrency {
            slots.spawn(slot::run(Arc::clone(&shift), place));
        }
        let mut outcome = Ok(());
        while let Some(ended) = slots.join_next().await {
            match ended {
                Ok(Ok(())) => (),
                Ok(Err(error)) => {
                    tracing::error!(%error, "the runner ends");
                    outcome = outcome.and(Err(error));
                    shift.stop.cancel();
                }
                Err(error) => match error.try_into_panic() {
                    Ok(panic) => std::panic::resume_unwind(panic),
                    // Slots are only canceled together with this very loop.
                    Err(_) => break,
                },
            }
        }
        outcome.map(|()| shift.counts.summary())
    }
}

impl Shift {
    fn is_stopped(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// Returns once the run is told to end.
    async fn stopped(&self) {
        self.stop.cancelled().await;
    }

    /// Returns `after` the run was told to end; never, if it is not.
    async fn stopped_for(&self, after: Duration) {
        self.stopped().await;
        let at = *self.stopped_at.get_or_init(Instant::now);
        tokio::time::sleep_until(at + after).await;
    }
}

impl Counts {
    fn summary(&self) -> RunSummary {
        RunSummary {
            computed: self.computed.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
            handed_back: self.handed_back.load(Ordering::Relaxed),
        }
    }
}

/// Shuts a [`Runner`] down; from [`Runner::shutdown_handle`]. Can be cloned and sent to other threads.
#[derive(Debug, Clone)]
pub struct ShutdownHandle {
    shutdown: CancellationToken,
}

impl ShutdownHandle {
    /// Lets the runner end gracefully, as described at [`Runner::run_forever`]. It cannot be started again.
    pub fn shutdown(&self) {
        self.shutdown.cancel();
    }
}
