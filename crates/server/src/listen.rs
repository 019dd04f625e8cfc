//! The listening socket and the connections on it.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, lookup_host};
#[cfg(unix)]
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::authority::ReadableAuthority;
use crate::calls::ConnectionCalls;
use crate::config::{Auth, Listen};
use crate::error::Error;
use crate::http::Front;
use crate::speaking;
use crate::tls::Acceptor;

/// Calls in flight on one connection at most. Each may be a runner that waits for work.
const STREAMS_MAX: u32 = 10_000;

/// Bytes of one request that may be under way. Large reports need some for speed; measuring the line instead costs pings.
const STREAM_WINDOW_BYTES: u32 = 2 << 20;

/// Bytes of all requests on one connection that may be under way.
const CONNECTION_WINDOW_BYTES: u32 = 8 << 20;

/// How long a connection may idle, or take to say what it wants. Clients keep theirs for 90 seconds.
const HEADERS_WITHIN: Duration = Duration::from_secs(120);

/// How long a new connection may take to send the first bytes, which say what it speaks.
const FIRST_BYTES_WITHIN: Duration = Duration::from_secs(30);

/// How often a silent HTTP/2 connection is asked for a sign of life, so that a runner that vanished is noticed.
const SIGN_OF_LIFE_EVERY: Duration = Duration::from_secs(20);

/// How long a TCP connection is silent before the system asks whether its peer is still there.
const SILENT_PEER_AFTER: Duration = Duration::from_secs(60);

/// Pause after a failed accept, for example because there are no file descriptors left.
const ACCEPT_AGAIN_AFTER: Duration = Duration::from_millis(50);

/// How often failed accepts are told in the log, at most.
const TELL_EVERY: Duration = Duration::from_secs(5);

/// Where a server listens, as clients write it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// Reached as `http://address`.
    Tcp(SocketAddr),
    /// Reached as `https://address`, or under a name of its certificate.
    Tls(SocketAddr),
    /// Reached as `unix:path`.
    Unix(PathBuf),
}

impl Address {
    /// The IP address, unless it is a socket file.
    pub(crate) fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Tcp(address) | Self::Tls(address) => Some(address.ip()),
            Self::Unix(_) => None,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(out, "http://{address}"),
            Self::Tls(address) => write!(out, "https://{address}"),
            Self::Unix(path) => write!(out, "unix:{}", path.display()),
        }
    }
}

/// A socket that takes connections.
pub(crate) enum Listener {
    Tcp(TcpListener, Option<Acceptor>),
    #[cfg(unix)]
    Unix(UnixListener, SocketFile),
}

/// A connection just made.
pub(crate) enum Accepted {
    Tcp(TcpStream),
    /// To be agreed on before it can be used.
    Tls(TcpStream, Acceptor),
    #[cfg(unix)]
    Unix(UnixStream),
}

/// The file of a unix socket, removed when nobody listens on it any more.
#[cfg(unix)]
pub(crate) struct SocketFile(PathBuf);

#[cfg(unix)]
impl Drop for SocketFile {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.0) {
            tracing::debug!(%error, path = %self.0.display(), "could not remove the socket file");
        }
    }
}

impl Listener {
    /// Starts to listen. Refuses addresses beyond this machine while nobody has to say who they are.
    pub(crate) async fn bind(listen: &Listen, auth: Auth, tls: Option<Acceptor>) -> Result<Self, Error> {
        let failed = |source: io::Error| Error::Listen { address: listen.to_string(), source };
        match listen {
            Listen::Tcp(address) => {
                let addresses: Vec<SocketAddr> = lookup_host(address).await.map_err(failed)?.collect();
                let beyond = addresses.iter().find(|address| !address.ip().is_loopback());
                if let (Some(beyond), Auth::OffOnLoopback) = (beyond, auth) {
                    return Err(Error::Config(format!(
                        "listening on {beyond} would let everyone who can reach this machine use the server; listen on \
                         127.0.0.1, or say --auth off if that is what you want"
                    )));
                }
                let listener = TcpListener::bind(addresses.as_slice()).await.map_err(failed)?;
                Ok(Self::Tcp(listener, tls))
            }
            Listen::Unix(_) if tls.is_some() => Err(Error::Config(
                "a certificate is of no use on a unix socket, which never leaves this machine; leave it out, or listen on \
                 host:port"
                    .into(),
            )),
            #[cfg(unix)]
            Listen::Unix(path) => {
                remove_stale(path).await.map_err(failed)?;
                let listener = UnixListener::bind(path).map_err(failed)?;
                Ok(Self::Unix(listener, SocketFile(path.clone())))
            }
            #[cfg(not(unix))]
            Listen::Unix(_) => Err(Error::Config("unix sockets are not available on this platform".into())),
        }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> io::Result<Address> {
        match self {
            Self::Tcp(listener, None) => listener.local_addr().map(Address::Tcp),
            Self::Tcp(listener, Some(_)) => listener.local_addr().map(Address::Tls),
            #[cfg(unix)]
            Self::Unix(_, file) => Ok(Address::Unix(file.0.clone())),
        }
    }

    /// The next connection. A failure concerns one connection, or passes.
    pub(crate) async fn accept(&self) -> Accepted {
        let mut told: Option<Instant> = None;
        loop {
            let accepted = match self {
                Self::Tcp(listener, tls) => listener.accept().await.map(|(stream, _)| match tls {
                    None => Accepted::Tcp(stream),
                    Some(tls) => Accepted::Tls(stream, tls.clone()),
                }),
                #[cfg(unix)]
                Self::Unix(listener, _) => listener.accept().await.map(|(stream, _)| Accepted::Unix(stream)),
            };
            match accepted {
                Ok(accepted) => return accepted,
                Err(error) => {
                    if told.is_none_or(|told| told.elapsed() >= TELL_EVERY) {
                        tracing::warn!(%error, "could not accept a connection; trying again until it works");
                        told = Some(Instant::now());
                    }
                    tokio::time::sleep(ACCEPT_AGAIN_AFTER).await;
                }
            }
        }
    }
}

/// Removes a socket file that a server left behind which ended without cleaning up.
#[cfg(unix)]
async fn remove_stale(path: &std::path::Path) -> io::Result<()> {
    use std::os::unix::fs::FileTypeExt as _;
    let kind = match std::fs::symlink_metadata(path) {
        Ok(metadata) => metadata.file_type(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if !kind.is_socket() {
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, "there is a file that is no socket; remove it first"));
    }
    match UnixStream::connect(path).await {
        Ok(_) => Err(io::Error::new(io::ErrorKind::AddrInUse, "another server listens there")),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => std::fs::remove_file(path),
        Err(error) => Err(error),
    }
}

/// The connections being served.
pub(crate) struct Connections {
    graceful: GracefulShutdown,
    /// Dropped when the server stops: connections that are not yet made do not hold it up.
    open: watch::Sender<()>,
    tasks: JoinSet<()>,
}

impl Connections {
    pub(crate) fn new() -> Self {
        Self { graceful: GracefulShutdown::new(), open: watch::Sender::new(()), tasks: JoinSet::new() }
    }

    /// Serves a connection until it ends.
    pub(crate) fn serve(&mut self, accepted: Accepted, front: Front) {
        let watcher = self.graceful.watcher();
        match accepted {
            Accepted::Tcp(stream) => {
                prepare(&stream);
                self.tasks.spawn(answer(stream, front, watcher));
            }
            Accepted::Tls(stream, tls) => {
                prepare(&stream);
                let mut open = self.open.subscribe();
                self.tasks.spawn(async move {
                    let agreed = tokio::select! {
                        agreed = tls.handshake(stream) => agreed,
                        _ = open.changed() => return,
                    };
                    match agreed {
                        Ok(stream) => answer(stream, front, watcher).await,
                        Err(error) => tracing::debug!(%error, "a client did not agree on TLS"),
                    }
                });
            }
            #[cfg(unix)]
            Accepted::Unix(stream) => {
                self.tasks.spawn(answer(ReadableAuthority::new(stream), front, watcher));
            }
        }
        while self.tasks.try_join_next().is_some() {}
    }

    /// Lets calls in progress finish, for `limit` at most.
    pub(crate) async fn finish(mut self, limit: Duration) {
        drop(self.open);
        tokio::select! {
            () = self.graceful.shutdown() => {}
            () = tokio::time::sleep(limit) => {
                tracing::warn!("some calls were still in progress after {} s and are ended", limit.as_secs());
            }
        }
        self.tasks.shutdown().await;
    }
}

/// Has answers sent at once, for they are small and waiting to fill a segment would cost 40 ms each; and has the system look
/// whether a silent peer is still there, for HTTP/1.1 has no ping.
fn prepare(stream: &TcpStream) {
    let alive = TcpKeepalive::new().with_time(SILENT_PEER_AFTER).with_interval(SIGN_OF_LIFE_EVERY);
    if let Err(error) = stream.set_nodelay(true).and_then(|()| SockRef::from(stream).set_tcp_keepalive(&alive)) {
        tracing::debug!(%error, "could not set TCP_NODELAY or SO_KEEPALIVE");
    }
}

/// Answers the requests of one connection until it ends.
async fn answer(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, front: Front, watcher: Watcher) {
    let calls = ConnectionCalls::default();
    let mut builder = Builder::new(calls.clone());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADERS_WITHIN);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .keep_alive_interval(SIGN_OF_LIFE_EVERY)
        .keep_alive_timeout(SIGN_OF_LIFE_EVERY);
    let (stream, silence) = speaking::listen(stream);
    let connection = builder.serve_connection(TokioIo::new(stream), front).into_owned();
    tokio::select! {
        ended = calls.beside(watcher.watch(connection)) => {
            if let Err(error) = ended {
                tracing::debug!(%error, "a connection ended");
            }
        }
        () = silence.lasts(FIRST_BYTES_WITHIN) => tracing::debug!("a connection said nothing and is ended"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn n_25_the_system_looks_after_silent_peers_of_tcp() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let _peer = TcpStream::connect(listener.local_addr().expect("bound")).await.expect("a connection");
        let (stream, _) = listener.accept().await.expect("accepted");
        prepare(&stream);
        assert!(SockRef::from(&stream).keepalive().expect("a socket"));
        assert!(stream.nodelay().expect("a socket"));
    }
}
