//! Takes small jogs out of long arrows, once everything has its place.
//!
//! A line that passes several rows is moved, as far as its neighbours leave room, to one place in all of
//! them; then boxes that stand almost on such a line are moved onto it.

use super::place::Plane;
use super::rank::Ranked;
use crate::graph::Kind;

/// The farthest a box is moved to make an arrow straight, in pixels.
const NUDGE_MAX: f64 = 24.0;
/// Differences nobody sees, in pixels.
const NONE: f64 = 0.5;

pub(super) fn straighten(plane: &mut Plane<'_>, ranked: &Ranked) {
    let count = plane.x.len();
    let mut done = vec![false; count];
    for row in 0..plane.rows.rows.len() {
        for place in 0..plane.rows.rows[row].len() {
            let item = plane.rows.rows[row][place];
            if !plane.rows.is_unit(item) && !done[item] {
                straighten_run(plane, item, &mut done);
            }
        }
    }
    // The arrows of each unit that are straight already must stay so.
    for (at, link) in ranked.links.iter().enumerate().filter(|(_, link)| link.kind == Kind::Subtask) {
        if let Some((first, last)) = plane.rows.end_bends(at) {
            nudge(plane, ranked, link.lower, last);
            nudge(plane, ranked, link.upper, first);
        } else if ranked.children[link.lower].is_empty() && ranked.children[link.upper].len() == 1 {
            nudge(plane, ranked, link.lower, link.upper);
        }
    }
}

/// Moves a bend and those below it on the same line to one place, as many of them as have room for it.
fn straighten_run(plane: &mut Plane<'_>, start: usize, done: &mut [bool]) {
    let mut run = vec![start];
    let (mut least, mut most) = plane.room(start);
    let mut sum = plane.x[start];
    let mut last = start;
    while let Some(next) = nearest_bend(plane, last).filter(|&next| !done[next]) {
        let room = plane.room(next);
        if least.max(room.0) > most.min(room.1) {
            break;
        }
        (least, most) = (least.max(room.0), most.min(room.1));
        sum += plane.x[next];
        run.push(next);
        last = next;
    }
    let above = plane.only_unit(start, true);
    let below = plane.only_unit(last, false);
    let fits = |x: &f64| least <= *x && *x <= most;
    let wish = below.filter(fits).or(above.filter(fits)).unwrap_or(sum / run.len() as f64);
    for item in run {
        plane.x[item] = wish.clamp(least, most);
        done[item] = true;
    }
}

/// The bend in the next row where a line goes on; where it divides, the one most nearly below.
fn nearest_bend(plane: &Plane<'_>, item: usize) -> Option<usize> {
    let bends = plane.down[item].iter().map(|&(near, _)| near).filter(|&near| !plane.rows.is_unit(near));
    bends.min_by(|&one, &other| {
        let away = |near: usize| (plane.x[near] - plane.x[item]).abs();
        away(one).total_cmp(&away(other))
    })
}

/// Moves a unit onto a line that almost meets its middle and comes from `near`.
fn nudge(plane: &mut Plane<'_>, ranked: &Ranked, unit: usize, near: usize) {
    let (from, to) = (plane.x[unit], plane.x[near]);
    let away = (to - from).abs();
    let (least, most) = plane.room(unit);
    if !(NONE..=NUDGE_MAX).contains(&away) || !(least..=most).contains(&to) {
        return;
    }
    let in_line = |other: usize| (plane.x[other] - from).abs() < NONE;
    let parent = ranked.parent[unit].filter(|&parent| ranked.row[parent] + 1 == ranked.row[unit]);
    let child = ranked.children[unit].iter().filter(|&&child| ranked.row[child] == ranked.row[unit] + 1);
    let only_child = child.clone().count() == 1;
    if parent.is_some_and(in_line) || (only_child && child.copied().any(in_line)) {
        return;
    }
    plane.x[unit] = to;
}
