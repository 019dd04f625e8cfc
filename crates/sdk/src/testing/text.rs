//! Tasks as text.

use std::collections::HashMap;

use crate::TaskId;
use crate::client::{TaskNode, TaskSummary, TaskTree};

/// A line for each task: its display, its state, and what else is worth knowing.
pub(super) fn tree(tree: &TaskTree, executions: &HashMap<TaskId, usize>) -> String {
    let mut text = String::new();
    // What is still to be written: the task, what comes before its line, and before the lines below it.
    let mut open: Vec<(&TaskNode, String, String)> = Vec::new();
    open.extend(tree.roots.iter().rev().map(|root| (root, String::new(), String::new())));
    while let Some((node, lead, below)) = open.pop() {
        let count = executions.get(&node.task.id).copied().unwrap_or(0);
        text.push_str(&format!("{lead}{}\n", line(&node.task, count)));
        let last = node.children.len().saturating_sub(1);
        open.extend(node.children.iter().enumerate().rev().map(|(place, child)| match place == last {
            true => (child, format!("{below}└─ "), format!("{below}   ")),
            false => (child, format!("{below}├─ "), format!("{below}│  ")),
        }));
    }
    text
}

fn line(task: &TaskSummary, executions: usize) -> String {
    let mut notes = Vec::new();
    if task.optional {
        notes.push("optional".to_owned());
    }
    if executions > 1 {
        notes.push(format!("{executions} executions"));
    }
    let notes = if notes.is_empty() { String::new() } else { format!(" ({})", notes.join(", ")) };
    let (display, rest) = task.display.split_once('\n').unwrap_or((&task.display, ""));
    let error = if rest.is_empty() { String::new() } else { format!(": {}", one_line(rest)) };
    format!("{display} {}{notes}{error}", task.state)
}

/// The first line of a text.
pub(super) fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// A text with its lines in one.
pub(super) fn one_line(text: &str) -> String {
    text.lines().collect::<Vec<_>>().join(" / ")
}
