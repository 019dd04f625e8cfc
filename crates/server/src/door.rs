//! What every service shares: the way to the lane, the way to the reader, and the dispatch of tasks.

use std::sync::Arc;

use boxwood_engine::{Cluster, Command, NewCluster, Refusal, RefusalKind, Reply, Timestamp};
use boxwood_proto::connectrpc::ConnectError;
use boxwood_store::{Lane, Reader};

use crate::dispatch::Dispatch;
use crate::live::Live;
use crate::{clock, error, ids};

/// What a server says of itself (IN-33).
pub(crate) struct About {
    /// Since when it runs.
    pub(crate) started_at: Timestamp,
    /// The kind of its database.
    pub(crate) database: &'static str,
}

impl About {
    /// A server that starts now.
    pub(crate) fn now(database: &'static str) -> Self {
        Self { started_at: clock::now(), database }
    }
}

/// The way in for all services.
pub(crate) struct Door {
    /// The writer.
    pub(crate) lane: Lane,
    /// Queries.
    pub(crate) reader: Arc<dyn Reader>,
    /// Who gets which task when.
    pub(crate) dispatch: Arc<Dispatch>,
    /// Who listens to changes.
    pub(crate) live: Arc<Live>,
    /// What the server says of itself.
    pub(crate) about: About,
    /// Tasks of the largest job that is drawn (V-16).
    pub(crate) visualized_tasks_max: usize,
}

impl Door {
    /// Has a command decided; when this returns, the reply is durable.
    pub(crate) async fn command(&self, command: Command) -> Result<Reply, ConnectError> {
        let outcome = self.lane.command(command).await.map_err(error::failed)?;
        outcome.decided.map_err(error::refused)
    }

    /// Asks the store. Queries block, so they run beside the calls.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&dyn Reader) -> Result<T, boxwood_store::Error> + Send + 'static,
    ) -> Result<T, ConnectError> {
        let reader = self.reader.clone();
        match tokio::task::spawn_blocking(move || query(reader.as_ref())).await {
            Ok(result) => result.map_err(error::failed),
            Err(error) => {
                tracing::error!(%error, "a query failed");
                Err(ConnectError::internal("the server failed while reading; its log says more"))
            }
        }
    }

    /// The cluster a slug names; the empty slug names the default one (C-3).
    pub(crate) async fn cluster(&self, slug: &str) -> Result<Cluster, ConnectError> {
        let clusters = self.read(|reader| reader.clusters()).await?;
        let named = |cluster: &Cluster| if slug.is_empty() { !cluster.deletable } else { &*cluster.slug == slug };
        clusters.into_iter().find(named).ok_or_else(|| {
            error::refused(Refusal {
                kind: RefusalKind::NotFound,
                message: format!("cluster_slug: there is no cluster {slug:?}"),
            })
        })
    }
}

/// Makes the default cluster when a server starts for the first time (C-2).
pub(crate) async fn ensure_default_cluster(lane: &Lane, reader: &Arc<dyn Reader>) -> Result<(), boxwood_store::Error> {
    let reader = reader.clone();
    let known = tokio::task::spawn_blocking(move || reader.clusters()).await;
    let known =
        known.map_err(|error| boxwood_store::Error::Corrupt(format!("cannot list the clusters: {error}")))??;
    if known.iter().any(|cluster| !cluster.deletable) {
        return Ok(());
    }
    let new = NewCluster {
        slug: boxwood_engine::slug_from_name("Default", &ids::slug_letters()),
        display_name: "Default".into(),
        description: String::new(),
        deletable: false,
        now: clock::now(),
    };
    let outcome = lane.command(Command::CreateCluster(new)).await?;
    match outcome.decided {
        Ok(_) => Ok(()),
        // Another server on the same database was quicker.
        Err(refusal) if refusal.kind == RefusalKind::Invalid => Ok(()),
        Err(refusal) => Err(boxwood_store::Error::Corrupt(format!("cannot make the default cluster: {refusal}"))),
    }
}
