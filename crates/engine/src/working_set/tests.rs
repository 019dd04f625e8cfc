//! What a set keeps in memory, and for how long.

use super::*;
use crate::claim::{Ask, HandOut};
use crate::command::{Command, ComputedTask, NewJob, Reply, Report, ReportReply};
use crate::identifier::{Identifier, Version};
use crate::progress::ProgressUpdate;
use crate::step::step;
use crate::submission::{NewGroup, NewTasks, Submission};
use crate::time::Timestamp;

const DEFAULT: &str = "default";

fn cluster(slug: &str) -> Cluster {
    Cluster {
        slug: slug.into(),
        display_name: slug.into(),
        description: String::new(),
        deletable: slug != DEFAULT,
        created_at: Timestamp(0),
    }
}

fn empty() -> WorkingSet {
    WorkingSet::new(Settings::default(), 7, 20, [cluster(DEFAULT)], [])
}

fn identifier() -> Identifier {
    Identifier { name: "Task".into(), version: Version::parse("v0.0").expect("a version") }
}

/// Groups of so many tasks, each waiting for the one before.
fn chain(counts: &[u64]) -> Submission {
    let group = |(place, count): (usize, &u64)| NewGroup {
        dependencies: place.checked_sub(1).into_iter().collect(),
        tasks: vec![NewTasks {
            count: *count,
            cluster: "".into(),
            identifier: identifier(),
            max_retries: 0,
            optional: false,
            display: "Task".into(),
        }],
        inputs: Arc::new((0..*count).map(|_| Vec::new()).collect()),
    };
    Submission::new(counts.iter().enumerate().map(group).collect()).expect("a chain is well formed")
}

fn id(number: u128) -> TaskId {
    TaskId::from_u128(number).expect("not zero")
}

fn submit(set: &mut WorkingSet, number: u128, counts: &[u64]) -> Arc<Job> {
    let new = NewJob {
        id: JobId::from_u128(number).expect("not zero"),
        first_task: id(1000 * number),
        name: "job".into(),
        trace_parent: String::new(),
        automation: None,
        tasks: chain(counts),
        fingerprint: number,
        repeated: false,
        now: Timestamp(0),
    };
    match step(set, &Command::SubmitJob(new)) {
        Ok(Ok(Reply::Job(job, _))) => job,
        other => panic!("a job with nothing to look up: {other:?}"),
    }
}

/// A call of NextTask that finds everything it needs in memory.
fn next_task(set: &mut WorkingSet, computed: Option<ComputedTask>) -> Option<HandOut> {
    let ask = Ask { cluster: DEFAULT.into(), identifiers: Arc::new([identifier()]) };
    let report = Report { computed, ask: Some(ask), now: Timestamp(0) };
    match step(set, &Command::Report(Box::new(report))) {
        Ok(Ok(Reply::Report(ReportReply::Task(hand_out)))) => Some(*hand_out),
        Ok(Ok(Reply::Report(ReportReply::Idle))) => None,
        other => panic!("not an answer out of memory: {other:?}"),
    }
}

fn computed(task: &HandOut, sub_tasks: Option<Submission>) -> ComputedTask {
    ComputedTask {
        task: task.id,
        display: "done".into(),
        progress: vec![ProgressUpdate { label: String::new(), total: 1, done: 1 }],
        sub_tasks,
        first_sub_task: id(task.id.to_u128() + 100),
        content_error: None,
    }
}

#[test]
fn keys_go_on_where_the_store_ends() {
    let mut set = empty();
    let first = submit(&mut set, 1, &[3]);
    assert_eq!((first.key, first.roots.first), (JobKey(7), TaskKey(20)));
    let second = submit(&mut set, 2, &[1]);
    assert_eq!((second.key, second.roots.first), (JobKey(8), TaskKey(23)));
}

#[test]
fn c_9_the_default_cluster_comes_first_then_the_others_by_slug() {
    let clusters = ["zebra", DEFAULT, "apple"].map(cluster);
    let set = WorkingSet::new(Settings::default(), 1, 1, clusters, []);
    assert_eq!(set.all_clusters().map(|cluster| &*cluster.slug).collect::<Vec<_>>(), [DEFAULT, "apple", "zebra"]);
}

/// A whole life in which every command is followed by a save.
#[test]
fn nothing_that_an_open_job_still_asks_for_is_forgotten_by_a_save() {
    let mut set = empty();
    submit(&mut set, 1, &[2, 1]);
    set.saved();
    let mut held = [next_task(&mut set, None).expect("the first root"), next_task(&mut set, None).expect("the second")];
    set.saved();
    held[0] = next_task(&mut set, Some(computed(&held[0], Some(chain(&[1, 2]))))).expect("a child");
    set.saved();
    assert!(next_task(&mut set, Some(computed(&held[1], None))).is_none(), "children that wait for the first");
    set.saved();
    held[0] = next_task(&mut set, Some(computed(&held[0], None))).expect("the second child");
    set.saved();
    held[0] = next_task(&mut set, Some(computed(&held[0], None))).expect("the third child");
    set.saved();
    held[0] = next_task(&mut set, Some(computed(&held[0], None))).expect("the last root, after all below the first");
    set.saved();
    assert!(next_task(&mut set, Some(computed(&held[0], None))).is_none());
}

#[test]
fn rows_of_every_kind_are_counted() {
    let mut set = empty();
    submit(&mut set, 1, &[1, 1, 1]);
    // The job with its status, classes and progress; three groups with their states; what is ready, and of which class.
    assert_eq!(set.rows(), 4 + 6 + 2);
    let task = next_task(&mut set, None).expect("the first root");
    assert_eq!(set.rows(), 4 + 6 + 1 + 1, "one task more, and nothing ready");
    next_task(&mut set, Some(computed(&task, None))).expect("the second root");
    assert_eq!(set.rows(), 4 + 6 + 1 + 4, "two tasks, and what the first one reported");
}

#[test]
fn nothing_of_a_job_that_is_over_stays_in_memory_once_it_is_saved() {
    let mut set = empty();
    submit(&mut set, 1, &[1]);
    set.saved();
    let task = next_task(&mut set, None).expect("the only task");
    set.saved();
    assert!(set.rows() > 1, "a job, its group and its task");
    assert!(next_task(&mut set, Some(computed(&task, None))).is_none());
    assert!(set.rows() > 1, "nothing is saved yet");
    set.saved();
    assert_eq!(set.rows(), 0);
}

#[test]
fn a_set_that_was_cleared_is_empty() {
    let mut set = empty();
    let job = submit(&mut set, 1, &[2, 1]);
    let task = next_task(&mut set, None).expect("a root");
    next_task(&mut set, Some(computed(&task, Some(chain(&[1]))))).expect("a child");
    set.saved();
    set.clear();
    assert_eq!(set.rows(), 0);
    let class = ClassKey(1);
    for need in [
        Need::Job(job.key),
        Need::JobById(job.id),
        Need::GroupOf(job.roots.first),
        Need::TaskById(task.id),
        Need::Queue(class),
        Need::Ready(job.key, class),
    ] {
        assert!(!set.has(need), "{need:?}");
    }
    assert!(set.class(class).is_some(), "classes and clusters are always there");
    assert_eq!(set.all_clusters().map(|cluster| &*cluster.slug).collect::<Vec<_>>(), [DEFAULT]);
}

/// Every need, and whether the store finds the answer among rows it was not told the keys of.
fn needs() -> [(Need, bool); 13] {
    let (job, task, class) = (JobKey(1), TaskKey(1), ClassKey(1));
    [
        (Need::Job(job), false),
        (Need::JobById(JobId::from_u128(1).expect("not zero")), false),
        (Need::GroupOf(task), false),
        (Need::Task(task), false),
        (Need::TaskById(id(1)), false),
        (Need::Ready(job, class), false),
        (Need::Queue(class), false),
        (Need::Display(task), false),
        (Need::TaskProgress(task), false),
        (Need::JobProgress(job), false),
        (Need::OpenParents(task), true),
        (Need::FailedTasks(job), true),
        (Need::Fingerprint(1), true),
    ]
}

#[test]
fn a_need_is_answered_by_what_was_loaded_or_looked_for_in_vain() {
    for (need, _) in needs() {
        let mut set = empty();
        assert!(!set.has(need), "{need:?} of an empty set");
        set.not_found(need);
        assert!(set.has(need), "{need:?} that the store does not have");
        set.saved();
        assert!(!set.has(need), "{need:?} that others may have added since");
    }
}

#[test]
fn only_what_is_found_by_a_scan_has_to_be_saved_before() {
    for (need, scan) in needs() {
        assert_eq!(need.is_scan(), scan, "{need:?}");
    }
}

#[test]
fn ev_1_every_save_names_the_jobs_that_changed_also_those_it_ends() {
    let mut set = empty();
    let [one, two] = [1, 2].map(|number| submit(&mut set, number, &[2]).id);
    assert_eq!(set.take_changed_jobs(), [], "nothing is saved yet");
    set.saved();
    let mut changed = set.take_changed_jobs();
    changed.sort_unstable();
    assert_eq!(changed, [one, two]);
    set.saved();
    assert_eq!(set.take_changed_jobs(), [], "nothing has changed");
    let first = next_task(&mut set, None).expect("a task of the first job");
    set.saved();
    assert_eq!(set.take_changed_jobs(), [one], "a task is handed out");
    let second = next_task(&mut set, Some(computed(&first, None))).expect("the other one");
    set.saved();
    assert_eq!(set.take_changed_jobs(), [one]);
    next_task(&mut set, Some(computed(&second, None))).expect("a task of the second job");
    set.saved();
    let mut changed = set.take_changed_jobs();
    changed.sort_unstable();
    assert_eq!(changed, [one, two], "the first job is over, the second has begun");
}
