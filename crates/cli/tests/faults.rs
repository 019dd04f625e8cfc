//! What does the real program do when its surroundings fail: the disk is full, descriptors run out, thousands of idle
//! connections, bytes that are no request, a process that is stopped and woken?

#![cfg(unix)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

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

    /// One letter of the system: `T` is stopped.
    fn state(&self) -> char {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("it runs");
        let after = stat.rsplit_once(") ").expect("the name is in parentheses").1;
        after.chars().next().expect("a state")
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

fn serve(dir: &Path, limit: &str) -> (Process, String) {
    let script = format!("{limit} exec \"$BOXWOOD\" serve --log error --listen 127.0.0.1:0 --data-dir \"$1\"");
    let mut server = Process::shell("bash", &script, &[&dir.display().to_string()]);
    let url = server.url();
    (server, url)
}

async fn submit(client: &Client, tasks: usize) -> Result<Job, Error> {
    client.jobs().submit("large", large()).tasks((1..tasks).map(|_| large())).await
}

/// Says loudly that a test did not run; on machines that build releases that is a failure.
fn left_out(test: &str, why: &str) {
    eprintln!("LEFT OUT: {test}: {why}");
    assert!(std::env::var_os("CI").is_none(), "{test} must run here: {why}");
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "never: {what}");
        std::thread::sleep(Duration::from_millis(2)); // tidy: waits for a condition, beside other tests
    }
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
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (server, url) = serve(dir.path(), "ulimit -n 64;");
    let client = Client::builder().url(&url).build().expect("a client");
    submit(&client, 1).await.expect("submitted");
    let address = url.trim_start_matches("http://");
    let idle: Vec<_> = (0..100).map(|_| TcpStream::connect(address).expect("the system takes them")).collect();
    until("all descriptors are taken", || server.descriptors() >= 64);
    for _ in 0..10 {
        submit(&client, 1).await.expect("a connection that was there before is served");
    }
    drop(idle);
    let late = Client::builder().url(&url).build().expect("a client");
    tokio::time::timeout(PATIENCE, submit(&late, 1)).await.expect("in time").expect("a new connection is served");
}

#[tokio::test(flavor = "multi_thread")]
async fn five_thousand_idle_connections_cost_little_and_others_are_served() {
    const CONNECTIONS: usize = 5_000;
    let dir = tempfile::tempdir().expect("a temporary folder");
    let may = Command::new("bash").args(["-c", "ulimit -n 6000"]).status().expect("a shell");
    if !may.success() {
        return left_out("idle connections", "a process may not have 6,000 descriptors");
    }
    let (server, url) = serve(dir.path(), "ulimit -n 6000;");
    let client = Client::builder().url(&url).build().expect("a client");
    submit(&client, 1).await.expect("submitted");
    let (descriptors, resident) = (server.descriptors(), server.resident());
    let address = url.trim_start_matches("http://").replace(':', "/");
    // They have said what they speak: who does not is sent away after 30 s.
    let script = "ulimit -n 6000; for n in $(seq $2); do exec {fd}<>\"/dev/tcp/$1\" || exit 1; \
        printf 'GET /healthz HTTP/1.1\\r\\nhost: localhost\\r\\n' >&$fd; done; echo open; read _";
    let mut crowd = Process::shell("bash", script, &[&address, &CONNECTIONS.to_string()]);
    assert_eq!(crowd.line(), "open");
    until("all are accepted", || server.descriptors() >= descriptors + CONNECTIONS);
    submit(&client, 1).await.expect("others are served");
    let each = (server.resident().saturating_sub(resident)) * 1024 / CONNECTIONS as u64;
    eprintln!("{each} bytes of memory for an idle connection");
    assert!(each < 32 * 1024, "{each} bytes for an idle connection");
    drop(crowd);
    until("their descriptors are free again", || server.descriptors() < descriptors + 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_no_request_end_their_connection_and_nothing_else() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (server, url) = serve(dir.path(), "");
    let client = Client::builder().url(&url).build().expect("a client");
    submit(&client, 1).await.expect("submitted");
    let resident = server.resident();
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
        let mut stream = TcpStream::connect(url.trim_start_matches("http://")).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
        // The server may close before it has read all.
        let _ = stream.write_all(bytes);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut answer = Vec::new();
        let ended = stream.read_to_end(&mut answer);
        let reset = |error: &std::io::Error| error.kind() == std::io::ErrorKind::ConnectionReset;
        assert!(ended.as_ref().map_or_else(reset, |_| true), "{ended:?} for {:?}", &bytes[..20.min(bytes.len())]);
        submit(&client, 1).await.expect("others are served");
    }
    assert!(server.resident() < resident + (64 << 10), "{} KiB", server.resident());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_stopped_and_woken_goes_on() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (server, url) = serve(dir.path(), "");
    let client = Client::builder().url(&url).build().expect("a client");
    let job = submit(&client, 1).await.expect("submitted");
    server.signal("-STOP");
    until("it stands still", || server.state() == 'T');
    let jobs = client.jobs();
    let mut waiting = std::pin::pin!(jobs.find(job.id));
    let early = tokio::time::timeout(Duration::from_millis(300), waiting.as_mut()).await;
    assert!(early.is_err(), "a stopped server does not answer");
    server.signal("-CONT");
    let found = tokio::time::timeout(PATIENCE, waiting).await.expect("in time").expect("answered once it is woken");
    assert_eq!(found.id, job.id);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_and_never_reads_is_held_back_and_others_are_served() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (server, url) = serve(dir.path(), "");
    let client = Client::builder().url(&url).build().expect("a client");
    submit(&client, 1).await.expect("submitted");
    let address = url.trim_start_matches("http://");
    let resident = server.resident();
    let mut deaf = TcpStream::connect(address).expect("a connection");
    // Until the server does not take more: it answers no more than fits into what lies between.
    deaf.set_nonblocking(true).expect("a socket");
    let question = b"GET /metrics HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(100);
    let (mut asked, mut full) = (0, None);
    let held_back = || -> bool {
        match deaf.write(&question) {
            Ok(length) => {
                (asked, full) = (asked + length, None);
                false
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                full.get_or_insert_with(Instant::now).elapsed() > Duration::from_millis(500)
            }
            Err(error) => panic!("the connection ended: {error}"),
        }
    };
    until("it is held back", held_back);
    eprintln!("{asked} bytes of questions were taken");
    for _ in 0..10 {
        submit(&client, 1).await.expect("others are served");
    }
    let grown = server.resident().saturating_sub(resident);
    assert!(grown < 32 << 10, "{grown} KiB for one connection that does not read");
}

#[tokio::test(flavor = "multi_thread")]
async fn half_requests_are_waited_for_beside_everything_else() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (server, url) = serve(dir.path(), "");
    let client = Client::builder().url(&url).build().expect("a client");
    submit(&client, 1).await.expect("submitted");
    let descriptors = server.descriptors();
    let halves: [&[u8]; 4] = [
        b"",
        b"POST /v1/logs HTTP/1.1\r\nhost: lo",
        b"POST /v1/logs HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000\r\n\r\nhalf",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\x10",
    ];
    let slow: Vec<_> = halves
        .iter()
        .cycle()
        .take(200)
        .map(|half| {
            let mut stream = TcpStream::connect(url.trim_start_matches("http://")).expect("a connection");
            stream.write_all(half).expect("written");
            stream
        })
        .collect();
    // Some are refused at once.
    until("the others are accepted", || server.descriptors() >= descriptors + 100);
    for _ in 0..10 {
        submit(&client, 1).await.expect("others are served");
    }
    drop(slow);
    until("their descriptors are free again", || server.descriptors() < descriptors + 10);
}
