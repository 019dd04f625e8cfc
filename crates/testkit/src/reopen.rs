//! Databases that can be closed and opened again.

use std::sync::Arc;

use boxwood_store::{Backend, Reader, memory};

/// One database. Each call of [`Reopen::open`] follows the dropping of what the call before gave, as after a crash.
pub trait Reopen {
    /// Opens the database; the first time it is empty.
    fn open(&mut self) -> Opened;
}

/// An open database.
pub struct Opened {
    /// The writer.
    pub backend: Box<dyn Backend>,
    /// Queries on committed rows.
    pub reader: Arc<dyn Reader>,
}

impl Reopen for memory::Database {
    fn open(&mut self) -> Opened {
        Opened { reader: self.reader(), backend: self.backend() }
    }
}
