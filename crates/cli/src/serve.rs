//! `boxwood serve`: runs the server until it is told to stop.

use std::io::Write as _;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use std::time::Duration;

use boxwood_server::transfer::Place;
use boxwood_server::{Address, Auth, Config, Listen, Tls};
use clap::{Args, ValueEnum};

use crate::Failure;
use crate::output::Output;
use crate::place::PlaceArgs;

/// Runs the server.
#[derive(Args, Debug)]
pub(crate) struct ServeArgs {
    /// Where to listen: host:port, or unix:PATH for a socket file; port 0 takes a free one
    #[arg(long, value_name = "ADDR", env = "BOXWOOD_LISTEN", default_value = "127.0.0.1:8080")]
    listen: Listen,
    #[command(flatten)]
    place: PlaceArgs,
    /// The certificate to speak TLS with, a PEM file: the server's own first, then those up to the authority's
    #[arg(long, value_name = "FILE", env = "BOXWOOD_TLS_CERT", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The private key of the certificate, a PEM file that is not encrypted
    #[arg(long, value_name = "FILE", env = "BOXWOOD_TLS_KEY", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Who may use the server: off lets everyone who reaches it; by default that is allowed on this machine only
    #[arg(long, value_enum, env = "BOXWOOD_AUTH")]
    auth: Option<AuthArg>,
    /// A further name under which clients reach the server; may be given several times
    #[arg(long = "host-name", value_name = "NAME", env = "BOXWOOD_HOST_NAMES", value_delimiter = ',')]
    host_names: Vec<String>,
    /// Seconds a task may run before its runner must extend its lease
    #[arg(long, value_name = "SECONDS", env = "BOXWOOD_LEASE", default_value_t = 15,
          value_parser = clap::value_parser!(u64).range(2..=3600))]
    lease: u64,
    /// What to log to standard error: error, warn, info, debug, trace, or a filter such as boxwood_server=debug
    #[arg(long, value_name = "LEVEL", env = "BOXWOOD_LOG", default_value = "info")]
    log: String,
}

/// Kinds of access control.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum AuthArg {
    /// No keys are asked for
    Off,
}

/// Runs until SIGTERM or an interrupt. Prints one line on standard output once calls are answered.
pub(crate) async fn run(args: ServeArgs) -> Result<(), Failure> {
    log_to_stderr(&args.log)?;
    let mut config = match args.place.place()? {
        Place::Folder(dir) => Config::new(args.listen, dir),
        Place::Postgres(address) => {
            let mut config = Config::new(args.listen, PathBuf::new());
            config.database = Some(*address);
            config
        }
    };
    config.tls = args.tls_cert.zip(args.tls_key).map(|(certificate, key)| Tls { certificate, key });
    if let Some(AuthArg::Off) = args.auth {
        config.auth = Auth::Off;
    }
    config.host_names = args.host_names;
    config.rules.lease_first = Duration::from_secs(args.lease);
    config.rules.lease_max = config.rules.lease_max.max(config.rules.lease_first);
    let shutdown = told_to_stop()?;
    let ready = |address: &Address| {
        println!("listening on {address}");
        // Who reads the line through a pipe waits for it; nobody reading it is no reason to stop.
        let _ = std::io::stdout().flush();
        if let Some(url) = console(address) {
            tracing::info!("the console: open {url} in a browser");
        }
    };
    boxwood_server::serve(config, shutdown, ready).await.map_err(|error| Failure::Other(error.to_string()))
}

/// Where a browser on this machine finds the console; nowhere behind a socket file.
fn console(address: &Address) -> Option<String> {
    let (scheme, mut address) = match address {
        Address::Tcp(address) => ("http", *address),
        Address::Tls(address) => ("https", *address),
        Address::Unix(_) => return None,
    };
    if address.ip().is_unspecified() {
        // All addresses of the machine; this one is among them.
        address.set_ip(if address.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() });
    }
    Some(format!("{scheme}://{address}"))
}

/// Sends log lines to standard error.
pub(crate) fn log_to_stderr(filter: &str) -> Result<(), Failure> {
    let filter = tracing_subscriber::EnvFilter::try_new(filter)
        .map_err(|error| Failure::Usage(format!("--log {filter:?}: {error}; for example info")))?;
    // A file or a pipe gets no colour codes.
    let colour = Output::new(false).err.colour;
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colour).with_writer(std::io::stderr);
    subscriber.try_init().map_err(|error| Failure::Other(format!("cannot log: {error}")))
}

/// Ready when the process is asked to stop. A second request ends it at once.
pub(crate) fn told_to_stop() -> Result<impl Future<Output = ()>, Failure> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let listen = |kind| signal(kind).map_err(|error| Failure::Other(format!("cannot listen for signals: {error}")));
        let (mut interrupt, mut terminate) = (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
        Ok(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            tracing::info!("stopping; again to end at once");
            tokio::spawn(async move {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
                std::process::exit(130);
            });
        })
    }
    #[cfg(not(unix))]
    {
        Ok(async {
            // Without a signal to listen to, the process is ended by other means.
            let _ = tokio::signal::ctrl_c().await;
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_console_is_where_a_browser_reaches_it() {
        let tcp = |address: &str| console(&Address::Tcp(address.parse().unwrap()));
        assert_eq!(tcp("127.0.0.1:8080").as_deref(), Some("http://127.0.0.1:8080"));
        assert_eq!(tcp("0.0.0.0:81").as_deref(), Some("http://127.0.0.1:81"));
        assert_eq!(tcp("[::]:81").as_deref(), Some("http://[::1]:81"));
        let tls = Address::Tls("10.0.0.7:8443".parse().unwrap());
        assert_eq!(console(&tls).as_deref(), Some("https://10.0.0.7:8443"));
        assert_eq!(console(&Address::Unix("boxwood.sock".into())), None);
    }
}
