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
    let mut seen = Seen::new();
    let mut every = tokio::time::interval(LOOK_EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        let listened = live.listened();
        if listened == Listened::default() {
            seen.clear();
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
fn tell(live: &Live, all: bool, seen: &mut Seen, now: Seen) {
    if all && seen.is_empty() {
        live.many_changed();
    }
    let is_other = |(job, facts): &(&JobId, &Facts)| seen.get(*job) != Some(*facts);
    let mut changed: Vec<JobId> = now.iter().filter(is_other).map(|(job, _)| *job).collect();
    // Those that are over are no longer listed.
    changed.extend(seen.keys().filter(|job| !now.contains_key(job)));
    live.changed(&changed);
    *seen = now;
}
