//! A look at a server as lines of text.

use std::time::{Duration, SystemTime};

use super::look::{ClusterAtWork, JobAtWork, Queue, Snapshot};
use crate::job::style::job_style;
use crate::output::{Screen, Style};
use crate::table::{Cell, Column, column, plain, table};
use crate::text::{counted, first_line, fit, number, shown};
use crate::when::about;

/// Narrower terminals do not show the ids of jobs.
const IDS_FROM: usize = 110;
/// Even narrower ones only show how far jobs are.
const NARROW: usize = 72;
/// Clusters on which nothing happens are shown if there are no more than this.
const QUIET_MAX: usize = 3;
/// Rows of clusters and queues, of a screen with this many; jobs get the rest.
const fn queue_rows(rows: usize) -> usize {
    rows / 2
}

/// The lines. `rows` is how many there is room for.
pub(super) fn lines(screen: Screen, snapshot: &Snapshot, rows: Option<usize>, now: SystemTime) -> Vec<String> {
    let mut lines = head(screen, snapshot, now);
    lines.push(String::new());
    let room = |rows: usize| queue_rows(rows).saturating_sub(lines.len()).max(3);
    let queues = queues(screen, snapshot, rows.map(room));
    lines.extend(queues);
    lines.push(String::new());
    let room = |rows: usize| rows.saturating_sub(lines.len());
    let jobs = jobs(screen, snapshot, rows.map(room));
    lines.extend(jobs);
    lines
}

/// Which server, and how much there is of everything.
fn head(screen: Screen, snapshot: &Snapshot, now: SystemTime) -> Vec<String> {
    let server = &snapshot.server;
    let up = server.started_at.and_then(|start| now.duration_since(start).ok());
    let up = up.map(|up| format!(", up {}", about(up))).unwrap_or_default();
    let version = shown(&server.version);
    let first = format!("boxwood {version} at {}, {}{up}", shown(&server.url), shown(&server.database));
    let tasks = &snapshot.tasks;
    let more = |truncated: bool| if truncated { " or more" } else { "" };
    let ready = format!("{}{} ready", number(tasks.ready), more(snapshot.queues_truncated));
    let idle: u64 = snapshot.clusters.iter().map(|cluster| cluster.idle_runners).sum();
    let jobs = format!("{}{}", counted(snapshot.jobs.len() as u64, "job"), more(snapshot.jobs_truncated));
    let mut second =
        format!("{jobs}, tasks {ready} and {} running, runners {} idle", number(tasks.running), number(idle));
    if let Some(rate) = tasks.handed_out_per_second {
        second.push_str(&format!(", {} tasks/s", rate_in_words(rate)));
    }
    let cut = |line: String| screen.columns.map_or(line.clone(), |columns| fit(&line, columns));
    vec![screen.paint(Style::Bold, &cut(first)), cut(second)]
}

/// The clusters, each with what waits there.
fn queues(screen: Screen, snapshot: &Snapshot, rows_max: Option<usize>) -> Vec<String> {
    let busy =
        |cluster: &&ClusterAtWork| cluster.ready_tasks > 0 || cluster.busy_runners > 0 || cluster.idle_runners > 0;
    let all = snapshot.clusters.len() <= QUIET_MAX;
    let shown_clusters: Vec<&ClusterAtWork> = snapshot.clusters.iter().filter(|cluster| all || busy(cluster)).collect();
    let mut rows: Vec<Vec<Cell>> = Vec::new();
    for cluster in &shown_clusters {
        rows.push(cluster_row(cluster));
        let mut queues: Vec<&Queue> =
            snapshot.queues.iter().filter(|queue| queue.cluster_slug == cluster.slug).collect();
        // What nobody takes first, then what most wait for.
        queues.sort_by_key(|queue| (queue.reason == "next_in_line", std::cmp::Reverse(queue.ready_tasks)));
        rows.extend(queues.into_iter().map(queue_row));
    }
    let columns = [
        column("CLUSTER, TASK").can_be_cut(),
        column("READY").right(),
        column("BUSY").right(),
        column("IDLE").right(),
        column("").can_be_cut(),
    ];
    let quiet = snapshot.clusters.len() - shown_clusters.len();
    let quiet = (quiet > 0).then(|| format!("and {} on which nothing happens", counted(quiet as u64, "cluster")));
    cut_table(screen, &columns, rows, rows_max, quiet)
}

fn cluster_row(cluster: &ClusterAtWork) -> Vec<Cell> {
    let note = match cluster.busy_runners + cluster.idle_runners {
        0 => (Style::Faint, "no runners".to_owned()),
        _ => plain(""),
    };
    vec![
        (Style::Bold, first_line(&cluster.slug)),
        plain(number(cluster.ready_tasks)),
        plain(number(cluster.busy_runners)),
        plain(number(cluster.idle_runners)),
        note,
    ]
}

fn queue_row(queue: &Queue) -> Vec<Cell> {
    let taken = queue.reason == "next_in_line";
    let runners = |count: u64| if taken { number(count) } else { "-".to_owned() };
    vec![
        (Style::Plain, format!("  {} {}", first_line(&queue.name), queue.version)),
        plain(number(queue.ready_tasks)),
        plain(runners(queue.busy_runners)),
        plain(runners(queue.idle_runners)),
        (Style::Warning, short(queue.reason).to_owned()),
    ]
}

/// A reason in few words; the sentence is below the jobs it concerns.
fn short(reason: &str) -> &'static str {
    match reason {
        "no_runner_on_cluster" => "no runner on this cluster",
        "no_runner_for_name" => "no runner for this task",
        "no_runner_for_version" => "no runner for this version",
        _ => "",
    }
}

/// The jobs that have not ended, and below those that stand still why they do.
fn jobs(screen: Screen, snapshot: &Snapshot, rows_max: Option<usize>) -> Vec<String> {
    if snapshot.jobs.is_empty() {
        return vec![screen.paint(Style::Faint, "no jobs at work")];
    }
    let wide = |from: usize| screen.columns.is_none_or(|columns| columns >= from);
    let shown_columns = [true, true, wide(NARROW), wide(NARROW), wide(NARROW), true, wide(IDS_FROM), true];
    let columns = [
        column("STATE"),
        column("DONE").right(),
        column("OF").right(),
        column("RUN").right(),
        column("TASKS/S").right(),
        column("LEFT").right(),
        column("ID"),
        column("NAME").can_be_cut(),
    ];
    let columns: Vec<Column> = only(columns, shown_columns).collect();
    let rows: Vec<Vec<Cell>> = snapshot.jobs.iter().map(|job| only(job_row(job), shown_columns).collect()).collect();
    let more = snapshot.jobs_truncated.then(|| "and others".to_owned());
    let mut lines = cut_table(screen, &columns, rows, rows_max, more);
    // Below each that stands still, if there is room for it.
    for (index, job) in snapshot.jobs.iter().enumerate().rev() {
        let Some(wait) = job.waits.first() else { continue };
        let place = index + 2;
        if place > lines.len() || rows_max.is_some_and(|max| lines.len() >= max) {
            continue;
        }
        let others = job.waits.len() - 1;
        let others =
            if others > 0 { format!(" (and {})", counted(others as u64, "other reason")) } else { String::new() };
        let text = format!("  {}: {}{others}", counted(wait.tasks, "task"), first_line(&wait.text));
        let text = screen.columns.map_or(text.clone(), |columns| fit(&text, columns));
        lines.insert(place, screen.paint(Style::Faint, &text));
    }
    lines
}

fn job_row(job: &JobAtWork) -> [Cell; 8] {
    let counts = &job.counts;
    let share = match counts.total_tasks {
        0 => "-".to_owned(),
        total => format!("{}%", u128::from(counts.settled_tasks) * 100 / u128::from(total)),
    };
    let left = counts.remaining_seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    [
        (job_style(job.state), job.state.as_str().to_owned()),
        plain(share),
        plain(number(counts.total_tasks)),
        plain(number(counts.running_tasks)),
        plain(counts.settled_per_second.map_or("-".to_owned(), rate_in_words)),
        plain(left.map_or("-".to_owned(), about)),
        (Style::Faint, job.id.clone()),
        plain(first_line(&job.name)),
    ]
}

/// Those that are shown.
fn only<T>(all: [T; 8], shown: [bool; 8]) -> impl Iterator<Item = T> {
    all.into_iter().zip(shown).filter(|(_, shown)| *shown).map(|(one, _)| one)
}

/// A table of as many rows as there is room for; the last line says what is left out.
fn cut_table(
    screen: Screen,
    columns: &[Column],
    mut rows: Vec<Vec<Cell>>,
    rows_max: Option<usize>,
    more: Option<String>,
) -> Vec<String> {
    // The titles take one, what is left out another.
    let room = rows_max.map_or(usize::MAX, |max| max.saturating_sub(1).max(1));
    let cut = if rows.len() + usize::from(more.is_some()) > room { rows.len() + 1 - room.min(rows.len()) } else { 0 };
    rows.truncate(rows.len() - cut);
    let mut lines: Vec<String> = table(screen, columns, &rows).lines().map(str::to_owned).collect();
    let rest = match cut {
        0 => more,
        cut => Some(format!("and {} more", number(cut as u64))),
    };
    lines.extend(rest.map(|rest| screen.paint(Style::Faint, &format!("… {rest}"))));
    lines
}

/// A rate to two or three digits.
pub(super) fn rate_in_words(rate: f64) -> String {
    match rate {
        rate if rate < 0.05 => "0".to_owned(),
        rate if rate < 10.0 => format!("{rate:.1}"),
        rate => number(rate.round() as u64),
    }
}

#[cfg(test)]
mod tests {
    use super::super::look::{Counts, Server, Tasks, Wait};
    use super::*;
    use crate::text::columns;
    use boxwood::JobState;

    fn job(name: &str, state: JobState, done: u64, rate: Option<f64>) -> JobAtWork {
        let counts = Counts {
            total_tasks: 1_000,
            settled_tasks: done,
            running_tasks: 4,
            tasks_by_state: Default::default(),
            settled_per_second: rate,
            remaining_seconds: rate.map(|rate| (1_000 - done) as f64 / rate),
        };
        let (id, name) = ("01a2166f-fc48-7025-9a2e-a51869c075fe".to_owned(), name.to_owned());
        JobAtWork { id, name, state, submitted_at: None, counts, waits: Vec::new() }
    }

    fn queue(cluster: &str, name: &str, ready_tasks: u64, reason: &'static str) -> Queue {
        Queue {
            cluster_slug: cluster.to_owned(),
            name: name.to_owned(),
            version: "v1.0".to_owned(),
            ready_tasks,
            busy_runners: 4,
            idle_runners: 0,
            reason,
            text: String::new(),
        }
    }

    fn snapshot() -> Snapshot {
        let cluster = |slug: &str, ready_tasks, busy_runners| ClusterAtWork {
            slug: slug.to_owned(),
            ready_tasks,
            busy_runners,
            idle_runners: 0,
        };
        let mut waiting = job("a rather long name that no terminal has room for", JobState::Submitted, 0, None);
        let text = "no runner asked for work on cluster gpu in the last minute; start one there".to_owned();
        waiting.waits.push(Wait { reason: "no_runner_on_cluster", tasks: 1_000, text });
        Snapshot {
            at: String::new(),
            server: Server {
                url: "http://127.0.0.1:8080".to_owned(),
                version: "0.1.0".to_owned(),
                database: "SQLite".to_owned(),
                started_at: None,
            },
            tasks: Tasks { ready: 1_900, running: 4, handed_out_per_second: Some(51.2) },
            clusters: vec![cluster("default", 900, 4), cluster("gpu", 1_000, 0)],
            queues: vec![
                queue("default", "Tile", 900, "next_in_line"),
                queue("gpu", "Train", 1_000, "no_runner_on_cluster"),
            ],
            queues_truncated: false,
            runners: Vec::new(),
            jobs: vec![waiting, job("mosaic", JobState::Running, 400, Some(30.0))],
            jobs_truncated: true,
        }
    }

    fn drawn(columns: usize, rows: usize) -> Vec<String> {
        let screen = Screen { columns: Some(columns), rows: Some(rows), colour: false };
        let lines = lines(screen, &snapshot(), Some(rows), SystemTime::UNIX_EPOCH);
        lines.into_iter().map(|line| line.trim_end().to_owned()).collect()
    }

    #[test]
    fn everything_is_told_where_there_is_room() {
        let expected = "\
boxwood 0.1.0 at http://127.0.0.1:8080, SQLite
2 jobs or more, tasks 1,900 ready and 4 running, runners 0 idle, 51 tasks/s

CLUSTER, TASK  READY  BUSY  IDLE
default          900     4     0
  Tile v1.0      900     4     0
gpu            1,000     0     0  no runners
  Train v1.0   1,000     -     -  no runner on this cluster

STATE      DONE     OF  RUN  TASKS/S  LEFT  NAME
SUBMITTED    0%  1,000    4        -     -  a rather long name that no terminal…
  1,000 tasks: no runner asked for work on cluster gpu in the last minute; star…
RUNNING     40%  1,000    4       30  20 s  mosaic
… and others";
        assert_eq!(drawn(80, 24).join("\n"), expected);
    }

    #[test]
    fn narrow_and_low_terminals_lose_the_rest_and_say_so() {
        for (width, rows) in [(50, 24), (80, 12), (40, 14), (200, 60)] {
            let lines = drawn(width, rows);
            assert!(lines.len() <= rows, "{width}x{rows}: {lines:#?}");
            assert!(lines[2..].iter().all(|line| columns(line) <= width.max(48)), "{width}x{rows}: {lines:#?}");
            assert!(lines.iter().any(|line| line.contains("SUBMITTED")), "{width}x{rows}: {lines:#?}");
        }
        assert!(drawn(80, 12).iter().any(|line| line.starts_with("… and ")), "{:#?}", drawn(80, 12));
        assert!(drawn(200, 60).iter().any(|line| line.contains("01a2166f")), "{:#?}", drawn(200, 60));
    }
}
