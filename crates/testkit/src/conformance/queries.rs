//! What a reader answers (section 3.4, C-9).

use std::ops::Bound;

use boxwood_engine::{AutomationId, Command, JobId, JobState, TaskId, TaskState, Timestamp, name_words};
use boxwood_store::{JobPage, JobQuery, SortDirection, TaskPage, TaskQuery, exact_times_max};

use crate::plan::{Plan, Plans};
use crate::reopen::Reopen;
use crate::world::{Runner, World};
use crate::{milliseconds, seconds};

/// Submits a job with a name; answers its id and when it was submitted.
fn named(world: &mut World, name: &str, plans: impl Into<Plans>) -> (JobId, Timestamp) {
    let new = world.new_job(name, plans);
    let (id, at) = (new.id, new.now);
    world.send(Command::SubmitJob(new)).expect("a sound job");
    (id, at)
}

fn page(world: &World, query: JobQuery) -> JobPage {
    world.reader().jobs(&query).expect("the store works")
}

/// The names of the jobs found, the newest first.
fn found(world: &World, query: JobQuery) -> Vec<String> {
    page(world, query).jobs.into_iter().map(|view| view.job.name.clone()).collect()
}

/// J-40, J-41, J-55.
pub fn j_40_j_41_a_job_by_its_id<S: Reopen + 'static>(mut fresh: impl FnMut() -> S) {
    let mut world = World::on(1, fresh());
    let (id, at) = named(&mut world, "my job", "a -> b");
    let a = world.claim(0).expect("a");
    world.advance(seconds(2));
    world.complete_with(&a, |computed| {
        let update = |label: &str| boxwood_engine::ProgressUpdate { label: label.into(), total: 2, done: 1 };
        computed.progress = vec![update("z"), update(""), update("a")];
    });
    let view = world.reader().job(id).expect("the store works").expect("it exists");
    assert_eq!((view.job.name.as_str(), view.job.submitted_at), ("my job", at));
    assert_eq!((view.status.state(), view.status.compute_time), (JobState::Started, seconds(2)));
    let labels: Vec<_> = view.progress.iter().map(|(label, sum)| (label.as_str(), sum.total, sum.done)).collect();
    assert_eq!(labels, [("", 2, 1), ("a", 2, 1), ("z", 2, 1)], "P-6");
    let listed = page(&world, JobQuery::default()).jobs.remove(0);
    assert_eq!(format!("{listed:?}"), format!("{view:?}"), "J-55");
    assert!(world.reader().job(JobId::from_u128(1).expect("not zero")).expect("the store works").is_none());
}

/// J-43, J-44.
pub fn j_43_j_44_bounds_of_time_and_id<S: Reopen + 'static>(mut fresh: impl FnMut() -> S) {
    let mut world = World::on(1, fresh());
    let jobs = ["a", "b", "c", "d"].map(|name| {
        world.advance(seconds(10));
        named(&mut world, name, "task")
    });
    let [_, b, _, d] = jobs;
    let within = |start, end| JobQuery { submitted: (start, end), ..JobQuery::default() };
    let ids = |start, end| JobQuery { ids: (start, end), ..JobQuery::default() };
    let both = [
        (within(Bound::Included(b.1), Bound::Excluded(d.1)), ids(Bound::Included(b.0), Bound::Excluded(d.0)), "c b"),
        (within(Bound::Excluded(b.1), Bound::Included(d.1)), ids(Bound::Excluded(b.0), Bound::Included(d.0)), "d c"),
        (within(Bound::Unbounded, Bound::Excluded(b.1)), ids(Bound::Unbounded, Bound::Excluded(b.0)), "a"),
        (within(Bound::Excluded(b.1), Bound::Unbounded), ids(Bound::Excluded(b.0), Bound::Unbounded), "d c"),
        (within(Bound::Included(b.1), Bound::Included(b.1)), ids(Bound::Included(b.0), Bound::Included(b.0)), "b"),
        (within(Bound::Excluded(b.1), Bound::Excluded(b.1)), ids(Bound::Excluded(b.0), Bound::Excluded(b.0)), ""),
        (within(Bound::Included(b.1), Bound::Excluded(b.1)), ids(Bound::Included(b.0), Bound::Excluded(b.0)), ""),
        (within(Bound::Included(d.1), Bound::Included(b.1)), ids(Bound::Included(d.0), Bound::Included(b.0)), ""),
    ];
    for (by_time, by_id, expected) in both {
        assert_eq!(found(&world, by_time.clone()).join(" "), expected, "{by_time:?}");
        assert_eq!(found(&world, by_id.clone()).join(" "), expected, "{by_id:?}");
    }
}

/// J-42, J-46.
pub fn j_42_j_46_names_match_by_words<S: Reopen + 'static>(mut fresh: impl FnMut() -> S) {
    let mut world = World::on(1, fresh());
    for name in ["Sum-of_Squares", "sum.of/cubes", "Größe 100%", "my%job"] {
        named(&mut world, name, "task");
    }
    let by_name = |text: &str| JobQuery { name_words: name_words(text), ..JobQuery::default() };
    for (text, expected) in [
        ("", vec!["my%job", "Größe 100%", "sum.of/cubes", "Sum-of_Squares"]),
        ("SUM", vec!["sum.of/cubes", "Sum-of_Squares"]),
        ("squares sum", vec!["Sum-of_Squares"]),
        ("sum-of", vec!["sum.of/cubes", "Sum-of_Squares"]),
        ("qua", vec!["Sum-of_Squares"]),
        ("sum squares cubes", vec![]),
        ("größe", vec!["Größe 100%"]),
        ("GRÖSSE", vec![]),
        ("%", vec!["my%job", "Größe 100%"]),
        ("0%", vec!["Größe 100%"]),
        ("'", vec![]),
    ] {
        assert_eq!(found(&world, by_name(text)), expected, "{text:?}");
    }
}

/// J-47, J-48, and J-42: filters are combined with "and", values in one with "or".
pub fn j_47_j_48_states_of_jobs_and_tasks<S: Reopen + 'static>(mut fresh: impl FnMut() -> S) {
    let mut world = World::on(1, fresh());
    named(&mut world, "completed", "a optional fails -> b");
    world.run();
    named(&mut world, "failed", "a fails\nb");
    world.run();
    let (canceled, _) = named(&mut world, "canceled", "a");
    world.send(Command::CancelJob { job: canceled }).expect("it exists");
    named(&mut world, "running", "a\nb");
    world.claim(0).expect("a");
    named(&mut world, "submitted", "a as=Other");
    let by_state = |states: &[JobState]| JobQuery { states: states.to_vec(), ..JobQuery::default() };
    for (state, name) in [
        (JobState::Completed, "completed"),
        (JobState::Failed, "failed"),
        (JobState::Canceled, "canceled"),
        (JobState::Running, "running"),
        (JobState::Submitted, "submitted"),
    ] {
        assert_eq!(found(&world, by_state(&[state])), [name]);
    }
    assert_eq!(found(&world, by_state(&[JobState::Started])), Vec::<String>::new());
    assert_eq!(found(&world, by_state(&[JobState::Failed, JobState::Completed])), ["failed", "completed"]);
    let by_task = |states: &[TaskState]| JobQuery { task_states: states.to_vec(), ..JobQuery::default() };
    assert_eq!(found(&world, by_task(&[TaskState::FailedOptional])), ["completed"]);
    assert_eq!(found(&world, by_task(&[TaskState::Queued])), ["submitted", "running", "canceled", "failed"]);
    assert_eq!(found(&world, by_task(&[TaskState::Failed, TaskState::Running])), ["running", "failed"]);
    assert_eq!(found(&world, by_task(&[TaskState::Skipped])), Vec::<String>::new());
    let both = JobQuery { states: vec![JobState::Running, JobState::Failed], ..by_task(&[TaskState::Failed]) };
    assert_eq!(found(&world, both), ["failed"]);
}

/// J-49.
pub fn j_49_automations<S: Reopen + 'static>(mut fresh: impl FnMut() -> S) {
    let mut world = World::on(1, fresh());
    let id = |number| AutomationId::from_u128(number).expect("not zero");
    for (name, automation) in [("none", None), ("one", Some(id(1))), ("two", Some(id(u128::MAX)))] {
        let mut new = world.new_job(name, "task");
        new.automation = automation;
        world.send(Command::SubmitJob(new)).expect("a sound job");
    }
    let by = |automations: &[AutomationId]| JobQuery { automations: automations.to_vec(), ..JobQuery::default() };
    assert_eq!(found(&world, by(&[])), ["two", "one", "none"]);
    assert_eq!(found(&world, by(&[id(1)])), ["one"]);
    assert_eq!(found(&world, by(&[id(1), id(u128::MAX), id(3)])), ["two", "one"]);
    assert_eq!(found(&world, by(&[id(3)])), Vec::<String>::new());
}

/// J-50: clusters of sub-tasks count, and those that are gone.
pub fn j_50_clusters<S: Reopen + 'static>(mut fresh: impl FnMut() -> S) {
    let mut world = World::on(1, fresh()).cluster("gpu").cluster("old").runner(Runner::on("gpu"));
    named(&mut world, "plain", "a");
    named(&mut world, "sub", "a as=Sub\n  b on=gpu");
    named(&mut world, "old", "a on=old");
    world.send(Command::DeleteCluster { slug: "old".into() }).expect("deletable");
    let on = |slugs: &[&str]| JobQuery {
        clusters: slugs.iter().map(|slug| (*slug).into()).collect(),
        ..JobQuery::default()
    };
    assert_eq!(found(&world, on(&["gpu"])), Vec::<String>::new(), "b does not exist yet");
    world.run();
    assert_eq!(found(&world, on(&["gpu"])), ["sub"]);
    assert_eq!(found(&world, on(&["default"])), ["sub", "plain"]);
    assert_eq!(found(&world, on(&["old", "gpu"])), ["old", "sub"]);
    assert_eq!(found(&world, on(&["nowhere"])), Vec::<String>::new());
}

/// J-51 to J-53.
pub fn j_51_j_52_j_53_pages_in_both_orders<S: Reopen + 'static>(mut fresh: impl FnMut() -> S) {
    let mut world = World::on(1, fresh());
    for number in 0..7 {
        named(&mut world, &format!("job{number}"), if number % 2 == 0 { "a" } else { "b as=Other" });
    }
    for (sort, newest_first) in [(SortDirection::Descending, true), (SortDirection::Ascending, false)] {
        for limit in 1..=8 {
            let mut query = JobQuery { sort, limit, ..JobQuery::default() };
            let mut names = Vec::new();
            loop {
                let JobPage { jobs, more } = page(&world, query.clone());
                assert!(jobs.len() == limit || !more, "pages are full but for the last");
                names.extend(jobs.iter().map(|view| view.job.name.clone()));
                if !more {
                    break;
                }
                query.after = jobs.last().map(|view| view.job.id);
                // A job that comes later changes nothing about the pages that follow, newest first.
                if newest_first {
                    world.advance(milliseconds(1));
                    named(&mut world, "later", "c");
                }
            }
            let mut expected: Vec<_> = (0..7).map(|number| format!("job{number}")).collect();
            if newest_first {
                expected.reverse();
            }
            names.retain(|name| name != "later");
            assert_eq!(names, expected, "{limit} a page, {sort:?}");
        }
    }
}

fn listed(page: &TaskPage) -> Vec<&str> {
    page.tasks.iter().map(|task| task.display.as_str()).collect()
}

/// J-56, J-57.
pub fn j_56_j_57_tasks_page_by_page<S: Reopen + 'static>(mut fresh: impl FnMut() -> S) {
    let mut world =
        World::on(1, fresh()).job("root as=acme.Root v2.1 retries=3 optional\n  a, b -> c\n  d retries=1\n    e\nlast");
    let root = world.claim(0).expect("root");
    let started = world.now();
    world.advance(seconds(3));
    world.complete(&root);
    let list = |world: &World, parent, after, limit| {
        let query = TaskQuery { job: world.job_id(0), parent, after, limit };
        world.reader().tasks(&query).expect("the store works").expect("the job exists")
    };
    let roots = list(&world, None, None, 10);
    assert_eq!((listed(&roots), roots.more), (vec!["root", "last"], false));
    let view = &roots.tasks[0];
    assert_eq!((view.id, view.parent, view.state, view.has_children), (root.id, None, TaskState::Computed, true));
    assert_eq!(
        (&*view.identifier.name, view.identifier.version.as_str(), &*view.cluster),
        ("acme.Root", "v2.1", "default")
    );
    assert_eq!((view.optional, view.max_retries, view.retry_count, &view.input), (true, 3, 0, &root.input));
    assert_eq!((view.started_at, view.stopped_at), (Some(started), Some(world.now())));
    assert_eq!(view.submitted_at, root.job.submitted_at);
    assert_eq!(
        (roots.tasks[1].started_at, roots.tasks[1].stopped_at, roots.tasks[1].has_children),
        (None, None, false)
    );
    let mut names = Vec::new();
    let mut after = None;
    for _ in 0..4 {
        let page = list(&world, Some(root.id), after, 1);
        names.extend(listed(&page).into_iter().map(str::to_owned));
        after = page.tasks.last().map(|task| task.id);
        assert_eq!(page.more, names.len() < 4);
        assert!(page.tasks.iter().all(|task| task.parent == Some(root.id) && task.submitted_at == world.now()));
    }
    assert_eq!(names, ["a", "b", "c", "d"], "T-82");
    assert!(list(&world, Some(root.id), after, 5).tasks.is_empty());
    let leaf = world.task("last").id;
    assert!(list(&world, Some(leaf), None, 5).tasks.is_empty(), "no children");
}

/// A job or parent that does not exist, or does not belong together.
pub fn tasks_of_other_jobs_are_not_listed<S: Reopen + 'static>(mut fresh: impl FnMut() -> S) {
    let mut world = World::on(1, fresh()).job("a\n  a1").job("b\n  b1");
    let a = world.claim(0).expect("a");
    world.complete(&a);
    let list = |job, parent| {
        let query = TaskQuery { job, parent, after: None, limit: 10 };
        world.reader().tasks(&query).expect("the store works").map(|page| page.tasks.len())
    };
    let unknown = TaskId::from_u128(1).expect("not zero");
    assert_eq!(list(world.job_id(0), Some(a.id)), Some(1));
    assert_eq!(list(world.job_id(1), Some(a.id)), None);
    assert_eq!(list(world.job_id(0), Some(unknown)), None);
    assert_eq!(list(JobId::from_u128(1).expect("not zero"), None), None);
}

/// The tasks of a job with its groups, cut where asked.
pub fn graphs_hold_tasks_and_dependencies<S: Reopen + 'static>(mut fresh: impl FnMut() -> S) {
    let mut world = World::on(1, fresh()).job("other").job("root\n  a, b -> c\n    c1\n  d").runners(2);
    world.claim(0).expect("other");
    let root = world.claim(0).expect("root");
    world.complete(&root);
    let graph = |limit| world.reader().graph(world.job_id(1), limit).expect("the store works").expect("it exists");
    let whole = graph(100);
    let displays: Vec<_> = whole.tasks.iter().map(|task| task.display.as_str()).collect();
    assert_eq!(displays, ["root", "a", "b", "c", "d"]);
    let parents: Vec<_> = whole.tasks.iter().map(|task| task.parent).collect();
    assert_eq!(parents, [None, Some(root.id), Some(root.id), Some(root.id), Some(root.id)]);
    let group_of = |name: &str| whole.tasks.iter().find(|task| task.display == name).expect("listed").group;
    assert_eq!(group_of("a"), group_of("b"));
    let dependents =
        |name: &str| &whole.groups.iter().find(|group| group.key == group_of(name)).expect("listed").dependents;
    assert_eq!((dependents("a"), dependents("c"), dependents("d")), (&vec![group_of("c")], &vec![], &vec![]));
    assert_eq!(whole.job.status.counts.total(), 5);
    let cut = graph(3);
    assert_eq!((cut.tasks.len(), cut.groups.len()), (3, 2), "groups of the tasks listed");
    assert_eq!((graph(0).tasks.len(), graph(0).groups.len()), (0, 0));
    let unknown = JobId::from_u128(1).expect("not zero");
    assert!(world.reader().graph(unknown, 10).expect("the store works").is_none());
}

/// J-58.
pub fn j_58_jobs_are_counted_by_state<S: Reopen + 'static>(mut fresh: impl FnMut() -> S) {
    let mut world = World::on(1, fresh());
    let all = (Bound::Unbounded, Bound::Unbounded);
    let counts = |world: &World, within| world.reader().job_state_counts(within).expect("the store works");
    assert_eq!(counts(&world, all), []);
    named(&mut world, "a", "a");
    named(&mut world, "b", "b");
    world.run();
    let (_, at) = named(&mut world, "c", "c");
    assert_eq!(counts(&world, all), [(JobState::Submitted, 1), (JobState::Completed, 2)]);
    assert_eq!(counts(&world, (Bound::Included(at), Bound::Unbounded)), [(JobState::Submitted, 1)]);
    assert_eq!(counts(&world, (Bound::Unbounded, Bound::Excluded(at))), [(JobState::Completed, 2)]);
    assert_eq!(counts(&world, (Bound::Excluded(at), Bound::Unbounded)), []);
}

/// J-59.
pub fn j_59_what_waits<S: Reopen + 'static>(mut fresh: impl FnMut() -> S) {
    let mut world = World::on(1, fresh()).runners(2);
    let all = (Bound::Unbounded, Bound::Unbounded);
    let stats = |world: &World, within| world.reader().queue_stats(within).expect("the store works");
    let empty = stats(&world, all);
    assert_eq!((empty.waiting_jobs, empty.running_jobs, empty.queued_tasks), (0, 0, 0));
    assert!(empty.oldest_waiting.is_none());
    named(&mut world, "done", "a");
    world.run();
    named(&mut world, "halted", "a fails\nb\nc");
    world.run();
    named(&mut world, "running", "a\nb as=Rare\nc as=Rare");
    world.claim(0).expect("a");
    let (started, at) = named(&mut world, "started", "a\nb as=Rare");
    let a = world.claim(1).expect("a");
    world.complete(&a);
    let (submitted, later) = named(&mut world, "submitted", "x as=Rare\ny as=Rare");
    let seen = stats(&world, all);
    assert_eq!((seen.waiting_jobs, seen.running_jobs, seen.queued_tasks), (2, 1, 2 + 1 + 2));
    assert_eq!(seen.oldest_waiting.map(|view| view.job.id), Some(started));
    let seen = stats(&world, (Bound::Excluded(at), Bound::Included(later)));
    assert_eq!((seen.waiting_jobs, seen.running_jobs, seen.queued_tasks), (1, 0, 2));
    assert_eq!(seen.oldest_waiting.map(|view| view.job.id), Some(submitted));
}

/// J-30, J-31, J-38: times that a retry has taken away are looked up.
pub fn j_30_j_31_times_are_exact_after_a_retry<S: Reopen + 'static>(mut fresh: impl FnMut() -> S) {
    let mut world = World::on(1, fresh()).job("a retries=2\nb");
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
    let times = |world: &World| {
        let alone = world.status(0);
        let listed = page(world, JobQuery::default()).jobs.remove(0).status;
        assert_eq!(alone, listed);
        (alone.first_started_at, alone.last_stopped_at)
    };
    assert_eq!(times(&world), (Some(b_started), Some(b_stopped)));
    world.restart();
    assert_eq!(times(&world), (Some(b_started), Some(b_stopped)));
    world.advance(seconds(1));
    world.fail(&again);
    assert_eq!(times(&world), (Some(b_started), Some(world.now())));
    let mut world = World::on(1, fresh()).job("a retries=1");
    let a = world.claim(0).expect("a");
    world.advance(seconds(1));
    world.fail(&a);
    world.advance(seconds(1));
    world.claim(0).expect("a again");
    assert_eq!(times(&world), (Some(world.now()), None), "J-31: the only task runs");
}

/// J-38: in a job of more tasks the start may be that of an earlier execution; the rest stays exact.
pub fn j_38_larger_jobs_stay_exact_but_for_the_start<S: Reopen + 'static>(mut fresh: impl FnMut() -> S) {
    let others = (0..exact_times_max()).map(|place| Plan::task(format!("other{place}")));
    let mut first = Plan::task("first");
    first.max_retries = 1;
    let mut world = World::on(1, fresh()).unchecked().job([first].into_iter().chain(others).collect::<Vec<_>>());
    let held = world.claim(0).expect("first");
    let started = world.now();
    world.advance(seconds(1));
    world.fail(&held);
    world.advance(seconds(1));
    let again = world.claim(0).expect("first again");
    assert_eq!(again.id, held.id);
    let status = world.status(0);
    assert!(status.first_started_at == Some(started) || status.first_started_at == Some(world.now()));
    assert_eq!((status.counts.total(), status.compute_time), (exact_times_max() + 1, seconds(0)));
    world.advance(seconds(1));
    world.complete(&again);
    let status = world.status(0);
    assert_eq!((status.compute_time, status.last_stopped_at), (seconds(1), Some(world.now())));
}

/// Which job a task belongs to.
pub fn jobs_of_tasks<S: Reopen + 'static>(mut fresh: impl FnMut() -> S) {
    let mut world = World::on(1, fresh()).job("a, b, c").job("d\n  e");
    let d = ["a", "b", "c", "d"].map(|_| world.claim(0).expect("a task"))[3].clone();
    world.complete(&d);
    let job_of = |id: u128| {
        let id = TaskId::from_u128(id).expect("not zero");
        world.reader().job_of_task(id).expect("the store works")
    };
    for (name, job) in [("a", 0), ("b", 0), ("c", 0), ("d", 1), ("e", 1)] {
        assert_eq!(job_of(world.task(name).id.to_u128()), Some(world.job_id(job)), "{name}");
    }
    let first = world.task("a").id.to_u128();
    assert_eq!([first - 1, first + 3, 1].map(job_of), [None, None, None]);
}

/// C-9.
pub fn c_9_clusters_with_the_default_one_first<S: Reopen + 'static>(mut fresh: impl FnMut() -> S) {
    let mut world = World::on(1, fresh()).cluster("zoo").cluster("a-first").cluster("gone");
    world.send(Command::DeleteCluster { slug: "gone".into() }).expect("deletable");
    world.restart();
    let clusters = world.reader().clusters().expect("the store works");
    let slugs: Vec<_> = clusters.iter().map(|cluster| (cluster.slug.to_string(), cluster.deletable)).collect();
    assert_eq!(slugs, [("default".into(), false), ("a-first".into(), true), ("zoo".into(), true)]);
    assert!(clusters.iter().all(|cluster| cluster.created_at == world.now()));
}
