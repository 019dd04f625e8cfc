//! What the two routes take, and how they refuse.

use super::*;
use http_body_util::BodyExt as _;
use support::soon;

#[tokio::test]
async fn o_1_o_2_exports_are_answered_with_an_empty_message_and_found_at_once() {
    let world = World::new().await;
    let (job, task) = job_with_task(&world).await;
    let message = |body: &str| logs(vec![log_of(&task, T, body)]).encode_to_vec();
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    zlib.write_all(&message("deflate")).unwrap();
    let two_members = [gzip(&message("gzip")[..20]), gzip(&message("gzip")[20..])].concat();
    for (headers, body) in [
        (vec![PROTOBUF], message("plain")),
        (vec![PROTOBUF, ("content-encoding", "gzip")], two_members),
        (vec![PROTOBUF, ("content-encoding", "DEFLATE")], zlib.finish().unwrap()),
        (vec![PROTOBUF, ("content-encoding", "identity"), ("authorization", "Bearer any")], message("identity")),
        (vec![("content-type", "Application/X-Protobuf; charset=x")], message("parameter")),
    ] {
        let answer = post(&world, "/v1/logs", &headers, body).await;
        assert_eq!(answer.status(), StatusCode::OK, "{headers:?}: {answer:?}");
        assert_eq!(answer.headers()["content-type"], "application/x-protobuf");
        assert!(answer.body().is_empty());
    }
    let found = bodies_of(&world, of_job(&job)).await;
    assert_eq!(found, ["plain", "gzip", "deflate", "identity", "parameter"]);
    // Nothing to store is fine too.
    assert_eq!(post(&world, "/v1/traces", &[PROTOBUF], Vec::new()).await.status(), StatusCode::OK);
    assert_eq!(post(&world, "/v1/logs", &[PROTOBUF], logs(Vec::new()).encode_to_vec()).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_whole_and_says_why() {
    let world = World::new().await;
    let good = logs(vec![log(T, "good")]).encode_to_vec();
    // The second record is cut off, although the request around it is whole.
    let mut broken = logs(vec![log(T, "good")]);
    broken.resource_logs[0].scope_logs[0].log_records.push(LogRecord { flags: 1, ..Default::default() });
    let mut broken = broken.encode_to_vec();
    *broken.last_mut().unwrap() = 0xff;
    let tag = broken.iter().rposition(|byte| *byte == 0x45).unwrap();
    broken[tag] = 0x42;
    let bomb = gzip(&vec![0; 65 << 20]);
    let gzipped = ("content-encoding", "gzip");
    for (headers, body, status, says) in [
        (vec![PROTOBUF], b"no protobuf".to_vec(), 400, "protobuf"),
        (vec![PROTOBUF], good[..good.len() - 1].to_vec(), 400, "protobuf"),
        (vec![PROTOBUF], broken, 400, "protobuf"),
        (vec![PROTOBUF, gzipped], good.clone(), 400, "gzip"),
        (vec![PROTOBUF, gzipped], gzip(&good)[..20].to_vec(), 400, "gzip"),
        (vec![PROTOBUF, ("content-encoding", "br")], good.clone(), 415, "gzip"),
        (vec![("content-type", "application/json")], b"{}".to_vec(), 415, "http/protobuf"),
        (vec![], good.clone(), 415, "application/x-protobuf"),
        (vec![PROTOBUF, gzipped], bomb, 413, "64 MiB"),
    ] {
        let answer = post(&world, "/v1/logs", &headers, body).await;
        assert_eq!(answer.status(), status, "{headers:?}: {answer:?}");
        assert_eq!(answer.headers()["content-type"], "application/x-protobuf");
        assert!(!answer.headers().contains_key("retry-after"), "trying again does not help");
        let text = String::from_utf8_lossy(answer.body());
        assert!(text.contains(says), "{says:?} is not in {text:?}");
        // google.rpc.Status: field 1 is a code, field 2 a text.
        assert_eq!((answer.body()[0], answer.body()[2]), (0x08, 0x12), "{:?}", answer.body());
    }
    let whole = wire::QueryLogsInIntervalRequest::default();
    let found = telemetry(&world).query_logs_in_interval(whole).await.unwrap().into_owned();
    assert_eq!(bodies(&found.resource_logs), [""; 0], "a request is taken whole or not at all");
    let get = Request::get("/v1/logs").header("host", world.host()).body(Full::default()).unwrap();
    assert_eq!(http1(&world, get).await.status(), StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn bodies_beyond_the_limit_are_refused() {
    let world = World::new().await;
    let answer = post(&world, "/v1/logs", &[PROTOBUF], vec![0; (64 << 20) + 1]).await;
    assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn o_5_overload_is_answered_503_and_what_was_accepted_is_kept() {
    // The writer commits once and then not for an hour, unless more than half of the queue is full.
    let world = World::with(|config| {
        config.telemetry.commit_interval = std::time::Duration::from_secs(3600);
        config.telemetry.waiting_bytes_max = 20_000;
        config.stop_wait_max = std::time::Duration::ZERO;
    })
    .await;
    let (job, task) = job_with_task(&world).await;
    send_logs(&world, vec![log_of(&task, T, "first")]).await;

    let host = world.host();
    let small = logs(vec![log_of(&task, T + 1, "waits")]).encode_to_vec();
    let waiting = Request::post("/v1/logs").header("host", &host).header(PROTOBUF.0, PROTOBUF.1);
    let waiting = waiting.body(Full::new(Bytes::from(small))).unwrap();
    let stream = tokio::net::TcpStream::connect(&host).await.unwrap();
    let io = hyper_util::rt::TokioIo::new(stream);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await.unwrap();
    let connection = tokio::spawn(connection);
    // Refused itself if it comes while a large one is being stored; then it comes again.
    let answer = tokio::spawn(async move {
        loop {
            sender.ready().await?;
            let (head, body) = sender.send_request(waiting.clone()).await?.into_parts();
            body.collect().await?;
            if head.status != StatusCode::SERVICE_UNAVAILABLE {
                return Ok::<_, hyper::Error>(head.status);
            }
        }
    });

    // Taken as long as nothing waits.
    let large = logs(vec![log_of(&task, T + 2, &"x".repeat(30_000))]).encode_to_vec();
    let refused = soon("the queue is full", async {
        loop {
            let answer = post(&world, "/v1/logs", &[PROTOBUF], large.clone()).await;
            if answer.status() != StatusCode::OK {
                return answer;
            }
        }
    })
    .await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.headers()["retry-after"], "1");
    // Calls about tasks are not affected.
    job_with_task(&world).await;

    let world = restart(world).await;
    let answer = soon("the connection ends", answer).await.unwrap();
    assert!(answer.is_err(), "was not answered: {answer:?}");
    connection.abort();
    let found = bodies_of(&world, of_job(&job)).await;
    assert!(found.starts_with(&["first".into(), "waits".into()]), "what waited was stored when the server stopped");
}
