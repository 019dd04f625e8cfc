//! The cache in local files (K-11).

use std::io::{Error, ErrorKind, Result as IoResult};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::fs;

use super::Cache;
use crate::error::BoxError;

/// Where values are written before they get their name, below the root and so on the same file system. It is beside the
/// folders of the jobs, so that no listing of keys shows it.
const UNFINISHED: &str = ".boxwood-unfinished";

/// A cache in files, one for each key, below a root folder: the folder of the job, folders for the groups, the file (K-11).
/// Runners that see the same file system share it, also with runners of the Python SDK.
#[derive(Debug)]
pub struct LocalFileCache {
    root: PathBuf,
    written: AtomicU64,
}

impl LocalFileCache {
    /// The cache below `root`, which is created when something is written.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), written: AtomicU64::new(0) }
    }

    fn path(&self, key: &str) -> IoResult<PathBuf> {
        // A slash separates levels on every platform; other separators in a level would leave the folder.
        let mut path = self.root.clone();
        for level in key.split('/') {
            let mut components = Path::new(level).components();
            match (components.next(), components.next()) {
                (Some(std::path::Component::Normal(_)), None) => path.push(level),
                _ => return Err(Error::new(ErrorKind::InvalidInput, format!("{level:?} cannot be a file name"))),
            }
        }
        Ok(path)
    }
}

impl Default for LocalFileCache {
    /// The cache in the folder `cache` of the working directory.
    fn default() -> Self {
        Self::new("cache")
    }
}

/// Whether an error says that there is no such file: also when a level on the way is a file, or the end is a folder.
fn is_missing(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::IsADirectory)
}

fn or_missing<T: Default>(result: IoResult<T>) -> Result<T, BoxError> {
    match result {
        Err(error) if is_missing(&error) => Ok(T::default()),
        other => other.map_err(Into::into),
    }
}

impl Cache for LocalFileCache {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, BoxError> {
        or_missing(fs::read(self.path(key)?).await.map(Some))
    }

    async fn set(&self, key: &str, value: Vec<u8>) -> Result<(), BoxError> {
        let path = self.path(key)?;
        let unfinished = self.root.join(UNFINISHED);
        fs::create_dir_all(&unfinished).await?;
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).await?;
        }
        // Unique among the processes and threads of this machine; across machines that share the folder, the process
        // numbers are told apart by a random part.
        let number = self.written.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}-{number}-{:016x}", std::process::id(), rand::random::<u64>());
        let written = unfinished.join(name);
        let result = async {
            fs::write(&written, value).await?;
            fs::rename(&written, &path).await
        };
        if let Err(error) = result.await {
            // What is left of a failed write is of no use; that it cannot be removed either is not the news.
            let _ = fs::remove_file(&written).await;
            return Err(error.into());
        }
        Ok(())
    }

    async fn keys(&self, group: &str) -> Result<Vec<String>, BoxError> {
        let mut keys = Vec::new();
        let mut entries = match fs::read_dir(self.path(group)?).await {
            Err(error) if is_missing(&error) => return Ok(keys),
            other => other?,
        };
        while let Some(entry) = entries.next_entry().await? {
            if fs::metadata(entry.path()).await.is_ok_and(|metadata| metadata.is_file()) {
                // A name that is no text cannot have been written as a key.
                keys.extend(entry.file_name().into_string());
            }
        }
        Ok(keys)
    }

    async fn remove(&self, key: &str) -> Result<(), BoxError> {
        or_missing(fs::remove_file(self.path(key)?).await)
    }

    async fn contains(&self, key: &str) -> Result<bool, BoxError> {
        or_missing(fs::metadata(self.path(key)?).await.map(|metadata| metadata.is_file()))
    }
}
