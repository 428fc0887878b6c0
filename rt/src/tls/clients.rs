//! Verifies client certificates against roots that may be replaced.

use std::sync::Arc;

use parking_lot::Mutex;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, RootCertStore, SignatureScheme};
use rustls_pki_types::{CertificateDer, UnixTime};

use super::{Error, Roots, provider};

/// Asks for a certificate and verifies it against what the roots are at that moment.
#[derive(Debug)]
pub(super) struct Clients {
    roots: Roots,
    required: bool,
    /// Made anew when the roots are other ones.
    current: Mutex<(Arc<RootCertStore>, Arc<dyn ClientCertVerifier>)>,
}

// === impl Clients ===

impl Clients {
    pub(super) fn new(roots: Roots, required: bool) -> Result<Self, Error> {
        let store = roots.store();
        let verifier = verifier(store.clone(), required).map_err(Error::Settings)?;
        Ok(Self { roots, required, current: Mutex::new((store, verifier)) })
    }

    fn current(&self) -> Result<Arc<dyn ClientCertVerifier>, rustls::Error> {
        let store = self.roots.store();
        let mut current = self.current.lock();
        if !Arc::ptr_eq(&current.0, &store) {
            *current = (store.clone(), verifier(store, self.required)?);
        }
        Ok(current.1.clone())
    }
}

impl ClientCertVerifier for Clients {
    fn client_auth_mandatory(&self) -> bool {
        self.required
    }

    /// None: a list can't be replaced while it is lent out, and a client without one shows what it has.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        self.current()?.verify_client_cert(end_entity, intermediates, now)
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

fn verifier(store: Arc<RootCertStore>, required: bool) -> Result<Arc<dyn ClientCertVerifier>, rustls::Error> {
    let builder = WebPkiClientVerifier::builder_with_provider(store, provider());
    let builder = if required { builder } else { builder.allow_unauthenticated() };
    builder.build().map_err(|error| rustls::Error::General(error.to_string()))
}
