//! Keys of new jobs and tasks.
//!
//! They are taken in transactions of their own, on a connection of their own, so that no batch waits for another one's keys.
//! What is left of them goes back if nobody has taken any since, so a server that is alone numbers without gaps.

use std::ops::Range;

use boxwood_engine::{Changes, WorkingSet};

use super::rows::{column, number};
use super::session::{Session, Talk};
use crate::error::Error;

/// Nothing waits for these transactions to be on disk: what uses the keys is written to the log after them.
pub(super) const SETTINGS: &str = "SET synchronous_commit = off";

/// Keys that were taken and that no saved row has.
#[derive(Clone, Default)]
pub(super) struct Keys {
    pub(super) jobs: Range<u64>,
    pub(super) tasks: Range<u64>,
}

impl Keys {
    /// Those a set has not used yet.
    pub(super) fn unused(set: &WorkingSet) -> Self {
        let (jobs, tasks) = set.unused_keys();
        Self { jobs, tasks }
    }

    /// Notes which keys rows are about to have, whatever becomes of them: a commit whose answer is lost may have them.
    pub(super) fn used(&mut self, changes: &Changes<'_>) {
        for job in changes.jobs {
            self.jobs.start = self.jobs.start.max(job.key.0 + 1);
        }
        for new in changes.groups {
            self.tasks.start = self.tasks.start.max(new.group.end());
        }
    }

    /// Takes so many of each, which follow each other; of a kind that is wanted, those unused so far go back first.
    pub(super) async fn take(talk: &Talk, jobs: u64, tasks: u64, unused: &Self) -> Result<Self, Error> {
        let back = |wanted: u64, unused: &Range<u64>| if wanted > 0 { unused.clone() } else { 0..0 };
        let back = Self { jobs: back(jobs, &unused.jobs), tasks: back(tasks, &unused.tasks) };
        let (job, task) = back.exchange(talk, jobs, tasks).await?;
        Ok(Self { jobs: job - jobs..job, tasks: task - tasks..task })
    }

    /// Gives back what was not used.
    pub(super) fn give_back(&self, session: &Session) {
        if let Some(talk) = session.beside().filter(|_| !(self.jobs.is_empty() && self.tasks.is_empty())) {
            // A gap is no harm.
            let _ = session.run(async |_| self.exchange(talk, 0, 0).await);
        }
    }

    /// Gives these back, if nobody has taken any since, and takes so many; answers the next keys of both kinds.
    async fn exchange(&self, talk: &Talk, jobs: u64, tasks: u64) -> Result<(u64, u64), Error> {
        let back = [self.jobs.start, self.jobs.end, self.tasks.start, self.tasks.end].map(column);
        let [job, job_end, task, task_end] = &back;
        // Keys of an empty range have no end that could be the next key: keys begin at 1.
        let sql = "UPDATE next_keys SET job = CASE WHEN job = $4 THEN $3 ELSE job END + $1,
                 task = CASE WHEN task = $6 THEN $5 ELSE task END + $2
             RETURNING job, task";
        let row = talk.query(sql, &[&column(jobs), &column(tasks), job, job_end, task, task_end]).await?;
        let row = row.first().ok_or_else(|| Error::Corrupt("the table next_keys is empty".into()))?;
        Ok((number(row, 0)?, number(row, 1)?))
    }
}
