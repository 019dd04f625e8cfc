//! Databases on a PostgreSQL that the tests are given, and servers that a test has for itself.

#[cfg(unix)]
mod account;
mod admin;
#[cfg(unix)]
mod disk;
#[cfg(unix)]
mod server;
mod shared;

use std::sync::atomic::{AtomicU64, Ordering};

pub use self::admin::Admin;
#[cfg(unix)]
pub use self::server::{PASSWORD, PROGRAMS, Server, Setup, USER};
pub use self::shared::Shared;

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
    server().map(|server| new_database(&server))
}

fn new_database(server: &str) -> String {
    static MADE: AtomicU64 = AtomicU64::new(0);
    let name = format!("boxwood_{}_{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
    execute(&format!("{server} dbname=postgres"), &format!("CREATE DATABASE {name}"))
        .unwrap_or_else(|error| panic!("the server of the tests makes databases: {error}"));
    format!("{server} dbname={name}")
}

/// Runs statements on a connection of their own, on a thread of its own: callers may be within a runtime.
fn execute(address: &str, statements: &str) -> Result<(), String> {
    let speak = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        let done = runtime.block_on(async {
            let (client, connection) = tokio_postgres::connect(address, tokio_postgres::NoTls).await?;
            tokio::spawn(connection);
            client.batch_execute(statements).await
        });
        done.map_err(|error| match error.as_db_error() {
            Some(said) => said.message().to_owned(),
            None => format!("{error}: {:?}", std::error::Error::source(&error).map(ToString::to_string)),
        })
    };
    std::thread::scope(|scope| scope.spawn(speak).join().expect("it does not panic"))
}
