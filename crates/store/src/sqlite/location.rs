//! Whether a database is still where it was opened.
//!
//! A file that is moved or removed stays usable for those who have it open. A server that did not look would go on
//! acknowledging work that nobody finds later, while the next server begins anew in its place.

use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use crate::error::Error;

/// Where a database is, and which file was there when it was opened.
pub(crate) struct Location {
    path: PathBuf,
    file: Identity,
}

#[cfg(unix)]
type Identity = (u64, u64);

#[cfg(unix)]
fn identity(metadata: &Metadata) -> Identity {
    use std::os::unix::fs::MetadataExt as _;
    (metadata.dev(), metadata.ino())
}

// Elsewhere an open file can be neither moved nor removed.
#[cfg(not(unix))]
type Identity = ();

#[cfg(not(unix))]
fn identity(_: &Metadata) -> Identity {}

impl Location {
    /// The location of the file that is at `path` now.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if there is none.
    pub(crate) fn of(path: &Path) -> Result<Self, Error> {
        let file = std::fs::metadata(path).map_err(|error| gone(path, &error))?;
        Ok(Self { path: path.to_owned(), file: identity(&file) })
    }

    /// Looks whether the file is still there.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if it is not, or if another one is.
    pub(crate) fn check(&self) -> Result<(), Error> {
        match std::fs::metadata(&self.path) {
            Ok(file) if identity(&file) == self.file => Ok(()),
            Ok(_) => Err(gone(&self.path, &io::Error::other("another file is there"))),
            Err(error) => Err(gone(&self.path, &error)),
        }
    }

    /// To be called before `connection`, which is to the file of this location, is closed. SQLite removes its log by name then,
    /// which would be that of another database by now if the file was moved.
    pub(crate) fn leave(&self, connection: &Connection) {
        if self.check().is_err() {
            // It cannot fail: the setting exists, and nothing is read or written. The next who opens the file empties its log.
            let _ = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
        }
    }
}

fn gone(path: &Path, error: &io::Error) -> Error {
    Error::Unavailable(format!(
        "the database is not at {} any more: {error}; if its folder was moved, start the server again with --data-dir where \
         it is now",
        path.display()
    ))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_was_moved_removed_or_replaced_is_missed() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let (path, other) = (dir.path().join("database"), dir.path().join("other"));
        std::fs::write(&path, "").expect("written");
        let location = Location::of(&path).expect("it is there");
        location.check().expect("it is there");
        std::fs::rename(&path, &other).expect("moved");
        location.check().expect_err("it was moved");
        std::fs::write(&path, "").expect("written");
        location.check().expect_err("another is there");
        std::fs::rename(&other, &path).expect("moved");
        location.check().expect("it is back");
    }
}
