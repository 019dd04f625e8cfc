//! Diagrams: displays of tasks and whole texts come from anybody, and the picture is put into pages.

use boxwood_diagram::{Direction, Graph, Layout, Node, Options, State, Theme, d2, fold, render};
use roxmltree::Document;

use crate::input::Input;

/// Tasks of a graph at most; more make the search slow and find nothing else.
const NODES_MAX: usize = 48;

/// Tasks of a job to be folded at most.
const TASKS_MAX: usize = 400;

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

/// A job to be folded: every task is in one box, and the picture is one.
pub(crate) fn run_fold(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let options = options(&mut input);
    let job = job(&mut input);
    let graph = fold::fold(&job, NODES_MAX);
    let boxes = graph.nodes.iter().map(|node| node.stack.map_or(1, |stack| stack.total()));
    let tasks: usize = job.tasks.iter().map(|task| task.count).sum();
    assert_eq!(boxes.sum::<usize>(), tasks, "every task is in one box");
    for node in &graph.nodes {
        let ends = node.parent.iter().chain(&node.more_parents).chain(&node.depends_on);
        assert!(ends.max().is_none_or(|&end| end < graph.nodes.len()), "an arrow to nowhere: {node:?}");
    }
    drawn(&graph, &options);
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
    let mut boxes = Vec::new();
    for element in document.descendants().filter(roxmltree::Node::is_element) {
        let name = element.tag_name().name();
        assert!(ELEMENTS.contains(&name), "an element {name} in\n{svg}");
        for attribute in element.attributes() {
            let name = attribute.name();
            assert!(!name.starts_with("on") && !["href", "style", "id", "src"].contains(&name), "{name} in\n{svg}");
        }
        if element.attribute("class") == Some("task") {
            tasks += 1;
            boxes.extend(element.children().find(|child| child.has_tag_name("rect")).map(|rect| place(&rect)));
        }
    }
    for (at, one) in boxes.iter().enumerate() {
        let over = |other: &&[f64; 4]| one[0] < other[2] && other[0] < one[2] && one[1] < other[3] && other[1] < one[3];
        let hit = boxes[..at].iter().find(over);
        assert!(hit.is_none(), "{one:?} is over {hit:?} in\n{svg}");
    }
    assert_eq!(tasks, graph.nodes.len(), "a box for each task in\n{svg}");
    assert!(!svg.contains("NaN") || graph.nodes.iter().any(|node| node.label.contains("NaN")) || options.title);
}

/// Left, upper, right and lower edge of a box.
fn place(rect: &roxmltree::Node<'_, '_>) -> [f64; 4] {
    let [x, y, width, height] = ["x", "y", "width", "height"].map(|name| {
        let number = rect.attribute(name).and_then(|number| number.parse::<f64>().ok());
        number.unwrap_or_else(|| panic!("{name} of {rect:?}"))
    });
    [x, y, x + width, y + height]
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

fn job(input: &mut Input<'_>) -> fold::Job {
    let title = input.flag().then(|| input.text());
    let groups = input.below(24);
    // Groups that do not exist, and cycles, are among them.
    let waits = (0..groups).map(|_| (0..input.below(4)).map(|_| input.below(groups + 2)).collect()).collect();
    let mut tasks: Vec<fold::Task> = Vec::new();
    while !input.is_empty() && tasks.len() < TASKS_MAX {
        let (label, work, shape) = (input.text(), input.below(8), input.byte());
        let count = [1, 1, 1, 7][input.below(4)];
        let parent = (shape & 1 == 1).then(|| input.below(tasks.len() + 2));
        let group = input.below(groups + 2);
        for at in 0..=usize::from(shape >> 3) {
            let label = if shape & 2 == 2 { format!("{label}({at})") } else { label.clone() };
            let state = State::ALL[(usize::from(shape) + at * usize::from(shape & 3)) % 6];
            let label = label.into();
            tasks.push(fold::Task { label, count, work, state, optional: shape & 4 == 4, id: None, parent, group });
        }
    }
    fold::Job { title, tasks, waits }
}
