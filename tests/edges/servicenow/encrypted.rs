//! Over TLS: an authority of the mapping's own is trusted, and nobody else.

use std::sync::Arc;

use portal_agent::sources::fetch::{FetchLimits, Fetcher};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::TlsAcceptor;

use crate::servicenow::WITHIN;

/// A server for `localhost` with a certificate of its own; its port and the certificate as PEM.
async fn server() -> (u16, String) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut request = [0; 8192];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwhole").await;
            let _ = stream.shutdown().await;
        }
    });
    (port, made.cert.pem())
}

#[tokio::test]
async fn an_authority_is_trusted_only_when_it_is_named() {
    let (port, pem) = server().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ca.pem");
    std::fs::write(&path, pem).unwrap();
    let limits = FetchLimits { attempts: 1, ..FetchLimits::default() };
    let url = format!("https://localhost:{port}/x").parse().unwrap();
    let trusting = Fetcher::new("it", limits, Some(&path)).unwrap();
    assert_eq!(trusting.text(&url, "the text", WITHIN).await.unwrap(), "whole");
    let strict = Fetcher::new("it", limits, None).unwrap();
    let error = strict.text(&url, "the text", WITHIN).await.unwrap_err().to_string();
    assert!(error.contains("a certificate that is not trusted"), "{error}");
    // The certificate is for a name, and this is an address.
    let other = format!("https://127.0.0.1:{port}/x").parse().unwrap();
    assert!(trusting.text(&other, "the text", WITHIN).await.is_err());
}

#[test]
fn a_file_of_authorities_without_any_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ca.pem");
    assert!(Fetcher::new("it", FetchLimits::default(), Some(&path)).is_err(), "not there");
    std::fs::write(&path, "not a certificate").unwrap();
    let told = Fetcher::new("it", FetchLimits::default(), Some(&path)).unwrap_err().to_string();
    assert!(told.contains("ca.pem: holds no certificate"), "{told}");
}
