//! What can happen in a simulation, as a list that is made from a seed before anything happens.

use std::time::Duration;

use crate::random::Random;

/// One thing that happens. All that is random about it is in it, so that leaving out another event changes as little as
/// possible about this one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Event {
    /// Its place in the list of its seed, also after others were left out.
    pub(crate) number: usize,
    /// How much time passes before it.
    pub(crate) wait: Duration,
    /// What decides about its details.
    pub(crate) salt: u64,
    pub(crate) kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A user submits a job.
    Submit,
    /// A user sends an earlier submission again.
    SubmitAgain,
    /// A user cancels a job.
    Cancel,
    /// A user retries a job.
    Retry,
    /// A user creates, renames or deletes a cluster.
    ChangeClusters,
    /// A runner makes its next call; one that has waited long enough for an answer sends its call again.
    Call(usize),
    /// A runner hangs up while it waits for an answer.
    HangUp(usize),
    /// A runner's process dies; another takes its place.
    RunnerDies(usize),
    /// A call that arrived before arrives again.
    Repeat,
    /// A call about any task there is, whoever has it.
    Stray,
    /// The server looks for leases that have run out.
    Tick,
    /// The lane decides what waits, at most so much, commits it and answers.
    Serve(usize),
    /// The server's process dies while it serves so much.
    Crash(usize, Moment),
    /// The server starts, if it is down.
    Start,
    /// From now on the database fails at the n-th call of this kind, and the server ends by that.
    Fault(Operation, u64, Harm),
    /// Somebody sets the clock, by so many seconds.
    SetClock(i64),
}

/// When a process dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Everything is decided, nothing committed.
    BeforeCommit,
    /// Everything is committed, and the first so many answers have left.
    AfterCommit(usize),
}

/// What a server asks of its database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Open,
    Load,
    Save,
    Inputs,
    Expired,
    Commit,
}

/// How a database fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Harm {
    /// Nothing is done.
    Undone,
    /// It is done all the same.
    Done,
    /// The power fails while it is done. If it does not survive, only a part of what was written is on the disk.
    Torn { survives: bool },
}

/// How many runners there are.
pub(crate) const RUNNERS: usize = 5;

/// The events of a seed.
pub(crate) fn events(seed: u64, count: usize) -> Vec<Event> {
    let mut random = Random::seeded(seed);
    // Some worlds are calmer than others, so that jobs get somewhere in spite of it all.
    let trouble = [0, 1, 1, 2][random.place(4)];
    (0..count)
        .map(|number| {
            // In the beginning there is nothing to do but to submit jobs.
            let kind = if number < 12 && random.chance(30) { Kind::Submit } else { kind(&mut random, trouble) };
            let wait = if random.chance(80) { random.below(50) } else { random.below(6_000) };
            Event { number, wait: Duration::from_millis(wait), salt: random.number(), kind }
        })
        .collect()
}

fn kind(random: &mut Random, trouble: u64) -> Kind {
    let runner = random.place(RUNNERS);
    let few = 1 + random.place(6);
    match random.below(100 + 12 * trouble) {
        0..2 => Kind::Submit,
        2..3 => Kind::SubmitAgain,
        3..4 => Kind::Cancel,
        4..7 => Kind::Retry,
        7..8 => Kind::ChangeClusters,
        8..48 => Kind::Call(runner),
        48..50 => Kind::HangUp(runner),
        50..53 => Kind::Repeat,
        53..56 => Kind::Stray,
        56..60 => Kind::Tick,
        60..88 => Kind::Serve(few),
        88..100 => Kind::Start,
        100.. => match random.below(12) {
            0..2 => Kind::RunnerDies(runner),
            2..4 => Kind::Crash(few, Moment::BeforeCommit),
            4..6 => Kind::Crash(few, Moment::AfterCommit(random.place(3))),
            6..10 => fault(random),
            10 => Kind::SetClock(i64::try_from(random.below(120)).expect("a small number") - 40),
            _ => Kind::Start,
        },
    }
}

fn fault(random: &mut Random) -> Kind {
    let operation = match random.below(12) {
        0 => Operation::Open,
        1..3 => Operation::Load,
        3..5 => Operation::Save,
        5 => Operation::Inputs,
        6 => Operation::Expired,
        _ => Operation::Commit,
    };
    let harm = match (operation, random.below(3)) {
        (_, 0) => Harm::Undone,
        (Operation::Commit, 1) => Harm::Torn { survives: random.chance(40) },
        _ => Harm::Done,
    };
    Kind::Fault(operation, random.below(4), harm)
}
