//! What is measured: rates, shares, and times, sorted out.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::Workload;
use super::processor::Costs;

/// What one workload gave.
#[derive(Debug, Serialize)]
pub(crate) struct Figure {
    pub(crate) workload: Workload,
    /// Tasks executed.
    pub(crate) tasks: u64,
    /// Tasks a second, where a rate is the point.
    pub(crate) per_second: Option<f64>,
    /// The rate as a share of calls a second that do nothing.
    pub(crate) share_of_noop: Option<f64>,
    /// The rate of a runner as a share of that of the flat workload measured before it in the same run.
    pub(crate) share_of_flat: Option<f64>,
    /// Processor time of each task.
    #[serde(flatten)]
    pub(crate) costs: Costs,
    /// The time of one report with its answer, for `latency` from before the submission until the runner has the task.
    /// A runner of the SDK keeps its times to itself.
    pub(crate) times: Option<Times>,
    /// What else was measured; the unit is in the name.
    pub(crate) facts: BTreeMap<&'static str, f64>,
}

impl Figure {
    /// Nothing measured yet.
    pub(crate) fn new(workload: Workload, tasks: u64) -> Self {
        Self {
            workload,
            tasks,
            per_second: None,
            share_of_noop: None,
            share_of_flat: None,
            costs: Costs::default(),
            times: None,
            facts: BTreeMap::new(),
        }
    }
}

/// How long something took over many tries, in microseconds.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Times {
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    pub(crate) max_us: f64,
}

impl Times {
    pub(crate) fn of(mut tries: Vec<Duration>) -> Self {
        tries.sort_unstable();
        let at = |share: f64| {
            let place = (tries.len() as f64 * share) as usize;
            tries.get(place.min(tries.len().saturating_sub(1))).map_or(0.0, |time| time.as_secs_f64() * 1e6)
        };
        Self { p50_us: at(0.5), p99_us: at(0.99), max_us: at(1.0) }
    }
}

impl fmt::Display for Times {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |us: f64| if us < 10_000.0 { format!("{us:.0} µs") } else { format!("{:.1} ms", us / 1e3) };
        write!(out, "{:>10} {:>10} {:>10}", text(self.p50_us), text(self.p99_us), text(self.max_us))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_taken_from_the_sorted_tries() {
        let times = Times::of((1..=100).rev().map(Duration::from_micros).collect());
        assert_eq!((times.p50_us, times.p99_us, times.max_us), (51.0, 100.0, 100.0));
        assert_eq!(Times::of(vec![]).max_us, 0.0);
    }
}
