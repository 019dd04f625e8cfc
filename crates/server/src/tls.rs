//! TLS on the listening port: certificate and key, and the handshake.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::config::Tls;
use crate::error::Error;

/// How long a client may take to agree on a connection. A slow one holds up nobody else, but takes a file descriptor.
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(10);

/// The first byte of every TLS connection: a record of the handshake (RFC 8446, section 5.1).
const HANDSHAKE_RECORD: u8 = 22;

/// What is told to clients that speak in clear text.
const ADVICE: &str = "this port speaks TLS: write https:// in place of http://";

/// Makes connections out of accepted sockets; cheap to clone.
#[derive(Clone)]
pub(crate) struct Acceptor {
    tls: TlsAcceptor,
    names: Arc<[String]>,
}

impl Acceptor {
    /// Reads certificate and key, and looks whether clients will take them at the time `now`.
    ///
    /// # Errors
    /// [`Error::Config`] naming the file, what is wrong with it, and what to do.
    pub(crate) fn load(files: &Tls, now: UnixTime) -> Result<Self, Error> {
        let Tls { certificate, key } = files;
        let chain = read_chain(certificate)?;
        let names = check_certificate(certificate, &chain, now)?;
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = builder.map_err(|error| Error::Config(format!("TLS: {error}")))?.with_no_client_auth();
        let mut config = builder.with_single_cert(chain, read_key(key)?).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => wrong(
                "key",
                key,
                format_args!(
                    "is not the one the certificate {} was made for; use the two as they were issued together",
                    certificate.display()
                ),
            ),
            error => {
                wrong("key", key, format_args!("cannot be used with certificate {}: {error}", certificate.display()))
            }
        })?;
        // gRPC needs HTTP/2 to be agreed on here; Connect and pages may use either.
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self { tls: TlsAcceptor::from(Arc::new(config)), names: names.into() })
    }

    /// The names the certificate is for. A page that resolves a name of its own to this server cannot show one of these.
    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// Agrees with a client on keys and protocol, in bounded time.
    pub(crate) async fn handshake(&self, mut stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let agreed = tokio::time::timeout(HANDSHAKE_WITHIN, async {
            let mut first = [0];
            // Whatever else it is, it is not TLS.
            if stream.peek(&mut first).await? == 1 && first[0] != HANDSHAKE_RECORD {
                advise(&mut stream).await?;
                return Err(io::Error::new(io::ErrorKind::InvalidData, "the client does not speak TLS"));
            }
            self.tls.accept(stream).await
        });
        agreed.await.unwrap_or_else(|_| Err(io::Error::new(io::ErrorKind::TimedOut, "the handshake took too long")))
    }
}

impl fmt::Debug for Acceptor {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Acceptor").field("names", &self.names).finish_non_exhaustive()
    }
}

/// Says in the client's own protocol that it has to use TLS.
async fn advise(stream: &mut TcpStream) -> io::Result<()> {
    let mut request = [0; 4096];
    let length = stream.read(&mut request).await?;
    stream.write_all(&advice(&request[..length])).await?;
    stream.shutdown().await?;
    // A socket closed with something unread takes the answer with it.
    while stream.read(&mut request).await? > 0 {}
    Ok(())
}

fn advice(request: &[u8]) -> Vec<u8> {
    if !request.starts_with(b"PRI * HTTP/2") {
        let length = ADVICE.len() + 1;
        let head = "HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\nconnection: close";
        return format!("{head}\r\ncontent-length: {length}\r\n\r\n{ADVICE}\n").into_bytes();
    }
    // No settings, then GOAWAY (RFC 9113, sections 6.5 and 6.8): no stream was looked at, INADEQUATE_SECURITY, and why.
    let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    let length = u8::try_from(8 + ADVICE.len()).expect("the advice is short");
    let go_away = [0, 0, length, 7, 0, 0, 0, 0, 0, /* last stream */ 0, 0, 0, 0, /* code */ 0, 0, 0, 12];
    [&settings[..], &go_away, ADVICE.as_bytes()].concat()
}

fn wrong(what: &str, path: &Path, problem: impl fmt::Display) -> Error {
    Error::Config(format!("{what} {}: {problem}", path.display()))
}

fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let read = std::fs::read(path).map_err(|error| wrong("certificate", path, format_args!("cannot be read: {error}")));
    let chain = CertificateDer::pem_slice_iter(&read?).collect::<Result<Vec<_>, _>>();
    let chain = chain.map_err(|error| wrong("certificate", path, format_args!("is no PEM file: {error}")))?;
    if chain.is_empty() {
        return Err(wrong(
            "certificate",
            path,
            "has no certificate in it; a PEM file with BEGIN CERTIFICATE is needed, the server's own first",
        ));
    }
    Ok(chain)
}

fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, Error> {
    let read = std::fs::read(path).map_err(|error| wrong("key", path, format_args!("cannot be read: {error}")))?;
    PrivateKeyDer::from_pem_slice(&read).map_err(|error| match error {
        pem::Error::NoItemsFound if String::from_utf8_lossy(&read).contains("BEGIN ENCRYPTED PRIVATE KEY") => {
            wrong("key", path, "is encrypted; take the passphrase away, for example with `openssl pkey`")
        }
        pem::Error::NoItemsFound => {
            wrong("key", path, "has no private key in it; a PEM file with BEGIN PRIVATE KEY is needed")
        }
        error => wrong("key", path, format_args!("is no PEM file: {error}")),
    })
}

/// Refuses a certificate that every client would refuse, and answers the names of one that can be used.
fn check_certificate(path: &Path, chain: &[CertificateDer<'_>], now: UnixTime) -> Result<Vec<String>, Error> {
    let unreadable = |error| wrong("certificate", path, format_args!("cannot be understood: {error}"));
    let certificate = webpki::EndEntityCert::try_from(&chain[0]).map_err(unreadable)?;
    let algorithms = ring::default_provider().signature_verification_algorithms.all;
    let usage = webpki::KeyUsage::server_auth();
    // Nobody is trusted here, so that all that is looked at is what does not depend on trust.
    match certificate.verify_for_usage(algorithms, &[], &[], now, usage, None, None) {
        Err(webpki::Error::CertExpired { time, not_after }) => {
            let ago = span(time, not_after);
            return Err(wrong("certificate", path, format_args!("ran out {ago} ago; renew it")));
        }
        Err(webpki::Error::CertNotValidYet { time, not_before }) => {
            let early = span(not_before, time);
            let problem = format_args!("is valid only {early} from now; check the clock of this machine");
            return Err(wrong("certificate", path, problem));
        }
        Err(webpki::Error::CaUsedAsEndEntity) => tracing::warn!(
            certificate = %path.display(),
            "this certificate is one for issuing others (CA:TRUE), which clients written in Rust refuse as that of a \
             server; make one with basicConstraints=critical,CA:FALSE"
        ),
        Err(webpki::Error::RequiredEkuNotFoundContext(_)) => {
            return Err(wrong("certificate", path, "is not for servers; make one with extendedKeyUsage=serverAuth"));
        }
        _ => {}
    }
    Ok(certificate.valid_dns_names().map(str::to_ascii_lowercase).collect())
}

/// The time between two moments, in the largest unit that makes at least one.
fn span(later: UnixTime, earlier: UnixTime) -> String {
    let seconds = later.as_secs().saturating_sub(earlier.as_secs());
    let (count, unit) = match seconds {
        0..60 => (seconds, "second"),
        60..3600 => (seconds / 60, "minute"),
        3600..86_400 => (seconds / 3600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}
