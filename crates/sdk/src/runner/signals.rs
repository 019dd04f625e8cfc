//! The signals that shut a runner down.

use std::fmt;

use crate::Error;

/// A signal that was received.
#[derive(Debug, Clone, Copy)]
pub(super) struct Signal {
    name: &'static str,
    number: i32,
}

impl Signal {
    const INTERRUPT: Self = Self { name: "SIGINT", number: 2 };
    #[cfg(unix)]
    const TERMINATE: Self = Self { name: "SIGTERM", number: 15 };

    /// With what a process ends that was ended by this signal, as shells report it.
    pub(super) fn exit_status(self) -> i32 {
        128 + self.number
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// Listens for signals, or for none.
pub(super) struct Signals {
    #[cfg(unix)]
    listening: Option<(tokio::signal::unix::Signal, tokio::signal::unix::Signal)>,
    #[cfg(not(unix))]
    listening: bool,
}

impl Signals {
    #[cfg(unix)]
    pub(super) fn listen(listen: bool) -> Result<Self, Error> {
        use tokio::signal::unix::{SignalKind, signal};
        let cannot =
            |error| Error::setting("signals", format!("cannot be listened for: {error}; use `.signals(false)`"));
        let both =
            || Ok((signal(SignalKind::interrupt()).map_err(cannot)?, signal(SignalKind::terminate()).map_err(cannot)?));
        Ok(Self { listening: listen.then(both).transpose()? })
    }

    #[cfg(not(unix))]
    pub(super) fn listen(listen: bool) -> Result<Self, Error> {
        Ok(Self { listening: listen })
    }

    /// The next signal.
    #[cfg(unix)]
    pub(super) async fn next(&mut self) -> Signal {
        let Some((interrupt, terminate)) = &mut self.listening else {
            return std::future::pending().await;
        };
        tokio::select! {
            Some(()) = interrupt.recv() => Signal::INTERRUPT,
            Some(()) = terminate.recv() => Signal::TERMINATE,
            else => std::future::pending().await,
        }
    }

    /// The next signal.
    #[cfg(not(unix))]
    pub(super) async fn next(&mut self) -> Signal {
        if self.listening && tokio::signal::ctrl_c().await.is_ok() {
            return Signal::INTERRUPT;
        }
        std::future::pending().await
    }
}
