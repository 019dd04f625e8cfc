//! Orders the rows so that few arrows cross.
//!
//! Sweeps down and up sort every row by the mean place of its items' neighbours in the row before. After each,
//! every item is moved to the place in its row where it makes fewest crossings (sifting), and the best order
//! seen is kept. As this ends in the nearest dead end, it is tried from several starts. In the end neighbours
//! change places where that restores the order of submission for nothing.

use super::rank::Ranked;
use super::rows::Rows;

/// Sweeps over a small graph.
const SWEEPS_MAX: usize = 24;
/// Arcs looked at in all sweeps together, which bounds the time for large graphs.
const SWEEP_ARCS_MAX: usize = 1_000_000;
/// Starts from which an order is looked for, the first being the order of submission.
const ATTEMPTS: usize = 12;
/// Sweeps without a better order after which an attempt ends.
const IDLE_MAX: usize = 4;
/// Pairs of items that sifting compares, times their arcs; some hundredths of a second.
const SIFTED_MAX: usize = 8_000_000;
/// Rounds of sifting after one sweep.
const SIFTS_MAX: usize = 8;
/// Rounds of exchanging neighbours.
const EXCHANGES_MAX: usize = 16;

/// Reorders the items of each row; the crossings that are left.
pub(super) fn untangle(rows: &mut Rows, ranked: &Ranked) -> u64 {
    search(rows, ranked, ATTEMPTS)
}

fn search(rows: &mut Rows, ranked: &Ranked, attempts: usize) -> u64 {
    let arcs = rows.arcs(ranked);
    let mut knot = Knot::new(rows, &arcs);
    if arcs.is_empty() {
        return 0;
    }
    let start = rows.rows.clone();
    let mut best = start.clone();
    let mut fewest = knot.crossings(&rows.rows);
    let sweeps = (SWEEP_ARCS_MAX / arcs.len()).clamp(2, SWEEPS_MAX);
    for attempt in 0..attempts {
        if fewest == 0 || (attempt > 0 && knot.left == 0) {
            break;
        }
        rows.rows.clone_from(&start);
        shuffle(&mut rows.rows, attempt);
        knot.note_places(&rows.rows);
        let mut idle = 0;
        let mut fewest_here = u64::MAX;
        for sweep in 0..sweeps {
            knot.sweep(&mut rows.rows, sweep % 2 == 0);
            knot.sift(&mut rows.rows);
            let crossings = knot.crossings(&rows.rows);
            if crossings < fewest {
                fewest = crossings;
                best.clone_from(&rows.rows);
            }
            idle = if crossings < fewest_here { 0 } else { idle + 1 };
            fewest_here = fewest_here.min(crossings);
            if fewest == 0 || idle == IDLE_MAX {
                break;
            }
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
    fewest
}

/// Another start for each attempt: the first as it is, the next ones with the items of each row moved about, at
/// first a little and then more. Always in the same way.
fn shuffle(rows: &mut [Vec<usize>], attempt: usize) {
    if attempt == 0 {
        return;
    }
    // SplitMix64, as in the hand-drawn look.
    let mut state = attempt as u64;
    let mut share = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((bits ^ (bits >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    };
    for row in rows {
        let reach = row.len() as f64 * attempt as f64 / 3.0;
        let mut keyed: Vec<(f64, usize)> =
            row.iter().enumerate().map(|(place, &item)| (place as f64 + reach * share(), item)).collect();
        keyed.sort_by(|one, other| one.0.total_cmp(&other.0));
        for (slot, (_, item)) in row.iter_mut().zip(keyed) {
            *slot = item;
        }
    }
}

/// Who is connected with whom, and where everybody stands.
struct Knot {
    up: Vec<Vec<usize>>,
    down: Vec<Vec<usize>>,
    /// The place of each item in its row.
    place: Vec<usize>,
    /// How much of [`SIFTED_MAX`] is left.
    left: usize,
}

impl Knot {
    fn new<K>(rows: &Rows, arcs: &[(usize, usize, K)]) -> Self {
        let count = rows.row_of.len();
        let mut knot = Knot {
            up: vec![Vec::new(); count],
            down: vec![Vec::new(); count],
            place: vec![0; count],
            left: SIFTED_MAX,
        };
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

    /// Moves every item to the best place in its row, again and again while that helps.
    fn sift(&mut self, rows: &mut [Vec<usize>]) {
        for round in 0..SIFTS_MAX {
            let mut changed = false;
            // Down and up in turn, as what is gained in one row is the start for the next.
            for step in 0..rows.len() {
                let row = if round % 2 == 0 { step } else { rows.len() - 1 - step };
                changed |= self.sift_row(&mut rows[row]);
            }
            if !changed || self.left == 0 {
                return;
            }
        }
    }

    fn sift_row(&mut self, row: &mut [usize]) -> bool {
        let arcs: usize = row.iter().map(|&item| self.up[item].len() + self.down[item].len()).sum();
        // Each item meets all others; each meeting looks at the arcs of both.
        let cost = row.len() * arcs * 2;
        if cost > self.left {
            self.left = 0;
            return false;
        }
        self.left -= cost;
        for &item in row.iter() {
            let place = &self.place;
            self.up[item].sort_unstable_by_key(|&near| place[near]);
            self.down[item].sort_unstable_by_key(|&near| place[near]);
        }
        let mut changed = false;
        let items = row.to_vec();
        for item in items {
            let from = self.place[item];
            let (mut to, mut best) = (from, 0);
            let mut saved = 0;
            for (place, &other) in row.iter().enumerate().take(from).rev() {
                saved += self.saved_by_exchange(other, item);
                if saved > best {
                    (to, best) = (place, saved);
                }
            }
            saved = 0;
            for (place, &other) in row.iter().enumerate().skip(from + 1) {
                saved += self.saved_by_exchange(item, other);
                if saved > best {
                    (to, best) = (place, saved);
                }
            }
            if to == from {
                continue;
            }
            changed = true;
            match to < from {
                true => row[to..=from].rotate_right(1),
                false => row[from..=to].rotate_left(1),
            }
            for (place, &moved) in row.iter().enumerate().take(to.max(from) + 1).skip(to.min(from)) {
                self.place[moved] = place;
            }
        }
        changed
    }

    /// How many crossings are saved if the right one of two items comes to stand left of the left one. The items'
    /// arcs are in order.
    fn saved_by_exchange(&self, left: usize, right: usize) -> i64 {
        let of = |beside: &[Vec<usize>]| {
            let now = inversions(&beside[left], &beside[right], &self.place);
            let then = inversions(&beside[right], &beside[left], &self.place);
            now.cast_signed() - then.cast_signed()
        };
        of(&self.up) + of(&self.down)
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
    fn v_4_from_several_starts_an_order_with_fewer_crossings_is_found() {
        // Graphs of thirty tasks that wait for two earlier ones each, chosen without a plan.
        let mut totals = [0, 0];
        for seed in 1..=5_usize {
            let earlier = |at: usize, step: usize| (at * at * step + seed * 7_919 * at) % 1_009 % at;
            let edges: Vec<Edge> = (1..30).flat_map(|at| [13, 57].map(|step| waits(at, earlier(at, step)))).collect();
            let units = Units { members: (0..30).map(|task| vec![task]).collect(), of: (0..30).collect() };
            let ranked = rank(&edges, &units, After::Task);
            for (total, attempts) in totals.iter_mut().zip([1, ATTEMPTS]) {
                *total += search(&mut Rows::new(&ranked, &units.members), &ranked, attempts);
            }
        }
        assert!(totals[1] * 10 <= totals[0] * 9, "{totals:?}");
    }

    #[test]
    fn v_4_two_tasks_after_one_sibling_need_no_crossing() {
        let edges = [under(0, 1), under(0, 2), under(0, 3), waits(2, 1), waits(3, 1)];
        let (rows, crossings) = untangled(4, &edges);
        assert_eq!(crossings, 0, "{rows:?}");
        assert_eq!(rows[2], [2, 3]);
    }
}
