//! Telling pages which jobs have changed, as it is committed (EV-1 to EV-9).
//!
//! The writer names the jobs of each commit; whoever listens has a mailbox in which a job lies once however often it
//! changed, so a slow reader costs a bounded amount of memory and a quick one is told at most four times a second. Nothing
//! is kept for those who do not listen, and without listeners a commit costs a look at one number.

mod look;
mod mailbox;
mod page;

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use boxwood_engine::JobId;
use tokio::sync::watch;

pub(crate) use look::look_for_others;
use mailbox::Mailbox;
pub(crate) use page::router;

/// Who can listen at a time. Each is a connection that stays open.
const LISTENERS_MAX: usize = 1024;

/// Everyone who listens.
pub(crate) struct Live {
    /// How many they are, to be read without waiting for anyone.
    count: AtomicUsize,
    listeners: Mutex<Listeners>,
    ended: watch::Sender<bool>,
}

#[derive(Default)]
struct Listeners {
    next_number: u64,
    /// Those who listen to every job.
    all: HashMap<u64, Arc<Mailbox>>,
    by_job: HashMap<JobId, HashMap<u64, Arc<Mailbox>>>,
}

/// What is listened to.
#[derive(Debug, Default, PartialEq, Eq)]
struct Listened {
    /// Whether somebody listens to every job.
    all: bool,
    /// The jobs listened to one by one.
    jobs: HashSet<JobId>,
}

impl Live {
    pub(crate) fn new() -> Self {
        Self { count: AtomicUsize::new(0), listeners: Mutex::default(), ended: watch::Sender::new(false) }
    }

    fn listeners(&self) -> MutexGuard<'_, Listeners> {
        self.listeners.lock().expect("nobody panics while holding the listeners")
    }

    /// Tells those who listen that jobs have changed. To be called after the commit: who listens before they read a job
    /// is told of everything that was committed since.
    pub(crate) fn changed(&self, jobs: &[JobId]) {
        if self.count.load(Ordering::SeqCst) == 0 {
            return;
        }
        let listeners = self.listeners();
        for job in jobs {
            for mailbox in listeners.all.values() {
                mailbox.put(*job);
            }
            for mailbox in listeners.by_job.get(job).into_iter().flat_map(HashMap::values) {
                mailbox.put(*job);
            }
        }
    }

    /// Tells those who listen to every job that more may have changed than can be said.
    fn many_changed(&self) {
        for mailbox in self.listeners().all.values() {
            mailbox.put_many();
        }
    }

    /// Begins to listen: to one job, or to all of them. Nothing if too many listen already.
    fn listen(self: &Arc<Self>, job: Option<JobId>) -> Option<Listening> {
        let mailbox = Arc::new(Mailbox::default());
        let mut listeners = self.listeners();
        if self.count.load(Ordering::SeqCst) >= LISTENERS_MAX {
            return None;
        }
        let number = listeners.next_number;
        listeners.next_number += 1;
        let place = match job {
            Some(job) => listeners.by_job.entry(job).or_default(),
            None => &mut listeners.all,
        };
        place.insert(number, mailbox.clone());
        self.count.fetch_add(1, Ordering::SeqCst);
        drop(listeners);
        Some(Listening { live: self.clone(), job, number, mailbox, ended: self.ended.subscribe() })
    }

    fn listened(&self) -> Listened {
        let listeners = self.listeners();
        Listened { all: !listeners.all.is_empty(), jobs: listeners.by_job.keys().copied().collect() }
    }

    /// How many listen.
    pub(crate) fn len(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Ends every stream, and lets nobody listen from now on.
    pub(crate) fn end(&self) {
        self.ended.send_replace(true);
    }
}

/// Somebody who listens, until it is dropped.
struct Listening {
    live: Arc<Live>,
    job: Option<JobId>,
    number: u64,
    mailbox: Arc<Mailbox>,
    ended: watch::Receiver<bool>,
}

impl Drop for Listening {
    fn drop(&mut self) {
        let mut listeners = self.live.listeners();
        match self.job {
            None => {
                listeners.all.remove(&self.number);
            }
            Some(job) => {
                if let Some(others) = listeners.by_job.get_mut(&job) {
                    others.remove(&self.number);
                    if others.is_empty() {
                        listeners.by_job.remove(&job);
                    }
                }
            }
        }
        self.live.count.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mailbox::News;

    fn job(number: u128) -> JobId {
        JobId::from_u128(number).expect("not zero")
    }

    #[test]
    fn ev_2_a_listener_is_told_of_its_job_and_of_no_other() {
        let live = Arc::new(Live::new());
        live.changed(&[job(1)]);
        let (one, all) = (live.listen(Some(job(1))).expect("room"), live.listen(None).expect("room"));
        assert_eq!((one.mailbox.take(), all.mailbox.take()), (None, None), "nothing is told of what was before");
        live.changed(&[job(2)]);
        assert_eq!(one.mailbox.take(), None);
        live.changed(&[job(1), job(2), job(1)]);
        assert_eq!(one.mailbox.take(), Some(News::Jobs(vec![job(1)])));
        assert_eq!(all.mailbox.take(), Some(News::Jobs(vec![job(1), job(2)])));
    }

    #[test]
    fn who_leaves_is_forgotten() {
        let live = Arc::new(Live::new());
        let listening = [live.listen(Some(job(1))), live.listen(Some(job(1))), live.listen(None)];
        assert_eq!(live.listened(), Listened { all: true, jobs: [job(1)].into() });
        drop(listening);
        assert_eq!((live.listened(), live.len()), (Listened::default(), 0));
    }

    #[test]
    fn ev_8_no_more_than_so_many_listen() {
        let live = Arc::new(Live::new());
        let mut listening: Vec<_> = (0..LISTENERS_MAX).map(|_| live.listen(None).expect("room")).collect();
        assert!(live.listen(None).is_none() && live.listen(Some(job(1))).is_none());
        listening.pop();
        assert!(live.listen(None).is_some());
    }
}
