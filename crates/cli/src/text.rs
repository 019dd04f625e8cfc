//! Text from elsewhere on a terminal: names, displays and logs are written by anybody.

use std::fmt::Write as _;

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// Whether a terminal might act on this character, or a reader might be misled by it: controls (the C1 ones drive
/// terminals too), line and paragraph separators, marks that turn the direction of writing, and invisible ones.
pub(crate) fn is_hostile(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// The text on one line, with hostile characters written out, such as `\x1b` and `\u{202e}`.
pub(crate) fn shown(text: &str) -> String {
    if !text.contains(is_hostile) {
        return text.to_owned();
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            c if is_hostile(c) => {
                let number = u32::from(c);
                // Writing to a string cannot fail.
                let _ =
                    if number < 0x100 { write!(shown, "\\x{number:02x}") } else { write!(shown, "\\u{{{number:x}}}") };
            }
            c => shown.push(c),
        }
    }
    shown
}

/// The lines of a text, each as [`shown`] writes it, with blanks for tabs; line breaks of all platforms count.
pub(crate) fn shown_lines(text: &str) -> impl Iterator<Item = String> + '_ {
    text.trim_end().lines().map(|line| shown(&line.replace('\t', "    ")))
}

/// The first line of a text as [`shown`] writes it; a cut is marked by an ellipsis.
pub(crate) fn first_line(text: &str) -> String {
    let mut lines = shown_lines(text);
    let first = lines.next().unwrap_or_default();
    if lines.next().is_some() { format!("{first} …") } else { first }
}

/// Columns that the text takes on a terminal.
pub(crate) fn columns(text: &str) -> usize {
    text.width()
}

/// The text in at most `columns_max` columns; a cut is marked by an ellipsis.
pub(crate) fn fit(text: &str, columns_max: usize) -> String {
    if text.width() <= columns_max {
        return text.to_owned();
    }
    let mut room = columns_max.saturating_sub(1);
    let mut cut = String::new();
    for c in text.chars() {
        let wide = c.width().unwrap_or(0);
        if wide > room {
            break;
        }
        room -= wide;
        cut.push(c);
    }
    if columns_max > 0 {
        cut.push('…');
    }
    cut
}

/// The text in pieces of at most `room` columns, broken between words where there are some.
pub(crate) fn wrap(text: &str, room: Option<usize>) -> Vec<String> {
    let Some(room) = room else { return vec![text.to_owned()] };
    let mut pieces = Vec::new();
    let mut piece = String::new();
    for c in text.chars() {
        piece.push(c);
        if columns(piece.trim_end()) > room {
            // A blank near the start would leave most of the row empty, or is the indentation of the line.
            let at = match piece.rfind(' ') {
                Some(blank) if blank + 1 > piece.len() / 2 && !piece[..blank].trim().is_empty() => blank + 1,
                _ => piece.len() - c.len_utf8(),
            };
            let next = piece.split_off(at);
            pieces.push(std::mem::replace(&mut piece, next).trim_end().to_owned());
        }
    }
    pieces.push(piece);
    pieces
}

/// A count with its noun, such as `1 task` and `12,000 tasks`.
pub(crate) fn counted(count: u64, one: &str) -> String {
    format!("{} {one}{}", number(count), if count == 1 { "" } else { "s" })
}

/// A number with commas between groups of three digits.
pub(crate) fn number(count: u64) -> String {
    let digits = count.to_string();
    let mut grouped = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_and_turns_are_written_out() {
        let hostile = "a\x1b]0;title\x07\u{9b}31m\u{202e}gnp\n\u{7f}\u{200b}b";
        assert_eq!(shown(hostile), "a\\x1b]0;title\\x07\\x9b31m\\u{202e}gnp\\n\\x7f\\u{200b}b");
        let friendly = "Größe 日本語 👩‍🔬 – ok";
        assert_eq!(shown(friendly), friendly);
    }

    #[test]
    fn lines_of_a_text_cannot_overwrite_each_other() {
        let lines: Vec<String> = shown_lines("one\r\ntwo\rthree\x1b[A\n\tfour\n\n").collect();
        assert_eq!(lines, ["one", "two\\rthree\\x1b[A", "    four"]);
        assert_eq!(first_line("one\ntwo"), "one …");
        assert_eq!(first_line(""), "");
    }

    #[test]
    fn wide_characters_count_twice() {
        assert_eq!(fit("日本語の仕事", 7), "日本語…");
        assert_eq!(columns(&fit("日本語の仕事", 8)), 7);
        assert_eq!(fit("short", 5), "short");
        assert_eq!(fit("long", 0), "");
    }

    #[test]
    fn counts_are_grouped_and_have_a_plural() {
        assert_eq!(counted(1, "task"), "1 task");
        assert_eq!(counted(0, "task"), "0 tasks");
        assert_eq!(counted(1_234_567, "task"), "1,234,567 tasks");
        assert_eq!(number(100), "100");
    }

    #[test]
    fn errors_are_broken_between_words_and_inside_of_long_ones() {
        assert_eq!(wrap("no such file or directory", Some(12)), ["no such file", "or directory"]);
        assert_eq!(wrap("    indented", Some(6)), ["    in", "dented"]);
        assert_eq!(wrap("日本語日本語", Some(5)), ["日本", "語日", "本語"]);
        assert_eq!(wrap("no such file or directory", None), ["no such file or directory"]);
        assert_eq!(wrap("", Some(5)), [""]);
    }
}
