//! Submitting jobs and sub-tasks (sections 1.5, 1.6, 3.1).

use super::{Display, Identifier, Job, Model, Refused, State, Task, Time};

/// A task to be submitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NewTask {
    /// The tasks of the same submission it depends on, by place (T-81, T-97).
    pub(crate) dependencies: Vec<usize>,
    pub(crate) cluster: String,
    pub(crate) identifier: Identifier,
    pub(crate) input: Vec<u8>,
    pub(crate) display: String,
    pub(crate) max_retries: u32,
    pub(crate) optional: bool,
}

/// A job to be submitted.
#[derive(Clone, Debug)]
pub(crate) struct NewJob {
    pub(crate) id: u128,
    pub(crate) name: String,
    pub(crate) trace_parent: String,
    pub(crate) automation: Option<u128>,
    pub(crate) tasks: Vec<NewTask>,
    pub(crate) first_task: u128,
    /// The client says that it may have sent this before (J-11).
    pub(crate) repeated: bool,
    pub(crate) now: Time,
}

impl Model {
    /// J-4 to J-11. Answers the place of the job.
    pub(crate) fn submit(&mut self, new: NewJob) -> Result<usize, Refused> {
        if new.repeated
            && let Some(known) = self.same_job(&new)
        {
            return Ok(known);
        }
        let mut clusters = Vec::new();
        for task in &new.tasks {
            clusters.push(self.cluster(&task.cluster)?.slug.clone());
        }
        let mut job = Job {
            id: new.id,
            name: new.name,
            trace_parent: new.trace_parent,
            automation: new.automation,
            // N-9: the time in its id, to the millisecond.
            submitted_at: i64::try_from(new.id >> 80).expect("48 bits") * 1000,
            submission: new.tasks.clone(),
            canceled: false,
            tasks: Vec::new(),
            failed_last: None,
        };
        let submitted_at = job.submitted_at;
        job.add(None, new.tasks, clusters, new.first_task, submitted_at);
        self.jobs.push(job);
        Ok(self.jobs.len() - 1)
    }

    /// J-11: the latest job with the same trace parent, name and tasks, if it was submitted in the last minute.
    fn same_job(&self, new: &NewJob) -> Option<usize> {
        let same =
            |job: &Job| job.trace_parent == new.trace_parent && job.name == new.name && job.submission == new.tasks;
        let latest = (0..self.jobs.len()).rev().find(|job| same(&self.jobs[*job]))?;
        let window = i64::try_from(self.numbers.repeated_within.as_micros()).expect("a short time");
        (new.now - self.jobs[latest].submitted_at <= window).then_some(latest)
    }
}

impl Job {
    /// Adds the tasks of one submission, each on its cluster, with consecutive ids (N-9).
    pub(crate) fn add(
        &mut self,
        parent: Option<usize>,
        tasks: Vec<NewTask>,
        clusters: Vec<String>,
        first_id: u128,
        submitted_at: Time,
    ) {
        let first = self.tasks.len();
        for (place, (new, cluster)) in tasks.into_iter().zip(clusters).enumerate() {
            self.tasks.push(Task {
                id: first_id + place as u128,
                parent,
                dependencies: new.dependencies.iter().map(|dependency| first + dependency).collect(),
                cluster,
                identifier: new.identifier,
                input: new.input,
                max_retries: new.max_retries,
                optional: new.optional,
                submitted_at,
                display: Display::of(&new.display),
                state: State::Queued,
                started_at: None,
                stopped_at: None,
                lease_until: 0,
                hand_outs: 0,
                given_again: false,
                retry_count: 0,
                failures: 0,
                lost_leases: 0,
                hand_backs: 0,
                ever_lost_a_lease: false,
                progress: Vec::new(),
                answered_with: None,
            });
            // T-133.
            let added = first + place;
            if self.is_in_failed_branch(added) {
                self.tasks[added].state = State::Skipped;
            }
        }
    }
}
