//! Counting once more, from the rows of tasks alone.

use tokio_postgres::{Client, NoTls};

use crate::calls::PATIENCE;

/// A connection to the database, beside the servers.
pub(crate) struct Rows(Client);

/// Counters of jobs that are not those of their tasks. A row in `running` counts before one in `task`; a task without a row
/// is QUEUED. 1, 2, 3 are QUEUED, RUNNING, COMPUTED.
const WRONG_COUNTERS: &str = "
    WITH totals AS (
        SELECT job, sum(count)::bigint AS tasks FROM task_group GROUP BY job
    ), started AS (
        SELECT g.job,
               count(*) FILTER (WHERE r.key IS NOT NULL) AS running,
               count(*) FILTER (WHERE r.key IS NULL AND t.state = 3) AS computed,
               count(*) FILTER (WHERE r.key IS NULL AND t.state NOT IN (1, 3)) AS other
        FROM task t FULL JOIN running r USING (key)
        JOIN task_group g ON g.key = COALESCE(r.grp, t.grp)
        GROUP BY g.job
    )
    SELECT format('job %s: its row says %s queued, %s running, %s computed; its tasks are %s, %s running, %s computed, %s other',
                  s.job, s.queued, s.running, s.computed, tasks, started.running, started.computed, other)
    FROM job_status s JOIN totals USING (job) LEFT JOIN started USING (job)
    WHERE s.running <> COALESCE(started.running, 0)
       OR s.computed <> COALESCE(started.computed, 0)
       OR s.queued <> tasks - COALESCE(started.running, 0) - COALESCE(started.computed, 0)
       OR s.failed + s.skipped + s.failed_optional + COALESCE(other, 0) <> 0";

/// Tasks that have other sub-tasks than two, all of one report.
const WRONG_CHILDREN: &str = "
    SELECT format('task %s has %s sub-tasks in %s reports', parent, sum(count), count(*))
    FROM task_group WHERE parent IS NOT NULL GROUP BY parent HAVING count(*) <> 1 OR sum(count) <> 2";

/// Groups whose row says another number of tasks that are not complete than there are: a task is complete when it is
/// computed and no group of its sub-tasks has one that is not.
const WRONG_GROUPS: &str = "
    WITH open AS (
        SELECT g.key, g.parent, g.count - count(t.key) FILTER (
            WHERE t.state = 3 AND NOT EXISTS (SELECT FROM running r WHERE r.key = t.key) AND NOT EXISTS (
                SELECT FROM task_group c JOIN group_state s ON s.key = c.key WHERE c.parent = t.key AND s.open > 0)
        ) AS open
        FROM task_group g LEFT JOIN task t ON t.grp = g.key GROUP BY g.key
    )
    SELECT format('group %s: its row says that %s tasks are not complete, and %s are not', s.key, s.open, open.open)
    FROM group_state s JOIN open USING (key) WHERE s.open <> open.open";

impl Rows {
    pub(crate) async fn of(database: &str) -> Self {
        let (client, connection) = tokio_postgres::connect(database, NoTls).await.expect("the database answers");
        tokio::spawn(connection);
        Self(client)
    }

    /// Runs statements.
    pub(crate) async fn execute(&self, statements: &str) {
        self.0.batch_execute(statements).await.unwrap_or_else(|error| panic!("{statements}: {error:?}"));
    }

    /// Asks for a number until it is as wanted.
    pub(crate) async fn until(&self, what: &str, sql: &str, holds: impl Fn(i64) -> bool) {
        let waiting = async { while !holds(self.number(sql).await) {} };
        tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("never: {what}"));
    }

    /// The number that a statement yields.
    pub(crate) async fn number(&self, sql: &str) -> i64 {
        self.0.query_one(sql, &[]).await.unwrap_or_else(|error| panic!("{sql}: {error:?}")).get(0)
    }

    /// That counters are those of the tasks, at this moment, and that no report was applied twice.
    pub(crate) async fn add_up(&self) {
        for sql in [WRONG_COUNTERS, WRONG_CHILDREN, WRONG_GROUPS] {
            let rows = self.0.query(sql, &[]).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
            let wrong: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
            assert!(wrong.is_empty(), "{wrong:#?}");
        }
    }
}
