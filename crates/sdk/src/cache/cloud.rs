//! What the caches of S3, Google Cloud Storage and Azure have in common: how they are connected.

use object_store::ClientConfigKey;

use crate::Error;
use crate::error::with_causes;

/// Where the caches put their objects unless told otherwise, as those of the Python SDK (K-12 to K-14).
pub(super) const PREFIX_DEFAULT: &str = "jobs";

/// The time in which a whole request has to be done unless `…_TIMEOUT` is set. Values may be large and lines slow.
const REQUEST_MAX: &str = "1 hour";

/// The time in which something has to arrive unless `…_READ_TIMEOUT` is set. A part of a value is sent within it.
const SILENCE_MAX: &str = "60 seconds";

/// The settings of a connection that are other than the store's own, given what is set now.
pub(super) fn patience(set: impl Fn(ClientConfigKey) -> Option<String>) -> Vec<(ClientConfigKey, &'static str)> {
    let own = object_store::ClientOptions::new();
    [(ClientConfigKey::Timeout, REQUEST_MAX), (ClientConfigKey::ReadTimeout, SILENCE_MAX)]
        .into_iter()
        .filter(|(key, _)| set(*key) == own.get_config_value(key))
        .collect()
}

/// Chooses ring for TLS, if the process has not chosen yet. The HTTP client takes what the process has chosen and cannot go
/// on without.
pub(super) fn choose_tls() {
    // An error says that another thread was faster.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// An error of a setting, found when the cache was made.
pub(super) fn wrong(cache: &'static str, error: &object_store::Error) -> Error {
    Error::setting(cache, with_causes(error))
}

/// Makes a cache that is an [`ObjectStoreCache`](super::ObjectStoreCache) inside.
macro_rules! cache_in_objects {
    ($name:ident) => {
        impl $crate::Cache for $name {
            async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, $crate::BoxError> {
                $crate::Cache::get(&self.0, key).await
            }

            async fn set(&self, key: &str, value: Vec<u8>) -> Result<(), $crate::BoxError> {
                $crate::Cache::set(&self.0, key, value).await
            }

            async fn keys(&self, group: &str) -> Result<Vec<String>, $crate::BoxError> {
                $crate::Cache::keys(&self.0, group).await
            }

            async fn remove(&self, key: &str) -> Result<(), $crate::BoxError> {
                $crate::Cache::remove(&self.0, key).await
            }

            async fn contains(&self, key: &str) -> Result<bool, $crate::BoxError> {
                $crate::Cache::contains(&self.0, key).await
            }
        }
    };
}

pub(super) use cache_in_objects;
