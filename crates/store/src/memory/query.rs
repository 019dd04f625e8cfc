//! Answers to questions about jobs and tasks, from committed rows.

use std::collections::BTreeMap;
use std::ops::{Bound, Range, RangeBounds};
use std::sync::RwLockReadGuard;

use boxwood_engine::{
    Class, ClassKey, Cluster, Group, GroupKey, Job, JobId, JobKey, JobState, JobStatus, TaskId, TaskKey, TaskState,
    Timestamp, name_key,
};

use super::rows::Rows;
use super::{Committed, LOCK, State};
use crate::error::Error;
use crate::outline::{JobOutline, Outlining, Window};
use crate::read::{
    BlockedGroup, Bounds, Executions, FailedTasks, FoundTask, GraphGroup, JobGraph, JobPage, JobQuery, JobView,
    JobWaits, QueueStats, Reader, ReadyTasks, SortDirection, TaskPage, TaskQuery, TaskView, TaskWaits, exact_times_max,
    optional_look_max,
};

impl Committed {
    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().expect(LOCK)
    }
}

impl Reader for Committed {
    fn job(&self, id: JobId) -> Result<Option<JobView>, Error> {
        let state = self.read();
        state.rows.job_ids.get(&id).map(|key| state.rows.view(*key)).transpose()
    }

    fn jobs(&self, query: &JobQuery) -> Result<JobPage, Error> {
        self.read().rows.page(query)
    }

    fn tasks(&self, query: &TaskQuery) -> Result<Option<TaskPage>, Error> {
        let state = self.read();
        let Some(job) = state.rows.job_ids.get(&query.job) else { return Ok(None) };
        state.rows.task_page(*job, query)
    }

    fn graph(&self, id: JobId, limit: usize) -> Result<Option<JobGraph>, Error> {
        let state = self.read();
        state.rows.job_ids.get(&id).map(|key| state.rows.graph(*key, limit)).transpose()
    }

    fn outline(&self, id: JobId, tasks_max: u64) -> Result<Option<JobOutline>, Error> {
        let state = self.read();
        state.rows.job_ids.get(&id).map(|key| state.rows.outline(*key, tasks_max)).transpose()
    }

    fn job_state_counts(&self, submitted: Bounds<Timestamp>) -> Result<Vec<(JobState, u64)>, Error> {
        let state = self.read();
        let mut counts: BTreeMap<JobState, u64> = BTreeMap::new();
        for job in state.rows.jobs.values().filter(|job| submitted.contains(&job.submitted_at)) {
            *counts.entry(state.rows.status(job.key)?.state()).or_default() += 1;
        }
        Ok(counts.into_iter().collect())
    }

    fn queue_stats(&self, submitted: Bounds<Timestamp>) -> Result<QueueStats, Error> {
        let state = self.read();
        let mut stats = QueueStats::default();
        let mut oldest: Option<&Job> = None;
        for job in state.rows.jobs.values().filter(|job| submitted.contains(&job.submitted_at)) {
            let status = state.rows.status(job.key)?;
            match status.state() {
                JobState::Submitted | JobState::Started => {
                    stats.waiting_jobs += 1;
                    if oldest.is_none_or(|oldest| job.id < oldest.id) {
                        oldest = Some(job);
                    }
                }
                JobState::Running => stats.running_jobs += 1,
                JobState::Completed | JobState::Failed | JobState::Canceled => continue,
            }
            stats.queued_tasks += status.counts.of(TaskState::Queued);
        }
        stats.oldest_waiting = oldest.map(|job| state.rows.view(job.key)).transpose()?;
        Ok(stats)
    }

    fn job_of_task(&self, id: TaskId) -> Result<Option<JobId>, Error> {
        let state = self.read();
        let job = state.rows.task_with_id(id).and_then(|(group, _)| state.rows.jobs.get(&group.job));
        Ok(job.map(|job| job.id))
    }

    fn job_waits(&self, id: JobId, limit: usize) -> Result<Option<JobWaits>, Error> {
        let state = self.read();
        state.rows.job_ids.get(&id).map(|key| state.rows.job_waits(*key, limit)).transpose()
    }

    fn ready_tasks(&self, entries_max: usize) -> Result<ReadyTasks, Error> {
        self.read().rows.ready_tasks(entries_max)
    }

    fn task_waits(&self, id: TaskId) -> Result<Option<TaskWaits>, Error> {
        let state = self.read();
        let Some((group, task)) = state.rows.task_with_id(id) else { return Ok(None) };
        let group = state.rows.blocked_group(group)?;
        let key = group.group.job;
        let job = state.rows.jobs.get(&key).ok_or_else(|| missing("job", key.0))?.as_ref().clone();
        let status = state.rows.status(key)?.clone();
        let executions = Executions::of(state.rows.tasks.get(&task));
        Ok(Some(TaskWaits { job, status, task: state.rows.task_view(task)?, executions, group }))
    }

    fn find_tasks(&self, ids: &[TaskId]) -> Result<Vec<FoundTask>, Error> {
        let state = self.read();
        let found: BTreeMap<TaskKey, JobKey> =
            ids.iter().filter_map(|id| state.rows.task_with_id(*id).map(|(group, task)| (task, group.job))).collect();
        let whole = found.into_iter().map(|(key, job)| {
            let job = state.rows.jobs.get(&job).ok_or_else(|| missing("job", job.0))?;
            Ok(FoundTask { job: job.id, job_name: job.name.clone(), task: state.rows.task_view(key)? })
        });
        whole.collect()
    }

    fn failed_tasks(&self, id: JobId, limit: usize) -> Result<Option<FailedTasks>, Error> {
        let state = self.read();
        let Some(job) = state.rows.job_ids.get(&id).copied() else { return Ok(None) };
        let views = |keys: &mut dyn Iterator<Item = TaskKey>| {
            keys.take(limit).map(|key| state.rows.task_view(key)).collect::<Result<Vec<_>, _>>()
        };
        let mut failed = state.rows.failed.range((job, TaskKey(0))..=(job, TaskKey(u64::MAX))).map(|(_, task)| *task);
        let known = state.rows.groups_of(job).flat_map(|group| state.rows.tasks.range(range(group)));
        let mut optional = known
            .take(optional_look_max())
            .filter(|(_, task)| task.state == TaskState::FailedOptional)
            .map(|(key, _)| *key);
        Ok(Some(FailedTasks { failed: views(&mut failed)?, optional: views(&mut optional)? }))
    }

    fn clusters(&self) -> Result<Vec<Cluster>, Error> {
        let mut clusters: Vec<_> = self.read().rows.clusters.values().cloned().collect();
        clusters.sort_by_key(|cluster| cluster.deletable);
        Ok(clusters)
    }
}

fn missing(what: &str, key: u64) -> Error {
    Error::Corrupt(format!("{what} {key} is missing, which other rows refer to"))
}

impl Rows {
    fn status(&self, job: JobKey) -> Result<&JobStatus, Error> {
        self.statuses.get(&job).ok_or_else(|| missing("the status of job", job.0))
    }

    fn view(&self, key: JobKey) -> Result<JobView, Error> {
        let job = self.jobs.get(&key).ok_or_else(|| missing("job", key.0))?.clone();
        let mut status = self.status(key)?.clone();
        if status.times_stale && status.counts.total() <= exact_times_max() {
            let tasks = || self.groups_of(key).flat_map(|group| self.tasks.range(range(group)).map(|(_, task)| task));
            status.first_started_at = tasks().filter_map(|task| task.started_at).min().or(status.first_started_at);
            status.last_stopped_at = tasks().filter_map(|task| task.stopped_at).max();
        }
        let progress = self.job_progress.get(&key).into_iter().flatten();
        Ok(JobView { job, status, progress: progress.map(|(label, sum)| (label.clone(), *sum)).collect() })
    }

    fn groups_of(&self, job: JobKey) -> impl Iterator<Item = &Group> {
        let keys = self.job_groups.range((job, GroupKey(0))..=(job, GroupKey(u64::MAX)));
        keys.filter_map(|(_, key)| self.groups.get(key).map(|(group, _)| group.as_ref()))
    }

    fn page(&self, query: &JobQuery) -> Result<JobPage, Error> {
        let mut found = Vec::new();
        if holds_nothing(&query.ids) {
            return Ok(JobPage { jobs: found, more: false });
        }
        let mut keys = self.job_ids.range(query.ids);
        loop {
            let next = match query.sort {
                SortDirection::Ascending => keys.next(),
                SortDirection::Descending => keys.next_back(),
            };
            let Some((id, key)) = next else { return Ok(JobPage { jobs: found, more: false }) };
            let before = query.after.is_some_and(|after| match query.sort {
                SortDirection::Ascending => *id <= after,
                SortDirection::Descending => *id >= after,
            });
            if before || !self.matches(*key, query)? {
                continue;
            }
            if found.len() == query.limit {
                return Ok(JobPage { jobs: found, more: true });
            }
            found.push(self.view(*key)?);
        }
    }

    /// Whether all filters but that on ids hold (J-42).
    fn matches(&self, key: JobKey, query: &JobQuery) -> Result<bool, Error> {
        let job = self.jobs.get(&key).ok_or_else(|| missing("job", key.0))?;
        let status = self.status(key)?;
        let name = name_key(&job.name);
        let on_cluster = || {
            let classes = self.job_classes.get(&key).into_iter().flatten();
            let mut slugs = classes.filter_map(|class| self.classes.get(class)).map(|class| class.cluster.as_ref());
            slugs.any(|slug| query.clusters.iter().any(|wanted| wanted == slug))
        };
        Ok(query.submitted.contains(&job.submitted_at)
            && (query.states.is_empty() || query.states.contains(&status.state()))
            && query.name_words.iter().all(|word| name.contains(word.as_str()))
            && (query.task_states.is_empty() || query.task_states.iter().any(|state| status.counts.of(*state) > 0))
            && (query.automations.is_empty() || job.automation.is_some_and(|id| query.automations.contains(&id)))
            && (query.clusters.is_empty() || on_cluster()))
    }

    fn task_page(&self, job: JobKey, query: &TaskQuery) -> Result<Option<TaskPage>, Error> {
        let children = match query.parent {
            None => self.jobs.get(&job).map(|job| job.roots),
            Some(parent) => match self.task_with_id(parent) {
                Some((group, task)) if group.job == job => self.tasks.get(&task).and_then(|task| task.children),
                _ => return Ok(None),
            },
        };
        let Some(children) = children else { return Ok(Some(TaskPage::default())) };
        let mut within = children.first.0..children.end();
        if let Some((_, after)) = query.after.and_then(|after| self.task_with_id(after)) {
            within.start = within.start.max(after.0 + 1);
        }
        let mut page = TaskPage::default();
        for key in within {
            if page.tasks.len() == query.limit {
                page.more = true;
                break;
            }
            page.tasks.push(self.task_view(TaskKey(key))?);
        }
        Ok(Some(page))
    }

    fn graph(&self, job: JobKey, limit: usize) -> Result<JobGraph, Error> {
        let mut graph = JobGraph { job: self.view(job)?, tasks: Vec::new(), groups: Vec::new() };
        for group in self.groups_of(job) {
            if graph.tasks.len() >= limit {
                break;
            }
            graph.groups.push(GraphGroup { key: group.key, dependents: group.dependents.clone() });
            for key in (group.key.0..group.end()).take(limit - graph.tasks.len()) {
                graph.tasks.push(self.task_view(TaskKey(key))?);
            }
        }
        Ok(graph)
    }

    fn outline(&self, job: JobKey, tasks_max: u64) -> Result<JobOutline, Error> {
        let view = self.view(job)?;
        let mut outlining = Outlining::default();
        let groups = self.groups_of(job).take(if view.status.counts.total() > tasks_max { 0 } else { usize::MAX });
        for group in groups {
            let state = self.group_states.get(&group.key).ok_or_else(|| missing("the state of group", group.key.0))?;
            outlining.begin(group);
            while let Some(keys) = outlining.lacks(group, state) {
                let touched = || self.tasks.range(TaskKey(keys.start)..TaskKey(keys.end)).map(|(_, task)| task);
                outlining.window = Window {
                    running: Default::default(),
                    stopped: touched().map(|task| (task.key.0, task.state)).collect(),
                    displays: keys
                        .clone()
                        .filter_map(|key| self.displays.get(&TaskKey(key)).map(|display| (key, display.clone())))
                        .collect(),
                };
            }
        }
        Ok(outlining.of(view, self.classes.values().map(|class| class.as_ref().clone()).collect()))
    }

    fn task_view(&self, key: TaskKey) -> Result<TaskView, Error> {
        let group = self.group_of(key).ok_or_else(|| missing("the group of task", key.0))?;
        let slice = group.slice_of(key);
        let class = self.classes.get(&slice.class).ok_or_else(|| missing("class", slice.class.0))?;
        let task = self.tasks.get(&key);
        let skipped = self.group_states.get(&group.key).is_some_and(|state| state.skipped);
        let untouched = if skipped { TaskState::Skipped } else { TaskState::Queued };
        Ok(TaskView {
            key,
            id: group.task_id(key),
            parent: group.parent.and_then(|parent| self.id_of(parent)),
            group: group.key,
            state: task.map_or(untouched, |task| task.state),
            display: self.displays.get(&key).unwrap_or(&slice.display).to_string(),
            cluster: class.cluster.clone(),
            identifier: class.identifier.clone(),
            input: self.input(key).unwrap_or_default().to_vec(),
            optional: slice.optional,
            max_retries: slice.max_retries,
            retry_count: task.map_or(0, |task| task.retry_count),
            has_children: task.is_some_and(|task| task.children.is_some()),
            submitted_at: group.submitted_at,
            started_at: task.and_then(|task| task.started_at),
            stopped_at: task.and_then(|task| task.stopped_at),
        })
    }

    fn job_waits(&self, job: JobKey, limit: usize) -> Result<JobWaits, Error> {
        let mut counts: BTreeMap<ClassKey, u64> = BTreeMap::new();
        for (key, row) in self.ready.iter().filter(|(key, _)| key.job == job) {
            *counts.entry(key.class).or_default() += row.end - row.next;
        }
        let ready = self.named(counts)?;
        let waiting =
            self.groups_of(job).filter(|group| self.group_states.get(&group.key).is_some_and(|s| s.is_waiting()));
        let blocked = waiting.take(limit).map(|group| self.blocked_group(group)).collect::<Result<_, _>>()?;
        Ok(JobWaits { status: self.status(job)?.clone(), ready, blocked })
    }

    fn ready_tasks(&self, entries_max: usize) -> Result<ReadyTasks, Error> {
        let mut counts: BTreeMap<ClassKey, u64> = BTreeMap::new();
        for (key, row) in self.ready.iter().take(entries_max) {
            if !self.status(key.job)?.is_halted() {
                *counts.entry(key.class).or_default() += row.end - row.next;
            }
        }
        Ok(ReadyTasks { classes: self.named(counts)?, truncated: self.ready.len() > entries_max })
    }

    /// Counts by class, for the keys of classes.
    fn named(&self, counts: BTreeMap<ClassKey, u64>) -> Result<Vec<(Class, u64)>, Error> {
        let class = |key: ClassKey| self.classes.get(&key).ok_or_else(|| missing("class", key.0));
        counts.into_iter().map(|(key, count)| Ok((class(key)?.as_ref().clone(), count))).collect()
    }

    fn blocked_group(&self, group: &Group) -> Result<BlockedGroup, Error> {
        let children = match group.parent {
            None => self.jobs.get(&group.job).map(|job| job.roots),
            Some(parent) => self.tasks.get(&parent).and_then(|task| task.children),
        };
        let children = children.ok_or_else(|| missing("the submission of group", group.key.0))?;
        let state = |group: &Group| {
            self.group_states.get(&group.key).cloned().ok_or_else(|| missing("the state of group", group.key.0))
        };
        let beside = self.groups_within(children.first.0..children.end());
        let beside =
            beside.map(|group| Ok((group.as_ref().clone(), state(group)?))).collect::<Result<Vec<_>, Error>>()?;
        Ok(BlockedGroup::among(group.clone(), state(group)?, &beside))
    }

    fn id_of(&self, task: TaskKey) -> Option<TaskId> {
        self.group_of(task).map(|group| group.task_id(task))
    }
}

/// Whether no value can be within the bounds; asking a map for such a range is an error.
fn holds_nothing<T: Ord>(bounds: &Bounds<T>) -> bool {
    match (&bounds.0, &bounds.1) {
        (Bound::Included(start), Bound::Included(end)) => start > end,
        (Bound::Included(start) | Bound::Excluded(start), Bound::Included(end) | Bound::Excluded(end)) => start >= end,
        (Bound::Unbounded, _) | (_, Bound::Unbounded) => false,
    }
}

fn range(group: &Group) -> Range<TaskKey> {
    group.key.first_task()..TaskKey(group.end())
}
