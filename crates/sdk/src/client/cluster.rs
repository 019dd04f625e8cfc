//! Clusters: named pools of runners (C-1 to C-14).

use std::future::{Future, IntoFuture};
use std::pin::Pin;

use boxwood_proto::workflows::v1 as wire;

use super::Client;
use crate::Error;

/// A named pool of runners that tasks are sent to (C-1).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cluster {
    /// What it is called in calls; never changes (C-8).
    pub slug: String,
    /// What it is called by people.
    pub name: String,
    /// What it is for; may be empty.
    pub description: String,
    /// Whether it can be deleted: false for the default cluster (C-2).
    pub deletable: bool,
}

impl Cluster {
    fn from_wire(call: &'static str, cluster: wire::Cluster) -> Result<Self, Error> {
        if cluster.slug.is_empty() {
            return Err(Error::answer(call, "the cluster has no slug"));
        }
        Ok(Self {
            slug: cluster.slug,
            name: cluster.display_name,
            description: cluster.description,
            deletable: cluster.deletable,
        })
    }
}

/// Creates, finds and changes clusters; from [`Client::clusters`].
#[derive(Debug, Clone)]
pub struct ClusterClient {
    pub(super) client: Client,
}

impl ClusterClient {
    /// Creates a cluster named `name`, 1 to 100 characters (C-4). Await it.
    pub fn create(&self, name: impl Into<String>) -> CreateCluster {
        let request = wire::CreateClusterRequest { name: name.into(), ..Default::default() };
        CreateCluster { client: self.client.clone(), request }
    }

    /// Reads a cluster; an empty slug means the default one (C-3).
    ///
    /// # Errors
    /// [`Code::NotFound`](crate::Code::NotFound) if there is none (C-10).
    pub async fn find(&self, slug: impl Into<String>) -> Result<Cluster, Error> {
        const CALL: &str = "find cluster";
        let request = wire::GetClusterRequest { cluster_slug: slug.into(), ..Default::default() };
        let service = self.client.workflows_service();
        let answer = self.client.endpoint().repeat(CALL, |options| {
            let request = request.clone();
            async move { Ok(service.get_cluster_with_options(request, options).await?.into_owned()) }
        });
        Cluster::from_wire(CALL, answer.await?)
    }

    /// Lists all clusters, the default one included (C-9).
    ///
    /// # Errors
    /// Only those of every call.
    pub async fn list(&self) -> Result<Vec<Cluster>, Error> {
        const CALL: &str = "list clusters";
        let service = self.client.workflows_service();
        let answer = self.client.endpoint().repeat(CALL, |options| async move {
            Ok(service.list_clusters_with_options(wire::ListClustersRequest::default(), options).await?.into_owned())
        });
        answer.await?.clusters.into_iter().map(|cluster| Cluster::from_wire(CALL, cluster)).collect()
    }

    /// Changes name or description of a cluster. Await it.
    pub fn update(&self, slug: impl Into<String>) -> UpdateCluster {
        let request = wire::UpdateClusterRequest { cluster_slug: slug.into(), ..Default::default() };
        UpdateCluster { client: self.client.clone(), request }
    }

    /// Deletes a cluster. Its queued tasks stay queued (C-12).
    ///
    /// # Errors
    /// [`Code::NotFound`](crate::Code::NotFound) if there is none (C-10),
    /// [`Code::InvalidArgument`](crate::Code::InvalidArgument) for the default cluster (C-11).
    pub async fn delete(&self, slug: impl Into<String>) -> Result<(), Error> {
        let request = wire::DeleteClusterRequest { cluster_slug: slug.into(), ..Default::default() };
        // Not repeated: a second deletion would answer that there is no such cluster.
        let service = self.client.workflows_service();
        let answer = async { Ok(service.delete_cluster(request).await?.into_owned()) };
        self.client.endpoint().once("delete cluster", answer).await.map(drop)
    }
}

/// A cluster about to be created; await it. Made by [`ClusterClient::create`].
#[must_use = "the cluster is created when this is awaited"]
#[derive(Debug)]
pub struct CreateCluster {
    client: Client,
    request: wire::CreateClusterRequest,
}

impl CreateCluster {
    /// What it is for, up to 50,000 characters (C-4).
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.request.description = description.into();
        self
    }

    /// What it is called in calls: up to 100 letters, digits and hyphens (C-4). Without it, one is made from the name (C-5).
    pub fn slug(mut self, slug: impl Into<String>) -> Self {
        self.request.slug = slug.into();
        self
    }

    async fn send(self) -> Result<Cluster, Error> {
        const CALL: &str = "create cluster";
        // Not repeated: without a slug a second cluster would be created.
        let answer = async { Ok(self.client.workflows_service().create_cluster(self.request).await?.into_owned()) };
        Cluster::from_wire(CALL, self.client.endpoint().once(CALL, answer).await?)
    }
}

impl IntoFuture for CreateCluster {
    type Output = Result<Cluster, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    /// # Errors
    /// [`Code::AlreadyExists`](crate::Code::AlreadyExists) if the slug is taken (C-6),
    /// [`Code::InvalidArgument`](crate::Code::InvalidArgument) if a limit of C-4 is exceeded.
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}

/// A cluster about to be changed; await it. Made by [`ClusterClient::update`].
#[must_use = "the cluster is changed when this is awaited"]
#[derive(Debug)]
pub struct UpdateCluster {
    client: Client,
    request: wire::UpdateClusterRequest,
}

impl UpdateCluster {
    /// Its new name.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.request.name = Some(name.into());
        self
    }

    /// Its new description; an empty one clears it (C-8).
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.request.description = Some(description.into());
        self
    }

    async fn send(self) -> Result<Cluster, Error> {
        const CALL: &str = "update cluster";
        let service = self.client.workflows_service();
        let answer = self.client.endpoint().repeat(CALL, |options| {
            let request = self.request.clone();
            async move { Ok(service.update_cluster_with_options(request, options).await?.into_owned()) }
        });
        Cluster::from_wire(CALL, answer.await?)
    }
}

impl IntoFuture for UpdateCluster {
    type Output = Result<Cluster, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    /// # Errors
    /// [`Code::NotFound`](crate::Code::NotFound) if there is none (C-10),
    /// [`Code::InvalidArgument`](crate::Code::InvalidArgument) if the name is empty or too long (C-8).
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}
