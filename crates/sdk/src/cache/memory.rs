//! The cache in memory (K-10).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Cache;
use crate::error::BoxError;

/// A cache in memory: lost when the process ends, and shared only by the runners of this process that are given it or a clone
/// of it (K-10). For tests and for trying things out.
///
/// It behaves as the caches that runners share, so that moving to one of them changes nothing: a group need not be created
/// before a key in it is written, and `contains("a/b")` looks into the group `a`. That of the Python SDK wants the group
/// created first, and does not look.
#[derive(Debug, Clone, Default)]
pub struct InMemoryCache {
    entries: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
}

impl InMemoryCache {
    /// An empty cache.
    pub fn new() -> Self {
        Self::default()
    }

    fn entries(&self) -> MutexGuard<'_, BTreeMap<String, Vec<u8>>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cache for InMemoryCache {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, BoxError> {
        Ok(self.entries().get(key).cloned())
    }

    async fn set(&self, key: &str, value: Vec<u8>) -> Result<(), BoxError> {
        self.entries().insert(key.to_owned(), value);
        Ok(())
    }

    async fn keys(&self, group: &str) -> Result<Vec<String>, BoxError> {
        let prefix = format!("{group}/");
        let entries = self.entries();
        let inside = entries.range(prefix.clone()..).map_while(|(key, _)| key.strip_prefix(&prefix));
        Ok(inside.filter(|key| !key.contains('/')).map(str::to_owned).collect())
    }

    async fn remove(&self, key: &str) -> Result<(), BoxError> {
        self.entries().remove(key);
        Ok(())
    }

    async fn contains(&self, key: &str) -> Result<bool, BoxError> {
        Ok(self.entries().contains_key(key))
    }
}
