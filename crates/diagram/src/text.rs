//! Labels: making hostile text harmless, breaking long lines, and estimating how wide text is.
//!
//! No font is embedded and none is known when the picture is made, so widths are estimated from above:
//! each character counts as wide as in the widest of the common sans-serif fonts. What is known to be
//! narrower in most of them is set to that width, which any font is then stretched or squeezed to.

use crate::graph::Node;
use crate::lettering::decomposed;

/// The size of the letters, in pixels.
pub(crate) const LETTER_PX: f64 = 14.0;
/// The distance from one line of a label to the next, in pixels.
pub(crate) const LINE_PX: f64 = 18.0;
/// The longest line that is not broken, in columns; wide characters count two.
const COLUMNS_MAX: usize = 60;
/// The most lines one box shows; the rest is in its tooltip. Enough for a display and a short error.
const LINES_MAX: usize = 12;
/// States on one line of a stack's label.
const STATES_IN_LINE: usize = 2;
/// Lines of states that a stack's label has room for; a stack of five states has one more.
const STATE_LINES: usize = 2;
/// The most marks drawn on one letter; stacks of hundreds would leave the box.
const MARKS_MAX: usize = 3;

/// What a box shows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Label {
    /// The lines, harmless but not yet escaped.
    pub(crate) lines: Vec<String>,
    /// Whether the lines differ from the text: broken or cut.
    pub(crate) altered: bool,
    /// The estimated width of the widest line, in pixels.
    pub(crate) width: f64,
    /// How many lines the box has room for.
    pub(crate) room: usize,
}

impl Label {
    /// What the box of `node` shows: of a stack also how many of its tasks are in which state.
    ///
    /// A stack's label has room for four states whatever they are, so that a picture keeps its layout while a job runs.
    pub(crate) fn of(node: &Node) -> Self {
        let mut label = Label::new(&node.label);
        let Some(stack) = &node.stack else { return label };
        label.room = label.lines.len() + STATE_LINES;
        let states: Vec<String> =
            stack.states().map(|(state, count)| format!("{} {}", grouped(count), state.words())).collect();
        match &states[..] {
            [_] => label.lines.push(format!("all {}", stack.state().words())),
            states => label.lines.extend(states.chunks(STATES_IN_LINE).map(|states| states.join(", "))),
        }
        label.room = label.room.max(label.lines.len());
        let total = grouped(stack.total());
        label.width = width(&format!("{total} computed, {total} running"));
        label.width = label.lines.iter().map(|line| width(line)).fold(label.width, f64::max);
        label
    }

    /// Breaks `text` into lines for a box.
    pub(crate) fn new(text: &str) -> Self {
        let text = harmless(text);
        let given = text.trim_end_matches('\n').split('\n');
        let mut lines = Vec::new();
        let mut altered = false;
        for line in given {
            let before = lines.len();
            break_line(line, &mut lines);
            altered |= lines.len() > before + 1;
            if lines.len() > LINES_MAX {
                altered = true;
                break;
            }
        }
        if lines.len() > LINES_MAX {
            lines.truncate(LINES_MAX);
            if let Some(last) = lines.last_mut() {
                *last = shortened(&format!("{last} …"), COLUMNS_MAX);
            }
        }
        let width = lines.iter().map(|line| width(line)).fold(0.0, f64::max);
        Label { room: lines.len(), lines, altered, width }
    }
}

/// `text` on one line of at most `columns` columns, with an ellipsis if something is missing.
pub(crate) fn one_line(text: &str, columns: usize) -> String {
    shortened(&harmless(text).replace('\n', " "), columns)
}

fn shortened(line: &str, columns: usize) -> String {
    if columns_of(line) <= columns {
        return line.to_owned();
    }
    let mut kept = String::new();
    let mut used = 1;
    for letter in line.chars() {
        used += columns_of_letter(letter);
        if used > columns {
            break;
        }
        kept.push(letter);
    }
    kept.truncate(kept.trim_end_matches([' ', '…']).len());
    kept.push('…');
    kept
}

/// The text with every line break as `\n`, and with what could do harm replaced by the sign �:
/// control characters (and with them the start of terminal sequences), what XML cannot hold, and what
/// turns the direction of writing around.
pub(crate) fn harmless(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut marks = 0;
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        if columns_of_letter(letter) == 0 {
            marks += 1;
            if marks > MARKS_MAX {
                continue;
            }
        } else {
            marks = 0;
        }
        match letter {
            '\r' => {
                letters.next_if_eq(&'\n');
                out.push('\n');
            }
            '\n' | '\u{85}' | '\u{2028}' | '\u{2029}' => out.push('\n'),
            '\t' => out.push_str("    "),
            // Unicode has signs for control characters, but few fonts have them.
            '\0'..='\u{1f}'
            | '\u{7f}'..='\u{9f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{fffe}'
            | '\u{ffff}' => out.push('\u{fffd}'),
            _ => out.push(letter),
        }
    }
    out
}

/// Appends `line` in pieces of at most [`COLUMNS_MAX`] columns, no more than can be shown.
fn break_line(line: &str, lines: &mut Vec<String>) {
    let mut rest = line;
    while lines.len() <= LINES_MAX {
        let Some(end) = too_long_at(rest) else {
            lines.push(rest.to_owned());
            return;
        };
        let cut = break_before(rest, end);
        let (piece, next) = rest.split_at(cut);
        lines.push(piece.trim_end().to_owned());
        rest = next.trim_start();
    }
}

/// Where the first letter starts that does not fit on a line any more.
fn too_long_at(line: &str) -> Option<usize> {
    let mut columns = 0;
    line.char_indices().find_map(|(at, letter)| {
        columns += columns_of_letter(letter);
        (columns > COLUMNS_MAX).then_some(at)
    })
}

/// The best place to break `line` at or before the byte `end`, which is on a letter's edge and not 0:
/// at a space, else behind a sign that often joins words, else anywhere.
fn break_before(line: &str, end: usize) -> usize {
    let earliest = end / 3;
    let head = &line[..end];
    if line[end..].starts_with(' ') {
        return end;
    }
    if let Some(at) = head.rfind(' ').filter(|&at| at > earliest) {
        return at + 1;
    }
    if let Some(at) = head.rfind(['/', ',', ';', '_', '-', ')', '&', '=', ':', '.']).filter(|&at| at > earliest) {
        return at + 1;
    }
    end
}

/// A number with commas, for example `100,000`.
pub(crate) fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// The estimated width of a line in pixels, from above.
pub(crate) fn width(line: &str) -> f64 {
    line.chars().map(ems).sum::<f64>() * LETTER_PX
}

/// The width of a line in pixels in the most common sans-serif fonts, which agree to a few hundredths; none if
/// there are letters that they do not agree on.
pub(crate) fn common_width(line: &str) -> Option<f64> {
    let thousandths = |letter: char| match letter {
        ' '..='~' => Some(u32::from(ASCII_THOUSANDTHS[letter as usize - ' ' as usize])),
        '×' => Some(584),
        '–' => Some(556),
        '…' | '—' | '\u{fffd}' => Some(1_000),
        'ı' => Some(278),
        _ => None,
    };
    // A mark does not change the width of its letter.
    let base =
        |letter: char| if letter.is_ascii() { letter } else { decomposed(letter).map_or(letter, |[base, _]| base) };
    let thousandths = |letter| thousandths(base(letter));
    let width: Option<u32> = line.chars().map(thousandths).sum();
    width.map(|width| f64::from(width) / 1000.0 * LETTER_PX)
}

fn columns_of(line: &str) -> usize {
    line.chars().map(columns_of_letter).sum()
}

fn columns_of_letter(letter: char) -> usize {
    match letter {
        ' '..='~' => 1,
        _ if is_mark(letter) => 0,
        _ if is_wide(letter) => 2,
        _ => 1,
    }
}

/// What is drawn on or with the letter before it, or not at all.
fn is_mark(letter: char) -> bool {
    matches!(letter,
        '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}'
        | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2064}' | '\u{20d0}'..='\u{20ff}' | '\u{fe00}'..='\u{fe0f}'
        | '\u{fe20}'..='\u{fe2f}' | '\u{feff}' | '\u{e0000}'..='\u{e0fff}')
}

/// East Asian letters and pictures.
fn is_wide(letter: char) -> bool {
    matches!(letter,
        '\u{1100}'..='\u{115f}' | '\u{2e80}'..='\u{a4cf}' | '\u{ac00}'..='\u{d7a3}' | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe6f}' | '\u{ff00}'..='\u{ff60}' | '\u{ffe0}'..='\u{ffe6}' | '\u{1f000}'..='\u{1faff}'
        | '\u{20000}'..='\u{3ffff}')
}

/// A letter's width as a share of the letter size.
fn ems(letter: char) -> f64 {
    match letter {
        ' '..='~' => f64::from(ASCII_HUNDREDTHS[letter as usize - ' ' as usize]) / 100.0,
        _ if is_mark(letter) => 0.0,
        // Arabic words that are one letter.
        '\u{fdfa}'..='\u{fdfd}' => 11.0,
        // Cuneiform and its like.
        '\u{12000}'..='\u{1254f}' => 3.0,
        '\u{1f000}'..='\u{1faff}' | '\u{2600}'..='\u{27bf}' => 1.4,
        '\u{a0}'..='\u{5ff}' => 0.85,
        _ => 1.1,
    }
}

/// Widths from the space to the tilde, in hundredths of the letter size.
#[rustfmt::skip]
const ASCII_HUNDREDTHS: [u8; 95] = [
     32, 41, 46, 84, 64, 96, 78, 28, 40, 40, 50, 84, 32, 37, 32, 34, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 34, 34, 84, 84, 84, 56,
    102, 69, 69, 73, 78, 67, 62, 78, 76, 30, 50, 67, 56, 87, 75, 79, 67, 79, 73, 67, 62, 74, 69, 99, 69, 67, 69, 40, 34, 40, 84, 56,
     50, 62, 64, 55, 64, 62, 36, 64, 64, 28, 28, 58, 28, 98, 64, 62, 64, 64, 42, 53, 40, 64, 60, 82, 60, 60, 53, 64, 34, 64, 84,
];

/// Widths from the space to the tilde in the most common fonts, in thousandths of the letter size.
#[rustfmt::skip]
const ASCII_THOUSANDTHS: [u16; 95] = [
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556, 556, 556, 556,
    556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833, 722, 778,
    667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500, 556, 556, 278, 556,
    556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Stack, State};

    #[test]
    fn v_2_line_breaks_of_every_kind_are_kept() {
        let label = Label::new("a\nb\r\nc\rd\u{2028}e\n\nf\n");
        assert_eq!(label.lines, ["a", "b", "c", "d", "e", "", "f"]);
        assert!(!label.altered);
    }

    #[test]
    fn v_2_a_long_line_is_broken_at_spaces_and_nothing_is_lost() {
        let text = "ValueError: the scene could not be read because the header is shorter than it says it is".repeat(2);
        let label = Label::new(&text);
        assert!(label.altered);
        assert!(label.lines.iter().all(|line| line.chars().count() <= COLUMNS_MAX), "{:?}", label.lines);
        assert_eq!(label.lines.join(" "), text);
    }

    #[test]
    fn v_2_a_line_without_spaces_is_broken_behind_joining_signs_or_anywhere() {
        let address = "https://example.org/archive/2024/11/24/scenes/S2A_MSIL1C_20241124T102311_N0511_R065.zip";
        let label = Label::new(address);
        assert_eq!(label.lines.len(), 2);
        assert!(label.lines[0].ends_with(['/', '_', '.']), "{:?}", label.lines);
        assert_eq!(label.lines.concat(), address);
        let label = Label::new(&"x".repeat(150));
        assert_eq!(label.lines.iter().map(String::len).collect::<Vec<_>>(), [60, 60, 30]);
    }

    #[test]
    fn v_2_lines_are_bounded_and_the_cut_is_shown() {
        for text in ["line\n".repeat(1_000), "word ".repeat(100_000), "x".repeat(1_000_000)] {
            let label = Label::new(&text);
            assert_eq!(label.lines.len(), LINES_MAX);
            assert!(label.altered);
            assert!(label.lines[LINES_MAX - 1].ends_with('…'));
            assert!(label.width <= width(&"W".repeat(COLUMNS_MAX)));
        }
    }

    #[test]
    fn v_2_control_characters_and_direction_changes_become_visible_signs() {
        assert_eq!(harmless("\u{1b}[31mred\u{1b}[0m\0\u{7f}\u{9b}x"), "�[31mred�[0m���x");
        assert_eq!(harmless("\u{202e}evil\u{2066}\u{ffff}\u{fffe}"), "\u{fffd}evil\u{fffd}\u{fffd}\u{fffd}");
        assert_eq!(harmless("a\tb"), "a    b");
        let stacked = format!("a{}b", "\u{301}".repeat(500));
        assert_eq!(harmless(&stacked).chars().count(), 2 + MARKS_MAX);
    }

    #[test]
    fn v_2_wide_letters_count_double() {
        let label = Label::new(&"測".repeat(45));
        assert_eq!(label.lines.iter().map(|line| line.chars().count()).collect::<Vec<_>>(), [30, 15]);
        assert!(label.width >= 30.0 * LETTER_PX);
    }

    #[test]
    fn v_2_the_common_width_is_less_than_the_room() {
        for letter in ' '..='~' {
            let letter = letter.to_string();
            assert!(common_width(&letter).is_some_and(|common| common <= width(&letter)), "{letter}");
        }
        assert_eq!((common_width("é"), common_width("測")), (common_width("e"), None));
        assert!(common_width("Hello").is_some_and(|width| (width - 31.9).abs() < 0.1));
    }

    #[test]
    fn v_20_the_label_of_a_stack_has_room_for_four_states() {
        let label = |states: &[(State, usize)]| {
            let mut stack = Stack::default();
            states.iter().for_each(|&(state, count)| stack.add(state, count));
            Label::of(&Node { stack: Some(stack), ..Node::new("Map(…)\n× 2,000", State::Queued) })
        };
        let all = label(&[(State::Queued, 2_000)]);
        assert_eq!(all.lines, ["Map(…)", "× 2,000", "all queued"]);
        let four = [(State::Computed, 1_996), (State::Failed, 1), (State::Running, 1), (State::Queued, 2)];
        let four = label(&four);
        assert_eq!(four.lines, ["Map(…)", "× 2,000", "1,996 computed, 1 failed", "1 running, 2 queued"]);
        assert_eq!((all.width, all.room), (four.width, four.room));
        assert!(width("2,000 computed, 2,000 running") <= all.width);
        assert_eq!(label(&State::ALL.map(|state| (state, 1))).room, 5);
    }

    #[test]
    fn v_20_numbers_are_grouped() {
        assert_eq!([7, 1_000, 1_234_567].map(grouped), ["7", "1,000", "1,234,567"]);
    }

    #[test]
    fn v_10_one_line_is_cut_with_an_ellipsis() {
        assert_eq!(one_line("short\nname", 80), "short name");
        assert_eq!(one_line("abcdef", 4), "abc…");
    }
}
