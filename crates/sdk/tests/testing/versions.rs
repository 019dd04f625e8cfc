//! Which runner executes which version of a task (T-54 to T-63), and on which cluster.

use boxwood::testing::{VirtualRunner, Workflow};
use boxwood::{Execute, ExecutionContext, JobState, RawTask, Task, TaskState};

macro_rules! release {
    ($name:ident, $version:tt) => {
        #[derive(Task)]
        #[task(name = "tilebox.com/example_workflow/MyTask", version = $version, display = "MyTask")]
        struct $name;

        impl Execute for $name {
            async fn execute(self, context: &ExecutionContext) -> boxwood::Result {
                context.set_display(format!("executed as {}", context.task_identifier().version()));
                Ok(())
            }
        }
    };
}

release!(V1_2, "v1.2");
release!(V1_3, "v1.3");
release!(V1_5, "v1.5");
release!(V1_10, "v1.10");
release!(V2_5, "v2.5");

#[tokio::test]
async fn t_55_to_t_62_the_matrix_of_versions() {
    let new = VirtualRunner::new;
    for (runner, executed) in [
        (new().task::<V1_3>(), Some("v1.3")),
        (new().task::<V1_5>(), Some("v1.5")),
        (new().task::<V1_2>(), None),
        (new().task::<V2_5>(), None),
        (new().task::<V1_10>(), Some("v1.10")),
        (new().task::<V1_2>().task::<V1_3>(), Some("v1.3")),
        (new().task::<V1_10>().task::<V1_5>(), Some("v1.10")),
    ] {
        let run = Workflow::new().runner(runner.clone()).run(V1_3).await.unwrap();
        let task = run.task::<V1_3>();
        assert_eq!(task.task_identifier(), &V1_3::identifier(), "the stored version stays (T-54)");
        match executed {
            Some(version) => {
                run.assert_completed();
                assert_eq!(task.display(), format!("executed as {version}"), "{runner:?}");
                let execution = run.all_executions().next().unwrap();
                assert_eq!(execution.task_identifier().version().to_string(), version);
            }
            None => {
                run.assert_state(JobState::Submitted);
                assert_eq!((task.state(), task.executions().len()), (TaskState::Queued, 0), "{runner:?}");
            }
        }
    }
}

#[tokio::test]
async fn t_61_executions_are_counted_by_the_code_that_ran() {
    let run = Workflow::new().task::<V1_5>().run(V1_3).await.unwrap();
    run.assert_executions::<V1_3>(0);
    run.assert_executions::<V1_5>(1);
    assert_eq!(run.tasks::<V1_5>().len(), 0);
}

#[tokio::test]
async fn t_63_a_task_without_a_runner_stays_queued_and_the_message_says_why() {
    let run = Workflow::new().task::<V1_5>().run(RawTask::new("acme.Mosaic", "v1.3").unwrap()).await.unwrap();
    run.assert_state(JobState::Submitted);
    let message = super::text::panic_of(|| run.assert_completed());
    assert!(message.contains("no runner on cluster default executes acme.Mosaic v1.3"), "{message}");
}

#[tokio::test]
async fn t_63_a_stand_in_with_the_same_identifier_takes_the_place_of_code_elsewhere() {
    #[derive(Task, serde::Serialize, serde::Deserialize)]
    #[task(name = "acme.Mosaic", version = "v1.9", input = "value")]
    struct Mosaic(Vec<String>);

    impl Execute for Mosaic {
        async fn execute(self, _: &ExecutionContext) -> boxwood::Result {
            Ok(())
        }
    }

    let task = RawTask::new("acme.Mosaic", "v1.3").unwrap().json(&["S2A", "S2B"]).unwrap();
    let run = Workflow::new().task::<Mosaic>().run(task).await.unwrap();
    run.assert_completed();
    assert_eq!(run.executions::<Mosaic>().next().unwrap().input().0, ["S2A", "S2B"]);
}

#[derive(Task)]
struct Plan;

#[derive(Task)]
struct Train;

impl Execute for Plan {
    async fn execute(self, context: &ExecutionContext) -> boxwood::Result {
        context.set_display(format!("planned on {}", context.cluster()));
        let train = context.submit_subtask(Train).cluster("gpu");
        context.submit_subtask(Train).depends_on(train);
        Ok(())
    }
}

impl Execute for Train {
    async fn execute(self, context: &ExecutionContext) -> boxwood::Result {
        context.set_display(format!("trained on {}", context.cluster()));
        Ok(())
    }
}

#[tokio::test]
async fn t_78_t_79_r_14_tasks_run_on_their_own_cluster() {
    let workflow = Workflow::new().task::<Plan>().task::<Train>();
    let both = workflow.clone().runners(1).runner(VirtualRunner::new().cluster("gpu").without::<Plan>());
    for seed in 0..10 {
        let run = both.clone().seed(seed).run(Plan).await.unwrap();
        run.assert_completed();
        let runners: Vec<usize> = run.all_executions().map(|execution| execution.runner()).collect();
        assert_eq!(runners, [0, 1, 0]);
        let displays: Vec<String> = run.all_tasks().map(|task| task.display().to_owned()).collect();
        assert_eq!(displays, ["planned on default", "trained on gpu", "trained on default"]);
    }

    let run = workflow.cluster("gpu").run(Plan).await.unwrap();
    run.assert_state(JobState::Started);
    let message = super::text::panic_of(|| run.assert_completed());
    assert!(message.contains("no runner on cluster gpu executes Train v0.0"), "{message}");
    let without = VirtualRunner::new().cluster("gpu").task::<Plan>();
    let run = Workflow::new().task::<Train>().runner(without).job(Plan).cluster("gpu").run().await.unwrap();
    assert_eq!(run.task::<Plan>().display(), "planned on gpu");
}
