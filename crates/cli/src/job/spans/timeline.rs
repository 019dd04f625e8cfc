//! Spans in a terminal: a row for each, below the span it is part of, with a bar where it lies in time.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, SystemTime};

use serde_json::{Map, Value};

use super::record::Span;
use crate::job::attributes::{pairs, plain};
use crate::output::{Screen, Style};
use crate::text::{columns, counted, fit, shown, shown_lines};
use crate::when::{local_exact, took};

/// Columns of the bars, and how wide a terminal must be to have them.
const BAR: usize = 24;
const BAR_FROM: usize = 78;
/// Beyond this depth rows are no longer indented.
const DEPTH_MAX: usize = 12;
/// Lines of an error that are shown.
const ERROR_LINES_MAX: usize = 6;
/// Even a narrow terminal shows this much of a name.
const NAME_COLUMNS_MIN: usize = 12;
/// Attributes that say where a span belongs, or repeat its name.
const PLACE: [&str; 3] = ["task_id", "identifier.name", "identifier.version"];

/// The time that is shown.
struct Extent {
    start: SystemTime,
    length: Duration,
}

impl Extent {
    fn of(spans: &[Span]) -> Self {
        let start = spans.iter().map(|span| span.start).min().unwrap_or(SystemTime::UNIX_EPOCH);
        let end = spans.iter().map(|span| span.end).max().unwrap_or(start);
        Self { start, length: end.duration_since(start).unwrap_or_default() }
    }

    fn since_start(&self, time: SystemTime) -> Duration {
        time.duration_since(self.start).unwrap_or_default()
    }

    /// The columns of a bar that a span covers: one at least.
    fn cells(&self, span: &Span) -> (usize, usize) {
        let length = self.length.as_secs_f64();
        let cell = |time| {
            let share = if length > 0.0 { self.since_start(time).as_secs_f64() / length } else { 0.0 };
            (share * BAR as f64) as usize
        };
        let first = cell(span.start).min(BAR - 1);
        (first, cell(span.end).clamp(first + 1, BAR))
    }
}

/// The processes that made spans, numbered as they come.
struct Runners<'a> {
    numbers: HashMap<String, usize>,
    attributes: Vec<&'a Map<String, Value>>,
}

impl<'a> Runners<'a> {
    fn of(spans: &'a [Span]) -> Self {
        let mut runners = Self { numbers: HashMap::new(), attributes: Vec::new() };
        for span in spans {
            if let (Some(id), Some(attributes)) = (span.runner(), &span.runner_attributes)
                && !runners.numbers.contains_key(&id)
            {
                runners.attributes.push(attributes);
                runners.numbers.insert(id, runners.attributes.len());
            }
        }
        runners
    }

    fn number(&self, span: &Span) -> String {
        span.runner().and_then(|id| self.numbers.get(&id)).map(usize::to_string).unwrap_or_default()
    }

    /// A line for each: which program it is, where it runs.
    fn legend(&self, screen: Screen, all: bool) -> String {
        let mut text = String::new();
        for (index, attributes) in self.attributes.iter().enumerate() {
            let part = |key: &str| attributes.get(key).map(plain).filter(|text| !text.is_empty());
            let said = if all {
                pairs(attributes, |_| true).join("  ")
            } else {
                let host = part("host.name").map(|host| format!("on {host}"));
                let process = part("process.pid").map(|pid| format!("process {pid}"));
                let parts = [part("service.name"), host, process, part("service.instance.id")];
                shown(&parts.into_iter().flatten().collect::<Vec<_>>().join(", "))
            };
            let line = format!("runner {}  {said}", index + 1);
            let line = screen.columns.filter(|_| !all).map_or(line.clone(), |room| fit(&line, room));
            text.push_str(&screen.paint(Style::Faint, &line));
            text.push('\n');
        }
        text
    }
}

/// The spans as text; `displays` are those of tasks, by id.
pub(super) fn timeline(
    screen: Screen,
    spans: &[Span],
    displays: &HashMap<String, String>,
    all_of_runners: bool,
) -> String {
    let extent = Extent::of(spans);
    let runners = Runners::of(spans);
    let bars = screen.columns.is_some_and(|columns| columns >= BAR_FROM);
    let starts: Vec<String> = spans.iter().map(|span| format!("+{}", took(extent.since_start(span.start)))).collect();
    let lengths: Vec<String> = spans.iter().map(|span| took(span.took())).collect();
    let widest = |cells: &[String], title: &str| cells.iter().map(|cell| columns(cell)).max().max(Some(title.len()));
    let start_columns = widest(&starts, "START").unwrap_or(0);
    let took_columns = widest(&lengths, "TOOK").unwrap_or(0);
    let right = |text: &str, width: usize| format!("{}{text}", " ".repeat(width - columns(text)));

    let mut text = head(&extent, spans, &runners) + "\n\n";
    let titles = [right("START", start_columns), right("TOOK", took_columns), "RUNNER".to_owned()];
    let mut titles = titles.join("  ");
    if bars {
        titles.push_str(&format!("  {:BAR$}", ""));
    }
    text.push_str(&screen.paint(Style::Faint, &format!("{titles}  SPAN")));
    text.push('\n');
    let blanks = columns(&titles) + 2;
    for Placed { span: index, lead, lead_below, .. } in placed(spans) {
        let span = &spans[index];
        let style = if span.has_failed() { Style::Bad } else { Style::Plain };
        text.push_str(&screen.paint(Style::Faint, &right(&starts[index], start_columns)));
        text.extend(["  ", &right(&lengths[index], took_columns)]);
        text.extend(["  ", &right(&runners.number(span), "RUNNER".len())]);
        if bars {
            text.extend(["  ", &bar(screen, &extent, span)]);
        }
        text.extend(["  ", &screen.paint(Style::Faint, &lead)]);
        let room = screen.columns.map(|all| all.saturating_sub(blanks + columns(&lead)).max(NAME_COLUMNS_MIN));
        let (name, notes) = said(span, displays);
        let name = room.map_or(name.clone(), |room| fit(&name, room));
        let notes = room.map_or(notes.clone(), |room| fit(&notes, room.saturating_sub(columns(&name))));
        text.extend([&screen.paint(style, &name), &screen.paint(Style::Faint, &notes), "\n"]);
        if span.has_failed() {
            for line in shown_lines(&span.error()).take(ERROR_LINES_MAX) {
                let room = room.map(|room| (room + columns(&lead)).saturating_sub(columns(&lead_below) + 2));
                let line = room.map_or(line.clone(), |room| fit(&line, room));
                text.extend([&" ".repeat(blanks), &screen.paint(Style::Faint, &lead_below), "  "]);
                text.extend([&screen.paint(Style::Bad, &line), "\n"]);
            }
        }
    }
    let legend = runners.legend(screen, all_of_runners);
    if !legend.is_empty() {
        text.extend(["\n", &legend]);
    }
    text
}

/// What it is, in a line: how many spans over which time.
fn head(extent: &Extent, spans: &[Span], runners: &Runners<'_>) -> String {
    let failed = spans.iter().filter(|span| span.has_failed()).count() as u64;
    let failed = if failed > 0 { format!(", {}", counted(failed, "error")) } else { String::new() };
    format!(
        "{} over {} from {}, {}{failed}",
        counted(spans.len() as u64, "span"),
        took(extent.length),
        local_exact(extent.start),
        counted(runners.attributes.len() as u64, "runner"),
    )
}

fn bar(screen: Screen, extent: &Extent, span: &Span) -> String {
    let (first, end) = extent.cells(span);
    let style = if span.has_failed() { Style::Bad } else { Style::Active };
    let empty = |cells: usize| screen.paint(Style::Faint, &"·".repeat(cells));
    format!("{}{}{}", empty(first), screen.paint(style, &"█".repeat(end - first)), empty(BAR - end))
}

/// What stands out of a span, and what does not: the execution of a task is called as the task is on other screens.
fn said(span: &Span, displays: &HashMap<String, String>) -> (String, String) {
    let execution = span.name.strip_prefix("task/").and(span.task_id.as_ref());
    let name = shown(&span.name);
    match execution.and_then(|task| displays.get(task)) {
        Some(display) if !display.is_empty() => (display.clone(), format!("  {name}{}", notes(span))),
        _ => (name, notes(span)),
    }
}

/// Attributes of its own, and how many records were logged in it (O-16).
fn notes(span: &Span) -> String {
    let mut notes = String::new();
    match span.events.iter().filter(|event| event.name == "log.message").count() as u64 {
        0 => (),
        logs => notes.push_str(&format!("  ({})", counted(logs, "log"))),
    }
    for pair in pairs(&span.attributes, |key| !PLACE.contains(&key) && !key.starts_with("code.")) {
        notes.push_str("  ");
        notes.push_str(&pair);
    }
    notes
}

/// A span in its place in the tree.
struct Placed {
    span: usize,
    /// What is drawn before it, and before what is below it.
    lead: String,
    lead_below: String,
    depth: usize,
}

impl Placed {
    fn root(span: usize) -> Self {
        Self { span, lead: String::new(), lead_below: String::new(), depth: 0 }
    }

    fn part(&self, span: usize, last: bool) -> Self {
        let (depth, above) = (self.depth + 1, &self.lead_below);
        let (lead, lead_below) = match (depth > DEPTH_MAX, last) {
            (true, _) => (format!("{above}(depth {depth}) "), above.clone()),
            (false, true) => (format!("{above}└─ "), format!("{above}   ")),
            (false, false) => (format!("{above}├─ "), format!("{above}│  ")),
        };
        Self { span, lead, lead_below, depth }
    }
}

/// The spans, each after the one it is part of; those whose span is not among them stand by themselves.
fn placed(spans: &[Span]) -> Vec<Placed> {
    let known: HashSet<&str> = spans.iter().map(|span| span.span_id.as_str()).collect();
    let mut parts: HashMap<&str, Vec<usize>> = HashMap::new();
    let mut roots = Vec::new();
    for (index, span) in spans.iter().enumerate() {
        let parent = span.parent_span_id.as_str();
        if known.contains(parent) && parent != span.span_id {
            parts.entry(parent).or_default().push(index);
        } else {
            roots.push(index);
        }
    }
    let mut placed = Vec::with_capacity(spans.len());
    let mut done = vec![false; spans.len()];
    let mut open: Vec<Placed> = roots.into_iter().rev().map(Placed::root).collect();
    // Spans that are part of each other hang from no root.
    let mut others = 0..spans.len();
    loop {
        while let Some(next) = open.pop() {
            // Each once, whatever the spans say of each other.
            if std::mem::replace(&mut done[next.span], true) {
                continue;
            }
            let below = parts.get(spans[next.span].span_id.as_str()).map(Vec::as_slice).unwrap_or_default();
            open.extend(below.iter().rev().enumerate().map(|(place, span)| next.part(*span, place == 0)));
            placed.push(next);
        }
        match others.find(|span| !done[*span]) {
            Some(span) => open.push(Placed::root(span)),
            None => return placed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(id: &str, parent: &str, millis: std::ops::Range<u64>) -> Span {
        let at =
            |millis: u64| SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000) + Duration::from_millis(millis);
        Span::of_test(id, parent, at(millis.start), at(millis.end))
    }

    /// Rows without the line that says when it was, whose zone is that of the machine.
    fn rows(screen: Screen, spans: &[Span]) -> Vec<String> {
        timeline(screen, spans, &HashMap::new(), false).lines().skip(2).map(|line| line.trim_end().to_owned()).collect()
    }

    #[test]
    fn o_14_spans_stand_below_the_one_they_are_part_of() {
        let spans = [
            span("a", "elsewhere", 0..1000),
            span("b", "a", 10..500),
            span("c", "b", 20..30),
            span("d", "a", 600..900),
        ];
        let expected = [
            "  START    TOOK  RUNNER  SPAN",
            "  +0 µs  1.00 s          a",
            " +10 ms  490 ms          ├─ b",
            " +20 ms   10 ms          │  └─ c",
            "+600 ms  300 ms          └─ d",
        ];
        assert_eq!(rows(Screen { columns: None, rows: None, colour: false }, &spans), expected);
    }

    #[test]
    fn bars_lie_where_spans_lie_in_time_and_narrow_terminals_have_none() {
        let spans = [span("a", "", 0..1000), span("b", "a", 500..500), span("c", "a", 750..1000)];
        let on = |columns| rows(Screen { columns: Some(columns), rows: None, colour: false }, &spans);
        let bars: Vec<String> =
            on(80)[1..].iter().map(|row| row.chars().filter(|c| ['█', '·'].contains(c)).collect()).collect();
        let bar = |before, length, after| "·".repeat(before) + &"█".repeat(length) + &"·".repeat(after);
        assert_eq!(bars, [bar(0, 24, 0), bar(12, 1, 11), bar(18, 6, 0)]);
        assert!(on(80).iter().chain(&on(50)).all(|row| columns(row) <= 80));
        assert!(on(50).iter().all(|row| !row.contains('█') && columns(row) <= 50), "{:?}", on(50));
    }

    #[test]
    fn spans_that_are_part_of_each_other_are_shown_once() {
        let spans = [span("a", "b", 0..1), span("b", "a", 0..1), span("c", "c", 0..1)];
        let placed: Vec<usize> = placed(&spans).iter().map(|placed| placed.span).collect();
        assert_eq!(placed, [2, 0, 1]);
    }
}
