//! The terminal while `boxwood top` has it: a screen of its own, keys without Return, and everything as it was at the end.

use std::io::{IsTerminal as _, Read as _, Write as _};

use tokio::sync::mpsc;

use crate::Failure;
use crate::output::Output;

/// Switches to a second screen and hides the cursor; and back.
const ENTER: &str = "\x1b[?1049h\x1b[?25l";
const LEAVE: &str = "\x1b[?7h\x1b[?25h\x1b[?1049l";

/// Ctrl-C as a key, where the terminal sends no signal for it.
const CTRL_C: u8 = 3;

/// A screen of its own. It gives back what was there before when it is dropped.
pub(super) struct Alternate {
    keys: mpsc::UnboundedReceiver<u8>,
    #[cfg(unix)]
    modes: Option<rustix::termios::Termios>,
}

impl Alternate {
    /// Takes the terminal.
    pub(super) fn enter(output: Output) -> Result<Self, Failure> {
        let keyboard = std::io::stdin().is_terminal();
        let screen = Self {
            #[cfg(unix)]
            modes: if keyboard { keys_at_once() } else { None },
            keys: if keyboard { read_keys() } else { mpsc::unbounded_channel().1 },
        };
        output.data(ENTER)?;
        Ok(screen)
    }

    /// Ready when the user wants to leave: q, Ctrl-C, or the terminal is gone.
    pub(super) async fn left(&mut self) {
        loop {
            match self.keys.recv().await {
                Some(b'q' | b'Q' | CTRL_C) => return,
                Some(_) => (),
                // Nobody can press a key; signals are listened to elsewhere.
                None => std::future::pending().await,
            }
        }
    }

    /// Shows lines in place of those that were shown before; as many as there are rows for, cut at the right.
    pub(super) fn show(&self, output: Output, lines: &[String]) -> Result<(), Failure> {
        let rows = output.out.rows.unwrap_or(24);
        let lines: Vec<String> = lines.iter().take(rows).map(|line| format!("{line}\x1b[K")).collect();
        output.data(&format!("\x1b[?7l\x1b[H{}\x1b[J\x1b[?7h", lines.join("\r\n")))
    }
}

impl Drop for Alternate {
    fn drop(&mut self) {
        let mut out = std::io::stdout();
        // If the terminal is gone there is nothing to give back.
        let _ = out.write_all(LEAVE.as_bytes()).and_then(|()| out.flush());
        #[cfg(unix)]
        if let Some(modes) = &self.modes {
            let _ = rustix::termios::tcsetattr(std::io::stdin(), rustix::termios::OptionalActions::Now, modes);
        }
    }
}

/// Has keys arrive one by one and unseen. Answers how it was before; none if the terminal cannot do it.
#[cfg(unix)]
fn keys_at_once() -> Option<rustix::termios::Termios> {
    use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, tcgetattr, tcsetattr};
    let before = tcgetattr(std::io::stdin()).ok()?;
    let mut modes = before.clone();
    modes.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
    // Stopped by Ctrl-Z it would leave its screen to the shell.
    modes.special_codes[SpecialCodeIndex::VSUSP] = 0;
    tcsetattr(std::io::stdin(), OptionalActions::Now, &modes).ok()?;
    Some(before)
}

/// The keys that are pressed. The thread ends with the process: there is no other way out of reading a terminal.
fn read_keys() -> mpsc::UnboundedReceiver<u8> {
    let (sender, keys) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        let mut key = [0];
        while let Ok(1) = std::io::stdin().lock().read(&mut key) {
            if sender.send(key[0]).is_err() {
                return;
            }
        }
    });
    keys
}

/// Tells when the terminal has another size.
pub(super) struct Resized {
    #[cfg(unix)]
    signal: Option<tokio::signal::unix::Signal>,
}

impl Resized {
    pub(super) fn listen() -> Self {
        Self {
            #[cfg(unix)]
            signal: tokio::signal::unix::signal(tokio::signal::unix::SignalKind::window_change()).ok(),
        }
    }

    pub(super) async fn changed(&mut self) {
        #[cfg(unix)]
        if let Some(signal) = &mut self.signal
            && signal.recv().await.is_some()
        {
            return;
        }
        std::future::pending().await
    }
}
