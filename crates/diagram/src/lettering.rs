//! Letters drawn by hand (V-13): strokes of a pen, so that hand-drawn pictures look the same wherever they are shown.
//!
//! A font would have to be named, and then looks different on each machine, or be carried in every picture with a
//! style sheet, which many pages take out. Strokes need neither, and waver with the boxes around them.

mod glyphs;

use crate::layout::{Point, Step};
use crate::sketch::{self, Stroke};
use crate::text::LETTER_PX;

use glyphs::{ASCII, COMPOSED, Glyph, MARKS, OTHERS};

/// The width of the pen for letters of [`LETTER_PX`], in pixels.
pub(crate) const PEN_PX: f64 = 1.25;
/// How much higher marks stand over capitals, in pixels.
const CAPITAL: f64 = 3.2;

/// Whether all letters of `line` can be drawn.
pub(crate) fn can_draw(line: &str) -> bool {
    line.chars().all(|letter| parts(letter).is_some())
}

/// How wide `line` is in letters of `size` pixels, in pixels. Letters that cannot be drawn take no room.
pub(crate) fn width(line: &str, size: f64) -> f64 {
    line.chars().filter_map(parts).map(|(glyph, _)| glyph.0).sum::<f64>() * size / LETTER_PX
}

/// Adds the strokes of `line`, in letters of `size` pixels with the middle of the baseline at `place`.
pub(crate) fn draw(line: &str, place: Point, size: f64, steps: &mut Vec<Step>) {
    let scale = size / LETTER_PX;
    let mut left = place.x - width(line, size) / 2.0;
    for ((advance, strokes), mark) in line.chars().filter_map(parts) {
        let at = |x: f64, y: f64| sketch::warped(Point { x: left + x * scale, y: place.y + y * scale }, Stroke::First);
        read(strokes, at, steps);
        if let Some((strokes, raised)) = mark {
            read(strokes, |x, y| at(x + advance / 2.0, y - raised), steps);
        }
        left += advance * scale;
    }
}

/// The glyph of a letter, and what stands over or under its middle with how far that is raised.
fn parts(letter: char) -> Option<(Glyph, Option<(&'static str, f64)>)> {
    if let Some(glyph) = plain(letter) {
        return Some((glyph, None));
    }
    let [base, mark] = decomposed(letter)?;
    let &(_, strokes, is_over) = MARKS.iter().find(|&&(sign, _, _)| sign == mark)?;
    Some((plain(base)?, Some((strokes, if is_over && base.is_uppercase() { CAPITAL } else { 0.0 }))))
}

/// The letter and the mark that a letter is made of.
pub(crate) fn decomposed(letter: char) -> Option<[char; 2]> {
    COMPOSED.split_whitespace().find_map(|three| {
        let mut three = three.chars();
        (three.next() == Some(letter)).then(|| [three.next().unwrap_or(' '), three.next().unwrap_or(' ')])
    })
}

/// The glyph of a letter without marks.
fn plain(letter: char) -> Option<Glyph> {
    match letter {
        ' '..='~' => Some(ASCII[letter as usize - ' ' as usize]),
        _ => OTHERS.iter().find(|&&(other, _)| other == letter).map(|&(_, glyph)| glyph),
    }
}

/// Reads strokes: `M` puts the pen down, `L` draws a line and `Q` a curve with one control point.
fn read(strokes: &str, at: impl Fn(f64, f64) -> Point, steps: &mut Vec<Step>) {
    let mut rest = strokes;
    while let Some(command) = rest.chars().next() {
        rest = &rest[1..];
        let end = rest.find(['M', 'L', 'Q']).unwrap_or(rest.len());
        let mut numbers = rest[..end].split(' ').filter_map(|number| number.parse().ok());
        let mut point = || Some(at(numbers.next()?, numbers.next()?));
        let step = match command {
            'M' => point().map(Step::Move),
            'L' => point().map(Step::Line),
            _ => point().zip(point()).map(|(corner, end)| Step::Corner(corner, end)),
        };
        steps.extend(step);
        rest = &rest[end..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text;

    fn letters() -> impl Iterator<Item = char> {
        let composed = COMPOSED.split_whitespace().filter_map(|three| three.chars().next());
        (' '..='~').chain(OTHERS.iter().map(|&(letter, _)| letter)).chain(composed)
    }

    #[test]
    fn v_13_every_letter_is_whole_and_within_its_room() {
        for letter in letters() {
            let (glyph, mark) = parts(letter).unwrap_or_else(|| panic!("{letter} cannot be drawn"));
            for (strokes, room) in [(glyph.1, -0.4..=glyph.0 + 0.4), (mark.map_or("", |mark| mark.0), -3.2..=3.2)] {
                let mut steps = Vec::new();
                read(strokes, |x, y| Point { x, y }, &mut steps);
                let commands = strokes.matches(['M', 'L', 'Q']).count();
                assert_eq!(steps.len(), commands, "{letter}: a command without its numbers in {strokes}");
                assert!(strokes.is_empty() || matches!(steps[0], Step::Move(_)), "{letter}");
                for step in steps {
                    let points = match step {
                        Step::Move(end) | Step::Line(end) => vec![end],
                        Step::Corner(corner, end) => vec![corner, end],
                        Step::Curve(..) => panic!("{letter}: {step:?}"),
                    };
                    for point in points {
                        assert!(room.contains(&point.x) && (-11.1..=3.9).contains(&point.y), "{letter}: {point:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn v_13_a_drawn_line_is_no_wider_than_the_room_that_text_is_given() {
        let wider = |letter: &String| width(letter, LETTER_PX) > text::width(letter);
        let wide: Vec<String> = letters().map(String::from).filter(wider).collect();
        assert_eq!(wide, [""; 0]);
    }

    #[test]
    fn v_13_lines_stand_in_the_middle_and_unknown_letters_are_known_to_be() {
        let mut steps = Vec::new();
        draw("lil", Point { x: 100.0, y: 50.0 }, LETTER_PX, &mut steps);
        let ends: Vec<f64> = steps
            .iter()
            .map(|step| match step {
                Step::Move(end) | Step::Line(end) | Step::Corner(_, end) | Step::Curve(_, _, end) => end.x,
            })
            .collect();
        let half = width("lil", LETTER_PX) / 2.0 + sketch::REACH;
        assert!(ends.len() > 6 && ends.iter().all(|x| (x - 100.0).abs() <= half), "{ends:?}");
        assert!(can_draw("Größe: Čapek, señor (100 %) × 2 …") && can_draw(""));
        assert!(!can_draw("日本") && !can_draw("Ж"));
    }
}
