//! Which questions are asked: everything there is in a small database, a sample of a large one.

use std::collections::BTreeMap;

use boxwood_engine::{JobId, TaskId};

use super::Source;
use super::answer::Answer;
use super::ask::Question;
use super::file::Digest;
use crate::error::Error;
use crate::read::{JobView, TaskView};
use crate::telemetry::TraceId;

/// Entries of a page, as clients ask for them.
const PAGE: u64 = 100;

/// Jobs that are walked from the oldest on.
const OLDEST_JOBS: usize = 300;

/// Moments between the oldest and the newest job at which one is picked, if there are more.
const MOMENTS: u128 = 200;

/// Tasks of one job, and of all jobs, after which no further page of tasks is asked for.
const TASKS_OF_JOB: usize = 1_000;
const TASKS: usize = 30_000;

/// Jobs whose logs and spans are asked for.
const JOBS_WITH_RECORDS: usize = 100;

/// Takes a question and the digest of its answer.
type Take<'a> = dyn FnMut(&Question, Digest) -> Result<(), Error> + 'a;

/// Asks a database, and hands on what it answered.
pub(super) fn questions(source: &dyn Source, take: &mut Take<'_>) -> Result<(), Error> {
    let mut asking = Asking { source, take, jobs: BTreeMap::new(), tasks: 0 };
    for question in [Question::Clusters, Question::States, Question::Waiting] {
        asking.ask(&question)?;
    }
    asking.some_jobs()?;
    let jobs = std::mem::take(&mut asking.jobs);
    for job in jobs.keys() {
        asking.ask(&Question::Job(*job))?;
        asking.ask(&Question::Graph { job: *job, limit: PAGE })?;
        asking.tasks_of(*job)?;
    }
    if source.has_telemetry() {
        asking.ask(&Question::Severities)?;
        asking.ask(&Question::Records { job: None, trace: None, limit: PAGE })?;
        for (job, trace) in jobs.iter().rev().take(JOBS_WITH_RECORDS) {
            asking.ask(&Question::Records { job: Some(*job), trace: *trace, limit: PAGE })?;
        }
    }
    Ok(())
}

struct Asking<'a, 'b> {
    source: &'a dyn Source,
    take: &'a mut Take<'b>,
    /// The jobs found, with their traces.
    jobs: BTreeMap<JobId, Option<TraceId>>,
    tasks: usize,
}

impl Asking<'_, '_> {
    fn ask(&mut self, question: &Question) -> Result<Answer, Error> {
        let answer = question.ask(self.source)?;
        (self.take)(question, answer.digest())?;
        Ok(answer)
    }

    /// Asks for a page of jobs, and remembers them; answers the last one if more follow.
    fn page(&mut self, newest_first: bool, after: Option<JobId>, limit: u64) -> Result<Option<JobId>, Error> {
        let Answer::Jobs(page) = self.ask(&Question::Jobs { newest_first, after, limit })? else { return Ok(None) };
        self.jobs.extend(page.jobs.iter().map(|view| (view.job.id, trace(view))));
        Ok(page.jobs.last().map(|view| view.job.id).filter(|_| page.more))
    }

    fn some_jobs(&mut self) -> Result<(), Error> {
        self.page(true, None, PAGE)?;
        let newest = self.jobs.keys().next_back().copied();
        let mut last = self.page(false, None, PAGE)?;
        let mut walked = 0;
        while let Some(after) = last
            && walked < OLDEST_JOBS
        {
            last = self.page(false, Some(after), PAGE)?;
            walked += PAGE as usize;
        }
        // Ids begin with the time, so that they are spread as the jobs are.
        if let (Some(from), Some(to)) = (last.map(JobId::to_u128), newest.map(JobId::to_u128)) {
            let step = to.saturating_sub(from) / MOMENTS;
            for moment in 1..MOMENTS {
                self.page(false, JobId::from_u128(from + step * moment), 1)?;
            }
        }
        Ok(())
    }

    /// Walks the tree of a job's tasks, as far as it is not too large.
    fn tasks_of(&mut self, job: JobId) -> Result<(), Error> {
        let mut found = 0;
        let mut parents = vec![None];
        while let Some(parent) = parents.pop() {
            let mut after = None;
            loop {
                if found >= TASKS_OF_JOB || self.tasks >= TASKS {
                    return Ok(());
                }
                let question = Question::Tasks { job, parent, after, limit: PAGE };
                let Answer::Tasks(Some(page)) = self.ask(&question)? else { break };
                found += page.tasks.len();
                self.tasks += page.tasks.len();
                parents.extend(page.tasks.iter().filter(|task| task.has_children).map(|task| Some(task.id)));
                after = page.tasks.last().map(|task: &TaskView| task.id);
                let Some(last) = after else { break };
                self.owner(last)?;
                if !page.more {
                    break;
                }
            }
        }
        Ok(())
    }

    fn owner(&mut self, task: TaskId) -> Result<(), Error> {
        self.ask(&Question::Owner(task)).map(drop)
    }
}

/// The trace of a job, from its trace parent: version, trace, span and flags, with hyphens between them.
fn trace(view: &JobView) -> Option<TraceId> {
    let trace = view.job.trace_parent.split('-').nth(1).filter(|trace| trace.len() == 32)?;
    TraceId::from_bytes(&u128::from_str_radix(trace, 16).ok()?.to_be_bytes())
}
