//! Where a backend takes telemetry.

use std::path::PathBuf;

use http::uri::Authority;
use http::{HeaderValue, Uri};

use crate::Error;
use crate::client::{self, Endpoint, Trust};

/// An HTTP address.
#[derive(Debug, Clone)]
pub(super) struct Address {
    pub(super) place: Place,
    /// The header `host`.
    pub(super) host: HeaderValue,
    /// What is asked for there.
    pub(super) path: Uri,
    /// Whom to trust, at an `https` address.
    pub(super) trust: Option<Trust>,
}

/// What to connect to.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Place {
    Tcp { host: String, port: u16 },
    Unix(PathBuf),
}

impl Address {
    /// The address that a setting names: `http://host:port/path`, or with `https`. The path of the signal is added,
    /// unless it is there. Whom `server` is trusted by is trusted here too.
    ///
    /// # Errors
    /// [`Error::Setting`] if it is no such address.
    pub(super) fn parse(setting: &'static str, url: &str, signal_path: &str, server: &Endpoint) -> Result<Self, Error> {
        let wrong = |problem: &str| Error::setting(setting, format!("{url:?} {problem}"));
        let form = "is not an address; write for example http://localhost:4318";
        let uri: Uri = url.trim_end_matches('/').parse().map_err(|_| wrong(form))?;
        let (port, trust) = match uri.scheme_str() {
            Some("http") => (80, None),
            Some("https") => (443, Some(server.trust(setting)?)),
            _ => return Err(wrong(form)),
        };
        let path = match uri.path() {
            path if path.ends_with(signal_path) => path.to_owned(),
            path => format!("{}{signal_path}", path.trim_end_matches('/')),
        };
        let path = match uri.query() {
            Some(query) => format!("{path}?{query}"),
            None => path,
        };
        let authority = uri.authority().ok_or_else(|| wrong(form))?;
        let (place, host) = tcp(authority, port);
        Ok(Self { place, host, path: path.parse().map_err(|_| wrong(form))?, trust })
    }

    /// A path of the server that a client speaks to.
    ///
    /// # Errors
    /// [`Error::Setting`] if nobody can be trusted at an `https` address; a client was made of it, so that does not
    /// happen.
    pub(super) fn of_server(endpoint: &Endpoint, path: &'static str) -> Result<Self, Error> {
        let of = |uri: http::Uri, port| uri.authority().map(|authority| tcp(authority, port)).unzip();
        let ((place, host), trust) = match endpoint.address() {
            client::Address::Tcp(uri) => (of(uri, 80), None),
            client::Address::Tls(uri) => (of(uri, 443), Some(endpoint.trust("url")?)),
            client::Address::Unix(socket) => ((Some(Place::Unix(socket)), None), None),
        };
        Ok(Self {
            place: place.expect("an address of a server has a host"),
            host: host.unwrap_or(HeaderValue::from_static("localhost")),
            path: Uri::from_static(path),
            trust,
        })
    }
}

/// What to connect to, and the header `host`, which is without a name and a password before an @.
fn tcp(authority: &Authority, port: u16) -> (Place, HeaderValue) {
    let place = Place::Tcp {
        host: authority.host().trim_matches(['[', ']']).to_owned(),
        port: authority.port_u16().unwrap_or(port),
    };
    let host = authority.as_str().rsplit('@').next().unwrap_or_default();
    (place, HeaderValue::from_str(host).expect("a host has only characters that headers have"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server() -> Endpoint {
        Endpoint::new("http://127.0.0.1:1", None, &Default::default(), std::time::Duration::ZERO).unwrap()
    }

    #[test]
    fn o_50_the_path_of_the_signal_is_added_where_it_is_missing() {
        for (url, host, port, header, path) in [
            ("http://localhost:4318", "localhost", 4318, "localhost:4318", "/v1/logs"),
            ("http://localhost:4318/v1/logs", "localhost", 4318, "localhost:4318", "/v1/logs"),
            ("http://[::1]:4318/otlp/", "::1", 4318, "[::1]:4318", "/otlp/v1/logs"),
            ("http://user@collector/?tenant=7", "collector", 80, "collector", "/v1/logs?tenant=7"),
        ] {
            let address = Address::parse("OTEL_LOGS_ENDPOINT", url, "/v1/logs", &server()).unwrap();
            assert_eq!(address.place, Place::Tcp { host: host.to_owned(), port }, "{url}");
            assert_eq!((address.host.to_str().unwrap(), address.path.to_string().as_str()), (header, path), "{url}");
        }
    }

    #[test]
    fn addresses_that_cannot_be_used_are_refused_with_the_setting() {
        for wrong in ["", "localhost:4318", "grpc://localhost:4317", "http://", "http://a b"] {
            let error = Address::parse("OTEL_LOGS_ENDPOINT", wrong, "/v1/logs", &server()).unwrap_err().to_string();
            assert!(error.starts_with("OTEL_LOGS_ENDPOINT: "), "{error}");
        }
    }
}
