//! What must hold after every command, computed from the rows by the definitions of the behaviour page and without the
//! engine's counters. A violation panics and names the rule.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use boxwood_engine::{Command, Group, GroupKey, JobKey, JobState, ReadyKey, TaskKey, TaskState};

use crate::mirror::Mirror;

/// The rows, with what follows from them by definition.
pub(crate) struct Facts<'a> {
    pub(crate) rows: &'a Mirror,
    groups: Vec<&'a Group>,
    /// By task key: the place of its group in the list.
    group_of: Vec<usize>,
    /// By task key.
    states: Vec<TaskState>,
    complete: Vec<bool>,
    /// By place of a group: whether all its tasks are complete.
    group_complete: Vec<bool>,
    /// By place of a group: the groups it depends on.
    waits_for: Vec<Vec<usize>>,
    /// By task key: the groups it submitted.
    children: Vec<Vec<usize>>,
    halted: BTreeSet<JobKey>,
}

impl<'a> Facts<'a> {
    pub(crate) fn of(rows: &'a Mirror) -> Self {
        let end = place(rows.groups.last_key_value().map_or(1, |(_, row)| row.group.end()));
        let mut facts = Self {
            rows,
            groups: rows.groups.values().map(|row| row.group.as_ref()).collect(),
            group_of: vec![usize::MAX; end],
            states: vec![TaskState::Queued; end],
            complete: vec![false; end],
            group_complete: vec![false; rows.groups.len()],
            waits_for: vec![Vec::new(); rows.groups.len()],
            children: vec![Vec::new(); end],
            halted: rows.statuses.values().filter(|status| status.canceled).map(|status| status.key).collect(),
        };
        for (index, group) in facts.groups.iter().enumerate() {
            facts.group_of[tasks_of(group)].fill(index);
            if rows.group_states[&group.key].skipped {
                facts.states[tasks_of(group)].fill(TaskState::Skipped);
            }
        }
        for (index, group) in facts.groups.iter().enumerate() {
            for dependent in &group.dependents {
                facts.waits_for[facts.group_of[place(dependent.0)]].push(index);
            }
            if let Some(parent) = group.parent {
                facts.children[place(parent.0)].push(index);
            }
        }
        for (key, task) in &rows.tasks {
            facts.states[place(key.0)] = task.state;
            if task.state == TaskState::Failed {
                facts.halted.insert(facts.group_of(*key).job);
            }
        }
        facts.decide_complete();
        facts
    }

    /// A task is complete when it is FAILED_OPTIONAL or SKIPPED, or COMPUTED with all its children complete. Children have
    /// larger keys than their parents, so they are decided first.
    fn decide_complete(&mut self) {
        for index in (0..self.groups.len()).rev() {
            let mut all = true;
            for key in tasks_of(self.groups[index]) {
                self.complete[key] = match self.states[key] {
                    TaskState::FailedOptional | TaskState::Skipped => true,
                    TaskState::Computed => self.children[key].iter().all(|group| self.group_complete[*group]),
                    TaskState::Queued | TaskState::Running | TaskState::Failed => false,
                };
                all &= self.complete[key];
            }
            self.group_complete[index] = all;
        }
    }

    pub(crate) fn groups(&self) -> impl Iterator<Item = &'a Group> {
        self.groups.iter().copied()
    }

    pub(crate) fn group_of(&self, task: TaskKey) -> &'a Group {
        self.groups[self.group_of[place(task.0)]]
    }

    pub(crate) fn state(&self, task: TaskKey) -> TaskState {
        self.states[place(task.0)]
    }

    /// Whether the tasks of a group wait for nothing: parent COMPUTED, every dependency complete (S-20).
    pub(crate) fn is_open_for_work(&self, group: &Group) -> bool {
        group.parent.is_none_or(|parent| self.state(parent) == TaskState::Computed) && self.blocked(group) == 0
    }

    /// How many of the groups a group depends on are not complete.
    fn blocked(&self, group: &Group) -> usize {
        let waits_for = &self.waits_for[self.group_of[place(group.key.0)]];
        waits_for.iter().filter(|before| !self.group_complete[**before]).count()
    }

    /// A task and its ancestors that were submitted as optional, from `task` up.
    fn boundaries(&self, task: Option<TaskKey>) -> impl Iterator<Item = TaskKey> {
        let line = std::iter::successors(task, |key| self.group_of(*key).parent);
        line.filter(|key| self.group_of(*key).slice_of(*key).optional)
    }

    pub(crate) fn is_halted(&self, job: JobKey) -> bool {
        self.halted.contains(&job)
    }

    fn groups_of(&self, job: JobKey) -> impl Iterator<Item = &'a Group> {
        self.groups().filter(move |group| group.job == job)
    }

    /// Checks everything that can be said about the rows at one moment.
    pub(crate) fn check(&self) {
        for group in &self.groups {
            self.check_group(group);
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
        let open = self.complete[tasks_of(group)].iter().filter(|complete| !**complete).count();
        assert_eq!(place(state.open), open, "T-92: tasks of group {key:?} that are not complete");
        let dependencies = self.waits_for[self.group_of[place(key.0)]].len();
        assert_eq!(group.dependencies as usize, dependencies, "T-81: dependencies of group {key:?}");
        // Groups of a failed branch that never became ready no longer count.
        if !state.skipped {
            assert_eq!(state.blocked as usize, self.blocked(group), "T-92: groups that group {key:?} waits for");
        }
        assert_eq!(group.boundary, self.boundaries(group.parent).next(), "T-125: boundary of group {key:?}");
        let depth = group.parent.map_or(0, |parent| self.group_of(parent).depth + 1);
        assert_eq!(group.depth, depth, "T-70: depth of group {key:?}");
        if let Some(parent) = group.parent {
            assert_eq!(self.state(parent), TaskState::Computed, "T-73: children exist, so their parent is computed");
        }
        let failed_branch = self.boundaries(group.parent).any(|task| self.rows.tasks[&task].branch_failed);
        for task in tasks_of(group) {
            match self.states[task] {
                TaskState::Queued => assert!(!failed_branch, "T-127: task {task} is queued in a failed branch"),
                TaskState::Skipped => assert!(failed_branch, "S-9: task {task} is skipped in a sound branch"),
                _ => {}
            }
        }
        let mut next = 0;
        for slice in &group.slices {
            assert!(slice.start == next && slice.count > 0, "T-80: slices of group {key:?}");
            next += slice.count;
        }
        assert_eq!(next, group.count, "T-80: slices of group {key:?}");
    }

    fn check_task(&self, key: TaskKey) {
        let task = &self.rows.tasks[&key];
        assert_eq!(task.group, self.group_of(key).key, "the group of task {}", key.0);
        let children = &self.children[place(key.0)];
        let open = children.iter().filter(|group| !self.group_complete[**group]).count();
        assert_eq!(task.open_groups as usize, open, "T-92: open groups of children of task {}", key.0);
        let count: u64 = children.iter().map(|group| self.groups[*group].count).sum();
        assert_eq!(task.children.map_or(0, |children| children.count), count, "T-70: children of task {}", key.0);
        let boundary = self.boundaries(Some(key)).next();
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
            for state in &self.states[tasks_of(group)] {
                counts[*state as usize - 1] += 1;
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
        for group in self.groups().filter(|group| self.is_open_for_work(group)) {
            let tasks = (group.key.0..group.end()).map(TaskKey);
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

fn tasks_of(group: &Group) -> Range<usize> {
    place(group.key.0)..place(group.end())
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
