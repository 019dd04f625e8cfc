//! The seam between the rules and a database.

use boxwood_engine::{Changes, Command, Need, Refusal, Reply, Settings, TaskKey, Timestamp, WorkingSet, step};

use crate::error::Error;

/// A database that can load the rows a step needs and save those it changed.
///
/// All calls between two commits are one transaction. A backend holds no rule: it stores rows as the engine made them.
pub trait Backend: Send {
    /// The working set to begin with: clusters and classes loaded, everything else empty.
    ///
    /// # Errors
    /// If the database cannot be read.
    fn open_set(&mut self, settings: Settings) -> Result<WorkingSet, Error>;

    /// Loads what a step lacks into the set, or says there that it does not exist. May load neighbouring rows too.
    ///
    /// # Errors
    /// If the database cannot be read.
    fn load(&mut self, set: &mut WorkingSet, need: Need) -> Result<(), Error>;

    /// Writes changed rows into the open transaction.
    ///
    /// # Errors
    /// If the rows cannot be written; the transaction must not be committed then.
    fn save(&mut self, changes: &Changes<'_>) -> Result<(), Error>;

    /// The inputs of tasks, in the order asked for.
    ///
    /// # Errors
    /// If the database cannot be read or has no such task.
    fn inputs(&mut self, tasks: &[TaskKey]) -> Result<Vec<Vec<u8>>, Error>;

    /// Running tasks whose lease ends at or before `now`, at most `limit`.
    ///
    /// # Errors
    /// If the database cannot be read.
    fn expired(&mut self, now: Timestamp, limit: usize) -> Result<Vec<TaskKey>, Error>;

    /// Makes everything saved so far durable. When this returns, the rows survive a crash of the process and of the
    /// machine.
    ///
    /// # Errors
    /// If the commit failed; nothing saved since the last commit is certain then.
    fn commit(&mut self) -> Result<(), Error>;
}

/// Steps one command, loading rows until it has all it needs. Saves, without committing, where a need asks for it.
///
/// # Errors
/// If the backend fails.
pub fn step_with(
    backend: &mut dyn Backend,
    set: &mut WorkingSet,
    command: &Command,
) -> Result<Result<Reply, Refusal>, Error> {
    let mut answered = None;
    loop {
        match step(set, command) {
            Ok(decided) => return Ok(decided),
            Err(need) => {
                if need.is_scan() {
                    backend.save(&set.changes())?;
                    set.saved();
                }
                backend.load(set, need)?;
                // A need that comes back is for a row that was not found although it has to be there.
                if !set.has(need) || answered.replace(need) == Some(need) {
                    return Err(Error::Corrupt(format!("the store does not hold {need:?}, which other rows refer to")));
                }
            }
        }
    }
}
