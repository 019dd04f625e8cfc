//! Progress indicators (P-1 to P-10).

use std::collections::BTreeMap;

use crate::id::{JobKey, TaskKey};
use crate::step::Stop;
use crate::working_set::WorkingSet;

/// What one execution reports for one indicator; replaces the task's earlier report (P-4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgressUpdate {
    /// The name of the indicator; empty for the unnamed one (P-1).
    pub label: String,
    /// Units of work announced.
    pub total: u64,
    /// Units of work done.
    pub done: u64,
}

/// One indicator of a job: the sum over its tasks (P-3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Indicator {
    /// Units of work announced.
    pub total: u64,
    /// Units of work done; may exceed the total (P-7).
    pub done: u64,
    /// How many tasks contribute; an indicator without any is not listed (P-6).
    pub tasks: u64,
}

/// Indicators of a task or job by label; the empty label comes first (P-6).
pub type Indicators<T> = BTreeMap<String, T>;

/// Merges updates of the same label of one report.
fn merged(updates: Vec<ProgressUpdate>) -> Indicators<(u64, u64)> {
    let mut merged: Indicators<(u64, u64)> = BTreeMap::new();
    for update in updates {
        let sum = merged.entry(update.label).or_default();
        *sum = (sum.0.saturating_add(update.total), sum.1.saturating_add(update.done));
    }
    merged
}

/// Replaces what `task` has reported by `updates`, in the task and in the job's sums (P-3, P-4).
pub(crate) fn replace(
    set: &mut WorkingSet,
    job: JobKey,
    task: TaskKey,
    updates: Vec<ProgressUpdate>,
) -> Result<(), Stop> {
    let reported_before = set.task(task)?.progress_set;
    if updates.is_empty() && !reported_before {
        return Ok(());
    }
    let before = if reported_before { set.task_progress(task)?.clone() } else { BTreeMap::new() };
    let now = merged(updates);
    if before == now {
        return Ok(());
    }
    let mut sums = set.job_progress(job)?.clone();
    for (label, (total, done)) in &before {
        if let Some(sum) = sums.get_mut(label) {
            sum.total = sum.total.saturating_sub(*total);
            sum.done = sum.done.saturating_sub(*done);
            sum.tasks = sum.tasks.saturating_sub(1);
        }
    }
    for (label, (total, done)) in &now {
        let sum = sums.entry(label.clone()).or_default();
        sum.total = sum.total.saturating_add(*total);
        sum.done = sum.done.saturating_add(*done);
        sum.tasks += 1;
    }
    sums.retain(|_, sum| sum.tasks > 0);
    set.task_mut(task)?.progress_set = true;
    set.put_task_progress(task, now);
    set.put_job_progress(job, sums);
    Ok(())
}
