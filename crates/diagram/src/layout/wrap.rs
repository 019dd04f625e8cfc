//! Wraps wide trees: sub-tasks that have sub-tasks of their own stand in several rows instead of one.
//!
//! A task whose sub-tasks are tied to nothing outside of its subtree can be drawn apart, with all below it, as one
//! *part*. Siblings that arrows do not tell apart become a block of parts when their row would get too long, as equal
//! tasks become a block of boxes; arrows reach the uppermost box of a part from the side, where nothing else is.
//! Parts are found and drawn from the bottom up, so there are parts within parts.

use std::collections::HashMap;

use super::frame::Frame;
use super::units::Ties;
use super::{Arrow, Cell, Content, Drawing, Drawn, Point, Rect, Size, Spacing, grid};
use crate::Direction;
use crate::graph::{Edge, Kind};

/// Steps up the tree for all arrows together, after which no parts are looked for; a job has a few for each.
const CLIMBED_MAX: usize = 200_000;
/// Tasks drawn in parts altogether: each is drawn again for every level of parts that is tried.
const DRAWN_MAX: usize = 40_000;

/// The tree of a graph, and what could be wrapped in it.
pub(super) struct Wrapping<'a> {
    edges: &'a [Edge],
    /// The arrows of each task: from its parents, and to what it waits for.
    own: Vec<Vec<usize>>,
    tree: Tree,
    /// Whether each task has sub-tasks, none of them tied to anything outside of its subtree.
    is_closed: Vec<bool>,
    /// Whether anything waits for each task.
    is_awaited: Vec<bool>,
    /// For each task, and at the end for none, the sub-tasks that may become blocks of parts.
    groups: Vec<Vec<Vec<usize>>>,
}

/// A task and all below it, but for what is in parts of its own.
struct Part {
    /// Its tasks, in submission order.
    tasks: Vec<usize>,
    /// Its arrows.
    edges: Vec<usize>,
    drawing: Drawing,
    /// Whether it stands in a block with its siblings.
    is_in_block: bool,
}

impl<'a> Wrapping<'a> {
    /// None if there is nothing to wrap.
    pub(super) fn new(count: usize, edges: &'a [Edge]) -> Option<Self> {
        let tree = Tree::new(count, edges)?;
        let mut is_closed = tree.closed(edges)?;
        let mut own = vec![Vec::new(); count];
        let mut ties: Vec<Ties> = vec![Ties::default(); count];
        for (at, edge) in edges.iter().enumerate() {
            own[edge.owner()].push(at);
            edge.tie(&mut ties);
        }
        let is_awaited = ties.iter().map(Ties::is_awaited).collect();
        let mut known: HashMap<Ties, usize> = HashMap::new();
        let mut found: Vec<Vec<usize>> = Vec::new();
        for (task, mut tie) in ties.into_iter().enumerate() {
            is_closed[task] &= !tree.children[task].is_empty();
            if is_closed[task] {
                tie.sort();
                let group = *known.entry(tie).or_insert(found.len());
                match found.get_mut(group) {
                    Some(tasks) => tasks.push(task),
                    None => found.push(vec![task]),
                }
            }
        }
        found.retain(|group| group.len() > 1);
        if found.is_empty() {
            return None;
        }
        let mut groups = vec![Vec::new(); count + 1];
        for group in found {
            groups[tree.parent[group[0]].unwrap_or(count)].push(group);
        }
        Some(Wrapping { edges, own, tree, is_closed, is_awaited, groups })
    }

    /// The whole drawing, in the working frame; none if nothing in it had to be wrapped. `draw` makes one part.
    pub(super) fn draw(
        &self,
        sizes: &[Size],
        spacing: &Spacing,
        draw: impl Fn(&[Edge], &[Cell]) -> Drawn,
    ) -> Option<Drawn> {
        let count = sizes.len();
        let mut parts = Parts {
            wrapping: self,
            sizes,
            of: std::iter::repeat_with(|| None).take(count).collect(),
            left: DRAWN_MAX,
            items: 0,
            crossings: 0,
        };
        // Whether there is a block of parts below each task.
        let mut is_wrapped = vec![false; count + 1];
        for place in self.tree.order.iter().rev().copied().chain([count]) {
            for group in &self.groups[place] {
                is_wrapped[place] |= parts.wrap(group, spacing, &draw)?;
            }
            let children = self.tree.children.get(place).unwrap_or(&self.tree.roots);
            if children.iter().any(|&child| is_wrapped[child]) {
                is_wrapped[place] = true;
                parts.part_siblings(children, &draw)?;
            }
        }
        if !is_wrapped[count] {
            return None;
        }
        let (whole, drawn) = parts.draw(&self.tree.roots, &draw)?;
        let drawing = self.assembled(&whole, &parts.of);
        Some(Drawn { drawing, items: parts.items + drawn.0, crossings: parts.crossings + drawn.1 })
    }

    /// Puts every part where its task is.
    fn assembled(&self, whole: &Part, parts: &[Option<Part>]) -> Drawing {
        let mut boxes = vec![Rect { x: 0.0, y: 0.0, width: 0.0, height: 0.0 }; self.own.len()];
        let mut arrows: Vec<(usize, Arrow)> = Vec::with_capacity(self.edges.len());
        let mut waiting = vec![(whole, Point { x: 0.0, y: 0.0 })];
        while let Some((part, origin)) = waiting.pop() {
            let moved = |point: Point| Point { x: point.x + origin.x, y: point.y + origin.y };
            for (&task, cell) in part.tasks.iter().zip(&part.drawing.boxes) {
                let Point { x, y } = moved(Point { x: cell.x, y: cell.y });
                boxes[task] = Rect { x, y, ..*cell };
                // The part of the task that it is drawn for is this one.
                if let Some(inner) = parts[task].as_ref().filter(|inner| !std::ptr::eq(*inner, part)) {
                    let root = inner.root_box(task);
                    waiting.push((inner, Point { x: x - root.x, y: y - root.y }));
                }
            }
            for (&edge, arrow) in part.edges.iter().zip(&part.drawing.arrows) {
                let line = arrow.line.iter().map(|step| step.map(moved)).collect();
                arrows.push((edge, Arrow { edge: self.edges[edge], line, head: arrow.head.map(moved) }));
            }
        }
        arrows.sort_unstable_by_key(|&(edge, _)| edge);
        let arrows = arrows.into_iter().map(|(_, arrow)| arrow).collect();
        Drawing { size: whole.drawing.size, boxes, arrows }
    }
}

/// The parts made so far.
struct Parts<'a> {
    wrapping: &'a Wrapping<'a>,
    sizes: &'a [Size],
    of: Vec<Option<Part>>,
    /// How much of [`DRAWN_MAX`] is left.
    left: usize,
    items: usize,
    crossings: u64,
}

impl Parts<'_> {
    /// Makes a block of siblings if their row is too long; whether it was.
    fn wrap(&mut self, group: &[usize], spacing: &Spacing, draw: impl Fn(&[Edge], &[Cell]) -> Drawn) -> Option<bool> {
        let drawn: Option<Vec<_>> = group.iter().map(|&root| self.draw(&[root], &draw)).collect();
        let drawn = drawn?;
        let sizes: Vec<Size> = drawn.iter().map(|(part, _)| part.drawing.size).collect();
        if !grid::is_wrapped(&sizes, spacing) {
            return Some(false);
        }
        for (&root, (part, counts)) in group.iter().zip(drawn) {
            self.keep(root, Part { is_in_block: true, ..part }, counts);
        }
        Some(true)
    }

    /// Makes parts of siblings of which one has a block below it: in one drawing with that, the rows of the others
    /// would be torn apart. A part that something waits for cannot stand alone, as arrows would have to cross it.
    fn part_siblings(&mut self, siblings: &[usize], draw: impl Fn(&[Edge], &[Cell]) -> Drawn) -> Option<()> {
        let wrapping = self.wrapping;
        let can_stand_alone = |&&task: &&usize| wrapping.is_closed[task] && !wrapping.is_awaited[task];
        let alone: Vec<usize> =
            siblings.iter().filter(can_stand_alone).copied().filter(|&task| self.of[task].is_none()).collect();
        if alone.len() > 1 {
            for root in alone {
                let (part, counts) = self.draw(&[root], &draw)?;
                self.keep(root, part, counts);
            }
        }
        Some(())
    }

    fn keep(&mut self, root: usize, part: Part, (items, crossings): (usize, u64)) {
        self.items += items;
        self.crossings += crossings;
        self.of[root] = Some(part);
    }

    /// Draws these tasks and all below them that are not within a part; also the items and crossings of that. None if
    /// too much was drawn already.
    fn draw(&mut self, roots: &[usize], draw: impl Fn(&[Edge], &[Cell]) -> Drawn) -> Option<(Part, (usize, u64))> {
        let tasks = self.visible(roots);
        self.left = self.left.checked_sub(tasks.len())?;
        let place = |task: usize| tasks.binary_search(&task).ok();
        let (mut edges, mut local) = (Vec::new(), Vec::new());
        for &at in tasks.iter().flat_map(|&task| &self.wrapping.own[task]) {
            let Edge { from, to, kind } = self.wrapping.edges[at];
            // A part has drawn the arrow of its task to itself.
            if from == to && self.of[from].is_some() {
                continue;
            }
            if let (Some(from), Some(to)) = (place(from), place(to)) {
                edges.push(at);
                local.push(Edge { from, to, kind });
            }
        }
        let cells: Vec<Cell> = tasks.iter().map(|&task| self.cell(task)).collect();
        let Drawn { drawing, items, crossings } = draw(&local, &cells);
        let within = cells.iter().zip(&drawing.boxes).filter_map(|(cell, place)| {
            let Rect { x, y, .. } = cell.inside()?;
            let Size { width, height } = cell.size;
            Some(Rect { x: place.x - x, y: place.y - y, width, height })
        });
        let within: Vec<Rect> = within.collect();
        let drawing = Frame::around(Direction::Down, &drawing, &within).turn(drawing);
        Some((Part { tasks, edges, drawing, is_in_block: false }, (items, crossings)))
    }

    /// These tasks and all below them that are not within a part, in submission order.
    fn visible(&self, roots: &[usize]) -> Vec<usize> {
        let mut tasks = roots.to_vec();
        let mut at = 0;
        while let Some(&task) = tasks.get(at) {
            if self.of[task].is_none() {
                tasks.extend(&self.wrapping.tree.children[task]);
            }
            at += 1;
        }
        tasks.sort_unstable();
        tasks
    }

    fn cell(&self, task: usize) -> Cell {
        match &self.of[task] {
            None => Cell::of_box(self.sizes[task]),
            Some(part) => {
                let inside = part.root_box(task);
                let content = if part.is_in_block { Content::PartOfBlock(inside) } else { Content::Part(inside) };
                Cell { size: part.drawing.size, content }
            }
        }
    }
}

impl Part {
    /// The box of the task that the part is drawn for.
    fn root_box(&self, task: usize) -> Rect {
        let place = self.tasks.binary_search(&task).expect("a part has the task it is drawn for");
        self.drawing.boxes[place]
    }
}

/// The first parent of each task.
struct Tree {
    parent: Vec<Option<usize>>,
    children: Vec<Vec<usize>>,
    roots: Vec<usize>,
    /// 1 for a root.
    depth: Vec<usize>,
    /// Every task behind its parent.
    order: Vec<usize>,
}

impl Tree {
    /// None if parents make a cycle.
    fn new(count: usize, edges: &[Edge]) -> Option<Self> {
        let mut parent = vec![None; count];
        let mut children = vec![Vec::new(); count];
        for edge in edges.iter().filter(|edge| edge.kind == Kind::Subtask && edge.from != edge.to) {
            if parent[edge.to].is_none() {
                parent[edge.to] = Some(edge.from);
                children[edge.from].push(edge.to);
            }
        }
        let roots: Vec<usize> = (0..count).filter(|&task| parent[task].is_none()).collect();
        let mut depth = vec![1; count];
        let mut order = roots.clone();
        let mut at = 0;
        while let Some(&task) = order.get(at) {
            for &child in &children[task] {
                depth[child] = depth[task] + 1;
                order.push(child);
            }
            at += 1;
        }
        (order.len() == count).then_some(Tree { parent, children, roots, depth, order })
    }

    /// Whether no arrow ties the tasks below each task to one outside of its subtree; none if that takes too long.
    fn closed(&self, edges: &[Edge]) -> Option<Vec<bool>> {
        let count = self.parent.len();
        // The depth up to which the arrows of each task, and of those below each task, reach.
        let mut reach = vec![usize::MAX; count];
        let mut below = vec![usize::MAX; count];
        let mut left = CLIMBED_MAX;
        for edge in edges.iter().filter(|edge| edge.from != edge.to) {
            if edge.kind == Kind::Subtask && self.parent[edge.to] == Some(edge.from) {
                continue;
            }
            let top = self.common_depth(edge.from, edge.to, &mut left)?;
            reach[edge.from] = reach[edge.from].min(top);
            reach[edge.to] = reach[edge.to].min(top);
        }
        for &task in self.order.iter().rev() {
            if let Some(parent) = self.parent[task] {
                below[parent] = below[parent].min(below[task]).min(reach[task]);
            }
        }
        Some((0..count).map(|task| below[task] >= self.depth[task]).collect())
    }

    /// The depth of the lowest task that is above both or one of them; 0 if there is none.
    fn common_depth(&self, one: usize, other: usize, left: &mut usize) -> Option<usize> {
        let (mut one, mut other) = (Some(one), Some(other));
        while let (Some(a), Some(b)) = (one, other) {
            if a == b {
                return Some(self.depth[a]);
            }
            *left = left.checked_sub(1)?;
            if self.depth[a] >= self.depth[b] {
                one = self.parent[a];
            }
            if self.depth[b] >= self.depth[a] {
                other = self.parent[b];
            }
        }
        Some(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn under(parent: usize, child: usize) -> Edge {
        Edge { from: parent, to: child, kind: Kind::Subtask }
    }

    fn waits(from: usize, to: usize) -> Edge {
        Edge { from, to, kind: Kind::Dependency }
    }

    /// Two sub-tasks of 0, each with two of its own.
    fn twins() -> Vec<Edge> {
        vec![under(0, 1), under(0, 2), under(1, 3), under(1, 4), under(2, 5), under(2, 6)]
    }

    #[test]
    fn v_3_a_subtree_is_closed_unless_an_arrow_ties_its_inside_to_the_outside() {
        let closed = |more: &[Edge]| {
            let edges = [twins(), more.to_vec()].concat();
            Tree::new(7, &edges).and_then(|tree| tree.closed(&edges)).expect("a tree")[..3].to_vec()
        };
        assert_eq!(closed(&[]), [true, true, true]);
        assert_eq!(closed(&[waits(4, 3), waits(2, 1), waits(4, 1)]), [true, true, true]);
        assert_eq!(closed(&[waits(5, 4)]), [true, false, false]);
        assert_eq!(closed(&[waits(2, 3)]), [true, false, true]);
        assert_eq!(closed(&[waits(5, 0)]), [true, true, false]);
        assert_eq!(closed(&[under(2, 4)]), [true, false, true]);
    }

    #[test]
    fn v_3_siblings_that_arrows_tell_apart_are_no_block() {
        let groups = |more: &[Edge]| {
            let edges = [twins(), more.to_vec()].concat();
            Wrapping::new(7, &edges).map(|wrapping| wrapping.groups.concat())
        };
        assert_eq!(groups(&[]), Some(vec![vec![1, 2]]));
        assert_eq!(groups(&[waits(2, 1)]), None);
        assert_eq!(groups(&[waits(3, 5)]), None);
    }

    #[test]
    fn v_3_a_graph_whose_parents_make_a_cycle_is_not_wrapped() {
        assert!(Wrapping::new(3, &[under(0, 1), under(1, 2), under(2, 0)]).is_none());
    }
}
