//! The cache in Google Cloud Storage (K-12).

use std::sync::Arc;

use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};

use super::cloud::{self, cache_in_objects};
use super::objects::ObjectStoreCache;
use crate::Error;

/// How errors name this cache.
const CACHE: &str = "Google Cloud Storage cache";

/// What to do where there are no credentials.
const CREDENTIALS: &str =
    "run `gcloud auth application-default login`, or set GOOGLE_APPLICATION_CREDENTIALS to a file of them";

/// A cache in a bucket of Google Cloud Storage: feature `gcs` (K-12).
///
/// The name of an object is `jobs`, the job id, the groups and the last level of the key, separated by slashes. The Python
/// SDK's `GoogleStorageCache` with the same bucket and prefix shares it.
///
/// ```no_run
/// # fn example() -> boxwood::Result {
/// let cache = boxwood::GcsCache::builder("my-bucket").build()?;
/// # Ok(())
/// # }
/// ```
///
/// Credentials are the application default ones: the file that `GOOGLE_APPLICATION_CREDENTIALS` names (a service account or
/// a user; not a federation), else what `gcloud auth application-default login` has left, else the service account of the
/// machine. `GOOGLE_SERVICE_ACCOUNT` names the file of a service account and comes first. For another server set
/// `GOOGLE_BASE_URL`, and `GOOGLE_SKIP_SIGNATURE=true` if it wants no credentials.
///
/// No server of this protocol can be had for tests but Google's own: this cache is tested against a stand-in, unlike those of
/// S3 and Azure.
///
/// Calls that fail in passing are repeated, for three minutes at most. Anything else is set by making the store oneself and
/// giving it to an [`ObjectStoreCache`] with the prefix `jobs`.
#[derive(Debug, Clone)]
pub struct GcsCache(ObjectStoreCache);

impl GcsCache {
    /// Starts a cache in `bucket`.
    pub fn builder(bucket: impl Into<String>) -> GcsCacheBuilder {
        GcsCacheBuilder { bucket: bucket.into(), prefix: cloud::PREFIX_DEFAULT.to_owned() }
    }
}

cache_in_objects!(GcsCache);

/// Settings of a [`GcsCache`]; made by [`GcsCache::builder`]. Feature `gcs`.
#[derive(Debug, Clone)]
#[must_use = "the cache is made by `build`"]
pub struct GcsCacheBuilder {
    bucket: String,
    prefix: String,
}

impl GcsCacheBuilder {
    /// Puts everything below `prefix`, levels separated by slashes; `jobs` unless set. An empty text means no prefix.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Makes the cache. Nothing is asked yet: a bucket that does not exist shows at the first access.
    ///
    /// # Errors
    /// [`Error::Setting`] if a setting, a variable or a file of credentials cannot be used.
    pub fn build(self) -> Result<GcsCache, Error> {
        cloud::choose_tls();
        let mut store = GoogleCloudStorageBuilder::from_env().with_bucket_name(self.bucket);
        for (key, value) in cloud::patience(|key| store.get_config_value(&GoogleConfigKey::Client(key))) {
            store = store.with_config(GoogleConfigKey::Client(key), value);
        }
        let store = store.build().map_err(|error| cloud::wrong(CACHE, &error))?;
        Ok(GcsCache(ObjectStoreCache::new(Arc::new(store)).prefix(&self.prefix)?.with_credentials_from(CREDENTIALS)))
    }
}
