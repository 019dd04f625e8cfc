package workflows

import (
	"context"

	"boxwood-conformance/internal/pb/workflowsv1"
	"boxwood-conformance/internal/pb/workflowsv1/workflowsv1connect"
)

// Cluster is a named set of runners.
type Cluster struct {
	Slug      string
	Name      string
	Deletable bool
}

// ClusterClient makes, finds and deletes clusters.
type ClusterClient struct {
	service   workflowsv1connect.WorkflowsServiceClient
	telemetry *telemetry
}

// Create makes a cluster; the server chooses its slug.
func (c *ClusterClient) Create(ctx context.Context, name string) (*Cluster, error) {
	cluster, err := call(ctx, c.telemetry.tracer, "workflows/clusters/create", "create cluster",
		c.service.CreateCluster, &workflowsv1.CreateClusterRequest{Name: name})
	if err != nil {
		return nil, err
	}
	return readCluster(cluster), nil
}

// Get finds a cluster; an empty slug asks for the default cluster.
func (c *ClusterClient) Get(ctx context.Context, slug string) (*Cluster, error) {
	cluster, err := call(ctx, c.telemetry.tracer, "workflows/clusters/get", "get cluster",
		c.service.GetCluster, &workflowsv1.GetClusterRequest{ClusterSlug: slug})
	if err != nil {
		return nil, err
	}
	return readCluster(cluster), nil
}

// Delete removes a cluster.
func (c *ClusterClient) Delete(ctx context.Context, slug string) error {
	_, err := call(ctx, c.telemetry.tracer, "workflows/clusters/delete", "delete cluster",
		c.service.DeleteCluster, &workflowsv1.DeleteClusterRequest{ClusterSlug: slug})
	return err
}

// List returns all clusters.
func (c *ClusterClient) List(ctx context.Context) ([]*Cluster, error) {
	response, err := call(ctx, c.telemetry.tracer, "workflows/clusters/list", "list clusters",
		c.service.ListClusters, &workflowsv1.ListClustersRequest{})
	if err != nil {
		return nil, err
	}
	clusters := make([]*Cluster, 0, len(response.GetClusters()))
	for _, cluster := range response.GetClusters() {
		clusters = append(clusters, readCluster(cluster))
	}
	return clusters, nil
}

func readCluster(cluster *workflowsv1.Cluster) *Cluster {
	return &Cluster{Slug: cluster.GetSlug(), Name: cluster.GetDisplayName(), Deletable: cluster.GetDeletable()}
}
