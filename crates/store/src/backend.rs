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

    /// Whether other servers write to the database too. Then commands are decided together: [`Backend::begin`] locks what
    /// they need, and rows that are loaded are good until the end of the transaction.
    fn is_shared(&self) -> bool {
        false
    }

    /// Begins a transaction for these commands, as far as it is known beforehand what they touch. Waits for other servers.
    ///
    /// # Errors
    /// [`Error::Conflict`] if another server got in the way, and as [`Backend::load`].
    fn begin(&mut self, _set: &mut WorkingSet, _commands: &[&Command]) -> Result<(), Error> {
        Ok(())
    }

    /// Loads what several steps lack. Answers the needs that had to be left because another server is at work on them; the
    /// next [`Backend::begin`] waits for that server.
    ///
    /// # Errors
    /// As [`Backend::load`].
    fn load_all(&mut self, set: &mut WorkingSet, needs: &[Need]) -> Result<Vec<Need>, Error> {
        for need in needs {
            self.load(set, *need)?;
        }
        Ok(Vec::new())
    }

    /// Writes changed rows, reads the inputs of tasks, and makes everything durable.
    ///
    /// # Errors
    /// As [`Backend::save`], [`Backend::inputs`] and [`Backend::commit`].
    fn finish(&mut self, changes: &Changes<'_>, inputs_of: &[TaskKey]) -> Result<Vec<Vec<u8>>, Error> {
        self.save(changes)?;
        let inputs = self.inputs(inputs_of)?;
        self.commit()?;
        Ok(inputs)
    }

    /// Gives up what was done since the last commit, after `error`. Nothing of it may be in the set.
    fn abandon(&mut self, _error: &Error) {}
}

/// Needs of one command after which the store is taken to be at fault, where the same need may come again.
pub(crate) const ROUNDS_MAX: u32 = 10_000;

/// Steps one command, loading rows until it has all it needs. Saves, without committing, where a need asks for it.
///
/// # Errors
/// If the backend fails.
pub fn step_with(
    backend: &mut dyn Backend,
    set: &mut WorkingSet,
    command: &Command,
) -> Result<Result<Reply, Refusal>, Error> {
    if backend.is_shared() {
        backend.begin(set, &[command])?;
    }
    let mut answered = None;
    let mut rounds = 0;
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
                rounds += 1;
                // Sets that others share load in parts and may ask for the same again.
                let again = answered.replace(need) == Some(need) && (!set.is_shared() || rounds > ROUNDS_MAX);
                if !set.has(need) || again {
                    return Err(Error::Corrupt(format!("the store does not hold {need:?}, which other rows refer to")));
                }
            }
        }
    }
}
