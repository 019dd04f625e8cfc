//! All tasks of a job in few rows, from committed rows.

use std::ops::Range;

use boxwood_engine::{JobId, TaskState};
use rusqlite::Connection;

use super::load;
use super::query::job;
use super::rows::{self, GROUP_COLUMNS, column, number};
use crate::error::Error;
use crate::outline::{JobOutline, Outlining, Window};

pub(super) fn of_job(connection: &Connection, id: JobId, tasks_max: u64) -> Result<Option<JobOutline>, Error> {
    let Some(job) = job(connection, id)? else { return Ok(None) };
    let mut outlining = Outlining::default();
    if job.status.counts.total() <= tasks_max {
        let sql = format!(
            "SELECT {GROUP_COLUMNS} FROM task_group g JOIN group_state s ON s.key = g.key WHERE g.job = ?1 ORDER BY g.key"
        );
        let mut statement = connection.prepare_cached(&sql)?;
        for row in statement.query_map([column(job.job.key.0)], rows::group)? {
            let (group, state) = row?;
            outlining.begin(&group);
            while let Some(keys) = outlining.lacks(&group, &state) {
                outlining.window = window(connection, keys)?;
            }
        }
    }
    Ok(Some(outlining.of(job, load::classes(connection)?)))
}

fn window(connection: &Connection, keys: Range<u64>) -> Result<Window, Error> {
    let within = [column(keys.start), column(keys.end)];
    let mut running = connection.prepare_cached("SELECT key FROM running WHERE key >= ?1 AND key < ?2 ORDER BY key")?;
    let running = running.query_map(within, |row| Ok((number(row, 0)?, ())))?.collect::<Result<_, _>>()?;
    let mut stopped =
        connection.prepare_cached("SELECT key, state FROM task WHERE key >= ?1 AND key < ?2 ORDER BY key")?;
    let stopped = stopped.query_and_then(within, |row| {
        let (key, state) = (number(row, 0)?, row.get(1)?);
        let known = TaskState::from_number(state);
        Ok((key, known.ok_or_else(|| Error::Corrupt(format!("task {key}: {state} is not a task state")))?))
    });
    let stopped = stopped?.collect::<Result<_, Error>>()?;
    let mut displays =
        connection.prepare_cached("SELECT task, display FROM display WHERE task >= ?1 AND task < ?2 ORDER BY task")?;
    let displays = displays.query_map(within, |row| Ok((number(row, 0)?, row.get::<_, String>(1)?.into())))?;
    Ok(Window { running, stopped, displays: displays.collect::<Result<_, _>>()? })
}
