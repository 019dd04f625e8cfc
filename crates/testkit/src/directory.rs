//! SQLite databases whose process dies and whose disk loses what was not synced.

use std::fs;
use std::path::Path;

use boxwood_store::sqlite::Database;
use tempfile::TempDir;

use crate::random::Random;
use crate::reopen::{Opened, Reopen};

/// The unit in which a disk writes or does not write.
const SECTOR_BYTES: usize = 512;

/// What a process leaves behind when it dies. The others are the lock, and memory shared by the processes that have the
/// database open.
const FILES: [&str; 2] = ["boxwood.sqlite3", "boxwood.sqlite3-wal"];

/// A data directory, removed in the end.
pub struct Directory {
    folder: TempDir,
    /// The files just before the commit that will be torn.
    before: Option<[Vec<u8>; 2]>,
}

impl Directory {
    /// An empty one.
    ///
    /// # Panics
    /// If there is no place for temporary files.
    #[must_use]
    pub fn temporary() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder"), before: None }
    }

    fn files(&self) -> [Vec<u8>; 2] {
        FILES.map(|name| fs::read(self.folder.path().join(name)).unwrap_or_default())
    }

    /// From now on the database is in another folder, with these files. The process that dies may close the old ones in
    /// good order; nobody will look at them.
    fn go_on_with(&mut self, files: [Vec<u8>; 2]) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for (name, bytes) in FILES.iter().zip(files) {
            write(&folder.path().join(name), &bytes);
        }
        self.folder = folder;
    }
}

fn write(path: &Path, bytes: &[u8]) {
    if !bytes.is_empty() {
        fs::write(path, bytes).expect("a writable folder");
    }
}

impl Reopen for Directory {
    fn open(&mut self) -> Opened {
        let database = Database::open(self.folder.path()).expect("the directory is nobody else's");
        Opened { reader: database.reader(), backend: database.backend() }
    }

    fn crash(&mut self) {
        let files = self.files();
        self.go_on_with(files);
    }

    fn can_tear(&self) -> bool {
        true
    }

    fn remember(&mut self) {
        self.before = Some(self.files());
    }

    fn power_cut(&mut self, salt: u64, survives: bool) -> bool {
        let [database, log] = self.files();
        let before = self.before.take().filter(|_| !survives);
        let (files, found) = match before {
            // The log is synced before it is copied into the database, so then it is the copying that is torn.
            Some([before, _]) if before != database => ([torn(&before, &database, salt), log], true),
            Some([_, before]) => ([database, torn(&before, &log, salt)], false),
            None => ([database, log], true),
        };
        self.go_on_with(files);
        found
    }
}

/// A file of which some sectors were written and some, at least one, were not.
fn torn(before: &[u8], after: &[u8], salt: u64) -> Vec<u8> {
    let mut random = Random::seeded(salt);
    // A file that has grown holds zeros where nothing was written.
    let mut file = before.to_vec();
    file.resize(after.len(), 0);
    let sectors: Vec<_> =
        (0..after.len()).step_by(SECTOR_BYTES).map(|start| start..after.len().min(start + SECTOR_BYTES)).collect();
    let changed: Vec<_> = sectors.into_iter().filter(|sector| file[sector.clone()] != after[sector.clone()]).collect();
    let lost = random.pick(&changed).cloned();
    let percent = random.below(101);
    for sector in changed {
        if Some(&sector) != lost.as_ref() && random.chance(percent) {
            file[sector.clone()].copy_from_slice(&after[sector]);
        }
    }
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_file_misses_at_least_one_sector() {
        let (before, after) = (vec![1; 600], vec![2; 2000]);
        for salt in 0..50 {
            let file = torn(&before, &after, salt);
            assert_eq!(file.len(), after.len());
            assert_ne!(file, after);
            assert!(file.iter().all(|byte| *byte < 3));
        }
    }
}
