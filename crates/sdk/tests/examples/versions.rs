use boxwood::{JobState, TaskState};

use crate::here::Here;

#[tokio::test]
async fn t_54_to_t_62_a_task_runs_where_the_major_version_is_equal_and_the_minor_one_not_smaller() {
    /// Versions that the runner has, and the one that the task is executed as.
    const MATRIX: [(&str, Option<&str>); 6] = [
        ("v1.3", Some("v1.3")),
        ("v1.5", Some("v1.5")),
        ("v1.2", None),
        ("v2.5", None),
        ("v1.10", Some("v1.10")),
        ("v1.2 and v1.3", Some("v1.3")),
    ];
    let here = Here::start().await;
    let printed = here.run("versions", &[]).await;

    let jobs = here.jobs().await;
    assert_eq!(jobs.len(), MATRIX.len());
    for ((job, line), (runner, executed)) in jobs.iter().zip(&printed).zip(MATRIX) {
        assert_eq!(job.name, format!("runner has {runner}"));
        // What is stored is what was submitted, whatever executed it (T-54).
        assert_eq!(here.identifiers(job).await, ["tilebox.com/example_workflow/MyTask v1.3"]);
        let tasks = here.tasks(job).await;
        let task = tasks.iter().next().unwrap();
        match executed {
            Some(version) => {
                assert_eq!(*line, format!("{:<25} COMPLETED, executed as {version}", job.name));
                assert_eq!((job.state, task.state), (JobState::Completed, TaskState::Computed));
                assert_eq!(task.display, format!("executed as {version}"));
            }
            None => {
                assert_eq!(*line, format!("{:<25} SUBMITTED, not executed", job.name));
                // The example cancels what nobody took (J-73).
                assert_eq!((job.state, task.state, task.started_at), (JobState::Canceled, TaskState::Queued, None));
            }
        }
    }
    here.stop().await;
}
