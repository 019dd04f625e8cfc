//! Asking for log records page by page, from a cursor on.

use boxwood::{JobId, TaskId};
use boxwood_proto::MESSAGE_BYTES_MAX;
use boxwood_proto::connectrpc::client::{ClientConfig, Http2Connection, SharedHttp2Connection};
use boxwood_proto::connectrpc::{ConnectError, ErrorCode, Protocol};
use boxwood_proto::tilebox::v1::{ID, Pagination, SortDirection};
use boxwood_proto::workflows::v1::{LogSeverityGroup, QueryJobLogsRequest, TelemetryQueryServiceClient};

use super::Level;
use super::record::Record;
use crate::Failure;
use crate::connect::Options;
use crate::job::list::Sort;

/// Records asked for at once (J-52).
const PAGE_MAX: usize = 1000;

/// Which records to read.
pub(super) struct Query {
    service: TelemetryQueryServiceClient<SharedHttp2Connection>,
    url: String,
    request: QueryJobLogsRequest,
}

impl Query {
    /// All records of a job.
    ///
    /// # Errors
    /// If the address or the key of the server cannot be used. Nothing is sent yet.
    pub(super) fn new(options: &Options, job: JobId) -> Result<Self, Failure> {
        // It has checked the address.
        let url = options.client()?.url().to_owned();
        let wrong = |problem: String| Failure::Usage(format!("--url {url:?}: {problem}"));
        let builder = Http2Connection::builder();
        let (connection, uri) = match url.strip_prefix("unix://").or_else(|| url.strip_prefix("unix:")) {
            Some(path) => {
                let uri = http::Uri::from_static("http://localhost");
                (builder.lazy_unix(std::path::PathBuf::from(path), uri.clone()), uri)
            }
            None => {
                let full = if url.contains("://") { url.clone() } else { format!("http://{url}") };
                let uri: http::Uri = full.trim_end_matches('/').parse().map_err(|error| wrong(format!("{error}")))?;
                (builder.lazy_plaintext(uri.clone()), uri)
            }
        };
        let mut config = ClientConfig::new(uri)
            .with_protocol(Protocol::Grpc)
            .with_default_max_message_size(MESSAGE_BYTES_MAX)
            .with_default_element_memory_limit(4 * MESSAGE_BYTES_MAX);
        if let Some(key) = options.key() {
            let mut bearer = http::HeaderValue::from_str(&format!("Bearer {key}"))
                .map_err(|_| Failure::Usage("--api-key has characters that cannot be sent in a header".into()))?;
            bearer.set_sensitive(true);
            config = config.with_default_header(http::header::AUTHORIZATION, bearer);
        }
        let request = QueryJobLogsRequest { job_id: id(*job.as_bytes()).into(), ..Default::default() };
        Ok(Self { service: TelemetryQueryServiceClient::new(connection.shared(16), config), url, request })
    }

    /// Only those of this task, if one is given.
    pub(super) fn of_task(&mut self, task: Option<TaskId>) -> &mut Self {
        self.request.task_id = task.map(|task| id(*task.as_bytes())).into();
        self
    }

    /// Only those of this level or a graver one, if one is given.
    pub(super) fn at_least(&mut self, level: Option<Level>) -> &mut Self {
        if let Some(level) = level {
            let groups = [
                (Level::Trace, LogSeverityGroup::LOG_SEVERITY_GROUP_TRACE),
                (Level::Debug, LogSeverityGroup::LOG_SEVERITY_GROUP_DEBUG),
                (Level::Info, LogSeverityGroup::LOG_SEVERITY_GROUP_INFO),
                (Level::Warn, LogSeverityGroup::LOG_SEVERITY_GROUP_WARNING),
                (Level::Error, LogSeverityGroup::LOG_SEVERITY_GROUP_ERROR),
            ];
            let levels = &mut self.request.filters.get_or_insert_default().severity_levels;
            for (_, group) in groups.into_iter().filter(|(known, _)| *known >= level) {
                levels.push(group.into());
            }
        }
        self
    }

    /// Oldest or newest first.
    pub(super) fn sort(&mut self, sort: Sort) -> &mut Self {
        let direction = match sort {
            Sort::Asc => SortDirection::SORT_DIRECTION_ASCENDING,
            Sort::Desc => SortDirection::SORT_DIRECTION_DESCENDING,
        };
        self.request.sort_direction = Some(direction.into());
        self
    }

    /// The next `limit` records after `cursor`, and the cursor of those that follow, if any.
    ///
    /// # Errors
    /// [`Failure::NotFound`] if there is no such job (O-37).
    pub(super) async fn records(
        &self,
        mut cursor: Option<[u8; 16]>,
        limit: usize,
    ) -> Result<(Vec<Record>, Option<[u8; 16]>), Failure> {
        let mut records = Vec::new();
        loop {
            let page = Pagination {
                limit: Some((limit - records.len()).min(PAGE_MAX) as i64),
                starting_after: cursor.map(id).into(),
                ..Default::default()
            };
            let request = QueryJobLogsRequest { page: page.into(), ..self.request.clone() };
            let answer = self.service.query_job_logs(request).await.map_err(|error| self.failed(&error))?.into_owned();
            records.extend(answer.resource_logs.into_iter().filter_map(Record::from_wire));
            let next = answer.next_page.into_option().and_then(|page| page.starting_after.into_option());
            cursor = next.and_then(|id| <[u8; 16]>::try_from(id.uuid.as_slice()).ok());
            if cursor.is_none() || records.len() >= limit {
                return Ok((records, cursor));
            }
        }
    }

    fn failed(&self, error: &ConnectError) -> Failure {
        if error.code == ErrorCode::Unavailable {
            let mut cause = error.message.clone().unwrap_or_default();
            let mut source = std::error::Error::source(error);
            while let Some(next) = source {
                cause = next.to_string();
                source = next.source();
            }
            return Failure::unreachable(&self.url, &cause);
        }
        let message = error.message.clone().unwrap_or_else(|| "the server gave no reason".to_owned());
        let (code, step) = match error.code {
            ErrorCode::NotFound => (boxwood::Code::NotFound, Some("`boxwood job list` shows those there are")),
            ErrorCode::InvalidArgument => (boxwood::Code::InvalidArgument, None),
            ErrorCode::Unauthenticated => (boxwood::Code::Unauthenticated, Some("name a key with --api-key")),
            ErrorCode::PermissionDenied => (boxwood::Code::PermissionDenied, None),
            ErrorCode::Unimplemented => (boxwood::Code::Unimplemented, None),
            ErrorCode::ResourceExhausted => (boxwood::Code::ResourceExhausted, None),
            ErrorCode::Internal => (boxwood::Code::Internal, Some("look into the log of the server")),
            _ => (boxwood::Code::Unknown, None),
        };
        Failure::refused("query logs of job", code, &message, step)
    }
}

fn id(bytes: [u8; 16]) -> ID {
    ID { uuid: bytes.to_vec(), ..Default::default() }
}
