//! W3C trace contexts: which trace something belongs to, and below which span (J-10).

use std::fmt;
use std::str::FromStr;

use rand::Rng as _;

/// A position in a trace: the trace, and a span of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TraceParent {
    pub(crate) trace: [u8; 16],
    pub(crate) span: [u8; 8],
}

impl TraceParent {
    /// The first span of a new trace.
    pub(crate) fn random() -> Self {
        let mut trace = [0; 16];
        rand::rng().fill_bytes(&mut trace);
        // All zeros would be invalid, once in 2^128 traces.
        trace[0] |= 1;
        Self { trace, span: random_span() }
    }

    /// A further span of the same trace.
    #[cfg(feature = "telemetry")]
    pub(crate) fn child(self) -> Self {
        Self { span: random_span(), ..self }
    }
}

fn random_span() -> [u8; 8] {
    let mut span = [0; 8];
    rand::rng().fill_bytes(&mut span);
    span[0] |= 1;
    span
}

impl fmt::Display for TraceParent {
    /// Version 00, marked as sampled.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("00-")?;
        self.trace.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str("-")?;
        self.span.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str("-01")
    }
}

/// The text is no trace parent of version 00.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

impl FromStr for TraceParent {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let mut parts = text.split('-');
        let (version, trace, span, flags) = (parts.next(), parts.next(), parts.next(), parts.next());
        if version != Some("00") || parts.next().is_some() || flags.and_then(bytes::<1>).is_none() {
            return Err(Malformed);
        }
        let trace = trace.and_then(bytes::<16>).filter(|trace| *trace != [0; 16]);
        let span = span.and_then(bytes::<8>).filter(|span| *span != [0; 8]);
        trace.zip(span).map(|(trace, span)| Self { trace, span }).ok_or(Malformed)
    }
}

/// Exactly N bytes from lower-case hexadecimal digits.
fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digit = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let text = text.as_bytes();
    if text.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn j_1_trace_parents_are_well_formed_and_fresh() {
        let one = TraceParent::random();
        let text = one.to_string();
        let parts: Vec<&str> = text.split('-').collect();
        assert_eq!(parts.iter().map(|part| part.len()).collect::<Vec<_>>(), [2, 32, 16, 2], "{text}");
        assert!(text.chars().all(|c| c == '-' || c.is_ascii_hexdigit() && !c.is_ascii_uppercase()), "{text}");
        assert_ne!(one, TraceParent::random());
        assert_eq!(text.parse(), Ok(one));
    }

    #[test]
    fn j_10_trace_parents_of_other_sdks_are_read() {
        let (trace, span) = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331");
        for flags in ["00", "01", "03"] {
            let read: TraceParent = format!("00-{trace}-{span}-{flags}").parse().unwrap();
            assert_eq!(read.to_string(), format!("00-{trace}-{span}-01"));
        }
        for wrong in [
            String::new(),
            format!("01-{trace}-{span}-01"),
            format!("00-{trace}-{span}"),
            format!("00-{trace}-{span}-01-02"),
            format!("00-{trace}-{}-01", "0".repeat(16)),
            format!("00-{}-{span}-01", "0".repeat(32)),
            format!("00-{}-{span}-01", trace.to_uppercase()),
            format!("00-{}ä-{span}-01", "0".repeat(30)),
        ] {
            assert_eq!(wrong.parse::<TraceParent>(), Err(Malformed), "{wrong}");
        }
    }
}
