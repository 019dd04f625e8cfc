//! SQLite: one file, one writer, many readers.
//!
//! The data directory holds `boxwood.sqlite3` (with its `-wal` and `-shm`), and `lock`, which a running server holds so
//! that a second one is refused. WAL with `synchronous=FULL`: a commit that returned survives a power cut.

mod found;
mod load;
mod location;
mod outline;
mod query;
mod rows;
mod save;
pub(crate) mod schema;
pub(crate) mod transfer;
mod waits;

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex};

use boxwood_engine::{Changes, Need, Settings, TaskKey, Timestamp, WorkingSet};
use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::backend::Backend;
use crate::error::Error;
use crate::read::Reader;
pub(crate) use location::Location;

/// The file of jobs and tasks, inside the data directory.
const FILE_NAME: &str = "boxwood.sqlite3";

/// Readers at work at once; further ones wait.
const READERS_MAX: usize = 8;

/// Statements kept prepared per connection.
const STATEMENTS_MAX: usize = 128;

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Unavailable(format!("database: {error}; make room on it")),
            Some(ErrorCode::CannotOpen) => Self::Unavailable(format!("database: {error}")),
            _ => Self::Corrupt(format!("database: {error}")),
        }
    }
}

/// A data directory opened for use by this process alone.
pub struct Database {
    path: PathBuf,
    writer: Connection,
    location: Location,
    pool: Arc<Pool>,
    lock: File,
}

impl Database {
    /// Opens the database in `dir`, making directory and database if they do not exist and bringing an older schema up
    /// to date.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the directory cannot be used or another process has it open; [`Error::Incompatible`] if
    /// the database was made by a newer version.
    pub fn open(dir: &Path) -> Result<Self, Error> {
        let lock = lock(dir)?;
        let path = dir.join(FILE_NAME);
        let writer = open_writer(&path).map_err(|error| error.at(&path))?;
        let location = Location::of(&path)?;
        let pool = Arc::new(Pool::new(path.clone()));
        Ok(Self { path, writer, location, pool, lock })
    }

    /// Where the database is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Queries on committed rows.
    #[must_use]
    pub fn reader(&self) -> Arc<dyn Reader> {
        self.pool.clone()
    }

    /// The writer. It holds the directory until it is dropped.
    #[must_use]
    pub fn backend(self) -> Box<dyn Backend> {
        Box::new(Sqlite { connection: self.writer, location: self.location, _lock: self.lock })
    }
}

fn open_writer(path: &Path) -> Result<Connection, Error> {
    let mut writer = Connection::open(path)?;
    configure(&writer)?;
    writer.pragma_update(None, "journal_mode", "WAL")?;
    writer.pragma_update(None, "synchronous", "FULL")?;
    schema::bring_up_to_date(&mut writer, path, &schema::SCHEMA)?;
    Ok(writer)
}

/// Makes the directory if it does not exist, and takes it for this process alone.
fn lock(dir: &Path) -> Result<File, Error> {
    let unusable = |error: std::io::Error| {
        Error::Unavailable(format!("data directory {}: {error}; choose another with --data-dir", dir.display()))
    };
    std::fs::create_dir_all(dir).map_err(unusable)?;
    let lock = File::create(dir.join("lock")).map_err(unusable)?;
    lock.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => Error::Unavailable(format!(
            "data directory {} is in use by another server; stop that one or choose another directory with --data-dir",
            dir.display()
        )),
        TryLockError::Error(error) => unusable(error),
    })?;
    Ok(lock)
}

pub(crate) fn configure(connection: &Connection) -> Result<(), Error> {
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    // Kibibytes; memory is taken only as pages are read.
    connection.pragma_update(None, "cache_size", -32_768)?;
    Ok(())
}

/// The one writer. The lock is released when the process that holds it drops the backend or ends.
struct Sqlite {
    connection: Connection,
    location: Location,
    _lock: File,
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        self.location.leave(&self.connection);
    }
}

impl Backend for Sqlite {
    fn open_set(&mut self, settings: Settings) -> Result<WorkingSet, Error> {
        load::open_set(&self.connection, settings)
    }

    fn load(&mut self, set: &mut WorkingSet, need: Need) -> Result<(), Error> {
        save::begin(&self.connection)?;
        load::need(&self.connection, set, need)
    }

    fn save(&mut self, changes: &Changes<'_>) -> Result<(), Error> {
        save::changes(&self.connection, changes)
    }

    fn inputs(&mut self, tasks: &[TaskKey]) -> Result<Vec<Vec<u8>>, Error> {
        load::inputs(&self.connection, tasks)
    }

    fn expired(&mut self, now: Timestamp, limit: usize) -> Result<Vec<TaskKey>, Error> {
        load::expired(&self.connection, now, limit)
    }

    /// Also fails where what was committed would not be found again.
    fn commit(&mut self) -> Result<(), Error> {
        save::commit(&self.connection)?;
        self.location.check()
    }
}

/// Read connections, made as they are needed and kept.
pub(crate) struct Pool {
    path: PathBuf,
    /// Whether it has one connection, and one snapshot of the database for all queries.
    one: bool,
    state: Mutex<PoolState>,
    returned: Condvar,
}

#[derive(Default)]
struct PoolState {
    idle: Vec<Connection>,
    busy: usize,
}

impl Pool {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, one: false, state: Mutex::default(), returned: Condvar::new() }
    }

    /// A pool of one connection, whose transaction is that of all queries.
    fn of_one(path: PathBuf, connection: Connection) -> Self {
        let state = Mutex::new(PoolState { idle: vec![connection], busy: 0 });
        Self { path, one: true, state, returned: Condvar::new() }
    }

    /// Runs a query on a connection of its own, as one snapshot.
    pub(crate) fn read<T>(&self, query: impl FnOnce(&Connection) -> Result<T, Error>) -> Result<T, Error> {
        let taken = {
            let mut state = self.state.lock().expect("no holder of the pool panics");
            while state.busy >= if self.one { 1 } else { READERS_MAX } {
                state = self.returned.wait(state).expect("no holder of the pool panics");
            }
            state.busy += 1;
            state.idle.pop()
        };
        let (result, connection) = match taken.map_or_else(|| self.connect(), Ok) {
            Ok(connection) if self.one => (query(&connection), Some(connection)),
            Ok(mut connection) => (snapshot(&mut connection, query), Some(connection)),
            Err(error) => (Err(error), None),
        };
        let mut state = self.state.lock().expect("no holder of the pool panics");
        state.busy -= 1;
        state.idle.extend(connection);
        drop(state);
        self.returned.notify_one();
        result
    }

    fn connect(&self) -> Result<Connection, Error> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags)?;
        configure(&connection)?;
        connection.pragma_update(None, "cache_size", -4_096)?;
        Ok(connection)
    }
}

fn snapshot<T>(connection: &mut Connection, query: impl FnOnce(&Connection) -> Result<T, Error>) -> Result<T, Error> {
    let transaction = connection.transaction()?;
    let result = query(&transaction)?;
    transaction.commit()?;
    Ok(result)
}
