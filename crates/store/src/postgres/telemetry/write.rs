//! Writing records, many with one statement.

use std::collections::{BTreeSet, HashMap};

use super::super::rows::{Id, get, whole};
use super::super::session::Talk;
use super::ORIGINS_LOCK;
use super::retain::RECORD_BYTES;
use crate::error::Error;
use crate::telemetry::place::Arrival;
use crate::telemetry::record::NewRecord;
use crate::telemetry::retain::ORIGIN_USE_MILLIS;

/// Records, and bytes of them, after which a statement ends. It is exceeded by one record.
const STATEMENT_RECORDS_MAX: usize = 10_000;
const STATEMENT_BYTES_MAX: usize = 16 << 20;

/// Stores records within a transaction.
pub(super) async fn store(talk: &Talk, arrivals: &[Arrival<'_>]) -> Result<(), Error> {
    let origins = origins(talk, arrivals).await?;
    let mut columns = Columns::default();
    let mut stored = 0;
    for arrival in arrivals {
        for record in arrival.records {
            columns.push(record, arrival.received_at, &origins)?;
            stored += record.encoded.len() as u64 + RECORD_BYTES;
            if columns.kind.len() >= STATEMENT_RECORDS_MAX || columns.bytes >= STATEMENT_BYTES_MAX {
                std::mem::take(&mut columns).insert(talk).await?;
            }
        }
    }
    columns.insert(talk).await?;
    // Last, as others who store wait for this row until the commit.
    talk.execute("UPDATE telemetry_use SET bytes = bytes + $1", &[&whole(stored)]).await?;
    Ok(())
}

/// The keys of the resources and scopes of records. Those that are new are stored, and until the transaction ends none of
/// them is removed.
async fn origins<'a>(talk: &Talk, arrivals: &[Arrival<'a>]) -> Result<HashMap<&'a [u8], i64>, Error> {
    talk.query("SELECT pg_advisory_xact_lock_shared($1)", &[&ORIGINS_LOCK]).await?;
    let used: BTreeSet<&'a [u8]> = arrivals
        .iter()
        .flat_map(|arrival| arrival.records)
        .flat_map(|record| [&record.resource[..], &record.scope[..]])
        .collect();
    let now = arrivals.iter().map(|arrival| arrival.received_at).max().unwrap_or(0);
    let mut keys = HashMap::new();
    let wanted: Vec<&[u8]> = used.iter().copied().collect();
    let known = "SELECT o.key, o.encoded, o.used_at FROM telemetry_origin o
         WHERE sha256(o.encoded) = ANY(ARRAY(SELECT sha256(wanted) FROM unnest($1::bytea[]) AS wanted))";
    for row in talk.query(known, &[&wanted]).await? {
        let used_at: i64 = get(&row, 2)?;
        if now.saturating_sub(used_at) < ORIGIN_USE_MILLIS
            && let Some(encoded) = used.get(get::<&[u8]>(&row, 1)?)
        {
            keys.insert(*encoded, get(&row, 0)?);
        }
    }
    let due: Vec<&[u8]> = wanted.into_iter().filter(|encoded| !keys.contains_key(encoded)).collect();
    if due.is_empty() {
        return Ok(keys);
    }
    // In one order on all servers, so that they do not wait for each other in a circle.
    let upsert = "INSERT INTO telemetry_origin (used_at, encoded)
         SELECT $1, due FROM unnest($2::bytea[]) AS due ORDER BY due
         ON CONFLICT (sha256(encoded))
         DO UPDATE SET used_at = greatest(telemetry_origin.used_at, excluded.used_at) RETURNING key, encoded";
    for row in talk.query(upsert, &[&now, &due]).await? {
        if let Some(encoded) = used.get(get::<&[u8]>(&row, 1)?) {
            keys.insert(*encoded, get(&row, 0)?);
        }
    }
    Ok(keys)
}

/// The values of records, column by column.
#[derive(Default)]
struct Columns<'a> {
    kind: Vec<i16>,
    time: Vec<i64>,
    received_at: Vec<i64>,
    job: Vec<Option<Id>>,
    task: Vec<Option<Id>>,
    trace: Vec<Option<Id>>,
    resource: Vec<i64>,
    scope: Vec<i64>,
    encoded: Vec<&'a [u8]>,
    bytes: usize,
}

impl<'a> Columns<'a> {
    fn push(&mut self, record: &'a NewRecord, received_at: i64, origins: &HashMap<&'a [u8], i64>) -> Result<(), Error> {
        let key = |encoded: &[u8]| {
            let key = origins.get(encoded).copied();
            key.ok_or_else(|| Error::Corrupt("telemetry: the database did not answer the key of a resource".into()))
        };
        self.kind.push(record.kind.number() as i16);
        self.time.push(whole(record.time));
        self.received_at.push(received_at);
        self.job.push(record.job.map(|id| Id(id.to_bytes())));
        self.task.push(record.task.map(|id| Id(id.to_bytes())));
        self.trace.push(record.trace.map(|id| Id(id.to_bytes())));
        self.resource.push(key(&record.resource)?);
        self.scope.push(key(&record.scope)?);
        self.encoded.push(&record.encoded);
        self.bytes += record.encoded.len();
        Ok(())
    }

    /// Stores them; keys are given in this order.
    async fn insert(self, talk: &Talk) -> Result<(), Error> {
        if self.kind.is_empty() {
            return Ok(());
        }
        let sql = "INSERT INTO telemetry_record (kind, time, received_at, job, task, trace, resource, scope, encoded)
             SELECT * FROM unnest($1::smallint[], $2::bigint[], $3::bigint[], $4::uuid[], $5::uuid[], $6::uuid[],
                 $7::bigint[], $8::bigint[], $9::bytea[])";
        talk.execute(
            sql,
            &[
                &self.kind,
                &self.time,
                &self.received_at,
                &self.job,
                &self.task,
                &self.trace,
                &self.resource,
                &self.scope,
                &self.encoded,
            ],
        )
        .await?;
        Ok(())
    }
}
