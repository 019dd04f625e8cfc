//! All tasks of a job in few rows, from committed rows.

use std::ops::Range;
use std::sync::LazyLock;

use boxwood_engine::{GroupKey, JobId};

use super::catalog;
use super::query::{group_and_state, job, views};
use super::rows::{GROUP_COLUMNS, GROUP_STATE_COLUMNS, column, number, task_state, text};
use super::session::Talk;
use crate::error::Error;
use crate::outline::{JobOutline, Outlining, Window};

/// Groups read at a time.
const GROUPS: i64 = 10_000;

pub(super) async fn of_job(talk: &Talk, id: JobId, tasks_max: u64) -> Result<Option<JobOutline>, Error> {
    let Some(found) = job(talk, id).await? else { return Ok(None) };
    let key = found.0.key;
    let Some(job) = views(talk, vec![found]).await?.pop() else { return Ok(None) };
    let mut outlining = Outlining::default();
    let classes = catalog::classes(talk).await?;
    if job.status.counts.total() > tasks_max {
        return Ok(Some(outlining.of(job, classes)));
    }
    static SQL: LazyLock<String> = LazyLock::new(|| {
        format!(
            "SELECT {GROUP_COLUMNS}, {GROUP_STATE_COLUMNS} FROM task_group g JOIN group_state s ON s.key = g.key
             WHERE g.job = $1 AND g.key > $2 ORDER BY g.key LIMIT $3"
        )
    });
    let mut last = GroupKey(0);
    loop {
        let found = talk.query(&SQL, &[&column(key.0), &column(last.0), &GROUPS]).await?;
        for row in &found {
            let (group, state) = group_and_state(row)?;
            last = group.key;
            outlining.begin(&group);
            while let Some(keys) = outlining.lacks(&group, &state) {
                outlining.window = window(talk, keys).await?;
            }
        }
        if (found.len() as i64) < GROUPS {
            return Ok(Some(outlining.of(job, classes)));
        }
    }
}

async fn window(talk: &Talk, keys: Range<u64>) -> Result<Window, Error> {
    let (start, end) = (column(keys.start), column(keys.end));
    let running = "SELECT key FROM running WHERE key >= $1 AND key < $2 ORDER BY key";
    let running = talk.query(running, &[&start, &end]).await?;
    let stopped = "SELECT key, state FROM task WHERE key >= $1 AND key < $2 ORDER BY key";
    let stopped = talk.query(stopped, &[&start, &end]).await?;
    let displays = "SELECT task, display FROM display WHERE task >= $1 AND task < $2 ORDER BY task";
    let displays = talk.query(displays, &[&start, &end]).await?;
    Ok(Window {
        running: running.iter().map(|row| Ok((number(row, 0)?, ()))).collect::<Result<_, Error>>()?,
        stopped: stopped.iter().map(|row| Ok((number(row, 0)?, task_state(row, 1)?))).collect::<Result<_, Error>>()?,
        displays: displays
            .iter()
            .map(|row| Ok((number(row, 0)?, text(row, 1)?.into())))
            .collect::<Result<_, Error>>()?,
    })
}
