//! Whom we trust.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use super::Error;
use crate::task::{Backoff, Kind, Supervisor};

/// How often a watched file is compared with what is in use.
const PERIOD: Duration = Duration::from_secs(1);

/// Certificates of authorities. Clones are the same set: what replaces it holds for all from the next handshake on; connections
/// that stand are not touched.
#[derive(Debug, Clone)]
pub struct Roots(Arc<RwLock<Arc<RootCertStore>>>);

// === impl Roots ===

impl Roots {
    /// Reads a PEM file of one or more authority certificates.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::from_pem(&read(path.as_ref())?)
    }

    /// One or more authority certificates in PEM.
    pub fn from_pem(pem: &[u8]) -> Result<Self, Error> {
        Ok(Self(Arc::new(RwLock::new(store(pem)?))))
    }

    /// The certificates of `fixed` (PEM, may be empty) and those of a file, and from then on a task that takes over changes of the
    /// file within a second or two. A file that can't be used keeps the old certificates and is logged once.
    pub fn watch(fixed: &[u8], path: impl Into<PathBuf>, supervisor: &Supervisor) -> Result<Self, Error> {
        let (path, fixed) = (path.into(), fixed.to_vec());
        let content = read(&path)?;
        let roots = Self::from_pem(&joined(&fixed, &content))?;
        let (watched, shutdown) = (roots.clone(), supervisor.shutdown());
        // The task starts with what is in use, so that a change between load and first look is not missed.
        let seen = Arc::new(Mutex::new(content));
        supervisor.spawn("tls-roots", Kind::Restart(Backoff::default()), move || {
            let (roots, shutdown, seen) = (watched.clone(), shutdown.clone(), seen.clone());
            let (path, fixed) = (path.clone(), fixed.clone());
            async move {
                while shutdown.until_soft(tokio::time::sleep(PERIOD)).await.is_some() {
                    roots.look(&fixed, &path, &seen);
                }
            }
        });
        Ok(roots)
    }

    /// Takes other certificates, or keeps the old ones if the new ones cannot be used.
    pub fn replace(&self, pem: &[u8]) -> Result<(), Error> {
        let new = store(pem)?;
        *self.0.write() = new;
        Ok(())
    }

    pub(super) fn store(&self) -> Arc<RootCertStore> {
        self.0.read().clone()
    }

    fn look(&self, fixed: &[u8], path: &Path, seen: &Mutex<Vec<u8>>) {
        // While the file is being renamed into place it may be away for a moment: the next look sees it.
        let Ok(content) = std::fs::read(path) else { return };
        let mut seen = seen.lock();
        if content == *seen {
            return;
        }
        match self.replace(&joined(fixed, &content)) {
            Ok(()) => tracing::info!(path = %path.display(), "authority certificates replaced"),
            Err(error) => {
                tracing::warn!(path = %path.display(), error = %crate::logs::chain(&error), "changed authority certificates cannot be used, keeping the old ones");
            }
        }
        *seen = content;
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|source| Error::Read { path: path.to_owned(), source })
}

fn joined(fixed: &[u8], content: &[u8]) -> Vec<u8> {
    [fixed, b"\n", content].concat()
}

fn store(pem: &[u8]) -> Result<Arc<RootCertStore>, Error> {
    const EXPECTED: &str = "the authority file must hold certificates in PEM";
    let mut store = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|_| Error::Pem(EXPECTED))?;
        store.add(certificate).map_err(Error::Authority)?;
    }
    if store.is_empty() {
        return Err(Error::Pem(EXPECTED));
    }
    Ok(Arc::new(store))
}
