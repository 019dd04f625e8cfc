//! The map that the survey draws, in a terminal.

use serde::Serialize;

use super::tasks::island::Kind;
use crate::Failure;
use crate::output::Screen;

/// A map, cell by cell.
pub(super) struct Map(Vec<Vec<Kind>>);

/// The map for programs: a letter for each cell, and how many cells are of each kind.
#[derive(Serialize)]
pub(super) struct MapJson {
    rows: Vec<String>,
    cells: std::collections::BTreeMap<&'static str, usize>,
}

impl Map {
    /// Reads what the survey has left.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Failure> {
        let rows = bytes.split(|byte| *byte == b'\n').filter(|row| !row.is_empty());
        let rows: Option<Vec<Vec<Kind>>> =
            rows.map(|row| row.iter().map(|letter| Kind::of_letter(*letter)).collect()).collect();
        rows.map(Self)
            .ok_or_else(|| Failure::Other("the map of the demo has a letter that is no kind of cell".to_owned()))
    }

    /// A line for two rows of cells, which are about as high as wide then.
    pub(super) fn lines(&self, screen: Screen) -> Vec<String> {
        let line = |rows: &[Vec<Kind>]| -> String {
            let (Some(upper), Some(lower)) = (rows.first(), rows.last()) else { return String::new() };
            let cells = upper.iter().zip(lower);
            match screen.colour {
                // The upper half of the letter is one cell, what is behind it the other.
                true => {
                    let cell =
                        |(upper, lower): (&Kind, &Kind)| format!("\x1b[38;5;{};48;5;{}m▀", hue(*upper), hue(*lower));
                    cells.map(cell).collect::<String>() + "\x1b[0m"
                }
                false => cells.map(|(upper, _)| char::from(upper.letter())).collect::<String>().trim_end().to_owned(),
            }
        };
        self.0.chunks(2).map(line).filter(|line| !line.is_empty()).collect()
    }

    /// Cells of a kind.
    pub(super) fn count(&self, kind: Kind) -> usize {
        self.0.iter().flatten().filter(|cell| **cell == kind).count()
    }

    /// What the letters or colours mean, with how many cells are of each kind.
    pub(super) fn legend(&self, screen: Screen) -> String {
        let entry = |kind: &Kind| {
            let sign = match screen.colour {
                true => format!("\x1b[38;5;{}m█\x1b[0m", hue(*kind)),
                false => char::from(kind.letter()).to_string(),
            };
            format!("{sign} {} {}", kind.name(), self.count(*kind))
        };
        Kind::ALL.iter().map(entry).collect::<Vec<_>>().join("   ").trim_start().to_owned()
    }

    pub(super) fn json(&self) -> MapJson {
        let row = |row: &Vec<Kind>| row.iter().map(|kind| char::from(kind.letter())).collect();
        MapJson {
            rows: self.0.iter().map(row).collect(),
            cells: Kind::ALL.iter().map(|kind| (kind.name(), self.count(*kind))).collect(),
        }
    }
}

/// The colour of a kind of cell, of the 256 that terminals know.
fn hue(kind: Kind) -> u8 {
    match kind {
        Kind::Sea => 25,
        Kind::Beach => 222,
        Kind::Meadow => 113,
        Kind::Wood => 28,
        Kind::Rock => 245,
    }
}
