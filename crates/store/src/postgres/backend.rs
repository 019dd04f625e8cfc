//! The writer of one server.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use boxwood_engine::{Changes, ClassKey, Command, JobKey, Need, Settings, TaskKey, Timestamp, WorkingSet, foreseen};

use super::address::Address;
use super::catalog;
use super::load::{self, Wanted};
use super::rows::{column, number};
use super::save::{self, Then};
use super::session::{Session, Talk};
use crate::backend::Backend;
use crate::error::Error;

/// How long a database that could not be reached is left alone.
const PAUSE: Duration = Duration::from_millis(250);

/// Jobs of a queue looked at in one go: one first, then four times as many each time, up to this.
const QUEUED_JOBS_MAX: i64 = 64;

/// One server's way to the database. It keeps nothing from one batch to the next but its connections.
pub(super) struct Postgres {
    address: Arc<Address>,
    session: Option<Session>,
    /// Takes keys, in transactions of its own that no batch waits for.
    keys: Option<Session>,
    /// Keys that were taken and that no saved row has.
    job_keys: Range<u64>,
    task_keys: Range<u64>,
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
    queued_jobs: i64,
}

impl Postgres {
    pub(super) fn new(address: Arc<Address>) -> Self {
        Self {
            address,
            session: None,
            keys: None,
            job_keys: 0..0,
            task_keys: 0..0,
            failed: None,
            transaction: Transaction::default(),
            wait_for: BTreeSet::new(),
        }
    }

    /// Connects, if there is no connection.
    fn connect(&mut self) -> Result<(), Error> {
        if self.session.as_ref().is_some_and(|session| !session.is_closed()) {
            return Ok(());
        }
        if let Some((when, error)) = &self.failed
            && when.elapsed() < PAUSE
        {
            return Err(error.clone());
        }
        self.transaction = Transaction::default();
        match Session::connect(&self.address) {
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

    /// Keys that nobody has. They are taken for good, whatever becomes of the batch; the transaction is not waited for on
    /// disk, because what uses the keys is written to the log after it.
    fn take_keys(&mut self, set: &mut WorkingSet, jobs: u64, tasks: u64) -> Result<(), Error> {
        if jobs == 0 && tasks == 0 {
            return Ok(());
        }
        if self.keys.as_ref().is_none_or(Session::is_closed) {
            let session = Session::connect(&self.address)?;
            session.run(async |talk| talk.batch("SET synchronous_commit = off").await)?;
            self.keys = Some(session);
        }
        let session = self.keys.as_ref().expect("connected above");
        let (job, task) = set.unused_keys();
        let left = |wanted: u64, unused: Range<u64>| if wanted > 0 { unused } else { 0..0 };
        let (job, task) = (left(jobs, job), left(tasks, task));
        let unused = [job.start, job.end, task.start, task.end].map(column);
        let taken = session.run(async |talk| {
            // What is left of the keys taken before goes back first, if nobody has taken any since.
            let sql = "UPDATE next_keys SET job = CASE WHEN job = $4 THEN $3 ELSE job END + $1,
                     task = CASE WHEN task = $6 THEN $5 ELSE task END + $2
                 RETURNING job, task";
            let [job, job_end, task, task_end] = &unused;
            let row = talk.query(sql, &[&column(jobs), &column(tasks), job, job_end, task, task_end]).await?;
            let row = row.first().ok_or_else(|| Error::Corrupt("the table next_keys is empty".into()))?;
            Ok((number(row, 0)?, number(row, 1)?))
        });
        let (job, task) = match taken {
            Ok(taken) => taken,
            Err(error) => {
                self.keys = None;
                return Err(error);
            }
        };
        if jobs > 0 {
            self.job_keys = job - jobs..job;
            set.load_job_keys(self.job_keys.clone());
        }
        if tasks > 0 {
            self.task_keys = task - tasks..task;
            set.load_task_keys(self.task_keys.clone());
        }
        Ok(())
    }

    /// Notes which keys rows have now.
    fn use_keys(&mut self, changes: &Changes<'_>) {
        for job in changes.jobs {
            self.job_keys.start = self.job_keys.start.max(job.key.0 + 1);
        }
        for new in changes.groups {
            self.task_keys.start = self.task_keys.start.max(new.group.end());
        }
    }

    fn speak<T>(&self, speak: impl AsyncFnOnce(&Talk) -> Result<T, Error>) -> Result<T, Error> {
        match &self.session {
            Some(session) => session.run(speak),
            None => Err(Error::Unavailable(format!("database {}: the connection was lost", self.address))),
        }
    }

    /// Loads what is wanted; `wait` for jobs that others hold, else leaves them. Answers the queues in which there are only
    /// jobs that others hold.
    fn gather(
        &mut self,
        set: &mut WorkingSet,
        mut wanted: Wanted,
        asked: &HashMap<Need, Vec<ClassKey>>,
        wait: bool,
    ) -> Result<BTreeSet<ClassKey>, Error> {
        self.take_keys(set, wanted.job_keys, wanted.task_keys)?;
        let mut transaction = std::mem::take(&mut self.transaction);
        let mut wait_for = std::mem::take(&mut self.wait_for);
        let mut busy = BTreeSet::new();
        let done = self.speak(async |talk| {
            if !transaction.open {
                talk.batch("BEGIN").await?;
                transaction.open = true;
                transaction.queued_jobs = 1;
                catalog::load(talk, set, false).await?;
            } else if set.catalog_version().is_none() {
                catalog::load(talk, set, false).await?;
            }
            load::resolve(talk, set, &mut wanted).await?;
            if wait {
                wanted.jobs.append(&mut wait_for);
            }
            // What is locked already may have left the set; locking it again costs nothing.
            wanted.jobs.retain(|job| !set.has(Need::Job(*job)));
            if !wanted.jobs.is_empty() {
                let locked = load::lock(talk, set, &wanted.jobs, wait).await?;
                for job in &locked {
                    wanted.jobs.remove(job);
                }
                transaction.jobs.extend(locked);
                wait_for.extend(&wanted.jobs);
            }
            if wanted.catalog {
                catalog::load(talk, set, true).await?;
            }
            for class in wanted.take_queues() {
                match look_in_queue(talk, set, class, &mut transaction).await? {
                    Looked::Found(jobs) => jobs.into_iter().for_each(|job| wanted.add(Need::Ready(job, class))),
                    Looked::OnlyBusy(oldest) => {
                        busy.insert(class);
                        wait_for.insert(oldest);
                    }
                }
            }
            for (need, classes) in asked {
                let Need::TaskById(id) = need else { continue };
                let Some(job) = set.task_with_id(*id).and_then(|task| set.group_with_task(task)).map(|group| group.job)
                else {
                    continue;
                };
                let of_job = set.classes_of(job);
                for class in classes.iter().filter(|class| of_job.binary_search(class).is_ok()) {
                    wanted.add(Need::Ready(job, *class));
                }
            }
            load::rows_of(talk, set, &wanted).await
        });
        self.transaction = transaction;
        self.wait_for = wait_for;
        done.map(|()| busy)
    }
}

/// What there is in a queue beyond what is known.
enum Looked {
    /// Jobs that are locked now; with none, there are none.
    Found(Vec<JobKey>),
    /// Only jobs that others hold; the oldest of them.
    OnlyBusy(JobKey),
}

/// Looks for more jobs of a queue: those nobody else holds are locked. If there are only others, the next batch is to wait
/// for the oldest of them.
async fn look_in_queue(
    talk: &Talk,
    set: &mut WorkingSet,
    class: ClassKey,
    transaction: &mut Transaction,
) -> Result<Looked, Error> {
    let limit = transaction.queued_jobs;
    transaction.queued_jobs = (limit * 4).min(QUEUED_JOBS_MAX);
    let jobs = load::queued(talk, set, class, set.queue_known_until(class), limit).await?;
    transaction.jobs.extend(&jobs);
    let mut known_until = jobs.iter().max().map_or(0, |job| job.0 + 1);
    if (jobs.len() as i64) < limit {
        let held: Vec<i64> = transaction.jobs.iter().map(|job| column(job.0)).collect();
        match load::queued_elsewhere(talk, class, &held).await? {
            None => known_until = u64::MAX,
            Some(job) if jobs.is_empty() => return Ok(Looked::OnlyBusy(job)),
            Some(_) => {}
        }
    }
    set.load_queue_part(class, jobs.iter().copied(), known_until);
    Ok(Looked::Found(jobs))
}

/// Keys that were not used go back, if nobody has taken any since: then jobs and tasks are numbered without gaps.
impl Drop for Postgres {
    fn drop(&mut self) {
        let Some(session) = self.keys.as_ref().filter(|_| !(self.job_keys.is_empty() && self.task_keys.is_empty()))
        else {
            return;
        };
        let unused = [self.job_keys.start, self.job_keys.end, self.task_keys.start, self.task_keys.end].map(column);
        let [job, job_end, task, task_end] = &unused;
        // A gap is no harm.
        let _ = session.run(async |talk| {
            let sql = "UPDATE next_keys SET job = CASE WHEN job = $2 THEN $1 ELSE job END,
                     task = CASE WHEN task = $4 THEN $3 ELSE task END";
            talk.execute(sql, &[job, job_end, task, task_end]).await
        });
    }
}

impl Backend for Postgres {
    fn open_set(&mut self, settings: Settings) -> Result<WorkingSet, Error> {
        self.connect()?;
        let mut set = WorkingSet::shared(settings, [], []);
        set.load_job_keys(self.job_keys.clone());
        set.load_task_keys(self.task_keys.clone());
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
        self.speak(async |talk| save::changes(talk, changes, Then::GoOn).await)?;
        self.use_keys(changes);
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
        let mut asked: HashMap<Need, Vec<ClassKey>> = HashMap::new();
        for command in commands {
            let foreseen = foreseen(set, command);
            for need in foreseen.needs {
                if matches!(need, Need::TaskById(_)) {
                    asked.entry(need).or_default().extend(&foreseen.classes);
                }
                wanted.add(need);
            }
        }
        self.gather(set, wanted, &asked, true).map(drop)
    }

    fn load_all(&mut self, set: &mut WorkingSet, needs: &[Need]) -> Result<Vec<Need>, Error> {
        self.connect()?;
        let mut wanted = Wanted::default();
        needs.iter().for_each(|need| wanted.add(*need));
        let busy = self.gather(set, wanted, &HashMap::new(), false)?;
        if self.wait_for.is_empty() {
            return Ok(Vec::new());
        }
        // The set seems to know a queue as soon as it knows a job of it, but the step that asked has seen that one.
        let is_busy = |need: &Need| matches!(need, Need::Queue(class) if busy.contains(class));
        Ok(needs.iter().copied().filter(|need| is_busy(need) || !set.has(*need)).collect())
    }

    fn finish(&mut self, changes: &Changes<'_>, inputs_of: &[TaskKey]) -> Result<Vec<Vec<u8>>, Error> {
        let found = self.speak(async |talk| save::changes(talk, changes, Then::Commit(inputs_of)).await)?;
        self.transaction = Transaction::default();
        self.use_keys(changes);
        in_order(inputs_of, found)
    }

    fn abandon(&mut self, error: &Error) {
        let open = std::mem::take(&mut self.transaction).open;
        let kept =
            matches!(error, Error::Conflict(_)) && self.session.as_ref().is_some_and(|session| !session.is_closed());
        // After a loss, or an answer that did not come, the state of the connection is not known. What ended it has most
        // likely ended the other one too, which would fail the next batch.
        if !kept || (open && self.speak(async |talk| talk.batch("ROLLBACK").await).is_err()) {
            self.session = None;
            self.keys = None;
        }
    }
}

fn in_order(tasks: &[TaskKey], found: Vec<(TaskKey, Vec<u8>)>) -> Result<Vec<Vec<u8>>, Error> {
    // A task may be asked for twice: a repeated report gets the same one again.
    let of: HashMap<TaskKey, Vec<u8>> = found.into_iter().collect();
    let missing = |task: &TaskKey| Error::Corrupt(format!("the input of task {} is missing", task.0));
    tasks.iter().map(|task| of.get(task).cloned().ok_or_else(|| missing(task))).collect()
}
