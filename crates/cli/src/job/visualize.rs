//! `boxwood job visualize`.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use boxwood::{Direction, JobId, Theme};
use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::Failure;
use crate::connect::Options;
use crate::output::harmless_xml;
use crate::text::shown;

#[derive(Args, Debug)]
pub(super) struct VisualizeArgs {
    /// The id of the job
    #[arg(value_name = "JOB", value_parser = super::job_id)]
    id: JobId,
    /// The file to write; standard output by default
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Show the picture in the program that this machine shows SVG files with, mostly a browser
    #[arg(long)]
    open: bool,
    /// How boxes are arranged; elk draws right-angled lines
    #[arg(long, value_enum, default_value_t)]
    layout: LayoutArg,
    /// Where sub-tasks are drawn
    #[arg(long, value_enum, default_value_t)]
    direction: DirectionArg,
    /// The colours; the console's have no background
    #[arg(long, value_enum, default_value_t)]
    theme: ThemeArg,
    /// Write the name of the job above the picture
    #[arg(long)]
    title: bool,
    /// Draw each task of a larger job; else tasks that look alike are one box with their count
    #[arg(long)]
    unfolded: bool,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum LayoutArg {
    #[default]
    Dagre,
    Elk,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum DirectionArg {
    #[default]
    Down,
    Up,
    Left,
    Right,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum ThemeArg {
    #[default]
    Light,
    Dark,
    ConsoleLight,
    ConsoleDark,
}

/// The picture as JSON: the text, or where it was written to.
#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Picture {
    Svg(String),
    Out(PathBuf),
}

/// Draws a job (V-1 to V-20).
pub(super) async fn run(args: VisualizeArgs, options: &Options) -> Result<(), Failure> {
    let (output, client) = (options.output(), options.client()?);
    let direction = match args.direction {
        DirectionArg::Down => Direction::Down,
        DirectionArg::Up => Direction::Up,
        DirectionArg::Left => Direction::Left,
        DirectionArg::Right => Direction::Right,
    };
    let theme = match args.theme {
        ThemeArg::Light => Theme::Light,
        ThemeArg::Dark => Theme::Dark,
        ThemeArg::ConsoleLight => Theme::ConsoleLight,
        ThemeArg::ConsoleDark => Theme::ConsoleDark,
    };
    let layout = match args.layout {
        LayoutArg::Dagre => "dagre",
        LayoutArg::Elk => "elk",
    };
    let picture = client.jobs().visualize(args.id).direction(direction).theme(theme).layout(layout);
    let picture = if args.title { picture.with_name() } else { picture };
    let picture = if args.unfolded { picture } else { picture.folded() };
    let svg = picture.await.map_err(|error| match Failure::from(error) {
        Failure::Usage(message) => Failure::Usage(format!("{message}; see `boxwood job get {}`", args.id)),
        other => other,
    })?;
    let path = args.out.filter(|path| path.as_os_str() != "-");
    let path = path.or_else(|| args.open.then(|| std::env::temp_dir().join(format!("boxwood-job-{}.svg", args.id))));
    match path {
        Some(path) => {
            let name = shown(&path.display().to_string());
            std::fs::write(&path, svg)
                .map_err(|error| Failure::Other(format!("{name}: cannot be written: {error}")))?;
            if args.open {
                open(&path)?;
            }
            if output.json {
                return output.value(&Picture::Out(path));
            }
            output.talk(&format!("wrote {name}"));
            Ok(())
        }
        None if output.json => output.value(&Picture::Svg(svg)),
        None => {
            let svg = if std::io::stdout().is_terminal() { harmless_xml(&svg) } else { svg };
            output.data(&svg)?;
            if svg.ends_with('\n') { Ok(()) } else { output.data("\n") }
        }
    }
}

/// Has the system show a file.
fn open(path: &Path) -> Result<(), Failure> {
    let program = match std::env::consts::OS {
        "macos" => "open",
        "windows" => "explorer",
        _ => "xdg-open",
    };
    let shown = Command::new(program).arg(path).stdin(Stdio::null()).stdout(Stdio::null()).status();
    match shown {
        Ok(status) if status.success() || cfg!(windows) => Ok(()),
        Ok(status) => Err(Failure::Other(format!("{program} {}: {status}; open the file yourself", path.display()))),
        Err(error) => Err(Failure::Other(format!("{program}: {error}; open {} yourself", path.display()))),
    }
}
