//! How a picture is drawn, and how the names users write for it are read.

use std::fmt;
use std::str::FromStr;

/// How a picture is drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Where sub-tasks lie as seen from their parent (V-12).
    pub direction: Direction,
    /// The colours (V-7 to V-9).
    pub theme: Theme,
    /// The form of the arrows (V-11).
    pub layout: Layout,
    /// The blank margin around the drawing, in pixels (V-14).
    pub padding: u32,
    /// Whether the graph's title is drawn above it (V-10).
    pub title: bool,
    /// Whether lines should look drawn by hand (V-13).
    pub sketchy: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            direction: Direction::default(),
            theme: Theme::default(),
            layout: Layout::default(),
            padding: 5,
            title: false,
            sketchy: false,
        }
    }
}

/// Where sub-tasks lie as seen from their parent (V-12).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Direction {
    /// Below it; also what an empty name means.
    #[default]
    Down,
    /// Above it.
    Up,
    /// To its left.
    Left,
    /// To its right.
    Right,
}

impl FromStr for Direction {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        match name {
            "" | "down" => Ok(Self::Down),
            "up" => Ok(Self::Up),
            "left" => Ok(Self::Left),
            "right" => Ok(Self::Right),
            _ => Err(UnknownName::new("direction", name, &["down", "up", "left", "right"])),
        }
    }
}

/// The form of the arrows; the graph is the same (V-11).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Layout {
    /// Flowing curves; also what an empty name means.
    #[default]
    Dagre,
    /// Right-angled arrows.
    Elk,
}

impl FromStr for Layout {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        match name {
            "" | "dagre" => Ok(Self::Dagre),
            "elk" => Ok(Self::Elk),
            _ => Err(UnknownName::new("layout", name, &["dagre", "elk"])),
        }
    }
}

/// The colours of a picture (V-7 to V-9).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Theme {
    /// Dark on light; also what an empty name means.
    #[default]
    Light,
    /// Light on dark.
    Dark,
    /// [`Theme::Light`] on whatever the page behind it shows.
    ConsoleLight,
    /// [`Theme::Dark`] on whatever the page behind it shows.
    ConsoleDark,
}

impl FromStr for Theme {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        match name {
            "" | "light" => Ok(Self::Light),
            "dark" => Ok(Self::Dark),
            "console-light" => Ok(Self::ConsoleLight),
            "console-dark" => Ok(Self::ConsoleDark),
            _ => Err(UnknownName::new("theme", name, &["light", "dark", "console-light", "console-dark"])),
        }
    }
}

/// A name that is none of the allowed ones. Its text says which option it was for and what is allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownName {
    option: &'static str,
    name: String,
    allowed: &'static [&'static str],
}

/// How much of a wrong name an error repeats, in characters: enough to recognize it.
const NAME_CHARACTERS_MAX: usize = 40;

impl UnknownName {
    fn new(option: &'static str, name: &str, allowed: &'static [&'static str]) -> Self {
        Self { option, name: name.chars().take(NAME_CHARACTERS_MAX).collect(), allowed }
    }

    /// The option the name was given for, for example `layout`.
    pub fn option(&self) -> &'static str {
        self.option
    }

    /// The names that are allowed there. An empty name always means the first.
    pub fn allowed(&self) -> &'static [&'static str] {
        self.allowed
    }
}

impl fmt::Display for UnknownName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "unknown {} {:?}: use {}", self.option, self.name, self.allowed.join(", "))?;
        write!(out, ", or leave it empty for {}", self.allowed[0])
    }
}

impl std::error::Error for UnknownName {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn v_11_layout_names_are_read_and_others_refused() {
        assert_eq!("".parse(), Ok(Layout::Dagre));
        assert_eq!("dagre".parse(), Ok(Layout::Dagre));
        assert_eq!("elk".parse(), Ok(Layout::Elk));
        for wrong in ["ELK", "dot", " dagre"] {
            let refused = wrong.parse::<Layout>().unwrap_err();
            assert_eq!(refused.option(), "layout");
            assert_eq!(
                refused.to_string(),
                format!("unknown layout {wrong:?}: use dagre, elk, or leave it empty for dagre")
            );
        }
    }

    #[test]
    fn v_12_direction_names_are_read_and_others_refused() {
        assert_eq!("".parse(), Ok(Direction::Down));
        assert_eq!("down".parse(), Ok(Direction::Down));
        assert_eq!("up".parse(), Ok(Direction::Up));
        assert_eq!("left".parse(), Ok(Direction::Left));
        assert_eq!("right".parse(), Ok(Direction::Right));
        let refused = "sideways".parse::<Direction>().unwrap_err();
        assert_eq!(refused.allowed(), ["down", "up", "left", "right"]);
        assert!(refused.to_string().contains("\"sideways\""), "{refused}");
    }

    #[test]
    fn v_9_theme_names_are_read_and_others_refused() {
        assert_eq!("".parse(), Ok(Theme::Light));
        assert_eq!("light".parse(), Ok(Theme::Light));
        assert_eq!("dark".parse(), Ok(Theme::Dark));
        assert_eq!("console-light".parse(), Ok(Theme::ConsoleLight));
        assert_eq!("console-dark".parse(), Ok(Theme::ConsoleDark));
        assert!("solarized".parse::<Theme>().is_err());
    }

    #[test]
    fn v_11_a_hostile_name_is_repeated_shortened_and_escaped() {
        let refused = format!("\u{1b}[31m{}", "x".repeat(10_000)).parse::<Layout>().unwrap_err().to_string();
        assert!(refused.len() < 200, "{refused}");
        assert!(!refused.contains('\u{1b}'));
    }
}
