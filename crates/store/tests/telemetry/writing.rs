//! Writing: what is accepted is stored, and what is too much is refused at once.

use super::*;

pub(crate) fn records_come_back_as_they_went_in(fresh: Fresh) {
    let home = fresh();
    let database = home.open(unlimited());
    let sent = NewRecord { resource: Arc::from(*b"\x00r"), scope: Arc::from(*b""), ..record(INFO, 7, "\u{1F332}") };
    store(&database, vec![sent.clone(), record(Kind::Span, 8, "")]);

    let logs = page(&database, &all_logs());
    let [log] = &logs.records[..] else { panic!("one log: {logs:?}") };
    assert_eq!((&log.encoded, &log.resource, &log.scope), (&sent.encoded, &sent.resource, &sent.scope));
    assert!(!logs.more);
    let spans = page(&database, &Query { kinds: vec![Kind::Span], ..all_logs() });
    assert_eq!(texts(&spans.records), [""]);
    assert_eq!(&*spans.records[0].resource, b"resource");
}

pub(crate) fn o_39_a_record_is_found_as_soon_as_its_write_is_reported(fresh: Fresh) {
    let home = fresh();
    let database = home.open(Options { age_max: None, bytes_max: None, ..Options::default() });
    for time in 0..20 {
        store(&database, vec![record(INFO, time, time.to_string())]);
        assert_eq!(page(&database, &all_logs()).records.len() as u64, time + 1);
    }
}

pub(crate) fn records_are_kept_over_a_restart_and_ids_stay_unique(fresh: Fresh) {
    let home = fresh();
    let mut ids = Vec::new();
    for round in 0..3 {
        let database = home.open(unlimited());
        // Nobody waits for these: closing stores them.
        database.write(vec![record(INFO, 5, round.to_string())], NOW).unwrap();
        block_on(database.close());
        assert!(matches!(database.write(Vec::new(), NOW), Err(Error::Unavailable(_))));
        drop(database);
        let database = home.open(unlimited());
        ids = page(&database, &all_logs()).records.iter().map(|record| record.id).collect();
        block_on(database.close());
    }
    assert_eq!(ids.len(), 3);
    assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?}");
}

pub(crate) fn dropping_the_last_handle_stores_what_waits(fresh: Fresh) {
    let home = fresh();
    let database = home.open(unlimited());
    let written = database.write(vec![record(INFO, 1, "kept")], NOW).unwrap();
    drop(database);
    block_on(written.wait()).expect("stored");
    assert_eq!(found(&home.open(unlimited()), &all_logs()), ["kept"]);
}

pub(crate) fn o_5_a_flood_is_refused_at_once_and_nothing_accepted_is_lost(fresh: Fresh) {
    let home = fresh();
    let database = home.open(Options { waiting_bytes_max: 100_000, ..unlimited() });
    // The writer cannot commit while somebody else writes.
    let release = home.hold();

    let mut accepted = Vec::new();
    let refused = (0..1_000).find_map(|time| {
        let records = vec![record(INFO, time, format!("{time} {}", "x".repeat(1_000)))];
        match database.write(records, NOW) {
            Ok(written) => {
                accepted.push(written);
                None
            }
            Err(error) => Some(error),
        }
    });
    assert!(matches!(refused, Some(Error::Unavailable(_))), "{refused:?}");
    assert!((50..100).contains(&accepted.len()), "about 100,000 bytes wait: {}", accepted.len());
    assert_eq!(found(&database, &all_logs()).len(), 0, "readers are not held up");

    release();
    let count = accepted.len();
    for written in accepted {
        block_on(written.wait()).expect("stored");
    }
    let stored = found(&database, &all_logs());
    assert_eq!(stored.len(), count);
    assert!(stored.iter().enumerate().all(|(time, text)| text.starts_with(&format!("{time} "))));
    store(&database, vec![record(INFO, 0, "room again")]);
}

pub(crate) fn a_write_larger_than_the_queue_is_taken_when_nothing_waits(fresh: Fresh) {
    let home = fresh();
    let database = home.open(Options { waiting_bytes_max: 10, ..unlimited() });
    store(&database, vec![record(INFO, 0, "x".repeat(1_000))]);
    assert_eq!(page(&database, &all_logs()).records.len(), 1);
}

pub(crate) fn a_batch_that_cannot_be_stored_is_reported_and_the_writer_goes_on(fresh: Fresh) {
    let home = fresh();
    let database = home.open(unlimited());
    store(&database, vec![record(INFO, 0, "before")]);
    home.spoil();
    let unknown = NewRecord { resource: Arc::from(*b"new"), ..record(INFO, 1, "lost") };
    assert!(wait(database.write(vec![unknown.clone()], NOW)).is_err());
    home.mend();
    store(&database, vec![NewRecord { encoded: b"after".to_vec(), ..unknown }]);
    assert_eq!(found(&database, &all_logs()), ["before", "after"]);
    assert_eq!(&*page(&database, &all_logs()).records[1].resource, b"new", "stored although it was rolled back before");
}
