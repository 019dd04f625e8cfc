//! The writer of one server.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use boxwood_engine::{Changes, ClassKey, Command, JobKey, Need, Settings, TaskKey, Timestamp, WorkingSet, foreseen};
use futures::try_join;

use super::address::Address;
use super::catalog;
use super::flight::Ahead;
use super::keys::{self, Keys};
use super::load;
use super::ready::look_in_queues;
use super::rows::{column, number};
use super::save::{self, Then};
use super::scan;
use super::session::{Session, Talk};
use super::wanted::{Looked, Wanted};
use crate::backend::Backend;
use crate::error::Error;

/// How long a database that could not be reached is left alone.
const PAUSE: Duration = Duration::from_millis(250);

/// One server's way to the database. It keeps nothing from one batch to the next but its connections.
pub(super) struct Postgres {
    address: Arc<Address>,
    session: Option<Session>,
    keys: Keys,
    /// When the database could not be reached last, and why.
    failed: Option<(Instant, Error)>,
    transaction: Transaction,
    /// Jobs another server was at work on when they were needed: the next batch waits for them first.
    wait_for: BTreeSet<JobKey>,
}

/// What the open transaction holds.
#[derive(Default)]
struct Transaction {
    open: bool,
    jobs: HashSet<JobKey>,
    looked: Looked,
}

impl Postgres {
    pub(super) fn new(address: Arc<Address>) -> Self {
        Self {
            address,
            session: None,
            keys: Keys::default(),
            failed: None,
            transaction: Transaction::default(),
            wait_for: BTreeSet::new(),
        }
    }

    /// Connects, if there is no connection. With a transaction the locks are lost that what was read in it depends on, so
    /// within one a lost connection is an error.
    fn connect(&mut self) -> Result<(), Error> {
        match &self.session {
            Some(session) if self.transaction.open && session.is_closed() => return Err(self.lost()),
            Some(session) if self.transaction.open || !session.was_lost() => return Ok(()),
            _ => {}
        }
        if let Some((when, error)) = &self.failed
            && when.elapsed() < PAUSE
        {
            return Err(error.clone());
        }
        self.transaction = Transaction::default();
        match Session::connect(&self.address).and_then(plan_once) {
            Ok(session) => {
                if self.failed.take().is_some() {
                    tracing::info!(database = %self.address, "the database is back");
                }
                self.session = Some(session);
                Ok(())
            }
            Err(error) => {
                if self.failed.is_none() {
                    tracing::error!(%error, "the database cannot be reached; trying again");
                }
                self.session = None;
                self.failed = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }

    fn speak<T>(&self, speak: impl AsyncFnOnce(&Talk) -> Result<T, Error>) -> Result<T, Error> {
        match &self.session {
            Some(session) => session.run(speak),
            None => Err(self.lost()),
        }
    }

    fn lost(&self) -> Error {
        Error::Unavailable(format!("database {}: the connection was lost", self.address))
    }

    /// Loads what is wanted; `wait` for jobs that others hold, else leaves them. Answers the queues in which there are only
    /// jobs that others hold.
    fn gather(&mut self, set: &mut WorkingSet, wanted: Wanted, wait: bool) -> Result<BTreeSet<ClassKey>, Error> {
        let (jobs, tasks) = (wanted.job_keys, wanted.task_keys);
        if let Some(session) = self.session.as_mut().filter(|_| jobs + tasks > 0) {
            session.open_beside(&self.address, keys::SETTINGS)?;
        }
        let session = self.session.as_ref().ok_or_else(|| self.lost())?;
        let (transaction, wait_for) = (&mut self.transaction, &mut self.wait_for);
        let unused = Keys::unused(set);
        let (taken, busy) = session.run(async |talk| {
            let take_keys = async {
                match session.beside() {
                    Some(talk) if jobs + tasks > 0 => Keys::take(talk, jobs, tasks, &unused).await.map(Some),
                    _ => Ok(None),
                }
            };
            try_join!(take_keys, load(talk, set, wanted, wait, transaction, wait_for))
        })?;
        if let Some(taken) = taken {
            if jobs > 0 {
                self.keys.jobs = taken.jobs;
                set.load_job_keys(self.keys.jobs.clone());
            }
            if tasks > 0 {
                self.keys.tasks = taken.tasks;
                set.load_task_keys(self.keys.tasks.clone());
            }
        }
        Ok(busy)
    }
}

/// Every statement of a writer but one looks rows up by keys it is told, which an index finds: plans are made once, not for the
/// numbers of an execution or the size a table happened to have. The one looks for lapsed leases in a small table.
fn plan_once(session: Session) -> Result<Session, Error> {
    let sql = "SELECT set_config(asked.name, asked.value, false)
         FROM (VALUES ('plan_cache_mode', 'force_generic_plan'), ('enable_seqscan', 'off'), ('enable_hashjoin', 'off'),
             ('enable_mergejoin', 'off')) AS asked (name, value)
         WHERE EXISTS (SELECT FROM pg_settings s WHERE s.name = asked.name)";
    session.run(async |talk| talk.batch(sql).await)?;
    Ok(session)
}

/// Loads all that is wanted but keys, beginning the transaction if that is not done. Answers as [`Postgres::gather`].
async fn load(
    talk: &Talk,
    set: &mut WorkingSet,
    mut wanted: Wanted,
    wait: bool,
    transaction: &mut Transaction,
    wait_for: &mut BTreeSet<JobKey>,
) -> Result<BTreeSet<ClassKey>, Error> {
    let mut busy = BTreeSet::new();
    let begin = !std::mem::replace(&mut transaction.open, true);
    let mut ahead = Ahead::new(talk, begin, begin || set.catalog_version().is_none()).await?;
    wanted.lock_submissions(talk, set, &mut ahead).await?;
    wanted.resolve(talk, set, &mut transaction.looked, &mut ahead).await?;
    if wait {
        wanted.jobs.append(wait_for);
    }
    let locked = load::jobs_and_rows(talk, set, &wanted, wait, &mut ahead).await?;
    transaction.jobs.extend(locked);
    wait_for.extend(wanted.jobs.iter().filter(|job| !wait && !set.has(Need::Job(**job))));
    if wanted.catalog {
        ahead.alone(talk, set).await?;
        catalog::hold(talk, set).await?;
    }
    if !wanted.queues.is_empty() {
        let held: Vec<i64> = transaction.jobs.iter().map(|job| column(job.0)).collect();
        let found = look_in_queues(talk, set, &wanted.queues, &held, transaction.looked.along(), &mut ahead).await?;
        transaction.jobs.extend(found.jobs);
        wait_for.extend(found.busy.values());
        busy.extend(found.busy.keys());
    }
    ahead.alone(talk, set).await?;
    scan::scans(talk, set, &wanted).await?;
    Ok(busy)
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Some(session) = &self.session {
            self.keys.give_back(session);
        }
    }
}

impl Backend for Postgres {
    fn open_set(&mut self, settings: Settings) -> Result<WorkingSet, Error> {
        self.connect()?;
        let mut set = WorkingSet::shared(settings, [], []);
        set.load_job_keys(self.keys.jobs.clone());
        set.load_task_keys(self.keys.tasks.clone());
        Ok(set)
    }

    fn load(&mut self, set: &mut WorkingSet, need: Need) -> Result<(), Error> {
        match self.load_all(set, &[need])?.first() {
            None => Ok(()),
            Some(need) => Err(Error::Conflict(format!("another server is at work on {need:?}"))),
        }
    }

    fn save(&mut self, changes: &Changes<'_>) -> Result<(), Error> {
        if changes.is_empty() {
            return Ok(());
        }
        self.keys.used(changes);
        self.speak(async |talk| save::changes(talk, changes, Then::GoOn).await)?;
        Ok(())
    }

    fn inputs(&mut self, tasks: &[TaskKey]) -> Result<Vec<Vec<u8>>, Error> {
        self.connect()?;
        let found = self.speak(async |talk| save::inputs(talk, tasks).await)?;
        in_order(tasks, found)
    }

    fn expired(&mut self, now: Timestamp, limit: usize) -> Result<Vec<TaskKey>, Error> {
        self.connect()?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.speak(async |talk| {
            let sql = "SELECT key FROM running WHERE lease_until <= $1 LIMIT $2";
            talk.query(sql, &[&now.0, &limit]).await?.iter().map(|row| Ok(TaskKey(number(row, 0)?))).collect()
        })
    }

    fn commit(&mut self) -> Result<(), Error> {
        if std::mem::take(&mut self.transaction).open {
            self.speak(async |talk| talk.batch("COMMIT").await)?;
        }
        Ok(())
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn begin(&mut self, set: &mut WorkingSet, commands: &[&Command]) -> Result<(), Error> {
        self.connect()?;
        let mut wanted = Wanted::default();
        for command in commands {
            if let Command::SubmitJob(new) = command {
                wanted.submissions.insert(submission_lock(new.fingerprint));
            }
            let foreseen = foreseen(set, command);
            for need in foreseen.needs {
                if let Need::TaskById(id) = need {
                    wanted.add_beside(id, foreseen.classes.clone());
                }
                wanted.add(need);
            }
        }
        self.gather(set, wanted, true).map(drop)
    }

    fn load_all(&mut self, set: &mut WorkingSet, needs: &[Need]) -> Result<Vec<Need>, Error> {
        self.connect()?;
        let mut wanted = Wanted::default();
        needs.iter().for_each(|need| wanted.add(*need));
        let busy = self.gather(set, wanted, false)?;
        if self.wait_for.is_empty() {
            return Ok(Vec::new());
        }
        // The set seems to know a queue as soon as it knows a job of it, but the step that asked has seen that one.
        let is_busy = |need: &Need| matches!(need, Need::Queue(class) if busy.contains(class));
        Ok(needs.iter().copied().filter(|need| is_busy(need) || !set.has(*need)).collect())
    }

    fn finish(&mut self, changes: &Changes<'_>, inputs_of: &[TaskKey]) -> Result<Vec<Vec<u8>>, Error> {
        self.keys.used(changes);
        let found = self.speak(async |talk| save::changes(talk, changes, Then::Commit(inputs_of)).await)?;
        self.transaction = Transaction::default();
        in_order(inputs_of, found)
    }

    fn abandon(&mut self, error: &Error) {
        let open = std::mem::take(&mut self.transaction).open;
        let kept =
            matches!(error, Error::Conflict(_)) && self.session.as_ref().is_some_and(|session| !session.is_closed());
        // After a loss, or an answer that did not come, the state of the connection is not known.
        if !kept || (open && self.speak(async |talk| talk.batch("ROLLBACK").await).is_err()) {
            self.session = None;
        }
    }
}

/// The lock of a submission and its repetitions: half of the digest that they have in common.
fn submission_lock(fingerprint: u128) -> i64 {
    u64::try_from(fingerprint & u128::from(u64::MAX)).expect("half of it").cast_signed()
}

fn in_order(tasks: &[TaskKey], found: Vec<(TaskKey, Vec<u8>)>) -> Result<Vec<Vec<u8>>, Error> {
    // A task may be asked for twice: a repeated report gets the same one again.
    let of: HashMap<TaskKey, Vec<u8>> = found.into_iter().collect();
    let missing = |task: &TaskKey| Error::Corrupt(format!("the input of task {} is missing", task.0));
    tasks.iter().map(|task| of.get(task).cloned().ok_or_else(|| missing(task))).collect()
}
