//! The inside of a unit: one box, or a block of boxes with lanes between its columns.
//!
//! In a block, arrows from above come down in lanes to the left of each column and bend into the boxes'
//! left sides; arrows from below use lanes to the right. So no arrow crosses a box.

use super::rank::Ranked;
use super::units::Units;
use super::{Cell, Rect, Size, Spacing};
use crate::graph::Kind;

/// From a box to the nearest lane, in pixels: room for the turn and the arrow head.
const LANE_FROM_BOX: f64 = 20.0;
/// From one lane to the next, in pixels.
const LANE_PITCH: f64 = 9.0;
/// Free room on the far side of the lanes of a column, in pixels.
const BESIDE: f64 = 9.0;
/// Between boxes of one column, in pixels.
const BETWEEN_ROWS: f64 = 12.0;
/// Between parts of one column, in pixels.
const BETWEEN_PARTS: f64 = 28.0;

/// Where an arrow reaches a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Above,
    Below,
}

/// The inside of a unit, measured from its upper left corner.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) size: Size,
    /// How far its middle, over which its parent stands, is from its left edge.
    pub(super) middle: f64,
    /// The box of each member, in the order of the unit's members.
    pub(super) cells: Vec<Rect>,
    /// The room of each member: its box, or the part that its box is in.
    slots: Vec<Rect>,
    lanes: Lanes,
}

/// Which lanes the columns of a block have.
#[derive(Debug, Clone, Copy, Default)]
struct Lanes {
    above: [bool; 2],
    below: [bool; 2],
}

impl Lanes {
    fn side(&self, side: Side) -> [bool; 2] {
        match side {
            Side::Above => self.above,
            Side::Below => self.below,
        }
    }

    /// How much room the lanes of one side take beside a column.
    fn room(&self, side: Side) -> f64 {
        match self.side(side).iter().filter(|&&used| used).count() {
            0 => 0.0,
            lanes => LANE_FROM_BOX + LANE_PITCH * (lanes - 1) as f64 + BESIDE,
        }
    }
}

impl Block {
    /// How far it reaches to the left and to the right of its middle.
    pub(super) fn halves(&self) -> (f64, f64) {
        (self.middle, self.size.width - self.middle)
    }

    /// Whether this is a box with what is below it.
    pub(super) fn is_part(&self) -> bool {
        !self.is_grid() && self.cells[0].height < self.size.height
    }

    /// Whether this is more than one box.
    pub(super) fn is_grid(&self) -> bool {
        self.cells.len() > 1
    }

    /// How far the lane for arrows of `kind` on `side` is from the left edge of the block, for `member`.
    pub(super) fn lane(&self, member: usize, side: Side, kind: Kind) -> f64 {
        let slot = self.slots[member];
        let used = self.lanes.side(side);
        let inner = if kind == Kind::Dependency && used[0] { LANE_PITCH } else { 0.0 };
        match side {
            Side::Above => slot.x - LANE_FROM_BOX - inner,
            Side::Below => slot.x + slot.width + LANE_FROM_BOX + inner,
        }
    }

    /// Whether arrows of both kinds reach the boxes from `side`.
    pub(super) fn has_both_lanes(&self, side: Side) -> bool {
        self.lanes.side(side) == [true, true]
    }

    fn single(cell: &Cell) -> Self {
        let size = cell.size;
        let slot = Rect { x: 0.0, y: 0.0, width: size.width, height: size.height };
        let place = cell.inside().unwrap_or(slot);
        let middle = place.x + place.width / 2.0;
        Block { size, middle, cells: vec![place], slots: vec![slot], lanes: Lanes::default() }
    }

    /// Boxes or parts row by row, in as many columns as bring the block near the wished aspect.
    fn grid(members: &[Cell], lanes: Lanes, spacing: &Spacing) -> Self {
        let has_parts = members[0].is_in_block();
        let (aspect, between_rows, between_columns) = match has_parts {
            true => (spacing.part_aspect, BETWEEN_PARTS, spacing.cousins),
            false => (spacing.block_aspect, BETWEEN_ROWS, spacing.siblings),
        };
        let beside = lanes.room(Side::Above) + lanes.room(Side::Below);
        let sizes: Vec<Size> = members.iter().map(|cell| cell.size).collect();
        let columns = columns(&sizes, beside, between_rows, aspect);
        let mut widths = vec![0.0_f64; columns];
        let mut heights = vec![0.0_f64; sizes.len().div_ceil(columns)];
        for (member, size) in sizes.iter().enumerate() {
            let (row, column) = (member / columns, member % columns);
            widths[column] = widths[column].max(size.width);
            heights[row] = heights[row].max(size.height);
        }
        let mut lefts = Vec::with_capacity(columns);
        let mut x = 0.0;
        for width in &widths {
            if beside == 0.0 && x > 0.0 {
                x += between_columns;
            }
            x += lanes.room(Side::Above);
            lefts.push(x);
            x += width + lanes.room(Side::Below);
        }
        let mut tops = Vec::with_capacity(heights.len());
        let mut y = 0.0;
        for height in &heights {
            tops.push(y);
            y += height + between_rows;
        }
        let slot = |member: usize| {
            let (row, column) = (member / columns, member % columns);
            Rect { x: lefts[column], y: tops[row], width: widths[column], height: heights[row] }
        };
        let slots: Vec<Rect> = (0..sizes.len()).map(slot).collect();
        // A box fills its room, a part stands in the middle of it.
        let cells = members.iter().zip(&slots).map(|(cell, slot)| match cell.inside() {
            None => *slot,
            Some(inside) => {
                let aside = (slot.width - cell.size.width) / 2.0;
                Rect { x: slot.x + aside + inside.x, y: slot.y + inside.y, ..inside }
            }
        });
        let size = Size { width: x, height: y - between_rows };
        Block { size, middle: x / 2.0, cells: cells.collect(), slots, lanes }
    }
}

/// Whether parts of these sizes should stand in several rows.
pub(super) fn is_wrapped(sizes: &[Size], spacing: &Spacing) -> bool {
    let row: f64 = sizes.iter().map(|size| size.width + spacing.cousins).sum();
    row > spacing.row_max && columns(sizes, LANE_FROM_BOX + BESIDE, BETWEEN_PARTS, spacing.part_aspect) < sizes.len()
}

/// The number of columns that brings boxes of these sizes nearest to the wished aspect.
fn columns(sizes: &[Size], beside: f64, between_rows: f64, wished: f64) -> usize {
    let count = sizes.len();
    let width = sizes.iter().map(|size| size.width).sum::<f64>() / count as f64 + beside;
    let height = sizes.iter().map(|size| size.height).sum::<f64>() / count as f64 + between_rows;
    let away = |columns: usize| {
        let rows = count.div_ceil(columns);
        let aspect = (columns as f64 * width) / (rows as f64 * height);
        // Columns that leave the last row mostly empty are a little worse.
        let empty = (columns * rows - count) as f64 / count as f64;
        (aspect / wished).max(wished / aspect) * (1.0 + empty)
    };
    // A square number of rows and columns is never far off; looking at all counts is cheap enough.
    (1..=count).min_by(|&one, &other| away(one).total_cmp(&away(other))).unwrap_or(1)
}

/// The inside of every unit.
pub(super) fn blocks(units: &Units, ranked: &Ranked, cells: &[Cell], spacing: &Spacing) -> Vec<Block> {
    let mut lanes = vec![Lanes::default(); units.members.len()];
    for link in &ranked.links {
        lanes[link.upper].below[link.kind as usize] = true;
        lanes[link.lower].above[link.kind as usize] = true;
    }
    units
        .members
        .iter()
        .zip(lanes)
        .map(|(members, lanes)| match members[..] {
            [task] => Block::single(&cells[task]),
            _ => {
                let members: Vec<Cell> = members.iter().map(|&task| cells[task]).collect();
                Block::grid(&members, lanes, spacing)
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Direction;

    #[test]
    fn v_2_boxes_of_a_block_do_not_touch_and_lanes_lie_between_the_columns() {
        let sizes: Vec<Size> = (0..23).map(|at| Size { width: 60.0 + f64::from(at * 7 % 31), height: 30.0 }).collect();
        let lanes = Lanes { above: [true, true], below: [false, true] };
        let members: Vec<Cell> = sizes.iter().map(|&size| Cell::of_box(size)).collect();
        let block = Block::grid(&members, lanes, &Spacing::of(Direction::Down));
        let lane_xs = |member: usize| {
            [(Side::Above, Kind::Subtask), (Side::Above, Kind::Dependency), (Side::Below, Kind::Dependency)]
                .map(|(side, kind)| block.lane(member, side, kind))
        };
        for (one, cell) in block.cells.iter().enumerate() {
            assert!(cell.width >= sizes[one].width);
            assert!(cell.x >= 0.0 && cell.x + cell.width <= block.size.width);
            assert!(cell.y >= 0.0 && cell.y + cell.height <= block.size.height);
            for (other, beside) in block.cells.iter().enumerate() {
                let apart = cell.x + cell.width + 10.0 <= beside.x
                    || beside.x + beside.width + 10.0 <= cell.x
                    || cell.y + cell.height + 10.0 <= beside.y
                    || beside.y + beside.height + 10.0 <= cell.y;
                assert!(one == other || apart, "{one} and {other}");
                for x in lane_xs(other) {
                    assert!(x + 8.0 < cell.x || x - 8.0 > cell.x + cell.width, "a lane of {other} crosses {one}");
                }
            }
        }
    }
}
