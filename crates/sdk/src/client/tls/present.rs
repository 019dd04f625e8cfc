//! TLS by rustls with ring: whom to trust, and connections to those.

use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use boxwood_proto::connectrpc::ConnectError;
use boxwood_proto::connectrpc::client::{Http2Connection, Http2ConnectionBuilder};
use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{CertificateError, ClientConfig, InvalidMessage, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tower::Service;

#[cfg(feature = "telemetry")]
use super::Disagreement;
use crate::{BoxError, Error};

const SETTING: &str = "ca_certificate";

/// How long each address of a server may take to answer, before the next one is tried.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// The authorities that are trusted besides those of the system.
#[derive(Clone, Default)]
pub(crate) struct Authorities(Vec<Source>);

#[derive(Clone)]
enum Source {
    Pem(Vec<u8>),
    File(PathBuf),
}

impl Authorities {
    pub(crate) fn add_pem(&mut self, pem: Vec<u8>) {
        self.0.push(Source::Pem(pem));
    }

    pub(crate) fn add_file(&mut self, path: PathBuf) {
        self.0.push(Source::File(path));
    }

    /// Reads them all, those of the system included.
    pub(crate) fn trust(&self, _: &'static str) -> Result<Trust, Error> {
        let mut roots = RootCertStore::empty();
        let system = rustls_native_certs::load_native_certs();
        for error in &system.errors {
            tracing::debug!(%error, "a certificate authority of the system cannot be read");
        }
        // Odd ones in the collection of a system are no reason to do without the others.
        roots.add_parsable_certificates(system.certs);
        for source in &self.0 {
            source.add_to(&mut roots)?;
        }
        if roots.is_empty() {
            return Err(Error::setting(
                SETTING,
                "this system has no certificate authorities to trust; install its package ca-certificates, or name the \
                 PEM file of yours in BOXWOOD_CA_CERTIFICATE",
            ));
        }
        let provider = Arc::new(ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| Error::setting(SETTING, error.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Trust { config: Arc::new(config) })
    }
}

impl fmt::Debug for Authorities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.0.iter().map(|source| match source {
            Source::Pem(pem) => format!("{} bytes", pem.len()),
            Source::File(path) => path.display().to_string(),
        });
        f.debug_list().entries(names).finish()
    }
}

impl Source {
    fn add_to(&self, roots: &mut RootCertStore) -> Result<(), Error> {
        let (name, read) = match self {
            Self::Pem(pem) => ("the text given".to_owned(), Ok(pem.clone())),
            Self::File(path) => (path.display().to_string(), std::fs::read(path)),
        };
        let wrong = |problem: String| Error::setting(SETTING, format!("{name}: {problem}"));
        let pem = read.map_err(|error| wrong(format!("cannot be read: {error}")))?;
        let mut found = false;
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            let certificate = certificate.map_err(|error| wrong(format!("is not PEM: {error}")))?;
            roots.add(certificate).map_err(|error| wrong(format!("has a certificate that cannot be used: {error}")))?;
            found = true;
        }
        match found {
            true => Ok(()),
            false => Err(wrong("has no certificate in it; PEM with BEGIN CERTIFICATE is needed".to_owned())),
        }
    }
}

/// Whom to trust; cheap to clone.
#[derive(Clone)]
pub(crate) struct Trust {
    config: Arc<ClientConfig>,
}

impl Trust {
    /// A connection to a server that proves to be the one it is looked for as.
    pub(crate) fn connection(&self, builder: Http2ConnectionBuilder, uri: Uri) -> Http2Connection {
        builder.lazy_with_connector(self.connector(b"h2"), uri)
    }

    /// Agrees on TLS over a connection to `host` on which HTTP/1.1 will be spoken.
    ///
    /// # Errors
    /// What is wrong with the other side.
    #[cfg(feature = "telemetry")]
    pub(crate) async fn secure(&self, host: &str, stream: TcpStream) -> Result<TlsStream<TcpStream>, Disagreement> {
        let mut config = ClientConfig::clone(&self.config);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let name = ServerName::try_from(host.to_owned()).map_err(|error| Disagreement::Lasting(error.to_string()))?;
        let connected = tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await;
        connected.map_err(|error| match refusal(&error) {
            Some(refusal) if refusal.is::<Untrusted>() => Disagreement::Lasting(format!("the certificate {refusal}")),
            Some(refusal) => Disagreement::Lasting(refusal.to_string()),
            None => Disagreement::Passing(error.to_string()),
        })
    }

    /// Makes connections on which `protocol` is spoken.
    fn connector(&self, protocol: &[u8]) -> Connector {
        let mut config = ClientConfig::clone(&self.config);
        config.alpn_protocols = vec![protocol.to_vec()];
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT_WITHIN));
        Connector { tcp, config: Arc::new(config) }
    }
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trust").finish_non_exhaustive()
    }
}

/// Connects and agrees on TLS. The library that calls it bounds the time both may take.
#[derive(Clone)]
struct Connector {
    tcp: HttpConnector,
    config: Arc<ClientConfig>,
}

impl Service<Uri> for Connector {
    type Response = TokioIo<TlsStream<TcpStream>>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(ready!(self.tcp.poll_ready(context))?))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']').to_owned();
        let connecting = self.tcp.call(uri);
        let config = self.config.clone();
        Box::pin(async move {
            let name = ServerName::try_from(host)?;
            let tcp = connecting.await?.into_inner();
            let connector = tokio_rustls::TlsConnector::from(config.clone());
            let stream = connector.connect(name, tcp).await.map_err(|error| refusal(&error).unwrap_or(error.into()))?;
            if stream.get_ref().1.alpn_protocol() != config.alpn_protocols.first().map(Vec::as_slice) {
                return Err(
                    "the server does not speak HTTP/2 over TLS; a proxy in front of it may be in the way".into()
                );
            }
            Ok(TokioIo::new(stream))
        })
    }
}

/// Why the certificate of a server does not hold; among the sources of the error of a call.
#[derive(Debug)]
struct Untrusted(String);

impl fmt::Display for Untrusted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl StdError for Untrusted {}

/// What is wrong with the certificate of the server, if that is what a call failed of.
pub(crate) fn untrusted(error: &ConnectError) -> Option<String> {
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(Untrusted(problem)) = cause.downcast_ref() {
            return Some(problem.clone());
        }
        source = cause.source();
    }
    None
}

/// What there is to say about a handshake that failed, more than rustls itself says.
fn refusal(error: &std::io::Error) -> Option<BoxError> {
    match error.get_ref()?.downcast_ref::<rustls::Error>()? {
        rustls::Error::InvalidCertificate(problem) => Some(Untrusted(certificate_problem(problem)).into()),
        rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            Some("the server does not speak TLS; write http:// in place of https://".into())
        }
        _ => None,
    }
}

fn certificate_problem(problem: &CertificateError) -> String {
    match problem {
        CertificateError::UnknownIssuer => "was issued by an authority that is not trusted here; name the PEM file of \
             that authority in BOXWOOD_CA_CERTIFICATE, or by ClientBuilder::ca_certificate_file"
            .to_owned(),
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "has run out; renew it at the server, or check the clock of this machine".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "is not valid yet; check the clocks of this machine and of the server".to_owned()
        }
        CertificateError::NotValidForNameContext { presented, .. } => {
            format!("is for other names: {}; use one of these in the address", presented.join(", "))
        }
        other => {
            let text = other.to_string();
            if text.contains("CaUsedAsEndEntity") {
                return "is one for issuing others (CA:TRUE), which a server may not use for itself; make one with \
                        basicConstraints=critical,CA:FALSE"
                    .to_owned();
            }
            format!("does not hold: {text}")
        }
    }
}
