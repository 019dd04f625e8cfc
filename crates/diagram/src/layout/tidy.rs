//! Places trees: every parent over the middle of its children, subtrees as near as they can be.
//!
//! Each subtree carries its outline, the leftmost and rightmost edge per row. Children are pushed
//! together once from the left and once from the right and the mean of both is taken, so small subtrees
//! between large ones stand evenly. Outlines are merged small into large: the time grows with the
//! number of units.

use super::Spacing;
use super::grid::Block;
use super::rank::Ranked;
use super::rows::Rows;

/// The middle of each unit, across.
pub(super) fn place(rows: &Rows, ranked: &Ranked, blocks: &[Block], spacing: &Spacing) -> Vec<f64> {
    let from_left = pushed(rows, ranked, blocks, spacing, 1.0);
    let from_right = pushed(rows, ranked, blocks, spacing, -1.0);
    from_left.iter().zip(&from_right).map(|(left, right)| (left + right) / 2.0).collect()
}

/// An edge of a subtree in one row, measured as the outline says.
#[derive(Debug, Clone, Copy)]
struct Span {
    left: f64,
    right: f64,
}

/// The outline of a subtree or of several side by side: deepest row first, so that a new upper row is
/// pushed at the end. Every number is to be read with `offset` added.
#[derive(Debug, Default)]
struct Outline {
    rows: Vec<Span>,
    offset: f64,
}

impl Outline {
    /// The row at `depth` below the uppermost.
    fn at(&self, depth: usize) -> Span {
        let span = self.rows[self.rows.len() - 1 - depth];
        Span { left: span.left + self.offset, right: span.right + self.offset }
    }

    fn set(&mut self, depth: usize, span: Span) {
        let at = self.rows.len() - 1 - depth;
        self.rows[at] = Span { left: span.left - self.offset, right: span.right - self.offset };
    }

    /// How far `other` must be moved to stand to the right of this.
    fn clearance(&self, other: &Outline, spacing: &Spacing) -> f64 {
        let common = self.rows.len().min(other.rows.len());
        (0..common)
            .map(|depth| {
                let gap = if depth == 0 { spacing.siblings } else { spacing.cousins };
                self.at(depth).right + gap - other.at(depth).left
            })
            .fold(f64::NEG_INFINITY, f64::max)
    }

    /// This and, to its right, `other`.
    fn beside(mut self, mut other: Outline) -> Outline {
        let common = self.rows.len().min(other.rows.len());
        if self.rows.len() >= other.rows.len() {
            for depth in 0..common {
                self.set(depth, Span { left: self.at(depth).left, right: other.at(depth).right });
            }
            self
        } else {
            for depth in 0..common {
                other.set(depth, Span { left: self.at(depth).left, right: other.at(depth).right });
            }
            other
        }
    }
}

/// Places the forest with all subtrees pushed to the left (`sign` 1) or to the right (-1). The first
/// root's tree and the last one's define the middle, at 0.
fn pushed(rows: &Rows, ranked: &Ranked, blocks: &[Block], spacing: &Spacing, sign: f64) -> Vec<f64> {
    let count = ranked.row.len();
    // The middle of each unit seen from its parent's middle.
    let mut middle = vec![0.0; count];
    let mut outlines: Vec<Outline> = std::iter::repeat_with(Outline::default).take(count).collect();
    let settle = |children: &mut dyn Iterator<Item = usize>, middle: &mut [f64], outlines: &mut [Outline]| {
        let mut all = Outline::default();
        let (mut first, mut last) = (None, 0.0);
        let mut placed = Vec::new();
        for child in children {
            let mut outline = std::mem::take(&mut outlines[child]);
            let moved = if first.is_none() { 0.0 } else { all.clearance(&outline, spacing) };
            outline.offset += moved;
            all = if first.is_none() { outline } else { all.beside(outline) };
            middle[child] = moved;
            first = first.or(Some(moved));
            last = moved;
            placed.push(child);
        }
        let centre = (first.unwrap_or(0.0) + last) / 2.0;
        for child in placed {
            middle[child] -= centre;
        }
        all.offset -= centre;
        all
    };
    for row in rows.rows.iter().rev() {
        for &unit in row {
            let children = &ranked.children[unit];
            let mut all = if sign > 0.0 {
                settle(&mut children.iter().copied(), &mut middle, &mut outlines)
            } else {
                settle(&mut children.iter().rev().copied(), &mut middle, &mut outlines)
            };
            let (left, right) = blocks[unit].halves();
            let (left, right) = if sign > 0.0 { (left, right) } else { (right, left) };
            all.rows.push(Span { left: -left - all.offset, right: right - all.offset });
            outlines[unit] = all;
        }
    }
    let roots = rows.rows.first().map_or(&[][..], Vec::as_slice);
    if sign > 0.0 {
        settle(&mut roots.iter().copied(), &mut middle, &mut outlines);
    } else {
        settle(&mut roots.iter().rev().copied(), &mut middle, &mut outlines);
    }
    for row in &rows.rows {
        for &unit in row {
            let from = ranked.parent[unit].map_or(0.0, |parent| sign * middle[parent]);
            middle[unit] = sign * (middle[unit] + from);
        }
    }
    middle
}
