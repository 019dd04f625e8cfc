//! `WorkflowsService`: clusters. Workflows and their releases are not served yet.

use std::sync::Arc;

use boxwood_engine::{Command, NewCluster, Reply, slug_from_name};
use boxwood_proto::connectrpc::{RequestContext, Response, ServiceRequest, ServiceResult};
use boxwood_proto::workflows::v1 as wire;

use super::task::unexpected;
use crate::door::Door;
use crate::{clock, convert, ids, validate};

/// Characters of a cluster's name (LM-21).
const NAME_CHARS_MAX: usize = 100;

/// Characters of a cluster's description (LM-23).
const DESCRIPTION_CHARS_MAX: usize = 50_000;

pub(super) struct Workflows(pub(super) Arc<Door>);

impl wire::WorkflowsService for Workflows {
    async fn create_cluster(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::CreateClusterRequest>,
    ) -> ServiceResult<wire::Cluster> {
        validate::chars("name", request.name, 1..=NAME_CHARS_MAX)?;
        validate::chars("description", request.description, 0..=DESCRIPTION_CHARS_MAX)?;
        validate::slug("slug", request.slug)?;
        let slug = match request.slug {
            "" => slug_from_name(request.name, &ids::slug_letters()),
            slug => slug.to_owned(),
        };
        let new = NewCluster {
            slug,
            display_name: request.name.into(),
            description: request.description.into(),
            deletable: true,
            now: clock::now(),
        };
        self.changed_cluster(Command::CreateCluster(new)).await
    }

    async fn get_cluster(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::GetClusterRequest>,
    ) -> ServiceResult<wire::Cluster> {
        validate::slug("cluster_slug", request.cluster_slug)?;
        Response::ok(convert::cluster(&self.0.cluster(request.cluster_slug).await?))
    }

    async fn update_cluster(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::UpdateClusterRequest>,
    ) -> ServiceResult<wire::Cluster> {
        validate::required_slug("cluster_slug", request.cluster_slug)?;
        if let Some(name) = request.name {
            validate::chars("name", name, 1..=NAME_CHARS_MAX)?;
        }
        if let Some(description) = request.description {
            validate::chars("description", description, 0..=DESCRIPTION_CHARS_MAX)?;
        }
        let command = Command::UpdateCluster {
            slug: request.cluster_slug.into(),
            display_name: request.name.map(str::to_owned),
            description: request.description.map(str::to_owned),
        };
        self.changed_cluster(command).await
    }

    async fn delete_cluster(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, wire::DeleteClusterRequest>,
    ) -> ServiceResult<wire::DeleteClusterResponse> {
        validate::required_slug("cluster_slug", request.cluster_slug)?;
        self.0.command(Command::DeleteCluster { slug: request.cluster_slug.into() }).await?;
        Response::ok(wire::DeleteClusterResponse::default())
    }

    async fn list_clusters(
        &self,
        _: RequestContext,
        _: ServiceRequest<'_, wire::ListClustersRequest>,
    ) -> ServiceResult<wire::ListClustersResponse> {
        let clusters = self.0.read(|reader| reader.clusters()).await?;
        Response::ok(wire::ListClustersResponse {
            clusters: clusters.iter().map(convert::cluster).collect(),
            ..Default::default()
        })
    }

    not_served! {
        create_workflow(wire::CreateWorkflowRequest) -> wire::Workflow;
        list_workflows(wire::ListWorkflowsRequest) -> wire::ListWorkflowsResponse;
        list_public_workflows(wire::ListPublicWorkflowsRequest) -> wire::ListPublicWorkflowsResponse;
        get_workflow(wire::GetWorkflowRequest) -> wire::Workflow;
        update_workflow(wire::UpdateWorkflowRequest) -> wire::Workflow;
        delete_workflow(wire::DeleteWorkflowRequest) -> wire::DeleteWorkflowResponse;
        publish_workflow_release(wire::PublishWorkflowReleaseRequest) -> wire::WorkflowRelease;
        unpublish_workflow_release(wire::UnpublishWorkflowReleaseRequest) -> wire::UnpublishWorkflowReleaseResponse;
        deploy_workflow_release(wire::DeployWorkflowReleaseRequest) -> wire::DeployWorkflowReleaseResponse;
        undeploy_workflow_release(wire::UndeployWorkflowReleaseRequest) -> wire::UndeployWorkflowReleaseResponse;
    }
}

impl Workflows {
    async fn changed_cluster(&self, command: Command) -> ServiceResult<wire::Cluster> {
        match self.0.command(command).await? {
            Reply::Cluster(cluster) => Response::ok(convert::cluster(&cluster)),
            other => Err(unexpected(&other)),
        }
    }
}
