//! The data folder on disks that are full, break, or go away.

use std::process::Command;

use boxwood::Client;

use crate::world::{Process, left_out, submit};

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

    server.go_on();
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

