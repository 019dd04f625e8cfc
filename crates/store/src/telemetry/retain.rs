//! Retention: what arrived longest ago goes first, a bounded number of records at a time.

use boxwood_engine::Timestamp;

use super::Options;

/// Records removed in one step at least, if there are as many to remove.
const STEP_RECORDS: usize = 2_000;

/// How far the stored time of a resource's latest use may be behind, in milliseconds: each use would be a write otherwise.
pub(crate) const ORIGIN_USE_MILLIS: i64 = 60_000;

/// What the writer removes.
pub(crate) struct Retention {
    age_max_millis: Option<i64>,
    /// Bytes that may be used at most.
    pub(crate) bytes_max: Option<u64>,
    /// Records that arrived before this, in milliseconds, are too old; `None` once there are none left.
    pub(crate) too_old_before: Option<i64>,
    /// Whether the database was found too large and has not yet become clearly smaller.
    shrinking: bool,
}

impl Retention {
    pub(super) fn new(options: &Options) -> Self {
        Self {
            age_max_millis: options.age_max.map(|age| i64::try_from(age.as_millis()).unwrap_or(i64::MAX)),
            bytes_max: options.bytes_max,
            too_old_before: None,
            shrinking: false,
        }
    }

    /// It is `now`: more may be too old.
    pub(super) fn advance(&mut self, now: Timestamp) {
        self.too_old_before = self.age_max_millis.map(|age| now.0.div_euclid(1_000).saturating_sub(age));
    }

    /// Records to remove in a step at most, with `stored` since the last one.
    pub(crate) fn step_records(stored: usize) -> usize {
        STEP_RECORDS.max(stored.saturating_mul(2))
    }

    /// How many of `used` bytes are too much. A database that was found too large counts as such until a twentieth of it
    /// is free, or it would be too large again with every commit.
    pub(crate) fn excess(&mut self, used: u64) -> u64 {
        let Some(bytes_max) = self.bytes_max else { return 0 };
        let wanted = bytes_max - bytes_max / 20;
        self.shrinking = used > if self.shrinking { wanted } else { bytes_max };
        if self.shrinking { used - wanted } else { 0 }
    }
}
