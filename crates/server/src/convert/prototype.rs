//! What a job was submitted as (J-80).

use std::collections::HashMap;

use boxwood_engine::GroupKey;
use boxwood_proto::workflows::v1 as wire;
use boxwood_store::{JobGraph, TaskView};

/// The root tasks among the first tasks of a job, in submission order.
fn root_tasks(graph: &JobGraph) -> Vec<&TaskView> {
    graph.tasks.iter().filter(|task| task.parent.is_none()).collect()
}

/// A job as it could be submitted again: its name and root tasks, dependencies as positions in the list.
pub(crate) fn jobs_prototype(graph: &JobGraph) -> wire::GetJobPrototypeResponse {
    let roots = root_tasks(graph);
    let mut places: HashMap<GroupKey, Vec<i64>> = HashMap::new();
    for (task, place) in roots.iter().zip(0..) {
        places.entry(task.group).or_default().push(place);
    }
    let mut dependencies: HashMap<GroupKey, Vec<i64>> = HashMap::new();
    for group in &graph.groups {
        let Some(members) = places.get(&group.key) else { continue };
        for dependent in &group.dependents {
            dependencies.entry(*dependent).or_default().extend(members);
        }
    }
    let root_tasks = roots.into_iter().map(|task| wire::SingleTaskSubmission {
        cluster_slug: task.cluster.to_string(),
        identifier: wire::TaskIdentifier {
            name: task.identifier.name.to_string(),
            version: task.identifier.version.as_str().to_owned(),
            ..Default::default()
        }
        .into(),
        input: task.input.clone(),
        display: task.display.clone(),
        dependencies: dependencies.get(&task.group).cloned().unwrap_or_default(),
        max_retries: task.max_retries.into(),
        ..Default::default()
    });
    wire::GetJobPrototypeResponse {
        root_tasks: root_tasks.collect(),
        job_name: graph.job.job.name.clone(),
        ..Default::default()
    }
}
