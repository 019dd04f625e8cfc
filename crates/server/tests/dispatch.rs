//! Do runners get tasks when there are some, and only then?

mod support;

use std::time::{Duration, Instant};

use boxwood_proto::buffa::Message as _;
use boxwood_proto::connectrpc::ErrorCode;
use boxwood_proto::connectrpc::client::CallOptions;
use boxwood_proto::workflows::v1 as wire;
use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use hyper_util::rt::{TokioExecutor, TokioIo};
use support::{World, ask, computed, default_cluster, soon, submit, tasks, waiting_runners};

fn held() -> CallOptions {
    CallOptions::default().with_header("boxwood-wait-ms", "30000")
}

fn wait_of(answer: &wire::NextTaskResponse) -> Duration {
    let idling = answer.idling.as_option().expect("an idle answer");
    Duration::try_from(idling.suggested_idling_duration.clone().into_option().expect("a wait")).expect("positive")
}

#[tokio::test(flavor = "multi_thread")]
async fn r_6_a_question_is_answered_with_a_wait_when_there_is_nothing() {
    let world = World::new().await;
    let cluster = default_cluster(&world).await;
    let runner = world.grpc().tasks();
    let quiet = runner.next_task(ask(&cluster, &["T"])).await.expect("an answer").into_owned();
    assert!(quiet.next_task.is_unset());
    assert!((200..=300).contains(&wait_of(&quiet).as_millis()), "{:?}", wait_of(&quiet));

    let nothing_known = runner.next_task(ask(&cluster, &[])).await.expect("an answer").into_owned();
    assert!(nothing_known.idling.is_set(), "R-4");

    let job = submit("j", tasks("", "U", 1));
    world.grpc().jobs().submit_job(job).await.expect("submitted");
    let busy = runner.next_task(ask(&cluster, &["T"])).await.expect("an answer").into_owned();
    assert!(wait_of(&busy) < Duration::from_millis(20), "a task became ready just now: {:?}", wait_of(&busy));
}

#[tokio::test(flavor = "multi_thread")]
async fn r_7_a_report_without_a_question_gets_an_empty_answer() {
    let world = World::new().await;
    let cluster = default_cluster(&world).await;
    let runner = world.grpc().tasks();
    world.grpc().jobs().submit_job(submit("j", tasks("", "T", 1))).await.expect("submitted");
    let answer = runner.next_task(ask(&cluster, &["T"])).await.expect("an answer").into_owned();
    let task = answer.next_task.into_option().expect("a task");
    let report = wire::NextTaskRequest { computed_task: computed(&task).into(), ..Default::default() };
    // Offering to wait with a report changes nothing: it is answered at once.
    let answer = runner.next_task_with_options(report, held()).await.expect("an answer").into_owned();
    assert_eq!(answer, wire::NextTaskResponse::default());
    let empty = runner.next_task(wire::NextTaskRequest::default()).await.expect("an answer").into_owned();
    assert_eq!(empty, wire::NextTaskResponse::default());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_with_a_question_is_never_held() {
    let world = World::new().await;
    let cluster = default_cluster(&world).await;
    let runner = world.grpc().tasks();
    world.grpc().jobs().submit_job(submit("j", tasks("", "T", 1))).await.expect("submitted");
    let answer = runner.next_task(ask(&cluster, &["T"])).await.expect("an answer").into_owned();
    let mut report = ask(&cluster, &["T"]);
    report.computed_task = computed(&answer.next_task.into_option().expect("a task")).into();
    let started = Instant::now();
    let answer = runner.next_task_with_options(report, held()).await.expect("an answer").into_owned();
    assert!(answer.idling.is_set());
    assert!(started.elapsed() < Duration::from_secs(10), "held for {:?}", started.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_runner_is_woken_by_a_submission() {
    let world = World::new().await;
    let cluster = default_cluster(&world).await;
    let runner = world.grpc().tasks();
    let other = world.connect().tasks();
    let waits = tokio::spawn({
        let question = ask(&cluster, &["T"]);
        async move { runner.next_task_with_options(question, held()).await }
    });
    let waits_for_other = tokio::spawn({
        let question = ask(&cluster, &["U"]);
        async move { other.next_task_with_options(question, held()).await }
    });
    waiting_runners(&world, 2).await;
    world.grpc().jobs().submit_job(submit("j", tasks("", "T", 1))).await.expect("submitted");
    let answer = soon("the woken runner", waits).await.expect("joined").expect("an answer").into_owned();
    assert!(answer.next_task.is_set(), "{answer:?}");
    waiting_runners(&world, 1).await;
    assert!(!waits_for_other.is_finished(), "nothing became ready for the other");

    world.server.stop().await.expect("a clean end");
    let answer = soon("the other runner", waits_for_other).await.expect("joined").expect("an answer").into_owned();
    assert_eq!(wait_of(&answer), Duration::from_secs(5), "told to come back after the restart");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_one_of_many_tasks_finds_its_waiting_runner() {
    let world = World::new().await;
    let cluster = default_cluster(&world).await;
    let client = world.grpc();
    let waiting: Vec<_> = (0..50)
        .map(|_| {
            let (runner, question) = (client.tasks(), ask(&cluster, &["T"]));
            tokio::spawn(async move { runner.next_task_with_options(question, held()).await })
        })
        .collect();
    waiting_runners(&world, 50).await;
    client.jobs().submit_job(submit("j", tasks("", "T", 50))).await.expect("submitted");
    let mut inputs = std::collections::HashSet::new();
    for runner in waiting {
        let answer = soon("a runner", runner).await.expect("joined").expect("an answer").into_owned();
        inputs.insert(answer.next_task.into_option().expect("a task").input);
    }
    assert_eq!(inputs.len(), 50, "R-9: each task once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_that_ends_without_work_is_answered_idle() {
    let world = World::new().await;
    let cluster = default_cluster(&world).await;
    let options = CallOptions::default().with_header("boxwood-wait-ms", "20");
    let answer = world.grpc().tasks().next_task_with_options(ask(&cluster, &["T"]), options).await;
    let answer = answer.expect("an answer").into_owned();
    assert!(wait_of(&answer) <= Duration::from_millis(10), "asks again soon: {:?}", wait_of(&answer));
    waiting_runners(&world, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn n_16_only_an_unknown_cluster_ends_a_runner() {
    let world = World::new().await;
    let error = world.grpc().tasks().next_task(ask("no-such-cluster", &["T"])).await.expect_err("refused");
    assert_eq!(error.code, ErrorCode::NotFound);
    let error = world.grpc().tasks().next_task_with_options(ask("no-such", &["T"]), held()).await;
    assert_eq!(error.expect_err("refused").code, ErrorCode::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_before_the_answer_is_written_loses_nothing() {
    let world = World::new().await;
    let cluster = default_cluster(&world).await;
    world.grpc().jobs().submit_job(submit("j", tasks("", "T", 1))).await.expect("submitted");
    let message = ask(&cluster, &["T"]).encode_to_vec();
    let framed = [&[0][..], &(message.len() as u32).to_be_bytes(), &message].concat();
    for (kind, body) in [("application/proto", message), ("application/grpc", framed)] {
        // A client that lets the server write the head of the answer and not one byte of the task.
        let stream = tokio::net::TcpStream::connect(world.host()).await.expect("a connection");
        let (mut sender, connection) = hyper::client::conn::http2::Builder::new(TokioExecutor::new())
            .initial_stream_window_size(0)
            .handshake::<_, Full<Bytes>>(TokioIo::new(stream))
            .await
            .expect("a handshake");
        let connection = tokio::spawn(connection);
        let request = Request::post(format!("{}/workflows.v1.TaskService/NextTask", world.url()))
            .header("content-type", kind)
            .body(Full::from(body))
            .expect("a request");
        let answer = soon("the head of the answer", sender.send_request(request)).await.expect("an answer");
        assert_eq!(answer.status(), 200, "the task is handed out");
        let runner = world.grpc().tasks();
        let nothing = runner.next_task(ask(&cluster, &["T"])).await.expect("an answer").into_owned();
        assert!(nothing.idling.is_set(), "there was one task only");

        let question = ask(&cluster, &["T"]);
        let waits = tokio::spawn(async move { runner.next_task_with_options(question, held()).await });
        waiting_runners(&world, 1).await;
        drop((answer, sender));
        connection.abort();
        let answer = soon("the task comes back", waits).await.expect("joined").expect("an answer").into_owned();
        let task = answer.next_task.into_option().expect("the same task");
        assert_eq!(task.retry_count, 0, "{kind}: no retry is counted");
        let hand_back = wire::TaskFailedRequest { task_id: task.id, ..Default::default() };
        world.grpc().tasks().task_failed(hand_back).await.expect("handed back");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_was_delivered_stays_with_its_runner() {
    let world = World::new().await;
    let cluster = default_cluster(&world).await;
    world.grpc().jobs().submit_job(submit("j", tasks("", "T", 3))).await.expect("submitted");
    let question = || ask(&cluster, &["T"]);
    for answer in [
        world.grpc().tasks().next_task(question()).await,
        world.connect().tasks().next_task(question()).await,
        world.json().tasks().next_task(question()).await,
    ] {
        assert!(answer.expect("an answer").into_owned().next_task.is_set());
    }
    // Had one of them come back, this runner would be woken by it.
    let options = CallOptions::default().with_header("boxwood-wait-ms", "300");
    let answer = world.grpc().tasks().next_task_with_options(question(), options).await.expect("an answer");
    assert!(answer.into_owned().idling.is_set());
}

#[tokio::test(flavor = "multi_thread")]
async fn n_18_a_repeated_submission_makes_one_job() {
    let world = World::new().await;
    let jobs = world.grpc().jobs();
    let again = || CallOptions::default().with_header("grpc-previous-rpc-attempts", "1");
    let first = jobs.submit_job(submit("j", tasks("", "T", 3))).await.expect("submitted").into_owned();
    let repeated = jobs.submit_job_with_options(submit("j", tasks("", "T", 3)), again()).await;
    let repeated = repeated.expect("submitted").into_owned();
    assert_eq!(repeated.id, first.id);
    assert_eq!(repeated.task_summaries, first.task_summaries);

    let other_name = jobs.submit_job_with_options(submit("k", tasks("", "T", 3)), again()).await;
    assert_ne!(other_name.expect("submitted").into_owned().id, first.id);
    let said_once = jobs.submit_job(submit("j", tasks("", "T", 3))).await.expect("submitted").into_owned();
    assert_ne!(said_once.id, first.id, "J-8: the same name may be used again");
}

#[tokio::test(flavor = "multi_thread")]
async fn r_33_r_41_late_reports_and_extensions_are_no_errors() {
    let world = World::new().await;
    let cluster = default_cluster(&world).await;
    let runner = world.grpc().tasks();
    let unknown: wire::TaskLeaseRequest =
        wire::TaskLeaseRequest { task_id: support::id(&[7; 16]).into(), ..Default::default() };
    let lease = runner.extend_task_lease(unknown).await.expect("no error").into_owned();
    assert_eq!(lease, wire::TaskLease::default());

    world.grpc().jobs().submit_job(submit("j", tasks("", "T", 1))).await.expect("submitted");
    let answer = runner.next_task(ask(&cluster, &["T"])).await.expect("an answer").into_owned();
    let task = answer.next_task.into_option().expect("a task");
    for _ in 0..2 {
        let mut report = ask(&cluster, &["T"]);
        report.computed_task = computed(&task).into();
        assert!(runner.next_task(report).await.expect("no error").into_owned().idling.is_set());
    }
    let late = wire::TaskFailedRequest { task_id: task.id.clone(), ..Default::default() };
    let state = runner.task_failed(late).await.expect("no error").into_owned().state;
    assert_eq!(state, wire::TaskState::Computed);
}

#[tokio::test(flavor = "multi_thread")]
async fn r_51_content_errors_fail_the_task_and_the_call_succeeds() {
    let world = World::new().await;
    let cluster = default_cluster(&world).await;
    let client = world.grpc();
    let mut long_input = tasks("", "T", 1);
    long_input.task_groups[0].inputs[0] = vec![0; 2049];
    let mut many_groups = tasks("", "T", 1);
    many_groups.task_groups = vec![many_groups.task_groups[0].clone(); 65];
    let table = [
        (long_input, "2048"),
        (many_groups, "64"),
        (tasks("no-such-cluster", "T", 1), "no-such-cluster"),
        (tasks("no_slug", "T", 1), "no_slug"),
    ];
    for (sub_tasks, says) in table {
        let job = client.jobs().submit_job(submit("j", tasks("", "T", 1))).await.expect("submitted").into_owned();
        let answer = client.tasks().next_task(ask(&cluster, &["T"])).await.expect("an answer").into_owned();
        let task = answer.next_task.into_option().expect("a task");
        let mut report = ask(&cluster, &["T"]);
        let mut done = computed(&task);
        done.sub_tasks = sub_tasks.into();
        report.computed_task = done.into();
        client.tasks().next_task(report).await.expect("the runner goes on");
        let job = client.jobs().get_job(wire::GetJobRequest { job_id: job.id, ..Default::default() }).await;
        let job = job.expect("found").into_owned();
        assert_eq!((job.state, job.execution_stats.total_tasks), (wire::JobState::Failed.into(), 1), "{says}");
        assert!(job.task_summaries[0].display.contains(says), "{:?}: {says}", job.task_summaries[0].display);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s_40_s_41_s_42_a_lost_lease_puts_the_task_back_but_not_right_after_the_start() {
    let started = Instant::now();
    let world = World::with(|config| config.rules.lease_first = Duration::from_secs(1)).await;
    let cluster = default_cluster(&world).await;
    let client = world.grpc();
    client.jobs().submit_job(submit("j", tasks("", "T", 1))).await.expect("submitted");
    let answer = client.tasks().next_task(ask(&cluster, &["T"])).await.expect("an answer").into_owned();
    let lost = answer.next_task.into_option().expect("a task");
    let again = client.tasks().next_task_with_options(ask(&cluster, &["T"]), held()).await;
    let again = again.expect("an answer").into_owned().next_task.into_option().expect("the task comes back");
    assert_eq!((again.id, again.retry_count), (lost.id, 1));
    let after = started.elapsed();
    assert!(after >= Duration::from_secs(5), "runners have time to come back after a restart: {after:?}");
    assert!(after < Duration::from_secs(15), "within 5 seconds of the end of the lease: {after:?}");
}
