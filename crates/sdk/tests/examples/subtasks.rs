use boxwood::{JobState, TaskState};

use crate::here::Here;

#[tokio::test]
async fn t_70_t_73_r_12_five_children_run_after_their_parent_in_the_order_of_submission() {
    let here = Here::start().await;
    assert_eq!(here.run("subtasks", &[]).await, ["parent-task is COMPLETED, with 6 tasks"]);

    let job = here.job().await;
    assert_eq!((job.state, job.stats.total_tasks), (JobState::Completed, 6));
    assert_eq!(job.stats.tasks_by_state, [(TaskState::Computed, 6)]);
    let tasks = here.tasks(&job).await;
    assert_eq!(
        tasks.inputs(),
        [
            r#"{"num_subtasks":5}"#,
            r#"{"index":0}"#,
            r#"{"index":1}"#,
            r#"{"index":2}"#,
            r#"{"index":3}"#,
            r#"{"index":4}"#
        ]
    );
    let parent = tasks.named("ParentTask");
    let mut before = parent;
    for child in tasks.iter().skip(1) {
        assert_eq!((child.display.as_str(), child.parent), ("ChildTask", Some(parent.id)));
        assert!(before.stopped_at <= child.started_at, "{tasks:?}");
        before = child;
    }
    let logs: Vec<String> = (0..5).map(|index| format!("ChildTask: Executing child task index={index}")).collect();
    assert_eq!(here.logs(&job, 5).await, logs);
    here.stop().await;
}
