//! The same commands on two stores: equal replies, and equal answers to every question afterwards.

use std::collections::BTreeSet;

use boxwood_engine::{Command, Settings, TaskKey, WorkingSet};
use boxwood_store::{Backend, memory, step_with};

use super::questions;
use crate::reopen::{Opened, Reopen};
use crate::world::{Event, World};
use crate::{Random, hostile};

/// Random events in one history.
const EVENTS: usize = 150;

/// Histories tried until every kind of command has succeeded.
const HISTORIES_MAX: u64 = 40;

/// Commits between two comparisons of all answers.
const COMMITS_BETWEEN_QUESTIONS: usize = 60;

/// How often the working set is thrown away.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sets {
    /// Only with the database.
    Kept,
    /// After every command: it is a cache and nothing else.
    Fresh,
    /// With the database, which is opened again after every commit.
    Reopened,
}

/// Random histories are answered as memory answers them, until every kind of command has succeeded once.
pub fn every_kind_of_command_is_answered_as_in_memory<S: Reopen>(mut fresh: impl FnMut() -> S) {
    let mut succeeded = BTreeSet::new();
    for seed in 1000..1000 + HISTORIES_MAX {
        let world = hostile::run(seed, EVENTS);
        succeeded.extend(kinds(&world));
        compare(&world, &mut fresh(), Sets::Kept, seed);
        if succeeded.len() == KINDS.len() && seed >= 1004 {
            return;
        }
    }
    let never: Vec<_> = KINDS.iter().filter(|kind| !succeeded.contains(*kind)).collect();
    panic!("{HISTORIES_MAX} histories, and these never succeeded: {never:?}");
}

/// A set made anew after every command gives the same replies as one that is kept.
pub fn sets_that_are_thrown_away_change_no_answer<S: Reopen>(mut fresh: impl FnMut() -> S) {
    for seed in 2000..2004 {
        compare(&hostile::run(seed, EVENTS), &mut fresh(), Sets::Fresh, seed);
    }
}

/// A database closed and opened after every commit gives the same replies.
pub fn databases_opened_again_after_every_commit_change_no_answer<S: Reopen>(mut fresh: impl FnMut() -> S) {
    for seed in 3000..3002 {
        compare(&hostile::run(seed, EVENTS), &mut fresh(), Sets::Reopened, seed);
    }
}

/// Whole hostile worlds run on the store itself, crashes included.
pub fn hostile_worlds_hold<S: Reopen + 'static>(mut fresh: impl FnMut() -> S) {
    for seed in 4000..4006 {
        hostile::run_on(fresh(), seed, EVENTS);
    }
}

const KINDS: [&str; 12] = [
    "SubmitJob",
    "repeated SubmitJob",
    "Report",
    "FailTask",
    "ExtendLease",
    "ExpireLease",
    "ReturnHandOut",
    "RetryJob",
    "CancelJob",
    "CreateCluster",
    "UpdateCluster",
    "DeleteCluster",
];

/// The kinds of commands that were not refused.
fn kinds(world: &World) -> impl Iterator<Item = &'static str> {
    let commands = world.history().iter().filter_map(|event| match event {
        Event::Command(command, reply, _) if reply.starts_with("Ok") => Some(command),
        _ => None,
    });
    commands.map(|command| match command {
        Command::SubmitJob(new) if new.repeated => "repeated SubmitJob",
        Command::SubmitJob(_) => "SubmitJob",
        Command::Report(_) => "Report",
        Command::FailTask(_) => "FailTask",
        Command::ExtendLease { .. } => "ExtendLease",
        Command::ExpireLease { .. } => "ExpireLease",
        Command::ReturnHandOut { .. } => "ReturnHandOut",
        Command::RetryJob { .. } => "RetryJob",
        Command::CancelJob { .. } => "CancelJob",
        Command::CreateCluster(_) => "CreateCluster",
        Command::UpdateCluster { .. } => "UpdateCluster",
        Command::DeleteCluster { .. } => "DeleteCluster",
    })
}

/// A store under comparison.
struct Side<'a> {
    store: &'a mut dyn Reopen,
    settings: Settings,
    open: Option<(Opened, WorkingSet)>,
}

impl<'a> Side<'a> {
    fn new(store: &'a mut dyn Reopen, settings: Settings) -> Self {
        let mut side = Self { store, settings, open: None };
        side.restart();
        side
    }

    fn parts(&mut self) -> (&mut dyn Backend, &mut WorkingSet) {
        let (opened, set) = self.open.as_mut().expect("restarted at once");
        (opened.backend.as_mut(), set)
    }

    fn restart(&mut self) {
        // Closed before it is opened again.
        self.open = None;
        let mut opened = self.store.open();
        let set = opened.backend.open_set(self.settings.clone()).expect("the store works");
        self.open = Some((opened, set));
    }

    fn save(&mut self) {
        let (backend, set) = self.parts();
        backend.save(&set.changes()).expect("the store works");
        set.saved();
    }

    fn forget_set(&mut self) {
        self.save();
        let settings = self.settings.clone();
        let (backend, set) = self.parts();
        *set = backend.open_set(settings).expect("the store works");
    }

    fn decide(&mut self, command: &Command) -> String {
        let (backend, set) = self.parts();
        format!("{:?}", step_with(backend, set, command).expect("the store works"))
    }
}

/// Lives through the history of a world on memory and on another store.
fn compare(world: &World, store: &mut dyn Reopen, sets: Sets, seed: u64) {
    let mut memory = memory::Database::new();
    let mut sides = [Side::new(&mut memory, world.rules()), Side::new(store, world.rules())];
    let mut random = Random::seeded(seed);
    let mut handed_out: Vec<(TaskKey, Vec<u8>)> = Vec::new();
    let mut commits = 0;
    for (number, event) in world.history().iter().enumerate() {
        let place = format!("seed {seed}, event {number}");
        for (side, name) in sides.iter_mut().zip(["memory", "the store"]) {
            match event {
                Event::Command(command, reply, _) => {
                    assert_eq!(&side.decide(command), reply, "{place}: the reply of {name} to {command:?}");
                    if sets == Sets::Fresh {
                        side.forget_set();
                    }
                }
                Event::Expired(now, limit, tasks) => {
                    side.save();
                    let mut expired = side.parts().0.expired(*now, *limit).expect("the store works");
                    expired.sort_unstable();
                    assert_eq!(&expired, tasks, "{place}: leases ended for {name}");
                }
                Event::Commit => {
                    side.save();
                    let tasks: Vec<_> = handed_out.iter().map(|(task, _)| *task).collect();
                    let inputs = side.parts().0.inputs(&tasks).expect("the store works");
                    assert!(inputs.iter().eq(handed_out.iter().map(|(_, input)| input)), "{place}: inputs of {name}");
                    let (backend, set) = side.parts();
                    backend.commit().expect("the store works");
                    set.end_batch(usize::MAX);
                    if sets == Sets::Reopened {
                        side.restart();
                    }
                }
                Event::Restart => side.restart(),
            }
        }
        match event {
            Event::Command(_, reply, Some(input)) => handed_out.push((task_in(reply), input.clone())),
            Event::Restart => handed_out.clear(),
            Event::Commit => {
                handed_out.clear();
                commits += 1;
                if commits % COMMITS_BETWEEN_QUESTIONS == 0 {
                    compare_answers(&mut sides, &mut random, &place);
                }
            }
            Event::Command(..) | Event::Expired(..) => {}
        }
    }
    compare_answers(&mut sides, &mut random, &format!("seed {seed}, at the end"));
}

fn compare_answers(sides: &mut [Side<'_>; 2], random: &mut Random, place: &str) {
    let [memory, store] = sides.each_mut().map(|side| side.open.as_ref().expect("restarted at once").0.reader.clone());
    let questions = questions::about(memory.as_ref(), random);
    for question in questions {
        let (expected, answer) = (question.ask(memory.as_ref()), question.ask(store.as_ref()));
        assert_eq!(answer, expected, "{place}: {question:?}");
    }
}

/// The key of the task handed out, from the text of the reply.
fn task_in(reply: &str) -> TaskKey {
    let digits = reply.split("task: TaskKey(").nth(1).and_then(|rest| rest.split(')').next());
    TaskKey(digits.and_then(|digits| digits.parse().ok()).expect("a hand-out names its task"))
}
