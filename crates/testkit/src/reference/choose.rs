//! Which task a runner gets (S-20, R-10 to R-14).

use super::{Ask, Job, Model, Place, State, Task};

/// levels searched upwards at most.
const LEVELS_MAX: usize = 64;

impl Ask {
    /// S-20, R-14: whether the runner's cluster is the task's and it advertises a compatible identifier.
    pub(crate) fn fits(&self, task: &Task) -> bool {
        self.cluster == task.cluster && self.identifiers.iter().any(|has| has.runs(&task.identifier))
    }
}

impl Job {
    /// S-20, as far as it does not depend on who asks.
    pub(crate) fn is_ready(&self, place: usize) -> bool {
        let task = &self.tasks[place];
        task.state == State::Queued
            && !self.is_halted()
            && task.parent.is_none_or(|parent| self.tasks[parent].state == State::Computed)
            && task.dependencies.iter().all(|dependency| self.is_complete(*dependency))
    }

    /// S-20: the eligible tasks, in the order they were submitted.
    pub(crate) fn eligible(&self, ask: &Ask) -> Vec<usize> {
        (0..self.tasks.len()).filter(|task| self.is_ready(*task) && ask.fits(&self.tasks[*task])).collect()
    }

    /// The order of R-13 within a job: nearest to the root, then submitted first.
    fn nearest_to_root(&self, eligible: &[usize]) -> Option<usize> {
        eligible.iter().copied().min_by_key(|task| (self.ancestors(*task).len(), *task))
    }

    /// R-11, the bounded search: children of the task, then direct children of each ancestor from the parent upward, then
    /// the job's first eligible task; each time the one submitted first.
    fn depth_first(&self, from: usize, ask: &Ask) -> Option<usize> {
        self.nearest_child(from, ask).or_else(|| self.nearest_to_root(&self.eligible(ask)))
    }

    /// The first two steps of that search.
    pub(super) fn nearest_child(&self, from: usize, ask: &Ask) -> Option<usize> {
        let eligible = self.eligible(ask);
        let mut levels = vec![from];
        levels.extend(self.ancestors(from).into_iter().take(LEVELS_MAX));
        let child = |level| eligible.iter().copied().find(|task| self.tasks[*task].parent == Some(level));
        levels.into_iter().find_map(child)
    }

    /// R-11, to the letter: descendants of the task, then descendants of its parent, and so on up to the roots; each time
    /// the one submitted first.
    fn depth_first_exactly(&self, from: usize, ask: &Ask) -> Option<usize> {
        let eligible = self.eligible(ask);
        let mut levels = vec![from];
        levels.extend(self.ancestors(from));
        for level in levels {
            let below = eligible.iter().copied().find(|task| self.is_below(*task, level));
            if below.is_some() {
                return below;
            }
        }
        eligible.first().copied()
    }
}

impl Model {
    /// depth first from the task named as computed, else by work stealing.
    pub(crate) fn choose(&mut self, named: Option<Place>, ask: &Ask) -> Option<Place> {
        let near = named.and_then(|(job, from)| self.jobs[job].depth_first(from, ask).map(|task| (job, task)));
        near.or_else(|| self.steal(ask))
    }

    /// one of the oldest job, in it the one nearest to the root. The first time after a failed report that a job is
    /// stolen from, its task is chosen as if the failed one had been computed.
    fn steal(&mut self, ask: &Ask) -> Option<Place> {
        for (place, job) in self.jobs.iter_mut().enumerate() {
            let eligible = job.eligible(ask);
            if eligible.is_empty() {
                continue;
            }
            let task = match job.failed_last.take() {
                Some(failed) => job.depth_first(failed, ask),
                None => job.nearest_to_root(&eligible),
            };
            return task.map(|task| (place, task));
        }
        None
    }

    /// What R-11 says about a single runner: the task it gets after one named as computed, if the job has any for it.
    pub(crate) fn nearest(&self, (job, from): Place, ask: &Ask) -> Option<Place> {
        self.jobs[job].depth_first_exactly(from, ask).map(|task| (job, task))
    }
}
