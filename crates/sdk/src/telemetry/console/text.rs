//! Text of tasks on a terminal: it is written by anybody.

use std::fmt::Write as _;

/// Whether a terminal might act on this character, or a reader might be misled by it: controls, separators of lines,
/// marks that turn the direction of writing, and invisible ones.
fn is_hostile(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Appends a text as one line, with hostile characters written out, such as `\n`, `\x1b` and `\u{202e}`.
pub(super) fn push(line: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '\n' => line.push_str("\\n"),
            '\r' => line.push_str("\\r"),
            '\t' => line.push_str("\\t"),
            c if is_hostile(c) => {
                let number = u32::from(c);
                // Writing to a text cannot fail.
                let _ =
                    if number < 0x100 { write!(line, "\\x{number:02x}") } else { write!(line, "\\u{{{number:x}}}") };
            }
            c => line.push(c),
        }
    }
}

/// Appends the value of a field: in quotes where it would not be seen where it ends.
pub(super) fn push_value(line: &mut String, value: &str) {
    let plain = !value.is_empty() && !value.contains(|c: char| c.is_whitespace() || c == '"' || c == '=');
    if plain {
        return push(line, value);
    }
    line.push('"');
    for (index, part) in value.split('"').enumerate() {
        line.push_str(if index == 0 { "" } else { "\\\"" });
        push(line, part);
    }
    line.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_and_turns_are_written_out() {
        let mut line = String::new();
        push(&mut line, "a\x1b]0;title\x07\u{9b}31m\u{202e}gnp\n\u{200b}b Größe 👩‍🔬");
        assert_eq!(line, "a\\x1b]0;title\\x07\\x9b31m\\u{202e}gnp\\n\\u{200b}b Größe 👩‍🔬");
    }

    #[test]
    fn values_that_could_be_misread_are_quoted() {
        for (value, shown) in [("a.tif", "a.tif"), ("", "\"\""), ("a b", "\"a b\""), ("x=1 \"y\"", "\"x=1 \\\"y\\\"\"")]
        {
            let mut line = String::new();
            push_value(&mut line, value);
            assert_eq!(line, shown);
        }
    }
}
