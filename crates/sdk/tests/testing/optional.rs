//! The examples of the documentation with optional tasks, and what several runners make of them.

use boxwood::testing::{Fault, Workflow, for_each_seed};
use boxwood::{Execute, ExecutionContext, JobState, Task, TaskState};
use serde::{Deserialize, Serialize};

/// Tasks that do nothing but submit others.
macro_rules! tasks {
    ($($name:ident |$self:ident, $context:ident| $body:block)*) => {
        $(
            #[derive(Task)]
            struct $name;

            impl Execute for $name {
                async fn execute($self, $context: &ExecutionContext) -> boxwood::Result {
                    $body
                    Ok(())
                }
            }
        )*
    };
}

tasks! {
    RootTask |self, context| {
        let required = context.submit_subtask(RequiredTask);
        let flaky = context.submit_subtask(FlakyTask).optional().max_retries(3);
        context.submit_subtask(FinalTask).depends_on([required, flaky]);
    }
    RequiredTask |self, _context| {}
    FlakyTask |self, _context| {}
    FinalTask |self, _context| {}
}

fn branches() -> Workflow {
    let workflow = Workflow::new().task::<RootTask>().task::<RequiredTask>().task::<FlakyTask>();
    workflow.task::<FinalTask>().runners(3)
}

#[tokio::test]
async fn t_120_t_121_as_printed_nothing_fails() {
    let run = branches().run(RootTask).await.unwrap();
    run.assert_completed();
    assert!(run.all_tasks().all(|task| task.state() == TaskState::Computed));
    assert_eq!(run.order().last().unwrap(), "FinalTask");
}

#[tokio::test]
async fn t_122_to_t_124_an_optional_task_that_fails_lets_the_last_one_run() {
    let workflow = branches().fault(Fault::<FlakyTask>::error("no luck").always());
    for_each_seed(0..20, async |seed| {
        let run = workflow.clone().seed(seed).run(RootTask).await?;
        run.assert_completed();
        run.assert_executions::<FlakyTask>(4);
        run.assert_before::<FlakyTask, FinalTask>();
        assert_eq!(
            run.to_string(),
            "RootTask COMPUTED\n\
             ├─ RequiredTask COMPUTED\n\
             ├─ FlakyTask FAILED_OPTIONAL (optional, 4 executions): no luck\n\
             └─ FinalTask COMPUTED\n"
        );
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn t_94_a_required_task_that_fails_ends_the_job() {
    let workflow = branches().fault(Fault::<RequiredTask>::error("required"));
    for_each_seed(0..20, async |seed| {
        let run = workflow.clone().seed(seed).run(RootTask).await?;
        run.assert_failed();
        assert_eq!(run.task::<RequiredTask>().state(), TaskState::Failed);
        assert_eq!(run.task::<FinalTask>().state(), TaskState::Queued);
        run.assert_executions::<FinalTask>(0);
        Ok(())
    })
    .await;
}

#[derive(Task, Serialize, Deserialize)]
struct Pipeline {
    optional_b: bool,
}

#[derive(Task, Serialize, Deserialize)]
struct OptionalProcessing {
    optional_b: bool,
}

#[derive(Task, Serialize, Deserialize)]
struct Step1 {
    optional_b: bool,
}

impl Execute for Pipeline {
    async fn execute(self, context: &ExecutionContext) -> boxwood::Result {
        context.submit_subtask(OptionalProcessing { optional_b: self.optional_b }).optional();
        context.submit_subtask(AlwaysRuns);
        Ok(())
    }
}

impl Execute for OptionalProcessing {
    async fn execute(self, context: &ExecutionContext) -> boxwood::Result {
        let step1 = context.submit_subtask(Step1 { optional_b: self.optional_b });
        context.submit_subtask(Step2).depends_on(step1);
        Ok(())
    }
}

impl Execute for Step1 {
    async fn execute(self, context: &ExecutionContext) -> boxwood::Result {
        context.submit_subtask(Step1A);
        let b = context.submit_subtask(Step1B);
        if self.optional_b {
            b.optional();
        }
        context.submit_subtask(Step1C);
        Ok(())
    }
}

tasks! {
    Step1A |self, _context| {}
    Step1B |self, _context| {}
    Step1C |self, _context| {}
    Step2 |self, _context| {}
    AlwaysRuns |self, _context| {}
}

fn pipeline() -> Workflow {
    Workflow::new()
        .task::<Pipeline>()
        .task::<OptionalProcessing>()
        .task::<Step1>()
        .task::<Step1A>()
        .task::<Step1B>()
        .task::<Step1C>()
        .task::<Step2>()
        .task::<AlwaysRuns>()
        .fault(Fault::<Step1B>::error("Step1B failed"))
}

#[tokio::test]
async fn t_137_a_failure_in_an_optional_branch_skips_the_rest_of_it() {
    for seed in 0..5 {
        let run = pipeline().seed(seed).run(Pipeline { optional_b: false }).await.unwrap();
        run.assert_completed();
        assert_eq!(
            run.to_string(),
            "Pipeline COMPUTED\n\
             ├─ OptionalProcessing COMPUTED (optional)\n\
             │  ├─ Step1 COMPUTED\n\
             │  │  ├─ Step1A COMPUTED\n\
             │  │  ├─ Step1B FAILED_OPTIONAL: Step1B failed\n\
             │  │  └─ Step1C SKIPPED\n\
             │  └─ Step2 SKIPPED\n\
             └─ AlwaysRuns COMPUTED\n"
        );
        assert_eq!(run.order(), ["Pipeline", "OptionalProcessing", "Step1", "Step1A", "Step1B", "AlwaysRuns"]);
    }
}

#[tokio::test]
async fn t_132_with_several_runners_what_runs_already_ends_by_itself() {
    let (mut computed, mut skipped) = (0, 0);
    for seed in 0..60 {
        let run = pipeline().runners(3).seed(seed).run(Pipeline { optional_b: false }).await.unwrap();
        run.assert_completed();
        assert_eq!(run.task::<Step2>().state(), TaskState::Skipped, "whatever the order\n{run}");
        match run.task::<Step1C>().state() {
            TaskState::Computed => computed += 1,
            TaskState::Skipped => skipped += 1,
            other => panic!("{other}\n{run}"),
        }
    }
    assert!(computed > 0 && skipped > 0, "{computed} computed, {skipped} skipped");
}

#[tokio::test]
async fn t_138_an_inner_optional_task_keeps_the_branch_alive() {
    let run = pipeline().run(Pipeline { optional_b: true }).await.unwrap();
    run.assert_state(JobState::Completed);
    assert_eq!(run.task::<Step1B>().state(), TaskState::FailedOptional);
    assert!(run.all_tasks().filter(|task| task.state() == TaskState::Computed).count() == 7, "{run}");
    assert_eq!(run.order().last().unwrap(), "AlwaysRuns");
}
