//! What an operator chooses.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use boxwood_engine::Settings;
use boxwood_proto::MESSAGE_BYTES_MAX;
use boxwood_store::postgres::Address;
use boxwood_store::telemetry;

/// How a server is set up. [`Config::new`] gives the documented defaults.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where it listens.
    pub listen: Listen,
    /// The certificate with which it speaks TLS; without one it speaks clear text.
    pub tls: Option<Tls>,
    /// The folder with its database; made if it does not exist.
    pub data_dir: PathBuf,
    /// The database it shares with other servers, instead of the folder.
    pub database: Option<Address>,
    /// Who may use it.
    pub auth: Auth,
    /// Further names under which clients reach it, without port. Requests for any other name are refused while there
    /// is no authentication, so that a web page cannot drive the server through a name of its own.
    pub host_names: Vec<String>,
    /// The numbers of the rules: leases, crash retries, hand-backs.
    pub rules: Settings,
    /// How long runners without work are told to wait.
    pub idle: IdleSettings,
    /// How many logs and spans are kept, and for how long.
    pub telemetry: telemetry::Options,
    /// Tasks of the largest job that is drawn (V-16).
    pub visualized_tasks_max: usize,
    /// Bytes of the largest message accepted, before and after decompression (N-7).
    pub message_bytes_max: usize,
    /// How long a stopping server waits for calls in progress.
    pub stop_wait_max: Duration,
}

impl Config {
    /// The documented defaults: loopback only, no authentication.
    #[must_use]
    pub fn new(listen: Listen, data_dir: impl Into<PathBuf>) -> Self {
        Self {
            listen,
            tls: None,
            data_dir: data_dir.into(),
            database: None,
            auth: Auth::OffOnLoopback,
            host_names: Vec::new(),
            rules: Settings::default(),
            idle: IdleSettings::default(),
            telemetry: telemetry::Options::default(),
            visualized_tasks_max: 200,
            message_bytes_max: MESSAGE_BYTES_MAX,
            stop_wait_max: Duration::from_secs(10),
        }
    }
}

/// The files of a TLS certificate. They are read when the server starts; a renewed certificate needs a restart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// PEM: the certificate of the server, then those of the authorities between it and the root, if any.
    pub certificate: PathBuf,
    /// PEM: its private key, not encrypted.
    pub key: PathBuf,
}

/// Who may use the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Auth {
    /// Everyone on this machine; listening beyond it is refused.
    #[default]
    OffOnLoopback,
    /// Everyone who can reach it, said in so many words.
    Off,
}

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// `host:port`; port 0 takes a free one.
    Tcp(String),
    /// A unix domain socket.
    Unix(PathBuf),
}

impl FromStr for Listen {
    type Err = String;

    /// Reads `host:port` or `unix:path`.
    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            return if path.is_empty() {
                Err("listen address \"unix:\" names no path; write unix:/path/of/socket".into())
            } else {
                Ok(Self::Unix(path.into()))
            };
        }
        let port = text.rsplit_once(':').map(|(_, port)| port.parse::<u16>());
        match port {
            Some(Ok(_)) => Ok(Self::Tcp(text.into())),
            _ => Err(format!("listen address {text:?} is neither host:port nor unix:path; for example 127.0.0.1:8080")),
        }
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => out.write_str(address),
            Self::Unix(path) => write!(out, "unix:{}", path.display()),
        }
    }
}

/// How long runners without work are told to wait: the server owns the polling budget.
#[derive(Clone, Debug, PartialEq)]
pub struct IdleSettings {
    /// Requests for work a second that all idle runners of one cluster together should make.
    pub requests_per_second: f64,
    /// The longest wait suggested.
    pub wait_max: Duration,
    /// The shortest wait while the cluster was busy within [`IdleSettings::busy_for`].
    pub floor_busy: Duration,
    /// The shortest wait while the cluster was busy within [`IdleSettings::warm_for`].
    pub floor_warm: Duration,
    /// The shortest wait when it was quiet for longer.
    pub floor_quiet: Duration,
    /// How long a cluster counts as busy after a task was handed out or became ready.
    pub busy_for: Duration,
    /// How long it counts as warm.
    pub warm_for: Duration,
    /// The longest time a request is held open for a client that offers to wait.
    pub held_max: Duration,
    /// How often a request that is held looks for work by itself, where several servers share a database: what became ready
    /// at another server is told to this one, but may not arrive.
    pub look_again: Duration,
    /// The wait suggested to everyone while the server stops: longer than a restart takes.
    pub stopping: Duration,
}

impl Default for IdleSettings {
    fn default() -> Self {
        Self {
            requests_per_second: 200.0,
            wait_max: Duration::from_secs(10),
            floor_busy: Duration::from_millis(10),
            floor_warm: Duration::from_millis(50),
            floor_quiet: Duration::from_millis(250),
            busy_for: Duration::from_secs(2),
            warm_for: Duration::from_secs(60),
            held_max: Duration::from_secs(30),
            look_again: Duration::from_secs(1),
            stopping: Duration::from_secs(5),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listen_addresses_are_read_and_others_refused() {
        assert_eq!("127.0.0.1:8080".parse(), Ok(Listen::Tcp("127.0.0.1:8080".into())));
        assert_eq!("[::1]:0".parse(), Ok(Listen::Tcp("[::1]:0".into())));
        assert_eq!("unix:/run/boxwood.sock".parse(), Ok(Listen::Unix("/run/boxwood.sock".into())));
        assert_eq!("unix:///run/boxwood.sock".parse(), Ok(Listen::Unix("/run/boxwood.sock".into())));
        assert_eq!("unix:boxwood.sock".parse(), Ok(Listen::Unix("boxwood.sock".into())));
        for wrong in ["", "8080", "localhost", "localhost:http", "unix:", "127.0.0.1:70000"] {
            assert!(wrong.parse::<Listen>().is_err(), "{wrong:?} must be refused");
        }
    }
}
