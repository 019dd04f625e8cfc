//! The small jobs of the demo: two that complete, one that fails, one that is canceled, and one that waits.

use std::time::Duration;

use boxwood::{Client, Job, JobId, JobState, RawTask, TaskState};

use super::tasks::print::Print;
use super::tasks::tides::Tides;
use crate::Failure;

/// A demo that takes this long will not end by itself.
pub(super) const PATIENCE: Duration = Duration::from_secs(180);

/// How often it is looked whether enough of a job is done to cancel it.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Gauges that are read before somebody notices that a year has many hours.
const ENOUGH: u64 = 5;

/// The small jobs, and what one should know of each.
pub(super) struct SmallJobs {
    ids: Vec<(JobId, &'static str)>,
}

impl SmallJobs {
    /// Submits them, and waits until each has become what it shall be.
    pub(super) async fn run(client: &Client) -> Result<Self, Failure> {
        let jobs = client.jobs();
        let tides = |place: &str, hours| Tides { place: place.to_owned(), hours };
        let harbour = jobs.submit("tides of the harbour", tides("the harbour", 12)).await?;
        let lagoon = jobs.submit("tides of the lagoon", tides("the lagoon", 24)).await?;
        let print = jobs.submit("print the old map", Print { sheets: 4 }).await?;
        let year = jobs.submit("tides of a whole year", tides("a whole year", 8_760)).await?;
        // No runner has this version.
        let colours = RawTask::new("demo.Survey", "v2.0")?.display("Survey in colours");
        let colours = jobs.submit("survey in colours", colours).await?;

        for (job, state) in
            [(&harbour, JobState::Completed), (&lagoon, JobState::Completed), (&print, JobState::Failed)]
        {
            expect(&jobs.wait(job).timeout(PATIENCE).await?, state)?;
        }
        let enough = async {
            while jobs.find(&year).await?.stats.tasks(TaskState::Computed) < ENOUGH {
                tokio::time::sleep(LOOK_EVERY).await;
            }
            Ok::<_, Failure>(())
        };
        let late = |_| Failure::Other("no runner of the demo executes tasks".to_owned());
        tokio::time::timeout(PATIENCE, enough).await.map_err(late)??;
        jobs.cancel(&year).await?;

        let ids = [
            (&harbour, "done"),
            (&lagoon, "done"),
            (&print, "says why; retry it, and it goes on"),
            (&year, "somebody canceled it"),
            (&colours, "no runner has that version"),
        ];
        Ok(Self { ids: ids.map(|(job, about)| (job.id, about)).to_vec() })
    }

    /// How they are now.
    pub(super) async fn read(&self, client: &Client) -> Result<Vec<(Job, &'static str)>, Failure> {
        let mut jobs = Vec::new();
        for (id, about) in &self.ids {
            jobs.push((client.jobs().find(*id).await?, *about));
        }
        Ok(jobs)
    }
}

/// # Errors
/// If a job ended otherwise than it should.
pub(super) fn expect(job: &Job, state: JobState) -> Result<(), Failure> {
    match job.state {
        end if end == state => Ok(()),
        end => Err(Failure::NotCompleted(format!("job {} is {end}, not {state}; this is a bug of Boxwood", job.name))),
    }
}
