//! What users and runners do.

use std::time::Duration;

use boxwood_engine::{
    Command, ComputedTask, FailedTask, JobId, Lease, NewCluster, NewJob, Refusal, Reply, Report, ReportReply, TaskState,
};

use super::{Held, World};
use crate::catalog::Planned;
use crate::milliseconds;
use crate::plan::Plans;

/// What users do.
impl World {
    /// Submits a job a millisecond later; answers its number, counted from 0.
    pub fn submit(&mut self, plans: impl Into<Plans>) -> usize {
        let new = self.new_job("job", plans);
        match self.send(Command::SubmitJob(new)) {
            Ok(Reply::Job(job, _)) => self.jobs.push(job.id),
            other => panic!("a job was not accepted: {other:?}"),
        }
        self.jobs.len() - 1
    }

    /// A job to be submitted with [`World::send`].
    pub fn new_job(&mut self, name: &str, plans: impl Into<Plans>) -> NewJob {
        self.advance(milliseconds(1));
        let places = self.catalog.add(plans.into().0);
        let tasks = self.catalog.submission(&places).expect("a submission of some tasks");
        let id = self.fresh_id();
        NewJob {
            id: JobId::from_u128(id).expect("not zero"),
            first_task: self.fresh_task_id(),
            name: name.into(),
            trace_parent: format!("00-{id:032x}-0000000000000001-01"),
            automation: None,
            tasks,
            fingerprint: id,
            repeated: false,
            now: self.now.whole_milliseconds(),
        }
    }

    /// Cancels a job.
    pub fn cancel(&mut self, job: usize) {
        let done = self.send(Command::CancelJob { job: self.jobs[job] });
        assert!(matches!(done, Ok(Reply::Done)), "{done:?}");
    }

    /// Retries a job; answers how many tasks were set back.
    pub fn retry(&mut self, job: usize) -> u64 {
        match self.send(Command::RetryJob { job: self.jobs[job] }) {
            Ok(Reply::Retried(count)) => count,
            other => panic!("a job was not retried: {other:?}"),
        }
    }

    /// The command that creates a cluster.
    #[must_use]
    pub fn new_cluster(&self, slug: &str, deletable: bool) -> Command {
        Command::CreateCluster(NewCluster {
            slug: slug.into(),
            display_name: slug.into(),
            description: String::new(),
            deletable,
            now: self.now,
        })
    }
}

/// What runners do. Runners are numbered from 0.
impl World {
    /// Asks for work.
    pub fn claim(&mut self, runner: usize) -> Option<Held> {
        let ask = Some(self.ask(runner));
        self.next_task(Report { computed: None, ask, now: self.now })
    }

    /// Reports a task computed and asks for more.
    pub fn report(&mut self, runner: usize, held: &Held) -> Option<Held> {
        let (computed, ask) = (self.computed(held), self.ask(runner));
        self.next_task(Report { computed: Some(computed), ask: Some(ask), now: self.now })
    }

    /// Reports a task computed and asks for nothing.
    pub fn complete(&mut self, held: &Held) {
        let computed = Some(self.computed(held));
        let next = self.next_task(Report { computed, ask: None, now: self.now });
        assert!(next.is_none(), "R-7: no work was asked for");
    }

    /// Reports a task computed with something else in the report, and asks for nothing.
    pub fn complete_with(&mut self, held: &Held, change: impl FnOnce(&mut ComputedTask)) {
        let mut computed = self.computed(held);
        change(&mut computed);
        self.next_task(Report { computed: Some(computed), ask: None, now: self.now });
    }

    /// Reports that a task failed by its own doing; answers its state.
    pub fn fail(&mut self, held: &Held) -> TaskState {
        self.fail_with(held, |failed| failed.display = format!("{}\nfailed", held.display))
    }

    /// Hands a task back unexecuted; answers its state.
    pub fn hand_back(&mut self, held: &Held) -> TaskState {
        self.fail_with(held, |failed| failed.workflow_error = false)
    }

    /// Reports a task failed with something else in the report; answers its state.
    pub fn fail_with(&mut self, held: &Held, change: impl FnOnce(&mut FailedTask)) -> TaskState {
        let mut failed = FailedTask {
            task: held.id,
            display: String::new(),
            progress: Vec::new(),
            workflow_error: true,
            now: self.now,
        };
        change(&mut failed);
        match self.send(Command::FailTask(failed)) {
            Ok(Reply::TaskState(state)) => state,
            other => panic!("a failure was not stored: {other:?}"),
        }
    }

    /// Asks for a longer lease.
    pub fn extend(&mut self, held: &Held, requested: Duration) -> Option<Lease> {
        match self.send(Command::ExtendLease { task: held.id, requested, now: self.now }) {
            Ok(Reply::Lease(lease)) => lease,
            other => panic!("an extension is never refused with an error: {other:?}"),
        }
    }

    /// The server notices that the answer with this task was never read.
    pub fn give_back(&mut self, held: &Held) {
        self.send(Command::ReturnHandOut { taken: held.taken, now: self.now }).expect("never refused");
    }

    /// All runners execute what they get until none gets anything any more, in turns, a millisecond each.
    pub fn run(&mut self) -> &mut Self {
        let mut held: Vec<Option<Held>> = vec![None; self.runners.len()];
        loop {
            let mut busy = false;
            for (runner, holds) in held.iter_mut().enumerate() {
                self.advance(milliseconds(1));
                *holds = match holds.take() {
                    None => self.claim(runner),
                    Some(task) => {
                        busy = true;
                        self.execute(runner, &task)
                    }
                };
                busy |= holds.is_some();
            }
            if !busy {
                return self;
            }
        }
    }

    /// Executes a task as planned; answers the next one.
    pub fn execute(&mut self, runner: usize, held: &Held) -> Option<Held> {
        if held.retry_count < self.planned(held).plan.failures {
            self.fail(held);
            self.claim(runner)
        } else {
            self.report(runner, held)
        }
    }

    /// What a runner asks for.
    #[must_use]
    pub fn ask(&self, runner: usize) -> boxwood_engine::Ask {
        self.runners[runner].ask(self.catalog.identifiers())
    }

    /// The report of a task that was executed as planned.
    pub fn computed(&mut self, held: &Held) -> ComputedTask {
        let children = self.planned(held).children.clone();
        ComputedTask {
            task: held.id,
            display: String::new(),
            progress: Vec::new(),
            sub_tasks: self.catalog.submission(&children),
            first_sub_task: self.fresh_task_id(),
            content_error: None,
        }
    }

    /// Sends a report; answers the task in the answer.
    ///
    /// # Panics
    /// If the report is refused.
    pub fn next_task(&mut self, report: Report) -> Option<Held> {
        self.try_next_task(report).unwrap_or_else(|refusal| panic!("a report was not accepted: {refusal}"))
    }

    /// Sends a report; answers the task in the answer.
    ///
    /// # Errors
    /// If the report is refused.
    pub fn try_next_task(&mut self, report: Report) -> Result<Option<Held>, Refusal> {
        match self.send(Command::Report(Box::new(report)))? {
            Reply::Report(reply) => Ok(self.held(reply)),
            other => panic!("not the answer to a report: {other:?}"),
        }
    }

    fn held(&mut self, reply: ReportReply) -> Option<Held> {
        let ReportReply::Task(hand_out) = reply else { return None };
        let input = self.input(hand_out.taken.task);
        let name = self.catalog.task(&input).plan.name.clone();
        self.order.push(name.clone());
        Some(Held { name, hand_out: *hand_out, input })
    }

    fn planned(&self, held: &Held) -> &Planned {
        self.catalog.task(&held.input)
    }
}
