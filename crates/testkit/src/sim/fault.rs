//! A database that fails when it is told to, and what is known about its rows.

use std::sync::{Arc, Mutex, MutexGuard};

use boxwood_engine::{Changes, Command, Need, Settings, TaskKey, Timestamp, WorkingSet};
use boxwood_store::{Backend, Error};

use super::event::{Harm, Operation};
use crate::mirror::Mirror;
use crate::reopen::{Opened, Reopen};

/// A fault to come.
#[derive(Clone, Copy, Debug)]
struct Armed {
    operation: Operation,
    /// How many calls succeed before the one that fails.
    after: u64,
    harm: Harm,
    /// What decides how a shared database fails.
    salt: u64,
}

/// What outlives the server: its disk, and what is known about it.
pub(super) struct Disk {
    pub(super) store: Box<dyn Reopen + Send>,
    /// The rows as saved, and as committed.
    pub(super) saved: Mirror,
    pub(super) committed: Mirror,
    armed: Option<Armed>,
    /// The fault that has struck since the server started.
    pub(super) struck: Option<(Operation, Harm)>,
    /// Whether a commit was made since the last look, told to its server or not.
    pub(super) landed: bool,
    /// How often all connections were cut.
    pub(super) cuts: u64,
    /// Whether several servers may write to it.
    pub(super) is_shared: bool,
}

/// A disk shared by the world and the server that runs on it.
#[derive(Clone)]
pub(super) struct SharedDisk(Arc<Mutex<Disk>>);

impl SharedDisk {
    pub(super) fn new(store: Box<dyn Reopen + Send>) -> Self {
        let (saved, committed) = (Mirror::default(), Mirror::default());
        Self(Arc::new(Mutex::new(Disk {
            store,
            saved,
            committed,
            armed: None,
            struck: None,
            landed: false,
            cuts: 0,
            is_shared: false,
        })))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Disk> {
        // A check that failed while it held the disk ends the simulation anyway.
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Disk {
    pub(super) fn arm(&mut self, operation: Operation, after: u64, harm: Harm, salt: u64) {
        self.armed = Some(Armed { operation, after, harm, salt });
    }

    pub(super) fn disarm(&mut self) {
        self.armed = None;
    }

    /// Whether this call fails, and how.
    fn strikes(&mut self, operation: Operation) -> Option<(Harm, u64)> {
        let armed = self.armed.as_mut().filter(|armed| armed.operation == operation)?;
        if armed.after > 0 {
            armed.after -= 1;
            return None;
        }
        let (harm, salt) = (armed.harm, armed.salt);
        self.armed = None;
        self.struck = Some((operation, harm));
        Some((harm, salt))
    }

    /// A server starts on it.
    pub(super) fn open(&mut self) -> Opened {
        let opened = self.store.open();
        self.is_shared = opened.backend.is_shared();
        opened
    }

    /// Everything saved is durable.
    fn lands(&mut self) {
        let Self { saved, committed, landed, .. } = self;
        committed.clone_from(saved);
        *landed = true;
    }
}

/// A backend that fails when the disk says so.
pub(super) struct Faulty {
    inner: Box<dyn Backend>,
    disk: SharedDisk,
}

impl Faulty {
    pub(super) fn new(inner: Box<dyn Backend>, disk: SharedDisk) -> Self {
        Self { inner, disk }
    }

    /// Makes a call, or lets it fail.
    fn call<T>(
        &mut self,
        operation: Operation,
        call: impl FnOnce(&mut dyn Backend) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let Some((harm, salt)) = self.disk.lock().strikes(operation) else { return call(self.inner.as_mut()) };
        let injected = if self.inner.is_shared() { shared(operation, salt) } else { injected(operation) };
        match harm {
            Harm::Undone if self.inner.is_shared() && salt.is_multiple_of(CUT_ONE_IN) => {
                self.cut();
                // A connection that is made only now is a sound one.
                call(self.inner.as_mut()).inspect_err(is_a_loss)
            }
            Harm::Undone => Err(injected),
            Harm::Done | Harm::Torn { .. } => call(self.inner.as_mut()).and_then(|_| Err(injected)),
        }
    }

    /// The database ends all connections.
    fn cut(&mut self) {
        let mut disk = self.disk.lock();
        disk.store.cut();
        disk.cuts += 1;
    }

    /// The last call of a transaction on a database that others write to as well.
    fn finish_shared(&mut self, changes: &Changes<'_>, inputs_of: &[TaskKey]) -> Result<Vec<Vec<u8>>, Error> {
        self.disk.lock().saved.apply(changes);
        self.call(Operation::Save, |_| Ok(()))?;
        self.call(Operation::Inputs, |_| Ok(()))?;
        let strikes = self.disk.lock().strikes(Operation::Commit);
        let lost = || Error::Unavailable("the simulation loses the connection in a commit".into());
        match strikes {
            None => {
                let inputs = self.inner.finish(changes, inputs_of)?;
                self.disk.lock().lands();
                Ok(inputs)
            }
            Some((Harm::Undone, salt)) if salt.is_multiple_of(CUT_ONE_IN) => {
                self.cut();
                let cut = self.inner.finish(changes, inputs_of);
                Err(cut.expect_err("its connection was cut")).inspect_err(is_a_loss)
            }
            // All is written, and the transaction left open.
            Some((Harm::Undone | Harm::Torn { survives: false }, _)) => {
                self.inner.save(changes)?;
                Err(lost())
            }
            Some((Harm::Done | Harm::Torn { survives: true }, _)) => {
                self.inner.finish(changes, inputs_of)?;
                self.disk.lock().lands();
                Err(lost())
            }
        }
    }
}

/// One fault in so many, where nothing is to be done, is a connection that is cut.
const CUT_ONE_IN: u64 = 2;

/// A connection that ends is the database being away, and nothing worse: the server goes on (N-22).
fn is_a_loss(error: &Error) {
    assert!(matches!(error, Error::Unavailable(_)), "N-22: a lost connection is taken for {error:?}");
}

fn injected(operation: Operation) -> Error {
    Error::Corrupt(format!("the simulation lets {operation:?} fail"))
}

/// How a database fails that others write to as well: most often it is away, or somebody was in the way.
fn shared(operation: Operation, salt: u64) -> Error {
    let text = format!("the simulation lets {operation:?} fail");
    match salt / CUT_ONE_IN % 8 {
        0 => Error::Corrupt(text),
        1..4 => Error::Conflict(text),
        _ => Error::Unavailable(text),
    }
}

impl Backend for Faulty {
    fn open_set(&mut self, settings: Settings) -> Result<WorkingSet, Error> {
        self.call(Operation::Open, |inner| inner.open_set(settings))
    }

    fn load(&mut self, set: &mut WorkingSet, need: Need) -> Result<(), Error> {
        self.call(Operation::Load, |inner| inner.load(set, need))
    }

    fn save(&mut self, changes: &Changes<'_>) -> Result<(), Error> {
        self.disk.lock().saved.apply(changes);
        self.call(Operation::Save, |inner| inner.save(changes))
    }

    fn inputs(&mut self, tasks: &[TaskKey]) -> Result<Vec<Vec<u8>>, Error> {
        self.call(Operation::Inputs, |inner| inner.inputs(tasks))
    }

    fn expired(&mut self, now: Timestamp, limit: usize) -> Result<Vec<TaskKey>, Error> {
        self.call(Operation::Expired, |inner| inner.expired(now, limit))
    }

    fn is_shared(&self) -> bool {
        self.inner.is_shared()
    }

    fn begin(&mut self, set: &mut WorkingSet, commands: &[&Command]) -> Result<(), Error> {
        self.call(Operation::Load, |inner| inner.begin(set, commands))
    }

    fn load_all(&mut self, set: &mut WorkingSet, needs: &[Need]) -> Result<Vec<Need>, Error> {
        self.call(Operation::Load, |inner| inner.load_all(set, needs))
    }

    fn finish(&mut self, changes: &Changes<'_>, inputs_of: &[TaskKey]) -> Result<Vec<Vec<u8>>, Error> {
        self.finish_shared(changes, inputs_of)
    }

    fn abandon(&mut self, error: &Error) {
        let mut disk = self.disk.lock();
        let Disk { saved, committed, .. } = &mut *disk;
        saved.clone_from(committed);
        drop(disk);
        self.inner.abandon(error);
    }

    fn commit(&mut self) -> Result<(), Error> {
        let mut disk = self.disk.lock();
        let harm = disk.strikes(Operation::Commit).map(|(harm, _)| harm);
        let torn = matches!(harm, Some(Harm::Torn { .. }));
        // Where nothing can be torn, what does not survive is not written at all.
        let never_written = harm == Some(Harm::Torn { survives: false }) && !disk.store.can_tear();
        if harm == Some(Harm::Undone) || never_written {
            return Err(injected(Operation::Commit));
        }
        if torn {
            disk.store.remember();
        }
        self.inner.commit()?;
        if !torn {
            let Disk { saved, committed, .. } = &mut *disk;
            committed.clone_from(saved);
        }
        if harm.is_some() { Err(injected(Operation::Commit)) } else { Ok(()) }
    }
}
