//! The same seed gives the same run, other seeds give others.

use std::collections::HashSet;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};

use boxwood::testing::{Fault, Run, for_each_seed};

use super::{Fan, Leaf, fan};

async fn run(seed: u64) -> Run {
    let workflow = fan().runners(3).fault(Fault::<Leaf>::late_runner().nth(2)).fault(Fault::<Leaf>::error("x").nth(4));
    workflow.seed(seed).job(Fan { leaves: 5 }).max_retries(1).run().await.unwrap()
}

#[tokio::test]
async fn equal_seeds_give_equal_traces_ids_and_times() {
    for seed in 0..10 {
        let (one, other) = (run(seed).await, run(seed).await);
        assert_eq!(one.trace(), other.trace());
        assert_eq!((one.job(), one.tree()), (other.job(), other.tree()));
        assert_eq!(one.cache().items().await.unwrap(), other.cache().items().await.unwrap());
    }
}

/// The events without their times.
fn events(run: &Run) -> Vec<String> {
    run.trace().lines().map(|line| line.split_once(" s  ").unwrap().1.to_owned()).collect()
}

#[tokio::test]
async fn other_seeds_give_other_interleavings() {
    let mut orders = HashSet::new();
    let mut courses = HashSet::new();
    let mut overlaps = 0;
    for seed in 0..50 {
        let run = fan().runners(3).seed(seed).run(Fan { leaves: 3 }).await.unwrap();
        run.assert_completed();
        let leaves: Vec<_> = run.executions::<Leaf>().collect();
        overlaps += usize::from(leaves[0].overlaps(&leaves[1]));
        let mut ends: Vec<_> = leaves.iter().map(|leaf| (leaf.ended_at(), leaf.input().number)).collect();
        ends.sort();
        orders.insert(ends.into_iter().map(|(_, number)| number).collect::<Vec<_>>());
        courses.insert(events(&run));
    }
    assert_eq!(orders.len(), 6, "three leaves end in any order");
    assert!(courses.len() > 40, "{} of 50 are different", courses.len());
    assert!((1..50).contains(&overlaps), "{overlaps} of 50 overlap");
}

#[tokio::test]
async fn r_12_with_one_runner_the_order_is_the_same_for_every_seed() {
    let mut orders = HashSet::new();
    for seed in 0..20 {
        orders.insert(events(&fan().seed(seed).run(Fan { leaves: 4 }).await.unwrap()));
    }
    assert_eq!(orders.len(), 1);
}

#[tokio::test]
#[should_panic(expected = "seed 3: the leaf is missing")]
async fn for_each_seed_names_the_seed_of_an_error() {
    for_each_seed(0..10, async |seed| if seed == 3 { Err("the leaf is missing".into()) } else { Ok(()) }).await;
}

#[tokio::test]
async fn for_each_seed_stops_at_a_panic_and_passes_it_on() {
    let last = AtomicU64::new(0);
    let test = for_each_seed([5, 6, 7, 8], async |seed| {
        last.store(seed, Ordering::Relaxed);
        tokio::task::yield_now().await;
        assert_ne!(seed, 7, "seven");
        Ok(())
    });
    let panic = caught(test).await.expect_err("a panic");
    let message = panic.downcast_ref::<String>().unwrap();
    assert!(message.contains("seven"), "{message}");
    assert_eq!(last.load(Ordering::Relaxed), 7);
}

/// The panic of a future, if it panics.
async fn caught(future: impl Future<Output = ()>) -> std::thread::Result<()> {
    let mut future = std::pin::pin!(future);
    std::future::poll_fn(|context| match std::panic::catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
        Ok(poll) => poll.map(Ok),
        Err(panic) => std::task::Poll::Ready(Err(panic)),
    })
    .await
}

#[tokio::test]
async fn runs_can_move_between_threads() {
    // A compile-time matter: a run is sent to another thread while it waits for task code.
    let run = tokio::spawn(async { fan().runners(2).run(Fan { leaves: 2 }).await });
    run.await.unwrap().unwrap().assert_completed();
}
