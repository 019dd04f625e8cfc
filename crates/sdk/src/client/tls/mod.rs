//! `https://` addresses. Without the feature `tls` they are refused, with a word on how to turn it on.

#[cfg(not(feature = "tls"))]
mod absent;
#[cfg(feature = "tls")]
mod present;

/// Why two sides did not agree on TLS, in words.
#[cfg(feature = "telemetry")]
#[cfg_attr(not(feature = "tls"), allow(dead_code, reason = "nobody tries then"))]
pub(crate) enum Disagreement {
    /// The next try may go better.
    Passing(String),
    /// It takes a person to change something.
    Lasting(String),
}

#[cfg(not(feature = "tls"))]
pub(crate) use absent::{Authorities, Trust, untrusted};
#[cfg(feature = "tls")]
pub(crate) use present::{Authorities, Trust, untrusted};
