//! Noticing what other servers of the same database commit (EV-9).
//!
//! Each would have to tell all others of every commit, listened to or not, and the database would carry that. So a server
//! looks itself, while somebody listens to it: once a second at the jobs that are listened to.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use boxwood_engine::{Indicator, JobId, JobState, JobStatus};
use boxwood_store::{Error, JobQuery, JobView, Reader};
use tokio::time::MissedTickBehavior;

use super::{Listened, Live};

/// How often it is looked.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Jobs looked at for those who listen to all: the newest that are not over.
const JOBS_MAX: usize = 200;

/// What is compared: what a job answers about itself.
type Facts = (JobStatus, Vec<(String, Indicator)>);

type Seen = HashMap<JobId, Facts>;

/// Looks until the server stops.
pub(crate) async fn look_for_others(live: Arc<Live>, reader: Arc<dyn Reader>) {
    let mut seen: Option<Seen> = None;
    let mut every = tokio::time::interval(LOOK_EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        let listened = live.listened();
        if listened == Listened::default() {
            seen = None;
            continue;
        }
        let (asked, all) = (reader.clone(), listened.all);
        match tokio::task::spawn_blocking(move || read(asked.as_ref(), &listened)).await {
            Ok(Ok(now)) => tell(&live, all, &mut seen, now),
            // Lost: the next look tells what has changed meanwhile.
            Ok(Err(error)) => tracing::debug!(%error, "could not look for changes of other servers"),
            Err(error) => tracing::error!(%error, "looking for changes of other servers failed"),
        }
    }
}

fn read(reader: &dyn Reader, listened: &Listened) -> Result<Seen, Error> {
    let mut seen = Seen::new();
    let mut add = |view: JobView| seen.insert(view.job.id, (view.status, view.progress));
    if listened.all {
        let states = vec![JobState::Submitted, JobState::Running, JobState::Started];
        let query = JobQuery { states, limit: JOBS_MAX, ..JobQuery::default() };
        reader.jobs(&query)?.jobs.into_iter().for_each(|view| {
            add(view);
        });
    }
    for job in &listened.jobs {
        if let Some(view) = reader.job(*job)? {
            add(view);
        }
    }
    Ok(seen)
}

/// Tells what is not as it was seen last. A job seen for the first time may have changed since its listener read it.
fn tell(live: &Live, all: bool, seen: &mut Option<Seen>, now: Seen) {
    if all && seen.is_none() {
        live.many_changed();
    }
    let before = seen.take().unwrap_or_default();
    let is_other = |(job, facts): &(&JobId, &Facts)| before.get(*job) != Some(*facts);
    let mut changed: Vec<JobId> = now.iter().filter(is_other).map(|(job, _)| *job).collect();
    // Those that are over are no longer listed.
    changed.extend(before.keys().filter(|job| !now.contains_key(job)));
    live.changed(&changed);
    *seen = Some(now);
}

#[cfg(test)]
mod tests {
    use super::super::mailbox::News;
    use super::*;
    use boxwood_engine::{Counts, JobKey};

    fn job(number: u128) -> JobId {
        JobId::from_u128(number).expect("not zero")
    }

    /// Jobs with so many tasks computed.
    fn facts(jobs: &[(u128, u64)]) -> Seen {
        let facts = |(number, computed): &(u128, u64)| {
            let status = JobStatus {
                key: JobKey(1),
                canceled: false,
                counts: Counts::from_array([1, 0, *computed, 0, 0, 0]),
                first_started_at: None,
                last_stopped_at: None,
                compute_time: Duration::ZERO,
                times_stale: false,
                resume_at: None,
            };
            (job(*number), (status, Vec::new()))
        };
        jobs.iter().map(facts).collect()
    }

    #[test]
    fn ev_9_each_look_tells_what_is_new_other_or_gone() {
        let live = Arc::new(Live::new());
        let all = live.listen(None).expect("room");
        let mut seen = None;
        let mut look = |jobs: &[(u128, u64)]| {
            tell(&live, true, &mut seen, facts(jobs));
            all.mailbox.take()
        };
        assert_eq!(look(&[]), Some(News::Many), "what was before the first look is not known");
        assert_eq!(look(&[]), None);
        assert_eq!(look(&[(1, 0), (2, 0)]), Some(News::Jobs(vec![job(1), job(2)])));
        assert_eq!(look(&[(1, 1), (2, 0)]), Some(News::Jobs(vec![job(1)])));
        assert_eq!(look(&[(1, 1), (2, 0)]), None);
        assert_eq!(look(&[(1, 1)]), Some(News::Jobs(vec![job(2)])), "it is over");
    }
}
