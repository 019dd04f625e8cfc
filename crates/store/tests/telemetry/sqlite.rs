//! In a file of its own.

use rusqlite::Connection;

use super::*;

struct Directory(tempfile::TempDir);

impl Directory {
    fn connect(&self) -> Connection {
        Connection::open(self.0.path().join(boxwood_store::telemetry::FILE_NAME)).expect("a file")
    }
}

impl Home for Directory {
    fn open(&self, options: Options) -> Database {
        Database::open(self.0.path(), options).expect("the database opens")
    }

    fn origins(&self) -> u64 {
        let count: i64 =
            self.connect().query_row("SELECT count(*) FROM origin", [], |row| row.get(0)).expect("a count");
        count.unsigned_abs()
    }

    /// Bytes of the database, without what is still in the write-ahead log twice.
    fn bytes(&self) -> u64 {
        let connection = self.connect();
        let pragma =
            |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).expect("a number");
        (pragma("page_count") * pragma("page_size")).unsigned_abs()
    }

    fn hold(&self) -> Box<dyn FnOnce()> {
        let other = self.connect();
        other.execute_batch("BEGIN IMMEDIATE").expect("nobody writes");
        Box::new(move || other.execute_batch("ROLLBACK").expect("nothing was written"))
    }

    fn spoil(&self) {
        self.connect().execute_batch("ALTER TABLE record RENAME TO elsewhere").expect("renamed");
    }

    fn mend(&self) {
        self.connect().execute_batch("ALTER TABLE elsewhere RENAME TO record").expect("renamed");
    }
}

fn fresh() -> Box<dyn Home> {
    Box::new(Directory(tempfile::tempdir().expect("a temporary directory")))
}

conformance!(|| true, fresh);

#[test]
fn a_newer_schema_and_a_foreign_file_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    block_on(Database::open(dir.path(), unlimited()).unwrap().close());
    let path = dir.path().join(boxwood_store::telemetry::FILE_NAME);
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let Err(Error::Incompatible(message)) = Database::open(dir.path(), unlimited()) else { panic!("refused") };
    assert!(message.contains("schema version 99") && message.contains("newer program"), "{message}");

    std::fs::remove_file(&path).unwrap();
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE theirs (x)").unwrap();
    assert!(matches!(Database::open(dir.path(), unlimited()), Err(Error::Incompatible(_))));
    std::fs::write(&path, "this is no database, it only has the name of one".repeat(100)).unwrap();
    assert!(Database::open(dir.path(), unlimited()).is_err());
}
