//! Deciding one command.

use crate::command::{Command, Refusal, RefusalKind, Reply};
use crate::working_set::{Need, WorkingSet};
use crate::{cancel, cluster, fail, lease, report, retry, submit};

/// Why a step stopped. Nothing has changed then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Rows are missing: load them and step again.
    Need(Need),
    /// The command is refused.
    Refused(Refusal),
}

impl From<Need> for Stop {
    fn from(need: Need) -> Self {
        Self::Need(need)
    }
}

impl Stop {
    pub(crate) fn not_found(message: String) -> Self {
        Self::Refused(Refusal { kind: RefusalKind::NotFound, message })
    }

    pub(crate) fn invalid(message: String) -> Self {
        Self::Refused(Refusal { kind: RefusalKind::Invalid, message })
    }

    pub(crate) fn already_exists(message: String) -> Self {
        Self::Refused(Refusal { kind: RefusalKind::AlreadyExists, message })
    }
}

/// Decides one command. The same rows and the same command always give the same answer.
///
/// `Ok(Ok(reply))`: done, the changes are in the set. `Ok(Err(refusal))`: refused, nothing changed. `Err(need)`: rows are
/// missing, nothing changed; load them with the set's `load_…` methods (or say [`WorkingSet::not_found`]) and call again
/// with the same command.
///
/// # Errors
/// The rows that are missing.
pub fn step(set: &mut WorkingSet, command: &Command) -> Result<Result<Reply, Refusal>, Need> {
    set.begin();
    match decide(set, command) {
        Ok(reply) => {
            set.end();
            Ok(Ok(reply))
        }
        Err(Stop::Refused(refusal)) => {
            set.rollback();
            set.end();
            Ok(Err(refusal))
        }
        Err(Stop::Need(need)) => {
            set.rollback();
            Err(need)
        }
    }
}

fn decide(set: &mut WorkingSet, command: &Command) -> Result<Reply, Stop> {
    match command {
        Command::SubmitJob(job) => submit::job(set, job),
        Command::Report(report) => report::next_task(set, report),
        Command::FailTask(failed) => fail::reported(set, failed),
        Command::ExtendLease { task, requested, now } => lease::extend(set, *task, *requested, *now),
        Command::ExpireLease { task, now } => lease::expire(set, *task, *now),
        Command::ReturnHandOut { taken, now } => lease::give_back(set, *taken, *now),
        Command::RetryJob { job } => retry::job(set, *job),
        Command::CancelJob { job } => cancel::job(set, *job),
        Command::CreateCluster(new) => cluster::create(set, new.clone()),
        Command::UpdateCluster { slug, display_name, description } => {
            cluster::update(set, slug, display_name.clone(), description.clone())
        }
        Command::DeleteCluster { slug } => cluster::delete(set, slug),
    }
}
