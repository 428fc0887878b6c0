//! Whom we trust.

use std::path::Path;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use super::Error;

/// Certificates of authorities, read once.
#[derive(Debug, Clone)]
pub struct Roots(Arc<RootCertStore>);

// === impl Roots ===

impl Roots {
    /// Reads a PEM file of one or more authority certificates.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let pem = std::fs::read(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
        Self::from_pem(&pem)
    }

    /// One or more authority certificates in PEM.
    pub fn from_pem(pem: &[u8]) -> Result<Self, Error> {
        const EXPECTED: &str = "the authority file must hold certificates in PEM";
        let mut store = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|_| Error::Pem(EXPECTED))?;
            store.add(certificate).map_err(Error::Authority)?;
        }
        if store.is_empty() {
            return Err(Error::Pem(EXPECTED));
        }
        Ok(Self(Arc::new(store)))
    }

    pub(super) fn store(&self) -> Arc<RootCertStore> {
        self.0.clone()
    }
}
