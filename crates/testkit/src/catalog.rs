//! Every task that may ever be submitted, and what it submits itself. A task's input is its place in this list, so that
//! whoever gets it to execute knows what to do.

use boxwood_engine::{Identifier, Inputs, NewGroup, NewTasks, Submission};

use crate::plan::{Plan, groups};

/// A list of planned tasks.
#[derive(Clone, Default)]
pub(crate) struct Catalog {
    tasks: Vec<Planned>,
    identifiers: Vec<Identifier>,
}

/// A planned task.
#[derive(Clone)]
pub(crate) struct Planned {
    /// The task, without its children.
    pub(crate) plan: Plan,
    /// The places of the tasks it submits.
    pub(crate) children: Vec<usize>,
}

impl Catalog {
    /// Adds tasks with everything below them; answers their places.
    pub(crate) fn add(&mut self, plans: Vec<Plan>) -> Vec<usize> {
        let mut places = Vec::with_capacity(plans.len());
        for mut plan in plans {
            if !self.identifiers.contains(&plan.identifier) {
                self.identifiers.push(plan.identifier.clone());
            }
            let children = std::mem::take(&mut plan.children);
            let children = self.add(children);
            places.push(self.tasks.len());
            self.tasks.push(Planned { plan, children });
        }
        places
    }

    /// Every identifier any of the tasks has.
    pub(crate) fn identifiers(&self) -> &[Identifier] {
        &self.identifiers
    }

    /// The task with an input.
    pub(crate) fn task(&self, input: &[u8]) -> &Planned {
        let place = std::str::from_utf8(input).ok().and_then(|text| text.parse::<usize>().ok());
        &self.tasks[place.expect("inputs are places")]
    }

    /// The submission of these tasks; none for none.
    pub(crate) fn submission(&self, places: &[usize]) -> Option<Submission> {
        if places.is_empty() {
            return None;
        }
        let siblings: Vec<Plan> = places.iter().map(|place| self.tasks[*place].plan.clone()).collect();
        let mut submission = Vec::new();
        for (tasks, dependencies) in groups(&siblings) {
            let mut group = NewGroup { dependencies, tasks: Vec::new(), inputs: Inputs::default() };
            for task in tasks {
                let plan = &siblings[task];
                let new = NewTasks {
                    count: 1,
                    cluster: plan.cluster.as_str().into(),
                    identifier: plan.identifier.clone(),
                    max_retries: plan.max_retries,
                    optional: plan.optional,
                    display: plan.name.as_str().into(),
                };
                group.push(new, places[task].to_string().into_bytes());
            }
            submission.push(group);
        }
        Some(Submission::new(submission).expect("a plan within the limits"))
    }
}
