//! Do several servers at work at the same time do what one may do?
//!
//! `BOXWOOD_SEEDS=0..20` lets other crowds loose. What meets what is not in the seed.

use std::ops::Range;

use boxwood_testkit::crowd::{Crowd, run};
use boxwood_testkit::postgres::Shared;

/// Runs tried, if the machine stands still in each.
const ATTEMPTS: usize = 3;

fn seeds() -> Range<u64> {
    let Ok(text) = std::env::var("BOXWOOD_SEEDS") else { return 7..8 };
    let (first, end) = text.split_once("..").expect("BOXWOOD_SEEDS is a range like 7..8");
    let number = |text: &str| text.parse().expect("a number on both sides of BOXWOOD_SEEDS");
    number(first)..number(end)
}

#[test]
fn three_servers_and_a_crowd_are_as_one() {
    for seed in seeds() {
        let crowd = Crowd { servers: 3, runners: 100, users: 8, jobs: 6, seed };
        let result = (0..ATTEMPTS).find_map(|_| match Shared::new() {
            Some(shared) => run(&shared, crowd).map(Some),
            None => Some(None),
        });
        let Some(result) = result.expect("the machine stands still") else { return };
        println!("{result:?}");
        assert!(result.commits > 100 && result.faults > 0, "too little happened: {result:?}");
    }
}
