//! Connections in numbers, without a word, with the wrong ones, slow and deaf.

use std::io::{Read, Write};
use std::process::Command;
use std::time::Duration;

use boxwood::Client;

use crate::world::{PATIENCE, Process, World, left_out, submit};

#[tokio::test(flavor = "multi_thread")]
async fn without_descriptors_the_connections_there_are_go_on_and_new_ones_follow_when_some_close() {
    let world = World::new("ulimit -n 64;").await;
    let idle: Vec<_> = (0..100).map(|_| world.connect()).collect();
    world.until("all descriptors are taken", |server| server.descriptors() >= 64).await;
    world.serves_others().await;
    drop(idle);
    let late = Client::builder().url(&world.url).build().expect("a client");
    tokio::time::timeout(PATIENCE, submit(&late, 1)).await.expect("in time").expect("a new connection is served");
}

#[tokio::test(flavor = "multi_thread")]
async fn five_thousand_idle_connections_cost_little_and_others_are_served() {
    const CONNECTIONS: usize = 5_000;
    let may = Command::new("bash").args(["-c", "ulimit -n 6000"]).status().expect("a shell");
    if !may.success() {
        return left_out("idle connections", "a process may not have 6,000 descriptors");
    }
    let world = World::new("ulimit -n 6000;").await;
    let (descriptors, resident) = (world.server.descriptors(), world.server.resident());
    // They have said what they speak: who does not is sent away after 30 s.
    let script = "ulimit -n 6000; for n in $(seq $2); do exec {fd}<>\"/dev/tcp/$1\" || exit 1; \
        printf 'GET /healthz HTTP/1.1\\r\\nhost: localhost\\r\\n' >&$fd; done; echo open; read _";
    let mut crowd = Process::shell("bash", script, &[&world.address().replace(':', "/"), &CONNECTIONS.to_string()]);
    assert_eq!(crowd.line(), "open");
    world.until("all are accepted", |server| server.descriptors() >= descriptors + CONNECTIONS).await;
    world.serves_others().await;
    let each = (world.server.resident().saturating_sub(resident)) * 1024 / CONNECTIONS as u64;
    eprintln!("{each} bytes of memory for an idle connection");
    assert!(each < 32 * 1024, "{each} bytes for an idle connection");
    drop(crowd);
    world.until("their descriptors are free again", |server| server.descriptors() < descriptors + 10).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_no_request_end_their_connection_and_nothing_else() {
    let world = World::new("").await;
    let resident = world.server.resident();
    let mut huge = b"GET / HTTP/1.1\r\nhost: a\r\nx: ".to_vec();
    huge.resize(4 << 20, b'x');
    let mut large_frame = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec();
    large_frame.extend(b"\xff\xff\xff\x00\x00\x00\x00\x00\x01");
    let garbage: [&[u8]; 6] = [
        b"\x00\x01\x02\x03\xff\xfe\xfd\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"SSH-2.0-OpenSSH_9.9\r\n\r\n",
        b"POST /workflows.v1.JobService/GetJob HTTP/1.1\r\nhost: localhost\r\ncontent-length: 99999999999999999999\r\n\r\n",
        &huge,
        &large_frame,
    ];
    for bytes in garbage {
        let mut stream = world.connect();
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
        // The server may close before it has read all.
        let _ = stream.write_all(bytes);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut answer = Vec::new();
        let ended = stream.read_to_end(&mut answer);
        let reset = |error: &std::io::Error| error.kind() == std::io::ErrorKind::ConnectionReset;
        assert!(ended.as_ref().map_or_else(reset, |_| true), "{ended:?} for {:?}", &bytes[..20.min(bytes.len())]);
        world.serves_others().await;
    }
    let grown = world.server.resident().saturating_sub(resident);
    assert!(grown < 64 << 10, "{grown} KiB");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_and_never_reads_is_held_back_and_others_are_served() {
    let world = World::new("").await;
    let resident = world.server.resident();
    let mut deaf = world.connect();
    // Until the server takes no more for that long: it answers no more than fits into what lies between.
    deaf.set_write_timeout(Some(Duration::from_millis(500))).expect("a socket");
    let question = b"GET /metrics HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(100);
    let mut asked = 0;
    let held_back = loop {
        match deaf.write(&question) {
            Ok(length) => asked += length,
            Err(error) => break error,
        }
        assert!(asked < 1 << 30, "it is never held back");
    };
    assert_eq!(held_back.kind(), std::io::ErrorKind::WouldBlock, "after {asked} bytes of questions");
    world.serves_others().await;
    let grown = world.server.resident().saturating_sub(resident);
    assert!(grown < 32 << 10, "{grown} KiB for one connection that does not read");
}

#[tokio::test(flavor = "multi_thread")]
async fn half_requests_are_waited_for_beside_everything_else() {
    let world = World::new("").await;
    let descriptors = world.server.descriptors();
    let halves: [&[u8]; 4] = [
        b"",
        b"POST /v1/logs HTTP/1.1\r\nhost: lo",
        b"POST /v1/logs HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000\r\n\r\nhalf",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\x10",
    ];
    let half = |bytes: &&[u8]| {
        let mut stream = world.connect();
        stream.write_all(bytes).expect("written");
        stream
    };
    let slow: Vec<_> = halves.iter().cycle().take(200).map(half).collect();
    // Some are refused at once.
    world.until("the others are accepted", |server| server.descriptors() >= descriptors + 100).await;
    world.serves_others().await;
    drop(slow);
    world.until("their descriptors are free again", |server| server.descriptors() < descriptors + 10).await;
}

/// The test ends the connection, not the reader: it reads all that comes and says nothing, as one behind a cut line seems to.
#[tokio::test(flavor = "multi_thread")]
async fn n_25_a_peer_that_answers_no_ping_is_let_go() {
    const PING: u8 = 6;
    let world = World::new("").await;
    let descriptors = world.server.descriptors();
    let mut silent = world.connect();
    silent.set_read_timeout(Some(PATIENCE)).expect("a socket");
    silent.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").expect("written");
    let mut heard = Vec::new();
    silent.read_to_end(&mut heard).expect("the server closes it");
    let mut frames = &heard[..];
    let mut kinds = Vec::new();
    while let [a, b, c, kind, ..] = *frames {
        kinds.push(kind);
        let length = 9 + usize::from(a) * 65_536 + usize::from(b) * 256 + usize::from(c);
        frames = frames.get(length..).expect("whole frames");
    }
    assert!(kinds.contains(&PING), "frames of kinds {kinds:?}");
    world.until("its descriptor is free again", |server| server.descriptors() <= descriptors).await;
    world.serves_others().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn n_26_a_small_message_that_unpacks_to_more_than_a_message_may_have_is_refused_and_costs_no_more_than_one() {
    let world = World::new("").await;
    let zeros = "head -c 1200000000 /dev/zero | gzip -1";
    let bomb = Command::new("bash").args(["-c", zeros]).output().expect("gzip exists").stdout;
    let mut stream = world.connect();
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
    let head = format!(
        "POST /workflows.v1.JobService/GetJob HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/proto\r\n\
         content-encoding: gzip\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        bomb.len()
    );
    stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&bomb)).expect("written");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(answer.contains("resource_exhausted"), "{answer}");
    let peak = world.server.peak() / 1024;
    eprintln!("{peak} MiB at most for {} bytes that unpack to 1,200,000,000", bomb.len());
    assert!(peak < 1_100, "{peak} MiB");
    world.serves_others().await;
}
