//! Verifies server certificates against roots that may be replaced.

use std::sync::Arc;

use parking_lot::Mutex;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::{DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use super::{Error, Roots, provider};

/// Verifies a certificate against what the roots are at that moment.
#[derive(Debug)]
pub(super) struct Servers {
    roots: Roots,
    /// Made anew when the roots are other ones.
    current: Mutex<(Arc<RootCertStore>, Arc<WebPkiServerVerifier>)>,
}

// === impl Servers ===

impl Servers {
    pub(super) fn new(roots: Roots) -> Result<Self, Error> {
        let store = roots.store();
        let verifier = verifier(store.clone()).map_err(Error::Settings)?;
        Ok(Self { roots, current: Mutex::new((store, verifier)) })
    }

    fn current(&self) -> Result<Arc<WebPkiServerVerifier>, rustls::Error> {
        let store = self.roots.store();
        let mut current = self.current.lock();
        if !Arc::ptr_eq(&current.0, &store) {
            *current = (store.clone(), verifier(store)?);
        }
        Ok(current.1.clone())
    }
}

impl ServerCertVerifier for Servers {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.current()?.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.current()?.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.current()?.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider().signature_verification_algorithms.supported_schemes()
    }
}

fn verifier(store: Arc<RootCertStore>) -> Result<Arc<WebPkiServerVerifier>, rustls::Error> {
    let builder = WebPkiServerVerifier::builder_with_provider(store, provider());
    builder.build().map_err(|error| rustls::Error::General(error.to_string()))
}
