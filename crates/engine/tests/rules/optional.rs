//! Section 1.8: optional tasks.

use boxwood_engine::{JobState, TaskState};
use boxwood_testkit::{Runner, World, seconds};

#[test]
fn t_120_t_121_an_optional_task_that_succeeds_is_like_any_other() {
    let mut world = World::seeded(1).job("root\n  a optional -> b\n    below");
    world.run();
    assert_eq!(world.states(), "root Computed, a Computed, b Computed, below Computed");
    assert!(world.task("a").optional && !world.task("b").optional);
}

#[test]
fn t_122_t_124_j_23_an_optional_task_fails_only_after_its_retries_and_the_job_is_completed() {
    let mut world = World::seeded(1).job("root\n  required, flaky optional fails retries=3 -> last");
    world.run();
    assert_eq!(world.order(), "root required flaky flaky flaky flaky last");
    assert_eq!(world.states(), "root Computed, required Computed, flaky FailedOptional, last Computed");
    assert_eq!(world.job_state(0), JobState::Completed);
}

#[test]
fn t_123_a_failed_optional_task_halts_nothing_and_lets_its_dependents_run() {
    let mut world = World::seeded(1).job("root\n  a optional fails -> b\n  c").runners(2);
    let root = world.claim(0).expect("root");
    let a = world.report(0, &root).expect("a");
    assert_eq!(world.fail(&a), TaskState::FailedOptional);
    assert_eq!(world.state("root"), TaskState::Computed);
    let mut names = [0, 1].map(|runner| world.claim(runner).expect("work goes on").name);
    names.sort();
    assert_eq!(names, ["b", "c"]);
}

#[test]
fn t_125_t_126_everything_below_an_optional_task_fails_as_optional() {
    let mut world = World::seeded(1).job("root\n  a optional\n    b\n      c\n        d fails\n  e");
    world.run();
    let states = "root Computed, a Computed, e Computed, b Computed, c Computed, d FailedOptional";
    assert_eq!((world.states().as_str(), world.job_state(0)), (states, JobState::Completed));
    assert!(!world.task("d").optional, "T-126: d itself was not submitted as optional");
}

#[test]
fn t_127_queued_tasks_below_the_boundary_are_skipped_at_any_depth() {
    let mut world = World::seeded(1).runners(3).job(
        "
        root
          top optional
            a
              a1
              a2
              a3 after=a2
            b
            c after=b
              c1
        ",
    );
    let root = world.claim(0).expect("root");
    let top = world.report(0, &root).expect("top");
    let a = world.report(0, &top).expect("a");
    let a1 = world.report(0, &a).expect("a1");
    assert_eq!(world.fail(&a1), TaskState::FailedOptional);
    assert_eq!(
        world.states(),
        "root Computed, top Computed, a Computed, b Skipped, c Skipped, a1 FailedOptional, a2 Skipped, a3 Skipped"
    );
    assert_eq!(world.job_state(0), JobState::Completed);
    assert!(world.claim(0).is_none());
}

#[test]
fn t_127_a_task_of_the_branch_that_waits_for_another_execution_is_skipped_too() {
    let mut world = World::seeded(1).runners(2).job("top optional\n  a retries=3\n  b");
    let top = world.claim(0).expect("top");
    let (a, b) = (world.report(0, &top).expect("a"), world.claim(1).expect("b"));
    assert_eq!(world.fail(&a), TaskState::Queued);
    assert_eq!(world.fail(&b), TaskState::FailedOptional);
    assert_eq!(world.states(), "top Computed, a Skipped, b FailedOptional");
    assert_eq!(world.job_state(0), JobState::Completed);
}

#[test]
fn t_127_many_equal_siblings_are_skipped_at_once() {
    let mut world = World::seeded(1).job("top optional\n  x fails\n  a\n  b\n  c\n  d\nafter after=top");
    world.run();
    assert_eq!(
        world.states(),
        "top Computed, after Computed, x FailedOptional, a Skipped, b Skipped, c Skipped, d Skipped"
    );
    assert_eq!(world.job_state(0), JobState::Completed);
}

#[test]
fn t_128_tasks_outside_the_boundary_go_on() {
    let mut world = World::seeded(1).runners(2).job(
        "
        root
          branch optional
            x fails
            y after=x
          other
            z
        job2
        ",
    );
    world.run();
    assert_eq!(
        world.states(),
        "root Computed, job2 Computed, branch Computed, other Computed, x FailedOptional, y Skipped, z Computed"
    );
}

#[test]
fn t_129_nothing_is_skipped_when_the_boundary_itself_fails() {
    let mut world = World::seeded(1).job("root\n  a optional fails\n    never\n  b after=a");
    world.run();
    assert_eq!(world.states(), "root Computed, a FailedOptional, b Computed");
    assert!(!world.exists("never"));
}

#[test]
fn t_130_a_failure_in_an_inner_branch_skips_only_below_the_inner_boundary() {
    let mut world = World::seeded(1).job(
        "
        root
          outer optional
            inner optional
              x fails -> y
            z after=inner
            w
        ",
    );
    world.run();
    assert_eq!(
        world.states(),
        "root Computed, outer Computed, inner Computed, z Computed, w Computed, x FailedOptional, y Skipped"
    );
    assert_eq!(world.job_state(0), JobState::Completed);
}

#[test]
fn t_131_a_failure_in_the_outer_branch_skips_inner_branches_too() {
    let mut world = World::seeded(1).runners(2).job(
        "
        outer optional
          inner optional
            i1
              i2
            i3
          x
        ",
    );
    let outer = world.claim(0).expect("outer");
    let (inner, x) = (world.report(0, &outer).expect("inner"), world.claim(1).expect("x"));
    let i1 = world.report(0, &inner).expect("i1");
    assert_eq!(world.fail(&x), TaskState::FailedOptional);
    assert_eq!(world.states(), "outer Computed, inner Computed, x FailedOptional, i1 Running, i3 Skipped");
    world.complete(&i1);
    assert_eq!(world.state("i2"), TaskState::Skipped, "T-133: the inner boundary is in the failed branch as well");
    assert_eq!(world.job_state(0), JobState::Completed);
}

#[test]
fn t_131_an_inner_optional_task_that_is_queued_is_skipped() {
    let mut world = World::seeded(1).job("outer optional\n  x fails\n  inner optional after=x\n    never");
    world.run();
    assert_eq!(world.states(), "outer Computed, x FailedOptional, inner Skipped");
}

#[test]
fn t_131_s_11_what_the_inner_branch_has_skipped_is_left_alone_when_the_outer_one_fails() {
    let mut world = World::seeded(1).runners(3).job(
        "
        outer optional
          inner optional
            x
            runs -> waits
          z
        ",
    );
    let outer = world.claim(0).expect("outer");
    let (inner, z) = (world.report(0, &outer).expect("inner"), world.claim(1).expect("z"));
    let (x, runs) = (world.report(0, &inner).expect("x"), world.claim(2).expect("runs"));
    world.fail(&x);
    assert_eq!(world.state("waits"), TaskState::Skipped, "although what it waits for runs still");
    world.fail(&z);
    assert_eq!(
        world.states(),
        "outer Computed, inner Computed, z FailedOptional, x FailedOptional, runs Running, waits Skipped"
    );
    world.complete(&runs);
    assert_eq!(world.job_state(0), JobState::Completed);
}

#[test]
fn t_132_tasks_that_run_when_their_branch_fails_run_to_their_end() {
    let mut world = World::seeded(1).runners(3).job("top optional\n  x\n  good\n  bad\n  late");
    let top = world.claim(0).expect("top");
    let x = world.report(0, &top).expect("x");
    let (good, bad) = (world.claim(1).expect("good"), world.claim(2).expect("bad"));
    world.fail(&x);
    assert_eq!(world.states(), "top Computed, x FailedOptional, good Running, bad Running, late Skipped");
    assert_eq!(world.job_state(0), JobState::Running);
    assert!(world.extend(&good, seconds(30)).is_some());
    world.complete(&good);
    assert_eq!(world.fail(&bad), TaskState::FailedOptional);
    assert_eq!(world.states(), "top Computed, x FailedOptional, good Computed, bad FailedOptional, late Skipped");
    assert_eq!(world.job_state(0), JobState::Completed);
}

#[test]
fn t_133_children_reported_after_the_branch_failed_are_skipped_from_the_start() {
    let mut world = World::seeded(1).runners(2).job("top optional\n  x\n  y\n    y1 -> y2\n    y3 optional");
    let top = world.claim(0).expect("top");
    let (x, y) = (world.report(0, &top).expect("x"), world.claim(1).expect("y"));
    world.fail(&x);
    assert!(world.report(1, &y).is_none());
    assert_eq!(world.states(), "top Computed, x FailedOptional, y Computed, y1 Skipped, y2 Skipped, y3 Skipped");
    assert_eq!(world.job_state(0), JobState::Completed);
}

#[test]
fn t_134_a_running_task_of_a_failed_branch_is_not_retried() {
    let mut world = World::seeded(1).runners(2).job("top optional\n  x\n  y retries=9");
    let top = world.claim(0).expect("top");
    let (x, y) = (world.report(0, &top).expect("x"), world.claim(1).expect("y"));
    world.fail(&x);
    assert_eq!(world.fail(&y), TaskState::FailedOptional);
}

#[test]
fn t_134_handed_back_given_back_or_lost_tasks_of_a_failed_branch_are_skipped() {
    let mut world = World::seeded(1).runners(4).job("top optional\n  x\n  a\n  b\n  c\nafter after=top");
    let top = world.claim(0).expect("top");
    let x = world.report(0, &top).expect("x");
    let [a, b, _c] = [1, 2, 3].map(|runner| world.claim(runner).expect("a, b, c"));
    world.fail(&x);
    assert_eq!(world.hand_back(&a), TaskState::Skipped, "R-45");
    world.give_back(&b);
    assert_eq!(world.state("b"), TaskState::Skipped);
    assert!(world.claim(0).is_none(), "T-135: c of the branch runs still");
    world.advance(seconds(15)).expire_leases();
    assert_eq!(world.state("c"), TaskState::Skipped);
    assert_eq!(world.claim(0).map(|held| held.name), Some("after".into()));
}

#[test]
fn t_135_dependents_of_the_branch_wait_for_its_running_tasks() {
    let mut world = World::seeded(1).runners(2).job("root\n  top optional\n    x\n    y\n  after after=top");
    let root = world.claim(0).expect("root");
    let top = world.report(0, &root).expect("top");
    let (x, y) = (world.report(0, &top).expect("x"), world.claim(1).expect("y"));
    world.fail(&x);
    assert_eq!(world.state("top"), TaskState::Computed);
    assert!(world.claim(0).is_none(), "y still runs");
    assert_eq!(world.report(1, &y).map(|held| held.name), Some("after".into()));
}

#[test]
fn t_136_a_root_task_may_be_optional() {
    let mut world = World::seeded(1).job("a optional fails\nb optional\n  b1 fails -> b2");
    world.run();
    assert_eq!(world.states(), "a FailedOptional, b Computed, b1 FailedOptional, b2 Skipped");
    assert_eq!(world.job_state(0), JobState::Completed);
}

const NESTED: &str = "
    Pipeline
      OptionalProcessing optional
        Step1
          Step1A
          Step1B fails
          Step1C
        Step2 after=Step1
      AlwaysRuns
    ";

#[test]
fn t_137_the_documented_nested_example() {
    let mut world = World::seeded(1).job(NESTED);
    world.run();
    assert_eq!(world.order(), "Pipeline OptionalProcessing Step1 Step1A Step1B AlwaysRuns");
    assert_eq!(
        world.states(),
        "Pipeline Computed, OptionalProcessing Computed, AlwaysRuns Computed, Step1 Computed, Step2 Skipped, \
         Step1A Computed, Step1B FailedOptional, Step1C Skipped"
    );
    assert_eq!(world.job_state(0), JobState::Completed);
}

#[test]
fn t_137_with_several_runners_step_2_is_skipped_in_any_case() {
    for runners in 2..6 {
        let mut world = World::seeded(1).job(NESTED).runners(runners);
        world.run();
        assert_eq!((world.state("Step2"), world.state("AlwaysRuns")), (TaskState::Skipped, TaskState::Computed));
        assert!(matches!(world.state("Step1C"), TaskState::Skipped | TaskState::Computed), "T-132");
        assert_eq!(world.job_state(0), JobState::Completed);
    }
}

#[test]
fn t_138_the_documented_example_with_the_failing_step_optional_itself() {
    let mut world = World::seeded(1).job(NESTED.replace("Step1B fails", "Step1B optional fails").as_str());
    world.run();
    assert_eq!(
        world.states(),
        "Pipeline Computed, OptionalProcessing Computed, AlwaysRuns Computed, Step1 Computed, Step2 Computed, \
         Step1A Computed, Step1B FailedOptional, Step1C Computed"
    );
    assert_eq!(world.job_state(0), JobState::Completed);
}

#[test]
fn t_138_with_one_runner_always_runs_comes_last() {
    let mut world = World::seeded(1).job(NESTED.replace("Step1B fails", "Step1B optional fails").as_str());
    world.run();
    assert_eq!(world.order(), "Pipeline OptionalProcessing Step1 Step1A Step1B Step1C Step2 AlwaysRuns");
}

#[test]
fn t_139_an_optional_parent_with_a_failing_required_child() {
    let mut world = World::seeded(1).job("root\n  parent optional\n    F fails -> S\n  independent");
    world.run();
    assert_eq!(world.status(0).counts.to_array(), [0, 0, 3, 0, 1, 1]);
    assert_eq!(world.job_state(0), JobState::Completed);
}

#[test]
fn t_127_branches_across_clusters_are_skipped_whole() {
    let mut world = World::seeded(1).cluster("gpu").runner(Runner::on("gpu")).job(
        "
        top optional
          x
          far on=gpu
            far1
          waits on=gpu after=x
        ",
    );
    let top = world.claim(0).expect("top");
    let (x, far) = (world.report(0, &top).expect("x"), world.claim(1).expect("far"));
    assert!(world.report(1, &far).is_some());
    world.fail(&x);
    assert_eq!(world.states(), "top Computed, x FailedOptional, far Computed, waits Skipped, far1 Running");
}

#[test]
fn t_127_a_branch_whose_tasks_left_memory_is_skipped_as_well() {
    let mut world = World::seeded(1).runners(2).job("top optional\n  x\n  y\n    y1\n    y2 after=y1\n      y3");
    let top = world.claim(0).expect("top");
    let (x, y) = (world.report(0, &top).expect("x"), world.claim(1).expect("y"));
    world.complete(&y);
    world.restart();
    world.fail(&x);
    assert_eq!(world.states(), "top Computed, x FailedOptional, y Computed, y1 Skipped, y2 Skipped");
    assert_eq!(world.job_state(0), JobState::Completed);
}

#[test]
fn t_134_a_limit_reached_in_a_failed_branch_changes_nothing_about_it() {
    // One more lost lease or hand-back would fail both tasks; in a failed branch they are SKIPPED instead.
    let limits =
        |settings: &mut boxwood_engine::Settings| (settings.crash_retries_max, settings.hand_backs_max) = (0, 0);
    let mut world = World::seeded(1).settings(limits).runners(3).job("top optional\n  x\n  lost\n  back");
    let top = world.claim(0).expect("top");
    let x = world.report(0, &top).expect("x");
    let (_lost, back) = (world.claim(1).expect("lost"), world.claim(2).expect("back"));
    world.fail(&x);
    assert_eq!(world.hand_back(&back), TaskState::Skipped);
    world.advance(seconds(15)).expire_leases();
    assert_eq!(world.states(), "top Computed, x FailedOptional, lost Skipped, back Skipped");
    assert_eq!(world.task("lost").display, "lost", "nothing is said about limits");
}
