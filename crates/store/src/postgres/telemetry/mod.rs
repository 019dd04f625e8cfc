//! Telemetry in the database that several servers share.
//!
//! Each server writes on a connection of its own, which does not wait for the disk: what was committed survives the end of
//! the server; the end of the database may take the last instants. Nothing locks a row of jobs or tasks. The order of
//! arrival is that of the keys, which one sequence gives to all servers.

mod query;
pub(super) mod retain;
mod write;

use std::sync::Arc;

use super::Database;
use super::address::Address;
use super::session::{Session, Talk};
use crate::error::Error;
use crate::telemetry::place::{Arrival, Place, Source};
use crate::telemetry::retain::Retention;

/// Held, shared, by who stores records that refer to resources and scopes, and alone by who removes unused ones ("boxw-or").
const ORIGINS_LOCK: i64 = 0x62_6f78_772d_6f72;

/// Held by the server that removes records ("boxw-re").
const REMOVING_LOCK: i64 = 0x62_6f78_772d_7265;

/// The writing and the reading side.
pub(crate) fn places(database: &Database) -> (Box<dyn Place>, Arc<dyn Source>) {
    (Box::new(Server { address: database.address.clone(), session: None }), database.pool.clone())
}

/// The connection of the writer.
struct Server {
    address: Arc<Address>,
    session: Option<Session>,
}

impl Server {
    /// Speaks within a transaction, on a new connection if there is none, or if it was lost while it was idle. After an
    /// error the connection is given up, and with it the transaction.
    fn transaction<T>(&mut self, speak: impl AsyncFnOnce(&Talk) -> Result<T, Error>) -> Result<T, Error> {
        let begin = async |talk: &Talk| talk.batch("BEGIN").await;
        let kept = self.session.take().filter(|session| session.run(begin).is_ok());
        let session = match kept {
            Some(session) => session,
            None => {
                let session = Session::connect(&self.address)?;
                session.run(async |talk| talk.batch("SET synchronous_commit = off; BEGIN").await)?;
                session
            }
        };
        let said = session.run(async |talk| {
            let said = speak(talk).await?;
            talk.batch("COMMIT").await?;
            Ok(said)
        })?;
        self.session = Some(session);
        Ok(said)
    }
}

impl Place for Server {
    fn latest(&mut self) -> Result<i64, Error> {
        self.transaction(async |talk| {
            let sql = "SELECT received_at FROM telemetry_record ORDER BY key DESC LIMIT 1";
            talk.query_opt(sql, &[]).await?.map_or(Ok(0), |row| super::rows::get(&row, 0))
        })
    }

    fn commit(&mut self, arrivals: &[Arrival<'_>]) -> Result<(), Error> {
        self.transaction(async |talk| write::store(talk, arrivals).await)
    }

    fn remove(&mut self, retention: &mut Retention, stored: usize) -> Result<bool, Error> {
        if retention.too_old_before.is_none() && retention.bytes_max.is_none() {
            return Ok(false);
        }
        self.transaction(async |talk| retain::step(talk, retention, stored).await)
    }
}
