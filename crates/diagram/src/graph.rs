//! What is drawn: tasks, who submitted them, and what they wait for.

/// A job's tasks as a graph, in submission order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Graph {
    /// The job's name. It is drawn only when [`Options::title`](crate::Options::title) asks for it (V-10).
    pub title: Option<String>,
    /// The tasks in submission order; boxes are drawn in this order (V-15).
    pub nodes: Vec<Node>,
}

/// One task. Tasks are named by their position in [`Graph::nodes`].
///
/// Positions that do not exist are ignored, and so is a repeated dependency; a cycle is drawn with one
/// of its arrows running against the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// The display text. Line breaks are kept, long lines are broken, the rest is in the box's tooltip (V-2).
    pub label: String,
    /// The task's state, which is its colour (V-5).
    pub state: State,
    /// Whether the task itself was submitted as optional; inherited optionality does not count (V-6).
    pub optional: bool,
    /// The task that submitted this one, absent for a root task (V-3).
    pub parent: Option<usize>,
    /// More tasks with a solid arrow to this one. A task has none, but boxes of a drawn text may (V-19).
    pub more_parents: Vec<usize>,
    /// The tasks this one waits for (V-4).
    pub depends_on: Vec<usize>,
    /// The tasks of a folded box, absent for a single task (V-20).
    pub stack: Option<Stack>,
    /// The task's id, a UUID, for whoever shows the picture and wants to know which box is which task (V-22).
    pub task: Option<u128>,
}

/// How many tasks of each state a folded box stands for (V-20).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stack([usize; State::ALL.len()]);

impl Stack {
    /// Adds so many tasks.
    pub fn add(&mut self, state: State, count: usize) {
        self.0[state as usize] += count;
    }

    /// Adds all tasks of another stack.
    pub(crate) fn add_all(&mut self, other: &Stack) {
        self.0.iter_mut().zip(other.0).for_each(|(count, more)| *count += more);
    }

    /// How many tasks there are.
    pub fn total(&self) -> usize {
        self.0.iter().sum()
    }

    /// The states there are, from what is done to what waits, with how many tasks are in them.
    pub fn states(&self) -> impl Iterator<Item = (State, usize)> {
        let order =
            [State::Computed, State::Skipped, State::FailedOptional, State::Failed, State::Running, State::Queued];
        order.into_iter().map(|state| (state, self.0[state as usize])).filter(|&(_, count)| count > 0)
    }

    /// Whether its tasks are in different states.
    pub fn is_mixed(&self) -> bool {
        self.states().nth(1).is_some()
    }

    /// The state of the box: of the states in it the one that asks for most attention.
    pub fn state(&self) -> State {
        let order =
            [State::Failed, State::Running, State::Queued, State::FailedOptional, State::Skipped, State::Computed];
        order.into_iter().find(|&state| self.0[state as usize] > 0).unwrap_or(State::Queued)
    }
}

impl Node {
    /// A root task without dependencies.
    pub fn new(label: impl Into<String>, state: State) -> Self {
        Self {
            label: label.into(),
            state,
            optional: false,
            parent: None,
            more_parents: Vec::new(),
            depends_on: Vec::new(),
            stack: None,
            task: None,
        }
    }

    /// The same task as a sub-task of the task at `parent`.
    #[must_use]
    pub fn under(mut self, parent: usize) -> Self {
        self.parent = Some(parent);
        self
    }

    /// The same task waiting also for the tasks at `dependencies`.
    #[must_use]
    pub fn after(mut self, dependencies: impl IntoIterator<Item = usize>) -> Self {
        self.depends_on.extend(dependencies);
        self
    }

    /// The same task, submitted as optional.
    #[must_use]
    pub fn optional(mut self) -> Self {
        self.optional = true;
        self
    }
}

/// The states a task can be drawn in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Waiting to be handed out.
    Queued,
    /// Handed out to a runner.
    Running,
    /// Computed.
    Computed,
    /// Failed for good.
    Failed,
    /// Not needed any more because an optional branch failed.
    Skipped,
    /// Failed for good, but optional; drawn like a failed task.
    FailedOptional,
}

impl State {
    /// Every state, in the order of the API.
    pub const ALL: [State; 6] =
        [State::Queued, State::Running, State::Computed, State::Failed, State::Skipped, State::FailedOptional];

    /// The state's name on the wire, for example `FAILED_OPTIONAL`.
    pub fn name(self) -> &'static str {
        match self {
            State::Queued => "QUEUED",
            State::Running => "RUNNING",
            State::Computed => "COMPUTED",
            State::Failed => "FAILED",
            State::Skipped => "SKIPPED",
            State::FailedOptional => "FAILED_OPTIONAL",
        }
    }

    /// The state as a sentence names it.
    pub(crate) fn words(self) -> &'static str {
        match self {
            State::Queued => "queued",
            State::Running => "running",
            State::Computed => "computed",
            State::Failed => "failed",
            State::Skipped => "skipped",
            State::FailedOptional => "failed optional",
        }
    }
}

/// What an arrow says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// The task at the tail submitted the task at the tip (V-3).
    Subtask,
    /// The task at the tail waits for the task at the tip (V-4).
    Dependency,
}

/// One arrow between two tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Edge {
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) kind: Kind,
}

impl Graph {
    /// Every arrow: task by task in submission order, first those from its parents, then its dependencies.
    pub(crate) fn edges(&self) -> Vec<Edge> {
        let count = self.nodes.len();
        let mut edges = Vec::new();
        // The last task that named a parent or a dependency, to leave out repetitions without hashing.
        let mut parent_of = vec![usize::MAX; count];
        let mut named_by = vec![usize::MAX; count];
        for (at, node) in self.nodes.iter().enumerate() {
            for &parent in node.parent.iter().chain(&node.more_parents).filter(|&&parent| parent < count) {
                if parent_of[parent] != at {
                    parent_of[parent] = at;
                    edges.push(Edge { from: parent, to: at, kind: Kind::Subtask });
                }
            }
            for &dependency in node.depends_on.iter().filter(|&&dependency| dependency < count) {
                if named_by[dependency] != at {
                    named_by[dependency] = at;
                    edges.push(Edge { from: at, to: dependency, kind: Kind::Dependency });
                }
            }
        }
        edges
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn v_3_v_4_every_arrow_once_and_nothing_that_points_nowhere() {
        let graph = Graph {
            title: None,
            nodes: vec![
                Node::new("a", State::Queued),
                Node::new("b", State::Queued).under(0).after([0, 0, 7]),
                Node::new("c", State::Queued).under(9).after([1, 0, 1]),
            ],
        };
        let drawn: Vec<_> = graph.edges().iter().map(|edge| (edge.from, edge.to, edge.kind)).collect();
        assert_eq!(
            drawn,
            [(0, 1, Kind::Subtask), (1, 0, Kind::Dependency), (2, 1, Kind::Dependency), (2, 0, Kind::Dependency),]
        );
    }
}
