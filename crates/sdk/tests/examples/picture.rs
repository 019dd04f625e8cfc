//! Reads the picture of a job back: boxes with their texts, and the two kinds of arrows.

use roxmltree::{Document, Node};

/// The colours of boxes in the light theme (V-5).
pub(crate) const COMPUTED: &str = "#F0FFF0";
pub(crate) const FAILED: &str = "#FA8072";

#[derive(Debug)]
pub(crate) struct Picture {
    pub(crate) boxes: Vec<Task>,
    /// From the task that submitted to the one submitted.
    pub(crate) solid: Vec<(String, String)>,
    /// From the task that waits to the one it depends on.
    pub(crate) dashed: Vec<(String, String)>,
}

#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) text: String,
    pub(crate) fill: String,
    pub(crate) is_dashed: bool,
}

impl Picture {
    pub(crate) fn read(svg: &str) -> Self {
        let document = Document::parse(svg).expect("a picture is well-formed XML");
        let with_class = |class: &'static str| {
            let has =
                move |node: &Node| node.attribute("class").is_some_and(|of| of.split(' ').any(|one| one == class));
            document.descendants().filter(has)
        };
        let boxes: Vec<Task> = with_class("task").map(task).collect();
        let edges = |dependency: bool| {
            let end = |node: &Node, name: &str| {
                let index = node.attribute(name).and_then(|index| index.parse::<usize>().ok()).expect("an index");
                boxes[index].text.clone()
            };
            with_class("edge")
                .filter(|node| node.attribute("class").is_some_and(|of| of.contains("dependency")) == dependency)
                .inspect(|node| assert_eq!(is_dashed(node), dependency, "{node:?}"))
                .map(|node| (end(&node, "data-from"), end(&node, "data-to")))
                .collect::<Vec<_>>()
        };
        Self { solid: edges(false), dashed: edges(true), boxes }
    }

    /// The texts of the boxes, in the order of submission.
    pub(crate) fn texts(&self) -> Vec<&str> {
        self.boxes.iter().map(|task| task.text.as_str()).collect()
    }

    /// The box with this text, or with this text as its first line.
    pub(crate) fn named(&self, text: &str) -> &Task {
        self.boxes.iter().find(|task| task.text.lines().next() == Some(text)).expect("a box with the text")
    }
}

fn task(node: Node) -> Task {
    let child = |name: &str| node.children().find(|child| child.has_tag_name(name)).expect("a task has box and text");
    let lines = child("text").children().filter(|line| line.has_tag_name("tspan"));
    let lines: Vec<&str> = lines.map(|line| line.text().unwrap_or_default()).collect();
    let outline = child("rect");
    Task {
        text: lines.join("\n"),
        fill: outline.attribute("fill").expect("a colour").to_owned(),
        is_dashed: is_dashed(&outline),
    }
}

fn is_dashed(node: &Node) -> bool {
    node.ancestors().any(|node| node.has_attribute("stroke-dasharray"))
}
