//! Section 7.1: progress.

use boxwood_engine::ProgressUpdate;
use boxwood_testkit::{Held, World, seconds};

fn update(label: &str, total: u64, done: u64) -> ProgressUpdate {
    ProgressUpdate { label: label.into(), total, done }
}

fn complete(world: &mut World, held: &Held, updates: &[ProgressUpdate]) {
    world.complete_with(held, |computed| computed.progress = updates.to_vec());
}

fn listed(world: &World) -> String {
    let indicators = world.progress(0).into_iter();
    indicators.map(|(label, total, done)| format!("{label}:{done}/{total}")).collect::<Vec<_>>().join(" ")
}

#[test]
fn p_10_the_recorded_example() {
    let mut world = World::seeded(1).job("root\n  a, b, c, d");
    let root = world.claim(0).expect("root");
    complete(&mut world, &root, &[update("test", 4, 0)]);
    assert_eq!(listed(&world), "test:0/4");
    while let Some(leaf) = world.claim(0) {
        complete(&mut world, &leaf, &[update("test", 0, 1)]);
    }
    assert_eq!(listed(&world), "test:4/4");
}

#[test]
fn p_1_p_3_p_6_indicators_are_summed_by_name_the_unnamed_one_first() {
    let mut world = World::seeded(1).job("a\nb\nc");
    for updates in [vec![update("b", 1, 1), update("", 5, 2)], vec![update("a", 2, 0), update("b", 3, 1)], vec![]] {
        let held = world.claim(0).expect("a task");
        complete(&mut world, &held, &updates);
    }
    assert_eq!(listed(&world), ":2/5 a:0/2 b:2/4");
}

#[test]
fn p_1_several_updates_of_one_indicator_in_one_report_add_up() {
    let mut world = World::seeded(1).job("a");
    let a = world.claim(0).expect("a");
    complete(&mut world, &a, &[update("x", 1, 0), update("x", 2, 3)]);
    assert_eq!(listed(&world), "x:3/3");
}

#[test]
fn p_4_p_5_r_46_only_the_latest_report_of_a_task_counts_and_it_counts_until_the_next() {
    let mut world = World::seeded(1).job("a retries=2\nb");
    let a = world.claim(0).expect("a");
    world.fail_with(&a, |failed| failed.progress = vec![update("x", 10, 7), update("y", 1, 0)]);
    assert_eq!(listed(&world), "x:7/10 y:0/1", "R-46");
    let again = world.claim(0).expect("a again");
    assert_eq!(listed(&world), "x:7/10 y:0/1", "P-5");
    world.restart();
    world.fail_with(&again, |failed| failed.progress = vec![update("x", 3, 1)]);
    assert_eq!(listed(&world), "x:1/3", "P-4: y lost its only share and is gone");
    let last = world.claim(0).expect("a again");
    complete(&mut world, &last, &[]);
    assert_eq!(listed(&world), "", "P-4: an empty report replaces too");
}

#[test]
fn p_4_a_lost_lease_and_a_given_back_hand_out_leave_the_earlier_report() {
    let mut world = World::seeded(1).job("a retries=1");
    let a = world.claim(0).expect("a");
    world.fail_with(&a, |failed| failed.progress = vec![update("x", 10, 7)]);
    world.claim(0).expect("a again");
    world.advance(seconds(15)).expire_leases();
    let again = world.claim(0).expect("a again");
    world.give_back(&again);
    assert_eq!(listed(&world), "x:7/10");
}

#[test]
fn p_6_an_indicator_of_zeros_is_listed_while_a_task_contributes() {
    let mut world = World::seeded(1).job("a");
    let a = world.claim(0).expect("a");
    complete(&mut world, &a, &[update("x", 0, 0)]);
    assert_eq!(listed(&world), "x:0/0");
}

#[test]
fn p_7_done_may_exceed_the_total() {
    let mut world = World::seeded(1).job("a");
    let a = world.claim(0).expect("a");
    complete(&mut world, &a, &[update("x", 1, 5)]);
    assert_eq!(listed(&world), "x:5/1");
}

#[test]
fn p_8_a_task_may_have_1001_indicators() {
    let mut world = World::seeded(1).job("a");
    let a = world.claim(0).expect("a");
    let updates: Vec<_> = (0..1001).map(|place| update(&format!("{place:04}"), 1, 0)).collect();
    complete(&mut world, &a, &updates);
    assert_eq!(world.progress(0).len(), 1001);
}

#[test]
fn p_3_sums_do_not_overflow() {
    let mut world = World::seeded(1).unchecked().job("a\nb");
    for _ in 0..2 {
        let held = world.claim(0).expect("a task");
        complete(&mut world, &held, &[update("x", u64::MAX, 1)]);
    }
    assert_eq!(listed(&world), format!("x:2/{}", u64::MAX));
}
