//! Logs and spans in their own database: what is stored comes back, in order, and no flood does harm.

mod keeping;
mod listing;
mod writing;

use std::ops::Bound;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use boxwood_engine::{JobId, TaskId, Timestamp};
use boxwood_store::telemetry::{
    Database, Kind, NewRecord, Options, Page, Query, Severity, StoredRecord, Subject, TraceId, Written,
};
use boxwood_store::{Error, SortDirection};

/// The moment most records of these tests arrive.
const NOW: Timestamp = Timestamp(1_700_000_000_000_000);

const INFO: Kind = Kind::Log(Severity::Info);

/// Kept for ever and committed without delay.
fn unlimited() -> Options {
    Options { age_max: None, bytes_max: None, commit_interval: Duration::ZERO, ..Options::default() }
}

fn open(dir: &Path, options: Options) -> Database {
    Database::open(dir, options).expect("the database opens")
}

/// Runs a future to its end.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime without drivers").block_on(future)
}

fn wait(written: Result<Written, Error>) -> Result<(), Error> {
    block_on(written.expect("accepted").wait())
}

/// Stores records that arrive at [`NOW`].
fn store(database: &Database, records: Vec<NewRecord>) {
    wait(database.write(records, NOW)).expect("stored");
}

/// A record that belongs to nothing, with a text as its bytes.
fn record(kind: Kind, time: u64, text: impl Into<String>) -> NewRecord {
    NewRecord {
        kind,
        time,
        job: None,
        task: None,
        trace: None,
        resource: Arc::from(*b"resource"),
        scope: Arc::from(*b"scope"),
        encoded: text.into().into_bytes(),
    }
}

fn job(number: u128) -> JobId {
    JobId::from_u128(number).expect("not zero")
}

fn task(number: u128) -> TaskId {
    TaskId::from_u128(number).expect("not zero")
}

fn trace(number: u8) -> TraceId {
    TraceId::from_bytes(&[number; 16]).expect("16 bytes, not zero")
}

/// All logs, oldest first, in one page.
fn all_logs() -> Query {
    Query {
        subject: Subject::All,
        kinds: Severity::ALL.map(Kind::Log).to_vec(),
        times: (Bound::Unbounded, Bound::Unbounded),
        sort: SortDirection::Ascending,
        after: None,
        limit: usize::MAX,
    }
}

fn page(database: &Database, query: &Query) -> Page {
    database.page(query).expect("readable")
}

/// What [`record`] was given.
fn texts(records: &[StoredRecord]) -> Vec<String> {
    records.iter().map(|record| String::from_utf8(record.encoded.clone()).expect("text")).collect()
}

fn found(database: &Database, query: &Query) -> Vec<String> {
    texts(&page(database, query).records)
}
