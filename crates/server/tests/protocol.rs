//! Does the one port speak what clients speak, in the details they insist on?

mod support;

use std::io::{Read as _, Write as _};

use boxwood_proto::buffa::Message as _;
use boxwood_proto::workflows::v1 as wire;
use boxwood_server::{Auth, Config, Error, Listen, Server};
use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::Full;
use support::{World, http1, http2, page, soon, submit, tasks};

const GET_JOB: &str = "/workflows.v1.JobService/GetJob";
const GET_CLUSTER: &str = "/workflows.v1.WorkflowsService/GetCluster";

fn post(world: &World, path: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    let mut request = Request::post(format!("{}{path}", world.url())).header("host", world.host());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Full::from(body.into())).expect("a request")
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("written to memory");
    encoder.finish().expect("written to memory")
}

fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(bytes).read_to_end(&mut plain).expect("gzip");
    plain
}

/// A gRPC message in its frame.
fn frame(message: &[u8], compressed: bool) -> Vec<u8> {
    let length = u32::try_from(message.len()).expect("a small message");
    [&[u8::from(compressed)][..], &length.to_be_bytes(), message].concat()
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn code(answer: &Response<Bytes>) -> String {
    let error: serde_json::Value = serde_json::from_slice(answer.body()).expect("JSON");
    error["code"].as_str().expect("a code").to_owned()
}

fn job_request() -> Vec<u8> {
    wire::GetJobRequest { job_id: support::id(&[7; 16]).into(), ..Default::default() }.encode_to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn connect_answers_have_exactly_the_content_type_clients_compare_with() {
    let world = World::new().await;
    let answer = http1(&world, post(&world, GET_CLUSTER, &[("content-type", "application/proto")], "")).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(header(answer.headers(), "content-type"), Some("application/proto"));
    assert_eq!(header(answer.headers(), "content-length"), Some(answer.body().len().to_string().as_str()));
    let cluster = wire::Cluster::decode_from_slice(answer.body()).expect("a cluster");
    assert_eq!(cluster.display_name, "Default");

    let json = http1(&world, post(&world, GET_CLUSTER, &[("content-type", "application/json")], "{}")).await;
    assert_eq!(header(json.headers(), "content-type"), Some("application/json"));
    let json: serde_json::Value = serde_json::from_slice(json.body()).expect("JSON");
    assert_eq!(json["displayName"], "Default");

    let (over_http2, _) = http2(&world, post(&world, GET_CLUSTER, &[("content-type", "application/proto")], "")).await;
    assert_eq!((over_http2.status(), over_http2.body()), (StatusCode::OK, answer.body()));
}

#[tokio::test(flavor = "multi_thread")]
async fn n_13_connect_errors_are_plain_json_with_the_status_of_their_code() {
    let world = World::new().await;
    let headers = [("content-type", "application/proto"), ("accept-encoding", "gzip")];
    let unknown = http1(&world, post(&world, GET_JOB, &headers, job_request())).await;
    assert_eq!((unknown.status(), code(&unknown).as_str()), (StatusCode::NOT_FOUND, "not_found"));
    assert_eq!(header(unknown.headers(), "content-type"), Some("application/json"));
    assert_eq!(header(unknown.headers(), "content-encoding"), None);

    let malformed = http1(&world, post(&world, GET_JOB, &headers, "\x0a\x7f")).await;
    assert_eq!((malformed.status(), code(&malformed).as_str()), (StatusCode::BAD_REQUEST, "invalid_argument"));
    let empty = http1(&world, post(&world, GET_JOB, &headers, "")).await;
    assert_eq!((empty.status(), code(&empty).as_str()), (StatusCode::BAD_REQUEST, "invalid_argument"));
}

#[tokio::test(flavor = "multi_thread")]
async fn n_13_grpc_errors_are_in_the_trailers_of_a_200() {
    let world = World::new().await;
    let headers = [("content-type", "application/grpc"), ("te", "trailers")];
    let (answer, trailers) = http2(&world, post(&world, GET_JOB, &headers, frame(&job_request(), false))).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let status = header(&trailers, "grpc-status").or(header(answer.headers(), "grpc-status"));
    assert_eq!(status, Some("5"));
    let message = header(&trailers, "grpc-message").or(header(answer.headers(), "grpc-message")).expect("a message");
    assert!(message.contains("07070707-0707-0707-0707-070707070707"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn n_20_unknown_procedures_are_unimplemented_and_never_a_501() {
    let world = World::new().await;
    // WorkerService is served by workers; CreateWorkflow exists and is not served yet.
    for path in [
        "/workflows.v1.JobService/NoSuchMethod",
        "/no.such.Service/Method",
        "/workflows.v1.WorkerService/ExecuteTask",
        "/workflows.v1.TaskReleaseService/PublishRelease",
        "/workflows.v1.WorkflowsService/CreateWorkflow",
        "/nonsense/path",
    ] {
        let connect = http1(&world, post(&world, path, &[("content-type", "application/proto")], "")).await;
        assert_eq!((connect.status(), code(&connect).as_str()), (StatusCode::NOT_FOUND, "unimplemented"), "{path}");
        let headers = [("content-type", "application/grpc"), ("te", "trailers")];
        let (grpc, trailers) = http2(&world, post(&world, path, &headers, frame(b"", false))).await;
        assert_eq!(grpc.status(), StatusCode::OK, "{path}");
        let status = header(&trailers, "grpc-status").or(header(grpc.headers(), "grpc-status"));
        assert_eq!(status, Some("12"), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn storage_locations_and_automations_are_truthfully_none() {
    let world = World::new().await;
    for path in [
        "/workflows.v1.AutomationService/ListAutomations",
        "/workflows.v1.AutomationService/ListStorageLocations",
        "/workflows.v1.StorageLocationService/ListStorageLocations",
    ] {
        let answer = http1(&world, post(&world, path, &[("content-type", "application/proto")], "")).await;
        assert_eq!((answer.status(), answer.body().len()), (StatusCode::OK, 0), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn n_4_gzip_is_taken_and_given() {
    let world = World::new().await;
    let connect = [("content-type", "application/proto"), ("content-encoding", "gzip")];
    let empty = http1(&world, post(&world, GET_CLUSTER, &connect, gzip(b""))).await;
    assert_eq!(empty.status(), StatusCode::OK, "an empty message is sent compressed too");

    let request = submit(&"name ".repeat(1000), tasks("", "T", 1)).encode_to_vec();
    let path = "/workflows.v1.JobService/SubmitJob";
    let headers = [connect[0], connect[1], ("accept-encoding", "gzip")];
    let answer = http1(&world, post(&world, path, &headers, gzip(&request))).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(header(answer.headers(), "content-encoding"), Some("gzip"));
    let job = wire::Job::decode_from_slice(&gunzip(answer.body())).expect("a job");
    assert_eq!(job.name, "name ".repeat(1000));

    let headers = [
        ("content-type", "application/grpc"),
        ("te", "trailers"),
        ("grpc-encoding", "gzip"),
        ("grpc-accept-encoding", "identity,gzip"),
    ];
    let (answer, trailers) = http2(&world, post(&world, path, &headers, frame(&gzip(&request), true))).await;
    assert_eq!(header(&trailers, "grpc-status"), Some("0"));
    assert_eq!(header(answer.headers(), "grpc-encoding"), Some("gzip"));
    assert_eq!(answer.body()[0], 1, "the message is compressed");
    assert!(wire::Job::decode_from_slice(&gunzip(&answer.body()[5..])).is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn next_task_is_answered_alike_directly_and_through_the_library() {
    let path = "/workflows.v1.TaskService/NextTask";
    let world = World::new().await;
    let cluster = support::default_cluster(&world).await;
    let mut submission = tasks("", "T", 4);
    submission.task_groups[0].inputs = vec![b"a".to_vec(), b"b".to_vec(), vec![b'c'; 2048], vec![b'c'; 2048]];
    world.grpc().jobs().submit_job(submit("j", submission)).await.expect("submitted");
    let ask = |name: &str| support::ask(&cluster, &[name]).encode_to_vec();
    let unknown = wire::NextTaskRequest {
        computed_task: wire::ComputedTask { id: support::id(&[7; 16]).into(), ..Default::default() }.into(),
        ..Default::default()
    };
    let bodies = [
        ("a small task", frame(&ask("T"), false)),
        ("a task large enough to be compressed", frame(&ask("T"), false)),
        ("no work", frame(&ask("U"), false)),
        ("nothing asked for", frame(b"", false)),
        ("no such cluster", frame(&support::ask("nowhere", &["T"]).encode_to_vec(), false)),
        ("a broken rule", frame(&support::ask(&cluster, &[""]).encode_to_vec(), false)),
        ("no such task", frame(&unknown.encode_to_vec(), false)),
        ("no message of protobuf", frame(b"\x0a\x7f", false)),
        ("no body", vec![]),
        ("half a prefix", vec![0, 0]),
        ("half a message", vec![0, 0, 0, 0, 9, 1]),
        ("two messages", [frame(b"", false), frame(b"", false)].concat()),
        ("compressed without saying how", frame(&gzip(b""), true)),
        ("much larger than it may be", vec![0, 0xff, 0xff, 0xff, 0xff]),
    ];
    for (what, body) in bodies {
        let mut answers = Vec::new();
        // A call with a deadline goes through the library.
        for deadline in [None, Some(("grpc-timeout", "1H"))] {
            let mut headers = vec![
                ("content-type", "application/grpc"),
                ("te", "trailers"),
                ("grpc-accept-encoding", "identity,gzip"),
            ];
            headers.extend(deadline);
            let (answer, trailers) = http2(&world, post(&world, path, &headers, body.clone())).await;
            let mut head: Vec<_> = answer.headers().iter().map(|(name, value)| (name.clone(), value.clone())).collect();
            head.sort_by(|one, other| one.0.as_str().cmp(other.0.as_str()));
            head.retain(|(name, _)| name != "date");
            let message = match answer.body().as_ref() {
                [0, _, _, _, _, message @ ..] => message.to_vec(),
                [1, _, _, _, _, message @ ..] => gunzip(message),
                _ => Vec::new(),
            };
            let mut message = wire::NextTaskResponse::decode_from_slice(&message).expect("an answer");
            if let Some(task) = message.next_task.as_option_mut() {
                assert!(!task.input.as_deref().unwrap_or_default().is_empty(), "{what}: it has an input");
                // Each call gets another task.
                (task.id, task.input) = Default::default();
            }
            if let Some(idling) = message.idling.as_option_mut() {
                // Chosen at random.
                idling.suggested_idling_duration = Default::default();
            }
            let compressed = answer.body().first() == Some(&1);
            answers.push((answer.status(), head, trailers, compressed, message));
        }
        assert_eq!(answers[0], answers[1], "{what}");
    }
    let metrics = page(&world, "/metrics").await;
    let counted = |code: &str, count: u32| {
        let line = format!("method=\"NextTask\",code=\"{code}\"}} {count}\n");
        assert!(metrics.contains(&line), "{line} in {metrics}");
    };
    counted("ok", 8);
    counted("not_found", 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn grpc_web_is_served() {
    let world = World::new().await;
    let headers = [("content-type", "application/grpc-web+proto")];
    let answer = http1(&world, post(&world, GET_CLUSTER, &headers, frame(b"", false))).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.body()[0], 0, "a message comes first");
    assert!(answer.body().windows(13).any(|bytes| bytes == b"grpc-status:0" || bytes == b"grpc-status: "));
}

#[tokio::test(flavor = "multi_thread")]
async fn n_7_messages_far_above_4_mib_are_taken_and_given() {
    let world = World::new().await;
    let mut submission = tasks("", "T", 3000);
    submission.task_groups[0].inputs = vec![vec![b'x'; 2048]; 3000];
    let request = submit("large", submission);
    assert!(request.encode_to_vec().len() > 5 << 20);
    let client = world.grpc();
    let job = client.jobs().submit_job(request.clone()).await.expect("submitted").into_owned();
    assert_eq!(job.execution_stats.total_tasks, 3000);
    assert_eq!(job.task_summaries.len(), 1000, "older clients get the first tasks only");
    world.connect().jobs().submit_job(request).await.expect("submitted over Connect");
    let request = wire::ListJobTasksRequest {
        job_id: job.id,
        page: boxwood_proto::tilebox::v1::Pagination { limit: Some(1000), ..Default::default() }.into(),
        ..Default::default()
    };
    assert_eq!(client.jobs().list_job_tasks(request).await.expect("listed").into_owned().page.tasks.len(), 1000);
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_over_the_limit_are_refused_by_name() {
    let world = World::with(|config| config.message_bytes_max = 100_000).await;
    let mut submission = tasks("", "T", 100);
    submission.task_groups[0].inputs = vec![vec![b'x'; 2048]; 100];
    let error = world.grpc().jobs().submit_job(submit("large", submission)).await.expect_err("too large");
    assert_eq!(error.code, boxwood_proto::connectrpc::ErrorCode::ResourceExhausted);
    let json = r#"{"jobName":"small","traceParent":"x"}"#;
    let path = "/workflows.v1.JobService/SubmitJob";
    let answer = http1(&world, post(&world, path, &[("content-type", "application/json")], json)).await;
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "the server still serves");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_thousand_sub_tasks_with_as_many_lookup_entries_are_one_report() {
    const COUNT: usize = 100_000;
    let world = World::new().await;
    let client = world.grpc();
    let cluster = support::default_cluster(&world).await;
    client.jobs().submit_job(submit("fan-out", tasks("", "T", 1))).await.expect("submitted");
    let answer = client.tasks().next_task(support::ask(&cluster, &["T"])).await.expect("an answer").into_owned();
    let mut done = support::computed(&answer.next_task.into_option().expect("a task"));
    let mut sub_tasks = tasks(&cluster, "T", COUNT);
    sub_tasks.identifier_lookup = vec![support::identifier("T", "v0.0"); COUNT];
    sub_tasks.task_groups[0].identifier_pointers = (0..COUNT as u64).collect();
    sub_tasks.display_lookup = vec!["T".into(); COUNT];
    sub_tasks.task_groups[0].display_pointers = (0..COUNT as u64).rev().collect();
    done.sub_tasks = sub_tasks.into();
    let mut report = support::ask(&cluster, &["T"]);
    report.computed_task = done.into();
    let answer = client.tasks().next_task(report).await.expect("an answer").into_owned();
    assert_eq!(answer.next_task.into_option().expect("a sub-task").input.as_deref(), Some(&b"0"[..]));
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_for_other_hosts_and_from_other_pages_are_refused() {
    let world = World::new().await;
    let kind = ("content-type", "application/proto");
    for (name, value) in [("host", "evil.example"), ("origin", "http://evil.example"), ("origin", "null")] {
        let mut request = post(&world, GET_CLUSTER, &[kind], "");
        request.headers_mut().insert(http::HeaderName::from_static(name), http::HeaderValue::from_static(value));
        *request.uri_mut() = GET_CLUSTER.parse().expect("a path");
        let answer = http1(&world, request).await;
        assert_eq!((answer.status(), code(&answer).as_str()), (StatusCode::FORBIDDEN, "permission_denied"), "{value}");
    }
    let request = Request::post(format!("http://evil.example{GET_CLUSTER}"))
        .header("content-type", "application/grpc")
        .body(Full::from(frame(b"", false)))
        .expect("a request");
    let (answer, _) = http2(&world, request).await;
    assert_eq!(answer.status(), StatusCode::FORBIDDEN, ":authority counts as host");
    let page = Request::get("/metrics").header("host", "evil.example").body(Full::default()).expect("a request");
    assert_eq!(http1(&world, page).await.status(), StatusCode::FORBIDDEN);

    let named = World::with(|config| config.host_names = vec!["evil.example".into()]).await;
    let page = Request::get("/healthz").header("host", "evil.example").body(Full::default()).expect("a request");
    assert_eq!(http1(&named, page).await.status(), StatusCode::OK, "unless the operator says so");
}

#[tokio::test(flavor = "multi_thread")]
async fn health_reflection_and_metrics_are_there() {
    let world = World::new().await;
    assert_eq!(page(&world, "/healthz").await, "ok\n");
    assert_eq!(page(&world, "/readyz").await, "ready\n");
    page_of_calls(&world).await;

    let path = "/grpc.health.v1.Health/Check";
    let json = [("content-type", "application/json")];
    for body in ["{}", r#"{"service":"workflows.v1.TaskService"}"#] {
        let answer = http1(&world, post(&world, path, &json, body)).await;
        let answer: serde_json::Value = serde_json::from_slice(answer.body()).expect("JSON");
        assert_eq!(answer["status"], "SERVING", "{body}");
    }
    let unknown = http1(&world, post(&world, path, &json, r#"{"service":"no.such"}"#)).await;
    assert_eq!(code(&unknown), "not_found");

    // ListServices: field 7 of the request, a text.
    for version in ["v1", "v1alpha"] {
        let path = format!("/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo");
        let headers = [("content-type", "application/grpc"), ("te", "trailers")];
        let (answer, trailers) = http2(&world, post(&world, &path, &headers, frame(b"\x3a\x01*", false))).await;
        assert_eq!(header(&trailers, "grpc-status"), Some("0"), "{version}");
        let names = String::from_utf8_lossy(answer.body()).into_owned();
        for service in ["workflows.v1.JobService", "workflows.v1.TaskService", "grpc.health.v1.Health"] {
            assert!(names.contains(service), "{version}: {service}");
        }
        assert!(!names.contains("WorkerService"), "{version}: not served here");
    }
}

async fn page_of_calls(world: &World) {
    world.grpc().workflows().list_clusters(wire::ListClustersRequest::default()).await.expect("listed");
    http1(world, post(world, GET_JOB, &[("content-type", "application/proto")], job_request())).await;
    let metrics = page(world, "/metrics").await;
    for line in [
        r#"boxwood_calls_total{service="workflows.v1.WorkflowsService",method="ListClusters",code="ok"} 1"#,
        r#"boxwood_calls_total{service="workflows.v1.JobService",method="GetJob",code="not_found"} 1"#,
        "boxwood_tasks_handed_out_total 0",
    ] {
        assert!(metrics.contains(line), "{line} in:\n{metrics}");
    }
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn n_6_a_unix_socket_serves_and_a_stale_one_is_taken_over() {
    use boxwood_proto::connectrpc::Protocol;
    use boxwood_proto::connectrpc::client::{ClientConfig, Http2Connection};

    let dir = tempfile::tempdir().expect("a temporary folder");
    let socket = dir.path().join("boxwood.sock");
    drop(std::os::unix::net::UnixListener::bind(&socket).expect("a socket"));
    assert!(socket.exists(), "left behind by a server that was killed");
    let config = |data: &str| Config::new(Listen::Unix(socket.clone()), dir.path().join(data));
    let server = Server::start(config("one")).await.expect("the server starts");
    assert_eq!(server.url(), format!("unix:{}", socket.display()));

    let uri: http::Uri = "http://localhost".parse().expect("an address");
    let connection = Http2Connection::lazy_unix(&socket, uri.clone()).shared(16);
    let client = wire::WorkflowsServiceClient::new(connection, ClientConfig::new(uri).with_protocol(Protocol::Grpc));
    let clusters = client.list_clusters(wire::ListClustersRequest::default()).await.expect("listed").into_owned();
    assert_eq!(clusters.clusters.len(), 1);

    let second = Server::start(config("two")).await.map(|_| ()).expect_err("somebody listens there");
    assert!(matches!(&second, Error::Listen { .. }) && second.to_string().contains("another server"), "{second}");
    drop(client);
    server.stop().await.expect("a clean end");
    assert!(!socket.exists(), "the socket file is removed");

    std::fs::write(&socket, "precious").expect("written");
    assert!(Server::start(config("three")).await.is_err());
    assert_eq!(std::fs::read_to_string(&socket).expect("still there"), "precious");
}

#[tokio::test(flavor = "multi_thread")]
async fn listening_beyond_this_machine_needs_to_be_said() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut config = Config::new(Listen::Tcp("0.0.0.0:0".into()), dir.path());
    let refused = Server::start(config.clone()).await.map(|_| ()).expect_err("everyone could use it");
    assert!(matches!(&refused, Error::Config(text) if text.contains("--auth off")), "{refused}");
    config.auth = Auth::Off;
    Server::start(config).await.expect("said in so many words").stop().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_directory_in_use_is_refused_and_free_again_after_a_stop() {
    let world = World::new().await;
    let config = Config::new(Listen::Tcp("127.0.0.1:0".into()), world.dir.path());
    let refused = Server::start(config.clone()).await.map(|_| ()).expect_err("in use");
    assert!(matches!(&refused, Error::Store(_)), "{refused}");
    let slug = support::default_cluster(&world).await;
    world.server.stop().await.expect("a clean end");

    let again = World { server: Server::start(config).await.expect("free again"), dir: world.dir };
    assert_eq!(support::default_cluster(&again).await, slug, "C-2: the default cluster stays the same");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_server_finishes_the_calls_in_progress() {
    let world = World::new().await;
    let client = world.grpc();
    let calls: Vec<_> = (0..20)
        .map(|place| {
            let jobs = client.jobs();
            tokio::spawn(async move { jobs.submit_job(submit(&place.to_string(), tasks("", "T", 100))).await })
        })
        .collect();
    let config = Config::new(Listen::Tcp("127.0.0.1:0".into()), world.dir.path());
    soon("the stop", world.server.stop()).await.expect("a clean end");
    let mut acknowledged = 0;
    for call in calls {
        acknowledged += usize::from(soon("the call", call).await.expect("joined").is_ok());
    }
    let again = World { server: Server::start(config).await.expect("starts"), dir: world.dir };
    let jobs = again.grpc().jobs().query_jobs(wire::QueryJobsRequest::default()).await.expect("listed").into_owned();
    assert!(jobs.jobs.len() >= acknowledged, "{} of {acknowledged} acknowledged jobs", jobs.jobs.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_database_fails_ends_and_says_why() {
    let mut world = World::new().await;
    let sabotage = rusqlite::Connection::open(world.dir.path().join("boxwood.sqlite3")).expect("the database");
    let tables: Vec<String> = sabotage
        .prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
        .and_then(|mut tables| tables.query_map([], |row| row.get(0))?.collect())
        .expect("tables");
    for table in tables {
        sabotage.execute_batch(&format!("DROP TABLE {table}")).expect("dropped");
    }
    drop(sabotage);
    let error = world.grpc().jobs().submit_job(submit("j", tasks("", "T", 1))).await.expect_err("nothing is stored");
    assert_eq!(error.code, boxwood_proto::connectrpc::ErrorCode::Unavailable, "E-3: {error}");
    let ended = soon("the end", world.server.ended()).await.expect_err("it cannot go on");
    assert!(matches!(&ended, Error::Store(_)), "{ended}");
}
