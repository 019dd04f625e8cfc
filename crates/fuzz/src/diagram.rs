//! Diagrams: displays of tasks and whole texts come from anybody, and the picture is put into pages.

use boxwood_diagram::{Direction, Graph, Layout, Node, Options, State, Theme, d2, render};
use roxmltree::Document;

use crate::input::Input;

/// Tasks of a graph at most; more make the search slow and find nothing else.
const NODES_MAX: usize = 48;

/// What may be in a picture. None of these has scripts, references or styles.
const ELEMENTS: [&str; 8] = ["svg", "g", "rect", "path", "text", "tspan", "title", "desc"];

/// Bytes of a picture for each byte of text and each of the arrows and boxes.
const BYTES_EACH_MAX: usize = 12_000;

pub(crate) fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let options = options(&mut input);
    let graph = graph(&mut input);
    drawn(&graph, &options);
}

/// A text to be drawn: it is read, or refused at a place in it.
pub(crate) fn run_d2(bytes: &[u8]) {
    let text = &*String::from_utf8_lossy(bytes);
    match d2::read(text, NODES_MAX) {
        Ok(diagram) => {
            assert!(diagram.graph.nodes.len() <= NODES_MAX);
            drawn(&diagram.graph, &Options { title: true, ..Options::default() });
        }
        Err(error) => {
            let line = text.split('\n').nth(error.line - 1).unwrap_or_else(|| panic!("{error}: no such line"));
            assert!(error.column <= line.chars().count() + 1, "{error}: no such column");
            assert!(error.problem.len() < 600 && !error.problem.contains(['\n', '\u{1b}']), "{error}");
        }
    }
}

fn drawn(graph: &Graph, options: &Options) {
    let svg = render(graph, options);
    assert_eq!(svg, render(graph, options), "the same graph gives the same bytes");
    let parts = 1
        + graph
            .nodes
            .iter()
            .map(|node| 2 + node.label.len() + node.more_parents.len() + node.depends_on.len())
            .sum::<usize>()
        + graph.title.as_ref().map_or(0, String::len);
    assert!(svg.len() <= parts * BYTES_EACH_MAX, "{} bytes for {parts} parts", svg.len());
    let document = Document::parse(&svg).unwrap_or_else(|error| panic!("no XML: {error}\n{svg}"));
    let mut tasks = 0;
    for element in document.descendants().filter(roxmltree::Node::is_element) {
        let name = element.tag_name().name();
        assert!(ELEMENTS.contains(&name), "an element {name} in\n{svg}");
        for attribute in element.attributes() {
            let name = attribute.name();
            assert!(!name.starts_with("on") && !["href", "style", "id", "src"].contains(&name), "{name} in\n{svg}");
        }
        tasks += usize::from(element.attribute("class") == Some("task"));
    }
    assert_eq!(tasks, graph.nodes.len(), "a box for each task in\n{svg}");
    assert!(!svg.contains("NaN") || graph.nodes.iter().any(|node| node.label.contains("NaN")) || options.title);
}

fn options(input: &mut Input<'_>) -> Options {
    Options {
        direction: [Direction::Down, Direction::Up, Direction::Left, Direction::Right][input.below(4)],
        theme: [Theme::Light, Theme::Dark, Theme::ConsoleLight, Theme::ConsoleDark][input.below(4)],
        layout: [Layout::Dagre, Layout::Elk][input.below(2)],
        padding: [0, 5, 1_000, u32::MAX][input.below(4)],
        title: input.flag(),
        sketchy: input.flag(),
    }
}

fn graph(input: &mut Input<'_>) -> Graph {
    let title = input.flag().then(|| input.text());
    let mut nodes = Vec::new();
    while !input.is_empty() && nodes.len() < NODES_MAX {
        let mut node = Node::new(input.text(), State::ALL[input.below(6)]);
        let shape = input.byte();
        node.optional = shape & 1 == 1;
        // Positions may be those of tasks that do not exist, and of the task itself.
        node.parent = (shape & 2 == 2).then(|| input.below(NODES_MAX + 2));
        node.depends_on = (0..shape >> 5).map(|_| input.below(NODES_MAX + 2)).collect();
        nodes.push(node);
    }
    Graph { title, nodes }
}
