//! What goes wrong on purpose, and what the rules make of it.

use std::time::Duration;

use boxwood::testing::{Fault, Outcome, Run, Workflow, for_each_seed};
use boxwood::{Execute, ExecutionContext, Task};

use super::{Fan, Last, Leaf, fan};

fn outcomes<T: Task>(run: &Run) -> Vec<Outcome> {
    run.executions::<T>().filter_map(|execution| execution.outcome().cloned()).collect()
}

/// How many leaves have been executed, by what they left in the cache.
async fn written(run: &Run) -> usize {
    run.cache().group("leaves").keys().await.unwrap().len()
}

#[tokio::test]
async fn r_60_errors_and_panics_fail_an_execution_before_or_after_its_code() {
    let failing = |fault: Fault<Leaf>| async {
        let run = fan().fault(fault).run(Fan { leaves: 1 }).await.unwrap();
        run.assert_failed();
        run.assert_executions::<Last>(0);
        let leaf = run.task::<Leaf>();
        (leaf.display().to_owned(), leaf.error().unwrap().to_owned(), written(&run).await)
    };
    let (display, error, written) = failing(Fault::error("no ink")).await;
    assert_eq!((display.as_str(), error.as_str(), written), ("Leaf(1)\nno ink", "no ink", 0));
    let (display, _, written) = failing(Fault::error("no ink").after_execution()).await;
    assert_eq!((display.as_str(), written), ("Leaf(1)\nno ink", 1));
    let (display, error, written) = failing(Fault::panic("fell over")).await;
    assert_eq!((display.as_str(), error.as_str(), written), ("Leaf(1)\npanicked: fell over", "panicked: fell over", 0));
    let (_, _, written) = failing(Fault::panic("fell over").after_execution()).await;
    assert_eq!(written, 1);
}

#[derive(Task)]
struct Careless;

impl Execute for Careless {
    async fn execute(self, context: &ExecutionContext) -> boxwood::Result {
        context.submit_subtask(Leaf { number: 1 });
        assert!(context.retry_count() > 0, "the first time is always a panic");
        Ok(())
    }
}

#[tokio::test]
async fn t_72_code_that_panics_fails_as_in_a_runner_and_its_children_do_not_exist() {
    let workflow = Workflow::new().task::<Careless>().task::<Leaf>();
    let run = workflow.run(Careless).await.unwrap();
    run.assert_failed();
    assert_eq!(run.task::<Careless>().error().unwrap(), "panicked: the first time is always a panic");
    assert_eq!(run.all_tasks().len(), 1);

    let run = workflow.job(Careless).max_retries(1).run().await.unwrap();
    run.assert_completed();
    assert_eq!((run.task::<Careless>().display(), run.tasks::<Leaf>().len()), ("Careless", 1));
}

#[tokio::test]
async fn s_40_t_9_a_lost_runner_has_its_task_executed_again_a_lease_later() {
    for (fault, executed) in [(Fault::<Leaf>::lost_runner(), 1), (Fault::lost_runner().after_execution(), 2)] {
        let workflow = fan().runners(2).fault(fault.nth(2));
        for_each_seed(0..20, async |seed| {
            let run = workflow.clone().seed(seed).run(Fan { leaves: 3 }).await?;
            run.assert_completed();
            run.assert_executions::<Leaf>(4);
            run.assert_before::<Leaf, Last>();
            let lost: Vec<_> = run.executions::<Leaf>().filter(|leaf| leaf.outcome() == Some(&Outcome::Lost)).collect();
            let [lost] = lost.as_slice() else { panic!("{lost:?}") };
            let again = run.executions::<Leaf>().find(|leaf| leaf.task_id() == lost.task_id() && lost.is_before(leaf));
            let again = again.expect("it is executed again");
            assert_eq!((lost.retry_count(), again.retry_count()), (0, 1));
            let later = again.started_at().duration_since(lost.started_at())?;
            assert!((15..20).contains(&later.as_secs()), "{later:?}");
            // What the lost execution has done stays done.
            let executes = run.trace().matches(&format!("executes #{}", number(&run, lost))).count();
            assert_eq!(executes, executed, "{}", run.trace());
            Ok(())
        })
        .await;
    }
}

/// The place of a task among all, counted from 1, as the trace writes it.
fn number<T>(run: &Run, execution: &boxwood::testing::ExecutionRecord<T>) -> usize {
    run.all_tasks().position(|task| task.id() == execution.task_id()).unwrap() + 1
}

#[tokio::test]
async fn s_40_the_eleventh_lost_lease_fails_the_task() {
    let run = fan().fault(Fault::<Leaf>::lost_runner().always()).run(Fan { leaves: 1 }).await.unwrap();
    run.assert_failed();
    run.assert_executions::<Leaf>(11);
    assert!(run.task::<Leaf>().display().contains("lost its lease 11 times"), "{run}");
    assert!(run.job().stats.elapsed_time >= Duration::from_secs(11 * 15));
}

#[tokio::test]
async fn r_41_r_42_of_two_runners_with_the_same_task_the_first_report_counts() {
    let workflow = fan().runners(2).fault(Fault::<Leaf>::late_runner());
    let (mut late_won, mut late_lost, mut at_once) = (0, 0, 0);
    for seed in 0..60 {
        let run = workflow.clone().seed(seed).run(Fan { leaves: 1 }).await.unwrap();
        run.assert_completed();
        assert_eq!(run.tasks::<Last>().len(), 1, "children are stored once\n{}", run.trace());
        match outcomes::<Leaf>(&run).as_slice() {
            [Outcome::Computed, Outcome::Ignored] => late_won += 1,
            [Outcome::Ignored, Outcome::Computed] => late_lost += 1,
            other => panic!("{other:?}\n{}", run.trace()),
        }
        let leaves: Vec<_> = run.executions::<Leaf>().collect();
        at_once += usize::from(leaves[0].overlaps(&leaves[1]) && leaves[0].runner() != leaves[1].runner());
    }
    assert!(late_won > 0 && late_lost > 0 && at_once > 0, "{late_won} {late_lost} {at_once}");
}

#[tokio::test]
async fn s_31_s_32_a_task_handed_back_is_executed_again_and_no_retry_is_used_up() {
    for (fault, executes) in [(Fault::<Leaf>::hand_back(), 1), (Fault::hand_back().after_execution(), 2)] {
        let run = fan().fault(fault).run(Fan { leaves: 1 }).await.unwrap();
        run.assert_completed();
        assert_eq!(outcomes::<Leaf>(&run), [Outcome::HandedBack, Outcome::Computed]);
        assert_eq!(run.task::<Leaf>().retry_count(), 0);
        assert_eq!(run.trace().matches("executes #2 Leaf(1)").count(), executes);
    }
}

#[tokio::test]
async fn s_33_a_task_that_is_always_handed_back_fails_in_the_end() {
    let run = fan().fault(Fault::<Leaf>::hand_back().always()).run(Fan { leaves: 1 }).await.unwrap();
    run.assert_failed();
    run.assert_executions::<Leaf>(101);
}

#[tokio::test]
async fn faults_happen_to_the_executions_they_name() {
    let failed = |fault: Fault<Leaf>| async {
        let run = fan().task::<RetriedFan>().fault(fault).run(RetriedFan).await.unwrap();
        run.assert_completed();
        let failed = run.executions::<Leaf>().filter(|execution| execution.error().is_some());
        failed.map(|leaf| format!("{} {}", leaf.name(), leaf.retry_count())).collect::<Vec<_>>().join(", ")
    };
    assert_eq!(failed(Fault::error("x")).await, "Leaf(1) 0");
    // A failed task is next: the second execution is a retry of the first.
    assert_eq!(failed(Fault::error("x").nth(2)).await, "Leaf(2) 0");
    assert_eq!(failed(Fault::error("x").times(3)).await, "Leaf(1) 0, Leaf(1) 1, Leaf(1) 2");
    assert_eq!(failed(Fault::error("x").for_each_task()).await, "Leaf(1) 0, Leaf(2) 0, Leaf(3) 0");
    assert_eq!(failed(Fault::error("x").for_each_task().nth(2)).await, "");
    assert_eq!(failed(Fault::<Leaf>::error("x").given(|leaf| leaf.number == 2).times(2)).await, "Leaf(2) 0, Leaf(2) 1");
}

#[derive(Task)]
struct RetriedFan;

impl Execute for RetriedFan {
    async fn execute(self, context: &ExecutionContext) -> boxwood::Result {
        context.submit_subtasks((1..=3).map(|number| Leaf { number })).max_retries(3);
        Ok(())
    }
}

/// A task that ends when it is told that nobody waits for it, if that is asked for.
#[derive(Task, serde::Serialize, serde::Deserialize)]
struct Polite {
    asks: bool,
}

impl Execute for Polite {
    async fn execute(self, context: &ExecutionContext) -> boxwood::Result {
        let cancellation = context.cancellation();
        if self.asks {
            cancellation.check()?;
        }
        context.submit_subtask(Last);
        Ok(())
    }
}

#[tokio::test]
async fn r_75_a_shutdown_is_seen_by_code_that_asks_and_costs_it_no_retry() {
    let workflow = Workflow::new().task::<Polite>().task::<Last>().fault(Fault::<Polite>::shutdown());
    let run = workflow.run(Polite { asks: true }).await.unwrap();
    run.assert_completed();
    assert_eq!(outcomes::<Polite>(&run), [Outcome::HandedBack, Outcome::Computed]);
    assert_eq!((run.task::<Polite>().retry_count(), run.tasks::<Last>().len()), (0, 1));

    let run = workflow.run(Polite { asks: false }).await.unwrap();
    run.assert_completed();
    assert_eq!(outcomes::<Polite>(&run), [Outcome::Computed]);
}

#[tokio::test]
async fn r_69_r_75_a_runner_that_comes_back_too_late_learns_it_and_does_not_report_the_failure() {
    let workflow = Workflow::new().task::<Polite>().task::<Last>().runners(2).fault(Fault::<Polite>::late_runner());
    let mut courses = std::collections::BTreeMap::new();
    for seed in 0..60 {
        let run = workflow.clone().seed(seed).run(Polite { asks: true }).await.unwrap();
        run.assert_completed();
        run.assert_executions::<Polite>(2);
        assert_eq!(run.tasks::<Last>().len(), 1);
        *courses.entry(format!("{:?}", outcomes::<Polite>(&run))).or_insert(0) += 1;
    }
    // It may also come back while the other executes: then the server extends the lease for both.
    let courses: Vec<&str> = courses.keys().map(String::as_str).collect();
    assert_eq!(courses, ["[Computed, Ignored]", "[Ignored, Computed]", "[Lost, Computed]"]);
}
