//! `boxwood export` and `boxwood import`: everything a server holds, to a file and back.

use std::fs::File;
use std::io::{BufReader, BufWriter, IsTerminal as _, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use boxwood_server::transfer::{self, Moved};
use clap::Args;
use serde::Serialize;
use tempfile::NamedTempFile;

use crate::Failure;
use crate::output::Output;
use crate::place::PlaceArgs;
use crate::serve::told_to_stop;
use crate::text::{counted, fit, number, shown};

/// How often it is said how far it is.
const SAID_EVERY: Duration = Duration::from_millis(200);

#[derive(Args, Debug)]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    place: PlaceArgs,
    /// The file to write, which takes its name once it is whole; standard output by default
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Leave logs and spans behind
    #[arg(long)]
    without_telemetry: bool,
    /// Print what was written as one JSON value, instead of text on standard error; needs --out
    #[arg(long, requires = "out")]
    json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct ImportArgs {
    /// The file that `boxwood export` wrote; - reads standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Only read the file: whether it is whole, and what is in it
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    place: PlaceArgs,
    /// Print what was read as one JSON value, instead of text on standard error
    #[arg(long)]
    json: bool,
}

/// What was moved, as JSON.
#[derive(Serialize)]
struct MovedJson {
    jobs: u64,
    tasks: u64,
    /// Logs and spans.
    records: u64,
    rows: u64,
    bytes: u64,
    /// Rows that were read back and are the same.
    checked_rows: u64,
    /// Questions that were answered as before.
    checked_questions: u64,
}

impl From<&Moved> for MovedJson {
    fn from(moved: &Moved) -> Self {
        Self {
            jobs: moved.jobs,
            tasks: moved.tasks,
            records: moved.records,
            rows: moved.rows,
            bytes: moved.bytes,
            checked_rows: moved.checked,
            checked_questions: moved.questions,
        }
    }
}

/// Writes everything to a file, as of this moment.
pub(crate) async fn export(args: ExportArgs) -> Result<(), Failure> {
    let place = args.place.place()?;
    let out = args.out.filter(|path| path.as_os_str() != "-");
    if out.is_none() && args.json {
        return Err(Failure::Usage("--json prints to standard output; name a file with --out FILE".into()));
    }
    if out.is_none() && std::io::stdout().is_terminal() {
        return Err(Failure::Usage("standard output is a terminal; name a file with --out FILE, or use a pipe".into()));
    }
    moving(move |stop| {
        let mut progress = Progress::new("exporting", stop, args.json);
        let from = shown(&place.to_string());
        let mut destination = Destination::open(out)?;
        let moved = transfer::export(&place, !args.without_telemetry, destination.writer(), &mut |moved| {
            progress.tell(moved, moved.rows)
        });
        progress.clear();
        let moved = moved.map_err(|error| Failure::Other(error.to_string()))?;
        let name = destination.keep()?;
        if args.json {
            return progress.output.value(&MovedJson::from(&moved));
        }
        let size = megabytes(moved.bytes);
        progress.output.talk(&format!("exported {} from {from} to {name}, {size}", contents(&moved)));
        Ok(())
    })
    .await
}

/// Takes such a file into an empty place.
pub(crate) async fn import(args: ImportArgs) -> Result<(), Failure> {
    let place = if args.check { None } else { Some(args.place.place()?) };
    let mut input: Box<dyn Read + Send> = if args.file.as_os_str() == "-" {
        Box::new(BufReader::new(std::io::stdin()))
    } else {
        let name = shown(&args.file.display().to_string());
        let file =
            File::open(&args.file).map_err(|error| Failure::Usage(format!("{name}: cannot be read: {error}")))?;
        Box::new(BufReader::new(file))
    };
    moving(move |stop| {
        let Some(place) = place else {
            let mut progress = Progress::new("reading", stop, args.json);
            let found = transfer::check(&mut input, &mut |found| progress.tell(found, found.rows));
            progress.clear();
            let found = found.map_err(|error| Failure::Other(error.to_string()))?;
            if args.json {
                return progress.output.value(&MovedJson::from(&found));
            }
            progress.output.talk(&format!("the file is whole: {}, {}", contents(&found), megabytes(found.bytes)));
            return Ok(());
        };
        let mut progress = Progress::new("importing", stop, args.json);
        let moved = transfer::import(&place, &mut input, &mut |moved| progress.tell(moved, moved.rows + moved.checked));
        progress.clear();
        let moved = moved.map_err(|error| Failure::Other(error.to_string()))?;
        if args.json {
            return progress.output.value(&MovedJson::from(&moved));
        }
        progress.output.talk(&format!(
            "imported {} into {}; read back the same {}, and {} answered as before",
            contents(&moved),
            shown(&place.to_string()),
            counted(moved.checked, "row"),
            counted(moved.questions, "question"),
        ));
        Ok(())
    })
    .await
}

/// Moves where blocking is allowed, until it is done or told to stop. A second request ends the process at once.
async fn moving(work: impl FnOnce(Arc<AtomicBool>) -> Result<(), Failure> + Send + 'static) -> Result<(), Failure> {
    let told = told_to_stop()?;
    let stop = Arc::new(AtomicBool::new(false));
    let mut working = tokio::task::spawn_blocking({
        let stop = stop.clone();
        move || work(stop)
    });
    let done = tokio::select! {
        done = &mut working => done,
        () = told => {
            stop.store(true, Ordering::Relaxed);
            working.await
        }
    };
    done.unwrap_or_else(|error| Err(Failure::Other(format!("it ended unexpectedly: {error}"))))
}

/// What was moved, in words.
fn contents(moved: &Moved) -> String {
    let (jobs, tasks) = (counted(moved.jobs, "job"), counted(moved.tasks, "task"));
    format!("{jobs} with {tasks}, {} logs and spans", number(moved.records))
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

/// One line on the terminal that says how far it is.
struct Progress {
    what: &'static str,
    stop: Arc<AtomicBool>,
    output: Output,
    said: Option<Instant>,
}

impl Progress {
    fn new(what: &'static str, stop: Arc<AtomicBool>, json: bool) -> Self {
        Self { what, stop, output: Output::new(json), said: None }
    }

    /// Says it, if somebody looks; answers whether to go on.
    fn tell(&mut self, moved: &Moved, rows: u64) -> bool {
        let due = self.said.is_none_or(|said| said.elapsed() >= SAID_EVERY);
        if due && let Some(room) = self.output.err.columns {
            self.said = Some(Instant::now());
            let checking = if moved.checked > 0 { ", checking" } else { "" };
            let text = format!("{}: {} rows, {}{checking}", self.what, number(rows), megabytes(moved.bytes));
            // A line as wide as the terminal would wrap. If nobody listens there is nobody to tell.
            let _ = write!(std::io::stderr(), "\r\x1b[2K{}", fit(&text, room.saturating_sub(1)));
        }
        !self.stop.load(Ordering::Relaxed)
    }

    fn clear(&self) {
        if self.said.is_some() {
            let _ = write!(std::io::stderr(), "\r\x1b[2K");
        }
    }
}

/// Where an export goes.
enum Destination {
    Stdout(BufWriter<std::io::Stdout>),
    /// What cannot be replaced: a pipe, or a device.
    Special(BufWriter<File>, PathBuf),
    /// A new file beside the one it becomes, so that an earlier export stays until this one is whole.
    New(BufWriter<NamedTempFile>, PathBuf),
}

impl Destination {
    fn open(path: Option<PathBuf>) -> Result<Self, Failure> {
        let Some(path) = path else { return Ok(Self::Stdout(BufWriter::new(std::io::stdout()))) };
        let unusable = |error: std::io::Error| unwritable(&path, &error);
        if path.metadata().is_ok_and(|metadata| !metadata.is_file()) {
            let file = File::options().write(true).open(&path).map_err(unusable)?;
            return Ok(Self::Special(BufWriter::new(file), path));
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let file = NamedTempFile::with_prefix_in("boxwood-export-", folder).map_err(unusable)?;
        Ok(Self::New(BufWriter::new(file), path))
    }

    fn writer(&mut self) -> &mut dyn Write {
        match self {
            Self::Stdout(out) => out,
            Self::Special(out, _) => out,
            Self::New(out, _) => out,
        }
    }

    /// Everything was written; answers how it is called.
    fn keep(self) -> Result<String, Failure> {
        match self {
            Self::Stdout(mut out) => {
                out.flush().map_err(|error| Failure::Other(format!("standard output: {error}")))?;
                Ok("standard output".to_owned())
            }
            Self::Special(mut out, path) => {
                out.flush().map_err(|error| unwritable(&path, &error))?;
                Ok(shown(&path.display().to_string()))
            }
            Self::New(out, path) => {
                let file = out.into_inner().map_err(|error| unwritable(&path, error.error()))?;
                file.as_file().sync_all().map_err(|error| unwritable(&path, &error))?;
                file.persist(&path).map_err(|error| unwritable(&path, &error.error))?;
                Ok(shown(&path.display().to_string()))
            }
        }
    }
}

fn unwritable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::Other(format!("{}: cannot be written: {error}", shown(&path.display().to_string())))
}
