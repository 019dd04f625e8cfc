//! Statements that travel together: they cost one round trip, whatever their number.

use futures::try_join;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Row, Statement};

use super::catalog;
use super::rows::number;
use super::session::Talk;
use crate::error::Error;
use boxwood_engine::WorkingSet;

/// Puts a statement together once, from lists of columns that others share.
macro_rules! statement {
    ($name:ident, $($format:tt)*) => {
        pub(in crate::postgres) fn $name() -> &'static str {
            static SQL: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| format!($($format)*));
            &SQL
        }
    };
}
pub(super) use statement;

/// The statement, if it has rows to work on. All statements of a flight are prepared before the first of them is sent.
pub(super) async fn some(talk: &Talk, sql: &'static str, rows: usize) -> Result<Option<Statement>, Error> {
    if rows == 0 { Ok(None) } else { talk.statement(sql).await.map(Some) }
}

/// The rows a statement finds; none without a statement.
pub(super) async fn ask<const N: usize>(
    talk: &Talk,
    statement: &Option<Statement>,
    values: [&(dyn ToSql + Sync); N],
) -> Result<Vec<Row>, Error> {
    match statement {
        Some(statement) => Ok(talk.client().query(statement, &values).await?),
        None => Ok(Vec::new()),
    }
}

/// What the next flight begins with: the transaction, and a look whether clusters and classes are as they are known.
#[derive(Default)]
pub(super) struct Ahead {
    begin: bool,
    catalog: Option<Statement>,
}

impl Ahead {
    pub(super) async fn new(talk: &Talk, begin: bool, look_at_catalog: bool) -> Result<Self, Error> {
        Ok(Self { begin, catalog: some(talk, catalog::VERSION, usize::from(look_at_catalog)).await? })
    }

    /// Sends it at the head of a flight, once; answers what the flight does.
    pub(super) async fn of<T>(
        &mut self,
        talk: &Talk,
        set: &mut WorkingSet,
        flight: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let Self { begin, catalog } = std::mem::take(self);
        let begun = async { if begin { talk.batch("BEGIN").await } else { Ok(()) } };
        let ((), version, answer) = try_join!(begun, ask(talk, &catalog, []), flight)?;
        if catalog.is_some() {
            let row = version.first().ok_or_else(catalog::is_empty)?;
            catalog::follow(talk, set, number(row, 0)?).await?;
        }
        Ok(answer)
    }

    /// Sends it alone, if no flight took it along.
    pub(super) async fn alone(&mut self, talk: &Talk, set: &mut WorkingSet) -> Result<(), Error> {
        if self.begin || self.catalog.is_some() {
            self.of(talk, set, async { Ok(()) }).await?;
        }
        Ok(())
    }
}
