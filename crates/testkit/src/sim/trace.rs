//! What happened, as one number, and as lines if somebody wants to read it.

use std::fmt::{self, Write as _};

/// Characters of a line that are kept.
const LINE_CHARACTERS_MAX: usize = 260;

/// A digest of everything that happened (FNV-1a).
#[derive(Clone, Debug)]
pub(super) struct Trace {
    digest: u64,
    /// None where nobody reads it.
    lines: Option<Vec<String>>,
}

impl Trace {
    pub(super) fn new(readable: bool) -> Self {
        Self { digest: 0xcbf2_9ce4_8422_2325, lines: readable.then(Vec::new) }
    }

    pub(super) fn note(&mut self, what: fmt::Arguments<'_>) {
        self.write_fmt(what).expect("a digest takes everything");
        self.write_char('\n').expect("a digest takes everything");
        if let Some(lines) = &mut self.lines {
            lines.push(what.to_string().chars().take(LINE_CHARACTERS_MAX).collect());
        }
    }

    pub(super) fn digest(&self) -> u64 {
        self.digest
    }

    pub(super) fn lines(&self) -> &[String] {
        self.lines.as_deref().unwrap_or_default()
    }
}

impl fmt::Write for Trace {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            self.digest = (self.digest ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        Ok(())
    }
}
