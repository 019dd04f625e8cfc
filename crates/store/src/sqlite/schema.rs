//! Schema versions. Each migration brings a database from one version to the next and never changes once released.

use std::path::Path;

use rusqlite::Connection;

use crate::error::Error;

/// What a database of one kind holds, through all its versions.
pub(crate) struct Schema {
    /// Marks a SQLite file as a database of this kind.
    pub(crate) application_id: i32,
    /// The migrations in order; the n-th makes version n.
    pub(crate) migrations: &'static [&'static str],
}

/// Jobs and tasks ("Boxw").
pub(super) const SCHEMA: Schema = Schema {
    application_id: 0x426f_7877,
    migrations: &[
        include_str!("../../migrations/0001_first.sql"),
        include_str!("../../migrations/0002_waiting_groups.sql"),
    ],
};

/// Applies the migrations a database lacks, each in a transaction of its own.
///
/// # Errors
/// [`Error::Incompatible`] if the file is another program's, or newer than this program.
pub(crate) fn bring_up_to_date(connection: &mut Connection, path: &Path, schema: &Schema) -> Result<(), Error> {
    let version = version(connection, path, schema)?;
    for (index, migration) in schema.migrations.iter().enumerate().skip(version) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(migration)?;
        transaction.pragma_update(None, "user_version", index as i64 + 1)?;
        transaction.pragma_update(None, "application_id", schema.application_id)?;
        transaction.commit()?;
    }
    Ok(())
}

/// The version of a database: 0 before the first migration.
fn version(connection: &Connection, path: &Path, schema: &Schema) -> Result<usize, Error> {
    let application: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if application != schema.application_id && tables > 0 {
        return Err(Error::Incompatible(format!("{} is a database of another program", path.display())));
    }
    let newest = schema.migrations.len();
    let version = usize::try_from(version).unwrap_or(usize::MAX);
    if version > newest {
        return Err(Error::Incompatible(format!(
            "{} has schema version {version}, this program knows versions up to {newest}; use the newer program that \
             made it",
            path.display()
        )));
    }
    Ok(version)
}

/// Whether a database that is only read lacks no migration.
///
/// # Errors
/// [`Error::Incompatible`] if it does, or as [`bring_up_to_date`].
pub(super) fn check(connection: &Connection, path: &Path, schema: &Schema) -> Result<(), Error> {
    let (version, newest) = (version(connection, path, schema)?, schema.migrations.len());
    if version == newest {
        return Ok(());
    }
    Err(Error::Incompatible(format!(
        "{} has schema version {version}, this program reads version {newest}; start `boxwood serve` on it once, which \
         brings it up to date",
        path.display()
    )))
}
