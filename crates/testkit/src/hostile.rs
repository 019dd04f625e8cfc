//! A world in which everything goes wrong that can: runners vanish, calls are lost, repeated and late, leases end, jobs are
//! canceled and retried, clusters disappear, the server crashes between commits. In the end it calms down, and every job
//! must come to its end.

use boxwood_engine::{
    AutomationId, Command, ComputedTask, FailedTask, JobId, JobState, NewJob, ProgressUpdate, Report, Settings,
    Submission, Taken, TaskId, TaskKey,
};
use boxwood_store::memory;

use crate::plan::Plan;
use crate::random::Random;
use crate::reopen::Reopen;
use crate::trees::Trees;
use crate::world::{Held, Runner, World};
use crate::{milliseconds, seconds};

/// Tasks in the hands of runners at once; beyond that, the one that runs longest is forgotten.
const HELD_MAX: usize = 10;

/// Jobs submitted at most.
const JOBS_MAX: usize = 6;

/// Attempts to bring all jobs to their end once the world is calm.
const CALM_ROUNDS_MAX: usize = 50;

/// Lives through so many random events in memory, then lets every job come to its end.
///
/// # Panics
/// When a rule is broken; the seed and the last events are printed then.
pub fn run(seed: u64, events: usize) -> World {
    run_on(memory::Database::new(), seed, events)
}

/// The same on another database, which must be empty.
///
/// # Panics
/// When a rule is broken; the seed and the last events are printed then.
pub fn run_on(store: impl Reopen + 'static, seed: u64, events: usize) -> World {
    let mut random = Random::seeded(seed);
    let (crashes, hand_backs, refuse) = (random.below(4), random.below(4), random.chance(10));
    let settings = |settings: &mut Settings| {
        settings.crash_retries_max = u32::try_from(crashes).expect("a small number");
        settings.hand_backs_max = u32::try_from(hand_backs).expect("a small number");
        settings.refuse_content_errors = refuse;
    };
    let mut world = World::on(seed, store).settings(settings).cluster("gpu").runners(2);
    world = world.runner(Runner::on("gpu"));
    world = world.runner(Runner::on("default").knows("A", "v1.1").knows("B", "v1.9").knows("A", "v2.0"));
    // In half of the worlds several commands share a commit, and a restart loses those after the last one.
    if random.chance(50) {
        world = world.lazy();
    }
    let (held, committed, submitted) = (Vec::new(), Vec::new(), Vec::new());
    let mut chaos = Chaos { world, random, trees: Trees::default(), held, committed, submitted };
    for _ in 0..events {
        chaos.event();
    }
    chaos.calm()
}

struct Chaos {
    world: World,
    random: Random,
    trees: Trees,
    /// What runners hold, or believe to hold, the oldest first.
    held: Vec<Held>,
    /// The same at the last commit: later answers never left a server that crashed.
    committed: Vec<Held>,
    submitted: Vec<NewJob>,
}

impl Chaos {
    fn event(&mut self) {
        match self.random.below(100) {
            0..8 => self.submit(),
            8..10 => self.submit_again(),
            10..30 => self.claim(),
            30..51 => self.report(),
            51..57 => self.complete(),
            57..65 => self.fail(true),
            65..69 => self.fail(false),
            69..73 => self.extend(),
            73..78 => self.wait(),
            78..83 => drop(self.world.expire_leases()),
            83..85 => self.expire_something(),
            85..87 => self.give_back(),
            87..89 => self.cancel_or_retry(true),
            89..92 => self.cancel_or_retry(false),
            92..94 => self.change_clusters(),
            94 => self.unknown(),
            95..99 => self.stray(),
            _ => self.restart(),
        }
        if self.held.len() > HELD_MAX {
            self.held.remove(0);
        }
        if self.random.chance(40) {
            self.commit();
        }
    }

    fn commit(&mut self) {
        self.world.commit();
        self.committed.clone_from(&self.held);
    }

    fn submit(&mut self) {
        if self.submitted.len() < JOBS_MAX {
            let plans = self.trees.tree(&mut self.random);
            let name = ["job", "Job-B", "nightly_job.b"][self.random.place(3)];
            let mut new = self.world.new_job(name, plans);
            new.automation = AutomationId::from_u128(self.random.below(3).into());
            if self.random.chance(5) {
                new.tasks = somewhere_else(&new.tasks);
            }
            self.submitted.push(new.clone());
            // Refused while a cluster it names is gone.
            let _ = self.world.send(Command::SubmitJob(new));
        }
    }

    fn submit_again(&mut self) {
        if let Some(new) = self.random.pick(&self.submitted).cloned() {
            let mut again = self.world.new_job("job", Plan::task("never submitted"));
            (again.name, again.trace_parent, again.tasks) = (new.name, new.trace_parent, new.tasks);
            (again.fingerprint, again.repeated) = (new.fingerprint, self.random.chance(80));
            let _ = self.world.send(Command::SubmitJob(again));
        }
    }

    fn claim(&mut self) {
        let ask = Some(self.ask());
        self.next_task(Report { computed: None, ask, now: self.world.now() });
    }

    fn ask(&mut self) -> boxwood_engine::Ask {
        let runner = self.random.place(4);
        let mut ask = self.world.ask(runner);
        match self.random.below(50) {
            0 => ask.cluster = "nowhere".into(),
            1 => ask.identifiers = [].into(),
            _ => {}
        }
        ask
    }

    fn next_task(&mut self, report: Report) {
        // Refused while the cluster is gone.
        if let Ok(Some(next)) = self.world.try_next_task(report)
            && self.random.chance(95)
        {
            self.held.push(next);
        }
    }

    /// One of the tasks held, which most often is in nobody's hands any more afterwards.
    fn take(&mut self) -> Option<Held> {
        if self.held.is_empty() {
            return None;
        }
        let place = self.random.place(self.held.len());
        let keep = self.random.chance(25);
        Some(if keep { self.held[place].clone() } else { self.held.remove(place) })
    }

    fn computed(&mut self, held: &Held) -> ComputedTask {
        let mut computed = self.world.computed(held);
        if self.random.chance(20) {
            computed.display = format!("{} done", held.name);
        }
        computed.progress = self.progress();
        match self.random.below(20) {
            0 => computed.content_error = Some("too much".into()),
            1 => computed.sub_tasks = computed.sub_tasks.as_ref().map(somewhere_else),
            _ => {}
        }
        computed
    }

    fn progress(&mut self) -> Vec<ProgressUpdate> {
        let count = self.random.below(6).saturating_sub(2);
        let update = |_| ProgressUpdate {
            label: ["", "x", "y"][self.random.place(3)].into(),
            total: self.random.below(5),
            done: self.random.below(5),
        };
        (0..count).map(update).collect()
    }

    fn report(&mut self) {
        if let Some(held) = self.take() {
            let (computed, ask) = (Some(self.computed(&held)), Some(self.ask()));
            self.next_task(Report { computed, ask, now: self.world.now() });
        }
    }

    fn complete(&mut self) {
        if let Some(held) = self.take() {
            let computed = Some(self.computed(&held));
            self.next_task(Report { computed, ask: None, now: self.world.now() });
        }
    }

    fn fail(&mut self, workflow_error: bool) {
        if let Some(held) = self.take() {
            let progress = self.progress();
            let display = match self.random.below(20) {
                0 => "long ".repeat(250),
                1..10 => format!("{}\nfailed", held.display),
                _ => String::new(),
            };
            self.world.fail_with(&held, |failed| {
                (failed.progress, failed.display, failed.workflow_error) = (progress, display, workflow_error);
            });
        }
    }

    fn extend(&mut self) {
        if let Some(held) = self.random.pick(&self.held).cloned() {
            let requested = seconds(self.random.below(90));
            self.world.extend(&held, requested);
        }
    }

    fn wait(&mut self) {
        let span = milliseconds(self.random.below(12_000));
        if self.random.chance(12) {
            self.world.set_back(span);
        } else {
            self.world.advance(span);
        }
    }

    fn expire_something(&mut self) {
        let end = self.world.seen().groups.last_key_value().map_or(1, |(_, row)| row.group.end());
        let task = TaskKey(self.random.below(end + 2));
        self.world.send(Command::ExpireLease { task, now: self.world.now() }).expect("never refused");
    }

    fn give_back(&mut self) {
        if let Some(held) = self.take() {
            self.world.give_back(&held);
        }
    }

    fn cancel_or_retry(&mut self, cancel: bool) {
        let jobs: Vec<JobId> = self.world.seen().jobs.values().map(|job| job.id).collect();
        if let Some(job) = self.random.pick(&jobs).copied() {
            let command = if cancel { Command::CancelJob { job } } else { Command::RetryJob { job } };
            self.world.send(command).expect("the job exists");
        }
    }

    fn change_clusters(&mut self) {
        let command = match self.random.below(4) {
            0 => Command::DeleteCluster { slug: "gpu".into() },
            1 => Command::UpdateCluster {
                slug: ["", "gpu"][self.random.place(2)].into(),
                display_name: self.random.chance(50).then(|| "renamed".into()),
                description: self.random.chance(50).then(|| "described".into()),
            },
            _ => self.world.new_cluster("gpu", true),
        };
        // Refused if it is there already, or not there.
        let _ = self.world.send(command);
    }

    /// Names something that never existed.
    fn unknown(&mut self) {
        let (job, task) = (JobId::from_u128(1).expect("not zero"), TaskId::from_u128(1).expect("not zero"));
        let now = self.world.now();
        let command = match self.random.below(3) {
            0 => Command::CancelJob { job },
            1 => Command::RetryJob { job },
            _ => Command::ExtendLease { task, requested: seconds(15), now },
        };
        let extends = matches!(command, Command::ExtendLease { .. });
        assert_eq!(self.world.send(command).is_ok(), extends, "J-60, J-70, R-33");
    }

    /// A call about any task there is, most likely one that was never handed out or is settled.
    fn stray(&mut self) {
        let rows = self.world.seen();
        let tasks: Vec<(TaskKey, TaskId)> =
            rows.all_tasks().map(|(key, row, _)| (key, row.group.task_id(key))).collect();
        let Some((key, task)) = self.random.pick(&tasks).copied() else { return };
        let now = self.world.now();
        let command = match self.random.below(4) {
            0 => Command::ExtendLease { task, requested: seconds(20), now },
            1 => Command::FailTask(FailedTask {
                task,
                display: "stray".into(),
                progress: self.progress(),
                workflow_error: self.random.chance(50),
                now,
            }),
            2 => Command::ReturnHandOut { taken: Taken { task: key, hand_out: 1 }, now },
            _ => {
                let computed = ComputedTask {
                    task,
                    display: "stray".into(),
                    progress: self.progress(),
                    sub_tasks: None,
                    first_sub_task: self.world.fresh_task_id(),
                    content_error: None,
                };
                let ask = if self.random.chance(50) { Some(self.ask()) } else { None };
                return self.next_task(Report { computed: Some(computed), ask, now });
            }
        };
        self.world.send(command).expect("the task exists");
    }

    fn restart(&mut self) {
        self.world.restart();
        self.held.clone_from(&self.committed);
    }

    /// From now on nothing goes wrong any more; every job must come to its end.
    fn calm(mut self) -> World {
        let gpu = self.world.new_cluster("gpu", true);
        let _ = self.world.send(gpu);
        self.commit();
        self.world.check_everything();
        // Most of what is left is to run; a check after every round does.
        self.world = self.world.checked_less();
        for _ in 0..CALM_ROUNDS_MAX {
            self.world.check();
            self.world.check_everything();
            let rows = self.world.rows();
            let unfinished = rows.statuses.values().filter(|status| status.state() != JobState::Completed);
            let unfinished: Vec<JobId> = unfinished.map(|status| rows.jobs[&status.key].id).collect();
            if unfinished.is_empty() {
                return self.world;
            }
            self.world.advance(seconds(60));
            self.world.expire_leases();
            for job in unfinished {
                self.world.send(Command::RetryJob { job }).expect("the job exists");
            }
            self.world.run();
            self.world.commit();
        }
        panic!("T-9, S-21: these tasks never end: {}", self.world.states());
    }
}

/// The same tasks, the last of them on a cluster that does not exist.
pub(crate) fn somewhere_else(tasks: &Submission) -> Submission {
    let mut groups = tasks.groups().to_vec();
    let last = groups.last_mut().and_then(|group| group.tasks.last_mut()).expect("a submission of some tasks");
    last.cluster = "nowhere".into();
    Submission::new(groups).expect("nothing else has changed")
}
