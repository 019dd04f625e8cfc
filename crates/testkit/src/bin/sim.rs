//! Lives through simulations, on every core, until a rule is broken or the time is over. `cargo xtask sim` builds and runs it.

use std::ops::Range;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use boxwood_testkit::postgres::{self, Shared};
use boxwood_testkit::{Directory, Reopen, sim};

const USAGE: &str = "usage: cargo xtask sim [--minutes N] [--seeds A..B] [--sqlite | --postgres [--servers N]] [--trace]\n\n\
    --minutes N   new seeds for so many minutes; 1 if nothing else is said\n\
    --seeds A..B  these seeds, B not included\n\
    --sqlite      on SQLite in a temporary folder; else in memory\n\
    --trace       print what happens; meant for one seed";

struct Options {
    seeds: Range<u64>,
    time: Option<Duration>,
    store: Store,
    trace: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Store {
    Memory,
    Sqlite,
    Postgres { servers: usize },
}

impl Store {
    fn fresh(self) -> Box<dyn Reopen + Send> {
        match self {
            Self::Memory => Box::new(boxwood_store::memory::Database::new()),
            Self::Sqlite => Box::new(Directory::temporary()),
            Self::Postgres { servers } => {
                Box::new(Shared::new().expect("the server was looked for").of_servers(servers))
            }
        }
    }

    /// The options that choose it.
    fn options(self) -> String {
        match self {
            Self::Memory => String::new(),
            Self::Sqlite => " --sqlite".into(),
            Self::Postgres { servers } => format!(" --postgres --servers {servers}"),
        }
    }
}

fn main() -> ExitCode {
    let Some(options) = options(&std::env::args().skip(1).collect::<Vec<_>>()) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    if matches!(options.store, Store::Postgres { .. }) && postgres::server().is_none() {
        return ExitCode::from(2);
    }
    if options.trace { trace(&options) } else { search(&options) }
}

fn options(arguments: &[String]) -> Option<Options> {
    let mut options = Options { seeds: 0..0, time: None, store: Store::Memory, trace: false };
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--minutes" => options.time = Some(Duration::from_secs_f64(arguments.next()?.parse::<f64>().ok()? * 60.0)),
            "--seeds" => {
                let (first, end) = arguments.next()?.split_once("..")?;
                options.seeds = first.parse().ok()?..end.parse().ok()?;
            }
            "--sqlite" => options.store = Store::Sqlite,
            "--postgres" => options.store = Store::Postgres { servers: 1 },
            "--servers" => {
                let Store::Postgres { servers } = &mut options.store else { return None };
                *servers = arguments.next()?.parse().ok().filter(|servers| *servers > 0)?;
            }
            "--trace" => options.trace = true,
            // `--help` too.
            _ => return None,
        }
    }
    if options.seeds.is_empty() {
        options.time.get_or_insert(Duration::from_secs(60));
        // Other seeds every time.
        let first = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() * 1_000_000);
        options.seeds = first..u64::MAX;
    }
    Some(options)
}

fn trace(options: &Options) -> ExitCode {
    for seed in options.seeds.clone() {
        match sim::explain(seed, || options.store.fresh()) {
            Ok(run) => {
                run.lines.iter().for_each(|line| println!("{line}"));
                println!("seed {seed}: trace {:016x}, {} commands, {} starts", run.trace, run.commands, run.starts);
            }
            Err(failure) => {
                println!("{failure}");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}

/// What all threads have done together.
#[derive(Default)]
struct Totals {
    seeds: u64,
    commands: u64,
    starts: u64,
    /// All traces together; the same seeds give the same, in whatever order they are lived through.
    trace: u64,
}

fn search(options: &Options) -> ExitCode {
    let start = Instant::now();
    println!("seeds from {}", options.seeds.start);
    let next = AtomicU64::new(options.seeds.start);
    let ended = AtomicBool::new(false);
    let totals = Mutex::new(Totals::default());
    let found = Mutex::new(None);
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while !ended.load(Ordering::Relaxed) && options.time.is_none_or(|time| start.elapsed() < time) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if !options.seeds.contains(&seed) {
                        return;
                    }
                    match sim::run_on(seed, || options.store.fresh()) {
                        Ok(run) => {
                            let mut totals = totals.lock().unwrap_or_else(PoisonError::into_inner);
                            totals.seeds += 1;
                            totals.commands += run.commands;
                            totals.starts += run.starts;
                            totals.trace = totals.trace.wrapping_add(run.trace);
                        }
                        Err(failure) => {
                            ended.store(true, Ordering::Relaxed);
                            found.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(failure);
                        }
                    }
                }
            });
        }
    });
    let Totals { seeds, commands, starts, trace } = totals.into_inner().unwrap_or_else(PoisonError::into_inner);
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "{seeds} seeds in {seconds:.1} s, {:.0} a minute on {threads} threads; {commands} commands, {starts} starts; \
         trace {trace:016x}",
        seeds as f64 * 60.0 / seconds
    );
    let Some(failure) = found.into_inner().unwrap_or_else(PoisonError::into_inner) else { return ExitCode::SUCCESS };
    println!("{failure}\nleaving out what is not needed for it");
    let (short, events) = sim::shrink(&failure, || options.store.fresh());
    let again = failure.again(&options.store.options());
    println!("\n{short}\n{events} of {} events are left; again: {again}", sim::EVENTS);
    ExitCode::FAILURE
}
