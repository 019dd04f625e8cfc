//! Does a job run from submission to completion over every protocol?

mod support;

use boxwood_proto::connectrpc::ErrorCode;
use boxwood_proto::workflows::v1 as wire;
use support::{World, ask, computed, submit, tasks};

macro_rules! a_job_runs {
    ($($test:ident = $clients:ident;)*) => {$(
        #[tokio::test(flavor = "multi_thread")]
        async fn $test() {
            let world = World::new().await;
            let clients = world.$clients();
            let cluster = clients.workflows().get_cluster(wire::GetClusterRequest::default()).await;
            let cluster = cluster.expect("the default cluster").into_owned();
            assert!(cluster.slug.starts_with("default-") && !cluster.deletable, "{cluster:?}");
            assert_eq!(cluster.display_name, "Default");

            let job = clients.jobs().submit_job(submit("sum", tasks("", "Root", 1))).await;
            let job = job.expect("submitted").into_owned();
            assert_eq!(job.state, wire::JobState::Submitted);
            assert_eq!(job.legacy_state, wire::LegacyJobState::Queued);
            assert_eq!(job.trace_parent, support::TRACE_PARENT);
            assert_eq!(job.task_summaries.len(), 1);
            assert_eq!(job.task_summaries[0].display, "Root");
            assert!(!job.execution_stats.compute_time.is_set());

            let runner = clients.tasks();
            let root = runner.next_task(ask(&cluster.slug, &["Root", "Leaf"])).await.expect("an answer").into_owned();
            let root = root.next_task.into_option().expect("the root task");
            assert_eq!(root.state, wire::TaskState::Running);
            assert_eq!(root.input.as_deref(), Some(&b"0"[..]));
            assert_eq!(root.identifier.name, "Root");
            assert_eq!((root.job.name.as_str(), root.job.trace_parent.as_str()), ("sum", support::TRACE_PARENT));
            assert_eq!(root.job.submitted_at, job.submitted_at);
            assert!(!root.parent_id.is_set() && !root.job.execution_stats.is_set());
            assert_eq!(root.lease.lease.seconds, 15);
            assert_eq!(root.lease.recommended_wait_until_next_extension.seconds, 10);
            assert_eq!(root.id, job.task_summaries[0].id, "the id told on submission is the task's");

            let lease = runner.extend_task_lease(wire::TaskLeaseRequest { task_id: root.id.clone(), ..Default::default() });
            assert_eq!(lease.await.expect("extended").into_owned().lease.seconds, 15);

            let mut report = ask(&cluster.slug, &["Root", "Leaf"]);
            let mut done = computed(&root);
            done.sub_tasks = tasks("", "Leaf", 2).into();
            done.progress_updates = vec![wire::Progress { label: "test".into(), total: 2, ..Default::default() }];
            report.computed_task = done.into();
            let mut answer = runner.next_task(report).await.expect("an answer").into_owned();
            for input in [&b"0"[..], b"1"] {
                let leaf = answer.next_task.into_option().expect("a leaf");
                assert_eq!(leaf.input.as_deref(), Some(input));
                let mut report = ask(&cluster.slug, &["Root", "Leaf"]);
                report.computed_task = computed(&leaf).into();
                answer = runner.next_task(report).await.expect("an answer").into_owned();
            }
            assert!(answer.next_task.is_unset() && answer.idling.is_set(), "nothing is left: {answer:?}");

            let job = clients.jobs().get_job(wire::GetJobRequest { job_id: job.id, ..Default::default() }).await;
            let job = job.expect("found").into_owned();
            assert_eq!(job.state, wire::JobState::Completed);
            assert_eq!(job.execution_stats.total_tasks, 3);
            assert_eq!(job.execution_stats.tasks_by_state.len(), 1);
            assert!(job.execution_stats.compute_time.is_set() && job.execution_stats.parallelism >= 1.0);
            assert_eq!(job.started_at, job.execution_stats.first_task_started_at);
            assert_eq!(job.task_summaries.len(), 3);
            assert_eq!((job.progress[0].label.as_str(), job.progress[0].total), ("test", 2));

            let unknown = support::id(&[9; 16]).into();
            let error = clients.jobs().get_job(wire::GetJobRequest { job_id: unknown, ..Default::default() }).await;
            assert_eq!(error.expect_err("unknown").code, ErrorCode::NotFound);
            world.server.stop().await.expect("a clean end");
        }
    )*};
}

a_job_runs! {
    a_job_runs_over_grpc = grpc;
    a_job_runs_over_connect = connect;
    a_job_runs_over_connect_json = json;
}
