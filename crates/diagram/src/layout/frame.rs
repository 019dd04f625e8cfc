//! Turns a drawing made top to bottom into the direction asked for, and moves it to the origin.

use super::{Drawing, Point, Rect, Size, Step};
use crate::Direction;

/// The way from the working frame, where sub-tasks are below, to the picture.
pub(super) struct Frame {
    direction: Direction,
    /// The corner nearest to the origin, in the working frame.
    least: Point,
    size: Size,
}

impl Frame {
    /// A size seen in the working frame, or back: the two exchange the sides in the same way.
    pub(super) fn turned(direction: Direction, size: Size) -> Size {
        match direction {
            Direction::Down | Direction::Up => size,
            Direction::Left | Direction::Right => Size { width: size.height, height: size.width },
        }
    }

    /// A frame that holds all of `drawing`.
    pub(super) fn of(direction: Direction, drawing: &Drawing) -> Self {
        Self::around(direction, drawing, &[])
    }

    /// A frame that holds all of `drawing` and these rectangles.
    pub(super) fn around(direction: Direction, drawing: &Drawing, more: &[Rect]) -> Self {
        let mut least = Point { x: f64::INFINITY, y: f64::INFINITY };
        let mut most = Point { x: f64::NEG_INFINITY, y: f64::NEG_INFINITY };
        let mut hold = |point: Point| {
            least = Point { x: least.x.min(point.x), y: least.y.min(point.y) };
            most = Point { x: most.x.max(point.x), y: most.y.max(point.y) };
        };
        for rect in drawing.boxes.iter().chain(more) {
            hold(Point { x: rect.x, y: rect.y });
            hold(Point { x: rect.x + rect.width, y: rect.y + rect.height });
        }
        for arrow in &drawing.arrows {
            arrow.line.iter().flat_map(Step::points).chain(arrow.head).for_each(&mut hold);
        }
        if least.x > most.x {
            return Frame { direction, least: Point { x: 0.0, y: 0.0 }, size: Size { width: 0.0, height: 0.0 } };
        }
        // Half a line of the outermost boxes and arrows lies outside of them.
        least = Point { x: least.x - 1.0, y: least.y - 1.0 };
        let size = Size { width: most.x + 1.0 - least.x, height: most.y + 1.0 - least.y };
        Frame { direction, least, size }
    }

    pub(super) fn turn(&self, drawing: Drawing) -> Drawing {
        let boxes = drawing.boxes.into_iter().map(|rect| self.rect(rect)).collect();
        let mut arrows = drawing.arrows;
        for arrow in &mut arrows {
            arrow.head = arrow.head.map(|point| self.point(point));
            for step in &mut arrow.line {
                *step = step.map(|point| self.point(point));
            }
        }
        Drawing { size: Self::turned(self.direction, self.size), boxes, arrows }
    }

    fn point(&self, point: Point) -> Point {
        let (across, along) = (point.x - self.least.x, point.y - self.least.y);
        match self.direction {
            Direction::Down => Point { x: across, y: along },
            Direction::Up => Point { x: across, y: self.size.height - along },
            Direction::Right => Point { x: along, y: across },
            Direction::Left => Point { x: self.size.height - along, y: across },
        }
    }

    fn rect(&self, rect: Rect) -> Rect {
        let one = self.point(Point { x: rect.x, y: rect.y });
        let other = self.point(Point { x: rect.x + rect.width, y: rect.y + rect.height });
        Rect {
            x: one.x.min(other.x),
            y: one.y.min(other.y),
            width: (one.x - other.x).abs(),
            height: (one.y - other.y).abs(),
        }
    }
}
