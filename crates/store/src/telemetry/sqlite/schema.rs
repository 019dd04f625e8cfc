//! The file: opening it and bringing its schema up to date.

use std::path::Path;

use rusqlite::Connection;

use crate::error::Error;
use crate::sqlite::configure;
use crate::sqlite::schema::{Schema, bring_up_to_date};

/// Logs and spans ("BoxT").
pub(crate) const SCHEMA: Schema =
    Schema { application_id: 0x426f_7854, migrations: &[include_str!("../../../migrations/telemetry/0001_first.sql")] };

/// Bytes of the write-ahead log that are kept when it starts over; a flood may make it larger for a while.
const JOURNAL_BYTES_KEPT: i64 = 16 << 20;

/// Opens the database for its writer.
pub(crate) fn open(path: &Path) -> Result<Connection, Error> {
    open_writer(path).map_err(|error| error.at(path))
}

fn open_writer(path: &Path) -> Result<Connection, Error> {
    let mut connection = Connection::open(path)?;
    configure(&connection)?;
    // Before anything is written, else it would stay off: it lets the file shrink when the limit is lowered.
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "journal_size_limit", JOURNAL_BYTES_KEPT)?;
    bring_up_to_date(&mut connection, path, &SCHEMA)?;
    Ok(connection)
}
