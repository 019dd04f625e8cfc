//! The cache in memory (K-10).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Cache;
use crate::error::BoxError;

/// A cache in memory: lost when the process ends, not shared with other runners (K-10). Clones share their content.
///
/// Unlike that of the Python SDK, it takes a key in a group that was not created first.
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
