//! Points in time. They enter the engine inside commands; nothing here reads a clock.

use std::time::Duration;

/// Microseconds since the Unix epoch, UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The same point in time, cut to whole milliseconds.
    #[must_use]
    pub fn whole_milliseconds(self) -> Self {
        Self(self.0.div_euclid(1000) * 1000)
    }

    /// This time and `span` after it; stays at the largest representable time instead of wrapping.
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)))
    }

    /// The time from `earlier` to `self`, zero if the clock went backwards in between.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}
