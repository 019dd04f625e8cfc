//! Gathers tasks that no arrow tells apart.
//!
//! Sixty mappers and a reducer that waits for all of them: drawn in one row they are unreadable. Tasks
//! without sub-tasks, with one parent, waiting for the same tasks and awaited by the same tasks, are
//! gathered into one unit when their row would get too long; the unit is drawn as a block of rows.

use std::collections::HashMap;

use super::{Cell, Content, Spacing};
use crate::graph::{Edge, Kind};

/// What is placed as one: a single task, or a block of equal ones.
#[derive(Debug)]
pub(super) struct Units {
    /// The tasks of each unit in submission order; units are in the order of their first task.
    pub(super) members: Vec<Vec<usize>>,
    /// The unit of each task.
    pub(super) of: Vec<usize>,
}

/// Blocks of fewer tasks are no gain.
const BLOCK_MEMBERS_MIN: usize = 3;

/// What arrows say about a task, but for those to its sub-tasks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Ties {
    parents: Vec<usize>,
    waits: Vec<usize>,
    awaited: Vec<usize>,
}

impl Ties {
    pub(super) fn is_awaited(&self) -> bool {
        !self.awaited.is_empty()
    }

    /// Puts them in an order that only depends on what they are.
    pub(super) fn sort(&mut self) {
        // Edges come task by task, so the other two are in order already.
        self.parents.sort_unstable();
        self.waits.sort_unstable();
    }
}

impl Edge {
    /// The task this arrow was listed for: a sub-task, or what waits.
    pub(super) fn owner(&self) -> usize {
        match self.kind {
            Kind::Subtask => self.to,
            Kind::Dependency => self.from,
        }
    }

    /// Notes this arrow with the tasks it says something about.
    pub(super) fn tie(&self, ties: &mut [Ties]) {
        match self.kind {
            Kind::Subtask => ties[self.to].parents.push(self.from),
            Kind::Dependency => {
                ties[self.from].waits.push(self.to);
                ties[self.to].awaited.push(self.from);
            }
        }
    }
}

/// Finds the units of a graph. Parts of a block were found to be too wide for one row already.
pub(super) fn gather(edges: &[Edge], cells: &[Cell], spacing: &Spacing) -> Units {
    let count = cells.len();
    let mut ties = vec![Ties::default(); count];
    let mut has_subtasks = vec![false; count];
    for edge in edges {
        edge.tie(&mut ties);
        has_subtasks[edge.from] |= edge.kind == Kind::Subtask;
    }
    let mut groups: HashMap<(Ties, bool), usize> = HashMap::new();
    let mut gathered: Vec<Vec<usize>> = Vec::new();
    for (task, mut tie) in ties.into_iter().enumerate() {
        tie.sort();
        if has_subtasks[task] || matches!(cells[task].content, Content::Part(_)) {
            gathered.push(vec![task]);
            continue;
        }
        let group = *groups.entry((tie, cells[task].is_in_block())).or_insert(gathered.len());
        match gathered.get_mut(group) {
            Some(tasks) => tasks.push(task),
            None => gathered.push(vec![task]),
        }
    }

    let mut members: Vec<Vec<usize>> = Vec::with_capacity(count);
    for tasks in gathered {
        let row: f64 = tasks.iter().map(|&task| cells[task].size.width + spacing.siblings).sum();
        if cells[tasks[0]].is_in_block() || tasks.len() >= BLOCK_MEMBERS_MIN && row > spacing.row_max {
            members.push(tasks);
        } else {
            members.extend(tasks.into_iter().map(|task| vec![task]));
        }
    }
    members.sort_unstable_by_key(|tasks| tasks[0]);
    let mut of = vec![0; count];
    for (unit, tasks) in members.iter().enumerate() {
        for &task in tasks {
            of[task] = unit;
        }
    }
    Units { members, of }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::Size;
    use crate::{Direction, Graph, Node, State};

    fn units(nodes: Vec<Node>) -> Units {
        let graph = Graph { title: None, nodes };
        let cell = Cell::of_box(Size { width: 100.0, height: 30.0 });
        gather(&graph.edges(), &vec![cell; graph.nodes.len()], &Spacing::of(Direction::Down))
    }

    #[test]
    fn v_2_many_equal_tasks_make_a_block_and_few_do_not() {
        let mut nodes = vec![Node::new("root", State::Computed)];
        nodes.extend((0..40).map(|_| Node::new("map", State::Queued).under(0)));
        nodes.push(Node::new("reduce", State::Queued).under(0).after(1..41));
        let found = units(nodes);
        assert_eq!(found.members.iter().map(Vec::len).collect::<Vec<_>>(), [1, 40, 1]);
        assert_eq!((found.of[0], found.of[1], found.of[40], found.of[41]), (0, 1, 1, 2));

        let mut nodes = vec![Node::new("root", State::Computed)];
        nodes.extend((0..5).map(|_| Node::new("map", State::Queued).under(0)));
        assert_eq!(units(nodes).members.len(), 6);
    }

    #[test]
    fn v_2_tasks_that_an_arrow_tells_apart_stay_apart() {
        let mut nodes = vec![Node::new("root", State::Computed)];
        nodes.extend((0..40).map(|at| Node::new("map", State::Queued).under(0).after((at == 39).then_some(1))));
        let found = units(nodes);
        assert_eq!(found.members.iter().map(Vec::len).collect::<Vec<_>>(), [1, 1, 38, 1]);
    }
}
