//! Processor time of processes on this machine, where the system tells (Linux).

use std::time::Duration;

/// Processor time that all living threads of a process have used.
fn used(process: &str) -> Option<Duration> {
    let mut nanoseconds = 0_u64;
    for thread in std::fs::read_dir(format!("/proc/{process}/task")).ok()? {
        // A thread that has just ended is left out.
        let Ok(text) = std::fs::read_to_string(thread.ok()?.path().join("schedstat")) else { continue };
        nanoseconds += text.split_whitespace().next()?.parse::<u64>().ok()?;
    }
    Some(Duration::from_nanos(nanoseconds))
}

/// What server and load have used up to a moment.
pub(crate) struct Processor {
    servers: Vec<u32>,
    server_used: Option<Duration>,
    load_used: Option<Duration>,
}

/// Processor time of one task or call, in microseconds.
#[derive(Clone, Copy, Debug, Default, serde::Serialize)]
pub(crate) struct Costs {
    /// Of the servers; unknown for one that runs elsewhere.
    pub(crate) server_us: Option<f64>,
    /// Of what sends the load.
    pub(crate) load_us: Option<f64>,
}

impl Processor {
    /// Begins to measure. `servers`: their processes; none if they are not known.
    pub(crate) fn start(servers: &[u32]) -> Self {
        let all = || servers.iter().map(|server| used(&server.to_string())).sum();
        let server_used = if servers.is_empty() { None } else { all() };
        Self { servers: servers.to_vec(), server_used, load_used: used("self") }
    }

    /// What each of so many tasks or calls took since.
    pub(crate) fn each(&self, count: u64) -> Costs {
        let each = |before: Option<Duration>, now: Option<Duration>| {
            let used = now?.checked_sub(before?)?;
            Some(used.as_secs_f64() * 1e6 / count.max(1) as f64)
        };
        let now = Self::start(&self.servers);
        Costs { server_us: each(self.server_used, now.server_used), load_us: each(self.load_used, now.load_used) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn work_is_noticed() {
        let before = Processor::start(&[std::process::id()]);
        let sum = (0..5_000_000_u64).fold(0, |sum: u64, n| std::hint::black_box(sum.wrapping_add(n)));
        let costs = before.each(1);
        assert!(costs.server_us > Some(0.0) && costs.load_us > Some(0.0), "{costs:?} {sum}");
    }
}
