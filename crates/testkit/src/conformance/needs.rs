//! What a backend loads for each need, and the other calls of a backend.

use boxwood_engine::{
    ClassKey, Command, GroupKey, JobId, JobKey, Need, ProgressUpdate, RefusalKind, Reply, TaskId, TaskKey, TaskState,
    Timestamp,
};
use boxwood_store::step_with;

use crate::plan::Plan;
use crate::reopen::Reopen;
use crate::seconds;
use crate::world::World;

/// [`Need::Job`] and [`Need::JobById`].
pub fn jobs_are_found_by_key_and_by_id<S: Reopen + 'static>(mut fresh: impl FnMut() -> S) {
    let mut world = World::on(1, fresh()).job("a").job("b");
    for (job, key) in [(0, JobKey(1)), (1, JobKey(2))] {
        let id = world.job_id(job);
        for need in [Need::Job(key), Need::JobById(id)] {
            let set = world.loaded(need);
            assert!(set.has(Need::Job(key)) && set.has(Need::JobById(id)), "{need:?}");
        }
    }
    let unknown = Need::JobById(JobId::from_u128(1).expect("not zero"));
    let set = world.loaded(unknown);
    assert!(set.has(unknown) && !set.has(Need::Job(JobKey(1))) && !set.has(Need::Job(JobKey(2))));
}

/// [`Need::GroupOf`], [`Need::Task`] and [`Need::TaskById`].
pub fn tasks_are_found_by_key_and_by_id<S: Reopen + 'static>(mut fresh: impl FnMut() -> S) {
    let mut world = World::on(1, fresh()).job("a, b, c -> d").runners(2);
    let [a, b, _] = ["a", "b", "c"].map(|name| (world.key(name), world.task(name).id));
    let d = world.key("d");
    assert!(world.claim(0).is_some());
    for need in [Need::GroupOf(b.0), Need::TaskById(b.1), Need::TaskById(a.1)] {
        let set = world.loaded(need);
        let group = (0..3).all(|place| set.has(Need::GroupOf(a.0.offset(place))));
        assert!(set.has(need) && group && !set.has(Need::GroupOf(d)), "{need:?}");
    }
    let mut row_of = |need, task| world.loaded(need).has(Need::Task(task));
    assert!(row_of(Need::TaskById(a.1), a.0), "a was handed out, its row comes with it");
    assert!(row_of(Need::TaskById(b.1), b.0), "b has no row, and the store says so");
    assert!(row_of(Need::Task(a.0), a.0) && row_of(Need::Task(b.0), b.0));
    let first = a.1.to_u128();
    for unknown in [1, first - 1, first + 4, first + 1_000_000] {
        let need = Need::TaskById(TaskId::from_u128(unknown).expect("not zero"));
        let set = world.loaded(need);
        assert!(set.has(need) && !set.has(Need::GroupOf(a.0)) && !set.has(Need::GroupOf(d)), "{need:?}");
    }
}

/// [`Need::Ready`] and [`Need::Queue`], also of classes without any.
pub fn ready_tasks_and_queues_are_found<S: Reopen + 'static>(mut fresh: impl FnMut() -> S) {
    let mut world = World::on(1, fresh()).job("a as=A\nb as=B\nc as=A after=b").job("d as=B").runners(3);
    for need in [Need::Ready(JobKey(1), ClassKey(1)), Need::Queue(ClassKey(2)), Need::Ready(JobKey(2), ClassKey(1))] {
        assert!(world.loaded(need).has(need), "{need:?}");
    }
    // Every step from the database alone.
    let mut names = Vec::new();
    for _ in 0..3 {
        world.restart();
        names.extend(world.claim(0).map(|held| held.name));
    }
    assert_eq!(names, ["a", "b", "d"]);
    world.restart();
    assert!(world.claim(0).is_none(), "c waits for b");
    world.advance(seconds(15)).restart().expire_leases();
    let mut names = Vec::new();
    for _ in 0..3 {
        world.restart();
        names.extend(world.claim(0).map(|held| held.name));
    }
    assert_eq!(names, ["a", "b", "d"], "tasks that came back are found too");
}

/// [`Need::Display`], [`Need::TaskProgress`] and [`Need::JobProgress`].
pub fn displays_and_progress_are_found<S: Reopen + 'static>(mut fresh: impl FnMut() -> S) {
    let mut world = World::on(1, fresh()).job("a retries=1");
    let update = |label: &str, total, done| ProgressUpdate { label: label.into(), total, done };
    let a = world.claim(0).expect("a");
    world.fail_with(&a, |failed| {
        failed.display = "replaced".into();
        failed.progress = vec![update("x", 4, 1), update("", 0, 0), update("y", 1, 1)];
    });
    let key = a.taken.task;
    for need in [Need::Display(key), Need::TaskProgress(key), Need::JobProgress(JobKey(1))] {
        assert!(world.loaded(need).has(need), "{need:?}");
    }
    world.restart();
    let again = world.claim(0).expect("a again");
    assert_eq!(&*again.display, "replaced");
    world.restart();
    world.complete_with(&again, |computed| computed.progress = vec![update("x", 2, 2)]);
    assert_eq!(world.progress(0), [("x".to_owned(), 2, 2)], "rows of the earlier report are gone");
    world.restart();
    assert_eq!(world.progress(0), [("x".to_owned(), 2, 2)]);
}

/// [`Need::OpenParents`], with tasks and groups at any depth.
pub fn open_parents_come_with_their_groups<S: Reopen + 'static>(mut fresh: impl FnMut() -> S) {
    let mut world = World::on(1, fresh()).runners(4).job(
        "
        top optional
          a
            a1
              a11
              a12 after=a11
            a2
          b
          done
        ",
    );
    let top = world.claim(0).expect("top");
    let a = world.report(0, &top).expect("a");
    let (b, done) = (world.claim(1).expect("b"), world.claim(2).expect("done"));
    let a1 = world.report(0, &a).expect("a1");
    world.complete(&a1);
    world.complete(&done);
    let boundary = top.taken.task;
    let need = Need::OpenParents(boundary);
    let set = world.loaded(need);
    assert!(set.has(need));
    for parent in [boundary, a.taken.task, a1.taken.task] {
        assert!(set.has(Need::Task(parent)), "task {}", parent.0);
    }
    for name in ["a", "b", "a1", "a2", "a11", "a12"] {
        assert!(set.has(Need::GroupOf(world.key(name))), "the group of {name}");
    }
    world.restart();
    assert_eq!(world.fail(&b), TaskState::FailedOptional);
    assert_eq!(
        world.states(),
        "top Computed, a Computed, b FailedOptional, done Computed, a1 Computed, a2 Skipped, a11 Skipped, a12 Skipped"
    );
}

/// [`Need::FailedTasks`], of the right job only, and only while they are FAILED.
pub fn failed_tasks_are_found<S: Reopen + 'static>(mut fresh: impl FnMut() -> S) {
    let mut world = World::on(1, fresh()).job("a\nb\nc\nd").job("e fails=1").runners(4);
    let held: Vec<_> = (0..4).map(|runner| world.claim(runner).expect("a task")).collect();
    for task in &held[1..] {
        world.fail(task);
    }
    world.complete(&held[0]);
    world.restart();
    assert_eq!(world.retry(0), 3);
    world.restart();
    assert_eq!(world.retry(0), 0);
    world.run();
    assert_eq!((world.retry(0), world.retry(1)), (0, 1));
    assert_eq!(world.states(), "a Computed, b Computed, c Computed, d Computed, e Queued");
}

/// A FAILED task that is retried and runs again, or has run again, within one commit is FAILED no more.
pub fn failed_tasks_that_run_again_in_one_commit_are_forgotten<S: Reopen + 'static>(mut fresh: impl FnMut() -> S) {
    for computed in [false, true] {
        let mut world = World::on(1, fresh()).job("a\nb").runners(2);
        let [a, b] = [0, 1].map(|runner| world.claim(runner).expect("a task"));
        world.fail(&a);
        let mut world = world.lazy();
        assert_eq!(world.retry(0), 1);
        let again = world.claim(0).expect("a again");
        if computed {
            world.complete(&again);
        }
        world.commit();
        world.fail(&b);
        assert_eq!(world.retry(0), 1, "b, and not a any more");
        world.commit();
    }
}

/// [`Need::Fingerprint`].
pub fn the_newest_job_with_a_fingerprint_is_found<S: Reopen + 'static>(mut fresh: impl FnMut() -> S) {
    let mut world = World::on(1, fresh());
    let mut ids = Vec::new();
    let tasks = world.new_job("job", "a").tasks;
    for (fingerprint, repeated) in [(u128::MAX, false), (7, false), (7, false), (7, true), (u128::MAX, true), (8, true)]
    {
        world.restart();
        let mut new = world.new_job("job", "b");
        (new.fingerprint, new.repeated) = (fingerprint, repeated);
        (new.tasks, new.trace_parent) = (tasks.clone(), format!("00-{fingerprint:032x}-0000000000000001-01"));
        let Ok(Reply::Job(job, _)) = world.send(Command::SubmitJob(new)) else { panic!("a sound job") };
        ids.push(job.id);
    }
    assert_eq!((ids[3], ids[4]), (ids[2], ids[0]), "the newest with that fingerprint");
    assert!(!ids[..5].contains(&ids[5]), "a fingerprint nobody had");
}

/// Keys go on where they stopped when the database is opened again.
pub fn keys_are_never_given_twice<S: Reopen + 'static>(mut fresh: impl FnMut() -> S) {
    let mut world = World::on(1, fresh());
    for _ in 0..3 {
        world.submit("a as=A\nb as=B\n  c");
        world.restart();
    }
    world.run();
    let rows = world.rows();
    assert_eq!(rows.jobs.keys().map(|key| key.0).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(rows.all_tasks().map(|(key, ..)| key.0).collect::<Vec<_>>(), (1..=9).collect::<Vec<_>>());
    assert_eq!(rows.classes.len(), 3);
}

/// Inputs, of any bytes, in the order asked for, repeated ones too.
pub fn inputs_come_back_in_the_order_asked_for<S: Reopen + 'static>(mut fresh: impl FnMut() -> S) {
    let mut world = World::on(1, fresh());
    let mut new = world.new_job("inputs", "a");
    let mut group = new.tasks.groups()[0].clone();
    let like = group.tasks.remove(0);
    group.inputs = std::sync::Arc::default();
    let inputs = [vec![], vec![0; 2048], (0..=255).collect::<Vec<u8>>(), b"plain".to_vec()];
    for input in &inputs {
        group.push(like.clone(), input.clone());
    }
    new.tasks = boxwood_engine::Submission::new(vec![group]).expect("within the limits");
    world.send(Command::SubmitJob(new)).expect("a sound job");
    world.restart();
    let asked = [4, 1, 3, 2, 4].map(TaskKey);
    let found = world.backend().inputs(&asked).expect("all four exist");
    assert_eq!(found, [3, 0, 2, 1, 3].map(|place| inputs[place].clone()));
    assert!(world.backend().inputs(&[TaskKey(5)]).is_err(), "there is no fifth");
}

/// What a report was answered with, and that a task once lost its lease, from the database alone.
pub fn answers_to_reports_are_remembered<S: Reopen + 'static>(mut fresh: impl FnMut() -> S) {
    let mut world = World::on(1, fresh()).job("x, y\nz").runners(2);
    let (x, y) = (world.claim(0).expect("x"), world.claim(1).expect("y"));
    world.hand_back(&y);
    let again = world.report(0, &x).expect("y again");
    assert_eq!((again.name.as_str(), again.taken.hand_out), ("y", 2));
    world.restart();
    assert_eq!(world.report(0, &x).map(|held| held.taken), Some(again.taken), "the second hand-out of y");
    let mut world = World::on(1, fresh()).job("a\n  b\n  c").runners(2);
    let slow = world.claim(0).expect("a");
    world.advance(seconds(15)).expire_leases();
    world.restart();
    let quick = world.claim(1).expect("a again");
    world.restart();
    assert_eq!(world.report(1, &quick).map(|held| held.name), Some("b".into()));
    world.restart();
    assert_eq!(
        world.report(0, &slow).map(|held| held.name),
        Some("c".into()),
        "a lost a lease, so b is not given again"
    );
}

/// That a branch has failed (T-133, T-134), from the database alone.
pub fn failed_branches_are_remembered<S: Reopen + 'static>(mut fresh: impl FnMut() -> S) {
    let mut world = World::on(1, fresh()).job("top optional\n  x\n  y\n    y1\n  z retries=5").runners(3);
    let top = world.claim(0).expect("top");
    let (x, y, z) = (world.report(0, &top).expect("x"), world.claim(1).expect("y"), world.claim(2).expect("z"));
    world.fail(&x);
    world.restart();
    world.complete(&y);
    world.restart();
    assert_eq!(world.fail(&z), TaskState::FailedOptional);
    assert_eq!(world.states(), "top Computed, x FailedOptional, y Computed, z FailedOptional, y1 Skipped");
}

/// Leases that have ended, at most as many as asked for.
pub fn leases_that_have_ended_are_found<S: Reopen + 'static>(mut fresh: impl FnMut() -> S) {
    let mut world = World::on(1, fresh()).job("a\nb\nc\nd").runners(4);
    let held: Vec<_> = (0..3)
        .map(|runner| {
            world.advance(seconds(1));
            world.claim(runner).expect("a task")
        })
        .collect();
    let last = world.now();
    world.complete(&held[1]);
    let mut expired = |after: u64, limit| {
        let now = last.plus(seconds(after));
        let mut keys = world.backend().expired(now, limit).expect("the store works");
        keys.sort_unstable();
        keys
    };
    let [a, c] = [held[0].taken.task, held[2].taken.task];
    assert_eq!(expired(12, 10), []);
    assert_eq!(expired(13, 10), [a], "to the very moment");
    assert_eq!(expired(15, 10), [a, c]);
    assert_eq!(expired(15, 1).len(), 1);
    world.restart();
    assert_eq!(world.backend().expired(Timestamp(i64::MAX), 10).expect("the store works").len(), 2);
}

/// Rows that are saved but not committed.
pub fn what_is_not_committed_is_invisible_and_lost<S: Reopen + 'static>(mut fresh: impl FnMut() -> S) {
    let mut world = World::on(1, fresh()).job("kept").lazy();
    world.submit("lost");
    let lost = world.claim(0).expect("kept is ready");
    assert_eq!(world.expire_leases(), 0, "which saves");
    let reader = world.reader();
    assert!(reader.job(world.job_id(1)).expect("the store works").is_none());
    assert!(
        reader.job(world.job_id(0)).expect("the store works").is_some_and(|job| job.status.first_started_at.is_none())
    );
    world.restart();
    assert!(world.reader().job(world.job_id(1)).expect("the store works").is_none());
    assert_eq!(world.states(), "kept Queued");
    let refused = world.send(Command::CancelJob { job: world.job_id(1) }).expect_err("it never existed");
    assert_eq!(refused.kind, RefusalKind::NotFound);
    let again = world.claim(0).expect("kept is ready");
    assert_eq!((again.id, again.taken), (lost.id, lost.taken));
    world.commit();
    world.restart();
    assert_eq!(world.states(), "kept Running");
}

/// Scans and loads within one transaction.
pub fn a_need_sees_what_was_saved_but_not_committed<S: Reopen + 'static>(mut fresh: impl FnMut() -> S) {
    let mut world = World::on(1, fresh()).job("a\nb").lazy();
    let a = world.claim(0).expect("a");
    world.fail(&a);
    // A retry asks for the FAILED tasks, which are not committed yet.
    assert_eq!(world.retry(0), 1);
    world.expire_leases();
    let mut set = world.backend().open_set(boxwood_engine::Settings::default()).expect("the store works");
    let retried = step_with(world.backend(), &mut set, &Command::RetryJob { job: a.job.id }).expect("the store works");
    assert!(matches!(retried, Ok(Reply::Retried(0))), "a is queued again in a new set too: {retried:?}");
}

/// Texts with every kind of letter.
pub fn odd_texts_survive<S: Reopen + 'static>(mut fresh: impl FnMut() -> S) {
    let odd = "it's \"odd\"; -- % _ \\ \u{0} \n\t é 猫 🐈 \u{202e}";
    let mut world = World::on(1, fresh());
    world
        .send(Command::UpdateCluster {
            slug: String::new(),
            display_name: Some(odd.into()),
            description: Some(odd.into()),
        })
        .expect("the default cluster");
    let mut plan = Plan::task(odd);
    plan.identifier.name = odd.into();
    let mut new = world.new_job(odd, plan);
    new.trace_parent = odd.into();
    let id = new.id;
    world.send(Command::SubmitJob(new)).expect("a sound job");
    world.restart();
    let held = world.claim(0).expect("the task");
    assert_eq!(
        (&*held.identifier.name, &*held.display, &*held.job.name, &*held.job.trace_parent),
        (odd, odd, odd, odd)
    );
    let longer = format!("{odd}{odd}");
    world.complete_with(&held, |computed| {
        computed.display = longer.clone();
        computed.progress = vec![ProgressUpdate { label: odd.into(), total: 1, done: 0 }];
    });
    world.restart();
    let job = world.reader().job(id).expect("the store works").expect("it was stored");
    assert_eq!((job.job.name.as_str(), job.progress[0].0.as_str()), (odd, odd));
    assert_eq!(world.task(odd).display, longer);
    let cluster = world.reader().clusters().expect("the store works").remove(0);
    assert_eq!((cluster.display_name.as_str(), cluster.description.as_str()), (odd, odd));
}

/// A group over several rows of ready tasks.
pub fn thousands_of_ready_tasks_survive<S: Reopen + 'static>(mut fresh: impl FnMut() -> S) {
    let plans: Vec<Plan> = (0..2500).map(|place| Plan::task(format!("t{place}"))).collect();
    let mut world = World::on(1, fresh()).unchecked().job(plans);
    for place in 0..2500_u64 {
        if place % 100 == 0 {
            world.restart();
        }
        let held = world.claim(0).expect("a task");
        assert_eq!(held.taken.task, GroupKey(1).first_task().offset(place));
        if place % 3 == 0 {
            world.complete(&held);
        }
    }
    world.restart();
    assert!(world.claim(0).is_none());
    world.check();
    assert_eq!(world.status(0).counts.to_array(), [0, 2500 - 834, 834, 0, 0, 0]);
}
