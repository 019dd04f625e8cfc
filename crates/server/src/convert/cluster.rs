//! Clusters.

use boxwood_engine::Cluster;
use boxwood_proto::workflows::v1 as wire;

/// A cluster on the wire (C-1).
pub(crate) fn cluster(cluster: &Cluster) -> wire::Cluster {
    wire::Cluster {
        slug: cluster.slug.to_string(),
        display_name: cluster.display_name.clone(),
        description: cluster.description.clone(),
        deletable: cluster.deletable,
        ..Default::default()
    }
}
