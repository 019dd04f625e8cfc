use boxwood::{JobState, TaskState};

use crate::here::Here;

#[tokio::test]
async fn j_6_t_20_t_51_one_task_without_inputs_runs_once() {
    let here = Here::start().await;
    assert_eq!(here.run("hello", &[]).await, ["Hello World!", "my-first-task is COMPLETED"]);

    let job = here.job().await;
    assert_eq!((job.name.as_str(), job.state), ("my-first-task", JobState::Completed));
    assert_eq!(job.stats.tasks_by_state, [(TaskState::Computed, 1)]);
    let tasks = here.tasks(&job).await;
    assert_eq!((tasks.outline(), tasks.inputs()), (vec!["MyFirstTask".to_owned()], vec![String::new()]));
    assert_eq!(here.identifiers(&job).await, ["MyFirstTask v0.0"]);
    here.stop().await;
}
