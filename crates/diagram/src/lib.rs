//! Draws a graph of tasks as SVG (V-1 to V-22).
//!
//! Pure: the same graph and options give the same bytes; nothing is read, written or measured. It knows
//! nothing of jobs beyond the [`Graph`] it is handed, and it is fast enough to be called in a request.
//!
//! ```
//! use boxwood_diagram::{Graph, Node, Options, State, render};
//!
//! let graph = Graph {
//!     title: None,
//!     nodes: vec![
//!         Node::new("SumOfSquares", State::Computed),
//!         Node::new("Square(12)", State::Computed).under(0),
//!         Node::new("Sum", State::Queued).under(0).after([1]),
//!     ],
//! };
//! let svg = render(&graph, &Options::default());
//! assert!(svg.starts_with("<svg "));
//! ```
//!
//! # What is in a picture
//!
//! | element | for |
//! | --- | --- |
//! | `<g class="task" data-index data-state [data-task] [data-optional] [data-count]>` | each task, or stack of `count` tasks, in order |
//! | `<rect class="share" data-state data-count>` | in a stack of several states, the share of the tasks in one |
//! | `<path class="edge subtask" data-from data-to>` | each arrow from a parent to a child |
//! | `<path class="edge dependency" data-from data-to>` | each arrow from a task to one it waits for |
//! | `<path class="head …">` | arrow heads; arrows that end in one place share one |
//! | `<path class="lettering">` | hand-drawn letters; the text itself is there too, transparent |
//! | `<desc>` | how many tasks are in which state, in words |
//! | `<rect class="background">` | the background, in themes that have one |
//! | `<text class="title">` | the title, if asked for |
//!
//! A label is one `text` with a `tspan` for each line. All text is escaped, and control characters are shown
//! as signs. The picture has no identifiers, styles, scripts or references, so several can be put into one page.

pub mod d2;
pub mod fold;
mod graph;
mod layout;
mod lettering;
mod lines;
mod options;
mod palette;
mod sketch;
mod svg;
mod text;

pub use graph::{Graph, Node, Stack, State};
pub use options::{Direction, Layout, Options, Theme, UnknownName};

use layout::Size;
use text::{LINE_PX, Label};

/// The room left and right of a label, in pixels.
const BESIDE_LABEL: f64 = 12.0;
/// The room above and below a label, in pixels.
const ABOVE_LABEL: f64 = 9.0;
/// The narrowest box, in pixels.
const BOX_WIDTH_MIN: f64 = 56.0;
/// How far the sheets behind a stack reach beyond it, to the right and upwards, in pixels.
const SHEETS: f64 = 8.0;
/// The room that a stack's bar of states takes below its label, in pixels.
const BAR_ROOM: f64 = 12.0;

/// Draws `graph` as one standalone SVG document.
///
/// Any graph can be drawn, in time about proportional to its tasks and arrows; how many tasks are too
/// many to be of use (V-16) is for the caller to say.
pub fn render(graph: &Graph, options: &Options) -> String {
    let labels: Vec<Label> = graph.nodes.iter().map(Label::of).collect();
    let sizes: Vec<Size> = graph.nodes.iter().zip(&labels).map(|(node, label)| box_size(node, label)).collect();
    let drawing = layout::arrange(graph, &sizes, options.layout, options.direction);
    svg::write(graph, &labels, &drawing, options)
}

/// The size of a box that holds `label`; a stack's with the sheets behind it and its bar, or the room for one.
fn box_size(node: &Node, label: &Label) -> Size {
    let (beside, below) = match &node.stack {
        None => (0.0, 0.0),
        Some(_) => (SHEETS, SHEETS + BAR_ROOM),
    };
    Size {
        width: (label.width + 2.0 * BESIDE_LABEL).max(BOX_WIDTH_MIN).ceil() + beside,
        height: LINE_PX * label.room.max(1) as f64 + 2.0 * ABOVE_LABEL + below,
    }
}
