//! The beginning and the end of a simulation.

use boxwood_engine::{Command, JobId, Reply, Report, ReportReply, TaskId};
use boxwood_store::writer::Work;

use super::event::RUNNERS;
use super::{From, Sim};
use crate::seconds;

/// Attempts to bring all jobs to their end once the world is calm.
const ROUNDS_MAX: usize = 60;

impl Sim {
    /// A server starts on an empty disk, others beside it, and the default cluster is made.
    pub(super) fn first(&mut self) {
        for place in 0..self.servers.len() {
            self.at = place;
            self.start();
        }
        self.decided(&Self::cluster("default", false));
        self.decided(&Self::cluster("gpu", true));
    }

    /// Nothing goes wrong any more; every job must come to its end.
    pub(super) fn calm(&mut self) {
        self.trace.note(format_args!("calm"));
        self.disk.lock().disarm();
        for runner in 0..RUNNERS {
            self.runner_dies(runner);
        }
        for place in 0..self.servers.len() {
            self.at = place;
            self.start();
            // A connection that was lost is noticed now.
            self.tick();
            self.serve(usize::MAX, None);
            self.serve_all();
        }
        self.decided(&Self::cluster("gpu", true));
        for _ in 0..ROUNDS_MAX {
            let unfinished = self.reference.unfinished();
            if unfinished.is_empty() {
                return self.end();
            }
            self.now = self.now.plus(seconds(61));
            self.tick();
            self.serve(usize::MAX, None);
            for job in unfinished.into_iter().filter_map(JobId::from_u128) {
                self.decided(&Command::RetryJob { job });
            }
            (0..RUNNERS).for_each(|runner| self.run(runner));
        }
        panic!("T-9, S-21: jobs that never end: {:?}", self.reference.unfinished());
    }

    /// The server decides everything that waits.
    fn serve_all(&mut self) {
        while let Some(server) = self.servers[self.at].as_mut() {
            let late = server.late.drain(..);
            server.queue.extend(late.map(|(task, now)| Work::GiveBack(task, now)));
            if server.queue.is_empty() {
                break;
            }
            self.serve(usize::MAX, None);
        }
    }

    /// One runner executes all it can get.
    fn run(&mut self, runner: usize) {
        let mut computed: Option<(TaskId, Vec<u8>)> = None;
        loop {
            let reported = computed.take().map(|(task, input)| self.computed(task, &input));
            let ask = Some(self.ask(runner));
            let report = Report { computed: reported, ask, now: self.now };
            self.decided(&Command::Report(Box::new(report)));
            let Some((Ok(Reply::Report(ReportReply::Task(hand_out))), input)) = self.last.take() else { return };
            computed = Some((hand_out.id, input));
        }
    }

    /// Has one command decided alone, by the servers in turn.
    fn decided(&mut self, command: &Command) {
        self.at = (self.at + 1) % self.servers.len();
        self.arrives(From::Calm, command);
        self.serve(1, None);
        let waits =
            self.server().is_some_and(|server| server.queue.iter().any(|work| matches!(work, Work::Command(..))));
        assert!(!waits, "a calm world has nothing that waits");
    }

    fn end(&mut self) {
        let server = self.servers[self.at].as_ref().expect("it is up");
        self.reference.check_answers(server.reader.as_ref());
        self.reference.check_searches(server.reader.as_ref(), &mut self.random);
        self.receipts.check(server.reader.as_ref());
    }
}
