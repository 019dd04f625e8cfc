//! Random trees of tasks: dependencies in both directions, optional branches, retries, two clusters, several
//! identifiers and versions.

use boxwood_engine::Version;

use crate::plan::Plan;
use crate::random::Random;

/// Makes trees whose tasks all have names of their own.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trees {
    named: usize,
}

/// How deep the trees are at most; the root tasks have depth 0.
const DEPTH_MAX: usize = 3;

/// Siblings at most.
const SIBLINGS_MAX: u64 = 4;

impl Trees {
    /// The root tasks of a job, with everything below them.
    pub(crate) fn tree(&mut self, random: &mut Random) -> Vec<Plan> {
        self.siblings(random, 0)
    }

    fn siblings(&mut self, random: &mut Random, depth: usize) -> Vec<Plan> {
        let mut siblings: Vec<Plan> = Vec::new();
        for _ in 0..=random.below(SIBLINGS_MAX) {
            let mut plan = self.task(random);
            let others = siblings.iter().map(|sibling| sibling.name.clone());
            plan.after = others.filter(|_| random.chance(25)).collect();
            if depth < DEPTH_MAX && random.chance(55) {
                plan.children = self.siblings(random, depth + 1);
            }
            siblings.push(plan);
        }
        // T-96: dependencies on tasks listed later are as good.
        if random.chance(20) {
            siblings.reverse();
        }
        siblings
    }

    fn task(&mut self, random: &mut Random) -> Plan {
        self.named += 1;
        let mut plan = Plan::task(format!("t{}", self.named));
        plan.identifier.name = ["A", "A", "B", "C"][random.place(4)].into();
        plan.identifier.version = Version::parse(["v1.0", "v1.1", "v1.2"][random.place(3)]).expect("a version");
        plan.cluster = ["", "", "", "default", "gpu"][random.place(5)].into();
        plan.optional = random.chance(30);
        plan.max_retries = u32::try_from(random.below(3)).expect("a small number");
        plan
    }
}
