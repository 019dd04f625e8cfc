//! A page that listens at one server to what is committed at another.

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::TcpStream;

use boxwood_server::{Config, DatabaseAddress, Listen, Server};

use crate::calls::{One, PATIENCE};
use crate::load::task_of;

async fn start(database: &str) -> (Server, One) {
    let mut config = Config::new("127.0.0.1:0".parse::<Listen>().expect("an address"), "");
    config.database = Some(DatabaseAddress::parse(database).expect("an address"));
    let server = Server::start(config).await.expect("it starts");
    let one = One::at(&server.url());
    (server, one)
}

/// Opens a stream; when this returns, it is listened.
async fn open(server: &Server, path: &str) -> Lines<BufReader<TcpStream>> {
    let url = server.url();
    let address = url.strip_prefix("http://").expect("clear text");
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let question = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n");
    stream.write_all(question.as_bytes()).await.expect("written");
    let mut lines = BufReader::new(stream).lines();
    until(&mut lines, ": listening").await;
    lines
}

/// Reads up to this line. Between them are those of the transfer.
async fn until(lines: &mut Lines<BufReader<TcpStream>>, wanted: &str) {
    let read = async {
        while let Some(line) = lines.next_line().await.expect("the connection lasts") {
            if line == wanted {
                return;
            }
        }
        panic!("the stream ended before {wanted:?}");
    };
    tokio::time::timeout(PATIENCE, read).await.unwrap_or_else(|_| panic!("waited too long for {wanted:?}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ev_9_what_other_servers_commit_is_told_too() {
    let Some(database) = boxwood_testkit::postgres::database() else { return };
    let (here, _) = start(&database).await;
    let (_there, there) = start(&database).await;
    let mut all = open(&here, "/events/jobs").await;
    until(&mut all, "event: many").await;
    let job = there.submit(&[0]).await.expect("submitted");
    let bytes: [u8; 16] = job.uuid.as_slice().try_into().expect("16 bytes");
    let hex = format!("{:032x}", u128::from_be_bytes(bytes));
    let id = format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]);
    let changed = format!("data: {{\"job\":\"{id}\"}}");
    until(&mut all, &changed).await;

    let mut one = open(&here, &format!("/events/jobs/{id}")).await;
    let cluster = there.cluster().await.expect("a default cluster");
    let (task, _) = task_of(&there.next(&cluster, None).await.expect("asked")).expect("the task");
    until(&mut one, &changed).await;
    until(&mut all, &changed).await;
    // The report ends the job, which is no longer listed among those that go on.
    there.next(&cluster, Some((&task, Vec::new()))).await.expect("reported");
    until(&mut one, &changed).await;
    until(&mut all, &changed).await;
}
