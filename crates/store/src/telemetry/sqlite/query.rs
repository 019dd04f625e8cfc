//! Questions about stored records, as walks along indexes of SQLite.

use std::collections::HashMap;
use std::sync::Arc;

use boxwood_engine::TaskId;
use rusqlite::{Connection, OptionalExtension, named_params};

use super::super::place::Source;
use super::super::query::{PAGE_BYTES_MAX, Page, Query, StoredRecord, Subject, positions};
use super::super::record::{Kind, Position, RecordId, Severity, TraceId};
use crate::error::Error;
use crate::read::{Bounds, SortDirection};
use crate::sqlite::Pool;

impl Source for Pool {
    fn page(&self, query: &Query) -> Result<Page, Error> {
        self.read(|connection| page(connection, query))
    }

    fn log_counts(&self, times: Bounds<u64>) -> Result<[(Severity, u64); 6], Error> {
        let (from, to) = positions(times);
        self.read(|connection| {
            let sql = "SELECT count(*) FROM record INDEXED BY record_by_time WHERE kind = :kind \
                       AND (time, key) > (:from_time, :from_key) AND (time, key) < (:to_time, :to_key)";
            let mut statement = connection.prepare_cached(sql)?;
            let mut counts = Severity::ALL.map(|severity| (severity, 0));
            for (severity, count) in &mut counts {
                let found: i64 = statement.query_row(
                    named_params! {
                        ":kind": Kind::Log(*severity).number(),
                        ":from_time": from.time, ":from_key": from.key, ":to_time": to.time, ":to_key": to.key,
                    },
                    |row| row.get(0),
                )?;
                *count = found.unsigned_abs();
            }
            Ok(counts)
        })
    }
}

fn page(connection: &Connection, query: &Query) -> Result<Page, Error> {
    let mut listed = list(connection, query)?.into_iter();
    let mut page = Page::default();
    let mut bytes = 0;
    let mut origins = HashMap::new();
    for position in listed.by_ref().take(query.limit) {
        let record = fetch(connection, position, &mut origins)?;
        bytes += record.encoded.len() + record.resource.len() + record.scope.len();
        page.records.push(record);
        if bytes >= PAGE_BYTES_MAX {
            break;
        }
    }
    page.more = listed.next().is_some();
    Ok(page)
}

/// The records that a query finds, in order; one more than asked for, if there are more.
fn list(connection: &Connection, query: &Query) -> Result<Vec<Position>, Error> {
    if query.kinds.is_empty() {
        return Ok(Vec::new());
    }
    let (from, to) = query.positions();
    let mut statement = connection.prepare_cached(&list_sql(query))?;
    let mut bind = |name: &str, value: &dyn rusqlite::ToSql| {
        // A parameter that the statement does not have is not needed.
        statement.parameter_index(name)?.map_or(Ok(()), |index| statement.raw_bind_parameter(index, value))
    };
    if let Subject::Job { job, trace, task } = query.subject {
        bind(":job", &job.to_bytes())?;
        bind(":trace", &trace.map(TraceId::to_bytes))?;
        bind(":task", &task.map(TaskId::to_bytes))?;
    }
    bind(":from_time", &from.time)?;
    bind(":from_key", &from.key)?;
    bind(":to_time", &to.time)?;
    bind(":to_key", &to.key)?;
    bind(":limit", &i64::try_from(query.limit.saturating_add(1)).unwrap_or(i64::MAX))?;
    let found = statement
        .raw_query()
        .mapped(|row| Ok(Position { time: row.get(0)?, key: row.get(1)? }))
        .collect::<Result<_, _>>()?;
    Ok(found)
}

/// For each kind and source one walk along an index that yields them in order; SQLite merges the walks and stops at the
/// limit, so the cost is that of the page, not of what lies before or behind it.
fn list_sql(query: &Query) -> String {
    let sources: &[(&str, &str)] = match query.subject {
        Subject::All => &[("record_by_time", "")],
        Subject::Job { task: None, .. } => {
            &[("record_by_job", "job = :job AND"), ("record_by_trace", "job IS NULL AND trace = :trace AND")]
        }
        Subject::Job { task: Some(_), .. } => &[
            ("record_by_task", "task = :task AND job = :job AND"),
            ("record_by_task", "task = :task AND job IS NULL AND trace = :trace AND"),
        ],
    };
    let mut walks = Vec::new();
    for (index, condition) in sources {
        for kind in &query.kinds {
            let kind = kind.number();
            walks.push(format!(
                "SELECT time, key FROM record INDEXED BY {index} WHERE {condition} kind = {kind} \
                 AND (time, key) > (:from_time, :from_key) AND (time, key) < (:to_time, :to_key)"
            ));
        }
    }
    let order = match query.sort {
        SortDirection::Ascending => "ASC",
        SortDirection::Descending => "DESC",
    };
    format!("{} ORDER BY time {order}, key {order} LIMIT :limit", walks.join(" UNION ALL "))
}

fn fetch(
    connection: &Connection,
    position: Position,
    origins: &mut HashMap<i64, Arc<[u8]>>,
) -> Result<StoredRecord, Error> {
    let sql = "SELECT resource, scope, encoded FROM record WHERE key = ?1";
    let (resource, scope, encoded) =
        connection.prepare_cached(sql)?.query_row([position.key], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    Ok(StoredRecord {
        id: RecordId::at(position),
        resource: origin(connection, resource, origins)?,
        scope: origin(connection, scope, origins)?,
        encoded,
    })
}

fn origin(connection: &Connection, key: i64, origins: &mut HashMap<i64, Arc<[u8]>>) -> Result<Arc<[u8]>, Error> {
    if let Some(known) = origins.get(&key) {
        return Ok(known.clone());
    }
    let encoded: Option<Vec<u8>> = connection
        .prepare_cached("SELECT encoded FROM origin WHERE key = ?1")?
        .query_row([key], |row| row.get(0))
        .optional()?;
    let encoded: Arc<[u8]> =
        encoded.ok_or_else(|| Error::Corrupt(format!("telemetry: resource {key} is missing")))?.into();
    origins.insert(key, encoded.clone());
    Ok(encoded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ops::Bound;

    use boxwood_engine::JobId;

    use super::super::schema;

    /// What SQLite does for a query, one line for each step.
    fn plan(query: &Query) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let connection = schema::open(&folder.path().join("plan.sqlite3")).unwrap();
        let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {}", list_sql(query))).unwrap();
        // Parameters without a value are NULL, which changes nothing about the plan.
        statement.raw_query().mapped(|row| row.get(3)).collect::<Result<_, _>>().unwrap()
    }

    #[test]
    fn pages_are_read_along_indexes_without_sorting() {
        let id = |byte| [byte; 16];
        let job =
            |task| Subject::Job { job: JobId::from_bytes(&id(1)).unwrap(), trace: TraceId::from_bytes(&id(2)), task };
        let logs: Vec<Kind> = Severity::ALL.map(Kind::Log).to_vec();
        let subjects = [Subject::All, job(None), job(TaskId::from_bytes(&id(3)))];
        for subject in subjects {
            for kinds in [logs.clone(), vec![Kind::Span]] {
                for sort in [SortDirection::Ascending, SortDirection::Descending] {
                    let times = (Bound::Unbounded, Bound::Unbounded);
                    let query = Query { subject, kinds: kinds.clone(), times, sort, after: None, limit: 10 };
                    let steps = plan(&query);
                    assert!(steps.iter().all(|step| !step.contains("TEMP B-TREE")), "sorts: {steps:#?}");
                    let walks: Vec<&String> = steps.iter().filter(|step| step.contains("record")).collect();
                    assert!(!walks.is_empty());
                    for walk in walks {
                        assert!(walk.contains("kind=? AND time"), "does not use the whole index: {walk}");
                    }
                }
            }
        }
    }
}
