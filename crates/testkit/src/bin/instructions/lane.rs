//! The writer of the lane on SQLite: decide, load, save, read inputs and commit, in batches of a fixed size.

use boxwood_engine::{Command, Reply, ReportReply, Settings, TaskId};
use boxwood_store::sqlite::Database;
use boxwood_store::writer::{Batch, Caller, LaneOptions, Work, Writer};
use tempfile::TempDir;

use crate::Workload;
use crate::commands::Commands;
use crate::counted;

/// Tasks counted in each workload.
const OPERATIONS: usize = 1_024;

/// Tasks queued by the flat workloads.
const TASKS: u64 = 10_000;

pub(crate) const WORKLOADS: [Workload; 11] = [
    ("lane/flat/1", || Rounds::new(true).flat(1, Part::Whole)),
    ("lane/flat/8", || Rounds::new(true).flat(8, Part::Whole)),
    ("lane/flat/64", || Rounds::new(true).flat(64, Part::Whole)),
    ("lane/tree/1", || Rounds::new(true).tree(1, Part::Whole)),
    ("lane/tree/8", || Rounds::new(true).tree(8, Part::Whole)),
    ("lane/tree/64", || Rounds::new(true).tree(64, Part::Whole)),
    ("lane/flat/64/commit", || Rounds::new(true).flat(64, Part::Commit)),
    ("lane/tree/64/commit", || Rounds::new(true).tree(64, Part::Commit)),
    ("lane/flat/64/nothing-kept", || Rounds::new(false).flat(64, Part::Whole)),
    ("lane/submit/1", || Rounds::new(true).submit()),
    ("lane/report/10000", || Rounds::new(true).fan_out()),
];

/// What is counted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    /// Deciding and committing.
    Whole,
    /// Committing: inputs are read, rows written and made durable.
    Commit,
    Nothing,
}

/// Somebody who waits for an outcome.
struct Waiting;

impl Caller for Waiting {
    fn is_gone(&self) -> bool {
        false
    }
}

/// Batches on a database in a temporary folder.
struct Rounds {
    commands: Commands,
    writer: Writer,
    _folder: TempDir,
}

impl Rounds {
    /// `kept`: whether rows stay in memory from one batch to the next.
    fn new(kept: bool) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let backend = Database::open(folder.path()).expect("a fresh folder").backend();
        let options = match kept {
            true => LaneOptions::default(),
            false => LaneOptions { kept_rows_max: 0, batches_between_trims: 1, ..LaneOptions::default() },
        };
        let writer = Writer::open(backend, Settings::default(), options).expect("an empty database");
        let mut rounds = Self { commands: Commands::new(), writer, _folder: folder };
        let cluster = rounds.commands.cluster();
        rounds.round(vec![cluster], Part::Nothing);
        rounds
    }

    /// One batch. Answers what was handed out.
    fn round(&mut self, commands: Vec<Command>, part: Part) -> Vec<Option<TaskId>> {
        let writer = &mut self.writer;
        let work: Vec<_> = commands.into_iter().map(|command| Work::Command(Box::new(command), Waiting)).collect();
        let take = || {
            let mut batch = Batch::<Waiting, ()>::default();
            for work in work {
                writer.take(work, &mut batch).expect("decided");
            }
            batch
        };
        let batch = if part == Part::Whole { counted(take) } else { take() };
        let finish = || {
            let committed = writer.finish(batch).expect("committed");
            writer.trim();
            committed
        };
        let committed = if part == Part::Nothing { finish() } else { counted(finish) };
        let mut handed_out = Vec::new();
        let note = |_, outcome: Result<boxwood_store::Outcome, boxwood_store::Error>| {
            let outcome = outcome.expect("the database is there");
            handed_out.push(match outcome.decided.expect("accepted") {
                Reply::Report(ReportReply::Task(hand_out)) => Some(hand_out.id),
                _ => None,
            });
            None
        };
        committed.answers.deliver(note, |(), _| (), |_, _| ());
        handed_out
    }

    fn submit_uncounted(&mut self, roots: u64) {
        let (_, command) = self.commands.submit(self.commands.tasks(roots));
        self.round(vec![command], Part::Nothing);
    }

    fn ask(&mut self) -> Option<TaskId> {
        let ask = self.commands.ask();
        self.round(vec![ask], Part::Nothing)[0]
    }

    /// The root has a great many children without children.
    fn flat(&mut self, batch: usize, part: Part) -> u64 {
        self.submit_uncounted(1);
        let root = self.ask().expect("the root is ready");
        let fan_out = self.commands.report(root, TASKS);
        let mut held = self.round(vec![fan_out], Part::Nothing);
        while held.len() < batch {
            held.push(self.ask());
        }
        self.rounds(held, 0, part)
    }

    /// Every task has two children, so there is more and more to do.
    fn tree(&mut self, batch: usize, part: Part) -> u64 {
        self.submit_uncounted(1);
        let mut held = vec![self.ask()];
        while held.len() < batch {
            let reports = self.reports(&held, 2);
            held = self.round(reports, Part::Nothing);
            // One of the two children of each went to its parent's runner, the others are for new ones.
            for _ in 0..held.len().min(batch - held.len()) {
                held.push(self.ask());
            }
        }
        self.rounds(held, 2, part)
    }

    fn reports(&mut self, held: &[Option<TaskId>], sub_tasks: u64) -> Vec<Command> {
        let tasks = held.iter().map(|task| task.expect("there is work for all"));
        tasks.map(|task| self.commands.report(task, sub_tasks)).collect()
    }

    fn rounds(&mut self, mut held: Vec<Option<TaskId>>, sub_tasks: u64, part: Part) -> u64 {
        // Statements are prepared and caches filled in the first rounds, so those are not counted.
        for _ in 0..(128 / held.len()).max(2) {
            let reports = self.reports(&held, sub_tasks);
            held = self.round(reports, Part::Nothing);
        }
        let mut counted = 0;
        while counted < OPERATIONS {
            let reports = self.reports(&held, sub_tasks);
            held = self.round(reports, part);
            counted += held.len();
        }
        counted as u64
    }

    /// Jobs of one task, each in a batch of its own.
    fn submit(&mut self) -> u64 {
        self.submit_uncounted(1);
        let jobs = OPERATIONS / 8;
        for _ in 0..jobs {
            let (_, command) = self.commands.submit(self.commands.tasks(1));
            self.round(vec![command], Part::Whole);
        }
        jobs as u64
    }

    /// A report with 10,000 sub-tasks. Counted are the sub-tasks.
    fn fan_out(&mut self) -> u64 {
        self.submit_uncounted(1);
        let root = self.ask().expect("the root is ready");
        let report = self.commands.report(root, TASKS);
        self.round(vec![report], Part::Whole);
        TASKS
    }
}
