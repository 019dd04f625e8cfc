//! From a graph to places on a plane.
//!
//! All work is done as if sub-tasks lay below their parents: *across* is left to right, *along* is top to
//! bottom, and [`Frame`] turns the finished drawing into the direction asked for. The steps:
//!
//! 1. [`units`]: tasks that nobody can tell apart by their arrows are gathered into blocks when they
//!    would make too long a row.
//! 2. [`rank`]: units are given rows: below their parent and below what they depend on.
//! 3. [`rows`]: arrows that pass rows get a bend in each; [`untangle`] orders every row so that few arrows
//!    cross and the order of submission is kept where it costs nothing.
//! 4. [`tidy`] places pure trees, [`place`] everything else.
//! 5. [`route`]: rows get their heights, arrows their ways between the rows, where no box is.
//!
//! What is wider than a screen then is drawn in parts: see [`wrap`].
//!
//! This is our own rather than a layout crate's because such crates know boxes and edges alone: they neither
//! gather equal tasks, nor run the arrows of one parent as one line, nor keep the order of submission, and
//! those make pictures of jobs readable.
//!
//! Nothing here recurses on the depth of the graph, and nothing depends on the order of a hash map.

mod frame;
mod grid;
mod lanes;
mod path;
mod place;
mod ports;
mod rank;
mod route;
mod rows;
mod straighten;
mod tidy;
mod units;
mod untangle;
mod wrap;

use crate::graph::{Edge, Graph, Kind};
use crate::{Direction, Layout};

use frame::Frame;
pub(crate) use path::Step;
use rank::After;
use wrap::Wrapping;

/// A place in the drawing, in pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Point {
    pub(crate) x: f64,
    pub(crate) y: f64,
}

/// How much room something takes, in pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Size {
    pub(crate) width: f64,
    pub(crate) height: f64,
}

/// A placed box, in pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Rect {
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) width: f64,
    pub(crate) height: f64,
}

/// What is placed as one: a box, or a part, which is a task with all that is below it.
#[derive(Debug, Clone, Copy)]
struct Cell {
    size: Size,
    content: Content,
}

#[derive(Debug, Clone, Copy)]
enum Content {
    Box,
    /// A part, and where the box of its task is, measured from the upper left corner.
    Part(Rect),
    /// The same for a part that stands in a block with its siblings.
    PartOfBlock(Rect),
}

impl Cell {
    fn of_box(size: Size) -> Self {
        Cell { size, content: Content::Box }
    }

    fn is_in_block(&self) -> bool {
        matches!(self.content, Content::PartOfBlock(_))
    }

    /// Where in a part the box of its task is.
    fn inside(&self) -> Option<Rect> {
        match self.content {
            Content::Box => None,
            Content::Part(inside) | Content::PartOfBlock(inside) => Some(inside),
        }
    }
}

/// A placed arrow.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Arrow {
    pub(crate) edge: Edge,
    /// The line. It may be drawn in pieces and from either end; see [`path`].
    pub(crate) line: Vec<Step>,
    /// The arrow head: the tip and the two other corners.
    pub(crate) head: [Point; 3],
}

/// The finished drawing; everything lies between (0, 0) and (width, height).
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Drawing {
    pub(crate) size: Size,
    /// The box of each task.
    pub(crate) boxes: Vec<Rect>,
    pub(crate) arrows: Vec<Arrow>,
}

/// The distances a drawing is made with, in pixels.
#[derive(Debug, Clone, Copy)]
struct Spacing {
    /// Between neighbours with the same parent.
    siblings: f64,
    /// Between neighbours with different parents.
    cousins: f64,
    /// Between an arrow passing a row and its neighbours.
    bend: f64,
    /// The shortest distance from one row to the next.
    rows: f64,
    /// A row of equal tasks longer than this becomes a block.
    row_max: f64,
    /// How wide a block should be for its height, both as seen in the working frame.
    block_aspect: f64,
    /// The same for a block of parts.
    part_aspect: f64,
}

impl Spacing {
    fn of(direction: Direction) -> Self {
        match direction {
            Direction::Down | Direction::Up => Spacing {
                siblings: 20.0,
                cousins: 36.0,
                bend: 16.0,
                rows: 52.0,
                row_max: 1_300.0,
                block_aspect: 2.0,
                part_aspect: 1.6,
            },
            Direction::Left | Direction::Right => Spacing {
                siblings: 14.0,
                cousins: 26.0,
                bend: 14.0,
                rows: 60.0,
                row_max: 720.0,
                block_aspect: 0.6,
                part_aspect: 0.6,
            },
        }
    }

    /// The same with blocks of fewer tasks, as high as wide.
    fn compact(self) -> Self {
        Spacing { row_max: self.row_max / 6.0, block_aspect: self.block_aspect / 4.0, ..self }
    }
}

/// What a drawing should fit into to be read without scrolling much, in pixels.
const SCREEN: Size = Size { width: 1_600.0, height: 1_000.0 };
/// The most items, tasks and bends of arrows, of a drawing that is compared with others: a large job takes
/// no longer than one drawing.
const COMPARED_ITEMS_MAX: usize = 6_000;
/// The most tasks of a drawing that is wrapped; larger ones are not read as a whole in any form.
const WRAPPED_TASKS_MAX: usize = 2_000;
/// How much better a drawing must be to be preferred to one that comes before it.
const BETTER: f64 = 0.9;
/// How much larger a drawing may be for each crossing that an arrow has less on average.
const CROSSED: f64 = 4.0;

/// Places a box of the given size for each task of `graph`, and an arrow for each of its edges.
///
/// Dependent tasks are put beside or below the sub-tasks of those they wait for, whichever takes less
/// room. If that does not fit a screen, blocks made of fewer tasks are tried, and blocks of whole subtrees.
pub(crate) fn arrange(graph: &Graph, sizes: &[Size], layout: Layout, direction: Direction) -> Drawing {
    let edges = graph.edges();
    let sizes: Vec<Size> = sizes.iter().map(|&size| Frame::turned(direction, size)).collect();
    let cells: Vec<Cell> = sizes.iter().map(|&size| Cell::of_box(size)).collect();
    let spacing = Spacing::of(direction);
    let turned = |drawn: Drawn| Drawn { drawing: Frame::of(direction, &drawn.drawing).turn(drawn.drawing), ..drawn };
    let mut best = turned(draw(&edges, &cells, layout, &spacing, After::Task));
    let items = best.items;
    let is_forest = edges.iter().all(|edge| edge.kind == Kind::Subtask);
    for (spacing, after) in
        [(spacing, After::Subtree), (spacing.compact(), After::Task), (spacing.compact(), After::Subtree)]
    {
        let is_compact = spacing.row_max < Spacing::of(direction).row_max;
        if (is_compact && screens(&best.drawing) <= 1.0) || items > COMPARED_ITEMS_MAX {
            break;
        }
        if is_forest && after == After::Subtree {
            continue;
        }
        best = best.or(turned(draw(&edges, &cells, layout, &spacing, after)));
    }
    if screens(&best.drawing) <= 1.0 || graph.nodes.len() > WRAPPED_TASKS_MAX {
        return best.drawing;
    }
    let Some(wrapping) = Wrapping::new(graph.nodes.len(), &edges) else { return best.drawing };
    for spacing in [spacing, spacing.compact()] {
        let draw = |edges: &[Edge], cells: &[Cell]| draw(edges, cells, layout, &spacing, After::Task);
        if let Some(wrapped) = wrapping.draw(&sizes, &spacing, draw) {
            best = best.or(turned(wrapped));
        }
    }
    best.drawing
}

/// A drawing and what it is judged by.
struct Drawn {
    drawing: Drawing,
    /// Units and bends of arrows.
    items: usize,
    /// Pairs of arrows that cross.
    crossings: u64,
}

impl Drawn {
    /// The better of two; the other one only if it is clearly better.
    fn or(self, other: Drawn) -> Drawn {
        if other.effort() < BETTER * self.effort() { other } else { self }
    }

    /// How hard a drawing is to take in: its area, and more if it does not fit a screen or arrows cross.
    fn effort(&self) -> f64 {
        let Size { width, height } = self.drawing.size;
        let crossed = self.crossings as f64 / (self.drawing.arrows.len() + 1) as f64;
        width * height * screens(&self.drawing).max(1.0).powi(2) * (1.0 + CROSSED * crossed)
    }
}

/// How many times a screen's width or height a drawing takes.
fn screens(drawing: &Drawing) -> f64 {
    (drawing.size.width / SCREEN.width).max(drawing.size.height / SCREEN.height)
}

/// One drawing, in the working frame.
fn draw(edges: &[Edge], cells: &[Cell], layout: Layout, spacing: &Spacing, after: After) -> Drawn {
    let units = units::gather(edges, cells, spacing);
    let ranked = rank::rank(edges, &units, after);
    let blocks: Vec<_> = grid::blocks(&units, &ranked, cells, spacing);
    let mut rows = rows::Rows::new(&ranked, &units.members);
    let mut crossings = 0;
    let x = if ranked.is_forest() {
        tidy::place(&rows, &ranked, &blocks, spacing)
    } else {
        crossings = untangle::untangle(&mut rows, &ranked);
        rows.merge_bends();
        place::place(&rows, &ranked, &blocks, spacing)
    };
    let router = route::Router::new(edges, &units, &ranked, &blocks, &rows, &x, layout, spacing);
    Drawn { drawing: router.draw(), items: rows.items(), crossings }
}
