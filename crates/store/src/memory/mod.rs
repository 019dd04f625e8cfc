//! In memory: plain maps of rows, for tests and for runs inside one process. Nothing outlives the process.
//!
//! It keeps the promises of a database on disk: what is saved but not committed is seen by nobody else and lost with the
//! backend, so dropping a backend and opening another on the same database is a crash and a restart.

mod load;
mod query;
mod rows;

use std::sync::{Arc, RwLock};

use boxwood_engine::{Changes, Need, Settings, TaskKey, Timestamp, WorkingSet};

use crate::backend::Backend;
use crate::error::Error;
use crate::read::Reader;
use rows::{Rows, Write, writes};

/// A database in memory. Clones are the same database.
#[derive(Clone, Default)]
pub struct Database {
    committed: Arc<Committed>,
}

/// What readers see.
#[derive(Default)]
struct Committed {
    state: RwLock<State>,
}

#[derive(Default)]
struct State {
    rows: Rows,
    /// Counts the backends opened so far; only the last one may commit.
    writers: u64,
}

impl Database {
    /// An empty database.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The writer. There is one at a time: an earlier one can no longer commit.
    #[must_use]
    pub fn backend(&self) -> Box<dyn Backend> {
        let mut state = self.committed.state.write().expect(LOCK);
        state.writers += 1;
        Box::new(Memory {
            committed: self.committed.clone(),
            writer: state.writers,
            rows: state.rows.clone(),
            saved: Vec::new(),
        })
    }

    /// Queries on committed rows.
    #[must_use]
    pub fn reader(&self) -> Arc<dyn Reader> {
        self.committed.clone()
    }
}

const LOCK: &str = "no holder of the lock panics";

struct Memory {
    committed: Arc<Committed>,
    writer: u64,
    /// The rows with everything saved so far.
    rows: Rows,
    /// What was saved since the last commit.
    saved: Vec<Write>,
}

impl Backend for Memory {
    fn open_set(&mut self, settings: Settings) -> Result<WorkingSet, Error> {
        Ok(load::open_set(&self.rows, settings))
    }

    fn load(&mut self, set: &mut WorkingSet, need: Need) -> Result<(), Error> {
        load::need(&self.rows, set, need);
        Ok(())
    }

    fn save(&mut self, changes: &Changes<'_>) -> Result<(), Error> {
        for write in writes(changes) {
            self.rows.put(write.clone());
            self.saved.push(write);
        }
        Ok(())
    }

    fn inputs(&mut self, tasks: &[TaskKey]) -> Result<Vec<Vec<u8>>, Error> {
        let input = |task: &TaskKey| {
            let input = self.rows.input(*task).map(<[u8]>::to_vec);
            input.ok_or_else(|| Error::Corrupt(format!("there is no input of task {}", task.0)))
        };
        tasks.iter().map(input).collect()
    }

    fn expired(&mut self, now: Timestamp, limit: usize) -> Result<Vec<TaskKey>, Error> {
        Ok(self.rows.running().filter(|task| task.lease_until <= now).map(|task| task.key).take(limit).collect())
    }

    fn commit(&mut self) -> Result<(), Error> {
        let mut state = self.committed.state.write().expect(LOCK);
        if state.writers != self.writer {
            return Err(Error::Unavailable("the database was opened for writing again; use the newer backend".into()));
        }
        for write in self.saved.drain(..) {
            state.rows.put(write);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use boxwood_engine::{Command, NewCluster};

    use super::*;
    use crate::backend::step_with;

    fn save_cluster(backend: &mut dyn Backend, slug: &str) {
        let mut set = backend.open_set(Settings::default()).expect("memory can be read");
        let new = NewCluster {
            slug: slug.into(),
            display_name: slug.into(),
            description: String::new(),
            deletable: true,
            now: Timestamp(0),
        };
        let decided = step_with(backend, &mut set, &Command::CreateCluster(new)).expect("memory can be read");
        assert!(decided.is_ok(), "{decided:?}");
        backend.save(&set.changes()).expect("memory can be written");
    }

    fn clusters(database: &Database) -> usize {
        database.reader().clusters().expect("memory can be read").len()
    }

    #[test]
    fn what_is_not_committed_is_invisible_and_lost_with_the_backend() {
        let database = Database::new();
        let mut backend = database.backend();
        save_cluster(backend.as_mut(), "kept");
        assert_eq!(clusters(&database), 0);
        backend.commit().expect("the only writer");
        save_cluster(backend.as_mut(), "lost");
        assert_eq!(clusters(&database), 1);
        drop(backend);
        let mut backend = database.backend();
        let set = backend.open_set(Settings::default()).expect("memory can be read");
        let slugs: Vec<_> = set.all_clusters().map(|cluster| cluster.slug.to_string()).collect();
        assert_eq!(slugs, ["kept"]);
    }

    #[test]
    fn a_second_writer_shuts_the_first_one_out() {
        let database = Database::new();
        let mut first = database.backend();
        save_cluster(first.as_mut(), "lost");
        let mut second = database.backend();
        assert!(matches!(first.commit(), Err(Error::Unavailable(_))));
        save_cluster(second.as_mut(), "kept");
        second.commit().expect("the last writer");
        assert_eq!(clusters(&database), 1);
    }
}
