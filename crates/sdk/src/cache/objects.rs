//! The cache in an object store (K-15), also that of S3, Google Cloud Storage and Azure (K-12 to K-14).

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _, WriteMultipart};

use super::key::Levels;
use super::{Cache, is_missing};
use crate::Error;
use crate::error::{BoxError, with_causes};

/// Larger values are sent in parts of this size, so that one that is lost on the way is sent again by itself. S3 takes
/// parts of at least 5 MiB and at most 10,000 of them: values up to 80 GiB.
const PART_BYTES: usize = 8 << 20;

/// How many parts of a value are on the way at once.
const PARTS_AT_ONCE_MAX: usize = 4;

/// A cache in any store of the crate [`object_store`](crate::object_store): feature `object-store` (K-15).
///
/// The name of an object is the prefix, if there is one, the job id, the groups and the last level of the key, separated by
/// slashes; nothing is escaped. The Python SDK's `ObstoreCache` with the same store and prefix shares it. For Amazon S3,
/// Google Cloud Storage and Azure there are the features `s3`, `gcs` and `azure` with caches that find their settings in the
/// environment.
///
/// ```
/// # fn example() -> boxwood::Result {
/// use std::sync::Arc;
/// use boxwood::ObjectStoreCache;
/// use boxwood::object_store::memory::InMemory;
///
/// let cache = ObjectStoreCache::new(Arc::new(InMemory::new())).prefix("jobs")?;
/// # Ok(())
/// # }
/// ```
///
/// Values of more than 8 MiB are sent in parts; they are seen when all of them have arrived. If a process ends in between,
/// some stores keep the parts: a rule of the bucket that removes unfinished uploads does away with them.
///
/// Object stores refuse keys with control characters, and keys of more than about 1,000 bytes.
///
/// The types of `object_store` in this interface belong to the version that is re-exported as
/// [`boxwood::object_store`](crate::object_store).
#[derive(Clone)]
pub struct ObjectStoreCache {
    store: Arc<dyn ObjectStore>,
    prefix: Levels,
    /// Whether the store takes a backslash for a slash.
    backslash_is_slash: bool,
    /// What to do where there are no credentials.
    credentials: Option<&'static str>,
}

impl ObjectStoreCache {
    /// The cache in `store`, without a prefix.
    pub fn new(store: Arc<dyn ObjectStore>) -> Self {
        Self { store, prefix: Levels::default(), backslash_is_slash: false, credentials: None }
    }

    /// Refuses backslashes in keys: what is written with them would be found under another key.
    #[cfg(feature = "azure")]
    pub(super) fn without_backslashes(mut self) -> Self {
        self.backslash_is_slash = true;
        self
    }

    /// Puts everything below `prefix`, levels separated by slashes. The caches of S3, Google Cloud Storage and Azure have
    /// `jobs` unless told otherwise.
    ///
    /// # Errors
    /// [`Error::Setting`] if it has a level `..` or a null character.
    pub fn prefix(mut self, prefix: &str) -> Result<Self, Error> {
        // The Python SDK's store drops one slash at the start of object names.
        self.prefix = Levels::default()
            .join(prefix.strip_prefix('/').unwrap_or(prefix))
            .map_err(|problem| Error::setting("cache prefix", format!("{prefix:?} cannot be used: {problem}")))?;
        Ok(self)
    }

    /// Says where to take credentials from when there are none.
    #[cfg(any(feature = "s3", feature = "gcs", feature = "azure"))]
    pub(super) fn with_credentials_from(mut self, remedy: &'static str) -> Self {
        self.credentials = Some(remedy);
        self
    }

    fn failed(&self, error: object_store::Error) -> BoxError {
        match self.credentials {
            Some(remedy) if lacks_credentials(&error) => {
                format!("there are no credentials; {remedy}. The machine was asked last: {}", with_causes(&error))
                    .into()
            }
            _ => error.into(),
        }
    }

    fn or_absent<T: Default>(&self, result: object_store::Result<T>) -> Result<T, BoxError> {
        match result {
            Err(error) if is_absent(&error) => Ok(T::default()),
            other => other.map_err(|error| self.failed(error)),
        }
    }

    fn path(&self, key: &str) -> Result<Path, BoxError> {
        let name = self.prefix.join(key)?;
        if self.backslash_is_slash && key.contains('\\') {
            return Err("Azure takes the backslash in it for a slash; use another character".into());
        }
        // Not `Path::from`, which escapes.
        Path::parse(name.as_str()).map_err(|_| "object stores take no control characters in keys; use another".into())
    }
}

/// Whether an error says that there is no such object. Stores of files say it in their own words where a level on the way is
/// a file, or the end is a folder.
fn is_absent(error: &object_store::Error) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(object_store::Error::NotFound { .. }) = error.downcast_ref() {
            return true;
        }
        if error.downcast_ref().is_some_and(is_missing) {
            return true;
        }
        cause = error.source();
    }
    false
}

/// Whether an error comes from looking for the credentials of the machine, which is where stores look last.
fn lacks_credentials(error: &object_store::Error) -> bool {
    const ASKED: [&str; 3] = ["/latest/api/token", "/computeMetadata/", "/metadata/identity/"];
    let text = with_causes(error);
    ASKED.iter().any(|path| text.contains(path))
}

impl Cache for ObjectStoreCache {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, BoxError> {
        let path = self.path(key)?;
        let read = async { self.store.get(&path).await?.bytes().await };
        self.or_absent(read.await.map(|bytes| Some(Vec::from(bytes))))
    }

    async fn set(&self, key: &str, value: Vec<u8>) -> Result<(), BoxError> {
        let path = self.path(key)?;
        if value.len() <= PART_BYTES {
            self.store.put(&path, value.into()).await.map_err(|error| self.failed(error))?;
            return Ok(());
        }
        let mut rest = Bytes::from(value);
        let upload = self.store.put_multipart(&path).await.map_err(|error| self.failed(error))?;
        let mut parts = WriteMultipart::new_with_chunk_size(upload, PART_BYTES);
        while !rest.is_empty() {
            if let Err(error) = parts.wait_for_capacity(PARTS_AT_ONCE_MAX).await {
                // The store may keep what has arrived; that it does is not the news.
                let _ = parts.abort().await;
                return Err(error.into());
            }
            parts.put(rest.split_to(rest.len().min(PART_BYTES)));
        }
        parts.finish().await?;
        Ok(())
    }

    async fn keys(&self, group: &str) -> Result<Vec<String>, BoxError> {
        let path = self.path(group)?;
        let listed = self.or_absent(self.store.list_with_delimiter(Some(&path)).await.map(|list| list.objects))?;
        let inside = |object: object_store::ObjectMeta| {
            // Some tools make an empty object with the name of a folder; it is no key in itself.
            let name = object.location.as_ref().strip_prefix(path.as_ref())?.strip_prefix('/')?;
            (!name.is_empty()).then(|| name.to_owned())
        };
        Ok(listed.into_iter().filter_map(inside).collect())
    }

    async fn remove(&self, key: &str) -> Result<(), BoxError> {
        self.or_absent(self.store.delete(&self.path(key)?).await)
    }

    async fn contains(&self, key: &str) -> Result<bool, BoxError> {
        self.or_absent(self.store.head(&self.path(key)?).await.map(|_| true))
    }
}

impl fmt::Debug for ObjectStoreCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectStoreCache")
            .field("store", &format_args!("{}", self.store))
            .field("prefix", &self.prefix)
            .finish()
    }
}
