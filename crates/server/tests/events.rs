//! Server-sent events about jobs, over the wire (EV-1 to EV-9).

mod support;

use boxwood_proto::workflows::v1 as wire;
use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use support::{World, ask, computed, default_cluster, http1, page, soon, submit, tasks};
use tokio::net::TcpStream;

/// A stream of events, read as a browser does.
struct Events {
    body: Incoming,
    text: String,
}

impl Events {
    /// Opens a stream; when this returns, its listener is in place.
    async fn open(world: &World, path: &str) -> Self {
        let stream = TcpStream::connect(world.host()).await.expect("a connection");
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.expect("a handshake");
        tokio::spawn(connection);
        let request = Request::get(path).header("host", world.host()).header("accept", "text/event-stream");
        let response = sender.send_request(request.body(Full::<Bytes>::default()).expect("a request")).await;
        let response = response.expect("an answer");
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-store");
        let mut events = Self { body: response.into_body(), text: String::new() };
        let greeting = soon("the greeting", events.block()).await.expect("the stream is open");
        assert_eq!(greeting, "retry: 1000\n: listening");
        events
    }

    /// The next lines up to an empty one; none when the stream has ended.
    async fn block(&mut self) -> Option<String> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.text = rest;
                return Some(block);
            }
            let frame = self.body.frame().await?.expect("the stream does not break");
            let data = frame.into_data().expect("no trailers");
            self.text.push_str(std::str::from_utf8(&data).expect("text"));
        }
    }

    /// The next event must say that this job has changed.
    async fn expect(&mut self, job: &wire::Job) {
        let block = soon("an event", self.block()).await.expect("the stream is open");
        assert_eq!(block, format!("event: changed\ndata: {{\"job\":\"{}\"}}", uuid(job)));
    }
}

fn uuid(job: &wire::Job) -> String {
    let bytes: [u8; 16] = job.id.as_option().expect("an id").uuid.as_slice().try_into().expect("16 bytes");
    let hex = format!("{:032x}", u128::from_be_bytes(bytes));
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

#[tokio::test]
async fn ev_1_ev_2_each_kind_of_change_is_told_to_who_listens_to_the_job_or_to_all() {
    let world = World::new().await;
    let (jobs, runner) = (world.grpc().jobs(), world.grpc().tasks());
    let cluster = default_cluster(&world).await;
    let mut all = Events::open(&world, "/events/jobs").await;
    let job = jobs.submit_job(submit("first", tasks("", "A", 2))).await.expect("submitted").into_owned();
    all.expect(&job).await;
    let mut one = Events::open(&world, &format!("/events/jobs/{}", uuid(&job))).await;

    let handed_out = runner.next_task(ask(&cluster, &["A"])).await.expect("asked").into_owned();
    one.expect(&job).await;
    all.expect(&job).await;
    let task = handed_out.next_task.as_option().expect("a task").clone();
    let report = wire::NextTaskRequest { computed_task: computed(&task).into(), ..Default::default() };
    runner.next_task(report).await.expect("stored");
    one.expect(&job).await;
    all.expect(&job).await;

    let other = jobs.submit_job(submit("other", tasks("", "B", 1))).await.expect("submitted").into_owned();
    all.expect(&other).await;
    let cancel = wire::CancelJobRequest { job_id: job.id.clone(), ..Default::default() };
    jobs.cancel_job(cancel).await.expect("canceled");
    one.expect(&job).await;
    all.expect(&job).await;
}

#[tokio::test]
async fn ev_3_a_job_is_as_it_is_told_when_it_is_told() {
    let world = World::new().await;
    let (jobs, runner) = (world.grpc().jobs(), world.grpc().tasks());
    let cluster = default_cluster(&world).await;
    let job = jobs.submit_job(submit("j", tasks("", "A", 200))).await.expect("submitted").into_owned();
    let mut one = Events::open(&world, &format!("/events/jobs/{}", uuid(&job))).await;
    let working = tokio::spawn(async move {
        let mut report = ask(&cluster, &["A"]);
        while let Some(task) = runner.next_task(report).await.expect("answered").into_owned().next_task.as_option() {
            report = ask(&cluster, &["A"]);
            report.computed_task = computed(task).into();
        }
    });
    // A page that reads only when it is told sees the job to its end.
    let get = wire::GetJobRequest { job_id: job.id.clone(), ..Default::default() };
    loop {
        one.expect(&job).await;
        let seen =
            jobs.get_job_progress(wire::GetJobProgressRequest { job_id: get.job_id.clone(), ..Default::default() });
        let seen = seen.await.expect("read").into_owned();
        if seen.state == wire::JobState::JOB_STATE_COMPLETED {
            break;
        }
    }
    working.await.expect("all is computed");
}

#[tokio::test]
async fn ev_7_streams_end_when_the_server_stops() {
    let world = World::new().await;
    let mut all = Events::open(&world, "/events/jobs").await;
    let World { server, dir } = world;
    let stopping = tokio::spawn(server.stop());
    assert_eq!(soon("the stream ends", all.block()).await, None);
    soon("the server stops", stopping).await.expect("no panic").expect("stopped");
    drop(dir);
}

#[tokio::test]
async fn a_listener_that_goes_is_forgotten() {
    let world = World::new().await;
    let all = Events::open(&world, "/events/jobs").await;
    assert!(page(&world, "/metrics").await.contains("\nboxwood_listeners 1\n"));
    drop(all);
    soon("it is forgotten", async { while !page(&world, "/metrics").await.contains("\nboxwood_listeners 0\n") {} })
        .await;
}

#[tokio::test]
async fn what_cannot_be_listened_to_is_said() {
    let world = World::new().await;
    let get = async |path: &str, origin: Option<&str>| {
        let mut request = Request::get(path).header("host", world.host());
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        let response = http1(&world, request.body(Full::default()).expect("a request")).await;
        (response.status(), String::from_utf8(response.into_body().to_vec()).expect("text"))
    };
    let unknown = "/events/jobs/01234567-89ab-7cde-8f01-23456789abcd";
    assert_eq!(get(unknown, None).await.0, StatusCode::NOT_FOUND);
    assert_eq!(get("/events/jobs/nonsense", None).await.0, StatusCode::BAD_REQUEST);
    let (status, message) = get("/events/jobs", Some("http://evil.example")).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "au_8: {message}");
}
