//! The tasks of a job, and what can be asked of them.

use boxwood::{TaskState, TaskSummary, TaskTree};

/// All tasks of a job, parents before children, siblings in the order of submission.
#[derive(Debug)]
pub(crate) struct Tasks(Vec<(usize, TaskSummary)>);

impl Tasks {
    pub(crate) fn new(tree: &TaskTree) -> Self {
        let mut tasks = Vec::new();
        tree.walk(|depth, task| tasks.push((depth, task.clone())));
        Self(tasks)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &TaskSummary> {
        self.0.iter().map(|(_, task)| task)
    }

    /// The only task whose display is, or begins with the line, `display`.
    pub(crate) fn named(&self, display: &str) -> &TaskSummary {
        let mut found = self.iter().filter(|task| task.display.lines().next() == Some(display));
        let task = found.next().unwrap_or_else(|| panic!("there is no task {display}: {self:?}"));
        assert!(found.next().is_none(), "there are several tasks {display}");
        task
    }

    /// The displays, each after two blanks for each level.
    pub(crate) fn outline(&self) -> Vec<String> {
        self.0.iter().map(|(depth, task)| format!("{:indent$}{}", "", task.display, indent = 2 * depth)).collect()
    }

    /// The inputs as texts.
    pub(crate) fn inputs(&self) -> Vec<String> {
        self.iter().map(|task| String::from_utf8(task.input.clone()).unwrap()).collect()
    }

    /// The first lines of the displays, with the states.
    pub(crate) fn states(&self) -> Vec<(&str, TaskState)> {
        self.iter().map(|task| (task.display.lines().next().unwrap_or_default(), task.state)).collect()
    }

    /// Checks that these tasks were executed one after the other, in this order.
    pub(crate) fn assert_order(&self, displays: &[&str]) {
        for pair in displays.windows(2) {
            let (stop, start) = (self.named(pair[0]).stopped_at, self.named(pair[1]).started_at);
            assert!(stop.is_some() && stop <= start, "{} started before {} ended: {self:?}", pair[1], pair[0]);
        }
    }
}
