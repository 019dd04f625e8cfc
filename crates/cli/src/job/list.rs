//! `boxwood job list`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use boxwood::{Job, JobFilter, JobId, JobState, TaskState};
use clap::{Args, ValueEnum};
use serde::Serialize;

use super::json::JobJson;
use super::style::{job_style, settled, settled_share};
use crate::Failure;
use crate::connect::Options;
use crate::output::{Screen, Style};
use crate::table::{Cell, column, plain, table};
use crate::text::{columns, first_line, fit, shown};
use crate::when::{age, local, parse_duration, parse_time};

/// Narrower terminals show how old a job is instead of when it was submitted.
const WIDE: usize = 100;
/// On even narrower ones a job takes two lines.
const NARROW: usize = 72;
/// The longest name of a state.
const STATE_COLUMNS: usize = 9;

#[derive(Args, Debug)]
pub(super) struct ListArgs {
    /// Only jobs submitted within this time, for example 7d, 12h or 30m
    #[arg(long, value_name = "TIME", value_parser = parse_duration, conflicts_with_all = ["after", "before"])]
    last: Option<Duration>,
    /// Only jobs submitted at this time or later: a date, a local time, or RFC 3339
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    after: Option<SystemTime>,
    /// Only jobs submitted before this time
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    before: Option<SystemTime>,
    /// Only jobs in one of these states
    #[arg(long, value_name = "STATE,…", value_delimiter = ',', value_parser = job_state, help = job_state_help())]
    state: Vec<JobState>,
    /// Only jobs with a task in one of these states
    #[arg(long, value_name = "STATE,…", value_delimiter = ',', value_parser = task_state, help = task_state_help())]
    task_state: Vec<TaskState>,
    /// Only jobs whose name has all these words, in any order
    #[arg(long, value_name = "WORDS")]
    name: Option<String>,
    /// Only jobs with a task on one of these clusters
    #[arg(long, value_name = "SLUG,…", value_delimiter = ',')]
    cluster: Vec<String>,
    /// Newest (desc) or oldest (asc) first
    #[arg(long, value_enum, default_value_t = Sort::Desc)]
    sort: Sort,
    /// How many jobs to list at most
    #[arg(long, value_name = "COUNT", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    limit: u32,
    /// Go on after an earlier list: its next_cursor
    #[arg(long, value_name = "CURSOR", value_parser = cursor)]
    cursor: Option<Cursor>,
}

/// An order of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Sort {
    Asc,
    Desc,
}

/// Where an earlier list ended: after this job.
#[derive(Clone, Copy, Debug)]
struct Cursor(Option<JobId>);

#[derive(Serialize)]
struct ListJson<'a> {
    jobs: Vec<JobJson<'a>>,
    next_cursor: String,
}

fn names(all: impl Iterator<Item = &'static str>) -> String {
    all.map(str::to_lowercase).collect::<Vec<_>>().join(", ")
}

fn job_state_help() -> String {
    format!("Only jobs in one of these states: {}", names(JobState::ALL.iter().copied().map(JobState::as_str)))
}

fn task_state_help() -> String {
    let names = names(TaskState::ALL.iter().copied().map(TaskState::as_str));
    format!("Only jobs with a task in one of these states: {names}")
}

fn normal(text: &str) -> String {
    text.trim().to_uppercase().replace('-', "_")
}

fn job_state(text: &str) -> Result<JobState, String> {
    let found = JobState::ALL.iter().copied().find(|state| state.as_str() == normal(text));
    found.ok_or_else(|| format!("there are {}", names(JobState::ALL.iter().copied().map(JobState::as_str))))
}

fn task_state(text: &str) -> Result<TaskState, String> {
    let found = TaskState::ALL.iter().copied().find(|state| state.as_str() == normal(text));
    found.ok_or_else(|| format!("there are {}", names(TaskState::ALL.iter().copied().map(TaskState::as_str))))
}

/// An empty cursor is that of the first page, so that scripts can begin with one.
fn cursor(text: &str) -> Result<Cursor, String> {
    match text {
        "" => Ok(Cursor(None)),
        text => {
            text.parse().map(|id| Cursor(Some(id))).map_err(|_| "not a next_cursor of `boxwood job list`".to_owned())
        }
    }
}

/// Lists jobs (J-42 to J-53).
pub(super) async fn run(args: ListArgs, options: &Options) -> Result<(), Failure> {
    let (output, client) = (options.output(), options.client()?);
    let now = SystemTime::now();
    let after = args.last.map_or(args.after, |last| Some(now.checked_sub(last).unwrap_or(UNIX_EPOCH)));
    if let (Some(after), Some(before)) = (after, args.before)
        && after >= before
    {
        return Err(Failure::Usage("--after is not before --before: no job can match; swap them".into()));
    }
    let start = args.cursor.and_then(|cursor| cursor.0);
    let mut filter = JobFilter::new();
    filter = match start {
        Some(start) => {
            let (first, last) = ids(start, args.sort, after, args.before);
            filter.ids(first, last)
        }
        None if after.is_none() && args.before.is_none() => filter,
        None => filter.submitted(after.unwrap_or(UNIX_EPOCH)..args.before.unwrap_or_else(end_of_time)),
    };
    filter = args.state.into_iter().fold(filter, JobFilter::state);
    filter = args.task_state.into_iter().fold(filter, JobFilter::task_state);
    filter = args.cluster.into_iter().fold(filter, JobFilter::cluster);
    if let Some(name) = args.name {
        filter = filter.name(name);
    }
    if args.sort == Sort::Asc {
        filter = filter.oldest_first();
    }

    // One more than asked for tells whether there are more, and the job of the cursor is not listed again.
    let limit = args.limit as usize;
    let mut pages = client.jobs().query(filter).page_size(args.limit + 2);
    let mut jobs = pages.take(limit + 1).await?;
    if start.is_some_and(|start| jobs.first().is_some_and(|first| first.id == start)) {
        jobs.remove(0);
        jobs.extend(pages.next().await?);
    }
    let more = jobs.len() > limit;
    jobs.truncate(limit);
    let next_cursor = jobs.last().filter(|_| more).map(|job| job.id.to_string()).unwrap_or_default();

    if output.json {
        return output.value(&ListJson { jobs: jobs.iter().map(JobJson::from).collect(), next_cursor });
    }
    if jobs.is_empty() {
        output.talk("no jobs match");
        return Ok(());
    }
    output.data(&listed(output.out, &jobs, now))?;
    if more {
        output.talk(&format!("there are more: add --cursor {next_cursor}"));
    }
    Ok(())
}

/// The end of what the protocol can express.
fn end_of_time() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(253_402_300_799)
}

/// The jobs from `start` on, as an interval of ids: they begin with the time of submission, to the millisecond (N-9). A
/// query has either an interval of ids or one of times (J-45).
fn ids(start: JobId, sort: Sort, after: Option<SystemTime>, before: Option<SystemTime>) -> (JobId, JobId) {
    let millis = |time: SystemTime| time.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos().div_ceil(1_000_000);
    let id = |millis: u128, rest: u8| {
        let mut bytes = [rest; 16];
        bytes[..6].copy_from_slice(&millis.to_be_bytes()[10..]);
        JobId::from_bytes(bytes)
    };
    let first = after.map_or(id(0, 0), |after| id(millis(after), 0));
    let last = before.map_or(id(u128::MAX, 0xff), |before| id(millis(before).saturating_sub(1), 0xff));
    match sort {
        Sort::Asc => (first.max(start), last),
        Sort::Desc => (first, last.min(start)),
    }
}

fn listed(screen: Screen, jobs: &[Job], now: SystemTime) -> String {
    if screen.columns.is_some_and(|columns| columns < NARROW) {
        return jobs.iter().map(|job| in_two_lines(screen, job, now)).collect();
    }
    let wide = screen.columns.is_none_or(|columns| columns >= WIDE);
    let time = if wide { column("SUBMITTED") } else { column("AGE").right() };
    let titles = [column("ID"), column("STATE"), time, column("DONE").right(), column("NAME").can_be_cut()];
    let row = |job: &Job| -> Vec<Cell> {
        vec![
            plain(job.id.to_string()),
            (job_style(job.state), job.state.as_str().to_owned()),
            (Style::Faint, if wide { local(job.submitted_at) } else { age(job.submitted_at, now) }),
            plain(if wide { settled(&job.stats) } else { settled_share(&job.stats) }),
            plain(if screen.columns.is_some() { first_line(&job.name) } else { shown(&job.name) }),
        ]
    };
    table(screen, &titles, &jobs.iter().map(row).collect::<Vec<_>>())
}

/// An id leaves no room beside it on a narrow terminal.
fn in_two_lines(screen: Screen, job: &Job, now: SystemTime) -> String {
    let state = job.state.as_str();
    let rest = format!("  {:>4}  {:>4}  ", age(job.submitted_at, now), settled_share(&job.stats));
    let room = screen.columns.unwrap_or(NARROW).saturating_sub(2 + STATE_COLUMNS + columns(&rest));
    let (name, state) = (fit(&first_line(&job.name), room), format!("{state:<STATE_COLUMNS$}"));
    format!("{}\n  {}{rest}{name}\n", job.id, screen.paint(job_style(job.state), &state))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(millis)
    }

    #[test]
    fn j_53_a_cursor_and_times_become_one_interval_of_ids() {
        let start: JobId = "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b".parse().unwrap();
        let millis = 0x0190_a1b2_c3d4;
        let (first, last) = ids(start, Sort::Desc, Some(at(millis - 5)), Some(at(millis + 5)));
        assert_eq!((first.created_at(), last), (at(millis - 5), start));
        let (first, last) = ids(start, Sort::Asc, Some(at(millis - 5)), Some(at(millis + 5)));
        assert_eq!((first, last.created_at()), (start, at(millis + 4)), "the end is excluded (J-43)");
        let (first, last) = ids(start, Sort::Desc, None, None);
        assert_eq!((first, last), (JobId::from_bytes([0; 16]), start));
        let (first, last) = ids(start, Sort::Asc, None, None);
        assert_eq!((first, last), (start, JobId::from_bytes([0xff; 16])));
    }

    #[test]
    fn states_are_read_in_any_spelling() {
        assert_eq!(job_state("Completed"), Ok(JobState::Completed));
        assert_eq!(task_state("failed-optional"), Ok(TaskState::FailedOptional));
        assert!(job_state("done").unwrap_err().contains("submitted, running, started"));
    }

    #[test]
    fn the_longest_state_has_room_in_two_lines() {
        let longest = JobState::ALL.iter().map(|state| state.as_str().len()).max();
        assert_eq!(longest, Some(STATE_COLUMNS));
    }
}
