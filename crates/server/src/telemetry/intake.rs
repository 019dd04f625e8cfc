//! `POST /v1/logs` and `/v1/traces`: OTLP over HTTP, protobuf (O-1, O-2).
//!
//! A request is answered when its records are stored. It is taken in whole or not at all; a sender that is told to come
//! back later (503) sends all of it again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use boxwood_engine::{JobId, TaskId};
use boxwood_proto::buffa::encoding::{Tag, WireType};
use boxwood_proto::buffa::types::{encode_int32, put_len_delimited_header};
use boxwood_store::telemetry::{Database, NewRecord};
use boxwood_store::{Error, Reader};
use tokio::sync::Semaphore;

use super::body::{self, Budget, Encoding};
use super::decode::{self, Signal};
use crate::clock;

/// The one content type taken in, and that of the answers.
const PROTOBUF: &str = "application/x-protobuf";

/// Bytes of all requests that are being received or wait to be decoded.
const BODIES_BYTES_MAX: usize = 128 << 20;

/// Requests decoded at a time. One keeps up with the writer, and leaves the other cores to calls about tasks.
const DECODING_MAX: usize = 1;

/// Tasks whose job is remembered at most.
const KNOWN_TASKS_MAX: usize = 10_000;

/// Why a request is not taken in.
#[derive(Debug)]
pub(super) enum Refused {
    /// It is no export request.
    Malformed(String),
    /// It is none that is understood here.
    UnsupportedType(String),
    /// It is more than is taken at once.
    TooLarge(String),
    /// It did not arrive in time.
    TooSlow(String),
    /// It may be sent again later.
    Busy(String),
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        match error {
            Error::Unavailable(message) | Error::Conflict(message) => Self::Busy(message),
            // The store logs what it is. It may pass: a full disk does.
            Error::Incompatible(_) | Error::Corrupt(_) => Self::Busy("telemetry cannot be stored at the moment".into()),
        }
    }
}

impl IntoResponse for Refused {
    /// The status with a `google.rpc.Status` as body, as OTLP asks for.
    fn into_response(self) -> Response {
        let (status, code, message) = match self {
            Self::Malformed(message) => (StatusCode::BAD_REQUEST, 3, message),
            Self::UnsupportedType(message) => (StatusCode::UNSUPPORTED_MEDIA_TYPE, 3, message),
            Self::TooLarge(message) => (StatusCode::PAYLOAD_TOO_LARGE, 3, message),
            Self::TooSlow(message) => (StatusCode::REQUEST_TIMEOUT, 4, message),
            Self::Busy(message) => (StatusCode::SERVICE_UNAVAILABLE, 14, message),
        };
        let mut body = Vec::new();
        Tag::new(1, WireType::Varint).encode(&mut body);
        encode_int32(code, &mut body);
        put_len_delimited_header(2, message.len() as u64, &mut body);
        body.extend_from_slice(message.as_bytes());
        let mut response = (status, [(CONTENT_TYPE, PROTOBUF)], body).into_response();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

/// Takes telemetry in.
pub(super) struct Intake {
    database: Database,
    jobs: Arc<JobsOfTasks>,
    budget: Arc<Budget>,
    decoding: Arc<Semaphore>,
}

impl Intake {
    pub(super) fn new(database: Database, reader: Arc<dyn Reader>) -> Self {
        Self {
            database,
            jobs: Arc::new(JobsOfTasks { reader, known: Mutex::default() }),
            budget: Budget::new(BODIES_BYTES_MAX),
            decoding: Arc::new(Semaphore::new(DECODING_MAX)),
        }
    }

    async fn take(&self, signal: Signal, request: Request) -> Result<Response, Refused> {
        let (head, body) = request.into_parts();
        check_type(&head.headers)?;
        let encoding = Encoding::of(&head.headers)?;
        let (packed, share) = body::read(&head.headers, body, &self.budget).await?;
        let now = clock::now();
        let permit = self.decoding.clone().acquire_owned().await;
        let jobs = self.jobs.clone();
        let decoding = tokio::task::spawn_blocking(move || {
            // Both are given back when the work is done, also when nobody waits for it any more.
            let _held = (permit, share);
            let request = encoding.unpack(packed)?;
            let mut records = decode::records(signal, &request, now.0.unsigned_abs().saturating_mul(1_000))?;
            jobs.fill_in(&mut records)?;
            Ok::<_, Refused>(records)
        });
        let records = decoding.await.map_err(|error| {
            tracing::error!(%error, "telemetry could not be decoded");
            Refused::Malformed("the request could not be decoded".into())
        })??;
        if !records.is_empty() {
            self.database.write(records, now)?.wait().await?;
        }
        // The message of full success has no fields.
        Ok(([(CONTENT_TYPE, PROTOBUF)], Vec::new()).into_response())
    }
}

/// The two routes.
pub(super) fn router(intake: Arc<Intake>) -> Router {
    let logs = async |State(intake): State<Arc<Intake>>, request: Request| intake.take(Signal::Logs, request).await;
    let spans = async |State(intake): State<Arc<Intake>>, request: Request| intake.take(Signal::Spans, request).await;
    Router::new().route("/v1/logs", post(logs)).route("/v1/traces", post(spans)).with_state(intake)
}

fn check_type(headers: &HeaderMap) -> Result<(), Refused> {
    let value = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    let essence = value.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    if essence.eq_ignore_ascii_case(PROTOBUF.as_bytes()) {
        return Ok(());
    }
    Err(Refused::UnsupportedType(format!(
        "content-type {:?} is not supported; send {PROTOBUF} (OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf)",
        String::from_utf8_lossy(essence)
    )))
}

/// Which job a task belongs to. That never changes, so what was asked once is remembered.
struct JobsOfTasks {
    reader: Arc<dyn Reader>,
    known: Mutex<HashMap<TaskId, JobId>>,
}

impl JobsOfTasks {
    /// Gives records with a task the job of that task, where it exists (O-4).
    fn fill_in(&self, records: &mut [NewRecord]) -> Result<(), Error> {
        // Also remembers, for this request, which tasks do not exist.
        let mut found: HashMap<TaskId, Option<JobId>> = HashMap::new();
        for record in records {
            let Some(task) = record.task else { continue };
            record.job = match found.get(&task) {
                Some(job) => *job,
                None => {
                    let job = self.of(task)?;
                    found.insert(task, job);
                    job
                }
            };
        }
        Ok(())
    }

    fn of(&self, task: TaskId) -> Result<Option<JobId>, Error> {
        if let Some(job) = self.known.lock().expect("no holder panics").get(&task) {
            return Ok(Some(*job));
        }
        let job = self.reader.job_of_task(task)?;
        if let Some(job) = job {
            let mut known = self.known.lock().expect("no holder panics");
            if known.len() >= KNOWN_TASKS_MAX {
                known.clear();
            }
            known.insert(task, job);
        }
        Ok(job)
    }
}
