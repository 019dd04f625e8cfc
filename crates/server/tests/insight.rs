//! Runners seen, and why tasks wait, over the wire (IN-1 to IN-33).

mod support;

use boxwood_proto::boxwood::v1::{self as insight, InsightServiceClient, WaitReason};
use boxwood_proto::tilebox::v1::ID;
use boxwood_proto::workflows::v1 as wire;
use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::Full;
use support::{World, ask, computed, default_cluster, http1, identifier, soon, submit, tasks, waiting_runners};

type Client = InsightServiceClient<boxwood_proto::connectrpc::client::SharedHttp2Connection>;

fn client(world: &World) -> Client {
    let clients = world.grpc();
    InsightServiceClient::new(clients.transport, clients.config)
}

async fn runners(client: &Client) -> Vec<insight::Runners> {
    client.list_runners(insight::ListRunnersRequest::default()).await.expect("listed").into_owned().runners
}

/// Runners as cluster, names, idle and busy.
async fn counts(client: &Client) -> Vec<(String, Vec<String>, u64, u64)> {
    let line = |kind: insight::Runners| {
        let names = kind.identifiers.into_iter().map(|has| has.name).collect();
        (kind.cluster_slug, names, kind.idle, kind.busy)
    };
    runners(client).await.into_iter().map(line).collect()
}

async fn explain_job(client: &Client, job: &wire::Job) -> insight::JobExplanation {
    let request = insight::ExplainJobRequest { job_id: job.id.clone(), ..Default::default() };
    client.explain_job(request).await.expect("explained").into_owned()
}

/// The only reason for which tasks of a job wait.
async fn only_wait(client: &Client, job: &wire::Job) -> insight::Wait {
    let mut explained = explain_job(client, job).await;
    assert_eq!((explained.waits.len(), explained.further_tasks), (1, 0), "{explained:?}");
    explained.waits.remove(0)
}

/// One group of `mappers` and one task that depends on all of them.
fn map_reduce(mappers: usize) -> wire::TaskSubmissions {
    let mut both = tasks("", "Map", mappers);
    let mut reduce = tasks("", "Reduce", 1).task_groups.remove(0);
    reduce.dependencies_on_other_groups = vec![0];
    reduce.identifier_pointers = vec![1];
    reduce.display_pointers = vec![1];
    both.task_groups.push(reduce);
    both.identifier_lookup.push(identifier("Reduce", "v1.2"));
    both.display_lookup.push("Reduce".into());
    both
}

#[tokio::test]
async fn in_1_to_in_3_runners_are_seen_by_cluster_and_identifiers_idle_and_busy() {
    let world = World::new().await;
    let (insight, runner) = (client(&world), world.grpc().tasks());
    let cluster = default_cluster(&world).await;
    assert_eq!(counts(&insight).await, []);
    let ab = || vec!["A".to_owned(), "B".to_owned()];

    let idling = runner.next_task(ask(&cluster, &["A", "B"])).await.expect("asked").into_owned();
    assert!(idling.idling.is_set());
    assert_eq!(counts(&insight).await, [(cluster.clone(), ab(), 1, 0)]);

    world.grpc().jobs().submit_job(submit("j", tasks("", "A", 3))).await.expect("submitted");
    let first = runner.next_task(ask(&cluster, &["A", "B"])).await.expect("asked").into_owned();
    let first = first.next_task.as_option().expect("a task").clone();
    assert_eq!(counts(&insight).await[0].3, 1);

    // A report and the next task in one call: as many tasks are held as before.
    let mut report = ask(&cluster, &["A", "B"]);
    report.computed_task = computed(&first).into();
    let second = runner.next_task(report).await.expect("asked").into_owned();
    let second = second.next_task.as_option().expect("a task").clone();
    assert_eq!(counts(&insight).await[0].3, 1);

    let failed = wire::TaskFailedRequest { task_id: second.id.clone(), ..Default::default() };
    runner.task_failed(failed).await.expect("stored");
    assert_eq!(counts(&insight).await[0].3, 0);
    let seen = runners(&insight).await.remove(0);
    assert!(seen.last_asked_at.as_option().is_some_and(|time| time.seconds > 1_500_000_000), "{seen:?}");

    let elsewhere = insight::ListRunnersRequest { cluster_slug: "elsewhere".into(), ..Default::default() };
    assert!(insight.list_runners(elsewhere).await.expect("listed").into_owned().runners.is_empty());
}

#[tokio::test]
async fn in_2_a_runner_whose_call_is_held_is_idle() {
    let world = World::new().await;
    let cluster = default_cluster(&world).await;
    let runner = world.grpc().tasks();
    let asked = ask(&cluster, &["A"]);
    let held = tokio::spawn(async move {
        let options = boxwood_proto::connectrpc::client::CallOptions::default().with_header("boxwood-wait-ms", "30000");
        runner.next_task_with_options(asked, options).await.expect("answered").into_owned()
    });
    waiting_runners(&world, 1).await;
    let insight = client(&world);
    assert_eq!(counts(&insight).await, [(cluster.clone(), vec!["A".to_owned()], 1, 0)]);
    world.grpc().jobs().submit_job(submit("j", tasks("", "A", 1))).await.expect("submitted");
    let answer = soon("the task", held).await.expect("no panic");
    assert!(answer.next_task.is_set());
    soon("it is busy", async { while counts(&insight).await[0].3 != 1 {} }).await;
    assert_eq!(counts(&insight).await[0].2, 0);
}

#[tokio::test]
async fn in_10_to_in_14_each_reason_to_wait_is_told_for_jobs_and_tasks() {
    let world = World::new().await;
    let (insight, runner, jobs) = (client(&world), world.grpc().tasks(), world.grpc().jobs());
    let cluster = default_cluster(&world).await;
    let job = jobs.submit_job(submit("j", map_reduce(2))).await.expect("submitted").into_owned();

    let explained = explain_job(&insight, &job).await;
    assert_eq!((explained.queued_tasks, explained.waits.len(), explained.further_tasks), (3, 2, 0), "{explained:?}");
    let [mappers, reducer] = explained.waits.try_into().expect("two waits");
    assert_eq!((mappers.reason.to_i32(), mappers.tasks), (WaitReason::NoRunnerOnCluster as i32, 2));
    assert_eq!((reducer.reason.to_i32(), reducer.tasks), (WaitReason::Dependencies as i32, 1));
    assert_eq!(reducer.display, "Reduce");
    assert_eq!((reducer.dependencies[0].display.as_str(), reducer.dependencies[0].incomplete_tasks), ("Map", 2));
    assert_eq!(reducer.text, "waits for 2 of 2 tasks like Map");
    let of_task = async |id: &ID| {
        let request = insight::ExplainTaskRequest { task_id: id.clone().into(), ..Default::default() };
        client(&world).explain_task(request).await.expect("explained").into_owned()
    };
    let reduce_id = reducer.first_task_id.as_option().expect("an id").clone();
    let explained = of_task(&reduce_id).await;
    assert_eq!(explained.wait.as_option().expect("it waits").reason.to_i32(), WaitReason::Dependencies as i32);

    // A runner for something else, then one for the mappers: the closest one counts.
    runner.next_task(ask(&cluster, &["Other"])).await.expect("asked");
    let explained = explain_job(&insight, &job).await;
    assert_eq!(explained.waits[0].reason.to_i32(), WaitReason::NoRunnerForName as i32);
    for left in [1, 0] {
        let task = runner.next_task(ask(&cluster, &["Map", "Reduce"])).await.expect("asked").into_owned();
        let task = task.next_task.as_option().expect("a mapper").clone();
        let explained = of_task(task.id.as_option().expect("an id")).await;
        assert!(!explained.wait.is_set(), "a RUNNING task waits for nothing");
        if left == 1 {
            let explained = explain_job(&insight, &job).await;
            assert_eq!(explained.waits[0].reason.to_i32(), WaitReason::NextInLine as i32);
            assert_eq!(explained.waits[0].busy, 1);
        }
        let report = wire::NextTaskRequest { computed_task: computed(&task).into(), ..Default::default() };
        runner.next_task(report).await.expect("stored");
        if left == 1 {
            let waits = of_task(&reduce_id).await.wait;
            assert_eq!(waits.text, "waits for 1 of 2 tasks like Map", "in_12: those that are not complete");
        }
    }

    // The runner has v0.0 of what is wanted in v1.2.
    let wait = only_wait(&insight, &job).await;
    assert_eq!(wait.reason.to_i32(), WaitReason::NoRunnerForVersion as i32);
    assert_eq!(wait.versions_seen, ["v0.0"]);
    assert_eq!(of_task(&reduce_id).await.wait.as_option().expect("it waits").text, wait.text);

    jobs.cancel_job(wire::CancelJobRequest { job_id: job.id.clone(), ..Default::default() }).await.expect("canceled");
    assert_eq!(only_wait(&insight, &job).await.reason.to_i32(), WaitReason::JobCanceled as i32);
    assert_eq!(
        of_task(&reduce_id).await.wait.as_option().expect("it waits").reason.to_i32(),
        WaitReason::JobCanceled as i32
    );
}

#[tokio::test]
async fn in_10_tasks_of_a_failed_job_wait_for_its_retry() {
    let world = World::new().await;
    let (insight, runner, jobs) = (client(&world), world.grpc().tasks(), world.grpc().jobs());
    let cluster = default_cluster(&world).await;
    let job = jobs.submit_job(submit("j", tasks("", "A", 5))).await.expect("submitted").into_owned();
    let task = runner.next_task(ask(&cluster, &["A"])).await.expect("asked").into_owned();
    let task_id = task.next_task.as_option().expect("a task").id.clone();
    let failed = wire::TaskFailedRequest { task_id, was_workflow_error: true, ..Default::default() };
    runner.task_failed(failed).await.expect("stored");
    let wait = only_wait(&insight, &job).await;
    assert_eq!((wait.reason.to_i32(), wait.tasks), (WaitReason::JobFailed as i32, 4));
}

#[tokio::test]
async fn in_11_of_many_groups_that_wait_the_first_are_named_and_the_others_counted() {
    let world = World::new().await;
    let mut chain = tasks("", "A", 1);
    for place in 1..60 {
        let mut next = tasks("", "A", 1).task_groups.remove(0);
        next.dependencies_on_other_groups = vec![place - 1];
        chain.task_groups.push(next);
    }
    let job = world.grpc().jobs().submit_job(submit("j", chain)).await.expect("submitted").into_owned();
    let explained = explain_job(&client(&world), &job).await;
    assert_eq!((explained.queued_tasks, explained.waits.len(), explained.further_tasks), (60, 21, 39));
}

#[tokio::test]
async fn insight_is_served_as_json_too() {
    let world = World::new().await;
    let cluster = default_cluster(&world).await;
    world.grpc().tasks().next_task(ask(&cluster, &["A"])).await.expect("asked");
    let post = async |method: &str, body: &'static str| {
        let request = Request::post(format!("/boxwood.v1.InsightService/{method}"))
            .header("host", world.host())
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from_static(body.as_bytes())))
            .expect("a request");
        let response = http1(&world, request).await;
        let body: serde_json::Value = serde_json::from_slice(response.body()).expect("JSON");
        (response.status(), body)
    };
    let (status, body) = post("ListRunners", "{}").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(body["runners"][0]["clusterSlug"], cluster);
    assert_eq!(body["runners"][0]["identifiers"][0]["version"], "v0.0");
    assert_eq!(body["runners"][0]["idle"], "1");
    let unknown = r#"{"jobId":{"uuid":"ASNFZ4mrfN6PASNFZ4mrzQ=="}}"#;
    let (status, body) = post("ExplainJob", unknown).await;
    assert_eq!((status, body["code"].as_str()), (StatusCode::NOT_FOUND, Some("not_found")));
}

/// How it stands with a task.
async fn stands(client: &Client, id: &ID) -> insight::TaskExplanation {
    let request = insight::ExplainTaskRequest { task_id: id.clone().into(), ..Default::default() };
    client.explain_task(request).await.expect("explained").into_owned()
}

#[tokio::test]
async fn in_16_a_running_task_has_a_lease_and_every_task_its_job_and_executions() {
    let world = World::new().await;
    let (insight, runner, jobs) = (client(&world), world.grpc().tasks(), world.grpc().jobs());
    let cluster = default_cluster(&world).await;
    let mut submission = tasks("", "A", 1);
    submission.task_groups[0].max_retries_values = vec![2];
    let job = jobs.submit_job(submit("the job", submission)).await.expect("submitted").into_owned();
    let task = runner.next_task(ask(&cluster, &["A"])).await.expect("asked").into_owned();
    let id = task.next_task.as_option().expect("a task").id.as_option().expect("an id").clone();

    let running = stands(&insight, &id).await;
    assert_eq!((running.job_id.as_option(), running.job_name.as_str()), (job.id.as_option(), "the job"));
    assert_eq!(running.identifier.as_option().expect("an identifier").name, "A");
    let lease = running.lease.as_option().expect("a lease");
    let seconds = |time: &boxwood_proto::buffa_types::google::protobuf::Timestamp| time.seconds;
    let (start, end) = (lease.handed_out_at.as_option(), lease.ends_at.as_option());
    assert_eq!(seconds(end.expect("an end")) - seconds(start.expect("a start")), 15, "R-30");
    let executions = running.executions.as_option().expect("executions");
    assert_eq!((executions.hand_outs, executions.failures, executions.retries_left), (1, 0, 2));

    let failed = wire::TaskFailedRequest { task_id: id.clone().into(), was_workflow_error: true, ..Default::default() };
    runner.task_failed(failed).await.expect("stored");
    let queued = stands(&insight, &id).await;
    assert!(!queued.lease.is_set(), "only a RUNNING task has a lease");
    let executions = queued.executions.as_option().expect("executions");
    assert_eq!((executions.hand_outs, executions.failures, executions.retries_left), (1, 1, 1));
}

#[tokio::test]
async fn in_17_failed_tasks_are_named_beyond_the_first_thousand_of_a_job() {
    let world = World::new().await;
    let (insight, runner, jobs) = (client(&world), world.grpc().tasks(), world.grpc().jobs());
    let cluster = default_cluster(&world).await;
    let mut submission = tasks("", "Early", 1200);
    let mut late = tasks("", "Late", 1).task_groups.remove(0);
    late.identifier_pointers = vec![1];
    late.display_pointers = vec![1];
    let mut optional = late.clone();
    optional.optional_values = vec![true];
    submission.task_groups.extend([optional, late]);
    submission.identifier_lookup.push(identifier("Late", "v0.0"));
    submission.display_lookup.push("Late".into());
    let job = jobs.submit_job(submit("j", submission)).await.expect("submitted").into_owned();
    let list = async |limit| {
        let request = insight::ListFailedTasksRequest { job_id: job.id.clone(), limit, ..Default::default() };
        client(&world).list_failed_tasks(request).await.expect("listed").into_owned()
    };
    let none = list(0).await;
    assert_eq!((none.failed.len(), none.optional.len()), (0, 0));
    for _ in 0..2 {
        let task = runner.next_task(ask(&cluster, &["Late"])).await.expect("asked").into_owned();
        let task_id = task.next_task.as_option().expect("a task").id.clone();
        let failed = wire::TaskFailedRequest { task_id, was_workflow_error: true, ..Default::default() };
        runner.task_failed(failed).await.expect("stored");
    }
    let found = list(0).await;
    assert_eq!((found.failed.len(), found.optional.len()), (1, 1));
    assert_eq!(found.failed[0].display, "Late");
    assert!(found.optional[0].optional);

    // Where a task is: its job, for those who know only its id.
    let ids =
        vec![found.failed[0].id.as_option().expect("an id").clone(), ID { uuid: vec![7; 16], ..Default::default() }];
    let request = insight::FindTasksRequest { task_ids: ids, ..Default::default() };
    let placed = insight.find_tasks(request).await.expect("found").into_owned().tasks;
    assert_eq!(placed.len(), 1, "IN-18: what does not exist is left out");
    assert_eq!((placed[0].job_id.as_option(), placed[0].job_name.as_str()), (job.id.as_option(), "j"));
    let nothing = insight::FindTasksRequest { task_ids: vec![ID::default()], ..Default::default() };
    assert!(insight.find_tasks(nothing).await.is_err(), "no id");
}

#[tokio::test]
async fn in_30_queues_are_the_tasks_that_could_be_handed_out_by_cluster_and_identifier() {
    let world = World::new().await;
    let (insight, runner, jobs) = (client(&world), world.grpc().tasks(), world.grpc().jobs());
    let cluster = default_cluster(&world).await;
    let queues =
        async || insight.list_queues(insight::ListQueuesRequest::default()).await.expect("listed").into_owned();
    let lines = |answer: insight::ListQueuesResponse| -> Vec<(String, u64, i32)> {
        let line = |wait: insight::Wait| {
            let name = wait.identifier.into_option().expect("an identifier").name;
            (name, wait.tasks, wait.reason.to_i32())
        };
        answer.queues.into_iter().map(line).collect()
    };
    assert!(lines(queues().await).is_empty());

    jobs.submit_job(submit("a", map_reduce(3))).await.expect("submitted");
    jobs.submit_job(submit("b", tasks("", "Map", 2))).await.expect("submitted");
    let halted = jobs.submit_job(submit("c", tasks("", "Other", 7))).await.expect("submitted").into_owned();
    let (nobody, next) = (WaitReason::NoRunnerOnCluster as i32, WaitReason::NextInLine as i32);
    // Reduce waits for tasks, not for a runner.
    assert_eq!(lines(queues().await), [("Map".into(), 5, nobody), ("Other".into(), 7, nobody)]);
    let cancel = wire::CancelJobRequest { job_id: halted.id.clone(), ..Default::default() };
    jobs.cancel_job(cancel).await.expect("canceled");
    assert_eq!(lines(queues().await), [("Map".into(), 5, nobody)], "a halted job waits for no runner");

    let before = queues().await.handed_out_tasks;
    runner.next_task(ask(&cluster, &["Map"])).await.expect("asked");
    let answer = queues().await;
    assert_eq!((answer.handed_out_tasks, answer.truncated), (before + 1, false), "IN-32");
    assert_eq!((answer.queues[0].cluster_slug.as_str(), answer.queues[0].busy), (cluster.as_str(), 1));
    assert_eq!(lines(answer), [("Map".into(), 4, next)]);
}

#[tokio::test]
async fn in_31_queues_say_that_more_waits_than_was_counted() {
    let world = World::new().await;
    let jobs = world.grpc().jobs();
    // A group for each task: as many ranges.
    let single = |name: String| {
        let mut group = tasks("", "T", 1).task_groups.remove(0);
        group.inputs = vec![name.into_bytes()];
        group
    };
    for job in 0..320 {
        let mut submission = tasks("", "T", 1);
        submission.task_groups = (0..64).map(|task| single(format!("{job} {task}"))).collect();
        jobs.submit_job(submit("j", submission)).await.expect("submitted");
    }
    let answer = client(&world).list_queues(insight::ListQueuesRequest::default()).await.expect("listed").into_owned();
    assert_eq!((answer.truncated, answer.queues[0].tasks), (true, 20_000));
}

#[tokio::test]
async fn in_33_a_server_says_which_one_it_is() {
    let world = World::new().await;
    let said =
        client(&world).describe_server(insight::DescribeServerRequest::default()).await.expect("said").into_owned();
    assert_eq!((said.version.as_str(), said.database.as_str()), (env!("CARGO_PKG_VERSION"), "SQLite"));
    assert!(said.started_at.as_option().is_some_and(|time| time.seconds > 1_500_000_000), "{said:?}");
}
