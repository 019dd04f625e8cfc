//! Clusters (section 5, where jobs and tasks need it).

use super::{Model, Refused, Time};

/// C-1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cluster {
    pub(crate) slug: String,
    pub(crate) display_name: String,
    pub(crate) description: String,
    pub(crate) deletable: bool,
    pub(crate) created_at: Time,
}

impl Model {
    /// The cluster with a slug; without one, the default cluster is meant (C-3).
    pub(crate) fn cluster(&self, slug: &str) -> Result<&Cluster, Refused> {
        let meant = |cluster: &&Cluster| if slug.is_empty() { !cluster.deletable } else { cluster.slug == slug };
        self.clusters.iter().find(meant).ok_or(Refused::NotFound)
    }

    /// C-4 to C-7. There is one default cluster (C-2).
    pub(crate) fn create_cluster(&mut self, new: Cluster) -> Result<Cluster, Refused> {
        if self.clusters.iter().any(|cluster| cluster.slug == new.slug) {
            return Err(Refused::AlreadyExists);
        }
        if !new.deletable && self.cluster("").is_ok() {
            return Err(Refused::Invalid);
        }
        self.clusters.push(new.clone());
        Ok(new)
    }

    /// C-8, C-10: changes the fields that are given.
    pub(crate) fn update_cluster(
        &mut self,
        slug: &str,
        display_name: Option<&str>,
        description: Option<&str>,
    ) -> Result<Cluster, Refused> {
        let mut changed = self.cluster(slug)?.clone();
        if let Some(text) = display_name {
            changed.display_name = text.to_owned();
        }
        if let Some(text) = description {
            changed.description = text.to_owned();
        }
        for cluster in &mut self.clusters {
            if cluster.slug == changed.slug {
                *cluster = changed.clone();
            }
        }
        Ok(changed)
    }

    /// C-10 to C-12. Nothing happens to its tasks: nobody can ask for them until there is a cluster with that slug.
    pub(crate) fn delete_cluster(&mut self, slug: &str) -> Result<(), Refused> {
        let cluster = self.cluster(slug)?.clone();
        if !cluster.deletable {
            return Err(Refused::Invalid);
        }
        self.clusters.retain(|other| *other != cluster);
        Ok(())
    }

    /// C-9: the default cluster first; the others by slug.
    pub(crate) fn list_clusters(&self) -> Vec<Cluster> {
        let mut listed = self.clusters.clone();
        listed.sort_by(|one, other| (one.deletable, &one.slug).cmp(&(other.deletable, &other.slug)));
        listed
    }
}
