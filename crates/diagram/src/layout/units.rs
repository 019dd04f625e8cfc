//! Gathers tasks that no arrow tells apart.
//!
//! Sixty mappers and a reducer that waits for all of them: drawn in one row they are unreadable. Tasks
//! without sub-tasks, with one parent, waiting for the same tasks and awaited by the same tasks, are
//! gathered into one unit when their row would get too long; the unit is drawn as a block of rows.

use std::collections::HashMap;

use super::{Size, Spacing};
use crate::graph::{Edge, Graph, Kind};

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

/// What arrows say about a task without sub-tasks.
type Ties = (Vec<usize>, Vec<usize>, Vec<usize>);

/// Finds the units of a graph.
pub(super) fn gather(graph: &Graph, edges: &[Edge], sizes: &[Size], spacing: &Spacing) -> Units {
    let count = graph.nodes.len();
    let mut ties: Vec<Ties> = vec![(Vec::new(), Vec::new(), Vec::new()); count];
    let mut has_subtasks = vec![false; count];
    for edge in edges {
        match edge.kind {
            Kind::Subtask => {
                has_subtasks[edge.from] = true;
                ties[edge.to].0.push(edge.from);
            }
            Kind::Dependency => {
                ties[edge.from].1.push(edge.to);
                ties[edge.to].2.push(edge.from);
            }
        }
    }
    let mut groups: HashMap<Ties, usize> = HashMap::new();
    let mut gathered: Vec<Vec<usize>> = Vec::new();
    for (task, mut tie) in ties.into_iter().enumerate() {
        // Edges come task by task, so what waits for a task is in order already.
        tie.0.sort_unstable();
        tie.1.sort_unstable();
        if has_subtasks[task] {
            gathered.push(vec![task]);
            continue;
        }
        let group = *groups.entry(tie).or_insert(gathered.len());
        match gathered.get_mut(group) {
            Some(tasks) => tasks.push(task),
            None => gathered.push(vec![task]),
        }
    }

    let mut members: Vec<Vec<usize>> = Vec::with_capacity(count);
    for tasks in gathered {
        let row: f64 = tasks.iter().map(|&task| sizes[task].width + spacing.siblings).sum();
        if tasks.len() >= BLOCK_MEMBERS_MIN && row > spacing.row_max {
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
    use crate::{Direction, Node, State};

    fn units(nodes: Vec<Node>) -> Units {
        let graph = Graph { title: None, nodes };
        let sizes = vec![Size { width: 100.0, height: 30.0 }; graph.nodes.len()];
        gather(&graph, &graph.edges(), &sizes, &Spacing::of(Direction::Down))
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
