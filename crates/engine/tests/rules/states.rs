//! Section 2: states of tasks, halting, hand-backs.

use boxwood_engine::{JobState, TaskState};
use boxwood_testkit::{Plan, Runner, World, seconds};

#[test]
fn s_3_new_tasks_are_queued() {
    let mut world = World::seeded(1).job("a -> b\nc optional");
    assert_eq!(world.states(), "a Queued, b Queued, c Queued");
    let a = world.claim(0).expect("a");
    assert_eq!(world.states(), "a Running, b Queued, c Queued");
    world.complete(&a);
}

#[test]
fn s_4_a_hand_out_sets_the_start_clears_the_stop_and_counts() {
    let mut world = World::seeded(1).job("a retries=1");
    world.advance(seconds(100));
    let first = world.claim(0).expect("a");
    let started = world.now();
    let task = world.task("a");
    assert_eq!((task.state, task.started_at, task.stopped_at), (TaskState::Running, Some(started), None));
    assert_eq!(first.taken.hand_out, 1);
    world.advance(seconds(3));
    world.fail(&first);
    assert_eq!(world.task("a").stopped_at, Some(world.now()), "S-6");
    world.advance(seconds(3));
    assert_eq!(world.claim(0).expect("a").taken.hand_out, 2);
    let task = world.task("a");
    assert_eq!((task.started_at, task.stopped_at), (Some(world.now()), None));
}

#[test]
fn s_5_the_stop_time_of_a_computed_task_is_the_time_of_its_report() {
    let mut world = World::seeded(1).job("a");
    let a = world.claim(0).expect("a");
    world.advance(seconds(3));
    world.complete(&a);
    let task = world.task("a");
    assert_eq!((task.state, task.stopped_at), (TaskState::Computed, Some(world.now())));
}

#[test]
fn s_6_d_r_44_a_given_back_hand_out_costs_the_task_nothing() {
    let mut world = World::seeded(1).job("a");
    let a = world.claim(0).expect("a");
    world.advance(seconds(1));
    world.give_back(&a);
    let task = world.task("a");
    assert_eq!((task.state, task.stopped_at, task.retry_count), (TaskState::Queued, Some(world.now()), 0));
    let again = world.claim(0).expect("a at once");
    assert_eq!((again.retry_count, again.taken.hand_out), (0, 2));
    world.give_back(&a);
    assert_eq!(
        world.state("a"),
        TaskState::Running,
        "the first hand-out is over; giving it back again changes nothing"
    );
    world.complete(&again);
    world.give_back(&again);
    assert_eq!(world.state("a"), TaskState::Computed);
}

#[test]
fn r_44_giving_back_counts_neither_as_retry_nor_as_hand_back_nor_as_lost_lease() {
    let mut world =
        World::seeded(1).job("a").settings(|settings| (settings.hand_backs_max, settings.crash_retries_max) = (1, 0));
    for _ in 0..20 {
        let a = world.claim(0).expect("a");
        world.give_back(&a);
    }
    let a = world.claim(0).expect("a");
    world.hand_back(&a);
    assert_eq!(world.state("a"), TaskState::Queued);
}

#[test]
fn s_11_settled_tasks_never_change_again() {
    let mut world = World::seeded(1).runners(3).job("good\nbad optional\ntop optional\n  x\n  skipped after=x");
    let good = world.claim(0).expect("good");
    let bad = world.claim(0).expect("bad");
    let top = world.claim(0).expect("top");
    let x = world.report(0, &top).expect("x");
    world.complete(&good);
    world.fail(&bad);
    world.fail(&x);
    let settled = world.states();
    assert_eq!(settled, "good Computed, bad FailedOptional, top Computed, x FailedOptional, skipped Skipped");
    assert_eq!(world.fail(&good), TaskState::Computed);
    assert_eq!(world.hand_back(&good), TaskState::Computed);
    world.give_back(&good);
    world.complete(&bad);
    world.complete(&x);
    world.cancel(0);
    assert_eq!(world.retry(0), 0);
    world.advance(seconds(1000)).expire_leases();
    assert_eq!(world.states(), settled);
}

#[test]
fn s_12_reports_for_a_queued_task_change_nothing() {
    let mut world = World::seeded(1).job("a\n  child");
    let a = world.claim(0).expect("a");
    world.hand_back(&a);
    world.complete(&a);
    assert_eq!(world.fail(&a), TaskState::Queued);
    assert_eq!(world.states(), "a Queued");
    assert_eq!(world.task("a").retry_count, 0);
}

#[test]
fn s_21_the_answer_to_a_report_may_hold_what_it_made_eligible() {
    let mut world = World::seeded(1).job("a -> b\n  b1\nc after=b");
    let a = world.claim(0).expect("a");
    let b = world.report(0, &a).expect("b");
    let b1 = world.report(0, &b).expect("b1");
    assert_eq!(world.report(0, &b1).map(|held| held.name), Some("c".into()));
}

#[test]
fn s_21_a_failure_may_make_tasks_eligible_too() {
    let mut world = World::seeded(1).job("a optional -> b").runners(2);
    let a = world.claim(0).expect("a");
    assert!(world.claim(1).is_none());
    world.fail(&a);
    assert!(world.claim(1).is_some());
}

#[test]
fn s_22_s_23_a_failed_task_halts_its_job_and_the_others_stay_queued() {
    let mut world = World::seeded(1).job("a\nb\nc after=b").job("other").runners(2);
    let a = world.claim(0).expect("a");
    assert_eq!(world.fail(&a), TaskState::Failed);
    assert_eq!(world.claim(0).map(|held| held.name), Some("other".into()), "other jobs go on");
    assert!(world.claim(1).is_none());
    assert_eq!(world.states(), "a Failed, b Queued, c Queued, other Running");
    assert_eq!(world.job_state(0), JobState::Failed);
}

#[test]
fn s_22_no_cluster_gets_a_task_of_a_halted_job() {
    let mut world = World::seeded(1).cluster("gpu").runner(Runner::on("gpu")).job("a\nb on=gpu");
    let a = world.claim(0).expect("a");
    world.fail(&a);
    assert!(world.claim(1).is_none());
    world.retry(0);
    assert_eq!(world.claim(1).map(|held| held.name), Some("b".into()));
}

#[test]
fn s_24_running_tasks_of_a_halted_job_end_and_their_children_wait() {
    let mut world = World::seeded(1).job("a\nb\n  b1\n  b2\nc after=b").runners(2);
    let (a, b) = (world.claim(0).expect("a"), world.claim(1).expect("b"));
    world.fail(&a);
    assert!(world.extend(&b, seconds(60)).is_some());
    assert!(world.report(1, &b).is_none());
    assert_eq!(world.states(), "a Failed, b Computed, c Queued, b1 Queued, b2 Queued");
    assert!(world.claim(0).is_none());
    assert_eq!(world.retry(0), 1);
    world.run();
    assert_eq!(world.job_state(0), JobState::Completed);
}

#[test]
fn s_25_a_running_task_of_a_halted_job_with_retries_left_waits_for_the_job_retry() {
    let mut world = World::seeded(1).job("a\nb retries=1").runners(2);
    let (a, b) = (world.claim(0).expect("a"), world.claim(1).expect("b"));
    world.fail(&a);
    assert_eq!(world.fail(&b), TaskState::Queued);
    assert!(world.claim(1).is_none());
    assert_eq!((world.retry(0), world.claim(0).is_some(), world.claim(1).is_some()), (1, true, true));
}

#[test]
fn s_31_s_32_r_65_a_handed_back_task_is_free_at_once_and_uses_no_retry() {
    let mut world = World::seeded(1).job("a").runners(2);
    let a = world.claim(0).expect("a");
    assert_eq!(world.hand_back(&a), TaskState::Queued);
    let again = world.claim(1).expect("a on the other runner, at once");
    assert_eq!(again.retry_count, 0);
    assert_eq!(world.fail(&again), TaskState::Failed, "no retries were given, none was used");
}

#[test]
fn s_33_more_than_100_hand_backs_in_a_row_fail_the_task() {
    let mut world = World::seeded(1).job("a");
    for round in 1..=100 {
        let a = world.claim(0).expect("a");
        assert_eq!(world.hand_back(&a), TaskState::Queued, "hand-back {round}");
    }
    let a = world.claim(0).expect("a");
    assert_eq!(world.hand_back(&a), TaskState::Failed);
    assert_eq!(world.job_state(0), JobState::Failed);
    let display = world.task("a").display;
    assert!(display.starts_with("a\n") && display.contains("handed back 101 times"), "{display}");
    assert_eq!(world.task("a").retry_count, 0, "S-31");
}

#[test]
fn s_33_another_outcome_in_between_starts_the_count_anew() {
    let mut world = World::seeded(1).job("a retries=1").settings(|settings| settings.hand_backs_max = 2);
    for _ in 0..2 {
        let a = world.claim(0).expect("a");
        world.hand_back(&a);
    }
    let a = world.claim(0).expect("a");
    world.fail(&a);
    for _ in 0..2 {
        let a = world.claim(0).expect("a");
        assert_eq!(world.hand_back(&a), TaskState::Queued);
    }
    let a = world.claim(0).expect("a");
    assert_eq!(world.hand_back(&a), TaskState::Failed);
}

#[test]
fn s_33_a_lost_lease_in_between_starts_the_count_anew() {
    let mut world = World::seeded(1).job("a").settings(|settings| settings.hand_backs_max = 2);
    for _ in 0..2 {
        let a = world.claim(0).expect("a");
        world.hand_back(&a);
    }
    world.claim(0).expect("a");
    world.advance(seconds(15)).expire_leases();
    let a = world.claim(0).expect("a");
    assert_eq!(world.hand_back(&a), TaskState::Queued);
}

#[test]
fn s_33_in_an_optional_branch_the_task_becomes_failed_optional() {
    let mut world = World::seeded(1).job("top optional\n  a\n  b").settings(|settings| settings.hand_backs_max = 0);
    let top = world.claim(0).expect("top");
    let a = world.report(0, &top).expect("a");
    assert_eq!(world.hand_back(&a), TaskState::FailedOptional);
    assert_eq!((world.state("b"), world.job_state(0)), (TaskState::Skipped, JobState::Completed));
}

#[test]
fn s_33_the_line_fits_into_a_display_that_is_full() {
    let name = "n".repeat(1500);
    let mut world = World::seeded(1).job(Plan::task(name)).settings(|settings| settings.hand_backs_max = 0);
    let a = world.claim(0).expect("the task");
    world.hand_back(&a);
    let query = boxwood_store::TaskQuery { job: world.job_id(0), parent: None, after: None, limit: 1 };
    let page = world.reader().tasks(&query).expect("memory can be read").expect("the job exists");
    let display = &page.tasks[0].display;
    assert_eq!(display.chars().count(), 1024);
    assert!(display.ends_with("without being executed"), "{display}");
}

#[test]
fn s_2_a_computed_task_with_open_descendants_is_computed_and_not_complete() {
    let mut world = World::seeded(1).job("a\n  a1\nb after=a").runners(2);
    let a = world.claim(0).expect("a");
    world.complete(&a);
    assert_eq!((world.state("a"), world.claim(0).map(|held| held.name)), (TaskState::Computed, Some("a1".into())));
    assert!(world.claim(1).is_none(), "a is not complete");
}

#[test]
fn s_20_a_task_is_eligible_when_all_conditions_hold_and_not_when_one_fails() {
    let mut world = World::seeded(1).cluster("gpu").job("parent\n  before -> task as=Tile v1.2 on=gpu").runners(1);
    for (cluster, version) in [("gpu", "v1.2"), ("gpu", "v1.1"), ("default", "v1.2")] {
        world = world.runner(Runner::on(cluster).knows("Tile", version));
    }
    let (right, wrong_version, wrong_cluster) = (1, 2, 3);
    let parent = world.claim(0).expect("parent");
    assert!(world.claim(right).is_none(), "its parent is not COMPUTED");
    let before = world.report(0, &parent).expect("before");
    assert!(world.claim(right).is_none(), "a dependency is not complete");
    world.complete(&before);
    assert!(world.claim(wrong_version).is_none() && world.claim(wrong_cluster).is_none());
    world.cancel(0);
    assert!(world.claim(right).is_none(), "its job is halted");
    world.retry(0);
    assert_eq!(world.claim(right).map(|held| held.name), Some("task".into()));
    assert!(world.claim(right).is_none(), "it is not QUEUED");
}
