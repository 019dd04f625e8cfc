//! Section 3.3: execution statistics.

use boxwood_engine::TaskState;
use boxwood_testkit::{World, milliseconds, seconds};

#[test]
fn j_30_to_j_34_start_stop_compute_time_elapsed_time_and_parallelism() {
    let mut world = World::seeded(1).job("a\nb").runners(2);
    let status = world.status(0);
    assert_eq!((status.first_started_at, status.last_stopped_at), (None, None));
    assert_eq!((status.elapsed_time(), status.parallelism()), (seconds(0), 0.0));
    world.advance(seconds(5));
    let started = world.now();
    let (a, b) = (world.claim(0).expect("a"), world.claim(1).expect("b"));
    let status = world.status(0);
    assert_eq!((status.first_started_at, status.last_stopped_at), (Some(started), None));
    assert_eq!((status.elapsed_time(), status.parallelism()), (seconds(0), 0.0));
    world.advance(seconds(4));
    world.complete(&a);
    world.advance(seconds(4));
    world.complete(&b);
    let status = world.status(0);
    assert_eq!((status.first_started_at, status.last_stopped_at), (Some(started), Some(world.now())));
    assert_eq!((status.compute_time, status.elapsed_time()), (seconds(12), seconds(8)));
    assert_eq!(status.parallelism(), 1.5);
}

#[test]
fn j_34_gaps_do_not_bring_parallelism_below_one() {
    let mut world = World::seeded(1).job("a\nb");
    for _ in 0..2 {
        let held = world.claim(0).expect("a task");
        world.advance(seconds(1));
        world.complete(&held);
        world.advance(seconds(10));
    }
    let status = world.status(0);
    assert_eq!((status.compute_time, status.elapsed_time(), status.parallelism()), (seconds(2), seconds(12), 1.0));
}

#[test]
fn j_32_earlier_executions_of_a_retried_task_do_not_count() {
    let mut world = World::seeded(1).job("a retries=1");
    let a = world.claim(0).expect("a");
    world.advance(seconds(10));
    world.fail(&a);
    assert_eq!(world.status(0).compute_time, seconds(10));
    world.advance(seconds(100));
    let started = world.now();
    let again = world.claim(0).expect("a again");
    assert_eq!(world.status(0).compute_time, seconds(0), "while it runs again nothing of it counts");
    world.advance(milliseconds(41));
    world.complete(&again);
    let status = world.status(0);
    assert_eq!(status.compute_time, milliseconds(41));
    assert_eq!((status.first_started_at, status.last_stopped_at), (Some(started), Some(world.now())), "J-30, J-31");
    assert_eq!((status.elapsed_time(), status.parallelism()), (milliseconds(41), 1.0));
}

#[test]
fn j_30_j_31_a_retry_of_the_first_or_last_task_moves_start_and_stop() {
    let mut world = World::seeded(1).job("a retries=1\nb");
    let a = world.claim(0).expect("a");
    world.advance(seconds(1));
    let b_started = world.now();
    let b = world.claim(0).expect("b");
    world.advance(seconds(1));
    world.complete(&b);
    let b_stopped = world.now();
    world.advance(seconds(1));
    world.fail(&a);
    world.advance(seconds(1));
    let again = world.claim(0).expect("a again");
    let status = world.status(0);
    assert_eq!((status.first_started_at, status.last_stopped_at), (Some(b_started), Some(b_stopped)));
    world.advance(seconds(1));
    world.complete(&again);
    let status = world.status(0);
    assert_eq!((status.first_started_at, status.last_stopped_at), (Some(b_started), Some(world.now())));
}

#[test]
fn j_30_a_retry_of_the_task_that_started_first_moves_the_start_alone() {
    let mut world = World::seeded(1).job("a retries=1\nb").runners(2);
    let a = world.claim(0).expect("a");
    world.advance(seconds(1));
    let b_started = world.now();
    let b = world.claim(1).expect("b");
    world.advance(seconds(1));
    world.fail(&a);
    world.advance(seconds(1));
    world.complete(&b);
    let b_stopped = world.now();
    world.advance(seconds(1));
    world.claim(0).expect("a again");
    let status = world.status(0);
    assert_eq!((status.first_started_at, status.last_stopped_at), (Some(b_started), Some(b_stopped)));
}

#[test]
fn j_31_an_execution_ended_by_its_lease_stopped_at_the_end_of_the_lease() {
    let mut world = World::seeded(1).job("a");
    world.claim(0).expect("a");
    let started = world.now();
    world.advance(seconds(19)).expire_leases();
    let status = world.status(0);
    assert_eq!(status.last_stopped_at, Some(started.plus(seconds(15))));
    assert_eq!((status.compute_time, status.elapsed_time()), (seconds(15), seconds(15)));
}

#[test]
fn j_32_a_hand_out_that_was_given_back_leaves_no_time_behind() {
    let mut world = World::seeded(1).job("a");
    let a = world.claim(0).expect("a");
    world.advance(seconds(1));
    world.give_back(&a);
    world.advance(seconds(5));
    let again = world.claim(0).expect("a again");
    world.advance(seconds(2));
    world.complete(&again);
    assert_eq!(world.status(0).compute_time, seconds(2));
}

#[test]
fn j_32_a_clock_that_went_back_gives_no_negative_times() {
    let mut world = World::seeded(1).job("a");
    let a = world.claim(0).expect("a");
    let earlier = boxwood_engine::Timestamp(world.now().0 - 5_000_000);
    let computed = Some(world.computed(&a));
    world.next_task(boxwood_engine::Report { computed, ask: None, now: earlier });
    let status = world.status(0);
    assert_eq!((status.compute_time, status.elapsed_time(), status.parallelism()), (seconds(0), seconds(0), 1.0));
}

#[test]
fn j_30_the_earliest_start_is_the_earliest_after_a_clock_went_back_too() {
    let mut world = World::seeded(1).job("a\nb");
    world.claim(0).expect("a");
    let earlier = world.set_back(seconds(5)).now();
    world.claim(0).expect("b");
    assert_eq!(world.status(0).first_started_at, Some(earlier));
}

#[test]
fn j_35_j_37_counts_cover_every_task_in_every_state() {
    let mut world = World::seeded(1).runners(3).job(
        "
        good
        bad
        slow
        waits after=slow
        top optional
          x fails -> y
        ",
    );
    let [good, bad, top, _slow] = [(); 4].map(|()| world.claim(0).expect("good, bad, top, slow"));
    world.complete(&good);
    let x = world.report(1, &top).expect("x");
    world.fail(&x);
    world.fail(&bad);
    let counts = world.status(0).counts;
    assert_eq!(counts.to_array(), [1, 1, 2, 1, 1, 1]);
    assert_eq!((counts.total(), counts.of(TaskState::Skipped)), (7, 1));
}
