//! Sections 1.1 to 1.5: tasks, inputs, displays, identifiers, sub-tasks.

use std::sync::Arc;

use boxwood_engine::{Command, JobState, NewGroup, Report, ReportReply, Submission, TaskState};
use boxwood_store::TaskQuery;
use boxwood_testkit::{Plan, Plans, Runner, World, seconds};

#[test]
fn t_1_t_33_inputs_are_opaque_and_come_back_byte_for_byte() {
    let mut world = World::seeded(1);
    let inputs = [vec![], vec![0, 255, b'{', 10], vec![7; 2048]];
    let mut new = world.new_job("inputs", "a");
    let like = new.tasks.groups()[0].tasks[0].clone();
    let mut group = NewGroup::default();
    for input in &inputs {
        group.push(like.clone(), input.clone());
    }
    new.tasks = Submission::new(vec![group]).expect("within the limits");
    let job = new.id;
    world.send(Command::SubmitJob(new)).expect("a sound job");
    let query = TaskQuery { job, parent: None, after: None, limit: 10 };
    let page = world.reader().tasks(&query).expect("memory can be read").expect("the job exists");
    assert_eq!(page.tasks.into_iter().map(|task| task.input).collect::<Vec<_>>(), inputs);
}

#[test]
fn t_41_t_42_t_44_a_display_in_a_report_replaces_the_stored_one() {
    let mut world = World::seeded(1).job("a, b");
    let (a, b) = (world.claim(0).expect("a"), world.claim(0).expect("b"));
    assert_eq!(&*a.display, "a");
    world.complete_with(&a, |report| report.display = "two\nlines".into());
    world.complete_with(&b, |report| report.display = String::new());
    assert_eq!((world.task("a").display.as_str(), world.task("b").display.as_str()), ("two\nlines", "b"));
}

#[test]
fn t_42_t_45_the_display_of_a_failure_is_kept_by_the_retry() {
    let mut world = World::seeded(1).job("a retries=1");
    let a = world.claim(0).expect("a");
    world.fail_with(&a, |report| report.display = "a\nValueError('x')".into());
    let again = world.claim(0).expect("a again");
    assert_eq!(&*again.display, "a\nValueError('x')");
    world.complete(&again);
    assert_eq!(world.task("a").display, "a\nValueError('x')");
}

#[test]
fn t_42_a_display_set_back_to_the_submitted_text_is_stored() {
    let mut world = World::seeded(1).job("a retries=1");
    let a = world.claim(0).expect("a");
    world.fail_with(&a, |report| report.display = "other".into());
    let again = world.claim(0).expect("a again");
    world.complete_with(&again, |report| report.display = "a".into());
    assert_eq!(world.task("a").display, "a");
}

#[test]
fn t_43_a_long_display_is_cut_to_1024_characters() {
    let mut world = World::seeded(1).job("a");
    let a = world.claim(0).expect("a");
    world.fail_with(&a, |report| report.display = "é".repeat(3000));
    assert_eq!(world.task("a").display, "é".repeat(1024));
}

#[test]
fn t_43_a_long_display_on_submission_is_cut_too() {
    let mut world = World::seeded(1).job("root");
    let root = world.claim(0).expect("root");
    let mut children = world.new_job("other", "child").tasks;
    let mut group = children.groups()[0].clone();
    group.tasks[0].display = Arc::from("x".repeat(1025));
    children = Submission::new(vec![group]).expect("displays are never too long");
    world.complete_with(&root, |report| report.sub_tasks = Some(children));
    assert_eq!(world.task("child").display, "x".repeat(1024));
}

/// Which of these runners gets a task submitted as `v1.3`, and under which version.
fn offered(versions: &[&str]) -> Option<String> {
    let runner = versions.iter().fold(Runner::on("default"), |runner, version| runner.knows("acme.Tile", version));
    let mut world = World::seeded(1).job("a as=acme.Tile v1.3").runners(0).runner(runner);
    let held = world.claim(0);
    assert_eq!(world.task("a").identifier.version.as_str(), "v1.3", "T-54");
    held.map(|held| held.identifier.version.as_str().to_owned())
}

#[test]
fn t_54_to_t_62_a_runner_gets_the_task_under_a_version_it_offers() {
    assert_eq!(offered(&["v1.3"]).as_deref(), Some("v1.3"), "T-56");
    assert_eq!(offered(&["v1.5"]).as_deref(), Some("v1.5"), "T-57, T-61");
    assert_eq!(offered(&["v1.2"]), None, "T-58");
    assert_eq!(offered(&["v2.5"]), None, "T-59");
    assert_eq!(offered(&["v0.9"]), None, "T-59");
    assert_eq!(offered(&["v1.10"]).as_deref(), Some("v1.10"), "T-60");
    assert_eq!(offered(&["v1.2", "v1.3"]).as_deref(), Some("v1.3"), "T-62");
    assert_eq!(offered(&["v1.9", "v1.3", "v1.10"]).as_deref(), Some("v1.3"), "T-62");
    assert_eq!(offered(&["v1.9", "v1.10", "v2.0"]).as_deref(), Some("v1.10"), "T-62");
}

#[test]
fn t_55_another_name_is_another_task() {
    let mut world = World::seeded(1).job("a as=acme.Tile v1.3").runners(0);
    world = world.runner(Runner::on("default").knows("acme.tile", "v1.3").knows("Tile", "v1.3"));
    assert!(world.claim(0).is_none());
}

#[test]
fn t_63_a_task_nobody_can_execute_waits_for_ever() {
    let mut world = World::seeded(1).job("a as=Rare").runners(0).runner(Runner::on("default").knows("Common", "v0.0"));
    for _ in 0..10 {
        world.advance(seconds(86_400));
        assert_eq!((world.expire_leases(), world.claim(0).is_none()), (0, true));
    }
    assert_eq!(world.state("a"), TaskState::Queued);
    world = world.runner(Runner::on("default").knows("Rare", "v0.1"));
    assert!(world.claim(1).is_some());
}

#[test]
fn t_70_sub_tasks_belong_to_the_job_and_to_the_task_that_submitted_them() {
    let mut world = World::seeded(1).job("root\n  a\n  b").job("other");
    let root = world.claim(0).expect("root");
    let a = world.report(0, &root).expect("a");
    assert_eq!((a.job.id, world.task("b").parent), (world.job_id(0), Some(root.id)));
    assert_eq!((world.status(0).counts.total(), world.status(1).counts.total()), (3, 1));
}

#[test]
fn t_71_t_72_a_failed_execution_submits_nothing_and_its_retry_submits_once() {
    let mut world = World::seeded(1).job("root fails=1 retries=1\n  a\n  b");
    let root = world.claim(0).expect("root");
    assert_eq!(world.execute(0, &root).map(|held| held.name), Some("root".into()));
    assert!(!world.exists("a"));
    world.run();
    world.advance(seconds(15)).expire_leases();
    world.run();
    assert_eq!(world.states(), "root Computed, a Computed, b Computed");
}

#[test]
fn t_73_children_appear_in_the_step_that_computes_their_parent() {
    let mut world = World::seeded(1).job("root\n  a").runners(2);
    let root = world.claim(0).expect("root");
    assert!(!world.exists("a") && world.claim(1).is_none());
    world.complete(&root);
    assert_eq!(world.states(), "root Computed, a Queued");
    assert!(world.claim(1).is_some());
}

#[test]
fn t_73_children_of_another_kind_are_all_there_whatever_the_server_had_to_read_for_them() {
    for children in ["a as=Other", "a\n  b as=Other", "a as=Other -> b as=Third"] {
        let mut world = World::seeded(1).job(&format!("root\n  {children}")).job("x as=Other");
        let root = world.claim(0).expect("root");
        // Storing the children needs rows that have left memory, so it is begun more than once.
        world.restart();
        world.complete(&root);
        world.restart().run();
        assert_eq!(world.job_state(0), JobState::Completed, "{}", world.states());
    }
}

#[test]
fn t_74_children_that_wait_for_nothing_run_side_by_side() {
    let mut world = World::seeded(1).job("root\n  a\n  b\n  c").runners(3);
    let root = world.claim(0).expect("root");
    world.complete(&root);
    let held: Vec<_> = (0..3).filter_map(|runner| world.claim(runner)).map(|held| held.name).collect();
    assert_eq!(held, ["a", "b", "c"]);
}

#[test]
fn t_76_tasks_may_submit_tasks_of_their_own_kind_to_any_depth() {
    let mut plan = Plan::task("level 300");
    for level in (0..300).rev() {
        plan = Plan::task(format!("level {level}")).submits([plan]);
    }
    let mut world = World::seeded(1).unchecked().job(plan);
    world.run().check();
    assert_eq!((world.job_state(0), world.status(0).counts.total()), (boxwood_engine::JobState::Completed, 301));
}

#[test]
fn t_77_a_job_that_grows_without_end_can_be_canceled() {
    let mut world = World::seeded(1).job("root").runners(2);
    let mut held = world.claim(0).expect("root");
    for generation in 0..50 {
        let more = world
            .new_job("more", Plans(vec![Plan::task(format!("{generation}a")), Plan::task(format!("{generation}b"))]));
        let mut computed = world.computed(&held);
        computed.sub_tasks = Some(more.tasks);
        let ask = Some(world.ask(0));
        held = world.next_task(Report { computed: Some(computed), ask, now: world.now() }).expect("a child");
    }
    world.cancel(0);
    world.complete(&held);
    assert!(world.claim(0).is_none() && world.claim(1).is_none());
    assert_eq!(world.status(0).counts.of(TaskState::Queued), 50);
}

#[test]
fn t_78_a_child_without_a_cluster_runs_on_that_of_its_parent() {
    let mut world = World::seeded(1).cluster("gpu").job("root on=gpu\n  a\n    b");
    world = world.runner(Runner::on("gpu"));
    let root = world.claim(1).expect("root");
    assert!(world.report(0, &root).is_none(), "the default runner gets none of it");
    let a = world.claim(1).expect("a");
    assert_eq!(&*world.task("a").cluster, "gpu");
    let b = world.report(1, &a).expect("b");
    assert_eq!((b.name.as_str(), &*world.task("b").cluster), ("b", "gpu"));
}

#[test]
fn t_79_c_13_children_and_dependencies_may_cross_clusters() {
    let mut world = World::seeded(1).cluster("gpu").job("root\n  a on=gpu -> b");
    world = world.runner(Runner::on("gpu"));
    let root = world.claim(0).expect("root");
    assert!(world.report(0, &root).is_none(), "R-14: a is on the other cluster, b waits for it");
    let a = world.claim(1).expect("a");
    assert!(world.report(1, &a).is_none(), "R-14: b is on the default cluster");
    assert_eq!(world.claim(0).map(|held| held.name), Some("b".into()));
}

#[test]
fn t_82_n_9_the_order_and_the_ids_of_a_submission_go_group_by_group() {
    let mut world = World::seeded(1).job("root\n  a, b, c -> d");
    let root = world.claim(0).expect("root");
    world.complete(&root);
    let query = TaskQuery { job: world.job_id(0), parent: Some(root.id), after: None, limit: 10 };
    let page = world.reader().tasks(&query).expect("memory can be read").expect("the task exists");
    let displays: Vec<_> = page.tasks.iter().map(|task| task.display.as_str()).collect();
    assert_eq!(displays, ["a", "b", "c", "d"]);
    for (place, task) in page.tasks.iter().enumerate() {
        assert_eq!(task.id, page.tasks[0].id.offset(place as u64));
    }
}

#[test]
fn t_151_the_sum_of_six_squares_is_a_job_of_eight_tasks_with_the_sum_last() {
    let mut root = Plan::task("SumOfSquares");
    let squares = [12, 345, 453, 21, 45, 98].map(|number| Plan::task(format!("Square({number})")).submits([]));
    let names: Vec<_> = squares.iter().map(|plan| plan.name.clone()).collect();
    root = root.submits(squares).submits([Plan::task("Sum").after(names)]);
    let mut world = World::seeded(1).job(root).runners(1);
    world.run();
    assert_eq!(world.order(), "SumOfSquares Square(12) Square(345) Square(453) Square(21) Square(45) Square(98) Sum");
    assert_eq!(world.status(0).counts.of(TaskState::Computed), 8);
    assert!(matches!(
        world.send(Command::Report(Box::new(Report { computed: None, ask: Some(world.ask(0)), now: world.now() }))),
        Ok(boxwood_engine::Reply::Report(ReportReply::Idle))
    ));
}

#[test]
fn t_9_a_task_may_be_executed_more_than_once_but_is_computed_once() {
    let mut world = World::seeded(1).job("a").runners(2);
    let first = world.claim(0).expect("a");
    world.advance(seconds(15)).expire_leases();
    let second = world.claim(1).expect("a again, while the first runner may still be at it");
    assert_eq!((first.id, &first.input), (second.id, &second.input));
    world.complete(&second);
    world.complete(&first);
    assert_eq!(world.status(0).counts.to_array(), [0, 0, 1, 0, 0, 0]);
}

#[test]
fn t_80_the_tasks_of_a_group_may_differ_in_all_but_their_dependencies() {
    let mut world = World::seeded(1).cluster("gpu").job(
        "
        a as=A v1.0 retries=2
        b as=B v2.3 optional
        c as=A v1.0 on=gpu
        d as=A v1.0 on=gpu
        last after=a+b+c+d
        ",
    );
    assert_eq!(world.rows().groups.len(), 2);
    let seen = ["a", "b", "c", "d"].map(|name| {
        let task = world.task(name);
        let identifier = format!("{} {}", task.identifier.name, task.identifier.version.as_str());
        (identifier, task.cluster.to_string(), task.max_retries, task.optional, task.display)
    });
    let expected = [
        ("A v1.0", "default", 2, false, "a"),
        ("B v2.3", "default", 0, true, "b"),
        ("A v1.0", "gpu", 0, false, "c"),
        ("A v1.0", "gpu", 0, false, "d"),
    ];
    assert_eq!(seen, expected.map(|(i, c, r, o, d)| (i.to_owned(), c.to_owned(), r, o, d.to_owned())));
    world = world.runner(Runner::on("gpu"));
    let names: Vec<_> = [0, 0, 1, 1].map(|runner| world.claim(runner).expect("work").name).to_vec();
    assert_eq!(names, ["a", "b", "c", "d"]);
}
