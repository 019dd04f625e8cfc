//! `step` alone: every row is loaded, and nothing is saved while it is counted. A step that lacks rows is counted with the
//! step after it, loading is not.

use boxwood_engine::{
    Command, FailedTask, JobId, Need, Refusal, Reply, ReportReply, Settings, Submission, TaskId, TaskKey, WorkingSet,
    step,
};
use boxwood_store::{Backend, memory};

use crate::Workload;
use crate::commands::Commands;
use crate::counted;

/// Operations counted in each workload.
const OPERATIONS: u64 = 512;

/// Tasks, enough for all operations and some more.
const TASKS: u64 = 2 * OPERATIONS;

pub(crate) const WORKLOADS: [Workload; 15] = [
    ("step/submit/1", || Steps::new().submit(OPERATIONS, |commands| commands.tasks(1))),
    ("step/submit/1000", || Steps::new().submit(OPERATIONS / 8, |commands| commands.tasks(1000))),
    ("step/submit/64-groups", || Steps::new().submit(OPERATIONS / 8, chain)),
    ("step/idle", || Steps::new().idle()),
    ("step/ask", || Steps::new().ask()),
    ("step/report/0", || Steps::new().report(0)),
    ("step/report/2", || Steps::new().report(2)),
    ("step/report/64", || Steps::new().report(64)),
    ("step/report/last", || Steps::new().report_without_a_question()),
    ("step/report/progress", || Steps::new().report_with_progress()),
    ("step/release", || Steps::new().release()),
    ("step/fail-and-retry", || Steps::new().fail()),
    ("step/lease", || Steps::new().leases()),
    ("step/cancel", || Steps::new().cancel()),
    ("step/retry-job", || Steps::new().retry()),
];

/// 64 groups, each waiting for the one before it.
fn chain(commands: &Commands) -> Submission {
    let group = |place: usize| commands.group(1, &place.checked_sub(1).into_iter().collect::<Vec<_>>(), 0);
    commands.groups((0..64).map(group).collect())
}

/// What `step` answers.
type Decided = Result<Result<Reply, Refusal>, Need>;

/// The engine on the store in memory.
struct Steps {
    commands: Commands,
    backend: Box<dyn Backend>,
    set: WorkingSet,
}

impl Steps {
    fn new() -> Self {
        let mut backend = memory::Database::new().backend();
        let set = backend.open_set(Settings::default()).expect("an empty database");
        let mut steps = Self { commands: Commands::new(), backend, set };
        let cluster = steps.commands.cluster();
        steps.prepare(&cluster);
        steps
    }

    /// A command that is not counted.
    fn prepare(&mut self, command: &Command) -> Reply {
        self.decide(command, step)
    }

    /// A command that is counted.
    fn count(&mut self, command: &Command) -> Reply {
        self.decide(command, |set, command| counted(|| step(set, command)))
    }

    fn decide(&mut self, command: &Command, step: impl Fn(&mut WorkingSet, &Command) -> Decided) -> Reply {
        let reply = loop {
            match step(&mut self.set, command) {
                Ok(decided) => break decided.expect("accepted"),
                Err(need) => {
                    if need.is_scan() {
                        self.save();
                    }
                    self.backend.load(&mut self.set, need).expect("loaded");
                }
            }
        };
        self.save();
        self.set.take_wakes();
        self.backend.commit().expect("committed");
        reply
    }

    fn save(&mut self) {
        self.backend.save(&self.set.changes()).expect("saved");
        self.set.saved();
    }

    fn submit_uncounted(&mut self, tasks: Submission) -> JobId {
        let (job, command) = self.commands.submit(tasks);
        self.prepare(&command);
        job
    }

    /// Asks for a task without counting.
    fn take(&mut self) -> (TaskId, TaskKey) {
        let ask = self.commands.ask();
        handed_out(&self.prepare(&ask))
    }

    fn submit(&mut self, operations: u64, tasks: impl Fn(&Commands) -> Submission) -> u64 {
        // The first one makes the class known, and the queue.
        let first = tasks(&self.commands);
        self.submit_uncounted(first);
        for _ in 0..operations {
            let (_, command) = self.commands.submit(tasks(&self.commands));
            self.count(&command);
        }
        operations
    }

    fn idle(&mut self) -> u64 {
        self.submit_uncounted(self.commands.tasks(1));
        self.take();
        for _ in 0..OPERATIONS {
            let ask = self.commands.ask();
            assert!(matches!(self.count(&ask), Reply::Report(ReportReply::Idle)), "there is nothing to do");
        }
        OPERATIONS
    }

    fn ask(&mut self) -> u64 {
        self.submit_uncounted(self.commands.tasks(TASKS));
        self.take();
        for _ in 0..OPERATIONS {
            let ask = self.commands.ask();
            handed_out(&self.count(&ask));
        }
        OPERATIONS
    }

    fn report(&mut self, sub_tasks: u64) -> u64 {
        self.submit_uncounted(self.commands.tasks(TASKS));
        let (mut task, _) = self.take();
        for _ in 0..OPERATIONS {
            let report = self.commands.report(task, sub_tasks);
            (task, _) = handed_out(&self.count(&report));
        }
        OPERATIONS
    }

    fn report_without_a_question(&mut self) -> u64 {
        self.submit_uncounted(self.commands.tasks(TASKS));
        for _ in 0..OPERATIONS {
            let (task, _) = self.take();
            let computed = self.commands.computed(task, 0);
            let last = self.commands.last(computed);
            self.count(&last);
        }
        OPERATIONS
    }

    fn report_with_progress(&mut self) -> u64 {
        self.submit_uncounted(self.commands.tasks(TASKS));
        let (mut task, _) = self.take();
        for _ in 0..OPERATIONS {
            let computed = self.commands.computed_with_progress(task);
            let report = self.commands.next_task(Some(computed));
            (task, _) = handed_out(&self.count(&report));
        }
        OPERATIONS
    }

    /// Every report completes a group, and the task that is handed out waited for it.
    fn release(&mut self) -> u64 {
        for _ in 0..=OPERATIONS / 63 {
            self.submit_uncounted(chain(&self.commands));
        }
        let (mut task, _) = self.take();
        for _ in 0..OPERATIONS {
            let report = self.commands.report(task, 0);
            (task, _) = handed_out(&self.count(&report));
        }
        OPERATIONS
    }

    /// A task fails and has a retry left: the failure, and the next hand-out.
    fn fail(&mut self) -> u64 {
        let group = self.commands.group(TASKS, &[], 1);
        self.submit_uncounted(self.commands.groups(vec![group]));
        for _ in 0..OPERATIONS {
            let (task, _) = self.take();
            let failed = self.failed(task);
            self.count(&failed);
            let ask = self.commands.ask();
            let (again, _) = handed_out(&self.count(&ask));
            self.finish(again);
        }
        OPERATIONS
    }

    /// Reports a task without counting.
    fn finish(&mut self, task: TaskId) {
        let computed = self.commands.computed(task, 0);
        let last = self.commands.last(computed);
        self.prepare(&last);
    }

    fn failed(&mut self, task: TaskId) -> Command {
        let display = "Tile\nValueError: no such scene".into();
        Command::FailTask(FailedTask {
            task,
            display,
            progress: vec![],
            workflow_error: true,
            now: self.commands.now(),
        })
    }

    /// A lease is extended, and runs out.
    fn leases(&mut self) -> u64 {
        self.submit_uncounted(self.commands.tasks(TASKS));
        for _ in 0..OPERATIONS {
            let (task, key) = self.take();
            let now = self.commands.now();
            self.count(&Command::ExtendLease { task, requested: std::time::Duration::from_secs(30), now });
            let later = now.plus(std::time::Duration::from_secs(31));
            self.count(&Command::ExpireLease { task: key, now: later });
            let (again, _) = self.take();
            self.finish(again);
        }
        OPERATIONS
    }

    /// A job with running tasks is canceled, and those tasks are reported.
    fn cancel(&mut self) -> u64 {
        let operations = OPERATIONS / 4;
        for _ in 0..operations {
            let job = self.submit_uncounted(self.commands.tasks(100));
            let (task, _) = self.take();
            self.count(&Command::CancelJob { job });
            let computed = self.commands.computed(task, 0);
            let last = self.commands.last(computed);
            self.count(&last);
        }
        operations
    }

    /// A failed task halts its job, which is retried.
    fn retry(&mut self) -> u64 {
        let operations = OPERATIONS / 4;
        for _ in 0..operations {
            let job = self.submit_uncounted(self.commands.tasks(100));
            let (task, _) = self.take();
            let failed = self.failed(task);
            self.count(&failed);
            self.count(&Command::RetryJob { job });
            self.prepare(&Command::CancelJob { job });
        }
        operations
    }
}

fn handed_out(reply: &Reply) -> (TaskId, TaskKey) {
    match reply {
        Reply::Report(ReportReply::Task(hand_out)) => (hand_out.id, hand_out.taken.task),
        other => panic!("a task is ready, but the answer was {other:?}"),
    }
}
