//! What was counted before, and what became of it since.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::process::Command;

use super::{output, read};

/// Percent by which a workload may take more than before, or less without a remark. Runs of the same code differ by less
/// than 1, apart from some that take 4 more.
const TOLERANCE: f64 = 3.0;

/// The same of the door, where how often a call is polled depends on when the writer's thread gets to run.
const TOLERANCE_DOOR: f64 = 10.0;

/// The same, if another compiler has made the code.
const TOLERANCE_OTHER_COMPILER: f64 = 15.0;

const HEAD: &str = "# Instructions for one operation of each workload, counted by Callgrind. `cargo xtask instructions` compares,\n\
    # `cargo xtask instructions --update` writes this file. The workloads are in src/bin/instructions and in\n\
    # ../server/benches/instructions.rs.\n";

/// What the counts depend on, beside the code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Platform {
    compiler: String,
    target: String,
}

impl Platform {
    /// The platform of this machine.
    pub(super) fn here() -> Result<Self, String> {
        let said = output(Command::new("rustc").arg("-vV"))?;
        let compiler = said.lines().next().unwrap_or_default().to_owned();
        let target = said.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default().to_owned();
        Ok(Self { compiler, target })
    }
}

/// Counts with the platform they were made on.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Baseline {
    platform: Platform,
    counts: BTreeMap<String, u64>,
}

impl Baseline {
    pub(super) fn new(platform: Platform, counts: BTreeMap<String, u64>) -> Self {
        Self { platform, counts }
    }

    pub(super) fn read(file: &Path) -> Result<Self, String> {
        Self::parse(&read(file)?).map_err(|line| format!("{}: cannot be read: {line:?}", file.display()))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let mut baseline = Self::new(Platform { compiler: String::new(), target: String::new() }, BTreeMap::new());
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            match line.split_once(' ').map(|(name, value)| (name, value.trim())) {
                Some(("compiler", value)) => baseline.platform.compiler = value.into(),
                Some(("target", value)) => baseline.platform.target = value.into(),
                Some((name, value)) => {
                    baseline.counts.insert(name.into(), value.parse().map_err(|_| line.to_owned())?);
                }
                None => return Err(line.into()),
            }
        }
        Ok(baseline)
    }

    pub(super) fn write(&self, file: &Path) -> Result<(), String> {
        std::fs::write(file, self.to_string()).map_err(|error| format!("{}: {error}", file.display()))?;
        println!("{self}");
        Ok(())
    }

    /// How many percent more are let pass. None on another kind of machine, whose instructions are others.
    fn tolerance(&self, here: &Platform) -> Option<f64> {
        if here.target != self.platform.target {
            None
        } else if here.compiler != self.platform.compiler {
            Some(TOLERANCE_OTHER_COMPILER)
        } else {
            Some(TOLERANCE)
        }
    }

    /// Whether a workload takes more than it may, or has no count to compare with.
    pub(super) fn is_exceeded(&self, workload: &str, now: u64, here: &Platform) -> bool {
        let Some(tolerance) = self.tolerance(here) else { return false };
        let tolerance = if workload.starts_with("door/") { tolerance.max(TOLERANCE_DOOR) } else { tolerance };
        self.counts.get(workload).is_none_or(|before| change(*before, now) > tolerance)
    }

    /// Sets new counts beside the old ones.
    pub(super) fn compare<'a>(&'a self, counted: &BTreeMap<String, u64>, here: &Platform) -> Comparison<'a> {
        let rows = counted.iter().map(|(name, now)| (name.clone(), self.counts.get(name).copied(), *now)).collect();
        Comparison { baseline: self, here: here.clone(), rows }
    }
}

impl fmt::Display for Baseline {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Platform { compiler, target } = &self.platform;
        write!(out, "{HEAD}\n{:<28} {compiler}\n{:<28} {target}\n\n", "compiler", "target")?;
        self.counts.iter().try_for_each(|(name, count)| writeln!(out, "{name:<28} {count:>8}"))
    }
}

/// New counts beside old ones.
pub(super) struct Comparison<'a> {
    baseline: &'a Baseline,
    here: Platform,
    rows: Vec<(String, Option<u64>, u64)>,
}

impl Comparison<'_> {
    /// Whether nothing takes more than it may.
    pub(super) fn verdict(&self) -> Result<(), String> {
        let exceeded = |(name, _, now): &&(String, Option<u64>, u64)| self.baseline.is_exceeded(name, *now, &self.here);
        let worse: Vec<_> = self.rows.iter().filter(exceeded).map(|(name, ..)| name.as_str()).collect();
        if worse.is_empty() {
            return Ok(());
        }
        Err(format!(
            "too many over the baseline, or without one: {}; `cargo xtask instructions --profile WORKLOAD` \
             shows where; if it has to be so, `--update` and say why in the commit",
            worse.join(", ")
        ))
    }
}

impl fmt::Display for Comparison<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "{:<28} {:>9} {:>9} {:>8}", "instructions an operation", "baseline", "now", "change")?;
        let mut lower = false;
        for (name, before, now) in &self.rows {
            match before {
                Some(before) => {
                    let change = change(*before, *now);
                    lower |= change < -TOLERANCE;
                    writeln!(out, "{name:<28} {before:>9} {now:>9} {change:>+7.1}%")?;
                }
                None => writeln!(out, "{name:<28} {:>9} {now:>9}", "none")?,
            }
        }
        let before = &self.baseline.platform;
        let tolerance = self.baseline.tolerance(&self.here);
        if tolerance.is_none() {
            writeln!(
                out,
                "\nNOT COMPARED: the baseline is of {}, this is {}. Instructions of other machines are other ones.",
                before.target, self.here.target
            )?;
        } else if tolerance != Some(TOLERANCE) {
            writeln!(
                out,
                "\nTHE BASELINE IS OF ANOTHER COMPILER, so {TOLERANCE_OTHER_COMPILER} % more are let pass instead of \
                 {TOLERANCE}: {} made it, this is {}.",
                before.compiler, self.here.compiler
            )?;
        } else if lower {
            writeln!(out, "\nSome take over {TOLERANCE} % less: `cargo xtask instructions --update` keeps it so.")?;
        }
        Ok(())
    }
}

/// By how many percent it changed.
fn change(before: u64, now: u64) -> f64 {
    (now as f64 / before as f64 - 1.0) * 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn platform(compiler: &str, target: &str) -> Platform {
        Platform { compiler: compiler.into(), target: target.into() }
    }

    fn counts(count: u64) -> BTreeMap<String, u64> {
        [("step/ask".to_owned(), count)].into()
    }

    #[test]
    fn what_was_written_is_read_again() {
        let baseline = Baseline::new(platform("rustc 1.2.3 (a 2020-01-01)", "x"), counts(4_000));
        assert_eq!(Baseline::parse(&baseline.to_string()), Ok(baseline));
        assert!(Baseline::parse("step/ask many").is_err());
    }

    #[test]
    fn more_instructions_fail_beyond_the_tolerance_and_fewer_get_a_hint() {
        let here = platform("one", "x");
        let baseline = Baseline::new(here.clone(), counts(1_000));
        assert!(baseline.compare(&counts(1_029), &here).verdict().is_ok());
        let why = baseline.compare(&counts(1_031), &here).verdict().expect_err("3.1 % more");
        assert!(why.contains("step/ask"), "{why}");
        assert!(baseline.compare(&counts(960), &here).to_string().contains("--update"));
        assert!(!baseline.compare(&counts(990), &here).to_string().contains("--update"));
        let unknown = [("new".to_owned(), 1)].into();
        assert!(baseline.compare(&unknown, &here).verdict().is_err(), "a workload needs a baseline");
    }

    #[test]
    fn another_compiler_has_more_room_and_another_machine_is_not_compared() {
        let baseline = Baseline::new(platform("one", "x"), counts(1_000));
        let compiler = |count| baseline.compare(&counts(count), &platform("two", "x"));
        assert!(compiler(1_100).verdict().is_ok() && compiler(1_100).to_string().contains("ANOTHER COMPILER"));
        assert!(compiler(1_200).verdict().is_err());
        let machine = baseline.compare(&counts(9_000), &platform("one", "y"));
        assert!(machine.verdict().is_ok() && machine.to_string().contains("NOT COMPARED"));
    }
}
