//! Clusters and classes: few rows, read whole.

use boxwood_engine::{Class, ClassKey, Cluster, Identifier, Timestamp, Version, WorkingSet};

use super::rows::{get, number, text};
use super::session::Talk;
use crate::error::Error;

/// Every cluster, by slug.
pub(super) async fn clusters(talk: &Talk) -> Result<Vec<Cluster>, Error> {
    let sql = "SELECT slug, display_name, description, deletable, created_at FROM cluster ORDER BY slug";
    let cluster = |row| {
        Ok(Cluster {
            slug: text(&row, 0)?.into(),
            display_name: text(&row, 1)?,
            description: text(&row, 2)?,
            deletable: get(&row, 3)?,
            created_at: Timestamp(get(&row, 4)?),
        })
    };
    talk.query(sql, &[]).await?.into_iter().map(cluster).collect()
}

/// Every class, by key.
pub(super) async fn classes(talk: &Talk) -> Result<Vec<Class>, Error> {
    let class = |row| {
        let version = Version::parse(&text(&row, 3)?).map_err(|error| Error::Corrupt(format!("class: {error}")))?;
        Ok(Class {
            key: ClassKey(number(&row, 0)?),
            cluster: text(&row, 1)?.into(),
            identifier: Identifier { name: text(&row, 2)?.into(), version },
        })
    };
    let rows = talk.query("SELECT key, cluster, name, version FROM class ORDER BY key", &[]).await?;
    rows.into_iter().map(class).collect()
}

/// Grows with every change of a cluster and every new class.
pub(super) const VERSION: &str = "SELECT version FROM catalog";

pub(super) fn is_empty() -> Error {
    Error::Corrupt("the table catalog is empty".into())
}

/// Brings the clusters and classes of a set up to this version.
pub(super) async fn follow(talk: &Talk, set: &mut WorkingSet, version: u64) -> Result<(), Error> {
    if set.catalog_version() != Some(version) {
        load(talk, set, version, false).await?;
    }
    Ok(())
}

/// Reads which version there is, and follows.
pub(super) async fn look(talk: &Talk, set: &mut WorkingSet) -> Result<(), Error> {
    let row = talk.query_opt(VERSION, &[]).await?;
    follow(talk, set, number(&row.ok_or_else(is_empty)?, 0)?).await
}

/// Takes the right to change clusters and to add classes until the end of the transaction, with all as they are now.
pub(super) async fn hold(talk: &Talk, set: &mut WorkingSet) -> Result<(), Error> {
    let row = talk.query_opt("SELECT version FROM catalog FOR UPDATE", &[]).await?;
    load(talk, set, number(&row.ok_or_else(is_empty)?, 0)?, true).await
}

async fn load(talk: &Talk, set: &mut WorkingSet, version: u64, held: bool) -> Result<(), Error> {
    // Read later than the version: they may be newer, which costs one more look the next time.
    set.load_catalog(version, clusters(talk).await?, classes(talk).await?, held);
    Ok(())
}
