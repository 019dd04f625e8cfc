//! Rows that only a search finds.

use boxwood_engine::{JobKey, Need, TaskKey, WorkingSet};

use super::flight::statement;
use super::rows::{self, GROUP_COLUMNS, GROUP_COLUMNS_COUNT, GROUP_STATE_COLUMNS, Id, column, get, number};
use super::session::Talk;
use super::wanted::{Scan, Wanted};
use super::{load, wanted};
use crate::error::Error;

/// Groups are asked for without those above them.
const NO_ANCESTORS: i64 = 0;

/// Searches for what is wanted of jobs that are held.
pub(super) async fn scans(talk: &Talk, set: &mut WorkingSet, wanted: &Wanted) -> Result<(), Error> {
    for scan in &wanted.scans {
        match *scan {
            Scan::OpenParents(boundary) => open_parents(talk, set, boundary).await?,
            Scan::FailedTasks(job) => failed_tasks(talk, set, job).await?,
            Scan::Fingerprint(fingerprint) => {
                let sql = "SELECT key FROM job WHERE fingerprint = $1 ORDER BY key DESC LIMIT 1";
                let found = talk.query_opt(sql, &[&Id::of(fingerprint)]).await?;
                let job = found.iter().map(|row| number(row, 0)).collect::<Result<Vec<_>, _>>()?;
                set.load_scan(Need::Fingerprint(fingerprint), job);
            }
        }
    }
    Ok(())
}

async fn failed_tasks(talk: &Talk, set: &mut WorkingSet, job: JobKey) -> Result<(), Error> {
    let found = talk.query("SELECT task FROM failed WHERE job = $1 ORDER BY task", &[&column(job.0)]).await?;
    let tasks = found.iter().map(|row| number(row, 0)).collect::<Result<Vec<_>, _>>()?;
    set.load_scan(Need::FailedTasks(job), tasks);
    Ok(())
}

/// The tasks below `boundary` with open groups of children; they and those groups are loaded too.
async fn open_parents(talk: &Talk, set: &mut WorkingSet, boundary: TaskKey) -> Result<(), Error> {
    let sql = "WITH RECURSIVE below (task, first, until) AS (
             SELECT key, first_child, first_child + children FROM task WHERE key = $1 AND open_groups > 0
             UNION ALL
             SELECT t.key, t.first_child, t.first_child + t.children
             FROM below b JOIN task t ON t.key >= b.first AND t.key < b.until WHERE t.open_groups > 0
         )
         SELECT task, first, until FROM below";
    let found = talk.query(sql, &[&column(boundary.0)]).await?;
    let (mut parents, mut firsts, mut ends) = (Vec::new(), Vec::new(), Vec::new());
    for row in &found {
        parents.push(get::<i64>(row, 0)?);
        firsts.push(get::<i64>(row, 1)?);
        ends.push(get::<i64>(row, 2)?);
    }
    for row in talk.query(load::sql::tasks(), &[&parents]).await? {
        set.load_task(rows::task(&row)?);
    }
    for row in talk.query(wanted::sql::groups_by_key(), &[&parents, &NO_ANCESTORS]).await? {
        set.load_group_row(rows::group(&row)?);
    }
    for row in talk.query(sql::groups_between(), &[&firsts, &ends]).await? {
        let group = rows::group(&row)?;
        let state = rows::group_state(&row, GROUP_COLUMNS_COUNT)?;
        set.load_group(group, state);
    }
    let below = parents.into_iter().map(i64::cast_unsigned).filter(|task| *task != boundary.0).collect();
    set.load_scan(Need::OpenParents(boundary), below);
    Ok(())
}

mod sql {
    use super::{GROUP_COLUMNS, GROUP_STATE_COLUMNS, statement};

    statement!(
        groups_between,
        "SELECT {GROUP_COLUMNS}, {GROUP_STATE_COLUMNS}
         FROM unnest($1::bigint[], $2::bigint[]) AS p (first, until)
         CROSS JOIN LATERAL (SELECT * FROM task_group e WHERE e.key >= p.first AND e.key < p.until OFFSET 0) AS g
         JOIN group_state s ON s.key = g.key"
    );
}
