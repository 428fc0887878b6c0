//! Clients that come, shake hands in full, ask once and go.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::load::{Effort, Outcome};

const REQUEST: &[u8] = b"GET /1k HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";

/// Takes every certificate, as the other load generators do.
#[derive(Debug)]
struct Anybody;

/// Runs it.
pub fn run(load: Effort, url: &str) -> anyhow::Result<Outcome> {
    let address = url.strip_prefix("https://").context("handshakes need https")?.to_owned();
    // What all proxies have: so the numbers don't compare key exchanges.
    let provider = CryptoProvider { kx_groups: vec![aws_lc_rs::kx_group::X25519], ..aws_lc_rs::default_provider() };
    let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody))
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    let connector = TlsConnector::from(Arc::new(config));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let start = Instant::now();
    let end = start + Duration::from_secs(load.seconds.into());
    let took = runtime.block_on(async {
        let clients = (0..load.connections / 4 + 1).map(|_| client(&connector, &address, end));
        futures_util::future::try_join_all(clients).await
    })?;
    let mut took: Vec<f64> = took.into_iter().flatten().collect();
    took.sort_by(f64::total_cmp);
    let requests = took.len() as u64;
    #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52")]
    let rate = requests as f64 / start.elapsed().as_secs_f64();
    Ok(Outcome { requests, rate, p99: took.get(took.len() * 99 / 100).copied() })
}

async fn client(connector: &TlsConnector, address: &str, end: Instant) -> anyhow::Result<Vec<f64>> {
    let mut took = Vec::new();
    let mut answer = Vec::new();
    while Instant::now() < end {
        let start = Instant::now();
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let mut stream = connector.connect(ServerName::try_from("localhost")?, stream).await?;
        stream.write_all(REQUEST).await?;
        answer.clear();
        stream.read_to_end(&mut answer).await?;
        ensure!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
        took.push(start.elapsed().as_secs_f64() * 1e3);
    }
    Ok(took)
}

// === impl Anybody ===

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        aws_lc_rs::default_provider().signature_verification_algorithms.supported_schemes()
    }
}
