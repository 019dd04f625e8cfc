//! Addresses, transports, and trying again.

use std::future::Future;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use boxwood_proto::MESSAGE_BYTES_MAX;
use boxwood_proto::connectrpc::client::{CallOptions, ClientConfig, Http2Connection, SharedHttp2Connection};
use boxwood_proto::connectrpc::{ConnectError, ErrorCode, Protocol};
use http::{HeaderValue, Uri};
use rand::RngExt as _;

use super::tls::{self, Authorities, Trust};
use crate::Error;

/// The metadata that tells the server how often the same call was sent before; it recognises a repeated submission by it.
const PREVIOUS_ATTEMPTS: &str = "grpc-previous-rpc-attempts";

/// How many requests may wait for the connection to take them; it is not the number in flight.
const QUEUE_REQUESTS_MAX: usize = 1024;
/// How often a silent connection is probed, and how long an answer to the probe may take: without it a runner would wait
/// for ever for a server that vanished without closing the connection.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(20);
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(10);

/// Where a server is and how to speak to it.
#[derive(Clone)]
pub(crate) struct Endpoint {
    url: String,
    transport: Transport,
    #[cfg(feature = "telemetry")]
    authorities: Authorities,
    authorization: Option<HeaderValue>,
    retry_for: Duration,
}

/// An address as it was written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Address {
    Tcp(Uri),
    Tls(Uri),
    Unix(PathBuf),
}

/// How to reach a server.
#[derive(Clone)]
enum Transport {
    Tcp(Uri),
    Tls(Uri, Trust),
    Unix(PathBuf),
}

impl Endpoint {
    pub(crate) fn new(
        url: &str,
        token: Option<&str>,
        authorities: &Authorities,
        retry_for: Duration,
    ) -> Result<Self, Error> {
        let authorization = token
            .map(|token| HeaderValue::from_str(&format!("Bearer {token}")))
            .transpose()
            .map_err(|_| {
                Error::setting("token", "has characters that cannot be sent in a header; check for line breaks")
            })?
            .map(|mut value| {
                value.set_sensitive(true);
                value
            });
        let transport = match parse_address(url)? {
            Address::Tcp(uri) => Transport::Tcp(uri),
            Address::Tls(uri) => Transport::Tls(uri, authorities.trust("url")?),
            Address::Unix(path) => Transport::Unix(path),
        };
        Ok(Self {
            url: url.to_owned(),
            transport,
            #[cfg(feature = "telemetry")]
            authorities: authorities.clone(),
            authorization,
            retry_for,
        })
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// What there is to connect to.
    #[cfg(feature = "telemetry")]
    pub(crate) fn address(&self) -> Address {
        match &self.transport {
            Transport::Tcp(uri) => Address::Tcp(uri.clone()),
            Transport::Tls(uri, _) => Address::Tls(uri.clone()),
            Transport::Unix(path) => Address::Unix(path.clone()),
        }
    }

    /// Whom to trust at `https` addresses, also if that of the server is none.
    ///
    /// # Errors
    /// [`Error::Setting`] about `setting` without the feature `tls`, else about the certificate authorities.
    #[cfg(feature = "telemetry")]
    #[cfg_attr(not(feature = "tls"), allow(unreachable_code, reason = "there is nobody to trust then"))]
    pub(crate) fn trust(&self, setting: &'static str) -> Result<Trust, Error> {
        match &self.transport {
            Transport::Tls(_, trust) => Ok(trust.clone()),
            _ => self.authorities.trust(setting),
        }
    }

    /// The header that carries the key.
    #[cfg(feature = "telemetry")]
    pub(crate) fn authorization(&self) -> Option<&HeaderValue> {
        self.authorization.as_ref()
    }

    /// How long calls are tried again.
    pub(crate) fn retry_for(&self) -> Duration {
        self.retry_for
    }

    /// A connection of its own, driven by the current runtime, and how calls are to be sent over it.
    pub(crate) fn connect(&self) -> (SharedHttp2Connection, ClientConfig) {
        let builder =
            Http2Connection::builder().keep_alive_interval(KEEP_ALIVE_INTERVAL).keep_alive_timeout(KEEP_ALIVE_TIMEOUT);
        let (connection, uri) = match &self.transport {
            Transport::Tcp(uri) => (builder.lazy_plaintext(uri.clone()), uri.clone()),
            Transport::Tls(uri, trust) => (trust.connection(builder, uri.clone()), uri.clone()),
            Transport::Unix(path) => {
                let uri = Uri::from_static("http://localhost");
                (builder.lazy_unix(path.clone(), uri.clone()), uri)
            }
        };
        let mut config = ClientConfig::new(uri)
            .with_protocol(Protocol::Grpc)
            .with_default_max_message_size(MESSAGE_BYTES_MAX)
            .with_default_element_memory_limit(4 * MESSAGE_BYTES_MAX);
        if let Some(authorization) = &self.authorization {
            config = config.with_default_header(http::header::AUTHORIZATION, authorization.clone());
        }
        (connection.shared(QUEUE_REQUESTS_MAX), config)
    }

    /// Sends a call once.
    pub(crate) async fn once<T>(
        &self,
        call: &'static str,
        answer: impl Future<Output = Result<T, ConnectError>>,
    ) -> Result<T, Error> {
        answer.await.map_err(|error| Error::from_wire(call, &self.url, &error))
    }

    /// Sends a call that may be repeated, again and again while the server cannot be reached, for as long as the client
    /// is set to. Repetitions say how many there were before.
    pub(crate) async fn repeat<T, F, A>(&self, call: &'static str, send: F) -> Result<T, Error>
    where
        F: Fn(CallOptions) -> A,
        A: Future<Output = Result<T, ConnectError>>,
    {
        let start = Instant::now();
        let mut backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(1));
        for attempt in 0_u32.. {
            let options = match attempt {
                0 => CallOptions::default(),
                before => CallOptions::default().with_header(PREVIOUS_ATTEMPTS, before.to_string()),
            };
            let error = match send(options).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let wait = backoff.next();
            // A certificate does not become a good one by asking again.
            let passing = error.code == ErrorCode::Unavailable && tls::untrusted(&error).is_none();
            if !passing || start.elapsed() + wait > self.retry_for {
                return Err(Error::from_wire(call, &self.url, &error));
            }
            tracing::debug!(call, %error, "trying again in {wait:?}");
            tokio::time::sleep(wait).await;
        }
        unreachable!("the loop ends at the latest when the time is up")
    }
}

/// Whether an error is one of the moment: the same call may succeed later.
pub(crate) fn is_passing(error: &ConnectError) -> bool {
    matches!(
        error.code,
        ErrorCode::Unavailable
            | ErrorCode::Aborted
            | ErrorCode::DeadlineExceeded
            | ErrorCode::ResourceExhausted
            | ErrorCode::Internal
            | ErrorCode::Unknown
            | ErrorCode::Canceled
    )
}

/// Waits that double up to a bound, each shortened at random by up to a half so that many clients do not come back at once.
pub(crate) struct Backoff {
    first: Duration,
    next: Duration,
    longest: Duration,
}

impl Backoff {
    pub(crate) fn new(first: Duration, longest: Duration) -> Self {
        Self { first, next: first, longest }
    }

    pub(crate) fn next(&mut self) -> Duration {
        let wait = self.next;
        self.next = (wait * 2).min(self.longest);
        wait.mul_f64(rand::rng().random_range(0.5..=1.0))
    }

    pub(crate) fn reset(&mut self) {
        self.next = self.first;
    }
}

fn parse_address(url: &str) -> Result<Address, Error> {
    let wrong = |problem: String| Error::setting("url", format!("{url:?} {problem}"));
    if let Some(path) = url.strip_prefix("unix://").or_else(|| url.strip_prefix("unix:")) {
        if path.is_empty() {
            return Err(wrong("names no socket; write unix:PATH".to_owned()));
        }
        return Ok(Address::Unix(path.into()));
    }
    // Without a scheme, the port tells (N-5).
    let full = match url {
        url if url.contains("://") => url.to_owned(),
        url if url.trim_end_matches('/').ends_with(":443") => format!("https://{url}"),
        url => format!("http://{url}"),
    };
    let uri: Uri = full.trim_end_matches('/').parse().map_err(|error| {
        wrong(format!("is not an address: {error}; write http://host:port, https://host:port or unix:PATH"))
    })?;
    let secure = match uri.scheme_str() {
        Some("http") => false,
        Some("https") => true,
        _ => {
            return Err(wrong(
                "has an unknown scheme; write http://host:port, https://host:port or unix:PATH".to_owned(),
            ));
        }
    };
    if uri.host().is_none_or(str::is_empty) || !matches!(uri.path(), "" | "/") || uri.query().is_some() {
        return Err(wrong("is not of the form http://host:port".to_owned()));
    }
    Ok(if secure { Address::Tls(uri) } else { Address::Tcp(uri) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n_5_addresses_with_and_without_scheme() {
        for (url, expected) in [
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080/"),
            ("http://boxwood.example:80/", "http://boxwood.example:80/"),
            ("localhost:8080", "http://localhost:8080/"),
            ("http://[::1]:8080", "http://[::1]:8080/"),
        ] {
            assert_eq!(parse_address(url).unwrap(), Address::Tcp(expected.parse().unwrap()), "{url}");
        }
        for (url, expected) in [
            ("https://boxwood.example", "https://boxwood.example/"),
            ("https://127.0.0.1:8443/", "https://127.0.0.1:8443/"),
            ("boxwood.example:443", "https://boxwood.example:443/"),
        ] {
            assert_eq!(parse_address(url).unwrap(), Address::Tls(expected.parse().unwrap()), "{url}");
        }
    }

    #[test]
    fn n_6_sockets_have_relative_or_absolute_paths() {
        assert_eq!(parse_address("unix:run/boxwood.sock").unwrap(), Address::Unix("run/boxwood.sock".into()));
        assert_eq!(parse_address("unix:///run/boxwood.sock").unwrap(), Address::Unix("/run/boxwood.sock".into()));
    }

    #[test]
    fn n_5_what_cannot_be_used_says_what_would_be_right() {
        for (url, part) in [
            ("ftp://host:1", "unknown scheme"),
            ("http://host:8080/base", "http://host:port"),
            ("unix:", "unix:PATH"),
            ("", "http://host:port"),
            ("http://a b", "http://host:port"),
        ] {
            let text = parse_address(url).unwrap_err().to_string();
            assert!(text.contains(part), "{url}: {text}");
        }
    }

    #[test]
    fn waits_double_up_to_the_bound() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_millis(400));
        for longest in [100, 200, 400, 400] {
            let wait = backoff.next();
            assert!(wait <= Duration::from_millis(longest) && wait >= Duration::from_millis(longest / 2), "{wait:?}");
        }
        backoff.reset();
        assert!(backoff.next() <= Duration::from_millis(100));
    }
}
