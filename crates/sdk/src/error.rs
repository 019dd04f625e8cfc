//! What can go wrong in the SDK, and the code, message and remedy of each.

use std::error::Error as StdError;
use std::fmt;

use boxwood_proto::connectrpc::{ConnectError, ErrorCode};

use crate::client;

/// Any error, on the heap: what task code may fail with.
pub type BoxError = Box<dyn StdError + Send + Sync + 'static>;

/// The outcome of task code. `?` turns any error into a [`BoxError`], and so does `.into()` on a text.
pub type Result<T = (), E = BoxError> = std::result::Result<T, E>;

/// What kind of failure an [`Error`] is; the codes of gRPC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the names are those of the gRPC specification")]
pub enum Code {
    Canceled,
    Unknown,
    InvalidArgument,
    DeadlineExceeded,
    NotFound,
    AlreadyExists,
    PermissionDenied,
    ResourceExhausted,
    FailedPrecondition,
    Aborted,
    OutOfRange,
    Unimplemented,
    Internal,
    Unavailable,
    DataLoss,
    Unauthenticated,
}

impl Code {
    /// The name as it is written in messages, such as `not_found`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Canceled => "canceled",
            Self::Unknown => "unknown",
            Self::InvalidArgument => "invalid_argument",
            Self::DeadlineExceeded => "deadline_exceeded",
            Self::NotFound => "not_found",
            Self::AlreadyExists => "already_exists",
            Self::PermissionDenied => "permission_denied",
            Self::ResourceExhausted => "resource_exhausted",
            Self::FailedPrecondition => "failed_precondition",
            Self::Aborted => "aborted",
            Self::OutOfRange => "out_of_range",
            Self::Unimplemented => "unimplemented",
            Self::Internal => "internal",
            Self::Unavailable => "unavailable",
            Self::DataLoss => "data_loss",
            Self::Unauthenticated => "unauthenticated",
        }
    }

    fn from_wire(code: ErrorCode) -> Self {
        match code {
            ErrorCode::Canceled => Self::Canceled,
            ErrorCode::InvalidArgument => Self::InvalidArgument,
            ErrorCode::DeadlineExceeded => Self::DeadlineExceeded,
            ErrorCode::NotFound => Self::NotFound,
            ErrorCode::AlreadyExists => Self::AlreadyExists,
            ErrorCode::PermissionDenied => Self::PermissionDenied,
            ErrorCode::ResourceExhausted => Self::ResourceExhausted,
            ErrorCode::FailedPrecondition => Self::FailedPrecondition,
            ErrorCode::Aborted => Self::Aborted,
            ErrorCode::OutOfRange => Self::OutOfRange,
            ErrorCode::Unimplemented => Self::Unimplemented,
            ErrorCode::Internal => Self::Internal,
            ErrorCode::Unavailable => Self::Unavailable,
            ErrorCode::DataLoss => Self::DataLoss,
            ErrorCode::Unauthenticated => Self::Unauthenticated,
            // Also what a later version of the protocol may add.
            _ => Self::Unknown,
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Everything the SDK itself fails with.
///
/// [`code`](Error::code) tells the kind, the text says what and where, [`next_step`](Error::next_step) what to do. All of it
/// is printed when `main` returns the error.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The server could not be reached, also after trying again.
    #[error("{call}: {url} cannot be reached: {message}")]
    #[non_exhaustive]
    Unavailable {
        /// What was asked.
        call: &'static str,
        /// Where the server was looked for.
        url: String,
        /// What the connection said.
        message: String,
    },
    /// The server could not prove to be the one it was looked for as (feature `tls`).
    #[error("{call}: the certificate of {url} {problem}")]
    Certificate {
        /// What was asked.
        call: &'static str,
        /// Where the server was looked for.
        url: String,
        /// What is wrong with its certificate, and what to do.
        problem: String,
    },
    /// The server refused a call, or failed in it.
    #[error("{call}: {message} ({code})")]
    #[non_exhaustive]
    Refused {
        /// What was asked.
        call: &'static str,
        /// The kind of refusal.
        code: Code,
        /// What the server said.
        message: String,
    },
    /// The server answered something that makes no sense.
    #[error("{call}: the answer cannot be used: {problem}")]
    #[non_exhaustive]
    Answer {
        /// What was asked.
        call: &'static str,
        /// What is wrong with the answer.
        problem: String,
    },
    /// A setting of a client or a runner cannot be used.
    #[error("{setting}: {problem}")]
    #[non_exhaustive]
    Setting {
        /// Which setting.
        setting: &'static str,
        /// What is wrong with it, and what would be right.
        problem: String,
    },
    /// A task identifier is malformed (T-50).
    #[error("task identifier: {problem}")]
    #[non_exhaustive]
    Identifier {
        /// What is wrong with it, and what would be right.
        problem: String,
    },
    /// A task's input cannot be written as bytes, is too long (T-31), or cannot be read back (T-27).
    #[error("input of task {task}: {problem}")]
    #[non_exhaustive]
    Input {
        /// The name of the task.
        task: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Sub-tasks or progress that cannot be sent: a foreign handle (T-91), too many groups (T-98), …
    #[error("{what}: {problem}")]
    #[non_exhaustive]
    Submission {
        /// Which sub-task, and where in the source it was submitted.
        what: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A key is not in the cache (K-4).
    #[error("cache: {key:?} is not cached")]
    #[non_exhaustive]
    NotCached {
        /// The key asked for.
        key: String,
    },
    /// The cache could not be used.
    #[error("cache: {problem}")]
    #[non_exhaustive]
    Cache {
        /// What went wrong, and for which key.
        problem: String,
        /// Why, as far as the backend said.
        #[source]
        source: Option<BoxError>,
    },
    /// What was waited for did not happen in time.
    #[error("{what}: still {state} after {} s", after.as_secs_f32())]
    #[non_exhaustive]
    Timeout {
        /// What was waited for.
        what: String,
        /// Its state at the end.
        state: String,
        /// How long was waited.
        after: std::time::Duration,
    },
    /// A workflow under test was stopped because it did not end. Only with feature `testing`.
    #[cfg(feature = "testing")]
    #[error("workflow under test: no end after {executions} executions; there are {state}")]
    Endless {
        /// How many executions there were.
        executions: usize,
        /// How many tasks of which kind are in which state.
        state: String,
    },
}

impl Error {
    /// The error of an input of the task called `task`, for a [`Task`](crate::Task) that writes and reads its input by code of
    /// its own.
    pub fn input(task: impl Into<String>, problem: impl fmt::Display) -> Self {
        Self::Input { task: task.into(), problem: problem.to_string() }
    }

    /// What kind of failure this is.
    pub fn code(&self) -> Code {
        match self {
            Self::Unavailable { .. } | Self::Certificate { .. } => Code::Unavailable,
            Self::Refused { code, .. } => *code,
            Self::Answer { .. } => Code::Internal,
            Self::NotCached { .. } => Code::NotFound,
            Self::Cache { .. } => Code::Unknown,
            Self::Timeout { .. } => Code::DeadlineExceeded,
            #[cfg(feature = "testing")]
            Self::Endless { .. } => Code::ResourceExhausted,
            Self::Setting { .. } | Self::Identifier { .. } | Self::Input { .. } | Self::Submission { .. } => {
                Code::InvalidArgument
            }
        }
    }

    /// What to do about it, as a sentence without a full stop, where there is something to say.
    pub fn next_step(&self) -> Option<&'static str> {
        match self {
            Self::Unavailable { .. } => {
                Some("start a server with `boxwood serve`, or set BOXWOOD_URL to the address of one that runs")
            }
            Self::Refused { code: Code::Unauthenticated, .. } => {
                Some("set BOXWOOD_API_KEY to a key of this server; `boxwood key create` makes one")
            }
            Self::Refused { code: Code::PermissionDenied, .. } => Some("use a key that has the needed right"),
            Self::Refused { code: Code::Unimplemented, .. } => {
                Some("use a server of the same version as this program, or newer")
            }
            Self::Refused { code: Code::Internal | Code::Unknown, .. } => Some("look into the log of the server"),
            Self::NotCached { .. } => Some(
                "check that the task which writes it is among the dependencies, and that all runners share one cache",
            ),
            #[cfg(feature = "testing")]
            Self::Endless { .. } => Some(
                "look for what should end the recursion or the retries, or allow more with `Workflow::executions_max`",
            ),
            _ => None,
        }
    }

    pub(crate) fn answer(call: &'static str, problem: impl Into<String>) -> Self {
        Self::Answer { call, problem: problem.into() }
    }

    pub(crate) fn setting(setting: &'static str, problem: impl Into<String>) -> Self {
        Self::Setting { setting, problem: problem.into() }
    }

    /// What a call failed with, once it is not tried again.
    pub(crate) fn from_wire(call: &'static str, url: &str, error: &ConnectError) -> Self {
        let mut message = error.message.clone().unwrap_or_default();
        if let Some(problem) = client::untrusted(error) {
            return Self::Certificate { call, url: url.to_owned(), problem };
        }
        if error.code == ErrorCode::Unavailable {
            // The interesting part ("connection refused") is the last of the sources.
            let mut source = error.source();
            while let Some(cause) = source {
                let text = cause.to_string();
                if !message.contains(&text) {
                    if !message.is_empty() {
                        message.push_str(": ");
                    }
                    message.push_str(&text);
                }
                source = cause.source();
            }
            // What the transport library says of itself does not help.
            let message = message.strip_prefix("h2 send failed: ").unwrap_or(&message).to_owned();
            return Self::Unavailable { call, url: url.to_owned(), message };
        }
        if message.is_empty() {
            message = "the server gave no reason".to_owned();
        }
        Self::Refused { call, code: Code::from_wire(error.code), message }
    }
}

/// For people, since this is what a program prints whose `main` returns the error: the text, and what to do.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&with_causes(self))?;
        self.next_step().map_or(Ok(()), |step| write!(f, "\n{step}"))
    }
}

/// An error and everything it was caused by, on one line.
pub(crate) fn with_causes(error: &(dyn StdError + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        // Many errors repeat their source in their own text.
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}
