//! Does it hold in a hostile world? Invariants are checked after every event; a failure prints the seed.
//!
//! `BOXWOOD_SEEDS=1000..2000` runs other seeds, `BOXWOOD_SEEDS=7..8` a single one again.

use std::ops::Range;

use boxwood_testkit::hostile;

/// Random events in one world, before it calms down.
const EVENTS: usize = 150;

/// The chosen seeds, or else these. Several tests share them, so that they run side by side.
fn worlds(part: u64, seeds: Range<u64>) {
    let chosen = std::env::var("BOXWOOD_SEEDS").ok().map(|text| {
        let (first, end) = text.split_once("..").expect("BOXWOOD_SEEDS is a range like 7..8");
        let number = |text: &str| text.parse().expect("a number on both sides of BOXWOOD_SEEDS");
        number(first)..number(end)
    });
    for seed in chosen.unwrap_or(seeds).filter(|seed| seed % 3 == part) {
        hostile::run(seed, EVENTS);
    }
}

#[test]
fn hostile_worlds_1() {
    worlds(0, 0..240);
}

#[test]
fn hostile_worlds_2() {
    worlds(1, 0..240);
}

#[test]
fn hostile_worlds_3() {
    worlds(2, 0..240);
}
