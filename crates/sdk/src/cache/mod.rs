//! Caches: where the tasks of a job put data for each other (K-1 to K-17).

mod files;
mod memory;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

pub use files::LocalFileCache;
pub use memory::InMemoryCache;

use crate::Error;
use crate::error::BoxError;
use crate::id::JobId;

/// A backend of the job cache. Write your own for any store with keys and values (K-16).
///
/// Keys are paths of levels separated by single slashes, without a slash at either end: the job id first, then the groups,
/// then the last level, for example `0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b/tiles/17`. No level is empty, `.` or `..`.
/// All methods may be called from several threads at once (K-9).
pub trait Cache: Send + Sync + 'static {
    /// The value of `key`; none if it is missing, or only names a group (K-4).
    fn get(&self, key: &str) -> impl Future<Output = Result<Option<Vec<u8>>, BoxError>> + Send;

    /// Sets the value of `key`, replacing an earlier one (K-5). Readers see the old value or the new one, never a part.
    fn set(&self, key: &str, value: Vec<u8>) -> impl Future<Output = Result<(), BoxError>> + Send;

    /// The last levels of all keys directly in `group`, not those of nested groups (K-7).
    fn keys(&self, group: &str) -> impl Future<Output = Result<Vec<String>, BoxError>> + Send;

    /// Removes `key`; a missing one is no error.
    fn remove(&self, key: &str) -> impl Future<Output = Result<(), BoxError>> + Send;

    /// Whether `key` has a value (K-5). Backends that can tell without reading it should.
    fn contains(&self, key: &str) -> impl Future<Output = Result<bool, BoxError>> + Send {
        async { Ok(self.get(key).await?.is_some()) }
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
        JobCache { backend: self.clone(), group: job.to_string() }
    }
}

/// The cache of one job, or a group in it; from [`ExecutionContext::job_cache`](crate::ExecutionContext::job_cache).
///
/// Keys are texts, values are bytes (K-2). A slash is a level: `group("a")` with key `b` is the entry `a/b` (K-6).
///
/// ```
/// # async fn example(context: &boxwood::ExecutionContext) -> boxwood::Result {
/// let cache = context.job_cache();
/// cache.set("sum/12", b"144".as_slice()).await?;
/// assert_eq!(cache.group("sum").get("12").await?, b"144");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct JobCache {
    backend: Backend,
    group: String,
}

impl JobCache {
    #[cfg(test)]
    pub(crate) fn none() -> Self {
        Backend::default().of_job(JobId::from_bytes([2; 16]))
    }

    /// The value of `key`.
    ///
    /// # Errors
    /// [`Error::NotCached`] if it is missing or names a group (K-4), [`Error::Cache`] if the cache cannot be used.
    pub async fn get(&self, key: &str) -> Result<Vec<u8>, Error> {
        self.find(key).await?.ok_or_else(|| Error::NotCached { key: key.to_owned() })
    }

    /// The value of `key`, or none if it is missing or names a group.
    ///
    /// # Errors
    /// [`Error::Cache`] if the cache cannot be used.
    pub async fn find(&self, key: &str) -> Result<Option<Vec<u8>>, Error> {
        let path = self.path(key)?;
        self.backend()?.get(&path).await.map_err(|source| failed("read", key, source))
    }

    /// Sets the value of `key`, replacing an earlier one (K-5).
    ///
    /// # Errors
    /// [`Error::Cache`] if the cache cannot be used.
    pub async fn set(&self, key: &str, value: impl Into<Vec<u8>>) -> Result<(), Error> {
        let path = self.path(key)?;
        self.backend()?.set(&path, value.into()).await.map_err(|source| failed("write", key, source))
    }

    /// Whether `key` has a value (K-5).
    ///
    /// # Errors
    /// [`Error::Cache`] if the cache cannot be used.
    pub async fn contains(&self, key: &str) -> Result<bool, Error> {
        let path = self.path(key)?;
        self.backend()?.contains(&path).await.map_err(|source| failed("look up", key, source))
    }

    /// Removes `key`; a missing one is no error.
    ///
    /// # Errors
    /// [`Error::Cache`] if the cache cannot be used.
    pub async fn remove(&self, key: &str) -> Result<(), Error> {
        let path = self.path(key)?;
        self.backend()?.remove(&path).await.map_err(|source| failed("remove", key, source))
    }

    /// The keys directly in this group, sorted; not those of nested groups (K-7, K-8).
    ///
    /// # Errors
    /// [`Error::Cache`] if the cache cannot be used.
    pub async fn keys(&self) -> Result<Vec<String>, Error> {
        let mut keys = self.backend()?.keys(&self.group).await.map_err(|source| failed("list", &self.group, source))?;
        keys.sort();
        Ok(keys)
    }

    /// The keys directly in this group with their values, sorted by key (K-5).
    ///
    /// # Errors
    /// [`Error::Cache`] if the cache cannot be used.
    pub async fn items(&self) -> Result<Vec<(String, Vec<u8>)>, Error> {
        let mut items = Vec::new();
        for key in self.keys().await? {
            // A key may have been removed meanwhile.
            if let Some(value) = self.find(&key).await? {
                items.push((key, value));
            }
        }
        Ok(items)
    }

    /// The cache of the group `name` in this one (K-6). Nothing is created; a group exists as far as it has keys.
    pub fn group(&self, name: &str) -> Self {
        Self { backend: self.backend.clone(), group: format!("{}/{name}", self.group) }
    }

    fn backend(&self) -> Result<&dyn AnyCache, Error> {
        self.backend.0.as_deref().ok_or_else(|| Error::Cache {
            problem: "the runner has none; give it one with `Runner::builder(…).cache(…)`".to_owned(),
            source: None,
        })
    }

    /// The full path of a key, with needless slashes left out.
    fn path(&self, key: &str) -> Result<String, Error> {
        let wrong = |problem: &str| {
            Err(Error::Cache { problem: format!("key {key:?} cannot be used: {problem}"), source: None })
        };
        let mut path = String::with_capacity(self.group.len() + 1 + key.len());
        for level in self.group.split('/').filter(|level| !level.is_empty()) {
            match level {
                "." | ".." => return wrong("the group has a level . or .."),
                level if level.contains('\0') => return wrong("the group has a null character"),
                level => {
                    if !path.is_empty() {
                        path.push('/');
                    }
                    path.push_str(level);
                }
            }
        }
        let group_bytes = path.len();
        for level in key.split('/').filter(|level| !level.is_empty()) {
            match level {
                "." | ".." => return wrong("it has a level . or .."),
                level if level.contains('\0') => return wrong("it has a null character"),
                level => {
                    path.push('/');
                    path.push_str(level);
                }
            }
        }
        if path.len() == group_bytes {
            return wrong("it is empty");
        }
        Ok(path)
    }
}

fn failed(what: &str, key: &str, source: BoxError) -> Error {
    Error::Cache { problem: format!("could not {what} {key:?}: {source}"), source: Some(source) }
}

impl fmt::Debug for JobCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobCache").field("group", &self.group).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(last: u8) -> JobId {
        JobId::from_bytes([last; 16])
    }

    /// What holds for every backend.
    async fn exercise(cache: impl Cache) {
        let backend = Backend::new(cache);
        let cache = backend.of_job(job(1));

        assert!(!cache.contains("sum/12").await.unwrap());
        assert!(matches!(cache.get("sum/12").await, Err(Error::NotCached { .. })));
        cache.set("sum/12", b"144".as_slice()).await.unwrap();
        cache.set("sum/9", b"82".as_slice()).await.unwrap();
        cache.set("sum/9", b"81".as_slice()).await.unwrap();
        cache.set("last", Vec::new()).await.unwrap();

        // K-6: a slash is a level, and a group is a prefix.
        let sum = cache.group("sum");
        assert_eq!(sum.get("12").await.unwrap(), b"144");
        assert_eq!(cache.get("/sum//12").await.unwrap(), b"144");
        // K-4: the key of a group has no value.
        assert!(matches!(cache.get("sum").await, Err(Error::NotCached { .. })));
        assert!(!cache.contains("sum").await.unwrap());
        // K-7: keys of nested groups are not listed; K-8: sorted.
        assert_eq!(cache.keys().await.unwrap(), ["last"]);
        assert_eq!(sum.keys().await.unwrap(), ["12", "9"]);
        let items = [("12".to_owned(), b"144".to_vec()), ("9".to_owned(), b"81".to_vec())];
        assert_eq!(sum.items().await.unwrap(), items);
        assert!(cache.group("nothing").keys().await.unwrap().is_empty());
        // K-3: another job sees nothing of it.
        assert!(backend.of_job(job(2)).find("last").await.unwrap().is_none());

        sum.remove("9").await.unwrap();
        sum.remove("9").await.unwrap();
        assert_eq!(sum.keys().await.unwrap(), ["12"]);

        for key in ["", "/", "..", "a/../../b", ".", "a\0b"] {
            assert!(matches!(cache.set(key, Vec::new()).await, Err(Error::Cache { .. })), "{key:?}");
        }
        assert!(matches!(cache.group("..").set("a", Vec::new()).await, Err(Error::Cache { .. })));
    }

    #[tokio::test]
    async fn k_10_in_memory() {
        exercise(InMemoryCache::new()).await;
    }

    #[tokio::test]
    async fn k_11_local_files() {
        let folder = tempfile::tempdir().unwrap();
        exercise(LocalFileCache::new(folder.path())).await;
    }

    #[tokio::test]
    async fn k_11_one_file_for_each_key_below_the_job_id() {
        let folder = tempfile::tempdir().unwrap();
        let backend = Backend::new(LocalFileCache::new(folder.path()));
        backend.of_job(job(1)).set("a/b", b"c".as_slice()).await.unwrap();
        assert_eq!(std::fs::read(folder.path().join(job(1).to_string()).join("a").join("b")).unwrap(), b"c");
        // What another SDK wrote is found.
        std::fs::write(folder.path().join(job(1).to_string()).join("a").join("d"), "e").unwrap();
        assert_eq!(backend.of_job(job(1)).get("a/d").await.unwrap(), b"e");
    }

    #[tokio::test]
    async fn k_1_without_a_cache_every_access_says_so_but_a_group_does_not() {
        let group = JobCache::none().group("a");
        let text = group.get("b").await.unwrap_err().to_string();
        assert!(text.contains("Runner::builder"), "{text}");
    }
}
