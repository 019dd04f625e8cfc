//! Retention: by age and by size, oldest arrivals first.

use super::*;

const HOUR: Duration = Duration::from_secs(3600);

pub(crate) fn records_are_removed_by_the_time_they_arrived(fresh: Fresh) {
    let home = fresh();
    let database = home.open(Options { age_max: Some(2 * HOUR), ..unlimited() });
    // Their own times say nothing: clocks of senders may be wrong.
    wait(database.write(vec![record(INFO, u64::MAX, "first")], NOW)).unwrap();
    wait(database.write(vec![record(INFO, 0, "second")], NOW.plus(HOUR))).unwrap();
    // A clock that was set back does not make a record look older than those before it.
    wait(database.write(vec![record(INFO, 1, "third")], NOW)).unwrap();

    wait(database.sweep(NOW.plus(2 * HOUR))).unwrap();
    assert_eq!(found(&database, &all_logs()), ["second", "third", "first"], "just not too old");
    wait(database.sweep(NOW.plus(2 * HOUR + Duration::from_millis(1)))).unwrap();
    assert_eq!(found(&database, &all_logs()), ["second", "third"]);
    wait(database.sweep(NOW.plus(4 * HOUR))).unwrap();
    assert_eq!(found(&database, &all_logs()), [""; 0]);
    store(&database, vec![record(INFO, 2, "fourth")]);
    assert_eq!(found(&database, &all_logs()), ["fourth"]);
}

pub(crate) fn many_old_records_are_removed_in_steps_and_writes_go_on_between(fresh: Fresh) {
    let home = fresh();
    let database = home.open(Options { age_max: Some(HOUR), ..unlimited() });
    store(&database, (0..15_000).map(|time| record(INFO, time, "old")).collect());
    let swept = database.sweep(NOW.plus(2 * HOUR)).unwrap();
    wait(database.write(vec![record(INFO, 0, "new")], NOW.plus(2 * HOUR))).unwrap();
    assert!(found(&database, &all_logs()).contains(&"new".to_owned()));
    block_on(swept.wait()).unwrap();
    assert_eq!(found(&database, &all_logs()), ["new"]);
}

pub(crate) fn the_file_stays_within_its_limit_and_keeps_the_newest(fresh: Fresh) {
    let home = fresh();
    let limit = 4 << 20;
    let database = home.open(Options { bytes_max: Some(limit), ..unlimited() });
    let text = "x".repeat(1_000);
    for round in 0..100 {
        store(&database, (0..200).map(|n| record(INFO, round * 200 + n, text.clone())).collect());
    }
    wait(database.sweep(NOW)).unwrap();
    assert!(home.bytes() <= limit, "{} of {limit} bytes", home.bytes());
    let kept = page(&database, &all_logs()).records.len();
    assert!((2_000..4_000).contains(&kept), "most of 4 MiB is used: {kept} records");
    let whole = database.log_counts((Bound::Included(20_000 - kept as u64), Bound::Unbounded)).unwrap();
    assert_eq!(whole[Severity::Info as usize].1, kept as u64, "what is left is what came last");
}

pub(crate) fn a_lowered_limit_makes_the_file_smaller(fresh: Fresh) {
    let home = fresh();
    let database = home.open(unlimited());
    store(&database, (0..4_000).map(|time| record(INFO, time, "x".repeat(1_000))).collect());
    block_on(database.close());
    drop(database);
    assert!(home.bytes() > 4 << 20);
    let database = home.open(Options { bytes_max: Some(1 << 20), ..unlimited() });
    wait(database.sweep(NOW)).unwrap();
    assert!(home.bytes() <= 1 << 20, "{}", home.bytes());
    let kept = page(&database, &all_logs()).records.len();
    assert!((300..1_000).contains(&kept), "about half of 1 MiB or more is used: {kept} records");
    // A limit below what an empty database takes removes everything and does not go round for ever.
    block_on(database.close());
    let database = home.open(Options { bytes_max: Some(1), ..unlimited() });
    wait(database.sweep(NOW)).unwrap();
    assert_eq!(found(&database, &all_logs()), [""; 0]);
}

pub(crate) fn resources_are_stored_once_and_removed_with_their_last_record(fresh: Fresh) {
    let home = fresh();
    let database = home.open(Options { age_max: Some(HOUR), ..unlimited() });
    let from =
        |resource: &str, time| NewRecord { resource: resource.as_bytes().into(), ..record(INFO, time, resource) };
    store(&database, (0..50).map(|time| from("long-lived", time)).chain([from("short-lived", 99)]).collect());
    assert_eq!(home.origins(), 3, "two resources and a scope");
    // Used again much later, by the same and by a restarted server.
    wait(database.write(vec![from("long-lived", 100)], NOW.plus(HOUR))).unwrap();
    wait(database.sweep(NOW.plus(HOUR + HOUR / 2))).unwrap();
    assert_eq!(home.origins(), 2);
    assert_eq!(found(&database, &all_logs()), ["long-lived"]);
    block_on(database.close());
    let database = home.open(Options { age_max: Some(HOUR), ..unlimited() });
    wait(database.write(vec![from("short-lived", 101)], NOW.plus(HOUR))).unwrap();
    assert_eq!(found(&database, &all_logs()), ["long-lived", "short-lived"]);
    wait(database.sweep(NOW.plus(3 * HOUR))).unwrap();
    assert_eq!(home.origins(), 0);
    // Keys remembered by the writer are forgotten with them.
    wait(database.write(vec![from("long-lived", 102)], NOW.plus(3 * HOUR))).unwrap();
    assert_eq!(&*page(&database, &all_logs()).records[0].resource, b"long-lived");
}
