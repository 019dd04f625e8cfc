//! Lines: points joined by straight pieces, with rounded corners, and by flowing curves.
//!
//! A line is drawn from its hub, the end it shares with other lines, so that the dashes of lines that
//! run in the same place fall together; where lines meet that come from different ends, a line is
//! broken into pieces, each of which starts its dashes anew.

use super::Point;

/// A step of a drawn line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Step {
    Move(Point),
    Line(Point),
    /// A rounded corner: the corner, and the end.
    Corner(Point, Point),
    /// A flowing curve: its two control points, and the end.
    Curve(Point, Point, Point),
}

impl Step {
    pub(crate) fn points(&self) -> impl Iterator<Item = Point> {
        let (points, count) = match *self {
            Step::Move(end) | Step::Line(end) => ([end; 3], 1),
            Step::Corner(corner, end) => ([corner, end, end], 2),
            Step::Curve(one, other, end) => ([one, other, end], 3),
        };
        points.into_iter().take(count)
    }

    pub(super) fn map(self, turn: impl Fn(Point) -> Point) -> Step {
        match self {
            Step::Move(end) => Step::Move(turn(end)),
            Step::Line(end) => Step::Line(turn(end)),
            Step::Corner(corner, end) => Step::Corner(turn(corner), turn(end)),
            Step::Curve(one, other, end) => Step::Curve(turn(one), turn(other), turn(end)),
        }
    }
}

/// The radius of rounded corners, in pixels, where there is room.
const RADIUS: f64 = 8.0;

/// How a knot is joined to the one before it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Join {
    Straight,
    /// A curve that leaves and arrives along the direction of the drawing.
    Flow,
}

/// A point of a line before it is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Knot {
    at: Point,
    /// How it is joined to the knot before it; the first of a piece has no use for it.
    join: Join,
}

/// Which end of a piece is drawn first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    Upper,
    Lower,
}

#[derive(Debug, Clone, PartialEq)]
struct Piece {
    knots: Vec<Knot>,
    start: Start,
}

/// A line from its upper to its lower end, in pieces.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Thread {
    pieces: Vec<Piece>,
}

impl Thread {
    /// A line that starts at (x, y); its first piece is drawn from `start`.
    pub(super) fn new(x: f64, y: f64, start: Start) -> Self {
        let knot = Knot { at: Point { x, y }, join: Join::Straight };
        Thread { pieces: vec![Piece { knots: vec![knot], start }] }
    }

    /// Goes on to (x, y). A piece of no length is left out, a curve that would be straight is straight.
    pub(super) fn to(&mut self, x: f64, y: f64, join: Join) {
        let knots = &mut self.last_piece().knots;
        let Some(last) = knots.last() else { return };
        let (dx, dy) = ((last.at.x - x).signum_or_zero(), (last.at.y - y).signum_or_zero());
        if dx != 0.0 || dy != 0.0 {
            let knot = Knot { at: Point { x, y }, join: if dx == 0.0 { Join::Straight } else { join } };
            if goes_straight_on(knots, &knot) {
                knots.pop();
            }
            knots.push(knot);
        }
    }

    /// Starts a new piece at the last point; it is drawn from `start`.
    pub(super) fn next_piece(&mut self, start: Start) {
        let last = self.last_piece();
        match last.knots[..] {
            // Nothing was drawn yet.
            [_] => last.start = start,
            [.., end] => self.pieces.push(Piece { knots: vec![end], start }),
            [] => {}
        }
    }

    fn last_piece(&mut self) -> &mut Piece {
        self.pieces.last_mut().expect("a thread is made with a piece and never loses one")
    }

    /// Makes room for an arrow head at the upper or lower end of the line, and returns it.
    pub(super) fn head(&mut self, at: Start, length: f64, half_width: f64) -> [Point; 3] {
        let knots = match at {
            Start::Upper => &mut self.pieces[0].knots,
            Start::Lower => &mut self.last_piece().knots,
        };
        let (end, next) = match at {
            Start::Upper => (0, 1.min(knots.len() - 1)),
            Start::Lower => (knots.len() - 1, knots.len().saturating_sub(2)),
        };
        let (tip, from) = (knots[end].at, knots[next].at);
        let (dx, dy) = ((tip.x - from.x).signum_or_zero(), (tip.y - from.y).signum_or_zero());
        let base = Point { x: tip.x - dx * length, y: tip.y - dy * length };
        // The line ends a little inside of the head, so that no gap shows.
        knots[end].at = Point { x: tip.x - dx * (length - 1.0), y: tip.y - dy * (length - 1.0) };
        [
            tip,
            Point { x: base.x - dy * half_width, y: base.y + dx * half_width },
            Point { x: base.x + dy * half_width, y: base.y - dx * half_width },
        ]
    }

    /// The steps that draw the line.
    pub(super) fn draw(self) -> Vec<Step> {
        self.pieces.into_iter().filter(|piece| piece.knots.len() > 1).flat_map(Piece::draw).collect()
    }
}

impl Piece {
    fn draw(mut self) -> Vec<Step> {
        if self.start == Start::Lower {
            self.knots.reverse();
            // Each join belongs to the knot it leads to, which is now the one on its other side.
            for at in (1..self.knots.len()).rev() {
                self.knots[at].join = self.knots[at - 1].join;
            }
        }
        let knots = self.knots;
        let mut from = knots[0].at;
        let mut steps = Vec::with_capacity(2 * knots.len());
        steps.push(Step::Move(from));
        for (place, knot) in knots.iter().enumerate().skip(1) {
            let turns_into = knots.get(place + 1).filter(|next| next.join == Join::Straight);
            match (knot.join, turns_into) {
                (Join::Flow, _) => {
                    let middle = (from.y + knot.at.y) / 2.0;
                    let (one, other) = (Point { x: from.x, y: middle }, Point { x: knot.at.x, y: middle });
                    steps.push(Step::Curve(one, other, knot.at));
                    from = knot.at;
                }
                (Join::Straight, Some(next)) => {
                    let (before, after) = corner(knots[place - 1].at, knot.at, next.at);
                    steps.push(Step::Line(before));
                    steps.push(Step::Corner(knot.at, after));
                    from = after;
                }
                (Join::Straight, None) => {
                    steps.push(Step::Line(knot.at));
                    from = knot.at;
                }
            }
        }
        steps
    }
}

/// Whether the last knot is only in the middle of a straight line to the next.
fn goes_straight_on(knots: &[Knot], next: &Knot) -> bool {
    let [.., before, last] = knots else { return false };
    let same = |one: f64, other: f64| (one - other).signum_or_zero() == 0.0;
    let upright = same(before.at.x, last.at.x) && same(last.at.x, next.at.x);
    let level = same(before.at.y, last.at.y) && same(last.at.y, next.at.y);
    last.join == Join::Straight && next.join == Join::Straight && (upright || level)
}

/// Where a rounded corner starts and ends.
fn corner(from: Point, at: Point, to: Point) -> (Point, Point) {
    let before = (at.x - from.x).abs() + (at.y - from.y).abs();
    let after = (to.x - at.x).abs() + (to.y - at.y).abs();
    let radius = RADIUS.min(before / 2.0).min(after / 2.0);
    let towards = |other: Point| Point {
        x: at.x + (other.x - at.x).signum_or_zero() * radius,
        y: at.y + (other.y - at.y).signum_or_zero() * radius,
    };
    (towards(from), towards(to))
}

trait SignumOrZero {
    /// -1, 0 or 1; differences too small to be seen count as 0.
    fn signum_or_zero(self) -> Self;
}

impl SignumOrZero for f64 {
    fn signum_or_zero(self) -> f64 {
        if self.abs() < 0.05 { 0.0 } else { self.signum() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thread(points: &[(f64, f64)], join: Join) -> Thread {
        let mut thread = Thread::new(points[0].0, points[0].1, Start::Upper);
        for &(x, y) in points {
            thread.to(x, y, join);
        }
        thread
    }

    #[test]
    fn v_11_straight_pieces_in_line_are_one_and_corners_are_round() {
        let line = thread(&[(0.0, 0.0), (0.0, 10.0), (0.0, 40.0), (30.0, 40.0)], Join::Straight).draw();
        let at = |x, y| Point { x, y };
        assert_eq!(
            line,
            [
                Step::Move(at(0.0, 0.0)),
                Step::Line(at(0.0, 32.0)),
                Step::Corner(at(0.0, 40.0), at(8.0, 40.0)),
                Step::Line(at(30.0, 40.0)),
            ]
        );
    }

    #[test]
    fn v_4_a_line_drawn_from_below_has_the_same_form() {
        let mut down = thread(&[(0.0, 0.0), (0.0, 10.0)], Join::Straight);
        down.to(50.0, 60.0, Join::Flow);
        let mut up = down.clone();
        up.pieces[0].start = Start::Lower;
        let up = up.draw();
        assert_eq!(up[0], Step::Move(Point { x: 50.0, y: 60.0 }));
        assert!(matches!(up[1], Step::Curve(..)));
        assert_eq!(up[2], Step::Line(Point { x: 0.0, y: 0.0 }));
        assert_eq!(down.draw().len(), 3);
    }

    #[test]
    fn v_3_the_head_ends_where_the_line_was_to_end() {
        let mut line = thread(&[(0.0, 0.0), (0.0, 50.0)], Join::Straight);
        let head = line.head(Start::Lower, 8.0, 4.0);
        assert_eq!(head[0], Point { x: 0.0, y: 50.0 });
        assert_eq!(head[1].y, 42.0);
        assert_eq!((head[1].x - head[2].x).abs(), 8.0);
        assert_eq!(line.draw()[1], Step::Line(Point { x: 0.0, y: 43.0 }));
    }
}
