//! A database with the rows loaded from it: has commands decided, and keeps what they changed.

use boxwood_engine::{Command, Refusal, Reply, Settings, TaskKey, Timestamp, WorkingSet};

use crate::backend::{Backend, step_with};
use crate::error::Error;

/// Jobs and groups, which never change, kept in memory where other servers write too.
const KEPT_ROWS_MAX: usize = 100_000;

/// A [`Backend`] and the [`WorkingSet`] on it, which belong together: whatever the set holds is what the database will
/// hold once it is saved.
///
/// Commands are decided one after another, where the caller stands; [`Lane`](crate::Lane) shares a vault between many
/// callers.
pub struct Vault {
    pub(crate) backend: Box<dyn Backend>,
    pub(crate) set: WorkingSet,
}

impl Vault {
    /// The vault of a database.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn open(mut backend: Box<dyn Backend>, settings: Settings) -> Result<Self, Error> {
        let set = backend.open_set(settings)?;
        Ok(Self { backend, set })
    }

    /// The rows as they are now, with what is not saved yet.
    #[must_use]
    pub fn set(&self) -> &WorkingSet {
        &self.set
    }

    /// Has a command decided. What it changed is in the set, and neither saved nor certain.
    ///
    /// # Errors
    /// If the database fails.
    pub fn decide(&mut self, command: &Command) -> Result<Result<Reply, Refusal>, Error> {
        step_with(self.backend.as_mut(), &mut self.set, command)
    }

    /// Writes what changed into the open transaction.
    ///
    /// # Errors
    /// If the rows cannot be written; the transaction must not be committed then.
    pub fn save(&mut self) -> Result<(), Error> {
        self.backend.save(&self.set.changes())?;
        self.set.saved();
        Ok(())
    }

    /// Makes everything decided so far durable.
    ///
    /// # Errors
    /// If that failed; nothing decided since the last commit is certain then.
    pub fn commit(&mut self) -> Result<(), Error> {
        self.save()?;
        self.backend.commit()?;
        self.set.end_batch(KEPT_ROWS_MAX);
        Ok(())
    }

    /// The inputs of tasks, in the order asked for.
    ///
    /// # Errors
    /// If the database fails or has no such task.
    pub fn inputs(&mut self, tasks: &[TaskKey]) -> Result<Vec<Vec<u8>>, Error> {
        self.save()?;
        self.backend.inputs(tasks)
    }

    /// Running tasks whose lease ends at or before `now`, at most `limit`.
    ///
    /// # Errors
    /// If the database fails.
    pub fn expired(&mut self, now: Timestamp, limit: usize) -> Result<Vec<TaskKey>, Error> {
        self.save()?;
        self.backend.expired(now, limit)
    }
}
