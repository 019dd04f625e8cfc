//! Several servers at work at the same time on one PostgreSQL, with a crowd of runners and users: what can only go wrong
//! where transactions meet. Chance decides what meets what, so no two runs are alike.
//!
//! Every commit has a place in an order: it takes a number while it holds all its locks. Afterwards the reference model
//! lives through all of them in that order. Every reply has to be one that it allows, and in the end the database has to
//! answer every question as the model does: nothing is lost, nothing is applied twice, and every counter and statistic is
//! what follows from the tasks. What one server cannot know of work that another is at does the model not know either:
//! which job a task is stolen from, and whether there is any.

mod client;
mod lane;
mod replay;

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use boxwood_engine::{Command, JobId, JobState, NewCluster, Settings, Timestamp};
use boxwood_store::JobQuery;
use boxwood_store::writer::Work;

use crate::catalog::Catalog;
use crate::postgres::Shared;
use crate::random::Random;
use crate::trees::Trees;
use client::Waiter;
use lane::Commit;

/// How large a crowd is.
#[derive(Clone, Copy, Debug)]
pub struct Crowd {
    /// Servers.
    pub servers: usize,
    /// Runners, each with a thread of its own.
    pub runners: usize,
    /// Users who submit jobs, one after another.
    pub users: usize,
    /// Jobs of each user.
    pub jobs: usize,
    /// What decides about trees of tasks and about faults, but not about what meets what.
    pub seed: u64,
}

/// What came of a run.
#[derive(Clone, Copy, Debug)]
pub struct Result {
    /// Commits with something in them.
    pub commits: usize,
    /// Commands decided.
    pub commands: usize,
    /// How often a command had to wait for the next batch because another server was at work.
    pub postponed: u64,
    /// How often a server ended and started again, or lost its database.
    pub faults: u64,
}

/// Attempts to bring all jobs to their end once the world is calm.
const ROUNDS_MAX: usize = 3_000;

/// How long somebody who waits for work waits before looking again.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Commits between two things that the world itself does.
const COMMITS_BETWEEN: u64 = 15;

/// Everything that the threads share.
struct World {
    settings: Settings,
    catalog: Catalog,
    lanes: Vec<mpsc::Sender<Work<Waiter, ()>>>,
    /// Microseconds.
    clock: AtomicI64,
    ids: AtomicU64,
    commits: Mutex<Vec<Commit>>,
    /// How many commits there are, for those who wait for the next.
    progress: (Mutex<u64>, Condvar),
    jobs: Mutex<Vec<JobId>>,
    postponed: AtomicU64,
    ended: AtomicBool,
    course: Arc<Course>,
}

/// What the databases of the servers share.
#[derive(Default)]
struct Course {
    /// Places of commits in the order of all.
    order: AtomicU64,
    faults: AtomicU64,
    /// Nothing goes wrong any more.
    calm: AtomicBool,
    /// A server lost the database by itself in a commit, as it may where everything stands still for long: what became of
    /// that commit is not known to the test either.
    uncertain: AtomicBool,
}

/// Lets a crowd loose, until every job has come to its end, and checks what it was told. Nothing if what the database
/// holds cannot be known, because the machine stood still in a commit: then the run says nothing.
///
/// # Panics
/// If a rule is broken.
#[must_use]
pub fn run(shared: &Shared, crowd: Crowd) -> Option<Result> {
    let mut random = Random::seeded(crowd.seed);
    let (mut trees, mut catalog) = (Trees::default(), Catalog::default());
    let submissions: Vec<Vec<Vec<usize>>> =
        (0..crowd.users).map(|_| (0..crowd.jobs).map(|_| catalog.add(trees.tree(&mut random))).collect()).collect();
    let (lanes, queues): (Vec<_>, Vec<_>) = (0..crowd.servers).map(|_| mpsc::channel()).unzip();
    let world = World {
        settings: Settings { crash_retries_max: 3, hand_backs_max: 3, ..Settings::default() },
        catalog,
        lanes,
        // The first of January 2026.
        clock: AtomicI64::new(1_767_225_600_000_000),
        ids: AtomicU64::new(1),
        commits: Mutex::default(),
        progress: (Mutex::new(0), Condvar::new()),
        jobs: Mutex::default(),
        postponed: AtomicU64::new(0),
        ended: AtomicBool::new(false),
        course: Arc::default(),
    };
    thread::scope(|scope| {
        let world = &world;
        for queue in queues {
            let random = Random::seeded(random.number());
            scope.spawn(move || world.guard(|| lane::run(world, shared, &queue, random)));
        }
        let mut own = client::Client::new(world, random.number());
        own.certainly(&cluster("default", false));
        own.certainly(&cluster("gpu", true));
        for place in 0..crowd.runners {
            let client = client::Client::new(world, random.number());
            scope.spawn(move || world.guard(|| client.runner(place)));
        }
        let users: Vec<_> = submissions
            .into_iter()
            .map(|jobs| {
                let client = client::Client::new(world, random.number());
                scope.spawn(move || world.guard(|| client.user(jobs)))
            })
            .collect();
        world.guard(|| {
            while !world.has_ended() && !users.iter().all(thread::ScopedJoinHandle::is_finished) {
                world.wait_for_commits(COMMITS_BETWEEN);
                own.disturb();
            }
            world.course.calm.store(true, Ordering::Relaxed);
            world.come_to_an_end(&mut own, shared);
        });
        world.ended.store(true, Ordering::Relaxed);
    });
    if world.course.uncertain.load(Ordering::Relaxed) {
        return None;
    }
    let mut commits = std::mem::take(&mut *world.commits());
    commits.sort_unstable_by_key(|commit| commit.place);
    replay::check(&world.settings, &commits, shared.database().reader().as_ref(), &mut random);
    Some(Result {
        commits: commits.len(),
        commands: commits.iter().map(|commit| commit.decided.len()).sum(),
        postponed: world.postponed.load(Ordering::Relaxed),
        faults: world.course.faults.load(Ordering::Relaxed),
    })
}

fn cluster(slug: &str, deletable: bool) -> Command {
    Command::CreateCluster(NewCluster {
        slug: slug.into(),
        display_name: slug.into(),
        description: String::new(),
        deletable,
        now: Timestamp::default(),
    })
}

impl World {
    fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    fn is_calm(&self) -> bool {
        self.course.calm.load(Ordering::Relaxed)
    }

    fn commits(&self) -> MutexGuard<'_, Vec<Commit>> {
        self.commits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The present; every look takes a millisecond.
    fn now(&self) -> Timestamp {
        Timestamp(self.clock.fetch_add(1_000, Ordering::Relaxed))
    }

    fn advance(&self, span: Duration) {
        self.clock.fetch_add(i64::try_from(span.as_micros()).expect("a short time"), Ordering::Relaxed);
    }

    /// Runs something; everybody stops if it panics.
    fn guard<T>(&self, run: impl FnOnce() -> T) -> T {
        struct Guard<'a>(&'a AtomicBool);
        impl Drop for Guard<'_> {
            fn drop(&mut self) {
                if thread::panicking() {
                    self.0.store(true, Ordering::Relaxed);
                }
            }
        }
        let _guard = Guard(&self.ended);
        run()
    }

    fn committed(&self, commit: Commit) {
        self.commits().push(commit);
        let (count, changed) = &self.progress;
        *count.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        changed.notify_all();
    }

    /// Waits until there are so many more commits, or for as long as one waits for work.
    fn wait_for_commits(&self, more: u64) {
        let (count, changed) = &self.progress;
        let count = count.lock().unwrap_or_else(PoisonError::into_inner);
        let goal = *count + more;
        drop(changed.wait_timeout_while(count, LOOK_AGAIN, |count| *count < goal));
    }

    /// Every job has to be completed.
    fn come_to_an_end(&self, own: &mut client::Client<'_>, shared: &Shared) {
        let reader = shared.database().reader();
        for round in 0.. {
            if self.has_ended() {
                return;
            }
            self.advance(Duration::from_secs(61));
            own.tick();
            let all = JobQuery { limit: 10_000, ..JobQuery::default() };
            let jobs = reader.jobs(&all).expect("the store works").jobs;
            let unfinished: Vec<JobId> =
                jobs.iter().filter(|view| view.status.state() != JobState::Completed).map(|view| view.job.id).collect();
            if unfinished.is_empty() {
                return;
            }
            assert!(round < ROUNDS_MAX, "T-9, S-21: jobs that never end: {unfinished:?}");
            for job in unfinished {
                own.certainly(&Command::RetryJob { job });
            }
            for _ in 0..5 {
                self.wait_for_commits(u64::MAX / 2);
            }
        }
    }
}
