//! Why tasks wait: what the rows say, put together with which runners were seen (IN-10 to IN-15).

use std::collections::BTreeSet;
use std::sync::Arc;

use boxwood_engine::{Class, Group, GroupState, Identifier, JobStatus, TaskId, TaskState, WaitsFor};
use boxwood_store::{BlockedGroup, JobWaits, TaskWaits};

use crate::dispatch::Runners;

/// What some tasks wait for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wait {
    /// How many they are.
    pub(crate) tasks: u64,
    /// Why they wait.
    pub(crate) why: Why,
}

/// Why tasks wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// A task of the job has failed.
    JobFailed,
    /// The job is canceled.
    JobCanceled,
    /// These are not complete.
    Dependencies { first: TaskId, display: Arc<str>, on: Vec<Dependency> },
    /// A runner is to take them.
    Runner { cluster: Arc<str>, identifier: Identifier, fit: Fit },
}

/// Tasks submitted together that others wait for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dependency {
    pub(crate) first: TaskId,
    pub(crate) display: Arc<str>,
    pub(crate) tasks: u64,
    pub(crate) incomplete: u64,
}

/// Which runners were seen for some tasks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fit {
    /// None on the cluster; on these others there are some that could take the tasks.
    NoneOnCluster { elsewhere: Vec<Arc<str>> },
    /// None for the name.
    NoneForName { elsewhere: Vec<Arc<str>> },
    /// Only some with these versions.
    NoneForVersion { seen: Vec<String>, elsewhere: Vec<Arc<str>> },
    /// Some that can take the tasks.
    Some { idle: usize, busy: usize },
}

/// What the queued tasks of a job wait for, and how many of them the answer leaves out.
pub(crate) fn job(waits: &JobWaits, runners: &[Runners]) -> (Vec<Wait>, u64) {
    let queued = waits.status.counts.of(TaskState::Queued);
    if queued == 0 {
        return (Vec::new(), 0);
    }
    if let Some(halted) = halted(&waits.status) {
        return (vec![Wait { tasks: queued, why: halted }], 0);
    }
    let ready = waits.ready.iter().map(|(class, tasks)| {
        let why = runner(class.cluster.clone(), class.identifier.clone(), runners);
        Wait { tasks: *tasks, why }
    });
    // Nothing of a group that waits was ever handed out.
    let blocked = waits.blocked.iter().map(|blocked| Wait { tasks: blocked.group.count, why: dependencies(blocked) });
    let told: Vec<Wait> = ready.chain(blocked).collect();
    let further = queued.saturating_sub(told.iter().map(|wait| wait.tasks).sum());
    (told, further)
}

/// What tasks wait for that could be handed out: by cluster, then by identifier.
pub(crate) fn queues(mut ready: Vec<(Class, u64)>, runners: &[Runners]) -> Vec<Wait> {
    ready.sort_by_cached_key(|(class, _)| {
        let Identifier { name, version } = &class.identifier;
        (class.cluster.clone(), name.clone(), version.as_str().to_owned())
    });
    let wait = |(class, tasks): (Class, u64)| Wait { tasks, why: runner(class.cluster, class.identifier, runners) };
    ready.into_iter().map(wait).collect()
}

/// What a task waits for, if it is queued.
pub(crate) fn task(waits: &TaskWaits, runners: &[Runners]) -> Option<Wait> {
    let task = &waits.task;
    if task.state != TaskState::Queued {
        return None;
    }
    let why = match waits.group.state.waits_for(&waits.status) {
        WaitsFor::Dependencies => dependencies(&waits.group),
        WaitsFor::Runner => runner(task.cluster.clone(), task.identifier.clone(), runners),
        WaitsFor::RetryOfFailed => Why::JobFailed,
        WaitsFor::RetryOfCanceled => Why::JobCanceled,
    };
    Some(Wait { tasks: 1, why })
}

fn halted(status: &JobStatus) -> Option<Why> {
    match status.halted_until()? {
        WaitsFor::RetryOfFailed => Some(Why::JobFailed),
        WaitsFor::RetryOfCanceled => Some(Why::JobCanceled),
        WaitsFor::Dependencies | WaitsFor::Runner => None,
    }
}

fn dependencies(blocked: &BlockedGroup) -> Why {
    let on = |(group, state): &(Group, GroupState)| Dependency {
        first: group.id,
        display: display(group),
        tasks: group.count,
        incomplete: state.open,
    };
    let on = blocked.held_up_by.iter().map(on).collect();
    Why::Dependencies { first: blocked.group.id, display: display(&blocked.group), on }
}

/// The display of the first task of a group, as it was submitted.
fn display(group: &Group) -> Arc<str> {
    group.slices.first().map_or_else(Arc::default, |slice| slice.display.clone())
}

fn runner(cluster: Arc<str>, identifier: Identifier, runners: &[Runners]) -> Why {
    let fit = fit(&cluster, &identifier, runners);
    Why::Runner { cluster, identifier, fit }
}

/// Which runners were seen for tasks of a cluster and identifier (T-55).
fn fit(cluster: &str, wanted: &Identifier, runners: &[Runners]) -> Fit {
    let can_take = |kind: &Runners| {
        kind.ask.identifiers.iter().any(|has| has.name == wanted.name && has.version.runs(&wanted.version))
    };
    let (here, others): (Vec<&Runners>, Vec<&Runners>) = runners.iter().partition(|kind| &*kind.ask.cluster == cluster);
    let able: Vec<&&Runners> = here.iter().filter(|kind| can_take(kind)).collect();
    if !able.is_empty() {
        let sum = |count: fn(&Runners) -> usize| able.iter().map(|kind| count(kind)).sum();
        return Fit::Some { idle: sum(|kind| kind.idle), busy: sum(|kind| kind.busy) };
    }
    let elsewhere: BTreeSet<Arc<str>> =
        others.into_iter().filter(|kind| can_take(kind)).map(|kind| kind.ask.cluster.clone()).collect();
    let elsewhere = elsewhere.into_iter().collect();
    if here.is_empty() {
        return Fit::NoneOnCluster { elsewhere };
    }
    let versions = here.iter().flat_map(|kind| kind.ask.identifiers.iter()).filter(|has| has.name == wanted.name);
    let seen: BTreeSet<String> = versions.map(|has| has.version.as_str().to_owned()).collect();
    if seen.is_empty() {
        return Fit::NoneForName { elsewhere };
    }
    Fit::NoneForVersion { seen: seen.into_iter().collect(), elsewhere }
}

impl Wait {
    /// The same in one sentence, with what to do.
    pub(crate) fn text(&self) -> String {
        match &self.why {
            Why::JobFailed => "a task of the job has failed; retry the job to go on".into(),
            Why::JobCanceled => "the job is canceled; retry the job to go on".into(),
            Why::Dependencies { on, .. } => {
                let names: Vec<String> = on.iter().map(Dependency::text).collect();
                format!("waits for {}", names.join(", "))
            }
            Why::Runner { cluster, identifier, fit } => {
                let (name, version) = (&identifier.name, identifier.version.as_str());
                match fit {
                    Fit::Some { idle: 0, busy } => {
                        let held = if *busy == 1 { "1 task".into() } else { format!("{busy} tasks") };
                        format!("next in line: the runners of cluster {cluster} that can take it hold {held}")
                    }
                    Fit::Some { idle: 1, .. } => {
                        format!("next in line: 1 runner of cluster {cluster} that can take it is idle")
                    }
                    Fit::Some { idle, .. } => {
                        format!("next in line: {idle} runners of cluster {cluster} that can take it are idle")
                    }
                    Fit::NoneOnCluster { elsewhere } => format!(
                        "no runner asked for work on cluster {cluster} in the last minute; start one there for {name} \
                         {version}{}",
                        and_elsewhere(elsewhere)
                    ),
                    Fit::NoneForName { elsewhere } => format!(
                        "no runner of cluster {cluster} can execute {name}; start one there for {name} {version}{}",
                        and_elsewhere(elsewhere)
                    ),
                    Fit::NoneForVersion { seen, elsewhere } => format!(
                        "no runner of cluster {cluster} can execute {name} {version}, only {}; start one for {version} or a \
                         later minor version{}",
                        seen.join(", "),
                        and_elsewhere(elsewhere)
                    ),
                }
            }
        }
    }
}

fn and_elsewhere(clusters: &[Arc<str>]) -> String {
    if clusters.is_empty() { String::new() } else { format!(" (there are some on {})", clusters.join(", ")) }
}

impl Dependency {
    fn text(&self) -> String {
        match (self.tasks, self.incomplete) {
            (1, _) => self.display.to_string(),
            (tasks, incomplete) => format!("{incomplete} of {tasks} tasks like {}", self.display),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use boxwood_engine::{Ask, Counts, JobKey, Version};
    use std::time::{Duration, Instant};

    fn identifier(name: &str, version: &str) -> Identifier {
        Identifier { name: name.into(), version: Version::parse(version).expect("a version") }
    }

    fn seen(cluster: &str, identifiers: &[(&str, &str)], idle: usize, busy: usize) -> Runners {
        let identifiers = identifiers.iter().map(|(name, version)| identifier(name, version)).collect();
        Runners { ask: Ask { cluster: cluster.into(), identifiers }, idle, busy, asked_at: Instant::now() }
    }

    #[test]
    fn in_14_the_closest_runners_tell_why_there_is_none() {
        let wanted = identifier("T", "v1.3");
        let elsewhere = seen("b", &[("T", "v1.4")], 1, 0);
        assert_eq!(fit("a", &wanted, &[]), Fit::NoneOnCluster { elsewhere: vec![] });
        let of_no_use = [seen("b", &[("U", "v1.3")], 1, 0), seen("c", &[("T", "v1.2")], 1, 0)];
        assert_eq!(fit("a", &wanted, &of_no_use), Fit::NoneOnCluster { elsewhere: vec![] });
        let far = [elsewhere.clone()];
        assert_eq!(fit("a", &wanted, &far), Fit::NoneOnCluster { elsewhere: vec!["b".into()] });
        let other_name = [elsewhere, seen("a", &[("U", "v1.3")], 1, 0)];
        assert_eq!(fit("a", &wanted, &other_name), Fit::NoneForName { elsewhere: vec!["b".into()] });
        let other_version = [seen("a", &[("T", "v2.9"), ("U", "v1.3")], 1, 0), seen("a", &[("T", "v1.2")], 1, 0)];
        let versions = vec!["v1.2".to_owned(), "v2.9".to_owned()];
        assert_eq!(fit("a", &wanted, &other_version), Fit::NoneForVersion { seen: versions, elsewhere: vec![] });
        let able = [seen("a", &[("T", "v1.3")], 1, 2), seen("a", &[("U", "v1.0"), ("T", "v1.9")], 3, 4)];
        assert_eq!(fit("a", &wanted, &able), Fit::Some { idle: 4, busy: 6 });
    }

    #[test]
    fn in_11_a_canceled_job_without_queued_tasks_waits_for_nothing() {
        // QUEUED, RUNNING, COMPUTED, and further ones.
        let waits = |queued| JobWaits {
            status: JobStatus {
                key: JobKey(1),
                canceled: true,
                counts: Counts::from_array([queued, 0, 3, 0, 0, 0]),
                first_started_at: None,
                last_stopped_at: None,
                compute_time: Duration::ZERO,
                times_stale: false,
                resume_at: None,
            },
            ready: Vec::new(),
            blocked: Vec::new(),
        };
        assert_eq!(job(&waits(0), &[]), (vec![], 0));
        assert_eq!(job(&waits(2), &[]), (vec![Wait { tasks: 2, why: Why::JobCanceled }], 0));
    }

    #[test]
    fn in_15_each_reason_has_a_sentence_that_says_what_to_do() {
        let text = |fit| {
            let why = Why::Runner { cluster: "a".into(), identifier: identifier("T", "v1.3"), fit };
            Wait { tasks: 1, why }.text()
        };
        let says = [
            (
                Fit::NoneOnCluster { elsewhere: vec!["b".into()] },
                "no runner asked for work on cluster a in the last minute; \
              start one there for T v1.3 (there are some on b)",
            ),
            (
                Fit::NoneForName { elsewhere: vec![] },
                "no runner of cluster a can execute T; start one there for T v1.3",
            ),
            (
                Fit::NoneForVersion { seen: vec!["v1.2".into()], elsewhere: vec![] },
                "no runner of cluster a can execute T \
              v1.3, only v1.2; start one for v1.3 or a later minor version",
            ),
            (Fit::Some { idle: 2, busy: 9 }, "next in line: 2 runners of cluster a that can take it are idle"),
            (Fit::Some { idle: 1, busy: 9 }, "next in line: 1 runner of cluster a that can take it is idle"),
            (Fit::Some { idle: 0, busy: 9 }, "next in line: the runners of cluster a that can take it hold 9 tasks"),
            (Fit::Some { idle: 0, busy: 1 }, "next in line: the runners of cluster a that can take it hold 1 task"),
        ];
        for (fit, expected) in says {
            assert_eq!(text(fit), expected);
        }
    }
}
