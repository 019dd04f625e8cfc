//! A program with a runner, as a process of its own: these tests again, of which only [`a_program_with_a_runner`] runs.
//! It tells on standard output what its tasks do.

use std::env;
use std::process::Command;

use boxwood::{Client, Execute, ExecutionContext, Runner, Task};
use serde::{Deserialize, Serialize};

use crate::world::Process;

/// Where the server is that the program is to work for; that it is one, too.
const URL: &str = "BOXWOOD_TEST_RUNNER_URL";
/// How many tasks it executes at once.
const CONCURRENCY: &str = "BOXWOOD_TEST_RUNNER_CONCURRENCY";

/// State of a runner whose [`Held`] tasks end by themselves.
pub(crate) struct Prompt;

/// Goes on in a program until its lease is lost, and then succeeds all the same: with another display, and a sub-task.
#[derive(Task)]
pub(crate) struct Held;

impl Execute for Held {
    async fn execute(self, context: &ExecutionContext) -> boxwood::Result {
        if context.state::<Prompt>().is_ok() {
            context.set_display("in time");
            return Ok(());
        }
        say("holds");
        context.cancellation().canceled().await;
        context.set_display("too late");
        context.submit_subtask(Leaf { number: 0 });
        say("was late");
        Ok(())
    }
}

/// So many branches with so many leaves each, and a last leaf after all of them.
#[derive(Task, Serialize, Deserialize)]
pub(crate) struct Root {
    pub(crate) branches: u64,
    pub(crate) leaves: u64,
}

/// Leaves with the numbers from `first` on.
#[derive(Task, Serialize, Deserialize)]
pub(crate) struct Branch {
    first: u64,
    leaves: u64,
}

#[derive(Task, Serialize, Deserialize)]
pub(crate) struct Leaf {
    pub(crate) number: u64,
}

impl Execute for Root {
    async fn execute(self, context: &ExecutionContext) -> boxwood::Result {
        let branch = |number| Branch { first: number * self.leaves, leaves: self.leaves };
        let branches = context.submit_subtasks((0..self.branches).map(branch));
        context.submit_subtask(Leaf { number: self.branches * self.leaves }).depends_on(branches);
        Ok(())
    }
}

impl Execute for Branch {
    async fn execute(self, context: &ExecutionContext) -> boxwood::Result {
        context.submit_subtasks((self.first..self.first + self.leaves).map(|number| Leaf { number }));
        Ok(())
    }
}

impl Execute for Leaf {
    async fn execute(self, _: &ExecutionContext) -> boxwood::Result {
        say(&format!("leaf {}", self.number));
        Ok(())
    }
}

/// A line of its own, whatever the frame of tests has written before.
fn say(what: &str) {
    println!("\n{what}");
}

/// The program. In the process of the other tests it does nothing.
#[test]
fn a_program_with_a_runner() {
    let Ok(url) = env::var(URL) else { return };
    let concurrency = env::var(CONCURRENCY).expect("set as well").parse().expect("a number");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let client = Client::builder().url(url).build().expect("a client");
        let builder = Runner::builder(&client).task::<Held>().task::<Root>().task::<Branch>().task::<Leaf>();
        let runner = builder.concurrency(concurrency).build().await.expect("a runner");
        say("works");
        let summary = runner.run_forever().await.expect("nothing is refused for good");
        say(&format!("computed {}, failed {}", summary.computed, summary.failed));
    });
}

/// Starts the program; it takes tasks when this returns, or is about to.
pub(crate) fn program(url: &str, concurrency: usize) -> Process {
    let mut command = Command::new(env::current_exe().expect("this program has a path"));
    command.args(["--exact", "program::a_program_with_a_runner", "--nocapture"]);
    let mut process = Process::start(command.env(URL, url).env(CONCURRENCY, concurrency.to_string()));
    process.says("works");
    process
}
