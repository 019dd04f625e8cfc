//! `cargo xtask plots FILE`: pictures of how the cost of a task changes as the world grows, from
//! `boxwood bench --growth --json`.

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use crate::suite::root;

const WIDTH: f64 = 480.0;
const HEIGHT: f64 = 260.0;
const LEFT: f64 = 56.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 36.0;
const BOTTOM: f64 = 44.0;

/// Parts of the scale of costs.
const STEPS: f64 = 5.0;

/// The axes, with what their sizes are called.
const AXES: [(&str, &str); 4] = [
    ("tasks", "queued tasks of the job"),
    ("jobs", "open jobs"),
    ("runners", "runners that ask at the same time"),
    ("groups", "groups of the submission"),
];

/// Size and microseconds of the server's processor time a task.
type Point = (f64, f64);

/// Writes a picture of each axis into `docs/growth`.
pub(crate) fn run(arguments: &[&str]) -> ExitCode {
    let [file] = arguments else {
        eprintln!("usage: cargo xtask plots FILE, which `boxwood bench --growth --json` wrote");
        return ExitCode::from(2);
    };
    match draw_all(Path::new(file), &root().join("docs/growth")) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn draw_all(file: &Path, folder: &Path) -> Result<(), String> {
    let text = std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let figures: serde_json::Value =
        serde_json::from_str(&text).map_err(|error| format!("{}: {error}", file.display()))?;
    std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    for (axis, label) in AXES {
        let points = points(&figures, axis);
        if points.is_empty() {
            return Err(format!("{}: it has no points of {axis:?}", file.display()));
        }
        let path = folder.join(format!("{axis}.svg"));
        std::fs::write(&path, draw(label, &points)).map_err(|error| format!("{}: {error}", path.display()))?;
        println!("{}", path.display());
    }
    Ok(())
}

fn points(figures: &serde_json::Value, axis: &str) -> Vec<Point> {
    let all = figures["growth"].as_array().map(Vec::as_slice).unwrap_or_default();
    let of_axis = all.iter().filter(|point| point["axis"] == axis);
    of_axis.filter_map(|point| Some((point["size"].as_f64()?, point["server_us"].as_f64()?))).collect()
}

/// The picture of one axis: sizes on a logarithmic scale, costs from zero on.
fn draw(label: &str, points: &[Point]) -> String {
    let largest = points.iter().map(|(size, _)| *size).fold(1.0, f64::max).log10().max(1.0);
    let step = round_step(points.iter().map(|(_, cost)| *cost).fold(0.0, f64::max) * 1.1 / STEPS);
    let highest = STEPS * step;
    let x = |size: f64| LEFT + size.log10() / largest * (WIDTH - LEFT - RIGHT);
    let y = |cost: f64| HEIGHT - BOTTOM - cost / highest * (HEIGHT - TOP - BOTTOM);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" \
         font-family=\"sans-serif\" font-size=\"12\" role=\"img\">\n\
         <title>Processor time of the server a task, by {label}</title>\n\
         <style>.ink{{fill:#1f2328}}.axis{{stroke:#8c959f}}.grid{{stroke:#d0d7de}}.line{{stroke:#0969da}}.dot{{fill:#0969da}}\
         .paper{{fill:#fff}}@media(prefers-color-scheme:dark){{.ink{{fill:#e6edf3}}.grid{{stroke:#30363d}}\
         .line{{stroke:#58a6ff}}.dot{{fill:#58a6ff}}.paper{{fill:#0d1117}}}}</style>\n\
         <rect class=\"paper\" width=\"{WIDTH}\" height=\"{HEIGHT}\"/>\n\
         <text class=\"ink\" x=\"12\" y=\"20\">µs of the server's processor time a task</text>\n\
         <text class=\"ink\" x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"middle\">{label}</text>\n",
        (LEFT + WIDTH - RIGHT) / 2.0,
        HEIGHT - 10.0
    );
    let mut line = |text: std::fmt::Arguments<'_>| {
        out.write_fmt(text).expect("writing to a string does not fail");
        out.push('\n');
    };
    for cost in (0..=5).map(|place| step * f64::from(place)) {
        let (y, right, text_y) = (y(cost), WIDTH - RIGHT, y(cost) + 4.0);
        line(format_args!("<path class=\"grid\" d=\"M{LEFT} {y:.1}H{right}\"/>"));
        line(format_args!(
            "<text class=\"ink\" x=\"{:.0}\" y=\"{text_y:.1}\" text-anchor=\"end\">{cost:.0}</text>",
            LEFT - 6.0
        ));
    }
    let path: Vec<String> = points.iter().map(|(size, cost)| format!("{:.1} {:.1}", x(*size), y(*cost))).collect();
    line(format_args!("<path class=\"line\" fill=\"none\" stroke-width=\"2\" d=\"M{}\"/>", path.join("L")));
    for (size, cost) in points {
        let (x, y) = (x(*size), y(*cost));
        line(format_args!("<circle class=\"dot\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\"/>"));
        let anchor = if *size <= 1.0 {
            "start"
        } else if x > WIDTH - 40.0 {
            "end"
        } else {
            "middle"
        };
        line(format_args!(
            "<text class=\"ink\" x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{cost:.1}</text>",
            y - 8.0
        ));
        let bottom = HEIGHT - BOTTOM + 16.0;
        line(format_args!(
            "<text class=\"ink\" x=\"{x:.1}\" y=\"{bottom:.1}\" text-anchor=\"{anchor}\">{}</text>",
            grouped(*size)
        ));
    }
    out.push_str("</svg>\n");
    out
}

/// The next 1, 2 or 5 with zeros that is not below a number of at least 1.
fn round_step(number: f64) -> f64 {
    let unit = 10_f64.powf(number.max(1.0).log10().floor());
    [1.0, 2.0, 5.0, 10.0].map(|first| first * unit).into_iter().find(|step| *step >= number).unwrap_or(10.0 * unit)
}

/// A whole number with commas.
fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_point_is_drawn_higher_where_it_costs_more() {
        let figures = serde_json::json!({"growth": [
            {"axis": "jobs", "size": 1, "server_us": 10.0},
            {"axis": "tasks", "size": 1, "server_us": 99.0},
            {"axis": "jobs", "size": 10_000, "server_us": 20.0},
        ]});
        let points = points(&figures, "jobs");
        assert_eq!(points, [(1.0, 10.0), (10_000.0, 20.0)]);
        let picture = draw("open jobs", &points);
        let heights: Vec<f64> =
            picture.split("cy=\"").skip(1).filter_map(|rest| rest.split('"').next()?.parse().ok()).collect();
        assert!(heights.len() == 2 && heights[1] < heights[0], "{heights:?}");
        assert!(picture.contains(">10,000<") && picture.contains("open jobs"), "{picture}");
    }
}
