//! What runners send: reports, failures, and what they can take.

use std::collections::HashSet;

use boxwood_engine::{Ask, ComputedTask, FailedTask, ProgressUpdate, TaskId, Timestamp, limits};
use boxwood_proto::workflows::v1::{ComputedTaskView, NextTaskToRunView, ProgressView, TaskFailedRequestView};

use super::submission::{Refused, singles, submission};
use crate::validate::{self, Invalid};

/// Reads what a runner can take.
pub(crate) fn ask(wire: &NextTaskToRunView<'_>) -> Result<Ask, Invalid> {
    validate::required_slug("next_task_to_run.cluster_slug", wire.cluster_slug)?;
    let mut identifiers = Vec::with_capacity(wire.identifiers.len());
    for (index, identifier) in wire.identifiers.iter().enumerate() {
        let field = format_args!("next_task_to_run.identifiers[{index}]");
        identifiers.push(validate::identifier(field, identifier.name, identifier.version)?);
    }
    Ok(Ask { cluster: wire.cluster_slug.into(), identifiers: identifiers.into() })
}

/// Reads a task reported computed. Content errors go with it: they fail the task, not the call.
pub(crate) fn computed_task(wire: &ComputedTaskView<'_>, first_sub_task: TaskId) -> Result<ComputedTask, Invalid> {
    let task = validate::required_id("computed_task.id", &wire.id, TaskId::from_bytes)?;
    let (progress, mut content_error) = progress(&wire.progress_updates);
    let sub_tasks = match wire.sub_tasks.as_option() {
        Some(tasks) => Some(submission(tasks)),
        None if wire.legacy_sub_tasks.is_empty() => None,
        None => Some(singles("computed_task.legacy_sub_tasks", &wire.legacy_sub_tasks)),
    };
    let sub_tasks = match sub_tasks.transpose() {
        Ok(sub_tasks) => sub_tasks,
        Err(Refused::Malformed(invalid)) => return Err(invalid),
        Err(Refused::Content(message)) => {
            content_error.get_or_insert(message);
            None
        }
    };
    let progress = if content_error.is_some() { Vec::new() } else { progress };
    Ok(ComputedTask { task, display: wire.display.into(), progress, sub_tasks, first_sub_task, content_error })
}

/// Reads a failure. Progress beyond the limits is left out of it and named in the display: the task has failed anyway.
pub(crate) fn failed_task(wire: &TaskFailedRequestView<'_>, now: Timestamp) -> Result<FailedTask, Invalid> {
    let task = validate::required_id("task_id", &wire.task_id, TaskId::from_bytes)?;
    let (progress, content_error) = progress(&wire.progress_updates);
    let mut display = wire.display.to_owned();
    if let Some(error) = content_error.filter(|_| !display.is_empty()) {
        display = format!("{display}\n{error}");
    }
    Ok(FailedTask { task, display, progress, workflow_error: wire.was_workflow_error, now })
}

/// The updates within the limits, and the first limit that the others break (LM-18, LM-19).
fn progress(wire: &[ProgressView<'_>]) -> (Vec<ProgressUpdate>, Option<String>) {
    let mut updates = Vec::with_capacity(wire.len().min(limits::INDICATORS_MAX));
    let mut labels = HashSet::new();
    let mut error = None;
    for (index, update) in wire.iter().enumerate() {
        if let Err(Invalid(message)) =
            validate::chars(format_args!("progress_updates[{index}].label"), update.label, 0..=limits::LABEL_CHARS_MAX)
        {
            error.get_or_insert(message);
            continue;
        }
        if labels.len() == limits::INDICATORS_MAX && !labels.contains(update.label) {
            error.get_or_insert_with(|| {
                format!(
                    "progress_updates: more than {} indicators, which is the limit for one task",
                    limits::INDICATORS_MAX
                )
            });
            continue;
        }
        labels.insert(update.label);
        updates.push(ProgressUpdate { label: update.label.into(), total: update.total, done: update.done });
    }
    (updates, error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use boxwood_proto::buffa::{HasMessageView as _, Message as _};
    use boxwood_proto::tilebox::v1::ID;
    use boxwood_proto::workflows::v1 as wire;

    fn label(text: String) -> wire::Progress {
        wire::Progress { label: text, total: 1, done: 1, ..Default::default() }
    }

    fn read(computed: &wire::ComputedTask) -> Result<ComputedTask, Invalid> {
        let bytes = computed.encode_to_vec();
        let first = TaskId::from_u128(7).expect("not zero");
        computed_task(&wire::ComputedTask::decode_view(&bytes).expect("just encoded"), first)
    }

    fn computed(progress_updates: Vec<wire::Progress>) -> wire::ComputedTask {
        let id = ID { uuid: vec![1; 16], ..Default::default() }.into();
        wire::ComputedTask { id, progress_updates, ..Default::default() }
    }

    #[test]
    fn lm_18_a_label_of_100_characters_is_taken_and_one_of_101_fails_the_task() {
        let fine = read(&computed(vec![label("é".repeat(100))])).expect("a report");
        assert_eq!((fine.content_error, fine.progress.len()), (None, 1));
        let failed = read(&computed(vec![label("é".repeat(101))])).expect("a report all the same");
        let error = failed.content_error.expect("a content error");
        assert!(error.contains("progress_updates[0].label") && error.contains("100"), "{error}");
    }

    #[test]
    fn lm_19_p_8_1001_indicators_are_taken_and_1002_fail_the_task() {
        let updates = |count: usize| (0..count).map(|n| label(n.to_string())).collect::<Vec<_>>();
        assert_eq!(read(&computed(updates(1001))).expect("a report").content_error, None);
        let mut repeated = updates(1001);
        repeated.push(label("0".into()));
        assert_eq!(read(&computed(repeated)).expect("a report").content_error, None, "labels count, not updates");
        let error = read(&computed(updates(1002))).expect("a report").content_error.expect("a content error");
        assert!(error.contains("1001"), "{error}");
    }

    #[test]
    fn r_46_a_failure_with_progress_beyond_the_limits_is_still_stored() {
        let failure = wire::TaskFailedRequest {
            task_id: ID { uuid: vec![1; 16], ..Default::default() }.into(),
            display: "T\nboom".into(),
            progress_updates: vec![label("fine".into()), label("x".repeat(101))],
            ..Default::default()
        };
        let bytes = failure.encode_to_vec();
        let view = wire::TaskFailedRequest::decode_view(&bytes).expect("just encoded");
        let failed = failed_task(&view, Timestamp(0)).expect("a failure");
        assert_eq!(failed.progress.len(), 1);
        assert!(failed.display.starts_with("T\nboom\nprogress_updates[1].label"), "{}", failed.display);
    }

    #[test]
    fn n_8_a_report_needs_the_id_of_its_task() {
        let refused = read(&wire::ComputedTask::default()).expect_err("no id").0;
        assert!(refused.contains("computed_task.id"), "{refused}");
    }
}
