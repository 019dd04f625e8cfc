//! Section 4.1: what NextTask answers, and in which order tasks are handed out.

use std::collections::BTreeSet;

use boxwood_engine::{Ask, Command, RefusalKind, Reply, Report, ReportReply, TaskState};
use boxwood_testkit::{Plan, Random, Runner, World};

fn ask(world: &mut World, ask: Ask) -> Result<Reply, boxwood_engine::Refusal> {
    world.send(Command::Report(Box::new(Report { computed: None, ask: Some(ask), now: world.now() })))
}

#[test]
fn r_3_an_unknown_cluster_is_not_found() {
    let mut world = World::seeded(1).job("a").runners(0).runner(Runner::on("nowhere"));
    let nowhere = world.ask(0);
    let refused = ask(&mut world, nowhere).expect_err("there is no such cluster");
    assert_eq!(refused.kind, RefusalKind::NotFound);
    assert!(refused.message.contains("nowhere"), "E-2: {refused}");
}

#[test]
fn r_3_the_report_of_a_runner_whose_cluster_was_deleted_is_stored_and_answered_with_idling() {
    let mut world = World::seeded(1).cluster("gpu").job("a on=gpu\n  b").runner(Runner::on("gpu"));
    let a = world.claim(1).expect("a");
    world.send(Command::DeleteCluster { slug: "gpu".into() }).expect("deletable");
    let computed = world.computed(&a);
    let report = Report { computed: Some(computed), ask: Some(world.ask(1)), now: world.now() };
    let answer = world.send(Command::Report(Box::new(report)));
    assert!(matches!(answer, Ok(Reply::Report(ReportReply::Idle))), "{answer:?}");
    assert_eq!(world.state("a"), TaskState::Computed);
}

#[test]
fn r_4_a_runner_that_can_do_nothing_that_waits_idles() {
    let mut world = World::seeded(1).job("a as=Wanted v2.0");
    let mut none = world.ask(0);
    none.identifiers = [].into();
    let unseen = Runner::on("default").knows("Unseen", "v1.0");
    let unfit = Runner::on("default").knows("Wanted", "v1.0");
    world = world.runner(unseen).runner(unfit);
    for asked in [none, world.ask(1), world.ask(2)] {
        let answer = ask(&mut world, asked);
        assert!(matches!(answer, Ok(Reply::Report(ReportReply::Idle))), "{answer:?}");
    }
    assert!(world.claim(0).is_some());
}

#[test]
fn r_5_one_call_stores_a_task_and_hands_out_what_it_submitted() {
    let mut world = World::seeded(1).job("a\n  b");
    let a = world.claim(0).expect("a");
    let b = world.report(0, &a).expect("b");
    assert_eq!((b.name.as_str(), world.states().as_str()), ("b", "a Computed, b Running"));
}

#[test]
fn r_5_a_refused_call_stores_nothing() {
    let mut world = World::seeded(1).job("a\n  b").settings(|settings| settings.refuse_content_errors = true);
    let a = world.claim(0).expect("a");
    let mut computed = world.computed(&a);
    computed.content_error = Some("too much".into());
    let report = Report { computed: Some(computed), ask: Some(world.ask(0)), now: world.now() };
    world.send(Command::Report(Box::new(report))).expect_err("refused");
    assert_eq!(world.states(), "a Running");
}

#[test]
fn r_6_r_7_work_or_idling_if_asked_nothing_if_not() {
    let mut world = World::seeded(1).job("a");
    let report = |world: &mut World, computed, ask| match world.send(Command::Report(Box::new(Report {
        computed,
        ask,
        now: world.now(),
    }))) {
        Ok(Reply::Report(reply)) => reply,
        other => panic!("{other:?}"),
    };
    let asked = world.ask(0);
    assert!(matches!(report(&mut world, None, None), ReportReply::Stored));
    let ReportReply::Task(task) = report(&mut world, None, Some(asked.clone())) else { panic!("a is ready") };
    assert!(matches!(report(&mut world, None, Some(asked)), ReportReply::Idle));
    assert_eq!(task.id, world.task("a").id);
}

#[test]
fn r_8_what_a_handed_out_task_carries() {
    let mut world = World::seeded(1).job("a as=acme.Tile v1.2 retries=2");
    let a = world.claim(0).expect("a");
    let (task, job) = (world.task("a"), world.job_view(0).job);
    assert_eq!((a.id, &a.identifier, &*a.display, a.retry_count), (task.id, &task.identifier, "a", 0));
    assert_eq!((&a.input, a.lease.length.as_secs(), a.lease.wait.as_secs()), (&task.input, 15, 10));
    assert_eq!(*a.job, *job, "name, trace parent and submission time among them");
    assert_eq!(task.state, TaskState::Running);
}

#[test]
fn r_9_a_task_is_handed_to_one_runner_only() {
    let mut world = World::seeded(1).job("a\nb").runners(5);
    let held: Vec<_> = (0..5).filter_map(|runner| world.claim(runner)).map(|held| held.name).collect();
    assert_eq!(held, ["a", "b"]);
}

#[test]
fn r_10_r_11_a_report_is_answered_depth_first() {
    let mut world = World::seeded(1).job(
        "
        root
          a
            a1
              a11
            a2
          b
            b1
        second
        ",
    );
    world.run();
    assert_eq!(world.order(), "root a a1 a11 a2 b b1 second");
}

#[test]
fn r_11_descendants_first_then_those_of_the_parent_then_of_the_grandparent() {
    let mut world = World::seeded(1).runners(3).job(
        "
        root
          a
            a1
            a2
              a21
          b
        ",
    );
    let root = world.claim(0).expect("root");
    let a = world.report(0, &root).expect("a");
    let a1 = world.report(0, &a).expect("a1");
    let a2 = world.report(0, &a1).expect("a2, a sibling, before b");
    assert_eq!(a2.name, "a2");
    let a21 = world.report(0, &a2).expect("a21, a child, before b");
    assert_eq!(a21.name, "a21");
    assert_eq!(world.report(0, &a21).map(|held| held.name), Some("b".into()), "nothing is left nearer");
}

#[test]
fn r_11_a_report_prefers_its_own_job_to_an_older_one() {
    let mut world = World::seeded(1).runners(2).job("old1\nold2 after=old1\nold3 after=old1");
    world.submit("young\n  y1");
    let old1 = world.claim(0).expect("old1");
    let young = world.claim(1).expect("young");
    world.complete(&old1);
    assert_eq!(world.report(1, &young).map(|held| held.name), Some("y1".into()));
    assert_eq!(world.claim(0).map(|held| held.name), Some("old2".into()));
}

#[test]
fn r_10_a_report_falls_back_to_work_stealing_in_other_jobs() {
    let mut world = World::seeded(1).runners(2).job("a").job("b").job("c");
    let b = {
        let _a = world.claim(0).expect("a");
        world.claim(1).expect("b")
    };
    assert_eq!(world.report(1, &b).map(|held| held.name), Some("c".into()));
}

#[test]
fn r_12_siblings_go_in_the_order_of_submission() {
    let mut world = World::seeded(1).job("root\n  one, two, three -> four\n  five");
    world.run();
    assert_eq!(world.order(), "root one two three four five");
}

#[test]
fn r_12_siblings_go_in_the_order_of_submission_whichever_kind_was_known_first() {
    let mut world = World::seeded(1).job("x as=Late");
    world.run();
    world.submit("root\n  a as=New\n  b as=Late\n  c as=New");
    world.run();
    assert_eq!(world.order(), "x root a b c");
}

#[test]
fn r_12_a_task_that_came_back_keeps_its_place_among_its_siblings() {
    let mut world = World::seeded(1).job("root\n  one\n  two\n  three").runners(2);
    let root = world.claim(0).expect("root");
    let one = world.report(0, &root).expect("one");
    let two = world.claim(1).expect("two");
    world.hand_back(&one);
    assert_eq!(world.report(1, &two).map(|held| held.name), Some("one".into()));
    assert_eq!(world.claim(0).map(|held| held.name), Some("three".into()));
}

#[test]
fn r_13_work_stealing_takes_the_oldest_job_and_in_it_the_task_nearest_to_the_root() {
    let mut world = World::seeded(1).runners(4).job("root\n  a\n    a1\n    a2\n  b\n  c").job("younger");
    let root = world.claim(0).expect("root");
    let a = world.report(0, &root).expect("a");
    world.complete(&a);
    // Ready by now: b, c one level down, a1, a2 two levels down, and the younger job.
    let stolen: Vec<_> = (0..4).map(|runner| world.claim(runner).expect("work").name).collect();
    assert_eq!(stolen, ["b", "c", "a1", "a2"]);
    assert_eq!(world.claim(0).map(|held| held.name), Some("younger".into()));
}

#[test]
fn r_13_the_oldest_job_goes_first_among_many_kinds_of_tasks() {
    let mut world = World::seeded(1).runners(1);
    for job in 0..6 {
        world.submit(format!("job{job} as=Kind{}", 5 - job).as_str());
    }
    world.run();
    assert_eq!(world.order(), "job0 job1 job2 job3 job4 job5");
}

#[test]
fn r_13_four_jobs_run_back_to_back_with_one_runner() {
    let mut world = World::seeded(1).job("a\n  a1\n  a2").job("b\n  b1").job("c").job("d\n  d1 -> d2");
    world.run();
    assert_eq!(world.order(), "a a1 a2 b b1 c d d1 d2");
}

#[test]
fn r_14_a_runner_gets_tasks_of_its_own_cluster_only() {
    let mut world = World::seeded(1).cluster("gpu").job("a on=gpu\nb").runner(Runner::on("gpu"));
    assert_eq!(world.claim(0).map(|held| held.name), Some("b".into()));
    assert!(world.claim(0).is_none());
    assert_eq!(world.claim(1).map(|held| held.name), Some("a".into()));
}

#[test]
fn r_15_k_idle_runners_get_k_tasks() {
    let mut world = World::seeded(1).runners(40).job("root\n  a\n  b\n  c");
    let root = world.claim(0).expect("root");
    world.complete(&root);
    world.submit((0..30).map(|place| Plan::task(format!("x{place}"))).collect::<Vec<_>>());
    world.submit("y1\ny2 as=Other\ny3 as=Third v3.0");
    let held: BTreeSet<_> = (0..40).filter_map(|runner| world.claim(runner)).map(|held| held.name).collect();
    assert_eq!(held.len(), 3 + 30 + 3);
}

/// Fib(n) submits Fib(n-1), Fib(n-2) and their sum, unless its value is known from before.
fn fibonacci(n: u32, known: &mut BTreeSet<u32>) -> Plan {
    let task = Plan::task(format!("Fib({n})"));
    if n <= 2 || !known.insert(n) {
        return task;
    }
    let [first, second] = [n - 1, n - 2].map(|n| fibonacci(n, known));
    let sum = Plan::task(format!("Sum({n})")).after([&*first.name, &*second.name]);
    task.submits([first, second, sum])
}

#[test]
fn r_11_r_12_the_recorded_fibonacci_job_with_one_runner() {
    let mut world = World::seeded(1).job(fibonacci(7, &mut BTreeSet::new()));
    world.run();
    assert_eq!(
        world.order(),
        "Fib(7) Fib(6) Fib(5) Fib(4) Fib(3) Fib(2) Fib(1) Sum(3) Fib(2) Sum(4) Fib(3) Sum(5) Fib(4) Sum(6) Fib(5) Sum(7)"
    );
}

/// A random tree of about so many tasks.
fn random_tree(random: &mut Random, depth: usize, count: &mut usize) -> Vec<Plan> {
    let mut siblings: Vec<Plan> = Vec::new();
    for _ in 0..=random.below(4) {
        *count += 1;
        let before: Vec<String> = siblings.iter().map(|plan| plan.name.clone()).filter(|_| random.chance(30)).collect();
        let mut plan = Plan::task(format!("t{count}")).after(before);
        if depth < 4 && random.chance(60) {
            plan = plan.submits(random_tree(random, depth + 1, count));
        }
        siblings.push(plan);
    }
    siblings
}

#[test]
fn r_11_with_one_runner_the_order_is_exactly_nearest_common_ancestor_first() {
    for seed in 0..40 {
        let mut random = Random::seeded(seed);
        let mut world = World::seeded(seed).job(random_tree(&mut random, 0, &mut 0));
        let mut held = world.claim(0);
        while let Some(task) = held {
            // What is ready after this report, and what was handed out, by the definition of.
            held = world.report(0, &task);
            let rows = world.rows();
            let ancestors = |mut key| {
                let mut chain = vec![key];
                while let Some(parent) = rows.group_of(key).group.parent {
                    chain.push(parent);
                    key = parent;
                }
                chain
            };
            let from = ancestors(task.taken.task);
            let distance = |key| {
                let above = ancestors(key);
                from.iter().position(|ancestor| above.contains(ancestor)).unwrap_or(from.len())
            };
            let ready = rows.ready.values().flat_map(|row| row.next..row.end).map(boxwood_engine::TaskKey);
            let candidates = ready.chain(held.as_ref().map(|held| held.taken.task));
            let expected = candidates.min_by_key(|key| (distance(*key), *key));
            assert_eq!(held.as_ref().map(|held| held.taken.task), expected, "seed {seed} after {}", task.name);
        }
        assert_eq!(world.job_state(0), boxwood_engine::JobState::Completed, "seed {seed}");
    }
}

#[test]
fn r_11_beyond_64_levels_any_task_of_the_job_comes_before_other_jobs() {
    let mut chain = Plan::task("deepest");
    for level in 0..80 {
        chain = Plan::task(format!("level{level}")).submits([chain]);
    }
    let mut world =
        World::seeded(1).unchecked().job("older").job(Plan::task("root").submits([chain, Plan::task("near root")]));
    world.claim(0).expect("older, which stays running");
    world.submit("younger");
    world.run().check();
    assert!(world.order().ends_with(" deepest near root younger"), "{}", world.order());
}

#[test]
fn r_12_ranges_of_thousands_of_tasks_are_handed_out_in_order_and_once() {
    let plans: Vec<_> = (0..3000).map(|place| Plan::task(format!("t{place}"))).collect();
    let expected: Vec<_> = plans.iter().map(|plan| plan.name.clone()).collect();
    let mut world = World::seeded(1).unchecked().job(plans).runners(3);
    // Rows of a bounded size, so that two servers at one big group do not wait for the same row.
    assert!(world.rows().ready.values().all(|row| row.end - row.next <= 1024));
    world.run().check();
    assert_eq!(world.order().split(' ').collect::<Vec<_>>(), expected);
}

#[test]
fn r_66_a_runner_that_joins_gets_work_on_its_first_request() {
    let mut world = World::seeded(1).job("a\nb\nc").runners(1);
    world.claim(0).expect("a");
    world = world.runner(Runner::on("default"));
    assert_eq!(world.claim(1).map(|held| held.name), Some("b".into()));
    world = world.runner(Runner::on("default"));
    assert_eq!(world.claim(2).map(|held| held.name), Some("c".into()));
}

#[test]
fn r_13_r_47_after_a_failure_the_job_goes_on_near_the_failed_task() {
    let mut world = World::seeded(1).job(
        "
        root
          a
            a1 optional fails
            a2
          b
        ",
    );
    world.run();
    assert_eq!(world.order(), "root a a1 a2 b");
    // Only right after the failure: the next one who asks steals near the root.
    let mut world = World::seeded(1).runners(3).job("root\n  a\n    a1 optional\n    a2\n    a3\n  b");
    let root = world.claim(0).expect("root");
    let a = world.report(0, &root).expect("a");
    let a1 = world.report(0, &a).expect("a1");
    world.fail(&a1);
    assert_eq!(world.claim(0).map(|held| held.name), Some("a2".into()));
    assert_eq!(world.claim(1).map(|held| held.name), Some("b".into()));
}

#[test]
fn r_13_a_failure_does_not_keep_older_jobs_waiting() {
    let mut world = World::seeded(1).runners(2).job("old1\nold2 after=old1").job("young1 optional\nyoung2");
    let (old1, young1) = (world.claim(0).expect("old1"), world.claim(1).expect("young1"));
    world.complete(&old1);
    world.fail(&young1);
    assert_eq!(world.claim(1).map(|held| held.name), Some("old2".into()), "the oldest job goes first");
}

#[test]
fn r_13_a_failure_in_a_job_without_other_work_holds_nobody_up() {
    let mut world = World::seeded(1).runners(1).job("only fails").job("next fails\nnever").job("last");
    world.run();
    assert_eq!(world.order(), "only next last");
}

#[test]
fn r_24_s_21_those_who_wait_are_woken_for_every_task_that_becomes_ready() {
    let mut world = World::seeded(1).runners(2);
    let woken = |world: &mut World, expected: &[(&str, u64)]| {
        let expected: Vec<_> = expected.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
        assert_eq!(world.wakes(), expected);
    };
    world.submit("a as=A retries=1\nb as=B -> c as=C\nd as=A\n  e as=E, f as=E");
    woken(&mut world, &[("A", 2), ("B", 1)]);
    let a = world.claim(0).expect("a");
    woken(&mut world, &[]);
    world.fail(&a);
    woken(&mut world, &[("A", 1)]);
    let a = world.claim(0).expect("a again");
    world.hand_back(&a);
    woken(&mut world, &[("A", 1)]);
    let refused = world.new_job("job", "x as=A -> y as=New on=nowhere");
    world.send(Command::SubmitJob(refused)).expect_err("there is no such cluster");
    woken(&mut world, &[]);
    let [a, d, b] = [(); 3].map(|()| world.claim(0).expect("a, d, b"));
    assert_eq!((a.name.as_str(), d.name.as_str(), b.name.as_str()), ("a", "d", "b"));
    world.complete(&b);
    woken(&mut world, &[("C", 1)]);
    world.complete(&d);
    woken(&mut world, &[("E", 2)]);
    assert_eq!(world.fail(&a), TaskState::Failed);
    woken(&mut world, &[]);
    world.retry(0);
    let names: Vec<_> = world.wakes().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["A", "B", "C", "E"], "whatever the job may have ready");
}
