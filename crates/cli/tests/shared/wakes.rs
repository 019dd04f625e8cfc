//! A request for work that is held at one server, and a submission at another.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use boxwood_server::{Config, DatabaseAddress, Listen, Server};

use crate::calls::{One, PATIENCE};
use crate::load::task_of;
use crate::proxy::Proxy;
use crate::recount::Rows;

/// Longer than any of these tests.
const NEVER: Duration = Duration::from_secs(3_600);

/// A server in this process; a held request looks for work by itself after `look_again`.
async fn start(database: &str, look_again: Duration) -> (Server, One) {
    let mut config = Config::new("127.0.0.1:0".parse::<Listen>().expect("an address"), "");
    config.database = Some(DatabaseAddress::parse(database).expect("an address"));
    config.idle.look_again = look_again;
    let server = Server::start(config).await.expect("it starts");
    let one = One::at(&server.url());
    (server, one)
}

/// Waits until so many servers listen for news of others, as what they said last on a connection tells.
async fn listen(rows: &Rows, servers: i64) {
    let sql = "SELECT count(*) FROM pg_stat_activity
         WHERE datname = current_database() AND pid <> pg_backend_pid()
         AND query ~ 'LISTEN|pg_backend_pid|pg_notify'";
    rows.until("servers listen", sql, |count| count == servers).await;
}

/// Waits until a runner waits at a server.
async fn is_waited_at(server: &Server) {
    let url = server.url();
    let address = url.strip_prefix("http://").expect("clear text");
    let mut page = String::new();
    while !page.contains("\nboxwood_waiting_runners 1\n") {
        let mut stream = TcpStream::connect(address).await.expect("a connection");
        let question = b"GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
        stream.write_all(question).await.expect("written");
        page.clear();
        stream.read_to_string(&mut page).await.expect("an answer");
    }
}

/// Has a request held at `here`, and a job submitted at `there`; the request is answered with its task.
async fn wakes(here: &(Server, One), there: &One) {
    let (server, here) = here;
    let cluster = here.cluster().await.expect("a default cluster");
    let held = here.held(&cluster);
    let submitted = async {
        is_waited_at(server).await;
        there.submit(&[0]).await.expect("submitted")
    };
    let both = async { tokio::join!(held, submitted) };
    let (answer, _) = tokio::time::timeout(PATIENCE, both).await.expect("in time");
    let (task, _) = task_of(&answer.expect("an answer")).expect("a task, as there is one");
    here.next(&cluster, Some((&task, Vec::new()))).await.expect("reported");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r_24_a_held_request_is_woken_by_a_submission_at_another_server() {
    let Some(database) = boxwood_testkit::postgres::database() else { return };
    let here = start(&database, NEVER).await;
    let there = start(&database, NEVER).await;
    let rows = Rows::of(&database).await;
    listen(&rows, 2).await;
    wakes(&here, &there.1).await;
    wakes(&there, &here.1).await;
    // Also when the connections on which they listen were lost.
    let sql = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
         WHERE datname = current_database() AND pid <> pg_backend_pid()";
    assert!(rows.number(sql).await >= 2);
    listen(&rows, 2).await;
    wakes(&here, &there.1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r_24_a_held_request_at_a_server_that_hears_nothing_of_others_finds_work_by_itself() {
    let Some(database) = boxwood_testkit::postgres::database() else { return };
    let proxy = Proxy::before(&database, true).await;
    let here = start(proxy.database(), Config::new(Listen::Tcp(String::new()), "").idle.look_again).await;
    let (_there, there) = start(&database, NEVER).await;
    let rows = Rows::of(&database).await;
    listen(&rows, 1).await;
    wakes(&here, &there).await;
}
