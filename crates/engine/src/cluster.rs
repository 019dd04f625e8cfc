//! Clusters (C-1 to C-14).

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::command::{NewCluster, Reply};
use crate::step::Stop;
use crate::time::Timestamp;
use crate::working_set::WorkingSet;

/// A named set of runners. Tasks wait for a runner of their own cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// Up to 100 letters, digits and hyphens; never changes (C-8).
    pub slug: Arc<str>,
    /// 1 to 100 characters.
    pub display_name: String,
    /// Up to 50,000 characters.
    pub description: String,
    /// False for the default cluster only (C-2, C-7).
    pub deletable: bool,
    /// When it was created.
    pub created_at: Timestamp,
}

/// Every cluster, by slug.
#[derive(Clone, Debug, Default)]
pub(crate) struct Clusters {
    by_slug: BTreeMap<Arc<str>, Cluster>,
}

impl Clusters {
    pub(crate) fn from_rows(rows: impl IntoIterator<Item = Cluster>) -> Self {
        Self { by_slug: rows.into_iter().map(|cluster| (cluster.slug.clone(), cluster)).collect() }
    }

    pub(crate) fn find(&self, slug: &str) -> Option<&Cluster> {
        self.by_slug.get(slug)
    }

    /// The default cluster; it exists from the first start (C-2).
    pub(crate) fn default_cluster(&self) -> Option<&Cluster> {
        self.by_slug.values().find(|cluster| !cluster.deletable)
    }

    /// The default cluster first, then the others by slug.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Cluster> {
        let (protected, others): (Vec<_>, Vec<_>) = self.by_slug.values().partition(|cluster| !cluster.deletable);
        protected.into_iter().chain(others)
    }

    fn put(&mut self, cluster: Cluster) {
        self.by_slug.insert(cluster.slug.clone(), cluster);
    }
}

/// The cluster a slug names; the empty slug names the default one (C-3).
pub(crate) fn named(set: &WorkingSet, slug: &str) -> Result<Cluster, Stop> {
    let clusters = set.clusters();
    let found = if slug.is_empty() { clusters.default_cluster() } else { clusters.find(slug) };
    found.cloned().ok_or_else(|| Stop::not_found(format!("there is no cluster {slug:?}")))
}

/// Creates a cluster (C-4 to C-7). A second cluster that cannot be deleted is refused: there is one default cluster.
pub(crate) fn create(set: &mut WorkingSet, new: NewCluster) -> Result<Reply, Stop> {
    if set.clusters().find(&new.slug).is_some() {
        return Err(Stop::already_exists(format!(
            "slug: there is a cluster {:?} already; choose another slug",
            new.slug
        )));
    }
    if !new.deletable && set.clusters().default_cluster().is_some() {
        return Err(Stop::invalid("deletable: there is a default cluster already".into()));
    }
    let cluster = Cluster {
        slug: new.slug.into(),
        display_name: new.display_name,
        description: new.description,
        deletable: new.deletable,
        created_at: new.now,
    };
    set.change_cluster(&cluster.slug.clone(), |clusters| clusters.put(cluster.clone()))?;
    Ok(Reply::Cluster(cluster))
}

/// Changes the given fields of a cluster (C-8).
pub(crate) fn update(
    set: &mut WorkingSet,
    slug: &str,
    display_name: Option<String>,
    description: Option<String>,
) -> Result<Reply, Stop> {
    let mut cluster = named(set, slug)?;
    if let Some(display_name) = display_name {
        cluster.display_name = display_name;
    }
    if let Some(description) = description {
        cluster.description = description;
    }
    set.change_cluster(&cluster.slug.clone(), |clusters| clusters.put(cluster.clone()))?;
    Ok(Reply::Cluster(cluster))
}

/// Deletes a cluster; its queued tasks stay queued (C-10 to C-12).
pub(crate) fn delete(set: &mut WorkingSet, slug: &str) -> Result<Reply, Stop> {
    let cluster = named(set, slug)?;
    if !cluster.deletable {
        return Err(Stop::invalid(format!("cluster_slug: {slug:?} is the default cluster, which cannot be deleted")));
    }
    set.change_cluster(slug, |clusters| {
        clusters.by_slug.remove(slug);
    })?;
    Ok(Reply::Done)
}

/// Whether a text has the form of a slug: up to 100 letters, digits and hyphens (LM-22). The empty text has it.
#[must_use]
pub fn is_slug(text: &str) -> bool {
    text.len() <= 100 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// A slug made from a name and 14 random characters chosen by the caller (C-5).
#[must_use]
pub fn slug_from_name(name: &str, random: &str) -> String {
    let mut slug = String::new();
    for letter in name.chars() {
        if letter.is_ascii_alphanumeric() {
            slug.push(letter.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
        if slug.len() >= 80 {
            break;
        }
    }
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() { format!("cluster-{random}") } else { format!("{slug}-{random}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c_5_slugs_are_made_of_the_name_and_random_characters() {
        assert_eq!(slug_from_name("Dev Cluster", "ESugE7S4cwADVK"), "dev-cluster-ESugE7S4cwADVK");
        assert_eq!(slug_from_name("  --Größe 2!! ", "x"), "gr-e-2-x");
        assert_eq!(slug_from_name("猫", "x"), "cluster-x");
        assert!(is_slug(&slug_from_name(&"long name ".repeat(20), "12345678901234")));
    }

    #[test]
    fn c_14_lm_22_slugs_are_letters_digits_and_hyphens() {
        assert!(is_slug("") && is_slug("default-56uboc82HDVNys") && is_slug(&"a".repeat(100)));
        assert!(!is_slug("a b") && !is_slug("ä") && !is_slug(&"a".repeat(101)) && !is_slug("a_b"));
    }
}
