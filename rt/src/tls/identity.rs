//! Who we are: a certificate chain and its key, replaced while connections go on.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;
use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::{Error, provider};
use crate::task::{Backoff, Kind, Supervisor};

/// How often the files of a watched identity are compared with what is in use.
const PERIOD: Duration = Duration::from_secs(1);

/// A certificate chain and its private key. Clones are the same identity: what replaces one is shown by
/// all from the next handshake on; connections that stand are not touched.
#[derive(Debug, Clone)]
pub struct Identity(Arc<RwLock<Arc<CertifiedKey>>>);

/// The PEM files of an identity, as they were last looked at.
#[derive(PartialEq, Eq)]
struct Content {
    cert: Vec<u8>,
    key: Vec<u8>,
}

// === impl Identity ===

impl Identity {
    /// Reads the PEM files of a certificate chain (own certificate first) and of its key.
    pub fn load(cert: impl AsRef<Path>, key: impl AsRef<Path>) -> Result<Self, Error> {
        let content = Content::read(cert.as_ref(), key.as_ref())?;
        Self::from_pem(&content.cert, &content.key)
    }

    /// The same from PEM in memory.
    pub fn from_pem(cert: &[u8], key: &[u8]) -> Result<Self, Error> {
        Ok(Self(Arc::new(RwLock::new(certified(cert, key)?))))
    }

    /// Takes another certificate and key, or keeps the old ones if the new ones cannot be used.
    pub fn replace(&self, cert: &[u8], key: &[u8]) -> Result<(), Error> {
        let new = certified(cert, key)?;
        *self.0.write() = new;
        Ok(())
    }

    /// [`Self::load`], and from then on a task that replaces the identity within a second or two of a
    /// change of the files. A pair that does not fit, as while only one of the two is written, keeps the
    /// old one and is logged once.
    pub fn watch(cert: impl Into<PathBuf>, key: impl Into<PathBuf>, supervisor: &Supervisor) -> Result<Self, Error> {
        let (cert, key) = (cert.into(), key.into());
        let content = Content::read(&cert, &key)?;
        let identity = Self::from_pem(&content.cert, &content.key)?;
        let (watched, shutdown) = (identity.clone(), supervisor.shutdown());
        // The task starts with what is in use, so that a change between load and first look is not missed.
        let seen = Arc::new(parking_lot::Mutex::new(content));
        supervisor.spawn("tls-identity", Kind::Restart(Backoff::default()), move || {
            let (identity, shutdown) = (watched.clone(), shutdown.clone());
            let (cert, key, seen) = (cert.clone(), key.clone(), seen.clone());
            async move {
                while shutdown.until_soft(tokio::time::sleep(PERIOD)).await.is_some() {
                    identity.look(&cert, &key, &seen);
                }
            }
        });
        Ok(identity)
    }

    fn current(&self) -> Arc<CertifiedKey> {
        self.0.read().clone()
    }

    /// Two small files on a local disk once a second: not worth a thread of the blocking pool.
    fn look(&self, cert: &Path, key: &Path, seen: &parking_lot::Mutex<Content>) {
        // While a file is being renamed into place it may be away for a moment: the next look sees it.
        let Ok(content) = Content::read(cert, key) else { return };
        let mut seen = seen.lock();
        if content == *seen {
            return;
        }
        match self.replace(&content.cert, &content.key) {
            Ok(()) => tracing::info!(cert = %cert.display(), "TLS identity replaced"),
            Err(error) => {
                tracing::warn!(cert = %cert.display(), error = %crate::logs::chain(&error), "changed TLS identity cannot be used, keeping the old one");
            }
        }
        *seen = content;
    }
}

impl ResolvesServerCert for Identity {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current())
    }
}

impl ResolvesClientCert for Identity {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(self.current())
    }

    fn has_certs(&self) -> bool {
        true
    }
}

// === impl Content ===

impl Content {
    fn read(cert: &Path, key: &Path) -> Result<Self, Error> {
        let read = |path: &Path| std::fs::read(path).map_err(|source| Error::Read { path: path.to_owned(), source });
        Ok(Self { cert: read(cert)?, key: read(key)? })
    }
}

fn certified(cert: &[u8], key: &[u8]) -> Result<Arc<CertifiedKey>, Error> {
    const CERT: &str = "the certificate file must hold certificates in PEM";
    const KEY: &str = "the key file must hold a private key in PEM";
    let chain: Vec<_> = CertificateDer::pem_slice_iter(cert).collect::<Result<_, _>>().map_err(|_| Error::Pem(CERT))?;
    if chain.is_empty() {
        return Err(Error::Pem(CERT));
    }
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| Error::Pem(KEY))?;
    CertifiedKey::from_der(chain, key, &provider()).map(Arc::new).map_err(Error::Pair)
}
