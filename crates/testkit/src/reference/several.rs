//! What may be handed out where several servers are at work. A server that decides a report has the report's job for
//! itself, so depth first is what it always is. For stealing it passes over jobs that others are at, and does not see what
//! they are about to make ready.

use super::report::{Answer, Ask, Computed};
use super::{Job, Model, Place, Refused, Time};

impl Model {
    /// As [`Model::next_task`]; `chosen` is the task that a server handed out, if it did.
    ///
    /// # Panics
    /// If no server may hand that out.
    pub(crate) fn next_task_among_several(
        &mut self,
        computed: Option<Computed>,
        ask: Option<Ask>,
        now: Time,
        chosen: Option<u128>,
    ) -> Result<Answer, Refused> {
        self.next_task_by(computed, ask, now, |model, named, ask| model.agree(named, ask, chosen))
    }

    fn agree(&mut self, named: Option<Place>, ask: &Ask, chosen: Option<u128>) -> Option<Place> {
        let near = named.filter(|(job, _)| !self.jobs[*job].eligible(ask).is_empty());
        let Some(id) = chosen else {
            assert!(near.is_none(), "R-10: the job of the report has a task for its runner");
            return None;
        };
        let (job, task) =
            self.find_task(id).unwrap_or_else(|_| panic!("R-8: there is no task {id:x} to be handed out"));
        let may = match near {
            Some((of, from)) => {
                assert_eq!(job, of, "R-10: the job of the report has a task for its runner");
                self.jobs[job].depth_first_among_several(from, ask)
            }
            None => match self.jobs[job].failed_last {
                Some(failed) => self.jobs[job].depth_first_among_several(failed, ask),
                None => self.jobs[job].nearest_among_several(ask),
            },
        };
        assert!(
            may.contains(&task),
            "R-10 to R-13, S-20: task {id:x} was handed out, possible are {may:?}, not {task}"
        );
        if near.is_none() {
            self.jobs[job].failed_last = None;
        }
        Some((job, task))
    }
}

impl Job {
    fn depth_first_among_several(&self, from: usize, ask: &Ask) -> Vec<usize> {
        match self.nearest_child(from, ask) {
            Some(child) => vec![child],
            None => self.nearest_among_several(ask),
        }
    }

    /// The tasks nearest to the root. Of equally near ones the one submitted first is meant; reports that wait for each
    /// other may have been numbered in the other order.
    fn nearest_among_several(&self, ask: &Ask) -> Vec<usize> {
        let eligible = self.eligible(ask);
        let depth = |task: &usize| self.ancestors(*task).len();
        let nearest = eligible.iter().map(depth).min();
        eligible.into_iter().filter(|task| Some(depth(task)) == nearest).collect()
    }

    /// Lists the tasks in the order of these ids. Who was answered with what is forgotten.
    pub(crate) fn order_as(&mut self, ids: &[u128]) {
        let place_of = |task: usize| {
            let id = self.tasks[task].id;
            ids.iter().position(|other| *other == id).unwrap_or_else(|| panic!("J-56: task {id:x} is gone"))
        };
        let mut tasks: Vec<_> = (0..self.tasks.len())
            .map(|old| {
                let mut task = self.tasks[old].clone();
                task.parent = task.parent.map(place_of);
                task.dependencies = task.dependencies.iter().map(|before| place_of(*before)).collect();
                task.dependencies.sort_unstable();
                task.answered_with = None;
                (place_of(old), task)
            })
            .collect();
        tasks.sort_by_key(|(place, _)| *place);
        self.failed_last = self.failed_last.map(place_of);
        self.tasks = tasks.into_iter().map(|(_, task)| task).collect();
    }
}
