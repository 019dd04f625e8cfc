//! Sections 1.6 and 1.9: dependencies.

use boxwood_engine::{Command, JobState, Submission, TaskState};
use boxwood_testkit::{Plan, World};

#[test]
fn t_81_each_task_of_a_group_waits_for_every_task_of_the_group_before() {
    let mut world = World::seeded(1).job("a, b -> c, d").runners(4);
    let (a, b) = (world.claim(0).expect("a"), world.claim(1).expect("b"));
    world.complete(&a);
    assert!(world.claim(2).is_none(), "b still runs");
    world.complete(&b);
    let held: Vec<_> = (0..4).filter_map(|runner| world.claim(runner)).map(|held| held.name).collect();
    assert_eq!(held, ["c", "d"]);
}

#[test]
fn t_92_a_task_starts_only_when_its_dependency_is_complete_with_all_its_descendants() {
    let mut world = World::seeded(1).job("a\n  a1\n    a2\nb after=a").runners(2);
    let a = world.claim(0).expect("a");
    let a1 = world.report(0, &a).expect("a1");
    assert!(world.claim(1).is_none(), "a is computed, a1 is not");
    let a2 = world.report(0, &a1).expect("a2");
    assert!(world.claim(1).is_none(), "a1 is computed, a2 is not");
    assert_eq!(world.report(0, &a2).map(|held| held.name), Some("b".into()), "S-21: in the very same step");
}

#[test]
fn t_92_dependents_wait_for_all_of_several_dependencies() {
    let mut world = World::seeded(1).job("a\n  a1\nb\nc\nd after=a+b+c").runners(3);
    let (a, b, c) = (world.claim(0).expect("a"), world.claim(1).expect("b"), world.claim(2).expect("c"));
    world.complete(&b);
    world.complete(&c);
    world.complete(&a);
    let a1 = world.claim(0).expect("a1");
    assert!(world.claim(1).is_none());
    world.complete(&a1);
    assert_eq!(world.claim(1).map(|held| held.name), Some("d".into()));
}

#[test]
fn t_93_a_failed_optional_or_skipped_dependency_counts_as_complete() {
    let mut world = World::seeded(1).job("a optional fails -> b").job("c optional\n  d fails -> e\nf after=c");
    world.run();
    let states = "a FailedOptional, b Computed, c Computed, f Computed, d FailedOptional, e Skipped";
    assert_eq!(world.states(), states);
}

#[test]
fn t_94_a_failed_dependency_holds_its_dependents_until_the_job_is_retried() {
    let mut world = World::seeded(1).job("a fails=1 -> b");
    world.run();
    assert_eq!((world.states().as_str(), world.job_state(0)), ("a Failed, b Queued", JobState::Failed));
    assert_eq!(world.retry(0), 1);
    world.run();
    assert_eq!((world.states().as_str(), world.job_state(0)), ("a Computed, b Computed", JobState::Completed));
}

#[test]
fn t_96_a_group_may_depend_on_one_listed_after_it() {
    let mut world = World::seeded(1).job("a after=b\nb\n  b1");
    world.run();
    assert_eq!(world.order(), "b b1 a");
}

#[test]
fn t_97_dependencies_do_not_reach_beyond_their_submission() {
    // The children of b wait for nothing but b, though b has a sibling that runs.
    let mut world = World::seeded(1).job("a, b\n  b1 -> b2").runners(2);
    let (_a, b) = (world.claim(0).expect("a"), world.claim(1).expect("b"));
    let b1 = world.report(1, &b).expect("b1");
    assert_eq!(world.report(1, &b1).map(|held| held.name), Some("b2".into()));
}

#[test]
fn t_98_t_100_a_chain_of_64_groups_of_200_tasks_runs_group_by_group() {
    let name = |group: usize, place: usize| format!("{group}/{place}");
    let mut plans = Vec::new();
    for group in 0..64_usize {
        let before: Vec<_> =
            group.checked_sub(1).into_iter().flat_map(|g| (0..200).map(move |place| name(g, place))).collect();
        plans.extend((0..200).map(|place| Plan::task(name(group, place)).after(before.clone())));
    }
    let expected = plans.iter().map(|plan| plan.name.as_str()).collect::<Vec<_>>().join(" ");
    let mut world = World::seeded(1).unchecked().job(plans);
    assert_eq!(world.rows().groups.len(), 64);
    world.run().check();
    assert_eq!(world.order(), expected);
    assert_eq!(world.job_state(0), JobState::Completed);
}

#[test]
fn t_99_t_150_two_hundred_mappers_and_a_reducer_are_two_groups_and_the_reducer_runs_once_at_the_end() {
    let mappers =
        (0..200).map(|place| Plan::task(format!("map {place}")).submits([Plan::task(format!("below {place}"))]));
    let names: Vec<_> = (0..200).map(|place| format!("map {place}")).collect();
    let root = Plan::task("root").submits(mappers).submits([Plan::task("reduce").after(names)]);
    let mut world = World::seeded(1).unchecked().job(root).runners(7);
    world.run().check();
    assert_eq!(world.rows().groups.len(), 1 + 2 + 200);
    let order = world.order();
    assert_eq!((order.matches("reduce").count(), order.ends_with(" reduce")), (1, true));
    assert_eq!(world.status(0).counts.of(TaskState::Computed), 402);
}

#[test]
fn t_92_diamonds_and_long_chains_keep_their_order_with_any_number_of_runners() {
    for runners in 1..6 {
        let mut world = World::seeded(1)
            .runners(runners)
            .job("a\n  a1\nb after=a\n  b1\nc after=a\nd after=b+c\n  d1 -> d2\ne after=d");
        world.run();
        let order = world.order();
        let at = |name: &str| order.split(' ').position(|other| other == name).expect("every task ran");
        for (before, after) in [("a1", "b"), ("a1", "c"), ("b1", "d"), ("c", "d"), ("d1", "d2"), ("d2", "e")] {
            assert!(at(before) < at(after), "{before} before {after} in {order} with {runners} runners");
        }
    }
}

#[test]
fn t_81_a_dependency_named_twice_counts_once() {
    let mut world = World::seeded(1);
    let mut new = world.new_job("job", "a -> b");
    let mut groups = new.tasks.groups().to_vec();
    groups[1].dependencies = vec![0, 0, 0];
    new.tasks = Submission::new(groups).expect("well formed");
    world.send(Command::SubmitJob(new)).expect("a sound job");
    let dependents: Vec<_> = world.rows().groups.values().map(|row| row.group.dependents.len()).collect();
    assert_eq!(dependents, [1, 0]);
    world.run();
    assert_eq!(world.order(), "a b");
}
