//! Leases: S-40 to S-42 and section 4.3.

use boxwood_engine::{Command, JobState, Reply, TaskId, TaskState};
use boxwood_testkit::{World, milliseconds, seconds};

#[test]
fn r_30_a_hand_out_has_a_lease_of_15_seconds_and_a_wait_of_10() {
    let mut world = World::seeded(1).job("a");
    let a = world.claim(0).expect("a");
    assert_eq!((a.lease.length, a.lease.wait), (seconds(15), seconds(10)));
    world.advance(milliseconds(14_999));
    assert_eq!(world.expire_leases(), 0);
    world.advance(milliseconds(1));
    assert_eq!(world.expire_leases(), 1);
}

#[test]
fn r_31_an_extension_counts_from_now() {
    let mut world = World::seeded(1).job("a");
    let a = world.claim(0).expect("a");
    world.advance(seconds(10));
    let lease = world.extend(&a, seconds(30)).expect("a runs");
    assert_eq!((lease.length, lease.wait), (seconds(30), seconds(20)));
    world.advance(milliseconds(29_999));
    assert_eq!(world.expire_leases(), 0);
    world.advance(milliseconds(1));
    assert_eq!(world.expire_leases(), 1);
}

#[test]
fn r_31_lm_30_extensions_grant_at_least_15_and_at_most_60_seconds() {
    let mut world = World::seeded(1).job("a");
    let a = world.claim(0).expect("a");
    for (asked, granted) in [(0, 15), (1, 15), (15, 15), (40, 40), (60, 60), (120, 60), (u64::MAX, 60)] {
        assert_eq!(world.extend(&a, seconds(asked)).map(|lease| lease.length), Some(seconds(granted)), "{asked}");
    }
}

#[test]
fn r_33_tasks_that_do_not_run_or_exist_get_an_empty_lease() {
    let mut world = World::seeded(1).job("a\nb\nc").runners(3);
    let (a, b, c) = (world.claim(0).expect("a"), world.claim(1).expect("b"), world.claim(2).expect("c"));
    world.complete(&a);
    world.hand_back(&b);
    world.fail(&c);
    for held in [&a, &b, &c] {
        assert_eq!(world.extend(held, seconds(30)), None);
    }
    let task = TaskId::from_u128(1).expect("not zero");
    let unknown = world.send(Command::ExtendLease { task, requested: seconds(30), now: world.now() });
    assert!(matches!(unknown, Ok(Reply::Lease(None))), "{unknown:?}");
}

#[test]
fn r_33_a_task_that_was_never_handed_out_gets_an_empty_lease() {
    let mut world = World::seeded(1).job("a -> b");
    let task = world.task("b").id;
    let answer = world.send(Command::ExtendLease { task, requested: seconds(30), now: world.now() });
    assert!(matches!(answer, Ok(Reply::Lease(None))), "{answer:?}");
}

#[test]
fn r_34_a_task_runs_as_long_as_its_lease_is_extended() {
    let mut world = World::seeded(1).job("a");
    let a = world.claim(0).expect("a");
    for _ in 0..500 {
        world.extend(&a, seconds(60)).expect("a runs");
        world.advance(seconds(40));
        assert_eq!(world.expire_leases(), 0);
    }
    world.complete(&a);
    assert_eq!((world.state("a"), world.task("a").retry_count), (TaskState::Computed, 0));
}

#[test]
fn s_40_r_35_the_task_of_a_dead_runner_is_queued_again() {
    let mut world = World::seeded(1).job("a").runners(2);
    let a = world.claim(0).expect("a");
    let started = world.now();
    world.advance(seconds(17));
    assert!(world.claim(1).is_none(), "nothing happens by asking");
    assert_eq!(world.expire_leases(), 1);
    let task = world.task("a");
    assert_eq!((task.state, task.retry_count), (TaskState::Queued, 1));
    assert_eq!(task.stopped_at, Some(started.plus(seconds(15))), "the end of the lease, not the moment it was noticed");
    let again = world.claim(1).expect("a");
    assert_eq!((again.id, again.retry_count), (a.id, 1), "S-30");
}

#[test]
fn s_40_lm_12_ten_lost_leases_are_forgiven_the_next_fails_the_task() {
    let mut world = World::seeded(1).job("a retries=100");
    for lost in 1..=10 {
        world.claim(0).expect("a");
        world.advance(seconds(15)).expire_leases();
        assert_eq!((world.state("a"), world.task("a").retry_count), (TaskState::Queued, lost));
    }
    world.claim(0).expect("a");
    world.advance(seconds(15)).expire_leases();
    assert_eq!(
        (world.state("a"), world.job_state(0)),
        (TaskState::Failed, JobState::Failed),
        "regardless of max retries"
    );
    let display = world.task("a").display;
    assert!(display.starts_with("a\n") && display.contains("lost its lease 11 times"), "{display}");
}

#[test]
fn s_40_lost_leases_and_failures_are_counted_apart() {
    let mut world = World::seeded(1).job("a retries=1").settings(|settings| settings.crash_retries_max = 2);
    for _ in 0..2 {
        world.claim(0).expect("a");
        world.advance(seconds(15)).expire_leases();
    }
    let a = world.claim(0).expect("a");
    assert_eq!(world.fail(&a), TaskState::Queued, "the first failure has a retry");
    let a = world.claim(0).expect("a");
    assert_eq!(a.retry_count, 3, "S-30");
    assert_eq!(world.fail(&a), TaskState::Failed);
}

#[test]
fn s_40_an_optional_task_whose_runners_crash_becomes_failed_optional() {
    let mut world = World::seeded(1).job("a optional -> b").settings(|settings| settings.crash_retries_max = 0);
    world.claim(0).expect("a");
    world.advance(seconds(15)).expire_leases();
    assert_eq!(world.states(), "a FailedOptional, b Queued");
    assert!(world.claim(0).is_some());
}

#[test]
fn s_41_an_expiry_that_comes_late_or_twice_does_nothing() {
    let mut world = World::seeded(1).job("a").runners(2);
    let a = world.claim(0).expect("a");
    let key = a.taken.task;
    world.advance(seconds(15));
    world.extend(&a, seconds(15)).expect("the server has not noticed yet");
    world.send(Command::ExpireLease { task: key, now: world.now() }).expect("never refused");
    assert_eq!(world.state("a"), TaskState::Running, "extended in time");
    world.advance(seconds(15));
    assert_eq!((world.expire_leases(), world.expire_leases()), (1, 0));
    world.send(Command::ExpireLease { task: key, now: world.now() }).expect("never refused");
    assert_eq!(world.task("a").retry_count, 1);
    let again = world.claim(1).expect("a");
    world.complete(&again);
    world.advance(seconds(100));
    world.send(Command::ExpireLease { task: key, now: world.now() }).expect("never refused");
    assert_eq!((world.state("a"), world.expire_leases()), (TaskState::Computed, 0));
}

#[test]
fn s_41_one_look_finds_every_lease_that_has_ended() {
    let mut world = World::seeded(1).job("a\nb\nc\nd").runners(4);
    let held: Vec<_> = (0..4).map(|runner| world.claim(runner).expect("a task")).collect();
    world.advance(seconds(5));
    world.extend(&held[1], seconds(15)).expect("b runs");
    world.complete(&held[2]);
    world.advance(seconds(10));
    assert_eq!(world.expire_leases(), 2);
    assert_eq!(world.states(), "a Queued, b Running, c Computed, d Queued");
}

#[test]
fn s_42_leases_outlive_a_restart() {
    let mut world = World::seeded(1).job("a -> b");
    let a = world.claim(0).expect("a");
    world.advance(seconds(8));
    world.restart();
    assert_eq!((world.expire_leases(), world.state("a")), (0, TaskState::Running));
    assert!(world.claim(0).is_none(), "R-9");
    world.extend(&a, seconds(20)).expect("the runner goes on");
    world.advance(seconds(19)).restart();
    assert_eq!(world.expire_leases(), 0);
    assert_eq!(world.report(0, &a).map(|held| held.name), Some("b".into()));
    world.advance(seconds(15)).restart();
    assert_eq!((world.expire_leases(), world.state("b")), (1, TaskState::Queued));
}

#[test]
fn r_32_leases_and_waits_are_at_least_a_second() {
    for first in [2, 3, 4, 10] {
        let mut world = World::seeded(1).job("a").settings(|settings| settings.lease_first = seconds(first));
        let a = world.claim(0).expect("a");
        let extended = world.extend(&a, seconds(0)).expect("a runs");
        for lease in [a.lease, extended] {
            assert!(lease.length >= lease.wait && lease.wait >= seconds(1), "{lease:?} with {first} seconds at first");
        }
    }
}
