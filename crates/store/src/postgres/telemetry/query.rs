//! Questions about stored records, as walks along indexes of PostgreSQL.

use std::collections::HashMap;
use std::sync::Arc;

use tokio_postgres::Row;

use super::super::filter::{Value, bigint};
use super::super::pool::Pool;
use super::super::rows::{Id, get, number};
use super::super::session::Talk;
use crate::error::Error;
use crate::read::{Bounds, SortDirection};
use crate::telemetry::place::Source;
use crate::telemetry::query::{PAGE_BYTES_MAX, Page, Query, StoredRecord, Subject, positions};
use crate::telemetry::record::{Kind, Position, RecordId, Severity};

impl Source for Pool {
    fn page(&self, query: &Query) -> Result<Page, Error> {
        self.read(async |talk| page(talk, query).await)
    }

    fn log_counts(&self, times: Bounds<u64>) -> Result<[(Severity, u64); 6], Error> {
        let (from, to) = positions(times);
        self.read(async |talk| {
            let sql = "SELECT kind, count(*) FROM telemetry_record WHERE kind = ANY($1) \
                       AND (time, key) > ($2, $3) AND (time, key) < ($4, $5) GROUP BY kind";
            let kinds = Severity::ALL.map(|severity| Kind::Log(severity).number() as i16);
            let mut counts = Severity::ALL.map(|severity| (severity, 0));
            for row in talk.query(sql, &[&&kinds[..], &from.time, &from.key, &to.time, &to.key]).await? {
                let kind: i16 = get(&row, 0)?;
                for (severity, count) in &mut counts {
                    if Kind::Log(*severity).number() == i64::from(kind) {
                        *count = number(&row, 1)?;
                    }
                }
            }
            Ok(counts)
        })
    }
}

/// A record of a page, before its bytes are read.
struct Listed {
    bytes: usize,
    resource: i64,
    scope: i64,
}

async fn page(talk: &Talk, query: &Query) -> Result<Page, Error> {
    let mut found = list(talk, query).await?;
    let mut more = found.len() > query.limit;
    found.truncate(query.limit);
    if found.is_empty() {
        return Ok(Page { records: Vec::new(), more });
    }
    let listed = sizes(talk, &found).await?;
    let (mut bytes, mut kept) = (0, 0);
    while kept < found.len() && bytes < PAGE_BYTES_MAX {
        bytes += listed.get(&found[kept].key).map_or(0, |record| record.bytes);
        kept += 1;
    }
    more |= kept < found.len();
    found.truncate(kept);
    let keys: Vec<i64> = found.iter().map(|position| position.key).collect();
    let origins = origins(talk, &listed).await?;
    let origin = |key: i64| {
        let encoded = origins.get(&key).cloned();
        encoded.ok_or_else(|| Error::Corrupt(format!("telemetry: resource {key} is missing")))
    };
    let mut encoded: HashMap<i64, Vec<u8>> = HashMap::new();
    for row in talk.query("SELECT key, encoded FROM telemetry_record WHERE key = ANY($1)", &[&keys]).await? {
        encoded.insert(get(&row, 0)?, get(&row, 1)?);
    }
    let mut records = Vec::with_capacity(found.len());
    for position in found {
        let missing = || Error::Corrupt(format!("telemetry: record {} is missing", position.key));
        let record = listed.get(&position.key).ok_or_else(missing)?;
        records.push(StoredRecord {
            id: RecordId::at(position),
            resource: origin(record.resource)?,
            scope: origin(record.scope)?,
            encoded: encoded.remove(&position.key).ok_or_else(missing)?,
        });
    }
    Ok(Page { records, more })
}

/// The records that a query finds, in order; one more than asked for, if there are more. For each kind and source one walk
/// along an index that yields them in order, and ends at the limit.
async fn list(talk: &Talk, query: &Query) -> Result<Vec<Position>, Error> {
    if query.kinds.is_empty() {
        return Ok(Vec::new());
    }
    let (from, to) = query.positions();
    let mut values: Vec<Value> = vec![bigint(from.time), bigint(from.key), bigint(to.time), bigint(to.key)];
    let sources: &[&str] = match query.subject {
        Subject::All => &[""],
        Subject::Job { job, trace, task } => {
            values.push(Box::new(Id(job.to_bytes())));
            values.push(Box::new(trace.map(|trace| Id(trace.to_bytes()))));
            match task {
                None => &["job = $5 AND", "job IS NULL AND trace = $6 AND"],
                Some(task) => {
                    values.push(Box::new(Id(task.to_bytes())));
                    &["task = $7 AND job = $5 AND", "task = $7 AND job IS NULL AND trace = $6 AND"]
                }
            }
        }
    };
    let order = match query.sort {
        SortDirection::Ascending => "ASC",
        SortDirection::Descending => "DESC",
    };
    let rest = format!(
        "ORDER BY time {order}, key {order} LIMIT {}",
        i64::try_from(query.limit.saturating_add(1)).unwrap_or(i64::MAX)
    );
    let mut walks = Vec::new();
    for condition in sources {
        for kind in &query.kinds {
            let kind = kind.number();
            walks.push(format!(
                "(SELECT time, key FROM telemetry_record WHERE {condition} kind = {kind} \
                 AND (time, key) > ($1::bigint, $2::bigint) AND (time, key) < ($3::bigint, $4::bigint) {rest})"
            ));
        }
    }
    let sql = format!("SELECT time, key FROM ({}) AS walks {rest}", walks.join(" UNION ALL "));
    let values: Vec<_> = values.iter().map(AsRef::as_ref).collect();
    let position = |row: &Row| Ok(Position { time: get(row, 0)?, key: get(row, 1)? });
    talk.query_once(&sql, &values).await?.iter().map(position).collect()
}

/// How large records are, and where they come from, by key.
async fn sizes(talk: &Talk, found: &[Position]) -> Result<HashMap<i64, Listed>, Error> {
    let keys: Vec<i64> = found.iter().map(|position| position.key).collect();
    let sql = "SELECT r.key, octet_length(r.encoded)::bigint, r.resource, r.scope
         FROM telemetry_record r WHERE r.key = ANY($1)";
    let listed = |row: Row| {
        let bytes = usize::try_from(number(&row, 1)?).unwrap_or(usize::MAX);
        Ok((get(&row, 0)?, Listed { bytes, resource: get(&row, 2)?, scope: get(&row, 3)? }))
    };
    talk.query(sql, &[&keys]).await?.into_iter().map(listed).collect()
}

/// The resources and scopes of records, by key.
async fn origins(talk: &Talk, listed: &HashMap<i64, Listed>) -> Result<HashMap<i64, Arc<[u8]>>, Error> {
    let mut keys: Vec<i64> = listed.values().flat_map(|record| [record.resource, record.scope]).collect();
    keys.sort_unstable();
    keys.dedup();
    let origin = |row: Row| Ok((get(&row, 0)?, get::<&[u8]>(&row, 1)?.into()));
    talk.query("SELECT key, encoded FROM telemetry_origin WHERE key = ANY($1)", &[&keys])
        .await?
        .into_iter()
        .map(origin)
        .collect()
}
