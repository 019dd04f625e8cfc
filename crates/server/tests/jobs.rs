//! Do the job calls answer what section 3 says?

mod support;

use boxwood_proto::connectrpc::ErrorCode;
use boxwood_proto::connectrpc::client::CallOptions;
use boxwood_proto::tilebox::v1::{ID, IDInterval, Pagination, SortDirection, TimeInterval};
use boxwood_proto::workflows::v1 as wire;
use support::{World, ask, computed, default_cluster, id, submit, tasks};

async fn submitted(world: &World, name: &str, count: usize) -> wire::Job {
    world.grpc().jobs().submit_job(submit(name, tasks("", "T", count))).await.expect("submitted").into_owned()
}

async fn next(world: &World, report: Option<wire::ComputedTask>) -> Option<wire::Task> {
    let mut request = ask(&default_cluster(world).await, &["T"]);
    request.computed_task = report.into();
    world.grpc().tasks().next_task(request).await.expect("an answer").into_owned().next_task.into_option()
}

async fn query(world: &World, request: wire::QueryJobsRequest) -> wire::QueryJobsResponse {
    world.grpc().jobs().query_jobs(request).await.expect("listed").into_owned()
}

fn names(answer: &wire::QueryJobsResponse) -> Vec<&str> {
    answer.jobs.iter().map(|job| job.name.as_str()).collect()
}

fn filtered(filters: wire::QueryFilters) -> wire::QueryJobsRequest {
    wire::QueryJobsRequest { filters: filters.into(), ..Default::default() }
}

fn milliseconds(id: &ID) -> u64 {
    id.uuid[..6].iter().fold(0, |number, byte| (number << 8) | u64::from(*byte))
}

#[tokio::test(flavor = "multi_thread")]
async fn n_9_j_6_a_jobs_id_carries_its_time_of_submission() {
    let world = World::new().await;
    let job = submitted(&world, "j", 2).await;
    let at = &job.submitted_at;
    assert_eq!(
        milliseconds(&job.id),
        u64::try_from(at.seconds).expect("after 1970") * 1000 + at.nanos as u64 / 1_000_000
    );
    assert_eq!(at.nanos % 1_000_000, 0, "whole milliseconds");
    let stats = &job.execution_stats;
    assert_eq!((stats.total_tasks, stats.parallelism), (2, 0.0));
    assert!(!stats.first_task_started_at.is_set() && !stats.elapsed_time.is_set());
}

#[tokio::test(flavor = "multi_thread")]
async fn j_51_to_j_55_jobs_are_listed_newest_first_page_by_page_without_tasks() {
    let world = World::new().await;
    for number in 0..5 {
        submitted(&world, &format!("job {number}"), 1).await;
    }
    let all = query(&world, wire::QueryJobsRequest::default()).await;
    assert_eq!(names(&all), ["job 4", "job 3", "job 2", "job 1", "job 0"]);
    assert!(!all.next_page.is_set(), "J-52: no next page when everything fits");
    assert!(all.jobs.iter().all(|job| job.task_summaries.is_empty() && job.execution_stats.is_set()), "J-55");

    let mut page: Pagination = Pagination { limit: Some(2), ..Default::default() };
    let mut seen = Vec::new();
    for pages in 0.. {
        assert!(pages < 5, "the pages do not end");
        let request = wire::QueryJobsRequest {
            page: page.into(),
            sort_direction: SortDirection::Ascending.into(),
            ..Default::default()
        };
        let answer = query(&world, request).await;
        seen.extend(names(&answer).into_iter().map(str::to_owned));
        match answer.next_page.into_option() {
            Some(next) => page = next,
            None => break,
        }
        assert_eq!(page.limit, Some(2));
    }
    assert_eq!(seen, ["job 0", "job 1", "job 2", "job 3", "job 4"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn j_42_to_j_50_filters_choose_jobs() {
    let world = World::new().await;
    let first = submitted(&world, "Mosaic of Iceland", 1).await;
    let second = submitted(&world, "mosaic_of/norway", 1).await;
    let created = wire::CreateClusterRequest { name: "gpu".into(), slug: "gpu".into(), ..Default::default() };
    world.grpc().workflows().create_cluster(created).await.expect("created");
    let third = submit("other", tasks("gpu", "T", 1));
    let third = world.grpc().jobs().submit_job(third).await.expect("submitted").into_owned();
    next(&world, None).await.expect("the first job's task");

    let by = |change: fn(&mut wire::QueryFilters)| {
        let mut filters = wire::QueryFilters::default();
        change(&mut filters);
        filtered(filters)
    };
    let found = query(&world, by(|f| f.name = "MOSAIC of".into())).await;
    assert_eq!(names(&found), ["mosaic_of/norway", "Mosaic of Iceland"]);
    let found = query(&world, by(|f| f.states = vec![wire::JobState::Running.into()])).await;
    assert_eq!(names(&found), ["Mosaic of Iceland"]);
    let found = query(&world, by(|f| f.task_states = vec![wire::TaskState::Queued.into()])).await;
    assert_eq!(names(&found), ["other", "mosaic_of/norway"]);
    let found = query(&world, by(|f| f.cluster_slugs = vec!["gpu".into()])).await;
    assert_eq!(names(&found), ["other"]);
    let found = query(&world, by(|f| f.automation_ids = vec![id(&[1; 16])])).await;
    assert!(found.jobs.is_empty());

    let ids = |start: &wire::Job, end: &wire::Job, end_inclusive| {
        filtered(wire::QueryFilters {
            id_interval: IDInterval {
                start_id: start.id.clone(),
                end_id: end.id.clone(),
                end_inclusive,
                ..Default::default()
            }
            .into(),
            ..Default::default()
        })
    };
    let mut of_two = [&first, &second];
    of_two.sort_by_key(|job| job.id.uuid.clone());
    assert!(query(&world, ids(of_two[0], of_two[1], true)).await.jobs.len() >= 2);
    let start = of_two[0].name.as_str();
    assert!(names(&query(&world, ids(of_two[0], of_two[1], false)).await).contains(&start));

    let at = |start: &wire::Job, end: &wire::Job, end_inclusive| {
        filtered(wire::QueryFilters {
            time_interval: TimeInterval {
                start_time: start.submitted_at.clone(),
                end_time: end.submitted_at.clone(),
                end_inclusive,
                ..Default::default()
            }
            .into(),
            ..Default::default()
        })
    };
    assert_eq!(query(&world, at(&first, &third, true)).await.jobs.len(), 3);
    assert!(names(&query(&world, at(&first, &first, true)).await).contains(&"Mosaic of Iceland"));
    assert!(query(&world, at(&first, &first, false)).await.jobs.is_empty(), "start is end, end excluded");
}

#[tokio::test(flavor = "multi_thread")]
async fn j_56_j_57_tasks_are_listed_level_by_level_with_children_ahead() {
    let world = World::new().await;
    let job = submitted(&world, "tree", 3).await;
    let mut root = next(&world, None).await;
    for _ in 0..2 {
        let task = root.expect("a task");
        let mut done = computed(&task);
        done.sub_tasks = tasks("", "U", 4).into();
        root = next(&world, Some(done)).await;
    }
    let list = |change: fn(&mut wire::ListJobTasksRequest)| {
        let mut request = wire::ListJobTasksRequest { job_id: job.id.clone(), ..Default::default() };
        change(&mut request);
        let jobs = world.grpc().jobs();
        async move { jobs.list_job_tasks(request).await.expect("listed").into_owned() }
    };
    let roots = list(|_| {}).await;
    assert!(roots.prefetched_child_pages.is_empty());
    let shown: Vec<_> = roots
        .page
        .tasks
        .iter()
        .map(|task| (task.state.as_known().expect("known"), task.has_children, task.input.clone().expect("an input")))
        .collect();
    assert_eq!(
        shown,
        [
            (wire::TaskState::TASK_STATE_COMPUTED, true, b"0".to_vec()),
            (wire::TaskState::TASK_STATE_COMPUTED, true, b"1".to_vec()),
            (wire::TaskState::TASK_STATE_RUNNING, false, b"2".to_vec()),
        ]
    );
    let first = &roots.page.tasks[0];
    assert!(first.started_at.is_set() && first.stopped_at.is_set() && first.submitted_at.is_set());
    assert_eq!(first.cluster_slug, default_cluster(&world).await);

    let ahead = list(|r| r.prefetch_children.get_or_insert_default().limit = 3).await;
    assert_eq!(ahead.prefetched_child_pages.len(), 2);
    let children = &ahead.prefetched_child_pages[0];
    assert_eq!(children.parent_task_id, first.id);
    assert_eq!(children.tasks.len(), 3);
    assert!(children.tasks.iter().all(|child| child.parent_id == first.id && child.display == "U"));
    let mut rest = wire::ListJobTasksRequest { job_id: job.id.clone(), ..Default::default() };
    rest.parent_task_id = first.id.clone();
    rest.page = children.next_page.clone();
    let rest = world.grpc().jobs().list_job_tasks(rest).await.expect("listed").into_owned();
    assert_eq!(rest.page.tasks.len(), 1);
    assert!(!rest.page.next_page.is_set());

    let unknown = wire::ListJobTasksRequest { job_id: id(&[9; 16]).into(), ..Default::default() };
    let error = world.grpc().jobs().list_job_tasks(unknown).await.expect_err("unknown");
    assert_eq!(error.code, ErrorCode::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn j_60_to_j_75_jobs_are_retried_and_canceled() {
    let world = World::new().await;
    let jobs = world.grpc().jobs();
    let job = submitted(&world, "flaky", 1).await;
    let get = || wire::GetJobRequest { job_id: job.id.clone(), ..Default::default() };
    let task = next(&world, None).await.expect("a task");
    let failure = wire::TaskFailedRequest {
        task_id: task.id.clone(),
        display: "T\nboom".into(),
        was_workflow_error: true,
        ..Default::default()
    };
    let state = world.grpc().tasks().task_failed(failure).await.expect("stored").into_owned().state;
    assert_eq!(state, wire::TaskState::Failed);
    let failed = jobs.get_job(get()).await.expect("found").into_owned();
    assert_eq!((failed.state, failed.canceled), (wire::JobState::Failed.into(), true));
    assert_eq!(failed.task_summaries[0].display, "T\nboom");

    let retry = || wire::RetryJobRequest { job_id: job.id.clone(), ..Default::default() };
    assert_eq!(jobs.retry_job(retry()).await.expect("retried").into_owned().num_tasks_rescheduled, 1);
    assert_eq!(jobs.get_job(get()).await.expect("found").into_owned().state, wire::JobState::Running, "J-22");
    let again = next(&world, None).await.expect("the same task");
    assert_eq!((again.id.clone(), again.display.as_deref(), again.retry_count), (task.id, Some("T\nboom"), 1));

    let cancel = || wire::CancelJobRequest { job_id: job.id.clone(), ..Default::default() };
    jobs.cancel_job(cancel()).await.expect("canceled");
    jobs.cancel_job(cancel()).await.expect("J-75: again");
    assert_eq!(jobs.get_job(get()).await.expect("found").into_owned().state, wire::JobState::Canceled);
    assert_eq!(jobs.retry_job(retry()).await.expect("resumed").into_owned().num_tasks_rescheduled, 0, "J-64");

    let nobody = id(&[9; 16]);
    let error = jobs.retry_job(wire::RetryJobRequest { job_id: nobody.clone().into(), ..Default::default() }).await;
    assert_eq!(error.expect_err("J-60").code, ErrorCode::NotFound);
    let error = jobs.cancel_job(wire::CancelJobRequest { job_id: nobody.into(), ..Default::default() }).await;
    assert_eq!(error.expect_err("J-70").code, ErrorCode::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn j_80_to_j_82_a_job_is_cloned_from_its_prototype() {
    let world = World::new().await;
    let jobs = world.grpc().jobs();
    let mut submission = tasks("", "T", 2);
    submission.task_groups.push(wire::TaskSubmissionGroup {
        dependencies_on_other_groups: vec![0],
        inputs: vec![b"reduce".to_vec()],
        identifier_pointers: vec![0],
        cluster_slug_pointers: vec![0],
        display_pointers: vec![0],
        max_retries_values: vec![5],
        ..Default::default()
    });
    let job = jobs.submit_job(submit("original", submission)).await.expect("submitted").into_owned();
    let request = wire::GetJobPrototypeRequest { job_id: job.id.clone(), ..Default::default() };
    let prototype = jobs.get_job_prototype(request).await.expect("found").into_owned();
    assert_eq!(prototype.job_name, "original");
    let shown: Vec<_> = prototype
        .root_tasks
        .iter()
        .map(|task| (task.input.as_slice(), task.dependencies.as_slice(), task.max_retries))
        .collect();
    assert_eq!(shown, [(&b"0"[..], &[][..], 0), (b"1", &[], 0), (b"reduce", &[0, 1], 5)]);

    let clone = wire::CloneJobRequest {
        job_id: job.id.clone(),
        root_tasks_overrides: prototype.root_tasks,
        job_name: "clone".into(),
        ..Default::default()
    };
    let clone = jobs.clone_job(clone).await.expect("cloned").into_owned();
    assert_eq!((clone.name.as_str(), clone.execution_stats.total_tasks), ("clone", 3));
    assert!(clone.id != job.id && clone.trace_parent != job.trace_parent && !clone.automation_id.is_set());
    let request = wire::GetJobPrototypeRequest { job_id: clone.id, ..Default::default() };
    let again = jobs.get_job_prototype(request).await.expect("found").into_owned();
    assert_eq!(again.root_tasks[2].dependencies, [0, 1]);

    let unknown = wire::CloneJobRequest {
        job_id: id(&[9; 16]).into(),
        root_tasks_overrides: again.root_tasks,
        job_name: "clone".into(),
        ..Default::default()
    };
    assert_eq!(jobs.clone_job(unknown).await.expect_err("unknown").code, ErrorCode::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn j_58_j_59_counts_by_state_and_what_waits() {
    let world = World::new().await;
    let jobs = world.grpc().jobs();
    let counts = jobs.get_job_state_counts(wire::GetJobStateCountsRequest::default()).await.expect("counted");
    assert_eq!(counts.into_owned().total_jobs, 0);
    let oldest = submitted(&world, "runs", 1).await;
    submitted(&world, "waits", 2).await;
    submitted(&world, "waits too", 3).await;
    next(&world, None).await.expect("the oldest job's task");

    let counts = jobs.get_job_state_counts(wire::GetJobStateCountsRequest::default()).await.expect("counted");
    let counts = counts.into_owned();
    let shown: Vec<_> = counts.state_counts.iter().map(|c| (c.state.as_known().expect("known"), c.count)).collect();
    assert_eq!(shown, [(wire::JobState::JOB_STATE_SUBMITTED, 2), (wire::JobState::JOB_STATE_RUNNING, 1)]);
    assert_eq!(counts.total_jobs, 3);

    let stats = jobs.get_task_queue_stats(wire::GetTaskQueueStatsRequest::default()).await.expect("counted");
    let stats = stats.into_owned();
    assert_eq!((stats.waiting_jobs, stats.running_jobs, stats.queued_tasks), (2, 1, 5));
    assert_eq!(stats.oldest_waiting_job.name, "waits");

    let future = TimeInterval { end_time: oldest.submitted_at.clone(), ..Default::default() };
    let before = wire::GetTaskQueueStatsRequest { job_time_interval: future.into(), ..Default::default() };
    let stats = jobs.get_task_queue_stats(before).await.expect("counted").into_owned();
    assert_eq!((stats.waiting_jobs, stats.running_jobs), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_alone_can_be_asked_for() {
    let world = World::new().await;
    let job = submitted(&world, "progress", 1).await;
    let mut done = computed(&next(&world, None).await.expect("a task"));
    done.progress_updates = vec![
        wire::Progress { label: "b".into(), total: 4, done: 5, ..Default::default() },
        wire::Progress { total: 1, done: 1, ..Default::default() },
    ];
    next(&world, Some(done)).await;
    let request = wire::GetJobProgressRequest { job_id: job.id.clone(), ..Default::default() };
    let shown = world.grpc().jobs().get_job_progress(request).await.expect("found").into_owned();
    let labels: Vec<_> = shown.progress.iter().map(|p| (p.label.as_str(), p.total, p.done)).collect();
    assert_eq!(labels, [("", 1, 1), ("b", 4, 5)], "P-6, P-7");
    assert_eq!((shown.id, shown.state), (job.id, wire::JobState::Completed.into()));
    assert!(shown.started_at.is_set() && shown.name.is_empty() && !shown.execution_stats.is_set());
}

#[tokio::test(flavor = "multi_thread")]
async fn v_20_a_large_job_is_drawn_folded_if_the_request_asks_for_it() {
    let world = World::new().await;
    let mut submission = tasks("", "Map", 300);
    submission.task_groups.push(wire::TaskSubmissionGroup {
        dependencies_on_other_groups: vec![0],
        ..tasks("", "Map", 1).task_groups[0].clone()
    });
    let job = world.grpc().jobs().submit_job(submit("folded", submission)).await.expect("submitted").into_owned();
    let request = wire::VisualizeJobRequest { job_id: job.id, ..Default::default() };
    let asking = |value| CallOptions::default().with_header("boxwood-fold", value);
    for drawn in [
        world
            .grpc()
            .jobs()
            .visualize_job_with_options(request.clone(), asking("true"))
            .await
            .map(|svg| svg.into_owned()),
        world
            .json()
            .jobs()
            .visualize_job_with_options(request.clone(), asking("true"))
            .await
            .map(|svg| svg.into_owned()),
    ] {
        let svg = String::from_utf8(drawn.expect("drawn").svg).expect("UTF-8");
        assert_eq!(svg.matches("class=\"task\"").count(), 2, "{svg}");
        assert!(svg.contains("data-count=\"300\"") && svg.contains("× 300"), "{svg}");
        assert_eq!(svg.matches("class=\"edge dependency\"").count(), 1);
        // V-22: the box of the single task says which one it is.
        assert_eq!(svg.matches("data-task=\"").count(), 1);
    }
    for options in [asking("false"), CallOptions::default()] {
        let refusal = world.grpc().jobs().visualize_job_with_options(request.clone(), options).await.expect_err("V-16");
        assert_eq!(refusal.code, ErrorCode::InvalidArgument);
        assert!(refusal.message.is_some_and(|message| message.contains("up to 200")));
    }
    let world = World::with(|config| config.visualized_tasks_max = 1).await;
    let job = submitted(&world, "two", 2).await;
    let request = wire::VisualizeJobRequest { job_id: job.id, ..Default::default() };
    world.grpc().jobs().visualize_job_with_options(request, asking("true")).await.expect("two tasks are one box");
}

#[tokio::test(flavor = "multi_thread")]
async fn v_19_v_21_a_text_is_drawn_and_what_is_not_served_is_refused_with_its_place() {
    let world = World::with(|config| config.visualized_tasks_max = 3).await;
    let text = "title: two\nroot: Root <&> {class: running}\nleaf\nroot -> leaf\nleaf -> root: {class: dependency}";
    let request = |diagram: &str, options: wire::RenderOptions| wire::RenderDiagramRequest {
        diagram: diagram.into(),
        render_options: options.into(),
        ..Default::default()
    };
    let dark = wire::RenderOptions { theme_id: Some(200), sketchy: true, padding: 5, ..Default::default() };
    for svg in [
        world.grpc().diagrams().render(request(text, dark.clone())).await.expect("drawn").into_owned().svg,
        world.json().diagrams().render(request(text, dark)).await.expect("drawn").into_owned().svg,
    ] {
        let svg = String::from_utf8(svg).expect("UTF-8");
        for (part, times) in [
            ("class=\"task\"", 2),
            ("class=\"edge subtask\"", 1),
            ("class=\"edge dependency\"", 1),
            ("data-state=\"RUNNING\"", 1),
            ("Root &lt;&amp;&gt;", 1),
            ("fill=\"#161416\"", 1),
            ("class=\"title\"", 1),
        ] {
            assert_eq!(svg.matches(part).count(), times, "{part} in {svg}");
        }
    }
    for (diagram, options, words) in [
        ("a\n  b.c", wire::RenderOptions::default(), "diagram: line 2, column 5: \"c\" is not served"),
        ("a;b;c;d", wire::RenderOptions::default(), "line 1, column 7: this is one box too many: up to 3"),
        ("a", wire::RenderOptions { layout: "dot".into(), ..Default::default() }, "render_options.layout"),
        ("a", wire::RenderOptions { theme_id: Some(7), ..Default::default() }, "render_options.theme_id: 7"),
    ] {
        let refusal = world.grpc().diagrams().render(request(diagram, options)).await.expect_err("refused");
        assert_eq!(refusal.code, ErrorCode::InvalidArgument);
        let message = refusal.message.unwrap_or_default();
        assert!(message.contains(words), "{message}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn v_1_to_v_18_a_job_is_drawn() {
    let world = World::new().await;
    let mut submission = tasks("", "Root <&>", 1);
    submission.identifier_lookup[0] = support::identifier("T", "v0.0");
    let job = world.grpc().jobs().submit_job(submit("drawn", submission)).await.expect("submitted").into_owned();
    let mut done = computed(&next(&world, None).await.expect("a task"));
    let mut sub_tasks = tasks("", "Leaf", 2);
    sub_tasks.task_groups.push(sub_tasks.task_groups[0].clone());
    sub_tasks.task_groups[1].dependencies_on_other_groups = vec![0];
    done.sub_tasks = sub_tasks.into();
    next(&world, Some(done)).await;
    let request = wire::VisualizeJobRequest {
        job_id: job.id,
        include_job_name: true,
        render_options: wire::RenderOptions {
            layout: "dagre".into(),
            direction: "down".into(),
            sketchy: true,
            padding: 5,
            ..Default::default()
        }
        .into(),
        ..Default::default()
    };
    let svg = world.grpc().jobs().visualize_job(request).await.expect("drawn").into_owned().svg;
    let svg = String::from_utf8(svg).expect("V-1: UTF-8");
    assert_eq!(svg.matches("class=\"task\"").count(), 5);
    assert_eq!(svg.matches("class=\"edge subtask\"").count(), 4);
    assert_eq!(svg.matches("class=\"edge dependency\"").count(), 4, "two tasks wait for two tasks each");
    assert!(svg.contains("drawn") && svg.contains("Root &lt;&amp;&gt;"));

    let unknown = wire::VisualizeJobRequest { job_id: id(&[9; 16]).into(), ..Default::default() };
    assert_eq!(world.grpc().jobs().visualize_job(unknown).await.expect_err("V-18").code, ErrorCode::NotFound);
}
