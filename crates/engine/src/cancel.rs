//! Canceling a job (J-70 to J-75).

use crate::command::Reply;
use crate::id::JobId;
use crate::job::JobState;
use crate::step::Stop;
use crate::working_set::WorkingSet;

/// Stops handing out tasks of a job; running ones finish (J-71, J-72). A job that is over stays as it is (J-75).
pub(crate) fn job(set: &mut WorkingSet, id: JobId) -> Result<Reply, Stop> {
    let key = set.job_by_id(id)?;
    match set.status(key)?.state() {
        JobState::Completed | JobState::Failed | JobState::Canceled => {}
        JobState::Submitted | JobState::Running | JobState::Started => set.status_mut(key)?.canceled = true,
    }
    Ok(Reply::Done)
}
