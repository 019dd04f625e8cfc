//! A database that is restarted, killed, out of reach or full.

use std::path::{Path, PathBuf};

use boxwood_testkit::postgres::{Server as Postgres, Setup};

use crate::calls::database_is_away;
use crate::cluster::Server;
use crate::load::Load;
use crate::recount::Rows;

const SERVERS: usize = 2;

fn start(dir: &Path, database: &str) -> (Vec<Server>, Vec<PathBuf>) {
    let servers: Vec<_> = (0..SERVERS).map(|number| Server::start(dir, number, database)).collect();
    let sockets = servers.iter().map(|server| server.socket().to_owned()).collect();
    (servers, sockets)
}

/// Waits until calls at every server have failed.
async fn noticed(load: &Load) {
    let before: Vec<u64> = load.failures();
    load.until("every server says that the database is away", |load| {
        load.failures().iter().zip(&before).all(|(now, before)| now > before)
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
        noticed(&load).await;
        postgres.start();
    }
    load.answers(100).await;
    let told = load.finish().await;
    Rows::of(&database).await.add_up().await;
    println!("{} jobs, {} tasks acknowledged; errors: {:#?}", told.jobs.len(), told.computed.len(), told.errors);
    servers.iter_mut().for_each(Server::stop);
}
