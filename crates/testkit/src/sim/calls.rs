//! What users and runners call, and what they make of the answers.

use boxwood_engine::{
    Ask, AutomationId, Command, ComputedTask, FailedTask, Identifier, JobId, NewCluster, NewJob, ProgressUpdate, Reply,
    Report, ReportReply, TaskId, Version,
};
use boxwood_store::writer::Outcome;

use super::{From, Held, Runner, Sim, Waiter};
use crate::hostile::somewhere_else;
use crate::seconds;

/// Jobs submitted at most.
const JOBS_MAX: usize = 5;

/// How many answers in a hundred never reach the runner.
const LOST_PERCENT: u64 = 6;

/// The runners of every simulation: three that can do everything, one on the other cluster, one that knows little.
pub(super) fn runners() -> Vec<Runner> {
    let some = [("A", "v1.1"), ("B", "v1.9"), ("A", "v2.0")]
        .map(|(name, version)| Identifier { name: name.into(), version: Version::parse(version).expect("a version") });
    let everything = || [].into();
    let asks = [
        ("default", everything()),
        ("default", everything()),
        ("default", everything()),
        ("gpu", everything()),
        ("default", some.into()),
    ];
    let runner = |(cluster, identifiers): (&str, _)| Runner {
        ask: Ask { cluster: cluster.into(), identifiers },
        held: None,
        waiting: None,
        asleep: false,
    };
    asks.into_iter().map(runner).collect()
}

/// Users.
impl Sim {
    pub(super) fn submit(&mut self) {
        if self.submitted.len() >= JOBS_MAX {
            return;
        }
        let tree = self.trees.tree(&mut self.random);
        let places = self.catalog.add(tree);
        let mut tasks = self.catalog.submission(&places).expect("a tree has a root");
        if self.random.chance(5) {
            tasks = somewhere_else(&tasks);
        }
        let digest = u128::from(self.random.number()) << 64 | u128::from(self.random.number());
        let new = NewJob {
            id: JobId::from_u128(1).expect("not zero"),
            first_task: TaskId::from_u128(1).expect("not zero"),
            name: ["job", "Job-B", "nightly_job.b"][self.random.place(3)].into(),
            trace_parent: format!("00-{digest:032x}-0000000000000001-01"),
            automation: AutomationId::from_u128(self.random.below(3).into()),
            tasks,
            fingerprint: digest,
            repeated: false,
            now: self.now,
        };
        self.submitted.push(Command::SubmitJob(new.clone()));
        self.arrives(From::User, &Command::SubmitJob(new));
    }

    pub(super) fn submit_again(&mut self) {
        if let Some(Command::SubmitJob(mut new)) = self.random.pick(&self.submitted).cloned() {
            new.repeated = self.random.chance(80);
            self.arrives(From::User, &Command::SubmitJob(new));
        }
    }

    pub(super) fn cancel_or_retry(&mut self, cancel: bool) {
        let unknown = JobId::from_u128(1).expect("not zero");
        let known = if self.random.chance(98) { self.random.pick(&self.jobs).copied() } else { Some(unknown) };
        if let Some(job) = known {
            let command = if cancel { Command::CancelJob { job } } else { Command::RetryJob { job } };
            self.arrives(From::User, &command);
        }
    }

    pub(super) fn change_clusters(&mut self) {
        let command = match self.random.below(5) {
            0 => Command::DeleteCluster { slug: "gpu".into() },
            1 => Command::UpdateCluster {
                slug: ["", "gpu"][self.random.place(2)].into(),
                display_name: self.random.chance(50).then(|| "renamed".into()),
                description: self.random.chance(50).then(|| "described".into()),
            },
            _ => Self::cluster("gpu", true),
        };
        self.arrives(From::User, &command);
    }

    pub(super) fn cluster(slug: &str, deletable: bool) -> Command {
        Command::CreateCluster(NewCluster {
            slug: slug.into(),
            display_name: slug.into(),
            description: String::new(),
            deletable,
            now: boxwood_engine::Timestamp::default(),
        })
    }
}

/// Runners.
impl Sim {
    /// The next call of a runner.
    pub(super) fn call(&mut self, place: usize) {
        let runner = &self.runners[place];
        let command = if let Some(waiting) = &runner.waiting {
            // The answer may be on its way, or lost: the runner waits on, or sends the call again.
            if self.random.chance(50) {
                return;
            }
            if self.random.chance(50) {
                // Its connection broke, and the server knows.
                waiting.gone.set(true);
            }
            waiting.command.clone()
        } else if let Some(held) = &runner.held {
            let (id, display, input) = (held.hand_out.id, held.hand_out.display.to_string(), held.input.clone());
            match self.random.below(100) {
                0..52 => self.report(place, id, &input, true),
                52..62 => self.report(place, id, &input, false),
                62..74 => self.failure(id, &display, true),
                74..79 => self.failure(id, &display, false),
                79..95 => Command::ExtendLease { task: id, requested: seconds(self.random.below(90)), now: self.now },
                // A slow task.
                _ => return,
            }
        } else if runner.asleep && self.random.chance(70) {
            return;
        } else {
            Command::Report(Box::new(Report { computed: None, ask: Some(self.ask(place)), now: self.now }))
        };
        self.runners[place].asleep = false;
        self.runners[place].waiting = self.arrives(From::Runner(place), &command);
    }

    pub(super) fn ask(&mut self, place: usize) -> Ask {
        let mut ask = self.runners[place].ask.clone();
        if ask.identifiers.is_empty() {
            ask.identifiers = self.catalog.identifiers().into();
        }
        ask
    }

    fn report(&mut self, place: usize, task: TaskId, input: &[u8], asks: bool) -> Command {
        let mut computed = self.computed(task, input);
        if self.random.chance(15) {
            computed.display = "done".into();
        }
        computed.progress = self.progress();
        match self.random.below(30) {
            0 => computed.content_error = Some("too much".into()),
            1 => computed.sub_tasks = computed.sub_tasks.as_ref().map(somewhere_else),
            _ => {}
        }
        let ask = if asks { Some(self.ask(place)) } else { None };
        Command::Report(Box::new(Report { computed: Some(computed), ask, now: self.now }))
    }

    /// The report of a task that did what it was planned to do.
    pub(super) fn computed(&self, task: TaskId, input: &[u8]) -> ComputedTask {
        ComputedTask {
            task,
            display: String::new(),
            progress: Vec::new(),
            sub_tasks: self.catalog.submission(&self.catalog.task(input).children),
            first_sub_task: TaskId::from_u128(1).expect("not zero"),
            content_error: None,
        }
    }

    fn failure(&mut self, task: TaskId, display: &str, workflow_error: bool) -> Command {
        let display = if self.random.chance(60) { format!("{display}\nfailed") } else { String::new() };
        let progress = self.progress();
        Command::FailTask(FailedTask { task, display, progress, workflow_error, now: self.now })
    }

    fn progress(&mut self) -> Vec<ProgressUpdate> {
        let update = |random: &mut crate::Random| ProgressUpdate {
            label: ["", "x", "y"][random.place(3)].into(),
            total: random.below(5),
            done: random.below(5),
        };
        (0..self.random.below(6).saturating_sub(2)).map(|_| update(&mut self.random)).collect()
    }

    pub(super) fn hang_up(&mut self, place: usize) {
        if let Some(waiting) = self.runners[place].waiting.take() {
            waiting.gone.set(true);
        }
    }

    pub(super) fn runner_dies(&mut self, place: usize) {
        self.hang_up(place);
        self.runners[place].held = None;
        self.runners[place].asleep = false;
    }

    pub(super) fn repeat(&mut self) {
        let place = if self.arrived.is_empty() { return } else { self.random.place(self.arrived.len()) };
        let command = self.arrived[place].clone();
        let waiting = self.arrives(From::Nobody, &command);
        if let Some(waiting) = waiting.filter(|_| self.random.chance(50)) {
            waiting.gone.set(self.random.chance(30));
        }
    }

    pub(super) fn stray(&mut self) {
        let tasks = self.reference.task_ids();
        let Some(task) = self.random.pick(&tasks).and_then(|id| TaskId::from_u128(*id)) else { return };
        let command = match self.random.below(3) {
            0 => Command::ExtendLease { task, requested: seconds(20), now: self.now },
            1 => self.failure(task, "stray", true),
            _ => {
                let mut computed = self.computed(task, b"0");
                computed.sub_tasks = None;
                let ask = if self.random.chance(50) { Some(self.ask(0)) } else { None };
                Command::Report(Box::new(Report { computed: Some(computed), ask, now: self.now }))
            }
        };
        self.arrives(From::Nobody, &command);
    }
}

/// The door.
impl Sim {
    /// Gives a command the time and the ids that the server chooses when it arrives.
    pub(super) fn stamp(&mut self, command: &mut Command) {
        let present = self.now;
        match command {
            Command::SubmitJob(new) => {
                new.now = present.whole_milliseconds();
                new.id = JobId::from_u128(self.fresh_id()).expect("not zero");
                new.first_task = TaskId::from_u128(self.fresh_id()).expect("not zero");
            }
            Command::Report(report) => {
                report.now = present;
                if let Some(computed) = &mut report.computed {
                    computed.first_sub_task = TaskId::from_u128(self.fresh_id()).expect("not zero");
                }
            }
            Command::FailTask(failed) => failed.now = present,
            Command::ExtendLease { now, .. } => *now = present,
            Command::CreateCluster(new) => new.now = present,
            _ => {}
        }
    }

    /// N-9: the time in milliseconds, and room behind it for the ids of a submission.
    fn fresh_id(&mut self) -> u128 {
        self.ids += 1;
        u128::try_from(self.now.0 / 1000).expect("after 1970") << 80 | self.ids << 32
    }
}

/// Answers.
impl Sim {
    /// An answer leaves the server. It may be lost on the way; whoever reads it holds the server to it from now on.
    pub(super) fn answered(&mut self, waiter: Waiter, outcome: Outcome) {
        if waiter.from == From::Calm {
            self.last = Some((outcome.decided, outcome.input));
            return;
        }
        if waiter.gone.get() || waiter.from == From::Nobody || self.random.chance(LOST_PERCENT) {
            return;
        }
        if let From::Runner(place) = waiter.from {
            // An answer to an earlier sending of the call has nobody who listens.
            if self.runners[place].waiting.as_ref().is_none_or(|waiting| waiting.call != waiter.call) {
                return;
            }
            self.runners[place].waiting = None;
            self.learns(place, &waiter.command, outcome);
        } else if let Ok(Reply::Job(job, _)) = outcome.decided {
            self.receipts.accepted(job.id);
            if !self.jobs.contains(&job.id) {
                self.jobs.push(job.id);
            }
        }
    }

    fn learns(&mut self, place: usize, command: &Command, outcome: Outcome) {
        let runner = &mut self.runners[place];
        let refused = outcome.decided.is_err();
        match (command, outcome.decided) {
            (Command::Report(report), decided) => {
                let reported = runner.held.take();
                if let (Some(computed), Some(held), false) = (&report.computed, reported, refused)
                    && computed.task == held.hand_out.id
                {
                    self.receipts.stored(computed.task, held.started, None);
                }
                match decided {
                    Ok(Reply::Report(ReportReply::Task(hand_out))) => {
                        runner.held = Some(Held { hand_out: *hand_out, input: outcome.input, started: report.now });
                    }
                    _ => runner.asleep = report.ask.is_some() && self.random.chance(50),
                }
            }
            (Command::FailTask(failed), Ok(Reply::TaskState(state))) => {
                if let Some(held) = runner.held.take_if(|held| held.hand_out.id == failed.task) {
                    self.receipts.stored(failed.task, held.started, Some(state));
                }
            }
            _ => {}
        }
    }
}
