use boxwood::{JobState, TaskState};

use crate::here::Here;

#[tokio::test]
async fn t_50_t_51_default_and_given_identifiers_reach_the_right_struct() {
    const GIVEN: &str = "tilebox.com/example_workflow/MyTask v1.0";
    let here = Here::start().await;
    assert_eq!(here.run("identifiers", &[]).await, ["MyTask v0.0", GIVEN]);

    let job = here.job().await;
    assert_eq!(job.state, JobState::Completed);
    assert_eq!(here.tasks(&job).await.states(), [("MyTask", TaskState::Computed), ("MyTask2", TaskState::Computed)]);
    assert_eq!(here.identifiers(&job).await, ["MyTask v0.0", GIVEN]);
    here.stop().await;
}
