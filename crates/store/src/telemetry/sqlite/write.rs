//! Writing records into the file.

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::{Transaction, params};

use super::super::record::NewRecord;
use super::super::retain::ORIGIN_USE_MILLIS;
use crate::error::Error;

/// Resources and scopes whose keys are remembered at most, and how many bytes they have together at most.
const KNOWN_ORIGINS_MAX: usize = 4_096;
const KNOWN_ORIGIN_BYTES_MAX: usize = 8 << 20;

/// Stores a record that arrived at `now`, in milliseconds.
pub(super) fn insert(
    transaction: &Transaction<'_>,
    origins: &mut Origins,
    record: &NewRecord,
    now: i64,
) -> Result<(), Error> {
    let resource = origins.key(transaction, &record.resource, now)?;
    let scope = origins.key(transaction, &record.scope, now)?;
    let sql = "INSERT INTO record (kind, time, received_at, job, task, trace, resource, scope, encoded) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    transaction.prepare_cached(sql)?.execute(params![
        record.kind.number(),
        i64::try_from(record.time).unwrap_or(i64::MAX),
        now,
        record.job.map(|job| job.to_bytes()),
        record.task.map(|task| task.to_bytes()),
        record.trace.map(|trace| trace.to_bytes()),
        resource,
        scope,
        record.encoded,
    ])?;
    Ok(())
}

/// Keys of resources and scopes used lately.
#[derive(Default)]
pub(super) struct Origins {
    known: HashMap<Arc<[u8]>, Origin>,
    bytes: usize,
}

#[derive(Clone, Copy)]
struct Origin {
    key: i64,
    /// As stored: at most [`ORIGIN_USE_MILLIS`] behind its latest use.
    used_at: i64,
}

impl Origins {
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// The key of a resource or scope, used at `now`; stores it if it is new.
    fn key(&mut self, transaction: &Transaction<'_>, encoded: &Arc<[u8]>, now: i64) -> Result<i64, Error> {
        if let Some(origin) = self.known.get_mut(encoded) {
            if now.saturating_sub(origin.used_at) >= ORIGIN_USE_MILLIS {
                let sql = "UPDATE origin SET used_at = ?1 WHERE key = ?2";
                transaction.prepare_cached(sql)?.execute(params![now, origin.key])?;
                origin.used_at = now;
            }
            return Ok(origin.key);
        }
        let sql = "INSERT INTO origin (used_at, encoded) VALUES (?1, ?2) \
                   ON CONFLICT (encoded) DO UPDATE SET used_at = excluded.used_at RETURNING key";
        let key = transaction.prepare_cached(sql)?.query_row(params![now, &encoded[..]], |row| row.get(0))?;
        if self.known.len() >= KNOWN_ORIGINS_MAX || self.bytes + encoded.len() > KNOWN_ORIGIN_BYTES_MAX {
            self.forget();
        }
        self.bytes += encoded.len();
        self.known.insert(encoded.clone(), Origin { key, used_at: now });
        Ok(key)
    }
}
