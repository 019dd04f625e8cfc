//! Removing records. Any server does it, one at a time.

use tokio_postgres::Row;

use super::super::rows::{get, number};
use super::super::session::Talk;
use super::{ORIGINS_LOCK, REMOVING_LOCK};
use crate::error::Error;
use crate::telemetry::retain::{ORIGIN_USE_MILLIS, Retention};

/// What a record takes in the database beside its own bytes, about: its other columns and its entries in four indexes.
pub(in super::super) const RECORD_BYTES: u64 = 300;

/// How far the clocks of servers may be apart, in milliseconds, for resources and scopes not to be removed too early.
const CLOCKS_APART_MILLIS: i64 = 10 * 60 * 1_000;

/// Removes some of what must go, within a transaction; answers whether there is more.
pub(super) async fn step(talk: &Talk, retention: &mut Retention, stored: usize) -> Result<bool, Error> {
    let due = retention.too_old_before.is_some();
    let excess = if retention.bytes_max.is_some() { retention.excess(used(talk).await?) } else { 0 };
    if !due && excess == 0 {
        return Ok(false);
    }
    if due {
        talk.query("SELECT pg_advisory_xact_lock($1)", &[&REMOVING_LOCK]).await?;
    } else if !try_lock(talk, REMOVING_LOCK).await? {
        // Another server is at it.
        return Ok(false);
    }
    let limit = Retention::step_records(stored);
    let mut removed = remove_too_old(talk, retention, limit).await?;
    let mut more = removed == limit;
    if !more {
        retention.too_old_before = None;
        // Once more, as it was asked for before the others were waited for.
        let excess = if retention.bytes_max.is_some() { retention.excess(used(talk).await?) } else { 0 };
        if excess > 0 {
            let oldest = remove_oldest(talk, excess, limit).await?;
            more = oldest > 0;
            removed += oldest;
        }
    }
    if removed > 0 && try_lock(talk, ORIGINS_LOCK).await? {
        more |= remove_unused_origins(talk, limit).await? == limit;
    }
    Ok(more)
}

async fn try_lock(talk: &Talk, lock: i64) -> Result<bool, Error> {
    let found = talk.query("SELECT pg_try_advisory_xact_lock($1)", &[&lock]).await?;
    found.first().map_or(Ok(false), |row| get(row, 0))
}

/// Bytes of all records.
async fn used(talk: &Talk) -> Result<u64, Error> {
    talk.query_opt("SELECT bytes FROM telemetry_use", &[]).await?.map_or(Ok(0), |row| number(&row, 0))
}

async fn remove_too_old(talk: &Talk, retention: &Retention, limit: usize) -> Result<usize, Error> {
    let Some(before) = retention.too_old_before else { return Ok(0) };
    let sql = "WITH gone AS (
             DELETE FROM telemetry_record
             WHERE key = ANY(ARRAY(SELECT key FROM telemetry_record ORDER BY key LIMIT $1)) AND received_at < $2
             RETURNING octet_length(encoded) AS bytes
         ) SELECT count(*), coalesce(sum(bytes), 0)::bigint FROM gone";
    forget_bytes(talk, talk.query(sql, &[&rows_max(limit), &before]).await?).await
}

/// Removes the oldest records, about `bytes` of them and at most `limit`; answers how many that were.
async fn remove_oldest(talk: &Talk, bytes: u64, limit: usize) -> Result<usize, Error> {
    let sql = "WITH gone AS (
             DELETE FROM telemetry_record WHERE key = ANY(ARRAY(
                 SELECT key FROM (
                     SELECT key, sum(bytes) OVER (ORDER BY key) - bytes AS before FROM (
                         SELECT key, octet_length(encoded) + $3::bigint AS bytes FROM telemetry_record ORDER BY key LIMIT $1
                     ) AS oldest
                 ) AS summed WHERE before < $2::bigint
             )) RETURNING octet_length(encoded) AS bytes
         ) SELECT count(*), coalesce(sum(bytes), 0)::bigint FROM gone";
    let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
    let found = talk.query(sql, &[&rows_max(limit), &bytes, &RECORD_BYTES.cast_signed()]).await?;
    forget_bytes(talk, found).await
}

/// Takes removed records, given as count and bytes, off the bytes of all; answers their count.
async fn forget_bytes(talk: &Talk, gone: Vec<Row>) -> Result<usize, Error> {
    let Some(row) = gone.first() else { return Ok(0) };
    let (count, bytes) = (number(row, 0)?, number(row, 1)?);
    if count > 0 {
        let bytes = (bytes + count * RECORD_BYTES).cast_signed();
        talk.execute("UPDATE telemetry_use SET bytes = greatest(bytes - $1, 0)", &[&bytes]).await?;
    }
    Ok(usize::try_from(count).unwrap_or(usize::MAX))
}

/// Removes resources and scopes that no record refers to: all records that used them arrived before the oldest one left.
async fn remove_unused_origins(talk: &Talk, limit: usize) -> Result<usize, Error> {
    let sql = "DELETE FROM telemetry_origin WHERE key = ANY(ARRAY(
             SELECT key FROM telemetry_origin WHERE used_at < coalesce(
                 (SELECT received_at - $1 FROM telemetry_record ORDER BY key LIMIT 1), 9223372036854775807
             ) LIMIT $2
         ))";
    let apart = ORIGIN_USE_MILLIS + CLOCKS_APART_MILLIS;
    let removed = talk.execute(sql, &[&apart, &rows_max(limit)]).await?;
    Ok(usize::try_from(removed).unwrap_or(usize::MAX))
}

fn rows_max(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
