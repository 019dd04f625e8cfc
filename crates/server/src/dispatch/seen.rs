//! Which runners asked for work lately, by what they can take (IN-1 to IN-5).
//!
//! Runners do not say who they are. Those that ask on the same cluster for the same identifiers are one kind, and what is
//! counted is how many of a kind are idle and how many tasks a kind holds. The table costs each call a look-up or two, is
//! bounded, and is forgotten when the server ends: nothing depends on it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hash::{BuildHasher as _, Hash as _, Hasher as _};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use boxwood_engine::{Ask, TaskId};
use foldhash::HashMap;

/// For how long a kind of runners is remembered after one of them asked.
pub(crate) const SEEN_FOR: Duration = Duration::from_secs(60);

/// How long after the time at which a runner was told to ask again it counts as idle. Its call takes a while to arrive.
const LATE_FOR: Duration = Duration::from_secs(2);

/// Kinds of runners remembered at most. Further ones are not seen until others are forgotten.
const KINDS_MAX: usize = 1024;

/// Identifiers of all kinds remembered at most, each up to some hundred bytes.
const IDENTIFIERS_MAX: usize = 32_768;

/// Idle runners of one kind counted at most, among those that do not wait for an answer.
const IDLE_MAX: usize = 16_384;

/// Tasks remembered as held by runners at most.
const HELD_MAX: usize = 65_536;

/// The number of a kind.
type Number = u32;

/// Runners seen lately.
#[derive(Default)]
pub(crate) struct Seen {
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    next_number: Number,
    kinds: HashMap<Number, Kind>,
    /// Kinds by a digest of what they ask for.
    by_digest: HashMap<u64, Vec<Number>>,
    identifiers: usize,
    /// The tasks that runners hold.
    held: HashMap<TaskId, Held>,
    hasher: foldhash::fast::RandomState,
}

struct Kind {
    ask: Ask,
    digest: u64,
    asked_at: Instant,
    /// When each idle runner that was told to wait will ask again.
    waits: BinaryHeap<Reverse<Instant>>,
    busy: usize,
}

struct Held {
    kind: Number,
    until: Instant,
}

/// Runners of one kind.
#[derive(Clone, Debug)]
pub(crate) struct Runners {
    /// What they can take, and where.
    pub(crate) ask: Ask,
    /// How many wait for work.
    pub(crate) idle: usize,
    /// How many tasks they hold.
    pub(crate) busy: usize,
    /// When one of them asked last.
    pub(crate) asked_at: Instant,
}

impl Seen {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().expect("nobody panics while holding the runners seen")
    }

    /// A runner asked. If it reported a task, it holds that one no longer; if it was told to wait, it is idle.
    pub(crate) fn asked(&self, ask: &Ask, reported: Option<TaskId>, wait: Option<Duration>, now: Instant) {
        let mut table = self.table();
        table.release(reported);
        let Some((_, kind)) = table.kind(ask, now) else { return };
        if reported.is_none() {
            kind.came_back(now);
        }
        if let Some(wait) = wait.filter(|_| kind.waits.len() < IDLE_MAX) {
            kind.waits.push(Reverse(now + wait));
        }
    }

    /// A runner asked and got a task.
    pub(crate) fn took(&self, ask: &Ask, reported: Option<TaskId>, task: TaskId, lease: Duration, now: Instant) {
        let mut table = self.table();
        table.release(reported);
        // The same answer to the same report gives a task a second time.
        table.release(Some(task));
        let full = table.held.len() >= HELD_MAX;
        let Some((number, kind)) = table.kind(ask, now) else { return };
        if reported.is_none() {
            kind.came_back(now);
        }
        if !full {
            kind.busy += 1;
            table.held.insert(task, Held { kind: number, until: now + lease });
        }
    }

    /// A task is no longer held by a runner: it was reported, failed, or never arrived.
    pub(crate) fn released(&self, task: TaskId) {
        self.table().release(Some(task));
    }

    /// The lease of a task was extended.
    pub(crate) fn extended(&self, task: TaskId, lease: Duration, now: Instant) {
        if let Some(held) = self.table().held.get_mut(&task) {
            held.until = now + lease;
        }
    }

    /// Forgets whoever was not seen for a while, and tasks whose lease is over. Called now and then.
    pub(crate) fn tidy(&self, now: Instant) {
        self.table().tidy(now);
    }

    /// The runners seen in the last minute, and those that wait for an answer now; by cluster and identifiers.
    pub(crate) fn list(&self, waiting: &[Ask], now: Instant) -> Vec<Runners> {
        let mut table = self.table();
        table.tidy(now);
        let mut waiting_here: HashMap<Number, usize> = HashMap::default();
        for ask in waiting {
            if let Some((number, _)) = table.kind(ask, now) {
                *waiting_here.entry(number).or_default() += 1;
            }
        }
        let mut runners: Vec<Runners> = Vec::with_capacity(table.kinds.len());
        for (number, kind) in &table.kinds {
            let idle = kind.waits.len() + waiting_here.get(number).copied().unwrap_or(0);
            runners.push(Runners { ask: kind.ask.clone(), idle, busy: kind.busy, asked_at: kind.asked_at });
        }
        drop(table);
        let names = |ask: &Ask| {
            let names = ask.identifiers.iter();
            names.map(|has| (has.name.clone(), has.version.as_str().to_owned())).collect::<Vec<_>>()
        };
        runners.sort_by_cached_key(|kind| (kind.ask.cluster.clone(), names(&kind.ask)));
        runners
    }
}

impl Table {
    /// The kind a runner is of, made if it is new; none if there is no room.
    fn kind(&mut self, ask: &Ask, now: Instant) -> Option<(Number, &mut Kind)> {
        // Enough to tell kinds apart that are in use together; the rest is compared.
        let mut hasher = self.hasher.build_hasher();
        ask.cluster.hash(&mut hasher);
        ask.identifiers.len().hash(&mut hasher);
        ask.identifiers.first().map(|first| &first.name).hash(&mut hasher);
        let digest = hasher.finish();
        let same = |number: &&Number| self.kinds.get(*number).is_some_and(|kind| kind.is_of(ask));
        let known = self.by_digest.get(&digest).and_then(|numbers| numbers.iter().find(same)).copied();
        let number = match known {
            Some(number) => number,
            None if self.kinds.len() >= KINDS_MAX => return None,
            None if self.identifiers + ask.identifiers.len() > IDENTIFIERS_MAX => return None,
            None => {
                let number = self.next_number;
                self.next_number = self.next_number.wrapping_add(1);
                self.identifiers += ask.identifiers.len();
                self.by_digest.entry(digest).or_default().push(number);
                let kind = Kind { ask: ask.clone(), digest, asked_at: now, waits: BinaryHeap::new(), busy: 0 };
                self.kinds.insert(number, kind);
                number
            }
        };
        let kind = self.kinds.get_mut(&number)?;
        kind.asked_at = now;
        Some((number, kind))
    }

    fn release(&mut self, task: Option<TaskId>) {
        let Some(held) = task.and_then(|task| self.held.remove(&task)) else { return };
        if let Some(kind) = self.kinds.get_mut(&held.kind) {
            kind.busy -= 1;
        }
    }

    fn tidy(&mut self, now: Instant) {
        let over: Vec<TaskId> = self.held.iter().filter(|(_, held)| held.until <= now).map(|(task, _)| *task).collect();
        for task in over {
            self.release(Some(task));
        }
        let (by_digest, identifiers) = (&mut self.by_digest, &mut self.identifiers);
        self.kinds.retain(|number, kind| {
            kind.forget_late(now);
            let seen = now.saturating_duration_since(kind.asked_at) < SEEN_FOR;
            if seen || kind.busy > 0 || !kind.waits.is_empty() {
                return true;
            }
            *identifiers -= kind.ask.identifiers.len();
            if let Some(numbers) = by_digest.get_mut(&kind.digest) {
                numbers.retain(|other| other != number);
                if numbers.is_empty() {
                    by_digest.remove(&kind.digest);
                }
            }
            false
        });
    }
}

impl Kind {
    fn is_of(&self, ask: &Ask) -> bool {
        self.ask.cluster == ask.cluster && self.ask.identifiers == ask.identifiers
    }

    /// A runner asks again: the one whose wait ended first, if one's has.
    fn came_back(&mut self, now: Instant) {
        if self.waits.peek().is_some_and(|Reverse(end)| *end <= now) {
            self.waits.pop();
        }
    }

    fn forget_late(&mut self, now: Instant) {
        while self.waits.peek().is_some_and(|Reverse(end)| *end + LATE_FOR <= now) {
            self.waits.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use boxwood_engine::{Identifier, Version};

    const WAIT: Duration = Duration::from_secs(1);
    const LEASE: Duration = Duration::from_secs(30);

    fn ask(cluster: &str, names: &[&str]) -> Ask {
        let version = Version::parse("v1.0").expect("a version");
        let identifier = |name: &&str| Identifier { name: (*name).into(), version: version.clone() };
        Ask { cluster: cluster.into(), identifiers: names.iter().map(identifier).collect() }
    }

    fn task(number: usize) -> TaskId {
        TaskId::from_u128(number as u128 + 1).expect("not zero")
    }

    /// Kinds as cluster and first name, with their counts.
    fn counts(seen: &Seen, waiting: &[Ask], now: Instant) -> Vec<(String, usize, usize)> {
        let line =
            |kind: Runners| (format!("{}/{}", kind.ask.cluster, kind.ask.identifiers[0].name), kind.idle, kind.busy);
        seen.list(waiting, now).into_iter().map(line).collect()
    }

    #[test]
    fn in_2_runners_that_poll_are_counted_once_however_often_they_ask() {
        let (seen, start) = (Seen::default(), Instant::now());
        for round in 0..20 {
            for runner in 0..3 {
                // Each is a little late.
                let now = start + round * WAIT + Duration::from_millis(u64::from(round) * 5 + runner);
                seen.asked(&ask("a", &["T"]), None, Some(WAIT), now);
            }
        }
        let now = start + 19 * WAIT + Duration::from_millis(200);
        assert_eq!(counts(&seen, &[], now), [("a/T".into(), 3, 0)]);
        let gone = now + WAIT + LATE_FOR;
        assert_eq!(counts(&seen, &[], gone), [("a/T".into(), 0, 0)], "seen, and no longer there");
        assert_eq!(counts(&seen, &[], gone + SEEN_FOR), [], "in_1: forgotten after a minute");
        assert!(seen.table().by_digest.is_empty() && seen.table().identifiers == 0);
    }

    #[test]
    fn in_2_who_waits_for_an_answer_is_idle() {
        let (seen, now) = (Seen::default(), Instant::now());
        let waiting = [ask("a", &["T"]), ask("b", &["T"]), ask("a", &["T"])];
        assert_eq!(counts(&seen, &waiting, now), [("a/T".into(), 2, 0), ("b/T".into(), 1, 0)]);
    }

    #[test]
    fn in_3_runners_are_busy_from_the_hand_out_to_the_report_or_the_end_of_the_lease() {
        let (seen, start) = (Seen::default(), Instant::now());
        let one = ask("a", &["T", "U"]);
        seen.took(&one, None, task(1), LEASE, start);
        seen.took(&one, None, task(2), LEASE, start);
        seen.took(&one, Some(task(1)), task(3), LEASE, start);
        assert_eq!(counts(&seen, &[], start), [("a/T".into(), 0, 2)]);
        seen.took(&one, Some(task(1)), task(3), LEASE, start);
        assert_eq!(counts(&seen, &[], start), [("a/T".into(), 0, 2)], "the same answer again");
        seen.asked(&one, Some(task(3)), None, start);
        assert_eq!(counts(&seen, &[], start), [("a/T".into(), 0, 1)]);
        seen.extended(task(2), LEASE, start + LEASE / 2);
        let later = start + LEASE + Duration::from_secs(50);
        seen.took(&one, None, task(4), LEASE, later - Duration::from_secs(5));
        assert_eq!(counts(&seen, &[], start + LEASE), [("a/T".into(), 0, 2)]);
        assert_eq!(counts(&seen, &[], later), [("a/T".into(), 0, 1)], "one lease is over");
        seen.released(task(4));
        assert_eq!(counts(&seen, &[], later), [("a/T".into(), 0, 0)]);
    }

    #[test]
    fn in_2_a_call_ends_the_wait_of_the_runner_that_makes_it_and_of_no_other() {
        let (seen, start) = (Seen::default(), Instant::now());
        let one = ask("a", &["T"]);
        seen.asked(&one, None, Some(WAIT), start);
        // Another one reports, and is told to wait as well.
        let later = start + WAIT + WAIT / 2;
        seen.asked(&one, Some(task(1)), Some(WAIT), later);
        assert_eq!(counts(&seen, &[], later), [("a/T".into(), 2, 0)]);
        seen.took(&one, None, task(2), LEASE, later);
        assert_eq!(counts(&seen, &[], later), [("a/T".into(), 1, 1)], "the first one is back, and has a task");
    }

    #[test]
    fn in_2_who_is_late_is_idle_for_two_seconds_more() {
        let (seen, start) = (Seen::default(), Instant::now());
        let wait = SEEN_FOR + WAIT;
        seen.asked(&ask("a", &["T"]), None, Some(wait), start);
        assert_eq!(counts(&seen, &[], start + wait), [("a/T".into(), 1, 0)], "also when it was told to wait for long");
        assert_eq!(counts(&seen, &[], start + wait + LATE_FOR / 2), [("a/T".into(), 1, 0)]);
        assert_eq!(counts(&seen, &[], start + wait + LATE_FOR), []);
    }

    #[test]
    fn in_1_runners_with_other_identifiers_are_another_entry() {
        let (seen, now) = (Seen::default(), Instant::now());
        for names in [["T", "U"], ["T", "V"], ["U", "T"], ["T", "U"]] {
            seen.asked(&ask("a", &names), None, Some(WAIT), now);
        }
        assert_eq!(counts(&seen, &[], now), [("a/T".into(), 2, 0), ("a/T".into(), 1, 0), ("a/U".into(), 1, 0)]);
    }

    #[test]
    fn in_3_who_works_for_long_is_not_forgotten() {
        let (seen, start) = (Seen::default(), Instant::now());
        seen.took(&ask("a", &["T"]), None, task(1), LEASE, start);
        let mut now = start;
        while now < start + 3 * SEEN_FOR {
            now += LEASE / 2;
            seen.extended(task(1), LEASE, now);
            seen.tidy(now);
        }
        assert_eq!(counts(&seen, &[], now), [("a/T".into(), 0, 1)]);
    }

    #[test]
    fn in_5_the_table_is_bounded() {
        let (seen, now) = (Seen::default(), Instant::now());
        for number in 0..KINDS_MAX + 10 {
            seen.asked(&ask("a", &[&number.to_string()]), None, Some(WAIT), now);
        }
        for number in 0..HELD_MAX + 10 {
            seen.took(&ask("a", &["0"]), None, task(number), LEASE, now);
        }
        assert_eq!(seen.list(&[], now).len(), KINDS_MAX);
        assert_eq!(seen.table().held.len(), HELD_MAX);
        seen.asked(&ask("a", &["new"]), None, None, now);
        seen.released(task(HELD_MAX + 5));
        assert_eq!(seen.list(&[], now)[0].busy, HELD_MAX);
        for _ in 0..IDLE_MAX + 10 {
            seen.asked(&ask("a", &["0"]), None, Some(WAIT), now);
        }
        assert_eq!(seen.list(&[], now)[0].idle, IDLE_MAX);
        let many: Vec<String> = (0..=IDENTIFIERS_MAX).map(|number| number.to_string()).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let seen = Seen::default();
        seen.asked(&ask("a", &many), None, None, now);
        assert!(seen.list(&[], now).is_empty());
    }
}
