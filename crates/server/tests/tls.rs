//! The one port with a certificate (N-1, N-4): every protocol over TLS, and what happens to those who do not speak it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use boxwood_proto::buffa::Message as _;
use boxwood_proto::workflows::v1 as wire;
use boxwood_server::{Config, Error, Listen, Server, Tls};
use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, Version};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use rustls::pki_types::ServerName;
use support::soon;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

const GET_CLUSTER: &str = "/workflows.v1.WorkflowsService/GetCluster";

/// An authority of this test, and the folder with the files of a certificate it issued.
struct Issued {
    authority: CertifiedIssuer<'static, KeyPair>,
    folder: tempfile::TempDir,
}

impl Issued {
    fn new() -> Self {
        Self::with(|_| {})
    }

    /// A certificate of `127.0.0.1` and two names, changed before it is signed.
    fn with(change: impl FnOnce(&mut CertificateParams)) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let names = ["127.0.0.1", "boxwood.example", "*.eu.boxwood.example"].map(str::to_owned);
        let mut params = CertificateParams::new(names).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &authority).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("cert.pem"), certificate.pem()).unwrap();
        std::fs::write(folder.path().join("key.pem"), key.serialize_pem()).unwrap();
        Self { authority, folder }
    }

    fn config(&self) -> Config {
        let files = Tls { certificate: self.path("cert.pem"), key: self.path("key.pem") };
        let mut config = Config::new(Listen::Tcp("127.0.0.1:0".into()), self.path("data"));
        config.tls = Some(files);
        config
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    async fn serve(self) -> Secure {
        let server = Server::start(self.config()).await.unwrap();
        Secure { server, issued: self }
    }

    /// What a server says that is to start with these files, and does not.
    async fn refusal(&self) -> String {
        match Server::start(self.config()).await {
            Err(Error::Config(text)) => {
                assert!(!self.path("data").exists(), "refused before anything else is done");
                text
            }
            Err(other) => panic!("another refusal: {other}"),
            Ok(_) => panic!("it started"),
        }
    }
}

/// A server that speaks TLS.
struct Secure {
    server: Server,
    issued: Issued,
}

impl Secure {
    fn host(&self) -> String {
        self.server.url().trim_start_matches("https://").to_owned()
    }

    async fn socket(&self) -> TcpStream {
        TcpStream::connect(self.host()).await.unwrap()
    }

    /// Sends one request over the protocol agreed on among `offered`, and answers the trailers too.
    async fn send(&self, offered: &[&str], request: Request<Full<Bytes>>) -> (Response<Bytes>, HeaderMap) {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(self.issued.authority.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let mut config = config.unwrap().with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = offered.iter().map(|name| name.as_bytes().to_vec()).collect();
        let connector = TlsConnector::from(Arc::new(config));
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let stream = connector.connect(name, self.socket().await).await.unwrap();
        let agreed = stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec);
        let io = TokioIo::new(stream);
        let answer = if agreed.as_deref() == Some(b"h2") {
            let (mut sender, connection) =
                hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.unwrap();
            tokio::spawn(connection);
            sender.send_request(request).await.unwrap()
        } else {
            let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await.unwrap();
            tokio::spawn(connection);
            sender.send_request(request).await.unwrap()
        };
        let (head, body) = answer.into_parts();
        let body = body.collect().await.unwrap();
        let trailers = body.trailers().cloned().unwrap_or_default();
        (Response::from_parts(head, body.to_bytes()), trailers)
    }

    fn post(&self, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Request<Full<Bytes>> {
        let mut request = Request::post(format!("https://{}{path}", self.host())).header("host", self.host());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(Full::from(body)).unwrap()
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// One message as gRPC frames it.
fn framed(compressed: bool, message: &[u8]) -> Vec<u8> {
    [&[u8::from(compressed)][..], &u32::try_from(message.len()).unwrap().to_be_bytes(), message].concat()
}

#[tokio::test]
async fn n_1_every_protocol_is_served_over_tls() {
    let secure = Issued::new().serve().await;
    assert!(secure.server.url().starts_with("https://127.0.0.1:"), "{}", secure.server.url());
    let connect = [("content-type", "application/proto")];
    let slug = |answer: &[u8]| wire::Cluster::decode_from_slice(answer).unwrap().slug;

    for (offered, version) in [
        (&["http/1.1"][..], Version::HTTP_11),
        (&["h2"], Version::HTTP_2),
        // The server would rather speak HTTP/2.
        (&["http/1.1", "h2"], Version::HTTP_2),
        (&[], Version::HTTP_11),
    ] {
        let (answer, _) = secure.send(offered, secure.post(GET_CLUSTER, &connect, Vec::new())).await;
        assert_eq!((answer.status(), answer.version()), (StatusCode::OK, version), "{offered:?}");
        assert!(slug(answer.body()).starts_with("default-"));
        let page = Request::get(format!("https://{}/healthz", secure.host())).header("host", secure.host());
        let (page, _) = secure.send(offered, page.body(Full::default()).unwrap()).await;
        assert_eq!(page.body(), "ok\n");
    }
    let json = secure.post(GET_CLUSTER, &[("content-type", "application/json")], b"{}".to_vec());
    let (answer, _) = secure.send(&["http/1.1"], json).await;
    assert!(answer.body().starts_with(b"{\"slug\":\"default-"), "{answer:?}");

    let grpc = [("content-type", "application/grpc"), ("te", "trailers")];
    let (answer, trailers) = secure.send(&["h2"], secure.post(GET_CLUSTER, &grpc, framed(false, b""))).await;
    assert_eq!(trailers["grpc-status"], "0");
    assert!(slug(&answer.body()[5..]).starts_with("default-"));

    let exported = secure.post("/v1/logs", &[("content-type", "application/x-protobuf")], Vec::new());
    assert_eq!(secure.send(&["http/1.1"], exported).await.0.status(), StatusCode::OK);
}

#[tokio::test]
async fn n_4_a_grpc_request_over_tls_may_be_compressed() {
    let secure = Issued::new().serve().await;
    let request = wire::CreateClusterRequest { name: "compressed".repeat(8), ..Default::default() };
    let headers = [
        ("content-type", "application/grpc"),
        ("te", "trailers"),
        ("grpc-encoding", "gzip"),
        ("grpc-accept-encoding", "identity, deflate, gzip"),
    ];
    let body = framed(true, &gzip(&request.encode_to_vec()));
    let path = "/workflows.v1.WorkflowsService/CreateCluster";
    let (answer, trailers) = secure.send(&["h2"], secure.post(path, &headers, body)).await;
    assert_eq!(trailers["grpc-status"], "0", "{trailers:?}");
    let body = answer.body();
    let message = match body[0] {
        0 => body[5..].to_vec(),
        _ => {
            let mut plain = Vec::new();
            std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&body[5..]), &mut plain).unwrap();
            plain
        }
    };
    assert_eq!(wire::Cluster::decode_from_slice(&message).unwrap().display_name, request.name);
}

#[tokio::test]
async fn au_8_hosts_and_origins_are_checked_and_the_names_of_the_certificate_are_its_own() {
    let secure = Issued::new().serve().await;
    for (host, origin, status) in [
        ("boxwood.example", None, StatusCode::OK),
        ("a.eu.boxwood.example:443", None, StatusCode::OK),
        ("evil.example", None, StatusCode::FORBIDDEN),
        ("eu.boxwood.example", None, StatusCode::FORBIDDEN),
        ("boxwood.example", Some("https://boxwood.example"), StatusCode::OK),
        ("boxwood.example", Some("http://boxwood.example"), StatusCode::FORBIDDEN),
        ("boxwood.example", Some("https://evil.example"), StatusCode::FORBIDDEN),
    ] {
        let mut request = Request::post(GET_CLUSTER).header("host", host).header("content-type", "application/proto");
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        let (answer, _) = secure.send(&["http/1.1"], request.body(Full::default()).unwrap()).await;
        assert_eq!(answer.status(), status, "{host} {origin:?}");
    }
}

#[tokio::test]
async fn who_speaks_clear_text_is_told_to_use_tls() {
    let secure = Issued::new().serve().await;
    let said = async |request: &[u8]| {
        let mut stream = secure.socket().await;
        stream.write_all(request).await.unwrap();
        let mut answer = Vec::new();
        soon("an answer", stream.read_to_end(&mut answer)).await.unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    };
    let text = said(b"GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n").await;
    assert!(text.starts_with("HTTP/1.1 400 ") && text.contains("https://"), "{text}");

    // An HTTP/2 client shows what the server says on leaving.
    let io = TokioIo::new(secure.socket().await);
    let (mut sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.unwrap();
    let connection = tokio::spawn(connection);
    let request = Request::post(format!("http://{}{GET_CLUSTER}", secure.host())).body(Full::<Bytes>::default());
    let failed = soon("a refusal", sender.send_request(request.unwrap())).await.unwrap_err();
    let mut text = format!("{failed} {:?}", soon("the end", connection).await);
    let mut source = std::error::Error::source(&failed);
    while let Some(cause) = source {
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    assert!(text.contains("https://"), "{text}");
}

#[tokio::test]
async fn a_silent_client_holds_up_nobody_and_is_left_after_a_while() {
    let secure = Issued::new().serve().await;
    let mut silent = secure.socket().await;
    let mut half = secure.socket().await;
    half.write_all(&[22, 3, 1]).await.unwrap();
    let (answer, _) =
        secure.send(&["h2"], secure.post(GET_CLUSTER, &[("content-type", "application/proto")], Vec::new())).await;
    assert_eq!(answer.status(), StatusCode::OK);
    // From here on waiting takes no time.
    tokio::time::pause();
    let mut rest = Vec::new();
    for stream in [&mut silent, &mut half] {
        assert_eq!(soon("the server hangs up", stream.read_to_end(&mut rest)).await.unwrap(), 0);
    }
}

#[tokio::test]
async fn stopping_does_not_wait_for_a_handshake() {
    let issued = Issued::new();
    let mut config = issued.config();
    config.stop_wait_max = Duration::from_secs(3600);
    let server = Server::start(config).await.unwrap();
    let mut half = TcpStream::connect(server.url().trim_start_matches("https://")).await.unwrap();
    half.write_all(&[22, 3, 1]).await.unwrap();
    soon("the end", server.stop()).await.unwrap();
    assert_eq!(half.read(&mut [0]).await.unwrap_or_default(), 0);
}

fn write(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
}

#[tokio::test]
async fn files_that_cannot_be_used_are_refused_by_name() {
    let issued = Issued::new();
    let (certificate, key) = (issued.path("cert.pem"), issued.path("key.pem"));
    let whole = std::fs::read_to_string(&certificate).unwrap();
    let check = async |file: &Path, parts: &[&str]| {
        let text = issued.refusal().await;
        assert!(text.contains(file.to_str().unwrap()), "{text}");
        for part in parts {
            assert!(text.contains(part), "{part:?} is missing in: {text}");
        }
    };

    write(&certificate, "");
    check(&certificate, &["no certificate", "BEGIN CERTIFICATE"]).await;
    write(&certificate, &whole[..whole.len() - 40]);
    check(&certificate, &["no PEM file"]).await;
    write(&certificate, "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n");
    check(&certificate, &["cannot be understood"]).await;
    std::fs::remove_file(&certificate).unwrap();
    check(&certificate, &["cannot be read"]).await;
    write(&certificate, &whole);

    write(&key, &KeyPair::generate().unwrap().serialize_pem());
    check(&key, &["not the one", certificate.to_str().unwrap()]).await;
    write(&key, &whole);
    check(&key, &["no private key"]).await;
    write(&key, "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----\n");
    check(&key, &["encrypted", "passphrase"]).await;
    std::fs::remove_file(&key).unwrap();
    check(&key, &["cannot be read"]).await;
}

#[tokio::test]
async fn certificates_that_every_client_would_refuse_are_refused() {
    let expired = Issued::with(|params| params.not_after = rcgen::date_time_ymd(2020, 1, 2));
    let text = expired.refusal().await;
    assert!(text.contains("ran out") && text.contains("days ago"), "{text}");
    let early = Issued::with(|params| params.not_before = rcgen::date_time_ymd(4000, 1, 2));
    let text = early.refusal().await;
    assert!(text.contains("days from now") && text.contains("clock"), "{text}");
    let other = Issued::with(|params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::CodeSigning]);
    let text = other.refusal().await;
    assert!(text.contains("not for servers"), "{text}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_certificate_is_of_no_use_on_a_socket_file() {
    let issued = Issued::new();
    let mut config = issued.config();
    config.listen = Listen::Unix(issued.path("boxwood.sock"));
    let Err(Error::Config(text)) = Server::start(config).await else { panic!("it started") };
    assert!(text.contains("unix socket"), "{text}");
}
