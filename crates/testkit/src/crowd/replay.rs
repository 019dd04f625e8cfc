//! Lives through a history of commits once more, in the reference model.

use boxwood_engine::{Command, Reply, Settings};
use boxwood_store::Reader;

use super::lane::Commit;
use crate::compare::Reference;
use crate::random::Random;

/// Compares every reply, and in the end everything that can be asked.
///
/// # Panics
/// Where the servers together did what one alone may not do.
pub(super) fn check(settings: &Settings, commits: &[Commit], reader: &dyn Reader, random: &mut Random) {
    let mut reference = Reference::new(settings);
    for commit in commits {
        for (command, outcome) in &commit.decided {
            match (command.as_ref(), outcome) {
                (Command::ReturnHandOut { .. }, _) => reference.check(command, &Ok(Reply::Done), None),
                (Command::ExpireLease { .. }, _) => reference.decide(command),
                (_, Some(outcome)) => {
                    let input = outcome.hand_out().map(|_| outcome.input.as_slice());
                    reference.check_among_several(command, &outcome.decided, input);
                }
                (_, None) => reference.decide_without_hand_out(command),
            }
        }
    }
    reference.order_as(reader);
    reference.check_answers(reader);
    reference.check_searches(reader, random);
}
