//! Serving and calling over TLS (N-1).

use std::process::Stdio;

use tokio::io::{AsyncBufReadExt as _, BufReader};

use crate::here::{PATIENCE, program, run};

/// A folder with `cert.pem` and `key.pem`, where the certificate is its own authority.
fn certificate() -> tempfile::TempDir {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("cert.pem"), made.cert.pem()).unwrap();
    std::fs::write(folder.path().join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    folder
}

#[tokio::test]
async fn n_1_a_server_with_a_certificate_is_used_with_its_authority() {
    let folder = certificate();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (data, certificate, key) = (path("data"), path("cert.pem"), path("key.pem"));
    let mut serve = program(&["serve", "--listen", "127.0.0.1:0", "--data-dir", &data, "--tls-key", &key]);
    serve.env("BOXWOOD_TLS_CERT", &certificate).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut server = serve.spawn().unwrap();
    let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
    let line = tokio::time::timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap().unwrap();
    let url = line.strip_prefix("listening on ").unwrap().to_owned();
    assert!(url.starts_with("https://127.0.0.1:"), "{url}");

    let option = run(program(&["cluster", "list", "--json", "--url", &url, "--ca-certificate", &certificate])).await;
    assert_eq!(option.json()["clusters"][0]["name"], "Default");
    let mut variable = program(&["job", "list", "--url", &url]);
    variable.env("BOXWOOD_CA_CERTIFICATE", &certificate);
    run(variable).await.ok();

    let unknown = run(program(&["job", "list", "--url", &url])).await;
    assert_eq!(unknown.status, 4, "{}", unknown.stderr);
    assert!(unknown.stderr.contains("not trusted") && unknown.stderr.contains("CA_CERTIFICATE"), "{}", unknown.stderr);
    server.kill().await.unwrap();
}

#[tokio::test]
async fn a_server_whose_key_is_another_does_not_start() {
    let (one, other) = (certificate(), certificate());
    let path = |folder: &tempfile::TempDir, name: &str| folder.path().join(name).display().to_string();
    let (data, certificate, key) = (path(&one, "data"), path(&one, "cert.pem"), path(&other, "key.pem"));
    let listen = ["serve", "--listen", "127.0.0.1:0", "--data-dir", &data];
    let ran = run(program(&[&listen[..], &["--tls-cert", &certificate, "--tls-key", &key]].concat())).await;
    assert_eq!((ran.status, ran.stdout.as_str()), (1, ""));
    assert!(ran.stderr.contains(&key) && ran.stderr.contains("not the one"), "{}", ran.stderr);
}
