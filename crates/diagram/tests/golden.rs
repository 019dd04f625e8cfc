//! A few whole pictures, to see what a change does to them.
//!
//! `BOXWOOD_GOLDEN=write cargo test -p boxwood-diagram --test golden` rewrites them; look at the new ones
//! in a browser before they are committed.

use std::path::PathBuf;

use boxwood_diagram::fold::fold;
use boxwood_diagram::{Direction, Graph, Layout, Options, Theme, render};

#[path = "samples/mod.rs"]
mod samples;

fn check(name: &str, graph: &Graph, options: &Options) {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name).with_extension("svg");
    let drawn = render(graph, options);
    if std::env::var_os("BOXWOOD_GOLDEN").is_some_and(|value| value == "write") {
        std::fs::write(&file, &drawn).expect("the folder of golden pictures can be written");
        return;
    }
    let kept = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    // Checked out with other line ends, it is still the same picture.
    assert!(kept.replace("\r\n", "\n") == drawn, "{name} looks different; see the head of this file for what to do");
}

#[test]
fn v_1_sum_of_squares_looks_as_before() {
    check("sum-of-squares", &samples::sum_of_squares(), &Options { title: true, ..Options::default() });
}

#[test]
fn v_1_nested_optional_looks_as_before() {
    let options = Options { theme: Theme::Dark, layout: Layout::Elk, ..Options::default() };
    check("nested-optional-dark-elk", &samples::nested_optional(), &options);
}

#[test]
fn v_1_stages_look_as_before() {
    let options = Options { direction: Direction::Right, ..Options::default() };
    check("stages-right", &samples::stages(), &options);
}

#[test]
fn v_1_fan_out_looks_as_before() {
    check("fan-out", &samples::fan_out(20), &Options::default());
}

#[test]
fn v_20_folded_looks_as_before() {
    check("folded", &fold(&samples::half_done(100, 20), 200), &Options { title: true, ..Options::default() });
}

#[test]
fn v_13_letters_look_as_before() {
    check("letters-sketchy", &samples::letters(), &Options { sketchy: true, title: true, ..Options::default() });
}

#[test]
fn v_13_sketchy_looks_as_before() {
    let options = Options { sketchy: true, theme: Theme::ConsoleLight, ..Options::default() };
    check("optional-sketchy", &samples::optional(), &options);
}
