//! Reads a picture back, as a program that checks it would.

#![allow(unreachable_pub, reason = "shared by several programs")]
#![allow(dead_code, reason = "each program looks at some of it")]

use boxwood_diagram::{Graph, Options, render};
use roxmltree::{Document, Node};

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    pub x: f64,
    pub y: f64,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    pub index: usize,
    pub state: String,
    /// The task's id.
    pub id: Option<String>,
    pub lines: Vec<String>,
    /// What is shown when the pointer rests on the box.
    pub tooltip: String,
    pub left: f64,
    pub top: f64,
    pub right: f64,
    pub bottom: f64,
    pub fill: String,
    pub line: String,
    pub text: String,
    pub dashed: bool,
    pub opacity: Option<String>,
    /// Middle and baseline of each line.
    pub baselines: Vec<Point>,
    /// How many tasks it stands for.
    pub count: usize,
    /// The bar of a stack.
    pub shares: Vec<Share>,
}

/// One state in the bar of a stack.
#[derive(Debug, Clone, PartialEq)]
pub struct Share {
    pub state: String,
    pub count: usize,
    pub left: f64,
    pub top: f64,
    pub right: f64,
    pub bottom: f64,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Piece {
    Straight(Point, Point),
    /// A quadratic curve, as at rounded corners.
    Corner(Point, Point, Point),
    Curve(Point, Point, Point, Point),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Edge {
    pub from: usize,
    pub to: usize,
    pub dependency: bool,
    pub colour: String,
    pub dashed: bool,
    pub pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Head {
    pub tip: Point,
    pub dependency: bool,
    pub colour: String,
}

#[derive(Debug)]
pub struct Picture {
    pub width: f64,
    pub height: f64,
    pub name: String,
    /// What those are told who do not see it.
    pub description: String,
    pub background: Option<String>,
    pub title: Option<String>,
    pub tasks: Vec<Task>,
    pub edges: Vec<Edge>,
    pub heads: Vec<Head>,
}

impl Picture {
    pub fn of(graph: &Graph, options: &Options) -> Self {
        Self::read(&render(graph, options))
    }

    /// Places are those in the whole picture. Panics where the picture is not what it should be.
    pub fn read(svg: &str) -> Self {
        let document = Document::parse(svg).expect("a picture is well-formed XML");
        let root = document.root_element();
        assert_eq!(root.tag_name().namespace(), Some("http://www.w3.org/2000/svg"));
        assert_eq!((root.tag_name().name(), root.attribute("role")), ("svg", Some("img")));
        let moved = root.descendants().find_map(|node| node.attribute("transform")).map_or([0.0, 0.0], |transform| {
            let inner = transform.trim_start_matches("translate(").trim_end_matches(')');
            let mut numbers = inner.split(' ').map(|number| number.parse().expect("a number"));
            [numbers.next().expect("x"), numbers.next().expect("y")]
        });
        let with_class = |class: &'static str| {
            root.descendants()
                .filter(move |node| node.attribute("class").is_some_and(|of| of.split(' ').any(|one| one == class)))
        };
        Picture {
            width: number(&root, "width"),
            height: number(&root, "height"),
            name: root
                .children()
                .find(|node| node.has_tag_name("title"))
                .and_then(|node| node.text())
                .unwrap_or("")
                .to_owned(),
            description: root
                .children()
                .find(|node| node.has_tag_name("desc"))
                .and_then(|node| node.text())
                .unwrap_or("")
                .to_owned(),
            background: with_class("background").next().and_then(|node| node.attribute("fill")).map(str::to_owned),
            title: with_class("title").next().and_then(|node| node.text()).map(str::to_owned),
            tasks: with_class("task").map(|node| task(&node, moved)).collect(),
            edges: with_class("edge").map(|node| edge(&node, moved)).collect(),
            heads: with_class("head").map(|node| head(&node, moved)).collect(),
        }
    }
}

fn number(node: &Node, name: &str) -> f64 {
    node.attribute(name).and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("{name} of {node:?}"))
}

/// An attribute of the node or of what it is in.
fn inherited(node: &Node, name: &str) -> Option<String> {
    node.ancestors().find_map(|node| node.attribute(name)).map(str::to_owned)
}

fn task(node: &Node, moved: [f64; 2]) -> Task {
    let child = |name: &str| node.children().find(|child| child.has_tag_name(name));
    let text = child("text").expect("a task has a text");
    let tspans = || text.children().filter(|child| child.has_tag_name("tspan"));
    // A sketched box is a path.
    let outline = child("rect").or_else(|| child("path")).expect("a task has a box");
    let (left, top, right, bottom) = match outline.has_tag_name("rect") {
        true => {
            let (x, y) = (number(&outline, "x") + moved[0], number(&outline, "y") + moved[1]);
            (x, y, x + number(&outline, "width"), y + number(&outline, "height"))
        }
        false => {
            let points: Vec<Point> = ends(&pieces(outline.attribute("d").expect("a path"), moved)).collect();
            let least = |axis: fn(&Point) -> f64| points.iter().map(axis).fold(f64::INFINITY, f64::min);
            let most = |axis: fn(&Point) -> f64| points.iter().map(axis).fold(f64::NEG_INFINITY, f64::max);
            (least(|point| point.x), least(|point| point.y), most(|point| point.x), most(|point| point.y))
        }
    };
    Task {
        index: number(node, "data-index") as usize,
        state: node.attribute("data-state").expect("a state").to_owned(),
        id: node.attribute("data-task").map(str::to_owned),
        lines: tspans().map(|line| line.text().unwrap_or("").to_owned()).collect(),
        tooltip: child("title").and_then(|title| title.text()).unwrap_or("").to_owned(),
        left,
        top,
        right,
        bottom,
        fill: outline.attribute("fill").expect("a fill").to_owned(),
        line: outline.attribute("stroke").expect("a line").to_owned(),
        text: text.attribute("fill").expect("a text colour").to_owned(),
        dashed: outline.has_attribute("stroke-dasharray"),
        opacity: node.attribute("opacity").map(str::to_owned),
        baselines: tspans()
            .map(|line| Point { x: number(&line, "x") + moved[0], y: number(&line, "y") + moved[1] })
            .collect(),
        count: node.attribute("data-count").map_or(1, |count| count.parse().expect("a number")),
        shares: node
            .children()
            .filter(|child| child.attribute("class") == Some("share"))
            .map(|child| share(&child, moved))
            .collect(),
    }
}

fn share(node: &Node, moved: [f64; 2]) -> Share {
    let (left, top) = (number(node, "x") + moved[0], number(node, "y") + moved[1]);
    Share {
        state: node.attribute("data-state").expect("a state").to_owned(),
        count: number(node, "data-count") as usize,
        left,
        top,
        right: left + number(node, "width"),
        bottom: top + number(node, "height"),
    }
}

fn edge(node: &Node, moved: [f64; 2]) -> Edge {
    Edge {
        from: number(node, "data-from") as usize,
        to: number(node, "data-to") as usize,
        dependency: node.attribute("class") == Some("edge dependency"),
        colour: inherited(node, "stroke").expect("a colour"),
        dashed: inherited(node, "stroke-dasharray").is_some(),
        pieces: pieces(node.attribute("d").expect("a path"), moved),
    }
}

fn head(node: &Node, moved: [f64; 2]) -> Head {
    let first = pieces(node.attribute("d").expect("a path").trim_end_matches('Z'), moved).into_iter().next();
    let Some(Piece::Straight(tip, _)) = first else { panic!("a head starts at its tip: {node:?}") };
    Head {
        tip,
        dependency: node.attribute("class") == Some("head dependency"),
        colour: inherited(node, "fill").expect("a colour"),
    }
}

/// Reads the path commands that pictures use.
fn pieces(path: &str, moved: [f64; 2]) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut at = Point { x: 0.0, y: 0.0 };
    let mut rest = path.trim_end_matches('Z');
    while !rest.is_empty() {
        let end = rest[1..].find(|letter: char| letter.is_ascii_alphabetic()).map_or(rest.len(), |end| end + 1);
        let numbers: Vec<f64> = rest[1..end].split(' ').map(|number| number.parse().expect("a number")).collect();
        let points: Vec<Point> =
            numbers.chunks(2).map(|pair| Point { x: pair[0] + moved[0], y: pair[1] + moved[1] }).collect();
        match (&rest[..1], &points[..]) {
            ("M", [_]) => {}
            ("L", &[end]) => pieces.push(Piece::Straight(at, end)),
            ("Q", &[corner, end]) => pieces.push(Piece::Corner(at, corner, end)),
            ("C", &[one, other, end]) => pieces.push(Piece::Curve(at, one, other, end)),
            (command, points) => panic!("{command} with {} points", points.len()),
        }
        at = points[points.len() - 1];
        rest = &rest[end..];
    }
    pieces
}

/// Where each piece starts and ends.
pub fn ends(pieces: &[Piece]) -> impl Iterator<Item = Point> {
    pieces.iter().flat_map(|piece| match *piece {
        Piece::Straight(start, end) | Piece::Corner(start, _, end) | Piece::Curve(start, _, _, end) => [start, end],
    })
}

impl Piece {
    /// Points along the piece, near enough to each other to meet any box it crosses.
    pub fn along(&self) -> impl Iterator<Item = Point> {
        let [a, b, c, d] = match *self {
            Piece::Straight(start, end) => [start, start, end, end],
            Piece::Corner(start, corner, end) => [start, corner, corner, end],
            Piece::Curve(start, one, other, end) => [start, one, other, end],
        };
        let steps = (((d.x - a.x).abs() + (d.y - a.y).abs()) / 4.0).ceil().max(1.0) as usize;
        (0..=steps).map(move |step| {
            let share = step as f64 / steps as f64;
            let rest = 1.0 - share;
            let of = [rest * rest * rest, 3.0 * rest * rest * share, 3.0 * rest * share * share, share * share * share];
            Point {
                x: of[0] * a.x + of[1] * b.x + of[2] * c.x + of[3] * d.x,
                y: of[0] * a.y + of[1] * b.y + of[2] * c.y + of[3] * d.y,
            }
        })
    }
}

impl Task {
    pub fn centre(&self) -> Point {
        Point { x: (self.left + self.right) / 2.0, y: (self.top + self.bottom) / 2.0 }
    }

    /// Whether a point lies more than `depth` inside the box, or at most so far outside if negative.
    pub fn holds(&self, point: Point, depth: f64) -> bool {
        point.x > self.left + depth
            && point.x < self.right - depth
            && point.y > self.top + depth
            && point.y < self.bottom - depth
    }
}
