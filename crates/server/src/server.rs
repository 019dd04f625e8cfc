//! A running server: from an empty process to an answering one, and back.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use boxwood_engine::{JobId, Settings};
use boxwood_proto::connectrpc::{CompressionRegistry, ConnectRpcService, GzipProvider, Limits, Router};
use boxwood_store::{Lane, LaneOptions, Reader, postgres, sqlite};
use rustls::pki_types::UnixTime;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::config::{Auth, Config};
use crate::console;
use crate::direct::Direct;
use crate::dispatch::Dispatch;
use crate::door::{self, About, Door};
use crate::error::Error;
use crate::hosts::Hosts;
use crate::http::{Front, Served};
use crate::listen::{Address, Connections, Listener};
use crate::live::{self, Live};
use crate::metrics::{Calls, Counting};
use crate::pages::{self, Facts};
use crate::telemetry::Telemetry;
use crate::tls::Acceptor;
use crate::{clock, rpc};

/// How often leases are looked at (S-41 asks for 5 seconds at most).
const TICK_EVERY: Duration = Duration::from_secs(1);

/// How long after the start no lease is ended, so that runners can reach the server again first (S-42).
const LEASE_GRACE: Duration = Duration::from_secs(5);

/// Bytes of memory that the elements of one message may take for each byte of the largest message. An element is larger
/// in memory than on the wire.
const ELEMENT_MEMORY_FACTOR: usize = 4;

/// A server in this process.
///
/// It serves until [`Server::stop`] is called, the value is dropped, or its database fails.
pub struct Server {
    address: Address,
    stop: Option<oneshot::Sender<()>>,
    running: JoinHandle<Result<(), Error>>,
}

impl Server {
    /// Starts a server. When this returns it answers calls.
    ///
    /// # Errors
    /// [`Error::Config`] and [`Error::Listen`] if it cannot listen as asked, or not with that certificate; [`Error::Store`] if its database cannot be
    /// used, for example because another server has it open.
    pub async fn start(mut config: Config) -> Result<Self, Error> {
        let tls = config.tls.as_ref().map(|files| Acceptor::load(files, UnixTime::now())).transpose()?;
        config.host_names.extend(tls.iter().flat_map(Acceptor::names).cloned());
        // Connections made while the database opens wait instead of being refused.
        let listener = Listener::bind(&config.listen, config.auth, tls).await?;
        let address =
            listener.address().map_err(|source| Error::Listen { address: config.listen.to_string(), source })?;
        let dispatch = Arc::new(Dispatch::new(config.idle.clone(), config.database.is_some()));
        let live = Arc::new(Live::new());
        let store = Store::open(&config, dispatch.clone(), live.clone()).await?;
        door::ensure_default_cluster(&store.lane, &store.reader).await?;
        let (stop, stopped) = oneshot::channel();
        let running = tokio::spawn(run(config, listener, address.clone(), dispatch, live, store, stopped));
        Ok(Self { address, stop: Some(stop), running })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The address as clients write it, for example `http://127.0.0.1:8080`, or `https://127.0.0.1:8080` with a certificate.
    #[must_use]
    pub fn url(&self) -> String {
        self.address.to_string()
    }

    /// Waits until the server has ended by itself.
    ///
    /// # Errors
    /// Why it ended.
    pub async fn ended(&mut self) -> Result<(), Error> {
        match (&mut self.running).await {
            Ok(result) => result,
            Err(error) => Err(Error::Config(format!("the server ended unexpectedly: {error}"))),
        }
    }

    /// Stops it: runners that wait are told to come back later, calls in progress finish, then the database is closed.
    ///
    /// # Errors
    /// If the database failed before or meanwhile.
    pub async fn stop(mut self) -> Result<(), Error> {
        if let Some(stop) = self.stop.take() {
            // A server that has ended by itself says why below.
            let _ = stop.send(());
        }
        self.ended().await
    }
}

/// Serves until `shutdown` is ready. `ready` is called with the address once calls are answered.
///
/// # Errors
/// As [`Server::start`]; [`Error::Store`] also if the database fails while serving. Starting again is the recovery then.
pub async fn serve(
    config: Config,
    shutdown: impl Future<Output = ()>,
    ready: impl FnOnce(&Address),
) -> Result<(), Error> {
    let mut server = Server::start(config).await?;
    ready(server.address());
    tokio::select! {
        () = shutdown => server.stop().await,
        ended = server.ended() => ended,
    }
}

/// The open database.
struct Store {
    lane: Lane,
    lane_end: oneshot::Receiver<Result<(), boxwood_store::Error>>,
    reader: Arc<dyn Reader>,
    telemetry: Telemetry,
}

impl Store {
    async fn open(config: &Config, dispatch: Arc<Dispatch>, live: Arc<Live>) -> Result<Self, Error> {
        let dir = config.data_dir.clone();
        let rules = config.rules.clone();
        let kept = config.telemetry.clone();
        let shared = config.database.clone();
        let opened = tokio::task::spawn_blocking(move || {
            if let Some(address) = shared {
                return Self::open_shared(address, rules, kept, dispatch, live);
            }
            let database = sqlite::Database::open(&dir)?;
            let reader = database.reader();
            let telemetry = Telemetry::open(&dir, kept, reader.clone())?;
            let woken = move |wakes: &[boxwood_store::Wake], changed: &[JobId]| {
                dispatch.ready(wakes);
                live.changed(changed);
            };
            let (lane, lane_end) = Lane::start(database.backend(), rules, LaneOptions::default(), woken)?;
            Ok(Self { lane, lane_end, reader, telemetry })
        });
        match opened.await {
            Ok(store) => store,
            Err(error) => Err(Error::Config(format!("could not open the database: {error}"))),
        }
    }

    /// A database that other servers share: what becomes ready here is told to them, and what becomes ready there wakes
    /// runners that wait here.
    fn open_shared(
        address: postgres::Address,
        rules: Settings,
        kept: boxwood_store::telemetry::Options,
        dispatch: Arc<Dispatch>,
        live: Arc<Live>,
    ) -> Result<Self, Error> {
        let database = postgres::Database::open(address)?;
        tracing::info!(database = %database.address(), "jobs and tasks are in a database that other servers may share");
        let reader = database.reader();
        let telemetry = Telemetry::on_postgres(&database, kept, reader.clone())?;
        let others = dispatch.clone();
        let news = database.news(move |wakes| others.ready(wakes))?;
        let woken = move |wakes: &[boxwood_store::Wake], changed: &[JobId]| {
            dispatch.ready(wakes);
            if !wakes.is_empty() {
                news.tell(wakes);
            }
            live.changed(changed);
        };
        let (lane, lane_end) = Lane::start(database.backend(), rules, LaneOptions::default(), woken)?;
        Ok(Self { lane, lane_end, reader, telemetry })
    }
}

async fn run(
    config: Config,
    listener: Listener,
    address: Address,
    dispatch: Arc<Dispatch>,
    live: Arc<Live>,
    store: Store,
    stopped: oneshot::Receiver<()>,
) -> Result<(), Error> {
    let Store { lane, mut lane_end, reader, telemetry } = store;
    let door = Arc::new(Door {
        lane: lane.clone(),
        reader: reader.clone(),
        dispatch: dispatch.clone(),
        live: live.clone(),
        about: About::now(if config.database.is_some() { "PostgreSQL" } else { "SQLite" }),
        visualized_tasks_max: config.visualized_tasks_max,
    });
    let (router, health) = rpc::router(&door, &telemetry);
    // Pages in a browser cannot reach a socket file, so there is nothing to check.
    let secure = matches!(address, Address::Tls(_));
    let hosts = match config.auth {
        Auth::OffOnLoopback | Auth::Off => address.ip().map(|ip| Hosts::new(Some(ip), &config.host_names, secure)),
    };
    let (front, facts) = front(&config, hosts, router, &door, &telemetry);
    drop(door);
    let ticker = tokio::spawn(tick(lane.clone(), dispatch.clone()));
    let looking = config.database.is_some().then(|| tokio::spawn(live::look_for_others(live.clone(), reader)));
    let mut connections = Connections::new();
    let failed = accept(&listener, &mut connections, &front, &mut lane_end, stopped).await;

    drop(listener);
    facts.ready.store(false, Ordering::Relaxed);
    health.shutdown();
    dispatch.stop();
    live.end();
    ticker.abort();
    if let Some(looking) = looking {
        looking.abort();
    }
    drop(front);
    let limit = if failed.is_some() { Duration::ZERO } else { config.stop_wait_max };
    connections.finish(limit).await;
    telemetry.close().await;
    if let Some(error) = failed {
        return Err(error);
    }
    lane.stop().await;
    drop(lane);
    ended(lane_end.await)
}

/// Serves connections until the server is told to stop, or the lane ends, which answers why.
async fn accept(
    listener: &Listener,
    connections: &mut Connections,
    front: &Front,
    lane_end: &mut oneshot::Receiver<Result<(), boxwood_store::Error>>,
    mut stopped: oneshot::Receiver<()>,
) -> Option<Error> {
    loop {
        tokio::select! {
            accepted = listener.accept() => connections.serve(accepted, front.clone()),
            // A server whose owner is gone stops too.
            _ = &mut stopped => return None,
            end = &mut *lane_end => {
                let error = ended(end).err();
                return Some(error.unwrap_or_else(|| {
                    Error::Store(boxwood_store::Error::Unavailable("the writer stopped by itself".into()))
                }));
            }
        }
    }
}

fn ended(end: Result<Result<(), boxwood_store::Error>, oneshot::error::RecvError>) -> Result<(), Error> {
    match end {
        Ok(result) => result.map_err(Error::Store),
        Err(_) => Err(Error::Store(boxwood_store::Error::Corrupt("the writer ended in a panic; see the log".into()))),
    }
}

/// What answers requests, and what its pages tell about.
pub(crate) fn front(
    config: &Config,
    hosts: Option<Hosts>,
    router: Router,
    door: &Arc<Door>,
    telemetry: &Telemetry,
) -> (Front, Arc<Facts>) {
    let calls = Arc::new(Calls::new(router.methods()));
    let facts = Arc::new(Facts {
        calls: calls.clone(),
        dispatch: door.dispatch.clone(),
        live: door.live.clone(),
        ready: AtomicBool::new(true),
    });
    let limits = Limits::default()
        .with_max_request_body_size(config.message_bytes_max)
        .with_max_message_size(config.message_bytes_max)
        .with_element_memory_limit(config.message_bytes_max.saturating_mul(ELEMENT_MEMORY_FACTOR));
    let compression = CompressionRegistry::new().register(GzipProvider::new());
    let rpc = ConnectRpcService::new(router)
        .with_limits(limits)
        .with_compression(compression.clone())
        .with_interceptor(Counting(calls.clone()));
    let pages = pages::router(facts.clone()).merge(telemetry.router());
    let pages = pages.merge(live::router(door.clone())).merge(console::router());
    let direct = Direct::new(door.clone(), compression);
    (Front(Arc::new(Served { rpc, pages, hosts, calls, direct })), facts)
}

/// Ends leases that have run out (S-40, S-41).
async fn tick(lane: Lane, dispatch: Arc<Dispatch>) {
    let mut every = tokio::time::interval_at(tokio::time::Instant::now() + LEASE_GRACE, TICK_EVERY);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        dispatch.tidy();
        match lane.tick(clock::now()).await {
            Ok(0) => {}
            Ok(expired) => tracing::info!(expired, "leases ran out"),
            // The lane has ended; the server is about to.
            Err(_) => return,
        }
    }
}
