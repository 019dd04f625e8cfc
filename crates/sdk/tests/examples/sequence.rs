use boxwood::JobState;

use crate::here::Here;

#[tokio::test]
async fn t_92_each_task_starts_after_the_one_before_has_ended() {
    let here = Here::start().await;
    assert_eq!(here.run("sequence", &[]).await, ["sequence is COMPLETED"]);

    let job = here.job().await;
    assert_eq!((job.state, job.stats.total_tasks), (JobState::Completed, 4));
    let tasks = here.tasks(&job).await;
    let mut inputs = tasks.inputs();
    inputs[1..].sort();
    let expected = [
        r#"{"branch":false}"#,
        r#"{"message":"Executing first"}"#,
        r#"{"message":"Executing last"}"#,
        r#"{"message":"Executing second"}"#,
    ];
    assert_eq!(inputs, expected);
    tasks.assert_order(&[
        "RootTask",
        "PrintTask(Executing first)",
        "PrintTask(Executing second)",
        "PrintTask(Executing last)",
    ]);
    let logs = ["first", "second", "last"]
        .map(|which| format!("PrintTask(Executing {which}): Print task executed text=Executing {which}"));
    assert_eq!(here.logs(&job, 3).await, logs);
    let picture = here.picture(&job).await;
    let dashed = [
        ("PrintTask(Executing second)".to_owned(), "PrintTask(Executing first)".to_owned()),
        ("PrintTask(Executing last)".to_owned(), "PrintTask(Executing second)".to_owned()),
    ];
    assert_eq!(picture.dashed, dashed, "three groups in a row");
    here.stop().await;
}

#[tokio::test]
async fn t_92_a_dependency_is_complete_only_with_all_its_descendants() {
    let here = Here::start().await;
    here.run("sequence", &["branch"]).await;

    let job = here.job().await;
    assert_eq!((job.state, job.stats.total_tasks), (JobState::Completed, 6));
    let tasks = here.tasks(&job).await;
    for detail in ["PrintTask(Executing first, half of it)", "PrintTask(Executing first, the rest)"] {
        tasks.assert_order(&["PrintEach", detail, "PrintTask(Executing second)", "PrintTask(Executing last)"]);
    }
    here.stop().await;
}
