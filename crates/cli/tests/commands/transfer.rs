//! Backups: while the server is at work, restored, and served again.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use boxwood::{Client, JobFilter, JobId, JobState};
use boxwood_server::{Config, Server};

use crate::here::{Here, Ran, fan, here, program, run};

/// A server on a folder, whose leases are short.
async fn serve(folder: &Path) -> (Server, Client) {
    let mut config = Config::new("127.0.0.1:0".parse().unwrap(), folder);
    config.rules.lease_first = Duration::from_secs(1);
    let server = Server::start(config).await.unwrap();
    let client = Client::builder().url(server.url()).build().unwrap();
    (server, client)
}

async fn command(words: &[&str], place: &Path) -> Ran {
    let mut command = program(words);
    command.arg("--data-dir").arg(place);
    run(command).await
}

/// Every job says of its tasks what a walk through all of them finds; answers how many tasks are in which state.
async fn recount(client: &Client) -> BTreeMap<String, u64> {
    let mut all = BTreeMap::new();
    for job in client.jobs().query(JobFilter::new()).all().await.unwrap() {
        let mut found = BTreeMap::new();
        let tree = client.jobs().task_tree(&job, 100_000).await.unwrap();
        tree.walk(|_, task| *found.entry(task.state.as_str().to_owned()).or_insert(0) += 1);
        let counted = job.stats.tasks_by_state.iter();
        let counted: BTreeMap<String, u64> =
            counted.map(|(state, count)| (state.as_str().to_owned(), *count)).collect();
        assert_eq!(found, counted, "job {}", job.id);
        for (state, count) in found {
            *all.entry(state).or_insert(0) += count;
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn cli_6_a_backup_under_load_is_of_one_moment_and_goes_on_when_it_is_served() {
    const BACKUPS: usize = 3;
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let (server, client) = serve(&data).await;
    let here = Here::on(server, client, folder);
    let done = AtomicBool::new(false);
    let (rounds, mut seen) = tokio::sync::watch::channel(0);
    let load = async {
        while !done.load(Ordering::Relaxed) {
            here.client.jobs().submit("load", fan(40)).await.unwrap();
            tokio::join!(here.work(), here.work());
            rounds.send_modify(|rounds| *rounds += 1);
        }
    };
    let backups = async {
        let mut acknowledged: Vec<Vec<JobId>> = Vec::new();
        for number in 0..BACKUPS {
            seen.wait_for(|rounds| *rounds > number).await.unwrap();
            let (waiting, file) =
                (here.client.jobs().submit("waiting", fan(3)).await.unwrap(), here.file(&number.to_string()));
            let mut told = acknowledged.last().cloned().unwrap_or_default();
            told.push(waiting.id);
            acknowledged.push(told);
            let ran = command(&["export", "--out", &file], &data).await;
            assert!(ran.stderr.starts_with("exported "), "{}", ran.stderr);
            assert_eq!(ran.ok(), "", "only the file is data");
        }
        done.store(true, Ordering::Relaxed);
        acknowledged
    };
    let ((), acknowledged) = tokio::join!(load, backups);

    let mut computed = 0;
    for (number, acknowledged) in acknowledged.iter().enumerate() {
        let restored = Path::new(&here.file("restored")).with_extension(number.to_string());
        let ran = command(&["import", &here.file(&number.to_string())], &restored).await;
        assert!(ran.stderr.contains("answered as before"), "{}", ran.stderr);
        assert_eq!(ran.ok(), "");
        let (server, client) = serve(&restored).await;
        let states = recount(&client).await;
        let now = states.get("COMPUTED").copied().unwrap_or_default();
        assert!(now > computed, "the backups follow each other, and something happens between them: {states:?}");
        computed = now;
        for job in acknowledged {
            client.jobs().find(*job).await.expect("a job that was acknowledged before the backup was begun");
        }
        if number + 1 == BACKUPS {
            finish(Here::on(server, client, tempfile::tempdir().unwrap())).await;
        } else {
            server.stop().await.unwrap();
        }
    }
}

/// Executes all that is left, also what runners held when the backup was made: their leases end.
async fn finish(here: Here) {
    let all_done = async {
        loop {
            here.work().await;
            let jobs = here.client.jobs().query(JobFilter::new()).all().await.unwrap();
            if jobs.iter().all(|job| job.state == JobState::Completed) {
                return;
            }
            // The answer to a runner without work says how long to wait; here nobody waits for the end of a lease.
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(crate::here::PATIENCE, all_done).await.expect("every job completes");
    let states = recount(&here.client).await;
    assert_eq!(states.keys().collect::<Vec<_>>(), ["COMPUTED"]);
}

#[tokio::test]
async fn cli_6_a_backup_goes_through_pipes_and_only_into_an_empty_folder() {
    let here = here().await;
    here.worked("fan", fan(2)).await;
    let (data, restored) = (here.file("data"), here.file("restored"));
    let line = |from: &str, to: &str| {
        let program = env!("CARGO_BIN_EXE_boxwood");
        format!("set -o pipefail; {program} export --data-dir {from} | {program} import - --data-dir {to}")
    };
    let piped = |from: &str, to: &str| {
        let mut command = tokio::process::Command::new("bash");
        command.args(["-c", &line(from, to)]);
        run(command)
    };
    let ran = piped(&data, &restored).await;
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("1 job with 4 tasks"), "{}", ran.stderr);
    let again = piped(&data, &restored).await;
    assert_eq!(again.status, 1);
    let expected = format!("{restored} holds a database already; import into a new folder");
    assert!(again.stderr.contains(&expected) && again.stderr.contains("nothing was imported"), "{}", again.stderr);
    let used = piped(&restored, &data).await;
    assert!(used.status == 1 && used.stderr.contains("in use by another server"), "{}", used.stderr);
}

#[tokio::test]
async fn cli_6_what_goes_wrong_leaves_an_earlier_backup_as_it_was() {
    let here = here().await;
    let (data, backup, nothing) = (here.file("data"), here.file("backup"), here.file("nothing"));
    command(&["export", "--out", &backup], data.as_ref()).await.ok();
    let before = std::fs::read(&backup).unwrap();
    let looked_at = run(program(&["import", "--check", &backup])).await;
    assert!(looked_at.stderr.starts_with("the file is whole: 0 jobs with 0 tasks"), "{}", looked_at.stderr);
    assert_eq!(looked_at.ok(), "");
    let ran = command(&["export", "--out", &backup], nothing.as_ref()).await;
    assert!(ran.status == 1 && ran.stderr.contains("holds no database of Boxwood"), "{}", ran.stderr);
    assert!(std::fs::read(&backup).unwrap() == before);
    let names: Vec<_> = std::fs::read_dir(Path::new(&backup).parent().unwrap()).unwrap().collect();
    assert_eq!(names.len(), 2, "the data, the backup and nothing beside them: {names:?}");

    for (words, status, part) in [
        (["import", &nothing], 2, "cannot be read"),
        (["import", &data], 1, "cannot read the export"),
        (["export", "--out=/nowhere/at/all"], 1, "/nowhere/at/all: cannot be written"),
        (["export", "--data-dir=x"], 2, "cannot be used multiple times"),
        (["export", "--database-url=postgres://h/d"], 2, "cannot be used with"),
    ] {
        let ran = command(&words, nothing.as_ref()).await;
        assert_eq!(ran.status, status, "{words:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(part), "{words:?}: {}", ran.stderr);
    }
    std::fs::write(here.file("half"), &before[..before.len() / 2]).unwrap();
    let ran = run(program(&["import", "--check", &here.file("half")])).await;
    assert!(ran.status == 1 && ran.stderr.contains("take another copy of it"), "{}", ran.stderr);
    let ran = command(&["import", &here.file("half")], nothing.as_ref()).await;
    assert!(ran.status == 1 && ran.stderr.contains("take another copy of it; nothing was imported"), "{}", ran.stderr);
}
