//! A database on the PostgreSQL of the tests, for one server or several that come and go.

use std::time::{Duration, Instant};

use boxwood_store::postgres::{Address, Database};

use super::{Admin, new_database, server};
use crate::reopen::{Opened, Reopen};

impl Admin {
    /// How many connections to a database there are of which the condition holds.
    fn connections(&self, database: &str, condition: &str) -> i64 {
        self.number(&format!(
            "SELECT count(*) FROM pg_stat_activity
             WHERE datname = '{database}' AND backend_type = 'client backend' AND {condition}"
        ))
    }

    /// Waits until there is none.
    fn wait_for_none(&self, database: &str, condition: &str) {
        let start = Instant::now();
        while self.connections(database, condition) > 0 {
            assert!(start.elapsed() < SETTLED_WITHIN, "{database}: connections stay although they were given up");
            std::thread::yield_now();
        }
    }
}

/// How long the database may take to notice that a connection is gone.
const SETTLED_WITHIN: Duration = Duration::from_secs(60);

/// A database that can be opened again, by several servers at once. It is removed in the end.
pub struct Shared {
    admin: Admin,
    address: String,
    servers: usize,
}

impl Shared {
    /// A new database; none without a server.
    #[must_use]
    pub fn new() -> Option<Self> {
        let server = server()?;
        let address = new_database(&server);
        Some(Self { admin: Admin::connect(&server, "postgres"), address, servers: 1 })
    }

    /// The database is used by so many servers.
    #[must_use]
    pub fn of_servers(mut self, servers: usize) -> Self {
        self.servers = servers;
        self
    }

    /// Whether a connection to it waits for a lock.
    #[must_use]
    pub fn has_waiting(&self) -> bool {
        self.admin.connections(self.name(), "wait_event_type = 'Lock'") > 0
    }

    /// Opens the database once more.
    ///
    /// # Panics
    /// If it cannot be opened.
    #[must_use]
    pub fn database(&self) -> Database {
        let address = Address::parse(&self.address).expect("an address");
        Database::open(address).expect("the database opens")
    }
}

impl Shared {
    fn name(&self) -> &str {
        self.address.rsplit('=').next().expect("an address ends with the name of its database")
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // Not so important that a failed test should be told of another panic.
        let sql = format!("DROP DATABASE {} WITH (FORCE)", self.name());
        let _ = self.admin.tried(&sql);
    }
}

impl Reopen for Shared {
    fn open(&mut self) -> Opened {
        let database = self.database();
        Opened { reader: database.reader(), backend: database.backend() }
    }

    fn servers(&self) -> usize {
        self.servers
    }

    fn cut(&mut self) {
        let sql = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}'", self.name());
        self.admin.batch(&sql);
        self.admin.wait_for_none(self.name(), "true");
    }

    fn settle(&mut self) {
        self.admin.wait_for_none(self.name(), "state <> 'idle'");
    }
}
