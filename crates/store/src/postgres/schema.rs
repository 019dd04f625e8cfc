//! Schema versions. Each migration brings a database from one version to the next and never changes once released.

use super::session::{Session, Talk};
use crate::error::Error;

/// The migrations in order; the n-th makes version n.
const MIGRATIONS: [&str; 3] = [
    include_str!("../../migrations/postgres/0001_first.sql"),
    include_str!("../../migrations/postgres/0002_telemetry.sql"),
    include_str!("../../migrations/postgres/0003_waiting_groups.sql"),
];

/// Held while a database is brought up to date: servers that start together do it one after another ("boxwood").
const MIGRATION_LOCK: i64 = 0x62_6f78_776f_6f64;

/// Applies the migrations a database lacks, each in a transaction of its own.
///
/// # Errors
/// [`Error::Incompatible`] if the database was made by a newer version.
pub(super) fn bring_up_to_date(session: &Session) -> Result<(), Error> {
    session.run(async |talk| {
        // Others may take long; this one waits for them, not for the limit of a lock.
        talk.batch("SET lock_timeout = 0; SET statement_timeout = 0").await?;
        talk.query_once("SELECT pg_advisory_lock($1)", &[&MIGRATION_LOCK]).await?;
        let applied = apply(talk).await;
        talk.query_once("SELECT pg_advisory_unlock($1)", &[&MIGRATION_LOCK]).await?;
        applied
    })
}

async fn apply(talk: &Talk) -> Result<(), Error> {
    let exists = talk.query_once("SELECT to_regclass('boxwood_schema') IS NOT NULL", &[]).await?;
    if !exists.first().is_some_and(|row| row.get(0)) {
        talk.batch("CREATE TABLE boxwood_schema (version integer NOT NULL); INSERT INTO boxwood_schema VALUES (0)")
            .await?;
    }
    let version = talk.query_once("SELECT version FROM boxwood_schema", &[]).await?;
    let version: i32 = version.first().map_or(0, |row| row.get(0));
    let newest = MIGRATIONS.len();
    let version = usize::try_from(version).unwrap_or(usize::MAX);
    if version > newest {
        return Err(Error::Incompatible(format!(
            "the database has schema version {version}, this program knows versions up to {newest}; use the newer \
             program that made it"
        )));
    }
    for (index, migration) in MIGRATIONS.iter().enumerate().skip(version) {
        let done = index + 1;
        talk.batch(&format!("BEGIN; {migration}; UPDATE boxwood_schema SET version = {done}; COMMIT")).await?;
    }
    Ok(())
}

/// Whether a database that is only read lacks no migration.
///
/// # Errors
/// [`Error::Incompatible`] if it does, or was made by a newer version, or is not Boxwood's.
pub(super) async fn check(talk: &Talk) -> Result<(), Error> {
    let exists = talk.query_once("SELECT to_regclass('boxwood_schema') IS NOT NULL", &[]).await?;
    if !exists.first().is_some_and(|row| row.get(0)) {
        return Err(Error::Incompatible(
            "the database is not one of Boxwood's; name that of a server with --database-url".into(),
        ));
    }
    let version = talk.query_once("SELECT version FROM boxwood_schema", &[]).await?;
    let version: i32 = version.first().map_or(0, |row| row.get(0));
    let newest = MIGRATIONS.len();
    if usize::try_from(version) == Ok(newest) {
        return Ok(());
    }
    Err(Error::Incompatible(format!(
        "the database has schema version {version}, this program reads version {newest}; start `boxwood serve` of the \
         newer of both versions on it once, and use that"
    )))
}
