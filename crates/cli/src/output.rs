//! Standard output is data, standard error is talk.

use std::fmt::Write as _;
use std::io::{ErrorKind, IsTerminal, Write};

use serde::Serialize;

use crate::Failure;
use crate::text::{is_hostile, wrap};

/// How text can stand out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    Plain,
    Bold,
    Faint,
    Good,
    Active,
    Warning,
    Bad,
}

impl Style {
    fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Bold => "1",
            Self::Faint => "2",
            Self::Good => "32",
            Self::Active => "36",
            Self::Warning => "33",
            Self::Bad => "31",
        }
    }
}

/// What a stream can show.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Screen {
    /// How many columns there are; none where nobody looks, so that nothing is cut.
    pub(crate) columns: Option<usize>,
    /// How many rows there are, if it is known.
    pub(crate) rows: Option<usize>,
    /// Whether text can stand out.
    pub(crate) colour: bool,
}

impl Screen {
    fn of(terminal: bool, size: Option<(terminal_size::Width, terminal_size::Height)>) -> Self {
        // A dumb terminal can neither go back in a line nor show colour.
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        if !terminal || dumb {
            return Self { columns: None, rows: None, colour: false };
        }
        let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let columns = size.map(|(width, _)| usize::from(width.0)).filter(|columns| *columns > 0);
        let rows = size.map(|(_, height)| usize::from(height.0)).filter(|rows| *rows > 0);
        Self { columns: Some(columns.unwrap_or(80)), rows, colour: !is_set("NO_COLOR") }
    }

    /// The text in a style, where the stream can show it.
    pub(crate) fn paint(self, style: Style, text: &str) -> String {
        if self.colour && style != Style::Plain && !text.is_empty() {
            format!("\x1b[{}m{text}\x1b[0m", style.code())
        } else {
            text.to_owned()
        }
    }
}

/// The two streams of a command.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    /// Whether standard output gets one JSON value instead of text.
    pub(crate) json: bool,
    /// Standard output.
    pub(crate) out: Screen,
    /// Standard error.
    pub(crate) err: Screen,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        let (out, err) = (std::io::stdout(), std::io::stderr());
        Self {
            json,
            out: Screen::of(out.is_terminal(), terminal_size::terminal_size_of(&out)),
            err: Screen::of(err.is_terminal(), terminal_size::terminal_size_of(&err)),
        }
    }

    /// Writes data to standard output, as it is.
    ///
    /// # Errors
    /// [`Failure::Closed`] if nobody reads it any more.
    pub(crate) fn data(&self, text: &str) -> Result<(), Failure> {
        let mut out = std::io::stdout().lock();
        out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|error| match error.kind() {
            ErrorKind::BrokenPipe => Failure::Closed,
            _ => Failure::Other(format!("standard output: {error}")),
        })
    }

    /// Writes a line of data to standard output.
    ///
    /// # Errors
    /// As [`data`](Self::data).
    pub(crate) fn line(&self, text: &str) -> Result<(), Failure> {
        self.data(&format!("{text}\n"))
    }

    /// Writes a value to standard output as one line of JSON. What could drive a terminal is escaped.
    ///
    /// # Errors
    /// As [`data`](Self::data).
    pub(crate) fn value(&self, value: &impl Serialize) -> Result<(), Failure> {
        self.line(&as_json(value)?)
    }

    /// Writes a line of talk to standard error. Whoever asked for JSON gets none.
    pub(crate) fn talk(&self, text: &str) {
        if self.json {
            return;
        }
        // If nobody listens there is nobody to tell.
        let _ = writeln!(std::io::stderr(), "{}", wrapped(text, self.err));
    }
}

/// A value as one line of JSON, in which nothing could drive a terminal.
///
/// # Errors
/// [`Failure::Other`] if it cannot be written so.
pub(crate) fn as_json(value: &impl Serialize) -> Result<String, Failure> {
    let json = serde_json::to_string(value).map_err(|error| Failure::Other(format!("cannot write JSON: {error}")))?;
    Ok(harmless_json(json))
}

/// The text, broken between words where it is too long for a terminal.
pub(crate) fn wrapped(text: &str, screen: Screen) -> String {
    text.lines().flat_map(|line| wrap(line, screen.columns)).collect::<Vec<_>>().join("\n")
}

/// Escapes what JSON allows as it is, but terminals may act on. Such characters occur only inside of texts.
fn harmless_json(json: String) -> String {
    if !json.contains(is_hostile) {
        return json;
    }
    let mut harmless = String::with_capacity(json.len() + 16);
    let mut units = [0; 2];
    for c in json.chars() {
        if is_hostile(c) {
            for unit in c.encode_utf16(&mut units) {
                // Writing to a string cannot fail.
                let _ = write!(harmless, "\\u{unit:04x}");
            }
        } else {
            harmless.push(c);
        }
    }
    harmless
}

/// Escapes the same in the text of an XML document.
pub(crate) fn harmless_xml(xml: &str) -> String {
    let mut harmless = String::with_capacity(xml.len());
    for c in xml.chars() {
        match c {
            '\n' | '\t' => harmless.push(c),
            c if is_hostile(c) => {
                let _ = write!(harmless, "&#x{:x};", u32::from(c));
            }
            c => harmless.push(c),
        }
    }
    harmless
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_stays_the_same_value_and_becomes_harmless() {
        let value = "a\u{9b}2J\u{202e}\u{7f}\u{e0041}\x1b[m ü";
        let json = harmless_json(serde_json::to_string(value).unwrap());
        assert_eq!(json, r#""a\u009b2J\u202e\u007f\udb40\udc41\u001b[m ü""#);
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), value);
    }

    #[test]
    fn xml_becomes_harmless() {
        assert_eq!(harmless_xml("<text>\n\u{9b}31m</text>"), "<text>\n&#x9b;31m</text>");
    }

    #[test]
    fn colour_is_for_terminals_only() {
        let screen = Screen::of(false, None);
        assert_eq!(screen.paint(Style::Bad, "x"), "x");
        assert_eq!(Screen { columns: None, rows: None, colour: true }.paint(Style::Bad, "x"), "\x1b[31mx\x1b[0m");
    }
}
