//! The tasks of a job as a tree in a terminal.

use std::collections::HashSet;
use std::time::{Duration, SystemTime};

use boxwood::{TaskNode, TaskState, TaskSummary, TaskTree};

use super::fold::{Branch, FOLD_FROM, Row, Rows, fold};
use super::style::{in_words, task_style};
use crate::output::{Screen, Style};
use crate::text::{columns, counted, first_line, fit, number, shown_lines, wrap};
use crate::when::took;

/// Beyond this depth rows are no longer indented, but say how deep they are.
const DEPTH_MAX: usize = 12;
/// Lines of the display of a failed task, whose error is in there (T-45), and of others.
const ERROR_LINES_MAX: usize = 8;
const DISPLAY_LINES_MAX: usize = 3;
/// Even a narrow terminal shows this much of a display.
const LABEL_COLUMNS_MIN: usize = 16;

/// A row as it is written.
struct Line {
    state: Option<TaskState>,
    took: String,
    lead: String,
    /// What comes before further lines of the same row.
    lead_on: String,
    label: String,
    notes: String,
    more: Vec<String>,
}

/// The tree as text: a row for each task, with state, time and display.
pub(crate) fn tree(screen: Screen, tree: &TaskTree, unfolded: bool, now: SystemTime) -> String {
    tree_folded(screen, tree, if unfolded { usize::MAX } else { FOLD_FROM }, now)
}

/// The same with one row for many tasks that look alike, if there are more tasks than `fold_from`.
pub(super) fn tree_folded(screen: Screen, tree: &TaskTree, fold_from: usize, now: SystemTime) -> String {
    let rows = fold(tree, fold_from);
    let mut clusters = HashSet::new();
    tree.walk(|_, task| {
        clusters.insert(task.cluster.as_str());
    });
    let lines = lines(&rows, clusters.len() > 1, now);

    let state_columns = lines.iter().filter_map(|line| line.state).map(|state| state.as_str().len()).max().unwrap_or(0);
    let took_columns = lines.iter().map(|line| columns(&line.took)).max().unwrap_or(0);
    let mut text = String::new();
    for line in &lines {
        let (state, style) = match line.state {
            Some(state) => (state.as_str(), task_style(state)),
            None => ("", Style::Faint),
        };
        let (label, notes) = match screen.columns {
            None => (line.label.clone(), line.notes.clone()),
            Some(all) => {
                let room = all.saturating_sub(state_columns + took_columns + 4 + columns(&line.lead));
                let label = fit(&line.label, room.saturating_sub(columns(&line.notes)).max(LABEL_COLUMNS_MIN));
                let notes = fit(&line.notes, room.saturating_sub(columns(&label)));
                (label, notes)
            }
        };
        text.push_str(&screen.paint(style, &format!("{state:<state_columns$}")));
        text.push_str("  ");
        text.push_str(&" ".repeat(took_columns - columns(&line.took)));
        text.extend([&screen.paint(Style::Faint, &line.took), "  ", &line.lead]);
        text.push_str(&if line.state.is_none() { screen.paint(Style::Faint, &label) } else { label });
        text.push_str(&screen.paint(Style::Faint, &notes));
        text.push('\n');
        let blanks = " ".repeat(state_columns + took_columns + 4);
        for more in &line.more {
            let room = screen
                .columns
                .map(|all| all.saturating_sub(columns(&blanks) + columns(&line.lead_on)).max(LABEL_COLUMNS_MIN));
            for piece in wrap(more, room) {
                text.extend([&blanks, &line.lead_on, &screen.paint(style, &piece), "\n"]);
            }
        }
    }
    text
}

/// A row that is still to be written.
struct Open<'a> {
    row: usize,
    /// The cluster of the row above, if there is one.
    above: Option<&'a str>,
    depth: usize,
    /// The lines drawn by the rows above.
    lead: String,
    last: bool,
}

fn lines(rows: &Rows<'_>, name_clusters: bool, now: SystemTime) -> Vec<Line> {
    let mut lines = Vec::new();
    let open = |row, above, depth, lead: &str, last| Open { row, above, depth, lead: lead.to_owned(), last };
    let mut stack: Vec<Open<'_>> = (0..rows.roots).rev().map(|row| open(row, None, 0, "", false)).collect();
    while let Some(Open { row, above, depth, lead, last }) = stack.pop() {
        let row = &rows.rows[row];
        let here = row.branch.members().first().map(|member| member.task.cluster.as_str());
        let (own, below) = match depth {
            0 => (String::new(), String::new()),
            1..=DEPTH_MAX => (
                format!("{lead}{}", if last { "└─ " } else { "├─ " }),
                format!("{lead}{}", if last { "   " } else { "│  " }),
            ),
            _ => (format!("{lead}(depth {depth}) "), lead.clone()),
        };
        let on = if row.below.is_empty() { "  " } else { "│ " };
        // A cluster is named where it changes.
        let mut line = line(row, name_clusters && here != above, now);
        line.lead_on = format!("{below}{on}");
        line.lead = own;
        lines.push(line);
        let count = row.below.len();
        let children = row.below.iter().enumerate().rev();
        stack.extend(children.map(|(position, child)| open(*child, here, depth + 1, &below, position + 1 == count)));
    }
    lines
}

fn line(row: &Row<'_>, name_cluster: bool, now: SystemTime) -> Line {
    let members = row.branch.members();
    let (Some(first), Some(last)) = (members.first(), members.last()) else { return rest(&[]) };
    let task = &first.task;
    let mut notes = String::new();
    let label = match &row.branch {
        Branch::Rest(tasks) => return rest(tasks),
        Branch::One(_) => first_line(first_only(task)),
        Branch::Alike(_) | Branch::Chain(_) => {
            let (from, to) = (first_line(first_only(task)), first_line(first_only(&last.task)));
            let chained = if matches!(row.branch, Branch::Chain(_)) { ", each below the one before" } else { "" };
            notes = format!("  ({}{chained})", counted(members.len() as u64, "task"));
            if from == to { from } else { format!("{} … {}", fit(&from, 40), fit(&to, 40)) }
        }
    };
    if !row.hidden.is_empty() {
        let below = counted(row.hidden.len() as u64, "task");
        notes.push_str(&format!("  (and {below} below: {})", states(&row.hidden)));
    }
    notes.push_str(&notes_of(members, name_cluster));
    let failed = matches!(task.state, TaskState::Failed | TaskState::FailedOptional);
    let lines_max = if failed { ERROR_LINES_MAX } else { DISPLAY_LINES_MAX };
    let mut more: Vec<String> = shown_lines(&task.display).skip(1).take(lines_max + 1).collect();
    if more.len() > lines_max {
        more[lines_max] = "…".to_owned();
    }
    let took = time_taken(members, now);
    Line { state: Some(task.state), took, lead: String::new(), lead_on: String::new(), label, notes, more }
}

/// The first line of the display; further lines are shown below it.
fn first_only(task: &TaskSummary) -> &str {
    task.display.lines().next().unwrap_or_default()
}

/// Tasks that have no row of their own.
fn rest(tasks: &[&TaskNode]) -> Line {
    Line {
        state: None,
        took: String::new(),
        lead: String::new(),
        lead_on: String::new(),
        label: format!("… and {}: {}", counted(tasks.len() as u64, "other task"), states(tasks)),
        notes: String::new(),
        more: Vec::new(),
    }
}

/// How many of these tasks are in which state.
fn states(tasks: &[&TaskNode]) -> String {
    let counts: Vec<String> = TaskState::ALL
        .iter()
        .copied()
        .map(|state| (state, tasks.iter().filter(|node| node.task.state == state).count()))
        .filter(|(_, count)| *count > 0)
        .map(|(state, count)| format!("{} {}", number(count as u64), in_words(state)))
        .collect();
    counts.join(", ")
}

fn notes_of(members: &[&TaskNode], name_cluster: bool) -> String {
    let mut notes = Vec::new();
    let failed = matches!(members[0].task.state, TaskState::Failed | TaskState::FailedOptional);
    let failures: u64 = members.iter().map(|member| member.task.retry_count).sum();
    match (members.len() as u64, failures) {
        (_, 0) => (),
        // One failure of each goes without saying.
        (count, failures) if failed && failures <= count => (),
        (1, tries) if failed => notes.push(format!("{} tries", number(tries))),
        (1, failures) => notes.push(format!("failed {} before", times(failures))),
        (_, failures) => notes.push(format!("failed {} in all", times(failures))),
    }
    if members[0].task.optional {
        notes.push("optional".to_owned());
    }
    if name_cluster {
        notes.push(format!("on {}", first_line(&members[0].task.cluster)));
    }
    if members.iter().any(|member| member.task.has_children && member.children.is_empty()) {
        notes.push("sub-tasks not read".to_owned());
    }
    if notes.is_empty() { String::new() } else { format!("  [{}]", notes.join(", ")) }
}

fn times(count: u64) -> String {
    match count {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        more => format!("{} times", number(more)),
    }
}

/// How long the latest execution took, or takes so far; of several tasks the median.
fn time_taken(members: &[&TaskNode], now: SystemTime) -> String {
    let mut times: Vec<Duration> = members
        .iter()
        .filter_map(|member| {
            let task = &member.task;
            let end = match task.state {
                TaskState::Running => now,
                _ => task.stopped_at?,
            };
            // Clocks of two machines may disagree a little.
            Some(end.duration_since(task.started_at?).unwrap_or_default())
        })
        .collect();
    times.sort_unstable();
    match (times.get(times.len() / 2), members.len()) {
        (None, _) => String::new(),
        (Some(time), 1) => took(*time),
        (Some(time), _) => format!("~{}", took(*time)),
    }
}
