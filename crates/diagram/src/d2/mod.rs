//! Reads the part of the D2 diagram language that pictures of jobs need (V-19).
//!
//! ```d2
//! title: sum-of-squares
//! direction: right
//! root: SumOfSquares {class: computed}
//! square: "Square(12)\nValueError" {class: [failed; optional]}
//! sum: Sum
//! root -> square
//! root -> sum
//! sum -> square: {class: dependency}
//! ```
//!
//! | statement | says |
//! | --- | --- |
//! | `key`, `key: label` | a box, labelled with its key or the label |
//! | `key.class: name`, `key: label {class: name}` | the state of a box, or that it is `optional`; both as `[a; b]` |
//! | `key.label: text`, `key: {label: text}` | the label once more |
//! | `a -> b`, `b <- a`, `a -> b -> c` | a solid arrow from `a` to `b`; boxes it names come into being |
//! | `a -> b: {class: dependency}`, `a -> b: {style.stroke-dash: 3}` | a dashed arrow |
//! | `title: text` | the title above the picture; `{shape: text; near: top-center}` may follow |
//! | `direction: down` | `up`, `down`, `left` or `right` |
//! | `# text` | a comment |
//!
//! Statements end with their line or at `;`. Keys and texts may stand in quotes. As in D2, upper and lower case of keys
//! are the same, and what is said later about a box holds. All else is refused with its place: a picture that
//! silently leaves out what the text says would be wrong.

mod cursor;
mod draft;
mod statement;

use std::fmt;

use crate::{Direction, Graph};

/// The longest text that is read, in bytes: a kilobyte for each box of the largest picture, and room for arrows.
pub const TEXT_BYTES_MAX: usize = 512 << 10;
/// The most arrows of a text. With all of them a picture is still made in a moment.
pub const ARROWS_MAX: usize = 5_000;

/// What a text says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diagram {
    /// Its boxes in the order in which they are first named, its arrows, and its title.
    pub graph: Graph,
    /// Where arrows point, if the text says so.
    pub direction: Option<Direction>,
}

/// Why a text is not drawn, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// The line, counted from 1.
    pub line: usize,
    /// The column in characters, counted from 1.
    pub column: usize,
    /// What is wrong there, and what is accepted.
    pub problem: String,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "line {}, column {}: {}", self.line, self.column, self.problem)
    }
}

impl std::error::Error for Unreadable {}

/// Reads a text with at most `boxes_max` boxes.
///
/// # Errors
///
/// [`Unreadable`] for what is no D2, for D2 that is not served, and for texts beyond the limits.
pub fn read(text: &str, boxes_max: usize) -> Result<Diagram, Unreadable> {
    if text.len() > TEXT_BYTES_MAX {
        let problem = format!("the text has {} bytes, up to {TEXT_BYTES_MAX} are read", text.len());
        return Err(Unreadable { line: 1, column: 1, problem });
    }
    let mut draft = draft::Draft::new(boxes_max);
    statement::all(&mut cursor::Cursor::new(text), &mut draft)?;
    Ok(draft.finish())
}

#[cfg(test)]
mod tests;
