//! Letters of a text one after the other, and the words they make.

use super::Unreadable;

/// How much of a wrong word an error repeats, in characters: enough to recognize it.
const SHOWN_CHARACTERS_MAX: usize = 40;

/// A place in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    line: usize,
    column: usize,
}

impl Place {
    /// The refusal of what stands here.
    pub(super) fn refuse<T>(self, problem: impl Into<String>) -> Result<T, Unreadable> {
        Err(Unreadable { line: self.line, column: self.column, problem: problem.into() })
    }
}

/// A key or a text, and where it starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) text: String,
    pub(super) place: Place,
    /// Words in quotes are never keywords.
    pub(super) quoted: bool,
}

impl Word {
    /// Whether this is the keyword `name`.
    pub(super) fn is(&self, name: &str) -> bool {
        !self.quoted && self.text.eq_ignore_ascii_case(name)
    }

    /// The refusal of this word.
    pub(super) fn refuse<T>(&self, problem: impl AsRef<str>) -> Result<T, Unreadable> {
        self.place.refuse(format!("{} {}", shown(&self.text), problem.as_ref()))
    }
}

/// A word as errors repeat it: harmless and not too long.
pub(super) fn shown(word: &str) -> String {
    format!("{:?}", word.chars().take(SHOWN_CHARACTERS_MAX).collect::<String>())
}

/// What a word is read as; it says where a word without quotes ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum As {
    /// A key: it also ends at a dot, a colon and an arrow.
    Key,
    /// A label or another text.
    Text,
    /// A member of a list: it also ends where the list does.
    Member,
}

/// Reads a text from its start to its end.
#[derive(Debug)]
pub(super) struct Cursor<'a> {
    rest: &'a str,
    place: Place,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Cursor { rest: text.trim_start_matches('\u{feff}'), place: Place { line: 1, column: 1 } }
    }

    pub(super) fn place(&self) -> Place {
        self.place
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    pub(super) fn starts_with(&self, sign: &str) -> bool {
        self.rest.starts_with(sign)
    }

    fn next(&mut self) -> Option<char> {
        let letter = self.peek()?;
        self.rest = &self.rest[letter.len_utf8()..];
        match letter {
            '\n' => self.place = Place { line: self.place.line + 1, column: 1 },
            _ => self.place.column += 1,
        }
        Some(letter)
    }

    /// Takes `sign` if it comes next.
    pub(super) fn take(&mut self, sign: &str) -> bool {
        let found = self.starts_with(sign);
        if found {
            for _ in sign.chars() {
                self.next();
            }
        }
        found
    }

    /// Passes blanks of this line.
    pub(super) fn skip_blanks(&mut self) {
        while self.peek().is_some_and(|letter| is_line_blank(letter) && letter != '\n') {
            self.next();
        }
    }

    /// Passes a comment; the line's end stays.
    pub(super) fn skip_comment(&mut self) {
        if self.starts_with("#") {
            while self.peek().is_some_and(|letter| letter != '\n') {
                self.next();
            }
        }
    }

    /// Passes blanks, comments, and what ends statements.
    pub(super) fn skip_between(&mut self) {
        loop {
            self.skip_blanks();
            self.skip_comment();
            match self.peek() {
                Some('\n' | ';') => self.next(),
                _ => return,
            };
        }
    }

    /// Whether a statement is over: at the end of a line, of the text, at `;`, or at `}`.
    pub(super) fn at_end_of_statement(&self) -> bool {
        matches!(self.peek(), None | Some('\n' | ';' | '}' | '#'))
    }

    /// What comes next, as errors show it.
    pub(super) fn shown(&self) -> String {
        match self.rest.split(['\n', ';']).next().unwrap_or("").trim() {
            "" if self.rest.is_empty() => "the end of the text".to_owned(),
            "" => "the end of the line".to_owned(),
            found => shown(found),
        }
    }

    /// Reads a word. Without quotes it may be empty.
    pub(super) fn word(&mut self, wanted: As) -> Result<Word, Unreadable> {
        self.skip_blanks();
        let place = self.place;
        let quoted = matches!(self.peek(), Some('"' | '\''));
        let text = match self.peek() {
            Some('|') => return place.refuse("block texts are not served; write the text in quotes"),
            Some('"') => self.double_quoted(place)?,
            Some('\'') => self.single_quoted(place)?,
            _ => self.bare(wanted)?,
        };
        Ok(Word { text, place, quoted })
    }

    fn double_quoted(&mut self, start: Place) -> Result<String, Unreadable> {
        let mut text = String::new();
        self.next();
        loop {
            let place = self.place;
            match self.next() {
                Some('"') => return Ok(text),
                Some('\\') => self.escaped(&mut text),
                Some('$') if self.starts_with("{") => return no_variables(place),
                Some('\n') | None => return start.refuse("this text has no closing \" on its line"),
                Some(letter) => text.push(letter),
            }
        }
    }

    /// As in D2, `''` is one quote, and nothing else is special.
    fn single_quoted(&mut self, start: Place) -> Result<String, Unreadable> {
        let mut text = String::new();
        self.next();
        loop {
            match self.next() {
                Some('\'') if self.take("'") => text.push('\''),
                Some('\'') => return Ok(text),
                Some('\n') | None => return start.refuse("this text has no closing ' on its line"),
                Some(letter) => text.push(letter),
            }
        }
    }

    fn bare(&mut self, wanted: As) -> Result<String, Unreadable> {
        let mut text = String::new();
        // Blanks at the end are no part of the word, but for those that were escaped.
        let mut end = 0;
        loop {
            let place = self.place;
            let over = match self.peek() {
                None | Some('\n' | ';' | '{' | '}') => true,
                Some('#') => text.is_empty() || text.ends_with(is_line_blank),
                Some('.' | ':') => wanted == As::Key,
                Some('-' | '<') => wanted == As::Key && self.at_arrow(),
                Some(']') => wanted == As::Member,
                Some(_) => false,
            };
            if over {
                text.truncate(end);
                return Ok(text);
            }
            match self.next() {
                Some('\\') => {
                    self.escaped(&mut text);
                    end = text.len();
                }
                Some('$') if self.starts_with("{") => return no_variables(place),
                Some('*') if wanted == As::Key => return place.refuse("patterns are not served; name each box"),
                Some(letter) => {
                    text.push(letter);
                    if !is_line_blank(letter) {
                        end = text.len();
                    }
                }
                None => {}
            }
        }
    }

    /// Whether an arrow, or what looks like one, comes next.
    pub(super) fn at_arrow(&self) -> bool {
        ["--", "->", "<-"].iter().any(|sign| self.starts_with(sign))
    }

    /// Adds what stands behind a backslash: a line break for `n`, nothing for the end of the line, else itself.
    fn escaped(&mut self, text: &mut String) {
        match self.next() {
            Some('n') => text.push('\n'),
            Some('t') => text.push('\t'),
            Some('\n') => self.skip_blanks(),
            Some('\r') if self.take("\n") => self.skip_blanks(),
            Some(letter) => text.push(letter),
            None => text.push('\\'),
        }
    }
}

fn no_variables<T>(place: Place) -> Result<T, Unreadable> {
    place.refuse("variables are not served; write the text itself")
}

/// Blanks that do not end a line; a carriage return only comes with the end of its line.
fn is_line_blank(letter: char) -> bool {
    letter != '\n' && letter.is_whitespace()
}
