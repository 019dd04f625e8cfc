//! To another database, and to a folder, while two servers are at work on the first one.

use std::path::{Path, PathBuf};

use tokio::process::Command;

use crate::calls::{One, PATIENCE, server_is_gone};
use crate::cluster::Server;
use crate::load::Load;
use crate::recount::Rows;

const SERVERS: usize = 2;

fn servers(dir: &Path, first: usize, database: &str) -> Vec<Server> {
    (first..first + SERVERS).map(|number| Server::start(dir, number, database)).collect()
}

fn sockets(servers: &[Server]) -> Vec<PathBuf> {
    servers.iter().map(|server| server.socket().to_owned()).collect()
}

async fn boxwood(words: &[&str]) {
    let ran = Command::new(env!("CARGO_BIN_EXE_boxwood")).args(words).output().await.expect("the program starts");
    assert!(ran.status.success(), "{words:?}: {}", String::from_utf8_lossy(&ran.stderr));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cli_6_a_database_exported_while_servers_work_adds_up_elsewhere_and_goes_on() {
    let Some(old) = boxwood_testkit::postgres::database() else { return };
    let new = boxwood_testkit::postgres::database().expect("there was one");
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = |name: &str| dir.path().join(name).display().to_string();
    let mut working = servers(dir.path(), 0, &old);
    let load = Load::start(sockets(&working), server_is_gone).await;
    load.answers(400).await;
    let acknowledged = load.acknowledged();
    boxwood(&["export", "--database-url", &old, "--out", &path("first")]).await;
    load.answers(100).await;
    load.finish().await;
    working.iter_mut().for_each(Server::stop);

    boxwood(&["import", &path("first"), "--database-url", &new]).await;
    let rows = Rows::of(&new).await;
    rows.add_up().await;
    boxwood(&["export", "--database-url", &new, "--out", &path("second")]).await;
    boxwood(&["import", &path("second"), "--data-dir", &path("folder")]).await;
    boxwood(&["export", "--data-dir", &path("folder"), "--out", &path("third")]).await;
    let [first, second, third] = ["first", "second", "third"].map(|name| std::fs::read(path(name)).expect("written"));
    assert!(first == second && second == third, "the files differ");

    let last = rows.number("SELECT max(key) FROM job").await;
    let mut working = servers(dir.path(), SERVERS, &new);
    let one = One::new(working[0].socket());
    for job in &acknowledged {
        one.job(job).await.expect("a job that was acknowledged before the export was begun");
    }
    let load = Load::start(sockets(&working), server_is_gone).await;
    let left = format!("SELECT count(*) FROM job_status WHERE job <= {last} AND state <> 4");
    let all_done = async {
        while rows.number(&left).await > 0 {
            load.answers(20).await;
        }
    };
    tokio::time::timeout(PATIENCE, all_done).await.expect("every job that was moved completes");
    load.finish().await;
    rows.add_up().await;
    working.iter_mut().for_each(Server::stop);
}
