//! Times and durations.

use std::time::Duration;

use boxwood_engine::Timestamp;
use boxwood_proto::buffa_types::google::protobuf::{self as wire, DurationView};

use crate::validate::{Invalid, invalid};

/// A point in time on the wire.
pub(crate) fn timestamp(time: Timestamp) -> wire::Timestamp {
    let nanos = i32::try_from(time.0.rem_euclid(1_000_000) * 1000).expect("less than a second");
    wire::Timestamp { seconds: time.0.div_euclid(1_000_000), nanos, ..Default::default() }
}

/// A duration on the wire.
pub(crate) fn duration(span: Duration) -> wire::Duration {
    wire::Duration::from(span)
}

/// A duration a client asks for; what is below zero counts as zero.
pub(crate) fn requested_duration(span: &DurationView<'_>) -> Duration {
    let (Ok(seconds), Ok(nanos)) = (u64::try_from(span.seconds), u32::try_from(span.nanos)) else {
        return Duration::ZERO;
    };
    Duration::from_secs(seconds).saturating_add(Duration::from_nanos(nanos.into()))
}

/// A duration that must not be negative.
pub(crate) fn age(field: &str, span: &DurationView<'_>) -> Result<Duration, Invalid> {
    if span.seconds < 0 || !(0..1_000_000_000).contains(&span.nanos) {
        return invalid(format!("{field}: {} s {} ns is no duration of 0 or more", span.seconds, span.nanos));
    }
    Ok(requested_duration(span))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_before_the_epoch_have_positive_nanoseconds() {
        let wire = timestamp(Timestamp(-1));
        assert_eq!((wire.seconds, wire.nanos), (-1, 999_999_000));
        let wire = timestamp(Timestamp(1_500_000));
        assert_eq!((wire.seconds, wire.nanos), (1, 500_000_000));
    }

    #[test]
    fn odd_durations_are_read_without_failing() {
        let view = |seconds, nanos| DurationView { seconds, nanos, ..Default::default() };
        assert_eq!(requested_duration(&view(29, 980_000_000)), Duration::from_millis(29_980));
        for (seconds, nanos) in [(-1, 0), (0, -1), (i64::MIN, i32::MIN)] {
            assert_eq!(requested_duration(&view(seconds, nanos)), Duration::ZERO);
            assert!(age("job_max_age", &view(seconds, nanos)).is_err());
        }
        assert!(requested_duration(&view(i64::MAX, i32::MAX)) > Duration::from_secs(1 << 60));
    }
}
