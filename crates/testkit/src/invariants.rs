//! What must hold after every command, computed from the rows by the definitions of the behaviour page and without the
//! engine's counters. A violation panics and names the rule.

use std::collections::{BTreeMap, BTreeSet};

use boxwood_engine::{Command, Group, GroupKey, JobKey, JobState, ReadyKey, TaskKey, TaskState};

use crate::mirror::Mirror;

/// The rows, with what follows from them by definition.
pub(crate) struct Facts<'a> {
    pub(crate) rows: &'a Mirror,
    /// By task key.
    states: Vec<TaskState>,
    complete: Vec<bool>,
    /// The groups each group depends on.
    waits_for: BTreeMap<GroupKey, Vec<GroupKey>>,
    /// The groups a task submitted.
    children: BTreeMap<TaskKey, Vec<GroupKey>>,
}

impl<'a> Facts<'a> {
    pub(crate) fn of(rows: &'a Mirror) -> Self {
        let end = rows.groups.last_key_value().map_or(1, |(_, row)| row.group.end());
        let mut facts = Self {
            rows,
            states: vec![TaskState::Queued; place(end)],
            complete: vec![false; place(end)],
            waits_for: BTreeMap::new(),
            children: BTreeMap::new(),
        };
        for (key, row) in &rows.groups {
            for dependent in &row.group.dependents {
                facts.waits_for.entry(*dependent).or_default().push(*key);
            }
            if let Some(parent) = row.group.parent {
                facts.children.entry(parent).or_default().push(*key);
            }
            if rows.group_states[key].skipped {
                facts.states[place(key.0)..place(row.group.end())].fill(TaskState::Skipped);
            }
        }
        for (key, task) in &rows.tasks {
            facts.states[place(key.0)] = task.state;
        }
        // Children have larger keys than their parents, so they are decided first.
        for key in (1..end).rev() {
            facts.complete[place(key)] = match facts.states[place(key)] {
                TaskState::FailedOptional | TaskState::Skipped => true,
                TaskState::Computed => {
                    let children = facts.children.get(&TaskKey(key));
                    children.into_iter().flatten().all(|group| facts.group_is_complete(*group))
                }
                TaskState::Queued | TaskState::Running | TaskState::Failed => false,
            };
        }
        facts
    }

    pub(crate) fn state(&self, task: TaskKey) -> TaskState {
        self.states[place(task.0)]
    }

    fn is_complete(&self, task: u64) -> bool {
        self.complete[place(task)]
    }

    fn group_is_complete(&self, key: GroupKey) -> bool {
        let group = &self.rows.groups[&key].group;
        (group.key.0..group.end()).all(|task| self.is_complete(task))
    }

    /// Whether the tasks of a group wait for nothing: parent COMPUTED, every dependency complete (S-20).
    pub(crate) fn is_open_for_work(&self, group: &Group) -> bool {
        group.parent.is_none_or(|parent| self.state(parent) == TaskState::Computed)
            && self.waits_for.get(&group.key).into_iter().flatten().all(|before| self.group_is_complete(*before))
    }

    /// The nearest optional task among a task and its ancestors, from `task` up.
    fn boundary_from(&self, task: Option<TaskKey>) -> Option<TaskKey> {
        let mut next = task;
        while let Some(key) = next {
            let group = &self.rows.group_of(key).group;
            if group.slice_of(key).optional {
                return Some(key);
            }
            next = group.parent;
        }
        None
    }

    pub(crate) fn is_halted(&self, job: JobKey) -> bool {
        let failed =
            |group: &Group| (group.key.0..group.end()).any(|task| self.states[place(task)] == TaskState::Failed);
        self.rows.statuses[&job].canceled || self.groups_of(job).any(failed)
    }

    fn groups_of(&self, job: JobKey) -> impl Iterator<Item = &Group> {
        self.rows.groups.values().map(|row| row.group.as_ref()).filter(move |group| group.job == job)
    }

    /// Checks everything that can be said about the rows at one moment.
    pub(crate) fn check(&self) {
        for row in self.rows.groups.values() {
            self.check_group(&row.group);
        }
        for key in self.rows.tasks.keys() {
            self.check_task(*key);
        }
        for job in self.rows.jobs.keys() {
            self.check_job(*job);
        }
        self.check_ready();
    }

    fn check_group(&self, group: &Group) {
        let key = group.key;
        let state = &self.rows.group_states[&key];
        let open = (key.0..group.end()).filter(|task| !self.is_complete(*task)).count() as u64;
        assert_eq!(state.open, open, "T-92: tasks of group {key:?} that are not complete");
        let waits_for = self.waits_for.get(&key).map_or(&[][..], Vec::as_slice);
        assert_eq!(group.dependencies as usize, waits_for.len(), "T-81: dependencies of group {key:?}");
        let blocked = waits_for.iter().filter(|before| !self.group_is_complete(**before)).count();
        // Groups of a failed branch that never became ready no longer count.
        if !state.skipped {
            assert_eq!(state.blocked as usize, blocked, "T-92: groups that group {key:?} waits for");
        }
        assert_eq!(group.boundary, self.boundary_from(group.parent), "T-125: boundary of the tasks of group {key:?}");
        let depth = group.parent.map_or(0, |parent| self.rows.group_of(parent).group.depth + 1);
        assert_eq!(group.depth, depth, "T-70: depth of group {key:?}");
        if let Some(parent) = group.parent {
            assert_eq!(self.state(parent), TaskState::Computed, "T-73: children exist, so their parent is computed");
        }
        let failed_branch = group.boundary.is_some_and(|task| self.rows.tasks[&task].branch_failed);
        for task in (key.0..group.end()).map(TaskKey) {
            match self.state(task) {
                TaskState::Queued => assert!(!failed_branch, "T-127: task {} is queued in a failed branch", task.0),
                TaskState::Skipped => assert!(failed_branch, "S-9: task {} is skipped in a sound branch", task.0),
                _ => {}
            }
        }
        let slices: Vec<(u64, u64)> = group.slices.iter().map(|slice| (slice.start, slice.count)).collect();
        let ends = slices.iter().map(|(start, count)| start + count).collect::<Vec<_>>();
        let starts = [&[0], &ends[..ends.len() - 1]].concat();
        assert_eq!((slices.iter().map(|slice| slice.0).collect(), ends.last()), (starts, Some(&group.count)));
    }

    fn check_task(&self, key: TaskKey) {
        let task = &self.rows.tasks[&key];
        let group = &self.rows.group_of(key).group;
        assert_eq!(task.group, group.key, "the group of task {}", key.0);
        let children = self.children.get(&key).map_or(&[][..], Vec::as_slice);
        let open = children.iter().filter(|group| !self.group_is_complete(**group)).count();
        assert_eq!(task.open_groups as usize, open, "T-92: open groups of children of task {}", key.0);
        let count: u64 = children.iter().map(|group| self.rows.groups[group].group.count).sum();
        assert_eq!(task.children.map_or(0, |children| children.count), count, "T-70: children of task {}", key.0);
        let boundary = self.boundary_from(Some(key));
        match task.state {
            TaskState::Failed => assert_eq!(boundary, None, "S-8: task {} is below an optional one", key.0),
            TaskState::FailedOptional => {
                let boundary = boundary.unwrap_or_else(|| panic!("S-8: task {} is in no optional branch", key.0));
                let failed = boundary == key || self.rows.tasks[&boundary].branch_failed;
                assert!(failed, "T-127: the branch of task {} goes on", key.0);
            }
            _ => {}
        }
        assert_eq!(task.started_at.is_some(), task.hand_outs > 0, "S-4: start of task {}", key.0);
        assert_eq!(task.stopped_at.is_none(), task.state == TaskState::Running, "S-5, S-6: stop of task {}", key.0);
    }

    fn check_job(&self, key: JobKey) {
        let status = &self.rows.statuses[&key];
        let mut counts = [0; 6];
        for group in self.groups_of(key) {
            for task in group.key.0..group.end() {
                counts[self.states[place(task)] as usize - 1] += 1;
            }
        }
        assert_eq!(status.counts.to_array(), counts, "J-35, J-37: tasks by state of job {}", key.0);
        let rows = || {
            let groups = self.groups_of(key);
            groups
                .flat_map(|group| self.rows.tasks.range(group.key.first_task()..TaskKey(group.end())))
                .map(|row| row.1)
        };
        let started = rows().filter_map(|task| task.started_at).min();
        let stopped = rows().filter_map(|task| task.stopped_at).max();
        let state = job_state(counts, status.canceled, started.is_some());
        assert_eq!(status.state(), state, "J-21: state of job {} with {counts:?}", key.0);
        let ran =
            |task: &boxwood_engine::Task| task.stopped_at.zip(task.started_at).map(|(stop, start)| stop.since(start));
        assert_eq!(status.compute_time, rows().filter_map(ran).sum(), "J-32: compute time of job {}", key.0);
        if !status.times_stale {
            assert_eq!(
                (status.first_started_at, status.last_stopped_at),
                (started, stopped),
                "J-30, J-31: job {}",
                key.0
            );
        }
        self.check_progress(key);
    }

    fn check_progress(&self, job: JobKey) {
        let mut sums: BTreeMap<&str, (u64, u64, u64)> = BTreeMap::new();
        for group in self.groups_of(job) {
            let reported = self.rows.task_progress.range(group.key.first_task()..TaskKey(group.end()));
            for (label, (total, done)) in reported.flat_map(|(_, rows)| rows) {
                let sum = sums.entry(label).or_default();
                *sum = (sum.0 + total, sum.1 + done, sum.2 + 1);
            }
        }
        let listed = self.rows.job_progress.get(&job).into_iter().flatten();
        let listed: Vec<_> = listed.map(|(label, sum)| (label.as_str(), (sum.total, sum.done, sum.tasks))).collect();
        assert_eq!(listed, sums.into_iter().collect::<Vec<_>>(), "P-3: progress of job {}", job.0);
    }

    /// The ready rows are exactly the tasks that could be handed out if no job were halted.
    fn check_ready(&self) {
        let mut ready = BTreeSet::new();
        for (key, row) in &self.rows.ready {
            let group = &self.rows.groups[&row.group].group;
            assert!(row.next < row.end && key.first <= row.next, "an empty ready row: {key:?} {row:?}");
            assert_eq!((key.job, key.depth), (group.job, group.depth), "the place of {key:?}");
            for task in (row.next..row.end).map(TaskKey) {
                assert!(group.holds(task) && group.slice_of(task).class == key.class, "{} in {key:?}", task.0);
                assert_eq!(key.returned, self.rows.tasks.contains_key(&task), "{} in {key:?}", task.0);
                assert!(ready.insert(task), "task {} is ready twice", task.0);
            }
        }
        let mut eligible = BTreeSet::new();
        for row in self.rows.groups.values().filter(|row| self.is_open_for_work(&row.group)) {
            let tasks = (row.group.key.0..row.group.end()).map(TaskKey);
            eligible.extend(tasks.filter(|task| self.state(*task) == TaskState::Queued));
        }
        let late: Vec<_> = eligible.difference(&ready).collect();
        let early: Vec<_> = ready.difference(&eligible).collect();
        assert!(
            late.is_empty() && early.is_empty(),
            "S-20, S-21: eligible but not ready {late:?}, the reverse {early:?}"
        );
        for ReadyKey { job, class, .. } in self.rows.ready.keys() {
            let queued = self.rows.queue.contains(&(*class, *job));
            assert!(
                queued || self.is_halted(*job),
                "R-13: job {} has work of class {} and is in no queue",
                job.0,
                class.0
            );
        }
    }
}

fn place(key: u64) -> usize {
    usize::try_from(key).expect("tests have few tasks")
}

/// The table of J-21, from a count of tasks: queued, running, computed, failed, skipped, failed optional.
fn job_state(
    [queued, running, computed, failed, skipped, failed_optional]: [u64; 6],
    canceled: bool,
    started: bool,
) -> JobState {
    let settled = computed + skipped + failed_optional;
    let all = queued + running + failed + settled;
    if failed > 0 {
        JobState::Failed
    } else if settled == all {
        JobState::Completed
    } else if canceled {
        JobState::Canceled
    } else if running > 0 {
        JobState::Running
    } else if !started {
        JobState::Submitted
    } else if settled > 0 {
        JobState::Started
    } else {
        JobState::Running
    }
}

/// Checks that one command moved tasks only in the ways rules S-3 to S-12 know.
pub(crate) fn check_moves(before: &Mirror, after: &Facts<'_>, command: &Command) {
    for (key, task) in &after.rows.tasks {
        let known = before.groups.range(..=GroupKey(key.0)).next_back().is_some_and(|(_, row)| row.group.holds(*key));
        let from = if known { before.state(*key) } else { TaskState::Queued };
        let to = task.state;
        assert!(
            from == to || may(command, from, to),
            "S-12: task {} went from {from:?} to {to:?} by {command:?}",
            key.0
        );
        let hand_outs = before.tasks.get(key).map_or(0, |task| task.hand_outs);
        let handed_out = u32::from(task.hand_outs > hand_outs);
        assert_eq!(task.hand_outs - hand_outs, handed_out, "R-9: task {} was handed out twice at once", key.0);
    }
}

fn may(command: &Command, from: TaskState, to: TaskState) -> bool {
    use TaskState::{Computed, Failed, FailedOptional, Queued, Running, Skipped};
    let failure = match command {
        Command::FailTask(_) | Command::ExpireLease { .. } => true,
        Command::Report(report) => report.computed.is_some(),
        _ => false,
    };
    match (from, to) {
        (Queued, Running) => matches!(command, Command::Report(_)),
        (Running, Computed) => matches!(command, Command::Report(_)),
        (Running, Queued | Skipped) => failure || matches!(command, Command::ReturnHandOut { .. }),
        (Running, Failed | FailedOptional) | (Queued, Skipped) => failure,
        (Failed, Queued) => matches!(command, Command::RetryJob { .. }),
        _ => false,
    }
}
