//! How fast something goes.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// The time of which the rate is told.
const RATE_OVER: Duration = Duration::from_secs(30);

/// What was done lately.
#[derive(Debug, Default)]
pub(crate) struct Rate {
    samples: VecDeque<(Instant, u64)>,
}

impl Rate {
    /// So much is done by now, of all that ever was.
    pub(crate) fn add(&mut self, now: Instant, done: u64) {
        self.samples.push_back((now, done));
        // One older sample stays, from which the time is counted.
        while self.samples.get(1).is_some_and(|(then, _)| now - *then >= RATE_OVER) {
            self.samples.pop_front();
        }
    }

    /// Whether there is no earlier look to compare the latest one with.
    pub(crate) fn is_first(&self) -> bool {
        self.samples.len() < 2
    }

    /// None as long as nothing is known to be done.
    pub(crate) fn per_second(&self) -> Option<f64> {
        let ((start, before), (end, now)) = (self.samples.front()?, self.samples.back()?);
        let seconds = (*end - *start).as_secs_f64();
        let done = now.checked_sub(*before).filter(|done| *done > 0)?;
        (seconds > 0.0).then(|| done as f64 / seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_of_the_last_half_minute_and_unknown_while_nothing_is_done() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let mut rate = Rate::default();
        assert_eq!(rate.per_second(), None);
        rate.add(start, 5);
        rate.add(after(1), 5);
        assert_eq!(rate.per_second(), None);
        rate.add(after(2), 25);
        assert_eq!(rate.per_second(), Some(10.0));
        rate.add(after(40), 63);
        assert_eq!(rate.per_second(), Some(1.0), "from the last look before the half minute on");
        // A retry queues failed tasks again.
        rate.add(after(41), 10);
        assert_eq!(rate.per_second(), None);
    }
}
