//! Databases that can be closed and opened again.

use std::sync::Arc;

use boxwood_store::{Backend, Reader, memory};

/// One database. Each call of [`Reopen::open`] follows the dropping of what the call before gave, as after a crash.
pub trait Reopen {
    /// Opens the database; the first time it is empty.
    fn open(&mut self) -> Opened;

    /// The process that has opened it dies at this moment: what is on the disk now is what the next process finds.
    fn crash(&mut self) {}

    /// Whether a commit can be torn by [`Reopen::power_cut`].
    fn can_tear(&self) -> bool {
        false
    }

    /// Notes what is on the disk, just before a commit.
    fn remember(&mut self) {}

    /// How many servers work on it at the same time.
    fn servers(&self) -> usize {
        1
    }

    /// Ends every connection to the database, from its side.
    fn cut(&mut self) {}

    /// Waits until the database has noticed which connections are gone, and has undone what they had begun.
    fn settle(&mut self) {}

    /// As [`Reopen::crash`], and the power fails too: of what was written since [`Reopen::remember`] only a part is on the
    /// disk, which `salt` chooses; all of it if the commit `survives`. Answers whether the commit has to be found.
    fn power_cut(&mut self, salt: u64, survives: bool) -> bool {
        let _ = salt;
        self.crash();
        survives
    }
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
