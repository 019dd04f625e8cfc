//! How a line looks: `14:03:12.345  INFO Tile 5f6071  reading  path=a.tif bands=3`.

use tracing::Level;

use super::text::{push, push_value};

/// The first column of what is written below a line.
const INDENT: &str = "                    ";

/// What is written of an event.
#[derive(Debug, Default)]
pub(super) struct Line {
    /// The time of day.
    pub(super) time: String,
    pub(super) level: Option<Level>,
    /// Who says it: a task with the spans that are open in it, else a module.
    pub(super) speaker: String,
    pub(super) message: String,
    pub(super) fields: Vec<(&'static str, String)>,
    /// Errors, each with its causes.
    pub(super) errors: Vec<Vec<String>>,
}

/// Escape sequences, where they are understood.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    pub(super) colour: bool,
}

impl Style {
    fn paint(self, line: &mut String, code: &str, write: impl FnOnce(&mut String)) {
        if !self.colour {
            return write(line);
        }
        line.push_str("\x1b[");
        line.push_str(code);
        line.push('m');
        write(line);
        line.push_str("\x1b[0m");
    }
}

const DIM: &str = "2";
const RED: &str = "31";

impl Line {
    /// The text of the line and of what is below it, each with its line break.
    pub(super) fn written(&self, style: Style) -> String {
        let mut line = String::with_capacity(128);
        style.paint(&mut line, DIM, |line| line.push_str(&self.time));
        let (code, name) = match self.level {
            Some(Level::ERROR) => ("1;31", "ERROR"),
            Some(Level::WARN) => ("33", " WARN"),
            Some(Level::INFO) => ("32", " INFO"),
            Some(Level::DEBUG) => ("36", "DEBUG"),
            Some(Level::TRACE) => ("35", "TRACE"),
            None => ("0", "     "),
        };
        line.push(' ');
        style.paint(&mut line, code, |line| line.push_str(name));
        line.push(' ');
        if !self.speaker.is_empty() {
            style.paint(&mut line, DIM, |line| push(line, &self.speaker));
            line.push_str("  ");
        }
        let mut lines = self.message.trim_end().lines();
        push(&mut line, lines.next().unwrap_or_default());
        let rest: Vec<&str> = lines.collect();
        for (index, (name, value)) in self.fields.iter().enumerate() {
            line.push_str(if index > 0 || self.message.is_empty() { " " } else { "  " });
            style.paint(&mut line, DIM, |line| {
                push(line, name);
                line.push('=');
            });
            push_value(&mut line, value);
        }
        line.push('\n');
        for text in rest {
            line.push_str(INDENT);
            push(&mut line, text);
            line.push('\n');
        }
        for error in &self.errors {
            for (index, text) in error.iter().enumerate() {
                line.push_str(INDENT);
                if index > 0 {
                    style.paint(&mut line, DIM, |line| line.push_str("caused by "));
                }
                style.paint(&mut line, RED, |line| push(line, text.trim_end()));
                line.push('\n');
            }
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line() -> Line {
        Line {
            time: "14:03:12.345".to_owned(),
            level: Some(Level::INFO),
            speaker: "Tile 5f6071".to_owned(),
            message: "reading".to_owned(),
            fields: vec![("path", "a b.tif".to_owned()), ("bands", "3".to_owned())],
            errors: Vec::new(),
        }
    }

    #[test]
    fn a_line_has_time_level_task_message_and_fields() {
        let plain = line().written(Style { colour: false });
        assert_eq!(plain, "14:03:12.345  INFO Tile 5f6071  reading  path=\"a b.tif\" bands=3\n");
        let coloured = line().written(Style { colour: true });
        let uncoloured =
            ["\x1b[2m", "\x1b[32m", "\x1b[0m"].iter().fold(coloured.clone(), |text, code| text.replace(code, ""));
        assert_eq!(uncoloured, plain);
        assert!(
            coloured.starts_with("\x1b[2m14:03:12.345\x1b[0m \x1b[32m INFO\x1b[0m \x1b[2mTile 5f6071\x1b[0m  reading")
        );
    }

    #[test]
    fn what_takes_several_lines_stays_below_its_own() {
        let line = Line {
            message: "first\nsecond\x1b[31m\n".to_owned(),
            errors: vec![vec!["cannot read".to_owned(), "no such file\nor folder".to_owned()]],
            ..line()
        };
        let expected = [
            "14:03:12.345  INFO Tile 5f6071  first  path=\"a b.tif\" bands=3",
            "                    second\\x1b[31m",
            "                    cannot read",
            "                    caused by no such file\\nor folder",
        ];
        let written = line.written(Style { colour: false });
        assert_eq!(written.lines().collect::<Vec<_>>(), expected);
    }
}
