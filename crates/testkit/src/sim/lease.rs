//! Who holds which lease, from the commands and replies alone.

use std::collections::BTreeMap;

use boxwood_engine::{Command, Reply, ReportReply, TaskId, TaskKey, Timestamp};

/// The last hand-out of every task.
#[derive(Clone, Debug, Default)]
pub(super) struct Leases {
    held: BTreeMap<TaskId, Held>,
    ids: BTreeMap<TaskKey, TaskId>,
}

#[derive(Clone, Copy, Debug)]
struct Held {
    hand_out: u32,
    until: Timestamp,
    ended: bool,
    /// Given in answer to more than one call: giving it back for one of them does not end it.
    again: bool,
}

impl Leases {
    /// Looks at a command and its reply, in the order in which they were decided.
    ///
    /// # Panics
    /// If two leases on a task are valid at once.
    pub(super) fn check(&mut self, command: &Command, reply: &Reply) {
        match (command, reply) {
            (Command::Report(report), Reply::Report(answer)) => {
                if let Some(computed) = &report.computed {
                    self.end(computed.task);
                }
                if let ReportReply::Task(hand_out) = answer {
                    self.ids.insert(hand_out.taken.task, hand_out.id);
                    let before = self.held.get(&hand_out.id).copied();
                    let new = Held {
                        hand_out: hand_out.taken.hand_out,
                        until: report.now.plus(hand_out.lease.length),
                        ended: false,
                        again: before.is_some_and(|before| before.hand_out == hand_out.taken.hand_out),
                    };
                    self.held.insert(hand_out.id, new);
                    let valid = before.filter(|before| !before.ended && before.hand_out != new.hand_out);
                    if let Some(before) = valid.filter(|before| before.until > report.now) {
                        panic!(
                            "R-9: task {} is handed out while somebody has it until {:?}",
                            hand_out.id, before.until
                        );
                    }
                }
            }
            (Command::FailTask(failed), Reply::TaskState(_)) => self.end(failed.task),
            (Command::ExtendLease { task, now, .. }, Reply::Lease(Some(lease))) => {
                if let Some(held) = self.held.get_mut(task) {
                    held.until = now.plus(lease.length);
                }
            }
            (Command::ReturnHandOut { taken, .. }, _) => {
                if let Some(id) = self.ids.get(&taken.task).copied()
                    && self.held.get(&id).is_some_and(|held| held.hand_out == taken.hand_out && !held.again)
                {
                    self.end(id);
                }
            }
            _ => {}
        }
    }

    /// A command took effect, and nobody saw the reply: what is known of its task's lease may not be true any more.
    pub(super) fn unseen(&mut self, command: &Command) {
        match command {
            Command::Report(report) => report.computed.iter().for_each(|computed| self.end(computed.task)),
            Command::FailTask(failed) => self.end(failed.task),
            Command::ExtendLease { task, .. } => self.end(*task),
            Command::ReturnHandOut { taken, .. } => {
                if let Some(id) = self.ids.get(&taken.task).copied() {
                    self.end(id);
                }
            }
            _ => {}
        }
    }

    /// A report of a running task ends its execution, whoever sends it.
    fn end(&mut self, task: TaskId) {
        if let Some(held) = self.held.get_mut(&task) {
            held.ended = true;
        }
    }

    /// The server acted on the lease of one task, if it had ended.
    pub(super) fn expire_one(&mut self, task: TaskKey, now: Timestamp) {
        let held = self.ids.get(&task).and_then(|id| self.held.get_mut(id));
        if let Some(held) = held.filter(|held| held.until <= now) {
            held.ended = true;
        }
    }

    /// The server acted on leases that had ended.
    pub(super) fn expire(&mut self, now: Timestamp) {
        for held in self.held.values_mut().filter(|held| held.until <= now) {
            held.ended = true;
        }
    }
}
