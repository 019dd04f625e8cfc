//! Writes a drawing as SVG.
//!
//! The picture is put as it is into web pages and notebooks, several on one page. So it has no style
//! sheet and no identifiers, which would reach beyond it, and it refers to nothing.

use std::fmt::{self, Write};

use crate::graph::{Kind, Node, Stack};
use crate::layout::{Drawing, Point, Rect, Step};
use crate::lines::{self, TITLE_PX};
use crate::palette::{BoxColours, Palette};
use crate::sketch::{self, Stroke};
use crate::text::{self, LETTER_PX, LINE_PX, Label};
use crate::{BAR_ROOM, BESIDE_LABEL, Graph, Options, SHEETS, State};

const FONTS: &str = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, 'Noto Sans', sans-serif";
/// How much room the title takes above the drawing, in pixels.
const TITLE_ROOM: f64 = 44.0;
/// The longest title, in columns; a job's name can be longer.
const TITLE_COLUMNS_MAX: usize = 80;
/// How much wider than the estimate bold letters can be.
const BOLD: f64 = 1.12;
/// The height of a stack's bar of states, in pixels.
const BAR: f64 = 8.0;
/// The narrowest share of a bar, in pixels.
const SHARE_MIN: f64 = 4.0;
/// The radius of a box's corners, in pixels.
const RADIUS: f64 = 8.0;

/// Writes the picture of `graph`, whose boxes show `labels` in the places of `drawing`.
pub(crate) fn write(graph: &Graph, labels: &[Label], drawing: &Drawing, options: &Options) -> String {
    let mut svg = String::with_capacity(1_000 + 500 * graph.nodes.len() + 200 * drawing.arrows.len());
    let written = Picture { graph, labels, drawing, options, palette: Palette::of(options.theme) }.write(&mut svg);
    written.expect("writing to a string cannot fail");
    svg
}

struct Picture<'a> {
    graph: &'a Graph,
    labels: &'a [Label],
    drawing: &'a Drawing,
    options: &'a Options,
    palette: Palette,
}

impl Picture<'_> {
    fn write(&self, svg: &mut String) -> fmt::Result {
        let title = self.graph.title.as_deref().filter(|title| self.options.title && !title.trim().is_empty());
        let title = title.map(|title| text::one_line(title.trim(), TITLE_COLUMNS_MAX));
        let title_width = title.as_deref().map_or(0.0, |title| text::width(title) * TITLE_PX / LETTER_PX * BOLD);
        let title_room = if title.is_some() { TITLE_ROOM } else { 0.0 };

        // A hand does not stop exactly at the edge.
        let around = f64::from(self.options.padding) + if self.options.sketchy { sketch::REACH.ceil() } else { 0.0 };
        let content = self.drawing.size.width.max(title_width).ceil();
        // A picture without tasks still has to be one that can be shown.
        let width = (content + 2.0 * around).max(1.0);
        let height = (self.drawing.size.height.ceil() + title_room + 2.0 * around).max(1.0);

        self.open(svg, title.as_deref(), width, height)?;
        if let Some(background) = self.palette.background {
            writeln!(svg, r#"<rect class="background" width="{width}" height="{height}" fill="{background}"/>"#)?;
        }
        if let Some(title) = title {
            let place = Point { x: width / 2.0, y: around + TITLE_PX + 2.0 };
            let colour = self.palette.of_state(State::Queued).text;
            lines::write_title(svg, &title, place, colour, self.options.sketchy)?;
        }
        let (left, top) = (Px(around + (content - self.drawing.size.width) / 2.0), Px(around + title_room));
        writeln!(svg, r#"<g transform="translate({left} {top})">"#)?;
        self.edges(svg, Kind::Subtask)?;
        self.edges(svg, Kind::Dependency)?;
        for at in 0..self.graph.nodes.len() {
            self.task(svg, at)?;
        }
        svg.write_str("</g>\n</svg>\n")
    }

    fn open(&self, svg: &mut String, title: Option<&str>, width: f64, height: f64) -> fmt::Result {
        let boxes = self.graph.nodes.len();
        let total = self.graph.nodes.iter().map(|node| node.stack.map_or(1, |stack| stack.total())).sum();
        let tasks = match total {
            1 => "1 task".to_owned(),
            total if total > boxes => format!("{total} tasks in {boxes} boxes"),
            total => format!("{total} tasks"),
        };
        let name = match title {
            Some(title) => format!("{title}: {tasks}"),
            None => format!("Diagram of {tasks}"),
        };
        let name = Escaped(&name);
        write!(svg, r#"<svg xmlns="http://www.w3.org/2000/svg" class="boxwood-diagram" "#)?;
        write!(svg, r#"width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img" "#)?;
        writeln!(svg, r#"aria-label="{name}" font-family="{FONTS}" font-size="{LETTER_PX}">"#)?;
        writeln!(svg, "<title>{name}</title>")?;
        self.description(svg)
    }

    /// What the colours and the arrows say, for those who do not see them.
    fn description(&self, svg: &mut String) -> fmt::Result {
        let mut all = Stack::default();
        for node in &self.graph.nodes {
            match &node.stack {
                None => all.add(node.state, 1),
                Some(stack) => all.add_all(stack),
            }
        }
        let states: Vec<String> = all.states().map(|(state, count)| format!("{count} {}", state.words())).collect();
        let arrows = |kind| self.drawing.arrows.iter().any(|arrow| arrow.edge.kind == kind);
        write!(svg, "<desc>{}", states.join(", "))?;
        if arrows(Kind::Subtask) {
            svg.write_str("; solid arrows lead from tasks to their sub-tasks")?;
        }
        if arrows(Kind::Dependency) {
            svg.write_str("; dashed arrows lead from tasks to those they wait for")?;
        }
        svg.write_str("</desc>\n")
    }

    /// The arrows of one kind: lines first, then heads over them.
    fn edges(&self, svg: &mut String, kind: Kind) -> fmt::Result {
        let (name, colour, dashes) = match kind {
            Kind::Subtask => ("subtask", self.palette.subtask, ""),
            Kind::Dependency => ("dependency", self.palette.dependency, r#" stroke-dasharray="5 4""#),
        };
        let arrows = || self.drawing.arrows.iter().filter(|arrow| arrow.edge.kind == kind);
        if arrows().next().is_none() {
            return Ok(());
        }
        writeln!(svg, r#"<g fill="none" stroke="{colour}" stroke-width="1.5"{dashes}>"#)?;
        for arrow in arrows() {
            let (from, to) = (arrow.edge.from, arrow.edge.to);
            write!(svg, r#"<path class="edge {name}" data-from="{from}" data-to="{to}" d=""#)?;
            match self.options.sketchy {
                true => write_steps(svg, &sketch::line(&arrow.line, Stroke::First))?,
                false => write_steps(svg, &arrow.line)?,
            }
            svg.write_str("\"/>\n")?;
        }
        writeln!(svg, "</g>\n<g fill=\"{colour}\">")?;
        // Many arrows can end in one place; its head is drawn once, else its edge would get rough.
        let mut heads: Vec<[Point; 3]> = arrows().map(|arrow| arrow.head).collect();
        heads.sort_by(|one, other| {
            let key = |head: &[Point; 3]| head.map(|point| [point.y, point.x]);
            key(one).partial_cmp(&key(other)).unwrap_or(std::cmp::Ordering::Equal)
        });
        heads.dedup();
        for mut head in heads {
            if self.options.sketchy {
                head = sketch::moved(head);
            }
            let [tip, one, other] = head.map(At);
            writeln!(svg, r#"<path class="head {name}" d="M{tip}L{one}L{other}Z"/>"#)?;
        }
        svg.write_str("</g>\n")
    }

    fn task(&self, svg: &mut String, at: usize) -> fmt::Result {
        let (node, label) = (&self.graph.nodes[at], &self.labels[at]);
        let colours = self.palette.of_state(node.state);
        let state = node.state.name();
        write!(svg, r#"<g class="task" data-index="{at}" data-state="{state}""#)?;
        if let Some(task) = node.task {
            write!(svg, r#" data-task="{}""#, Uuid(task))?;
        }
        if node.optional {
            write!(svg, r#" data-optional="true" opacity="0.8""#)?;
        }
        if let Some(stack) = node.stack {
            write!(svg, r#" data-count="{}""#, stack.total())?;
        }
        writeln!(svg, ">")?;
        self.tooltip(svg, node, label)?;
        let dashes = if node.optional { r#" stroke-dasharray="6 4""# } else { "" };
        let mut place = self.drawing.boxes[at];
        if node.stack.is_some() {
            place =
                Rect { x: place.x, y: place.y + SHEETS, width: place.width - SHEETS, height: place.height - SHEETS };
            writeln!(svg, r#"<g class="sheets">"#)?;
            for away in [SHEETS, SHEETS / 2.0] {
                self.outline(svg, &Rect { x: place.x + away, y: place.y - away, ..place }, colours, dashes)?;
            }
            writeln!(svg, "</g>")?;
        }
        self.outline(svg, &place, colours, dashes)?;
        if let Some(stack) = node.stack.filter(Stack::is_mixed) {
            self.bar(svg, &place, &stack)?;
            place.height -= BAR_ROOM;
        }

        // The baseline of the first line, so that the lines as a whole stand in the middle.
        let above = (place.height - LINE_PX * label.lines.len() as f64) / 2.0;
        let middle = Point { x: place.x + place.width / 2.0, y: place.y + above + LINE_PX * 0.72 };
        lines::write_label(svg, &label.lines, middle, colours, self.options.sketchy)?;
        svg.write_str("</g>\n")
    }

    fn outline(&self, svg: &mut String, place: &Rect, colours: BoxColours, dashes: &str) -> fmt::Result {
        match self.options.sketchy {
            true => sketched_box(svg, place, colours, dashes),
            false => plain_box(svg, place, colours, dashes),
        }
    }

    /// How many of a stack's tasks are in which state, as a bar at the foot of its box. A state of few tasks is seen
    /// all the same.
    fn bar(&self, svg: &mut String, place: &Rect, stack: &Stack) -> fmt::Result {
        let total = stack.total() as f64;
        let room = place.width - 2.0 * BESIDE_LABEL;
        let least = SHARE_MIN / room;
        let share = |count: usize| (count as f64 / total).max(least);
        let all: f64 = stack.states().map(|(_, count)| share(count)).sum();
        let (mut x, y) = (place.x + BESIDE_LABEL, Px(place.y + place.height - BAR_ROOM - 3.0));
        for (state, count) in stack.states() {
            let width = share(count) / all * room;
            let (name, colours) = (state.name(), self.palette.of_state(state));
            write!(svg, r#"<rect class="share" data-state="{name}" data-count="{count}" x="{}" y="{y}" "#, Px(x))?;
            write!(svg, r#"width="{}" height="{BAR}" fill="{}" "#, Px(width), colours.share)?;
            writeln!(svg, r#"stroke="{}" stroke-width="1"/>"#, colours.line)?;
            x += width;
        }
        Ok(())
    }

    /// What the colour says in words, and the text where the box does not show it as it is.
    fn tooltip(&self, svg: &mut String, node: &Node, label: &Label) -> fmt::Result {
        let optional = if node.optional { ", optional" } else { "" };
        svg.write_str("<title>")?;
        match &node.stack {
            None => svg.write_str(node.state.name())?,
            Some(stack) => {
                for (place, (state, count)) in stack.states().enumerate() {
                    write!(svg, "{}{count} {}", if place > 0 { ", " } else { "" }, state.name())?;
                }
            }
        }
        svg.write_str(optional)?;
        if label.altered {
            write!(svg, "\n{}", Escaped(&text::harmless(&node.label)))?;
        }
        writeln!(svg, "</title>")
    }
}

fn plain_box(svg: &mut String, place: &Rect, colours: BoxColours, dashes: &str) -> fmt::Result {
    let (x, y, width, height) = (Px(place.x), Px(place.y), Px(place.width), Px(place.height));
    write!(svg, r#"<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="{RADIUS}" "#)?;
    writeln!(svg, r#"fill="{}" stroke="{}" stroke-width="1.5"{dashes}/>"#, colours.fill, colours.line)
}

/// A box drawn by hand: filled and outlined, and outlined once more where that would not fill the dashes.
fn sketched_box(svg: &mut String, place: &Rect, colours: BoxColours, dashes: &str) -> fmt::Result {
    svg.write_str(r#"<path d=""#)?;
    write_steps(svg, &sketch::outline(place, RADIUS, Stroke::First))?;
    writeln!(svg, r#"Z" fill="{}" stroke="{}" stroke-width="1.3"{dashes}/>"#, colours.fill, colours.line)?;
    if dashes.is_empty() {
        svg.write_str(r#"<path d=""#)?;
        write_steps(svg, &sketch::outline(place, RADIUS, Stroke::Second))?;
        writeln!(svg, r#"" fill="none" stroke="{}" stroke-width="0.8"/>"#, colours.line)?;
    }
    Ok(())
}

/// Writes a line as the value of a path's `d`.
pub(crate) fn write_steps(svg: &mut String, steps: &[Step]) -> fmt::Result {
    steps.iter().try_for_each(|step| match *step {
        Step::Move(end) => write!(svg, "M{}", At(end)),
        Step::Line(end) => write!(svg, "L{}", At(end)),
        Step::Corner(corner, end) => write!(svg, "Q{} {}", At(corner), At(end)),
        Step::Curve(one, other, end) => write!(svg, "C{} {} {}", At(one), At(other), At(end)),
    })
}

/// A number of pixels, to a tenth.
pub(crate) struct Px(pub(crate) f64);

impl fmt::Display for Px {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Adding zero makes of -0 a 0.
        write!(out, "{}", (self.0 * 10.0).round() / 10.0 + 0.0)
    }
}

/// A place, as paths write it.
struct At(Point);

impl fmt::Display for At {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}", Px(self.0.x), Px(self.0.y))
    }
}

/// A UUID as it is written everywhere.
struct Uuid(u128);

impl fmt::Display for Uuid {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = format!("{:032x}", self.0);
        let groups = [0..8, 8..12, 12..16, 16..20, 20..32].map(|group| &digits[group]);
        out.write_str(&groups.join("-"))
    }
}

/// Text for an element or an attribute; control characters must be gone already.
pub(crate) struct Escaped<'a>(pub(crate) &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for piece in self.0.split_inclusive(['&', '<', '>', '"', '\'']) {
            let mut letters = piece.chars();
            let sign = match letters.next_back() {
                Some('&') => "&amp;",
                Some('<') => "&lt;",
                Some('>') => "&gt;",
                Some('"') => "&quot;",
                Some('\'') => "&#39;",
                _ => {
                    out.write_str(piece)?;
                    continue;
                }
            };
            out.write_str(letters.as_str())?;
            out.write_str(sign)?;
        }
        Ok(())
    }
}
