//! Intervals of times and ids (J-43, J-44).

use std::fmt::Display;
use std::ops::Bound;

use boxwood_engine::{JobId, Timestamp};
use boxwood_proto::buffa::MessageFieldView;
use boxwood_proto::buffa_types::google::protobuf::TimestampView;
use boxwood_proto::tilebox::v1::{IDIntervalView, TimeIntervalView};
use boxwood_store::Bounds;

use super::{Invalid, invalid, optional_id};

/// The seconds of 0001-01-01 and of the end of 9999, between which a timestamp of the wire lies.
const SECONDS: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;

/// A point in time of the wire in whole microseconds, and whether nanoseconds were left over.
pub(crate) fn timestamp(field: impl Display, time: &TimestampView<'_>) -> Result<(Timestamp, bool), Invalid> {
    if !SECONDS.contains(&time.seconds) || !(0..1_000_000_000).contains(&time.nanos) {
        return invalid(format!(
            "{field}: {} s {} ns is no time between the years 1 and 9999",
            time.seconds, time.nanos
        ));
    }
    let micros = time.seconds * 1_000_000 + i64::from(time.nanos / 1000);
    Ok((Timestamp(micros), time.nanos % 1000 != 0))
}

/// Reads an interval of times; start included and end excluded unless it says otherwise, an end left out is open.
pub(crate) fn time_interval(
    field: &str,
    interval: &MessageFieldView<TimeIntervalView<'_>>,
) -> Result<Bounds<Timestamp>, Invalid> {
    let Some(interval) = interval.as_option() else {
        return Ok((Bound::Unbounded, Bound::Unbounded));
    };
    let start = match interval.start_time.as_option() {
        None => Bound::Unbounded,
        Some(time) => match timestamp(format_args!("{field}.start_time"), time)? {
            // Between two microseconds: the next whole one is the first inside.
            (time, true) => Bound::Included(Timestamp(time.0 + 1)),
            (time, false) if interval.start_exclusive => Bound::Excluded(time),
            (time, false) => Bound::Included(time),
        },
    };
    let end = match interval.end_time.as_option() {
        None => Bound::Unbounded,
        Some(time) => match timestamp(format_args!("{field}.end_time"), time)? {
            (time, false) if !interval.end_inclusive => Bound::Excluded(time),
            (time, _) => Bound::Included(time),
        },
    };
    Ok((start, end))
}

/// Reads an interval of ids, under the same rules.
pub(crate) fn id_interval(
    field: &str,
    interval: &MessageFieldView<IDIntervalView<'_>>,
) -> Result<Bounds<JobId>, Invalid> {
    let Some(interval) = interval.as_option() else {
        return Ok((Bound::Unbounded, Bound::Unbounded));
    };
    let start = match optional_id(format_args!("{field}.start_id"), &interval.start_id, JobId::from_bytes)? {
        None => Bound::Unbounded,
        Some(id) if interval.start_exclusive => Bound::Excluded(id),
        Some(id) => Bound::Included(id),
    };
    let end = match optional_id(format_args!("{field}.end_id"), &interval.end_id, JobId::from_bytes)? {
        None => Bound::Unbounded,
        Some(id) if interval.end_inclusive => Bound::Included(id),
        Some(id) => Bound::Excluded(id),
    };
    Ok((start, end))
}

/// Whether nothing can lie within the bounds.
pub(crate) fn is_empty<T: PartialOrd>(bounds: &Bounds<T>) -> bool {
    use Bound::{Excluded, Included};
    match bounds {
        (Included(start), Included(end)) => start > end,
        (Included(start) | Excluded(start), Included(end) | Excluded(end)) => start >= end,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(seconds: i64, nanos: i32) -> MessageFieldView<TimestampView<'static>> {
        MessageFieldView::set(TimestampView { seconds, nanos, ..Default::default() })
    }

    fn read(interval: TimeIntervalView<'_>) -> Result<Bounds<Timestamp>, Invalid> {
        time_interval("filters.time_interval", &MessageFieldView::set(interval))
    }

    #[test]
    fn j_43_the_start_is_included_and_the_end_excluded_unless_the_flags_say_otherwise() {
        let half_open = TimeIntervalView { start_time: time(1, 0), end_time: time(2, 5000), ..Default::default() };
        assert_eq!(read(half_open), Ok((Bound::Included(Timestamp(1_000_000)), Bound::Excluded(Timestamp(2_000_005)))));
        let flags = TimeIntervalView {
            start_time: time(1, 0),
            end_time: time(1, 0),
            start_exclusive: true,
            end_inclusive: true,
            ..Default::default()
        };
        assert_eq!(read(flags), Ok((Bound::Excluded(Timestamp(1_000_000)), Bound::Included(Timestamp(1_000_000)))));
        assert_eq!(read(TimeIntervalView::default()), Ok((Bound::Unbounded, Bound::Unbounded)));
    }

    #[test]
    fn j_43_bounds_between_two_microseconds_are_kept_exact() {
        let between = TimeIntervalView { start_time: time(0, 1), end_time: time(0, 1001), ..Default::default() };
        assert_eq!(read(between), Ok((Bound::Included(Timestamp(1)), Bound::Included(Timestamp(1)))));
    }

    #[test]
    fn impossible_times_are_refused_by_name() {
        for start_time in [time(i64::MAX, 0), time(0, -1), time(0, 1_000_000_000), time(i64::MIN, 0)] {
            let refused = read(TimeIntervalView { start_time, ..Default::default() }).expect_err("no time").0;
            assert!(refused.starts_with("filters.time_interval.start_time: "), "{refused}");
        }
    }

    #[test]
    fn empty_intervals_are_seen() {
        use Bound::{Excluded, Included, Unbounded};
        assert!(is_empty(&(Included(2), Included(1))) && is_empty(&(Included(1), Excluded(1))));
        assert!(is_empty(&(Excluded(1), Included(1))) && is_empty(&(Excluded(1), Excluded(1))));
        assert!(!is_empty(&(Included(1), Included(1))) && !is_empty(&(Unbounded, Excluded(1))));
    }
}
