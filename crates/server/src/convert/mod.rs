//! Between the wire and the rules, once in each direction. What comes in is checked on the way (see `validate`).

mod cluster;
mod diagram;
mod insight;
mod job;
mod prototype;
mod report;
mod submission;
mod task;
mod time;

pub(crate) use cluster::cluster;
pub(crate) use diagram::{graph, options, text, to_fold};
pub(crate) use insight::{found_task, runners, task_explanation, wait};
pub(crate) use job::{NewRoots, job, job_in_progress, job_query, job_state, state_count, submitted_job};
pub(crate) use prototype::jobs_prototype;
pub(crate) use report::{ask, computed_task, failed_task};
pub(crate) use submission::{Refused, singles, submission};
pub(crate) use task::{handed_out, legacy_summaries, summary, task_state};
pub(crate) use time::timestamp;
pub(crate) use time::{age, duration, requested_duration};

use boxwood_proto::tilebox::v1::ID;

/// An id on the wire.
pub(crate) fn id(bytes: [u8; 16]) -> ID {
    ID { uuid: bytes.to_vec(), ..Default::default() }
}
