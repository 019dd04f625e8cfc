//! Moving a database: does what arrives behave as what was left behind, and does nothing arrive by halves?

#![allow(clippy::unwrap_used, reason = "what tests share may fail by a panic too")]

mod broken;
#[cfg(feature = "postgres")]
mod postgres;
mod refused;
mod same;

use std::path::PathBuf;

use boxwood_engine::{JobId, Settings, TaskId, Timestamp};
use boxwood_store::telemetry::{self, Kind, NewRecord, Severity, TraceId};
use boxwood_store::transfer::{self, Moved, Place};
use boxwood_store::{Backend, Error, Vault, sqlite};
use boxwood_testkit::{Event, World, hostile};
use tempfile::TempDir;

/// A data folder, removed in the end.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn place(&self) -> Place {
        Place::Folder(self.0.path().to_owned())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn backend(&self) -> Box<dyn Backend> {
        sqlite::Database::open(self.0.path()).unwrap().backend()
    }

    /// What lies in it, but for the lock and what SQLite shares between processes.
    fn names(&self) -> Vec<String> {
        let entries = self.0.path().read_dir().unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let shared = |name: &String| name == "lock" || name.ends_with("-shm") || name.ends_with("-wal");
        let mut names: Vec<String> = names.filter(|name| !shared(name)).collect();
        names.sort();
        names
    }
}

fn export(place: &Place) -> Vec<u8> {
    let mut file = Vec::new();
    transfer::export(place, true, &mut file, &mut |_| true).unwrap();
    file
}

fn import(place: &Place, mut file: &[u8]) -> Result<Moved, Error> {
    transfer::import(place, &mut file, &mut |_| true)
}

/// A history of everything that can happen, and the place of the commit behind which the database moves.
fn history(seed: u64) -> (World, usize) {
    let world = hostile::run(seed, 150);
    let events = world.history();
    let middle = events.len() * 2 / 5;
    let commit = events[middle..].iter().position(|event| matches!(event, Event::Commit)).unwrap();
    (world, middle + commit + 1)
}

/// Lives through a part of a history; every reply has to be that of the world.
fn live(world: &World, events: &[Event], open: impl Fn() -> Box<dyn Backend>) {
    let vault = || Vault::open(open(), world.rules()).unwrap();
    let mut open = Some(vault());
    for event in events {
        let vault = match event {
            Event::Restart => {
                // Closed before it is opened again.
                open = None;
                open.insert(vault())
            }
            _ => open.as_mut().unwrap(),
        };
        match event {
            Event::Command(command, reply, _) => {
                assert_eq!(&format!("{:?}", vault.decide(command).unwrap()), reply, "{command:?}");
            }
            Event::Expired(now, limit, tasks) => {
                let mut expired = vault.expired(*now, *limit).unwrap();
                expired.sort_unstable();
                assert_eq!(&expired, tasks);
            }
            Event::Commit => vault.commit().unwrap(),
            Event::Restart => {}
        }
    }
}

/// A folder in the middle of a history, with logs and spans of its first job.
fn lived(world: &World, until: usize) -> Folder {
    let folder = Folder::new();
    live(world, &world.history()[..until], || folder.backend());
    let database = sqlite::Database::open(folder.0.path()).unwrap();
    let page = database.reader().jobs(&boxwood_store::JobQuery::default()).unwrap();
    drop(database);
    let jobs: Vec<JobId> = page.jobs.iter().map(|view| view.job.id).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let telemetry = telemetry::Database::open(folder.0.path(), telemetry::Options::default()).unwrap();
        telemetry.write(records(jobs.first().copied()), Timestamp(1_000_000)).unwrap();
        telemetry.close().await;
    });
    folder
}

/// Records of every kind, some of a job.
fn records(job: Option<JobId>) -> Vec<NewRecord> {
    let kinds = Severity::ALL.into_iter().map(Kind::Log).chain([Kind::Span]);
    let record = |(place, kind): (u64, Kind)| NewRecord {
        kind,
        time: 5_000 + place,
        job: job.filter(|_| place % 2 == 0),
        task: TaskId::from_u128(place.into()),
        trace: TraceId::from_bytes(&[7; 16]).filter(|_| place % 3 == 0),
        resource: format!("resource {}", place % 2).into_bytes().into(),
        scope: b"scope\0\xff".as_slice().into(),
        encoded: vec![0xfe; place as usize * 100],
    };
    (0..).zip(kinds).map(record).collect()
}

/// A vault of a folder, with the usual numbers.
fn vault(folder: &Folder) -> Vault {
    Vault::open(folder.backend(), Settings::default()).unwrap()
}
