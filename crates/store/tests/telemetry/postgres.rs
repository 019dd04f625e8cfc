//! In a database that several servers share. Needs one, see [`SERVER`]; without it each test says that it was left out.

use std::sync::atomic::{AtomicU64, Ordering};

use boxwood_store::postgres::{self, Address};
use tokio::runtime::Runtime;
use tokio_postgres::{Client, NoTls};

use super::*;

/// Names a PostgreSQL on which databases may be made, as `host=… port=… user=…`, without a database.
const SERVER: &str = "BOXWOOD_TEST_POSTGRES";

/// A connection of the test's own.
struct Other {
    runtime: Runtime,
    client: Client,
}

impl Other {
    fn connect(server: &str, database: &str) -> Self {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime with drivers");
        let client = runtime.block_on(async {
            let (client, connection) = tokio_postgres::connect(&format!("{server} dbname={database}"), NoTls)
                .await
                .expect("the server of the tests answers");
            tokio::spawn(connection);
            client
        });
        Self { runtime, client }
    }

    fn batch(&self, sql: &str) {
        self.runtime.block_on(self.client.batch_execute(sql)).unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }

    fn number(&self, sql: &str) -> u64 {
        let row = self.runtime.block_on(self.client.query_one(sql, &[])).expect("a number");
        row.get::<_, i64>(0).unsigned_abs()
    }
}

/// A database of one test.
struct Shared {
    server: String,
    name: String,
}

impl Shared {
    fn new(server: String) -> Self {
        static MADE: AtomicU64 = AtomicU64::new(0);
        let name = format!("telemetry_{}_{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        Other::connect(&server, "postgres").batch(&format!("CREATE DATABASE {name}"));
        Self { server, name }
    }

    fn connect(&self) -> Other {
        Other::connect(&self.server, &self.name)
    }

    /// Ends all connections to the database, and lets nobody in until `open`.
    fn shut(&self, open: bool) {
        let other = Other::connect(&self.server, "postgres");
        other.batch(&format!("ALTER DATABASE {} ALLOW_CONNECTIONS {open}", self.name));
        other.number(&format!(
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
        self.connect().number("SELECT count(*) FROM telemetry_origin")
    }

    fn bytes(&self) -> u64 {
        self.connect().number("SELECT bytes FROM telemetry_use")
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
        Other::connect(&self.server, "postgres").batch(&format!("DROP DATABASE {} WITH (FORCE)", self.name));
    }
}

/// Whether there is a server.
fn there() -> bool {
    let there = std::env::var(SERVER).is_ok();
    if !there {
        eprintln!("LEFT OUT: {SERVER} names no PostgreSQL");
    }
    there
}

fn shared() -> Shared {
    Shared::new(std::env::var(SERVER).expect("asked for before"))
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
