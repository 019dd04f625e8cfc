//! Are connections to a real PostgreSQL encrypted and verified as the URL says, and does an error say why, but no password?

#![cfg(unix)]

use std::fs;
use std::path::{Path, PathBuf};

use boxwood_store::Error;
use boxwood_store::postgres::{Address, Database};
use boxwood_testkit::postgres::{PASSWORD, Server, Setup, USER};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};

/// A PostgreSQL whose certificate is for `localhost`, and roots that did and did not sign it.
struct Encrypted {
    server: Server,
    right: PathBuf,
    wrong: PathBuf,
    _folder: tempfile::TempDir,
}

impl Encrypted {
    /// None, said loudly, without PostgreSQL.
    fn new() -> Option<Self> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = |name: &str, text: String| -> PathBuf {
            let path = folder.path().join(name);
            fs::write(&path, text).expect("a writable folder");
            path
        };
        let (signer, stranger) = (authority("Boxwood tests"), authority("a stranger"));
        let key = KeyPair::generate().expect("a key");
        let names = CertificateParams::new(vec!["localhost".into()]).expect("a name");
        let certificate = names.signed_by(&key, &signer).expect("signed");
        let certificate = (file("server.pem", certificate.pem()), file("server.key", key.serialize_pem()));
        let (right, wrong) = (file("right.pem", signer.pem()), file("wrong.pem", stranger.pem()));
        let server = Server::new(&Setup { certificate: Some(certificate), ..Setup::default() })?;
        Some(Self { server, right, wrong, _folder: folder })
    }

    fn open(&self, host: &str, options: &str) -> Result<Database, Error> {
        let port = self.server.port();
        let url = format!("postgres://{USER}:{PASSWORD}@{host}:{port}/postgres?{options}");
        Database::open(Address::parse(&url).expect("a URL"))
    }

    fn verified(&self, host: &str, mode: &str, root: &Path) -> Result<Database, Error> {
        self.open(host, &format!("sslmode={mode}&sslrootcert={}", root.display()))
    }
}

fn authority(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("signed")
}

/// What an attempt was refused with; it holds no password.
fn refused(attempt: Result<Database, Error>) -> String {
    let Err(error) = attempt else { panic!("it is refused") };
    assert!(matches!(error, Error::Unavailable(_)), "{error:?}");
    let text = format!("{error} {error:?}");
    assert!(!text.contains(PASSWORD), "{text}");
    text
}

#[test]
fn modes_that_verify_nothing_connect_and_others_want_the_right_root_and_name() {
    let Some(encrypted) = Encrypted::new() else { return };
    for options in ["", "sslmode=disable", "sslmode=prefer", "sslmode=require"] {
        encrypted.open("127.0.0.1", options).unwrap_or_else(|error| panic!("{options}: {error}"));
    }
    encrypted.verified("127.0.0.1", "verify-ca", &encrypted.right).expect("signed by the root, whatever the name");
    encrypted.verified("127.0.0.1", "require", &encrypted.right).expect("a root with require is as verify-ca");
    encrypted.verified("localhost", "verify-full", &encrypted.right).expect("it is for this name, and signed");
    for (host, mode, root) in [
        ("127.0.0.1", "verify-ca", &encrypted.wrong),
        ("127.0.0.1", "require", &encrypted.wrong),
        ("127.0.0.1", "verify-full", &encrypted.right),
        ("localhost", "verify-full", &encrypted.wrong),
    ] {
        let said = refused(encrypted.verified(host, mode, root));
        assert!(said.contains("certificate"), "{host} {mode}: {said}");
    }
}

#[test]
fn a_server_without_encryption_is_refused_where_encryption_is_wanted() {
    let Some(plain) = Server::new(&Setup::default()) else { return };
    let open = |mode: &str| {
        let url = format!("postgres://{USER}:{PASSWORD}@127.0.0.1:{}/postgres?sslmode={mode}", plain.port());
        Database::open(Address::parse(&url).expect("a URL"))
    };
    open("disable").expect("it asks for none");
    open("prefer").expect("it goes without");
    let said = refused(open("require"));
    assert!(said.contains("TLS"), "{said}");
}

#[test]
fn a_wrong_password_or_database_is_refused_with_a_reason_and_without_the_password() {
    const WRONG: &str = "wr0ng-secret";
    let Some(server) = Server::new(&Setup::default()) else { return };
    let open = |password: &str, database: &str| {
        let url = format!("postgres://{USER}:{password}@127.0.0.1:{}/{database}", server.port());
        Database::open(Address::parse(&url).expect("a URL"))
    };
    for (attempt, why) in
        [(open(WRONG, "postgres"), "password authentication failed"), (open(PASSWORD, "not_there"), "not_there")]
    {
        let Err(error) = attempt else { panic!("{why}: it is refused") };
        let text = format!("{error} {error:?}");
        assert!(text.contains(why), "{text}");
        assert!(!text.contains(WRONG) && !text.contains(PASSWORD), "{text}");
    }
}

#[test]
fn a_database_is_reached_by_its_unix_socket() {
    let Some(server) = Server::new(&Setup::default()) else { return };
    let (folder, port) = (server.socket_folder().display(), server.port());
    let address = format!("host={folder} port={port} user={USER} password={PASSWORD} dbname=postgres");
    Database::open(Address::parse(&address).expect("an address")).expect("it listens there, too");
}

#[test]
fn servers_that_start_together_on_an_empty_database_all_find_their_tables() {
    let Some(database) = boxwood_testkit::postgres::database() else { return };
    let opened = std::thread::scope(|scope| {
        let open = || Database::open(Address::parse(&database).expect("a URL")).map(drop);
        let openings: Vec<_> = (0..8).map(|_| scope.spawn(open)).collect();
        openings.into_iter().map(|opening| opening.join().expect("no panic")).collect::<Result<Vec<_>, _>>()
    });
    assert_eq!(opened.expect("one after another").len(), 8);
}
