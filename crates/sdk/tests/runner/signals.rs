//! SIGINT and SIGTERM, to a runner in a process of its own.
#![cfg(unix)]

use std::env;
use std::process::Stdio;
use std::time::Duration;

use boxwood::{Client, Execute, ExecutionContext, Runner, Task, TaskState};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::here::{PATIENCE, here};

/// Where the server is that a child process is to work for; that it is one, too.
const URL: &str = "BOXWOOD_TEST_SIGNALS_URL";
const GRACE: &str = "BOXWOOD_TEST_SIGNALS_GRACE";

#[derive(Serialize, Deserialize)]
enum Until {
    /// Ends when it is told.
    Told,
    /// Never ends.
    Never,
    /// Never ends, and keeps its thread busy.
    NeverBusy,
}

#[derive(Task, Serialize, Deserialize)]
struct Works {
    until: Until,
}

impl Execute for Works {
    async fn execute(self, context: &ExecutionContext) -> boxwood::Result {
        let cancellation = context.cancellation();
        println!("\nstarted");
        match self.until {
            Until::Told => drop(cancellation.canceled().await),
            Until::Never => {
                cancellation.canceled().await;
                println!("\ntold");
                std::future::pending().await
            }
            Until::NeverBusy => {
                while !cancellation.is_canceled() {}
                println!("\ntold");
                loop {
                    std::thread::park();
                }
            }
        }
        Ok(())
    }
}

/// The child process: what a program with a runner does. In the process of the tests it does nothing.
#[test]
fn a_program_with_a_runner() {
    let (Ok(url), Ok(grace)) = (env::var(URL), env::var(GRACE)) else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let client = Client::builder().url(url).build().unwrap();
        let builder = Runner::builder(&client).task::<Works>().grace(Duration::from_secs(grace.parse().unwrap()));
        let summary = builder.build().await.unwrap().run_forever().await.unwrap();
        println!("\ncomputed {} handed back {}", summary.computed, summary.handed_back);
    });
}

struct Program {
    process: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Program {
    fn start(url: &str, grace_seconds: u32) -> Self {
        let mut process = Command::new(env::current_exe().unwrap())
            .args(["--exact", "signals::a_program_with_a_runner", "--nocapture"])
            .env(URL, url)
            .env(GRACE, grace_seconds.to_string())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        Self { process, lines }
    }

    /// Returns once it has printed this line.
    async fn says(&mut self, line: &str) {
        let said = async {
            while let Some(next) = self.lines.next_line().await.unwrap() {
                if next == line {
                    return;
                }
            }
            panic!("the program ended without saying {line:?}");
        };
        tokio::time::timeout(PATIENCE, said).await.unwrap_or_else(|_| panic!("it does not say {line:?}"));
    }

    async fn signal(&self, name: &str) {
        let pid = self.process.id().expect("it runs").to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().await.unwrap().success());
    }

    async fn status(mut self) -> Option<i32> {
        tokio::time::timeout(PATIENCE, self.process.wait()).await.expect("it ends").unwrap().code()
    }
}

#[tokio::test]
async fn r_68_a_task_that_ends_within_the_grace_is_reported_before_the_program_ends() {
    let here = here().await;
    let job = here.client.jobs().submit("works", Works { until: Until::Told }).await.unwrap();
    let mut program = Program::start(&here.server.url(), 3600);
    program.says("started").await;
    program.signal("TERM").await;
    program.says("computed 1 handed back 0").await;
    assert_eq!(program.status().await, Some(0));
    assert_eq!(here.task(&job).await.state, TaskState::Computed);
    here.server.stop().await.unwrap();
}

#[tokio::test]
async fn r_68_a_task_that_outlives_the_grace_is_handed_back_before_the_program_ends() {
    let here = here().await;
    let job = here.client.jobs().submit("works", Works { until: Until::Never }).await.unwrap();
    let mut program = Program::start(&here.server.url(), 0);
    program.says("started").await;
    program.signal("INT").await;
    program.says("computed 0 handed back 1").await;
    assert_eq!(program.status().await, Some(0));
    let task = here.task(&job).await;
    assert_eq!((task.state, task.retry_count), (TaskState::Queued, 0));
    here.server.stop().await.unwrap();
}

#[tokio::test]
async fn r_68_a_second_signal_ends_the_program_at_once_also_if_its_only_thread_is_busy() {
    for (until, first, second, status) in [(Until::Never, "TERM", "INT", 130), (Until::NeverBusy, "INT", "TERM", 143)] {
        let here = here().await;
        here.client.jobs().submit("works", Works { until }).await.unwrap();
        let mut program = Program::start(&here.server.url(), 3600);
        program.says("started").await;
        program.signal(first).await;
        program.says("told").await;
        program.signal(second).await;
        assert_eq!(program.status().await, Some(status));
        here.server.stop().await.unwrap();
    }
}
