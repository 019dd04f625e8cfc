//! Questions of the kind that servers ask for their clients, as bytes in a file.

use std::ops::Bound;

use boxwood_engine::{JobId, TaskId};

use super::Source;
use super::answer::Answer;
use crate::encode::{put, take};
use crate::error::Error;
use crate::read::{JobQuery, SortDirection, TaskQuery};
use crate::telemetry::{Kind, Page, Query, Severity, Subject, TraceId};

/// One question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Question {
    /// The clusters.
    Clusters,
    /// How many jobs are in each state.
    States,
    /// What waits.
    Waiting,
    /// A page of jobs after one, also in the other order.
    Jobs { newest_first: bool, after: Option<JobId>, limit: u64 },
    /// A job.
    Job(JobId),
    /// A page of a job's tasks.
    Tasks { job: JobId, parent: Option<TaskId>, after: Option<TaskId>, limit: u64 },
    /// The first tasks of a job with their dependencies.
    Graph { job: JobId, limit: u64 },
    /// The job of a task.
    Owner(TaskId),
    /// How many logs there are of each severity.
    Severities,
    /// The newest logs and spans, of a job if there is one.
    Records { job: Option<JobId>, trace: Option<TraceId>, limit: u64 },
}

impl Question {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let id = |out: &mut Vec<u8>, id: Option<[u8; 16]>| {
            out.extend_from_slice(&id.unwrap_or_default());
        };
        match self {
            Self::Clusters => out.push(0),
            Self::States => out.push(1),
            Self::Waiting => out.push(2),
            Self::Jobs { newest_first, after, limit } => {
                out.extend([3, u8::from(*newest_first)]);
                id(&mut out, after.map(JobId::to_bytes));
                put(&mut out, *limit);
            }
            Self::Job(job) => {
                out.push(4);
                id(&mut out, Some(job.to_bytes()));
            }
            Self::Tasks { job, parent, after, limit } => {
                out.push(5);
                id(&mut out, Some(job.to_bytes()));
                id(&mut out, parent.map(TaskId::to_bytes));
                id(&mut out, after.map(TaskId::to_bytes));
                put(&mut out, *limit);
            }
            Self::Graph { job, limit } => {
                out.push(6);
                id(&mut out, Some(job.to_bytes()));
                put(&mut out, *limit);
            }
            Self::Owner(task) => {
                out.push(7);
                id(&mut out, Some(task.to_bytes()));
            }
            Self::Severities => out.push(8),
            Self::Records { job, trace, limit } => {
                out.push(9);
                id(&mut out, job.map(JobId::to_bytes));
                id(&mut out, trace.map(TraceId::to_bytes));
                put(&mut out, *limit);
            }
        }
        out
    }

    /// Reads what [`Question::encode`] wrote.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (kind, mut rest) = bytes.split_first()?;
        let bytes = &mut rest;
        let question = match kind {
            0 => Self::Clusters,
            1 => Self::States,
            2 => Self::Waiting,
            3 => {
                let (first, rest) = bytes.split_first()?;
                *bytes = rest;
                Self::Jobs { newest_first: *first == 1, after: JobId::from_bytes(id(bytes)?), limit: limit(bytes)? }
            }
            4 => Self::Job(JobId::from_bytes(id(bytes)?)?),
            5 => Self::Tasks {
                job: JobId::from_bytes(id(bytes)?)?,
                parent: TaskId::from_bytes(id(bytes)?),
                after: TaskId::from_bytes(id(bytes)?),
                limit: limit(bytes)?,
            },
            6 => Self::Graph { job: JobId::from_bytes(id(bytes)?)?, limit: limit(bytes)? },
            7 => Self::Owner(TaskId::from_bytes(id(bytes)?)?),
            8 => Self::Severities,
            9 => Self::Records {
                job: JobId::from_bytes(id(bytes)?),
                trace: TraceId::from_bytes(id(bytes)?),
                limit: limit(bytes)?,
            },
            _ => return None,
        };
        bytes.is_empty().then_some(question)
    }

    /// The answer of a database.
    pub(super) fn ask(&self, source: &(impl Source + ?Sized)) -> Result<Answer, Error> {
        let reader = source.reader();
        let (always, ever) = ((Bound::Unbounded, Bound::Unbounded), (Bound::Unbounded, Bound::Unbounded));
        Ok(match self {
            Self::Clusters => Answer::Clusters(reader.clusters()?),
            Self::States => {
                let counts = reader.job_state_counts(always)?.into_iter();
                Answer::Counts(counts.map(|(state, count)| (state as u64, count)).collect())
            }
            Self::Waiting => Answer::Waiting(Box::new(reader.queue_stats(always)?)),
            Self::Jobs { newest_first, after, limit } => {
                let sort = if *newest_first { SortDirection::Descending } else { SortDirection::Ascending };
                let query = JobQuery { sort, after: *after, limit: *limit as usize, ..JobQuery::default() };
                Answer::Jobs(reader.jobs(&query)?)
            }
            Self::Job(job) => Answer::Job(reader.job(*job)?.map(Box::new)),
            Self::Tasks { job, parent, after, limit } => {
                let query = TaskQuery { job: *job, parent: *parent, after: *after, limit: *limit as usize };
                Answer::Tasks(reader.tasks(&query)?)
            }
            Self::Graph { job, limit } => Answer::Graph(reader.graph(*job, *limit as usize)?.map(Box::new)),
            Self::Owner(task) => Answer::Owner(reader.job_of_task(*task)?.map(JobId::to_u128)),
            Self::Severities => {
                let counts = source.records().map(|records| records.log_counts(ever)).transpose()?;
                let counts = counts.into_iter().flatten();
                Answer::Counts(counts.map(|(severity, count)| (severity as u64, count)).collect())
            }
            Self::Records { job, trace, limit } => {
                let subject = job.map_or(Subject::All, |job| Subject::Job { job, trace: *trace, task: None });
                let kinds = Severity::ALL.into_iter().map(Kind::Log).chain([Kind::Span]).collect();
                let (sort, limit) = (SortDirection::Descending, *limit as usize);
                let query = Query { subject, kinds, times: ever, sort, after: None, limit };
                let page = source.records().map(|records| records.page(&query)).transpose()?;
                Answer::Records(page.unwrap_or_else(Page::default))
            }
        })
    }
}

fn id<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (id, rest) = bytes.split_at_checked(16)?;
    *bytes = rest;
    Some(id)
}

/// Entries of a page at most, so that no file makes a page of everything.
const LIMIT_MAX: u64 = 1_000;

fn limit(bytes: &mut &[u8]) -> Option<u64> {
    take(bytes).filter(|limit| *limit <= LIMIT_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_read_back_as_they_were() {
        let (job, task) = (JobId::from_u128(7).expect("not zero"), TaskId::from_u128(8).expect("not zero"));
        let trace = TraceId::from_bytes(&[9; 16]);
        for question in [
            Question::Clusters,
            Question::States,
            Question::Waiting,
            Question::Jobs { newest_first: true, after: None, limit: 100 },
            Question::Jobs { newest_first: false, after: Some(job), limit: 1 },
            Question::Job(job),
            Question::Tasks { job, parent: None, after: Some(task), limit: 1_000 },
            Question::Tasks { job, parent: Some(task), after: None, limit: 0 },
            Question::Graph { job, limit: 200 },
            Question::Owner(task),
            Question::Severities,
            Question::Records { job: None, trace: None, limit: 5 },
            Question::Records { job: Some(job), trace, limit: 5 },
        ] {
            let bytes = question.encode();
            assert_eq!(Question::decode(&bytes).as_ref(), Some(&question));
            for length in 0..bytes.len() {
                assert_eq!(Question::decode(&bytes[..length]), None, "{question:?} cut after {length} bytes");
            }
        }
        let all = Question::Jobs { newest_first: true, after: None, limit: u64::MAX };
        assert_eq!(Question::decode(&all.encode()), None, "a page of everything");
    }
}
