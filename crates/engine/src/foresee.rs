//! What a command will certainly ask for, so that a store can load it for many commands at once.

use crate::claim::Ask;
use crate::command::Command;
use crate::id::ClassKey;
use crate::working_set::{Need, WorkingSet};

/// What a command will ask for first. A hint, never a rule: what is missing is a need of its step.
#[derive(Clone, Debug, Default)]
pub struct Foreseen {
    /// Rows, keys and rights.
    pub needs: Vec<Need>,
    /// Classes of which ready tasks will be looked for, first in the job of a reported task.
    pub classes: Vec<ClassKey>,
}

/// What `command` will ask for first.
#[must_use]
pub fn foreseen(set: &WorkingSet, command: &Command) -> Foreseen {
    let mut needs = Vec::new();
    let mut classes = Vec::new();
    match command {
        Command::SubmitJob(job) => needs.extend([Need::JobKey, Need::TaskKeys(job.tasks.tasks())]),
        Command::Report(report) => {
            if let Some(computed) = &report.computed {
                needs.push(Need::TaskById(computed.task));
                if let Some(sub_tasks) = &computed.sub_tasks {
                    needs.push(Need::TaskKeys(sub_tasks.tasks()));
                }
            }
            if let Some(ask) = &report.ask {
                classes = compatible(set, ask);
                if report.computed.is_none() {
                    needs.extend(classes.iter().map(|class| Need::Queue(*class)));
                }
            }
        }
        Command::FailTask(failed) => needs.push(Need::TaskById(failed.task)),
        Command::ExtendLease { task, .. } => needs.push(Need::TaskById(*task)),
        Command::ExpireLease { task, .. } => needs.push(Need::Task(*task)),
        Command::ReturnHandOut { taken, .. } => needs.push(Need::Task(taken.task)),
        Command::RetryJob { job } | Command::CancelJob { job } => needs.push(Need::JobById(*job)),
        Command::CreateCluster(_) | Command::UpdateCluster { .. } | Command::DeleteCluster { .. } => {
            needs.push(Need::Catalog);
        }
    }
    Foreseen { needs, classes }
}

fn compatible(set: &WorkingSet, ask: &Ask) -> Vec<ClassKey> {
    set.classes().compatible(&ask.cluster, &ask.identifiers)
}
