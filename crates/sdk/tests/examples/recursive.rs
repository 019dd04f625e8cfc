use boxwood::{JobState, TaskState};

use crate::here::Here;

async fn recursion(argument: &[&str], numbers: &[u64]) {
    let here = Here::start().await;
    let outline: Vec<String> = numbers
        .iter()
        .enumerate()
        .map(|(depth, number)| format!("{:indent$}RecursiveTask({number})", "", indent = 2 * depth))
        .collect();
    assert_eq!(here.run("recursive", argument).await, outline);

    let job = here.job().await;
    assert_eq!(job.state, JobState::Completed);
    assert_eq!(job.stats.tasks_by_state, [(TaskState::Computed, numbers.len() as u64)]);
    let tasks = here.tasks(&job).await;
    assert_eq!(tasks.outline(), outline, "a chain of parents");
    let inputs: Vec<String> = numbers.iter().map(|number| format!(r#"{{"num":{number}}}"#)).collect();
    assert_eq!(tasks.inputs(), inputs);
    let order: Vec<&str> = outline.iter().map(|line| line.trim()).collect();
    tasks.assert_order(&order);
    let logs: Vec<String> = numbers
        .iter()
        .map(|number| format!("RecursiveTask({number}): Executing recursive task num={number}"))
        .collect();
    assert_eq!(here.logs(&job, numbers.len()).await, logs);
    here.stop().await;
}

#[tokio::test]
async fn t_76_ten_is_halved_three_times() {
    recursion(&[], &[10, 5, 2, 1]).await;
}

#[tokio::test]
async fn t_76_one_and_zero_are_single_tasks() {
    recursion(&["1"], &[1]).await;
    recursion(&["0"], &[0]).await;
}

#[tokio::test]
async fn t_76_the_number_of_tasks_grows_with_the_logarithm() {
    // floor(log2 1000) + 1 = 10.
    recursion(&["1000"], &[1000, 500, 250, 125, 62, 31, 15, 7, 3, 1]).await;
}
