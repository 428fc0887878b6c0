//! Verifies the certificates of clients.

use std::sync::Arc;

use portolan_model::pattern::{Case, Pattern};
use portolan_model::resource::ClientVerification;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError, RootCertStore, SignatureScheme,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, UnixTime};
use webpki::{EndEntityCert, KeyUsage};

use super::provider;

/// Whom the clients of some names must come from.
#[derive(Debug)]
pub struct Clients {
    roots: RootCertStore,
    /// Their certificates: a client may show one of these itself.
    own: Vec<CertificateDer<'static>>,
    subjects: Vec<DistinguishedName>,
    /// How many authorities may stand between.
    depth: usize,
    /// Paths that ask for no certificate.
    skip: Vec<Pattern>,
    provider: Arc<CryptoProvider>,
}

/// What happens to a client without a good certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Demand {
    /// The handshake fails.
    InHandshake,
    /// Its requests are refused where they need one.
    PerRequest,
}

/// The same for one kind of listener.
#[derive(Debug)]
struct Verifier {
    clients: Arc<Clients>,
    demand: Demand,
}

// === impl Clients ===

impl Clients {
    /// Compiles `client` of a certificate resource.
    pub fn compile(document: &ClientVerification) -> Result<Self, String> {
        let wrong = |error: &dyn std::fmt::Display| format!("client.ca cannot be used: {error}");
        let own: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(document.ca.as_bytes())
            .collect::<Result<_, _>>()
            .map_err(|error| wrong(&error))?;
        if own.is_empty() {
            return Err(wrong(&"it holds no certificate in PEM"));
        }
        let mut roots = RootCertStore::empty();
        for certificate in &own {
            roots.add(certificate.clone()).map_err(|error| wrong(&error))?;
        }
        let skip = document.skip_mtls_uri_regex.iter().map(|pattern| Pattern::compile(pattern, Case::Sensitive));
        Ok(Self {
            subjects: roots.subjects(),
            roots,
            own,
            depth: usize::try_from(document.depth).unwrap_or(usize::MAX),
            skip: skip.collect::<Result<_, _>>().map_err(|error| format!("client.skip_mtls_uri_regex: {error}"))?,
            provider: provider(),
        })
    }

    /// Where a client without a good certificate is turned away when HTTP is spoken.
    #[must_use]
    pub fn http_demand(&self) -> Demand {
        if self.skip.is_empty() { Demand::InHandshake } else { Demand::PerRequest }
    }

    /// Whether a path asks for no certificate.
    #[must_use]
    pub fn skips(&self, path: &str) -> bool {
        self.skip.iter().any(|pattern| pattern.is_match(path))
    }

    /// A verifier for one kind of listener.
    #[must_use]
    pub fn verifier(self: &Arc<Self>, demand: Demand) -> Arc<dyn ClientCertVerifier> {
        Arc::new(Verifier { clients: self.clone(), demand })
    }

    /// Whether a chain, the client's own certificate first, leads to the authorities.
    pub fn verify(&self, chain: &[CertificateDer<'_>], now: UnixTime) -> Result<(), Error> {
        let (end, between) = chain.split_first().ok_or(Error::NoCertificatesPresented)?;
        let parsed = EndEntityCert::try_from(end).map_err(refused)?;
        let algorithms = self.provider.signature_verification_algorithms.all;
        let near = |path: &webpki::VerifiedPath<'_>| {
            let between = path.intermediate_certificates().count();
            if between > self.depth { Err(webpki::Error::MaximumPathDepthExceeded) } else { Ok(()) }
        };
        let usage = KeyUsage::client_auth();
        let found = parsed.verify_for_usage(algorithms, &self.roots.roots, between, now, usage, None, Some(&near));
        match found {
            Ok(_) => Ok(()),
            // As OpenSSL has it: who is trusted needs nobody to vouch for it.
            Err(_) if self.own.iter().any(|own| own == end) => in_time(end, now),
            Err(error) => Err(refused(error)),
        }
    }
}

fn in_time(certificate: &CertificateDer<'_>, now: UnixTime) -> Result<(), Error> {
    let (_, parsed) = x509_parser::parse_x509_certificate(certificate)
        .map_err(|_| Error::InvalidCertificate(CertificateError::BadEncoding))?;
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    let validity = parsed.validity();
    match now {
        now if now < validity.not_before.timestamp() => Err(Error::InvalidCertificate(CertificateError::NotValidYet)),
        now if now > validity.not_after.timestamp() => Err(Error::InvalidCertificate(CertificateError::Expired)),
        _ => Ok(()),
    }
}

/// The kind decides which alert the client gets.
fn refused(error: webpki::Error) -> Error {
    Error::InvalidCertificate(match error {
        webpki::Error::CertExpired { .. } => CertificateError::Expired,
        webpki::Error::CertNotValidYet { .. } => CertificateError::NotValidYet,
        webpki::Error::UnknownIssuer => CertificateError::UnknownIssuer,
        webpki::Error::BadDer | webpki::Error::BadDerTime => CertificateError::BadEncoding,
        error => CertificateError::Other(OtherError(Arc::new(error))),
    })
}

// === impl Verifier ===

impl ClientCertVerifier for Verifier {
    fn client_auth_mandatory(&self) -> bool {
        self.demand == Demand::InHandshake
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.clients.subjects
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        // Otherwise it is verified after the handshake, where the outcome can be kept.
        if self.demand == Demand::InHandshake {
            let chain: Vec<_> = std::iter::once(end_entity).chain(intermediates).cloned().collect();
            self.clients.verify(&chain, now)?;
        }
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.clients.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.clients.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.clients.provider.signature_verification_algorithms.supported_schemes()
    }
}
