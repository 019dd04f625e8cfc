//! The tasks of a job (J-56, J-57).

use std::collections::{HashMap, VecDeque};
use std::time::SystemTime;

use boxwood_proto::tilebox::v1::Pagination;
use boxwood_proto::workflows::v1 as wire;

use super::job::time;
use super::pages::Pages;
use super::{Client, TaskState};
use crate::Error;
use crate::id::{JobId, TaskId};

const CALL: &str = "list tasks of job";
/// How many tasks of a tree are asked for at once, and how many children of each of them come along.
const TREE_PAGE: i64 = 1000;
const TREE_PREFETCH: i64 = 20;

/// A task as listed (J-57).
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct TaskSummary {
    /// Its identifier.
    pub id: TaskId,
    /// The task that submitted it; none for root tasks.
    pub parent: Option<TaskId>,
    /// The text shown for it.
    pub display: String,
    /// Its state.
    pub state: TaskState,
    /// When it was submitted.
    pub submitted_at: Option<SystemTime>,
    /// When its latest execution started, if there was one.
    pub started_at: Option<SystemTime>,
    /// When its latest execution ended, if it did.
    pub stopped_at: Option<SystemTime>,
    /// Its input, byte for byte.
    pub input: Vec<u8>,
    /// How many of its executions failed so far (S-30).
    pub retry_count: u64,
    /// How often it may be executed again after a failure.
    pub max_retries: u64,
    /// Whether it submitted tasks.
    pub has_children: bool,
    /// The cluster it belongs to.
    pub cluster: String,
    /// Whether it was submitted as optional.
    pub optional: bool,
}

impl TaskSummary {
    fn from_wire(task: wire::TaskSummary) -> Result<Self, Error> {
        Ok(Self {
            id: TaskId::from_wire(CALL, &task.id)?,
            parent: TaskId::from_wire_optional(&task.parent_id),
            display: task.display,
            state: TaskState::from_wire(CALL, task.state)?,
            submitted_at: time(task.submitted_at.as_option()),
            started_at: time(task.started_at.as_option()),
            stopped_at: time(task.stopped_at.as_option()),
            input: task.input.unwrap_or_default(),
            retry_count: u64::try_from(task.retry_count).unwrap_or(0),
            max_retries: u64::try_from(task.max_retries).unwrap_or(0),
            has_children: task.has_children,
            cluster: task.cluster_slug,
            optional: task.optional,
        })
    }
}

/// A task and those it submitted.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct TaskNode {
    /// The task itself.
    pub task: TaskSummary,
    /// The tasks it submitted, in order, as far as they were read.
    pub children: Vec<TaskNode>,
}

/// The tasks of a job as a tree, from [`JobClient::task_tree`](crate::JobClient::task_tree).
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct TaskTree {
    /// The root tasks, in the order of submission.
    pub roots: Vec<TaskNode>,
    /// Whether tasks were left out because there are more than were asked for.
    pub truncated: bool,
}

impl TaskTree {
    /// Calls `visit` for every task, parents before children, with its depth: 0 for root tasks.
    pub fn walk<'a>(&'a self, mut visit: impl FnMut(usize, &'a TaskSummary)) {
        let mut open: Vec<(usize, &TaskNode)> = self.roots.iter().rev().map(|node| (0, node)).collect();
        while let Some((depth, node)) = open.pop() {
            visit(depth, &node.task);
            open.extend(node.children.iter().rev().map(|child| (depth + 1, child)));
        }
    }
}

async fn fetch(client: &Client, request: wire::ListJobTasksRequest) -> Result<wire::ListJobTasksResponse, Error> {
    let service = client.job_service();
    let answer = client.endpoint().repeat(CALL, |options| {
        let request = request.clone();
        async move { Ok(service.list_job_tasks_with_options(request, options).await?.into_owned()) }
    });
    answer.await
}

/// The children of `parent`, or the root tasks.
pub(super) fn list(client: &Client, job: JobId, parent: Option<TaskId>) -> Pages<TaskSummary> {
    let client = client.clone();
    Pages::new(move |page| {
        let client = client.clone();
        let request = wire::ListJobTasksRequest {
            job_id: job.to_wire().into(),
            parent_task_id: parent.map(TaskId::to_wire).into(),
            page: page.into(),
            ..Default::default()
        };
        async move {
            let page = fetch(&client, request).await?.page.into_option().unwrap_or_default();
            Ok((
                page.tasks.into_iter().map(TaskSummary::from_wire).collect::<Result<_, _>>()?,
                page.next_page.into_option(),
            ))
        }
    })
}

/// A list of children that is still to be read, or to be read on.
struct Open {
    parent: Option<TaskId>,
    page: Option<Pagination>,
}

/// Reads level by level. Tasks are kept in one list and put into each other at the end, so that depth costs no stack.
pub(super) async fn tree(client: &Client, job: JobId, tasks_max: usize) -> Result<TaskTree, Error> {
    let mut tasks: Vec<TaskSummary> = Vec::new();
    let mut truncated = false;
    let mut open = VecDeque::from([Open { parent: None, page: None }]);
    while let Some(list) = open.pop_front() {
        if tasks.len() >= tasks_max {
            truncated = true;
            break;
        }
        let mut page = list.page.unwrap_or_default();
        page.limit = Some(TREE_PAGE);
        let request = wire::ListJobTasksRequest {
            job_id: job.to_wire().into(),
            parent_task_id: list.parent.map(TaskId::to_wire).into(),
            page: page.into(),
            prefetch_children: wire::JobTaskChildrenPrefetch { limit: TREE_PREFETCH, ..Default::default() }.into(),
            ..Default::default()
        };
        let answer = fetch(client, request).await?;
        let mut first_children: HashMap<TaskId, wire::JobTaskPage> = HashMap::new();
        for page in answer.prefetched_child_pages {
            first_children.insert(TaskId::from_wire(CALL, &page.parent_task_id)?, page);
        }
        let mut pages = VecDeque::from([(list.parent, answer.page.into_option().unwrap_or_default())]);
        while let Some((parent, page)) = pages.pop_front() {
            // The rest of this list comes before the lists below it.
            if has_more(page.next_page.as_option()) {
                open.push_front(Open { parent, page: page.next_page.into_option() });
            }
            for task in page.tasks {
                let task = TaskSummary::from_wire(task)?;
                match first_children.remove(&task.id) {
                    Some(children) => pages.push_back((Some(task.id), children)),
                    None if task.has_children => {
                        open.push_back(Open { parent: Some(task.id), page: None });
                    }
                    None => (),
                }
                tasks.push(task);
            }
        }
    }
    truncated |= tasks.len() > tasks_max;
    tasks.truncate(tasks_max);
    Ok(TaskTree { roots: nest(tasks), truncated })
}

fn has_more(next_page: Option<&Pagination>) -> bool {
    next_page.and_then(|page| page.starting_after.as_option()).is_some_and(|id| !id.uuid.is_empty())
}

/// The tree of all tasks of a job; parents come before their children, and siblings in order.
#[cfg(feature = "testing")]
pub(crate) fn tree_of(tasks: Vec<TaskSummary>) -> TaskTree {
    TaskTree { roots: nest(tasks), truncated: false }
}

/// Puts each task below its parent; parents come before their children, and siblings in order.
fn nest(tasks: Vec<TaskSummary>) -> Vec<TaskNode> {
    let mut children: HashMap<Option<TaskId>, Vec<TaskNode>> = HashMap::new();
    // From the end: everything below a task is complete when the task is reached.
    for task in tasks.into_iter().rev() {
        let mut below = children.remove(&Some(task.id)).unwrap_or_default();
        below.reverse();
        children.entry(task.parent).or_default().push(TaskNode { task, children: below });
    }
    let mut roots = children.remove(&None).unwrap_or_default();
    roots.reverse();
    roots
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(id: u8, parent: Option<u8>) -> TaskSummary {
        let wire = wire::TaskSummary {
            id: TaskId::from_bytes([id; 16]).to_wire().into(),
            parent_id: parent.map(|parent| TaskId::from_bytes([parent; 16]).to_wire()).into(),
            display: id.to_string(),
            state: wire::TaskState::TASK_STATE_COMPUTED.into(),
            ..Default::default()
        };
        TaskSummary::from_wire(wire).unwrap()
    }

    #[test]
    fn j_56_tasks_are_nested_in_the_order_of_submission() {
        // As read level by level: two roots, then the children of the second, the first, and one grandchild.
        let tasks = [(1, None), (2, None), (5, Some(2)), (6, Some(2)), (3, Some(1)), (4, Some(1)), (7, Some(3))];
        let tree = TaskTree {
            roots: nest(tasks.into_iter().map(|(id, parent)| task(id, parent)).collect()),
            truncated: false,
        };
        let mut seen = Vec::new();
        tree.walk(|depth, task| seen.push((depth, task.display.as_str())));
        assert_eq!(seen, [(0, "1"), (1, "3"), (2, "7"), (1, "4"), (0, "2"), (1, "5"), (1, "6")]);
    }
}
