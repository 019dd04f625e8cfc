//! The hand-drawn look (V-13): the whole plane is warped a little.
//!
//! Every point is moved by a smooth field, so lines waver while all that touches still touches: arrows
//! meet their boxes, and lines that run together stay together. The field is made from the place alone,
//! so the same drawing is always warped the same way.

use crate::layout::{Point, Rect, Step};

/// How far a point is moved at most, in pixels along each axis. Less than the room around a label.
pub(crate) const REACH: f64 = 2.2;
/// From one independent movement to the next, in pixels.
const WAVE: f64 = 46.0;
/// The length of the pieces that lines are warped in, in pixels.
const PIECE: f64 = 20.0;
/// The most pieces of one straight line or curve; very long ones waver less.
const PIECES_MAX: f64 = 400.0;

/// A stroke of the pen: strokes over the same line waver differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stroke {
    First,
    Second,
}

/// The same line as a hand would draw it.
pub(crate) fn line(steps: &[Step], stroke: Stroke) -> Vec<Step> {
    let mut drawn = Vec::with_capacity(4 * steps.len());
    let mut piece: Vec<Point> = Vec::new();
    for step in steps {
        let from = piece.last().copied();
        match (*step, from) {
            (Step::Move(to), _) => {
                draw(&piece, stroke, &mut drawn);
                piece.clear();
                piece.push(to);
            }
            (Step::Line(to), Some(from)) => straight(from, to, &mut piece),
            (Step::Corner(corner, to), Some(from)) => curve(from, corner, corner, to, &mut piece),
            (Step::Curve(one, other, to), Some(from)) => curve(from, one, other, to, &mut piece),
            (_, None) => {}
        }
    }
    draw(&piece, stroke, &mut drawn);
    drawn
}

/// A box with rounded corners, as a closed line.
pub(crate) fn outline(rect: &Rect, radius: f64, stroke: Stroke) -> Vec<Step> {
    let (left, top, right, bottom) = (rect.x, rect.y, rect.x + rect.width, rect.y + rect.height);
    let at = |x, y| Point { x, y };
    line(
        &[
            Step::Move(at(left + radius, top)),
            Step::Line(at(right - radius, top)),
            Step::Corner(at(right, top), at(right, top + radius)),
            Step::Line(at(right, bottom - radius)),
            Step::Corner(at(right, bottom), at(right - radius, bottom)),
            Step::Line(at(left + radius, bottom)),
            Step::Corner(at(left, bottom), at(left, bottom - radius)),
            Step::Line(at(left, top + radius)),
            Step::Corner(at(left, top), at(left + radius, top)),
        ],
        stroke,
    )
}

/// An arrow head, moved as a whole to where its tip goes.
pub(crate) fn moved(head: [Point; 3]) -> [Point; 3] {
    let tip = warped(head[0], Stroke::First);
    let (x, y) = (tip.x - head[0].x, tip.y - head[0].y);
    head.map(|corner| Point { x: corner.x + x, y: corner.y + y })
}

/// The place a point is moved to.
pub(crate) fn warped(point: Point, stroke: Stroke) -> Point {
    let seed = match stroke {
        Stroke::First => 1,
        Stroke::Second => 3,
    };
    Point { x: point.x + REACH * field(point, seed), y: point.y + REACH * field(point, seed + 1) }
}

/// A smooth curve through the warped points.
fn draw(points: &[Point], stroke: Stroke, drawn: &mut Vec<Step>) {
    let [first, between @ .., last] = points else { return };
    drawn.push(Step::Move(warped(*first, stroke)));
    let last = warped(*last, stroke);
    for (place, &point) in between.iter().enumerate() {
        let through = warped(point, stroke);
        let next = between.get(place + 1).map_or(last, |&next| warped(next, stroke));
        let end = if place + 1 == between.len() { last } else { middle(through, next) };
        drawn.push(Step::Corner(through, end));
    }
    if between.is_empty() {
        drawn.push(Step::Line(last));
    }
}

fn middle(one: Point, other: Point) -> Point {
    Point { x: (one.x + other.x) / 2.0, y: (one.y + other.y) / 2.0 }
}

/// Appends points of a straight line up to `to`. They lie in the same places on all lines that run over
/// each other, wherever those start.
fn straight(from: Point, to: Point, points: &mut Vec<Point>) {
    let (dx, dy) = (to.x - from.x, to.y - from.y);
    let (start, end) = if dx.abs() > dy.abs() { (from.x, to.x) } else { (from.y, to.y) };
    let piece = PIECE.max((end - start).abs() / PIECES_MAX);
    let (least, most) = (start.min(end), start.max(end));
    let mut shares: Vec<f64> = Vec::new();
    let mut mark = (least / piece).floor() * piece + piece;
    while mark < most {
        // Points next to an end would make a kink.
        if mark - least > 2.0 && most - mark > 2.0 {
            shares.push((mark - start) / (end - start));
        }
        mark += piece;
    }
    if end < start {
        shares.reverse();
    }
    points.extend(shares.into_iter().map(|share| Point { x: from.x + dx * share, y: from.y + dy * share }));
    points.push(to);
}

/// Appends points of a Bézier curve up to `to`.
fn curve(from: Point, one: Point, other: Point, to: Point, points: &mut Vec<Point>) {
    let way = (to.x - from.x).abs() + (to.y - from.y).abs();
    let pieces = (way / PIECE).ceil().clamp(2.0, PIECES_MAX);
    for piece in 1..=pieces as usize {
        let share = piece as f64 / pieces;
        let rest = 1.0 - share;
        let of = [rest * rest * rest, 3.0 * rest * rest * share, 3.0 * rest * share * share, share * share * share];
        points.push(Point {
            x: of[0] * from.x + of[1] * one.x + of[2] * other.x + of[3] * to.x,
            y: of[0] * from.y + of[1] * one.y + of[2] * other.y + of[3] * to.y,
        });
    }
}

/// A number from -1 to 1 that changes smoothly over the plane.
fn field(point: Point, seed: u64) -> f64 {
    let (column, row) = ((point.x / WAVE).floor(), (point.y / WAVE).floor());
    let smooth = |share: f64| share * share * (3.0 - 2.0 * share);
    let (x, y) = (smooth(point.x / WAVE - column), smooth(point.y / WAVE - row));
    let corner = |right: f64, down: f64| noise((column + right) as i64, (row + down) as i64, seed);
    let upper = corner(0.0, 0.0) * (1.0 - x) + corner(1.0, 0.0) * x;
    let lower = corner(0.0, 1.0) * (1.0 - x) + corner(1.0, 1.0) * x;
    upper * (1.0 - y) + lower * y
}

/// A number from -1 to 1 for a place, as good as random (the finalizer of SplitMix64).
fn noise(column: i64, row: i64, seed: u64) -> f64 {
    let mut bits = (column as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)
        ^ (row as u64).wrapping_mul(0xc2b2_ae3d_27d4_eb4f)
        ^ seed.wrapping_mul(0x1656_67b1_9e37_79f9);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^= bits >> 31;
    // The upper 53 bits fill a float exactly.
    (bits >> 11) as f64 / (1u64 << 52) as f64 - 1.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn v_13_no_point_is_moved_far_and_neighbours_move_together() {
        for at in 0..2_000 {
            let point = Point { x: f64::from(at) * 7.3 - 500.0, y: f64::from(at * 37 % 911) };
            for stroke in [Stroke::First, Stroke::Second] {
                let moved = warped(point, stroke);
                assert!((moved.x - point.x).abs() <= REACH && (moved.y - point.y).abs() <= REACH);
                let beside = warped(Point { x: point.x + 1.0, y: point.y }, stroke);
                assert!((beside.x - moved.x - 1.0).abs() < 0.3 && (beside.y - moved.y).abs() < 0.3);
            }
        }
    }

    #[test]
    fn v_13_lines_over_each_other_waver_in_the_same_way() {
        let at = |y| Point { x: 10.0, y };
        let long = line(&[Step::Move(at(3.0)), Step::Line(at(200.0))], Stroke::First);
        let short = line(&[Step::Move(at(90.0)), Step::Line(at(200.0))], Stroke::First);
        // All but the first of the short line's steps are the last ones of the long line.
        assert_eq!(long[long.len() - short.len() + 2..], short[2..]);
        assert!(short.len() > 4);
    }
}
