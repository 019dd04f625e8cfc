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

#[tokio::test]
async fn without_a_server_it_says_what_to_do() {
    let here = Here::start().await;
    // A port that nothing listens on.
    let output = here.command("hello").env("BOXWOOD_URL", "http://127.0.0.1:1").output().await.unwrap();
    assert!(!output.status.success());
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.starts_with("Error: submit job: http://127.0.0.1:1 cannot be reached: "), "{error}");
    assert!(error.contains("\nstart a server with `boxwood serve`, or set BOXWOOD_URL"), "{error}");
    here.stop().await;
}
