//! PostgreSQL: one database, any number of servers.
//!
//! Servers keep nothing of their own. The row of a job in `job_status` is the lock of everything that belongs to the job:
//! a batch locks the jobs it needs, in the order of their keys, then loads, decides, saves and commits. What it looks for
//! beyond them (work to hand out) it takes only where nobody else is at work (`SKIP LOCKED`), so that no two batches ever
//! wait for each other.

mod address;
mod backend;
mod catalog;
mod columns;
mod filter;
mod flight;
mod found;
mod keys;
mod listing;
mod load;
mod news;
mod outline;
mod pool;
mod query;
mod ready;
mod rows;
mod save;
mod scan;
mod schema;
mod session;
pub(crate) mod telemetry;
mod tls;
pub(crate) mod transfer;
mod waits;
mod wanted;

use std::sync::Arc;

pub use address::Address;
pub use news::News;

use crate::backend::Backend;
use crate::error::Error;
use crate::read::Reader;
use crate::writer::Wake;
use pool::Pool;
use session::Session;

/// A database that this server uses, as others may.
#[derive(Clone)]
pub struct Database {
    address: Arc<Address>,
    pool: Arc<Pool>,
}

impl Database {
    /// Connects, and brings the schema up to date; an empty database becomes one of Boxwood's.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if it cannot be reached; [`Error::Incompatible`] if it is too old, or was made by a newer
    /// version of Boxwood.
    pub fn open(address: Address) -> Result<Self, Error> {
        let session = Session::connect(&address)?;
        schema::bring_up_to_date(&session)?;
        let address = address.shared();
        Ok(Self { pool: Arc::new(Pool::new(address.clone())), address })
    }

    /// Where it is.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Queries on committed rows.
    #[must_use]
    pub fn reader(&self) -> Arc<dyn Reader> {
        self.pool.clone()
    }

    /// Tells other servers of tasks that became ready here, and calls `heard` with those that became ready there.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if no thread can be started.
    pub fn news(&self, heard: impl Fn(&[Wake]) + Send + 'static) -> Result<News, Error> {
        News::start(self.address.clone(), heard)
    }

    /// A writer, beside those of other servers.
    #[must_use]
    pub fn backend(&self) -> Box<dyn Backend> {
        Box::new(backend::Postgres::new(self.address.clone()))
    }
}
