//! Gives rows their heights and arrows their ways.
//!
//! Within a row an arrow only goes straight along the drawing, in the place its bend has there; to the
//! side it only moves between two rows. So no arrow can cross a box.

use std::collections::HashMap;

use super::grid::{Block, Side};
use super::lanes::{self, Bundle};
use super::path::{Join, Start, Thread};
use super::ports::Ports;
use super::rank::{Link, Ranked};
use super::rows::{self, Hub, Rows};
use super::units::Units;
use super::{Arrow, Drawing, Rect, Size, Spacing};
use crate::Layout;
use crate::graph::{Edge, Kind};

/// The length of an arrow head, in pixels.
const HEAD_LENGTH: f64 = 8.0;
/// Half the width of an arrow head, in pixels.
const HEAD_HALF_WIDTH: f64 = 4.0;
/// How far before a box an arrow has taken its direction, in pixels.
const STUB: f64 = 12.0;
/// From one lane of right-angled arrows to the next, in pixels.
const LANE_PITCH: f64 = 10.0;
/// How far from the middle of a side two kinds of arrows touch it, in pixels.
const TOUCH_ASIDE: f64 = 7.0;
/// How far the arrow of a task to itself reaches, in pixels.
const LOOP: f64 = 12.0;

/// One move to the side between two rows.
#[derive(Debug, Clone, Copy)]
struct Hop {
    /// The upper of the two rows.
    row: usize,
    from: f64,
    to: f64,
}

/// What all hops of one bundle have in common: the row, the kind, the hub's end, and where that end is,
/// in hundredths of a pixel.
type BundleKey = (usize, Kind, Hub, i64);

pub(super) struct Router<'a> {
    edges: &'a [Edge],
    units: &'a Units,
    ranked: &'a Ranked,
    blocks: &'a [Block],
    rows: &'a Rows,
    /// The middle of each item, across.
    x: &'a [f64],
    layout: Layout,
    spacing: &'a Spacing,
    ports: Ports,
    /// The place of each task among the members of its unit.
    member: Vec<usize>,
    /// Upper and lower edge of each row.
    tops: Vec<f64>,
    bottoms: Vec<f64>,
    /// The upper edge of each unit.
    unit_tops: Vec<f64>,
    /// Where each bundle runs level; only for right-angled arrows.
    levels: HashMap<BundleKey, f64>,
}

impl<'a> Router<'a> {
    #[expect(clippy::too_many_arguments, reason = "every step of the layout hands its result to this one")]
    pub(super) fn new(
        edges: &'a [Edge],
        units: &'a Units,
        ranked: &'a Ranked,
        blocks: &'a [Block],
        rows: &'a Rows,
        x: &'a [f64],
        layout: Layout,
        spacing: &'a Spacing,
    ) -> Self {
        let mut member = vec![0; edges.iter().map(|edge| edge.from.max(edge.to) + 1).max().unwrap_or(0)];
        for members in &units.members {
            for (place, &task) in members.iter().enumerate() {
                if let Some(member) = member.get_mut(task) {
                    *member = place;
                }
            }
        }
        let ports = Ports::new(ranked, blocks, rows, x);
        let mut router = Router {
            edges,
            units,
            ranked,
            blocks,
            rows,
            x,
            layout,
            spacing,
            ports,
            member,
            tops: Vec::new(),
            bottoms: Vec::new(),
            unit_tops: vec![0.0; blocks.len()],
            levels: HashMap::new(),
        };
        router.place_rows();
        router
    }

    /// The finished drawing, in the working frame.
    pub(super) fn draw(&self) -> Drawing {
        let mut boxes = vec![Rect { x: 0.0, y: 0.0, width: 0.0, height: 0.0 }; self.units.of.len()];
        for (unit, members) in self.units.members.iter().enumerate() {
            for (place, &task) in members.iter().enumerate() {
                boxes[task] = self.cell(unit, place);
            }
        }
        let arrows = (0..self.edges.len()).map(|edge| self.arrow(edge)).collect();
        Drawing { size: Size { width: 0.0, height: 0.0 }, boxes, arrows }
    }

    fn left(&self, unit: usize) -> f64 {
        self.x[unit] - self.blocks[unit].middle
    }

    fn cell(&self, unit: usize, member: usize) -> Rect {
        let cell = self.blocks[unit].cells[member];
        Rect { x: self.left(unit) + cell.x, y: self.unit_tops[unit] + cell.y, ..cell }
    }

    /// Where an arrow meets the edge of a unit, across.
    fn port(&self, link: usize, unit: usize, member: usize, side: Side) -> f64 {
        let kind = self.ranked.links[link].kind;
        match self.blocks[unit].is_grid() {
            true => self.left(unit) + self.blocks[unit].lane(member, side, kind),
            false => self.ports.at(link, side),
        }
    }

    /// The tasks at the upper and the lower end of an edge, by their places in their units.
    fn ends(&self, edge: usize, link: &Link) -> (usize, usize) {
        let Edge { from, to, .. } = self.edges[edge];
        let (upper, lower) = if self.units.of[from] == link.upper { (from, to) } else { (to, from) };
        (self.member[upper], self.member[lower])
    }

    /// Where a link leaves its upper and meets its lower unit, for one of its edges.
    fn link_ports(&self, edge: usize, at: usize) -> (f64, f64) {
        let link = &self.ranked.links[at];
        let (upper, lower) = self.ends(edge, link);
        (self.port(at, link.upper, upper, Side::Below), self.port(at, link.lower, lower, Side::Above))
    }

    /// The moves of an edge to the side, from the upper row on, without those that go straight on.
    fn hops(&self, edge: usize, at: usize) -> Vec<Hop> {
        let link = &self.ranked.links[at];
        let (start, end) = self.link_ports(edge, at);
        let last = self.ranked.row[link.lower] - 1;
        let Some((first_bend, last_bend)) = self.rows.end_bends(at) else {
            return vec![Hop { row: self.ranked.row[link.upper], from: start, to: end }];
        };
        let upper_hop = Hop { row: self.ranked.row[link.upper], from: start, to: self.x[first_bend] };
        let lower_hop = Hop { row: last, from: self.x[last_bend], to: end };
        let (far_hop, hub_hop) = match self.rows.hubs[at] {
            Hub::Upper => (lower_hop, upper_hop),
            Hub::Lower => (upper_hop, lower_hop),
        };
        let mut hops = vec![far_hop];
        let mut before = first_bend;
        for (place, bend) in self.rows.bends_from_far(at).enumerate() {
            if place > 0 && self.x[before] != self.x[bend] {
                let (upper, lower) = match self.rows.hubs[at] {
                    Hub::Upper => (bend, before),
                    Hub::Lower => (before, bend),
                };
                hops.push(self.hop_between(upper, lower));
            }
            before = bend;
        }
        hops.push(hub_hop);
        if self.rows.hubs[at] == Hub::Upper {
            hops.reverse();
        }
        hops
    }

    fn hop_between(&self, upper: usize, lower: usize) -> Hop {
        Hop { row: self.rows.row_of[upper], from: self.x[upper], to: self.x[lower] }
    }

    /// Looks at every move to the side; where links share their way to the hub, once for all of them.
    fn each_hop(&self, mut look: impl FnMut(Kind, Hub, Hop)) {
        for (edge, at) in self.ranked.link_of.iter().enumerate() {
            let Some(at) = *at else { continue };
            let (link, hub) = (&self.ranked.links[at], self.rows.hubs[at]);
            let (start, end) = self.link_ports(edge, at);
            let first = self.ranked.row[link.upper];
            match self.rows.end_bends(at) {
                Some((first_bend, last_bend)) => {
                    look(link.kind, hub, Hop { row: first, from: start, to: self.x[first_bend] });
                    look(link.kind, hub, Hop { row: self.rows.row_of[last_bend], from: self.x[last_bend], to: end });
                }
                None => look(link.kind, hub, Hop { row: first, from: start, to: end }),
            }
        }
        for &item in self.rows.rows.iter().flatten() {
            let Some(bend) = self.rows.bend(item) else { continue };
            let near = self.rows.towards_hub(item);
            if !self.rows.is_unit(near) {
                let (upper, lower) = if bend.hub == Hub::Upper { (near, item) } else { (item, near) };
                look(bend.kind, bend.hub, self.hop_between(upper, lower));
            }
        }
    }

    fn bundle_key(&self, kind: Kind, hub: Hub, hop: Hop) -> BundleKey {
        let x = match hub {
            Hub::Upper => hop.from,
            Hub::Lower => hop.to,
        };
        (hop.row, kind, hub, (x * 100.0).round() as i64)
    }

    /// Puts the rows below each other, as far apart as the arrows between them need.
    fn place_rows(&mut self) {
        let count = self.rows.rows.len();
        let mut gaps = vec![self.spacing.rows; count];
        let mut lanes = Vec::new();
        match self.layout {
            Layout::Dagre => {
                // Wide curves need some height to be more than level lines.
                self.each_hop(|_, _, hop| {
                    let wide = ((hop.from - hop.to).abs() - 150.0).max(0.0);
                    gaps[hop.row] = gaps[hop.row].max(self.spacing.rows + (wide * 0.07).min(64.0));
                });
            }
            Layout::Elk => lanes = self.level_lanes(&mut gaps),
        }
        let mut y = 0.0;
        for (row, units) in self.rows.rows.iter().enumerate() {
            let units = || units.iter().copied().filter(|&item| self.rows.is_unit(item));
            let height = units().map(|unit| self.blocks[unit].size.height).fold(0.0, f64::max);
            let has_grid = units().any(|unit| self.blocks[unit].is_grid() || self.blocks[unit].is_part());
            for unit in units() {
                // Beside a block, boxes stand at its top, where their parents are.
                let free = height - self.blocks[unit].size.height;
                self.unit_tops[unit] = y + if has_grid { 0.0 } else { free / 2.0 };
            }
            self.tops.push(y);
            self.bottoms.push(y + height);
            y += height + gaps[row];
        }
        for (key, lane) in lanes {
            let level = self.bottoms[key.0] + STUB + LANE_PITCH * lane;
            self.levels.insert(key, level);
        }
    }

    /// The lane of each bundle; widens the gaps to hold them.
    fn level_lanes(&self, gaps: &mut [f64]) -> Vec<(BundleKey, f64)> {
        let mut known: HashMap<BundleKey, usize> = HashMap::new();
        let mut bundles: Vec<Vec<(BundleKey, Bundle)>> = vec![Vec::new(); gaps.len()];
        self.each_hop(|kind, hub, hop| {
            let key = self.bundle_key(kind, hub, hop);
            let row = &mut bundles[hop.row];
            let place = *known.entry(key).or_insert_with(|| {
                row.push((key, Bundle::default()));
                row.len() - 1
            });
            let bundle = &mut row[place].1;
            for (xs, x) in [(&mut bundle.tops, hop.from), (&mut bundle.bottoms, hop.to)] {
                if xs.last() != Some(&x) {
                    xs.push(x);
                }
            }
        });
        let mut levels = Vec::new();
        for (gap, bundles) in gaps.iter_mut().zip(bundles) {
            let (keys, mut bundles): (Vec<BundleKey>, Vec<Bundle>) = bundles.into_iter().unzip();
            for xs in bundles.iter_mut().flat_map(|bundle| [&mut bundle.tops, &mut bundle.bottoms]) {
                xs.sort_by(f64::total_cmp);
                xs.dedup();
            }
            let (lanes, count) = lanes::assign(&bundles);
            let least = 2.0 * STUB + LANE_PITCH * count.saturating_sub(1) as f64;
            *gap = gap.max(least);
            // Few lanes lie in the middle of the gap.
            let first = (*gap - least) / 2.0 / LANE_PITCH;
            levels.extend(keys.into_iter().zip(lanes).map(|(key, lane)| (key, first + lane as f64)));
        }
        levels
    }

    fn arrow(&self, at: usize) -> Arrow {
        let edge = self.edges[at];
        let (mut thread, tip) = match self.ranked.link_of[at] {
            Some(link) => {
                let tip =
                    if self.units.of[edge.to] == self.ranked.links[link].upper { Start::Upper } else { Start::Lower };
                (self.thread(at, link), tip)
            }
            None => (self.loop_thread(edge.from), Start::Lower),
        };
        let head = thread.head(tip, HEAD_LENGTH, HEAD_HALF_WIDTH);
        Arrow { edge, line: thread.draw(), head }
    }

    /// The way of an edge along its link.
    fn thread(&self, edge: usize, at: usize) -> Thread {
        let link = &self.ranked.links[at];
        let (upper, lower) = self.ends(edge, link);
        let hub = match self.rows.hubs[at] {
            Hub::Upper => Start::Upper,
            Hub::Lower => Start::Lower,
        };
        let mut thread = self.leave(link, at, upper, hub);
        let hub_unit = rows::ends(link, self.rows.hubs[at]).0;
        // The lanes of a block meet at the bend next to it; from there on they are one line.
        let meets_at = match self.rows.end_bends(at).filter(|_| self.blocks[hub_unit].is_grid()) {
            Some((first, _)) if hub == Start::Upper => Some(self.rows.row_of[first]),
            Some((_, last)) => Some(self.rows.row_of[last]),
            None => None,
        };
        for hop in self.hops(edge, at) {
            if hub == Start::Lower && meets_at == Some(hop.row) {
                thread.to(hop.from, self.bottoms[hop.row], Join::Straight);
                thread.next_piece(hub);
            }
            self.hop(&mut thread, link.kind, self.rows.hubs[at], hop);
            if hub == Start::Upper && meets_at == Some(hop.row + 1) {
                thread.next_piece(hub);
            }
        }
        self.arrive(&mut thread, link, at, lower);
        thread
    }

    fn hop(&self, thread: &mut Thread, kind: Kind, hub: Hub, hop: Hop) {
        let (top, bottom) = (self.bottoms[hop.row], self.tops[hop.row + 1]);
        match self.layout {
            Layout::Dagre => {
                // All curves between two rows have the same height: then those that need not cross do not.
                thread.to(hop.from, top + STUB, Join::Straight);
                thread.to(hop.to, bottom - STUB, Join::Flow);
            }
            Layout::Elk if hop.from == hop.to => {}
            Layout::Elk => {
                let level = self.levels.get(&self.bundle_key(kind, hub, hop)).copied();
                let level = level.unwrap_or((top + bottom) / 2.0);
                thread.to(hop.from, level, Join::Straight);
                thread.to(hop.to, level, Join::Straight);
            }
        }
        thread.to(hop.to, bottom, Join::Straight);
    }

    /// How far along an arrow touches a box of a block; two kinds of arrows do not touch in one place.
    fn touch(&self, unit: usize, member: usize, side: Side, kind: Kind) -> f64 {
        let cell = self.cell(unit, member);
        let aside = (cell.height / 5.0).min(TOUCH_ASIDE);
        let aside = match (self.blocks[unit].has_both_lanes(side), kind) {
            (false, _) => 0.0,
            (true, Kind::Subtask) => -aside,
            (true, Kind::Dependency) => aside,
        };
        cell.y + cell.height / 2.0 + aside
    }

    /// From the box at the upper end to the lower edge of its row.
    fn leave(&self, link: &Link, at: usize, member: usize, hub: Start) -> Thread {
        let unit = link.upper;
        let cell = self.cell(unit, member);
        let x = self.port(at, unit, member, Side::Below);
        let mut thread = if self.blocks[unit].is_grid() {
            let middle = self.touch(unit, member, Side::Below, link.kind);
            let mut thread = Thread::new(cell.x + cell.width, middle, Start::Lower);
            thread.to(x, middle, Join::Straight);
            thread.to(x, self.unit_tops[unit] + self.blocks[unit].size.height, Join::Straight);
            thread.next_piece(hub);
            thread
        } else {
            Thread::new(x, cell.y + cell.height, hub)
        };
        thread.to(x, self.bottoms[self.ranked.row[unit]], Join::Straight);
        thread
    }

    /// From the upper edge of the row to the box at the lower end.
    fn arrive(&self, thread: &mut Thread, link: &Link, at: usize, member: usize) {
        let unit = link.lower;
        let cell = self.cell(unit, member);
        let x = self.port(at, unit, member, Side::Above);
        thread.to(x, if self.blocks[unit].is_part() { cell.y } else { self.unit_tops[unit] }, Join::Straight);
        if self.blocks[unit].is_grid() {
            let middle = self.touch(unit, member, Side::Above, link.kind);
            thread.next_piece(Start::Upper);
            thread.to(x, middle, Join::Straight);
            thread.to(cell.x, middle, Join::Straight);
        }
    }

    /// The arrow of a task to itself, at the box's side.
    fn loop_thread(&self, task: usize) -> Thread {
        let cell = self.cell(self.units.of[task], self.member[task]);
        let (right, middle) = (cell.x + cell.width, cell.y + cell.height / 2.0);
        let (over, under) = (middle - cell.height / 4.0, middle + cell.height / 4.0);
        let mut thread = Thread::new(right, over, Start::Upper);
        thread.to(right + LOOP, over, Join::Straight);
        thread.to(right + LOOP, under, Join::Straight);
        thread.to(right, under, Join::Straight);
        thread
    }
}
