//! Caches: where the tasks of a job put data for each other (K-1 to K-18).

#[cfg(feature = "azure")]
mod azure;
#[cfg(any(feature = "s3", feature = "gcs", feature = "azure"))]
mod cloud;
mod files;
#[cfg(feature = "gcs")]
mod gcs;
mod job;
mod key;
mod memory;
#[cfg(feature = "object-store")]
mod objects;
#[cfg(feature = "s3")]
mod s3;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

#[cfg(feature = "azure")]
pub use azure::{AzureCache, AzureCacheBuilder};
pub use files::LocalFileCache;
#[cfg(feature = "gcs")]
pub use gcs::{GcsCache, GcsCacheBuilder};
pub use job::JobCache;
pub use memory::InMemoryCache;
#[cfg(feature = "object-store")]
pub use objects::ObjectStoreCache;
#[cfg(feature = "s3")]
pub use s3::{S3Cache, S3CacheBuilder};

use crate::error::BoxError;
use crate::id::JobId;

/// A backend of the job cache. All runners that share a job have to be given one that all of them reach (K-17).
///
/// | cache | who shares it | feature | in the Python SDK | where an entry is |
/// | --- | --- | --- | --- | --- |
/// | [`InMemoryCache`] | the runners it, or a clone of it, is given to | | `InMemoryCache` | nowhere else |
/// | [`LocalFileCache`] | who sees the file system | | `LocalFileSystemCache` | file `cache/<job id>/<key>` |
/// | `S3Cache` | who can reach the bucket | `s3` | `AmazonS3Cache` | object `jobs/<job id>/<key>` |
/// | `GcsCache` | who can reach the bucket | `gcs` | `GoogleStorageCache` | object `jobs/<job id>/<key>` |
/// | `AzureCache` | who can reach the container | `azure` | `AzureBlobCache` | blob `jobs/<job id>/<key>` |
/// | `ObjectStoreCache` | who can reach the store | `object-store` | `ObstoreCache` | object `<job id>/<key>` |
///
/// A key is its groups and its last level, separated by slashes: key `17` in group `tiles` is `tiles/17`. Names are stored as
/// they are, nothing is escaped. `cache` and `jobs` are what is there unless the cache is told otherwise.
/// Runners of the Python SDK share a job with these when they are given the cache of the same row, at the same place.
///
/// # Caches of your own
///
/// Implement this trait for any store with keys and values (K-16). Keys are whole paths of levels separated by single
/// slashes, without a slash at either end: the job id first, then the groups, then the last level, for example
/// `0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b/tiles/17`. No level is empty, `.` or `..`, and none has a null character (K-18).
/// All methods may be called from several threads at once (K-9).
///
/// ```
/// use std::collections::HashMap;
/// use std::sync::Mutex;
///
/// use boxwood::{BoxError, Cache};
///
/// #[derive(Default)]
/// struct Dictionary(Mutex<HashMap<String, Vec<u8>>>);
///
/// impl Cache for Dictionary {
///     async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, BoxError> {
///         Ok(self.0.lock().map_err(|_| "a writer panicked")?.get(key).cloned())
///     }
///
///     async fn set(&self, key: &str, value: Vec<u8>) -> Result<(), BoxError> {
///         self.0.lock().map_err(|_| "a writer panicked")?.insert(key.to_owned(), value);
///         Ok(())
///     }
///
///     async fn keys(&self, group: &str) -> Result<Vec<String>, BoxError> {
///         let entries = self.0.lock().map_err(|_| "a writer panicked")?;
///         let inside = entries.keys().filter_map(|key| key.strip_prefix(group)?.strip_prefix('/'));
///         Ok(inside.filter(|key| !key.contains('/')).map(str::to_owned).collect())
///     }
///
///     async fn remove(&self, key: &str) -> Result<(), BoxError> {
///         self.0.lock().map_err(|_| "a writer panicked")?.remove(key);
///         Ok(())
///     }
/// }
/// ```
pub trait Cache: Send + Sync + 'static {
    /// The value of `key`; none if it is missing, or only names a group (K-4).
    fn get(&self, key: &str) -> impl Future<Output = Result<Option<Vec<u8>>, BoxError>> + Send;

    /// Sets the value of `key`, replacing an earlier one (K-5). Readers see the old value or the new one, never a part.
    fn set(&self, key: &str, value: Vec<u8>) -> impl Future<Output = Result<(), BoxError>> + Send;

    /// The last levels of all keys directly in `group`, in any order; not those of nested groups (K-7).
    fn keys(&self, group: &str) -> impl Future<Output = Result<Vec<String>, BoxError>> + Send;

    /// Removes `key`; a missing one is no error, and neither is a group, which is left as it is.
    fn remove(&self, key: &str) -> impl Future<Output = Result<(), BoxError>> + Send;

    /// Whether `key` has a value (K-5). Backends that can tell without reading it should.
    fn contains(&self, key: &str) -> impl Future<Output = Result<bool, BoxError>> + Send {
        async { Ok(self.get(key).await?.is_some()) }
    }
}

/// A cache that several own.
impl<C: Cache> Cache for Arc<C> {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, BoxError> {
        (**self).get(key).await
    }

    async fn set(&self, key: &str, value: Vec<u8>) -> Result<(), BoxError> {
        (**self).set(key, value).await
    }

    async fn keys(&self, group: &str) -> Result<Vec<String>, BoxError> {
        (**self).keys(group).await
    }

    async fn remove(&self, key: &str) -> Result<(), BoxError> {
        (**self).remove(key).await
    }

    async fn contains(&self, key: &str) -> Result<bool, BoxError> {
        (**self).contains(key).await
    }
}

type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, BoxError>> + Send + 'a>>;

/// [`Cache`] with its kind forgotten.
trait AnyCache: Send + Sync {
    fn get<'a>(&'a self, key: &'a str) -> Answer<'a, Option<Vec<u8>>>;
    fn set<'a>(&'a self, key: &'a str, value: Vec<u8>) -> Answer<'a, ()>;
    fn keys<'a>(&'a self, group: &'a str) -> Answer<'a, Vec<String>>;
    fn remove<'a>(&'a self, key: &'a str) -> Answer<'a, ()>;
    fn contains<'a>(&'a self, key: &'a str) -> Answer<'a, bool>;
}

impl<C: Cache> AnyCache for C {
    fn get<'a>(&'a self, key: &'a str) -> Answer<'a, Option<Vec<u8>>> {
        Box::pin(Cache::get(self, key))
    }

    fn set<'a>(&'a self, key: &'a str, value: Vec<u8>) -> Answer<'a, ()> {
        Box::pin(Cache::set(self, key, value))
    }

    fn keys<'a>(&'a self, group: &'a str) -> Answer<'a, Vec<String>> {
        Box::pin(Cache::keys(self, group))
    }

    fn remove<'a>(&'a self, key: &'a str) -> Answer<'a, ()> {
        Box::pin(Cache::remove(self, key))
    }

    fn contains<'a>(&'a self, key: &'a str) -> Answer<'a, bool> {
        Box::pin(Cache::contains(self, key))
    }
}

/// The backend of a runner: none at all, or one of some kind (K-1).
#[derive(Clone, Default)]
pub(crate) struct Backend(Option<Arc<dyn AnyCache>>);

impl Backend {
    pub(crate) fn new(cache: impl Cache) -> Self {
        Self(Some(Arc::new(cache)))
    }

    /// What the tasks of `job` see (K-3).
    pub(crate) fn of_job(&self, job: JobId) -> JobCache {
        JobCache::of(self.clone(), job)
    }
}

/// Whether an error says that there is no such file: also when a level on the way is a file, or the end is a folder.
fn is_missing(error: &std::io::Error) -> bool {
    use std::io::ErrorKind;
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::IsADirectory)
}
