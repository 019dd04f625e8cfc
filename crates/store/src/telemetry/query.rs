//! Questions about stored records.

use std::ops::Bound;
use std::sync::Arc;

use boxwood_engine::{JobId, TaskId};

use super::Database;
use super::record::{Kind, Position, RecordId, Severity, TraceId};
use crate::error::Error;
use crate::read::{Bounds, SortDirection};

/// Encoded bytes after which a page ends early, at least one record given: what one answer may weigh.
pub(crate) const PAGE_BYTES_MAX: usize = 64 << 20;

/// Whose records.
#[derive(Clone, Copy, Debug)]
pub enum Subject {
    /// All records, whether they belong to a job or not (O-3).
    All,
    /// Those of a job: records with a task of it, and those of its trace whose task is not known (O-4).
    Job {
        /// The job.
        job: JobId,
        /// Its trace.
        trace: Option<TraceId>,
        /// If only one task is asked for: the task.
        task: Option<TaskId>,
    },
}

/// Which records to list.
#[derive(Clone, Debug)]
pub struct Query {
    /// Whose.
    pub subject: Subject,
    /// Of which kinds, each once.
    pub kinds: Vec<Kind>,
    /// When, in nanoseconds since 1970.
    pub times: Bounds<u64>,
    /// In which order of time.
    pub sort: SortDirection,
    /// The last record of the page before this one.
    pub after: Option<RecordId>,
    /// How many records at most.
    pub limit: usize,
}

/// A record as it was stored.
#[derive(Clone, Debug)]
pub struct StoredRecord {
    /// Its id.
    pub id: RecordId,
    /// The resource it comes from, encoded.
    pub resource: Arc<[u8]>,
    /// The scope it comes from, encoded.
    pub scope: Arc<[u8]>,
    /// The record itself, encoded.
    pub encoded: Vec<u8>,
}

/// One page of records.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// The records. Fewer than asked for although more follow, if they are very large.
    pub records: Vec<StoredRecord>,
    /// Whether more follow (J-52).
    pub more: bool,
}

impl Database {
    /// A page of records. Blocks; call it where blocking is allowed.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn page(&self, query: &Query) -> Result<Page, Error> {
        self.source.page(query)
    }

    /// How many log records of each severity group there are in an interval of times, in nanoseconds since 1970 (O-36).
    /// Blocks.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn log_counts(&self, times: Bounds<u64>) -> Result<[(Severity, u64); 6], Error> {
        self.source.log_counts(times)
    }
}

impl Query {
    /// The positions between which its records lie; both are outside.
    pub(crate) fn positions(&self) -> (Position, Position) {
        let (mut from, mut to) = positions(self.times);
        match (self.after.map(RecordId::position), self.sort) {
            (Some(after), SortDirection::Ascending) => from = from.max(after),
            (Some(after), SortDirection::Descending) => to = to.min(after),
            (None, _) => {}
        }
        (from, to)
    }
}

/// The positions between which an interval lies; both are outside of it. Keys are 1 or more.
pub(crate) fn positions(times: Bounds<u64>) -> (Position, Position) {
    let at = |time: u64, key| Position { time: i64::try_from(time).unwrap_or(i64::MAX), key };
    let from = match times.0 {
        Bound::Unbounded => at(0, 0),
        Bound::Included(time) => at(time, 0),
        Bound::Excluded(time) => at(time, i64::MAX),
    };
    let to = match times.1 {
        Bound::Unbounded => at(u64::MAX, i64::MAX),
        Bound::Included(time) => at(time, i64::MAX),
        Bound::Excluded(time) => at(time, 0),
    };
    (from, to)
}
