//! The data folder on disks that are full or break, and one that is moved away.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use boxwood::{Client, Error, Job};
use boxwood_proto::buffa::Message as _;
use boxwood_proto::opentelemetry::proto::collector::logs::v1::ExportLogsServiceRequest;
use boxwood_proto::opentelemetry::proto::common::v1::AnyValue;
use boxwood_proto::opentelemetry::proto::common::v1::any_value::Value;
use boxwood_proto::opentelemetry::proto::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};

use crate::world::{Process, left_out, submit};

/// Inputs in one job: 120 KB.
const TASKS: usize = 60;

/// A script in which `serve` runs a server, with its data in `$data`; `$other` is another folder.
struct Disk {
    script: Process,
    dir: tempfile::TempDir,
}

impl Disk {
    /// Runs a script that may mount, or else says what is left out.
    fn mounted(test: &str, script: &str) -> Option<Self> {
        let may = |flags: &str| {
            Command::new("unshare").args([flags, "true"]).output().is_ok_and(|done| done.status.success())
        };
        match ["-m", "-Urm"].into_iter().find(|flags| may(flags)) {
            Some(flags) => Some(Self::new(&format!("unshare {flags} bash"), script)),
            None => {
                left_out(test, "no file system can be mounted in a name space of its own");
                None
            }
        }
    }

    fn new(shell: &str, script: &str) -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        // The server must not live longer than the script.
        let script = format!(
            "dir=$1 data=$1/data other=$1/other; mkdir $data $other\n\
             serve() {{\n\
             setpriv --pdeathsig KILL \"$BOXWOOD\" serve --log error --listen unix:$dir/socket --data-dir $data 2>$dir/errors\n\
             echo \"ended with $?\"\n\
             }}\n\
             {script}"
        );
        let script = Process::shell(shell, &script, &[&dir.path().display().to_string()]);
        Self { script, dir }
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// Waits until the server listens.
    fn client(&mut self) -> Client {
        Client::builder().url(self.script.url()).build().expect("a client")
    }

    /// Waits until the server has ended by itself, as it does after a failure; answers why.
    fn failed(&mut self) -> String {
        assert_eq!(self.script.line(), "ended with 1");
        std::fs::read_to_string(self.dir.path().join("errors")).expect("text")
    }
}

/// Submits until that fails; what was acknowledged before, and why it failed.
async fn load(client: &Client, mut at_job: impl FnMut(usize)) -> (Vec<Job>, Error) {
    let mut acknowledged = Vec::new();
    loop {
        match submit(client, TASKS).await {
            Ok(job) => acknowledged.push(job),
            Err(error) => break (acknowledged, error),
        }
        at_job(acknowledged.len());
        assert!(acknowledged.len() < 1_000, "it goes on as if nothing had happened");
    }
}

/// That a server has all jobs, and takes more.
async fn has_all(client: &Client, acknowledged: &[Job]) {
    assert!(acknowledged.len() > 5, "too little was acknowledged");
    for job in acknowledged {
        let found = client.jobs().find(job.id).await.expect("an acknowledged job is there");
        assert_eq!((found.name.as_str(), found.stats.total_tasks), ("large", TASKS as u64));
    }
    submit(client, TASKS).await.expect("it takes more");
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_full_disk_the_server_ends_and_what_it_acknowledged_is_there_when_there_is_room_again() {
    let script = "mount -t tmpfs -o size=6m boxwood $data || exit 9\n\
        serve\nread _; serve\nread _; mount -o remount,size=64m boxwood $data; serve\n";
    let Some(mut disk) = Disk::mounted("full disk", script) else { return };
    let client = disk.client();
    let (acknowledged, _) = load(&client, |_| ()).await;
    let why = disk.failed();
    assert!(why.contains("full") && why.contains("make room"), "{why}");
    disk.script.go_on();
    let why = disk.failed();
    assert!(why.contains("full") && why.contains("make room"), "started again too early: {why}");
    disk.script.go_on();
    has_all(&disk.client(), &acknowledged).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_does_not_start_on_a_full_disk_and_does_once_there_is_room() {
    let script = "mount -t tmpfs -o size=100k boxwood $data || exit 9\n\
        serve\nread _; mount -o remount,size=64m boxwood $data; serve\n";
    let Some(mut disk) = Disk::mounted("full disk at the start", script) else { return };
    let why = disk.failed();
    let named = why.contains(&disk.data().display().to_string());
    assert!(named && why.contains("full") && why.contains("make room"), "{why}");
    disk.script.go_on();
    submit(&disk.client(), TASKS).await.expect("there is room");
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_disk_that_turns_read_only_the_server_ends_and_what_it_acknowledged_is_there_once_it_is_writable() {
    // The file system of a disk with errors makes itself read-only, whoever has files open.
    let script = "truncate -s 64M $dir/disk; mkfs.ext4 -q $dir/disk\n\
        mount -o loop,errors=remount-ro $dir/disk $data || { echo none; exit; }\n\
        echo mounted; (read _; mount -o remount,abort $data) <&0 & serve\n\
        read _; umount $data && mount -o loop $dir/disk $data && mount -o remount,ro $data && serve\n\
        read _; mount -o remount,rw $data && serve\n";
    let Some(mut disk) = Disk::mounted("read-only disk", script) else { return };
    if disk.script.line() != "mounted" {
        return left_out("read-only disk", "no file can be mounted as a disk");
    }
    let client = disk.client();
    let (acknowledged, _) = load(&client, |jobs| {
        if jobs == 20 {
            disk.script.go_on();
        }
    })
    .await;
    let why = disk.failed();
    assert!(why.contains("database"), "{why}");
    disk.script.go_on();
    let why = disk.failed();
    let named = why.contains(&disk.data().display().to_string());
    assert!(named && why.contains("Read-only"), "a server started there: {why}");
    disk.script.go_on();
    has_all(&disk.client(), &acknowledged).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_folder_is_moved_ends_and_what_it_acknowledged_is_where_the_folder_is_now() {
    let mut disk = Disk::new("bash", "serve\nread _; data=$other/moved; serve\n");
    let client = disk.client();
    let (from, to) = (disk.data(), disk.dir.path().join("other/moved"));
    let (acknowledged, _) = load(&client, |jobs| {
        if jobs == 20 {
            std::fs::rename(&from, &to).expect("moved");
        }
    })
    .await;
    let why = disk.failed();
    assert!(why.contains(&from.display().to_string()) && why.contains("--data-dir"), "{why}");
    assert!(!from.exists(), "nothing is made in its place");
    disk.script.go_on();
    has_all(&disk.client(), &acknowledged).await;
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

/// The answer to 64 KiB of logs.
fn send_logs(socket: &Path) -> String {
    let text = AnyValue { value: Some(Value::StringValue("x".repeat(64 << 10))), ..Default::default() };
    let record = LogRecord { time_unix_nano: 1, body: text.into(), ..Default::default() };
    let scope = ScopeLogs { log_records: vec![record], ..Default::default() };
    let resource = ResourceLogs { scope_logs: vec![scope], ..Default::default() };
    let body = ExportLogsServiceRequest { resource_logs: vec![resource], ..Default::default() }.encode_to_vec();
    let mut connection = UnixStream::connect(socket).expect("a connection");
    let head = format!(
        "POST /v1/logs HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/x-protobuf\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    );
    connection.write_all(&[head.as_bytes(), &body].concat()).expect("written");
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).expect("an answer");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_of_telemetry_alone_refuses_logs_and_jobs_go_on() {
    let script = "mount -t tmpfs -o size=2m boxwood $other || exit 9\n\
        ln -s $other/telemetry.sqlite3 $data/telemetry.sqlite3\n\
        (read _; mount -o remount,size=64m boxwood $other; echo room) <&0 & serve\n";
    let Some(mut disk) = Disk::mounted("full disk of telemetry", script) else { return };
    let client = disk.client();
    let socket = disk.dir.path().join("socket");
    let refused = (0..1_000).map(|_| send_logs(&socket)).find(|answer| !answer.starts_with("HTTP/1.1 200 "));
    let refused = refused.expect("2 MiB hold no 60 MiB of logs");
    assert!(refused.starts_with("HTTP/1.1 503 ") && refused.contains("full"), "{refused}");
    for _ in 0..10 {
        let job = submit(&client, TASKS).await.expect("jobs go on");
        client.jobs().find(job.id).await.expect("jobs go on");
    }
    disk.script.go_on();
    assert_eq!(disk.script.line(), "room");
    let taken = send_logs(&socket);
    assert!(taken.starts_with("HTTP/1.1 200 "), "there is room again: {taken}");
}
