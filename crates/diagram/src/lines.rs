//! Writes labels and the title.
//!
//! In exact pictures they are text in whatever sans-serif font the viewer has, set to the width that it has in the most
//! common ones, so that it looks nearly the same everywhere. In hand-drawn pictures they are strokes of a pen, with the
//! text itself over them, transparent: it can be found, selected and read aloud.

use std::fmt::{self, Write};

use crate::layout::Point;
use crate::lettering;
use crate::palette::BoxColours;
use crate::svg::{Escaped, Px, write_steps};
use crate::text::{LETTER_PX, LINE_PX, common_width};

/// The size of the title's letters, in pixels.
pub(crate) const TITLE_PX: f64 = 20.0;
/// The width of the pen that draws the title, in pixels: it is bold.
const TITLE_PEN_PX: f64 = 2.2;

/// How far the edging of letters reaches beyond them on both sides together, in pixels.
const EDGING_PX: f64 = 1.6;

/// Writes the lines of a box; `first` is the middle of the first one's baseline.
pub(crate) fn write_label(
    svg: &mut String,
    lines: &[String],
    first: Point,
    colours: BoxColours,
    is_sketchy: bool,
) -> fmt::Result {
    let place = |at: usize| Point { x: first.x, y: first.y + LINE_PX * at as f64 };
    let is_drawn = |line: &str| is_sketchy && lettering::can_draw(line);
    let drawn = || {
        let drawn = lines.iter().enumerate().filter(|(_, line)| is_drawn(line));
        drawn.map(|(at, line)| (line.as_str(), place(at)))
    };
    if let Some(edging) = colours.edging {
        draw(svg, drawn(), LETTER_PX, lettering::PEN_PX + EDGING_PX, edging)?;
    }
    draw(svg, drawn(), LETTER_PX, lettering::PEN_PX, colours.text)?;
    write!(svg, r#"<text text-anchor="middle" fill="{}" xml:space="preserve""#, colours.text)?;
    if let Some(edging) = colours.edging.filter(|_| !lines.iter().all(|line| is_drawn(line))) {
        write!(svg, r#" stroke="{edging}" stroke-width="{EDGING_PX}" stroke-linejoin="round" paint-order="stroke""#)?;
    }
    svg.write_str(">")?;
    for (at, line) in lines.iter().enumerate() {
        let Point { x, y } = place(at);
        write!(svg, r#"<tspan x="{}" y="{}""#, Px(x), Px(y))?;
        let width = match is_drawn(line) {
            true => {
                svg.write_str(r#" fill-opacity="0""#)?;
                if colours.edging.is_some() {
                    svg.write_str(r#" stroke="none""#)?;
                }
                Some(lettering::width(line, LETTER_PX))
            }
            false => common_width(line),
        };
        if let Some(width) = width.filter(|&width| width > 0.0) {
            write!(svg, r#" textLength="{}" lengthAdjust="spacingAndGlyphs""#, Px(width))?;
        }
        write!(svg, ">{}</tspan>", Escaped(line))?;
    }
    svg.write_str("</text>\n")
}

/// Writes the title; `place` is the middle of its baseline.
pub(crate) fn write_title(svg: &mut String, title: &str, place: Point, colour: &str, is_sketchy: bool) -> fmt::Result {
    let is_drawn = is_sketchy && lettering::can_draw(title);
    draw(svg, is_drawn.then_some((title, place)).into_iter(), TITLE_PX, TITLE_PEN_PX, colour)?;
    let (x, y) = (Px(place.x), Px(place.y));
    write!(svg, r#"<text class="title" x="{x}" y="{y}" text-anchor="middle" font-size="{TITLE_PX}" "#)?;
    write!(svg, r#"font-weight="bold" fill="{colour}""#)?;
    if is_drawn {
        write!(svg, r#" fill-opacity="0" textLength="{}""#, Px(lettering::width(title, TITLE_PX)))?;
        svg.write_str(r#" lengthAdjust="spacingAndGlyphs""#)?;
    }
    writeln!(svg, ">{}</text>", Escaped(title))
}

/// Writes lines as strokes of a pen.
fn draw<'a>(
    svg: &mut String,
    lines: impl Iterator<Item = (&'a str, Point)>,
    size: f64,
    pen: f64,
    colour: &str,
) -> fmt::Result {
    let mut steps = Vec::new();
    for (line, place) in lines {
        lettering::draw(line, place, size, &mut steps);
    }
    if steps.is_empty() {
        return Ok(());
    }
    write!(svg, r#"<path class="lettering" fill="none" stroke="{colour}" stroke-width="{pen}" "#)?;
    svg.write_str(r#"stroke-linecap="round" stroke-linejoin="round" d=""#)?;
    write_steps(svg, &steps)?;
    svg.write_str("\"/>\n")
}
