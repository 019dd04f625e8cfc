//! What does the real program do when its surroundings fail: the disk is full, descriptors run out, thousands of idle
//! connections, bytes that are no request, a process that is stopped and woken?

#![cfg(unix)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use boxwood::{Client, Error, Job, Task};
use serde::{Deserialize, Serialize};

const PATIENCE: Duration = Duration::from_secs(60);

/// A task with an input as large as one may be.
#[derive(Task, Serialize, Deserialize)]
struct Large {
    text: String,
}

impl boxwood::Execute for Large {
    async fn execute(self, _: &boxwood::ExecutionContext) -> boxwood::Result {
        Ok(())
    }
}

fn large() -> Large {
    Large { text: "x".repeat(2_000) }
}

/// A process that is killed when the test is over.
struct Process {
    child: Child,
    input: ChildStdin,
    output: BufReader<std::process::ChildStdout>,
}

impl Process {
    /// Runs a script of the shell, in which `$BOXWOOD` is the program.
    fn shell(shell: &str, script: &str, arguments: &[&str]) -> Self {
        let mut words = shell.split(' ');
        let mut child = Command::new(words.next().expect("a shell"))
            .args(words)
            .args(["-c", script, "test"])
            .args(arguments)
            .env("BOXWOOD", env!("CARGO_BIN_EXE_boxwood"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a shell");
        let input = child.stdin.take().expect("piped");
        let output = BufReader::new(child.stdout.take().expect("piped"));
        Self { child, input, output }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("a line");
        line.trim().to_owned()
    }

    /// Where the server listens.
    fn url(&mut self) -> String {
        let line = self.line();
        match line.strip_prefix("listening on ") {
            Some(url) => url.to_owned(),
            None => panic!("the server said {line:?}: {}", self.errors()),
        }
    }

    fn errors(&mut self) -> String {
        let mut text = String::new();
        if let Some(mut errors) = self.child.stderr.take() {
            let _ = self.child.kill();
            errors.read_to_string(&mut text).expect("text");
        }
        text
    }

    fn signal(&self, signal: &str) {
        let told = Command::new("kill").args([signal, &self.child.id().to_string()]).status().expect("kill exists");
        assert!(told.success());
    }

    fn descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).expect("it runs").count()
    }

    /// Resident memory in KiB.
    fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // An error means that it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A server that runs, and a client with a connection to it.
struct World {
    server: Process,
    url: String,
    client: Client,
    /// A job submitted over that connection.
    job: Job,
    _dir: tempfile::TempDir,
}

impl World {
    /// Starts a server after the shell has done `limits`.
    async fn new(limits: &str) -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let script = format!("{limits} exec \"$BOXWOOD\" serve --log error --listen 127.0.0.1:0 --data-dir \"$1\"");
        let mut server = Process::shell("bash", &script, &[&dir.path().display().to_string()]);
        let url = server.url();
        let client = Client::builder().url(&url).build().expect("a client");
        let job = submit(&client, 1).await.expect("submitted");
        Self { server, url, client, job, _dir: dir }
    }

    /// Its address and port.
    fn address(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address()).expect("a connection")
    }

    /// Submits over the connection that was there before.
    async fn serves_others(&self) {
        for _ in 0..10 {
            submit(&self.client, 1).await.expect("others are served");
        }
    }

    /// Looks whether something holds each time the server has answered, until it does.
    async fn until(&self, what: &str, holds: impl Fn(&Process) -> bool) {
        let held = async {
            while !holds(&self.server) {
                self.client.jobs().find(self.job.id).await.expect("others are served");
            }
        };
        tokio::time::timeout(PATIENCE, held).await.unwrap_or_else(|_| panic!("never: {what}"));
    }
}

async fn submit(client: &Client, tasks: usize) -> Result<Job, Error> {
    client.jobs().submit("large", large()).tasks((1..tasks).map(|_| large())).await
}

/// Says loudly that a test did not run; on machines that build releases that is a failure.
fn left_out(test: &str, why: &str) {
    eprintln!("LEFT OUT: {test}: {why}");
    assert!(std::env::var_os("CI").is_none(), "{test} must run here: {why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_full_disk_the_server_ends_and_what_it_acknowledged_is_there_when_there_is_room_again() {
    let shell = if Command::new("unshare").args(["-m", "true"]).output().is_ok_and(|done| done.status.success()) {
        "unshare -m bash"
    } else if Command::new("unshare").args(["-Urm", "true"]).output().is_ok_and(|done| done.status.success()) {
        "unshare -Urm bash"
    } else {
        return left_out("full disk", "no file system can be mounted in a name space of its own");
    };
    let dir = tempfile::tempdir().expect("a temporary folder");
    let data = dir.path().join("data");
    std::fs::create_dir(&data).expect("a folder");
    let socket = dir.path().join("socket");
    // The second server starts when a line is sent, with more room.
    let script = "mount -t tmpfs -o size=6m boxwood \"$1\" || exit 9\n\
        \"$BOXWOOD\" serve --log error --listen \"unix:$2\" --data-dir \"$1\" 2>\"$3\"\n\
        echo \"ended with $?\"; read _\n\
        mount -o remount,size=64m boxwood \"$1\"\n\
        exec \"$BOXWOOD\" serve --log error --listen \"unix:$2\" --data-dir \"$1\"";
    let errors = dir.path().join("errors");
    let paths = [&data, &socket, &errors].map(|path| path.display().to_string());
    let mut server = Process::shell(shell, script, &paths.each_ref().map(String::as_str));
    let client = Client::builder().url(server.url()).build().expect("a client");
    let mut acknowledged = Vec::new();
    let refused = loop {
        match submit(&client, 60).await {
            Ok(job) => acknowledged.push(job),
            Err(error) => break error,
        }
        assert!(acknowledged.len() < 1_000, "6 MiB hold more than 100 MiB of inputs");
    };
    assert!(acknowledged.len() > 5, "{refused}");
    assert_eq!(server.line(), "ended with 1");
    let said = std::fs::read_to_string(&errors).expect("text");
    assert!(said.contains("full"), "it says why: {said:?}");

    server.input.write_all(b"on\n").expect("it waits");
    let client = Client::builder().url(server.url()).build().expect("a client");
    for job in &acknowledged {
        let found = client.jobs().find(job.id).await.expect("an acknowledged job is there");
        assert_eq!(found.name, "large");
    }
    submit(&client, 60).await.expect("there is room again");
}

#[test]
fn a_folder_that_cannot_be_used_is_named_and_the_server_does_not_start() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let file = dir.path().join("file");
    std::fs::write(&file, "not a folder").expect("written");
    let started = Command::new(env!("CARGO_BIN_EXE_boxwood"))
        .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(&file)
        .output()
        .expect("the program starts");
    assert_eq!(started.status.code(), Some(1));
    let said = String::from_utf8_lossy(&started.stderr).into_owned();
    assert!(said.contains(&file.display().to_string()), "{said}");
    assert_eq!(std::fs::read(&file).expect("it is still there"), b"not a folder");
}

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
async fn a_server_that_was_stopped_and_woken_goes_on() {
    let world = World::new("").await;
    world.server.signal("-STOP");
    let jobs = world.client.jobs();
    // A call may still be answered while the signal is on its way.
    let mut waiting = loop {
        let mut waiting = Box::pin(jobs.find(world.job.id));
        if tokio::time::timeout(Duration::from_millis(300), waiting.as_mut()).await.is_err() {
            break waiting;
        }
    };
    world.server.signal("-CONT");
    let found = tokio::time::timeout(PATIENCE, waiting.as_mut()).await.expect("in time");
    assert_eq!(found.expect("answered once it is woken").id, world.job.id);
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
