//! The cache in local files (K-11).

use std::io::{Error, ErrorKind, Result as IoResult};
use std::path::{Path, PathBuf};

use tokio::fs;

use super::{Cache, is_missing};
use crate::error::BoxError;

/// Where values are written before they get their name, below the root and so on the same file system. It is beside the
/// folders of the jobs, so that no listing of keys shows it.
const UNFINISHED: &str = ".boxwood-unfinished";

/// A cache in files, one for each key, below a root folder: the folder of the job, folders for the groups, the file (K-11).
///
/// All runners that see the same file system share it, also runners of the Python SDK with a `LocalFileSystemCache` at the
/// same place. Nobody sees a part of a value that this cache writes; the Python SDK writes in place, so let a task that reads
/// what Python writes depend on the task that writes it.
///
/// Levels of keys are names of folders and files and have their limits: mostly 255 bytes; on Windows no `:`, `\` and the like
/// and no reserved name such as `NUL`; and file systems that ignore case make `a` and `A` one key.
#[derive(Debug, Clone)]
pub struct LocalFileCache {
    root: PathBuf,
}

impl LocalFileCache {
    /// The cache below `root`, which is created when something is written.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    fn path(&self, key: &str) -> IoResult<PathBuf> {
        // A slash separates levels on every platform; other separators in a level would leave the folder.
        let mut path = self.root.clone();
        for level in key.split('/') {
            let mut components = Path::new(level).components();
            let plain = matches!((components.next(), components.next()), (Some(std::path::Component::Normal(_)), None));
            if !plain || (cfg!(windows) && !is_windows_name(level)) {
                return Err(Error::new(
                    ErrorKind::InvalidInput,
                    format!("{level:?} cannot be a file name; use another"),
                ));
            }
            path.push(level);
        }
        Ok(path)
    }
}

impl Default for LocalFileCache {
    /// The cache in the folder `cache` of the working directory, as that of the Python SDK.
    fn default() -> Self {
        Self::new("cache")
    }
}

/// Whether Windows keeps a name as it is. It drops dots and blanks at the end, takes what follows a colon for a part of the
/// file beside its content, and gives some names to devices, whatever extension they have.
fn is_windows_name(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end();
    let device = ["CON", "PRN", "AUX", "NUL"].iter().any(|device| stem.eq_ignore_ascii_case(device));
    let numbered =
        stem.get(..3).is_some_and(|port| ["COM", "LPT"].iter().any(|known| port.eq_ignore_ascii_case(known)))
            && matches!(stem.get(3..), Some(number) if "0123456789¹²³".contains(number) && number.chars().count() == 1);
    let wrong = |c: char| c.is_ascii_control() || "<>:\"/\\|?*".contains(c);
    !(device || numbered || name.contains(wrong) || name.ends_with(['.', ' ']))
}

fn or_missing<T: Default>(result: IoResult<T>) -> Result<T, BoxError> {
    match result {
        Err(error) if is_missing(&error) => Ok(T::default()),
        other => other.map_err(Into::into),
    }
}

/// A failed write, with the remedy where a name is both a value and a group.
fn not_written(error: Error) -> BoxError {
    match error.kind() {
        ErrorKind::IsADirectory | ErrorKind::DirectoryNotEmpty => {
            "it is a group already, and local files hold no value beside a group; use another name".into()
        }
        ErrorKind::NotADirectory | ErrorKind::AlreadyExists => {
            "a level above it is a value already, and local files hold no group beside a value; use another name".into()
        }
        _ => error.into(),
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
            fs::create_dir_all(folder).await.map_err(not_written)?;
        }
        // Unique among all processes of all machines that share the folder.
        let written = unfinished.join(format!("{:032x}", rand::random::<u128>()));
        let result = async {
            fs::write(&written, value).await?;
            fs::rename(&written, &path).await
        };
        if let Err(error) = result.await {
            // What is left of a failed write is of no use; that it cannot be removed either is not the news.
            let _ = fs::remove_file(&written).await;
            return Err(not_written(error));
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
        let path = self.path(key)?;
        match fs::remove_file(&path).await {
            // Systems disagree about the error for a folder.
            Err(_) if fs::metadata(&path).await.is_ok_and(|metadata| metadata.is_dir()) => Ok(()),
            other => or_missing(other),
        }
    }

    async fn contains(&self, key: &str) -> Result<bool, BoxError> {
        or_missing(fs::metadata(self.path(key)?).await.map(|metadata| metadata.is_file()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn k_11_names_that_windows_would_change_are_known() {
        for name in
            ["CON", "nul", "aux.txt", "Com1", "lpt9.log", "COM¹", "a.", "a ", "a:b", "a\\b", "a?", "a*b", "a\tb"]
        {
            assert!(!is_windows_name(name), "{name:?}");
        }
        for name in ["a", "CONSOLE", "COM", "COM12", "a.b", ".a", "é", "a b", "a%2Fb", "lpt", "COMé"] {
            assert!(is_windows_name(name), "{name:?}");
        }
    }

    #[test]
    fn k_11_no_level_leaves_the_folder() {
        let cache = LocalFileCache::new("root");
        assert_eq!(cache.path("a/b").unwrap(), Path::new("root").join("a").join("b"));
        for key in ["..", "a/../b", ".", "a//b", "/a"] {
            assert!(cache.path(key).is_err(), "{key:?}");
        }
    }
}
