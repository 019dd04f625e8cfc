//! `https://` addresses. Without the feature `tls` they are refused, with a word on how to turn it on.

#[cfg(not(feature = "tls"))]
mod absent;
#[cfg(feature = "tls")]
mod present;

#[cfg(not(feature = "tls"))]
pub(crate) use absent::{Authorities, Trust, untrusted};
#[cfg(feature = "tls")]
pub(crate) use present::{Authorities, Trust, untrusted};
