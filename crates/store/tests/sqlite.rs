//! Does SQLite do what every store must, and answer as memory does?

use boxwood_store::sqlite::Database;
use boxwood_testkit::{Opened, Reopen};

/// A data directory, removed in the end.
struct Directory(tempfile::TempDir);

impl Reopen for Directory {
    fn open(&mut self) -> Opened {
        let database = Database::open(self.0.path()).expect("the directory is nobody else's");
        Opened { reader: database.reader(), backend: database.backend() }
    }
}

fn fresh() -> Directory {
    Directory(tempfile::tempdir().expect("a temporary directory"))
}

boxwood_testkit::store_conformance!(fresh);
