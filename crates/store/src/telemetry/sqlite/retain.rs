//! Removing records from the file, and giving its pages back.

use rusqlite::{Connection, OptionalExtension, params};

use super::super::retain::{ORIGIN_USE_MILLIS, Retention};
use crate::error::Error;

/// What a record takes in the file beside its own bytes, about: its other columns and its entries in four indexes.
const RECORD_BYTES: u64 = 200;

/// Pages given back to the file system in one step.
const STEP_PAGES: i64 = 512;

/// What a step did.
#[derive(Clone, Copy, Default)]
pub(super) struct Step {
    /// Whether there is more to remove.
    pub(super) more: bool,
    /// Whether resources or scopes were removed.
    pub(super) origins: bool,
}

/// Removes some of what must go.
pub(super) fn step(connection: &mut Connection, retention: &mut Retention, stored: usize) -> Result<Step, Error> {
    let limit = Retention::step_records(stored);
    let mut step = Step::default();
    let transaction = connection.transaction()?;
    let mut removed = remove_too_old(&transaction, retention, limit)?;
    step.more = removed == limit;
    if !step.more {
        retention.too_old_before = None;
        let excess = if retention.bytes_max.is_some() { retention.excess(used(&transaction)?) } else { 0 };
        if excess > 0 {
            let oldest = remove_oldest(&transaction, excess, limit)?;
            step.more = oldest > 0;
            removed += oldest;
        }
    }
    if removed > 0 {
        let unused = remove_unused_origins(&transaction, limit)?;
        step.origins = unused > 0;
        step.more |= unused == limit;
    }
    transaction.commit()?;
    if !step.more {
        step.more = give_back_pages(connection, retention)?;
    }
    Ok(step)
}

fn remove_too_old(connection: &Connection, retention: &Retention, limit: usize) -> Result<usize, Error> {
    let Some(before) = retention.too_old_before else { return Ok(0) };
    let sql = "DELETE FROM record WHERE key IN (SELECT key FROM record ORDER BY key LIMIT ?1) AND received_at < ?2";
    Ok(connection.prepare_cached(sql)?.execute(params![count(limit), before])?)
}

/// Bytes of the pages that something is on.
fn used(connection: &Connection) -> Result<u64, Error> {
    let pages = pragma(connection, "page_count")?;
    Ok(pages.saturating_sub(pragma(connection, "freelist_count")?) * pragma(connection, "page_size")?)
}

/// Shortens a file that is too large by pages nothing is on; answers whether to go on.
fn give_back_pages(connection: &Connection, retention: &Retention) -> Result<bool, Error> {
    let Some(bytes_max) = retention.bytes_max else { return Ok(false) };
    let bytes = pragma(connection, "page_count")? * pragma(connection, "page_size")?;
    let free = pragma(connection, "freelist_count")?;
    if bytes <= bytes_max || free == 0 {
        return Ok(false);
    }
    // Gives back one page with each row it answers.
    let mut statement = connection.prepare(&format!("PRAGMA incremental_vacuum({STEP_PAGES})"))?;
    let mut rows = statement.query([])?;
    while rows.next()?.is_some() {}
    let less = pragma(connection, "freelist_count")?;
    Ok(less < free)
}

/// Removes the oldest records, about `bytes` of them and at most `limit`; answers how many that were.
fn remove_oldest(connection: &Connection, bytes: u64, limit: usize) -> Result<usize, Error> {
    let mut statement = connection.prepare_cached("SELECT key, length(encoded) FROM record ORDER BY key LIMIT ?1")?;
    let mut rows = statement.query([count(limit)])?;
    let (mut last, mut found) = (0_i64, 0_u64);
    while let Some(row) = rows.next()? {
        last = row.get(0)?;
        found += row.get::<_, i64>(1)?.unsigned_abs() + RECORD_BYTES;
        if found >= bytes {
            break;
        }
    }
    Ok(connection.prepare_cached("DELETE FROM record WHERE key <= ?1")?.execute([last])?)
}

/// Removes resources and scopes that no record refers to: all records that used them arrived before the oldest one left.
fn remove_unused_origins(connection: &Connection, limit: usize) -> Result<usize, Error> {
    let oldest: Option<i64> = connection
        .prepare_cached("SELECT received_at FROM record ORDER BY key LIMIT 1")?
        .query_row([], |row| row.get(0))
        .optional()?;
    let unused_since = oldest.map_or(i64::MAX, |oldest| oldest.saturating_sub(ORIGIN_USE_MILLIS));
    let sql = "DELETE FROM origin WHERE key IN (SELECT key FROM origin WHERE used_at < ?1 LIMIT ?2)";
    Ok(connection.prepare_cached(sql)?.execute(params![unused_since, count(limit)])?)
}

fn count(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

fn pragma(connection: &Connection, name: &str) -> Result<u64, Error> {
    let value: i64 = connection.pragma_query_value(None, name, |row| row.get(0))?;
    Ok(value.unsigned_abs())
}
