//! Moving a whole database: reading it in one transaction, and filling an empty one in one.
//!
//! Tables go through `COPY` in its binary form: fields as 4 bytes of length and the value, most significant byte first.

use std::pin::Pin;
use std::sync::Arc;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use futures::{SinkExt as _, TryStreamExt as _};
use tokio_postgres::CopyInSink;

use super::Database;
use super::address::Address;
use super::pool::Pool;
use super::schema;
use super::session::{Session, Talk};
use super::telemetry::retain::RECORD_BYTES;
use crate::error::Error;
use crate::read::Reader;
use crate::telemetry::place;
use crate::transfer::row::{self, Value};
use crate::transfer::table::{COLUMNS_MAX, Column, Kind, TABLES, Table};
use crate::transfer::{Each, Source, Target};

/// A database as it is at one moment.
pub(crate) struct Snapshot {
    pool: Pool,
    telemetry: bool,
}

/// No limits of time: rows are moved as fast as the file can be written or read.
const NO_LIMITS: &str = "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0";

impl Snapshot {
    /// Begins to read, with logs and spans if they are wanted.
    pub(crate) fn open(address: &Address, telemetry: bool) -> Result<Self, Error> {
        let session = Session::connect(address)?;
        session.run(async |talk| {
            talk.batch(NO_LIMITS).await?;
            // Rows come along the keys; sorting them would take room on the database's disk.
            talk.batch("SET enable_sort = off; BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
            schema::check(talk).await
        })?;
        Ok(Self { pool: Pool::of_one(Arc::new(address.clone()), session), telemetry })
    }
}

impl Source for Snapshot {
    fn has_telemetry(&self) -> bool {
        self.telemetry
    }

    fn rows(&self, table: &Table, each: &mut Each<'_>) -> Result<(), Error> {
        self.pool.speak(async |talk| rows(talk, table, each).await)
    }

    fn reader(&self) -> &dyn Reader {
        &self.pool
    }

    fn records(&self) -> Option<&dyn place::Source> {
        self.telemetry.then_some(&self.pool as &dyn place::Source)
    }
}

fn names(columns: &[Column]) -> String {
    columns.iter().map(|column| column.postgres).collect::<Vec<_>>().join(", ")
}

/// How the binary form begins: a signature, no flags, and nothing more in its head.
const HEAD: &[u8; 19] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

/// What is there instead of the number of fields when no row follows.
const NO_MORE: i16 = -1;

async fn rows(talk: &Talk, table: &Table, each: &mut Each<'_>) -> Result<(), Error> {
    let (columns, order) = (names(table.columns), names(&table.columns[..table.order]));
    let sql = format!("COPY (SELECT {columns} FROM {} ORDER BY {order}) TO STDOUT (FORMAT binary)", table.postgres);
    let mut stream = std::pin::pin!(talk.client().copy_out(&sql).await?);
    let wrong = || Error::Corrupt(format!("database: the rows of {} are not in the binary form", table.postgres));
    // Rows may end anywhere in what arrives.
    let mut waiting = BytesMut::new();
    let mut begun = false;
    while let Some(arrived) = stream.try_next().await? {
        waiting.extend_from_slice(&arrived);
        if !begun && waiting.len() >= HEAD.len() {
            let extension = (&waiting[HEAD.len() - 4..HEAD.len()]).get_u32() as usize;
            if !waiting.starts_with(&HEAD[..11]) {
                return Err(wrong());
            }
            if waiting.len() < HEAD.len() + extension {
                continue;
            }
            waiting.advance(HEAD.len() + extension);
            begun = true;
        }
        while begun && let Some(length) = row_length(&waiting) {
            let mut fields = &waiting[2..length];
            let mut values = [Value::Empty; COLUMNS_MAX];
            for (column, value) in table.columns.iter().zip(&mut values) {
                *value = from_postgres(column, &mut fields).ok_or_else(wrong)?;
            }
            each(&values[..table.columns.len()])?;
            waiting.advance(length);
        }
    }
    if waiting[..] == NO_MORE.to_be_bytes() { Ok(()) } else { Err(wrong()) }
}

/// Bytes of the first row, if it is there and whole.
fn row_length(bytes: &[u8]) -> Option<usize> {
    let (mut rest, mut length) = (bytes, 2);
    let fields = rest.try_get_i16().ok().filter(|fields| *fields != NO_MORE)?;
    for _ in 0..fields {
        let size = usize::try_from(rest.try_get_i32().ok()?).unwrap_or(0);
        length += 4 + size;
        rest = rest.get(size..)?;
    }
    Some(length)
}

fn from_postgres<'a>(column: &Column, fields: &mut &'a [u8]) -> Option<Value<'a>> {
    let Ok(size) = usize::try_from(fields.try_get_i32().ok()?) else {
        return column.optional.then_some(Value::Empty);
    };
    let (mut field, rest) = fields.split_at_checked(size)?;
    *fields = rest;
    Some(match column.kind {
        Kind::Key | Kind::Time | Kind::Small => Value::Number(field.try_get_i64().ok()?),
        Kind::Tiny => Value::Number(field.try_get_i16().ok()?.into()),
        Kind::Flag => Value::Flag(field.try_get_u8().ok()? != 0),
        Kind::Text | Kind::Bytes => Value::Bytes(field),
        Kind::Id => Value::Id(field.try_into().ok()?),
    })
}

/// Appends a row; nothing if a number is too large for its column.
fn to_postgres(table: &Table, row: &[Value<'_>], out: &mut BytesMut) -> Option<()> {
    out.put_i16(i16::try_from(row.len()).ok()?);
    for (column, value) in table.columns.iter().zip(row) {
        match value {
            Value::Empty => out.put_i32(-1),
            Value::Number(number) if column.kind == Kind::Tiny => {
                out.put_i32(2);
                out.put_i16(i16::try_from(*number).ok()?);
            }
            Value::Number(number) => {
                out.put_i32(8);
                out.put_i64(*number);
            }
            Value::Flag(flag) => {
                out.put_i32(1);
                out.put_u8(u8::from(*flag));
            }
            Value::Bytes(bytes) => {
                out.put_i32(i32::try_from(bytes.len()).ok()?);
                out.put_slice(bytes);
            }
            Value::Id(id) => {
                out.put_i32(16);
                out.put_slice(id);
            }
        }
    }
    Some(())
}

/// A database that is being filled, in one transaction. Nobody else sees anything of it before it is whole.
pub(crate) struct Empty {
    snapshot: Snapshot,
    /// The table at work.
    copying: Option<(&'static Table, Pin<Box<CopyInSink<Bytes>>>)>,
}

impl Empty {
    /// Makes the tables if there are none, and locks them. They must be empty: a server makes its first cluster when it
    /// starts, so none has been at work here; one that starts now waits, and then finds what was imported.
    pub(crate) fn open(address: &Address) -> Result<Self, Error> {
        Database::open(address.clone())?;
        let session = Session::connect(address)?;
        session.run(async |talk| {
            talk.batch(NO_LIMITS).await?;
            let names: Vec<&str> = TABLES.iter().map(|table| table.postgres).collect();
            let lock = format!("BEGIN; LOCK TABLE catalog, next_keys, {} IN EXCLUSIVE MODE", names.join(", "));
            talk.batch(&lock).await?;
            for name in names {
                let there = talk.query_once(&format!("SELECT EXISTS (SELECT 1 FROM {name})"), &[]).await?;
                if there.first().is_none_or(|row| row.get(0)) {
                    return Err(Error::Unavailable(format!(
                        "database {address} is not empty: {name} has rows; import into a new database, on which no \
                         server has been started"
                    )));
                }
            }
            Ok(())
        })?;
        let pool = Pool::of_one(Arc::new(address.clone()), session);
        Ok(Self { snapshot: Snapshot { pool, telemetry: true }, copying: None })
    }

    /// No more rows of the table at work follow.
    fn end_table(&mut self) -> Result<(), Error> {
        let Some((_, mut sink)) = self.copying.take() else { return Ok(()) };
        self.snapshot.pool.speak(async move |_| {
            sink.send(Bytes::copy_from_slice(&NO_MORE.to_be_bytes())).await?;
            sink.as_mut().finish().await?;
            Ok(())
        })
    }
}

impl Source for Empty {
    fn has_telemetry(&self) -> bool {
        true
    }

    fn rows(&self, table: &Table, each: &mut Each<'_>) -> Result<(), Error> {
        self.snapshot.rows(table, each)
    }

    fn reader(&self) -> &dyn Reader {
        self.snapshot.reader()
    }

    fn records(&self) -> Option<&dyn place::Source> {
        self.snapshot.records()
    }
}

impl Target for Empty {
    fn put(&mut self, table: &'static Table, mut rows: &[u8]) -> Result<(), Error> {
        if !self.copying.as_ref().is_some_and(|(at, _)| at.is(table)) {
            self.end_table()?;
            let sql = format!("COPY {} ({}) FROM STDIN (FORMAT binary)", table.postgres, names(table.columns));
            let sink = self.snapshot.pool.speak(async |talk| {
                let mut sink = Box::pin(talk.client().copy_in(&sql).await?);
                sink.send(Bytes::from_static(HEAD)).await?;
                Ok(sink)
            })?;
            self.copying = Some((table, sink));
        }
        let (mut bytes, mut row) = (BytesMut::with_capacity(rows.len() * 3), Vec::new());
        while !rows.is_empty() {
            row::decode(table, &mut rows, &mut row)
                .and_then(|()| to_postgres(table, &row, &mut bytes))
                .ok_or_else(|| Error::Corrupt(format!("a row of {} that cannot be", table.name)))?;
        }
        match &mut self.copying {
            Some((_, sink)) => self.snapshot.pool.speak(async |_| Ok(sink.send(bytes.freeze()).await?)),
            None => Ok(()),
        }
    }

    fn complete(&mut self) -> Result<(), Error> {
        self.end_table()?;
        self.snapshot.pool.speak(async |talk| {
            // The next keys are those after all there are. Nobody has any in hand: no server has been here.
            let numbers = format!(
                "UPDATE next_keys SET job = (SELECT coalesce(max(key), 0) + 1 FROM job),
                     task = coalesce((SELECT key + count FROM task_group ORDER BY key DESC LIMIT 1), 1);
                 UPDATE catalog SET version = version + 1;
                 UPDATE telemetry_use SET bytes =
                     (SELECT coalesce(sum(octet_length(encoded) + {RECORD_BYTES}), 0) FROM telemetry_record);"
            );
            talk.batch(&numbers).await?;
            for table in TABLES.into_iter().filter(|table| table.telemetry) {
                let name = table.postgres;
                let next = format!(
                    "SELECT setval(pg_get_serial_sequence('{name}', 'key'), max(key)) FROM {name} HAVING max(key) > 0"
                );
                talk.batch(&next).await?;
            }
            // What is asked next, and by servers, is asked along the keys.
            let names: Vec<&str> = TABLES.iter().map(|table| table.postgres).collect();
            talk.batch(&format!("ANALYZE {}; SET LOCAL enable_sort = off", names.join(", "))).await
        })
    }

    fn keep(self: Box<Self>) -> Result<(), Error> {
        self.snapshot.pool.speak(async |talk| talk.batch("COMMIT").await).map_err(|error| {
            Error::Unavailable(format!(
                "{error}; it is not known whether the import was kept: all of it, or nothing, which a second import tells"
            ))
        })
    }
}
