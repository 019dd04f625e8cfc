//! Does it hold in a hostile world? Invariants are checked after every event; a failure prints the seed.

use boxwood_testkit::hostile;

/// Runs the worlds of these seeds, on both cores.
fn worlds(seeds: std::ops::Range<u64>) {
    for seed in seeds {
        hostile::run(seed, 150);
    }
}

// Several tests, so that they run side by side.

#[test]
fn hostile_worlds_1() {
    worlds(0..100);
}

#[test]
fn hostile_worlds_2() {
    worlds(100..200);
}

#[test]
fn hostile_worlds_3() {
    worlds(200..300);
}
