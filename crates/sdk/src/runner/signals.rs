//! The signals that shut runners down.
//!
//! They are received by one thread of the process, which stays: whatever task code does to the threads of the runtime, the
//! first signal is noticed and the second one ends the process.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;

use tokio::runtime::Builder;
use tokio_util::sync::CancellationToken;

use crate::Error;

/// The runs that end with the next signal.
static RUNS: Mutex<Runs> = Mutex::new(Runs { listening: false, next_key: 0, running: Vec::new() });

struct Runs {
    /// Whether the thread was started.
    listening: bool,
    next_key: u64,
    running: Vec<(u64, CancellationToken)>,
}

/// A signal that was received.
#[derive(Debug, Clone, Copy)]
struct Signal {
    name: &'static str,
    number: i32,
}

impl Signal {
    const INTERRUPT: Self = Self { name: "SIGINT", number: 2 };
    #[cfg(unix)]
    const TERMINATE: Self = Self { name: "SIGTERM", number: 15 };

    /// With what a process ends that was ended by this signal, as shells report it.
    fn exit_status(self) -> i32 {
        128 + self.number
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// A run that ends with the next signal, until this is dropped.
pub(super) struct Listening {
    key: u64,
}

/// Cancels `run` at the next signal.
///
/// # Errors
/// [`Error::Setting`] if the process cannot listen for signals.
pub(super) fn listen(run: &CancellationToken) -> Result<Listening, Error> {
    let mut runs = runs();
    if !runs.listening {
        start().map_err(|error| {
            Error::setting("signals", format!("cannot be listened for: {error}; use `.signals(false)`"))
        })?;
        runs.listening = true;
    }
    let key = runs.next_key;
    runs.next_key += 1;
    runs.running.push((key, run.clone()));
    Ok(Listening { key })
}

impl Drop for Listening {
    fn drop(&mut self) {
        runs().running.retain(|(key, _)| *key != self.key);
    }
}

fn runs() -> MutexGuard<'static, Runs> {
    RUNS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts the thread, and returns once it listens.
fn start() -> std::io::Result<()> {
    let (started, start) = mpsc::sync_channel(1);
    let work = move || {
        let runtime = match Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return drop(started.send(Err(error))),
        };
        runtime.block_on(async {
            let mut signals = match Signals::listen() {
                Ok(signals) => signals,
                Err(error) => return drop(started.send(Err(error))),
            };
            // Whoever starts the thread waits for this.
            let _ = started.send(Ok(()));
            loop {
                receive(signals.next().await);
            }
        });
    };
    thread::Builder::new().name("boxwood-signals".to_owned()).spawn(work)?;
    start.recv().unwrap_or_else(|_| Err(std::io::Error::other("the thread ended at once")))
}

/// Tells the runs. If there is none to tell, the process ends as if nobody had listened.
fn receive(signal: Signal) {
    // Canceling wakes tasks, which is nothing to do under the lock.
    let told: Vec<CancellationToken> = {
        let runs = runs();
        runs.running.iter().map(|(_, run)| run.clone()).filter(|run| !run.is_cancelled()).collect()
    };
    if told.is_empty() {
        tracing::warn!("{signal}: ending at once");
        std::process::exit(signal.exit_status());
    }
    tracing::info!("{signal}: no further tasks are asked for");
    told.iter().for_each(CancellationToken::cancel);
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) -> Signal {
        tokio::select! {
            Some(()) = self.interrupt.recv() => Signal::INTERRUPT,
            Some(()) = self.terminate.recv() => Signal::TERMINATE,
            else => std::future::pending().await,
        }
    }
}

#[cfg(windows)]
struct Signals {
    interrupt: tokio::signal::windows::CtrlC,
}

#[cfg(windows)]
impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self { interrupt: tokio::signal::windows::ctrl_c()? })
    }

    async fn next(&mut self) -> Signal {
        match self.interrupt.recv().await {
            Some(()) => Signal::INTERRUPT,
            None => std::future::pending().await,
        }
    }
}
