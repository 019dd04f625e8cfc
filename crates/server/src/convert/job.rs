//! Jobs: as clients see them, and the filters they are found by.

use boxwood_engine::{
    AutomationId, Indicator, Job, JobState, JobStatus, LegacyJobState, Submission, TaskId, TaskState, limits,
    name_words,
};
use boxwood_proto::tilebox::v1 as tilebox;
use boxwood_proto::workflows::v1::{self as wire, QueryJobsRequestView};
use boxwood_store::{JobQuery, JobView, SortDirection};

use super::{id, task, time};
use crate::validate::{self, Invalid, Page, invalid};

/// Characters of a name filter (LM-15).
const NAME_FILTER_CHARS_MAX: usize = 100;

/// The state of a job on the wire; both sides number them alike (J-20).
pub(crate) fn job_state(state: JobState) -> wire::JobState {
    match state {
        JobState::Submitted => wire::JobState::Submitted,
        JobState::Running => wire::JobState::Running,
        JobState::Started => wire::JobState::Started,
        JobState::Completed => wire::JobState::Completed,
        JobState::Failed => wire::JobState::Failed,
        JobState::Canceled => wire::JobState::Canceled,
    }
}

/// A count of jobs by state (J-58).
pub(crate) fn state_count(state: JobState, count: u64) -> wire::JobStateCount {
    wire::JobStateCount { state: job_state(state).into(), count, ..Default::default() }
}

/// A job with progress and statistics, without tasks (J-41, J-55).
pub(crate) fn job(view: &JobView) -> wire::Job {
    wire::Job { progress: progress(&view.progress), ..with_status(&view.job, &view.status) }
}

/// A job as `GetJobProgress` shows it: id, progress, state and start only.
pub(crate) fn job_in_progress(view: &JobView) -> wire::Job {
    wire::Job {
        id: id(view.job.id.to_bytes()).into(),
        progress: progress(&view.progress),
        state: job_state(view.status.state()).into(),
        started_at: view.status.first_started_at.map(time::timestamp).into(),
        ..Default::default()
    }
}

/// The root tasks of a submission, for the answer to it.
pub(crate) struct NewRoots {
    displays: Vec<String>,
    first: TaskId,
}

impl NewRoots {
    /// Keeps the displays of the first `limit` root tasks.
    pub(crate) fn of(submission: &Submission, first: TaskId, limit: usize) -> Self {
        let runs = submission.groups().iter().flat_map(|group| &group.tasks);
        let displays = runs.flat_map(|run| {
            let count = usize::try_from(run.count).unwrap_or(usize::MAX).min(limit);
            std::iter::repeat_n(&run.display, count)
        });
        let cut = |display: &str| display.chars().take(limits::DISPLAY_CHARS_MAX).collect();
        Self { displays: displays.take(limit).map(|display| cut(display)).collect(), first }
    }
}

/// A job just submitted, with its root tasks as older clients read them (J-6).
pub(crate) fn submitted_job(job: &Job, status: &JobStatus, roots: NewRoots) -> wire::Job {
    let summaries = roots.displays.into_iter().zip(0..).map(|(display, place)| wire::LegacyTaskSummary {
        id: id(roots.first.offset(place).to_bytes()).into(),
        display,
        state: wire::TaskState::Queued.into(),
        ..Default::default()
    });
    wire::Job { task_summaries: summaries.collect(), ..with_status(job, status) }
}

fn with_status(job: &Job, status: &JobStatus) -> wire::Job {
    wire::Job {
        id: id(job.id.to_bytes()).into(),
        name: job.name.clone(),
        trace_parent: job.trace_parent.clone(),
        canceled: status.legacy_canceled(),
        legacy_state: match status.legacy_state() {
            LegacyJobState::Queued => wire::LegacyJobState::Queued,
            LegacyJobState::Started => wire::LegacyJobState::Started,
            LegacyJobState::Completed => wire::LegacyJobState::Completed,
        }
        .into(),
        submitted_at: time::timestamp(job.submitted_at).into(),
        started_at: status.first_started_at.map(time::timestamp).into(),
        automation_id: job.automation.map(|automation| id(automation.to_bytes())).into(),
        state: job_state(status.state()).into(),
        execution_stats: statistics(status).into(),
        ..Default::default()
    }
}

/// The statistics of a job (J-30 to J-37). Before the first start there are no durations.
fn statistics(status: &JobStatus) -> wire::ExecutionStats {
    let started = status.first_started_at.is_some();
    let counted = TaskState::ALL.into_iter().map(|state| (state, status.counts.of(state)));
    wire::ExecutionStats {
        first_task_started_at: status.first_started_at.map(time::timestamp).into(),
        last_task_stopped_at: status.last_stopped_at.map(time::timestamp).into(),
        compute_time: started.then(|| time::duration(status.compute_time)).into(),
        elapsed_time: started.then(|| time::duration(status.elapsed_time())).into(),
        parallelism: status.parallelism(),
        total_tasks: status.counts.total(),
        tasks_by_state: counted
            .filter(|(_, count)| *count > 0)
            .map(|(state, count)| wire::TaskStateCount {
                state: task::task_state(state).into(),
                count,
                ..Default::default()
            })
            .collect(),
        ..Default::default()
    }
}

fn progress(indicators: &[(String, Indicator)]) -> Vec<wire::Progress> {
    let listed = indicators.iter().map(|(label, indicator)| wire::Progress {
        label: label.clone(),
        total: indicator.total,
        done: indicator.done,
        ..Default::default()
    });
    listed.collect()
}

/// Reads the filters of `QueryJobs` (J-42 to J-54). None if nothing can match.
pub(crate) fn job_query(request: &QueryJobsRequestView<'_>) -> Result<Option<JobQuery>, Invalid> {
    let page = Page::read(&request.page, boxwood_engine::JobId::from_bytes)?;
    let sort = match request.sort_direction.as_known() {
        Some(tilebox::SortDirection::SORT_DIRECTION_ASCENDING) => SortDirection::Ascending,
        Some(_) => SortDirection::Descending,
        None => {
            return invalid(format!("sort_direction: {} is no sort direction", request.sort_direction.to_i32()));
        }
    };
    let mut query = JobQuery { sort, after: page.after, limit: page.limit, ..JobQuery::default() };
    let Some(filters) = request.filters.as_option() else { return Ok(Some(query)) };
    if filters.time_interval.is_set() && filters.id_interval.is_set() {
        return invalid("filters: time_interval and id_interval cannot both be given, leave one out");
    }
    query.submitted = validate::time_interval("filters.time_interval", &filters.time_interval)?;
    query.ids = validate::id_interval("filters.id_interval", &filters.id_interval)?;
    for (index, wire) in filters.automation_ids.iter().enumerate() {
        match AutomationId::from_bytes(wire.uuid) {
            Some(automation) => query.automations.push(automation),
            None => {
                return invalid(format!("filters.automation_ids[{index}]: is no id; an id has 16 bytes, not all zero"));
            }
        }
    }
    for (index, state) in filters.states.iter().enumerate() {
        let known = u8::try_from(state.to_i32()).ok().and_then(JobState::from_number);
        match known {
            Some(state) => query.states.push(state),
            None => return invalid(format!("filters.states[{index}]: {} is no job state", state.to_i32())),
        }
    }
    for (index, state) in filters.task_states.iter().enumerate() {
        let known = u8::try_from(state.to_i32()).ok().and_then(TaskState::from_number);
        match known {
            Some(state) => query.task_states.push(state),
            None => return invalid(format!("filters.task_states[{index}]: {} is no task state", state.to_i32())),
        }
    }
    validate::chars("filters.name", filters.name, 0..=NAME_FILTER_CHARS_MAX)?;
    query.name_words = name_words(filters.name);
    for (index, slug) in filters.cluster_slugs.iter().enumerate() {
        validate::required_slug(format_args!("filters.cluster_slugs[{index}]"), slug)?;
        query.clusters.push((*slug).to_owned());
    }
    let empty = validate::is_empty(&query.submitted) || validate::is_empty(&query.ids);
    Ok((!empty).then_some(query))
}
