//! Logs and spans: what is stored comes back, in order, and no flood does harm. The same on every database.

#![allow(clippy::unwrap_used, reason = "these are tests, though a macro makes them so")]

/// Makes the tests of one database. The first argument says whether it can be had, the second makes a place that holds no
/// records.
macro_rules! conformance {
    ($there:expr, $fresh:expr) => {
        $crate::conformance!($there, $fresh; keeping:
            records_are_removed_by_the_time_they_arrived,
            many_old_records_are_removed_in_steps_and_writes_go_on_between,
            the_file_stays_within_its_limit_and_keeps_the_newest,
            a_lowered_limit_makes_the_file_smaller,
            resources_are_stored_once_and_removed_with_their_last_record,
        );
        $crate::conformance!($there, $fresh; listing:
            o_30_o_33_order_is_by_time_then_by_arrival_in_both_directions,
            o_34_j_53_pages_have_no_gaps_and_no_repeats,
            o_4_records_belong_to_a_job_by_task_before_trace,
            o_31_kinds_select_severity_groups_and_spans,
            o_35_o_36_intervals_take_their_bounds_as_given,
            very_large_records_end_a_page_early,
        );
        $crate::conformance!($there, $fresh; writing:
            records_come_back_as_they_went_in,
            o_39_a_record_is_found_as_soon_as_its_write_is_reported,
            records_are_kept_over_a_restart_and_ids_stay_unique,
            dropping_the_last_handle_stores_what_waits,
            o_5_a_flood_is_refused_at_once_and_nothing_accepted_is_lost,
            a_write_larger_than_the_queue_is_taken_when_nothing_waits,
            a_batch_that_cannot_be_stored_is_reported_and_the_writer_goes_on,
        );
    };
    ($there:expr, $fresh:expr; $module:ident: $($name:ident),* $(,)?) => {
        $(
            #[test]
            fn $name() {
                if $there() {
                    $crate::$module::$name(&$fresh);
                }
            }
        )*
    };
}
pub(crate) use conformance;

mod keeping;
mod listing;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "sqlite")]
mod sqlite;
mod writing;

use std::ops::Bound;
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

/// Where telemetry is kept, and what only its database can tell or do. Removed in the end.
pub(crate) trait Home {
    /// Opens it, as a server does.
    fn open(&self, options: Options) -> Database;

    /// How many resources and scopes are stored.
    fn origins(&self) -> u64;

    /// Bytes in use, as far as the limit of size goes.
    fn bytes(&self) -> u64;

    /// Keeps the writer from committing until the answer is called.
    fn hold(&self) -> Box<dyn FnOnce()>;

    /// Makes records impossible to store, without doing harm to those that are.
    fn spoil(&self);

    /// Makes up for [`Home::spoil`].
    fn mend(&self);
}

/// Makes a place that holds no records.
pub(crate) type Fresh<'a> = &'a dyn Fn() -> Box<dyn Home>;

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
