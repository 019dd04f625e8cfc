//! The engine and the [reference model](crate::reference) side by side: every reply, and everything a client can ask
//! afterwards. Where they differ, one of them does not do what the behaviour page says, or the page is not clear.

mod answers;
mod translate;

use std::collections::BTreeMap;

use boxwood_engine::{
    Command, HandOut, Refusal, RefusalKind, Reply, Report, ReportReply, Settings, TaskId, TaskKey, Timestamp,
};
use boxwood_store::{Reader, writer::Wake};

use crate::reference::{self, Answer, Model, Place, Refused};

/// The model, kept in step with a server.
#[derive(Clone)]
pub(crate) struct Reference {
    now: Side,
    /// As of the last commit, which is what a crash leaves.
    committed: Side,
    /// Whether a single runner does everything, so that R-11 holds to the letter.
    alone: bool,
}

#[derive(Clone)]
struct Side {
    model: Model,
    /// The ids of tasks that were handed out, by the key that commands of the server's own name them with.
    ids: BTreeMap<TaskKey, u128>,
}

impl Reference {
    /// A model of an empty server.
    pub(crate) fn new(settings: &Settings) -> Self {
        let side = Side { model: Model::new(translate::numbers(settings)), ids: BTreeMap::new() };
        Self { now: side.clone(), committed: side, alone: false }
    }

    /// From now on one runner does everything, and never forgets a task.
    pub(crate) fn alone(&mut self) {
        self.alone = true;
    }

    /// Other numbers of the rules.
    pub(crate) fn set_numbers(&mut self, settings: &Settings) {
        self.now.model.numbers = translate::numbers(settings);
    }

    /// What was decided so far is durable.
    pub(crate) fn commit(&mut self) {
        let Self { now, committed, .. } = self;
        committed.model.clusters.clone_from(&now.model.clusters);
        committed.model.numbers.clone_from(&now.model.numbers);
        committed.model.jobs.truncate(now.model.jobs.len());
        for (place, job) in now.model.jobs.iter().enumerate() {
            match committed.model.jobs.get_mut(place) {
                Some(before) if before == job => {}
                Some(before) => before.clone_from(job),
                None => committed.model.jobs.push(job.clone()),
            }
        }
        committed.ids.clone_from(&now.ids);
    }

    /// What was decided since the last commit is lost.
    pub(crate) fn lose(&mut self) {
        self.now.clone_from(&self.committed);
    }

    /// Compares everything a client can see with what a store answers, which has to be all that was decided so far.
    ///
    /// # Panics
    /// Where they differ.
    pub(crate) fn check_answers(&self, reader: &dyn Reader) {
        answers::check(&self.now.model, reader);
    }

    /// Compares what a client can see of everything that was decided since the last commit.
    ///
    /// # Panics
    /// Where they differ.
    pub(crate) fn check_changes(&self, reader: &dyn Reader) {
        answers::check_clusters(&self.now.model, reader);
        for (job, _) in self.changed_jobs() {
            answers::check_whole_job(job, reader);
        }
    }

    /// Compares the tasks that became ready since the last commit with those that were announced to who waits for work.
    ///
    /// # Panics
    /// If one was not announced.
    pub(crate) fn check_wakes(&self, wakes: &[Wake]) {
        let mut ready: BTreeMap<(&str, &str, &str), u64> = BTreeMap::new();
        for (job, before) in self.changed_jobs() {
            let was_ready = |task: usize| before.is_some_and(|job| task < job.tasks.len() && job.is_ready(task));
            for task in (0..job.tasks.len()).filter(|task| job.is_ready(*task) && !was_ready(*task)) {
                let reference::Task { cluster, identifier, .. } = &job.tasks[task];
                *ready.entry((cluster, &identifier.name, &identifier.version)).or_default() += 1;
            }
        }
        for ((cluster, name, version), count) in ready {
            let same = |(class, _): &&Wake| {
                let identifier = &class.identifier;
                (class.cluster.as_ref(), identifier.name.as_ref(), identifier.version.as_str())
                    == (cluster, name, version)
            };
            let announced = wakes.iter().find(same).map_or(0, |(_, count)| *count);
            assert!(
                announced >= count,
                "R-24: {count} tasks of {name} {version} on {cluster} became ready, {announced} were announced"
            );
        }
    }

    /// The jobs that have changed since the last commit, and as they were then.
    fn changed_jobs(&self) -> impl Iterator<Item = (&reference::Job, Option<&reference::Job>)> {
        let jobs = self.now.model.jobs.iter().enumerate();
        let pairs = jobs.map(|(place, job)| (job, self.committed.model.jobs.get(place)));
        pairs.filter(|(job, before)| before.is_none_or(|before| before != *job))
    }

    /// The ids of all tasks.
    pub(crate) fn task_ids(&self) -> Vec<u128> {
        self.now.model.jobs.iter().flat_map(|job| &job.tasks).map(|task| task.id).collect()
    }

    /// The ids of the jobs that are not COMPLETED.
    pub(crate) fn unfinished(&self) -> Vec<u128> {
        let jobs = self.now.model.jobs.iter();
        jobs.filter(|job| job.state() != reference::JobState::Completed).map(|job| job.id).collect()
    }

    /// Compares searches through jobs with random filters.
    ///
    /// # Panics
    /// Where they differ.
    pub(crate) fn check_searches(&self, reader: &dyn Reader, random: &mut crate::Random) {
        answers::check_searches(&self.now.model, reader, random);
    }

    /// Compares the tasks whose lease has ended by `now`, which are all there are.
    ///
    /// # Panics
    /// Where they differ.
    pub(crate) fn check_expired(&self, now: Timestamp, tasks: &[TaskKey]) {
        let mut found: Vec<u128> = tasks.iter().filter_map(|task| self.now.ids.get(task).copied()).collect();
        let mut expected = self.now.model.ended_leases(now.0);
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(found, expected, "S-40, S-41: the tasks whose lease has ended");
    }

    /// How many leases have run out by `now`.
    pub(crate) fn ended_leases(&self, now: Timestamp) -> usize {
        self.now.model.ended_leases(now.0).len()
    }

    /// Acts on the leases that have run out, as a tick does; answers how many.
    pub(crate) fn tick(&mut self, now: Timestamp) -> usize {
        let ended = self.now.model.ended_leases(now.0);
        for id in &ended {
            let place = self.now.model.find_task(*id).expect("it was just found");
            self.now.model.expire(place, now.0);
        }
        ended.len()
    }

    /// The task that a command of the server's own names with this key, which nobody may have been told of.
    pub(crate) fn learn(&mut self, key: TaskKey, id: TaskId) {
        self.now.ids.insert(key, id.to_u128());
    }

    /// Decides a command whose reply nobody has seen.
    pub(crate) fn decide(&mut self, command: &Command) {
        self.now.decide(command);
    }

    /// Decides a command of which it is known that it handed nothing out.
    #[cfg(feature = "postgres")]
    pub(crate) fn decide_without_hand_out(&mut self, command: &Command) {
        self.now.decide_among_several(command, None);
    }

    /// As [`Reference::check`], where other servers are at work too: which job a task is stolen from, and whether there is
    /// any, depends on what they are at.
    ///
    /// # Panics
    /// Where they differ.
    #[cfg(feature = "postgres")]
    pub(crate) fn check_among_several(
        &mut self,
        command: &Command,
        decided: &Result<Reply, Refusal>,
        input: Option<&[u8]>,
    ) {
        let chosen = match decided {
            Ok(Reply::Report(ReportReply::Task(hand_out))) => Some(hand_out.id.to_u128()),
            _ => None,
        };
        let expected = self.now.decide_among_several(command, chosen);
        self.now.compare(command, expected, decided, input);
    }

    /// Lists jobs and tasks in the order of their keys, which servers take before they wait for each other. Only to be
    /// looked at afterwards.
    ///
    /// # Panics
    /// If the store does not have the same tasks.
    #[cfg(feature = "postgres")]
    pub(crate) fn order_as(&mut self, reader: &dyn Reader) {
        answers::order(&mut self.now.model, reader);
    }

    /// Decides a command too, and compares the reply. `input` is that of the task handed out.
    ///
    /// # Panics
    /// Where they differ.
    pub(crate) fn check(&mut self, command: &Command, decided: &Result<Reply, Refusal>, input: Option<&[u8]>) {
        let before = self.alone.then(|| self.now.model.clone());
        let expected = self.now.decide(command);
        if let (Some(before), Command::Report(report), Expected::Answer(Ok(Answer::Task(next)))) =
            (before, command, &expected)
        {
            check_nearest(before, report, next.place);
        }
        self.now.compare(command, expected, decided, input);
    }
}

/// R-11 to the letter: the order is asked of the moment after the report and before the hand-out.
fn check_nearest(mut model: Model, report: &Report, next: Place) {
    let (Some(computed), Some(ask)) = (&report.computed, &report.ask) else { return };
    // Without a question nothing is handed out, and the report is stored all the same.
    let _ = model.next_task(Some(translate::computed(computed)), None, report.now.0);
    let named = model.find_task(computed.task.to_u128()).ok();
    let nearest = named.and_then(|named| model.nearest(named, &translate::ask(ask)));
    let same = nearest.is_none_or(|nearest| nearest == next);
    assert!(same, "R-11: with one runner task {nearest:?} comes next, not {next:?}");
}

/// What the model says to a command.
enum Expected {
    Job(Result<usize, Refused>),
    Answer(Result<Answer, Refused>),
    State(Result<reference::State, Refused>),
    Lease(Option<reference::Lease>),
    Expired(Option<reference::State>),
    Retried(Result<u64, Refused>),
    Cluster(Result<reference::Cluster, Refused>),
    Done(Result<(), Refused>),
}

impl Side {
    fn decide(&mut self, command: &Command) -> Expected {
        let model = &mut self.model;
        match command {
            Command::SubmitJob(new) => Expected::Job(model.submit(translate::new_job(new))),
            Command::Report(report) => {
                let computed = report.computed.as_ref().map(translate::computed);
                let ask = report.ask.as_ref().map(translate::ask);
                Expected::Answer(model.next_task(computed, ask, report.now.0))
            }
            Command::FailTask(failed) => Expected::State(model.fail(translate::failed(failed))),
            Command::ExtendLease { task, requested, now } => {
                Expected::Lease(model.extend(task.to_u128(), *requested, now.0))
            }
            Command::ExpireLease { task, now } => {
                Expected::Expired(self.place(*task).and_then(|place| self.model.expire(place, now.0)))
            }
            Command::ReturnHandOut { taken, now } => {
                if let Some(place) = self.place(taken.task) {
                    self.model.give_back(place, taken.hand_out, now.0);
                }
                Expected::Done(Ok(()))
            }
            Command::RetryJob { job } => Expected::Retried(model.retry(job.to_u128())),
            Command::CancelJob { job } => Expected::Done(model.cancel(job.to_u128())),
            Command::CreateCluster(new) => Expected::Cluster(model.create_cluster(translate::new_cluster(new))),
            Command::UpdateCluster { slug, display_name, description } => {
                Expected::Cluster(model.update_cluster(slug, display_name.as_deref(), description.as_deref()))
            }
            Command::DeleteCluster { slug } => Expected::Done(model.delete_cluster(slug)),
        }
    }

    /// As [`Side::decide`], where a report is answered with the task that another server has left.
    #[cfg(feature = "postgres")]
    fn decide_among_several(&mut self, command: &Command, chosen: Option<u128>) -> Expected {
        let Command::Report(report) = command else { return self.decide(command) };
        let computed = report.computed.as_ref().map(translate::computed);
        let ask = report.ask.as_ref().map(translate::ask);
        Expected::Answer(self.model.next_task_among_several(computed, ask, report.now.0, chosen))
    }

    fn compare(
        &mut self,
        command: &Command,
        expected: Expected,
        decided: &Result<Reply, Refusal>,
        input: Option<&[u8]>,
    ) {
        match expected {
            Expected::Job(place) => {
                if let (Some(place), Some(Reply::Job(job, status))) = both(command, place, decided) {
                    answers::check_job(&self.model.jobs[place], job);
                    answers::check_status(&self.model.jobs[place], status, false);
                }
            }
            Expected::Answer(answer) => {
                if let (Some(answer), Some(Reply::Report(answered))) = both(command, answer, decided) {
                    self.compare_answer(command, &answer, answered, input);
                }
            }
            Expected::State(state) => {
                if let (Some(state), Some(Reply::TaskState(answered))) = both(command, state, decided) {
                    assert_eq!(*answered as u8, state as u8, "R-45: the state after {command:?}");
                }
            }
            Expected::Lease(lease) => {
                let Ok(Reply::Lease(answered)) = decided else { unreachable!("{command:?}: {decided:?}") };
                let answered = answered.map(|lease| (lease.length, lease.wait));
                assert_eq!(answered, lease.map(|lease| (lease.length, lease.wait)), "R-31, R-33: {command:?}");
            }
            Expected::Expired(state) => match decided {
                Ok(Reply::TaskState(answered)) => {
                    assert_eq!(Some(*answered as u8), state.map(|state| state as u8), "S-40: {command:?}");
                }
                other => assert!(matches!(other, Ok(Reply::Done)) && state.is_none(), "S-40: {command:?}: {other:?}"),
            },
            Expected::Retried(count) => {
                if let (Some(count), Some(Reply::Retried(answered))) = both(command, count, decided) {
                    assert_eq!(*answered, count, "J-64: {command:?}");
                }
            }
            Expected::Cluster(cluster) => {
                if let (Some(cluster), Some(Reply::Cluster(answered))) = both(command, cluster, decided) {
                    assert_eq!(translate::cluster(answered), cluster, "C-1: {command:?}");
                }
            }
            Expected::Done(done) => {
                both(command, done, decided);
            }
        }
    }

    fn compare_answer(&mut self, command: &Command, answer: &Answer, answered: &ReportReply, input: Option<&[u8]>) {
        match (answer, answered) {
            (Answer::Nothing, ReportReply::Stored) | (Answer::Idle, ReportReply::Idle) => {}
            (Answer::Task(expected), ReportReply::Task(answered)) => self.compare_hand_out(expected, answered, input),
            (Answer::Task(expected), other) => {
                let task = self.model.task(expected.place).id;
                panic!("R-10 to R-15: task {task:x} had to be handed out, not {other:?}, in answer to {command:?}");
            }
            (expected, other) => panic!("R-6, R-7: {expected:?} was expected, not {other:?}, in answer to {command:?}"),
        }
    }

    /// The task that a command of the server's own is about; none if it was never handed out.
    fn place(&self, key: TaskKey) -> Option<Place> {
        self.ids.get(&key).map(|id| self.model.find_task(*id).expect("a task that was handed out"))
    }

    fn compare_hand_out(&mut self, expected: &reference::HandOut, answered: &HandOut, input: Option<&[u8]>) {
        let job = &self.model.jobs[expected.place.0];
        let task = self.model.task(expected.place);
        assert_eq!(answered.id.to_u128(), task.id, "R-10 to R-15, R-40: the task handed out");
        assert_eq!(answered.taken.hand_out, task.hand_outs, "S-4: the hand-out number");
        assert_eq!(translate::identifier(&answered.identifier), expected.identifier, "T-61, T-62");
        assert!(task.display.shows(&answered.display), "T-42: {:?} is not {:?}", answered.display, task.display);
        assert_eq!(answered.retry_count, task.retry_count, "S-30: the retry count");
        assert_eq!(answered.lease.length, expected.lease.length, "R-30: the lease");
        assert_eq!(answered.lease.wait, expected.lease.wait, "R-30: the wait");
        assert_eq!(input, Some(task.input.as_slice()), "T-33: the input");
        answers::check_job(job, &answered.job);
        self.ids.insert(answered.taken.task, task.id);
    }
}

/// Both results, after comparing whether the command was refused and how.
fn both<'a, T>(
    command: &Command,
    expected: Result<T, Refused>,
    decided: &'a Result<Reply, Refusal>,
) -> (Option<T>, Option<&'a Reply>) {
    let refused = decided.as_ref().err().map(|refusal| match refusal.kind {
        RefusalKind::NotFound => Refused::NotFound,
        RefusalKind::Invalid => Refused::Invalid,
        RefusalKind::AlreadyExists => Refused::AlreadyExists,
    });
    assert_eq!(refused, expected.as_ref().err().copied(), "section 12.2: how {command:?} is refused");
    (expected.ok(), decided.as_ref().ok())
}
