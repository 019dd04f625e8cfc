//! What lies between a server and its database: a network that can fall silent.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// With this a server begins to listen for what other servers tell.
const LISTEN: &[u8] = b"LISTEN";

/// Passes bytes on, both ways, until it is told to keep silent.
pub(crate) struct Proxy {
    database: String,
    silent: watch::Sender<bool>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    /// Stands before a database. A `deaf` one falls silent on the connection on which a server begins to listen.
    pub(crate) async fn before(database: &str, deaf: bool) -> Self {
        let port = |word: &str| word.strip_prefix("port=").map(str::to_owned);
        let port = database.split(' ').find_map(port).expect("an address names its port");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let own = listener.local_addr().expect("it is bound").port();
        let behind = database.replace(&format!("port={port}"), &format!("port={own}"));
        let silent = watch::Sender::new(false);
        let watched = silent.subscribe();
        let accepting = tokio::spawn(async move {
            while let Ok((server, _)) = listener.accept().await {
                tokio::spawn(connection(server, format!("127.0.0.1:{port}"), watched.clone(), deaf));
            }
        });
        Self { database: behind, silent, accepting }
    }

    /// Where the database is, for those who are to reach it this way.
    pub(crate) fn database(&self) -> &str {
        &self.database
    }

    /// Keeps everything back without closing anything, also new connections; or passes on what was kept back, and goes on.
    pub(crate) fn keep_silent(&self, silent: bool) {
        self.silent.send_replace(silent);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn connection(server: TcpStream, database: String, mut silent: watch::Receiver<bool>, deaf: bool) {
    // An error means that the proxy, or one of the two, is gone.
    let _ = silent.wait_for(|silent| !silent).await;
    let Ok(database) = TcpStream::connect(database).await else { return };
    let _ = (server.set_nodelay(true), database.set_nodelay(true));
    let ((from_server, to_server), (from_database, to_database)) = (server.into_split(), database.into_split());
    let own = watch::Sender::new(false);
    let back = pass(from_database, to_server, silent.clone(), own.subscribe(), |_| false);
    let forth = pass(from_server, to_database, silent, own.subscribe(), |bytes| {
        deaf && bytes.windows(LISTEN.len()).any(|window| window == LISTEN) && !own.send_replace(true)
    });
    tokio::join!(back, forth);
}

/// Passes bytes on in one direction until its source ends; not those for which `keep` holds, nor any while it is silent.
async fn pass(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut silent: watch::Receiver<bool>,
    mut own: watch::Receiver<bool>,
    keep: impl Fn(&[u8]) -> bool,
) {
    let mut bytes = vec![0; 64 << 10];
    while let Ok(length @ 1..) = from.read(&mut bytes).await {
        if keep(&bytes[..length]) {
            // What is silent by itself is so for ever.
            continue;
        }
        if silent.wait_for(|silent| !silent).await.is_err() || own.wait_for(|silent| !silent).await.is_err() {
            return;
        }
        if to.write_all(&bytes[..length]).await.is_err() {
            return;
        }
    }
    // One that has ended in silence ends for the other side when bytes pass again.
    let _ = silent.wait_for(|silent| !silent).await;
}
