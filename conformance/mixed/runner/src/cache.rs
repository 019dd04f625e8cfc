//! The caches a runner can be given.

use std::path::PathBuf;
use std::sync::Arc;

use boxwood::{AzureCache, Error, GcsCache, LocalFileCache, ObjectStoreCache, Result, S3Cache};
use object_store::local::LocalFileSystem;
use serde::Deserialize;

/// Which cache, as the suite says it; the Python runner reads the same.
#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Place {
    Files { root: PathBuf },
    ObjectsInFiles { root: PathBuf, prefix: String },
    S3 { bucket: String, prefix: Option<String>, region: Option<String> },
    Gcs { bucket: String },
    Azure { account: String, container: String },
}

pub(crate) fn files(root: PathBuf) -> LocalFileCache {
    LocalFileCache::new(root)
}

pub(crate) fn objects_in_files(root: &PathBuf, prefix: &str) -> Result<ObjectStoreCache> {
    let store = LocalFileSystem::new_with_prefix(root)?;
    Ok(ObjectStoreCache::new(Arc::new(store)).prefix(prefix)?)
}

pub(crate) async fn s3(bucket: String, prefix: Option<String>, region: Option<String>) -> Result<S3Cache, Error> {
    let mut cache = S3Cache::builder(bucket);
    if let Some(prefix) = prefix {
        cache = cache.prefix(prefix);
    }
    if let Some(region) = region {
        cache = cache.region(region);
    }
    cache.build().await
}

pub(crate) fn gcs(bucket: String) -> Result<GcsCache, Error> {
    GcsCache::builder(bucket).build()
}

pub(crate) fn azure(account: String, container: String) -> Result<AzureCache, Error> {
    AzureCache::builder(account, container).build()
}
