use boxwood::JobState;
use boxwood::TaskState::{Computed, FailedOptional, Skipped};

use crate::here::Here;
use crate::tasks::Tasks;

async fn run(variant: &[&str], logs: &[&str]) -> (Here, Tasks) {
    let here = Here::start().await;
    let printed = here.run("nested_optional", variant).await;
    assert_eq!(printed.last().unwrap(), "nested-optional is COMPLETED");
    let job = here.job().await;
    assert_eq!(job.state, JobState::Completed);
    let tasks = here.tasks(&job).await;
    let logs: Vec<String> = logs.iter().map(|name| format!("{name}: {name}")).collect();
    assert_eq!(here.logs(&job, logs.len()).await, logs);
    (here, tasks)
}

#[tokio::test]
async fn t_125_to_t_128_t_137_a_failure_skips_the_rest_of_the_branch_and_nothing_else() {
    let (here, tasks) = run(&[], &["Step1A", "AlwaysRuns"]).await;
    let expected = [
        ("Pipeline", Computed),
        ("OptionalProcessing", Computed),
        ("Step1", Computed),
        ("Step1A", Computed),
        ("Step1B", FailedOptional),
        ("Step1C", Skipped),
        ("Step2", Skipped),
        ("AlwaysRuns", Computed),
    ];
    assert_eq!(tasks.states(), expected);
    assert_eq!(tasks.named("Step1B").display, "Step1B\nstep 1B failed");
    assert!(tasks.iter().all(|task| task.optional == (task.display == "OptionalProcessing")), "{tasks:?}");
    for skipped in ["Step1C", "Step2"] {
        assert_eq!(tasks.named(skipped).started_at, None);
    }
    here.stop().await;
}

#[tokio::test]
async fn t_126_t_129_a_step_that_fails_itself_leaves_no_sub_tasks() {
    let (here, tasks) = run(&["step1-fails"], &["AlwaysRuns"]).await;
    let expected = [
        ("Pipeline", Computed),
        ("OptionalProcessing", Computed),
        ("Step1", FailedOptional),
        ("Step2", Skipped),
        ("AlwaysRuns", Computed),
    ];
    assert_eq!(tasks.states(), expected);
    here.stop().await;
}

#[tokio::test]
async fn t_130_t_138_a_failed_optional_step_skips_nothing_outside_itself() {
    let (here, tasks) = run(&["step1b-optional"], &["Step1A", "Step1C", "Step2", "AlwaysRuns"]).await;
    for (name, state) in tasks.states() {
        assert_eq!(state, if name == "Step1B" { FailedOptional } else { Computed }, "{name}");
    }
    assert_eq!(tasks.iter().count(), 8);
    // One runner finishes the branch first, although AlwaysRuns could start earlier (Q40).
    tasks.assert_order(&["Step1A", "Step1B", "Step1C", "Step2", "AlwaysRuns"]);
    here.stop().await;
}

#[tokio::test]
async fn t_135_what_depends_on_the_branch_runs_after_its_end() {
    let (here, tasks) = run(&["dependent"], &["Step1A", "AlwaysRuns"]).await;
    assert_eq!(tasks.named("AlwaysRuns").state, Computed);
    tasks.assert_order(&["Step1A", "Step1B", "AlwaysRuns"]);
    here.stop().await;
}
