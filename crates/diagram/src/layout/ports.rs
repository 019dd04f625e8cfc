//! Where arrows meet a box.
//!
//! Arrows to and from parents and children use the middle of a side. Arrows of dependencies pass them on
//! the left or on the right, whichever avoids a crossing; alone on a side they slide to where they can go
//! straight.

use super::grid::{Block, Side};
use super::rank::Ranked;
use super::rows::Rows;
use crate::graph::Kind;

/// The least distance of a dependency's arrow from the middle where a subtask's arrow is, in pixels.
const ASIDE_MIN: f64 = 12.0;
/// The largest distance of an arrow from the middle where several share a place, in pixels.
const ASIDE_MAX: f64 = 36.0;
/// How near an arrow may come to a corner of a box, in pixels.
const CORNER: f64 = 12.0;

/// The ports of boxes; blocks have lanes instead.
pub(super) struct Ports {
    /// Where each link leaves its upper unit, and where it meets its lower one, across.
    leaves: Vec<f64>,
    meets: Vec<f64>,
}

/// The links that meet one side of one unit.
#[derive(Debug, Clone, Default)]
struct Meeting {
    subtasks: Vec<usize>,
    dependencies: Vec<usize>,
}

impl Ports {
    pub(super) fn at(&self, link: usize, side: Side) -> f64 {
        match side {
            Side::Below => self.leaves[link],
            Side::Above => self.meets[link],
        }
    }

    pub(super) fn new(ranked: &Ranked, blocks: &[Block], rows: &Rows, x: &[f64]) -> Self {
        let mut below = vec![Meeting::default(); blocks.len()];
        let mut above = vec![Meeting::default(); blocks.len()];
        for (at, link) in ranked.links.iter().enumerate() {
            for meeting in [&mut below[link.upper], &mut above[link.lower]] {
                match link.kind {
                    Kind::Subtask => meeting.subtasks.push(at),
                    Kind::Dependency => meeting.dependencies.push(at),
                }
            }
        }
        let mut ports = Ports {
            leaves: ranked.links.iter().map(|link| x[link.upper]).collect(),
            meets: ranked.links.iter().map(|link| x[link.lower]).collect(),
        };
        // Where there is no choice first, then the others can go straight to those.
        for crowded in [true, false] {
            for unit in (0..blocks.len()).filter(|&unit| !blocks[unit].is_grid()) {
                for (side, meeting) in [(Side::Below, &below[unit]), (Side::Above, &above[unit])] {
                    if !meeting.dependencies.is_empty() && meeting.subtasks.is_empty() != crowded {
                        ports.settle(meeting, side, x[unit], blocks[unit].cells[0].width / 2.0, rows, x);
                    }
                }
            }
        }
        ports
    }

    /// Where a link goes next as seen from one of its ends.
    fn next(&self, link: usize, side: Side, rows: &Rows, x: &[f64]) -> f64 {
        match (side, rows.end_bends(link)) {
            (Side::Below, Some((first, _))) => x[first],
            (Side::Above, Some((_, last))) => x[last],
            (Side::Below, None) => self.meets[link],
            (Side::Above, None) => self.leaves[link],
        }
    }

    fn settle(&mut self, meeting: &Meeting, side: Side, middle: f64, half: f64, rows: &Rows, x: &[f64]) {
        let mean = |this: &Self, links: &[usize]| {
            links.iter().map(|&link| this.next(link, side, rows, x)).sum::<f64>() / links.len() as f64
        };
        let room = (half - CORNER).max(0.0);
        let port = |wish: f64, least: f64, most: f64| middle + (wish - middle).clamp(least.min(most), most.max(least));
        let mut places: Vec<(usize, f64)> = Vec::with_capacity(meeting.dependencies.len());
        if meeting.subtasks.is_empty() {
            let reach = if meeting.dependencies.len() == 1 { room } else { room.min(ASIDE_MAX) };
            let place = port(mean(self, &meeting.dependencies), -reach, reach);
            places.extend(meeting.dependencies.iter().map(|&link| (link, place)));
        } else {
            let subtasks = mean(self, &meeting.subtasks);
            let (left, right): (Vec<usize>, Vec<usize>) =
                meeting.dependencies.iter().partition(|&&link| self.next(link, side, rows, x) < subtasks);
            let (least, most) = (ASIDE_MIN.min(half / 2.0), room.clamp(ASIDE_MIN.min(half / 2.0), ASIDE_MAX));
            if !left.is_empty() {
                let place = port(mean(self, &left), -most, -least);
                places.extend(left.iter().map(|&link| (link, place)));
            }
            if !right.is_empty() {
                let place = port(mean(self, &right), least, most);
                places.extend(right.iter().map(|&link| (link, place)));
            }
        }
        let ends = match side {
            Side::Below => &mut self.leaves,
            Side::Above => &mut self.meets,
        };
        for (link, place) in places {
            ends[link] = place;
        }
    }
}
