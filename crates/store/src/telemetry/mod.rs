//! Logs and spans, in one of two places.
//!
//! - A file of its own: `telemetry.sqlite3` lies beside the database of jobs and tasks and shares nothing with it.
//! - PostgreSQL: tables of their own in the database that several servers share, written on a connection of their own.
//!
//! Either way it has another writer and other readers, so that a flood of logs never delays a task (O-5). Nothing here
//! knows the wire: records, scopes and resources are bytes that come back as they went in, with the few values that queries
//! ask for beside them. What a place has to do is in `place`; all else is the same for both.
//!
//! - Writing: [`Database::write`] queues records for the writer and never waits; a full queue refuses at once. The writer
//!   commits whatever waits, some times a second ([`Options::commit_interval`]), so a record can be queried well within
//!   two seconds (O-39). [`Written`] tells when.
//! - Durability: WAL with `synchronous=NORMAL`, in PostgreSQL `synchronous_commit=off`. What was committed survives the end
//!   of the process at any moment; a power cut, or the end of PostgreSQL, may take the last instants of telemetry, which is
//!   the price of not waiting for the disk. Jobs and tasks pay it.
//! - Order: records are ordered by their own time, equal times by arrival. A [`RecordId`] says both, so ids order as
//!   records do and a page continues after an id even when its record is gone (J-53).
//! - Retention: the writer removes what arrived longest ago, in small steps, by age and by size. Of several servers one
//!   does it at a time.
//! - Failure: a batch that cannot be stored is reported to its sender and the writer goes on, in PostgreSQL on a new
//!   connection. Telemetry never stops the server.

pub(crate) mod place;
pub(crate) mod query;
pub(crate) mod record;
pub(crate) mod retain;
#[cfg(feature = "sqlite")]
pub(crate) mod sqlite;
mod write;

#[cfg(feature = "sqlite")]
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use boxwood_engine::Timestamp;

pub use query::{Page, Query, StoredRecord, Subject};
pub use record::{Kind, NewRecord, RecordId, Severity, TraceId};
pub use write::Written;

use crate::error::Error;
#[cfg(feature = "sqlite")]
use crate::sqlite::Pool;
use place::Source;
use write::Handle;

/// The file of the database, inside the data directory.
#[cfg(feature = "sqlite")]
pub const FILE_NAME: &str = "telemetry.sqlite3";

/// How telemetry is kept.
#[derive(Clone, Debug)]
pub struct Options {
    /// How long records are kept after they arrived; `None` for ever.
    pub age_max: Option<Duration>,
    /// How large the file may grow, or all records in PostgreSQL together, in bytes; `None` without bound. It is exceeded by
    /// what one commit adds.
    pub bytes_max: Option<u64>,
    /// Bytes that may wait for the writer; beyond them records are refused. A single write larger than that is taken when
    /// nothing else waits.
    pub waiting_bytes_max: usize,
    /// From the start of one commit to that of the next at least. An idle writer commits at once.
    pub commit_interval: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            age_max: Some(Duration::from_secs(30 * 24 * 60 * 60)),
            bytes_max: Some(2 << 30),
            waiting_bytes_max: 64 << 20,
            commit_interval: Duration::from_millis(50),
        }
    }
}

/// An open telemetry database; cheap to clone. The writer ends with [`Database::close`], or after the last clone is gone;
/// what was accepted before is stored in both cases.
#[derive(Clone)]
pub struct Database {
    queue: Arc<Handle>,
    source: Arc<dyn Source>,
}

impl Database {
    /// Opens the database in `dir`, making both if they do not exist and bringing an older schema up to date, and starts
    /// the writer. Whoever calls this holds the data directory already, see [`crate::sqlite::Database::open`].
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the directory or the file cannot be used; [`Error::Incompatible`] if the database was
    /// made by a newer version or by another program.
    #[cfg(feature = "sqlite")]
    pub fn open(dir: &Path, options: Options) -> Result<Self, Error> {
        std::fs::create_dir_all(dir)
            .map_err(|error| Error::Unavailable(format!("data directory {}: {error}", dir.display())))?;
        let path = dir.join(FILE_NAME);
        let queue = write::start(Box::new(sqlite::File::open(&path)?), options)?;
        Ok(Self { queue, source: Arc::new(Pool::new(path)) })
    }

    /// Telemetry in the database of jobs and tasks that several servers share, and starts the writer of this server. Every
    /// server may write, list and sweep at any time. Size is that of all records together, as counted when they are
    /// stored: the database reuses the room of what is removed, but does not give it back at once.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the database cannot be reached.
    #[cfg(feature = "postgres")]
    pub fn on_postgres(database: &crate::postgres::Database, options: Options) -> Result<Self, Error> {
        let (place, source) = crate::postgres::telemetry::places(database);
        Ok(Self { queue: write::start(place, options)?, source })
    }

    /// Queues records that arrived at `now`: all of them or, on error, none. Never waits.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the queue is full or the database is closed.
    pub fn write(&self, records: Vec<NewRecord>, now: Timestamp) -> Result<Written, Error> {
        self.queue.push(records, now)
    }

    /// Has the writer remove what is too old at `now` and what is too much, in steps between commits; the answer comes
    /// when nothing is left to remove. Size is looked after at every commit too, age only here: call this from time to time.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the database is closed.
    pub fn sweep(&self, now: Timestamp) -> Result<Written, Error> {
        self.queue.sweep(now)
    }

    /// Stores what waits and ends the writer.
    pub async fn close(&self) {
        self.queue.close().await;
    }
}
