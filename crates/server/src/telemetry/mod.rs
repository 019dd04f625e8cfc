//! Logs and spans: taken in over OTLP/HTTP, given out by `TelemetryQueryService`.
//!
//! - `intake`: `POST /v1/logs` and `/v1/traces`; `body` reads requests within bounds, `decode` takes them apart.
//! - `query`: the service; `spans`: the spans of all jobs.
//!
//! Telemetry has a database of its own and bounds of its own on memory and threads: under a flood it answers 503, and
//! calls about jobs and tasks do not notice (O-5).

mod body;
mod decode;
mod intake;
mod query;
mod spans;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use boxwood_store::telemetry::{Database, Options};
use boxwood_store::{Error, Reader, postgres};
use tokio::task::AbortHandle;

use crate::clock;
use intake::Intake;
pub(crate) use query::Queries;

/// How often records are looked for that are too old.
const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// Telemetry of one server.
pub(crate) struct Telemetry {
    database: Database,
    intake: Arc<Intake>,
    queries: Arc<Queries>,
    sweeper: AbortHandle,
}

impl Telemetry {
    /// Opens the database of logs and spans in `dir`, which the server holds already. `reader` tells which job a task
    /// belongs to, and whether a job exists. Called inside a runtime; blocks for as long as opening takes.
    ///
    /// # Errors
    /// If the database cannot be used.
    pub(crate) fn open(dir: &Path, options: Options, reader: Arc<dyn Reader>) -> Result<Self, Error> {
        Ok(Self::of(Database::open(dir, options)?, reader))
    }

    /// As [`Telemetry::open`], in a database that other servers share.
    ///
    /// # Errors
    /// If the database cannot be used.
    pub(crate) fn on_postgres(
        database: &postgres::Database,
        options: Options,
        reader: Arc<dyn Reader>,
    ) -> Result<Self, Error> {
        Ok(Self::of(Database::on_postgres(database, options)?, reader))
    }

    fn of(database: Database, reader: Arc<dyn Reader>) -> Self {
        let sweeper = tokio::spawn(sweep(database.clone())).abort_handle();
        let intake = Arc::new(Intake::new(database.clone(), reader.clone()));
        let queries = Arc::new(Queries::new(database.clone(), reader));
        Self { database, intake, queries, sweeper }
    }

    /// `POST /v1/logs` and `/v1/traces`.
    pub(crate) fn router(&self) -> axum::Router {
        intake::router(self.intake.clone())
    }

    /// `TelemetryQueryService`.
    pub(crate) fn service(&self) -> Arc<Queries> {
        self.queries.clone()
    }

    /// Stores what was taken in and closes the database.
    pub(crate) async fn close(&self) {
        self.sweeper.abort();
        self.database.close().await;
    }
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        self.sweeper.abort();
    }
}

/// Has records removed that are too old, from time to time, also while none arrive.
async fn sweep(database: Database) {
    let mut every = tokio::time::interval(SWEEP_EVERY);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        let Ok(swept) = database.sweep(clock::now()) else { return };
        // The writer logs what goes wrong.
        let _ = swept.wait().await;
    }
}
