//! Commands and rows in the words of the reference model.

use std::ops::Bound;

use boxwood_engine::{
    Ask, Cluster, ComputedTask, FailedTask, Identifier, NewCluster, NewJob, ProgressUpdate, Settings, Submission,
};
use boxwood_store::{Bounds, JobQuery, SortDirection};

use crate::reference;

pub(super) fn numbers(settings: &Settings) -> reference::Numbers {
    reference::Numbers {
        first_lease: settings.lease_first,
        longest_lease: settings.lease_max,
        lease_left: settings.lease_margin,
        lost_leases_max: settings.crash_retries_max,
        hand_backs_max: settings.hand_backs_max,
        refuse_mistakes: settings.refuse_content_errors,
        repeated_within: settings.repeat_window,
    }
}

pub(super) fn identifier(identifier: &Identifier) -> reference::Identifier {
    reference::Identifier { name: identifier.name.to_string(), version: identifier.version.as_str().to_owned() }
}

pub(super) fn ask(ask: &Ask) -> reference::Ask {
    reference::Ask { cluster: ask.cluster.to_string(), identifiers: ask.identifiers.iter().map(identifier).collect() }
}

/// T-80 to T-82: the tasks of a submission in order. Each task of a group depends on every task of the groups named.
fn tasks(submission: &Submission) -> Vec<reference::NewTask> {
    let mut places = Vec::new();
    let mut next = 0;
    for group in submission.groups() {
        places.push(next..next + group.inputs.len());
        next += group.inputs.len();
    }
    let mut tasks = Vec::new();
    for group in submission.groups() {
        let mut inputs = group.inputs.iter();
        let mut dependencies: Vec<usize> =
            group.dependencies.iter().flat_map(|before| places[*before].clone()).collect();
        dependencies.sort_unstable();
        dependencies.dedup();
        for new in group.tasks.iter().flat_map(|equal| (0..equal.count).map(move |_| equal)) {
            tasks.push(reference::NewTask {
                dependencies: dependencies.clone(),
                cluster: new.cluster.to_string(),
                identifier: identifier(&new.identifier),
                input: inputs.next().expect("an input for every task").clone(),
                display: new.display.to_string(),
                max_retries: new.max_retries,
                optional: new.optional,
            });
        }
    }
    tasks
}

pub(super) fn new_job(new: &NewJob) -> reference::NewJob {
    reference::NewJob {
        id: new.id.to_u128(),
        name: new.name.clone(),
        trace_parent: new.trace_parent.clone(),
        automation: new.automation.map(|automation| automation.to_u128()),
        tasks: tasks(&new.tasks),
        first_task: new.first_task.to_u128(),
        repeated: new.repeated,
        now: new.now.0,
    }
}

fn progress(updates: &[ProgressUpdate]) -> Vec<reference::Progress> {
    let one = |update: &ProgressUpdate| reference::Progress {
        label: update.label.clone(),
        total: update.total,
        done: update.done,
    };
    updates.iter().map(one).collect()
}

pub(super) fn computed(computed: &ComputedTask) -> reference::Computed {
    reference::Computed {
        task: computed.task.to_u128(),
        display: computed.display.clone(),
        progress: progress(&computed.progress),
        children: computed.sub_tasks.as_ref().map(tasks).unwrap_or_default(),
        first_child: computed.first_sub_task.to_u128(),
        mistake: computed.content_error.clone(),
    }
}

pub(super) fn failed(failed: &FailedTask) -> reference::Failed {
    reference::Failed {
        task: failed.task.to_u128(),
        display: failed.display.clone(),
        progress: progress(&failed.progress),
        was_workflow_error: failed.workflow_error,
        now: failed.now.0,
    }
}

pub(super) fn new_cluster(new: &NewCluster) -> reference::Cluster {
    reference::Cluster {
        slug: new.slug.clone(),
        display_name: new.display_name.clone(),
        description: new.description.clone(),
        deletable: new.deletable,
        created_at: new.now.0,
    }
}

pub(super) fn cluster(cluster: &Cluster) -> reference::Cluster {
    reference::Cluster {
        slug: cluster.slug.to_string(),
        display_name: cluster.display_name.clone(),
        description: cluster.description.clone(),
        deletable: cluster.deletable,
        created_at: cluster.created_at.0,
    }
}

pub(super) fn bounds<T, U>((start, end): &Bounds<T>, number: impl Fn(&T) -> U) -> (Bound<U>, Bound<U>) {
    let bound = |bound: &Bound<T>| match bound {
        Bound::Included(value) => Bound::Included(number(value)),
        Bound::Excluded(value) => Bound::Excluded(number(value)),
        Bound::Unbounded => Bound::Unbounded,
    };
    (bound(start), bound(end))
}

pub(super) fn filter(query: &JobQuery) -> reference::Filter {
    reference::Filter {
        submitted: bounds(&query.submitted, |time| time.0),
        ids: bounds(&query.ids, |id| id.to_u128()),
        states: query.states.iter().map(|state| *state as u8).collect(),
        words: query.name_words.clone(),
        task_states: query.task_states.iter().map(|state| *state as u8).collect(),
        automations: query.automations.iter().map(|id| id.to_u128()).collect(),
        clusters: query.clusters.clone(),
        ascending: query.sort == SortDirection::Ascending,
        after: query.after.map(|id| id.to_u128()),
        limit: query.limit,
    }
}
