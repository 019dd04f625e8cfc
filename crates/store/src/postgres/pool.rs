//! Connections for queries, made as they are needed and kept.

use std::sync::{Arc, Condvar, Mutex};

use super::address::Address;
use super::session::{Session, Talk};
use crate::error::Error;

/// Queries at work at once; further ones wait.
const READERS_MAX: usize = 8;

/// Begins a query.
const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// Connections for queries.
pub(super) struct Pool {
    address: Arc<Address>,
    /// Whether it has one connection, and one transaction for all queries.
    one: bool,
    state: Mutex<State>,
    returned: Condvar,
}

#[derive(Default)]
struct State {
    idle: Vec<Session>,
    busy: usize,
}

impl Pool {
    pub(super) fn new(address: Arc<Address>) -> Self {
        Self { address, one: false, state: Mutex::default(), returned: Condvar::new() }
    }

    /// A pool of one connection, whose transaction is that of all queries. It is gone after the first error.
    pub(super) fn of_one(address: Arc<Address>, session: Session) -> Self {
        let state = Mutex::new(State { idle: vec![session], busy: 0 });
        Self { address, one: true, state, returned: Condvar::new() }
    }

    /// Speaks within the transaction of a pool of one connection, however long it takes.
    pub(super) fn speak<T>(&self, speak: impl AsyncFnOnce(&Talk) -> Result<T, Error>) -> Result<T, Error> {
        let session = self.state.lock().expect(LOCK).idle.pop();
        let session =
            session.ok_or_else(|| Error::Unavailable(format!("database {}: the connection was lost", self.address)))?;
        let said = session.run_long(speak)?;
        self.state.lock().expect(LOCK).idle.push(session);
        Ok(said)
    }

    /// Runs a query on a connection of its own, as one snapshot. A connection that was lost while it was idle, which shows
    /// when the snapshot begins, is replaced.
    pub(super) fn read<T>(&self, query: impl AsyncFn(&Talk) -> Result<T, Error>) -> Result<T, Error> {
        if self.one {
            return self.speak(async |talk| query(talk).await);
        }
        let _place = self.place();
        let idle = self.state.lock().expect(LOCK).idle.pop();
        let begun = idle.filter(|session| session.run(async |talk| talk.batch(BEGIN).await).is_ok());
        let session = match begun {
            Some(session) => session,
            None => {
                let session = Session::connect(&self.address)?;
                session.run(async |talk| talk.batch(BEGIN).await)?;
                session
            }
        };
        let answer = session.run(async |talk| {
            let answer = query(talk).await?;
            talk.batch("COMMIT").await?;
            Ok(answer)
        });
        self.keep(session, answer)
    }

    /// Waits until one more may be at work.
    fn place(&self) -> Place<'_> {
        let state = self.state.lock().expect(LOCK);
        let mut state = self.returned.wait_while(state, |state| state.busy >= READERS_MAX).expect(LOCK);
        state.busy += 1;
        Place(self)
    }

    /// Keeps a session for the next query, if its answer shows that it is in order.
    fn keep<T>(&self, session: Session, answer: Result<T, Error>) -> Result<T, Error> {
        if answer.is_ok() {
            self.state.lock().expect(LOCK).idle.push(session);
        } else {
            // The others are likely to be lost as well.
            self.state.lock().expect(LOCK).idle.clear();
        }
        answer
    }
}

const LOCK: &str = "no holder of the pool panics";

struct Place<'a>(&'a Pool);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.state.lock().expect(LOCK).busy -= 1;
        self.0.returned.notify_one();
    }
}
