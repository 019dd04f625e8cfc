//! A server without a port: requests are handed to it, by whoever has it in the same process.
//!
//! It is what a connection hands its requests to, with everything behind that. What is left out: the connection itself,
//! health and reflection, and the clock that ends leases.

use std::sync::Arc;

use boxwood_engine::JobId;
use boxwood_store::{Lane, LaneOptions, Reader, memory};
use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt as _, Full};

use crate::config::Config;
use crate::dispatch::Dispatch;
use crate::door::{self, About, Door};
use crate::error::Error;
use crate::hosts::Hosts;
use crate::http::Front;
use crate::live::Live;
use crate::rpc;
use crate::server::front;
use crate::telemetry::Telemetry;

/// A server without a port, whose jobs are in memory. To be used inside a runtime.
pub struct Inside {
    config: Config,
    front: Front,
    reader: Arc<dyn Reader>,
    telemetry: Arc<Telemetry>,
}

impl Inside {
    /// A server with nothing in it but the default cluster. Logs and spans are in the data folder of `config`.
    ///
    /// # Errors
    /// [`Error::Store`] if the database of logs and spans cannot be used.
    pub async fn start(config: Config) -> Result<Self, Error> {
        let database = memory::Database::new();
        let telemetry = Telemetry::open(&config.data_dir, config.telemetry.clone(), database.reader())?;
        Self::of(config, &database, Arc::new(telemetry)).await
    }

    /// Another server with nothing in it but the default cluster. It shares logs and spans with this one, for which only
    /// the tasks of the first one exist.
    ///
    /// # Errors
    /// [`Error::Store`] if its writer cannot be started.
    pub async fn empty(&self) -> Result<Self, Error> {
        Self::of(self.config.clone(), &memory::Database::new(), self.telemetry.clone()).await
    }

    async fn of(config: Config, database: &memory::Database, telemetry: Arc<Telemetry>) -> Result<Self, Error> {
        let dispatch = Arc::new(Dispatch::new(config.idle.clone(), false));
        let reader = database.reader();
        let (woken, options) = (dispatch.clone(), LaneOptions::default());
        let on_commit = move |wakes: &[boxwood_store::Wake], _: &[JobId]| woken.ready(wakes);
        let (lane, _) = Lane::start(database.backend(), config.rules.clone(), options, on_commit)?;
        door::ensure_default_cluster(&lane, &reader).await?;
        let visualized_tasks_max = config.visualized_tasks_max;
        // Whoever listens is told nothing: an answer is taken in whole.
        let live = Arc::new(Live::new());
        live.end();
        let door = Arc::new(Door {
            lane,
            reader: reader.clone(),
            dispatch,
            live,
            about: About::now("memory"),
            visualized_tasks_max,
        });
        let hosts = Hosts::new(Some([127, 0, 0, 1].into()), &config.host_names, false);
        let router = rpc::services(&door, &telemetry);
        let (front, _) = front(&config, Some(hosts), router, &door, &telemetry);
        Ok(Self { config, front, reader, telemetry })
    }

    /// Answers a request. The trailers come after the body.
    ///
    /// # Errors
    /// If the body of the answer ends early.
    pub async fn answer(&self, request: Request<Bytes>) -> Result<(Response<Bytes>, HeaderMap), axum::Error> {
        let Ok(response) = self.front.answer(request.map(Full::new)).await;
        let (head, body) = response.into_parts();
        let body = body.collect().await?;
        let trailers = body.trailers().cloned().unwrap_or_default();
        Ok((Response::from_parts(head, body.to_bytes()), trailers))
    }

    /// What is stored.
    #[must_use]
    pub fn reader(&self) -> &dyn Reader {
        self.reader.as_ref()
    }
}
