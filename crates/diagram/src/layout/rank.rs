//! Gives each unit its row: below its parent, and below everything it depends on, as high as that allows, but for
//! root tasks that are needed late.
//! Read from the top, the picture then follows the execution.
//!
//! A task that waits for another one also waits for that one's sub-tasks. It can be put below all of
//! those (narrow and high pictures) or beside them (wide and low ones): see [`After`].

use std::collections::HashMap;

use super::units::Units;
use crate::graph::{Edge, Kind};

/// All arrows of one kind between two units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Link {
    /// The unit in the upper row.
    pub(super) upper: usize,
    /// The unit in the lower row.
    pub(super) lower: usize,
    pub(super) kind: Kind,
    /// Whether the link was turned around to break a cycle.
    pub(super) turned: bool,
}

/// Units with their rows.
#[derive(Debug)]
pub(super) struct Ranked {
    pub(super) links: Vec<Link>,
    /// The link of each edge; none where a task points to itself.
    pub(super) link_of: Vec<Option<usize>>,
    /// The row of each unit.
    pub(super) row: Vec<usize>,
    /// The unit of each unit's parent; of several, the last.
    pub(super) parent: Vec<Option<usize>>,
    /// The units of each unit's sub-tasks, in submission order.
    pub(super) children: Vec<Vec<usize>>,
}

impl Ranked {
    /// Whether there are only arrows to sub-tasks, one to each, and no cycle.
    pub(super) fn is_forest(&self) -> bool {
        let plain = self.links.iter().all(|link| link.kind == Kind::Subtask && !link.turned);
        plain && self.links.len() == self.parent.iter().flatten().count()
    }

    /// How many rows a link goes down.
    pub(super) fn span(&self, link: &Link) -> usize {
        self.row[link.lower] - self.row[link.upper]
    }
}

/// How many other arrows the arrow from its parent outweighs.
const PARENT_PULL: i64 = 2;

/// How far below a task those are put that wait for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum After {
    /// Below the task; its sub-tasks may lie beside or below.
    Task,
    /// Below the task and all of its sub-tasks, as far as both tasks have the same parent.
    Subtree,
}

/// Finds the links between units and the row of each unit.
pub(super) fn rank(edges: &[Edge], units: &Units, after: After) -> Ranked {
    let count = units.members.len();
    let mut links: Vec<Link> = Vec::new();
    let mut known: HashMap<(usize, usize, Kind), usize> = HashMap::new();
    let mut link_of = Vec::with_capacity(edges.len());
    let mut parent = vec![None; count];
    let mut children = vec![Vec::new(); count];
    for edge in edges {
        // A dependent task runs later than what it depends on, so it comes below it.
        let (upper, lower) = match edge.kind {
            Kind::Subtask => (units.of[edge.from], units.of[edge.to]),
            Kind::Dependency => (units.of[edge.to], units.of[edge.from]),
        };
        if upper == lower {
            link_of.push(None);
            continue;
        }
        let link = *known.entry((upper, lower, edge.kind)).or_insert_with(|| {
            links.push(Link { upper, lower, kind: edge.kind, turned: false });
            if edge.kind == Kind::Subtask {
                parent[lower] = Some(upper);
                children[upper].push(lower);
            }
            links.len() - 1
        });
        link_of.push(Some(link));
    }
    break_cycles(&mut links, count);
    let mut steps: Vec<Step> = links.iter().map(|link| (link.upper, link.lower, 1)).collect();
    let plain = steps.len();
    if after == After::Subtree {
        steps_after_subtrees(&links, &parent, &mut steps);
    }
    let ranking = Ranking::new(&steps, 2 * count).or_else(|| Ranking::new(&steps[..plain], count));
    let mut ranking = ranking.expect("links make no cycle once those that lead back are turned");
    ranking.tighten(&links, count);
    let mut row = ranking.row;
    row.truncate(count);
    Ranked { links, link_of, row, parent, children }
}

/// The second lies at least so many rows below the first.
type Step = (usize, usize, usize);

/// Adds what puts dependent tasks below whole subtrees. The end of the subtree of unit `u` has the number
/// `u` + the number of units.
fn steps_after_subtrees(links: &[Link], parent: &[Option<usize>], steps: &mut Vec<Step>) {
    let count = parent.len();
    steps.extend((0..count).map(|unit| (unit, count + unit, 0)));
    for link in links.iter().filter(|link| !link.turned) {
        match link.kind {
            Kind::Subtask => steps.push((count + link.lower, count + link.upper, 0)),
            Kind::Dependency if parent[link.upper] == parent[link.lower] => {
                steps.push((count + link.upper, link.lower, 1));
            }
            Kind::Dependency => {}
        }
    }
}

/// The links that leave each unit downwards; arrows to sub-tasks first, so that cycles are broken at
/// dependencies where possible.
fn downwards(links: &[Link], count: usize) -> Vec<Vec<usize>> {
    let mut down = vec![Vec::new(); count];
    for kind in [Kind::Subtask, Kind::Dependency] {
        for (at, link) in links.iter().enumerate().filter(|(_, link)| link.kind == kind) {
            down[link.upper].push(at);
        }
    }
    down
}

/// Turns around every link that leads back to a unit whose descendants are being visited.
fn break_cycles(links: &mut [Link], count: usize) {
    #[derive(Clone, Copy, PartialEq)]
    enum Visit {
        Not,
        Open,
        Done,
    }
    let down = downwards(links, count);
    let mut visit = vec![Visit::Not; count];
    // Each unit on the way from the start, with how many of its links were followed.
    let mut way: Vec<(usize, usize)> = Vec::new();
    for start in 0..count {
        if visit[start] != Visit::Not {
            continue;
        }
        visit[start] = Visit::Open;
        way.push((start, 0));
        while let Some((unit, followed)) = way.last_mut() {
            let Some(&at) = down[*unit].get(*followed) else {
                visit[*unit] = Visit::Done;
                way.pop();
                continue;
            };
            *followed += 1;
            let link = &mut links[at];
            match visit[link.lower] {
                Visit::Not => {
                    visit[link.lower] = Visit::Open;
                    way.push((link.lower, 0));
                }
                Visit::Open => {
                    *link = Link { upper: link.lower, lower: link.upper, turned: true, ..*link };
                }
                Visit::Done => {}
            }
        }
    }
}

/// The row of each place, units first and then the ends of their subtrees.
struct Ranking {
    row: Vec<usize>,
    /// For each place those that lie below it, and by how many rows at least.
    down: Vec<Vec<(usize, usize)>>,
    /// Every place behind all that lie above it.
    order: Vec<usize>,
}

impl Ranking {
    /// Puts every place as high as its steps allow; none if there is a cycle.
    fn new(steps: &[Step], count: usize) -> Option<Self> {
        let mut down = vec![Vec::new(); count];
        let mut waiting = vec![0usize; count];
        for &(upper, lower, rows) in steps {
            down[upper].push((lower, rows));
            waiting[lower] += 1;
        }
        let mut row = vec![0; count];
        let mut free: Vec<usize> = (0..count).filter(|&place| waiting[place] == 0).collect();
        let mut order = Vec::with_capacity(count);
        while let Some(upper) = free.pop() {
            order.push(upper);
            for &(lower, rows) in &down[upper] {
                row[lower] = row[lower].max(row[upper] + rows);
                waiting[lower] -= 1;
                if waiting[lower] == 0 {
                    free.push(lower);
                }
            }
        }
        (order.len() == count).then_some(Ranking { row, down, order })
    }

    /// Moves units down to what is below them where that makes arrows shorter on the whole: mostly root tasks that
    /// are needed late.
    fn tighten(&mut self, links: &[Link], units: usize) {
        let mut pulls = vec![0i64; units];
        for link in links {
            pulls[link.upper] += 1;
            // A sub-task belongs to its parent.
            pulls[link.lower] -= if link.kind == Kind::Subtask { PARENT_PULL } else { 1 };
        }
        for &place in self.order.iter().rev() {
            let lowest = self.down[place].iter().map(|&(lower, rows)| self.row[lower].saturating_sub(rows)).min();
            // Ends are not drawn; they make room for the units before them.
            if pulls.get(place).is_none_or(|&pull| pull > 0) {
                self.row[place] = lowest.unwrap_or(usize::MAX);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn single(count: usize) -> Units {
        Units { members: (0..count).map(|task| vec![task]).collect(), of: (0..count).collect() }
    }

    fn edge(from: usize, to: usize, kind: Kind) -> Edge {
        Edge { from, to, kind }
    }

    #[test]
    fn v_4_a_dependent_task_lies_below_what_it_waits_for() {
        let edges = [
            edge(0, 1, Kind::Subtask),
            edge(0, 2, Kind::Subtask),
            edge(1, 2, Kind::Dependency),
            edge(0, 3, Kind::Subtask),
            edge(3, 1, Kind::Dependency),
        ];
        let ranked = rank(&edges, &single(4), After::Task);
        assert_eq!(ranked.row, [0, 2, 1, 3]);
        assert!(!ranked.is_forest());
    }

    #[test]
    fn v_4_a_root_task_that_is_needed_late_stands_near_who_needs_it() {
        let edges = [
            edge(1, 0, Kind::Dependency),
            edge(2, 1, Kind::Dependency),
            edge(3, 2, Kind::Dependency),
            edge(3, 4, Kind::Dependency),
            // A sub-task stays with its parent, however many wait for it.
            edge(0, 5, Kind::Subtask),
            edge(3, 5, Kind::Dependency),
        ];
        assert_eq!(rank(&edges, &single(6), After::Task).row, [0, 1, 2, 3, 2, 1]);
    }

    #[test]
    fn v_4_a_dependent_task_can_lie_below_a_whole_subtree() {
        let edges = [
            edge(0, 1, Kind::Subtask),
            edge(1, 2, Kind::Subtask),
            edge(2, 3, Kind::Subtask),
            edge(0, 4, Kind::Subtask),
            edge(4, 1, Kind::Dependency),
        ];
        assert_eq!(rank(&edges, &single(5), After::Task).row, [0, 1, 2, 3, 2]);
        assert_eq!(rank(&edges, &single(5), After::Subtree).row, [0, 1, 2, 3, 4]);
    }

    #[test]
    fn v_3_cycles_end_in_rows_all_the_same() {
        let edges = [
            edge(1, 0, Kind::Subtask),
            edge(0, 1, Kind::Subtask),
            edge(2, 2, Kind::Dependency),
            edge(2, 1, Kind::Dependency),
            edge(1, 2, Kind::Dependency),
        ];
        let ranked = rank(&edges, &single(3), After::Subtree);
        assert_eq!(ranked.link_of[2], None);
        for link in &ranked.links {
            assert!(ranked.row[link.upper] < ranked.row[link.lower], "{link:?}");
        }
    }
}
