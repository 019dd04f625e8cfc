//! A database that is restarted, killed, out of reach or full.

use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::time::Duration;

use boxwood_testkit::postgres::{Server as Postgres, Setup};

use crate::calls::database_is_away;
use crate::cluster::Server;
use crate::load::Load;
use crate::proxy::Proxy;
use crate::recount::Rows;

const SERVERS: usize = 2;

/// How often it is looked whether a database has ended.
const LOOK_AFTER: Duration = Duration::from_secs(1);

fn start(dir: &Path, database: &str) -> (Vec<Server>, Vec<PathBuf>) {
    let servers: Vec<_> = (0..SERVERS).map(|number| Server::start(dir, number, database)).collect();
    let sockets = sockets(&servers);
    (servers, sockets)
}

fn sockets(servers: &[Server]) -> Vec<PathBuf> {
    servers.iter().map(|server| server.socket().to_owned()).collect()
}

/// Waits until calls at some servers have failed.
async fn noticed(load: &Load, servers: Range<usize>) {
    let failures = |load: &Load| load.failures()[servers.clone()].to_vec();
    let before = failures(load);
    load.until("servers say that the database is away", |load| {
        failures(load).iter().zip(&before).all(|(now, before)| now > before)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_live_through_the_end_of_their_database_and_lose_nothing() {
    // What is acknowledged is on disk, whatever the database does by default.
    let setup = Setup { settings: vec!["synchronous_commit=off".into()], ..Setup::default() };
    let Some(mut postgres) = Postgres::new(&setup) else { return };
    let database = postgres.database();
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (mut servers, sockets) = start(dir.path(), &database);
    let load = Load::start(sockets, database_is_away).await;
    for end in [Postgres::stop, Postgres::kill, Postgres::stop, Postgres::kill] {
        load.answers(150).await;
        end(&mut postgres);
        noticed(&load, 0..SERVERS).await;
        postgres.start();
    }
    load.answers(100).await;
    let told = load.finish().await;
    Rows::of(&database).await.add_up().await;
    println!("{} jobs, {} tasks acknowledged; errors: {:#?}", told.jobs.len(), told.computed.len(), told.errors);
    servers.iter_mut().for_each(Server::stop);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_whose_connections_fall_silent_says_so_and_comes_back_while_another_goes_on() {
    let Some(database) = boxwood_testkit::postgres::database() else { return };
    let dir = tempfile::tempdir().expect("a temporary folder");
    let proxy = Proxy::before(&database, false).await;
    let mut servers = vec![Server::start(dir.path(), 0, proxy.database()), Server::start(dir.path(), 1, &database)];
    let load = Load::start(sockets(&servers), database_is_away).await;
    load.answers(100).await;
    proxy.keep_silent(true);
    noticed(&load, 0..1).await;
    // What was kept back arrives late, on connections that the server has given up.
    proxy.keep_silent(false);
    load.answers(200).await;
    let told = load.finish().await;
    Rows::of(&database).await.add_up().await;
    assert!(told.errors.keys().any(|error| error.contains("no answer within")), "{:#?}", told.errors);
    println!("{} jobs, {} tasks acknowledged; errors: {:#?}", told.jobs.len(), told.computed.len(), told.errors);
    servers.iter_mut().for_each(Server::stop);
}

/// Writes a file until nothing more fits.
fn fill(file: &Path) {
    let mut file = File::create(file).expect("a file");
    let bytes = vec![1; 64 << 10];
    let full = loop {
        if let Err(error) = file.write_all(&bytes) {
            break error;
        }
    };
    assert_eq!(full.kind(), ErrorKind::StorageFull);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_live_through_a_full_disk_of_their_database_and_go_on_when_there_is_room() {
    if !Postgres::may_mount() {
        eprintln!("LEFT OUT: full disk of the database: no file system can be mounted in a name space of its own");
        assert!(std::env::var_os("CI").is_none(), "it must run here");
        return;
    }
    // Little of the log is kept, so that it is the tables that do not fit.
    let settings = ["min_wal_size=2MB", "max_wal_size=8MB"].map(String::from).to_vec();
    let Some(mut postgres) = Postgres::new(&Setup { disk: Some(100), settings, ..Setup::default() }) else { return };
    let database = postgres.database();
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (mut servers, sockets) = start(dir.path(), &database);
    let load = Load::start(sockets, database_is_away).await;
    load.answers(100).await;
    let ballast = postgres.disk().expect("it has one").join("ballast");
    fill(&ballast);
    noticed(&load, 0..SERVERS).await;
    std::fs::remove_file(&ballast).expect("it is there");
    {
        let mut again = pin!(load.answers(200));
        while tokio::time::timeout(LOOK_AFTER, again.as_mut()).await.is_err() {
            // It ends by itself if it cannot write its log: then whoever looks after it starts it again.
            if !postgres.runs() {
                postgres.start();
            }
        }
    }
    let told = load.finish().await;
    Rows::of(&database).await.add_up().await;
    println!("{} jobs, {} tasks acknowledged; errors: {:#?}", told.jobs.len(), told.computed.len(), told.errors);
    assert!(told.errors.keys().any(|error| error.contains("No space left on device")), "{:#?}", told.errors);
    servers.iter_mut().for_each(Server::stop);
}
