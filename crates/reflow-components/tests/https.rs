//! Requests over TLS, to a server on this machine with certificates of its own.
#![cfg(feature = "http")]
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::Arc;

use rcgen::{BasicConstraints, Certificate, CertificateParams, IsCa, Issuer, KeyPair};
use reflow_components::testing::run_id;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value as Json, json};

/// An authority that nobody knows.
fn authority() -> (Certificate, Issuer<'static, KeyPair>) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    (certificate, Issuer::new(params, key))
}

/// A certificate for the host `name`, signed by `issuer` or by itself.
fn certificate(name: &str, issuer: Option<&Issuer<'_, KeyPair>>) -> (Certificate, KeyPair) {
    let params = CertificateParams::new([name.to_string()]).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = match issuer {
        Some(issuer) => params.signed_by(&key, issuer).unwrap(),
        None => params.self_signed(&key).unwrap(),
    };
    (certificate, key)
}

/// A server that shows this certificate and answers every request with a greeting; its address.
fn server((certificate, key): (Certificate, KeyPair)) -> String {
    let chain: Vec<CertificateDer<'static>> = vec![certificate.der().clone()];
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = Arc::new(config.with_no_client_auth().with_single_cert(chain, key).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("https://localhost:{}/", listener.local_addr().unwrap().port());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut reader = BufReader::new(StreamOwned::new(connection, stream));
            let is_end = |line: std::io::Result<String>| line.is_ok_and(|line| line.is_empty());
            // A client that does not trust the certificate goes away instead.
            if reader.by_ref().lines().take_while(Result::is_ok).any(is_end) {
                let stream = reader.get_mut();
                let reply = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 5\r\n\r\nhello";
                let _ = stream.write_all(reply);
                stream.conn.send_close_notify();
                let _ = stream.flush();
            }
        }
    });
    address
}

fn ask(config: Json) -> Json {
    run_id("tpl_http_request", config, [json!({"data_in": {"type": "Flow"}})]).unwrap().remove(0)
}

fn error(config: Json) -> String {
    ask(config)["error_out"][0]["data"].as_str().unwrap_or_default().to_string()
}

#[test]
fn a_certificate_that_nobody_vouches_for_is_refused_by_name() {
    for own in [certificate("localhost", None), certificate("localhost", Some(&authority().1))] {
        let url = server(own);
        let text = error(json!({"url": url}));
        assert!(text.contains("invalid peer certificate: UnknownIssuer"), "{text}");
        assert!(text.starts_with("HTTP request failed: ") && text.contains(&url), "{text}");
    }
}

#[test]
fn an_authority_can_be_trusted_by_its_text_or_its_file() {
    let (authority, issuer) = authority();
    let url = server(certificate("localhost", Some(&issuer)));
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("authority.pem");
    std::fs::write(&path, authority.pem()).unwrap();
    for source in [authority.pem(), path.to_str().unwrap().to_string()] {
        let outputs = ask(json!({"url": url, "caCertificate": source}));
        assert_eq!(outputs["response_out"][0]["body"], "hello", "{outputs}");
    }
    // Trust does not reach beyond the name in the certificate.
    let other = server(certificate("elsewhere.example", Some(&issuer)));
    let text = error(json!({"url": other, "caCertificate": authority.pem()}));
    assert!(text.contains("certificate not valid for name \"localhost\""), "{text}");
}

#[test]
fn a_certificate_that_cannot_be_read_is_told() {
    for (source, told) in [
        ("/no/such/file", "caCertificate: /no/such/file: No such file"),
        ("-----BEGIN NOTHING", "caCertificate: "),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "certificate"),
    ] {
        let text = error(json!({"url": "https://localhost:1/", "caCertificate": source}));
        assert!(text.contains(told), "{text}");
    }
}

/// Run by the test below, in a process of its own.
#[test]
#[ignore = "it is asked for by another test"]
fn an_address_from_the_environment() {
    let outputs = ask(json!({"url": std::env::var("ADDRESS_TO_ASK").unwrap()}));
    assert_eq!(outputs["response_out"][0]["body"], "hello", "{outputs}");
}

#[test]
fn authorities_of_the_system_are_trusted_as_the_environment_names_them() {
    let (authority, issuer) = authority();
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("system.pem");
    std::fs::write(&path, authority.pem()).unwrap();
    let url = server(certificate("localhost", Some(&issuer)));
    let is_trusted = |with_file: bool| {
        let mut command = std::process::Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "an_address_from_the_environment", "--ignored"]);
        command.env("ADDRESS_TO_ASK", &url).env_remove("SSL_CERT_FILE").env_remove("SSL_CERT_DIR");
        if with_file {
            command.env("SSL_CERT_FILE", &path);
        }
        command.output().unwrap().status.success()
    };
    assert!(is_trusted(true) && !is_trusted(false));
}
