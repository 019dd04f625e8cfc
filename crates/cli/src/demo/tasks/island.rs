//! The island that the demo surveys: its ground, and the clouds above it. All of it is computed, and the same each time.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Columns and rows of tiles, and of the cells of a tile.
pub(super) const COLUMNS: u8 = 8;
pub(super) const ROWS: u8 = 6;
pub(super) const TILE_COLUMNS: u8 = 8;
pub(super) const TILE_ROWS: u8 = 6;

/// How often a satellite passes over the island.
pub(super) const PASSES: u8 = 3;

/// What a photo shows of a cell below a cloud. Heights are smaller.
pub(super) const CLOUD: u8 = 255;

/// A sixth of the island.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Part {
    NorthWest,
    NorthEast,
    West,
    East,
    SouthWest,
    SouthEast,
}

impl Part {
    pub(super) const ALL: [Self; 6] =
        [Self::NorthWest, Self::NorthEast, Self::West, Self::East, Self::SouthWest, Self::SouthEast];

    /// Its tiles, row by row.
    pub(super) fn tiles(self) -> impl Iterator<Item = (u8, u8)> {
        let number = self as u8;
        let (left, top) = (number % 2 * (COLUMNS / 2), number / 2 * (ROWS / 3));
        (top..top + ROWS / 3).flat_map(move |row| (left..left + COLUMNS / 2).map(move |column| (column, row)))
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NorthWest => "north-west",
            Self::NorthEast => "north-east",
            Self::West => "west",
            Self::East => "east",
            Self::SouthWest => "south-west",
            Self::SouthEast => "south-east",
        })
    }
}

/// What a cell of the map is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Sea,
    Beach,
    Meadow,
    Wood,
    Rock,
}

impl Kind {
    pub(crate) const ALL: [Self; 5] = [Self::Sea, Self::Beach, Self::Meadow, Self::Wood, Self::Rock];

    pub(super) fn of_height(height: u8) -> Self {
        match height {
            0..110 => Self::Sea,
            110..118 => Self::Beach,
            118..140 => Self::Meadow,
            140..170 => Self::Wood,
            _ => Self::Rock,
        }
    }

    /// The letter that stands for it in maps.
    pub(crate) fn letter(self) -> u8 {
        match self {
            Self::Sea => b' ',
            Self::Beach => b'.',
            Self::Meadow => b'-',
            Self::Wood => b'*',
            Self::Rock => b'^',
        }
    }

    pub(crate) fn of_letter(letter: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.letter() == letter)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sea => "sea",
            Self::Beach => "beach",
            Self::Meadow => "meadow",
            Self::Wood => "wood",
            Self::Rock => "rock",
        }
    }
}

/// The photo of a tile, a byte a cell: its height, or [`CLOUD`].
pub(super) fn photo(pass: u8, column: u8, row: u8) -> Vec<u8> {
    cells(column, row).map(|(x, y)| if is_cloudy(pass, x, y) { CLOUD } else { height(x, y) }).collect()
}

/// The heights of a tile as they are.
pub(super) fn ground(column: u8, row: u8) -> Vec<u8> {
    cells(column, row).map(|(x, y)| height(x, y)).collect()
}

fn cells(column: u8, row: u8) -> impl Iterator<Item = (u8, u8)> {
    let (left, top) = (column * TILE_COLUMNS, row * TILE_ROWS);
    (top..top + TILE_ROWS).flat_map(move |y| (left..left + TILE_COLUMNS).map(move |x| (x, y)))
}

/// High in the middle, rough everywhere, and below the sea at the edges.
fn height(x: u8, y: u8) -> u8 {
    let across = f64::from(x) / f64::from(COLUMNS * TILE_COLUMNS - 1) * 2.0 - 1.0;
    let down = f64::from(y) / f64::from(ROWS * TILE_ROWS - 1) * 2.0 - 1.0;
    let bulge = 1.0 - (across * across * 1.1 + down * down * 1.2);
    let rough = [(5.0, 0.6), (11.0, 0.3), (23.0, 0.1)];
    let rough: f64 = rough.iter().map(|(scale, share)| share * smooth(across * scale, down * scale * 0.6)).sum();
    // Brought into the range of a height, so that nothing is cut off.
    ((0.5 * bulge + 0.75 * rough) * 210.0).clamp(0.0, f64::from(CLOUD - 1)) as u8
}

/// Clouds are bands that drift on by a third of their distance from pass to pass. So each cell is clear at least once.
fn is_cloudy(pass: u8, x: u8, y: u8) -> bool {
    let drift = f64::from(pass) / f64::from(PASSES);
    let fringe = 0.5 * smooth(f64::from(x) / 6.0, f64::from(y) / 4.0);
    let band = f64::from(x) / 40.0 + f64::from(y) / 30.0 + drift + fringe;
    band.fract() < 0.3
}

/// A landscape between 0 and 1: between the random values at the corners of the square that a point is in.
fn smooth(x: f64, y: f64) -> f64 {
    let (left, top) = (x.floor(), y.floor());
    let ease = |share: f64| share * share * (3.0 - 2.0 * share);
    let (right, below) = (ease(x - left), ease(y - top));
    let corner = |dx: f64, dy: f64| random((left + dx) as i64, (top + dy) as i64);
    let upper = corner(0.0, 0.0) * (1.0 - right) + corner(1.0, 0.0) * right;
    let lower = corner(0.0, 1.0) * (1.0 - right) + corner(1.0, 1.0) * right;
    upper * (1.0 - below) + lower * below
}

/// Between 0 and 1, and always the same for the same numbers.
pub(super) fn random(x: i64, y: i64) -> f64 {
    let mut bits = (x as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (y as u64).wrapping_mul(0xC2B2_AE3D_27D4_EB4F);
    for _ in 0..2 {
        bits = (bits ^ (bits >> 31)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits ^= bits >> 29;
    }
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_are_the_whole_island_and_each_cell_is_clear_once() {
        let mut tiles: Vec<(u8, u8)> = Part::ALL.into_iter().flat_map(Part::tiles).collect();
        tiles.sort_unstable();
        let all: Vec<(u8, u8)> = (0..COLUMNS).flat_map(|column| (0..ROWS).map(move |row| (column, row))).collect();
        assert_eq!(tiles, all);
        for (column, row) in all {
            let photos: Vec<Vec<u8>> = (0..PASSES).map(|pass| photo(pass, column, row)).collect();
            for (cell, height) in ground(column, row).into_iter().enumerate() {
                assert_eq!(photos.iter().map(|photo| photo[cell]).min(), Some(height), "tile {column}/{row}");
            }
        }
    }

    #[test]
    fn letters_are_of_one_kind_each() {
        for kind in Kind::ALL {
            assert_eq!(Kind::of_letter(kind.letter()), Some(kind));
        }
        assert_eq!(Kind::of_letter(b'?'), None);
    }
}
