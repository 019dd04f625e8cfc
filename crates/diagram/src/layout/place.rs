//! Places graphs that are no trees: arrows short and straight, parents over the middle of their children.
//!
//! The order of each row is fixed. Row by row every item is drawn towards the mean of its neighbours;
//! where items would come too near to each other, the row as a whole takes the places that miss the
//! wishes least (isotonic regression by pooling adjacent violators, linear in the length of the row).
//! Sweeps up and down repeat this until nothing moves, then parents are centred once more.

use super::Spacing;
use super::grid::Block;
use super::rank::Ranked;
use super::rows::Rows;
use super::straighten::straighten;
use crate::graph::Kind;

/// Sweeps over a small graph.
const SWEEPS_MAX: usize = 120;
/// Arcs looked at in all sweeps together, which bounds the time for large graphs.
const SWEEP_ARCS_MAX: usize = 3_000_000;
/// Movement per sweep, in pixels, below which the picture does not change any more.
const STILL: f64 = 0.05;

/// How much farther than to the balance of its neighbours an item moves, which shortens the way there.
const IMPATIENCE: f64 = 1.5;

/// How hard two items pull at each other: lines that pass rows are kept straight first, and hardly pull
/// at boxes, which they can reach from the side.
fn pull(units: usize, kind: Kind) -> f64 {
    match (units, kind) {
        (0, _) => 8.0,
        (1, _) => 0.02,
        (_, Kind::Subtask) => 2.0,
        (_, Kind::Dependency) => 1.5,
    }
}

/// How hard two units pull at each other that are connected over several rows, whatever way the line takes.
const PULL_FAR: f64 = 0.4;

/// The middle of each item, across.
pub(super) fn place(rows: &Rows, ranked: &Ranked, blocks: &[Block], spacing: &Spacing) -> Vec<f64> {
    let mut plane = Plane::new(rows, ranked, blocks, spacing);
    // One direction at a time first, which moves whole subtrees, then both, which finds the balance.
    let arcs: usize = plane.up.iter().map(Vec::len).sum();
    let sweeps = (SWEEP_ARCS_MAX / (2 * arcs + 1)).clamp(8, SWEEPS_MAX);
    for sweep in 0..sweeps {
        let (above, below) = if sweep < 6 { (true, false) } else { (true, true) };
        let mut moved: f64 = 0.0;
        for row in 0..rows.rows.len() {
            moved = moved.max(plane.settle(row, above, below && sweep >= 6));
        }
        for row in (0..rows.rows.len()).rev() {
            moved = moved.max(plane.settle(row, below, above));
        }
        if moved < STILL {
            break;
        }
    }
    for row in (0..rows.rows.len()).rev() {
        plane.centre(row, ranked);
    }
    plane.gather_lonely();
    straighten(&mut plane, ranked);
    plane.x
}

/// The items with their places so far.
pub(super) struct Plane<'a> {
    pub(super) rows: &'a Rows,
    /// The middle of each item.
    pub(super) x: Vec<f64>,
    /// The neighbours of each item in the row above and below, with the pull of the arrow.
    pub(super) up: Vec<Vec<(usize, f64)>>,
    pub(super) down: Vec<Vec<(usize, f64)>>,
    /// For each row, the least distance of each item's middle from that of the first.
    offsets: Vec<Vec<f64>>,
    /// The place of each item in its row.
    place: Vec<usize>,
    wishes: Vec<(f64, f64)>,
}

impl<'a> Plane<'a> {
    fn new(rows: &'a Rows, ranked: &Ranked, blocks: &[Block], spacing: &Spacing) -> Self {
        let count = rows.row_of.len();
        let mut plane = Plane {
            rows,
            x: vec![0.0; count],
            up: vec![Vec::new(); count],
            down: vec![Vec::new(); count],
            offsets: Vec::with_capacity(rows.rows.len()),
            place: vec![0; count],
            wishes: Vec::new(),
        };
        for (upper, lower, kind) in rows.arcs(ranked) {
            let pull = pull(usize::from(rows.is_unit(upper)) + usize::from(rows.is_unit(lower)), kind);
            plane.down[upper].push((lower, pull));
            plane.up[lower].push((upper, pull));
        }
        for link in ranked.links.iter().filter(|link| ranked.span(link) > 1) {
            plane.up[link.lower].push((link.upper, PULL_FAR));
            plane.down[link.upper].push((link.lower, PULL_FAR));
        }
        let halves = |item: usize| blocks.get(item).map_or((0.0, 0.0), Block::halves);
        let gap = |left: usize, right: usize| match (rows.is_unit(left), rows.is_unit(right)) {
            (true, true) if ranked.parent[left] == ranked.parent[right] => spacing.siblings,
            (true, true) => spacing.cousins,
            _ => spacing.bend,
        };
        for row in &rows.rows {
            let mut offset = 0.0;
            let mut offsets = Vec::with_capacity(row.len());
            for (place, &item) in row.iter().enumerate() {
                if place > 0 {
                    let left = row[place - 1];
                    offset += halves(left).1 + gap(left, item) + halves(item).0;
                }
                offsets.push(offset);
                plane.place[item] = place;
                plane.x[item] = offset;
            }
            for &item in row {
                plane.x[item] -= offset / 2.0;
            }
            plane.offsets.push(offsets);
        }
        plane
    }

    /// Between which places an item can be moved with its neighbours staying where they are.
    pub(super) fn room(&self, item: usize) -> (f64, f64) {
        let row = self.rows.row_of[item];
        let (items, offsets, place) = (&self.rows.rows[row], &self.offsets[row], self.place[item]);
        let least = match place {
            0 => f64::NEG_INFINITY,
            _ => self.x[items[place - 1]] + offsets[place] - offsets[place - 1],
        };
        let most = match items.get(place + 1) {
            Some(&right) => self.x[right] - (offsets[place + 1] - offsets[place]),
            None => f64::INFINITY,
        };
        // Rounding must not turn the two around.
        (least.min(self.x[item]), most.max(self.x[item]))
    }

    /// The middle of the one unit an item is connected with in the row above or below.
    pub(super) fn only_unit(&self, item: usize, above: bool) -> Option<f64> {
        let near = if above { &self.up[item] } else { &self.down[item] };
        match near[..] {
            [(near, _)] if self.rows.is_unit(near) => Some(self.x[near]),
            _ => None,
        }
    }

    /// Moves items that no arrow holds next to their neighbours in the row; nothing else draws them there.
    fn gather_lonely(&mut self) {
        for row in &self.rows.rows {
            let is_lonely = |&&item: &&usize| self.up[item].is_empty() && self.down[item].is_empty();
            let lonely: Vec<usize> = row.iter().filter(is_lonely).copied().collect();
            let held = row.iter().position(|item| !lonely.contains(item)).unwrap_or(0);
            // Those before the first that is held come from the left, the others from the right.
            let before = lonely.iter().rev().filter(|&&item| self.place[item] < held);
            for &item in before.chain(lonely.iter().filter(|&&item| self.place[item] > held)) {
                let (least, most) = self.room(item);
                self.x[item] = if self.place[item] < held { most } else { least };
            }
        }
    }

    /// Draws the items of a row to their neighbours above or below or both; the largest movement.
    fn settle(&mut self, row: usize, above: bool, below: bool) -> f64 {
        self.wishes.clear();
        for &item in &self.rows.rows[row] {
            let (mut sum, mut weight) = (0.0, 0.0);
            let near = above.then_some(&self.up[item]).into_iter().chain(below.then_some(&self.down[item]));
            for &(near, pull) in near.flatten() {
                sum += pull * self.x[near];
                weight += pull;
            }
            let x = self.x[item];
            let balance = if weight > 0.0 { sum / weight } else { x };
            // Where only one side pulls, that side is not in balance yet.
            let impatience = if above && below { IMPATIENCE } else { 1.0 };
            self.wishes.push((x + impatience * (balance - x), weight.max(0.01)));
        }
        self.fulfil(row)
    }

    /// Puts every parent over the middle of its children in the next row, and leaves the others in place.
    fn centre(&mut self, row: usize, ranked: &Ranked) {
        self.wishes.clear();
        for &item in &self.rows.rows[row] {
            let mut children = self
                .rows
                .is_unit(item)
                .then(|| ranked.children[item].iter())
                .into_iter()
                .flatten()
                .filter(|&&child| ranked.row[child] == row + 1)
                .map(|&child| self.x[child]);
            self.wishes.push(match children.next() {
                Some(first) => {
                    let (least, most) = children.fold((first, first), |(least, most), x| (x.min(least), x.max(most)));
                    ((least + most) / 2.0, 4.0)
                }
                None => (self.x[item], 1.0),
            });
        }
        self.fulfil(row);
    }

    /// Gives the items of a row the places nearest to their wishes that keep the distances; the largest
    /// movement.
    fn fulfil(&mut self, row: usize) -> f64 {
        let offsets = &self.offsets[row];
        // Runs of items that stand as near as they may: mean wish of the first item, weight, length.
        let mut runs: Vec<(f64, f64, usize)> = Vec::with_capacity(offsets.len());
        for (&(wish, weight), offset) in self.wishes.iter().zip(offsets) {
            let mut run = (wish - offset, weight, 1);
            while let Some(&(mean, before, length)) = runs.last() {
                if mean < run.0 {
                    break;
                }
                runs.pop();
                let weight = before + run.1;
                run = ((mean * before + run.0 * run.1) / weight, weight, length + run.2);
            }
            runs.push(run);
        }
        let mut moved: f64 = 0.0;
        let mut place = 0;
        for (start, _, length) in runs {
            for _ in 0..length {
                let item = self.rows.rows[row][place];
                let x = start + offsets[place];
                moved = moved.max((x - self.x[item]).abs());
                self.x[item] = x;
                place += 1;
            }
        }
        moved
    }
}
