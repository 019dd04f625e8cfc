//! Does PostgreSQL do what every store must, and answer as memory does?

use boxwood_engine::{
    Command, Identifier, Inputs, JobId, NewCluster, NewGroup, NewJob, NewTasks, Refusal, Reply, Settings, Submission,
    TaskId, Timestamp, Version,
};
use boxwood_store::Vault;
use boxwood_testkit::postgres::Shared;

fn fresh() -> Shared {
    Shared::new().expect("looked for before")
}

boxwood_testkit::store_conformance!(fresh, if boxwood_testkit::postgres::server().is_some());

/// A submission of one task; those of the same number repeat each other.
fn submission(number: u128, repeated: bool) -> Command {
    let id = |kind: u128| kind << 64 | number << 1 | u128::from(repeated);
    let tasks = NewTasks {
        count: 1,
        cluster: "".into(),
        identifier: Identifier { name: "a".into(), version: Version::parse("v1.0").expect("a version") },
        max_retries: 0,
        optional: false,
        display: "a".into(),
    };
    let mut group = NewGroup { dependencies: Vec::new(), tasks: Vec::new(), inputs: Inputs::default() };
    group.push(tasks, Vec::new());
    Command::SubmitJob(NewJob {
        id: JobId::from_u128(id(1)).expect("not zero"),
        first_task: TaskId::from_u128(id(2)).expect("not zero"),
        name: "job".into(),
        trace_parent: String::new(),
        automation: None,
        tasks: Submission::new(vec![group]).expect("one task"),
        fingerprint: number,
        repeated,
        now: Timestamp(1_767_225_600_000_000),
    })
}

fn job_of(reply: Result<Reply, Refusal>) -> JobId {
    match reply {
        Ok(Reply::Job(job, _)) => job.id,
        other => panic!("a submission is answered {other:?}"),
    }
}

#[test]
fn j_11_a_repetition_at_another_server_waits_for_the_first_submission() {
    let Some(shared) = Shared::new() else { return };
    let open = || Vault::open(shared.database().backend(), Settings::default()).expect("it opens");
    let (mut first, mut second) = (open(), open());
    let default = NewCluster {
        slug: "default".into(),
        display_name: "default".into(),
        description: String::new(),
        deletable: false,
        now: Timestamp::default(),
    };
    first.decide(&Command::CreateCluster(default)).expect("the store works").expect("the first cluster");
    // The class of its task is known, so that nobody waits for that.
    first.decide(&submission(1, false)).expect("the store works").expect("a submission");
    first.commit().expect("the store works");

    let one = job_of(first.decide(&submission(7, false)).expect("the store works"));
    let same = std::thread::scope(|scope| {
        let repetition = scope.spawn(|| {
            let other = job_of(second.decide(&submission(8, false)).expect("the store works"));
            second.commit().expect("the store works");
            let same = job_of(second.decide(&submission(7, true)).expect("the store works"));
            second.commit().expect("the store works");
            assert_ne!(other, same, "another submission waits for nobody");
            same
        });
        while !shared.has_waiting() && !repetition.is_finished() {
            std::thread::yield_now();
        }
        first.commit().expect("the store works");
        repetition.join().expect("it decides")
    });
    assert_eq!(same, one, "one job for a submission and its repetition");
}
