//! Tasks a second through engine and SQLite, without RPC: `cargo bench -p boxwood-store [-- TASKS [BATCH]]`.
//!
//! `batch` runners report and ask in turn, one commit a round, every commit durable. Prints a row per shape and batch.

use std::sync::Arc;
use std::time::{Duration, Instant};

use boxwood_engine::{
    Ask, Command, ComputedTask, Identifier, JobId, NewCluster, NewGroup, NewJob, NewTasks, Reply, Report, ReportReply,
    Settings, Submission, TaskId, TaskKey, Timestamp, Version, WorkingSet,
};
use boxwood_store::{Backend, sqlite::Database, step_with};

struct Bench {
    backend: Box<dyn Backend>,
    set: WorkingSet,
    ask: Ask,
    ids: u128,
    handed_out: Vec<TaskKey>,
}

impl Bench {
    fn new(dir: &std::path::Path) -> Self {
        let mut backend = Database::open(dir).expect("a fresh directory").backend();
        let set = backend.open_set(Settings::default()).expect("an empty database");
        let identifier = Identifier { name: "Task".into(), version: Version::parse("v1.0").expect("a version") };
        let ask = Ask { cluster: "main".into(), identifiers: Arc::new([identifier]) };
        let mut bench = Self { backend, set, ask, ids: 1, handed_out: Vec::new() };
        bench.step(&Command::CreateCluster(NewCluster {
            slug: "main".into(),
            display_name: "Default".into(),
            description: String::new(),
            deletable: false,
            now: now(),
        }));
        bench
    }

    fn next_id(&mut self, count: u64) -> u128 {
        self.ids += u128::from(count);
        self.ids - u128::from(count)
    }

    fn tasks(&self, count: u64) -> Submission {
        let tasks = NewTasks {
            count,
            cluster: "".into(),
            identifier: self.ask.identifiers[0].clone(),
            max_retries: 0,
            optional: false,
            display: "Task".into(),
        };
        let inputs = Arc::new(vec![b"{\"n\":12345}".to_vec(); usize::try_from(count).expect("fits")]);
        Submission::new(vec![NewGroup { dependencies: vec![], tasks: vec![tasks], inputs }]).expect("well formed")
    }

    fn step(&mut self, command: &Command) -> Reply {
        step_with(self.backend.as_mut(), &mut self.set, command).expect("the store works").expect("accepted")
    }

    fn commit(&mut self) {
        self.backend.save(&self.set.changes()).expect("saved");
        self.set.saved();
        self.set.take_wakes();
        self.backend.inputs(&self.handed_out).expect("inputs are stored");
        self.handed_out.clear();
        self.backend.commit().expect("committed");
    }

    fn submit(&mut self, roots: u64) {
        let command = Command::SubmitJob(NewJob {
            id: JobId::from_u128(self.next_id(1)).expect("not zero"),
            first_task: TaskId::from_u128(self.next_id(roots)).expect("not zero"),
            name: "bench".into(),
            trace_parent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".into(),
            automation: None,
            tasks: self.tasks(roots),
            fingerprint: 0,
            repeated: false,
            now: now(),
        });
        self.step(&command);
        self.commit();
    }

    fn next(&mut self, computed: Option<TaskId>, children: u64) -> Option<TaskId> {
        let computed = computed.map(|task| ComputedTask {
            task,
            display: "Task".into(),
            progress: vec![],
            sub_tasks: (children > 0).then(|| self.tasks(children)),
            first_sub_task: TaskId::from_u128(self.next_id(children)).expect("not zero"),
            content_error: None,
        });
        let report = Report { computed, ask: Some(self.ask.clone()), now: now() };
        match self.step(&Command::Report(Box::new(report))) {
            Reply::Report(ReportReply::Task(hand_out)) => {
                self.handed_out.push(hand_out.taken.task);
                Some(hand_out.id)
            }
            _ => None,
        }
    }
}

fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    Timestamp(i64::try_from(since.as_micros()).expect("before 294247"))
}

/// Runs a job to its end with `batch` runners; answers tasks done, the time, and every commit's time.
fn run(tree: bool, tasks: u64, batch: usize) -> (u64, Duration, Vec<Duration>) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let mut bench = Bench::new(dir.path());
    bench.submit(1);
    let root = bench.next(None, 0).expect("the root is ready");
    let mut inner = tasks / 2;
    let mut held = vec![None; batch];
    let mut done = 1;
    let mut commits = Vec::new();
    if tree {
        held[0] = Some(root);
    } else {
        held[0] = bench.next(Some(root), tasks);
    }
    bench.commit();
    let started = Instant::now();
    loop {
        let mut active = false;
        for slot in &mut held {
            let children = if tree && slot.is_some() && inner > 0 { 2 } else { 0 };
            inner -= children / 2;
            done += u64::from(slot.is_some());
            *slot = bench.next(*slot, children);
            active |= slot.is_some();
        }
        let commit = Instant::now();
        bench.commit();
        commits.push(commit.elapsed());
        if !active {
            return (done, started.elapsed(), commits);
        }
    }
}

fn main() {
    let mut numbers = std::env::args().skip(1).filter_map(|argument| argument.parse().ok());
    let tasks = numbers.next().unwrap_or(10_000);
    let batches = numbers.next().map_or(vec![1, 8, 64, 256], |batch| vec![usize::try_from(batch).expect("small")]);
    println!(
        "{:<6} {:>6} {:>9} {:>10} {:>12} {:>12}",
        "shape", "batch", "tasks", "tasks/s", "commit p50", "commit p99"
    );
    for (shape, tree) in [("flat", false), ("tree", true)] {
        for &batch in &batches {
            let (done, time, mut commits) = run(tree, tasks, batch);
            commits.sort_unstable();
            let at = |share: usize| commits[(commits.len() * share / 100).min(commits.len() - 1)];
            let rate = done as f64 / time.as_secs_f64();
            println!("{shape:<6} {batch:>6} {done:>9} {rate:>10.0} {:>12?} {:>12?}", at(50), at(99));
        }
    }
}
