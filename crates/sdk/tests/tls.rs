//! Clients and runners on a server that speaks TLS (N-1, N-4).

#![cfg(feature = "tls")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::PathBuf;
use std::time::Duration;

use boxwood::{Client, Code, Error, JobState, RawTask, Runner, Task};
use boxwood_server::{Config, Listen, Server, Tls};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

/// A server whose certificate is by an authority of this test.
struct Secure {
    server: Server,
    authority: String,
    folder: tempfile::TempDir,
}

impl Secure {
    async fn new() -> Self {
        Self::with(&["127.0.0.1", "localhost"], |_| {}).await
    }

    async fn with(names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &authority).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: String| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let mut config = Config::new("127.0.0.1:0".parse::<Listen>().unwrap(), folder.path().join("data"));
        let (certificate, key) = (write("cert.pem", certificate.pem()), write("key.pem", key.serialize_pem()));
        config.tls = Some(Tls { certificate, key });
        write("authority.pem", authority.pem());
        Self { server: Server::start(config).await.unwrap(), authority: authority.pem(), folder }
    }

    fn client(&self) -> Client {
        Client::builder().url(self.server.url()).ca_certificate(self.authority.as_str()).build().unwrap()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

#[derive(Task)]
struct Nothing;

impl boxwood::Execute for Nothing {
    async fn execute(self, _context: &boxwood::ExecutionContext) -> boxwood::Result {
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn n_1_jobs_and_runners_work_over_tls() {
    let secure = Secure::new().await;
    let client = secure.client();
    let runner = Runner::builder(&client).task::<Nothing>().concurrency(4).signals(false).build().await.unwrap();
    let shutdown = runner.shutdown_handle();
    // It is held by the server until there is work.
    let running = tokio::spawn(async move { runner.run_forever().await });
    let jobs = client.jobs();
    // Under a name of the certificate, with a file, and a key that is shown to nobody.
    let port = secure.server.url().rsplit(':').next().unwrap().to_owned();
    let by_name = Client::builder()
        .url(format!("https://localhost:{port}/"))
        .ca_certificate_file(secure.path("authority.pem"))
        .token("any")
        .build()
        .unwrap();
    for client in [&client, &by_name] {
        let job = client.jobs().submit("over TLS", Nothing).tasks([Nothing, Nothing]).await.unwrap();
        let job = jobs.wait(&job).timeout(Duration::from_secs(30)).await.unwrap();
        assert_eq!(job.state, JobState::Completed);
    }
    shutdown.shutdown();
    assert_eq!(running.await.unwrap().unwrap().computed, 6);
    secure.server.stop().await.unwrap();
}

#[cfg(feature = "telemetry")]
#[tokio::test]
async fn o_50_telemetry_goes_to_the_server_and_to_other_backends_over_tls() {
    use boxwood::telemetry::{Backend, Telemetry};
    use tracing_subscriber::layer::SubscriberExt as _;

    let (secure, other) = (Secure::new().await, Secure::new().await);
    let authorities = format!("{}{}", secure.authority, other.authority);
    let client = Client::builder().url(secure.server.url()).ca_certificate(authorities).build().unwrap();
    let backend = Backend::otlp().logs(other.server.url());
    let (layer, telemetry) = Telemetry::builder(&client).backend(backend).layer().unwrap();
    let subscriber = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));
    let job = client.jobs().submit("over TLS", Nothing).await.unwrap();
    let task = client.jobs().tasks(&job).next().await.unwrap().unwrap();
    tracing::info!(task_id = %task.id, "over TLS");
    telemetry.flush().await;
    assert_eq!(telemetry.lost(), 0, "both took it");
    // A backend that none of the authorities vouches for gets nothing.
    let (layer, distrustful) = Telemetry::builder(&secure.client())
        .backend(Backend::otlp().logs(other.server.url()))
        .flush_within(Duration::ZERO)
        .layer()
        .unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || tracing::info!("for friends"));
    distrustful.flush().await;
    assert_eq!(distrustful.lost(), 1);
    drop(subscriber);
    secure.server.stop().await.unwrap();
    other.server.stop().await.unwrap();
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority_is_refused_at_once_and_says_what_to_do() {
    let secure = Secure::new().await;
    // Trying again for an hour would be of no use.
    let client = Client::builder().url(secure.server.url()).retry_for(Duration::from_secs(3600)).build().unwrap();
    let error = client.clusters().list().await.unwrap_err();
    assert!(matches!(error, Error::Certificate { .. }), "{error:?}");
    assert_eq!(error.code(), Code::Unavailable);
    let text = error.to_string();
    for part in [secure.server.url().as_str(), "not trusted", "BOXWOOD_CA_CERTIFICATE"] {
        assert!(text.contains(part), "{text}");
    }
    let submitted = client.jobs().submit("never", RawTask::new("T", "v0.0").unwrap()).await;
    assert!(matches!(submitted, Err(Error::Certificate { .. })), "{submitted:?}");
}

#[tokio::test]
async fn a_certificate_for_other_names_says_which() {
    let secure = Secure::with(&["boxwood.example"], |_| {}).await;
    let text = secure.client().clusters().list().await.unwrap_err().to_string();
    assert!(text.contains("other names") && text.contains("boxwood.example"), "{text}");
}

#[tokio::test]
async fn a_certificate_for_issuing_others_says_how_to_make_a_better_one() {
    let secure = Secure::with(&["127.0.0.1"], |params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained)).await;
    let text = secure.client().clusters().list().await.unwrap_err().to_string();
    assert!(text.contains("CA:FALSE"), "{text}");
}

#[tokio::test]
async fn the_wrong_scheme_says_so() {
    let secure = Secure::new().await;
    let clear = secure.server.url().replace("https://", "http://");
    let client = Client::builder().url(clear).retry_for(Duration::ZERO).build().unwrap();
    let text = client.clusters().list().await.unwrap_err().to_string();
    assert!(text.contains("write https://"), "{text}");

    let folder = tempfile::tempdir().unwrap();
    let config = Config::new("127.0.0.1:0".parse::<Listen>().unwrap(), folder.path().join("data"));
    let server = Server::start(config).await.unwrap();
    let secure_url = server.url().replace("http://", "https://");
    let client = Client::builder().url(secure_url).retry_for(Duration::ZERO).build().unwrap();
    let error = client.clusters().list().await.unwrap_err();
    assert!(matches!(error, Error::Unavailable { .. }), "{error:?}");
    assert!(error.to_string().contains("write http://"), "{error}");
}

#[tokio::test]
async fn authorities_that_cannot_be_read_are_named_and_asked_for_by_https_only() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("authority.pem");
    std::fs::write(&file, "no certificate").unwrap();
    let secure = || Client::builder().url("https://boxwood.example");
    for (builder, part) in [
        (secure().ca_certificate_file(folder.path().join("nowhere.pem")), "nowhere.pem: cannot be read"),
        (secure().ca_certificate_file(&file), "authority.pem: has no certificate"),
        (secure().ca_certificate("-----BEGIN CERTIFICATE-----\nMAA="), "is not PEM"),
        (secure().ca_certificate("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"), "cannot be used"),
    ] {
        let text = builder.build().unwrap_err().to_string();
        assert!(text.starts_with("ca_certificate: ") && text.contains(part), "{text}");
    }
    Client::builder().url("http://127.0.0.1:1").ca_certificate_file(&file).build().unwrap();
}
