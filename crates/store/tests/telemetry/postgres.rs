//! In a database that several servers share. Needs one, see `boxwood_testkit::postgres`; without it each test says that it was left out.

use std::sync::atomic::{AtomicU64, Ordering};

use boxwood_store::postgres::{self, Address};
use boxwood_testkit::postgres::{Admin, server};

use super::*;

/// A database of one test.
struct Shared {
    server: String,
    name: String,
}

impl Shared {
    fn new(server: String) -> Self {
        static MADE: AtomicU64 = AtomicU64::new(0);
        let name = format!("telemetry_{}_{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        Admin::connect(&server, "postgres").batch(&format!("CREATE DATABASE {name}"));
        Self { server, name }
    }

    fn connect(&self) -> Admin {
        Admin::connect(&self.server, &self.name)
    }

    /// Ends all connections to the database, and lets nobody in until `open`.
    fn shut(&self, open: bool) {
        let other = Admin::connect(&self.server, "postgres");
        other.batch(&format!("ALTER DATABASE {} ALLOW_CONNECTIONS {open}", self.name));
        let _ended = other.number(&format!(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = '{}'",
            self.name
        ));
    }
}

impl Home for Shared {
    fn open(&self, options: Options) -> Database {
        let address = Address::parse(&format!("{} dbname={}", self.server, self.name)).expect("an address");
        let database = postgres::Database::open(address).expect("the database opens");
        Database::on_postgres(&database, options).expect("telemetry opens")
    }

    fn origins(&self) -> u64 {
        self.connect().number("SELECT count(*) FROM telemetry_origin").unsigned_abs()
    }

    fn bytes(&self) -> u64 {
        self.connect().number("SELECT bytes FROM telemetry_use").unsigned_abs()
    }

    fn hold(&self) -> Box<dyn FnOnce()> {
        let other = self.connect();
        other.batch("BEGIN; LOCK TABLE telemetry_record IN SHARE ROW EXCLUSIVE MODE");
        Box::new(move || other.batch("ROLLBACK"))
    }

    fn spoil(&self) {
        self.connect().batch("ALTER TABLE telemetry_record RENAME TO elsewhere");
    }

    fn mend(&self) {
        self.connect().batch("ALTER TABLE elsewhere RENAME TO telemetry_record");
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        Admin::connect(&self.server, "postgres").batch(&format!("DROP DATABASE {} WITH (FORCE)", self.name));
    }
}

/// Whether there is a server.
fn there() -> bool {
    server().is_some()
}

fn shared() -> Shared {
    Shared::new(server().expect("asked for before"))
}

fn fresh() -> Box<dyn Home> {
    Box::new(shared())
}

conformance!(there, fresh);

#[test]
fn several_servers_write_list_and_remove_at_the_same_time() {
    if !there() {
        return;
    }
    let home = shared();
    let servers: Vec<Database> = (0..3).map(|_| home.open(unlimited())).collect();
    let numbers = 0..50_u64;
    std::thread::scope(|scope| {
        for (place, server) in (0..).zip(&servers) {
            let numbers = numbers.clone();
            scope.spawn(move || {
                for number in numbers {
                    let resource = format!("resource {}", number % 7).into_bytes().into();
                    let time = number * 10 + place;
                    store(server, vec![NewRecord { resource, ..record(INFO, time, time.to_string()) }]);
                }
            });
        }
    });
    let expected: Vec<String> = numbers.flat_map(|n| (0..3).map(move |place| (n * 10 + place).to_string())).collect();
    for server in &servers {
        assert_eq!(found(server, &all_logs()), expected);
    }
    assert_eq!(home.origins(), 8, "seven resources and a scope");
    // All remove at once what is too old, and one goes on with resources that another has removed meanwhile.
    let aged = || home.open(Options { age_max: Some(Duration::from_secs(60)), ..unlimited() });
    let aged = [aged(), aged()];
    let swept = aged.each_ref().map(|server| server.sweep(NOW.plus(Duration::from_secs(61))).expect("accepted"));
    for done in swept {
        block_on(done.wait()).expect("removed");
    }
    assert_eq!((found(&servers[2], &all_logs()).len(), home.bytes()), (0, 0));
    store(&servers[0], vec![NewRecord { resource: Arc::from(*b"resource 1"), ..record(INFO, 1, "after") }]);
    assert_eq!(&*page(&servers[1], &all_logs()).records[0].resource, b"resource 1");
}

#[test]
fn a_database_that_goes_away_and_comes_back_is_used_again() {
    if !there() {
        return;
    }
    let home = shared();
    let database = home.open(unlimited());
    store(&database, vec![record(INFO, 0, "before")]);
    home.shut(false);
    let lost = wait(database.write(vec![record(INFO, 1, "lost")], NOW));
    assert!(matches!(lost, Err(Error::Unavailable(_))), "{lost:?}");
    assert!(matches!(database.page(&all_logs()), Err(Error::Unavailable(_))));
    home.shut(true);
    store(&database, vec![record(INFO, 2, "after")]);
    assert_eq!(found(&database, &all_logs()), ["before", "after"]);
    // Connections that were lost while nobody used them are no failure.
    home.shut(true);
    store(&database, vec![record(INFO, 3, "at once")]);
    assert_eq!(found(&database, &all_logs()), ["before", "after", "at once"]);
}
