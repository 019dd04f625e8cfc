//! Right-angled arrows run level between two rows; each bundle of arrows gets a lane of its own there.

/// A bundle of arrows between two rows that share an end and run on one level.
#[derive(Debug, Clone, Default)]
pub(super) struct Bundle {
    /// Where its arrows meet the upper row.
    pub(super) tops: Vec<f64>,
    /// Where its arrows meet the lower row.
    pub(super) bottoms: Vec<f64>,
}

/// Bundles up to which every pair is compared to find the best order.
const COMPARED_MAX: usize = 400;
/// Arrows nearer than this look like one, in pixels.
const NEAR: f64 = 4.0;
/// Two arrows drawn over each other are as bad as this many crossings.
const OVERLAP_COST: i64 = 50;

impl Bundle {
    fn left(&self) -> f64 {
        self.tops.iter().chain(&self.bottoms).copied().fold(f64::INFINITY, f64::min)
    }

    fn right(&self) -> f64 {
        self.tops.iter().chain(&self.bottoms).copied().fold(f64::NEG_INFINITY, f64::max)
    }

    /// Whether all its arrows go straight down.
    pub(super) fn is_straight(&self) -> bool {
        self.right() - self.left() < 0.5
    }
}

/// The lane of each bundle, counted from the upper row, and the number of lanes. Straight bundles need none
/// and are given the first.
pub(super) fn assign(bundles: &[Bundle]) -> (Vec<usize>, usize) {
    let spans: Vec<(f64, f64)> = bundles.iter().map(|bundle| (bundle.left() - NEAR, bundle.right() + NEAR)).collect();
    let mut order: Vec<usize> = (0..bundles.len()).filter(|&bundle| !bundles[bundle].is_straight()).collect();
    order.sort_by(|&one, &other| spans[one].0.total_cmp(&spans[other].0).then(one.cmp(&other)));
    let mut lane = vec![0; bundles.len()];
    if order.len() > COMPARED_MAX {
        let lanes = first_fit(&order, &spans, &mut lane);
        return (lane, lanes);
    }
    let mut lanes = 0;
    let mut placed: Vec<usize> = Vec::new();
    for bundle in from_top(order, bundles, &spans) {
        let above = placed.iter().filter(|&&other| overlap(spans[bundle], spans[other])).map(|&other| lane[other] + 1);
        lane[bundle] = above.max().unwrap_or(0);
        lanes = lanes.max(lane[bundle] + 1);
        placed.push(bundle);
    }
    (lane, lanes)
}

fn overlap(one: (f64, f64), other: (f64, f64)) -> bool {
    one.0 < other.1 && other.0 < one.1
}

/// How bad it is to put one bundle above another.
fn cost_above(upper: &Bundle, upper_span: (f64, f64), lower: &Bundle, lower_span: (f64, f64)) -> i64 {
    let within = |xs: &[f64], span: (f64, f64)| xs.iter().filter(|&&x| span.0 < x && x < span.1).count() as i64;
    let crossings = within(&upper.bottoms, lower_span) + within(&lower.tops, upper_span);
    let over = |x: &f64| lower.tops.iter().any(|top| (top - x).abs() < NEAR);
    let overlaps = upper.bottoms.iter().filter(|x| over(x)).count() as i64;
    crossings + OVERLAP_COST * overlaps
}

/// The bundles from the uppermost down, each time the one that is least bad above all that remain.
fn from_top(order: Vec<usize>, bundles: &[Bundle], spans: &[(f64, f64)]) -> Vec<usize> {
    let cost = |upper: usize, lower: usize| {
        if upper == lower || !overlap(spans[upper], spans[lower]) {
            return 0;
        }
        cost_above(&bundles[upper], spans[upper], &bundles[lower], spans[lower])
            - cost_above(&bundles[lower], spans[lower], &bundles[upper], spans[upper])
    };
    let mut remaining: Vec<(usize, i64)> =
        order.iter().map(|&bundle| (bundle, order.iter().map(|&other| cost(bundle, other)).sum())).collect();
    let mut sorted = Vec::with_capacity(remaining.len());
    while let Some(at) = (0..remaining.len()).min_by_key(|&at| (remaining[at].1, at)) {
        let (bundle, _) = remaining.remove(at);
        for (other, total) in &mut remaining {
            *total -= cost(*other, bundle);
        }
        sorted.push(bundle);
    }
    sorted
}

/// Gives each bundle, from left to right, the first lane that is free there; the number of lanes.
fn first_fit(order: &[usize], spans: &[(f64, f64)], lane: &mut [usize]) -> usize {
    // The right end of each lane so far.
    let mut ends: Vec<f64> = Vec::new();
    for &bundle in order {
        let free = ends.iter().position(|&end| end < spans[bundle].0).unwrap_or(ends.len());
        match ends.get_mut(free) {
            Some(end) => *end = spans[bundle].1,
            None => ends.push(spans[bundle].1),
        }
        lane[bundle] = free;
    }
    ends.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bundle(top: f64, bottoms: &[f64]) -> Bundle {
        Bundle { tops: vec![top], bottoms: bottoms.to_vec() }
    }

    #[test]
    fn v_11_bundles_side_by_side_share_a_lane_and_others_do_not() {
        let (lane, lanes) = assign(&[bundle(50.0, &[0.0, 100.0]), bundle(250.0, &[200.0, 300.0])]);
        assert_eq!((lane, lanes), (vec![0, 0], 1));
        let (lane, lanes) = assign(&[bundle(50.0, &[0.0, 100.0]), bundle(80.0, &[60.0, 300.0])]);
        assert_ne!(lane[0], lane[1]);
        assert_eq!(lanes, 2);
    }

    #[test]
    fn v_11_lanes_are_ordered_so_that_arrows_do_not_cross() {
        // Both go to the right, nested: the outer one has to be lower to pass under the inner one's start.
        let (lane, _) = assign(&[bundle(0.0, &[100.0]), bundle(50.0, &[150.0])]);
        assert!(lane[1] < lane[0], "{lane:?}");
        // An arrow must not come down where another one starts.
        let (lane, _) = assign(&[bundle(0.0, &[100.0]), bundle(100.0, &[0.0])]);
        assert_ne!(lane[0], lane[1]);
    }

    #[test]
    fn v_11_a_thousand_bundles_get_lanes_where_nothing_overlaps() {
        let bundles: Vec<Bundle> = (0..1_000)
            .map(|at| bundle(f64::from(at) * 10.0, &[f64::from(at) * 10.0 + f64::from(at * 37 % 400) + 1.0]))
            .collect();
        let (lane, _) = assign(&bundles);
        for one in 0..bundles.len() {
            for other in 0..one {
                let apart =
                    bundles[one].right() < bundles[other].left() || bundles[other].right() < bundles[one].left();
                assert!(apart || lane[one] != lane[other]);
            }
        }
    }
}
