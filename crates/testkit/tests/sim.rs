//! Does a server keep its promises whatever fails around it? A failing seed is shrunk and printed.
//!
//! `cargo xtask sim` lives through many more seeds.

use std::ops::Range;

use boxwood_store::memory;
use boxwood_testkit::{Reopen, sim};

fn worlds(seeds: Range<u64>, options: &str, fresh: impl Fn() -> Box<dyn Reopen + Send>) {
    for seed in seeds {
        if let Err(failure) = sim::run_on(seed, &fresh) {
            let (short, events) = sim::shrink(&failure, &fresh);
            panic!("{short}\n{events} of {} events are left; again: {}", sim::EVENTS, failure.again(options));
        }
    }
}

#[test]
fn simulations_in_memory_1() {
    worlds(0..100, "", || Box::new(memory::Database::new()));
}

#[test]
fn simulations_in_memory_2() {
    worlds(100..200, "", || Box::new(memory::Database::new()));
}

#[test]
#[cfg(feature = "sqlite")]
fn simulations_on_sqlite() {
    worlds(0..12, " --sqlite", || Box::new(boxwood_testkit::Directory::temporary()));
}

#[cfg(feature = "postgres")]
mod on_postgres {
    use boxwood_testkit::postgres::{Shared, server};

    use super::{Reopen, sim, worlds};

    fn fresh(servers: usize) -> Box<dyn Reopen + Send> {
        Box::new(Shared::new().expect("looked for before").of_servers(servers))
    }

    #[test]
    fn simulations_on_postgres() {
        if server().is_some() {
            worlds(0..6, " --postgres", || fresh(1));
        }
    }

    #[test]
    fn simulations_of_three_servers_on_postgres() {
        if server().is_some() {
            worlds(0..6, " --postgres --servers 3", || fresh(3));
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_trace_on_postgres() {
        if server().is_some() {
            let trace = || sim::run_on(3, || fresh(2)).expect("a sound world").trace;
            assert_eq!(trace(), trace());
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    let trace = |seed| sim::run(seed).expect("a sound world").trace;
    assert_eq!(trace(7), trace(7));
    assert_ne!(trace(7), trace(8));
}
