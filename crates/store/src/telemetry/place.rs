//! Where records are stored: what a database of telemetry has to do.

use super::query::{Page, Query};
use super::record::{NewRecord, Severity};
use super::retain::Retention;
use crate::error::Error;
use crate::read::Bounds;

/// Records that arrived together.
pub(crate) struct Arrival<'a> {
    /// When, in milliseconds since 1970.
    pub(crate) received_at: i64,
    /// The records.
    pub(crate) records: &'a [NewRecord],
}

/// The writing side of a database, used by the one writer of this process.
pub(crate) trait Place: Send {
    /// When the latest record arrived, in milliseconds; 0 if there is none.
    ///
    /// # Errors
    /// If the database cannot be read.
    fn latest(&mut self) -> Result<i64, Error>;

    /// Stores records as one transaction, in this order. After an error none of them is stored, as far as can be known.
    ///
    /// # Errors
    /// If the database cannot be written; a later call may succeed.
    fn commit(&mut self, arrivals: &[Arrival<'_>]) -> Result<(), Error>;

    /// Removes some of what must go; with `stored` records since the last step more than that, so that it keeps up with
    /// any flood. Answers whether there is more to remove.
    ///
    /// # Errors
    /// If the database cannot be written; a later call may succeed.
    fn remove(&mut self, retention: &mut Retention, stored: usize) -> Result<bool, Error>;

    /// Nothing more will be written.
    fn end(&mut self) {}
}

/// The reading side of a database. Calls block.
pub(crate) trait Source: Send + Sync {
    /// A page of records.
    ///
    /// # Errors
    /// If the database cannot be read.
    fn page(&self, query: &Query) -> Result<Page, Error>;

    /// How many log records of each severity group there are in an interval of times (O-36).
    ///
    /// # Errors
    /// If the database cannot be read.
    fn log_counts(&self, times: Bounds<u64>) -> Result<[(Severity, u64); 6], Error>;
}
