//! Databases on a PostgreSQL that the tests are given.

use std::sync::atomic::{AtomicU64, Ordering};

use boxwood_store::postgres::{Address, Database};

use crate::reopen::{Opened, Reopen};

/// Names a PostgreSQL on which databases may be made, as `host=… port=… user=…`, without a database. `cargo xtask test
/// postgres` starts one and sets this.
pub const SERVER: &str = "BOXWOOD_TEST_POSTGRES";

/// The server of the tests; none if there is none, which is said.
#[must_use]
pub fn server() -> Option<String> {
    let server = std::env::var(SERVER).ok().filter(|server| !server.is_empty());
    if server.is_none() {
        eprintln!("LEFT OUT: {SERVER} names no PostgreSQL; cargo xtask test postgres starts one");
    }
    server
}

/// A new database, which stays until its server is removed; none without a server.
#[must_use]
pub fn database() -> Option<String> {
    static MADE: AtomicU64 = AtomicU64::new(0);
    let server = server()?;
    let name = format!("boxwood_{}_{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let (client, connection) = tokio_postgres::connect(&format!("{server} dbname=postgres"), tokio_postgres::NoTls)
            .await
            .expect("the server of the tests answers");
        tokio::spawn(connection);
        client
            .batch_execute(&format!("CREATE DATABASE {name}"))
            .await
            .expect("the server of the tests makes databases");
    });
    Some(format!("{server} dbname={name}"))
}

/// A database that can be opened again.
pub struct Shared(String);

impl Shared {
    /// A new database; none without a server.
    #[must_use]
    pub fn new() -> Option<Self> {
        database().map(Self)
    }
}

impl Reopen for Shared {
    fn open(&mut self) -> Opened {
        let address = Address::parse(&self.0).expect("an address");
        let database = Database::open(address).expect("the database opens");
        Opened { reader: database.reader(), backend: database.backend() }
    }
}
