//! How long runners without work wait before they ask again.
//!
//! The server owns the polling budget: all idle runners of a cluster together make about as many requests a second as
//! the settings say, however many they are. How many they are is estimated from the waits suggested lately: a runner
//! told to wait is idle until that time is over.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::config::IdleSettings;

/// Waits of one cluster remembered at most. With as many idle runners the longest wait is suggested anyway.
const WAITS_MAX: usize = 65_536;

/// How far a suggested wait lies from the computed one at most, so that runners do not ask in step.
const JITTER: f64 = 0.2;

/// The polling budget of every cluster.
pub(crate) struct Idle {
    settings: IdleSettings,
    clusters: HashMap<Arc<str>, Activity>,
}

#[derive(Default)]
struct Activity {
    /// When a task was last handed out or became ready.
    busy_at: Option<Instant>,
    /// When each runner told to wait will ask again.
    waits: BinaryHeap<Reverse<Instant>>,
}

impl Activity {
    fn forget_ended_waits(&mut self, now: Instant) {
        while self.waits.peek().is_some_and(|Reverse(end)| *end <= now) {
            self.waits.pop();
        }
    }
}

impl Idle {
    pub(crate) fn new(settings: IdleSettings) -> Self {
        Self { settings, clusters: HashMap::new() }
    }

    /// Notes that a task was handed out or became ready on a cluster.
    pub(crate) fn busy(&mut self, cluster: &Arc<str>, now: Instant) {
        match self.clusters.get_mut(cluster) {
            Some(activity) => activity.busy_at = Some(now),
            None => self.clusters.entry(cluster.clone()).or_default().busy_at = Some(now),
        }
    }

    /// The wait for a runner of a cluster that will ask again after it. `random` is uniform in 0 to 1.
    pub(crate) fn wait(&mut self, cluster: &Arc<str>, now: Instant, random: f64) -> Duration {
        let activity = self.clusters.entry(cluster.clone()).or_default();
        activity.forget_ended_waits(now);
        let settings = &self.settings;
        let quiet_for = activity.busy_at.map(|busy| now.saturating_duration_since(busy));
        let floor = match quiet_for {
            Some(quiet) if quiet < settings.busy_for => settings.floor_busy,
            Some(quiet) if quiet < settings.warm_for => settings.floor_warm,
            _ => settings.floor_quiet,
        };
        let runners = activity.waits.len() + 1;
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        let share = Duration::try_from_secs_f64(runners as f64 / settings.requests_per_second);
        let wait = share.unwrap_or(settings.wait_max).min(settings.wait_max).max(floor);
        let wait = wait.mul_f64(1.0 - JITTER + 2.0 * JITTER * random.clamp(0.0, 1.0)).min(settings.wait_max);
        if activity.waits.len() < WAITS_MAX {
            activity.waits.push(Reverse(now + wait));
        }
        wait
    }

    /// The wait for a runner that asks again at once whatever it is told, or is not to be counted.
    pub(crate) fn short_wait(&self) -> Duration {
        self.settings.floor_busy
    }

    /// The wait for everyone while the server stops.
    pub(crate) fn stopping_wait(&self) -> Duration {
        self.settings.stopping
    }

    /// Forgets clusters nothing happens on.
    pub(crate) fn tidy(&mut self, now: Instant) {
        let warm_for = self.settings.warm_for;
        self.clusters.retain(|_, activity| {
            activity.forget_ended_waits(now);
            let warm = activity.busy_at.is_some_and(|busy| now.saturating_duration_since(busy) < warm_for);
            warm || !activity.waits.is_empty()
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIDDLE: f64 = 0.5;

    fn cluster() -> Arc<str> {
        "default-1".into()
    }

    #[test]
    fn the_floor_rises_the_longer_a_cluster_is_quiet() {
        let start = Instant::now();
        let mut idle = Idle::new(IdleSettings::default());
        assert_eq!(idle.wait(&cluster(), start, MIDDLE), Duration::from_millis(250), "nothing ever happened");
        idle.busy(&cluster(), start);
        for (after, floor) in [(0, 10), (1_999, 10), (2_000, 50), (59_999, 50), (60_000, 250)] {
            let now = start + Duration::from_millis(after);
            assert_eq!(idle.wait(&cluster(), now, MIDDLE), Duration::from_millis(floor), "after {after} ms");
        }
    }

    #[test]
    fn other_clusters_do_not_matter() {
        let now = Instant::now();
        let mut idle = Idle::new(IdleSettings::default());
        idle.busy(&cluster(), now);
        assert_eq!(idle.wait(&"other".into(), now, MIDDLE), Duration::from_millis(250));
    }

    #[test]
    fn a_thousand_idle_runners_make_about_200_requests_a_second() {
        let start = Instant::now();
        let mut idle = Idle::new(IdleSettings::default());
        let mut asks: BinaryHeap<Reverse<Instant>> = (0..1000).map(|_| Reverse(start)).collect();
        let mut requests_in_second = [0; 40];
        let mut random = 0.0;
        while let Some(Reverse(now)) = asks.pop() {
            let second = (now - start).as_secs() as usize;
            if second >= requests_in_second.len() {
                break;
            }
            requests_in_second[second] += 1;
            idle.busy(&cluster(), now);
            random = (random + 0.618) % 1.0;
            asks.push(Reverse(now + idle.wait(&cluster(), now, random)));
        }
        for (second, requests) in requests_in_second.iter().enumerate().skip(10) {
            assert!((150..=260).contains(requests), "{requests} requests in second {second}");
        }
    }

    #[test]
    fn waits_are_never_longer_than_the_longest_and_jitter_around_the_middle() {
        let now = Instant::now();
        let mut idle = Idle::new(IdleSettings::default());
        for _ in 0..100_000 {
            assert!(idle.wait(&cluster(), now, 1.0) <= Duration::from_secs(10));
        }
        let mut idle = Idle::new(IdleSettings::default());
        assert_eq!(idle.wait(&cluster(), now, 0.0), Duration::from_millis(200));
        assert_eq!(idle.wait(&cluster(), now, 1.0), Duration::from_millis(300));
    }

    #[test]
    fn runners_that_are_gone_are_forgotten_and_so_are_their_clusters() {
        let start = Instant::now();
        let mut idle = Idle::new(IdleSettings::default());
        for _ in 0..1000 {
            idle.wait(&cluster(), start, MIDDLE);
        }
        let later = start + Duration::from_secs(10);
        assert_eq!(idle.wait(&cluster(), later, MIDDLE), Duration::from_millis(250));
        idle.tidy(later + Duration::from_secs(1));
        assert!(idle.clusters.is_empty());
    }
}
