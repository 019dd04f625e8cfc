//! Listing: whose records, in which order, in pages.

use super::*;

pub(crate) fn o_30_o_33_order_is_by_time_then_by_arrival_in_both_directions(fresh: Fresh) {
    let home = fresh();
    let database = home.open(unlimited());
    // Kinds differ so that the order holds across severity groups.
    let times = [30, 10, 20, 10, u64::MAX, 0, 10];
    let kinds = Severity::ALL.map(Kind::Log);
    for (place, time) in times.into_iter().enumerate() {
        store(&database, vec![record(kinds[place % kinds.len()], time, format!("{time}.{place}"))]);
    }
    let expected = ["0.5", "10.1", "10.3", "10.6", "20.2", "30.0", "18446744073709551615.4"];
    assert_eq!(found(&database, &all_logs()), expected);
    let mut newest_first = expected;
    newest_first.reverse();
    let query = Query { sort: SortDirection::Descending, ..all_logs() };
    assert_eq!(found(&database, &query), newest_first);
    assert!(page(&database, &query).records.is_sorted_by(|a, b| a.id > b.id), "ids order as records do");
}

pub(crate) fn o_34_j_53_pages_have_no_gaps_and_no_repeats(fresh: Fresh) {
    // What arrives between two pages lies before all others in ascending, after all others in descending order.
    for (sort, late) in [(SortDirection::Ascending, 1), (SortDirection::Descending, 99)] {
        for limit in [1, 7, 99, 100, 101] {
            let home = fresh();
            let database = home.open(unlimited());
            let kinds = Severity::ALL.map(Kind::Log);
            // Many records with the same time, across groups.
            let numbers = 0..100_usize;
            let time = |number: usize| 10 + number as u64 / 30;
            store(&database, numbers.clone().map(|n| record(kinds[n % kinds.len()], time(n), n.to_string())).collect());
            let mut expected: Vec<String> = numbers.map(|n| n.to_string()).collect();
            if sort == SortDirection::Descending {
                expected.reverse();
            }
            let mut query = Query { sort, limit, ..all_logs() };
            let mut listed = Vec::new();
            while listed.len() < expected.len() {
                let page = page(&database, &query);
                assert_eq!(page.records.len(), limit.min(expected.len() - listed.len()));
                listed.extend(texts(&page.records));
                assert_eq!(page.more, listed.len() < expected.len(), "J-52: a next page only if more exist");
                query.after = page.records.last().map(|record| record.id);
                store(&database, vec![record(INFO, late, "late")]);
            }
            assert_eq!(listed, expected, "{sort:?}, {limit} a page");
        }
    }
}

pub(crate) fn o_4_records_belong_to_a_job_by_task_before_trace(fresh: Fresh) {
    let home = fresh();
    let database = home.open(unlimited());
    // Jobs 1 and 2 share a trace: 2 was submitted from inside a task of 1.
    let of = |job_number, task_number, text: &str| NewRecord {
        job: Some(job(job_number)),
        task: Some(task(task_number)),
        trace: Some(trace(1)),
        ..record(INFO, 0, text)
    };
    let by_trace = |number, text: &str| NewRecord { trace: Some(trace(number)), ..record(INFO, 0, text) };
    let unknown_task = NewRecord { task: Some(task(77)), ..by_trace(1, "unknown task") };
    store(
        &database,
        vec![
            of(1, 10, "task of 1"),
            of(2, 20, "task of 2"),
            of(1, 11, "other task of 1"),
            by_trace(1, "shared trace"),
            by_trace(3, "other trace"),
            unknown_task,
            record(INFO, 0, "nobody's"),
        ],
    );
    let logs_of = |number, trace, task| {
        found(&database, &Query { subject: Subject::Job { job: job(number), trace, task }, ..all_logs() })
    };
    let shared = Some(trace(1));
    assert_eq!(logs_of(1, shared, None), ["task of 1", "other task of 1", "shared trace", "unknown task"]);
    assert_eq!(logs_of(2, shared, None), ["task of 2", "shared trace", "unknown task"]);
    assert_eq!(logs_of(1, None, None), ["task of 1", "other task of 1"]);
    assert_eq!(logs_of(1, shared, Some(task(10))), ["task of 1"]);
    assert_eq!(logs_of(1, shared, Some(task(20))), [""; 0], "a task of another job");
    assert_eq!(logs_of(1, shared, Some(task(77))), ["unknown task"]);
    assert_eq!(logs_of(3, None, None), [""; 0], "O-37");
    assert_eq!(found(&database, &all_logs()).len(), 7, "O-3: also what belongs to no job");
}

pub(crate) fn o_31_kinds_select_severity_groups_and_spans(fresh: Fresh) {
    let home = fresh();
    let database = home.open(unlimited());
    let mut records: Vec<NewRecord> = (0..=25)
        .map(|number| NewRecord {
            job: Some(job(1)),
            ..record(Kind::Log(Severity::of(number)), 100 - number as u64, number.to_string())
        })
        .collect();
    records.push(NewRecord { job: Some(job(1)), ..record(Kind::Span, 50, "span") });
    store(&database, records);
    let of_job = Subject::Job { job: job(1), trace: None, task: None };
    for subject in [Subject::All, of_job] {
        let of = |kinds: &[Kind]| found(&database, &Query { subject, kinds: kinds.to_vec(), ..all_logs() });
        assert_eq!(of(&[Kind::Log(Severity::Warning)]), ["16", "15", "14", "13"]);
        assert_eq!(of(&[Kind::Log(Severity::Error), Kind::Log(Severity::Trace)]).len(), 12);
        assert_eq!(of(&[Kind::Log(Severity::Error), Kind::Log(Severity::Trace)])[7..], ["17", "4", "3", "2", "1"]);
        assert_eq!(of(&[Kind::Log(Severity::Unspecified)]), ["25", "0"]);
        assert_eq!(of(&[Kind::Span]), ["span"]);
        assert_eq!(of(&[]), [""; 0]);
    }
}

pub(crate) fn o_35_o_36_intervals_take_their_bounds_as_given(fresh: Fresh) {
    let home = fresh();
    let database = home.open(unlimited());
    let mut records: Vec<NewRecord> = (0..6).map(|time| record(INFO, time, time.to_string())).collect();
    records.push(record(Kind::Log(Severity::Error), 3, "3e"));
    records.push(record(Kind::Span, 3, "span"));
    store(&database, records);
    use Bound::{Excluded, Included, Unbounded};
    for (times, expected) in [
        ((Included(2), Excluded(4)), vec!["2", "3", "3e"]),
        ((Excluded(2), Included(4)), vec!["3", "3e", "4"]),
        ((Included(3), Included(3)), vec!["3", "3e"]),
        ((Included(3), Excluded(3)), vec![]),
        ((Excluded(3), Excluded(3)), vec![]),
        ((Included(4), Included(2)), vec![]),
        ((Unbounded, Excluded(1)), vec!["0"]),
        ((Excluded(4), Unbounded), vec!["5"]),
        ((Unbounded, Unbounded), vec!["0", "1", "2", "3", "3e", "4", "5"]),
    ] {
        assert_eq!(found(&database, &Query { times, ..all_logs() }), expected, "{times:?}");
        let counts = database.log_counts(times).unwrap();
        let errors = expected.iter().filter(|text| text.ends_with('e')).count() as u64;
        let infos = expected.len() as u64 - errors;
        let count_of = |severity| counts.iter().find(|(group, _)| *group == severity).expect("all groups").1;
        assert_eq!((count_of(Severity::Info), count_of(Severity::Error)), (infos, errors), "{times:?}");
        assert_eq!(counts.iter().map(|(_, count)| count).sum::<u64>(), expected.len() as u64);
    }
}

pub(crate) fn very_large_records_end_a_page_early(fresh: Fresh) {
    let home = fresh();
    let database = home.open(unlimited());
    let large = |time| NewRecord { encoded: vec![b'x'; 40 << 20], ..record(INFO, time, "") };
    store(&database, vec![large(1), large(2), large(3)]);
    let first = page(&database, &all_logs());
    assert_eq!((first.records.len(), first.more), (2, true));
    let rest = page(&database, &Query { after: Some(first.records[1].id), ..all_logs() });
    assert_eq!((rest.records.len(), rest.more), (1, false));
}
