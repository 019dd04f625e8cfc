//! Orders the rows so that few arrows cross.
//!
//! Sweeps down and up sort every row by the mean place of its items' neighbours in the row before; the
//! best order seen is kept. Then neighbours change places where that saves a crossing, or where it
//! restores the order of submission for nothing.

use super::rank::Ranked;
use super::rows::Rows;

/// Sweeps over a small graph.
const SWEEPS_MAX: usize = 24;
/// Arcs looked at in all sweeps together, which bounds the time for large graphs.
const SWEEP_ARCS_MAX: usize = 1_000_000;
/// Rounds of exchanging neighbours.
const EXCHANGES_MAX: usize = 16;

/// Reorders the items of each row.
pub(super) fn untangle(rows: &mut Rows, ranked: &Ranked) {
    let arcs = rows.arcs(ranked);
    let mut knot = Knot::new(rows, &arcs);
    if arcs.is_empty() {
        return;
    }
    let mut best = rows.rows.clone();
    let mut fewest = knot.crossings(&rows.rows);
    let sweeps = (SWEEP_ARCS_MAX / arcs.len()).clamp(2, SWEEPS_MAX);
    let mut idle = 0;
    for sweep in 0..sweeps {
        if fewest == 0 || idle == 4 {
            break;
        }
        knot.sweep(&mut rows.rows, sweep % 2 == 0);
        let crossings = knot.crossings(&rows.rows);
        idle += 1;
        if crossings < fewest {
            fewest = crossings;
            best.clone_from(&rows.rows);
            idle = 0;
        }
    }
    rows.rows = best;
    knot.note_places(&rows.rows);
    let rounds = (SWEEP_ARCS_MAX / arcs.len() / 4).clamp(1, EXCHANGES_MAX);
    for _ in 0..rounds {
        if !knot.exchange(&mut rows.rows, &rows.order) {
            break;
        }
    }
}

/// Who is connected with whom, and where everybody stands.
struct Knot {
    up: Vec<Vec<usize>>,
    down: Vec<Vec<usize>>,
    /// The place of each item in its row.
    place: Vec<usize>,
}

impl Knot {
    fn new<K>(rows: &Rows, arcs: &[(usize, usize, K)]) -> Self {
        let count = rows.row_of.len();
        let mut knot = Knot { up: vec![Vec::new(); count], down: vec![Vec::new(); count], place: vec![0; count] };
        for &(upper, lower, _) in arcs {
            knot.down[upper].push(lower);
            knot.up[lower].push(upper);
        }
        knot.note_places(&rows.rows);
        knot
    }

    fn note_places(&mut self, rows: &[Vec<usize>]) {
        for row in rows {
            for (place, &item) in row.iter().enumerate() {
                self.place[item] = place;
            }
        }
    }

    /// Sorts every row by its neighbours in the row above (`downwards`) or below.
    fn sweep(&mut self, rows: &mut [Vec<usize>], downwards: bool) {
        let count = rows.len();
        let mut keyed: Vec<(f64, usize)> = Vec::new();
        for step in 1..count {
            let row = if downwards { step } else { count - 1 - step };
            let beside = if downwards { &self.up } else { &self.down };
            let mean = |item: usize| {
                let sum: usize = beside[item].iter().map(|&near| self.place[near]).sum();
                sum as f64 / beside[item].len() as f64
            };
            // Items without neighbours there keep their places; the others are sorted into the rest.
            keyed.clear();
            keyed.extend(rows[row].iter().filter(|&&item| !beside[item].is_empty()).map(|&item| (mean(item), item)));
            keyed.sort_by(|one, other| one.0.total_cmp(&other.0));
            let mut sorted = keyed.iter();
            for slot in rows[row].iter_mut().filter(|item| !beside[**item].is_empty()) {
                *slot = sorted.next().map_or(*slot, |&(_, item)| item);
            }
            for (place, &item) in rows[row].iter().enumerate() {
                self.place[item] = place;
            }
        }
    }

    /// The number of pairs of arcs that cross; notes the places on the way.
    fn crossings(&mut self, rows: &[Vec<usize>]) -> u64 {
        self.note_places(rows);
        let mut crossings = 0;
        let mut ends = Vec::new();
        for pair in rows.windows(2) {
            // A Fenwick tree over the lower row counts how many ends lie further right than each new one.
            let mut tree = vec![0u64; pair[1].len() + 1];
            let mut seen = 0;
            for &upper in &pair[0] {
                ends.clear();
                ends.extend(self.down[upper].iter().map(|&lower| self.place[lower]));
                for &end in &ends {
                    let mut up_to = 0;
                    let mut at = end + 1;
                    while at > 0 {
                        up_to += tree[at];
                        at &= at - 1;
                    }
                    crossings += seen - up_to;
                }
                for &end in &ends {
                    let mut at = end + 1;
                    while at < tree.len() {
                        tree[at] += 1;
                        at += at & at.wrapping_neg();
                    }
                }
                seen += ends.len() as u64;
            }
        }
        crossings
    }

    /// One round over all neighbours; whether any changed places.
    fn exchange(&mut self, rows: &mut [Vec<usize>], order: &[usize]) -> bool {
        let mut changed = false;
        for row in rows {
            for pair in 1..row.len() {
                let (left, right) = (row[pair - 1], row[pair]);
                let (now, then) = self.crossings_of_pair(left, right);
                if then < now || (then == now && order[left] > order[right]) {
                    row.swap(pair - 1, pair);
                    self.place.swap(left, right);
                    changed = true;
                }
            }
        }
        changed
    }

    /// The crossings between the arcs of two neighbours as they stand, and after an exchange.
    fn crossings_of_pair(&mut self, left: usize, right: usize) -> (u64, u64) {
        let (mut now, mut then) = (0, 0);
        for beside in [&mut self.up, &mut self.down] {
            let place = &self.place;
            beside[left].sort_unstable_by_key(|&near| place[near]);
            beside[right].sort_unstable_by_key(|&near| place[near]);
            now += inversions(&beside[left], &beside[right], place);
            then += inversions(&beside[right], &beside[left], place);
        }
        (now, then)
    }
}

/// How many pairs have the neighbour of the left item further right than that of the right item.
fn inversions(left: &[usize], right: &[usize], place: &[usize]) -> u64 {
    let mut before = 0;
    let mut count = 0;
    for &near in left {
        while before < right.len() && place[right[before]] < place[near] {
            before += 1;
        }
        count += before as u64;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Edge, Kind};
    use crate::layout::rank::{After, rank};
    use crate::layout::units::Units;

    fn untangled(count: usize, edges: &[Edge]) -> (Vec<Vec<usize>>, u64) {
        let units = Units { members: (0..count).map(|task| vec![task]).collect(), of: (0..count).collect() };
        let ranked = rank(edges, &units, After::Task);
        let mut rows = Rows::new(&ranked, &units.members);
        untangle(&mut rows, &ranked);
        let crossings = Knot::new(&rows, &rows.arcs(&ranked)).crossings(&rows.rows);
        (rows.rows, crossings)
    }

    fn waits(from: usize, to: usize) -> Edge {
        Edge { from, to, kind: Kind::Dependency }
    }

    fn under(parent: usize, child: usize) -> Edge {
        Edge { from: parent, to: child, kind: Kind::Subtask }
    }

    #[test]
    fn v_4_crossed_pairs_are_uncrossed() {
        let (rows, crossings) = untangled(6, &[waits(3, 2), waits(4, 1), waits(5, 0)]);
        assert_eq!(crossings, 0);
        assert_eq!(rows[0].len(), 3);
    }

    #[test]
    fn v_15_without_crossings_the_order_of_submission_stays() {
        let edges = [under(0, 1), under(0, 2), under(0, 3), under(1, 4), under(3, 5), waits(2, 1)];
        let (rows, crossings) = untangled(6, &edges);
        assert_eq!(crossings, 0);
        let units = |row: &[usize]| row.iter().copied().filter(|&item| item < 6).collect::<Vec<_>>();
        assert_eq!(units(&rows[1]), [1, 3]);
    }

    #[test]
    fn v_4_two_tasks_after_one_sibling_need_no_crossing() {
        let edges = [under(0, 1), under(0, 2), under(0, 3), waits(2, 1), waits(3, 1)];
        let (rows, crossings) = untangled(4, &edges);
        assert_eq!(crossings, 0, "{rows:?}");
        assert_eq!(rows[2], [2, 3]);
    }
}
