//! What is said of jobs and runners around the examples, and needs several runners or a look in the middle.

use std::sync::{LazyLock, Mutex, OnceLock};

use boxwood::{
    Execute, ExecutionContext, Job, JobId, JobState, Result, RunSummary, Runner, RunnerBuilder, ShutdownHandle, Task,
    TaskState,
};
use serde::{Deserialize, Serialize};
use tokio::sync::{Barrier, Notify};
use tokio::task::JoinSet;

use crate::here::Here;

/// Runners that work side by side.
struct Crew {
    handles: Vec<ShutdownHandle>,
    running: JoinSet<RunSummary>,
}

impl Crew {
    async fn start(runners: impl IntoIterator<Item = RunnerBuilder>) -> Self {
        let mut crew = Self { handles: Vec::new(), running: JoinSet::new() };
        for runner in runners {
            let runner = runner.signals(false).build().await.unwrap();
            crew.handles.push(runner.shutdown_handle());
            crew.running.spawn(async move { runner.run_forever().await.unwrap() });
        }
        crew
    }

    /// Ends the runners, and tells how many tasks each of them computed.
    async fn stop(self) -> Vec<u64> {
        self.handles.iter().for_each(ShutdownHandle::shutdown);
        self.running.join_all().await.iter().map(|summary| summary.computed).collect()
    }
}

async fn finished(here: &Here, job: &Job) -> Job {
    here.client.jobs().wait(job).await.unwrap()
}

#[derive(Task)]
struct Parent;

#[derive(Task)]
struct Child;

static CHILDREN: LazyLock<Barrier> = LazyLock::new(|| Barrier::new(5));
static JOBS: Mutex<Vec<JobId>> = Mutex::new(Vec::new());

impl Execute for Parent {
    async fn execute(self, context: &ExecutionContext) -> Result {
        context.submit_subtasks([Child, Child, Child, Child, Child]);
        JOBS.lock().unwrap().push(context.job_id());
        Ok(())
    }
}

impl Execute for Child {
    async fn execute(self, context: &ExecutionContext) -> Result {
        JOBS.lock().unwrap().push(context.job_id());
        // None of them ends before all have started.
        CHILDREN.wait().await;
        Ok(())
    }
}

#[tokio::test]
async fn t_70_t_74_five_children_run_at_once_on_five_runners_in_the_job_of_their_parent() {
    let here = Here::start().await;
    let runner = |_| Runner::builder(&here.client).task::<Parent>().task::<Child>();
    let crew = Crew::start((0..5).map(runner)).await;
    let job = here.client.jobs().submit("overlap", Parent).await.unwrap();
    assert_eq!(finished(&here, &job).await.state, JobState::Completed);
    assert!(crew.stop().await.iter().all(|&computed| computed > 0), "each took a child");
    assert_eq!(*JOBS.lock().unwrap(), [job.id; 6]);
    here.stop().await;
}

/// As in `dog_images_recursive`.
#[derive(Task, Serialize, Deserialize)]
struct Search {
    images: usize,
}

#[derive(Task)]
struct Download;

static DOWNLOADED: Notify = Notify::const_new();

impl Execute for Search {
    async fn execute(self, context: &ExecutionContext) -> Result {
        if self.images == 5 {
            DOWNLOADED.notified().await;
        }
        if self.images > 4 {
            context.submit_subtasks([self.images / 2, self.images.div_ceil(2)].map(|images| Search { images }));
        } else {
            context.submit_subtasks((0..self.images).map(|_| Download));
        }
        Ok(())
    }
}

impl Execute for Download {
    async fn execute(self, _: &ExecutionContext) -> Result {
        DOWNLOADED.notify_one();
        Ok(())
    }
}

#[tokio::test]
async fn t_74_one_branch_is_worked_on_while_the_other_is_still_being_divided() {
    let here = Here::start().await;
    let runner = |_| Runner::builder(&here.client).task::<Search>().task::<Download>();
    let crew = Crew::start((0..2).map(runner)).await;
    // The search for five goes on only once an image of the other four was downloaded.
    let job = here.client.jobs().submit("branches", Search { images: 9 }).await.unwrap();
    let job = finished(&here, &job).await;
    assert_eq!((job.state, job.stats.tasks(TaskState::Computed)), (JobState::Completed, 14));
    crew.stop().await;
    here.stop().await;
}

/// The code of one task, on two machines.
#[derive(Task)]
#[task(name = "Fragile")]
struct FailsHere;

#[derive(Task)]
#[task(name = "Fragile")]
struct SucceedsHere;

static MACHINE: OnceLock<ShutdownHandle> = OnceLock::new();

impl Execute for FailsHere {
    async fn execute(self, _: &ExecutionContext) -> Result {
        // So that this machine does not ask for the task again.
        MACHINE.get().unwrap().shutdown();
        Err("not on this machine".into())
    }
}

impl Execute for SucceedsHere {
    async fn execute(self, context: &ExecutionContext) -> Result {
        context.set_display(format!("executed after {} failure", context.retry_count()));
        Ok(())
    }
}

#[tokio::test]
async fn t_112_a_retried_task_may_run_on_another_runner() {
    let here = Here::start().await;
    let job = here.client.jobs().submit("elsewhere", FailsHere).max_retries(1).await.unwrap();
    let runner = Runner::builder(&here.client).task::<FailsHere>().signals(false).build().await.unwrap();
    MACHINE.set(runner.shutdown_handle()).unwrap();
    assert_eq!(runner.run_forever().await.unwrap().failed, 1);
    assert_eq!(here.tasks(&job).await.states(), [("FailsHere", TaskState::Queued)]);

    let runner = Runner::builder(&here.client).task::<SucceedsHere>().signals(false).build().await.unwrap();
    assert_eq!(runner.run_all().await.unwrap().computed, 1);
    assert_eq!(here.tasks(&job).await.states(), [("executed after 1 failure", TaskState::Computed)]);
    assert_eq!(finished(&here, &job).await.state, JobState::Completed);
    here.stop().await;
}

#[derive(Task, Serialize, Deserialize)]
struct Work {
    failing: Vec<u32>,
}

#[derive(Task, Serialize, Deserialize)]
#[task(display = "Worker {number}")]
struct Worker {
    number: u32,
    fails: bool,
}

#[derive(Task)]
struct Cleanup;

impl Execute for Work {
    async fn execute(self, context: &ExecutionContext) -> Result {
        let workers = (0..3).map(|number| Worker { number, fails: self.failing.contains(&number) });
        let workers = context.submit_subtasks(workers).optional();
        context.submit_subtask(Cleanup).depends_on(workers);
        Ok(())
    }
}

impl Execute for Worker {
    async fn execute(self, _: &ExecutionContext) -> Result {
        if self.fails { Err("no luck".into()) } else { Ok(()) }
    }
}

impl Execute for Cleanup {
    async fn execute(self, _: &ExecutionContext) -> Result {
        Ok(())
    }
}

#[tokio::test]
async fn t_93_t_123_cleanup_runs_whichever_workers_fail() {
    let here = Here::start().await;
    let builder = Runner::builder(&here.client).task::<Work>().task::<Worker>().task::<Cleanup>();
    let runner = builder.signals(false).build().await.unwrap();
    for failing in [vec![], vec![0], vec![1, 2], vec![0, 1, 2]] {
        let failures = failing.len() as u64;
        let job = here.client.jobs().submit("cleanup", Work { failing }).await.unwrap();
        runner.run_all().await.unwrap();
        let job = here.client.jobs().find(&job).await.unwrap();
        assert_eq!((job.state, job.stats.tasks(TaskState::FailedOptional)), (JobState::Completed, failures));
        let tasks = here.tasks(&job).await;
        assert_eq!(tasks.named("Cleanup").state, TaskState::Computed);
        for number in 0..3 {
            tasks.assert_order(&[&format!("Worker {number}"), "Cleanup"]);
        }
    }
    here.stop().await;
}

#[derive(Task)]
struct Look;

#[derive(Task)]
struct After;

static LOOK: Notify = Notify::const_new();
static LOOKED: Notify = Notify::const_new();

impl Execute for Look {
    async fn execute(self, context: &ExecutionContext) -> Result {
        context.submit_subtasks([After, After, After]);
        Ok(())
    }
}

impl Execute for After {
    async fn execute(self, _: &ExecutionContext) -> Result {
        LOOK.notify_one();
        LOOKED.notified().await;
        Ok(())
    }
}

#[tokio::test]
async fn s_1_j_36_j_37_what_is_queued_and_running_shows_in_the_counts() {
    let here = Here::start().await;
    let crew = Crew::start([Runner::builder(&here.client).task::<Look>().task::<After>()]).await;
    let job = here.client.jobs().submit("counts", Look).await.unwrap();
    for running in 0..3 {
        LOOK.notified().await;
        let job = here.client.jobs().find(&job).await.unwrap();
        let counts = [(TaskState::Queued, 2 - running), (TaskState::Running, 1), (TaskState::Computed, 1 + running)];
        let counts: Vec<_> = counts.into_iter().filter(|(_, count)| *count > 0).collect();
        assert_eq!((job.state, job.stats.total_tasks, job.stats.tasks_by_state), (JobState::Running, 4, counts));
        LOOKED.notify_one();
    }
    assert_eq!(finished(&here, &job).await.stats.tasks_by_state, [(TaskState::Computed, 4)]);
    crew.stop().await;
    here.stop().await;
}
