//! The colours of each theme (V-7 to V-9).

use crate::{State, Theme};

/// The colours of one kind of box.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BoxColours {
    pub(crate) fill: &'static str,
    pub(crate) line: &'static str,
    pub(crate) text: &'static str,
}

/// The colours of one picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Palette {
    queued: BoxColours,
    running: BoxColours,
    computed: BoxColours,
    failed: BoxColours,
    skipped: BoxColours,
    pub(crate) subtask: &'static str,
    pub(crate) dependency: &'static str,
    /// Absent where the page behind the picture is to show through.
    pub(crate) background: Option<&'static str>,
}

const fn colours(fill: &'static str, line: &'static str, text: &'static str) -> BoxColours {
    BoxColours { fill, line, text }
}

const LIGHT: Palette = Palette {
    queued: colours("#FFF0F5", "#504448", "#000000"),
    running: colours("#AFEEEE", "#0E5253", "#000000"),
    computed: colours("#F0FFF0", "#3F4B40", "#000000"),
    failed: colours("#FA8072", "#4A1511", "#000000"),
    skipped: colours("#FCF3AE", "#877E3C", "#000000"),
    subtask: "#170206",
    dependency: "#9B1A47",
    background: Some("#FCF9FA"),
};

const DARK: Palette = Palette {
    queued: colours("#A37200", "#FCC76F", "#FFFFFF"),
    running: colours("#3E7079", "#B1E5EF", "#FFFFFF"),
    computed: colours("#265429", "#B7EBB8", "#FFFFFF"),
    failed: colours("#A31800", "#F78D79", "#FFFFFF"),
    skipped: colours("#C6B63C", "#FFED67", "#FFFFFF"),
    subtask: "#F4F1F4",
    dependency: "#F97F76",
    background: Some("#161416"),
};

impl Palette {
    pub(crate) fn of(theme: Theme) -> Palette {
        match theme {
            Theme::Light => LIGHT,
            Theme::Dark => DARK,
            Theme::ConsoleLight => Palette { background: None, ..LIGHT },
            Theme::ConsoleDark => Palette { background: None, ..DARK },
        }
    }

    /// The colours of a box in `state` (V-5).
    pub(crate) fn of_state(&self, state: State) -> BoxColours {
        match state {
            State::Queued => self.queued,
            State::Running => self.running,
            State::Computed => self.computed,
            State::Failed | State::FailedOptional => self.failed,
            State::Skipped => self.skipped,
        }
    }
}
