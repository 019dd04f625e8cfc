//! Which jobs to list (J-42 to J-51).

use std::ops::{Bound, RangeBounds};
use std::time::SystemTime;

use boxwood_proto::tilebox::v1::{IDInterval, SortDirection, TimeInterval};
use boxwood_proto::workflows::v1 as wire;

use super::job::{JobState, TaskState};
use crate::id::{AutomationId, JobId};

/// Conditions a job must meet: all of them, and of each any of the values given (J-42). None given means all jobs, newest
/// first.
#[derive(Debug, Clone, Default)]
pub struct JobFilter {
    submitted: Option<TimeInterval>,
    ids: Option<(JobId, JobId)>,
    name: String,
    states: Vec<JobState>,
    task_states: Vec<TaskState>,
    clusters: Vec<String>,
    automations: Vec<AutomationId>,
    oldest_first: bool,
}

impl JobFilter {
    /// Meets every job.
    pub fn new() -> Self {
        Self::default()
    }

    /// Jobs submitted within a range of time, such as `from..until` or `from..` (J-43). Not together with
    /// [`ids`](Self::ids) (J-45).
    pub fn submitted(mut self, range: impl RangeBounds<SystemTime>) -> Self {
        self.submitted = Some(interval(range));
        self
    }

    /// Jobs from `first` to `last`, both included (J-44). Not together with [`submitted`](Self::submitted) (J-45).
    pub fn ids(mut self, first: JobId, last: JobId) -> Self {
        self.ids = Some((first, last));
        self
    }

    /// Jobs whose name has all words of `name`, in any order, in capitals or not; at most 100 characters (J-46).
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Jobs in this state; call it again to allow others too (J-47).
    pub fn state(mut self, state: JobState) -> Self {
        self.states.push(state);
        self
    }

    /// Jobs with at least one task in this state; call it again to allow others too (J-48).
    pub fn task_state(mut self, state: TaskState) -> Self {
        self.task_states.push(state);
        self
    }

    /// Jobs with at least one task on this cluster; call it again to allow others too (J-50).
    pub fn cluster(mut self, slug: impl Into<String>) -> Self {
        self.clusters.push(slug.into());
        self
    }

    /// Jobs submitted by this automation; call it again to allow others too (J-49).
    pub fn automation(mut self, id: AutomationId) -> Self {
        self.automations.push(id);
        self
    }

    /// Oldest job first instead of newest first (J-51).
    pub fn oldest_first(mut self) -> Self {
        self.oldest_first = true;
        self
    }

    pub(crate) fn into_wire(self) -> wire::QueryJobsRequest {
        let filters = wire::QueryFilters {
            time_interval: self.submitted.into(),
            id_interval: self
                .ids
                .map(|(first, last)| IDInterval {
                    start_id: first.to_wire().into(),
                    end_id: last.to_wire().into(),
                    end_inclusive: true,
                    ..Default::default()
                })
                .into(),
            automation_ids: self.automations.into_iter().map(AutomationId::to_wire).collect(),
            states: self.states.into_iter().map(|state| state.to_wire().into()).collect(),
            name: self.name,
            task_states: self.task_states.into_iter().map(|state| state.to_wire().into()).collect(),
            cluster_slugs: self.clusters,
            ..Default::default()
        };
        let direction = match self.oldest_first {
            true => SortDirection::SORT_DIRECTION_ASCENDING,
            false => SortDirection::SORT_DIRECTION_DESCENDING,
        };
        wire::QueryJobsRequest { filters: filters.into(), sort_direction: direction.into(), ..Default::default() }
    }
}

/// A range of time as it travels; its start is included and its end is not unless it says otherwise (J-43).
pub(super) fn interval(range: impl RangeBounds<SystemTime>) -> TimeInterval {
    let time = |bound: Bound<&SystemTime>| match bound {
        Bound::Included(time) | Bound::Excluded(time) => Some((*time).into()),
        Bound::Unbounded => None,
    };
    TimeInterval {
        start_time: time(range.start_bound()).into(),
        end_time: time(range.end_bound()).into(),
        start_exclusive: matches!(range.start_bound(), Bound::Excluded(_)),
        end_inclusive: matches!(range.end_bound(), Bound::Included(_)),
        ..Default::default()
    }
}
