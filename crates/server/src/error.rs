//! What can go wrong, and the one place that says which status code it becomes.

use boxwood_engine::{Refusal, RefusalKind};
use boxwood_proto::connectrpc::{ConnectError, ErrorCode, RequestContext};

/// Characters of the longest text sent in a status: clients take few kilobytes of metadata, and it travels twice.
const STATUS_CHARS_MAX: usize = 1000;

/// Why a server could not be started, or ended by itself.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be set up as asked.
    #[error("{0}")]
    Config(String),
    /// It cannot listen there.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address asked for.
        address: String,
        /// Why.
        source: std::io::Error,
    },
    /// Its database cannot be used, or no longer. What was not acknowledged is not certain; starting again is recovery.
    #[error(transparent)]
    Store(#[from] boxwood_store::Error),
}

/// The status of a command the rules refuse (section 12.2, E-1).
pub(crate) fn refused(refusal: Refusal) -> ConnectError {
    let code = match refusal.kind {
        RefusalKind::NotFound => ErrorCode::NotFound,
        RefusalKind::Invalid => ErrorCode::InvalidArgument,
        RefusalKind::AlreadyExists => ErrorCode::AlreadyExists,
    };
    ConnectError::new(code, short(refusal.message))
}

/// The status of a call the store could not serve. INTERNAL is for our own faults only (N-14).
pub(crate) fn failed(error: boxwood_store::Error) -> ConnectError {
    match error {
        boxwood_store::Error::Unavailable(message) | boxwood_store::Error::Conflict(message) => {
            ConnectError::unavailable(short(message))
        }
        boxwood_store::Error::Incompatible(message) | boxwood_store::Error::Corrupt(message) => {
            tracing::error!(%message, "the store failed");
            ConnectError::internal("the server could not read or write its database; its log says more")
        }
    }
}

/// The status of a procedure that exists but is not served. Over Connect it has HTTP status 404: clients retry a 501.
pub(crate) fn not_served(context: &RequestContext) -> ConnectError {
    let procedure = context.path().unwrap_or("this procedure");
    ConnectError::unimplemented(format!("{procedure} is not served by this version of Boxwood"))
        .with_http_status(http::StatusCode::NOT_FOUND)
}

/// A status text of bounded length.
pub(crate) fn short(message: String) -> String {
    match message.char_indices().nth(STATUS_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &message[..end]),
        None => message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n_14_n_16_each_kind_has_its_own_code() {
        let code = |kind| refused(Refusal { kind, message: "m".into() }).code;
        assert_eq!(code(RefusalKind::NotFound), ErrorCode::NotFound);
        assert_eq!(code(RefusalKind::Invalid), ErrorCode::InvalidArgument);
        assert_eq!(code(RefusalKind::AlreadyExists), ErrorCode::AlreadyExists);
        assert_eq!(failed(boxwood_store::Error::Unavailable("m".into())).code, ErrorCode::Unavailable);
        let corrupt = failed(boxwood_store::Error::Corrupt("SELECT secret".into()));
        assert_eq!(corrupt.code, ErrorCode::Internal);
        assert!(!corrupt.to_string().contains("secret"), "{corrupt}");
    }

    #[test]
    fn status_texts_are_bounded() {
        assert_eq!(short("é".repeat(5000)).chars().count(), STATUS_CHARS_MAX + 1);
        assert_eq!(short("fine".into()), "fine");
    }
}
