use boxwood::{JobState, TaskState};

use crate::here::Here;

/// What as many executions log. The retry count is told with each hand-out (S-30).
fn executions(count: u64) -> Vec<String> {
    (0..count).map(|retry| format!("FlakyTask: Executing flaky task retry_count={retry}")).collect()
}

/// Lets the task fail so many times, and checks that it succeeds then.
async fn recovers_after(failures: u64) {
    let here = Here::start().await;
    let printed = here.run("retries", &[&failures.to_string()]).await;
    assert_eq!(printed, [format!("retries is COMPLETED after {failures} failures")]);

    let job = here.job().await;
    assert_eq!(job.state, JobState::Completed);
    assert_eq!(job.stats.tasks_by_state, [(TaskState::Computed, 2)]);
    let tasks = here.tasks(&job).await;
    let flaky = tasks.named("FlakyTask");
    // One execution more than failures; the display of the last one shows no earlier error.
    assert_eq!((flaky.retry_count, flaky.max_retries, flaky.display.as_str()), (failures, 5, "FlakyTask"));
    assert_eq!(here.logs(&job, failures as usize + 1).await, executions(failures + 1));
    here.stop().await;
}

#[tokio::test]
async fn t_110_t_113_up_to_five_failures_are_retried_in_the_same_run() {
    recovers_after(0).await;
    recovers_after(1).await;
    recovers_after(5).await;
}

#[tokio::test]
async fn t_110_t_45_the_sixth_failure_is_the_last_and_is_shown() {
    let here = Here::start().await;
    assert_eq!(here.run("retries", &["100"]).await, ["retries is FAILED after 6 failures"]);

    let job = here.job().await;
    assert_eq!(job.state, JobState::Failed);
    assert_eq!(job.stats.tasks_by_state, [(TaskState::Computed, 1), (TaskState::Failed, 1)]);
    let tasks = here.tasks(&job).await;
    let flaky = tasks.named("FlakyTask");
    assert_eq!((flaky.retry_count, flaky.display.as_str()), (6, "FlakyTask\nbad luck"));
    assert_eq!(here.logs(&job, 6).await, executions(6));
    here.stop().await;
}

#[tokio::test]
async fn t_110_left_to_chance_it_ends_all_the_same() {
    // COMPLETED but once in a million, so only what must hold is asserted.
    let here = Here::start().await;
    let printed = here.run("retries", &[]).await;
    let job = here.job().await;
    assert!(job.state.is_final());
    let tasks = here.tasks(&job).await;
    let failures = tasks.named("FlakyTask").retry_count;
    assert_eq!(printed, [format!("retries is {} after {failures} failures", job.state)]);
    here.stop().await;
}
