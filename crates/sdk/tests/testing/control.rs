//! A run that is changed on its way: canceled, retried, with runners that come and go.

use std::time::Duration;

use boxwood::testing::{Fault, Outcome, Run, VirtualRunner, Workflow};
use boxwood::{Execute, ExecutionContext, InMemoryCache, JobState, StateType, Task, TaskState};

use super::{Fan, Last, Leaf, fan};

#[tokio::test]
async fn j_71_j_72_after_a_cancel_nothing_is_handed_out_and_what_runs_ends() {
    for seed in 0..20 {
        let mut run = fan().runners(2).seed(seed).start(Fan { leaves: 6 }).unwrap();
        assert!(run.until(|run| run.executions::<Leaf>().count() == 3).await.unwrap());
        run.cancel();
        run.finish().await.unwrap();
        run.assert_state(JobState::Canceled);
        run.assert_executions::<Leaf>(3);
        assert!(run.executions::<Leaf>().all(|leaf| leaf.outcome() == Some(&Outcome::Computed)));

        assert_eq!(run.retry(), 0, "nothing had failed (J-64)");
        run.finish().await.unwrap();
        run.assert_completed();
        run.assert_executions::<Leaf>(6);
    }
}

#[tokio::test]
async fn j_68_a_retry_of_the_job_executes_what_failed_and_what_waited() {
    let mut run = fan().fault(Fault::<Leaf>::error("once").nth(3)).start(Fan { leaves: 4 }).unwrap();
    run.finish().await.unwrap();
    run.assert_failed();
    let states: Vec<TaskState> = run.tasks::<Leaf>().map(|leaf| leaf.state()).collect();
    assert_eq!(states, [TaskState::Computed, TaskState::Computed, TaskState::Failed, TaskState::Queued]);
    let before = run.executions::<Leaf>().count();
    assert_eq!(run.retry(), 1);
    run.finish().await.unwrap();
    run.assert_completed();
    assert_eq!(run.executions::<Leaf>().count() - before, 2);
    assert_eq!(run.retry(), 0, "a job that is not halted stays as it is (J-67)");
}

#[derive(Task)]
#[task(name = "Step", version = "v1.0")]
struct Broken;

#[derive(Task)]
#[task(name = "Step", version = "v1.1")]
struct Fixed;

impl Execute for Broken {
    async fn execute(self, _: &ExecutionContext) -> boxwood::Result {
        Err("a bug".into())
    }
}

impl Execute for Fixed {
    async fn execute(self, _: &ExecutionContext) -> boxwood::Result {
        Ok(())
    }
}

#[tokio::test]
async fn j_66_r_66_a_runner_with_a_fixed_version_joins_and_takes_the_retried_task() {
    let mut run = Workflow::new().task::<Broken>().start(Broken).unwrap();
    run.finish().await.unwrap();
    run.assert_failed();
    run.add_runner(&VirtualRunner::new().task::<Fixed>()).unwrap();
    // The old runner has the exact version and takes the task as well; then it fails again.
    while run.state() == JobState::Failed {
        assert_eq!(run.retry(), 1);
        run.finish().await.unwrap();
    }
    run.assert_completed();
    run.assert_executions::<Fixed>(1);
    assert_eq!(run.executions::<Fixed>().next().unwrap().runner(), 1);
}

#[tokio::test]
async fn r_34_a_runner_keeps_its_task_however_long_it_takes() {
    let mut run = fan().runners(2).start(Fan { leaves: 8 }).unwrap();
    let running = |run: &Run| run.executions::<Leaf>().filter(|leaf| leaf.outcome().is_none()).count();
    assert!(run.until(|run| running(run) == 2).await.unwrap());
    run.advance(Duration::from_secs(3600));
    // Now leases are looked at: only that of the lost runner has run out.
    run.lose_runner(0);
    run.advance(Duration::from_secs(60));
    let states: Vec<TaskState> = run.tasks::<Leaf>().map(|leaf| leaf.state()).collect();
    assert!(states.contains(&TaskState::Queued) && states.contains(&TaskState::Running), "{run}");
    run.finish().await.unwrap();
    run.assert_completed();
    run.assert_executions::<Leaf>(9);
    assert!(run.job().stats.elapsed_time >= Duration::from_secs(3600));
}

#[tokio::test]
async fn r_35_a_runner_lost_at_some_point_has_its_task_queued_again_a_lease_later() {
    let mut run = fan().start(Fan { leaves: 1 }).unwrap();
    assert!(run.until(|run| run.executions::<Leaf>().count() == 1).await.unwrap());
    run.lose_runner(0);
    run.advance(Duration::from_secs(14));
    assert_eq!(run.task::<Leaf>().state(), TaskState::Running);
    run.advance(Duration::from_secs(1));
    assert_eq!(run.task::<Leaf>().state(), TaskState::Queued);
    run.finish().await.unwrap();
    run.assert_completed();
    run.assert_executions::<Leaf>(2);
    assert_eq!(run.task::<Leaf>().executions().next().unwrap().outcome(), Some(&Outcome::Lost));
}

#[tokio::test]
#[should_panic(expected = "there is no runner 1 among 1")]
async fn a_runner_that_does_not_exist_cannot_be_lost() {
    fan().start(Fan { leaves: 1 }).unwrap().lose_runner(1);
}

#[tokio::test]
async fn until_says_whether_its_condition_was_met() {
    let mut run = fan().start(Fan { leaves: 1 }).unwrap();
    assert_eq!(run.state(), JobState::Submitted);
    assert!(run.until(|run| run.state() == JobState::Running).await.unwrap());
    assert!(!run.until(|run| run.state() == JobState::Failed).await.unwrap());
    run.assert_completed();
    assert!(!run.step().await.unwrap());
}

#[tokio::test]
async fn k_3_each_run_has_a_cache_of_its_own_unless_one_is_shared() {
    let run = fan().job(Fan { leaves: 2 }).name("mosaic").run().await.unwrap();
    let leaf = run.tasks::<Leaf>().next().unwrap();
    let value = String::from_utf8(run.cache().get("leaves/1").await.unwrap()).unwrap();
    assert_eq!(value, format!("mosaic by {}", leaf.id()));
    assert_eq!(run.job().name, "mosaic");

    let cache = InMemoryCache::new();
    let run = fan().cache(cache.clone()).run(Fan { leaves: 2 }).await.unwrap();
    let key = format!("{}/leaves/2", run.job_id());
    assert!(boxwood::Cache::contains(&cache, &key).await.unwrap());
}

#[derive(Task)]
struct Greet;

impl Execute for Greet {
    async fn execute(self, context: &ExecutionContext) -> boxwood::Result {
        context.set_display(format!("Hello {}", context.state::<String>()?));
        Ok(())
    }

    fn required_state() -> Vec<StateType> {
        vec![StateType::of::<String>()]
    }
}

#[tokio::test]
async fn r_74_tasks_see_the_state_of_their_runner() {
    let workflow = Workflow::new().task::<Greet>();
    let error = workflow.run(Greet).await.unwrap_err().to_string();
    assert!(error.contains("task Greet v0.0 requires one"), "{error}");
    let workflow = workflow.state("World".to_owned());
    assert_eq!(workflow.run(Greet).await.unwrap().task::<Greet>().display(), "Hello World");
    let error = workflow.state("Moon".to_owned()).run(Greet).await.unwrap_err().to_string();
    assert!(error.contains("there are two values of type"), "{error}");
}

#[tokio::test]
async fn j_3_root_tasks_share_their_options_and_not_their_fate() {
    let roots = fan().runners(2).fault(Fault::<Leaf>::error("once").for_each_task());
    let job = roots.job(Leaf { number: 1 }).task(Leaf { number: 2 }).task(Last).max_retries(1);
    let run = job.run().await.unwrap();
    run.assert_completed();
    run.assert_executions::<Leaf>(4);
    assert_eq!(run.tree().roots.len(), 3);

    let run = roots.job(Leaf { number: 1 }).task(Last).optional().run().await.unwrap();
    run.assert_completed();
    assert_eq!(run.task::<Leaf>().state(), TaskState::FailedOptional);
    assert_eq!(run.task::<Leaf>().input(), Leaf { number: 1 });
}

#[tokio::test(start_paused = true)]
async fn task_code_that_sleeps_does_not_hold_up_a_test_with_a_paused_clock() {
    #[derive(Task)]
    struct Sleeper;

    impl Execute for Sleeper {
        async fn execute(self, _: &ExecutionContext) -> boxwood::Result {
            tokio::time::sleep(Duration::from_secs(3600)).await; // tidy: waits on the paused clock only
            Ok(())
        }
    }

    let run = Workflow::new().task::<Sleeper>().run(Sleeper).await.unwrap();
    run.assert_completed();
    assert!(run.job().stats.elapsed_time < Duration::from_secs(60), "virtual time is another");
}
