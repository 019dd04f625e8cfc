//! Retention: what arrived longest ago goes first, a bounded number of records at a time.

use boxwood_engine::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::Options;
use crate::error::Error;

/// Records removed in one step at least, if there are as many to remove.
const STEP_RECORDS: usize = 2_000;

/// What a record takes in the file beside its own bytes, about: its other columns and its entries in four indexes.
const RECORD_BYTES: u64 = 200;

/// Pages given back to the file system in one step.
const STEP_PAGES: i64 = 512;

/// How far the stored time of a resource's latest use may be behind, in milliseconds: each use would be a write otherwise.
pub(super) const ORIGIN_USE_MILLIS: i64 = 60_000;

/// What the writer removes.
pub(super) struct Retention {
    age_max_millis: Option<i64>,
    bytes_max: Option<u64>,
    page_bytes: u64,
    /// Records that arrived before this, in milliseconds, are too old.
    too_old_before: Option<i64>,
    /// Whether the file was found too large and has not yet become clearly smaller.
    shrinking: bool,
}

/// What a step did.
#[derive(Clone, Copy, Default)]
pub(super) struct Step {
    /// Whether there is more to remove.
    pub(super) more: bool,
    /// Whether resources or scopes were removed.
    pub(super) origins: bool,
}

impl Retention {
    pub(super) fn new(connection: &Connection, options: &Options) -> Result<Self, Error> {
        Ok(Self {
            age_max_millis: options.age_max.map(|age| i64::try_from(age.as_millis()).unwrap_or(i64::MAX)),
            bytes_max: options.bytes_max,
            page_bytes: pragma(connection, "page_size")?,
            too_old_before: None,
            shrinking: false,
        })
    }

    /// It is `now`: more may be too old.
    pub(super) fn advance(&mut self, now: Timestamp) {
        self.too_old_before = self.age_max_millis.map(|age| now.0.div_euclid(1_000).saturating_sub(age));
    }

    /// Removes some of what must go. With `stored` records since the last step it removes more than that, so that it
    /// keeps up with any flood.
    pub(super) fn step(&mut self, connection: &mut Connection, stored: usize) -> Result<Step, Error> {
        let limit = STEP_RECORDS.max(stored.saturating_mul(2));
        let mut step = Step::default();
        let transaction = connection.transaction()?;
        let mut removed = self.remove_too_old(&transaction, limit)?;
        step.more = removed == limit;
        if !step.more {
            self.too_old_before = None;
            let excess = self.excess(&transaction)?;
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
            step.more = self.give_back_pages(connection)?;
        }
        Ok(step)
    }

    fn remove_too_old(&self, connection: &Connection, limit: usize) -> Result<usize, Error> {
        let Some(before) = self.too_old_before else { return Ok(0) };
        let sql = "DELETE FROM record WHERE key IN (SELECT key FROM record ORDER BY key LIMIT ?1) AND received_at < ?2";
        Ok(connection.prepare_cached(sql)?.execute(params![count(limit), before])?)
    }

    /// How many bytes are too much. A file that was found too large counts as such until a twentieth of it is free, or it
    /// would be too large again with every commit.
    fn excess(&mut self, connection: &Connection) -> Result<u64, Error> {
        let Some(bytes_max) = self.bytes_max else { return Ok(0) };
        let pages = pragma(connection, "page_count")?;
        let used = pages.saturating_sub(pragma(connection, "freelist_count")?) * self.page_bytes;
        let wanted = bytes_max - bytes_max / 20;
        self.shrinking = used > if self.shrinking { wanted } else { bytes_max };
        Ok(if self.shrinking { used - wanted } else { 0 })
    }

    /// Shortens a file that is too large by pages nothing is on; answers whether to go on.
    fn give_back_pages(&self, connection: &Connection) -> Result<bool, Error> {
        let Some(bytes_max) = self.bytes_max else { return Ok(false) };
        let excess = (pragma(connection, "page_count")? * self.page_bytes).saturating_sub(bytes_max);
        let free = pragma(connection, "freelist_count")?;
        if excess == 0 || free == 0 {
            return Ok(false);
        }
        // Gives back one page with each row it answers.
        let mut statement = connection.prepare(&format!("PRAGMA incremental_vacuum({STEP_PAGES})"))?;
        let mut rows = statement.query([])?;
        while rows.next()?.is_some() {}
        let less = pragma(connection, "freelist_count")?;
        Ok(less < free)
    }
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
