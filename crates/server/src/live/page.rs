//! `GET /events/jobs` and `/events/jobs/<id>`: streams of server-sent events (EV-1 to EV-9).

use std::convert::Infallible;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use boxwood_engine::JobId;
use bytes::Bytes;
use futures::Stream;
use futures::stream::unfold;
use tokio::time::Instant;

use super::Listening;
use super::mailbox::News;
use crate::door::Door;

/// The time between two tellings of one stream at least, so that it names a job at most four times a second (EV-4).
const TELL_EVERY: Duration = Duration::from_millis(250);

/// After so much silence a comment is sent, so that both sides notice when the other is gone (EV-6).
const HEARTBEAT_EVERY: Duration = Duration::from_secs(15);

/// The first lines: after how many milliseconds a browser connects again, and that it is listened from now on.
const GREETING: &str = "retry: 1000\n: listening\n\n";

const HEARTBEAT: &str = ": heartbeat\n\n";

/// Asks proxies not to gather the events.
const NO_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// The pages.
pub(crate) fn router(door: Arc<Door>) -> Router {
    Router::new().route("/events/jobs", get(all_jobs)).route("/events/jobs/{job}", get(one_job)).with_state(door)
}

async fn all_jobs(State(door): State<Arc<Door>>) -> Response {
    stream(door.live.listen(None))
}

async fn one_job(State(door): State<Arc<Door>>, Path(job): Path<String>) -> Response {
    let Some(job) = read_id(&job) else {
        return refused(StatusCode::BAD_REQUEST, format!("{job:?} is not the id of a job\n"));
    };
    match door.read(move |reader| reader.job(job)).await {
        Ok(Some(_)) => stream(door.live.listen(Some(job))),
        Ok(None) => refused(StatusCode::NOT_FOUND, format!("there is no job {job}\n")),
        Err(error) => {
            let message = error.message.unwrap_or_default();
            refused(StatusCode::SERVICE_UNAVAILABLE, format!("the job cannot be looked up: {message}\n"))
        }
    }
}

/// An id as it is written in URLs.
fn read_id(text: &str) -> Option<JobId> {
    let digits: String = text.split('-').collect();
    let is_id = text.len() == 36 && digits.len() == 32 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    if !is_id {
        return None;
    }
    let id = JobId::from_u128(u128::from_str_radix(&digits, 16).ok()?)?;
    text.eq_ignore_ascii_case(&id.to_string()).then_some(id)
}

fn refused(status: StatusCode, message: String) -> Response {
    (status, [(CONTENT_TYPE, "text/plain; charset=utf-8")], message).into_response()
}

fn stream(listening: Option<Listening>) -> Response {
    let Some(listening) = listening else {
        let message = "too many pages listen already; close some of them\n".into();
        let mut response = refused(StatusCode::SERVICE_UNAVAILABLE, message);
        response.headers_mut().insert(RETRY_AFTER, 10.into());
        return response;
    };
    let headers = [(CONTENT_TYPE, "text/event-stream"), (CACHE_CONTROL, "no-store"), (NO_BUFFERING, "no")];
    (headers, Body::from_stream(events(listening))).into_response()
}

/// The lines of a stream, made only as fast as they are read.
fn events(listening: Listening) -> impl Stream<Item = Result<Bytes, Infallible>> {
    let begin = Telling { listening, greeted: false, not_before: Instant::now(), silent_since: Instant::now() };
    unfold(begin, async |mut telling| telling.next().await.map(|lines| (Ok(lines), telling)))
}

struct Telling {
    listening: Listening,
    greeted: bool,
    /// When something may be told again.
    not_before: Instant,
    silent_since: Instant,
}

impl Telling {
    /// The next lines; none when the server stops.
    async fn next(&mut self) -> Option<Bytes> {
        if !self.greeted {
            self.greeted = true;
            return Some(Bytes::from_static(GREETING.as_bytes()));
        }
        let Listening { mailbox, ended, .. } = &mut self.listening;
        let news = async {
            tokio::time::sleep_until(self.not_before).await;
            mailbox.taken().await
        };
        let lines = tokio::select! {
            biased;
            _ = ended.wait_for(|ended| *ended) => return None,
            news = news => {
                self.not_before = Instant::now() + TELL_EVERY;
                Bytes::from(written(&news))
            }
            () = tokio::time::sleep_until(self.silent_since + HEARTBEAT_EVERY) => Bytes::from_static(HEARTBEAT.as_bytes()),
        };
        self.silent_since = Instant::now();
        Some(lines)
    }
}

fn written(news: &News) -> String {
    match news {
        News::Jobs(jobs) => {
            let mut lines = String::with_capacity(jobs.len() * 80);
            for job in jobs {
                write!(lines, "event: changed\ndata: {{\"job\":\"{job}\"}}\n\n")
                    .expect("writing to a string does not fail");
            }
            lines
        }
        News::Many => "event: many\ndata: {}\n\n".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Live;
    use super::*;
    use futures::{FutureExt as _, StreamExt as _};
    use std::pin::pin;

    fn job(number: u128) -> JobId {
        JobId::from_u128(number).expect("not zero")
    }

    #[test]
    fn only_ids_are_read_as_ids() {
        let id = job(0x0123_4567_89ab_7cde_8f01_2345_6789_abcd);
        assert_eq!(read_id(&id.to_string()), Some(id));
        assert_eq!(read_id(&id.to_string().to_uppercase()), Some(id));
        for wrong in [
            "",
            "0123456789ab7cde8f0123456789abcd",
            "00000000-0000-0000-0000-000000000000",
            "01234567-89ab-7cde-8f01-23456789abcg",
            "01234567-89ab-7cde-8f01-23456789abc-",
            "0-1234567-89ab-7cde-8f0123456789abcd",
            "+1234567-89ab-7cde-8f01-23456789abcd",
        ] {
            assert_eq!(read_id(wrong), None, "{wrong:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn ev_4_a_job_is_named_at_most_four_times_a_second() {
        let live = Arc::new(Live::new());
        let mut stream = pin!(events(live.listen(Some(job(1))).expect("room")));
        assert_eq!(stream.next().await, Some(Ok(Bytes::from_static(GREETING.as_bytes()))));
        let start = Instant::now();
        let mut told = 0;
        // The job changes each millisecond for ten seconds.
        while start.elapsed() < Duration::from_secs(10) {
            live.changed(&[job(1)]);
            if let Some(lines) = stream.next().now_or_never() {
                let lines = lines.expect("the server goes on").expect("lines");
                assert_eq!(lines.as_ref(), written(&News::Jobs(vec![job(1)])).as_bytes());
                told += 1;
            }
            tokio::time::advance(Duration::from_millis(1)).await;
        }
        assert_eq!(told, 40);
    }

    #[tokio::test(start_paused = true)]
    async fn ev_6_silence_is_broken_by_a_comment_every_15_seconds() {
        let live = Arc::new(Live::new());
        let mut stream = pin!(events(live.listen(None).expect("room")));
        stream.next().await;
        for _ in 0..3 {
            let start = Instant::now();
            assert_eq!(stream.next().await, Some(Ok(Bytes::from_static(HEARTBEAT.as_bytes()))));
            assert_eq!(start.elapsed().as_secs(), 15);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn ev_6_what_is_told_breaks_the_silence_too() {
        let live = Arc::new(Live::new());
        let mut stream = pin!(events(live.listen(None).expect("room")));
        stream.next().await;
        let start = Instant::now();
        tokio::time::sleep(Duration::from_secs(10)).await;
        live.changed(&[job(1)]);
        stream.next().await;
        assert_eq!(stream.next().await, Some(Ok(Bytes::from_static(HEARTBEAT.as_bytes()))));
        assert_eq!(start.elapsed().as_secs(), 25);
    }

    #[test]
    fn ev_8_who_finds_no_room_is_told_when_to_come_again() {
        let response = stream(None);
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers()[RETRY_AFTER], "10");
    }

    #[tokio::test]
    async fn ev_7_a_stream_ends_when_the_server_stops_also_for_who_comes_later() {
        let live = Arc::new(Live::new());
        let mut stream = pin!(events(live.listen(None).expect("room")));
        stream.next().await;
        live.changed(&[job(1)]);
        live.end();
        assert_eq!(stream.next().await, None);
        let late = events(live.listen(None).expect("room"));
        assert_eq!(late.count().await, 1, "the greeting");
    }
}
