//! `cargo xtask fuzz`: builds the fuzzer with counters of coverage and lets it search.
//!
//! It is libFuzzer on the stable compiler: the counters are put in by LLVM's own pass, which needs no nightly. Address
//! sanitizing does, and is left out: there is no unsafe code of ours.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use crate::suite::root;

const USAGE: &str = "usage: cargo xtask fuzz [TARGET] [--minutes N] [--minimize] [FILE]\n\n\
    nothing       every target for one minute\n\
    TARGET        this one; the names are those of the folders in fuzz/corpus\n\
    --minutes N   for so many minutes each\n\
    --minimize    writes the smallest inputs that reach as much into fuzz/corpus, instead of searching\n\
    FILE          only this input, for example one that was found";

/// What puts counters on every edge, and shows what is compared.
const FLAGS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares";

/// Bytes of an input at most, and of an input that is kept.
const INPUT_BYTES_MAX: u32 = 4_096;
const KEPT_BYTES_MAX: u64 = 512;

/// Inputs kept of each target at most.
const KEPT_MAX: usize = 150;

struct Options {
    targets: Vec<String>,
    minutes: f64,
    minimize: bool,
    file: Option<PathBuf>,
}

/// Runs the command with these arguments.
pub(crate) fn run(arguments: &[&str]) -> ExitCode {
    let Some(options) = options(arguments) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let done = build().and_then(|fuzzer| {
        options.targets.iter().try_for_each(|target| match (&options.file, options.minimize) {
            (Some(file), _) => libfuzzer(&fuzzer, target, &[file.display().to_string()]),
            (None, true) => minimize(&fuzzer, target),
            (None, false) => search(&fuzzer, target, options.minutes),
        })
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

fn options(arguments: &[&str]) -> Option<Options> {
    let known = names(&root().join("fuzz/corpus"));
    let mut options = Options { targets: Vec::new(), minutes: 1.0, minimize: false, file: None };
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        match *argument {
            "--minutes" => options.minutes = arguments.next()?.parse().ok()?,
            "--minimize" => options.minimize = true,
            target if known.iter().any(|known| known == target) => options.targets.push(target.to_owned()),
            file if Path::new(file).is_file() && options.targets.len() == 1 => {
                options.file = Some(std::path::absolute(file).ok()?);
            }
            // `--help` too.
            _ => return None,
        }
    }
    if options.targets.is_empty() {
        options.targets = known;
    }
    Some(options)
}

/// The names of what is in a folder, in order.
fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn build() -> Result<PathBuf, String> {
    let said = Command::new("rustc").arg("-vV").output().map_err(|error| format!("rustc: {error}"))?;
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    // Named, so that what runs while building has no counters.
    let host = said.lines().find_map(|line| line.strip_prefix("host: ")).ok_or("rustc does not say what it is")?;
    let folder = root().join("fuzz");
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--release", "--target", host]).env("RUSTFLAGS", FLAGS).current_dir(&folder);
    // Beside the other builds if there is a place for them, but never among them.
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| folder.join("target"), |dir| Path::new(&dir).join("fuzz"));
    must(cargo.env("CARGO_TARGET_DIR", &target))?;
    Ok(target.join(host).join("release/boxwood-fuzzer"))
}

/// What a search has found so far, which later ones go on from; not kept in the repository.
fn found(target: &str) -> PathBuf {
    root().join("fuzz/found").join(target)
}

fn search(fuzzer: &Path, target: &str, minutes: f64) -> Result<(), String> {
    println!("== {target} ==");
    let (found, kept) = (found(target), root().join("fuzz/corpus").join(target));
    std::fs::create_dir_all(&found).map_err(|error| format!("{}: {error}", found.display()))?;
    let arguments = [
        found.display().to_string(),
        kept.display().to_string(),
        format!("-max_total_time={:.0}", minutes * 60.0),
        format!("-max_len={INPUT_BYTES_MAX}"),
        format!("-artifact_prefix={}/fuzz/failed-{target}-", root().display()),
        // Seconds for one input, which takes milliseconds unless the machine stands still; and memory in MiB.
        "-timeout=60".into(),
        "-rss_limit_mb=2048".into(),
        "-print_final_stats=1".into(),
    ];
    libfuzzer(fuzzer, target, &arguments)
        .map_err(|why| format!("{why}\nthe input is in fuzz/failed-{target}-…; again: cargo xtask fuzz {target} FILE"))
}

/// Adds to the corpus what reaches something that nothing in it reaches.
fn minimize(fuzzer: &Path, target: &str) -> Result<(), String> {
    let (found, kept) = (found(target), root().join("fuzz/corpus").join(target));
    let merged = root().join("fuzz/found").join(format!("{target}.merged"));
    let failed = |error: std::io::Error| format!("{target}: {error}");
    if merged.exists() {
        std::fs::remove_dir_all(&merged).map_err(failed)?;
    }
    std::fs::create_dir_all(&merged).map_err(failed)?;
    let folders = [&merged, &kept, &found].map(|folder| folder.display().to_string());
    // Without counting how often an edge was taken: that alone makes thousands of inputs.
    libfuzzer(fuzzer, target, &[&["-merge=1".into(), "-use_counters=0".into()], folders.as_slice()].concat())?;
    let mut sized: Vec<_> = names(&merged)
        .into_iter()
        .filter_map(|name| std::fs::metadata(merged.join(&name)).ok().map(|data| (data.len(), name)))
        .filter(|(bytes, _)| *bytes <= KEPT_BYTES_MAX)
        .collect();
    sized.sort();
    // Some of all sizes: the longest reach the most.
    let every = sized.len().div_ceil(KEPT_MAX).max(1);
    for (_, name) in sized.into_iter().rev().step_by(every) {
        std::fs::copy(merged.join(&name), kept.join(&name)).map_err(failed)?;
    }
    Ok(())
}

fn libfuzzer(fuzzer: &Path, target: &str, arguments: &[String]) -> Result<(), String> {
    let mut command = Command::new(fuzzer);
    // Databases in memory, where there is such a place: a search writes a lot.
    if Path::new("/dev/shm").is_dir() {
        command.env("TMPDIR", "/dev/shm");
    }
    must(command.args(arguments).env("BOXWOOD_FUZZ_TARGET", target).current_dir(root()))
}

fn must(command: &mut Command) -> Result<(), String> {
    let program = command.get_program().to_string_lossy().into_owned();
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{program}: {status}")),
        Err(error) => Err(format!("{program}: {error}")),
    }
}
