//! What a runner does when it is its turn: ask, execute, or report.

use std::panic::resume_unwind;
use std::sync::Arc;

use boxwood_engine::{
    Command, ComputedTask, FailedTask, HandOut, ProgressUpdate, Reply, Report, ReportReply, TaskKey, TaskState,
};

use tokio_util::sync::CancellationToken;

use super::convert;
use super::fault::{Kind, Mishap};
use super::record::{Outcome, Record};
use super::run::Run;
use super::runner::{Computed, Ended, Failed, Hand, Held, Progress};
use super::server::Decided;
use crate::Error;
use crate::cancellation::Cancellation;
use crate::context::{Collected, Execution, ExecutionContext};
use crate::runner::execute::{self, Work};
use crate::spans;

impl Run {
    /// Does the next thing that a runner does.
    pub(super) async fn turn(&mut self, runner: usize) -> Result<(), Error> {
        match std::mem::take(&mut self.slots[runner].hand) {
            Hand::Empty { .. } => self.ask(runner),
            Hand::Full(mut held) => match held.ended.take() {
                None => {
                    self.execute(runner, held).await;
                    Ok(())
                }
                Some(ended) => self.report(runner, &held, ended),
            },
        }
    }

    /// Asks for a task.
    fn ask(&mut self, runner: usize) -> Result<(), Error> {
        let ask = Some(self.slots[runner].ask.clone());
        let report = Report { computed: None, ask, now: self.server.now() };
        let decided = self.server.decide(&Command::Report(Box::new(report))).map_err(Self::refused)?;
        self.take_in(&decided.changed);
        self.take(runner, decided.reply)
    }

    /// Takes what a runner was answered.
    fn take(&mut self, runner: usize, reply: Reply) -> Result<(), Error> {
        self.slots[runner].hand = match reply {
            Reply::Report(ReportReply::Task(hand_out)) => Hand::Full(self.begin(runner, *hand_out)?),
            _ => Hand::Empty { asked_at: Some(self.changes) },
        };
        Ok(())
    }

    /// An execution begins.
    fn begin(&mut self, runner: usize, hand_out: HandOut) -> Result<Box<Held>, Error> {
        if self.executions.len() >= self.executions_max {
            return Err(Error::Endless { executions: self.executions.len(), state: self.counts() });
        }
        let task = hand_out.taken.task;
        let input = self.server.input(task);
        let code = convert::task_identifier(&hand_out.identifier);
        self.names.entry(task).or_insert_with(|| hand_out.display.to_string());
        let retries = match hand_out.retry_count {
            0 => String::new(),
            retries => format!(", retry {retries}"),
        };
        self.note(&format!("runner {runner} takes {}{retries}", self.name(task)));
        self.executions.push(Arc::new(Record {
            task: convert::task_id(hand_out.id),
            code: code.clone(),
            input: input.clone(),
            name: self.names[&task].clone(),
            runner,
            retry_count: hand_out.retry_count.into(),
            started: self.server.now(),
            ended: None,
            outcome: None,
        }));
        let now = self.server.now();
        Ok(Box::new(Held {
            execution: self.executions.len() - 1,
            mishap: self.faults.next(&code, task, &input),
            ended: None,
            lease_lost: false,
            lease_until: now.plus(hand_out.lease.length),
            renew_at: Some(now.plus(hand_out.lease.wait)),
            not_before: now,
            hand_out,
            input,
        }))
    }

    /// Executes a task, or lets something go wrong with it.
    async fn execute(&mut self, runner: usize, mut held: Box<Held>) {
        if held.renew_at.is_none() {
            // The runner is back, and finds that the lease has run out: it may still be extended.
            self.extend_lease(&mut held);
        }
        let mishap = held.mishap.take();
        match &mishap {
            Some(Mishap { kind: Kind::Lost, after_execution: false }) => return self.lose(runner, &held),
            Some(Mishap { kind: Kind::Late, after_execution: false }) => {
                self.delay(runner, &mut held);
                self.slots[runner].hand = Hand::Full(held);
                return;
            }
            Some(Mishap { kind: Kind::HandBack, after_execution: false }) => held.ended = Some(Ended::HandedBack),
            _ => {
                self.note(&format!("runner {runner} executes {}", self.name(held.hand_out.taken.task)));
                held.ended = Some(self.work(runner, &held, mishap.as_ref()).await);
            }
        }
        match mishap {
            Some(Mishap { kind: Kind::Lost, .. }) => return self.lose(runner, &held),
            Some(Mishap { kind: Kind::Late, .. }) => self.delay(runner, &mut held),
            Some(Mishap { kind: Kind::HandBack, .. }) => held.ended = Some(Ended::HandedBack),
            _ => {}
        }
        self.slots[runner].hand = Hand::Full(held);
    }

    /// Runs the code of a task to its end.
    async fn work(&mut self, runner: usize, held: &Held, mishap: Option<&Mishap>) -> Ended {
        let slot = &self.slots[runner];
        let HandOut { id, identifier, job, display, retry_count, .. } = &held.hand_out;
        let known = slot.tasks.get_key_value(&convert::task_identifier(identifier));
        let (code, run) = known.expect("the server hands out what was asked for");
        let run_of_runner = CancellationToken::new();
        let execution = Arc::new(Execution {
            task: convert::task_id(*id),
            identifier: Arc::clone(code),
            job: convert::job_id(job.id),
            job_name: job.name.clone(),
            cluster: Arc::clone(&slot.ask.cluster),
            retry_count: (*retry_count).into(),
            cache: self.cache.of_job(convert::job_id(job.id)),
            state: Arc::clone(&self.state),
            cancellation: Cancellation::of_run(&run_of_runner),
            collected: Collected::new(display.to_string()),
        });
        if held.lease_lost {
            execution.cancellation.lose_lease();
        }
        if matches!(mishap, Some(Mishap { kind: Kind::Shutdown, .. })) {
            run_of_runner.cancel();
        }
        let context = ExecutionContext { execution: Arc::clone(&execution) };
        let first_display = self.names[&held.hand_out.taken.task].clone();
        let work = with_mishap(run(held.input.clone(), context), mishap, &execution, first_display);
        // Nobody exports what happens here, but a subscriber of the test may show it.
        let span = spans::task(code, execution.task, "");
        let ended = execute::start(work, span.clone()).await;
        let (display, progress) = (execution.display(), execution.progress());
        let report = |execution: &Execution| execution.subtasks(convert::submission);
        match span.in_scope(|| execute::conclude(&execution, ended, report)) {
            execute::Outcome::Computed(sub_tasks) => Ended::Computed(Computed { display, progress, sub_tasks }),
            execute::Outcome::Failed(problem) => {
                let display = execute::with_problem(&display, &problem);
                Ended::Failed(Failed { display, progress, problem })
            }
            execute::Outcome::HandedBack => Ended::HandedBack,
            execute::Outcome::Lost => Ended::Lost,
        }
    }

    /// Reports how an execution ended.
    fn report(&mut self, runner: usize, held: &Held, ended: Ended) -> Result<(), Error> {
        let task = held.hand_out.taken.task;
        let was_running = self.states.get(&task) == Some(&TaskState::Running);
        match ended {
            Ended::Computed(Computed { display, progress, sub_tasks }) => {
                let children = sub_tasks.as_ref().map_or(0, |sub_tasks| sub_tasks.tasks());
                let computed = ComputedTask {
                    task: held.hand_out.id,
                    display,
                    progress: updates(progress),
                    sub_tasks,
                    first_sub_task: self.server.first_task(),
                    content_error: None,
                };
                let ask = Some(self.slots[runner].ask.clone());
                let report = Report { computed: Some(computed), ask, now: self.server.now() };
                let decided = self.server.decide(&Command::Report(Box::new(report))).map_err(Self::refused)?;
                let outcome = if was_running { computed_outcome(&decided, task) } else { Outcome::Ignored };
                self.reported(runner, held, &decided, outcome, children);
                self.take(runner, decided.reply)
            }
            Ended::Failed(Failed { display, progress, problem }) => {
                self.report_failed(runner, held, display, updates(progress), true, Outcome::Failed(problem))
            }
            Ended::HandedBack => {
                self.report_failed(runner, held, String::new(), Vec::new(), false, Outcome::HandedBack)
            }
            Ended::Lost => {
                self.note(&format!("runner {runner} gives up {}, whose lease is lost", self.name(task)));
                self.end(held, Outcome::Lost);
                Ok(())
            }
        }
    }

    fn report_failed(
        &mut self,
        runner: usize,
        held: &Held,
        display: String,
        progress: Vec<ProgressUpdate>,
        workflow_error: bool,
        outcome: Outcome,
    ) -> Result<(), Error> {
        let was_running = self.states.get(&held.hand_out.taken.task) == Some(&TaskState::Running);
        let now = self.server.now();
        let failed = FailedTask { task: held.hand_out.id, display, progress, workflow_error, now };
        let decided = self.server.decide(&Command::FailTask(failed)).map_err(Self::refused)?;
        let outcome = if was_running { outcome } else { Outcome::Ignored };
        self.reported(runner, held, &decided, outcome, 0);
        Ok(())
    }

    /// A report was answered: the execution has ended, and tasks may have become ready.
    fn reported(&mut self, runner: usize, held: &Held, decided: &Decided, outcome: Outcome, children: u64) {
        self.take_in(&decided.changed);
        self.changes += 1;
        let task = held.hand_out.taken.task;
        let mut line = format!("runner {runner} reports {}: {outcome}", self.name(task));
        match (&outcome, &decided.reply) {
            (Outcome::Computed, _) if children > 0 => line.push_str(&format!(", {children} sub-tasks")),
            (Outcome::Failed(_) | Outcome::HandedBack, Reply::TaskState(state)) => {
                line.push_str(&format!(", it is {}", convert::task_state(*state)));
            }
            _ => {}
        }
        self.note(&line);
        self.end(held, outcome);
    }
}

/// What became of a task that was reported as computed while it was RUNNING: a report with a mistake fails it.
fn computed_outcome(decided: &Decided, task: TaskKey) -> Outcome {
    let Some(changed) = decided.changed.iter().find(|changed| changed.task == task) else {
        return Outcome::Ignored;
    };
    if changed.state == TaskState::Computed {
        return Outcome::Computed;
    }
    let problem = changed.display.as_deref().and_then(|display| display.lines().last()).unwrap_or_default();
    Outcome::Failed(problem.to_owned())
}

/// Work with something that goes wrong in it.
fn with_mishap(work: Work, mishap: Option<&Mishap>, execution: &Arc<Execution>, first_display: String) -> Work {
    let Some(Mishap { kind, after_execution }) = mishap.cloned() else { return work };
    let code_runs = after_execution || matches!(kind, Kind::Shutdown);
    let execution = Arc::clone(execution);
    let before = async move {
        if code_runs {
            return work.await;
        }
        // Code that is executed again starts with its first display, not with the error of the execution before.
        ExecutionContext { execution }.set_display(first_display);
        Ok(())
    };
    match kind {
        Kind::Error(text) => Box::pin(async move {
            before.await?;
            Err(text.into())
        }),
        Kind::Panic(text) => Box::pin(async move {
            before.await?;
            // Unlike `panic!`, this prints nothing: the panic is wanted.
            resume_unwind(Box::new(text))
        }),
        Kind::Lost | Kind::Late | Kind::HandBack | Kind::Shutdown => Box::pin(before),
    }
}

fn updates(progress: Progress) -> Vec<ProgressUpdate> {
    progress.into_iter().map(|(label, (total, done))| ProgressUpdate { label, total, done }).collect()
}
