//! Moving a data folder: reading it while a server may be at work, and filling a new one.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, OpenFlags, ToSql};

use super::{FILE_NAME, Pool, configure, lock, schema};
use crate::error::Error;
use crate::read::Reader;
use crate::telemetry::FILE_NAME as TELEMETRY_FILE_NAME;
use crate::telemetry::place;
use crate::telemetry::sqlite::schema as telemetry_schema;
use crate::transfer::row::{self, Value};
use crate::transfer::table::{COLUMNS_MAX, Column, Kind, Table};
use crate::transfer::{Each, Source, Target};

/// Both databases of a data folder as they are at one moment: snapshots that were begun one right after the other, as they
/// are two files.
pub(crate) struct Folder {
    jobs: Pool,
    telemetry: Option<Pool>,
}

impl Folder {
    /// Begins to read, with logs and spans if there are some and they are wanted.
    pub(crate) fn open(dir: &Path, telemetry: bool) -> Result<Self, Error> {
        let path = dir.join(FILE_NAME);
        if !path.is_file() {
            return Err(Error::Incompatible(format!(
                "{} holds no database of Boxwood ({FILE_NAME}); name the folder of a server with --data-dir",
                dir.display()
            )));
        }
        let jobs = snapshot(&path, &schema::SCHEMA)?;
        let path = dir.join(TELEMETRY_FILE_NAME);
        let telemetry =
            if telemetry && path.is_file() { Some(snapshot(&path, &telemetry_schema::SCHEMA)?) } else { None };
        Ok(Self { jobs, telemetry })
    }
}

/// A snapshot that stays as it is. It is only read, and cannot be written.
fn snapshot(path: &Path, schema: &schema::Schema) -> Result<Pool, Error> {
    let unusable = |error| Error::Unavailable(format!("cannot read {}: {error}", path.display()));
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(unusable)?;
    configure(&connection)?;
    connection.execute_batch("BEGIN").map_err(unusable)?;
    // The snapshot is that of the first look.
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(())).map_err(unusable)?;
    schema::check(&connection, path, schema)?;
    Ok(Pool::of_one(path.to_owned(), connection))
}

impl Source for Folder {
    fn has_telemetry(&self) -> bool {
        self.telemetry.is_some()
    }

    fn rows(&self, table: &Table, each: &mut Each<'_>) -> Result<(), Error> {
        match (table.telemetry, &self.telemetry) {
            (false, _) => rows(&self.jobs, table, each),
            (true, Some(telemetry)) => rows(telemetry, table, each),
            (true, None) => Ok(()),
        }
    }

    fn reader(&self) -> &dyn Reader {
        &self.jobs
    }

    fn records(&self) -> Option<&dyn place::Source> {
        self.telemetry.as_ref().map(|pool| pool as &dyn place::Source)
    }
}

fn names(columns: &[Column]) -> String {
    columns.iter().map(|column| column.name).collect::<Vec<_>>().join(", ")
}

fn rows(pool: &Pool, table: &Table, each: &mut Each<'_>) -> Result<(), Error> {
    let (columns, order) = (names(table.columns), names(&table.columns[..table.order]));
    pool.read(|connection| {
        let mut statement = connection.prepare(&format!("SELECT {columns} FROM {} ORDER BY {order}", table.name))?;
        let mut found = statement.query([])?;
        while let Some(row) = found.next()? {
            let mut values = [Value::Empty; COLUMNS_MAX];
            for ((index, column), value) in table.columns.iter().enumerate().zip(&mut values) {
                *value = from_sqlite(column, row.get_ref(index)?).ok_or_else(|| {
                    Error::Corrupt(format!("database: {}.{} does not hold what it must", table.name, column.name))
                })?;
            }
            each(&values[..table.columns.len()])?;
        }
        Ok(())
    })
}

fn from_sqlite<'a>(column: &Column, held: ValueRef<'a>) -> Option<Value<'a>> {
    Some(match (column.kind, held) {
        (_, ValueRef::Null) if column.optional => Value::Empty,
        (Kind::Key | Kind::Time | Kind::Small | Kind::Tiny, ValueRef::Integer(number)) => Value::Number(number),
        (Kind::Flag, ValueRef::Integer(number)) => Value::Flag(number != 0),
        (Kind::Text, ValueRef::Text(bytes)) | (Kind::Bytes, ValueRef::Blob(bytes)) => Value::Bytes(bytes),
        (Kind::Id, ValueRef::Blob(bytes)) => Value::Id(bytes.try_into().ok()?),
        _ => return None,
    })
}

/// A value of a column.
struct Bound<'a>(&'a Column, Value<'a>);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match &self.1 {
            Value::Empty => ValueRef::Null,
            Value::Number(number) => ValueRef::Integer(*number),
            Value::Flag(flag) => ValueRef::Integer(i64::from(*flag)),
            Value::Bytes(bytes) if self.0.kind == Kind::Text => ValueRef::Text(bytes),
            Value::Bytes(bytes) => ValueRef::Blob(bytes),
            Value::Id(id) => ValueRef::Blob(id),
        }))
    }
}

/// The folder, inside the data folder, in which the new databases are made. They are moved out of it when they are whole, so
/// that no server ever sees a part of them.
const BUILDING: &str = "importing";

/// A data folder that is being filled.
pub(crate) struct NewFolder {
    dir: PathBuf,
    /// The databases; taken before their files are moved or removed.
    open: Option<Folder>,
    _lock: File,
}

impl NewFolder {
    /// Takes the folder, which must hold no database, and makes new ones.
    pub(crate) fn open(dir: &Path) -> Result<Self, Error> {
        let lock = lock(dir)?;
        let building = dir.join(BUILDING);
        let there = |name: &str| dir.join(name).exists();
        if there(FILE_NAME) || (there(TELEMETRY_FILE_NAME) && !building.exists()) {
            return Err(Error::Unavailable(format!(
                "{} holds a database already; import into a new folder, or move the files of this one away",
                dir.display()
            )));
        }
        let unusable = |error: std::io::Error| Error::Unavailable(format!("{}: {error}", building.display()));
        if building.exists() {
            // An import that was killed; the logs and spans are moved first, so these would be its own.
            fs::remove_dir_all(&building).map_err(unusable)?;
            if there(TELEMETRY_FILE_NAME) {
                fs::remove_file(dir.join(TELEMETRY_FILE_NAME)).map_err(unusable)?;
            }
        }
        fs::create_dir(&building).map_err(unusable)?;
        let mut new = Self { dir: dir.to_owned(), open: None, _lock: lock };
        let path = building.join(FILE_NAME);
        let mut jobs = Connection::open(&path)?;
        configure(&jobs)?;
        careless(&jobs)?;
        schema::bring_up_to_date(&mut jobs, &path, &schema::SCHEMA)?;
        let jobs = filling(path, jobs)?;
        let path = building.join(TELEMETRY_FILE_NAME);
        let telemetry = telemetry_schema::open(&path)?;
        careless(&telemetry)?;
        let telemetry = Some(filling(path, telemetry)?);
        new.open = Some(Folder { jobs, telemetry });
        Ok(new)
    }

    fn folder(&self) -> &Folder {
        self.open.as_ref().expect("taken only at the end")
    }

    fn pools(&self) -> impl Iterator<Item = &Pool> {
        let Folder { jobs, telemetry } = self.folder();
        std::iter::once(jobs).chain(telemetry)
    }
}

/// Nothing is written twice or waited for: what is there after a crash is thrown away.
fn careless(connection: &Connection) -> Result<(), Error> {
    connection.pragma_update(None, "journal_mode", "DELETE")?;
    connection.pragma_update(None, "journal_mode", "OFF")?;
    connection.pragma_update(None, "synchronous", "OFF")?;
    Ok(())
}

/// A database that nobody else sees, filled in one transaction.
fn filling(path: PathBuf, connection: Connection) -> Result<Pool, Error> {
    connection.execute_batch("BEGIN")?;
    Ok(Pool::of_one(path, connection))
}

impl Source for NewFolder {
    fn has_telemetry(&self) -> bool {
        self.folder().has_telemetry()
    }

    fn rows(&self, table: &Table, each: &mut Each<'_>) -> Result<(), Error> {
        self.folder().rows(table, each)
    }

    fn reader(&self) -> &dyn Reader {
        self.folder().reader()
    }

    fn records(&self) -> Option<&dyn place::Source> {
        self.folder().records()
    }
}

impl Target for NewFolder {
    fn put(&mut self, table: &'static Table, mut rows: &[u8]) -> Result<(), Error> {
        let marks = vec!["?"; table.columns.len()].join(", ");
        let sql = format!("INSERT INTO {} ({}) VALUES ({marks})", table.name, names(table.columns));
        let Folder { jobs, telemetry } = self.folder();
        let pool = telemetry.as_ref().filter(|_| table.telemetry).unwrap_or(jobs);
        pool.read(|connection| {
            let mut statement = connection.prepare_cached(&sql)?;
            let mut row = Vec::new();
            while !rows.is_empty() {
                row::decode(table, &mut rows, &mut row)
                    .ok_or_else(|| Error::Corrupt(format!("a row of {} that cannot be", table.name)))?;
                for ((index, column), value) in table.columns.iter().enumerate().zip(&row) {
                    statement.raw_bind_parameter(index + 1, Bound(column, *value))?;
                }
                statement.raw_execute()?;
            }
            Ok(())
        })
    }

    fn complete(&mut self) -> Result<(), Error> {
        for pool in self.pools() {
            pool.read(|connection| Ok(connection.execute_batch("COMMIT")?))?;
        }
        Ok(())
    }

    fn keep(mut self: Box<Self>) -> Result<(), Error> {
        for pool in self.pools() {
            pool.read(|connection| Ok(connection.pragma_update(None, "journal_mode", "WAL")?))?;
        }
        // Closed, so that all of them is in the files.
        self.open = None;
        let building = self.dir.join(BUILDING);
        let unusable = |error: std::io::Error| Error::Unavailable(format!("{}: {error}", self.dir.display()));
        for name in [TELEMETRY_FILE_NAME, FILE_NAME] {
            let path = building.join(name);
            // Opened for writing, which some systems ask of those who want to wait for the disk.
            File::options().write(true).open(&path).and_then(|file| file.sync_all()).map_err(unusable)?;
            fs::rename(&path, self.dir.join(name)).map_err(unusable)?;
            sync_folder(&self.dir).map_err(unusable)?;
        }
        Ok(())
    }
}

/// Makes names in a folder durable.
fn sync_folder(dir: &Path) -> std::io::Result<()> {
    // Only there can folders be opened.
    if cfg!(unix) { File::open(dir)?.sync_all() } else { Ok(()) }
}

impl Drop for NewFolder {
    fn drop(&mut self) {
        self.open = None;
        // What stays is removed by the next import.
        let _ = fs::remove_dir_all(self.dir.join(BUILDING));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transfer::table::TABLES;

    /// What a later migration adds has to travel too.
    #[test]
    fn every_column_of_both_databases_travels() {
        let folder = tempfile::tempdir().expect("a folder");
        let new = NewFolder::open(folder.path()).expect("an empty folder");
        let mut found = Vec::new();
        for pool in new.pools() {
            let columns = pool.read(|connection| {
                let sql = "SELECT t.name, c.name FROM sqlite_schema t, pragma_table_info(t.name) c
                     WHERE t.type = 'table' ORDER BY t.name, c.cid";
                let mut statement = connection.prepare(sql)?;
                let columns = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
                Ok(columns.collect::<Result<Vec<(String, String)>, _>>()?)
            });
            found.extend(columns.expect("names"));
        }
        let named = TABLES.iter().flat_map(|table| table.columns.iter().map(|column| (table.name, column.name)));
        let mut named: Vec<_> = named.map(|(table, column)| (table.to_owned(), column.to_owned())).collect();
        found.sort();
        named.sort();
        assert_eq!(found, named);
    }
}
