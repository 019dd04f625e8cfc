//! The behaviour page written down once more, as plainly as it can be: a second opinion about what the engine decides.
//!
//! Sections 1 to 3 and 4.1 to 4.4 of `docs/behaviour.md`, from the text of the rules and without a line of the engine.
//! There are no counters, no groups and no list of what is ready: a job is a list of tasks in the order they were
//! submitted, and every question is answered by looking at all of them. That is slow, and easy to compare with the text.
//! What is compared with it, and when, is in [`crate::compare`].

mod choose;
mod cluster;
mod display;
mod job;
mod lease;
mod list;
mod report;
#[cfg(feature = "postgres")]
mod several;
mod statistics;
mod submit;
mod task;

use std::time::Duration;

pub(crate) use cluster::Cluster;
pub(crate) use display::Display;
pub(crate) use job::{Job, JobState};
pub(crate) use lease::Lease;
pub(crate) use list::{Filter, Queue};
pub(crate) use report::{Answer, Ask, Computed, Failed, HandOut, Progress};
pub(crate) use submit::{NewJob, NewTask};
pub(crate) use task::{Identifier, State, Task};

/// Microseconds since 1970.
pub(crate) type Time = i64;

/// The numbers an operator may change.
#[derive(Clone, Debug)]
pub(crate) struct Numbers {
    ///
    pub(crate) first_lease: Duration,
    ///
    pub(crate) longest_lease: Duration,
    /// How much of a lease is left when it should be extended, at least.
    pub(crate) lease_left: Duration,
    /// S-40.
    pub(crate) lost_leases_max: u32,
    /// S-33.
    pub(crate) hand_backs_max: u32,
    /// The last sentence of R-51.
    pub(crate) refuse_mistakes: bool,
    /// J-11.
    pub(crate) repeated_within: Duration,
}

/// Why a call is refused (section 12.2). A refused call changes nothing (E-3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    NotFound,
    Invalid,
    AlreadyExists,
}

/// Everything there is.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    pub(crate) numbers: Numbers,
    /// In any order.
    pub(crate) clusters: Vec<Cluster>,
    /// Oldest first: in the order they were accepted.
    pub(crate) jobs: Vec<Job>,
}

/// A task: its job's place in the list of jobs, and its own in the job's list of tasks.
pub(crate) type Place = (usize, usize);

impl Model {
    /// An empty server.
    pub(crate) fn new(numbers: Numbers) -> Self {
        Self { numbers, clusters: Vec::new(), jobs: Vec::new() }
    }

    /// the task with an id.
    pub(crate) fn find_task(&self, id: u128) -> Result<Place, Refused> {
        for (job_place, job) in self.jobs.iter().enumerate() {
            for (task_place, task) in job.tasks.iter().enumerate() {
                if task.id == id {
                    return Ok((job_place, task_place));
                }
            }
        }
        Err(Refused::NotFound)
    }

    /// J-40, J-60, J-70: the job with an id.
    pub(crate) fn find_job(&mut self, id: u128) -> Result<&mut Job, Refused> {
        self.jobs.iter_mut().find(|job| job.id == id).ok_or(Refused::NotFound)
    }

    pub(crate) fn task(&self, (job, task): Place) -> &Task {
        &self.jobs[job].tasks[task]
    }

    pub(crate) fn task_mut(&mut self, (job, task): Place) -> &mut Task {
        &mut self.jobs[job].tasks[task]
    }

    /// J-61 to J-67; answers how many tasks it set back (J-64).
    pub(crate) fn retry(&mut self, id: u128) -> Result<u64, Refused> {
        Ok(self.find_job(id)?.retry())
    }

    /// J-70 to J-75.
    pub(crate) fn cancel(&mut self, id: u128) -> Result<(), Refused> {
        self.find_job(id)?.cancel();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    /// The model is worth something only as long as it is written without what it is compared with.
    #[test]
    fn the_reference_uses_no_code_of_the_engine() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/reference");
        for file in std::fs::read_dir(folder).expect("the sources are there") {
            let path = file.expect("a file").path();
            let text = std::fs::read_to_string(&path).expect("a text");
            assert!(!text.contains(concat!("boxwood", "_")), "{} uses another crate", path.display());
        }
    }
}
