//! Servers and runners that are killed (SIGKILL).

use std::collections::HashMap;
use std::path::Path;

use boxwood::{Client, JobState, TaskState};

use crate::program::{Root, program};
use crate::world::{PATIENCE, Process};

/// How often everything is killed.
const ROUNDS: usize = 5;
const RUNNERS: usize = 2;
/// Tasks that one runner executes at once.
const SLOTS: usize = 4;

/// Starts a server on this address, and tells where it listens.
fn serve(listen: &str, dir: &Path) -> (Process, String) {
    let script = "exec \"$BOXWOOD\" serve --log error --lease 2 --listen \"$1\" --data-dir \"$2\"";
    let mut server = Process::shell("bash", script, &[listen, &dir.display().to_string()]);
    let url = server.url();
    (server, url)
}

/// How often runners have told that they executed each leaf.
#[derive(Default)]
struct Executed(HashMap<u64, usize>);

impl Executed {
    fn add(&mut self, line: &str) {
        if let Some(number) = line.strip_prefix("leaf ").and_then(|number| number.parse().ok()) {
            *self.0.entry(number).or_default() += 1;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_outlives_its_server_and_its_runners_killed_together_again_and_again() {
    const BRANCHES: u64 = 10;
    const LEAVES: u64 = 40;
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (mut server, url) = serve("127.0.0.1:0", dir.path());
    let client = Client::builder().url(&url).build().expect("a client");
    let root = Root { branches: BRANCHES, leaves: LEAVES };
    let job = client.jobs().submit("outlives", root).await.expect("a job");
    let mut executed = Executed::default();
    for round in 0..ROUNDS {
        let mut runners: Vec<_> = (0..RUNNERS).map(|_| program(&url, SLOTS)).collect();
        // In each round they get somewhere, at another moment each time.
        for _ in 0..10 + round {
            executed.add(&format!("leaf {}", runners[0].says("leaf")));
        }
        server.kill();
        runners.iter_mut().for_each(Process::kill);
        for runner in &mut runners {
            runner.ended();
            runner.rest().iter().for_each(|line| executed.add(line));
        }
        server.ended();
        server = serve(url.trim_start_matches("http://"), dir.path()).0;
    }
    let before = executed.0.len();
    assert!((before as u64) < BRANCHES * LEAVES, "all is done before the last round");

    let mut runners: Vec<_> = (0..RUNNERS).map(|_| program(&url, SLOTS)).collect();
    let job = client.jobs().wait(&job).timeout(PATIENCE).await.expect("the job ends");
    for runner in &mut runners {
        runner.signal("-TERM");
        runner.rest().iter().for_each(|line| executed.add(line));
    }
    assert_eq!(job.state, JobState::Completed);
    // The root, branches, their leaves, the last leaf: nothing lost, nothing twice.
    let tasks = 1 + BRANCHES + BRANCHES * LEAVES + 1;
    assert_eq!((job.stats.total_tasks, job.stats.tasks(TaskState::Computed)), (tasks, tasks));
    let last = BRANCHES * LEAVES;
    assert!((0..=last).all(|number| executed.0.contains_key(&number)), "a leaf was never executed");
    // Executed again is only what a killed slot was at, or had reported without an answer.
    let again: usize = executed.0.values().map(|times| times - 1).sum();
    assert!(again <= ROUNDS * RUNNERS * SLOTS, "{again} executions too many");
    assert_eq!(executed.0[&last], 1, "the last leaf waits for all others, and nothing is killed then");
    eprintln!("{before} of {} leaves before the last round, {again} executed again", last + 1);
}
