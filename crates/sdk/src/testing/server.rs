//! What a server does, without a server: decides commands, keeps the time, makes ids.

use std::sync::Arc;
use std::time::Duration;

use boxwood_engine::{
    Command, Job, JobId, JobStatus, Lease, NewCluster, NewJob, Refusal, RefusalKind, Reply, Settings, Submission,
    TaskId, TaskKey, TaskState, Timestamp, is_slug, uuid_v7,
};
use boxwood_store::{JobGraph, JobView, Reader, Vault, memory};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::{Code, Error};

/// The slug of the default cluster.
pub(super) const CLUSTER_DEFAULT: &str = "default";

/// The first of January 2026, in microseconds.
const BEGINNING: Timestamp = Timestamp(1_767_225_600_000_000);

/// What happens takes this long at most, in milliseconds: far less than a lease.
const EVENT_MS_MAX: u64 = 100;

/// Lease expiries acted on at once at most.
const EXPIRED_MAX: usize = 1000;

const WORKS: &str = "a database in memory can be read and written";

/// The rules on a database in memory.
pub(super) struct Server {
    vault: Vault,
    reader: Arc<dyn Reader>,
    random: StdRng,
    now: Timestamp,
}

/// What a command came to.
pub(super) struct Decided {
    pub(super) reply: Reply,
    /// The tasks that changed, as they are now.
    pub(super) changed: Vec<Changed>,
}

pub(super) struct Changed {
    pub(super) task: TaskKey,
    pub(super) state: TaskState,
    /// Its display, if that changed too.
    pub(super) display: Option<String>,
}

impl Server {
    /// A server with the default cluster and no job. The seed decides how long things take, and all ids.
    pub(super) fn new(seed: u64) -> Self {
        let database = memory::Database::new();
        let mut server = Self {
            vault: Vault::open(database.backend(), Settings::default()).expect(WORKS),
            reader: database.reader(),
            random: StdRng::seed_from_u64(seed),
            now: BEGINNING,
        };
        server.create_cluster(CLUSTER_DEFAULT, false).expect("there is no cluster yet");
        server
    }

    /// Adds a cluster.
    pub(super) fn add_cluster(&mut self, slug: &str) -> Result<(), Error> {
        if slug.is_empty() || !is_slug(slug) {
            return Err(Error::setting("cluster", format!("{slug:?} is not 1 to 100 letters, digits and hyphens")));
        }
        if self.vault.set().all_clusters().any(|cluster| &*cluster.slug == slug) {
            return Ok(());
        }
        self.create_cluster(slug, true).map_err(|refusal| refused("create cluster", refusal))
    }

    fn create_cluster(&mut self, slug: &str, deletable: bool) -> Result<(), Refusal> {
        let new = NewCluster {
            slug: slug.to_owned(),
            display_name: slug.to_owned(),
            description: String::new(),
            deletable,
            now: self.now,
        };
        self.decide(&Command::CreateCluster(new)).map(drop)
    }

    /// Submits a job.
    pub(super) fn submit(&mut self, name: &str, tasks: Submission) -> Result<(Arc<Job>, JobStatus), Error> {
        let now = self.now.whole_milliseconds();
        let (trace, span) = (self.random.random::<u128>() | 1, self.random.random::<u64>() | 1);
        let new = NewJob {
            id: JobId::from_u128(uuid_v7(now, self.random.random())).expect("the version bits are not zero"),
            first_task: self.first_task(),
            name: name.to_owned(),
            trace_parent: format!("00-{trace:032x}-{span:016x}-01"),
            automation: None,
            tasks,
            fingerprint: self.random.random(),
            repeated: false,
            now,
        };
        match self.decide(&Command::SubmitJob(new)).map(|decided| decided.reply) {
            Ok(Reply::Job(job, status)) => Ok((job, status)),
            Ok(other) => unreachable!("a submission is not answered with {other:?}"),
            Err(refusal) => Err(refused("submit job", refusal)),
        }
    }

    /// Has a command decided, and keeps what it changed.
    pub(super) fn decide(&mut self, command: &Command) -> Result<Decided, Refusal> {
        let reply = self.vault.decide(command).expect(WORKS)?;
        let changes = self.vault.set().changes();
        let changed = changes.tasks.iter().map(|task| Changed {
            task: task.key,
            state: task.state,
            display: changes.displays.iter().find(|(key, _)| *key == task.key).map(|(_, text)| (*text).to_owned()),
        });
        let changed = changed.collect();
        self.vault.commit().expect(WORKS);
        Ok(Decided { reply, changed })
    }

    /// Asks for a longer lease.
    pub(super) fn extend_lease(&mut self, task: TaskId, requested: Duration) -> Option<Lease> {
        let command = Command::ExtendLease { task, requested, now: self.now };
        match self.decide(&command).map(|decided| decided.reply) {
            Ok(Reply::Lease(lease)) => lease,
            other => unreachable!("an extension is never answered with {:?}", other.err()),
        }
    }

    /// Ends the leases that have run out (S-40).
    pub(super) fn expire_leases(&mut self) -> Vec<Changed> {
        let mut changed = Vec::new();
        for task in self.vault.expired(self.now, EXPIRED_MAX).expect(WORKS) {
            let expired = self.decide(&Command::ExpireLease { task, now: self.now }).expect("it is never refused");
            changed.extend(expired.changed.into_iter().filter(|changed| changed.task == task));
        }
        changed
    }

    /// The input of a task.
    pub(super) fn input(&mut self, task: TaskKey) -> Vec<u8> {
        self.vault.inputs(&[task]).expect(WORKS).pop().expect("one input for each task")
    }

    /// A job.
    pub(super) fn job(&self, job: JobId) -> JobView {
        self.reader.job(job).expect(WORKS).expect("the job was submitted")
    }

    /// A job with all its tasks.
    pub(super) fn graph(&self, job: JobId) -> JobGraph {
        self.reader.graph(job, usize::MAX).expect(WORKS).expect("the job was submitted")
    }

    /// The present.
    pub(super) fn now(&self) -> Timestamp {
        self.now
    }

    /// Lets time pass until then, in which nothing happens.
    pub(super) fn wait_until(&mut self, then: Timestamp) {
        self.now = self.now.max(then);
    }

    /// When the next thing happens.
    pub(super) fn soon(&mut self) -> Timestamp {
        self.now.plus(Duration::from_millis(self.random.random_range(1..=EVENT_MS_MAX)))
    }

    /// One of so many, which are not none.
    pub(super) fn one_of(&mut self, count: usize) -> usize {
        self.random.random_range(0..count)
    }

    /// An id for the first task of a submission; the others count up from it (N-9).
    pub(super) fn first_task(&mut self) -> TaskId {
        let random: u128 = self.random.random();
        // Without its highest bit the random part has room to count up in.
        TaskId::from_u128(uuid_v7(self.now, random) & !(1 << 61)).expect("the version bits are not zero")
    }
}

/// A refusal as a client is told of it.
pub(super) fn refused(call: &'static str, refusal: Refusal) -> Error {
    let code = match refusal.kind {
        RefusalKind::NotFound => Code::NotFound,
        RefusalKind::Invalid => Code::InvalidArgument,
        RefusalKind::AlreadyExists => Code::AlreadyExists,
    };
    Error::Refused { call, code, message: refusal.message }
}
