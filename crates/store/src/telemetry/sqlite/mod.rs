//! Telemetry in a file of its own.

mod query;
mod retain;
pub(crate) mod schema;
mod write;

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

use super::place::{Arrival, Place};
use super::retain::Retention;
use crate::error::Error;
use crate::sqlite::Location;
use write::Origins;

/// The file, opened for its writer.
pub(super) struct File {
    connection: Connection,
    location: Location,
    origins: Origins,
}

impl File {
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let connection = schema::open(path)?;
        Ok(Self { connection, location: Location::of(path)?, origins: Origins::default() })
    }

    fn store(&mut self, arrivals: &[Arrival<'_>]) -> Result<(), Error> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for arrival in arrivals {
            for record in arrival.records {
                write::insert(&transaction, &mut self.origins, record, arrival.received_at)?;
            }
        }
        transaction.commit()?;
        self.location.check()
    }
}

impl Place for File {
    fn latest(&mut self) -> Result<i64, Error> {
        let sql = "SELECT received_at FROM record ORDER BY key DESC LIMIT 1";
        Ok(self.connection.query_row(sql, [], |row| row.get(0)).optional()?.unwrap_or(0))
    }

    fn commit(&mut self, arrivals: &[Arrival<'_>]) -> Result<(), Error> {
        let stored = self.store(arrivals);
        if stored.is_err() {
            // Keys that were given out in the transaction are void.
            self.origins.forget();
        }
        stored
    }

    fn remove(&mut self, retention: &mut Retention, stored: usize) -> Result<bool, Error> {
        let removed = retain::step(&mut self.connection, retention, stored);
        if !matches!(removed, Ok(step) if !step.origins) {
            self.origins.forget();
        }
        Ok(removed?.more)
    }

    fn end(&mut self) {
        self.location.leave(&self.connection);
        // Readers may still be at work; then the next start does it.
        let _ = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    }
}
