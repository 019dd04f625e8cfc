//! Every program in `examples/` is run as a user runs it, against a server in this process, and then asked what it did.
//!
//! One module for each example, of the same name. What an example must do is compared to the byte where the wire is
//! concerned: inputs, identifiers, displays; and by states, counts and times otherwise.

#![allow(clippy::unwrap_used, reason = "also what tests share may fail by a panic")]

mod here;
mod picture;
mod services;
mod tasks;

mod dog_images;
mod dog_images_recursive;
mod hello;
mod identifiers;
mod inputs;
mod mixed;
mod mosaic;
mod nested_optional;
mod news;
mod optional;
mod readme;
mod recursive;
mod retries;
mod sequence;
mod statements;
mod subtasks;
mod sum_of_squares;
#[cfg(feature = "testing")]
mod unit_tested;
mod versions;
mod word_count;

use std::path::Path;

/// The names of all examples.
fn examples() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let names = std::fs::read_dir(folder).unwrap().filter_map(|entry| {
        let path = entry.unwrap().path();
        let name = path.file_stem()?.to_str()?.to_owned();
        path.extension().is_some_and(|extension| extension == "rs").then_some(name)
    });
    names.collect()
}

#[test]
fn every_example_has_a_test() {
    let modules: Vec<&str> = include_str!("main.rs").lines().collect();
    for name in examples() {
        assert!(modules.contains(&format!("mod {name};").as_str()), "tests/examples has no module for {name}");
    }
}

#[test]
fn every_example_is_in_the_table() {
    let table = include_str!("../../examples/README.md");
    for name in examples() {
        assert!(table.contains(&format!("| [{name}]({name}.rs)")), "examples/README.md does not list {name}");
    }
}
