//! The rules on single fields of requests (section 12.1, N-8). Each refusal names the field and the limit (E-2).
//!
//! A check takes what came over the wire and gives the domain type, so that what is converted is valid.

mod id;
mod identifier;
mod interval;
mod page;
mod text;
mod trace;

use boxwood_proto::connectrpc::ConnectError;

pub(crate) use id::{ids, optional_id, required_id};
pub(crate) use identifier::{identifier, max_retries};
pub(crate) use interval::{id_interval, is_empty, time_interval, timestamp};
pub(crate) use page::{Page, next as next_page};
pub(crate) use text::{chars, required_slug, slug};
pub(crate) use trace::trace_parent;

/// A request that breaks a rule: which field, what is wrong, what is allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Invalid(pub(crate) String);

impl From<Invalid> for ConnectError {
    fn from(invalid: Invalid) -> Self {
        ConnectError::invalid_argument(crate::error::short(invalid.0))
    }
}

/// Shorthand for a refusal.
pub(crate) fn invalid<T>(message: impl Into<String>) -> Result<T, Invalid> {
    Err(Invalid(message.into()))
}
