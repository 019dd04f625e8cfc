//! What a task shows (T-40 to T-45).

/// T-43, in characters.
const CHARACTERS_MAX: usize = 1024;

/// A display: a text that somebody sent, and below it lines the server added to say why the task failed. The rules say
/// what such a line is about and leave its words open, so a line is known by what it must contain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Display {
    text: String,
    added: Vec<String>,
}

impl Display {
    /// T-43: cut to 1024 characters.
    pub(crate) fn of(text: &str) -> Self {
        Self { text: text.chars().take(CHARACTERS_MAX).collect(), added: Vec::new() }
    }

    /// T-42: a non-empty display in a report replaces the stored one.
    pub(crate) fn replace(&mut self, reported: &str) {
        if !reported.is_empty() {
            *self = Self::of(reported);
        }
    }

    /// R-51, S-33, S-40: one line more, which contains this.
    pub(crate) fn add_line(&mut self, containing: &str) {
        self.added.push(containing.to_owned());
    }

    /// Whether an observed text is this display.
    pub(crate) fn shows(&self, observed: &str) -> bool {
        let length = observed.chars().count();
        if length > CHARACTERS_MAX {
            return false;
        }
        // where it gets too long, what was there before gives way to the last line.
        if let (CHARACTERS_MAX, Some(last)) = (length, self.added.last()) {
            let ends = observed.rsplit_once('\n').filter(|(_, line)| line.contains(last.as_str()));
            return ends.is_some_and(|(rest, _)| rest.starts_with(&self.text) || self.text.starts_with(rest));
        }
        let mut rest = observed;
        for containing in self.added.iter().rev() {
            let Some((before, line)) = rest.rsplit_once('\n') else { return false };
            if !line.contains(containing.as_str()) {
                return false;
            }
            rest = before;
        }
        rest == self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn added_lines_are_known_by_what_they_contain() {
        let mut display = Display::of("Tile\nerror");
        assert!(display.shows("Tile\nerror") && !display.shows("Tile"));
        display.add_line("too long");
        assert!(display.shows("Tile\nerror\nthe input is too long"));
        assert!(!display.shows("Tile\nerror") && !display.shows("Tile\nthe input is too long"));
    }

    #[test]
    fn a_full_display_gives_way_to_the_line() {
        let mut display = Display::of(&"x".repeat(2000));
        assert!(display.shows(&"x".repeat(1024)) && !display.shows(&"x".repeat(1023)));
        display.add_line("gone");
        assert!(display.shows(&format!("{}\ngone", "x".repeat(1019))));
        assert!(!display.shows(&format!("{}\ngone", "x".repeat(1000))));
    }
}
