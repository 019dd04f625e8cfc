//! Is every limit of section 12.1 kept, with INVALID_ARGUMENT and the name of the field (E-2), and is nothing stored?

mod support;

use boxwood_proto::buffa_types::google::protobuf::{Duration, Timestamp};
use boxwood_proto::connectrpc::{ConnectError, ErrorCode};
use boxwood_proto::tilebox::v1::{IDInterval, Pagination, TimeInterval};
use boxwood_proto::workflows::v1 as wire;
use support::{TRACE_PARENT, World, id, identifier, submit, tasks};

type Change<T> = fn(&mut T);

/// Asserts that a call is refused by name.
fn refused<T>(answer: Result<T, ConnectError>, field: &str) {
    let error = answer.map(|_| ()).expect_err(field);
    let message = error.message.clone().unwrap_or_default();
    assert_eq!(error.code, ErrorCode::InvalidArgument, "{field}: {message}");
    assert!(message.contains(field), "{field} is not named: {message}");
}

fn single(display: &str) -> wire::SingleTaskSubmission {
    wire::SingleTaskSubmission {
        identifier: identifier("T", "v0.0").into(),
        display: display.into(),
        ..Default::default()
    }
}

async fn nothing_stored(world: &World) {
    let jobs = world.grpc().jobs().query_jobs(wire::QueryJobsRequest::default()).await.expect("listed").into_owned();
    assert!(jobs.jobs.is_empty(), "E-3: {} jobs were stored", jobs.jobs.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn e_2_e_3_submissions_are_checked_field_by_field() {
    let table: &[(Change<wire::SubmitJobRequest>, &str)] = &[
        // LM-13, LM-14
        (|r| r.job_name.clear(), "job_name"),
        (|r| r.trace_parent.clear(), "trace_parent"),
        (|r| r.trace_parent = "not a trace parent".into(), "trace_parent"),
        (|r| r.automation_id = id(&[1; 3]).into(), "automation_id"),
        (|r| r.automation_id = id(&[0; 16]).into(), "automation_id"),
        // J-1, LM-1, LM-2, LM-3
        (|r| r.tasks = None.into(), "tasks"),
        (|r| r.tasks.get_or_insert_default().task_groups.clear(), "tasks"),
        (|r| r.tasks.get_or_insert_default().task_groups[0] = Default::default(), "task_groups[0]"),
        (|r| r.tasks.get_or_insert_default().task_groups[0].inputs[0] = vec![0; 2049], "task_groups[0].inputs[0]"),
        (
            |r| {
                let groups = &mut r.tasks.get_or_insert_default().task_groups;
                *groups = vec![groups[0].clone(); 65];
            },
            "64",
        ),
        // LM-4, LM-5
        (
            |r| r.tasks.get_or_insert_default().task_groups[0].identifier_pointers.clear(),
            "task_groups[0].identifier_pointers",
        ),
        (
            |r| r.tasks.get_or_insert_default().task_groups[0].cluster_slug_pointers.push(0),
            "task_groups[0].cluster_slug_pointers",
        ),
        (
            |r| r.tasks.get_or_insert_default().task_groups[0].display_pointers.clear(),
            "task_groups[0].display_pointers",
        ),
        (
            |r| r.tasks.get_or_insert_default().task_groups[0].max_retries_values.clear(),
            "task_groups[0].max_retries_values",
        ),
        (
            |r| r.tasks.get_or_insert_default().task_groups[0].optional_values.push(true),
            "task_groups[0].optional_values",
        ),
        (
            |r| r.tasks.get_or_insert_default().task_groups[0].identifier_pointers[0] = 1,
            "task_groups[0].identifier_pointers[0]",
        ),
        (|r| r.tasks.get_or_insert_default().display_lookup.clear(), "task_groups[0].display_pointers[0]"),
        // LM-6, LM-8, LM-9, LM-11, C-14
        (|r| r.tasks.get_or_insert_default().display_lookup[0].clear(), "display_lookup[0]"),
        (|r| r.tasks.get_or_insert_default().identifier_lookup[0].name.clear(), "identifier_lookup[0].name"),
        (|r| r.tasks.get_or_insert_default().identifier_lookup[0].name = "x".repeat(257), "identifier_lookup[0].name"),
        (|r| r.tasks.get_or_insert_default().identifier_lookup[0].version = "1".into(), "identifier_lookup[0].version"),
        (
            |r| r.tasks.get_or_insert_default().task_groups[0].max_retries_values[0] = -1,
            "task_groups[0].max_retries_values[0]",
        ),
        (|r| r.tasks.get_or_insert_default().cluster_slug_lookup[0] = "a_b".into(), "cluster_slug_lookup[0]"),
        // T-95
        (
            |r| r.tasks.get_or_insert_default().task_groups[0].dependencies_on_other_groups.push(0),
            "dependencies_on_other_groups",
        ),
        // LM-10
        (
            |r| {
                r.tasks = None.into();
                r.legacy_tasks = vec![single("T"); 1001];
            },
            "1000",
        ),
        (
            |r| {
                r.tasks = None.into();
                r.legacy_tasks = vec![wire::SingleTaskSubmission { dependencies: vec![64], ..single("T") }; 66];
            },
            "dependencies",
        ),
        (
            |r| {
                r.tasks = None.into();
                r.legacy_tasks = vec![single("")];
            },
            "legacy_tasks[0].display",
        ),
        (
            |r| {
                r.tasks = None.into();
                r.legacy_tasks = vec![wire::SingleTaskSubmission { identifier: None.into(), ..single("T") }];
            },
            "legacy_tasks[0].identifier",
        ),
    ];
    let world = World::new().await;
    let jobs = world.grpc().jobs();
    for (change, field) in table {
        let mut request = submit("j", tasks("", "T", 1));
        change(&mut request);
        refused(jobs.submit_job(request).await, field);
    }
    nothing_stored(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lies_just_within_the_limits_is_taken() {
    let world = World::new().await;
    let jobs = world.grpc().jobs();
    let mut largest = submit(&"é".repeat(5000), tasks("", &"x".repeat(256), 1));
    let submission = largest.tasks.get_or_insert_default();
    submission.task_groups[0].inputs[0] = vec![0; 2048];
    submission.task_groups[0].max_retries_values[0] = i64::MAX;
    submission.task_groups = vec![submission.task_groups[0].clone(); 64];
    submission.display_lookup[0] = "é".repeat(5000);
    let job = jobs.submit_job(largest).await.expect("taken").into_owned();
    assert_eq!(job.name.chars().count(), 5000);
    assert_eq!(job.task_summaries[0].display.chars().count(), 1024, "LM-7: cut");

    let legacy = wire::SubmitJobRequest {
        legacy_tasks: vec![single("T"); 1000],
        job_name: "flat".into(),
        trace_parent: TRACE_PARENT.into(),
        ..Default::default()
    };
    assert_eq!(jobs.submit_job(legacy).await.expect("taken").into_owned().execution_stats.total_tasks, 1000);
}

#[tokio::test(flavor = "multi_thread")]
async fn j_5_an_unknown_cluster_is_not_found_and_nothing_is_stored() {
    let world = World::new().await;
    let error = world.grpc().jobs().submit_job(submit("j", tasks("no-such", "T", 1))).await.expect_err("unknown");
    assert_eq!(error.code, ErrorCode::NotFound);
    assert!(error.message.expect("a message").contains("no-such"));
    nothing_stored(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn n_8_ids_are_checked_in_every_call() {
    let world = World::new().await;
    let (jobs, runner) = (world.grpc().jobs(), world.grpc().tasks());
    for bytes in [&[][..], &[1; 15], &[1; 17], &[0; 16]] {
        let job_id = || id(bytes).into();
        refused(jobs.get_job(wire::GetJobRequest { job_id: job_id(), ..Default::default() }).await, "job_id");
        refused(jobs.retry_job(wire::RetryJobRequest { job_id: job_id(), ..Default::default() }).await, "job_id");
        refused(jobs.cancel_job(wire::CancelJobRequest { job_id: job_id(), ..Default::default() }).await, "job_id");
        let request = wire::VisualizeJobRequest { job_id: job_id(), ..Default::default() };
        refused(jobs.visualize_job(request).await, "job_id");
        let request = wire::GetJobPrototypeRequest { job_id: job_id(), ..Default::default() };
        refused(jobs.get_job_prototype(request).await, "job_id");
        let request = wire::GetJobProgressRequest { job_id: job_id(), ..Default::default() };
        refused(jobs.get_job_progress(request).await, "job_id");
        let request = wire::ListJobTasksRequest { job_id: job_id(), ..Default::default() };
        refused(jobs.list_job_tasks(request).await, "job_id");
        let request = wire::CloneJobRequest { job_id: job_id(), ..Default::default() };
        refused(jobs.clone_job(request).await, "job_id");
        let request = wire::TaskFailedRequest { task_id: job_id(), ..Default::default() };
        refused(runner.task_failed(request).await, "task_id");
        let request = wire::TaskLeaseRequest { task_id: job_id(), ..Default::default() };
        refused(runner.extend_task_lease(request).await, "task_id");
        let computed = wire::ComputedTask { id: job_id(), ..Default::default() };
        let request = wire::NextTaskRequest { computed_task: computed.into(), ..Default::default() };
        refused(runner.next_task(request).await, "computed_task.id");
    }
    refused(jobs.get_job(wire::GetJobRequest::default()).await, "job_id");
}

#[tokio::test(flavor = "multi_thread")]
async fn r_3_questions_for_work_are_checked() {
    let world = World::new().await;
    let runner = world.grpc().tasks();
    let cluster = support::default_cluster(&world).await;
    let table: &[(Change<wire::NextTaskToRun>, &str)] = &[
        (|ask| ask.cluster_slug.clear(), "next_task_to_run.cluster_slug"),
        (|ask| ask.cluster_slug = "no slug".into(), "next_task_to_run.cluster_slug"),
        (|ask| ask.identifiers[0].name.clear(), "next_task_to_run.identifiers[0].name"),
        (|ask| ask.identifiers[0].version = "v1".into(), "next_task_to_run.identifiers[0].version"),
    ];
    for (change, field) in table {
        let mut request = support::ask(&cluster, &["T"]);
        change(request.next_task_to_run.get_or_insert_default());
        refused(runner.next_task(request).await, field);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r_50_malformed_reports_are_refused_and_change_nothing() {
    let world = World::new().await;
    let client = world.grpc();
    let cluster = support::default_cluster(&world).await;
    let job = client.jobs().submit_job(submit("j", tasks("", "T", 1))).await.expect("submitted").into_owned();
    let answer = client.tasks().next_task(support::ask(&cluster, &["T"])).await.expect("an answer").into_owned();
    let task = answer.next_task.into_option().expect("a task");
    let table: &[(Change<wire::TaskSubmissions>, &str)] = &[
        (|s| s.task_groups.clear(), "task_groups"),
        (|s| s.task_groups[0] = Default::default(), "task_groups[0]"),
        (|s| s.task_groups[0].identifier_pointers[0] = 1, "task_groups[0].identifier_pointers[0]"),
        (|s| s.task_groups[0].display_pointers.clear(), "task_groups[0].display_pointers"),
        (|s| s.task_groups[0].dependencies_on_other_groups.push(0), "dependencies_on_other_groups"),
    ];
    for (change, field) in table {
        let mut report = support::ask(&cluster, &["T"]);
        let mut done = support::computed(&task);
        let mut sub_tasks = tasks("", "T", 1);
        change(&mut sub_tasks);
        done.sub_tasks = sub_tasks.into();
        report.computed_task = done.into();
        refused(client.tasks().next_task(report).await, field);
    }
    let job = client.jobs().get_job(wire::GetJobRequest { job_id: job.id, ..Default::default() }).await;
    assert_eq!(job.expect("found").into_owned().state, wire::JobState::Running);
}

#[tokio::test(flavor = "multi_thread")]
async fn r_43_reports_for_unknown_tasks_are_not_found() {
    let world = World::new().await;
    let computed = wire::ComputedTask { id: id(&[7; 16]).into(), ..Default::default() };
    let request = wire::NextTaskRequest { computed_task: computed.into(), ..Default::default() };
    assert_eq!(world.grpc().tasks().next_task(request).await.expect_err("unknown").code, ErrorCode::NotFound);
    let request = wire::TaskFailedRequest { task_id: id(&[7; 16]).into(), ..Default::default() };
    assert_eq!(world.grpc().tasks().task_failed(request).await.expect_err("unknown").code, ErrorCode::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn j_45_j_46_j_54_filters_are_checked() {
    let world = World::new().await;
    let jobs = world.grpc().jobs();
    let table: &[(Change<wire::QueryJobsRequest>, &str)] = &[
        (|r| r.page.get_or_insert_default().limit = Some(0), "page.limit"),
        (|r| r.page.get_or_insert_default().limit = Some(-5), "page.limit"),
        (|r| r.page.get_or_insert_default().starting_after = id(&[1; 4]).into(), "page.starting_after"),
        (
            |r| {
                let filters = r.filters.get_or_insert_default();
                filters.time_interval = TimeInterval::default().into();
                filters.id_interval = IDInterval::default().into();
            },
            "time_interval",
        ),
        (|r| r.filters.get_or_insert_default().name = "é".repeat(101), "filters.name"),
        (|r| r.filters.get_or_insert_default().states = vec![7.into()], "filters.states[0]"),
        (|r| r.filters.get_or_insert_default().states = vec![0.into()], "filters.states[0]"),
        (|r| r.filters.get_or_insert_default().task_states = vec![(-1).into()], "filters.task_states[0]"),
        (|r| r.filters.get_or_insert_default().automation_ids = vec![id(&[0; 16])], "filters.automation_ids[0]"),
        (|r| r.filters.get_or_insert_default().cluster_slugs = vec!["a b".into()], "filters.cluster_slugs[0]"),
        (|r| r.filters.get_or_insert_default().cluster_slugs = vec![String::new()], "filters.cluster_slugs[0]"),
        (
            |r| {
                let time = Timestamp { seconds: i64::MAX, ..Default::default() };
                let interval = TimeInterval { start_time: time.into(), ..Default::default() };
                r.filters.get_or_insert_default().time_interval = interval.into();
            },
            "filters.time_interval.start_time",
        ),
        (
            |r| {
                let interval = IDInterval { end_id: id(&[1; 2]).into(), ..Default::default() };
                r.filters.get_or_insert_default().id_interval = interval.into();
            },
            "filters.id_interval.end_id",
        ),
        (|r| r.sort_direction = 9.into(), "sort_direction"),
    ];
    for (change, field) in table {
        let mut request = wire::QueryJobsRequest::default();
        change(&mut request);
        refused(jobs.query_jobs(request).await, field);
    }
    let fine = wire::QueryJobsRequest {
        filters: wire::QueryFilters { name: "é".repeat(100), ..Default::default() }.into(),
        page: Pagination { limit: Some(i64::MAX), ..Default::default() }.into(),
        ..Default::default()
    };
    jobs.query_jobs(fine).await.expect("within the limits");
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_and_lists_are_checked() {
    let world = World::new().await;
    let jobs = world.grpc().jobs();
    let request = wire::GetTaskQueueStatsRequest {
        job_max_age: Duration { seconds: -1, ..Default::default() }.into(),
        ..Default::default()
    };
    refused(jobs.get_task_queue_stats(request).await, "job_max_age");
    let bad = Timestamp { nanos: -1, ..Default::default() };
    let request = wire::GetJobStateCountsRequest {
        time_interval: TimeInterval { end_time: bad.into(), ..Default::default() }.into(),
        ..Default::default()
    };
    refused(jobs.get_job_state_counts(request).await, "time_interval.end_time");
    let table: &[(Change<wire::ListJobTasksRequest>, &str)] = &[
        (|r| r.parent_task_id = id(&[1; 4]).into(), "parent_task_id"),
        (|r| r.page.get_or_insert_default().limit = Some(0), "page.limit"),
        (|r| r.prefetch_children.get_or_insert_default().limit = -1, "prefetch_children.limit"),
    ];
    for (change, field) in table {
        let mut request = wire::ListJobTasksRequest { job_id: id(&[1; 16]).into(), ..Default::default() };
        change(&mut request);
        refused(jobs.list_job_tasks(request).await, field);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn v_11_v_12_lm_20_drawings_are_checked() {
    let world = World::with(|config| config.visualized_tasks_max = 3).await;
    let jobs = world.grpc().jobs();
    let job = jobs.submit_job(submit("j", tasks("", "T", 3))).await.expect("submitted").into_owned();
    let table: &[(Change<wire::VisualizeJobRequest>, &str)] = &[
        (|r| r.render_options.get_or_insert_default().layout = "dot".into(), "render_options.layout"),
        (|r| r.render_options.get_or_insert_default().direction = "north".into(), "render_options.direction"),
        (|r| r.render_options.get_or_insert_default().padding = -1, "render_options.padding"),
        (|r| r.theme = 17.into(), "theme"),
    ];
    for (change, field) in table {
        let mut request = wire::VisualizeJobRequest { job_id: job.id.clone(), ..Default::default() };
        change(&mut request);
        refused(jobs.visualize_job(request).await, field);
    }
    let fine = wire::VisualizeJobRequest { job_id: job.id, ..Default::default() };
    assert!(jobs.visualize_job(fine).await.expect("drawn").into_owned().svg.starts_with(b"<svg"));

    let job = jobs.submit_job(submit("j", tasks("", "T", 4))).await.expect("submitted").into_owned();
    let large = wire::VisualizeJobRequest { job_id: job.id, ..Default::default() };
    refused(jobs.visualize_job(large).await, "up to 3");
}

#[tokio::test(flavor = "multi_thread")]
async fn lm_17_clones_have_1_to_64_root_tasks_and_a_name() {
    let world = World::new().await;
    let jobs = world.grpc().jobs();
    let job = jobs.submit_job(submit("j", tasks("", "T", 1))).await.expect("submitted").into_owned();
    let table: &[(Change<wire::CloneJobRequest>, &str)] = &[
        (|r| r.root_tasks_overrides.clear(), "root_tasks_overrides"),
        (|r| r.root_tasks_overrides = vec![single("T"); 65], "root_tasks_overrides"),
        (|r| r.job_name.clear(), "job_name"),
        (|r| r.root_tasks_overrides[0].max_retries = -1, "root_tasks_overrides[0].max_retries"),
        (|r| r.root_tasks_overrides[0].input = vec![0; 2049], "inputs[0]"),
    ];
    for (change, field) in table {
        let mut request = wire::CloneJobRequest {
            job_id: job.id.clone(),
            root_tasks_overrides: vec![single("T")],
            job_name: "clone".into(),
            ..Default::default()
        };
        change(&mut request);
        refused(jobs.clone_job(request).await, field);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lm_21_lm_22_lm_23_clusters_are_checked() {
    let world = World::new().await;
    let clusters = world.grpc().workflows();
    let table: &[(Change<wire::CreateClusterRequest>, &str)] = &[
        (|r| r.name.clear(), "name"),
        (|r| r.name = "é".repeat(101), "name"),
        (|r| r.description = "é".repeat(50_001), "description"),
        (|r| r.slug = "no slug".into(), "slug"),
        (|r| r.slug = "a".repeat(101), "slug"),
    ];
    for (change, field) in table {
        let mut request = wire::CreateClusterRequest { name: "dev".into(), ..Default::default() };
        change(&mut request);
        refused(clusters.create_cluster(request).await, field);
    }
    let table: &[(Change<wire::UpdateClusterRequest>, &str)] = &[
        (|r| r.cluster_slug.clear(), "cluster_slug"),
        (|r| r.cluster_slug = "no slug".into(), "cluster_slug"),
        (|r| r.name = Some(String::new()), "name"),
        (|r| r.name = Some("x".repeat(101)), "name"),
        (|r| r.description = Some("x".repeat(50_001)), "description"),
    ];
    for (change, field) in table {
        let mut request = wire::UpdateClusterRequest { cluster_slug: "dev".into(), ..Default::default() };
        change(&mut request);
        refused(clusters.update_cluster(request).await, field);
    }
    for slug in ["", "no slug", &"a".repeat(101)] {
        let request = wire::DeleteClusterRequest { cluster_slug: slug.into(), ..Default::default() };
        refused(clusters.delete_cluster(request).await, "cluster_slug");
    }
    let request = wire::GetClusterRequest { cluster_slug: "no slug".into(), ..Default::default() };
    refused(clusters.get_cluster(request).await, "cluster_slug");

    let largest = wire::CreateClusterRequest {
        name: "é".repeat(100),
        description: "é".repeat(50_000),
        slug: "a".repeat(100),
        ..Default::default()
    };
    clusters.create_cluster(largest).await.expect("within the limits");
}
