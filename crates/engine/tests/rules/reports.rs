//! Sections 4.4 and 4.5: reports, repeated, late, and with faults in them.

use boxwood_engine::{Command, ComputedTask, FailedTask, JobState, RefusalKind, Report, TaskId, TaskState};
use boxwood_testkit::{Held, World, seconds};

/// Reports a task computed with a fault in the report, and asks for more.
fn report_with_fault(world: &mut World, held: &Held, fault: &str) -> Option<Held> {
    let mut computed = world.computed(held);
    computed.content_error = Some(fault.into());
    let ask = Some(world.ask(0));
    world.next_task(Report { computed: Some(computed), ask, now: world.now() })
}

#[test]
fn r_40_a_repeated_report_stores_children_once_and_is_answered_with_the_same_task() {
    let mut world = World::seeded(1).job("a\n  b\n  c").runners(2);
    let a = world.claim(0).expect("a");
    let b = world.report(0, &a).expect("b");
    world.advance(seconds(10));
    let again = world.report(0, &a).expect("the answer was lost");
    assert_eq!((again.taken, again.id, again.name.as_str()), (b.taken, b.id, "b"));
    assert_eq!(world.states(), "a Computed, b Running, c Queued");
    world.advance(seconds(14));
    assert_eq!(world.expire_leases(), 0, "its lease starts anew");
    world.advance(seconds(1));
    assert_eq!(world.expire_leases(), 1);
}

#[test]
fn r_40_the_same_task_is_remembered_over_a_restart() {
    let mut world = World::seeded(1).job("a\n  b\n  c");
    let a = world.claim(0).expect("a");
    let b = world.report(0, &a).expect("b");
    world.restart();
    assert_eq!(world.report(0, &a).map(|held| held.taken), Some(b.taken));
}

#[test]
fn r_40_when_the_remembered_hand_out_is_over_other_work_is_handed_out() {
    let outcomes: [fn(&mut World, &Held); 4] = [
        |world, held| world.complete(held),
        |world, held| assert_eq!(world.hand_back(held), TaskState::Queued),
        |world, held| world.give_back(held),
        |world, _| assert_eq!(world.advance(seconds(15)).expire_leases(), 1),
    ];
    for (place, outcome) in outcomes.into_iter().enumerate() {
        let mut world = World::seeded(1).job("a\n  b\n  c");
        let a = world.claim(0).expect("a");
        let b = world.report(0, &a).expect("b");
        outcome(&mut world, &b);
        let next = world.report(0, &a).expect("work");
        let expected = if place == 0 { "c" } else { "b" };
        assert_eq!(next.name, expected, "outcome {place}");
        assert!(next.taken != b.taken, "outcome {place}: a hand-out of its own");
    }
}

#[test]
fn r_40_a_hand_out_whose_lease_has_ended_is_not_given_again() {
    let mut world = World::seeded(1).job("a\n  b\n  c");
    let a = world.claim(0).expect("a");
    world.report(0, &a).expect("b");
    world.advance(seconds(15));
    assert_eq!(world.report(0, &a).map(|held| held.name), Some("c".into()), "b is about to be taken from it");
}

#[test]
fn r_40_a_hand_out_of_the_same_task_to_another_runner_is_not_given_again() {
    let mut world = World::seeded(1).job("a\n  b\n  c").runners(2);
    let a = world.claim(0).expect("a");
    let b = world.report(0, &a).expect("b");
    world.give_back(&b);
    let other = world.claim(1).expect("b");
    assert_eq!((other.name.as_str(), other.taken.hand_out), ("b", 2));
    assert_eq!(world.report(0, &a).map(|held| held.name), Some("c".into()));
}

#[test]
fn r_44_a_hand_out_that_was_given_again_is_not_given_back_because_one_of_the_answers_got_lost() {
    let mut world = World::seeded(1).job("a\n  b\n  c").runners(2);
    let a = world.claim(0).expect("a");
    let b = world.report(0, &a).expect("b");
    let again = world.report(0, &a).expect("b again");
    // Which of the two calls has ended without an answer is not known.
    world.give_back(&b);
    world.give_back(&again);
    assert_eq!(world.states(), "a Computed, b Running, c Queued");
    world.advance(seconds(15)).expire_leases();
    let other = world.claim(1).expect("b, whose lease has ended");
    assert_eq!((other.name.as_str(), other.taken.hand_out), ("b", 2));
    world.give_back(&other);
    assert_eq!(world.states(), "a Computed, b Queued, c Queued", "a hand-out of its own");
}

#[test]
fn r_40_two_runners_may_report_a_task_that_lost_its_lease_so_nothing_is_given_again() {
    let mut world = World::seeded(1).job("a\n  b\n  c").runners(2);
    let slow = world.claim(0).expect("a");
    world.advance(seconds(15)).expire_leases();
    let quick = world.claim(1).expect("a again");
    assert_eq!(world.report(1, &quick).map(|held| held.name), Some("b".into()));
    assert_eq!(world.report(0, &slow).map(|held| held.name), Some("c".into()));
}

#[test]
fn r_40_a_repeated_report_that_asks_for_nothing_gets_nothing() {
    let mut world = World::seeded(1).job("a\n  b");
    let a = world.claim(0).expect("a");
    world.report(0, &a).expect("b");
    world.complete(&a);
    assert_eq!(world.states(), "a Computed, b Running");
}

#[test]
fn r_40_a_report_answered_with_idling_is_repeated_as_any_other() {
    let mut world = World::seeded(1).job("a").runners(2);
    let a = world.claim(0).expect("a");
    assert!(world.report(0, &a).is_none());
    world.submit("b");
    assert_eq!(world.report(0, &a).map(|held| held.name), Some("b".into()), "R-41: other work may be handed out");
}

#[test]
fn r_41_a_report_for_a_task_that_does_not_run_is_ignored_with_all_it_carries() {
    let mut world = World::seeded(1).job("a\n  child\nb").runners(2);
    let a = world.claim(0).expect("a");
    world.hand_back(&a);
    let mut computed = world.computed(&a);
    computed.display = "late".into();
    computed.progress = vec![boxwood_engine::ProgressUpdate { label: "late".into(), total: 1, done: 1 }];
    assert!(computed.sub_tasks.is_some());
    let ask = Some(world.ask(0));
    let next = world.next_task(Report { computed: Some(computed), ask, now: world.now() });
    assert_eq!(next.map(|held| held.name), Some("a".into()), "the call succeeds and hands out work");
    assert_eq!((world.states().as_str(), world.task("a").display.as_str()), ("a Running, b Queued", "a"));
    assert!(world.progress(0).is_empty());
}

#[test]
fn r_41_a_late_failure_is_ignored_with_all_it_carries() {
    let mut world = World::seeded(1).job("a retries=5").runners(2);
    let slow = world.claim(0).expect("a");
    world.advance(seconds(15)).expire_leases();
    let quick = world.claim(1).expect("a again");
    world.complete(&quick);
    let late = world.fail_with(&slow, |failed| {
        failed.display = "late".into();
        failed.progress = vec![boxwood_engine::ProgressUpdate { label: "late".into(), total: 1, done: 1 }];
    });
    assert_eq!(late, TaskState::Computed, "R-45: the unchanged state");
    assert_eq!((world.task("a").display.as_str(), world.progress(0).len(), world.task("a").retry_count), ("a", 0, 1));
}

#[test]
fn r_42_whoever_reports_first_wins() {
    let mut world = World::seeded(7).job("a\n  b").runners(2);
    let slow = world.claim(0).expect("a is ready");
    world.advance(seconds(15)).expire_leases();
    let quick = world.claim(1).expect("a is ready again");
    assert_eq!(slow.id, quick.id);
    world.complete(&slow);
    assert_eq!(world.states(), "a Computed, b Queued", "the runner whose lease had ended was first");
    world.complete(&quick);
    assert_eq!(world.states(), "a Computed, b Queued", "the other one is ignored");
}

#[test]
fn r_42_a_report_after_the_lease_but_before_the_expiry_is_in_time() {
    let mut world = World::seeded(1).job("a");
    let a = world.claim(0).expect("a");
    world.advance(seconds(20));
    world.complete(&a);
    assert_eq!((world.expire_leases(), world.state("a"), world.task("a").retry_count), (0, TaskState::Computed, 0));
}

#[test]
fn r_43_reports_for_unknown_tasks_are_not_found() {
    let mut world = World::seeded(1).job("a");
    let a = world.claim(0).expect("a");
    let task = TaskId::from_u128(1).expect("not zero");
    let computed = ComputedTask { task, ..world.computed(&a) };
    let report = Report { computed: Some(computed), ask: Some(world.ask(0)), now: world.now() };
    let failed = FailedTask { task, display: "x".into(), progress: Vec::new(), workflow_error: true, now: world.now() };
    for command in [Command::Report(Box::new(report)), Command::FailTask(failed)] {
        let refused = world.send(command).expect_err("no such task");
        assert_eq!(refused.kind, RefusalKind::NotFound);
        assert!(refused.message.contains(&task.to_string()), "E-2: {refused}");
    }
}

#[test]
fn r_43_ids_next_to_known_ones_are_unknown() {
    let mut world = World::seeded(1).job("a\nb");
    let a = world.claim(0).expect("a");
    let before = TaskId::from_u128(a.id.to_u128() - 1).expect("not zero");
    for task in [before, a.id.offset(2)] {
        let failed =
            FailedTask { task, display: "x".into(), progress: Vec::new(), workflow_error: true, now: world.now() };
        assert_eq!(world.send(Command::FailTask(failed)).expect_err("no such task").kind, RefusalKind::NotFound);
    }
}

#[test]
fn r_45_a_failure_answers_the_state_it_leads_to() {
    let mut world = World::seeded(1).job("a retries=1\nb optional\nc").runners(3);
    let (a, b, c) = (world.claim(0).expect("a"), world.claim(1).expect("b"), world.claim(2).expect("c"));
    assert_eq!(world.fail(&a), TaskState::Queued);
    assert_eq!(world.fail(&b), TaskState::FailedOptional);
    assert_eq!(world.fail(&c), TaskState::Failed);
    let mut world = World::seeded(1).job("a -> b");
    let (a, b) = (world.claim(0).expect("a"), world.task("b").id);
    let failed =
        FailedTask { task: b, display: "x".into(), progress: Vec::new(), workflow_error: true, now: world.now() };
    let never = world.send(Command::FailTask(failed));
    assert!(
        matches!(never, Ok(boxwood_engine::Reply::TaskState(TaskState::Queued))),
        "R-41: never handed out: {never:?}"
    );
    world.complete(&a);
}

#[test]
fn r_51_a_fault_in_a_report_fails_the_task_and_stores_none_of_its_children() {
    let mut world = World::seeded(1).job("a\n  child").job("other");
    let a = world.claim(0).expect("a");
    let next = report_with_fault(&mut world, &a, "task_groups: 65 groups, at most 64");
    assert_eq!(next.map(|held| held.name), Some("other".into()), "the call succeeds and hands out work");
    assert_eq!(
        (world.state("a"), world.exists("child"), world.job_state(0)),
        (TaskState::Failed, false, JobState::Failed)
    );
    assert_eq!(world.task("a").display, "a\ntask_groups: 65 groups, at most 64");
}

#[test]
fn r_51_the_line_is_added_to_the_display_of_the_report() {
    let mut world = World::seeded(1).job("a retries=1");
    let a = world.claim(0).expect("a");
    world.complete_with(&a, |computed| {
        computed.display = "half done".into();
        computed.content_error = Some("too much".into());
    });
    assert_eq!(world.task("a").display, "half done\ntoo much");
    assert_eq!((world.state("a"), world.task("a").retry_count), (TaskState::Queued, 1), "S-6: it has a retry");
}

#[test]
fn r_51_r_10_the_answer_to_a_report_with_a_fault_goes_on_near_the_task() {
    let mut world = World::seeded(1).job("a\n  b\n    c retries=1\n    d\n  e").job("other");
    let a = world.claim(0).expect("a");
    let b = world.report(0, &a).expect("b");
    let c = world.report(0, &b).expect("c");
    let next = report_with_fault(&mut world, &c, "too much");
    assert_eq!(next.map(|held| held.name), Some("c".into()), "its retry, and not e, which is nearer to the root");
}

#[test]
fn r_51_nothing_of_the_progress_in_such_a_report_is_stored() {
    let mut world = World::seeded(1).job("a retries=1");
    let a = world.claim(0).expect("a");
    world.complete_with(&a, |computed| {
        computed.progress = vec![boxwood_engine::ProgressUpdate { label: "x".into(), total: 1, done: 1 }];
        computed.content_error = Some("too much".into());
    });
    assert!(world.progress(0).is_empty());
}

#[test]
fn r_51_in_an_optional_branch_the_fault_fails_the_branch() {
    let mut world = World::seeded(1).job("top optional\n  a\n  b");
    let top = world.claim(0).expect("top");
    let a = world.report(0, &top).expect("a");
    assert!(report_with_fault(&mut world, &a, "too much").is_none());
    assert_eq!(world.states(), "top Computed, a FailedOptional, b Skipped");
}

#[test]
fn r_51_an_unknown_cluster_of_a_child_is_such_a_fault() {
    let mut world = World::seeded(1).job("a\n  b on=nowhere\n  c");
    let a = world.claim(0).expect("a");
    assert!(world.report(0, &a).is_none());
    assert_eq!((world.state("a"), world.exists("c")), (TaskState::Failed, false));
    let display = world.task("a").display;
    assert!(display.starts_with("a\ncluster_slug_lookup: ") && display.contains("\"nowhere\""), "{display}");
}

#[test]
fn r_51_a_fault_in_a_repeated_report_is_ignored_with_the_report() {
    let mut world = World::seeded(1).job("a");
    let a = world.claim(0).expect("a");
    world.complete(&a);
    assert!(report_with_fault(&mut world, &a, "too much").is_none());
    assert_eq!((world.state("a"), world.task("a").display.as_str()), (TaskState::Computed, "a"));
}

#[test]
fn r_51_a_setting_refuses_such_reports_instead() {
    let mut world = World::seeded(1).job("a\n  b").settings(|settings| settings.refuse_content_errors = true);
    let a = world.claim(0).expect("a");
    let mut computed = world.computed(&a);
    computed.content_error = Some("too much".into());
    let report = Report { computed: Some(computed), ask: None, now: world.now() };
    let refused = world.send(Command::Report(Box::new(report))).expect_err("the strict reading");
    assert_eq!((refused.kind, refused.message.as_str()), (RefusalKind::Invalid, "too much"));
    assert_eq!(world.states(), "a Running", "R-50, E-3");
    world.complete(&a);
    assert_eq!(world.states(), "a Computed, b Queued");
}

#[test]
fn r_41_r_45_a_report_that_came_too_early_does_not_hide_what_happens_later() {
    let mut world = World::seeded(1).job("a\nb").runners(2);
    let task = world.task("b").id;
    let state = |world: &mut World| {
        let display = "not now".into();
        let failed = FailedTask { task, display, progress: Vec::new(), workflow_error: true, now: world.now() };
        match world.send(Command::FailTask(failed)) {
            Ok(boxwood_engine::Reply::TaskState(state)) => state,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(state(&mut world), TaskState::Queued);
    // Its group stays in memory because of a, its own row does not.
    let _a = world.claim(0).expect("a");
    let b = world.claim(1).expect("b");
    world.complete(&b);
    assert_eq!(state(&mut world), TaskState::Computed);
}
