//! Making a failing history short.

use std::fmt;

use super::event::{self, Event};
use super::{EVENTS, live};
use crate::reopen::Reopen;

/// A rule that was broken.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The seed.
    pub seed: u64,
    /// The check that failed, as a place in the source.
    pub place: String,
    /// What it said.
    pub message: String,
    /// What happened before, a line each, if it was asked for.
    pub lines: Vec<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.lines {
            writeln!(out, "{line}")?;
        }
        writeln!(out, "seed {}: {}", self.seed, self.message)?;
        write!(out, "checked at {}", self.place)
    }
}

impl Failure {
    /// The command that lives through the seed again, with these further options.
    #[must_use]
    pub fn again(&self, options: &str) -> String {
        format!("cargo xtask sim --seeds {}..{}{options}", self.seed, self.seed + 1)
    }
}

/// Lives through a seed with lines to read.
///
/// # Errors
/// The rule that was broken.
pub fn explain(seed: u64, fresh: impl Fn() -> Box<dyn Reopen + Send>) -> Result<super::Run, Failure> {
    live(seed, &event::events(seed, EVENTS), fresh(), true)
}

/// Leaves out events of a failing seed while the same check still fails. Answers the failure of what is left, with its
/// lines, and how many events that is.
pub fn shrink(failure: &Failure, fresh: impl Fn() -> Box<dyn Reopen + Send>) -> (Failure, usize) {
    let seed = failure.seed;
    let fails = |events: &[Event], readable: bool| {
        live(seed, events, fresh(), readable).err().filter(|other| other.place == failure.place)
    };
    let events = shortest(event::events(seed, EVENTS), |events| fails(events, false).is_some());
    let last = fails(&events, true).unwrap_or_else(|| failure.clone());
    (last, events.len())
}

/// Delta debugging: leaves out ever smaller pieces, until nothing more can be left out.
fn shortest<T: Clone>(mut list: Vec<T>, fails: impl Fn(&[T]) -> bool) -> Vec<T> {
    let mut piece = list.len().div_ceil(2);
    loop {
        let mut start = 0;
        let mut left_out = false;
        while start < list.len() {
            let end = list.len().min(start + piece);
            let rest: Vec<T> = list[..start].iter().chain(&list[end..]).cloned().collect();
            if fails(&rest) {
                list = rest;
                left_out = true;
            } else {
                start = end;
            }
        }
        if piece == 1 && !left_out {
            return list;
        }
        if !left_out {
            piece = piece.div_ceil(2);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_needed_is_left() {
        let fails = |list: &[u32]| list.contains(&17) && list.contains(&40) && list.contains(&41);
        assert_eq!(shortest((0..100).collect(), fails), [17, 40, 41]);
        assert_eq!(shortest((0..100).collect(), |_: &[u32]| true), [0; 0]);
    }
}
