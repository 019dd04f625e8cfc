//! Changed rows as columns: a list for each, as the statements of [`save`](super::save) take them.

use boxwood_engine::{AutomationId, Changes, TaskState, name_key};
use tokio_postgres::types::ToSql;

use super::rows::{Id, column, flags, whole};
use crate::encode::{encode_groups, encode_slices, may_leave_failed};

/// How many rows there are, and their columns.
pub(super) type Columns<'a> = (usize, Vec<&'a (dyn ToSql + Sync)>);

/// Two columns.
pub(super) fn pair<A, B>((first, second): &(Vec<A>, Vec<B>)) -> Columns<'_>
where
    Vec<A>: ToSql + Sync,
    Vec<B>: ToSql + Sync,
{
    (first.len(), vec![first, second])
}

#[derive(Default)]
pub(super) struct NewJobs<'a> {
    key: Vec<i64>,
    id: Vec<Id>,
    name: Vec<&'a [u8]>,
    name_key: Vec<Vec<u8>>,
    trace_parent: Vec<&'a [u8]>,
    submitted_at: Vec<i64>,
    automation: Vec<Option<Id>>,
    fingerprint: Vec<Id>,
    first_root: Vec<i64>,
    roots: Vec<i64>,
}

impl<'a> NewJobs<'a> {
    pub(super) fn of(changes: &Changes<'a>) -> Self {
        let mut rows = Self::default();
        for job in changes.jobs {
            rows.key.push(column(job.key.0));
            rows.id.push(Id(job.id.to_bytes()));
            rows.name.push(job.name.as_bytes());
            rows.name_key.push(name_key(&job.name).into_bytes());
            rows.trace_parent.push(job.trace_parent.as_bytes());
            rows.submitted_at.push(job.submitted_at.0);
            rows.automation.push(job.automation.map(AutomationId::to_bytes).map(Id));
            rows.fingerprint.push(Id::of(job.fingerprint));
            rows.first_root.push(column(job.roots.first.0));
            rows.roots.push(column(job.roots.count));
        }
        rows
    }

    /// The columns, in the order of their statement.
    pub(super) fn values(&self) -> Columns<'_> {
        (
            self.key.len(),
            vec![
                &self.key,
                &self.id,
                &self.name,
                &self.name_key,
                &self.trace_parent,
                &self.submitted_at,
                &self.automation,
                &self.fingerprint,
                &self.first_root,
                &self.roots,
            ],
        )
    }
}

#[derive(Default)]
pub(super) struct Statuses {
    job: Vec<i64>,
    state: Vec<i16>,
    canceled: Vec<bool>,
    counts: [Vec<i64>; 6],
    first_started_at: Vec<Option<i64>>,
    last_stopped_at: Vec<Option<i64>>,
    compute_time: Vec<i64>,
    times_stale: Vec<bool>,
    resume_at: Vec<Option<i64>>,
}

impl Statuses {
    pub(super) fn of(changes: &Changes<'_>) -> Self {
        let mut rows = Self::default();
        for status in &changes.statuses {
            rows.job.push(column(status.key.0));
            rows.state.push(status.state() as i16);
            rows.canceled.push(status.canceled);
            for (count, of_state) in rows.counts.iter_mut().zip(status.counts.to_array()) {
                count.push(column(of_state));
            }
            rows.first_started_at.push(status.first_started_at.map(|time| time.0));
            rows.last_stopped_at.push(status.last_stopped_at.map(|time| time.0));
            rows.compute_time.push(i64::try_from(status.compute_time.as_micros()).unwrap_or(i64::MAX));
            rows.times_stale.push(status.times_stale);
            rows.resume_at.push(status.resume_at.map(|task| column(task.0)));
        }
        rows
    }

    /// The columns, in the order of their statement.
    pub(super) fn values(&self) -> Columns<'_> {
        (
            self.job.len(),
            vec![
                &self.job,
                &self.state,
                &self.canceled,
                &self.counts[0],
                &self.counts[1],
                &self.counts[2],
                &self.counts[3],
                &self.counts[4],
                &self.counts[5],
                &self.first_started_at,
                &self.last_stopped_at,
                &self.compute_time,
                &self.times_stale,
                &self.resume_at,
            ],
        )
    }
}

#[derive(Default)]
pub(super) struct Groups<'a> {
    key: Vec<i64>,
    id: Vec<Id>,
    job: Vec<i64>,
    parent: Vec<Option<i64>>,
    depth: Vec<i64>,
    boundary: Vec<Option<i64>>,
    count: Vec<i64>,
    dependencies: Vec<i64>,
    dependents: Vec<Vec<u8>>,
    slices: Vec<Vec<u8>>,
    submitted_at: Vec<i64>,
    task: Vec<i64>,
    input: Vec<&'a [u8]>,
}

impl<'a> Groups<'a> {
    pub(super) fn of(changes: &Changes<'a>) -> Self {
        let mut rows = Self::default();
        for new in changes.groups {
            let group = &new.group;
            rows.key.push(column(group.key.0));
            rows.id.push(Id(group.id.to_bytes()));
            rows.job.push(column(group.job.0));
            rows.parent.push(group.parent.map(|task| column(task.0)));
            rows.depth.push(group.depth.into());
            rows.boundary.push(group.boundary.map(|task| column(task.0)));
            rows.count.push(column(group.count));
            rows.dependencies.push(group.dependencies.into());
            rows.dependents.push(encode_groups(&group.dependents));
            rows.slices.push(encode_slices(&group.slices));
            rows.submitted_at.push(group.submitted_at.0);
            for (key, input) in (group.key.0..).zip(new.inputs.iter()) {
                rows.task.push(column(key));
                rows.input.push(input);
            }
        }
        rows
    }

    /// The columns, in the order of their statement.
    pub(super) fn values(&self) -> Columns<'_> {
        (
            self.key.len(),
            vec![
                &self.key,
                &self.id,
                &self.job,
                &self.parent,
                &self.depth,
                &self.boundary,
                &self.count,
                &self.dependencies,
                &self.dependents,
                &self.slices,
                &self.submitted_at,
            ],
        )
    }

    /// The inputs of their tasks.
    pub(super) fn inputs(&self) -> Columns<'_> {
        (self.task.len(), vec![&self.task, &self.input])
    }
}

#[derive(Default)]
pub(super) struct GroupStates {
    key: Vec<i64>,
    open: Vec<i64>,
    blocked: Vec<i64>,
    skipped: Vec<bool>,
}

impl GroupStates {
    pub(super) fn of(changes: &Changes<'_>) -> Self {
        let mut rows = Self::default();
        for state in &changes.group_states {
            rows.key.push(column(state.key.0));
            rows.open.push(column(state.open));
            rows.blocked.push(state.blocked.into());
            rows.skipped.push(state.skipped);
        }
        rows
    }

    /// The columns, in the order of their statement.
    pub(super) fn values(&self) -> Columns<'_> {
        (self.key.len(), vec![&self.key, &self.open, &self.blocked, &self.skipped])
    }
}

/// Columns of tasks, running or not.
#[derive(Default)]
pub(super) struct TaskRows {
    key: Vec<i64>,
    grp: Vec<i64>,
    state: Vec<i16>,
    retry_count: Vec<i64>,
    failures: Vec<i64>,
    crashes: Vec<i64>,
    hand_backs: Vec<i64>,
    hand_outs: Vec<i64>,
    flags: Vec<i16>,
    started_at: Vec<Option<i64>>,
    stopped_at: Vec<Option<i64>>,
    lease_until: Vec<i64>,
    first_child: Vec<Option<i64>>,
    children: Vec<i64>,
    open_groups: Vec<i64>,
    answered_task: Vec<Option<i64>>,
    answered_hand_out: Vec<i64>,
}

impl TaskRows {
    fn push(&mut self, task: &boxwood_engine::Task) {
        self.key.push(column(task.key.0));
        self.grp.push(column(task.group.0));
        self.state.push(task.state as i16);
        self.retry_count.push(task.retry_count.into());
        self.failures.push(task.failures.into());
        self.crashes.push(task.crashes.into());
        self.hand_backs.push(task.hand_backs.into());
        self.hand_outs.push(task.hand_outs.into());
        self.flags.push(flags(task));
        self.started_at.push(task.started_at.map(|time| time.0));
        self.stopped_at.push(task.stopped_at.map(|time| time.0));
        self.lease_until.push(task.lease_until.0);
        self.first_child.push(task.children.map(|children| column(children.first.0)));
        self.children.push(task.children.map_or(0, |children| column(children.count)));
        self.open_groups.push(task.open_groups.into());
        self.answered_task.push(task.answered_with.map(|taken| column(taken.task.0)));
        self.answered_hand_out.push(task.answered_with.map_or(0, |taken| taken.hand_out.into()));
    }

    /// The columns of running ones.
    pub(super) fn running(&self) -> Columns<'_> {
        (
            self.key.len(),
            vec![
                &self.key,
                &self.grp,
                &self.retry_count,
                &self.failures,
                &self.crashes,
                &self.hand_backs,
                &self.hand_outs,
                &self.flags,
                &self.started_at,
                &self.lease_until,
            ],
        )
    }

    /// The columns of others.
    pub(super) fn stopped(&self) -> Columns<'_> {
        (
            self.key.len(),
            vec![
                &self.key,
                &self.grp,
                &self.state,
                &self.retry_count,
                &self.failures,
                &self.crashes,
                &self.hand_backs,
                &self.hand_outs,
                &self.flags,
                &self.started_at,
                &self.stopped_at,
                &self.first_child,
                &self.children,
                &self.open_groups,
                &self.answered_task,
                &self.answered_hand_out,
            ],
        )
    }

    /// Their keys.
    pub(super) fn keys(&self) -> Columns<'_> {
        (self.key.len(), vec![&self.key])
    }
}

/// A running task lives in the small table of running ones, any other in the large one.
#[derive(Default)]
pub(super) struct Tasks {
    pub(super) running: TaskRows,
    pub(super) stopped: TaskRows,
    pub(super) failed: (Vec<i64>, Vec<i64>),
    pub(super) not_failed: (Vec<i64>, Vec<i64>),
}

impl Tasks {
    pub(super) fn of(changes: &Changes<'_>) -> Self {
        let mut rows = Self::default();
        for task in &changes.tasks {
            let pair = (column(task.key.0), column(task.group.0));
            match task.state {
                TaskState::Running => rows.running.push(task),
                _ => rows.stopped.push(task),
            }
            let list = match task.state {
                TaskState::Failed => &mut rows.failed,
                _ if may_leave_failed(task) => &mut rows.not_failed,
                _ => continue,
            };
            list.0.push(pair.0);
            list.1.push(pair.1);
        }
        rows
    }
}

#[derive(Default)]
pub(super) struct Progress<'a> {
    tasks: Vec<i64>,
    task: Vec<i64>,
    task_label: Vec<&'a [u8]>,
    task_total: Vec<i64>,
    task_done: Vec<i64>,
    jobs: Vec<i64>,
    job: Vec<i64>,
    job_label: Vec<&'a [u8]>,
    job_total: Vec<i64>,
    job_done: Vec<i64>,
    job_tasks: Vec<i64>,
}

impl<'a> Progress<'a> {
    pub(super) fn of(changes: &Changes<'a>) -> Self {
        let mut rows = Self::default();
        for (task, indicators) in &changes.task_progress {
            rows.tasks.push(column(task.0));
            for (label, (total, done)) in *indicators {
                rows.task.push(column(task.0));
                rows.task_label.push(label.as_bytes());
                rows.task_total.push(whole(*total));
                rows.task_done.push(whole(*done));
            }
        }
        for (job, indicators) in &changes.job_progress {
            rows.jobs.push(column(job.0));
            for (label, sum) in *indicators {
                rows.job.push(column(job.0));
                rows.job_label.push(label.as_bytes());
                rows.job_total.push(whole(sum.total));
                rows.job_done.push(whole(sum.done));
                rows.job_tasks.push(whole(sum.tasks));
            }
        }
        rows
    }

    /// Tasks that reported.
    pub(super) fn tasks(&self) -> Columns<'_> {
        (self.tasks.len(), vec![&self.tasks])
    }

    /// What they reported.
    pub(super) fn of_tasks(&self) -> Columns<'_> {
        (self.task.len(), vec![&self.task, &self.task_label, &self.task_total, &self.task_done])
    }

    /// Jobs of which the indicators changed.
    pub(super) fn jobs(&self) -> Columns<'_> {
        (self.jobs.len(), vec![&self.jobs])
    }

    /// Their indicators.
    pub(super) fn of_jobs(&self) -> Columns<'_> {
        (self.job.len(), vec![&self.job, &self.job_label, &self.job_total, &self.job_done, &self.job_tasks])
    }
}

#[derive(Default)]
pub(super) struct ReadyRows {
    job: Vec<i64>,
    class: Vec<i64>,
    depth: Vec<i64>,
    first: Vec<i64>,
    returned: Vec<bool>,
    next: Vec<i64>,
    until: Vec<i64>,
    grp: Vec<i64>,
}

#[derive(Default)]
pub(super) struct Ready {
    pub(super) put: ReadyRows,
    pub(super) gone: ReadyRows,
}

impl Ready {
    pub(super) fn of(changes: &Changes<'_>) -> Self {
        let mut rows = Self::default();
        for (key, row) in &changes.ready {
            let list = if row.is_some() { &mut rows.put } else { &mut rows.gone };
            list.job.push(column(key.job.0));
            list.class.push(column(key.class.0));
            list.depth.push(key.depth.into());
            list.first.push(column(key.first));
            list.returned.push(key.returned);
            if let Some(row) = row {
                list.next.push(column(row.next));
                list.until.push(column(row.end));
                list.grp.push(column(row.group.0));
            }
        }
        rows
    }
}

impl ReadyRows {
    /// The columns, in the order of their statement.
    pub(super) fn values(&self) -> Columns<'_> {
        (
            self.job.len(),
            vec![&self.job, &self.class, &self.depth, &self.first, &self.returned, &self.next, &self.until, &self.grp],
        )
    }

    /// Their keys.
    pub(super) fn keys(&self) -> Columns<'_> {
        (self.job.len(), vec![&self.job, &self.class, &self.depth, &self.first, &self.returned])
    }
}
