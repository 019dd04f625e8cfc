//! The same workflow in process and through a server comes to the same (differential).

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};

use boxwood::testing::Workflow;
use boxwood::{
    Client, Execute, ExecutionContext, InMemoryCache, Job, JobId, JobState, Progress, Runner, Task, TaskState, TaskTree,
};
use boxwood_server::{Config, Listen, Server};
use serde::{Deserialize, Serialize};

/// Workflows that are compared.
const WORKFLOWS: u64 = 40;
const DEPTH_MAX: u8 = 4;

/// A task that does what its number says: children, dependencies, options, progress, failures.
#[derive(Task, Serialize, Deserialize)]
#[task(display = "Node({number})")]
struct Node {
    number: u64,
    depth: u8,
}

/// What was executed, by job.
static EXECUTED: Mutex<Option<HashMap<JobId, Vec<String>>>> = Mutex::new(None);

fn note(job: JobId, what: String) {
    let mut executed = EXECUTED.lock().unwrap_or_else(PoisonError::into_inner);
    executed.get_or_insert_default().entry(job).or_default().push(what);
}

fn executed(job: JobId) -> Vec<String> {
    let mut executed = EXECUTED.lock().unwrap_or_else(PoisonError::into_inner);
    executed.get_or_insert_default().remove(&job).unwrap_or_default()
}

/// Numbers that look random and are the same for the same number.
struct Choices(u64);

impl Choices {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed ^ (mixed >> 31)) % bound
    }
}

impl Execute for Node {
    async fn execute(self, context: &ExecutionContext) -> boxwood::Result {
        note(context.job_id(), format!("{} {}", self.number, context.retry_count()));
        let mut choices = Choices(self.number);
        let failures = choices.below(12).saturating_sub(8);
        context.progress("nodes").add(1 + choices.below(3));
        if context.retry_count() < failures {
            return Err(format!("failure {}", context.retry_count()).into());
        }
        let mut earlier = Vec::new();
        let children = if self.depth < DEPTH_MAX { choices.below(5) } else { 0 };
        for _ in 0..children {
            let child = Node { number: choices.below(1 << 40), depth: self.depth + 1 };
            let mut child = context.submit_subtask(child).max_retries(choices.below(5) as u32);
            for other in &earlier {
                if choices.below(3) == 0 {
                    child = child.depends_on(other);
                }
            }
            if choices.below(4) == 0 {
                child = child.optional();
            }
            earlier.push(child);
        }
        if choices.below(2) == 0 {
            context.set_display(format!("Node({}) with {children} children", self.number));
        }
        if choices.below(30) == 0 {
            context.submit_subtask(Node { number: 0, depth: DEPTH_MAX }).cluster("nowhere");
        }
        context.progress("nodes").done(1);
        Ok(())
    }
}

/// All that both must agree on.
#[derive(Debug, PartialEq)]
struct Result {
    state: JobState,
    tasks: Vec<(TaskState, u64)>,
    progress: Vec<Progress>,
    tree: String,
    executed: Vec<String>,
}

impl Result {
    fn new(job: Job, tree: &TaskTree, default_cluster: &str) -> Self {
        let mut text = String::new();
        tree.walk(|depth, task| {
            let cluster = if task.cluster == default_cluster { "default" } else { &task.cluster };
            writeln!(
                text,
                "{:indent$}{:?} {} {} {cluster} optional={} retries={} of {}",
                "",
                task.display,
                task.state,
                String::from_utf8_lossy(&task.input),
                task.optional,
                task.retry_count,
                task.max_retries,
                indent = 2 * depth
            )
            .unwrap();
        });
        let executed = executed(job.id);
        Self { state: job.state, tasks: job.stats.tasks_by_state, progress: job.progress, tree: text, executed }
    }
}

#[tokio::test]
async fn a_workflow_in_process_comes_to_what_a_server_with_one_runner_makes_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let listen = "127.0.0.1:0".parse::<Listen>().unwrap();
    let server = Server::start(Config::new(listen, folder.path().join("data"))).await.unwrap();
    let client = Client::builder().url(server.url()).build().unwrap();
    let runner = Runner::builder(&client).task::<Node>().cache(InMemoryCache::new()).build().await.unwrap();
    let workflow = Workflow::new().task::<Node>();

    let mut states: HashMap<JobState, usize> = HashMap::new();
    let mut tasks = 0;
    for number in 1..=WORKFLOWS {
        let run = workflow.clone().seed(number).job(Node { number, depth: 0 }).max_retries(2).run().await.unwrap();
        let here = Result::new(run.job(), &run.tree(), "default");

        let job = client.jobs().submit("node", Node { number, depth: 0 }).max_retries(2).await.unwrap();
        runner.run_all().await.unwrap();
        let tree = client.jobs().task_tree(&job, 10_000).await.unwrap();
        let there = Result::new(client.jobs().find(&job).await.unwrap(), &tree, runner.cluster());
        assert_eq!(here, there, "workflow {number}\n{}", run.trace());

        *states.entry(here.state).or_default() += 1;
        tasks += run.all_tasks().len();
    }
    // The comparison means something.
    assert!(tasks > 10 * WORKFLOWS as usize, "{tasks} tasks");
    assert!(states[&JobState::Completed] >= 10 && states[&JobState::Failed] >= 10, "{states:?}");
    server.stop().await.unwrap();
}
