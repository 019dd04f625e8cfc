//! Times: how users write them, and how they are shown.

use std::time::{Duration, SystemTime};

use jiff::tz::TimeZone;
use jiff::{Span, SpanRelativeTo, Timestamp, civil};

/// Reads a length of time such as `7d`, `5m` or `1h 30m`; a day has 24 hours.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    const FORM: &str = "write a number and s, m, h, d or w, for example 7d, 5m or 1h 30m";
    let span: Span = text.parse().map_err(|_| FORM.to_owned())?;
    let days = SpanRelativeTo::days_are_24_hours();
    let duration = span.to_duration(days).map_err(|_| FORM.to_owned())?;
    Duration::try_from(duration).map_err(|_| format!("a length of time is not negative; {FORM}"))
}

/// Reads a point in time: RFC 3339, or a date with or without a time of day in the local time zone.
pub(crate) fn parse_time(text: &str) -> Result<SystemTime, String> {
    parse_time_in(text, TimeZone::system())
}

fn parse_time_in(text: &str, zone: TimeZone) -> Result<SystemTime, String> {
    const FORM: &str = "write a date, 2026-07-28, a local time, 2026-07-28T14:00, or RFC 3339, 2026-07-28T14:00:00Z";
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time.into());
    }
    let local: civil::DateTime = text.parse().map_err(|_| FORM.to_owned())?;
    local.to_zoned(zone).map(|time| time.timestamp().into()).map_err(|error| format!("{error}; {FORM}"))
}

/// The point in time for programs: RFC 3339 in UTC.
pub(crate) fn rfc_3339(time: SystemTime) -> String {
    Timestamp::try_from(time).map_or_else(|_| String::new(), |time| time.to_string())
}

/// The point in time for people, to the second, in the local time zone.
pub(crate) fn local(time: SystemTime) -> String {
    format(time, "%Y-%m-%d %H:%M:%S")
}

/// The point in time for people, to the millisecond, in the local time zone.
pub(crate) fn local_exact(time: SystemTime) -> String {
    format(time, "%Y-%m-%d %H:%M:%S%.3f")
}

fn format(time: SystemTime, form: &str) -> String {
    match Timestamp::try_from(time) {
        Ok(time) => time.to_zoned(TimeZone::system()).strftime(form).to_string(),
        // Further away than the calendar reaches.
        Err(_) => "-".to_owned(),
    }
}

/// How long ago something was, in few columns: `3m`, `2d`; `now` within the last second, and for what is to come.
pub(crate) fn age(time: SystemTime, now: SystemTime) -> String {
    let seconds = now.duration_since(time).unwrap_or_default().as_secs();
    match seconds {
        0 => "now".to_owned(),
        1..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m", seconds / 60),
        3_600..86_400 => format!("{}h", seconds / 3_600),
        86_400.. => format!("{}d", seconds / 86_400),
    }
}

/// A length of time for people, to two or three digits: `850 µs`, `12 ms`, `1.24 s`, `3 min 20 s`, `2 h 5 min`.
pub(crate) fn took(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    let whole = duration.as_secs();
    match whole {
        _ if seconds < 0.000_999_5 => format!("{} µs", duration.as_micros()),
        _ if seconds < 0.9995 => format!("{:.0} ms", seconds * 1e3),
        _ if seconds < 9.995 => format!("{seconds:.2} s"),
        _ if seconds < 60.0 => format!("{seconds:.1} s"),
        0..3_600 => parts(whole / 60, "min", whole % 60, "s"),
        3_600..86_400 => parts(whole / 3_600, "h", whole / 60 % 60, "min"),
        86_400.. => parts(whole / 86_400, "d", whole / 3_600 % 24, "h"),
    }
}

/// A length of time for people who want to know about how long: `0 s`, `25 s`, `3 min 20 s`, `2 h 5 min`.
pub(crate) fn about(duration: Duration) -> String {
    match duration.as_secs_f64().round() as u64 {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds => took(Duration::from_secs(seconds)),
    }
}

fn parts(large: u64, large_unit: &str, small: u64, small_unit: &str) -> String {
    match small {
        0 => format!("{large} {large_unit}"),
        _ => format!("{large} {large_unit} {small} {small_unit}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_read() {
        for (text, seconds) in [("7d", 604_800), ("5m", 300), ("1h 30m", 5_400), ("2w", 1_209_600), ("90 seconds", 90)]
        {
            assert_eq!(parse_duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "7", "d", "-5m", "5m ago", "1mo", "1y", "soon"] {
            assert!(parse_duration(text).unwrap_err().contains("for example 7d"), "{text}");
        }
    }

    #[test]
    fn points_in_time_are_read_in_the_local_zone_unless_they_name_one() {
        let zone = TimeZone::fixed(jiff::tz::offset(2));
        let read = |text: &str| parse_time_in(text, zone.clone()).map(rfc_3339);
        assert_eq!(read("2026-07-28T14:00:00Z"), Ok("2026-07-28T14:00:00Z".to_owned()));
        assert_eq!(read("2026-07-28T14:00:00+05:00"), Ok("2026-07-28T09:00:00Z".to_owned()));
        assert_eq!(read("2026-07-28 14:00"), Ok("2026-07-28T12:00:00Z".to_owned()));
        assert_eq!(read("2026-07-28"), Ok("2026-07-27T22:00:00Z".to_owned()));
        for text in ["", "yesterday", "28.7.2026", "2026-13-01", "14:00"] {
            assert!(read(text).unwrap_err().contains("RFC 3339"), "{text}");
        }
    }

    #[test]
    fn lengths_of_time_are_shown_short() {
        for (millis, text) in [
            (0.85, "850 µs"),
            (12.4, "12 ms"),
            (1_240.0, "1.24 s"),
            (59_940.0, "59.9 s"),
            (200_000.0, "3 min 20 s"),
            (180_000.0, "3 min"),
            (7_500_000.0, "2 h 5 min"),
            (90_000_000.0, "1 d 1 h"),
        ] {
            assert_eq!(took(Duration::from_secs_f64(millis / 1e3)), text);
        }
        assert_eq!(took(Duration::ZERO), "0 µs");
        for (millis, text) in [(0, "0 s"), (1_499, "1 s"), (59_700, "1 min"), (200_000, "3 min 20 s")] {
            assert_eq!(about(Duration::from_millis(millis)), text);
        }
    }

    #[test]
    fn ages_are_shown_in_one_unit() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        for (seconds, text) in [(0, "now"), (59, "59s"), (61, "1m"), (7_200, "2h"), (200_000, "2d")] {
            assert_eq!(age(now - Duration::from_secs(seconds), now), text);
        }
        assert_eq!(age(now + Duration::from_secs(5), now), "now");
    }
}
