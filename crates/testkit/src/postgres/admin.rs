//! A connection beside those of Boxwood.

use tokio::runtime::Runtime;
use tokio_postgres::{Client, NoTls};

/// Looks and changes what servers would not.
pub struct Admin {
    runtime: Runtime,
    client: Client,
}

impl Admin {
    /// Connects to a database on the server of the tests.
    ///
    /// # Panics
    /// If it cannot be reached.
    #[must_use]
    pub fn connect(server: &str, database: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let client = runtime.block_on(async {
            let connected = tokio_postgres::connect(&format!("{server} dbname={database}"), NoTls).await;
            let (client, connection) = connected.expect("the server of the tests answers");
            tokio::spawn(connection);
            client
        });
        Self { runtime, client }
    }

    /// Does something.
    ///
    /// # Panics
    /// If it fails.
    pub fn batch(&self, sql: &str) {
        self.tried(sql).unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }

    /// Does something that may fail.
    ///
    /// # Errors
    /// What the database said.
    pub fn tried(&self, sql: &str) -> Result<(), tokio_postgres::Error> {
        self.runtime.block_on(self.client.batch_execute(sql))
    }

    /// A number.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn number(&self, sql: &str) -> i64 {
        let row = self.runtime.block_on(self.client.query_one(sql, &[]));
        row.unwrap_or_else(|error| panic!("{sql}: {error:?}")).get(0)
    }
}
