use boxwood::JobState;
use boxwood::TaskState::{self, Computed, Failed, FailedOptional, Queued};

use crate::here::Here;
use crate::picture::{COMPUTED, FAILED};

const NAMES: [&str; 4] = ["RootTask", "RequiredTask", "FlakyTask", "FinalTask"];

const LOGS: [&str; 3] =
    ["RequiredTask: Executing required task", "FlakyTask: Executing flaky task", "FinalTask: Executing final task"];

fn named(states: [TaskState; 4]) -> Vec<(&'static str, TaskState)> {
    NAMES.into_iter().zip(states).collect()
}

#[tokio::test]
async fn t_121_an_optional_task_that_succeeds_is_like_any_other() {
    let here = Here::start().await;
    let printed = here.run("optional", &[]).await;
    assert_eq!(printed.last().unwrap(), "optional is COMPLETED");

    let job = here.job().await;
    assert_eq!(job.state, JobState::Completed);
    let tasks = here.tasks(&job).await;
    assert_eq!(tasks.states(), named([Computed, Computed, Computed, Computed]));
    tasks.assert_order(&NAMES);
    assert_eq!(here.logs(&job, 3).await, LOGS);
    here.stop().await;
}

#[tokio::test]
async fn t_93_t_122_t_124_an_optional_task_that_fails_stops_nothing() {
    let here = Here::start().await;
    let printed = here.run("optional", &["FlakyTask"]).await;
    let expected = [
        "COMPUTED         RootTask",
        "COMPUTED         RequiredTask",
        "FAILED_OPTIONAL  FlakyTask: the flaky task failed",
        "COMPUTED         FinalTask",
        "optional is COMPLETED",
    ];
    assert_eq!(printed, expected);

    let job = here.job().await;
    assert_eq!(job.state, JobState::Completed);
    let tasks = here.tasks(&job).await;
    assert_eq!(tasks.states(), named([Computed, Computed, FailedOptional, Computed]));
    assert!(tasks.iter().all(|task| task.optional == task.display.starts_with("FlakyTask")), "{tasks:?}");
    tasks.assert_order(&NAMES);
    here.stop().await;
}

#[tokio::test]
async fn v_5_v_6_an_optional_task_has_a_dashed_border_and_its_dependents_dashed_arrows() {
    let here = Here::start().await;
    here.run("optional", &["FlakyTask"]).await;
    let picture = here.picture(&here.job().await).await;
    for name in NAMES {
        let task = picture.named(name);
        let expected = if name == "FlakyTask" { (FAILED, true) } else { (COMPUTED, false) };
        assert_eq!((task.fill.as_str(), task.is_dashed), expected, "{name}");
    }
    let to = |text: &str| ("FinalTask".to_owned(), text.to_owned());
    assert_eq!(picture.dashed, [to("RequiredTask"), to("FlakyTask\nthe flaky task failed")]);
    here.stop().await;
}

#[tokio::test]
async fn t_122_retries_are_used_up_before_an_optional_task_is_given_up() {
    let here = Here::start().await;
    here.run("optional", &["FlakyTask", "3"]).await;
    let job = here.job().await;
    assert_eq!(job.state, JobState::Completed);
    let tasks = here.tasks(&job).await;
    let flaky = tasks.named("FlakyTask");
    assert_eq!((flaky.state, flaky.retry_count, flaky.max_retries), (FailedOptional, 4, 3), "four executions");
    tasks.assert_order(&["FlakyTask", "FinalTask"]);
    assert_eq!(here.logs(&job, 6).await, [LOGS[0], LOGS[1], LOGS[1], LOGS[1], LOGS[1], LOGS[2]]);
    here.stop().await;
}

#[tokio::test]
async fn t_94_s_22_s_23_a_required_task_that_fails_ends_the_job() {
    let here = Here::start().await;
    here.run("optional", &["RequiredTask"]).await;
    let job = here.job().await;
    assert_eq!(job.state, JobState::Failed);
    let tasks = here.tasks(&job).await;
    // The optional task had not started yet; what is queued stays so.
    assert_eq!(tasks.states(), named([Computed, Failed, Queued, Queued]));
    assert_eq!(tasks.named("FinalTask").started_at, None);
    assert_eq!(here.logs(&job, 1).await, LOGS[..1]);
    here.stop().await;
}
