//! A world with a single runner that never forgets a task, in which the order of R-11 holds to the letter. Tasks fail,
//! are retried and fail for good; users retry failed jobs.

use boxwood_engine::JobState;

use crate::plan::Plan;
use crate::random::Random;
use crate::trees::Trees;
use crate::world::World;

/// Jobs of one world.
const JOBS: usize = 3;

/// A task fails at most so often before it is computed.
const FAILURES_MAX: u64 = 4;

/// Runs random jobs to their end. After every report what the runner gets is compared with R-11 as it is written.
///
/// # Panics
/// When a rule is broken.
pub fn run(seed: u64) -> World {
    let mut random = Random::seeded(seed);
    let mut trees = Trees::default();
    let mut world = World::seeded(seed).alone();
    for _ in 0..JOBS {
        let mut tree = trees.tree(&mut random);
        tree.iter_mut().for_each(|plan| flaky(plan, &mut random));
        world.submit(tree);
    }
    // Every round ends with a failed task fewer, or with none.
    while (0..JOBS).any(|job| world.job_state(job) != JobState::Completed) {
        world.run();
        for job in 0..JOBS {
            world.retry(job);
        }
    }
    world
}

fn flaky(plan: &mut Plan, random: &mut Random) {
    plan.cluster.clear();
    plan.failures = u32::try_from(random.below(FAILURES_MAX).saturating_sub(1)).expect("a small number");
    plan.children.iter_mut().for_each(|child| flaky(child, random));
}
