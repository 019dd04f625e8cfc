//! The runner: asks for tasks, executes them, reports them.
//!
//! A runner has `concurrency` slots. A slot asks for a task, executes it, and reports it; the answer to a report usually
//! brings the next task, so that a slot stays in its branch of the tree (R-10, R-11). The slots share one connection.
//! Leases are renewed over another connection by a thread of their own ([`lease`]), whatever the task code does to the
//! threads of the runtime. [`floor`] knows when "run all" is over.

mod builder;
pub(crate) mod execute;
mod floor;
mod lease;
mod signals;
mod slot;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use boxwood_proto::connectrpc::client::SharedHttp2Connection;
use boxwood_proto::workflows::v1 as wire;
use boxwood_proto::workflows::v1::TaskServiceClient;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

pub use builder::RunnerBuilder;

use crate::cache::Backend;
use crate::{Client, Error, TaskIdentifier};
use execute::Run;
use floor::Floor;
use lease::LeaseKeeper;
use signals::Signals;

/// Executes tasks of one cluster.
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
    shutdown: watch::Sender<bool>,
}

/// What all slots of a runner share.
struct Shop {
    service: TaskServiceClient<SharedHttp2Connection>,
    url: String,
    cluster: String,
    tasks: HashMap<TaskIdentifier, Run>,
    /// The identifiers of `tasks` in the order of registration, as every request lists them (R-3).
    identifiers: Vec<wire::TaskIdentifier>,
    cache: Backend,
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
    /// Tasks that were given up because the runner was shut down, or could not execute them.
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
    /// When the run was told to end.
    stopped: watch::Sender<Option<Instant>>,
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
    /// On shutdown it asks for no further task and gives those being executed a time of grace; those that need longer
    /// are abandoned and handed back, so that other runners can take them at once (R-63, R-65). A second signal ends the
    /// process.
    ///
    /// Dropping the future abandons the tasks without handing them back; they are queued again when their leases expire
    /// (R-35).
    ///
    /// # Errors
    /// What the server refuses for good: an invalid key, or a cluster that was deleted.
    pub async fn run_forever(&self) -> Result<RunSummary, Error> {
        self.run(Mode::Forever).await
    }

    /// A handle that shuts this runner down from elsewhere.
    pub fn shutdown_handle(&self) -> ShutdownHandle {
        ShutdownHandle { shutdown: self.shutdown.clone() }
    }

    async fn run(&self, mode: Mode) -> Result<RunSummary, Error> {
        let mut signals = Signals::listen(self.signals)?;
        let mut shutdown = self.shutdown.subscribe();
        let shift = Arc::new(Shift {
            shop: Arc::clone(&self.shop),
            mode,
            floor: Floor::default(),
            counts: Counts::default(),
            stopped: watch::Sender::new(None),
        });
        let mut slots: JoinSet<Result<(), Error>> = JoinSet::new();
        if !*shutdown.borrow() {
            for _ in 0..self.concurrency {
                slots.spawn(slot::run(Arc::clone(&shift)));
            }
        }
        let mut outcome = Ok(());
        loop {
            let stopping = shift.stopped.borrow().is_some();
            tokio::select! {
                ended = slots.join_next() => match ended {
                    None => break,
                    Some(Ok(Ok(()))) => (),
                    Some(Ok(Err(error))) => {
                        tracing::error!(%error, "the runner ends");
                        outcome = outcome.and(Err(error));
                        shift.stop();
                    }
                    Some(Err(error)) => match error.try_into_panic() {
                        Ok(panic) => std::panic::resume_unwind(panic),
                        // Slots are only canceled together with this very loop.
                        Err(_) => break,
                    },
                },
                _ = shutdown.wait_for(|on| *on), if !stopping => shift.stop(),
                signal = signals.next() => {
                    if stopping {
                        tracing::warn!("{signal} again: ending at once");
                        std::process::exit(signal.exit_status());
                    }
                    tracing::info!("{signal}: no further tasks are asked for");
                    shift.stop();
                }
            }
        }
        outcome.map(|()| shift.counts.summary())
    }
}

impl Shift {
    /// Tells the slots to ask for no further task.
    fn stop(&self) {
        self.stopped.send_if_modified(|at| {
            let first = at.is_none();
            at.get_or_insert_with(Instant::now);
            first
        });
    }

    fn is_stopped(&self) -> bool {
        self.stopped.borrow().is_some()
    }

    /// Returns `after` the run was told to end; never, if it is not.
    async fn stopped_for(&self, after: Duration) {
        let mut stopped = self.stopped.subscribe();
        // It cannot fail: the sender is a part of `self`.
        let at = stopped.wait_for(Option::is_some).await.ok().and_then(|at| *at);
        tokio::time::sleep_until(at.unwrap_or_else(Instant::now) + after).await;
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
    shutdown: watch::Sender<bool>,
}

impl ShutdownHandle {
    /// Lets the runner end gracefully, as described at [`Runner::run_forever`]. It cannot be started again.
    pub fn shutdown(&self) {
        self.shutdown.send_replace(true);
    }
}
