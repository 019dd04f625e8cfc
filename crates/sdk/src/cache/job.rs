//! What the tasks of a job see of a cache.

use std::fmt;

use futures::stream::{self, StreamExt as _, TryStreamExt as _};

use super::key::{Levels, Problem};
use super::{AnyCache, Backend, Cache};
use crate::Error;
use crate::error::{BoxError, with_causes};
use crate::id::JobId;

/// How many values are read at once for [`JobCache::items`]: enough to hide the way to an object store, few enough for the
/// open files of a process.
const READS_AT_ONCE_MAX: usize = 16;

/// The cache of one job, or a group in it; in a task from
/// [`ExecutionContext::job_cache`](crate::ExecutionContext::job_cache).
///
/// Keys are texts, values are bytes (K-2). A slash is a level: `group("a")` with key `b` is the entry `a/b` (K-6). Needless
/// slashes and the level `.` are left out; a slash at the start, a level `..` and null characters are refused (K-18).
///
/// Give a name either to a value or to a group: local files cannot hold both. Single calls are safe from any number of
/// tasks at once, sequences of them are not atomic (K-9): of two tasks that read, add and write back, one is lost. Let each
/// task write keys of its own, and a later one collect them.
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
    group: Result<Levels, WrongGroup>,
}

/// A group that cannot be; said when it is used.
#[derive(Clone)]
struct WrongGroup {
    name: String,
    problem: Problem,
}

impl JobCache {
    /// The cache of `job` in `cache`, for programs that look at what a job has left there (K-3).
    ///
    /// ```
    /// # use boxwood::{Client, JobCache, LocalFileCache};
    /// # async fn example(client: Client, job: boxwood::JobId) -> boxwood::Result {
    /// client.jobs().wait(job).await?;
    /// let report = JobCache::new(LocalFileCache::default(), job).get("report").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn new(cache: impl Cache, job: JobId) -> Self {
        Backend::new(cache).of_job(job)
    }

    pub(super) fn of(backend: Backend, job: JobId) -> Self {
        let group = Levels::default().join(&job.to_string()).expect("an id is a level");
        Self { backend, group: Ok(group) }
    }

    #[cfg(test)]
    pub(crate) fn none() -> Self {
        Backend::default().of_job(JobId::from_bytes([2; 16]))
    }

    /// The value of `key`.
    ///
    /// # Errors
    /// [`Error::NotCached`] if it is missing or names a group (K-4), [`Error::Cache`] if the key or the cache cannot be used.
    pub async fn get(&self, key: &str) -> Result<Vec<u8>, Error> {
        self.find(key).await?.ok_or_else(|| Error::NotCached { key: key.to_owned() })
    }

    /// The value of `key`, or none if it is missing or names a group.
    ///
    /// # Errors
    /// [`Error::Cache`] if the key or the cache cannot be used.
    pub async fn find(&self, key: &str) -> Result<Option<Vec<u8>>, Error> {
        let path = self.path(key)?;
        self.backend()?.get(path.as_str()).await.map_err(|source| failed("read", key, source))
    }

    /// Sets the value of `key`, replacing an earlier one (K-5).
    ///
    /// # Errors
    /// [`Error::Cache`] if the key or the cache cannot be used.
    pub async fn set(&self, key: &str, value: impl Into<Vec<u8>>) -> Result<(), Error> {
        let path = self.path(key)?;
        self.backend()?.set(path.as_str(), value.into()).await.map_err(|source| failed("write", key, source))
    }

    /// Whether `key` has a value (K-5). A group has none.
    ///
    /// # Errors
    /// [`Error::Cache`] if the key or the cache cannot be used.
    pub async fn contains(&self, key: &str) -> Result<bool, Error> {
        let path = self.path(key)?;
        self.backend()?.contains(path.as_str()).await.map_err(|source| failed("look up", key, source))
    }

    /// Removes the value of `key`; a missing one is no error, and a group is left as it is.
    ///
    /// # Errors
    /// [`Error::Cache`] if the key or the cache cannot be used.
    pub async fn remove(&self, key: &str) -> Result<(), Error> {
        let path = self.path(key)?;
        self.backend()?.remove(path.as_str()).await.map_err(|source| failed("remove", key, source))
    }

    /// The keys directly in this group, sorted; not those of nested groups (K-7, K-8).
    ///
    /// # Errors
    /// [`Error::Cache`] if the group or the cache cannot be used.
    pub async fn keys(&self) -> Result<Vec<String>, Error> {
        let group = self.levels()?.as_str();
        let mut keys = self.backend()?.keys(group).await.map_err(|source| failed("list", group, source))?;
        keys.sort();
        Ok(keys)
    }

    /// The keys directly in this group with their values, sorted by key (K-5). Several values are read at once.
    ///
    /// # Errors
    /// [`Error::Cache`] if the group or the cache cannot be used.
    pub async fn items(&self) -> Result<Vec<(String, Vec<u8>)>, Error> {
        let reads = self.keys().await?.into_iter().map(async |key| {
            let value = self.find(&key).await?;
            // A key may have been removed meanwhile.
            Ok(value.map(|value| (key, value)))
        });
        let items = stream::iter(reads).buffered(READS_AT_ONCE_MAX);
        items.try_filter_map(async |item| Ok(item)).try_collect().await
    }

    /// The cache of the group `name` in this one (K-6). Nothing is created; a group exists as far as it has keys. A name
    /// that cannot be one (K-18) is reported when the group is used.
    pub fn group(&self, name: &str) -> Self {
        let group = match &self.group {
            Ok(levels) => levels.join(name).map_err(|problem| WrongGroup { name: name.to_owned(), problem }),
            Err(wrong) => Err(wrong.clone()),
        };
        Self { backend: self.backend.clone(), group }
    }

    fn backend(&self) -> Result<&dyn AnyCache, Error> {
        self.backend.0.as_deref().ok_or_else(|| Error::Cache {
            problem: "the runner has none; give it one with `Runner::builder(…).cache(…)`".to_owned(),
            source: None,
        })
    }

    fn levels(&self) -> Result<&Levels, Error> {
        self.group.as_ref().map_err(|WrongGroup { name, problem }| Error::Cache {
            problem: format!("group {name:?} cannot be used: {problem}"),
            source: None,
        })
    }

    /// The full path of a key.
    fn path(&self, key: &str) -> Result<Levels, Error> {
        let group = self.levels()?;
        let path = match group.join(key) {
            Ok(path) if path == *group => Err("it is empty; give it a name"),
            other => other,
        };
        path.map_err(|problem| Error::Cache { problem: format!("key {key:?} cannot be used: {problem}"), source: None })
    }
}

fn failed(what: &str, key: &str, source: BoxError) -> Error {
    Error::Cache { problem: format!("could not {what} {key:?}: {}", with_causes(&*source)), source: Some(source) }
}

impl fmt::Debug for JobCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let group = self.group.as_ref().map_or_else(|wrong| wrong.name.as_str(), Levels::as_str);
        f.debug_struct("JobCache").field("group", &group).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn k_1_without_a_cache_every_access_says_so_but_a_group_does_not() {
        let group = JobCache::none().group("a");
        let text = group.get("b").await.unwrap_err().to_string();
        assert!(text.contains("Runner::builder"), "{text}");
    }
}
