//! The colours of each theme (V-7 to V-9).

use crate::{State, Theme};

/// The colours of one kind of box.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BoxColours {
    pub(crate) fill: &'static str,
    pub(crate) line: &'static str,
    pub(crate) text: &'static str,
    /// The state's share of the bar of a stack: the fill is too pale to tell it from the box behind.
    pub(crate) share: &'static str,
    /// What the letters are edged with where they would be hard to read otherwise.
    pub(crate) edging: Option<&'static str>,
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

const fn light(fill: &'static str, line: &'static str, share: &'static str) -> BoxColours {
    BoxColours { fill, line, text: "#000000", share, edging: None }
}

const fn dark(fill: &'static str, line: &'static str) -> BoxColours {
    BoxColours { fill, line, text: "#FFFFFF", share: line, edging: None }
}

const LIGHT: Palette = Palette {
    queued: light("#FFF0F5", "#504448", "#E4D0D8"),
    running: light("#AFEEEE", "#0E5253", "#35AFB2"),
    computed: light("#F0FFF0", "#3F4B40", "#6DBB7C"),
    failed: light("#FA8072", "#4A1511", "#D8402C"),
    skipped: light("#FCF3AE", "#877E3C", "#E0C341"),
    subtask: "#170206",
    dependency: "#9B1A47",
    background: Some("#FCF9FA"),
};

const DARK: Palette = Palette {
    queued: dark("#A37200", "#FCC76F"),
    running: dark("#3E7079", "#B1E5EF"),
    computed: dark("#265429", "#B7EBB8"),
    failed: dark("#A31800", "#F78D79"),
    // White on yellow has a contrast of 2.1 to 1.
    skipped: BoxColours { edging: Some("#5C5300"), ..dark("#C6B63C", "#FFED67") },
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
