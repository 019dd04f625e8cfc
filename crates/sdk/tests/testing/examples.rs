//! The examples of the documentation that are about recursion, retries and order.

use boxwood::testing::{Fault, Workflow, for_each_seed};
use boxwood::{Execute, ExecutionContext, JobState, Task, TaskState};
use serde::{Deserialize, Serialize};

#[derive(Task, Serialize, Deserialize)]
#[task(input = "value")]
struct SumOfSquares(Vec<u64>);

#[derive(Task, Serialize, Deserialize)]
#[task(input = "value")]
struct Square(u64);

#[derive(Task)]
struct Sum;

impl Execute for SumOfSquares {
    async fn execute(self, context: &ExecutionContext) -> boxwood::Result {
        context.progress("squares").add(self.0.len() as u64);
        let squares = context.submit_subtasks(self.0.into_iter().map(Square));
        context.submit_subtask(Sum).depends_on(squares);
        Ok(())
    }
}

impl Execute for Square {
    async fn execute(self, context: &ExecutionContext) -> boxwood::Result {
        context.set_display(format!("Square({})", self.0));
        context.job_cache().group("squares").set(&self.0.to_string(), (self.0 * self.0).to_string()).await?;
        context.progress("squares").done(1);
        Ok(())
    }
}

impl Execute for Sum {
    async fn execute(self, context: &ExecutionContext) -> boxwood::Result {
        let mut sum = 0;
        for (_, square) in context.job_cache().group("squares").items().await? {
            sum += String::from_utf8(square)?.parse::<u64>()?;
        }
        context.job_cache().set("sum", sum.to_string()).await?;
        Ok(())
    }
}

const NUMBERS: [u64; 6] = [12, 345, 453, 21, 45, 98];

#[tokio::test]
async fn t_150_t_151_the_squares_are_summed_after_all_of_them_whoever_computes_them() {
    for runners in [1, 2, 7] {
        let workflow = Workflow::new().task::<SumOfSquares>().task::<Square>().task::<Sum>().runners(runners);
        for_each_seed(0..20, async |seed| {
            let run = workflow.clone().seed(seed).run(SumOfSquares(NUMBERS.to_vec())).await?;
            run.assert_completed();
            run.assert_before::<SumOfSquares, Square>();
            run.assert_before::<Square, Sum>();
            assert_eq!(run.all_tasks().len(), 8);
            assert_eq!(run.cache().get("sum").await?, b"336448");
            assert_eq!(run.tasks::<Square>().map(|square| square.input().0).collect::<Vec<_>>(), NUMBERS);
            assert_eq!(run.task::<SumOfSquares>().summary().input, b"[12,345,453,21,45,98]");
            assert_eq!(run.task::<Sum>().summary().input, b"");
            let progress = run.progress("squares").unwrap();
            assert_eq!((progress.done, progress.total), (6, 6));
            Ok(())
        })
        .await;
    }
}

#[derive(Task, Serialize, Deserialize)]
#[task(display = "Recursive({num})")]
struct RecursiveTask {
    num: u32,
}

impl Execute for RecursiveTask {
    async fn execute(self, context: &ExecutionContext) -> boxwood::Result {
        if self.num >= 2 {
            context.submit_subtask(RecursiveTask { num: self.num / 2 });
        }
        Ok(())
    }
}

#[tokio::test]
async fn t_76_a_task_submits_itself_with_half_the_number() {
    let workflow = Workflow::new().task::<RecursiveTask>();
    let run = workflow.run(RecursiveTask { num: 10 }).await.unwrap();
    run.assert_completed();
    assert_eq!(
        run.to_string(),
        "Recursive(10) COMPUTED\n\
         └─ Recursive(5) COMPUTED\n   \
            └─ Recursive(2) COMPUTED\n      \
               └─ Recursive(1) COMPUTED\n"
    );
    assert_eq!(run.order(), ["Recursive(10)", "Recursive(5)", "Recursive(2)", "Recursive(1)"]);
    for num in 0..20 {
        let run = workflow.run(RecursiveTask { num }).await.unwrap();
        run.assert_completed();
        assert_eq!(run.all_tasks().len() as u32, num.checked_ilog2().unwrap_or(0) + 1, "{num}");
    }
}

#[derive(Task)]
struct RootTask;

#[derive(Task)]
struct FlakyTask;

impl Execute for RootTask {
    async fn execute(self, context: &ExecutionContext) -> boxwood::Result {
        context.submit_subtask(FlakyTask).max_retries(5);
        Ok(())
    }
}

impl Execute for FlakyTask {
    async fn execute(self, _: &ExecutionContext) -> boxwood::Result {
        Ok(())
    }
}

#[tokio::test]
async fn t_110_a_task_with_five_retries_may_fail_five_times() {
    let workflow = Workflow::new().task::<RootTask>().task::<FlakyTask>().runners(2);
    for failures in 0..=5 {
        let fault = Fault::<FlakyTask>::error("FlakyTask failed randomly").times(failures);
        let run = workflow.clone().fault(fault).run(RootTask).await.unwrap();
        run.assert_completed();
        run.assert_executions::<FlakyTask>(failures + 1);
        let task = run.task::<FlakyTask>();
        assert_eq!((task.retry_count(), task.display()), (failures as u64, "FlakyTask"));
        let retries: Vec<u64> = task.executions().map(|execution| execution.retry_count()).collect();
        assert_eq!(retries, (0..=failures as u64).collect::<Vec<_>>());
    }

    let run = workflow.fault(Fault::<FlakyTask>::error("too flaky").always()).run(RootTask).await.unwrap();
    run.assert_failed();
    run.assert_executions::<FlakyTask>(6);
    let task = run.task::<FlakyTask>();
    assert_eq!((task.state(), task.display()), (TaskState::Failed, "FlakyTask\ntoo flaky"));
    assert_eq!((task.error(), run.task::<RootTask>().state()), (Some("too flaky"), TaskState::Computed));
}

#[tokio::test]
async fn t_112_a_retried_task_may_run_on_another_runner_than_the_one_it_failed_on() {
    let workflow = Workflow::new().task::<RootTask>().task::<FlakyTask>().runners(2);
    let workflow = workflow.fault(Fault::<FlakyTask>::error("not here"));
    let mut elsewhere = 0;
    for seed in 0..20 {
        let run = workflow.clone().seed(seed).run(RootTask).await.unwrap();
        run.assert_completed();
        let runners: Vec<usize> = run.executions::<FlakyTask>().map(|execution| execution.runner()).collect();
        elsewhere += usize::from(runners[0] != runners[1]);
    }
    assert!((1..20).contains(&elsewhere), "{elsewhere} of 20");
}

#[derive(Task, Serialize, Deserialize)]
struct Sequence {
    with_children: bool,
}

#[derive(Task, Serialize, Deserialize)]
#[task(display = "{message}")]
struct PrintTask {
    message: String,
    children: u32,
}

impl Execute for Sequence {
    async fn execute(self, context: &ExecutionContext) -> boxwood::Result {
        let children = if self.with_children { 2 } else { 0 };
        let print = |message: &str, children| PrintTask { message: message.to_owned(), children };
        let first = context.submit_subtask(print("Executing first", children));
        let second = context.submit_subtask(print("Executing second", 0)).depends_on(first);
        context.submit_subtask(print("Executing last", 0)).depends_on(second);
        Ok(())
    }
}

impl Execute for PrintTask {
    async fn execute(self, context: &ExecutionContext) -> boxwood::Result {
        context.submit_subtasks((0..self.children).map(|number| super::Leaf { number }));
        Ok(())
    }
}

#[tokio::test]
async fn t_92_three_tasks_in_sequence_run_in_that_order_with_any_number_of_runners() {
    for runners in [1, 2, 5] {
        let workflow = Workflow::new().task::<Sequence>().task::<PrintTask>().runners(runners);
        for_each_seed(0..10, async |seed| {
            let run = workflow.clone().seed(seed).run(Sequence { with_children: false }).await?;
            run.assert_completed();
            let prints: Vec<_> = run.executions::<PrintTask>().collect();
            let messages: Vec<String> = prints.iter().map(|print| print.input().message).collect();
            assert_eq!(messages, ["Executing first", "Executing second", "Executing last"]);
            assert!(prints.windows(2).all(|pair| pair[0].is_before(&pair[1])));
            Ok(())
        })
        .await;
    }
}

#[tokio::test]
async fn t_92_children_of_the_first_end_before_the_second_starts() {
    let workflow = Workflow::new().task::<Sequence>().task::<PrintTask>().task::<super::Leaf>().runners(4);
    for_each_seed(0..20, async |seed| {
        let run = workflow.clone().seed(seed).run(Sequence { with_children: true }).await?;
        run.assert_completed();
        let second = run.executions::<PrintTask>().nth(1).unwrap();
        assert_eq!(second.name(), "Executing second");
        assert!(run.executions::<super::Leaf>().all(|child| child.is_before(&second)));
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn s_22_s_23_after_a_failure_nothing_else_is_started() {
    let workflow = super::fan().fault(Fault::<super::Leaf>::error("broken").nth(2));
    let run = workflow.run(super::Fan { leaves: 4 }).await.unwrap();
    run.assert_state(JobState::Failed);
    assert_eq!(
        run.to_string(),
        "Fan(4) COMPUTED\n\
         ├─ Leaf(1) COMPUTED\n\
         ├─ Leaf(2) FAILED: broken\n\
         ├─ Leaf(3) QUEUED\n\
         ├─ Leaf(4) QUEUED\n\
         └─ Last QUEUED\n"
    );
}
