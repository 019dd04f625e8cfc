//! The engine and the [reference model](crate::reference) side by side: every reply, and everything a client can ask
//! afterwards. Where they differ, one of them does not do what the behaviour page says, or the page is not clear.

mod answers;
mod translate;

use std::collections::BTreeMap;

use boxwood_engine::{
    Command, HandOut, Refusal, RefusalKind, Reply, Report, ReportReply, Settings, TaskKey, Timestamp,
};
use boxwood_store::Reader;

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
        self.committed.clone_from(&self.now);
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

    /// Decides a command too, and compares the reply. `input` is that of the task handed out.
    ///
    /// # Panics
    /// Where they differ.
    pub(crate) fn check(&mut self, command: &Command, decided: &Result<Reply, Refusal>, input: Option<&[u8]>) {
        let side = &mut self.now;
        match command {
            Command::SubmitJob(new) => {
                let place = side.model.submit(translate::new_job(new));
                if let (Some(place), Some(Reply::Job(job, status))) = both(command, place, decided) {
                    let model = &side.model.jobs[place];
                    answers::check_job(model, job);
                    answers::check_status(model, status, false);
                }
            }
            Command::Report(report) => self.check_report(command, report, decided, input),
            Command::FailTask(failed) => {
                let state = side.model.fail(translate::failed(failed));
                if let (Some(state), Some(Reply::TaskState(answered))) = both(command, state, decided) {
                    assert_eq!(*answered as u8, state as u8, "R-45: the state after {command:?}");
                }
            }
            Command::ExtendLease { task, requested, now } => {
                let lease = side.model.extend(task.to_u128(), *requested, now.0);
                let Ok(Reply::Lease(answered)) = decided else { unreachable!("{command:?}: {decided:?}") };
                let answered = answered.map(|lease| (lease.length, lease.wait));
                assert_eq!(answered, lease.map(|lease| (lease.length, lease.wait)), "R-31, R-33: {command:?}");
            }
            Command::ExpireLease { task, now } => {
                let state = side.place(*task).and_then(|place| side.model.expire(place, now.0));
                match decided {
                    Ok(Reply::TaskState(answered)) => {
                        assert_eq!(Some(*answered as u8), state.map(|state| state as u8), "S-40: {command:?}");
                    }
                    other => {
                        assert!(matches!(other, Ok(Reply::Done)) && state.is_none(), "S-40: {command:?}: {other:?}")
                    }
                }
            }
            Command::ReturnHandOut { taken, now } => {
                if let Some(place) = side.place(taken.task) {
                    side.model.give_back(place, taken.hand_out, now.0);
                }
                assert!(matches!(decided, Ok(Reply::Done)), "R-44: {command:?}: {decided:?}");
            }
            Command::RetryJob { job } => {
                let count = side.model.retry(job.to_u128());
                if let (Some(count), Some(Reply::Retried(answered))) = both(command, count, decided) {
                    assert_eq!(*answered, count, "J-64: {command:?}");
                }
            }
            Command::CancelJob { job } => {
                both(command, side.model.cancel(job.to_u128()), decided);
            }
            Command::CreateCluster(new) => {
                let cluster = side.model.create_cluster(translate::new_cluster(new));
                check_cluster(command, cluster, decided);
            }
            Command::UpdateCluster { slug, display_name, description } => {
                let cluster = side.model.update_cluster(slug, display_name.as_deref(), description.as_deref());
                check_cluster(command, cluster, decided);
            }
            Command::DeleteCluster { slug } => {
                both(command, side.model.delete_cluster(slug), decided);
            }
        }
    }

    fn check_report(
        &mut self,
        command: &Command,
        report: &Report,
        decided: &Result<Reply, Refusal>,
        input: Option<&[u8]>,
    ) {
        let named = report.computed.as_ref().map(|computed| computed.task.to_u128());
        let ask = report.ask.as_ref().map(translate::ask);
        let computed = report.computed.as_ref().map(translate::computed);
        // Where the exact order of R-11 is asked for, it is asked of the same moment: after the report, before the hand-out.
        let mut stored = self.alone.then(|| self.now.model.clone());
        let answer = self.now.model.next_task(computed.clone(), ask.clone(), report.now.0);
        let (Some(answer), Some(Reply::Report(answered))) = both(command, answer, decided) else { return };
        match (answer, answered) {
            (Answer::Nothing, ReportReply::Stored) | (Answer::Idle, ReportReply::Idle) => {}
            (Answer::Task(expected), ReportReply::Task(answered)) => {
                self.now.check_hand_out(&expected, answered, input);
                if let (Some(stored), Some(named), Some(ask)) = (&mut stored, named, &ask) {
                    // Without a question nothing is handed out, and the report is stored all the same.
                    let _ = stored.next_task(computed, None, report.now.0);
                    let nearest = stored.find_task(named).ok().and_then(|named| stored.nearest(named, ask));
                    let same = nearest.is_none_or(|nearest| nearest == expected.place);
                    assert!(same, "R-11: with one runner task {nearest:?} comes next, not {:?}", expected.place);
                }
            }
            (Answer::Task(expected), other) => {
                let task = self.now.model.task(expected.place).id;
                panic!("R-10 to R-15: task {task:x} had to be handed out, not {other:?}, in answer to {command:?}");
            }
            (expected, other) => panic!("R-6, R-7: {expected:?} was expected, not {other:?}, in answer to {command:?}"),
        }
    }
}

impl Side {
    /// The task that a command of the server's own is about; none if it was never handed out.
    fn place(&self, key: TaskKey) -> Option<Place> {
        self.ids.get(&key).map(|id| self.model.find_task(*id).expect("a task that was handed out"))
    }

    fn check_hand_out(&mut self, expected: &reference::HandOut, answered: &HandOut, input: Option<&[u8]>) {
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

fn check_cluster(command: &Command, expected: Result<reference::Cluster, Refused>, decided: &Result<Reply, Refusal>) {
    if let (Some(cluster), Some(Reply::Cluster(answered))) = both(command, expected, decided) {
        assert_eq!(translate::cluster(answered), cluster, "C-1: {command:?}");
    }
}
