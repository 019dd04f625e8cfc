//! What one listener has not been told yet.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard};

use boxwood_engine::JobId;
use tokio::sync::Notify;

/// Jobs told one by one at most; of more it is only said that they are many (EV-5).
const JOBS_MAX: usize = 1024;

/// What has changed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum News {
    /// These jobs.
    Jobs(Vec<JobId>),
    /// More than can be said.
    Many,
}

/// News for one listener: each job lies in it once.
#[derive(Default)]
pub(super) struct Mailbox {
    content: Mutex<Content>,
    filled: Notify,
}

#[derive(Default)]
struct Content {
    jobs: BTreeSet<JobId>,
    many: bool,
}

impl Mailbox {
    fn content(&self) -> MutexGuard<'_, Content> {
        self.content.lock().expect("nobody panics while holding a mailbox")
    }

    /// Notes that a job has changed.
    pub(super) fn put(&self, job: JobId) {
        let mut content = self.content();
        if content.many || !content.jobs.insert(job) {
            return;
        }
        if content.jobs.len() > JOBS_MAX {
            *content = Content { jobs: BTreeSet::new(), many: true };
        } else if content.jobs.len() == 1 {
            drop(content);
            self.filled.notify_one();
        }
    }

    /// Notes that many jobs may have changed.
    pub(super) fn put_many(&self) {
        *self.content() = Content { jobs: BTreeSet::new(), many: true };
        self.filled.notify_one();
    }

    /// Takes out what is in it, if there is something.
    pub(super) fn take(&self) -> Option<News> {
        let content = std::mem::take(&mut *self.content());
        match content {
            Content { many: true, .. } => Some(News::Many),
            Content { jobs, .. } if jobs.is_empty() => None,
            Content { jobs, .. } => Some(News::Jobs(jobs.into_iter().collect())),
        }
    }

    /// Waits until there is something in it, and takes it out.
    pub(super) async fn taken(&self) -> News {
        loop {
            if let Some(news) = self.take() {
                return news;
            }
            self.filled.notified().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(number: usize) -> JobId {
        JobId::from_u128(number as u128 + 1).expect("not zero")
    }

    #[tokio::test]
    async fn ev_4_a_job_that_changed_often_is_told_once() {
        let mailbox = Mailbox::default();
        for _ in 0..1000 {
            mailbox.put(job(1));
        }
        assert_eq!(mailbox.taken().await, News::Jobs(vec![job(1)]));
        assert_eq!(mailbox.take(), None);
    }

    #[tokio::test]
    async fn ev_5_of_more_jobs_than_are_kept_only_that_is_told() {
        let mailbox = Mailbox::default();
        (0..JOBS_MAX).for_each(|number| mailbox.put(job(number)));
        assert_eq!(mailbox.taken().await, News::Jobs((0..JOBS_MAX).map(job).collect()));
        (0..=JOBS_MAX).for_each(|number| mailbox.put(job(number)));
        assert_eq!(mailbox.taken().await, News::Many, "one more");
        (0..100_000).for_each(|number| mailbox.put(job(number)));
        assert_eq!(mailbox.content().jobs.len(), 0, "memory is bounded");
        assert_eq!(mailbox.taken().await, News::Many);
        mailbox.put(job(7));
        assert_eq!(mailbox.taken().await, News::Jobs(vec![job(7)]), "after that all is as before");
    }

    #[tokio::test]
    async fn who_waits_already_is_woken() {
        let mailbox = std::sync::Arc::new(Mailbox::default());
        for many in [false, true] {
            let other = mailbox.clone();
            let waiting = tokio::spawn(async move { other.taken().await });
            tokio::task::yield_now().await;
            if many {
                mailbox.put_many()
            } else {
                mailbox.put(job(1))
            }
            let expected = if many { News::Many } else { News::Jobs(vec![job(1)]) };
            assert_eq!(waiting.await.expect("told"), expected);
        }
    }
}
