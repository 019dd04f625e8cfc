//! The diagram as far as it is read.

use std::collections::HashMap;

use super::cursor::{Place, Word};
use super::{ARROWS_MAX, Diagram, Unreadable};
use crate::{Node, State};

/// What classes of boxes are accepted.
pub(super) const CLASSES: &str = "queued, running, computed, failed, failed_optional, skipped and optional";

#[derive(Debug)]
pub(super) struct Draft {
    boxes_max: usize,
    diagram: Diagram,
    /// The box of each key, in lower case.
    known: HashMap<String, usize>,
    arrows: usize,
}

impl Draft {
    pub(super) fn new(boxes_max: usize) -> Self {
        Draft { boxes_max, diagram: Diagram::default(), known: HashMap::new(), arrows: 0 }
    }

    pub(super) fn finish(self) -> Diagram {
        self.diagram
    }

    pub(super) fn diagram(&mut self) -> &mut Diagram {
        &mut self.diagram
    }

    /// The box with this key; a new one if there is none.
    pub(super) fn named(&mut self, key: &Word) -> Result<usize, Unreadable> {
        let nodes = &mut self.diagram.graph.nodes;
        let lower = key.text.to_lowercase();
        if let Some(&known) = self.known.get(&lower) {
            return Ok(known);
        }
        if nodes.len() == self.boxes_max {
            return key.place.refuse(format!("this is one box too many: up to {} can be drawn", self.boxes_max));
        }
        self.known.insert(lower, nodes.len());
        nodes.push(Node::new(key.text.clone(), State::Queued));
        Ok(nodes.len() - 1)
    }

    pub(super) fn node(&mut self, at: usize) -> &mut Node {
        &mut self.diagram.graph.nodes[at]
    }

    /// Gives a box the look of its classes; those it had are gone.
    pub(super) fn classify(&mut self, at: usize, classes: &[Word]) -> Result<(), Unreadable> {
        let mut state = None;
        let mut optional = false;
        for class in classes {
            if class.text == "optional" {
                optional = true;
                continue;
            }
            let Some(named) = State::ALL.into_iter().find(|state| state.name().eq_ignore_ascii_case(&class.text))
            else {
                return class.refuse(format!("is no class of a box; classes are {CLASSES}"));
            };
            if state.replace(named).is_some_and(|before| before != named) {
                return class.refuse("is a second state; a box has one, and may be optional beside it");
            }
        }
        let node = self.node(at);
        node.state = state.unwrap_or(State::Queued);
        node.optional = optional;
        Ok(())
    }

    /// Adds an arrow. The same arrow twice is one.
    pub(super) fn connect(&mut self, from: usize, to: usize, dashed: bool, place: Place) -> Result<(), Unreadable> {
        self.arrows += 1;
        if self.arrows > ARROWS_MAX {
            return place.refuse(format!("this is one arrow too many: up to {ARROWS_MAX} can be drawn"));
        }
        if dashed {
            self.node(from).depends_on.push(to);
            return Ok(());
        }
        let node = self.node(to);
        match node.parent {
            None => node.parent = Some(from),
            Some(_) => node.more_parents.push(from),
        }
        Ok(())
    }
}
