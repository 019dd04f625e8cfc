//! One connection, spoken to by one thread at a time.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row, Statement};

use super::address::Address;
use crate::error::Error;

/// The oldest major version of PostgreSQL that is served.
const VERSION_MIN: i32 = 13;

/// How long the database may take to answer, whatever is asked. Its own limits below come first, unless it is silent.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);

/// What every connection tells the database first. A server that is stopped in the middle of a transaction loses it, so
/// that the jobs it holds are free for others; a commit is durable when it is answered, whatever the database's own
/// setting is.
const SETTINGS: &str = "
    SET statement_timeout = '10s';
    SET lock_timeout = '8s';
    SET idle_in_transaction_session_timeout = '5s';
    SET client_encoding = 'UTF8';
    SET jit = off;
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') IN ('off', 'local');
";

/// Values of a statement.
pub(super) type Values<'a> = [&'a (dyn ToSql + Sync)];

/// A connection with a runtime of its own: whoever calls drives it, so an answer wakes nobody else's thread.
pub(super) struct Session {
    /// Taken only when the session ends.
    runtime: Option<Runtime>,
    talk: Talk,
    /// A second connection, for transactions of their own.
    beside: Option<Talk>,
}

/// What can be said on a connection. Statements are prepared once each.
pub(super) struct Talk {
    client: Client,
    statements: RefCell<HashMap<&'static str, Statement>>,
}

impl Session {
    /// Connects.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the database cannot be reached; [`Error::Incompatible`] if it is too old.
    pub(super) fn connect(address: &Address) -> Result<Self, Error> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Error::Unavailable(format!("cannot speak to the database: {error}")))?;
        let (talk, version) = match runtime.block_on(within(connect(address))) {
            Ok(connected) => connected,
            Err(error) => {
                runtime.shutdown_background();
                return Err(unreachable(address, &error));
            }
        };
        let session = Self { runtime: Some(runtime), talk, beside: None };
        if version / 10_000 < VERSION_MIN {
            return Err(Error::Incompatible(format!(
                "database {address} is PostgreSQL {}; version {VERSION_MIN} or newer is needed",
                version / 10_000
            )));
        }
        Ok(session)
    }

    /// Speaks to the database until all is said. After an error other than of the database's own the session is of no
    /// more use: see [`Session::is_closed`].
    pub(super) fn run<T>(&self, speak: impl AsyncFnOnce(&Talk) -> Result<T, Error>) -> Result<T, Error> {
        self.runtime().block_on(within(speak(&self.talk)))
    }

    /// Makes sure that there is a second connection. It is told `settings` first.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the database cannot be reached.
    pub(super) fn open_beside(&mut self, address: &Address, settings: &str) -> Result<(), Error> {
        if self.beside.as_ref().is_some_and(|talk| !talk.client.is_closed()) {
            return Ok(());
        }
        let connecting = async {
            let (talk, _) = connect(address).await?;
            talk.batch(settings).await?;
            Ok(talk)
        };
        let connected = self.runtime().block_on(within(connecting));
        self.beside = Some(connected.map_err(|error| unreachable(address, &error))?);
        Ok(())
    }

    /// The second connection, if it was opened. Only in [`Session::run`] it gets on.
    pub(super) fn beside(&self) -> Option<&Talk> {
        self.beside.as_ref()
    }

    fn runtime(&self) -> &Runtime {
        self.runtime.as_ref().expect("taken only at the end")
    }

    /// The same, however long it takes: for those who move whole tables. The system still gives up a connection on which
    /// the database does not answer.
    pub(super) fn run_long<T>(&self, speak: impl AsyncFnOnce(&Talk) -> Result<T, Error>) -> Result<T, Error> {
        self.runtime().block_on(speak(&self.talk))
    }

    /// Whether the connection was lost while nobody spoke on it: nobody has driven it meanwhile, so it is looked at now.
    pub(super) fn was_lost(&self) -> bool {
        self.runtime().block_on(async {
            // First the socket is looked at, then what waits for it runs.
            tokio::task::yield_now().await;
            tokio::task::yield_now().await;
        });
        self.is_closed()
    }

    /// Whether the connection is gone.
    pub(super) fn is_closed(&self) -> bool {
        self.talk.client.is_closed()
    }
}

/// A connection, and the version of the database.
async fn connect(address: &Address) -> Result<(Talk, i32), Error> {
    let (client, connection) = address.config.connect(address.encryption.clone()).await?;
    tokio::spawn(async move {
        // Whoever speaks next is told what went wrong.
        let _ = connection.await;
    });
    client.batch_execute(SETTINGS).await?;
    let version = client.query_one("SELECT current_setting('server_version_num')::integer", &[]).await?;
    Ok((Talk { client, statements: RefCell::default() }, version.get(0)))
}

fn unreachable(address: &Address, error: &Error) -> Error {
    Error::Unavailable(format!("database {address}: {error}"))
}

impl Drop for Session {
    fn drop(&mut self) {
        // Also where a runtime must not be waited for: nothing is left to be done in it.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn within<T>(asking: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    match tokio::time::timeout(ANSWER_WITHIN, asking).await {
        Ok(answer) => answer,
        Err(_) => Err(Error::Unavailable(format!("database: no answer within {} s", ANSWER_WITHIN.as_secs()))),
    }
}

impl Talk {
    /// A statement, prepared at first use. Prepare all statements of a flight before the first is sent: preparing takes a
    /// round trip, and what is sent meanwhile overtakes it.
    pub(super) async fn statement(&self, sql: &'static str) -> Result<Statement, Error> {
        if let Some(statement) = self.statements.borrow().get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.client.prepare(sql).await?;
        self.statements.borrow_mut().insert(sql, statement.clone());
        Ok(statement)
    }

    /// The connection, for statements that were prepared.
    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// Rows.
    pub(super) async fn query(&self, sql: &'static str, values: &Values<'_>) -> Result<Vec<Row>, Error> {
        let statement = self.statement(sql).await?;
        Ok(self.client.query(&statement, values).await?)
    }

    /// Rows of a statement that was put together, and is not kept.
    pub(super) async fn query_once(&self, sql: &str, values: &Values<'_>) -> Result<Vec<Row>, Error> {
        Ok(self.client.query(sql, values).await?)
    }

    /// One row, if there is one.
    pub(super) async fn query_opt(&self, sql: &'static str, values: &Values<'_>) -> Result<Option<Row>, Error> {
        let statement = self.statement(sql).await?;
        Ok(self.client.query_opt(&statement, values).await?)
    }

    /// How many rows were changed.
    pub(super) async fn execute(&self, sql: &'static str, values: &Values<'_>) -> Result<u64, Error> {
        let statement = self.statement(sql).await?;
        Ok(self.client.execute(&statement, values).await?)
    }

    /// Statements without values or answers.
    pub(super) async fn batch(&self, sql: &str) -> Result<(), Error> {
        Ok(self.client.batch_execute(sql).await?)
    }
}

/// Whether an error of the client says that a statement of ours does not fit its values or rows. Trying again is of no use
/// then. The client tells its kinds of errors apart by what it says, and by nothing else.
fn is_misuse(text: &str) -> bool {
    let starts =
        ["error serializing parameter", "error deserializing column", "invalid column", "query returned an unexpected"];
    starts.iter().any(|start| text.starts_with(start)) || text.contains(" parameters but got ")
}

/// What the database's own errors mean: classes and codes of appendix A of the documentation of PostgreSQL.
impl From<tokio_postgres::Error> for Error {
    fn from(error: tokio_postgres::Error) -> Self {
        let Some(said) = error.as_db_error() else {
            let what = error.to_string();
            let text = match std::error::Error::source(&error) {
                Some(source) => format!("database: {what}: {source}"),
                None => format!("database: {what}"),
            };
            return if is_misuse(&what) { Self::Corrupt(text) } else { Self::Unavailable(text) };
        };
        let text = format!("database: {} ({})", said.message(), said.code().code());
        match *said.code() {
            SqlState::T_R_SERIALIZATION_FAILURE | SqlState::T_R_DEADLOCK_DETECTED | SqlState::LOCK_NOT_AVAILABLE => {
                Self::Conflict(text)
            }
            SqlState::UNDEFINED_TABLE | SqlState::UNDEFINED_COLUMN | SqlState::INVALID_CATALOG_NAME => {
                Self::Incompatible(text)
            }
            // Connections, authorization, transactions that were ended, resources, operators, the system: they come back.
            _ if ["08", "25", "28", "53", "57", "58", "XX"].contains(&&said.code().code()[..2]) => {
                Self::Unavailable(text)
            }
            _ => Self::Corrupt(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Asks the database of the tests, if there is one: `conformance/postgres/run.sh cargo test -p boxwood-store --lib`.
    #[test]
    fn values_that_do_not_fit_are_no_loss() {
        let Some(server) = std::env::var("BOXWOOD_TEST_POSTGRES").ok().filter(|server| !server.is_empty()) else {
            return eprintln!("LEFT OUT: BOXWOOD_TEST_POSTGRES names no PostgreSQL");
        };
        let address = Address::parse(&format!("{server} dbname=postgres")).expect("an address");
        let session = Session::connect(&address).expect("the server of the tests answers");
        let fails = |sql: &str, values: &Values<'_>| {
            session.run(async |talk| talk.query_once(sql, values).await.map(drop)).expect_err("it does not fit")
        };
        for error in [fails("SELECT $1::bigint", &[&"text"]), fails("SELECT $1::bigint", &[]), fails("SELEC 1", &[])] {
            assert!(matches!(error, Error::Corrupt(_)), "{error:?}");
        }
        let error = fails("SELECT pg_terminate_backend(pg_backend_pid())", &[]);
        assert!(matches!(error, Error::Unavailable(_)), "{error:?}");
    }
}
