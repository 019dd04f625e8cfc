//! Large jobs on one screen: tasks that look alike are folded into one row, and what is below a row is left out when the
//! rows run out. Nothing is left out silently, and the way to failed tasks is kept open first.

use std::collections::hash_map::DefaultHasher;
use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::Hasher as _;

use boxwood::{TaskId, TaskNode, TaskState, TaskTree};

/// Jobs of up to this many tasks are shown as they are.
pub(super) const FOLD_FROM: usize = 40;
/// Fewer tasks that look alike are shown one by one, unless this many are below each.
const ALIKE_MIN: usize = 5;
const BELOW_MIN: usize = 4;
/// Rows of a folded tree: about a screen or two.
const ROWS_MAX: usize = 60;
/// Rows of the tasks that one task submitted: those at first, and those among the others that run or failed.
const SIBLINGS_FIRST: usize = 16;
const SIBLINGS_NOTABLE: usize = 8;

/// What one row stands for.
#[derive(Debug)]
pub(super) enum Branch<'a> {
    /// A task.
    One(&'a TaskNode),
    /// Sub-tasks of the same tasks that look alike, and so does what is below them.
    Alike(Vec<&'a TaskNode>),
    /// Tasks that look alike, each the only sub-task of the one before it.
    Chain(Vec<&'a TaskNode>),
    /// The sub-tasks for which there are no rows.
    Rest(Vec<&'a TaskNode>),
}

/// A row and those below it.
#[derive(Debug)]
pub(super) struct Row<'a> {
    pub(super) branch: Branch<'a>,
    /// Positions of the rows below.
    pub(super) below: Vec<usize>,
    /// Tasks below for which there are no rows.
    pub(super) hidden: Vec<&'a TaskNode>,
}

/// The rows of a tree; the first `roots` are those of its root tasks.
#[derive(Debug)]
pub(super) struct Rows<'a> {
    pub(super) rows: Vec<Row<'a>>,
    pub(super) roots: usize,
}

impl<'a> Branch<'a> {
    pub(super) fn members(&self) -> &[&'a TaskNode] {
        match self {
            Self::One(node) => std::slice::from_ref(node),
            Self::Alike(members) | Self::Chain(members) | Self::Rest(members) => members,
        }
    }

    /// The sub-tasks of the tasks of this row, as far as it does not stand for them itself.
    fn children(&self) -> Vec<&'a TaskNode> {
        match self {
            Self::One(node) => node.children.iter().collect(),
            Self::Alike(members) => members.iter().flat_map(|member| &member.children).collect(),
            Self::Chain(members) => members.last().into_iter().flat_map(|last| &last.children).collect(),
            Self::Rest(_) => Vec::new(),
        }
    }
}

/// The rows of a tree; all of its tasks one by one if they are not more than `fold_from`.
pub(super) fn fold(tree: &TaskTree, fold_from: usize) -> Rows<'_> {
    let facts = Facts::of(tree);
    let fold = facts.tasks > fold_from;
    let mut left = if fold { ROWS_MAX } else { usize::MAX };
    let row = |branch| Row { branch, below: Vec::new(), hidden: Vec::new() };

    let mut rows: Vec<Row<'_>> = facts.rows(tree.roots.iter().collect(), fold).into_iter().map(row).collect();
    let roots = rows.len();
    left = left.saturating_sub(roots);
    // Level by level, but first of all on the way to failed tasks.
    let mut open: VecDeque<usize> = (0..roots).collect();
    while !open.is_empty() {
        let is_urgent = |at: &usize| facts.leads_to_failed(&rows[*at].branch);
        let urgent = if fold { open.iter().position(is_urgent) } else { None };
        let at = open.remove(urgent.unwrap_or(0)).expect("it was found there");
        let children = facts.rows(rows[at].branch.children(), fold);
        if children.len() > left {
            rows[at].hidden = descendants(rows[at].branch.children());
            continue;
        }
        left -= children.len();
        for child in children {
            let position = rows.len();
            rows[at].below.push(position);
            rows.push(row(child));
            open.push_back(position);
        }
    }
    Rows { rows, roots }
}

/// These tasks and all below them; without recursion, because trees can be deep.
fn descendants(mut open: Vec<&TaskNode>) -> Vec<&TaskNode> {
    let mut found = Vec::new();
    while let Some(node) = open.pop() {
        found.push(node);
        open.extend(&node.children);
    }
    found
}

/// What must be known of a tree to fold it.
struct Facts {
    tasks: usize,
    /// Equal for tasks that look alike together with everything below them.
    looks: HashMap<TaskId, u64>,
    /// How many tasks are below each.
    below: HashMap<TaskId, usize>,
    /// Tasks with failed ones below them.
    above_failed: HashSet<TaskId>,
}

impl Facts {
    fn of(tree: &TaskTree) -> Self {
        // Parents come before their children, and so backwards children before their parents.
        let mut nodes: Vec<&TaskNode> = tree.roots.iter().collect();
        let mut at = 0;
        while at < nodes.len() {
            nodes.extend(&nodes[at].children);
            at += 1;
        }
        let mut looks = HashMap::new();
        let mut counts = HashMap::new();
        let mut above_failed = HashSet::new();
        for node in nodes.iter().rev() {
            let mut below: Vec<u64> = node.children.iter().map(|child| looks[&child.task.id]).collect();
            below.sort_unstable();
            below.dedup();
            looks.insert(node.task.id, hash(&(own_look(node), below)));
            let count: usize = node.children.iter().map(|child| counts[&child.task.id] + 1).sum();
            counts.insert(node.task.id, count);
            let failed =
                |child: &TaskNode| child.task.state == TaskState::Failed || above_failed.contains(&child.task.id);
            if node.children.iter().any(failed) {
                above_failed.insert(node.task.id);
            }
        }
        Self { tasks: nodes.len(), looks, below: counts, above_failed }
    }

    fn leads_to_failed(&self, branch: &Branch<'_>) -> bool {
        !matches!(branch, Branch::Rest(_))
            && branch.members().last().is_some_and(|member| self.above_failed.contains(&member.task.id))
    }

    fn rows<'a>(&self, nodes: Vec<&'a TaskNode>, fold: bool) -> Vec<Branch<'a>> {
        if fold { self.branches(nodes) } else { nodes.into_iter().map(Branch::One).collect() }
    }

    /// Whether so many tasks like this one share a row.
    fn are_many(&self, count: usize, node: &TaskNode) -> bool {
        count >= ALIKE_MIN || (count > 1 && self.below[&node.task.id] >= BELOW_MIN)
    }

    /// Few rows for the sub-tasks of one task, in the order of their first tasks.
    fn branches<'a>(&self, nodes: Vec<&'a TaskNode>) -> Vec<Branch<'a>> {
        let mut alike: HashMap<u64, Vec<&'a TaskNode>> = HashMap::new();
        for node in &nodes {
            alike.entry(self.looks[&node.task.id]).or_default().push(node);
        }
        let mut branches = Vec::new();
        for node in nodes {
            let look = self.looks[&node.task.id];
            match alike.get(&look).map(Vec::len) {
                // They have their row already.
                None => (),
                Some(count) if self.are_many(count, node) => branches.extend(alike.remove(&look).map(Branch::Alike)),
                Some(_) => branches.push(chain(node)),
            }
        }
        limit(branches)
    }
}

/// The task, together with those below it as long as each is the only sub-task and they look alike.
fn chain(first: &TaskNode) -> Branch<'_> {
    let mut members = vec![first];
    let mut last = first;
    while let [only] = last.children.as_slice()
        && own_look(only) == own_look(first)
    {
        members.push(only);
        last = only;
    }
    if members.len() >= ALIKE_MIN { Branch::Chain(members) } else { Branch::One(first) }
}

/// Keeps the first rows and the notable ones among the others.
fn limit(branches: Vec<Branch<'_>>) -> Vec<Branch<'_>> {
    if branches.len() <= SIBLINGS_FIRST + SIBLINGS_NOTABLE {
        return branches;
    }
    let mut kept = Vec::new();
    let mut rest = Vec::new();
    let mut notable_left = SIBLINGS_NOTABLE;
    for (position, branch) in branches.into_iter().enumerate() {
        let state = branch.members().first().map(|member| member.task.state);
        if position < SIBLINGS_FIRST {
            kept.push(branch);
        } else if notable_left > 0 && matches!(state, Some(TaskState::Failed | TaskState::Running)) {
            notable_left -= 1;
            kept.push(branch);
        } else {
            // What is below them is left out with them.
            rest.extend(descendants(branch.members().to_vec()));
        }
    }
    kept.push(Branch::Rest(rest));
    kept
}

/// Equal for tasks that look alike themselves: same state, same options, same display but for the numbers in it.
fn own_look(node: &TaskNode) -> u64 {
    let task = &node.task;
    let mut pattern = String::new();
    for c in task.display.lines().next().unwrap_or_default().chars() {
        match c.is_ascii_digit() {
            true if pattern.ends_with('\0') => (),
            true => pattern.push('\0'),
            false => pattern.push(c),
        }
    }
    hash(&(task.state.as_str(), task.optional, &task.cluster, pattern))
}

fn hash(value: &impl std::hash::Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
