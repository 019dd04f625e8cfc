//! Does the server keep serving, and keep its jobs, whatever arrives on its port?

mod support;

use std::sync::Arc;
use std::time::Duration;

use boxwood_proto::buffa::Message as _;
use boxwood_proto::workflows::v1 as wire;
use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use support::{World, ask, default_cluster, id, submit, tasks};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const SEED: u64 = 0x0b0c_5eed;
const CASES: usize = 10_000;
const CONNECTIONS: usize = 16;

/// Everything the server tells about what it stores.
async fn contents(world: &World) -> Vec<Vec<u8>> {
    let client = world.grpc();
    let jobs = client.jobs().query_jobs(wire::QueryJobsRequest::default()).await.expect("listed").into_owned();
    let mut contents = vec![jobs.encode_to_vec()];
    for job in jobs.jobs {
        let request = wire::ListJobTasksRequest { job_id: job.id, ..Default::default() };
        contents.push(client.jobs().list_job_tasks(request).await.expect("listed").into_owned().encode_to_vec());
    }
    let clusters = client.workflows().list_clusters(wire::ListClustersRequest::default()).await.expect("listed");
    contents.push(clusters.into_owned().encode_to_vec());
    contents
}

async fn world_with_jobs() -> World {
    let world = World::new().await;
    let jobs = world.grpc().jobs();
    for name in ["one", "two"] {
        jobs.submit_job(submit(name, tasks("", "T", 5))).await.expect("submitted");
    }
    world
}

fn noise(random: &mut StdRng) -> Vec<u8> {
    let starts: [&[u8]; 6] = [
        b"",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00",
        b"POST /workflows.v1.TaskService/NextTask HTTP/1.1\r\nhost: localhost\r\n",
        b"POST /workflows.v1.JobService/SubmitJob HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/proto\r\ncontent-length: 400\r\n\r\n",
        b"GET /metrics HTTP/1.1\r\n",
    ];
    let mut bytes = starts[random.random_range(0..starts.len())].to_vec();
    let length = random.random_range(0..300);
    bytes.extend((0..length).map(|_| random.random::<u8>()));
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_random_byte_strings_do_no_harm() {
    let world = Arc::new(world_with_jobs().await);
    let before = contents(&world).await;
    let senders: Vec<_> = (0..CONNECTIONS)
        .map(|sender| {
            let world = world.clone();
            tokio::spawn(async move {
                let mut random = StdRng::seed_from_u64(SEED + sender as u64);
                for case in 0..CASES / CONNECTIONS {
                    let bytes = noise(&mut random);
                    let mut stream = TcpStream::connect(world.host()).await.expect("a connection");
                    // The server may close as soon as it has seen enough.
                    let sent = async {
                        stream.write_all(&bytes).await?;
                        stream.shutdown().await?;
                        stream.read_to_end(&mut Vec::new()).await
                    };
                    let ended = tokio::time::timeout(Duration::from_secs(30), sent).await;
                    assert!(ended.is_ok(), "seed {SEED:#x}, sender {sender}, case {case}: the connection stays open");
                }
            })
        })
        .collect();
    for sender in senders {
        sender.await.expect("no sender fails");
    }
    assert_eq!(contents(&world).await, before, "seed {SEED:#x}");
}

/// Changes a message a little: bytes flipped, inserted, removed, repeated, or the end cut off.
fn mutated(random: &mut StdRng, message: &[u8]) -> Vec<u8> {
    let mut bytes = message.to_vec();
    for _ in 0..random.random_range(0..4) {
        let place = random.random_range(0..bytes.len().max(1));
        match random.random_range(0..6) {
            0 if !bytes.is_empty() => bytes[place] ^= 1 << random.random_range(0..8),
            1 if !bytes.is_empty() => bytes[place] = random.random(),
            2 => bytes.insert(place.min(bytes.len()), random.random()),
            3 if !bytes.is_empty() => drop(bytes.remove(place)),
            4 => bytes.truncate(place),
            _ => {
                let end = (place + random.random_range(0..40)).min(bytes.len());
                let piece = bytes[place.min(end)..end].to_vec();
                bytes.extend(piece);
            }
        }
    }
    bytes
}

/// Valid messages that change nothing: reports about a task there is none of, and questions.
fn messages(cluster: &str) -> Vec<(&'static str, Vec<u8>)> {
    let nobody = || id(&[7; 16]).into();
    let mut report = ask(cluster, &["Other", "Another"]);
    let mut sub_tasks = tasks(cluster, "T", 3);
    sub_tasks.task_groups.push(sub_tasks.task_groups[0].clone());
    sub_tasks.task_groups[1].dependencies_on_other_groups = vec![0];
    report.computed_task = wire::ComputedTask {
        id: nobody(),
        display: "display".into(),
        sub_tasks: sub_tasks.into(),
        progress_updates: vec![wire::Progress { label: "label".into(), total: 2, done: 1, ..Default::default() }],
        ..Default::default()
    }
    .into();
    let query = wire::QueryJobsRequest {
        filters: wire::QueryFilters {
            name: "one".into(),
            states: vec![wire::JobState::Submitted.into()],
            task_states: vec![wire::TaskState::Queued.into()],
            cluster_slugs: vec![cluster.into()],
            ..Default::default()
        }
        .into(),
        page: boxwood_proto::tilebox::v1::Pagination { limit: Some(2), ..Default::default() }.into(),
        ..Default::default()
    };
    let refused = wire::SubmitJobRequest { trace_parent: "none".into(), ..submit("j", tasks("", "T", 2)) };
    let failure = wire::TaskFailedRequest { task_id: nobody(), display: "x".into(), ..Default::default() };
    let drawing = wire::VisualizeJobRequest {
        job_id: nobody(),
        render_options: wire::RenderOptions { layout: "elk".into(), padding: 5, ..Default::default() }.into(),
        ..Default::default()
    };
    vec![
        ("/workflows.v1.TaskService/NextTask", report.encode_to_vec()),
        ("/workflows.v1.TaskService/TaskFailed", failure.encode_to_vec()),
        ("/workflows.v1.JobService/SubmitJob", refused.encode_to_vec()),
        ("/workflows.v1.JobService/QueryJobs", query.encode_to_vec()),
        ("/workflows.v1.JobService/VisualizeJob", drawing.encode_to_vec()),
        ("/grpc.health.v1.Health/Check", Vec::new()),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_mutated_messages_are_answered_and_do_no_harm() {
    const KINDS: [&str; 6] = [
        "application/proto",
        "application/proto",
        "application/grpc",
        "application/grpc-web+proto",
        "application/json",
        "application/connect+proto",
    ];
    let world = Arc::new(world_with_jobs().await);
    let before = contents(&world).await;
    let messages = Arc::new(messages(&default_cluster(&world).await));
    let senders: Vec<_> = (0..CONNECTIONS)
        .map(|sender| {
            let (world, messages) = (world.clone(), messages.clone());
            tokio::spawn(async move {
                let mut random = StdRng::seed_from_u64(SEED + 1000 + sender as u64);
                let stream = TcpStream::connect(world.host()).await.expect("a connection");
                let (mut connection, driver) =
                    hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.expect("a handshake");
                let driver = tokio::spawn(driver);
                for case in 0..CASES / CONNECTIONS {
                    let (path, message) = &messages[random.random_range(0..messages.len())];
                    let kind = KINDS[random.random_range(0..KINDS.len())];
                    let mut body = mutated(&mut random, message);
                    if kind.starts_with("application/grpc") || kind.contains("connect+") {
                        let length = body.len() as u32;
                        body.splice(0..0, [&[0][..], &length.to_be_bytes()].concat());
                        body = if random.random_bool(0.2) { mutated(&mut random, &body) } else { body };
                    }
                    let mut request = Request::post(*path).header("host", "localhost").header("content-type", kind);
                    if random.random_bool(0.1) {
                        request = request.header("content-encoding", "gzip").header("grpc-encoding", "gzip");
                    }
                    let request = request.body(Full::<Bytes>::from(body)).expect("a request");
                    let at = format!("seed {SEED:#x}, sender {sender}, case {case}: {kind} to {path}");
                    let answer = tokio::time::timeout(Duration::from_secs(30), connection.send_request(request)).await;
                    let answer = answer.unwrap_or_else(|_| panic!("{at}: no answer"));
                    let (head, body) = answer.unwrap_or_else(|error| panic!("{at}: {error}")).into_parts();
                    let body = body.collect().await.unwrap_or_else(|error| panic!("{at}: {error}"));
                    assert_ne!(head.status, StatusCode::INTERNAL_SERVER_ERROR, "{at}: {:?}", body.to_bytes());
                    let status = head.headers.get("grpc-status").map(|status| status.as_bytes().to_vec());
                    assert!(status.as_deref() != Some(b"13") && status.as_deref() != Some(b"2"), "{at}: N-14");
                }
                driver.abort();
            })
        })
        .collect();
    for sender in senders {
        sender.await.expect("no sender fails");
    }
    assert_eq!(contents(&world).await, before, "seed {SEED:#x}");
}
