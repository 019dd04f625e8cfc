//! What the load sends, and what it reads of the answers. The input of a task is the number of levels of tasks below it.

use boxwood_proto::buffa::MessageView as _;
use boxwood_proto::tilebox::v1::ID;
use boxwood_proto::workflows::v1::{
    ComputedTask, NextTaskRequest, NextTaskResponse, NextTaskResponseView, NextTaskToRun, SubmitJobRequest,
    TaskIdentifier, TaskSubmissionGroup, TaskSubmissions,
};
use bytes::{Bytes, BytesMut};

use super::line;
use crate::Failure;

/// The tasks that the load executes.
pub(crate) const TASK_NAME: &str = "boxwood.bench/Task";

/// The trace of all jobs.
pub(crate) const TRACE: u128 = 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736;

/// Submits a job of one task.
pub(crate) fn job(name: &str, task: &str, levels: usize) -> SubmitJobRequest {
    job_of(name, TaskSubmissions { identifier_lookup: vec![identifier(task)], ..submissions(1, levels) })
}

/// Submits a job of these tasks.
pub(crate) fn job_of(name: &str, tasks: TaskSubmissions) -> SubmitJobRequest {
    SubmitJobRequest {
        job_name: name.into(),
        trace_parent: format!("00-{TRACE:032x}-00f067aa0ba902b7-01"),
        tasks: tasks.into(),
        ..Default::default()
    }
}

/// So many equal tasks in one group.
pub(crate) fn submissions(count: u64, levels: usize) -> TaskSubmissions {
    let size = usize::try_from(count).expect("bounded by the arguments");
    let group = TaskSubmissionGroup {
        // As long as the small JSON object of a real task.
        inputs: vec![format!("{levels:>11}").into_bytes(); size],
        identifier_pointers: vec![0; size],
        cluster_slug_pointers: vec![0; size],
        display_pointers: vec![0; size],
        max_retries_values: vec![0; size],
        optional_values: vec![false; size],
        ..Default::default()
    };
    TaskSubmissions {
        task_groups: vec![group],
        cluster_slug_lookup: vec![String::new()],
        identifier_lookup: vec![identifier(TASK_NAME)],
        display_lookup: vec!["Task".into()],
        ..Default::default()
    }
}

/// Tasks in so many equal groups; with one more task that waits for all of them, if `dependent`.
pub(crate) fn grouped(count: u64, groups: u32, dependent: bool) -> TaskSubmissions {
    let mut tasks = submissions(count.div_ceil(groups.into()), 0);
    let group = tasks.task_groups.remove(0);
    tasks.task_groups = (0..groups).map(|_| group.clone()).collect();
    if dependent {
        let mut last = submissions(1, 0).task_groups.remove(0);
        last.dependencies_on_other_groups = (0..groups).collect();
        tasks.task_groups.push(last);
    }
    tasks
}

/// Asks for a task.
pub(crate) fn ask(cluster: &str) -> NextTaskRequest {
    let identifiers = vec![identifier(TASK_NAME)];
    let ask = NextTaskToRun { cluster_slug: cluster.into(), identifiers, ..Default::default() };
    NextTaskRequest { next_task_to_run: ask.into(), ..Default::default() }
}

/// Reports a task with what it submitted, and asks for the next.
pub(crate) fn report(cluster: &str, task: ID, sub_tasks: Option<TaskSubmissions>) -> NextTaskRequest {
    NextTaskRequest { computed_task: computed(task, sub_tasks).into(), ..ask(cluster) }
}

/// A task that is done.
pub(crate) fn computed(task: ID, sub_tasks: Option<TaskSubmissions>) -> ComputedTask {
    ComputedTask { id: task.into(), display: "Task".into(), sub_tasks: sub_tasks.into(), ..Default::default() }
}

fn identifier(name: &str) -> TaskIdentifier {
    TaskIdentifier { name: name.into(), version: "v1.0".into(), ..Default::default() }
}

/// A request behind its prefix, with a place for the id of a task.
pub(crate) struct Template {
    bytes: Bytes,
    id_at: usize,
}

impl Template {
    pub(crate) fn new(request: impl Fn(ID) -> NextTaskRequest) -> Self {
        let id = [0xab; 16];
        let bytes = line::framed(&request(ID { uuid: id.to_vec(), ..Default::default() }));
        let id_at = bytes.windows(16).position(|window| window == id).expect("the request names the task");
        Self { bytes, id_at }
    }

    pub(crate) fn with(&self, id: [u8; 16]) -> Bytes {
        let mut bytes = BytesMut::from(&self.bytes[..]);
        bytes[self.id_at..self.id_at + 16].copy_from_slice(&id);
        bytes.freeze()
    }
}

/// A task to be executed.
#[derive(Clone, Copy)]
pub(crate) struct Held {
    pub(crate) id: [u8; 16],
    /// Levels of tasks below it.
    pub(crate) levels: usize,
}

impl Held {
    /// The task of an answer, if it has one.
    pub(crate) fn of(answer: &[u8]) -> Result<Option<Self>, Failure> {
        let answer = NextTaskResponseView::decode_view(answer);
        let answer = answer.map_err(|error| Failure::Other(format!("NextTask: {error}")))?;
        let Some(task) = answer.next_task.as_option() else { return Ok(None) };
        let id = task.id.as_option().and_then(|id| id.uuid.try_into().ok());
        let input = task.input.and_then(|input| std::str::from_utf8(input).ok());
        match (id, input.and_then(|input| input.trim().parse().ok())) {
            (Some(id), Some(levels)) => Ok(Some(Self { id, levels })),
            _ => Err(foreign_work()),
        }
    }
}

/// The id of the task of an answer.
pub(crate) fn task_of(answer: &NextTaskResponse) -> Result<ID, Failure> {
    answer.next_task.as_option().and_then(|task| task.id.as_option()).cloned().ok_or_else(foreign_work)
}

pub(crate) fn foreign_work() -> Failure {
    Failure::Other("no task came back; measure a server whose default cluster has no other work or runners".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filled_template_is_what_the_library_would_send() {
        let id = [7; 16];
        let made = |id| report("default", id, Some(submissions(2, 3)));
        let filled = Template::new(made).with(id);
        assert_eq!(filled, line::framed(&made(ID { uuid: id.to_vec(), ..Default::default() })));
    }

    #[test]
    fn groups_are_equal_and_a_dependent_waits_for_each() {
        let groups = grouped(10, 4, true).task_groups;
        assert_eq!(groups.iter().map(|group| group.inputs.len()).collect::<Vec<_>>(), [3, 3, 3, 3, 1]);
        assert_eq!(groups[4].dependencies_on_other_groups, [0, 1, 2, 3]);
    }
}
