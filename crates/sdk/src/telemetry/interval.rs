//! Lengths of time as `OTEL_EXPORT_INTERVAL` writes them (O-50).

use std::time::Duration;

/// Reads numbers with units one after the other, such as `5s`, `2m`, `1m30s`, `500ms` or `0.5s`; none if it is
/// something else, or nothing.
pub(super) fn parse(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    let mut sum = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let letters = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        let seconds = match &rest[..letters] {
            "ms" => 0.001,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return None,
        };
        rest = &rest[letters..];
        sum = sum.checked_add(Duration::try_from_secs_f64(number * seconds).ok()?)?;
    }
    (!sum.is_zero()).then_some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn o_50_intervals_are_numbers_with_units() {
        for (text, millis) in [("5s", 5_000), ("2m", 120_000), ("1m30s", 90_000), (" 500ms ", 500), ("0.5s", 500)] {
            assert_eq!(parse(text), Some(Duration::from_millis(millis)), "{text}");
        }
        for wrong in ["", "5", "s", "5x", "5s!", "-5s", "0s", "5 s", "1e300h", ".s"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
