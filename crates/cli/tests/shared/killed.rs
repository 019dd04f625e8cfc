//! Servers that are killed (SIGKILL), one at random, again and again.

use std::path::PathBuf;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::calls::server_is_gone;
use crate::cluster::Server;
use crate::load::Load;
use crate::recount::Rows;

const SERVERS: usize = 3;
const KILLS: usize = 12;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_work_survives_one_of_three_servers_killed_again_and_again() {
    let Some(database) = boxwood_testkit::postgres::database() else { return };
    let seed = std::env::var("BOXWOOD_CRASH_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(7);
    println!("seed {seed}; set BOXWOOD_CRASH_SEED for another");
    let mut random = StdRng::seed_from_u64(seed);
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut servers: Vec<_> = (0..SERVERS).map(|number| Server::start(dir.path(), number, &database)).collect();
    let sockets: Vec<PathBuf> = servers.iter().map(|server| server.socket().to_owned()).collect();
    let rows = Rows::of(&database).await;
    let load = Load::start(sockets, server_is_gone).await;
    for _ in 0..KILLS {
        load.answers(random.random_range(1..200)).await;
        let mut server = servers.swap_remove(random.random_range(0..SERVERS));
        server.kill();
        rows.add_up().await;
        // The others go on without it.
        load.answers(random.random_range(1..200)).await;
        server.start_again();
        servers.push(server);
    }
    load.answers(100).await;
    let told = load.finish().await;
    rows.add_up().await;
    assert!(told.jobs.len() > KILLS, "too little happened: {} jobs", told.jobs.len());
    assert_eq!(rows.number("SELECT count(*) FROM running").await, 0);
    println!("{} jobs, {} tasks acknowledged over {KILLS} kills", told.jobs.len(), told.computed.len());
    println!("errors: {:#?}", told.errors);
    servers.iter_mut().for_each(Server::stop);
}
