//! Section 1.7, and retries in sections 2 and 3.5.

use boxwood_engine::{JobState, TaskState};
use boxwood_testkit::World;

#[test]
fn t_110_max_retries_n_allows_n_more_executions() {
    for retries in [0, 1, 5] {
        let mut world = World::seeded(1).job(&format!("a fails retries={retries}"));
        world.run();
        assert_eq!(world.order().split(' ').count(), retries + 1);
        assert_eq!((world.state("a"), world.job_state(0)), (TaskState::Failed, JobState::Failed));
    }
}

#[test]
fn t_110_a_task_that_fails_k_times_within_its_retries_is_computed() {
    for fails in 0..=5 {
        let mut world = World::seeded(1).job(&format!("root\n  flaky fails={fails} retries=5"));
        world.run();
        assert_eq!(world.job_state(0), JobState::Completed);
        assert_eq!(world.task("flaky").retry_count, fails, "S-30: the last hand-out carries the failures before it");
    }
}

#[test]
fn t_111_root_tasks_and_sub_tasks_have_retries_of_their_own() {
    let mut world = World::seeded(1).job("root fails=2 retries=2\n  a fails=1 retries=1\n  b");
    world.run();
    assert_eq!(world.order(), "root root root a a b");
}

#[test]
fn t_112_a_retry_may_happen_on_another_runner() {
    let mut world = World::seeded(1).job("a fails=1 retries=1").runners(2);
    let a = world.claim(0).expect("a");
    assert_eq!(world.fail(&a), TaskState::Queued);
    let again = world.claim(1).expect("a on the other runner");
    assert_eq!(again.retry_count, 1);
    world.complete(&again);
    assert_eq!(world.job_state(0), JobState::Completed);
}

#[test]
fn t_113_r_47_a_failed_task_with_retries_left_is_in_the_next_answer() {
    let mut world = World::seeded(1).job("a fails=1 retries=1");
    let a = world.claim(0).expect("a");
    world.fail(&a);
    assert_eq!(world.claim(0).map(|held| held.name), Some("a".into()), "no time has passed");
}

#[test]
fn j_65_a_retried_job_gets_its_retries_anew_and_keeps_counting() {
    let mut world = World::seeded(1).job("a fails=5 retries=2");
    world.run();
    assert_eq!((world.state("a"), world.task("a").retry_count), (TaskState::Failed, 3));
    assert_eq!(world.retry(0), 1);
    world.run();
    assert_eq!(world.order().split(' ').count(), 6, "three executions before, three after");
    assert_eq!((world.state("a"), world.task("a").retry_count), (TaskState::Computed, 5));
}

#[test]
fn j_65_a_retried_job_may_lose_its_lease_and_be_handed_back_as_often_as_before() {
    let mut world = World::seeded(1).job("a");
    world = world.settings(|settings| (settings.crash_retries_max, settings.hand_backs_max) = (1, 1));
    for _ in 0..2 {
        for _ in 0..2 {
            world.claim(0).expect("a");
            world.advance(boxwood_testkit::seconds(15)).expire_leases();
        }
        assert_eq!((world.state("a"), world.retry(0)), (TaskState::Failed, 1));
        for _ in 0..2 {
            let a = world.claim(0).expect("a");
            world.hand_back(&a);
        }
        assert_eq!((world.state("a"), world.retry(0)), (TaskState::Failed, 1));
    }
}

#[test]
fn s_30_the_retry_count_of_the_first_hand_out_is_zero_and_counts_lost_leases_too() {
    let mut world = World::seeded(1).job("a retries=5");
    let a = world.claim(0).expect("a");
    assert_eq!(a.retry_count, 0);
    world.fail(&a);
    assert_eq!(world.claim(0).expect("a").retry_count, 1);
    world.advance(boxwood_testkit::seconds(15)).expire_leases();
    assert_eq!(world.claim(0).expect("a").retry_count, 2);
}

#[test]
fn j_65_s_33_a_retried_task_may_be_handed_back_anew() {
    let mut world = World::seeded(1).job("a").settings(|settings| settings.hand_backs_max = 1);
    for expected in [TaskState::Queued, TaskState::Failed] {
        let a = world.claim(0).expect("a");
        assert_eq!(world.hand_back(&a), expected);
    }
    assert_eq!(world.retry(0), 1);
    for expected in [TaskState::Queued, TaskState::Failed] {
        let a = world.claim(0).expect("a");
        assert_eq!(world.hand_back(&a), expected);
    }
}
