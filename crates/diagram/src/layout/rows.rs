//! Units row by row, and a bend in every row an arrow passes.

use std::collections::HashMap;

use super::rank::{Link, Ranked};
use crate::graph::Kind;

/// Up to here each long link gets bends of its own, which leaves most freedom to avoid crossings.
const OWN_BENDS_MAX: usize = 12_000;
/// Beyond this many, even shared, the remaining long links get no bends and may cross boxes.
const BENDS_MAX: usize = 60_000;

/// The end of a link whose long links are drawn as one line as far as possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Hub {
    Upper,
    Lower,
}

/// A place in a row where an arrow, or several of one hub, passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Bend {
    pub(super) kind: Kind,
    pub(super) hub: Hub,
    /// The unit at the hub's end.
    unit: usize,
}

/// The rows. An *item* is a unit (numbers below the number of units) or a bend (numbers from there on).
///
/// The bends of a link are a list from its far end towards its hub. Links of one hub share the ends of
/// their lists, so a thousand long links of one task are one line with a thousand branches.
#[derive(Debug)]
pub(super) struct Rows {
    units: usize,
    /// The bends; the first is the item after the last unit.
    bends: Vec<Bend>,
    /// For each bend the next item on the way to its hub.
    towards_hub: Vec<usize>,
    /// For each bend the bend of its line that is next to the hub.
    beside_hub: Vec<usize>,
    /// For each link the bend next to its far end.
    far_bend: Vec<Option<usize>>,
    /// The hub of each link.
    pub(super) hubs: Vec<Hub>,
    /// The row of each item.
    pub(super) row_of: Vec<usize>,
    /// The items of each row from left to right.
    pub(super) rows: Vec<Vec<usize>>,
    /// Each item's place in the order of submission; bends stand where the unit they lead to stands.
    pub(super) order: Vec<usize>,
}

impl Rows {
    /// Fills the rows in the order of submission.
    pub(super) fn new(ranked: &Ranked, members: &[Vec<usize>]) -> Self {
        let units = ranked.row.len();
        let mut this = Rows {
            units,
            bends: Vec::new(),
            towards_hub: Vec::new(),
            beside_hub: Vec::new(),
            far_bend: Vec::with_capacity(ranked.links.len()),
            hubs: hubs(ranked, members),
            row_of: ranked.row.clone(),
            rows: vec![Vec::new(); ranked.row.iter().max().map_or(0, |&last| last + 1)],
            order: submission_order(ranked),
        };
        this.bend_long_links(ranked);
        for item in 0..this.row_of.len() {
            this.rows[this.row_of[item]].push(item);
        }
        for row in &mut this.rows {
            row.sort_by_key(|&item| this.order[item]);
        }
        this
    }

    /// How many items there are, which is what most work on rows grows with.
    pub(super) fn items(&self) -> usize {
        self.row_of.len()
    }

    pub(super) fn is_unit(&self, item: usize) -> bool {
        item < self.units
    }

    /// What a bend is for; none for a unit.
    pub(super) fn bend(&self, item: usize) -> Option<Bend> {
        item.checked_sub(self.units).map(|bend| self.bends[bend])
    }

    /// The next item on the way from a bend to its hub.
    pub(super) fn towards_hub(&self, bend: usize) -> usize {
        self.towards_hub[bend - self.units]
    }

    /// The bends of a link from its far end to its hub.
    pub(super) fn bends_from_far(&self, link: usize) -> impl Iterator<Item = usize> {
        std::iter::successors(self.far_bend[link], |&bend| {
            Some(self.towards_hub(bend)).filter(|&next| !self.is_unit(next))
        })
    }

    /// The bends of a link next to its upper and to its lower end, if it has any.
    pub(super) fn end_bends(&self, link: usize) -> Option<(usize, usize)> {
        let far = self.far_bend[link]?;
        let near = self.beside_hub[far - self.units];
        Some(match self.hubs[link] {
            Hub::Upper => (near, far),
            Hub::Lower => (far, near),
        })
    }

    fn bend_long_links(&mut self, ranked: &Ranked) {
        let bends: usize = ranked.links.iter().map(|link| ranked.span(link) - 1).sum();
        let share = bends > OWN_BENDS_MAX;
        let mut shared: HashMap<(Bend, usize), usize> = HashMap::new();
        for (at, link) in ranked.links.iter().enumerate() {
            let (hub, _) = ends(link, self.hubs[at]);
            let bend = Bend { kind: link.kind, hub: self.hubs[at], unit: hub };
            let between = ranked.row[link.upper] + 1..ranked.row[link.lower];
            if between.is_empty() || self.bends.len() > BENDS_MAX {
                self.far_bend.push(None);
                continue;
            }
            // From the far end, up to where others of the same hub have been.
            let mut missing = Vec::new();
            let mut next = hub;
            for step in 0..between.len() {
                let row = match self.hubs[at] {
                    Hub::Upper => between.end - 1 - step,
                    Hub::Lower => between.start + step,
                };
                if let Some(&known) = shared.get(&(bend, row)) {
                    next = known;
                    break;
                }
                missing.push(row);
            }
            for &row in missing.iter().rev() {
                self.bends.push(bend);
                self.towards_hub.push(next);
                self.row_of.push(row);
                // Where a dependency passes on its way, its arrow should lie near the dependent task.
                self.order.push(self.order[link.lower]);
                next = self.row_of.len() - 1;
                if share {
                    shared.insert((bend, row), next);
                }
            }
            self.far_bend.push(Some(next));
        }
        self.note_lines();
    }

    /// Pairs of items in successive rows that an arrow connects, each once, as (upper, lower, kind).
    pub(super) fn arcs(&self, ranked: &Ranked) -> Vec<(usize, usize, Kind)> {
        let mut arcs = Vec::with_capacity(ranked.links.len() + self.bends.len());
        let mut connect = |one: usize, other: usize, kind| {
            let downwards = self.row_of[one] < self.row_of[other];
            arcs.push(if downwards { (one, other, kind) } else { (other, one, kind) });
        };
        for (at, link) in ranked.links.iter().enumerate() {
            let (hub, far) = ends(link, self.hubs[at]);
            match self.far_bend[at] {
                Some(bend) => connect(bend, far, link.kind),
                None if ranked.span(link) == 1 => connect(hub, far, link.kind),
                None => {}
            }
        }
        for &item in self.rows.iter().flatten() {
            if let Some(bend) = self.bend(item) {
                connect(item, self.towards_hub(item), bend.kind);
            }
        }
        arcs.sort_unstable();
        arcs.dedup();
        arcs
    }

    /// Makes one line of neighbouring lines that lead to the same hub, once the order of the rows is known.
    pub(super) fn merge_bends(&mut self) {
        let mut merged_into: Vec<usize> = (0..self.row_of.len()).collect();
        let count = self.rows.len();
        for hub in [Hub::Upper, Hub::Lower] {
            for step in 0..count {
                // Away from the hub: what is nearer to it is merged already.
                let row = if hub == Hub::Upper { step } else { count - 1 - step };
                for pair in 1..self.rows[row].len() {
                    let (left, right) = (self.rows[row][pair - 1], self.rows[row][pair]);
                    let (Some(one), Some(other)) = (self.bend(left), self.bend(right)) else { continue };
                    let next = |bend| merged_into[self.towards_hub(bend)];
                    if one == other && one.hub == hub && next(left) == next(right) {
                        merged_into[right] = merged_into[left];
                    }
                }
            }
        }
        for row in &mut self.rows {
            row.retain(|&item| merged_into[item] == item);
        }
        for bend in self.towards_hub.iter_mut().chain(self.far_bend.iter_mut().flatten()) {
            *bend = merged_into[*bend];
        }
        self.note_lines();
    }

    /// Finds the bends beside the hubs anew.
    fn note_lines(&mut self) {
        self.beside_hub = vec![usize::MAX; self.bends.len()];
        let mut line = Vec::new();
        for start in self.units..self.row_of.len() {
            let mut bend = start;
            let first = loop {
                let known = self.beside_hub[bend - self.units];
                if known != usize::MAX {
                    break known;
                }
                line.push(bend);
                let next = self.towards_hub(bend);
                if self.is_unit(next) {
                    break bend;
                }
                bend = next;
            };
            for bend in line.drain(..) {
                self.beside_hub[bend - self.units] = first;
            }
        }
    }
}

/// The units at the hub of a link and at its far end.
pub(super) fn ends(link: &Link, hub: Hub) -> (usize, usize) {
    match hub {
        Hub::Upper => (link.upper, link.lower),
        Hub::Lower => (link.lower, link.upper),
    }
}

/// For each link the end where more tasks are connected with it in the same way.
fn hubs(ranked: &Ranked, members: &[Vec<usize>]) -> Vec<Hub> {
    let mut below = vec![[0usize; 2]; ranked.row.len()];
    let mut above = vec![[0usize; 2]; ranked.row.len()];
    for link in &ranked.links {
        below[link.upper][link.kind as usize] += members[link.lower].len();
        above[link.lower][link.kind as usize] += members[link.upper].len();
    }
    let more_below = |link: &Link| below[link.upper][link.kind as usize] >= above[link.lower][link.kind as usize];
    ranked.links.iter().map(|link| if more_below(link) { Hub::Upper } else { Hub::Lower }).collect()
}

/// The order of submission, subtree by subtree. Children in deeper rows than their siblings go into the
/// middle of those, so that the arrow from their parent passes there and the picture stays even.
fn submission_order(ranked: &Ranked) -> Vec<usize> {
    let count = ranked.row.len();
    let mut order = vec![usize::MAX; count];
    let mut next = 0;
    let roots = (0..count).filter(|&unit| ranked.parent[unit].is_none());
    // In a cycle of parents nobody is a root, so everybody is asked.
    for start in roots.chain(0..count) {
        let mut waiting = vec![start];
        while let Some(unit) = waiting.pop() {
            if order[unit] != usize::MAX {
                continue;
            }
            order[unit] = next;
            next += 1;
            let beside = |&&child: &&usize| ranked.row[child] <= ranked.row[unit] + 1;
            let near = ranked.children[unit].iter().filter(beside);
            let half = near.clone().count().div_ceil(2);
            let far = ranked.children[unit].iter().filter(|child| !beside(child));
            let children: Vec<usize> = near.clone().take(half).chain(far).chain(near.skip(half)).copied().collect();
            waiting.extend(children.into_iter().rev());
        }
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Edge;
    use crate::layout::rank::{After, rank};
    use crate::layout::units::Units;

    fn rows(count: usize, edges: &[Edge]) -> (Rows, Ranked) {
        let units = Units { members: (0..count).map(|task| vec![task]).collect(), of: (0..count).collect() };
        let ranked = rank(edges, &units, After::Task);
        (Rows::new(&ranked, &units.members), ranked)
    }

    fn sequence(count: usize) -> Vec<Edge> {
        let mut edges = Vec::new();
        for task in 1..count {
            edges.push(Edge { from: 0, to: task, kind: Kind::Subtask });
            if task > 1 {
                edges.push(Edge { from: task, to: task - 1, kind: Kind::Dependency });
            }
        }
        edges
    }

    #[test]
    fn v_3_long_arrows_of_one_parent_become_one_line() {
        let (mut rows, ranked) = rows(6, &sequence(6));
        assert_eq!(rows.rows.iter().map(Vec::len).collect::<Vec<_>>(), [1, 5, 4, 3, 2, 1]);
        rows.merge_bends();
        assert_eq!(rows.rows.iter().map(Vec::len).collect::<Vec<_>>(), [1, 2, 2, 2, 2, 1]);
        assert_eq!(rows.arcs(&ranked).len(), 4 + 4 + 5);
    }

    #[test]
    fn v_3_bends_of_a_long_sequence_are_shared_from_the_start() {
        let (rows, _) = rows(2_000, &sequence(2_000));
        assert_eq!(rows.bends.len(), 1_998);
    }
}
