//! A database that fails when it is told to, and what is known about its rows.

use std::sync::{Arc, Mutex, MutexGuard};

use boxwood_engine::{Changes, Need, Settings, TaskKey, Timestamp, WorkingSet};
use boxwood_store::{Backend, Error};

use super::event::{Harm, Operation};
use crate::mirror::Mirror;
use crate::reopen::Reopen;

/// A fault to come.
#[derive(Clone, Copy, Debug)]
struct Armed {
    operation: Operation,
    /// How many calls succeed before the one that fails.
    after: u64,
    harm: Harm,
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
}

/// A disk shared by the world and the server that runs on it.
#[derive(Clone)]
pub(super) struct SharedDisk(Arc<Mutex<Disk>>);

impl SharedDisk {
    pub(super) fn new(store: Box<dyn Reopen + Send>) -> Self {
        let (saved, committed) = (Mirror::default(), Mirror::default());
        Self(Arc::new(Mutex::new(Disk { store, saved, committed, armed: None, struck: None })))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Disk> {
        // A check that failed while it held the disk ends the simulation anyway.
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Disk {
    pub(super) fn arm(&mut self, operation: Operation, after: u64, harm: Harm) {
        self.armed = Some(Armed { operation, after, harm });
    }

    pub(super) fn disarm(&mut self) {
        self.armed = None;
    }

    /// Whether this call fails, and how.
    fn strikes(&mut self, operation: Operation) -> Option<Harm> {
        let armed = self.armed.as_mut().filter(|armed| armed.operation == operation)?;
        if armed.after > 0 {
            armed.after -= 1;
            return None;
        }
        let harm = armed.harm;
        self.armed = None;
        self.struck = Some((operation, harm));
        Some(harm)
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
        let harm = self.disk.lock().strikes(operation);
        match harm {
            None => call(self.inner.as_mut()),
            Some(Harm::Undone) => Err(injected(operation)),
            Some(Harm::Done | Harm::Torn { .. }) => call(self.inner.as_mut()).and_then(|_| Err(injected(operation))),
        }
    }
}

fn injected(operation: Operation) -> Error {
    Error::Corrupt(format!("the simulation lets {operation:?} fail"))
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

    fn commit(&mut self) -> Result<(), Error> {
        let mut disk = self.disk.lock();
        let harm = disk.strikes(Operation::Commit);
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
