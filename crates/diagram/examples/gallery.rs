//! Writes one picture of each kind to a folder: `cargo run -p boxwood-diagram --example gallery -- FOLDER`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use boxwood_diagram::fold::{Job, fold};
use boxwood_diagram::{Direction, Graph, Layout, Options, Theme, render};

#[path = "../tests/samples/mod.rs"]
mod samples;

fn main() -> ExitCode {
    let Some(folder) = std::env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("usage: gallery FOLDER");
        return ExitCode::FAILURE;
    };
    if let Err(error) = std::fs::create_dir_all(&folder) {
        eprintln!("cannot make the folder {}: {error}", folder.display());
        return ExitCode::FAILURE;
    }
    let folded = folded().into_iter().map(|(name, job)| {
        let start = Instant::now();
        let graph = fold(&job, 200);
        println!("{name:24} {:6} tasks folded in {:14.1} ms", job.tasks.len(), start.elapsed().as_secs_f64() * 1e3);
        (name, graph, Options { padding: 20, title: true, ..Options::default() })
    });
    for (name, graph, options) in pictures().into_iter().chain(folded) {
        let start = Instant::now();
        let svg = render(&graph, &options);
        let took = start.elapsed();
        let file = folder.join(name).with_extension("svg");
        if let Err(error) = std::fs::write(&file, &svg) {
            eprintln!("cannot write {}: {error}", file.display());
            return ExitCode::FAILURE;
        }
        let (tasks, kib) = (graph.nodes.len(), svg.len() / 1024);
        println!("{name:24} {tasks:6} tasks {kib:7} KiB {:9.1} ms", took.as_secs_f64() * 1e3);
    }
    ExitCode::SUCCESS
}

/// Jobs to be folded.
fn folded() -> Vec<(&'static str, Job)> {
    vec![
        ("folded-60", samples::half_done(20, 2)),
        ("folded-100000", samples::half_done(1_000, 150)),
        ("folded-1000000", samples::half_done(1_000, 1_500)),
    ]
}

fn pictures() -> Vec<(&'static str, Graph, Options)> {
    let plain = || Options { padding: 20, ..Options::default() };
    let elk = || Options { layout: Layout::Elk, ..plain() };
    let towards = |direction| Options { direction, ..plain() };
    let dark = || Options { theme: Theme::Dark, ..plain() };
    vec![
        // These two are in the read-me.
        (
            "diagram-light",
            samples::days(3),
            Options { theme: Theme::ConsoleLight, sketchy: true, ..Options::default() },
        ),
        ("diagram-dark", samples::days(3), Options { theme: Theme::ConsoleDark, sketchy: true, ..Options::default() }),
        ("sum-of-squares", samples::sum_of_squares(), plain()),
        ("sum-of-squares-title", samples::sum_of_squares(), Options { title: true, ..plain() }),
        ("sum-of-squares-dark", samples::sum_of_squares(), dark()),
        ("sum-of-squares-elk", samples::sum_of_squares(), elk()),
        ("sum-of-squares-left", samples::sum_of_squares(), towards(Direction::Left)),
        ("sum-of-squares-up", samples::sum_of_squares(), towards(Direction::Up)),
        ("sum-of-squares-sketchy", samples::sum_of_squares(), Options { sketchy: true, ..plain() }),
        ("grown-30-sketchy", samples::grown(30, 3), Options { sketchy: true, ..plain() }),
        ("fan-out-sketchy", samples::fan_out(60), Options { sketchy: true, ..elk() }),
        ("letters-sketchy", samples::letters(), Options { sketchy: true, title: true, ..plain() }),
        ("letters", samples::letters(), Options { title: true, ..plain() }),
        ("nested-optional-sketchy", samples::nested_optional(), Options { sketchy: true, ..dark() }),
        ("news", samples::news(), plain()),
        ("sequence", samples::sequence(), plain()),
        ("stages", samples::stages(), plain()),
        ("stages-elk", samples::stages(), elk()),
        ("stages-right", samples::stages(), towards(Direction::Right)),
        ("optional", samples::optional(), plain()),
        ("nested-optional", samples::nested_optional(), plain()),
        ("nested-optional-dark", samples::nested_optional(), dark()),
        ("nested-optional-elk", samples::nested_optional(), elk()),
        ("chain", samples::chain(8), plain()),
        ("fan-out", samples::fan_out(60), plain()),
        ("fan-out-elk", samples::fan_out(60), elk()),
        ("fan-out-right", samples::fan_out(60), towards(Direction::Right)),
        ("shuffle", samples::shuffle(24), plain()),
        ("shuffle-elk", samples::shuffle(24), elk()),
        ("shuffle-small", samples::shuffle(4), plain()),
        ("recursive", samples::recursive(9), plain()),
        ("recursive-120", samples::recursive(120), plain()),
        ("regions", samples::regions(), plain()),
        ("regions-right", samples::regions(), towards(Direction::Right)),
        ("days-30", samples::days(30), plain()),
        ("fibonacci", samples::fibonacci(8), plain()),
        ("recursive-120-right", samples::recursive(120), towards(Direction::Right)),
        ("grown-30", samples::grown(30, 3), plain()),
        ("grown-30-elk", samples::grown(30, 3), elk()),
        ("grown-200", samples::grown(200, 1), plain()),
        ("grown-200-elk", samples::grown(200, 1), elk()),
        ("grown-200-left", samples::grown(200, 1), towards(Direction::Left)),
        ("layered-60", samples::layered(60, 10, 5), plain()),
        ("layered-60-elk", samples::layered(60, 10, 5), elk()),
        ("diamond", samples::diamond(), plain()),
        ("woven-30", samples::woven(30, 50, 3), plain()),
        ("wild", samples::wild(20, 2), plain()),
        ("hostile", samples::hostile(), Options { title: true, ..plain() }),
        ("long-labels", samples::long_labels(), plain()),
        ("large-woven-200", samples::woven(200, 5_000, 1), plain()),
        ("large-layered-500", samples::layered(500, 25, 1), plain()),
        ("large-layered-2000", samples::layered(2_000, 50, 1), plain()),
        ("large-grown-2000", samples::grown(2_000, 1), elk()),
        ("large-grown-5000", samples::grown(5_000, 1), plain()),
        ("large-wild-300", samples::wild(300, 1), plain()),
        ("large-wild-2000", samples::wild(2_000, 1), plain()),
        ("large-chain-5000", samples::chain(5_000), plain()),
        ("large-sequence-5000", samples::long_sequence(5_000), plain()),
        ("large-fan-out-5000", samples::fan_out(5_000), plain()),
    ]
}
