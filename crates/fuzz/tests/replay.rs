//! Every kept input once more, and random ones made from them.

use std::path::{Path, PathBuf};

use boxwood_fuzz::{TARGETS, Target};
use boxwood_testkit::Random;

/// Bytes of a random input at most.
const BYTES_MAX: usize = 512;

/// The inputs kept for a target, by the names of their files.
fn corpus(target: &Target) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target.name);
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<_> = entries.map(|entry| entry.expect("a file").path()).collect();
    files.sort();
    files.into_iter().map(|file| (file.clone(), std::fs::read(file).expect("a file"))).collect()
}

/// An input near a kept one: bytes changed, left out, doubled, and the end of another.
fn near(random: &mut Random, corpus: &[(PathBuf, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = random.pick(corpus).map(|(_, bytes)| bytes.clone()).unwrap_or_default();
    for _ in 0..=random.below(8) {
        let place = random.place(bytes.len() + 1);
        let some = random.number().to_le_bytes();
        match random.below(5) {
            0 if place < bytes.len() => bytes[place] = some[0],
            1 => bytes.truncate(place),
            2 => {
                let piece = bytes[place..].iter().copied().take(16).collect::<Vec<_>>();
                bytes.splice(place..place, piece);
            }
            3 => {
                let other = random.pick(corpus).map(|(_, bytes)| bytes.as_slice()).unwrap_or_default();
                bytes.truncate(place);
                bytes.extend_from_slice(&other[random.place(other.len() + 1)..]);
            }
            _ => {
                bytes.splice(place..place, some);
            }
        }
    }
    bytes.truncate(BYTES_MAX);
    bytes
}

fn replay(name: &str) {
    let target = boxwood_fuzz::target(name).expect("a target");
    let corpus = corpus(target);
    assert!(!corpus.is_empty(), "a target has a corpus");
    for (file, bytes) in &corpus {
        println!("{}", file.display());
        (target.run)(bytes);
    }
    let seed = std::env::var("BOXWOOD_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let mut random = Random::seeded(seed);
    for number in 0..target.tries {
        let bytes = near(&mut random, &corpus);
        // Shown if the test fails, and the same again with the same seed.
        if std::panic::catch_unwind(|| (target.run)(&bytes)).is_err() {
            panic!("seed {seed}, input {number}: {bytes:02x?}");
        }
    }
}

#[test]
fn every_target_has_a_test() {
    let tested = ["authority", "calls", "d2", "diagram", "fold", "replies", "telemetry", "text"];
    assert_eq!(TARGETS.map(|target| target.name), tested);
}

#[test]
fn authority() {
    replay("authority");
}

#[test]
fn calls() {
    replay("calls");
}

#[test]
fn replies() {
    replay("replies");
}

#[test]
fn telemetry() {
    replay("telemetry");
}

#[test]
fn d2() {
    replay("d2");
}

#[test]
fn fold() {
    replay("fold");
}

#[test]
fn diagram() {
    replay("diagram");
}

#[test]
fn text() {
    replay("text");
}
