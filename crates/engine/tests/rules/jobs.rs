//! Sections 3.1, 3.2, 3.5 and 3.6: submitting, states, retrying, canceling.

use boxwood_engine::{AutomationId, Command, JobId, JobState, LegacyJobState, RefusalKind, Reply, TaskState};
use boxwood_testkit::{Runner, World, milliseconds, seconds};

#[test]
fn j_2_j_3_root_tasks_are_independent_unless_groups_depend_on_each_other() {
    let mut world = World::seeded(1).job("a\nb\nc after=a").runners(3);
    let held: Vec<_> = (0..3).filter_map(|runner| world.claim(runner)).map(|held| held.name).collect();
    assert_eq!(held, ["a", "b"]);
}

#[test]
fn j_4_c_3_no_cluster_means_the_default_one() {
    let world = World::seeded(1).cluster("gpu").job("a");
    assert_eq!(&*world.task("a").cluster, "default");
}

#[test]
fn j_5_j_9_e_3_an_unknown_cluster_refuses_the_whole_submission() {
    let mut world = World::seeded(1);
    let new = world.new_job("job", "a as=New -> b on=nowhere");
    let (id, kept) = (new.id, world.rows());
    let refused = world.send(Command::SubmitJob(new)).expect_err("there is no such cluster");
    assert_eq!(refused.kind, RefusalKind::NotFound);
    assert!(refused.message.contains("nowhere"), "E-2: {refused}");
    assert!(world.rows() == kept);
    assert!(world.reader().job(id).expect("memory can be read").is_none());
    assert!(world.claim(0).is_none());
    world.submit("c");
    assert_eq!(world.claim(0).map(|held| held.name), Some("c".into()), "the next submission is not disturbed");
}

#[test]
fn e_3_the_identifiers_of_a_refused_job_are_as_unknown_as_before() {
    let mut world = World::seeded(1).job("old as=Tile v1.0");
    let refused = world.new_job("refused", "first as=Tile v1.1\nlost on=nowhere");
    assert!(world.send(Command::SubmitJob(refused)).is_err());
    world = world.job("new as=Tile v1.1");
    // Only what was stored is there after a restart.
    world.restart().run();
    assert_eq!(world.states(), "old Computed, new Computed");
}

#[test]
fn j_6_a_submission_answers_the_job_and_its_tasks_are_eligible_at_once() {
    let mut world = World::seeded(1);
    let new = world.new_job("my job", "a, b -> c");
    let (id, trace_parent, now) = (new.id, new.trace_parent.clone(), new.now);
    let Ok(Reply::Job(job, status)) = world.send(Command::SubmitJob(new)) else { panic!("a sound job") };
    assert_eq!((job.id, job.name.as_str(), &job.trace_parent, job.submitted_at), (id, "my job", &trace_parent, now));
    assert_eq!((status.state(), status.counts.to_array()), (JobState::Submitted, [3, 0, 0, 0, 0, 0]));
    assert_eq!((status.first_started_at, status.last_stopped_at, status.parallelism()), (None, None, 0.0));
    assert!(world.claim(0).is_some());
}

#[test]
fn j_7_a_job_keeps_the_id_of_its_automation() {
    let mut world = World::seeded(1);
    let mut new = world.new_job("job", "a");
    let (id, automation) = (new.id, AutomationId::from_u128(77));
    new.automation = automation;
    world.send(Command::SubmitJob(new)).expect("a sound job");
    let job = world.reader().job(id).expect("memory can be read").expect("stored").job;
    assert_eq!(job.automation, automation);
}

#[test]
fn j_8_many_jobs_may_have_the_same_name() {
    let world = World::seeded(1).job("a").job("b").job("c");
    let names: Vec<_> = (0..3).map(|job| world.job_view(job).job.name.clone()).collect();
    assert_eq!(names, ["job", "job", "job"]);
}

/// Submits the same thing twice; answers whether the second submission made a job of its own.
fn submitted_twice(world: &mut World, repeated: bool, wait: std::time::Duration) -> bool {
    let first = world.new_job("job", "a");
    world.send(Command::SubmitJob(first.clone())).expect("a sound job");
    world.advance(wait);
    let mut second = world.new_job("job", "b");
    (second.name, second.trace_parent, second.tasks) = (first.name, first.trace_parent, first.tasks);
    (second.fingerprint, second.repeated) = (first.fingerprint, repeated);
    let id = second.id;
    let Ok(Reply::Job(job, _)) = world.send(Command::SubmitJob(second)) else { panic!("a sound job") };
    assert!(job.id == id || job.id == first.id);
    job.id == id
}

#[test]
fn j_11_a_repeated_submission_of_the_last_minute_returns_the_first_job() {
    assert!(!submitted_twice(&mut World::seeded(1), true, seconds(0)));
    assert!(!submitted_twice(&mut World::seeded(1), true, milliseconds(59_999)));
    assert!(submitted_twice(&mut World::seeded(1), true, milliseconds(60_001)), "more than a minute later");
    assert!(submitted_twice(&mut World::seeded(1), false, seconds(0)), "not said to be a repetition");
}

#[test]
fn j_11_the_first_job_is_returned_as_it_is_now() {
    let mut world = World::seeded(1);
    let first = world.new_job("job", "a");
    world.send(Command::SubmitJob(first.clone())).expect("a sound job");
    world.run();
    world.restart();
    let mut second = world.new_job("job", "a");
    (second.trace_parent, second.tasks) = (first.trace_parent, first.tasks);
    (second.fingerprint, second.repeated) = (first.fingerprint, true);
    let Ok(Reply::Job(job, status)) = world.send(Command::SubmitJob(second)) else { panic!("a sound job") };
    assert_eq!((job.id, status.state()), (first.id, JobState::Completed));
    assert_eq!(world.rows().jobs.len(), 1);
}

#[test]
fn j_11_a_repetition_of_nothing_is_an_ordinary_submission() {
    let mut world = World::seeded(1).job("a");
    let mut new = world.new_job("job", "a");
    new.repeated = true;
    let id = new.id;
    let Ok(Reply::Job(job, _)) = world.send(Command::SubmitJob(new)) else { panic!("a sound job") };
    assert_eq!(job.id, id);
}

#[test]
fn j_20_states_keep_their_wire_numbers() {
    assert_eq!(JobState::ALL.map(|state| state as u8), [1, 2, 3, 4, 5, 6]);
    assert_eq!(JobState::from_number(4), Some(JobState::Completed));
    assert_eq!(JobState::from_number(0), None);
}

#[test]
fn j_21_a_job_goes_from_submitted_to_completed() {
    let mut world = World::seeded(1).job("a -> b");
    assert_eq!(world.job_state(0), JobState::Submitted);
    let a = world.claim(0).expect("a");
    assert_eq!(world.job_state(0), JobState::Running);
    world.complete(&a);
    assert_eq!(world.job_state(0), JobState::Started);
    let b = world.claim(0).expect("b");
    assert_eq!(world.job_state(0), JobState::Running);
    world.complete(&b);
    assert_eq!(world.job_state(0), JobState::Completed);
}

#[test]
fn j_21_failed_comes_before_canceled_and_running() {
    let mut world = World::seeded(1).job("a\nb\nc").runners(2);
    let (a, _b) = (world.claim(0).expect("a"), world.claim(1).expect("b"));
    world.cancel(0);
    assert_eq!(world.job_state(0), JobState::Canceled);
    world.fail(&a);
    assert_eq!(world.job_state(0), JobState::Failed);
}

#[test]
fn j_21_a_canceled_job_whose_last_task_ends_is_completed() {
    let mut world = World::seeded(1).job("a");
    let a = world.claim(0).expect("a");
    world.cancel(0);
    world.complete(&a);
    assert_eq!(world.job_state(0), JobState::Completed);
}

#[test]
fn j_22_the_recorded_flaky_task() {
    // Fails, is retried, fails, is retried, succeeds; no retries of its own.
    let mut world = World::seeded(1).job("FlakyTask");
    let mut display = String::from("FlakyTask");
    for error in ["\nfirst error", "\nsecond error"] {
        let held = world.claim(0).expect("the task");
        assert_eq!(&*held.display, display);
        display.push_str(error);
        assert_eq!(world.fail_with(&held, |failed| failed.display = display.clone()), TaskState::Failed, "R-45");
        assert!(world.claim(0).is_none());
        assert_eq!(world.job_state(0), JobState::Failed);
        assert!(world.status(0).legacy_canceled(), "J-24");
        assert_eq!(world.retry(0), 1, "J-64");
        assert_eq!(world.job_state(0), JobState::Running);
    }
    let held = world.claim(0).expect("the task");
    assert_eq!(&*held.display, display, "T-42: kept over the retry");
    assert!(world.report(0, &held).is_none());
    assert_eq!(world.job_state(0), JobState::Completed);
    assert_eq!(world.task("FlakyTask").display, display);
}

#[test]
fn j_24_the_deprecated_state_and_mark() {
    let mut world = World::seeded(1).job("a\nb");
    let legacy = |world: &World| (world.status(0).legacy_state(), world.status(0).legacy_canceled());
    assert_eq!(legacy(&world), (LegacyJobState::Queued, false));
    let a = world.claim(0).expect("a");
    assert_eq!(legacy(&world), (LegacyJobState::Started, false));
    world.cancel(0);
    assert_eq!(legacy(&world), (LegacyJobState::Started, true));
    world.retry(0);
    world.complete(&a);
    world.run();
    assert_eq!(legacy(&world), (LegacyJobState::Completed, false));
    let mut world = World::seeded(1).job("a");
    world.cancel(0);
    assert_eq!(legacy(&world), (LegacyJobState::Queued, true));
}

#[test]
fn j_60_j_70_unknown_jobs_are_not_found() {
    let mut world = World::seeded(1).job("a");
    let job = JobId::from_u128(1).expect("not zero");
    for command in [Command::RetryJob { job }, Command::CancelJob { job }] {
        assert_eq!(world.send(command).expect_err("no such job").kind, RefusalKind::NotFound);
    }
}

#[test]
fn j_61_j_64_a_retry_revives_every_failed_task_and_frees_the_queued_ones() {
    let mut world = World::seeded(1).job("a\nb\nc\nd").runners(3);
    let held: Vec<_> = (0..3).map(|runner| world.claim(runner).expect("a, b, c")).collect();
    for task in &held {
        world.fail(task);
    }
    assert!(world.claim(0).is_none());
    world.cancel(0);
    assert_eq!(world.retry(0), 3, "J-64");
    assert_eq!(world.states(), "a Queued, b Queued, c Queued, d Queued");
    let names: Vec<_> = (0..3).map(|runner| world.claim(runner).expect("work").name).collect();
    assert_eq!(names, ["a", "b", "c"], "R-12");
}

#[test]
fn j_61_each_retry_is_about_the_tasks_that_have_failed_since_the_one_before() {
    let mut world = World::seeded(1).job("a fails=1\nb fails=1\nc fails=2");
    for retried in ["a", "b", "c", "c"] {
        world.run();
        assert_eq!((world.state(retried), world.retry(0)), (TaskState::Failed, 1), "{retried}");
    }
    world.run();
    assert_eq!((world.job_state(0), world.order().as_str()), (JobState::Completed, "a a b b c c c"));
}

#[test]
fn j_61_a_retry_works_when_everything_has_left_memory() {
    let mut world = World::seeded(1).job("a\nb\nc after=a").runners(2);
    let a = world.claim(0).expect("a");
    world.fail(&a);
    world.restart();
    assert!(world.claim(0).is_none());
    world.restart();
    assert_eq!(world.retry(0), 1);
    world.restart();
    world.run();
    assert_eq!(world.job_state(0), JobState::Completed);
}

#[test]
fn j_63_failed_optional_and_skipped_tasks_are_not_revived() {
    let mut world = World::seeded(1).job("top optional\n  x fails -> y\nz fails=1");
    world.run();
    assert_eq!(world.retry(0), 1);
    world.run();
    assert_eq!(world.states(), "top Computed, z Computed, x FailedOptional, y Skipped");
    assert_eq!(world.order().matches('x').count(), 1);
}

#[test]
fn j_66_a_fixed_version_can_take_the_retried_task() {
    let mut world = World::seeded(1).job("a as=acme.Tile v1.3").runners(0);
    world = world.runner(Runner::on("default").knows("acme.Tile", "v1.3"));
    world = world.runner(Runner::on("default").knows("acme.Tile", "v1.4"));
    let a = world.claim(0).expect("a");
    world.fail(&a);
    world.retry(0);
    let again = world.claim(1).expect("a");
    assert_eq!((again.id, &again.input, again.identifier.version.as_str()), (a.id, &a.input, "v1.4"));
    assert_eq!(world.task("a").identifier.version.as_str(), "v1.3", "T-54");
}

#[test]
fn j_67_retrying_a_job_that_is_not_halted_changes_nothing() {
    let mut world = World::seeded(1).job("a -> b");
    let kept = world.rows();
    assert_eq!(world.retry(0), 0);
    assert!(world.rows() == kept);
    let a = world.claim(0).expect("a");
    let kept = world.rows();
    assert_eq!(world.retry(0), 0);
    assert!(world.rows() == kept);
    world.complete(&a);
    world.run();
    assert_eq!((world.retry(0), world.job_state(0)), (0, JobState::Completed));
}

#[test]
fn j_62_j_68_the_movie_example() {
    // Two clips are done, one fails, one waits; after the retry exactly two executions happen.
    let mut world = World::seeded(1).job("movie\n  clip1\n  clip2\n  clip3 fails=1\n  clip4");
    world.run();
    assert_eq!(world.states(), "movie Computed, clip1 Computed, clip2 Computed, clip3 Failed, clip4 Queued");
    let before = world.order();
    assert_eq!(world.retry(0), 1);
    world.run();
    assert_eq!(world.order().strip_prefix(&before), Some(" clip3 clip4"), "J-62");
    assert_eq!(world.job_state(0), JobState::Completed);
}

#[test]
fn j_71_after_a_cancel_nothing_of_the_job_is_handed_out() {
    let mut world = World::seeded(1).job("a\nb").job("other").runners(3);
    world.cancel(0);
    assert_eq!(world.job_state(0), JobState::Canceled);
    assert_eq!(world.claim(0).map(|held| held.name), Some("other".into()));
    assert!(world.claim(1).is_none());
    assert_eq!(world.states(), "a Queued, b Queued, other Running");
}

#[test]
fn j_72_j_73_running_tasks_of_a_canceled_job_end_and_their_children_wait() {
    let mut world = World::seeded(1).job("a\n  a1\nb").runners(2);
    let (a, b) = (world.claim(0).expect("a"), world.claim(1).expect("b"));
    world.cancel(0);
    assert_eq!(world.extend(&a, seconds(30)).map(|lease| lease.length), Some(seconds(30)));
    assert!(world.report(0, &a).is_none());
    assert_eq!(world.states(), "a Computed, b Running, a1 Queued");
    assert_eq!(world.hand_back(&b), TaskState::Queued);
    assert!(world.claim(0).is_none() && world.claim(1).is_none());
}

#[test]
fn j_74_a_canceled_job_is_resumed_by_a_retry() {
    let mut world = World::seeded(1).job("a\n  a1\nb").runners(2);
    let a = world.claim(0).expect("a");
    world.cancel(0);
    world.complete(&a);
    assert!(world.claim(0).is_none());
    assert_eq!(world.retry(0), 0, "J-64: no task had failed");
    assert_eq!(world.job_state(0), JobState::Started);
    world.run();
    assert_eq!((world.order().as_str(), world.job_state(0)), ("a b a1", JobState::Completed));
}

#[test]
fn j_75_canceling_a_job_that_is_over_changes_nothing() {
    let mut world = World::seeded(1).job("done").job("failed fails\nqueued").job("canceled");
    world.cancel(2);
    world.run();
    let states = [0, 1, 2].map(|job| world.job_state(job));
    assert_eq!(states, [JobState::Completed, JobState::Failed, JobState::Canceled]);
    let kept = world.rows();
    for job in 0..3 {
        world.cancel(job);
    }
    assert!(world.rows() == kept);
    assert_eq!(world.retry(1), 1);
    assert_eq!(world.job_state(1), JobState::Running, "the failed job was not canceled");
}
