//! Ready tasks, and the queues of jobs that have some.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use boxwood_engine::{ClassKey, GroupKey, JobKey, Need, ReadyKey, ReadyRow, WorkingSet};
use futures::try_join;
use tokio_postgres::Row;

use super::flight::{Ahead, ask, some, statement};
use super::load::{JOB_CLASSES, load_jobs};
use super::rows::{JOB_COLUMNS, JOB_COLUMNS_COUNT, column, get, number, small, whole};
use super::session::Talk;
use crate::error::Error;

/// Where a ready task is in its job: depth and key.
pub(super) type Place = (u32, u64);

/// Ready entries of a job and class loaded at once at most.
pub(super) const ROWS: i64 = 256;

/// The same of a part, of which a batch may ask for many.
const PART_ROWS: i64 = 32;

/// Every place of a job.
const ANYWHERE: Range<Place> = (0, 0)..(u32::MAX, u64::MAX);

/// The first ready tasks of each job and class ($3 entries), of the second list only if the job has tasks of the class.
pub(super) const FIRST: &str = "SELECT r.job, r.class, r.depth, r.first, r.returned, r.next, r.until, r.grp
     FROM (
         SELECT * FROM unnest($1::bigint[], $2::bigint[]) AS asked (job, class)
         UNION ALL
         SELECT c.job, c.class FROM unnest($4::bigint[], $5::bigint[]) AS beside (job, class)
         JOIN job_class c ON c.job = beside.job AND c.class = beside.class
     ) AS p
     CROSS JOIN LATERAL (
         SELECT * FROM ready e WHERE e.job = p.job AND e.class = p.class ORDER BY e.depth, e.first, e.returned LIMIT $3
     ) AS r";

/// The same within ranges of places, of which the ends are left out; the last column is the number of the range.
pub(super) const WITHIN: &str = "SELECT r.job, r.class, r.depth, r.first, r.returned, r.next, r.until, r.grp, p.range
     FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[])
         WITH ORDINALITY AS p (job, class, depth, first, to_depth, to_first, range)
     CROSS JOIN LATERAL (
         SELECT * FROM ready e WHERE e.job = p.job AND e.class = p.class
             AND (e.depth, e.first) >= (p.depth, p.first) AND (e.depth, e.first) < (p.to_depth, p.to_first)
         ORDER BY e.depth, e.first, e.returned LIMIT $7
     ) AS r";

/// Jobs and classes as columns.
pub(super) fn columns<'a>(pairs: impl IntoIterator<Item = &'a (JobKey, ClassKey)>) -> (Vec<i64>, Vec<i64>) {
    pairs.into_iter().map(|(job, class)| (column(job.0), column(class.0))).unzip()
}

/// Ranges of places as columns of [`WITHIN`].
#[derive(Default)]
pub(super) struct Ranges {
    asked: Vec<(JobKey, ClassKey, Range<Place>)>,
    pub(super) job: Vec<i64>,
    pub(super) class: Vec<i64>,
    pub(super) from: (Vec<i64>, Vec<i64>),
    pub(super) to: (Vec<i64>, Vec<i64>),
    pub(super) limit: i64,
}

impl Ranges {
    pub(super) fn of<'a>(parts: impl Iterator<Item = &'a (JobKey, ClassKey, Place, Place)>) -> Self {
        let mut ranges = Self { limit: PART_ROWS + 1, ..Self::default() };
        for (job, class, from, to) in parts {
            ranges.asked.push((*job, *class, *from..*to));
            ranges.job.push(column(job.0));
            ranges.class.push(column(class.0));
            ranges.from.0.push(from.0.into());
            ranges.from.1.push(whole(from.1));
            ranges.to.0.push(to.0.into());
            ranges.to.1.push(whole(to.1));
        }
        ranges
    }

    pub(super) fn load(
        self,
        set: &mut WorkingSet,
        found: &[Row],
        held: impl Fn(&WorkingSet, JobKey) -> bool,
    ) -> Result<(), Error> {
        let mut of: Vec<Vec<(ReadyKey, ReadyRow)>> = vec![Vec::new(); self.asked.len()];
        for row in found {
            let range = usize::try_from(number(row, 8)?).ok().and_then(|range| range.checked_sub(1));
            let rows = range
                .and_then(|range| of.get_mut(range))
                .ok_or_else(|| Error::Corrupt("database: ranges are not numbered".into()))?;
            rows.push(ready(row)?);
        }
        for ((job, class, within), mut rows) in self.asked.into_iter().zip(of) {
            if held(set, job) {
                let end = cut(&mut rows, PART_ROWS, within.end);
                set.load_ready_part(job, class, rows.into_iter(), within.start..end);
            }
        }
        Ok(())
    }
}

/// Takes in what [`FIRST`] found of these jobs and classes.
pub(super) fn load_first(
    set: &mut WorkingSet,
    asked: impl Iterator<Item = (JobKey, ClassKey)>,
    found: &[Row],
) -> Result<(), Error> {
    let mut of: BTreeMap<(JobKey, ClassKey), Vec<(ReadyKey, ReadyRow)>> =
        asked.map(|pair| (pair, Vec::new())).collect();
    for row in found {
        let (key, row) = ready(row)?;
        if let Some(rows) = of.get_mut(&(key.job, key.class)) {
            rows.push((key, row));
        }
    }
    for ((job, class), mut rows) in of {
        let end = cut(&mut rows, ROWS, ANYWHERE.end);
        set.load_ready_part(job, class, rows.into_iter(), ANYWHERE.start..end);
    }
    Ok(())
}

fn ready(row: &Row) -> Result<(ReadyKey, ReadyRow), Error> {
    let key = ReadyKey {
        job: JobKey(number(row, 0)?),
        class: ClassKey(number(row, 1)?),
        depth: small(row, 2)?,
        first: number(row, 3)?,
        returned: get(row, 4)?,
    };
    Ok((key, ReadyRow { next: number(row, 5)?, end: number(row, 6)?, group: GroupKey(number(row, 7)?) }))
}

/// Cuts rows that are more than `limit` before the first place that may not be loaded whole; answers that place. Entries not
/// loaded begin there or later, and so does what is left of them.
fn cut(rows: &mut Vec<(ReadyKey, ReadyRow)>, limit: i64, end: Place) -> Place {
    rows.sort_unstable_by_key(|(key, _)| *key);
    if rows.len() as i64 <= limit {
        return end;
    }
    let place = rows.last().map_or(end, |(key, _)| (key.depth, key.first));
    rows.retain(|(key, _)| (key.depth, key.first) < place);
    place
}

/// What a look into queues found.
#[derive(Default)]
pub(super) struct Found {
    /// Jobs that were locked and loaded.
    pub(super) jobs: BTreeSet<JobKey>,
    /// Queues in which there are only jobs that others hold, each with the oldest of them.
    pub(super) busy: BTreeMap<ClassKey, JobKey>,
}

/// Looks for more jobs of queues: of each the oldest that nobody else holds are locked and loaded, with their first ready
/// tasks, `limit` at most. `held` are jobs that were locked before.
pub(super) async fn look_in_queues(
    talk: &Talk,
    set: &mut WorkingSet,
    queues: &BTreeSet<ClassKey>,
    held: &[i64],
    limit: i64,
    ahead: &mut Ahead,
) -> Result<Found, Error> {
    let classes: Vec<i64> = queues.iter().map(|class| column(class.0)).collect();
    let from: Vec<i64> = queues.iter().map(|class| whole(set.queue_known_until(*class))).collect();
    let free = some(talk, sql::free(), classes.len()).await?;
    let others = some(talk, sql::OTHERS, classes.len()).await?;
    let more = limit + 1;
    let flight =
        async { try_join!(ask(talk, &free, [&classes, &from, &limit]), ask(talk, &others, [&classes, &held, &more]),) };
    let (rows, others) = ahead.of(talk, set, flight).await?;
    let mut found = Found::default();
    let mut of: BTreeMap<ClassKey, Vec<JobKey>> = queues.iter().map(|class| (*class, Vec::new())).collect();
    for row in &rows {
        let (job, class) = (JobKey(number(row, 0)?), ClassKey(number(row, JOB_COLUMNS_COUNT)?));
        of.entry(class).or_default().push(job);
        found.jobs.insert(job);
    }
    load_found(talk, set, &rows, &of).await?;
    let mut left: BTreeMap<ClassKey, JobKey> = BTreeMap::new();
    for row in &others {
        let (class, job) = (ClassKey(number(row, 0)?), JobKey(number(row, 1)?));
        if !found.jobs.contains(&job) {
            left.entry(class).and_modify(|oldest| *oldest = job.min(*oldest)).or_insert(job);
        }
    }
    for (class, jobs) in of {
        let last = jobs.iter().max().copied();
        let known_until = match (last, left.get(&class)) {
            (Some(last), _) if jobs.len() as i64 == limit => last.0 + 1,
            (_, None) => u64::MAX,
            (Some(last), Some(_)) => last.0 + 1,
            (None, Some(elsewhere)) => {
                found.busy.insert(class, *elsewhere);
                continue;
            }
        };
        set.load_queue_part(class, jobs.into_iter(), known_until);
    }
    Ok(found)
}

/// Takes in jobs that were found and locked, with their ready tasks of the classes they were found for.
async fn load_found(
    talk: &Talk,
    set: &mut WorkingSet,
    rows: &[Row],
    of: &BTreeMap<ClassKey, Vec<JobKey>>,
) -> Result<(), Error> {
    let pairs = of.iter().flat_map(|(class, jobs)| jobs.iter().map(|job| (*job, *class)));
    let pairs: Vec<_> = pairs.filter(|(job, class)| !set.has(Need::Ready(*job, *class))).collect();
    let (jobs, of_class) = columns(&pairs);
    let none: Vec<i64> = Vec::new();
    let classes = some(talk, JOB_CLASSES, rows.len()).await?;
    let first = some(talk, FIRST, pairs.len()).await?;
    let found: Vec<i64> = rows.iter().map(|row| get(row, 0)).collect::<Result<_, _>>()?;
    let (classes, first) =
        try_join!(ask(talk, &classes, [&found]), ask(talk, &first, [&jobs, &of_class, &(ROWS + 1), &none, &none]),)?;
    load_jobs(talk, set, rows, &classes).await?;
    load_first(set, pairs.into_iter(), &first)
}

mod sql {
    use super::{JOB_COLUMNS, statement};

    // Of each class ($1) the oldest jobs from a key on ($2) that nobody else holds.
    statement!(
        free,
        "SELECT f.*, p.class FROM unnest($1::bigint[], $2::bigint[]) AS p (class, since) CROSS JOIN LATERAL (
             SELECT {JOB_COLUMNS} FROM queue q JOIN job_status s ON s.job = q.job JOIN job j ON j.key = q.job
             WHERE q.class = p.class AND q.job >= p.since ORDER BY q.job LIMIT $3 FOR UPDATE OF s SKIP LOCKED
         ) AS f"
    );

    /// Of each class ($1) the oldest jobs that are not among these ($2).
    pub(super) const OTHERS: &str = "SELECT p.class, o.job FROM unnest($1::bigint[]) AS p (class) CROSS JOIN LATERAL (
             SELECT q.job FROM queue q WHERE q.class = p.class AND NOT (q.job = ANY($2::bigint[])) ORDER BY q.job LIMIT $3
         ) AS o";
}
